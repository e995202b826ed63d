"""P(tier): exact where outcomes can be listed, sampled elsewhere, and never a fake certainty."""

from __future__ import annotations

import itertools
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.scoring import assess_table, completeness, tier_probabilities
from riskmap.scoring import uncertainty as uncertainty_module
from riskmap.scoring.methods import weighted, with_weights
from riskmap.scoring.uncertainty import probability_method
from riskmap.vocabulary import RANK_OF, RANKS, TIERS, UNRATED
from tests.assess_rows import LAYERS, rows, scoring, table
from tests.index_models import unsure
from tests.unit.test_assess_kernel import leaf, model_of

LEC = {
    "likelihood": (0.1, 0.2, 0.5, 1, 3, 6, 10),
    "exposure": (0.5, 1, 2, 3, 6, 10),
    "consequence": (1, 3, 7, 15, 40, 100),
}
METHODS = {layer: probability_method(*(scoring(layer)[0], scoring(layer)[0].uncertainty)) for layer in LAYERS}


def shares(layer: str, *given: dict[str, Any], **changed: Any):
    model, definition = scoring(layer)
    doubt = model.uncertainty.model_copy(update=changed)
    return tier_probabilities(model, definition, table(layer, *given), uncertainty=doubt)


def of_text(body: str, doubt: Uncertainty, limits: dict[str, float], **columns: Any):
    model = model_of(body, **limits)
    _, layer = scoring("risk_points")
    given = pa.table({f"f:{name}": values for name, values in columns.items()})
    return tier_probabilities(model, layer, given, uncertainty=doubt)


def neighbours(listed: tuple[float, ...], value: float, up: float, down: float) -> list[tuple[float, float]]:
    at = listed.index(value)
    worse, better = listed[min(at + 1, len(listed) - 1)], listed[max(at - 1, 0)]
    return [(value, 1 - up - down), (worse, up), (better, down)]


def tier_of(d: float) -> str:
    return "major" if d >= 320 else "large" if d >= 160 else "general" if d >= 70 else "low"


@given(
    st.fixed_dictionaries({field: st.sampled_from(listed) for field, listed in LEC.items()}),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
)
@settings(max_examples=40)
def test_lec_probabilities_are_those_of_every_move_to_a_neighbouring_class(row, up, down):
    found = shares("risk_points", row, indicators=dict.fromkeys(LEC, Doubt(class_up=up, class_down=down)))
    by_hand = dict.fromkeys(TIERS, 0.0)
    for moves in itertools.product(*(neighbours(LEC[field], row[field], up, down) for field in LEC)):
        by_hand[tier_of(round(np.prod([value for value, _ in moves]), 9))] += np.prod([p for _, p in moves])
    assert found.method == "exact"
    assert found.draws == 0
    assert found.of(0) == pytest.approx(by_hand, abs=1e-12)


def test_the_worked_value_of_lec_stands():
    found = shares("risk_points", {"likelihood": 3.0, "exposure": 6.0, "consequence": 15.0})
    assert found.of(0) == pytest.approx({"major": 0.228, "large": 0.544, "general": 0.203, "low": 0.025})
    assert found.stays()[0] == pytest.approx(0.544)
    assert found.expected()["major"] == pytest.approx(0.228)


def test_a_number_in_bands_has_the_normal_share_of_each_band():
    body = leaf(
        "x",
        "hazard_ratio",
        'bands = [{ below = 1, value = 1 }, { below = 2, value = 2 }, { value = 4 }]\nsource = "a test"',
    )
    found = of_text(
        body,
        unsure(indicators={"x": Doubt(sd=0.5)}),
        {"major": 4, "large": 3, "general": 2},
        hazard_ratio=[1.2],
    )
    error = NormalDist(1.2, 0.5)
    by_hand = {
        "low": error.cdf(1),
        "general": error.cdf(2) - error.cdf(1),
        "large": 0,
        "major": 1 - error.cdf(2),
    }
    assert found.method == "exact"
    assert found.of(0) == pytest.approx(by_hand, abs=1e-12)


