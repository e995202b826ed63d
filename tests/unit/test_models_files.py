"""Reading model files: what they can say, and every mistake at once."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from riskmap.catalog.model_file import read_model
from riskmap.errors import CatalogError
from riskmap.scoring import assess_table
from tests.assess_rows import scoring, tiers
from tests.index_models import layer_of
from tests.unit.test_assess_kernel import PLAIN, leaf, model_of

DOCS = Path(__file__).parents[2] / "docs" / "models.md"


def problems(text: str) -> dict[str, str]:
    with pytest.raises(CatalogError) as caught:
        read_model(text, "models/m.toml")
    assert all(p.file == "models/m.toml" for p in caught.value.problems)
    return {p.key: p.text("en") for p in caught.value.problems}


def broken(body: str, **options) -> dict[str, str]:
    head = PLAIN
    for key, value in ({"score": "x", "major": 3, "large": 2, "general": 1} | options).items():
        head = head.replace("{" + key + "}", str(value))
    return problems(head + body)


def node(name: str, method: str, of: list[str], extra: str = "") -> str:
    return f'[[combinations]]\nid = "{name}"\ntitle = {{ zh = "{name}", en = "{name}" }}\nmethod = "{method}"\nof = {of}\n{extra}\n'


def test_every_mistake_of_a_file_is_reported_at_once_with_place_and_hint():
    text = """
