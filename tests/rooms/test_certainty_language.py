"""P(tier), residual risk and sensitivity of models that compare, gate, weigh or have learned, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from riskmap.catalog import Layer
from riskmap.catalog.layer import Field
from riskmap.catalog.model import TierLimits
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.errors import NotFittedError, RiskmapError, Text
from riskmap.scoring import assess_table, fit_model, joined, residual, tier_probabilities
from riskmap.scoring.methods import weighted, with_weights
from riskmap.scoring.sensitivity import sensitivity
from riskmap.scoring.uncertainty import probability_method
from riskmap.values.assessment import Patterns
from tests.index_models import (
    NRI,
    SVI,
    SVI_FIELDS,
    Slope,
    columns,
    gate,
    head,
    layer_of,
    leaf,
    learned,
    model_of,
    node,
    unsure,
)

LIMITS = {"major": 3, "large": 2, "general": 1}
RANK = 'normalise = { method = "percentile_rank" }\n'
LISTED = (0.0, 1.0, 3.0, 6.0, 10.0)


def probable(
    text: str, values: dict[str, list[Any]], doubt: Uncertainty, *, layer: Layer | None = None, **more: Any
):
    model, layer, table = model_of(text), layer or layer_of(*values, minimum=0), columns(values)
    fit = fit_model(model, layer, table, **more)
    return tier_probabilities(model, layer, table, uncertainty=doubt, fit=fit, **more)


def listed(*fields: str) -> Layer:
    made = tuple(Field(id=f, title=Text(f, f), type="number", standard_values=LISTED) for f in fields)
    return Layer(
        id="index", title=Text("试", "Test"), geometry="point", model="index", fields=made, aliases={}
    )


def test_a_class_moves_to_the_place_of_its_neighbour_among_the_layer():
    text = head("s") + leaf("a", RANK) + node("s", "mean", ["a"])
    # Places of 0, 1, 3, 6, 10 are 0, ¼, ½, ¾, 1: one class is one tier.
    found = probable(
        text,
        {"a": list(LISTED)},
        unsure(indicators={"a": Doubt(class_up=0.2, class_down=0.1)}),
        layer=listed("a"),
    )
    assert found.method == "exact"
    assert found.of(1) == pytest.approx({"major": 0, "large": 0.2, "general": 0.7, "low": 0.1})
    assert found.of(4) == pytest.approx({"major": 1, "large": 0, "general": 0, "low": 0})
    turned = text.replace(RANK, RANK + 'worse = "lower"\n')
    found = probable(
        turned,
        {"a": list(LISTED)},
        unsure(indicators={"a": Doubt(class_up=0.2, class_down=0.1)}),
        layer=listed("a"),
    )
    # 1 has place ¾; the worse class is 0 (1), the better one 3 (½).
    assert found.of(1) == pytest.approx({"major": 0.9, "large": 0.1, "general": 0, "low": 0})


def test_two_classes_with_one_place_are_still_two_steps():
    ranked = RANK.replace(" }", ', ties = "mean" }')
    model = model_of(head("s") + leaf("a", ranked) + node("s", "mean", ["a"]))
    fit = fit_model(model, listed("a"), columns({"a": [1.0, 1.0, 10.0, 10.0]}))
    # Since then one point became 3. Places: 1 is ⅙, 3 and 6 are ½, 10 is ⅚; what is worse than 3 is 6.
    found = tier_probabilities(
        model,
        listed("a"),
        columns({"a": [3.0, 6.0]}),
        uncertainty=unsure(indicators={"a": Doubt(class_up=1.0)}),
        fit=fit,
    )
    assert found.of(0) == {"major": 0, "large": 1, "general": 0, "low": 0}
    assert found.of(1) == {"major": 1, "large": 0, "general": 0, "low": 0}


def test_an_error_goes_through_function_goalposts_and_rounding():
    text = head("s", **LIMITS) + leaf(
        "a", 'function = "log10"\nnormalise = { method = "min_max", low = 0, high = 4, from = [0, 4] }\nround = 0\n', reference=1
    ) + node("s", "mean", ["a"])  # fmt: skip
    found = probable(text, {"a": [300.0]}, unsure(indicators={"a": Doubt(sd=40)}, draws=4000))
    # round(log10 x) is 3 from 10^2.5 on.
    major = 1 - NormalDist(300, 40).cdf(10**2.5)
    assert found.method == "sampled"
    assert found.of(0) == pytest.approx(
        {"major": major, "large": 1 - major, "general": 0, "low": 0}, abs=1e-3
    )


def test_bands_that_are_normalised_have_listed_outcomes():
    text = head("s", **LIMITS) + leaf(
        "a",
        "bands = [{ below = 1, value = 10 }, { below = 2, value = 20 }, { value = 40 }]\n"
        'normalise = { method = "min_max", low = 0, high = 3, from = [10, 40] }\n',
    ) + node("s", "mean", ["a"])  # fmt: skip
    found = probable(text, {"a": [1.2]}, unsure(indicators={"a": Doubt(sd=0.5)}))
    error = NormalDist(1.2, 0.5)
    by_hand = {
        "low": error.cdf(1),
        "general": error.cdf(2) - error.cdf(1),
        "large": 0,
        "major": 1 - error.cdf(2),
    }
    assert found.method == "exact"
    assert found.of(0) == pytest.approx(by_hand, abs=1e-12)


def test_an_error_that_reaches_where_a_logarithm_ends_leaves_the_point_unknown_or_at_its_worst():
    text = head("s", **LIMITS) + leaf("a", 'function = "log10"\n', reference=1) + node("s", "mean", ["a"])
    doubt = unsure(indicators={"a": Doubt(sd=50)}, draws=400)
    assert probable(text, {"a": [20.0]}, doubt).of(0) is None
    worst = text.replace('"log10"\n', '"log10"\nmissing = "worst"\nworst = 4\n')
    assert probable(worst, {"a": [20.0]}, doubt).of(0)["major"] == pytest.approx(
        NormalDist(20, 50).cdf(0), abs=0.01
    )


# ------------------------------------------------------------------ gates

PAIR = head("s", **LIMITS) + leaf("a") + leaf("b") + node("s", "sum", ["a", "b"])


def test_a_gate_on_a_measured_number_follows_its_error():
    dry = PAIR + gate('{ field = "a", op = "<=", value = 0.1 }')
    found = probable(dry, {"a": [0.0], "b": [5.0]}, unsure(indicators={"a": Doubt(sd=0.2)}, draws=4000))
    low = NormalDist(0, 0.2).cdf(0.1)
    assert (found.rank[0], found.method) == (0, "sampled")
    assert found.of(0) == pytest.approx({"major": 1 - low, "large": 0, "general": 0, "low": low}, abs=1e-3)


def test_a_gate_on_a_field_that_nobody_doubts_holds_in_every_outcome():
    dry = PAIR + gate('{ field = "d", op = "<=", value = 0 }', "general")
    values = {"a": [3.0, 3.0, 3.0], "b": [1.0] * 3, "d": [0.0, 1.0, None]}
    found = probable(
        dry,
        values,
        unsure(indicators={"b": Doubt(class_up=0.5, class_down=0.25)}),
        layer=listed("a", "b", "d"),
    )
    assert found.method == "exact"
    assert [found.of(i)["general"] for i in range(3)] == [1, 0, 0]
    assert [found.of(i)["major"] for i in range(3)] == [0, 1, 1]


def test_a_class_that_may_be_worse_takes_its_gate_with_it():
    dry = PAIR + gate('{ field = "a", op = "<=", value = 1 }')
    values = {"a": [1.0, 3.0], "b": [3.0, 3.0]}
    found = probable(
        dry,
        values,
        unsure(indicators={"a": Doubt(class_up=0.25, class_down=0.5)}, draws=400),
        layer=listed("a", "b"),
    )
    assert found.method == "sampled"
    assert found.of(0) == pytest.approx({"major": 0.25, "large": 0, "general": 0, "low": 0.75})
    assert found.of(1)["major"] == 1  # 3 is over the gate, and what may be better is no evidence


def test_a_gate_on_the_score_is_exact_and_one_on_a_doubtful_node_is_followed_by_drawing():
    on_score = PAIR + gate('{ node = "s", op = "<", value = 3 }')
    doubt = unsure(indicators={"b": Doubt(class_up=0.2, class_down=0.1)}, draws=1000)
    layer, values = listed("a", "b"), {"a": [1.0], "b": [1.0]}
    exact = probable(on_score, values, doubt, layer=layer)  # 1 + 0, 1 + 1, 1 + 3
    assert exact.method == "exact"
    assert exact.of(0) == pytest.approx({"major": 0.2, "large": 0, "general": 0, "low": 0.8})
    inner = PAIR.replace('score = "s"', 'score = "top"') + node("top", "sum", ["s"]) + gate('{ node = "s", op = "<", value = 3 }')  # fmt: skip
    drawn = probable(inner, values, doubt, layer=layer)
    assert drawn.method == "sampled"
    assert drawn.of(0) == pytest.approx(exact.of(0), abs=0.01)
    # A node that nothing doubtful reaches is as good as a field.
    still = PAIR + node("n", "sum", ["a"]) + gate('{ node = "n", op = "<", value = 2 }')
    still = still.replace('of = ["a", "b"]', 'of = ["n", "b"]')
    assert probable(still, values, doubt, layer=layer).method == "exact"
    assert probable(still, values, doubt, layer=layer).of(0)["low"] == 1


def test_a_rule_raises_what_a_gate_has_lowered():
    rule = (
        '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "large"\nsource = "t"\n'
        'when = [{ field = "d", op = ">", value = 8 }]\n'
    )
    text = PAIR + gate('{ node = "s", op = "<", value = 9 }') + rule
    found = probable(text, {"a": [3.0], "b": [3.0], "d": [9.0]}, unsure(indicators={"b": Doubt(class_up=0.5)}), layer=listed("a", "b", "d"))  # fmt: skip
    assert found.of(0) == pytest.approx({"major": 0.5, "large": 0.5, "general": 0, "low": 0})


def test_a_measure_starts_from_the_tier_that_the_gate_has_left():
    text = PAIR + gate('{ field = "b", op = "<=", value = 1 }', "general") + (
        '[[measures]]\nid = "m"\ntitle = { zh = "m", en = "m" }\nwhen = [{ field = "a", op = ">", value = 0 }]\n'
        'verified = "on"\nvalid_days = 30\neffect = { factor = 0.5 }\nfloor = "low"\nstatus = "draft"\nsource = "t"\n'
    )  # fmt: skip
    model, layer = model_of(text), layer_of("a", "b", "on")
    table = pa.table({"f:a": [9.0, 1.0, 9.0], "f:b": [1.0, 0.5, 2.0], "f:on": ["2026-06-20"] * 3})
    inherent = assess_table(model, layer, table)
    left = residual(model, layer, table, inherent, on=date(2026, 7, 1))
    assert inherent.rank.tolist() == [2, 2, 4]  # 10 capped, 1.5, 11
    assert left.rank.tolist() == [2, 0, 4]  # 5 is still over the gate's tier, .75, 5.5


# ------------------------------------------------------------------ weights

PARTS = head("s", **LIMITS) + leaf("a", reference=1) + leaf("b", reference=1)


@pytest.mark.parametrize(
    ("method", "extra"),
    [
        ("mean", 'pairwise = [[1, 3], ["1/3", 1]]'),
        ("mean", 'weighting = "entropy"'),
        ("inverted_geometric", "scale = [0, 10]"),
        ("geometric", 'weighting = "entropy"'),
        ("topsis", 'norm = "vector"\nweights = [0.6, 0.4]'),
        ("topsis", 'norm = "min_max"\nweighting = "entropy"'),
    ],
)
def test_weights_vary_wherever_they_come_from(method: str, extra: str):
    text = PARTS + node("s", method, ["a", "b"], extra)
    model, layer = model_of(text), layer_of("a", "b")
    table = columns({"a": [1.0, 4.0, 9.0, 5.0], "b": [3.0, 2.0, 8.0, 1.0]})
    fit = fit_model(model, layer, table)
    assert weighted(model.node("s"))
    rounded = model.model_copy(update={"decimals": 12})
    score = assess_table(rounded, layer, table, fit=fit).score
    # A limit at the second point's own score: half of the draws are above it.
    at = rounded.model_copy(update={"limits": TierLimits(major=float(score[1]), large=-1.0, general=-2.0)})
    doubt = unsure(weights=0.2, draws=400)
    found = tier_probabilities(at, layer, table, uncertainty=doubt, fit=fit)
    assert found.method == "sampled"
    assert found.share[1, 0] == pytest.approx(0.5, abs=0.06)
    same = with_weights(model, {"s": np.ones(2)}, fit=fit)
    np.testing.assert_allclose(assess_table(same, layer, table, fit=fit).score, score, atol=1e-9)


def test_entropy_weights_are_those_of_the_layer_multiplied():
    text = PARTS + node("s", "mean", ["a", "b"], 'weighting = "entropy"')
    model, layer = model_of(text), layer_of("a", "b")
    fit = fit_model(model, layer, columns({"a": [1.0, 2.0, 3.0], "b": [2.0, 2.5, 2.0]}))
    own = np.array(fit.nodes["s"].weights)
    drawn = with_weights(model, {"s": np.array([0.8, 1.2])}, fit=fit).node("s")
    assert drawn.weighting is None
    assert drawn.weights == pytest.approx(tuple(own * [0.8, 1.2] / (own * [0.8, 1.2]).sum()))


def test_weights_that_the_layer_cannot_give_say_nothing():
    text = PARTS + node("s", "mean", ["a", "b"], 'weighting = "entropy"')
    found = probable(text, {"a": [1.0, 1.0], "b": [2.0, 2.0]}, unsure(weights=0.2, draws=20))
    assert [found.of(0), found.of(1)] == [None, None]


def test_a_published_index_has_probabilities_and_sensitivity():
    rows = np.random.default_rng(5).integers(0, 40, (5, 30)).astype(float)
    values = dict(zip(SVI_FIELDS, rows.tolist(), strict=True))
    model, layer, table = model_of(SVI), layer_of(*SVI_FIELDS, minimum=0), columns(values)
    doubt = unsure(indicators={name: Doubt(relative_sd=0.1) for name in SVI_FIELDS}, draws=100)
    fit = fit_model(model, layer, table)
    found = tier_probabilities(model, layer, table, uncertainty=doubt, fit=fit)
    assert found.expected() == pytest.approx(dict(zip(found.of(0), found.share.sum(axis=0), strict=True)))
    assert 0 < (found.stays() < 1).sum() <= 30
    pytest.importorskip("SALib")
    told = sensitivity(model, layer, table, method="morris", fit=fit)
    assert all(one["mu_star"] > 0 for one in told.indices.values())


def test_a_model_without_its_fit_is_refused_by_name():
    model, layer = model_of(NRI), layer_of("loss", "vulnerability", "resilience")
    table = columns({"loss": [1.0], "vulnerability": [1.0], "resilience": [1.0]})
    for ask in (lambda: tier_probabilities(model, layer, table, uncertainty=unsure()), lambda: sensitivity(model, layer, table)):  # fmt: skip
        with pytest.raises(NotFittedError, match="riskmap assess"):
            ask()


def test_values_that_have_no_score_together_stop_the_sensitivity_with_the_reason():
    pytest.importorskip("SALib")
    text = head("s", **LIMITS) + leaf("a") + leaf("b", 'worse = "lower"') + node("s", "quotient", ["a", "b"])
    seen = columns({"a": [1.0, 2.0], "b": [0.0, 2.0]})
    with pytest.raises(RiskmapError, match="division by zero"):
        sensitivity(model_of(text), layer_of("a", "b"), seen, method="morris")


# ------------------------------------------------------------------ learned

JOINT = learned() + leaf("c") + node("s", "sum", ["p", "c"])
JOINT = JOINT.replace('score = "p"', 'score = "s"')


def test_a_learned_node_that_nothing_doubtful_reaches_predicts_once():
    artefact = Slope()
    values = {"slope_deg": [40.0, 5.0], "wetness": [1.0, 0.0], "c": [0.0, 0.5]}
    found = probable(
        JOINT, values, unsure(indicators={"c": Doubt(sd=0.3)}, draws=200), learned={"p": artefact}
    )
    assert found.method == "sampled"
    assert artefact.calls == 2  # the tier without doubt, and all draws
    assert found.of(0)["major"] == pytest.approx(1, abs=0.01)


def test_errors_and_classes_of_predictors_go_through_the_artefact():
    p = {"p": Slope()}
    doubt = unsure(indicators={"p.angle": Doubt(sd=5)}, draws=2000)
    found = probable(learned(), {"slope_deg": [40.0], "wetness": [0.0]}, doubt, learned=p)
    # .6 is where .1 · angle − 4 = ln 1.5.
    major = 1 - NormalDist(40, 5).cdf(10 * (4 + np.log(1.5)))
    assert found.of(0)["major"] == pytest.approx(major, abs=1e-3)
    classes = unsure(indicators={"p.wet": Doubt(class_up=0.25)})
    exact = probable(
        learned(),
        {"slope_deg": [35.0], "wetness": [0.0]},
        classes,
        layer=listed("slope_deg", "wetness"),
        learned=p,
    )
    assert exact.method == "exact"
    # Wetness 0 → 1: e^(−.5) and e^(1.5) as odds, .378 and .818.
    assert exact.of(0) == pytest.approx({"major": 0.25, "large": 0, "general": 0.75, "low": 0})


def test_the_method_depends_on_the_model_alone():
    text = head("s") + leaf("a", RANK) + leaf("b", RANK) + node("s", "topsis", ["a", "b"], 'norm = "vector"')
    model = model_of(text)
    assert probability_method(model, unsure(indicators={"a": Doubt(class_up=0.1)})) == "exact"
    assert probability_method(model, unsure(indicators={"a": Doubt(sd=1)})) == "sampled"
    assert probability_method(model, unsure(weights=0.1)) == "sampled"


# ------------------------------------------------------------------ parts


def test_the_parts_of_a_layer_join_to_the_assessment_of_all_rows():
    text = SVI + gate('{ field = "aged", op = "<", value = 9 }', "general")
    rows = np.random.default_rng(2).integers(0, 40, (5, 60)).astype(float)
    rows[:, ::7] = np.nan
    values = {
        name: [None if np.isnan(v) else v for v in row] for name, row in zip(SVI_FIELDS, rows, strict=True)
    }
    model, layer, table = model_of(text), layer_of(*SVI_FIELDS), columns(values)
    fit = fit_model(model, layer, table)
    whole = assess_table(model, layer, table, fit=fit)
    cuts = [(0, 1), (1, 0), (1, 30), (31, 29)]
    parts = [assess_table(model, layer, table.slice(start, length), fit=fit) for start, length in cuts]
    found = joined(parts)
    np.testing.assert_array_equal(found.score, whole.score)
    np.testing.assert_array_equal(found.rank, whole.rank)
    assert found.missing == whole.missing
    assert found.rules == whole.rules
    assert isinstance(found.rules, Patterns)
    assert len(found.rules.patterns) == len(whole.rules.patterns)
    plain = replace(parts[2], missing=list(parts[2].missing))
    assert joined([plain]).missing == parts[2].missing
    with pytest.raises(ValueError, match="of one layer"):
        joined([])
    with pytest.raises(ValueError, match="of one layer"):
        joined([parts[0], replace(parts[1], digest="x")])
