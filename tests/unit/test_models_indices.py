"""Published kinds of index as model files, against tables worked out independently, to the last decimal."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import FormulaError, NotFittedError
from riskmap.scoring import Fit, assess_table, contributions, explain, fit_model
from riskmap.scoring.explanation import reference_score
from riskmap.vocabulary import RANK_OF, UNRATED
from tests.assess_rows import tiers
from tests.index_models import (
    INFORM,
    INFORM_FIELDS,
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
    scored,
)  # fmt: skip

FEW = settings(max_examples=25)
getcontext().prec = 40


def rounded(x: Decimal, places: int) -> Decimal:
    return x.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


# ------------------------------------------------------------------ INFORM

COUNTRIES = {
    "quake": [8, 0.3, 4.44, 9.5, 2.6],
    "flood": [0.61, 0.02, 0.335, 0.9, 0.0],
    "drought": [1.05, 0, 2.17, 3, 0.45],
    "gini": [41.2, 27.3, 52.9, 63.1, 25],
    "aid": [3.3, 0.1, 8.8, 15.4, 0],
    "refugees": [2.9, 0.4, 6.1, 11.9, 0],
    "literacy": [81.5, 98.6, 55.5, 30.7, 99.9],
    "doctors": [1.3, 3.9, 0.2, 0.05, 4.4],
}


def inform(row: dict[str, Decimal]) -> dict[str, Decimal]:
    """The index of one country, in decimals, as its method is written."""

    def to_10(x, low, high, *, less_is_worse=False):
        x = min(max(x, Decimal(low)), Decimal(high))
        place = (x - Decimal(low)) / (Decimal(high) - Decimal(low)) * 10
        return rounded(10 - place if less_is_worse else place, 1)

    def inverted(*parts):
        product = Decimal(1)
        for part in parts:
            product *= (10 - part) / 10 * 9 + 1
        return rounded((10 - product ** (Decimal(1) / len(parts))) / 9 * 10, 1)

    hazard = inverted(to_10(row["quake"], 0, 8), to_10(row["flood"], 0, "0.9"), to_10(row["drought"], 0, 3))
    gini, aid = to_10(row["gini"], 25, 65), to_10(row["aid"], 0, 15)
    socio = rounded(gini * Decimal("0.75") + aid * Decimal("0.25"), 1)
    vulnerability = inverted(socio, to_10(row["refugees"], 0, 12))
    coping = inverted(
        to_10(row["literacy"], 30, 99, less_is_worse=True), to_10(row["doctors"], 0, 4, less_is_worse=True)
    )
    risk = rounded((hazard * vulnerability * coping) ** (Decimal(1) / 3), 1)
    return {"hazard": hazard, "vulnerability": vulnerability, "coping": coping, "risk": risk}


def rows_of(values):
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def decimal_rows(values):
    return [{key: Decimal(str(value)) for key, value in row.items()} for row in rows_of(values)]


def test_an_inform_table_is_reproduced_to_its_last_decimal_at_every_level():
    wanted = [inform(row) for row in decimal_rows(COUNTRIES)]
    for level in ("hazard", "vulnerability", "coping", "risk"):
        text = INFORM.replace('score = "risk"', f'score = "{level}"')
        # What the level does not use has to go: a model names nothing for nothing.
        if level != "risk":
            text = only(text, level)
        result = scored(text, COUNTRIES)
        assert result.score.tolist() == [float(row[level]) for row in wanted]
    assert len({row["risk"] for row in wanted}) == 5


def only(text: str, level: str) -> str:
    """The part of a model that one node uses."""
    blocks = text.split("[[")
    needed, kept = {level}, []
    for block in reversed(blocks[1:]):
        name = block.split('id = "')[1].split('"')[0]
        if name in needed:
            kept.insert(0, block)
            if "of = [" in block:
                needed |= set(block.split("of = [")[1].split("]")[0].replace('"', "").split(", "))
    return "[[".join([blocks[0], *kept])


@given(st.lists(st.tuples(*[st.integers(0, 1200)] * 8), min_size=1, max_size=6))
@FEW
def test_any_inform_table_is_reproduced(numbers):
    values = {key: [row[i] / 10 for row in numbers] for i, key in enumerate(INFORM_FIELDS)}
    wanted = [float(inform(row)["risk"]) for row in decimal_rows(values)]
    assert scored(INFORM, values).score.tolist() == wanted


def test_fixed_goalposts_need_no_fit():
    assert model_of(INFORM).fitted == ()
    assert fit_model(model_of(INFORM), layer_of(*INFORM_FIELDS), columns(COUNTRIES)) is None


# ------------------------------------------------------------------ SVI


def svi(rows: list[dict[str, Decimal]]) -> list[Decimal | None]:
    """Overall ranks in decimals: (number smaller)/(n − 1) of variables, theme sums, and their sum."""

    def ranked(column, *, less_is_worse=False):
        known = [x for x in column if x is not None]

        def place(x):
            better = sum((y > x) if less_is_worse else (y < x) for y in known)
            return rounded(Decimal(better) / (len(known) - 1), 4)

        return [None if x is None else place(x) for x in column]

    def sums(*cols):
        return [None if None in row else sum(row, Decimal(0)) for row in zip(*cols, strict=True)]

    by = {key: ranked([row[key] for row in rows], less_is_worse=key == "income") for key in SVI_FIELDS}
    economic = ranked(sums(by["poverty"], by["unemployed"], by["income"]))
    household = ranked(sums(by["aged"], by["disabled"]))
    return ranked(sums(economic, household))


TRACTS = {
    "poverty": [12.1, 30.5, 8.8, 12.1, 44.0, 21.7, 5.3, 18.0],
    "unemployed": [4.1, 9.9, 3.0, 5.5, 12.2, 5.5, 2.7, 8.1],
    "income": [41200, 22800, 58100, 39900, 18400, 30300, 71000, None],
    "aged": [15.0, 11.1, 22.4, 15.0, 9.8, 17.7, 13.3, 12.5],
    "disabled": [11.0, 16.2, 9.1, 12.4, 19.9, 13.0, 7.7, 12.4],
}


def test_an_svi_table_is_reproduced_to_its_last_decimal_and_a_gap_leaves_a_tract_out():
    rows = [
        {key: None if value is None else Decimal(str(value)) for key, value in row.items()}
        for row in rows_of(TRACTS)
    ]
    result = scored(SVI, TRACTS)
    wanted = svi(rows)
    assert wanted[-1] is None
    assert np.isnan(result.score[-1])
    assert result.rank[-1] == UNRATED
    assert result.missing[-1] == ("income",)
    assert result.score[:-1].tolist() == [float(x) for x in wanted[:-1]]
    assert max(result.score[:-1]) == 1
    assert min(result.score[:-1]) == 0


table = st.lists(st.tuples(*[st.integers(0, 12)] * 5), min_size=2, max_size=12)


@given(table)
@FEW
def test_any_svi_table_is_reproduced_ties_included(numbers):
    values = {key: [row[i] for row in numbers] for i, key in enumerate(SVI_FIELDS)}
    assert scored(SVI, values).score.tolist() == [float(x) for x in svi(decimal_rows(values))]


@given(table, st.randoms(use_true_random=False))
@FEW
def test_the_order_of_the_rows_changes_neither_fit_nor_scores(numbers, random):
    text = SVI.replace('"overall", "sum"', '"overall", "mean"')
    order = list(range(len(numbers)))
    random.shuffle(order)
    for model_text, fields in ((text, SVI_FIELDS), (WEIGHED, "abc")):
        rows = [row[: len(fields)] for row in numbers]
        values = {key: [row[i] + 0.1 for row in rows] for i, key in enumerate(fields)}
        mixed = {key: [column[i] for i in order] for key, column in values.items()}
        model, layer = model_of(model_text), layer_of(*fields)
        fits = [fit_model(model, layer, columns(one)) for one in (values, mixed)]
        assert fits[0].text == fits[1].text
        straight, shuffled = (
            assess_table(model, layer, columns(one), fit=fit).score
            for one, fit in zip((values, mixed), fits, strict=True)
        )
        np.testing.assert_array_equal(straight[order], shuffled)


# ------------------------------------------------------------------ NRI, TOPSIS, weights

WEIGHED = (
    head("s")
    + leaf("a") + leaf("b") + leaf("c")
    + node("s", "topsis", ["a", "b", "c"], 'norm = "vector"\nweighting = "entropy"')
)  # fmt: skip


def test_an_nri_score_is_the_cube_root_of_loss_by_vulnerability_over_resilience_from_0_to_100():
    values = {
        "loss": [10.0, 400.0, 90.0, 0.5],
        "vulnerability": [1.2, 0.8, 1.5, 1.0],
        "resilience": [1.1, 0.9, 0.0, 1.3],
    }
    roots = [(10 * 1.2 / 1.1) ** (1 / 3), (400 * 0.8 / 0.9) ** (1 / 3), (0.5 * 1.0 / 1.3) ** (1 / 3)]
    wanted = [round((r - min(roots)) / (max(roots) - min(roots)) * 100, 2) for r in roots]
    result = scored(NRI, values)
    assert [result.score[i] for i in (0, 1, 3)] == wanted
    assert result.rank[2] == UNRATED  # divided by zero: unknown, and no part of the fit
    assert result.missing[2] == ("resilience",)


CRITERIA = {"a": [0.8, 0.4, 0.6, 0.2], "b": [0.6, 0.9, 0.3, 0.2], "c": [0.2, 0.5, 0.9, 0.1]}


def combined(method: str, extra: str) -> list[float]:
    text = head("s") + leaf("a") + leaf("b") + leaf("c") + node("s", method, ["a", "b", "c"], extra)
    return scored(text, CRITERIA).score.round(6).tolist()


def test_topsis_gives_the_published_closeness_and_names_its_norm():
    assert combined("topsis", 'weights = [0.5, 0.3, 0.2]\nnorm = "vector"') == [
        0.655434,
        0.525673,
        0.567137,
        0,
    ]
    assert combined("topsis", 'weights = [0.5, 0.3, 0.2]\nnorm = "min_max"') != [
        0.655434,
        0.525673,
        0.567137,
        0,
    ]


def test_entropy_weights_are_fitted_to_the_layer():
    weights = (0.201356, 0.285552, 0.513091)
    wanted = [sum(w * CRITERIA[k][i] for w, k in zip(weights, "abc", strict=True)) for i in range(4)]
    assert combined("mean", 'weighting = "entropy"') == pytest.approx(wanted, abs=2e-6)


def test_pairwise_comparisons_give_the_weights_of_the_standard():
    for pairs in (
        '[[1, 3, 5], ["1/3", 1, 2], ["1/5", "1/2", 1]]',
        "[[1, 3, 5], [0.33, 1, 2], [0.2, 0.5, 1]]",
    ):
        text = (
            head("s")
            + leaf("a")
            + leaf("b")
            + leaf("c")
            + node("s", "mean", ["a", "b", "c"], f"pairwise = {pairs}")
        )
        assert np.round(model_of(text).node("s").weights, 4).tolist() == [0.6483, 0.2297, 0.1220]


def test_entropy_weights_of_what_does_not_differ_leave_the_layer_unrated_and_of_negative_numbers_are_refused():
    text = head("s") + leaf("a") + leaf("b") + node("s", "mean", ["a", "b"], 'weighting = "entropy"')
    assert tiers(scored(text, {"a": [1.0, 1.0], "b": [2.0, 2.0]})) == ["unrated", "unrated"]
    assert tiers(scored(text, {"a": [1.0], "b": [2.0]})) == ["unrated"]
    assert len(scored(text, {"a": [], "b": []}).score) == 0
    with pytest.raises(FormulaError, match="index › s: a is negative"):
        scored(text, {"a": [-1.0, 1.0], "b": [2.0, 3.0]})


def test_a_column_without_differences_places_nobody():
    text = head("a") + leaf("a", 'normalise = { method = "min_max" }\nmissing = "worst"')
    result = scored(text, {"a": [3.0, 3.0, None]})
    assert tiers(result) == ["unrated", "unrated", "major"]
    assert result.missing[0] == ("a",) or result.missing[0] == ()


def test_lesser_is_worse_is_turned_round_by_normalising():
    text = head("a") + leaf("a", 'normalise = { method = "min_max", low = 1, high = 5 }\nworse = "lower"')
    assert scored(text, {"a": [0.0, 1.0, 2.0]}).score.tolist() == [5, 3, 1]
    falling = 'curve = [[0, 10], [10, 0]]\nworse = "lower"\nnormalise = { method = "min_max" }'
    assert scored(head("a") + leaf("a", falling), {"a": [0.0, 5.0, 10.0]}).score.tolist() == [1, 0.5, 0]
    reverse = node("s", "sum", ["a"], 'normalise = { method = "min_max", reverse = true }')
    worse = head("s") + leaf("a", 'worse = "lower"') + reverse
    assert scored(worse, {"a": [0.0, 1.0, 4.0]}).score.tolist() == [1, 0.75, 0]


def test_percent_ranks_cut_to_three_digits_are_those_of_percentrank_inc():
    text = head("a") + leaf("a", 'normalise = { method = "percentile_rank" }\nround = 3\nrounding = "down"')
    assert scored(text, {"a": [13.0, 12, 11, 8, 4, 3, 2, 1, 1, 1]}).score.tolist() == [
        1, 0.888, 0.777, 0.666, 0.555, 0.444, 0.333, 0, 0, 0,
    ]  # fmt: skip


def test_functions_come_before_curves_and_a_logarithm_of_nothing_is_unknown():
    text = head("a", major=3, large=2, general=1) + leaf("a", 'function = "log10"', reference=1)
    result = scored(text, {"a": [1000.0, 10.0, 0.0, -1.0]})
    assert result.score[:2].tolist() == [3, 1]
    assert tiers(result)[2:] == ["unrated", "unrated"]
    text = head("a", major=3, large=2, general=1) + leaf(
        "a", 'function = "ln1p"\nbands = [{ below = 1, value = 1 }, { value = 3 }]'
    )
    assert scored(text, {"a": [1.0, 2.0]}).score.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("method", "extra", "expected"),
    [
        ("geometric", "", [16 ** (1 / 3), 4, None]),
        ("geometric", "weights = [0.5, 0.25, 0.25]", [2**1.25, 4 ** (0.5 / 0.75) * 4 ** (0.25 / 0.75), None]),
        ("inverted_geometric", "scale = [0, 10]", [None, 4, None]),
    ],
)
def test_known_parts_share_the_weights_of_the_unknown(method, extra, expected):
    text = head("s", major=9, large=5, general=1) + leaf("a") + leaf("b") + leaf("c")
    text += node("s", method, ["a", "b", "c"], "known_only = true\n" + extra)
    score = scored(text, {"a": [1.0, 4.0, None] if method == "inverted_geometric" else [2.0, 4.0, None],
                          "b": [2.0, None, None], "c": [4.0, 4.0, None]}).score  # fmt: skip
    assert np.isnan(score[2])
    for found, wanted in zip(score[:2], expected, strict=False):
        assert wanted is None or found == pytest.approx(wanted, abs=1e-9)


# ------------------------------------------------------------------ MES, hazard source, matrix


def test_mes_is_a_product_of_stated_classes():
    """M 5/3/1, E 10/6/3/2/1/.5, S 10/8/4/2/1; limits 180, 90, 50, from memory of the method."""
    text = (
        head("r", major=180, large=90, general=50)
        + leaf("m")
        + leaf("e")
        + leaf("s")
        + node("r", "product", ["m", "e", "s"])
    )
    result = scored(text, {"m": [5, 5, 3, 1], "e": [6, 3, 6, 1], "s": [8, 8, 4, 2]})
    assert result.score.tolist() == [240, 120, 72, 2]
    assert tiers(result) == ["major", "large", "general", "low"]


HAZARD_SOURCE = (
    head("r", major=100, large=50, general=10)
    + leaf("cl2") + leaf("nh3")
    + leaf("people", "bands = [{ below = 1, value = 0.5 }, { below = 30, value = 1.0 }, { below = 50, value = 1.2 }, "
           "{ below = 100, value = 1.5 }, { value = 2.0 }]")
    # q/Q and β·q/Q: chlorine Q 5 t, β 4; ammonia Q 10 t, β 2.
    + node("ratio", "sum", ["cl2", "nh3"], "weights = [0.2, 0.1]")
    + node("source", "sum", ["ratio"], "bands = [{ below = 1, value = 0 }, { value = 1 }]")
    + node("harm", "sum", ["cl2", "nh3"], "weights = [0.8, 0.2]")
    + node("r", "product", ["people", "harm", "source"])
    + gate('{ node = "ratio", op = "<", value = 1 }')
)  # fmt: skip


def test_a_major_hazard_source_has_its_r_and_below_one_there_is_none():
    values = {
        "cl2": [5.0, 2.0, 0.5, 5.0, None],
        "nh3": [20.0, 6.0, 8.0, 20.0, 1.0],
        "people": [60, 60, 60, None, 3],
    }
    result = scored(HAZARD_SOURCE, values)
    assert result.score[:3].tolist() == [12, 4.2, 0]
    assert tiers(result) == ["general", "low", "low", "unrated", "unrated"]
    assert list(result.rules) == [(), (), ("g",), (), ()]
    assert result.missing[3] == ("people",)


def test_a_matrix_takes_rounded_ranks_as_its_rows():
    ranks = 'normalise = { method = "percentile_rank", low = 1, high = 3 }\nround = 0'
    text = head("s", major=3, large=2, general=1) + leaf("a", ranks) + leaf("b", ranks)
    text += node("s", "matrix", ["a", "b"], "matrix = [[1, 1, 2], [1, 2, 3], [2, 3, 3]]")
    assert scored(text, {"a": [1, 2, 3], "b": [1, 2, 3]}).score.tolist() == [1, 2, 3]


# ------------------------------------------------------------------ fits, contributions, explanations


def test_a_fit_reads_back_bit_for_bit_and_scores_the_same():
    model, layer, data = model_of(SVI), layer_of(*SVI_FIELDS), columns(TRACTS)
    fit = fit_model(model, layer, data)
    again = Fit.of_text(fit.text)
    assert again == fit
    assert again.digest == fit.digest
    np.testing.assert_array_equal(
        assess_table(model, layer, data, fit=again).score, assess_table(model, layer, data, fit=fit).score
    )


def test_with_a_fit_one_row_scores_as_it_does_among_all():
    for text, values in ((SVI, TRACTS), (WEIGHED, CRITERIA)):
        model, layer, data = model_of(text), layer_of(*values), columns(values)
        fit = fit_model(model, layer, data)
        whole = assess_table(model, layer, data, fit=fit).score
        alone = [assess_table(model, layer, data.slice(i, 1), fit=fit).score[0] for i in range(data.num_rows)]
        np.testing.assert_array_equal(whole, alone)


def test_scoring_without_the_fit_of_this_model_is_refused():
    model, layer, data = model_of(SVI), layer_of(*SVI_FIELDS), columns(TRACTS)
    with pytest.raises(NotFittedError, match="assess the whole layer first"):
        assess_table(model, layer, data)
    other = model_of(SVI.replace('version = "1"', 'version = "2"'))
    with pytest.raises(NotFittedError, match="another version"):
        assess_table(other, layer, data, fit=fit_model(model, layer, data))


@pytest.mark.parametrize(
    ("text", "values"), [(SVI, TRACTS), (INFORM, COUNTRIES), (WEIGHED, CRITERIA), (HAZARD_SOURCE, None)]
)
def test_reference_and_contributions_sum_to_the_score(text, values):
    values = values or {"cl2": [5.0, 2.0], "nh3": [20.0, 6.0], "people": [60, 0]}
    model, layer, data = model_of(text), layer_of(*values), columns(values)
    fit = fit_model(model, layer, data)
    score = assess_table(model, layer, data, fit=fit).score
    total = reference_score(model, fit=fit) + sum(contributions(model, layer, data, fit=fit).values())
    np.testing.assert_allclose(total, score, rtol=0, atol=1e-9, equal_nan=True)


def test_an_index_of_many_fields_is_explained_by_drawn_orders_that_still_sum():
    names = [f"x{i}" for i in range(14)]
    text = head("s") + "".join(leaf(n, 'normalise = { method = "percentile_rank" }') for n in names)
    text += node("s", "sum", names, 'normalise = { method = "percentile_rank" }')
    generator = np.random.default_rng(5)
    values = {n: generator.integers(0, 9, 30).tolist() for n in names}
    model, layer, data = model_of(text), layer_of(*names), columns(values)
    told = explain(model, layer, "X", {n: values[n][3] for n in names}, fit=fit_model(model, layer, data))
    assert told.method == "shapley-sampled"
    total = told.reference["score"] + sum(c.contribution for c in told.contributions)
    assert total == pytest.approx(told.score, abs=1e-9)


def test_an_explanation_names_the_fit_and_its_nearest_changes_move_the_tier_under_it():
    model, layer, data = model_of(SVI), layer_of(*SVI_FIELDS), columns(TRACTS)
    fit = fit_model(model, layer, data)
    row = rows_of(TRACTS)[0]
    told = explain(model, layer, "T", row, fit=fit)
    assert told.reference["fit"] == {"rows": 8, "digest": fit.digest}
    assert told.nearest
    for change in told.nearest:
        one = columns({key: [value] for key, value in (row | {change.field: change.to}).items()})
        assert tiers(assess_table(model, layer, one, fit=fit)) == [change.tier]
    gap = explain(model, layer, "T", row | {"aged": None}, fit=fit)
    assert gap.missing == ("aged",)
    assert told.tier in gap.possible


@given(table, st.data())
@FEW
def test_under_one_fit_a_worse_factor_never_lowers_a_score(numbers, data):
    for text, fields in ((SVI, SVI_FIELDS), (WEIGHED, "abc"), (INFORM, INFORM_FIELDS)):
        width = len(fields)
        values = {key: [float((row * 2)[i]) for row in numbers] for i, key in enumerate(fields)}
        model, layer = model_of(text), layer_of(*fields)
        fit = fit_model(model, layer, columns(values))
        row = [data.draw(st.floats(-2, 15)) for _ in range(width)]
        i = data.draw(st.integers(0, width - 1))
        sign = -1 if fields[i] in {"income", "literacy", "doctors"} else 1
        worse = [x + sign * data.draw(st.floats(0, 5)) * (j == i) for j, x in enumerate(row)]
        both = columns({key: [row[j], worse[j]] for j, key in enumerate(fields)})
        result = assess_table(model, layer, both, fit=fit)
        if not np.isnan(result.score).any():
            assert result.score[1] >= result.score[0]
            assert result.rank[1] >= result.rank[0]


# ------------------------------------------------------------------ what is missing, gates


def test_a_value_may_stand_for_a_missing_one_where_the_source_says_so():
    extra = 'missing = "value"\nmissing_value = 6\nnormalise = { method = "min_max", from = [0, 10] }'
    model, layer = model_of(head("a") + leaf("a", extra)), layer_of("a")
    result = assess_table(model, layer, columns({"a": [None, 6.0, 2.0]}))
    assert result.score.tolist() == [0.6, 0.6, 0.2]
    assert list(result.missing) == [(), (), ()]
    assert explain(model, layer, "X", {"a": None}).assumed == ("a",)


def test_a_missing_value_that_counts_as_the_worst_gets_the_top_of_the_scale():
    extra = 'missing = "worst"\nnormalise = { method = "percentile_rank", high = 10 }'
    assert scored(head("a") + leaf("a", extra), {"a": [1.0, None, 3.0, 2.0]}).score.tolist() == [0, 10, 10, 5]


GATED = head("a") + leaf("a") + (
    '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "large"\nsource = "t"\n'
    'when = [{ field = "hurt", op = ">", value = 0 }]\n'
)  # fmt: skip


def test_a_gate_caps_the_tier_needs_evidence_and_a_rule_comes_after():
    text = GATED + gate('{ field = "depth", op = "<=", value = 0 }')
    values = {"a": [0.9, 0.9, 0.9, 0.9, 0.1, None], "depth": [0.0, 0.1, None, 0.0, 0.0, 0.0],
              "hurt": [0.0, 0.0, 0.0, 1.0, None, 0.0]}  # fmt: skip
    result = scored(text, values)
    assert tiers(result) == ["low", "major", "major", "large", "low", "unrated"]
    assert list(result.rules) == [("g",), (), (), ("r", "g"), ("g",), ("g",)]
    assert result.score[0] == 0.9
    told = explain(model_of(text), layer_of(*values), "X", {"a": 0.9, "depth": 0, "hurt": 1})
    assert (told.gates, told.rules, told.tier) == (("g",), ("r",), "large")
    capped = explain(model_of(text), layer_of(*values), "X", {"a": 0.9, "depth": 0, "hurt": 0})
    assert [(c.field, c.tier) for c in capped.nearest if c.direction == "worse"] == [
        ("hurt", "large"),
        ("depth", "major"),
    ]


@pytest.mark.parametrize(("at_most", "tier"), [("low", "low"), ("general", "general"), ("large", "large")])
def test_a_gate_caps_at_the_tier_that_it_names(at_most, tier):
    text = GATED + gate('{ field = "depth", op = "<=", value = 0 }', at_most)
    assert tiers(scored(text, {"a": [0.9], "depth": [0.0], "hurt": [0.0]})) == [tier]


@given(st.lists(st.tuples(*[st.sampled_from([None, 0.0, 0.3, 0.6, 0.9])] * 3), min_size=1, max_size=10))
@FEW
def test_losing_a_value_never_lowers_a_gated_tier(rows):
    text = GATED + gate('{ field = "depth", op = "<=", value = 0 }, { node = "a", op = "<", value = 0.8 }')
    values = dict(zip(("a", "depth", "hurt"), zip(*rows, strict=True), strict=True))
    now = scored(text, values).rank
    for key in ("a", "depth"):
        lost = scored(text, values | {key: [None] * len(rows)}).rank
        assert all(after == UNRATED or after >= before for before, after in zip(now, lost, strict=True))
        assert not ((now > RANK_OF["low"]) & (lost == RANK_OF["low"])).any()


# ------------------------------------------------------------------ learned


def test_a_learned_node_is_a_probability_and_unknown_inputs_stay_unknown():
    values = {"slope_deg": [40.0, 5.0, None], "wetness": [1.0, 0.0, 1.0]}
    result = scored(learned(), values, learned={"p": Slope()})
    assert result.score[:2] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(3.5))], abs=1e-9)
    assert tiers(result) == ["major", "low", "unrated"]
    assert result.missing[2] == ("slope_deg",)
    worst = scored(learned('missing = "worst"'), values, learned={"p": Slope()})
    assert tiers(worst) == ["major", "low", "major"]
    assert worst.score[2] == 1
    assert list(worst.missing) == [(), (), ()]
    banded = learned("bands = [{ below = 0.5, value = 0.2 }, { value = 0.7 }]")
    assert scored(banded, values, learned={"p": Slope()}).score[:2].tolist() == [0.7, 0.2]


def test_a_learned_node_is_explained_like_any_other():
    model, layer = model_of(learned()), layer_of("slope_deg", "wetness", minimum=0, maximum=90)
    artefact = Slope()
    told = explain(model, layer, "X", {"slope_deg": 40.0, "wetness": 1.0}, learned={"p": artefact})
    total = told.reference["score"] + sum(c.contribution for c in told.contributions)
    assert total == pytest.approx(told.score, abs=1e-9)
    assert {c.field for c in told.contributions} == {"slope_deg", "wetness"}
    assert told.nearest
    gap = explain(model, layer, "X", {"slope_deg": None, "wetness": 1.0}, learned={"p": artefact})
    assert (gap.missing, gap.possible) == (("slope_deg",), ())