def test_an_error_does_not_carry_a_number_beyond_the_limits_of_its_field():
    _, layer = scoring("waterlogging")
    assert layer.field("max_depth_m").minimum == 0
    found = shares(
        "waterlogging",
        {"max_depth_m": 0.0, "exposed_people": 5, "traffic": "none"},
        indicators={"depth": Doubt(sd=50)},
    )
    assert found.of(0) == {"major": 0, "large": pytest.approx(0.4952, abs=2e-3), "general": pytest.approx(0.0032, abs=2e-3), "low": pytest.approx(0.5012, abs=2e-3)}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=15)
def test_probabilities_sum_to_one_and_exist_exactly_for_rated_points(layer: str, data: st.DataObject):
    drawn = data.draw(st.lists(rows(layer), min_size=1, max_size=6))
    found = shares(layer, *drawn, draws=60)
    rank = assess_table(*scoring(layer), table(layer, *drawn)).rank
    np.testing.assert_array_equal(found.rank, rank)
    np.testing.assert_array_equal(np.isnan(found.share).any(axis=1), rank == UNRATED)
    rated = found.share[rank != UNRATED]
    assert (rated >= 0).all()
    np.testing.assert_allclose(rated.sum(axis=1), 1, atol=1e-12)
    for row in np.flatnonzero(rank == UNRATED):
        assert found.of(row) is None
    assert sum(found.expected().values()) == pytest.approx((rank != UNRATED).sum())


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=10)
def test_a_point_depends_neither_on_the_order_nor_on_the_other_points(layer: str, data: st.DataObject):
    drawn = data.draw(st.lists(rows(layer), min_size=2, max_size=6))
    order = data.draw(st.permutations(range(len(drawn))))
    straight = shares(layer, *drawn, draws=40)
    shuffled = shares(layer, *[drawn[i] for i in order], draws=40)
    alone = shares(layer, drawn[0], draws=40)
    np.testing.assert_allclose(straight.share[order], shuffled.share, atol=1e-12)
    np.testing.assert_allclose(straight.share[:1], alone.share, atol=1e-12)
    assert straight.method == alone.method == METHODS[layer]


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=10)
def test_without_any_doubt_the_tier_is_certain(layer: str, data: st.DataObject):
    found = shares(
        layer, *data.draw(st.lists(rows(layer), min_size=1, max_size=4)), indicators={}, weights=0.0
    )
    for row, rank in enumerate(found.rank):
        if rank != UNRATED:
            assert found.of(row) == {tier: float(tier == RANKS[rank]) for tier in TIERS}


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=15)
def test_a_direct_rule_raises_in_every_case(layer: str, data: st.DataObject):
    model, definition = scoring(layer)
    drawn = data.draw(st.lists(rows(layer), min_size=1, max_size=5))
    fired = assess_table(model, definition, table(layer, *drawn)).rules
    found = shares(layer, *drawn, draws=40)
    level = {rule.id: TIERS.index(rule.tier) for rule in model.rules}
    for row, rules in enumerate(fired):
        if rules and found.rank[row] != UNRATED:
            best = min(level[rule] for rule in rules)
            assert found.share[row, : best + 1].sum() == pytest.approx(1)


def test_a_model_without_the_section_gives_no_probabilities():
    model, layer = scoring("risk_points")
    row = table("risk_points", {"likelihood": 3.0, "exposure": 6.0, "consequence": 15.0})
    assert tier_probabilities(model.model_copy(update={"uncertainty": None}), layer, row) is None


def test_a_rule_for_the_worst_tier_is_certain_although_the_score_is_unknown():
    found = shares("risk_points", {"law_breach": True}, {"law_breach": False})
    assert found.of(0) == {"major": 1, "large": 0, "general": 0, "low": 0}
    assert found.of(1) is None


