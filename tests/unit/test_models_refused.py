"""Mistakes that a model file of an index can make: refused with place, find and remedy, all at once."""

from __future__ import annotations

import pytest

from riskmap.catalog.loader import model_for
from riskmap.errors import CatalogError
from tests.index_models import SVI, SVI_FIELDS, gate, head, layer_of, leaf, model_of, node
from tests.unit.test_models_indices import learned


def refused(text: str) -> dict[str, str]:
    with pytest.raises(CatalogError) as caught:
        model_of(text)
    assert all(p.line for p in caught.value.problems)
    return {p.key: p.text("en") for p in caught.value.problems}


def unfit(text: str, layer) -> dict[str, str]:
    with pytest.raises(CatalogError) as caught:
        model_for(layer, text, "models/index.toml")
    return {p.key: p.text("en") for p in caught.value.problems}


MIN_MAX = 'normalise = { method = "min_max" %s }'
RANK = 'normalise = { method = "percentile_rank" %s }'


@pytest.mark.parametrize(
    ("extra", "key", "words"),
    [
        (MIN_MAX % ", low = 10, high = 0", "normalise.high", "low below high"),
        (MIN_MAX % ", from = [5, 2]", "normalise.from", "ascending"),
        (MIN_MAX % ", from = [5]", "normalise.from", "at least 2 items"),
        (MIN_MAX % ', ties = "low"', "normalise.ties", "only with percentile_rank"),
        (RANK % ", from = [0, 1]", "normalise.from", "only with min_max"),
        (RANK % ", clip = false", "normalise.clip", "only with min_max"),
        (MIN_MAX % ", reverse = true", "normalise.reverse", 'worse = "lower"'),
        (MIN_MAX % ", hi = 10", "normalise.hi", "one of method, low, high, from, clip, ties, reverse"),
        ('normalise = { method = "minmax" }', "normalise.method", "did you mean min_max?"),
        ("round = 12", "round", "at most 9"),
        ('rounding = "down"', "round", "the decimals"),
        ('function = "log"', "function", "one of ln, ln1p, log10, sqrt, cbrt"),
        ('missing = "value"', "missing_value", "together with missing_value"),
        ("missing_value = 3", "missing_value", "together with missing_value"),
        ('missing = "value"\nmissing_value = "many"', "missing_value", "a number"),
        ('missing = "value"\nmissing_value = -1', "missing_value", "not better than the reference"),
        ('missing = "value"\nmissing_value = 0\nbands = [{ below = 5, value = 1 }, { value = 2 }]', "missing_value", "never the safest"),
        ('missing = "value"\nmissing_value = 0\n' + MIN_MAX % ", from = [0, 5]", "missing_value", "never the safest"),
        ('missing = "worst"\n' + MIN_MAX % ", clip = false", "worst", "worst ="),
        ('missing = "worst"\nworst = 1\n' + MIN_MAX % "", "worst", "nothing: needed only"),
    ],
)  # fmt: skip
def test_a_step_that_makes_no_sense_is_refused(extra, key, words):
    assert words in refused(head("a") + leaf("a", extra))[f"indicators[a].{key}"]


def test_a_value_for_the_missing_is_never_the_best_choice():
    text = head("a") + leaf(
        "a", 'table = { x = 1, y = 2 }\nmissing = "value"\nmissing_value = "%s"', reference='"x"'
    )
    assert "never the safest" in refused(text % "x")["indicators[a].missing_value"]
    assert "one of x, y" in refused(text % "z")["indicators[a].missing_value"]
    assert model_of(text % "y").node("a").missing_value == "y"
    plain = head("a") + leaf("a", 'missing = "value"\nmissing_value = 0')
    assert "least bad value" in unfit(plain, layer_of("a", minimum=0))["indicators[a].missing_value"]
    assert not model_for(layer_of("a", minimum=-5), plain, "m").fitted


