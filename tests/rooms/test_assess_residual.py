"""Residual risk: measures lower it only while they are verified and unexpired."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.scoring import assess_table, residual
from riskmap.scoring.residual import day_of
from riskmap.vocabulary import RANK_OF, RANKS, UNRATED
from tests.assess_rows import scoring
from tests.unit.test_assess_kernel import leaf, model_of

ON = date(2026, 7, 1)
BODY = (
    leaf("x", "hazard_ratio")
    + """
[[rules]]
id = "law"
title = { zh = "违法", en = "Law" }
tier = "large"
when = [{ field = "law_breach", op = "==", value = true }]
source = "a test"
"""
)
LIMITS = {"major": 20, "large": 9, "general": 4}


def measure(name: str = "m", *, effect: str = "{ factor = 0.5 }", floor: str = "low", more: str = "") -> str:
    return f"""
[[measures]]
id = "{name}"
title = {{ zh = "措施", en = "Measure" }}
when = [{{ field = "past_accident", op = "==", value = true }}]
verified = "surveyed_on"
effect = {effect}
floor = "{floor}"
status = "draft"
source = "a test"
{more or "valid_days = 90"}
"""


def left(text: str, *given: dict[str, Any], on: date = ON):
    model = model_of(BODY + text, **LIMITS)
    _, layer = scoring("risk_points")
    kinds = {
        "hazard_ratio": pa.float64(), "hazard_r": pa.float64(), "exposed_workers": pa.float64(), "law_breach": pa.bool_(),
        "past_accident": pa.bool_(), "surveyed_on": pa.string(), "expires_on": pa.string(),
    }  # fmt: skip
    table = pa.table(
        {f"f:{name}": pa.array([row.get(name) for row in given], kind) for name, kind in kinds.items()}
    )
    inherent = assess_table(model, layer, table)
    found = residual(model, layer, table, inherent, on=on)
    return inherent, found


def tiers(rank) -> list[str]:
    return [RANKS[one] for one in rank]


GOOD = {"hazard_ratio": 12.0, "past_accident": True, "surveyed_on": "2026-06-01"}


def test_a_measure_in_force_lowers_the_residual_and_leaves_the_inherent_tier():
    inherent, found = left(measure(), GOOD)
    assert (tiers(inherent.rank), inherent.score.tolist()) == (["large"], [12])
    assert (tiers(found.rank), found.score.tolist()) == (["general"], [6])
    (one,) = found.measures
    assert one.in_force[0]
    assert one.why_not(0) is None
    assert one.expires_on(0) == day_of(float(found.next_expiry[0])) == date(2026, 8, 30)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"past_accident": False}, "not_in_place"),
        ({"past_accident": None}, "not_in_place"),
        ({"surveyed_on": None}, "not_verified"),
        ({"surveyed_on": "去年"}, "not_verified"),
        ({"surveyed_on": "2026-07-02"}, "verified_in_future"),
        ({"surveyed_on": "2026-04-01"}, "expired"),
        ({"surveyed_on": None, "past_accident": None}, "not_in_place"),
    ],
)
def test_a_measure_that_is_not_known_to_hold_has_no_effect_and_says_why(change, why):
    inherent, found = left(measure(), GOOD | change)
    assert found.rank.tolist() == inherent.rank.tolist()
    assert found.score.tolist() == inherent.score.tolist()
    assert found.measures[0].why_not(0) == why
    assert np.isnan(found.next_expiry[0])


def test_the_last_day_counts_and_the_day_after_the_inherent_tier_is_back():
    last = date(2026, 6, 1) + timedelta(days=90)
    assert tiers(left(measure(), GOOD, on=last)[1].rank) == ["general"]
    assert tiers(left(measure(), GOOD, on=last + timedelta(days=1))[1].rank) == ["large"]
    assert tiers(left(measure(), GOOD, on=date(2026, 6, 1))[1].rank) == ["general"]
    assert tiers(left(measure(), GOOD, on=date(2026, 5, 31))[1].rank) == ["large"]


def test_an_expiry_date_may_stand_in_a_field_of_its_own():
    text = measure(more='expires = "expires_on"')
    _, found = left(text, GOOD | {"expires_on": "2026-07-01"}, GOOD | {"expires_on": "2026-06-30"}, GOOD)
    assert tiers(found.rank) == ["general", "large", "large"]
    assert [found.measures[0].why_not(row) for row in range(3)] == [None, "expired", "no_expiry"]


def test_a_pump_counts_only_where_it_is_known_to_move_more_than_flows_in():
    text = measure(more='valid_days = 90\nexceeds = [["hazard_r", "exposed_workers"]]')
    pairs = [(5.0, 4.0), (4.0, 4.0), (None, 4.0), (5.0, None)]
    _, found = left(text, *[GOOD | {"hazard_r": a, "exposed_workers": b} for a, b in pairs])
    assert tiers(found.rank) == ["general", "large", "large", "large"]


def test_steps_do_not_add_up_and_factors_multiply():
    step = "{ tiers = 1 }"
    two = measure("a", effect=step) + measure("b", effect=step)
    assert tiers(left(two, GOOD | {"hazard_ratio": 25.0})[1].rank) == ["large"]
    halves = measure("a") + measure("b")
    _, found = left(halves, GOOD | {"hazard_ratio": 25.0})
    assert (found.score.tolist(), tiers(found.rank)) == ([6.25], ["general"])
    # One step of 12 is general, a fifth of 12 is low: the lower of the two, not one after the other.
    mixed = measure("a", effect=step) + measure("b", effect="{ factor = 0.5 }")
    assert tiers(left(mixed, GOOD)[1].rank) == ["general"]


def test_no_measure_goes_below_its_own_floor_and_another_one_never_raises():
    low, high = (
        measure("a", effect="{ factor = 0.1 }"),
        measure("b", effect="{ factor = 0.1 }", floor="large"),
    )
    point = GOOD | {"hazard_ratio": 25.0}
    assert tiers(left(low, point)[1].rank) == ["low"]
    assert tiers(left(high, point)[1].rank) == ["large"]
    assert tiers(left(low + high, point)[1].rank) == ["low"]
    # A floor above the inherent tier raises nothing.
    assert tiers(left(high, GOOD | {"hazard_ratio": 5.0})[1].rank) == ["general"]


def test_a_tier_set_by_a_rule_stays_unless_the_measure_speaks_of_rules():
    point = GOOD | {"hazard_ratio": 5.0, "law_breach": True}
    assert tiers(left(measure(), point)[0].rank) == ["large"]
    assert tiers(left(measure(), point)[1].rank) == ["large"]
    step = measure(effect="{ tiers = 1 }")
    assert tiers(left(step, point)[1].rank) == ["large"]
    assert tiers(left(step + "rules = true\n", point)[1].rank) == ["general"]


def test_what_is_unrated_stays_unrated():
    inherent, found = left(measure(effect="{ tiers = 3 }"), GOOD | {"hazard_ratio": None})
    assert inherent.rank[0] == found.rank[0] == UNRATED
    assert np.isnan(found.score[0])


def test_a_negative_score_is_not_made_worse_by_a_factor():
    _, found = left(measure(), GOOD | {"hazard_ratio": -2.0})
    assert found.score.tolist() == [-2]


EFFECTS = ["{ factor = 0.3 }", "{ factor = 0.8 }", "{ tiers = 1 }", "{ tiers = 2 }"]
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(str) | st.none() | st.just("不详")


@st.composite
def measures(draw: st.DrawFn) -> str:
    out = ""
    for name in "abc"[: draw(st.integers(1, 3))]:
        effect = draw(st.sampled_from(EFFECTS))
        more = "rules = true\n" if "tiers" in effect and draw(st.booleans()) else ""
        out += measure(
            name,
            effect=effect,
            floor=draw(st.sampled_from(["low", "general", "large"])),
            more=f"valid_days = {draw(st.integers(0, 200))}\n{more}",
        )
    return out


POINTS = st.fixed_dictionaries(
    {
        "hazard_ratio": st.none() | st.floats(-5, 40).map(lambda x: round(x, 1)),
        "law_breach": st.booleans() | st.none(),
        "past_accident": st.booleans() | st.none(),
        "surveyed_on": DAYS,
    }
)


@given(measures(), st.lists(POINTS, min_size=1, max_size=5), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
@settings(max_examples=60)
def test_residual_is_never_worse_than_inherent_and_never_safer_than_the_floors(text, points, on):
    inherent, found = left(text, *points, on=on)
    assert (found.rank <= inherent.rank).all()
    known = ~np.isnan(inherent.score)
    assert (found.score[known] <= inherent.score[known]).all()
    assert ((found.rank == UNRATED) == (inherent.rank == UNRATED)).all()
    for row in range(len(points)):
        lowest = [RANK_OF[one.measure.floor] for one in found.measures if one.in_force[row]]
        assert found.rank[row] >= min([*lowest, int(inherent.rank[row])])
        if not lowest:
            assert found.rank[row] == inherent.rank[row]


@given(measures(), st.lists(POINTS, min_size=1, max_size=4), st.dates(date(2026, 1, 1), date(2026, 12, 31)))
@settings(max_examples=60)
def test_time_alone_never_lowers_a_residual_once_everything_is_verified(text, points, on):
    points = [
        p | {"surveyed_on": p["surveyed_on"] if (p["surveyed_on"] or "x") <= str(on) else None}
        for p in points
    ]
    inherent, now = left(text, *points, on=on)
    ends = [int(e) for e in now.next_expiry if not np.isnan(e)]
    for day in {on + timedelta(days=1), *(date.fromordinal(e + 1) for e in ends)}:
        later = left(text, *points, on=day)[1]
        assert (later.rank >= now.rank).all()
    _, end = left(text, *points, on=on + timedelta(days=400))
    assert end.rank.tolist() == inherent.rank.tolist()


@given(measures(), st.lists(POINTS, min_size=2, max_size=5), st.data())
@settings(max_examples=30)
def test_row_order_changes_nothing(text, points, data):
    order = data.draw(st.permutations(range(len(points))))
    straight, shuffled = left(text, *points)[1], left(text, *[points[i] for i in order])[1]
    assert straight.rank[order].tolist() == shuffled.rank.tolist()
    np.testing.assert_array_equal(straight.next_expiry[order], shuffled.next_expiry)


UNDERGROUND = """
[[measures]]
id = "barrier"
title = { zh = "挡水板", en = "Barrier" }
when = [{ field = "checklist.item_1", op = "==", value = true }]
verified = "checklist.item_1.verified_on"
valid_days = 365
effect = { tiers = 1 }
floor = "general"
status = "draft"
source = "a test"
"""


def test_a_measure_on_an_item_of_the_checklist_ends_with_the_item_and_the_mark_stays():
    model = model_of(leaf("x", "parking_spaces") + UNDERGROUND, **LIMITS)
    _, layer = scoring("underground_spaces")
    marks = [True, True, True, False, None]
    until = ["2026-07-01", "2026-06-30", None, "2026-12-31", "2026-12-31"]
    table = pa.table(
        {
            "f:parking_spaces": pa.array([12] * 5, pa.int64()),
            "checklist": pa.array([[one] + [None] * 9 for one in marks], pa.list_(pa.bool_())),
            "f:checklist.item_1.verified_on": pa.array(["2026-06-01"] * 5, pa.string()),
            "f:checklist.item_1.until": pa.array(until, pa.string()),
        }
    )
    inherent = assess_table(model, layer, table)
    found = residual(model, layer, table, inherent, on=ON)
    assert tiers(inherent.rank) == ["large"] * 5
    assert tiers(found.rank) == ["general", "large", "general", "large", "large"]
    (one,) = found.measures
    assert [one.why_not(row) for row in range(5)] == [None, "expired", None, "not_in_place", "not_in_place"]
    assert one.expires_on(0) == date(2026, 7, 1)
    assert one.expires_on(2) == date(2026, 6, 1) + timedelta(days=365)  # no last day of its own