def test_what_is_missing_and_counts_as_its_worst_stays_there():
    row = {"max_depth_m": 0.5, "exposed_people": None, "traffic": None}
    certain = shares(
        "waterlogging", row, indicators={"people": Doubt(relative_sd=0.9), "traffic": Doubt(class_down=1.0)}
    )
    assert certain.of(0) == {"major": 0, "large": 1, "general": 0, "low": 0}


def test_the_end_of_a_list_keeps_the_probability_of_the_move_beyond_it():
    row = {"likelihood": 10.0, "exposure": 10.0, "consequence": 100.0}
    assert shares("risk_points", row, indicators=dict.fromkeys(LEC, Doubt(class_up=1.0))).of(0)["major"] == 1


def test_a_value_between_the_listed_ones_moves_to_the_listed_ones_around_it():
    row = {"likelihood": 4.0, "exposure": 6.0, "consequence": 15.0}  # 360; 6·6·15 = 540, 3·6·15 = 270
    found = shares("risk_points", row, indicators={"likelihood": Doubt(class_up=0.25, class_down=0.5)})
    assert found.of(0) == pytest.approx({"major": 0.5, "large": 0.5, "general": 0, "low": 0})


@pytest.mark.parametrize("layer", ["risk_points", "slopes", "waterlogging"])
@given(data=st.data())
@settings(max_examples=5)
def test_sampling_agrees_with_the_exact_answer(layer: str, data: st.DataObject):
    drawn = data.draw(st.lists(rows(layer, missing=False), min_size=1, max_size=4))
    exact = shares(layer, *drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty_module, "probability_method", lambda *_: "sampled")
        sampled = shares(layer, *drawn, draws=2000)
    assert (exact.method, sampled.method) == ("exact", "sampled")
    np.testing.assert_allclose(sampled.share, exact.share, atol=0.05)


PAIR = leaf("a", "hazard_ratio") + leaf("b", "hazard_r")
MEAN = (
    PAIR
    + '[[combinations]]\nid = "x"\ntitle = { zh = "x", en = "x" }\nmethod = "mean"\nof = ["a", "b"]\nweights = [0.5, 0.5]\n'
)
LIMITS = {"major": 3, "large": 2, "general": 1}


def test_doubtful_weights_move_a_point_at_a_limit_half_of_the_time():
    doubt = unsure(weights=0.2, draws=400)
    found = of_text(MEAN, doubt, LIMITS, hazard_ratio=[3.0, 9.0, 1.0], hazard_r=[1.0, 9.0, 1.0])
    assert (found.method, found.draws) == ("sampled", 400)
    assert found.of(0)["large"] == pytest.approx(0.5, abs=0.03)
    assert found.of(1)["major"] == found.of(2)["general"] == 1  # equal parts: no weight matters


