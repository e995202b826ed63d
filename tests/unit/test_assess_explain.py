"""Why a point has its tier."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from riskmap.catalog.model_file import read_model
from riskmap.scoring import assess_table, contributions, explain
from riskmap.scoring.explanation import method, reference_score
from riskmap.texts import limit_text
from tests.assess_rows import scoring
from tests.intake_files import layer
from tests.unit.test_assess_kernel import leaf, model_of


def nearest(explanation, direction):
    return {c.field: (c.to, c.tier) for c in explanation.nearest if c.direction == direction}


def test_lec_is_explained_against_the_least_values_of_the_method():
    row = {"likelihood": 3.0, "exposure": 6.0, "consequence": 7.0}
    told = explain(*scoring("risk_points"), "A1", row)
    assert (told.code, told.score, told.tier, told.state) == ("A1", 126.0, "general", "rated")
    assert told.method == "shapley"
    assert told.reference == {
        "score": 0.05,
        "values": {"likelihood": 0.1, "exposure": 0.5, "consequence": 1.0},
    }
    # Shapley by hand for L: [2·(v(L) − v0) + (v(LE) − v(E)) + (v(LC) − v(C)) + 2·(v(LEC) − v(EC))] / 6
    by_hand = (
        2 * (3 * 0.5 - 0.05) + (3 * 6 - 0.1 * 6) + (3 * 0.5 * 7 - 0.1 * 0.5 * 7) + 2 * (126 - 0.1 * 42)
    ) / 6
    share = {c.field: c.contribution for c in told.contributions}
    assert share["likelihood"] == pytest.approx(by_hand, abs=1e-9)
    assert told.reference["score"] + sum(share.values()) == pytest.approx(126, abs=1e-9)


def test_the_nearest_change_is_the_next_published_value():
    told = explain(*scoring("risk_points"), "A1", {"likelihood": 3.0, "exposure": 6.0, "consequence": 7.0})
    assert nearest(told, "worse") == {
        "exposure": (10, "large"), "likelihood": (6, "large"), "consequence": (15, "large"),
    }  # fmt: skip
    assert nearest(told, "better") == {
        "exposure": (3, "low"), "consequence": (3, "low"), "likelihood": (1, "low"),
    }  # fmt: skip
    assert told.nearest[0].field == "exposure"  # 210 is nearer to 126 than 252 and 270


def test_a_continuous_field_is_solved_to_the_exact_limit():
    row = {"opening_margin_m": 0.2}
    told = explain(*scoring("underground_spaces"), "U", row)
    assert told.tier == "general"
    assert nearest(told, "better")["opening_margin_m"] == (0.30, "low")
    to, tier = nearest(told, "worse")["opening_margin_m"]
    assert tier == "large"
    assert 0.1499 < to < 0.15  # 0.15 itself is still general


def test_an_integer_field_is_changed_to_a_whole_number():
    row = {"height_m": 21.4, "slope_deg": 20.4, "threatened_people": 111, "threatened_property": 0.0}
    to, tier = nearest(explain(*scoring("slopes"), "S", row), "worse")["threatened_people"]
    assert (to, tier) == (1000, "major")
    assert isinstance(to, int)


def test_a_fired_rule_is_named_and_the_way_back_is_the_rule():
    row = {"likelihood": 0.1, "exposure": 0.5, "consequence": 1.0, "law_breach": True, "exposed_workers": 4}
    told = explain(*scoring("risk_points"), "R", row)
    assert (told.tier, told.rules, told.score) == ("major", ("law_breach",), 0.05)
    assert nearest(told, "better") == {"law_breach": (False, "low")}
    calm = explain(*scoring("risk_points"), "R", row | {"law_breach": False})
    assert nearest(calm, "worse")["exposed_workers"] == (10, "major")
    assert calm.nearest[-1].field in {"law_breach", "exposed_workers"}


def test_an_unrated_point_says_what_is_missing_and_what_it_may_turn_out_to_be():
    told = explain(*scoring("risk_points"), "M", {"likelihood": 6.0, "exposure": 3.0, "consequence": None})
    assert (told.score, told.tier, told.state) == (None, None, "unrated")
    assert told.missing == ("consequence",)
    assert told.contributions == told.nearest == ()
    assert told.possible == ("low", "general", "large", "major")
    narrow = explain(*scoring("risk_points"), "M", {"likelihood": 0.1, "exposure": 0.5, "consequence": None})
    assert narrow.possible == ("low",)


def test_a_missing_value_that_counts_as_worst_is_said_to_be_assumed():
    row = {"height_m": 8.0, "slope_deg": 35.0, "threatened_people": 12, "threatened_property": 80.0}
    told = explain(*scoring("slopes"), "S", row)
    assert told.assumed == ("stability", "deformation", "rain_damaged")
    assert told.missing == ()
    stated = {"stability": "stable", "deformation": False, "rain_damaged": False}
    better = explain(*scoring("slopes"), "S", row | stated)
    assert (told.tier, better.tier) == ("general", "low")
    assert better.assumed == ()


def test_stating_a_value_that_was_assumed_is_offered_as_a_way_down():
    row = {"area_m2": 4670.0, "capacity": 2335, "in_hazard": False}
    told = explain(*scoring("shelters"), "B", row)
    assert told.grade == "poor"
    assert nearest(told, "better")["shelter_class"] == ("fixed_short", "fair")


def test_a_number_that_counted_as_its_worst_is_solved_from_there():
    row = {"entrance_elevation_m": 3.45, "local_water_level_m": 3.6}
    told = explain(*scoring("underground_spaces"), "U", row)
    assert (told.tier, told.assumed) == ("major", ("barrier_height_m",))
    to, tier = nearest(told, "better")["barrier_height_m"]
    assert tier == "large"
    assert to == pytest.approx(0.15, abs=1e-6)
    row = {"max_depth_m": 0.3, "traffic": "branch"}
    told = explain(*scoring("waterlogging"), "W", row)
    assert (told.tier, told.assumed) == ("large", ("exposed_people",))
    assert nearest(told, "better")["exposed_people"] == (99, "general")


def test_an_explanation_can_be_written_as_json():
    for layer_id, row in (
        ("slopes", {"height_m": 8.0}),
        ("risk_points", {"likelihood": 3.0, "exposure": 6.0, "consequence": 7.0}),
    ):
        assert asdict(explain(*scoring(layer_id), "A", row))["layer"] == layer_id


def test_a_sum_is_explained_term_by_term():
    body = (
        leaf("a")
        + leaf("b")
        + (
            '[[combinations]]\nid = "s"\ntitle = { zh = "s", en = "s" }\nmethod = "sum"\nof = ["a", "b"]\nweights = [2, 3]\n'
        )
    )
    model = model_of(body, score="s")
    _, layer = scoring("risk_points")
    shares = contributions(model, layer, pa.table({"f:a": [1.0, 5.0], "f:b": [10.0, None]}))
    assert shares["a"][0] == 2
    assert shares["b"][0] == 30
    assert np.isnan(shares["a"][1])


def wide(method_name: str, n: int, extra: str = ""):
    names = [f"x{i}" for i in range(n)]
    body = "".join(leaf(name, extra="") for name in names).replace("reference = 0", "reference = 1") + (
        f'[[combinations]]\nid = "s"\ntitle = {{ zh = "s", en = "s" }}\nmethod = "{method_name}"\nof = {names}\n{extra}'
    )
    return model_of(body, score="s"), names


def test_a_model_with_many_factors_still_sums_and_says_that_it_was_sampled():
    model, names = wide("geometric", 15)
    _, layer = scoring("risk_points")
    assert method(model) == "shapley-sampled"
    assert method(wide("geometric", 4)[0]) == "shapley"
    columns = pa.table({f"f:{name}": [1.0 + i, 2.0] for i, name in enumerate(names)})
    shares = contributions(model, layer, columns)
    score = assess_table(model, layer, columns).score
    np.testing.assert_allclose(reference_score(model) + sum(shares.values()), score, atol=1e-9)
    # Equal factors get nearly equal shares.
    assert np.std([shares[name][1] for name in names]) < 0.02


def test_rounding_of_the_score_is_part_of_the_contributions():
    body = (
        leaf("x")
        + leaf("y")
        + ('[[combinations]]\nid = "s"\ntitle = { zh = "s", en = "s" }\nmethod = "mean"\nof = ["x", "y"]\n')
    )
    exact = model_of(body, score="s", major=3, large=2, general=1)
    coarse = read_model(exact.text.replace('score = "s"', 'score = "s"\ndecimals = 1'), "m.toml")
    _, layer = scoring("risk_points")
    columns = pa.table({"f:x": [1.11], "f:y": [0.13]})
    shares = contributions(coarse, layer, columns)
    assert assess_table(coarse, layer, columns).score[0] == 0.6
    assert math.isclose(sum(share[0] for share in shares.values()), 0.6, abs_tol=1e-12)


def test_a_limit_that_ends_just_below_a_round_number_is_not_written_as_that_number():
    slopes = layer("slopes")
    assert limit_text(slopes, "threatened_property", 499.9999, "zh") == "略低于 500 万元"
    assert limit_text(slopes, "threatened_property", 500.0001, "en") == "just above 500 ×10⁴ CNY"
    assert limit_text(slopes, "threatened_property", 500.0, "zh") == "500 万元"
    assert limit_text(slopes, "stability", "unstable", "zh") == "不稳定"