@pytest.mark.parametrize(
    ("method", "extra", "key", "words"),
    [
        ("mean", 'weights = [0.5, 0.5]\nweighting = "entropy"', "weighting", "at most one"),
        ("sum", 'weighting = "entropy"', "weighting", "only with mean"),
        ("max", "pairwise = [[1, 2], [0.5, 1]]", "pairwise", "only with sum"),
        ("mean", "pairwise = [[1, 2, 3], [0.5, 1, 2]]", "pairwise", "2 rows of 2 numbers"),
        ("mean", "pairwise = [[1, 2], [2, 1]]", "pairwise[1][2]", "the reciprocal"),
        ("mean", "pairwise = [[1, 0], [0, 1]]", "pairwise[1][2]", "the reciprocal"),
        ("mean", "pairwise = [[2, 2], [0.5, 1]]", "pairwise[1][1]", "1 on the diagonal"),
        ("mean", 'pairwise = [[1, "2/3"], [1, 1]]', "pairwise[1][2]", ""),
        ("inverted_geometric", "", "scale", "together with scale"),
        ("inverted_geometric", "scale = [10, 0]", "scale", "ascending"),
        ("inverted_geometric", "scale = [0, 5, 10]", "scale", "ascending"),
        ("mean", "scale = [0, 10]", "scale", "together with scale"),
        ("topsis", "", "norm", "they rank differently"),
        ("mean", 'norm = "vector"', "norm", "together with norm"),
        ("topsis", 'norm = "vector"\nknown_only = true', "known_only", "used only with"),
        ("geometric", "weights = [0.5, 0.6]", "weights", "sum to 1"),
        ("means", "", "method", "did you mean mean?"),
    ],
)
def test_a_combination_that_makes_no_sense_is_refused(method, extra, key, words):
    text = head("s") + leaf("a") + leaf("b") + node("s", method, ["a", "b"], extra)
    found = refused(text)
    assert words in found[f"combinations[s].{key}"], found


def test_comparisons_that_contradict_one_another_are_refused_with_their_ratio():
    text = head("s") + leaf("a") + leaf("b") + leaf("c")
    text += node("s", "mean", ["a", "b", "c"], "pairwise = [[1, 9, 2], [0.11, 1, 9], [0.5, 0.11, 1]]")
    assert "consistency ratio 1." in refused(text)["combinations[s].pairwise"]


def test_a_normalised_number_is_never_used_where_higher_is_better():
    text = head("s") + leaf("a", MIN_MAX % "") + leaf("b") + node("s", "sum", ["b", "a"], "weights = [1, -1]")
    assert "a use in which a higher normalised number is worse" in refused(text)["indicators[a].normalise"]
    text = head("s") + leaf("a") + node("s", "sum", ["a"], MIN_MAX % ", reverse = true")
    assert 'worse = "lower"' in refused(text)["indicators[a].worse"]


def test_a_matrix_needs_whole_numbers_of_what_is_normalised():
    ranks = RANK % ", low = 1, high = 2"
    text = head("s", major=3, large=2, general=1) + leaf("a", ranks) + leaf("b", ranks + "\nround = 0")
    text += node("s", "matrix", ["a", "b"], "matrix = [[1, 2], [2, 3]]")
    assert "whole numbers from 1 to 2" in refused(text)["combinations[s].matrix"]


@pytest.mark.parametrize(
    ("when", "key", "words"),
    [
        ('{ field = "depth", op = "missing" }', "op", "evidence"),
        ('{ op = "<", value = 1 }', "", "exactly one of field, node"),
        ('{ field = "depth", node = "a", op = "<", value = 1 }', "", "exactly one of field, node"),
        ('{ node = "aa", op = "<", value = 1 }', "node", "one of a"),
        ('{ node = "a", op = ">", value = 1 }', "op", "the better side"),
        ('{ field = "a", op = ">=", value = 1 }', "op", "the better side"),
        ('{ field = "a", op = "==", value = 1 }', "op", "the better side"),
        ('{ field = "depth", op = "<", value = "deep" }', "", "value as a number"),
    ],
)
def test_a_gate_that_could_hide_a_danger_is_refused(when, key, words):
    place = "gates[g].when[1]" + (f".{key}" if key else "")
    assert words in refused(head("a") + leaf("a") + gate(when))[place]