id = "m"
title = { zh = "试" }
version = 1
status = "finished"
source = "t"
score = "x"
decimal = 2
[limits]
major = 3
large = "two"
general = 1
[[indicators]]
id = "x"
title = { zh = "x", en = "x" }
field = "x"
missingg = "worst"
reference = 0
"""
    found = problems(text)
    assert set(found) == {
        "title.en",
        "version",
        "status",
        "decimal",
        "limits.large",
        "indicators[x].missingg",
    }
    assert "did you mean decimals?" in found["decimal"]
    assert "did you mean missing?" in found["indicators[x].missingg"]
    assert "models/m.toml:17 › indicators[x].missingg" in found["indicators[x].missingg"]
    assert "one of draft, adopted" in found["status"]


def test_a_graph_that_does_not_hold_together_is_refused():
    body = (
        leaf("x")
        + leaf("spare")
        + node("a", "sum", ["b", "likelihod"])
        + node("b", "sum", ["a"])
        + leaf("likelihood")
    )
    found = broken(body, score="a")
    assert "did you mean likelihood?" in found["combinations[a].of[2]"]
    assert "does not lead back to itself" in found["combinations[b].of"]
    assert "a node that the score uses" in found["indicators[spare]"]
    assert (
        "did you mean x?" in broken(leaf("x"), score="xx")["score"]
        or "one of x" in broken(leaf("x"), score="xx")["score"]
    )
    assert "an id not used before" in broken(leaf("x") + leaf("x"))["indicators[x].id"]
    assert (
        "each name only once"
        in broken(leaf("x") + node("s", "sum", ["x", "x"]), score="s")["combinations[s].of[2]"]
    )


@pytest.mark.parametrize(
    ("body", "key", "words"),
    [
        (leaf("x", extra='bands = [{ below = 2, value = 1 }, { below = 1, value = 2 }, { value = 3 }]\nsource = "t"'), "indicators[x].bands[2]", "ascending"),
        (leaf("x", extra='bands = [{ below = 2, value = 1 }]\nsource = "t"'), "indicators[x].bands[1]", "open upwards"),
        (leaf("x", extra='bands = [{ value = 1 }, { value = 2 }]\nsource = "t"'), "indicators[x].bands[1]", "one of below"),
        (leaf("x", extra='bands = [{ below = 2, value = 1 }, { value = 2 }]\ncurve = [[0, 0], [1, 1]]\nsource = "t"'), "indicators[x].curve", "at most one"),
        (leaf("x", extra='curve = [[0, 0], [0, 1]]\nsource = "t"'), "indicators[x].curve", "ascending"),
        (leaf("x", extra='curve = [[0, 0]]\nsource = "t"'), "indicators[x].curve", "two pairs"),
        (leaf("x", extra='curve = [[0, 0], [1, 1], [2, 0]]\nsource = "t"'), "indicators[x].curve", "only rise or only fall"),
        (leaf("x", extra="curve = [[0, 0], [1, 1]]"), "indicators[x].source", "where the numbers come from"),
        (leaf("x", extra='missing = "worst"'), "indicators[x].worst", "worst ="),
        (leaf("x", extra="worst = 4"), "indicators[x].worst", "needed only with"),
        (leaf("x", extra='table = { a = 1, b = 2 }\nsource = "t"'), "indicators[x].reference", "one of a, b"),
        (leaf("x", extra='worse = "lower"'), "indicators[x].worse", 'worse = "higher"'),
        (leaf("x", extra='curve = [[0, 1], [1, 0]]\nsource = "t"'), "indicators[x].worse", 'worse = "lower"'),
    ],
)  # fmt: skip
def test_a_leaf_whose_numbers_make_no_sense_is_refused(body, key, words):
    assert words in broken(body)[key]


@pytest.mark.parametrize(
    ("extra", "key", "words"),
    [
        (node("s", "mean", ["x", "y"], "weights = [0.5, 0.6]"), "weights", "sum to 1"),
        (node("s", "mean", ["x", "y"], "weights = [1.5, -0.5]"), "weights", "positive"),
        (node("s", "sum", ["x", "y"], "weights = [1]"), "weights", "2 weights"),
        (node("s", "product", ["x", "y"], "weights = [0.5, 0.5]"), "weights", "only with sum"),
        (node("s", "sum", ["x", "y"], "known_only = true"), "known_only", "mean, geometric"),
        (node("s", "matrix", ["x", "y"]), "matrix", "together with matrix"),
        (node("s", "matrix", ["x", "y"], 'matrix = [[1, 2], [1]]\nsource = "t"'), "matrix", "one length"),
        (
            node("s", "matrix", ["x", "y"], 'matrix = [[1, 2], [2, 1]]\nsource = "t"'),
            "matrix",
            "never decreases",
        ),
    ],
)
def test_a_combination_whose_numbers_make_no_sense_is_refused(extra, key, words):
    assert words in broken(leaf("x") + leaf("y") + extra, score="s")[f"combinations[s].{key}"]


def test_a_matrix_that_a_leaf_can_miss_is_refused():
    classes = 'bands = [{ below = 1, value = 1 }, { value = 3 }]\nsource = "t"'
    body = (
        leaf("x", extra=classes)
        + leaf("y", extra=classes)
        + node("s", "matrix", ["x", "y"], 'matrix = [[1, 2], [2, 3]]\nsource = "t"')
    )
    assert "whole numbers from 1 to 2" in broken(body, score="s")["combinations[s].matrix"]


def test_a_factor_that_pulls_both_ways_is_refused():
    body = leaf("x") + leaf("y") + node("a", "quotient", ["y", "x"]) + node("s", "sum", ["a", "x"])
    assert "one direction" in broken(body, score="s")["indicators[x]"]


def test_limits_out_of_order_are_refused():
    assert "major > large > general" in broken(leaf("x"), major=1)["limits"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('op = ">", value = "many"', "value as a number"),
        ('op = "in", value = 3', "value as a list"),
        ('op = "missing", value = 3', "no value"),
        ('op = "=="', "one value"),
    ],
)
def test_a_condition_that_cannot_be_compared_is_refused(condition, words):
    rule = f'[[rules]]\nid = "r"\ntitle = {{ zh = "r", en = "r" }}\ntier = "major"\nsource = "t"\nwhen = [{{ field = "x", {condition} }}]\n'
    assert words in broken(leaf("x") + rule)["rules[r].when[1]"]


def test_a_rule_cannot_lower_a_tier():
    rule = '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "low"\nsource = "t"\nwhen = [{ field = "x", op = "present" }]\n'
    assert "one of major, large, general" in broken(leaf("x") + rule)["rules[r].tier"]


def test_an_inclusive_upper_limit_belongs_to_the_band_below():
    bands = 'bands = [{ upto = 0, value = 1 }, { below = 0.15, value = 2 }, { value = 3 }]\nsource = "t"'
    model = model_of(leaf("x", extra=bands), major=3, large=2, general=1)
    _, layer = scoring("risk_points")
    table = pa.table({"f:x": [-1.0, 0.0, 1e-12, 0.1, 0.15]})
    assert assess_table(model, layer, table).score.tolist() == [1, 1, 2, 2, 3]


def test_a_missing_value_counts_as_the_worst_number_of_its_leaf():
    rising = 'table = { a = 1, b = 7, c = 3 }\nsource = "t"\nmissing = "worst"\nunknown = ["dunno"]'
    model = model_of(
        leaf("kind", extra=rising).replace("reference = 0", 'reference = "a"'),
        score="kind",
        major=7,
        large=3,
        general=2,
    )
    assert model.indicators[0].worst == 7
    _, layer = scoring("risk_points")
    words = pa.array(["a", None, "dunno", "c"])
    assert tiers(assess_table(model, layer, pa.table({"f:kind": words}))) == [
        "low",
        "major",
        "major",
        "large",
    ]


def test_the_worst_number_of_a_divisor_is_its_least():
    area = leaf("area", extra='curve = [[0, 1], [10, 11]]\nmissing = "worst"\nworse = "lower"\nsource = "t"')
    model = model_of(
        leaf("people") + area + node("s", "quotient", ["people", "area"]),
        score="s",
        major=3,
        large=2,
        general=1,
    )
    assert model.node("area").worst == 1
    _, layer = scoring("risk_points")
    table = pa.table({"f:people": [2.0, 2.0], "f:area": [1.0, None]})
    assert assess_table(model, layer, table).score.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("method", "extra", "expected"),
    [
        ("sum", "weights = [2, 1]", [10, None]),
        ("product", "", [12, None]),
        ("quotient", "", [0.75, None]),
        ("mean", "", [3.5, None]),
        ("mean", "weights = [0.25, 0.75]", [3.75, None]),
        ("mean", "known_only = true", [3.5, 3]),
        ("geometric", "", [12**0.5, None]),
        ("geometric", "weights = [0.25, 0.75]", [3**0.25 * 4**0.75, None]),
        ("max", "", [4, None]),
        ("max", "known_only = true", [4, 3]),
        ("min", "", [3, None]),
        ("min", "known_only = true", [3, 3]),
        ("power_mean", "exponent = 2", [12.5**0.5, None]),
        ("power_mean", "exponent = -1", [2 / (1 / 3 + 1 / 4), None]),
        ("power_mean", "exponent = 1\nweights = [0.25, 0.75]", [3.75, None]),
        ("power_mean", "exponent = 2\nknown_only = true", [12.5**0.5, 3]),
        ("first_known", "", [3, 3]),
        ("sum", "clip = [0, 5]", [5, None]),
        ("sum", "power = 2", [49, None]),
        ("sum", 'clip = [0, 9]\nfunction = "sqrt"\npower = 3', [7**1.5, None]),
    ],
)
def test_each_method_combines_as_its_name_says(method, extra, expected):
    second = leaf("y", extra='worse = "lower"' if method == "quotient" else "")
    model = model_of(
        leaf("x") + second + node("s", method, ["x", "y"], extra), score="s", major=3, large=2, general=1
    )
    _, layer = scoring("risk_points")
    score = assess_table(model, layer, pa.table({"f:x": [3.0, 3.0], "f:y": [4.0, None]})).score
    assert score[0] == pytest.approx(expected[0], abs=1e-9)
    assert (
        score[1] == pytest.approx(expected[1], abs=1e-9, nan_ok=True) if expected[1] else score[1] != score[1]
    )


def test_nested_combinations_can_be_banded_again():
    body = (
        leaf("x")
        + leaf("y")
        + node(
            "p", "product", ["x", "y"], 'bands = [{ below = 0.3, value = 1 }, { value = 2 }]\nsource = "t"'
        )
        + node("s", "max", ["p"])
    )
    model = model_of(body, score="s", major=4, large=3, general=2)
    _, layer = scoring("risk_points")
    # .1 · 3 is .30000000000000004, and .7 · .1 / .7 style noise must not miss a band from below either.
    table = pa.table({"f:x": [0.1, 0.1, 0.29], "f:y": [3.0, 2.9999999999999996, 1.0]})
    assert assess_table(model, layer, table).score.tolist() == [2, 2, 1]


def test_the_example_of_the_guide_loads_and_scores_as_the_guide_says():
    guide = DOCS.read_text(encoding="utf-8")
    (example,) = (e for e in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL) if 'id = "billboards"' in e)
    model = read_model(example, "models/billboards.toml")
    _, layer = scoring("risk_points")
    table = pa.table({
        "f:height_m": [18.0, 18.0, 3.0, None],
        "f:condition": ["loose", None, "sound", "sound"],
        "f:people_below": [40, 40, 0, 40],
        "f:fell_before": [False, None, True, False],
    })  # fmt: skip
    result = assess_table(model, layer, table)
    assert tiers(result) == ["large", "large", "general", "unrated"]
    assert result.score[:3].tolist() == [12, 12, 1]
    assert result.rules[2] == ("fell_before",)


def test_the_first_known_part_counts_and_none_is_unknown():
    model = model_of(
        leaf("measured") + leaf("computed") + node("s", "first_known", ["measured", "computed"]),
        score="s", major=3, large=2, general=1,
    )  # fmt: skip
    _, layer = scoring("risk_points")
    table = pa.table({"f:measured": [1.0, None, None], "f:computed": [3.0, 2.0, None]})
    found = assess_table(model, layer, table)
    assert found.score[:2].tolist() == [1, 2]
    assert np.isnan(found.score[2])
    assert list(found.missing)[2] == ("measured", "computed")


@pytest.mark.parametrize("method", ["product", "quotient", "geometric", "power_mean"])
def test_a_negative_part_is_named_where_it_leaves_the_point_unrated(method):
    extra = "exponent = 2" if method == "power_mean" else ""
    second = leaf("y", extra='worse = "lower"' if method == "quotient" else "")
    model = model_of(
        leaf("x") + second + node("s", method, ["x", "y"], extra), score="s", major=3, large=2, general=1
    )
    _, layer = scoring("risk_points")
    table = pa.table({"f:x": [1.0, 1.0, -1.0, -1.0], "f:y": [1.0, -3.0, 2.0, -2.0]})
    assert list(assess_table(model, layer, table).missing) == [(), ("y",), ("x",), ("x", "y")]


def test_a_divisor_of_nought_is_named():
    model = model_of(
        leaf("x") + leaf("y", extra='worse = "lower"') + node("s", "quotient", ["x", "y"]),
        score="s", major=3, large=2, general=1,
    )  # fmt: skip
    _, layer = scoring("risk_points")
    assert list(assess_table(model, layer, pa.table({"f:x": [1.0], "f:y": [0.0]})).missing) == [("y",)]


def test_a_model_over_a_hundred_and_twenty_fields_names_each_that_lacks():
    names = [f"x{i}" for i in range(120)]
    model = model_of(
        "".join(map(leaf, names)) + node("s", "sum", names), score="s", major=3, large=2, general=1
    )
    table = pa.table({f"f:{n}": [1.0, None if i in {3, 64, 119} else 1.0] for i, n in enumerate(names)})
    found = assess_table(model, layer_of(*names), table)
    assert found.score[0] == 120
    assert list(found.missing) == [(), ("x3", "x64", "x119")]
