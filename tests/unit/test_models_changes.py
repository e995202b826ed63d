"""A ring of changed inputs: one factor, one limit, one weight moves the result as it should, and no more."""

from __future__ import annotations

import pytest

from riskmap.catalog.model_file import read_model
from riskmap.scoring import assess_table
from tests.assess_rows import assessed, catalog, scoring, table, tiers
from tests.index_models import COUNTRY, INFORM, head, leaf, node, scored

LEC = {"likelihood": 3.0, "exposure": 6.0, "consequence": 15.0}


def varied(model_id: str, before: str, after: str):
    text = catalog().models[model_id].text
    assert text.count(before) == 1
    return read_model(text.replace(before, after), "m.toml")


@pytest.mark.parametrize(
    ("change", "score", "tier"),
    [({}, 270, "large"), ({"likelihood": 6.0}, 540, "major"), ({"likelihood": 1.0}, 90, "general"),
     ({"exposure": 1.0}, 45, "low"), ({"consequence": 40.0}, 720, "major"), ({"consequence": None}, None, "unrated")],
)  # fmt: skip
def test_one_factor_moves_the_score_by_its_own_ratio(change, score, tier):
    result = assessed("risk_points", LEC | change)
    assert tiers(result) == [tier]
    assert score is None or result.score[0] == score


@pytest.mark.parametrize(
    ("before", "after", "tier"),
    [("large = 160", "large = 270", "large"), ("large = 160", "large = 270.5", "general"),
     ("major = 320", "major = 270", "major"), ("large = 160", "large = { above = 270 }", "general")],
)  # fmt: skip
def test_one_limit_moves_the_tier_and_not_the_score(before, after, tier):
    _, layer = scoring("risk_points")
    result = assess_table(varied("risk_points_lec", before, after), layer, table("risk_points", LEC))
    assert (result.score.tolist(), tiers(result)) == ([270], [tier])


@pytest.mark.parametrize(
    ("weights", "score"), [("[0.5, 0.3, 0.2]", 0.53), ("[0.4, 0.4, 0.2]", 0.46), ("[0.5, 0.2, 0.3]", 0.52)]
)
def test_one_weight_moves_a_mean_by_its_share(weights, score):
    text = (
        head("s")
        + leaf("a")
        + leaf("b")
        + leaf("c")
        + node("s", "mean", ["a", "b", "c"], f"weights = {weights}")
    )
    assert scored(text, {"a": [0.9], "b": [0.2], "c": [0.1]}).score[0] == pytest.approx(score)


def test_one_comparison_moves_the_weights_towards_what_it_prefers():
    def weights(first):
        text = head("s") + leaf("a") + leaf("b") + leaf("c")
        text += node(
            "s",
            "mean",
            ["a", "b", "c"],
            f'pairwise = [[1, {first}, 5], ["1/{first}", 1, 2], ["1/5", "1/2", 1]]',
        )
        return read_model(text, "m.toml").node("s").weights

    assert weights(4)[0] > weights(3)[0] > weights(2)[0]
    assert all(sum(weights(n)) == pytest.approx(1) for n in (2, 3, 4))


@pytest.mark.parametrize(
    ("field", "worse"),
    [("quake", 7.9), ("flood", 0.6), ("drought", 2.5), ("gini", 60), ("aid", 14), ("refugees", 11), ("literacy", 35), ("doctors", 0.1)],
)  # fmt: skip
def test_each_indicator_of_an_index_moves_it_in_its_own_direction(field, worse):
    now = {key: [value] for key, value in COUNTRY.items()}
    assert scored(INFORM, now | {field: [worse]}).score[0] > scored(INFORM, now).score[0]


def test_a_goalpost_moves_only_what_lies_under_it():
    now = {key: [value] for key, value in COUNTRY.items()}
    wider = INFORM.replace("from = [0, 8]", "from = [0, 80]")
    assert scored(wider, now).score[0] < scored(INFORM, now).score[0]
    far = INFORM.replace("from = [0, 8]", "from = [0, 8.0001]")
    assert scored(far, now).score[0] == scored(INFORM, now).score[0]


def test_a_matrix_cell_moves_the_slopes_that_lie_in_it():
    slope = {"height_m": 8.0, "slope_deg": 35.0, "threatened_people": 12, "threatened_property": 80.0,
             "stability": "unstable", "deformation": False, "rain_damaged": False}  # fmt: skip
    _, layer = scoring("slopes")
    before = assess_table(catalog().models["slopes_matrix"], layer, table("slopes", slope))
    model = varied(
        "slopes_matrix",
        "  [1, 1, 2, 3],\n  [1, 2, 3, 4],\n  [1, 2, 3, 4],",
        "  [1, 1, 2, 3],\n  [1, 2, 3, 5],\n  [1, 2, 3, 5],",
    )
    after = assess_table(model, layer, table("slopes", slope))
    assert (before.score[0], after.score[0]) == (8, 10)