def test_a_gate_on_choices_includes_the_better_ones():
    body = head("a") + leaf("a", "table = { dry = 1, damp = 2, wet = 3 }", reference='"dry"')
    assert (
        "the better choices dry"
        in refused(body + gate('{ field = "a", op = "==", value = "damp" }'))["gates[g].when[1].value"]
    )
    assert model_of(body + gate('{ field = "a", op = "in", value = ["dry", "damp"] }')).gates
    assert model_of(body + gate('{ field = "a", op = "!=", value = "wet" }')).gates


def test_gates_and_rules_share_their_ids_and_name_fields_of_the_layer():
    rule = '[[rules]]\nid = "g"\ntitle = { zh = "g", en = "g" }\ntier = "large"\nsource = "t"\nwhen = [{ field = "a", op = ">", value = 1 }]\n'
    text = head("a") + leaf("a") + rule + gate('{ field = "depht", op = "<", value = 1 }')
    assert "used only once" in refused(text)["gates[g].id"]
    found = unfit(text.replace('id = "g"', 'id = "r"', 1), layer_of("a", "depth"))
    assert "did you mean depth?" in found["gates[g].when[1].field"]
    assert (
        "one of low, general, large"
        in refused(head("a") + leaf("a") + gate('{ field = "a", op = "<", value = 1 }', "major"))[
            "gates[g].at_most"
        ]
    )


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('artefact = "slide.skops"', 'artefact = "../slide.skops"', "artefact"),
        ('artefact = "slide.skops"', 'artefact = "/tmp/slide.skops"', "artefact"),
        ('artefact = "slide.skops"', 'artefact = "slide.pkl"', "artefact"),
        ('artefact = "slide.skops"', 'artefact = "a\\\\b.skops"', "artefact"),
        ('digest = "000', 'digest = "xyz', "digest"),
        ("inputs = {", "inputs = {} #", "inputs"),
        ("reference = { angle = 0, wet = 0 }", "reference = { angle = 0 }", "reference.wet"),
        (
            "reference = { angle = 0, wet = 0 }",
            "reference = { angle = 0, wet = 0, wett = 1 }",
            "reference.wett",
        ),
        ('source = "t"\n', 'source = "t"\nworst = 0.5\n', "worst"),
    ],
)
def test_a_learned_node_that_makes_no_sense_is_refused(before, after, key):
    text = learned()
    cut = text.index("[[learned]]")
    assert f"learned[p].{key}" in refused(text[:cut] + text[cut:].replace(before, after))


def test_the_inputs_of_a_learned_node_are_numbers_of_the_layer():
    found = unfit(learned(), layer_of("slope_deg", "wetnes"))
    assert "did you mean wetnes?" in found["learned[p].inputs.wet"]
    found = unfit(learned(), layer_of("slope_deg", "wetness", kind="text"))
    assert "an integer, number or boolean field" in found["learned[p].inputs.angle"]


def test_every_mistake_of_an_index_is_reported_at_once():
    text = SVI.replace("percentile_rank", "percentil_rank", 1).replace("round = 4", "round = 40", 1)
    text = text.replace('method = "sum"', 'method = "summ"')
    assert len(refused(text)) == 5
    text = (
        SVI
        + gate('{ node = "overalls", op = "<", value = 0.1 }')
        + node("spare", "inverted_geometric", ["poverty"])
    )
    assert set(refused(text)) == {"gates[g].when[1].node", "combinations[spare]", "combinations[spare].scale"}
    missing = unfit(SVI, layer_of(*SVI_FIELDS[:3]))
    assert set(missing) == {"indicators[aged].field", "indicators[disabled].field"}