def test_the_same_seed_gives_the_same_answer_and_another_one_another():
    given = {"hazard_ratio": [2.9, 3.1, 3.3], "hazard_r": [1.0, 1.1, 0.9]}
    one, same, other = (
        of_text(MEAN, unsure(weights=0.2, draws=50, seed=seed), LIMITS, **given).share for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_drawn_weights_sum_to_one_again_and_signs_of_a_sum_are_no_judgment():
    model = model_of(MEAN, **LIMITS)
    assert weighted(model.node("x"))
    drawn = with_weights(model, {"x": np.array([1.2, 0.8])}).node("x")
    assert drawn.weights == pytest.approx((0.6, 0.4))
    signs = model_of(MEAN.replace('"mean"', '"sum"').replace("[0.5, 0.5]", "[1, 1]"), **LIMITS)
    assert not weighted(signs.node("x"))


def test_a_factor_that_reaches_the_score_by_two_ways_is_followed_together_by_sampling():
    twice = PAIR + (
        '[[combinations]]\nid = "p"\ntitle = { zh = "p", en = "p" }\nmethod = "max"\nof = ["a", "b"]\n'
        '[[combinations]]\nid = "x"\ntitle = { zh = "x", en = "x" }\nmethod = "product"\nof = ["a", "p"]\n'
    )
    model = model_of(twice, **LIMITS)
    assert probability_method(model, unsure(indicators={"b": Doubt(sd=1)})) == "sampled"
    banded = twice.replace(
        "reference = 0\n", 'reference = 0\nbands = [{ below = 1, value = 1 }, { value = 2 }]\nsource = "t"\n'
    )
    model = model_of(banded, **LIMITS)
    assert probability_method(model, unsure(indicators={"a": Doubt(sd=1)})) == "sampled"
    assert probability_method(model, unsure(indicators={"b": Doubt(sd=1)})) == "exact"


def test_an_outcome_without_a_score_leaves_the_probabilities_unknown():
    body = (
        PAIR
        + '[[combinations]]\nid = "x"\ntitle = { zh = "x", en = "x" }\nmethod = "quotient"\nof = ["a", "b"]\n'
    )
    body = body.replace('field = "hazard_r"', 'field = "hazard_r"\nworse = "lower"')
    # A standard deviation far beyond the value makes zero (the field's minimum) a possible divisor.
    found = of_text(body, unsure(indicators={"b": Doubt(sd=5)}), LIMITS, hazard_ratio=[2.0], hazard_r=[1.0])
    assert found.rank[0] == RANK_OF["large"]
    assert found.of(0) is None


def test_large_tables_are_judged_in_parts_as_one(monkeypatch: pytest.MonkeyPatch):
    given = [
        {"likelihood": x, "exposure": e, "consequence": 7.0}
        for x in LEC["likelihood"]
        for e in LEC["exposure"]
    ]
    whole = shares("risk_points", *given)
    monkeypatch.setattr(uncertainty_module, "CHUNK", 5)
    monkeypatch.setattr(uncertainty_module, "_CELLS", 60)
    np.testing.assert_allclose(shares("risk_points", *given).share, whole.share, atol=1e-12)


def placed(layer: str, *given: dict[str, Any]) -> pa.Table:
    found = table(layer, *given)
    n = len(given)
    found = found.append_column("lon", pa.array([114.0] * n)).append_column("lat", pa.array([22.5] * n))
    return found.append_column("subdistrict", pa.array(["东门"] * n).dictionary_encode())


def test_completeness_counts_what_the_model_reads_and_the_place():
    model, layer = scoring("risk_points")
    factors = {"likelihood": 3.0, "exposure": 6.0, "consequence": 15.0}
    full = factors | {
        "hazard_ratio": 0.0,
        "hazard_r": 0.0,
        "law_breach": False,
        "past_accident": False,
        "exposed_workers": 0,
    }
    found = completeness(model, layer, placed("risk_points", factors, full, {}))
    assert found.tolist() == [5 / 10, 1, 2 / 10]
    assert completeness(model, layer, table("risk_points", full)).tolist() == [8 / 10]


def test_one_complete_measurement_of_a_thing_spares_the_others():
    model, layer = scoring("underground_spaces")
    other = {"flooded_before": False, "barrier_height_m": None}
    measured = {"opening_margin_m": 0.4, **other}
    computed = {
        "entrance_elevation_m": 5.0,
        "local_water_level_m": 4.0,
        "barrier_height_m": 0.3,
        "flooded_before": False,
    }
    found = completeness(model, layer, placed("underground_spaces", measured, computed, other))
    assert found[:2].tolist() == [1, 1]
    assert found[2] == pytest.approx(3 / 7)


@given(st.lists(rows("slopes"), min_size=1, max_size=4))
@settings(max_examples=20)
def test_another_known_value_never_makes_a_point_less_complete(drawn):
    model, layer = scoring("slopes")
    before = completeness(model, layer, placed("slopes", *drawn))
    after = completeness(model, layer, placed("slopes", *[row | {"height_m": 3.0} for row in drawn]))
    assert ((before >= 0) & (before <= after) & (after <= 1)).all()
