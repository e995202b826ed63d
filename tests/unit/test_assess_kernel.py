"""The scoring kernel: tiers at their limits, the unknown, direct rules, columns as they come."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from riskmap.catalog.model_file import read_model
from riskmap.scoring import assess_table, migration
from riskmap.scoring import kernel as kernel_module
from riskmap.values.assessment import Patterns
from riskmap.vocabulary import RANK_OF, RANKS, UNRATED
from tests.assess_rows import assessed, scoring, table, tiers

PLAIN = """
id = "plain"
title = { zh = "试", en = "Test" }
version = "1"
status = "draft"
source = "a test"
score = "{score}"
[limits]
major = {major}
large = {large}
general = {general}
"""


def model_of(body: str, *, score: str = "x", major: float = 320, large: float = 160, general: float = 70):
    head = PLAIN
    for key, value in {"score": score, "major": major, "large": large, "general": general}.items():
        head = head.replace("{" + key + "}", str(value))
    return read_model(head + body, "models/plain.toml")


def leaf(name: str, field: str | None = None, extra: str = "") -> str:
    return (
        f'[[indicators]]\nid = "{name}"\ntitle = {{ zh = "{name}", en = "{name}" }}\n'
        f'field = "{field or name}"\nreference = 0\n{extra}\n'
    )


def scored(model, **columns):
    _, layer = scoring("risk_points")
    return assess_table(model, layer, pa.table({f"f:{k}": v for k, v in columns.items()}))


def test_lec_gives_the_published_tiers():
    cases = [(3, 6, 15, "large"), (6, 6, 15, "major"), (1, 6, 15, "general"), (0.5, 6, 7, "low")]
    rows = [{"likelihood": x, "exposure": e, "consequence": c} for x, e, c, _ in cases]
    result = assessed("risk_points", *rows)
    assert result.score.tolist() == [270, 540, 90, 21]
    assert tiers(result) == [tier for *_, tier in cases]


@pytest.mark.parametrize(
    ("limit", "at", "below"), [(70, "general", "low"), (160, "large", "general"), (320, "major", "large")]
)
def test_a_limit_belongs_to_the_higher_tier_and_anything_visible_below_does_not(limit, at, below):
    model = model_of(leaf("x"))
    ulp = math.nextafter(limit, 0)
    result = scored(model, x=[limit, limit - 1e-9, limit - 1e-6, ulp, math.nextafter(limit, 1e9)])
    # One unit in the last place is float noise, not a smaller score.
    assert tiers(result) == [at, below, below, at, at]
    assert result.score[3] == limit


def test_without_rounding_to_nine_decimals_the_weights_of_the_standard_miss_their_limit():
    weights, scores = (0.30, 0.05, 0.10, 0.55), (3, 3, 4, 1)
    assert 0.30 * 3 + 0.05 * 3 + 0.10 * 4 + 0.55 * 1 == 1.9999999999999998
    body = "".join(leaf(name) for name in "abcd") + (
        '[[combinations]]\nid = "w"\ntitle = { zh = "w", en = "w" }\nmethod = "mean"\n'
        f'of = ["a", "b", "c", "d"]\nweights = {list(weights)}\n'
    )
    model = model_of(body, score="w", major=4, large=3, general=2)
    result = scored(model, **{name: [float(s)] for name, s in zip("abcd", scores, strict=True)})
    assert result.score[0] == 2.0
    assert tiers(result) == ["general"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_nan_and_infinity_are_unknown_and_satisfy_no_limit(bad):
    result = scored(model_of(leaf("x")), x=pa.array([bad], pa.float64()))
    assert tiers(result) == ["unrated"]
    assert result.missing[0] == ("x",)
    assert np.isnan(result.score[0])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_fall_in_no_band_and_on_no_curve(bad):
    bands = 'bands = [{ below = 1, value = 0 }, { value = 500 }]\nsource = "t"'
    curve = 'curve = [[0, 0], [1, 500]]\nsource = "t"'
    for transform in (bands, curve):
        assert tiers(scored(model_of(leaf("x", extra=transform)), x=[bad, 2.0])) == ["unrated", "major"]


def test_a_missing_factor_leaves_the_point_unrated_and_is_named():
    result = assessed(
        "risk_points",
        {"likelihood": 10, "exposure": 10, "consequence": 100},
        {"likelihood": None, "exposure": 10, "consequence": 100},
        {"likelihood": None, "exposure": 10, "consequence": None},
    )
    assert tiers(result) == ["major", "unrated", "unrated"]
    assert list(result.missing) == [(), ("likelihood",), ("likelihood", "consequence")]
    assert np.isnan(result.score[1:]).all()


def test_a_column_that_the_table_lacks_is_missing_everywhere():
    model, layer = scoring("risk_points")
    result = assess_table(model, layer, pa.table({"f:likelihood": [1.0, 3.0], "code": ["a", "b"]}))
    assert tiers(result) == ["unrated", "unrated"]
    assert result.missing[1] == ("exposure", "consequence")


def test_an_empty_table_gives_an_empty_assessment():
    model, layer = scoring("risk_points")
    result = assess_table(model, layer, table("risk_points").slice(0, 0))
    assert len(result.score) == len(result.rank) == len(result.missing) == len(result.rules) == 0


def test_direct_rules_raise_and_never_lower():
    low = {"likelihood": 0.1, "exposure": 0.5, "consequence": 1}
    cases = [{"hazard_ratio": 1.0}, {"hazard_ratio": 0.999}, {"law_breach": True}, {"law_breach": False},
             {"past_accident": True}, {"exposed_workers": 10}, {"exposed_workers": 9},
             {"hazard_r": 12.0}, {"hazard_r": 12.0, "hazard_ratio": 0.4}]  # fmt: skip
    result = assessed("risk_points", *[low | case for case in cases])
    assert tiers(result) == ["major", "low", "major", "low", "major", "major", "low", "major", "low"]
    assert result.rules[0] == ("major_hazard_source",)
    assert list(result.rules)[1] == ()
    assert result.score.tolist() == [0.05] * len(cases)


def test_a_lesser_rule_leaves_a_worse_tier_alone():
    body = leaf("x") + (
        '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "general"\nsource = "t"\n'
        'when = [{ field = "kind", op = "in", value = ["fire", "gas"] }]\n'
    )
    kinds = pa.array(["fire", "gas", "traffic", None]).dictionary_encode()
    result = scored(model_of(body), x=[400.0, 1.0, 1.0, 1.0], kind=kinds)
    assert tiers(result) == ["major", "general", "low", "low"]


def test_an_unrated_point_follows_only_a_rule_for_the_worst_tier():
    for tier, expected in (("major", "major"), ("large", "unrated"), ("general", "unrated")):
        body = leaf("x") + (
            f'[[rules]]\nid = "r"\ntitle = {{ zh = "r", en = "r" }}\ntier = "{tier}"\nsource = "t"\n'
            'when = [{ field = "law_breach", op = "==", value = true }]\n'
        )
        result = scored(model_of(body), x=pa.array([None], pa.float64()), law_breach=[True])
        assert tiers(result) == [expected]
        assert result.rules[0] == ("r",)
        assert result.missing[0] == ("x",)


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("==", "3", [0, 0, 1, 0]),
        ("!=", "3", [1, 1, 0, 0]),
        ("<", "3", [1, 1, 0, 0]),
        ("<=", "3", [1, 1, 1, 0]),
        (">", "1", [0, 1, 1, 0]),
        (">=", "2", [0, 1, 1, 0]),
        ("in", "[1, 3]", [1, 0, 1, 0]),
        ("present", None, [1, 1, 1, 0]),
        ("missing", None, [0, 0, 0, 1]),
    ],
)
def test_conditions_compare_and_a_missing_value_satisfies_only_missing(op, value, expected):
    given = f", value = {value}" if value else ""
    body = leaf("x") + (
        '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "major"\nsource = "t"\n'
        f'when = [{{ field = "n", op = "{op}"{given} }}]\n'
    )
    result = scored(model_of(body), x=[1.0] * 4, n=pa.array([1, 2, 3, None], pa.int64()))
    assert [int(t == "major") for t in tiers(result)] == expected


def test_columns_are_understood_as_arrow_delivers_them():
    table_kinds = 'table = { none = 1, main = 200, underpass = 400 }\nsource = "t"\nmissing = "unrated"'
    model = model_of(
        leaf("traffic", extra=table_kinds).replace("reference = 0", 'reference = "none"'), score="traffic"
    )
    first = pa.array(["main", None]).dictionary_encode()
    second = pa.array(["underpass", "main", "never heard of"]).dictionary_encode()
    chunked = pa.chunked_array([first, second])  # two chunks whose dictionaries differ
    assert tiers(scored(model, traffic=chunked)) == ["large", "unrated", "major", "large", "unrated"]
    assert tiers(scored(model, traffic=chunked.cast(pa.string()))) == [
        "large",
        "unrated",
        "major",
        "large",
        "unrated",
    ]
    assert tiers(scored(model, traffic=pa.nulls(2))) == ["unrated", "unrated"]


def test_booleans_and_whole_numbers_can_be_scored():
    model = model_of(
        leaf("flag", extra='table = { true = 400, false = 1 }\nsource = "t"').replace(
            "reference = 0", "reference = false"
        ),
        score="flag",
    )
    assert tiers(scored(model, flag=[True, False, None])) == ["major", "low", "unrated"]
    assert tiers(scored(model_of(leaf("n"), score="n"), n=pa.array([400, None, 3], pa.int32()))) == [
        "major", "unrated", "low",
    ]  # fmt: skip


def test_checklist_items_are_fields_of_a_model():
    _, layer = scoring("underground_spaces")
    items = [item.id for item in layer.checklist.items]
    body = leaf("has", f"checklist.{items[1]}", 'table = { true = 0, false = 100 }\nsource = "t"')
    model = model_of(body.replace("reference = 0", "reference = true"), score="has")
    lists = pa.array([[True, False], [False, True], [True, None], None, [True]], pa.list_(pa.bool_()))
    result = assess_table(model, layer, pa.table({"checklist": lists}))
    assert tiers(result) == ["general", "low", "unrated", "unrated", "unrated"]
    # A slice of a table starts in the middle of the buffer.
    assert tiers(assess_table(model, layer, pa.table({"checklist": lists}).slice(1, 2))) == ["low", "unrated"]


def test_a_division_by_zero_is_unknown_and_names_the_divisor():
    row = {"in_hazard": False, "area_m2": 100.0, "capacity": 0, "shelter_class": "emergency"}
    result = assessed("shelters", row)
    assert tiers(result) == ["unrated"]
    assert result.missing[0] == ("capacity",)


def test_a_negative_factor_is_unknown_because_a_product_would_turn_round():
    assert tiers(assessed("risk_points", {"likelihood": -10.0, "exposure": -10.0, "consequence": 100.0})) == [
        "unrated"
    ]


def test_large_tables_are_scored_in_steps_with_the_same_result(monkeypatch):
    generator = np.random.default_rng(3)
    likelihood = pa.array(generator.choice([0.5, 3.0, 10.0], 500), mask=generator.random(500) < 0.1)
    columns = pa.table({
        "f:likelihood": likelihood,
        "f:exposure": generator.choice([1.0, 6.0], 500),
        "f:consequence": generator.choice([1.0, 15.0], 500),
        "f:law_breach": generator.random(500) < 0.1,
    })  # fmt: skip
    model, layer = scoring("risk_points")
    whole = assess_table(model, layer, columns)
    monkeypatch.setattr(kernel_module, "CHUNK", 64)
    steps = assess_table(model, layer, columns)
    np.testing.assert_array_equal(whole.rank, steps.rank)
    np.testing.assert_array_equal(whole.score, steps.score)
    assert whole.missing == steps.missing
    assert list(whole.rules) == list(steps.rules)
    assert {("law_breach",), ()} == set(whole.rules)


def test_the_assessment_names_model_and_digest():
    model, _ = scoring("risk_points")
    result = assessed("risk_points", {})
    assert (result.layer, result.model, result.digest) == ("risk_points", model.id, model.digest)
    assert len(model.digest) == 64


def test_inputs_are_left_as_they_are():
    values = np.array([1.0, np.inf, 3.0])
    column = pa.array(values)
    scored(model_of(leaf("x")), x=column)
    assert column.to_pylist() == [1.0, math.inf, 3.0]


def test_patterns_behave_as_a_sequence_of_tuples():
    column = Patterns(np.array([0, 1, 0], dtype=np.uint16), [(), ("a", "b")])
    assert list(column) == [(), ("a", "b"), ()]
    assert column[-2] == ("a", "b")
    assert column[1:] == [("a", "b"), ()]
    assert column == [(), ("a", "b"), ()]
    assert column != [(), (), ()]
    assert len(column) == 3


def test_migration_counts_every_point_once():
    before = assessed(
        "risk_points", *[{"likelihood": 6, "exposure": 6, "consequence": c} for c in (1, 3, 7, 15)]
    )
    after = assessed(
        "risk_points", *[{"likelihood": 6, "exposure": e, "consequence": 7} for e in (1, 6, None, 10)]
    )
    moves = migration(before, after)
    assert moves.counts.sum() == 4
    assert moves.count("low", "low") == 1
    assert moves.count("general", "large") == 1
    assert moves.count("large", "unrated") == 1
    assert moves.count("major", "major") == 1
    assert moves.moved == 2
    with pytest.raises(ValueError, match="4 rows before, 1 after"):
        migration(before, assessed("risk_points", {}))


def test_unrated_ranks_above_low_and_below_general():
    assert RANK_OF["low"] < UNRATED < RANK_OF["general"]
    assert RANKS[UNRATED] == "unrated"
