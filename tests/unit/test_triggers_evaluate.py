"""Triggers over a storm: raise, hold, merge, never lower; unknown is listed; hour by hour is the replay."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskmap.moments import seconds_of
from riskmap.response import triggers as triggers_module
from riskmap.response.triggers import evaluate
from riskmap.values.hazards import Escalation, IssuedWarning, Series
from riskmap.values.scenario import Closure
from riskmap.vocabulary import RANK_OF
from tests.trigger_samples import RAIN, columns_of, hours, layer_of, ranks, series

NAN = float("nan")
T0 = dt.datetime(2026, 8, 31, tzinfo=dt.UTC)


def hour(n: int) -> dt.datetime:
    return T0 + dt.timedelta(hours=n)


def issued(n: int) -> np.datetime64:
    return seconds_of(hour(n))


def row_of(one: Escalation | Closure) -> int:
    """The row in the sample whose codes count the rows."""
    return int(one.code.removeprefix("P"))


def run(triggers: str, rows, tiers, drivers, *, n=None, warnings=(), subdistricts=None):
    layer = layer_of(triggers)
    n = n or next((s.best.shape[0] for s in drivers.values()), 1)
    return evaluate(
        layer.triggers,
        columns_of(layer, rows),
        ranks=ranks(*tiers),
        drivers=drivers,
        times=hours(n),
        warnings=warnings,
        subdistricts=subdistricts,
    )


def test_a_tier_is_raised_from_the_first_hour_over_the_limit_until_the_hold_after_the_last():
    out = run(RAIN, [{}], ["low"], {"i3_mm": series([[10], [30], [60], [40], [5], [0]], spread=0.2)})
    (large,) = out.escalations
    assert (large.rank_from, large.rank_to) == (RANK_OF["low"], RANK_OF["large"])
    assert (large.start, large.expiry) == (hour(1), hour(6))
    assert large.spans == ((RANK_OF["general"], hour(1), hour(6)), (RANK_OF["large"], hour(2), hour(5)))
    assert (large.value, large.low, large.high) == pytest.approx((60, 48, 72))
    assert "60.0 mm" in large.cause.zh
    assert "48.0–72.0" in large.cause.zh
    assert "不低于 50 mm" in large.cause.zh
    assert "at least 50 mm" in large.cause.en
    assert not out.unknown
    assert not out.reached


def test_a_tier_that_rises_twice_within_one_episode_says_when_it_did():
    out = run(RAIN, [{}], ["low"], {"i3_mm": series([[30], [55], [30], [30], [30], [30], [90], [0]])})
    (one,) = out.escalations
    assert (one.value, one.rank_to) == (90, RANK_OF["major"])
    assert "不低于 80 mm" in one.cause.zh
    assert one.spans == (
        (RANK_OF["general"], hour(0), hour(9)),
        (RANK_OF["large"], hour(1), hour(4)),
        (RANK_OF["major"], hour(6), hour(9)),  # covers the second time over 50 mm from end to end
    )


def test_gaps_not_longer_than_the_hold_are_one_escalation_and_longer_ones_two():
    near = run(RAIN, [{}], ["low"], {"i3_mm": series([[30], [0], [0], [30], [0]])})
    assert [(e.start, e.expiry) for e in near.escalations] == [(hour(0), hour(6))]
    far = run(RAIN, [{}], ["low"], {"i3_mm": series([[30], [0], [0], [0], [30]])})
    assert [(e.start, e.expiry) for e in far.escalations] == [(hour(0), hour(3)), (hour(4), hour(7))]


def test_a_higher_static_tier_is_never_lowered_and_the_record_is_named_as_reached():
    out = run(RAIN, [{}, {}], ["major", "large"], {"i3_mm": series([[60, 60]])})
    assert not out.escalations
    assert [(row_of(e), e.rank_from, e.rank_to) for e in out.reached] == [
        (0, RANK_OF["major"], RANK_OF["major"]),
        (1, RANK_OF["large"], RANK_OF["large"]),
    ]


def test_an_unrated_record_is_raised_like_any_other():
    out = run(RAIN, [{}], ["unrated"], {"i3_mm": series([[30]])})
    assert out.escalations[0].rank_to == RANK_OF["general"]


def test_a_limit_belongs_to_the_higher_tier_whatever_floats_do():
    text = RAIN.replace("from = 30", "from = 0.15").replace("i3_mm", "depth_m")
    assert run(text, [{}], ["low"], {"depth_m": series([[0.1 + 0.05]])}).escalations
    assert not run(text, [{}], ["low"], {"depth_m": series([[0.1499]])}).escalations


MARGIN = """
[[triggers]]
id = "margin"
title = { zh = "富余", en = "Margin" }
driver = "margin_m"
hold_hours = 1
status = "draft"
source = "a test"
levels = [{ below = 0.30, tier = "general" }, { below = 0.15, tier = "large" }, { upto = 0, tier = "major" }]
"""


@pytest.mark.parametrize(
    ("margin", "tier"),
    [
        (0.31, None),
        (0.30, None),
        (0.29, "general"),
        (0.15, "general"),
        (0.1, "large"),
        (0.0, "major"),
        (-1, "major"),
    ],
)
def test_margins_of_underground_openings_grow_worse_downwards(margin, tier):
    out = run(MARGIN, [{}], ["low"], {"margin_m": series([[margin]])})
    assert max((e.rank_to for e in out.escalations), default=None) == (RANK_OF[tier] if tier else None)


def test_the_worst_number_of_a_margin_is_the_least():
    out = run(MARGIN, [{}], ["low"], {"margin_m": series([[0.1], [-0.2], [0.12]])})
    assert [e.value for e in out.escalations] == pytest.approx([-0.2])


def test_an_unknown_driver_lists_the_record_and_never_makes_it_safe():
    out = run(RAIN, [{}, {}, {}], ["low", "low", "major"], {"i3_mm": series([[NAN, 5, NAN], [NAN, 5, 1]])})
    assert not out.escalations
    (unknown,) = out.unknown
    assert (unknown.trigger, unknown.why, unknown.names) == ("rain", "driver", ("i3_mm",))
    assert (unknown.rows.tolist(), unknown.hours.tolist()) == ([0], [2])  # major can be raised no more


def test_rain_that_has_fallen_for_certain_raises_although_the_total_is_not_known():
    least = np.array([[60.0]], np.float32)
    none = np.full_like(least, np.nan)
    out = run(RAIN, [{}], ["low"], {"i3_mm": Series(none, least, none)})
    assert [e.rank_to for e in out.escalations] == [RANK_OF["large"]]
    assert out.unknown[0].rows.tolist() == [0]  # it may be major


def test_a_gauge_that_falls_silent_in_the_storm_lowers_nothing():
    out = run(RAIN, [{}], ["low"], {"i3_mm": series([[40], *[[NAN]] * 8, [5]])})
    assert [(e.start, e.expiry) for e in out.escalations] == [(hour(0), hour(11))]
    assert out.unknown[0].hours.tolist() == [8]


def test_a_trigger_whose_driver_was_not_given_is_named():
    out = run(RAIN, [{}], ["low"], {}, n=3)
    assert out.skipped == ("rain",)
    assert not out.unknown


BY = """
[[triggers]]
id = "wind"
title = { zh = "大风", en = "Wind" }
driver = "wind_ms"
by = "kind"
hold_hours = 1
status = "draft"
source = "a test"
missing = "MISSING"
classes = { crane = [{ from = 10.8, tier = "large" }], wall = [] }
"""


def test_limits_hold_by_class_and_a_class_that_is_not_known_is_listed_only_where_it_matters():
    rows = [{"kind": "crane"}, {"kind": "wall"}, {}, {}]
    wind = {"wind_ms": series([[12, 40, 12, 5]])}
    out = run(BY.replace("MISSING", "unknown"), rows, ["low"] * 4, wind)
    assert [row_of(e) for e in out.escalations] == [0]
    assert "种类：塔吊" in out.escalations[0].cause.zh
    (unknown,) = out.unknown
    assert (unknown.why, unknown.names, unknown.rows.tolist()) == ("field", ("kind",), [2])


def test_a_class_that_is_not_known_counts_as_the_worst_where_the_file_says_so():
    rows = [{"kind": "wall"}, {}]
    out = run(BY.replace("MISSING", "worst"), rows, ["low"] * 2, {"wind_ms": series([[12, 12]])})
    assert [(row_of(e), e.details) for e in out.escalations] == [(1, {"assumed_worst": True})]
    assert "按最不利" in out.escalations[0].cause.zh
    assert not out.unknown


WHEN = RAIN.replace("hold_hours", 'when = [{ field = "moving", op = "==", value = true }]\nhold_hours')


def test_a_condition_that_is_not_known_lists_the_record_where_the_rain_reaches_it():
    rows = [{"moving": True}, {"moving": False}, {}, {}]
    out = run(WHEN, rows, ["low"] * 4, {"i3_mm": series([[40, 40, 40, 10]])})
    assert [row_of(e) for e in out.escalations] == [0]
    assert [(u.why, u.rows.tolist()) for u in out.unknown] == [("field", [2])]


ALSO = RAIN.replace(
    "levels = [{ from = 30, tier", 'levels = [{ from = 30, also = [{ driver = "r24_mm", from = 100 }], tier'
)


def test_a_level_may_ask_for_a_second_driver_and_is_unknown_without_it():
    rain = series([[40, 40, 40, 10]])
    both = {"i3_mm": rain, "r24_mm": series([[120, 80, NAN, NAN]])}
    out = run(ALSO, [{}] * 4, ["low"] * 4, both)
    assert [row_of(e) for e in out.escalations] == [0]
    assert "24 小时雨量不低于 100 mm" in out.escalations[0].cause.zh
    assert out.unknown[0].rows.tolist() == [2]
    alone = run(ALSO, [{}] * 4, ["low"] * 4, {"i3_mm": rain})
    assert alone.unknown[0].rows.tolist() == [0, 1, 2]


CLOSES = """
[[triggers]]
id = "flood"
title = { zh = "受淹", en = "Flooded" }
driver = "depth_m"
closes = true
hold_hours = 12
status = "draft"
source = "a test"
levels = [{ from = 0.15 }]
"""


def test_a_flooded_shelter_is_closed_and_keeps_its_tier():
    out = run(CLOSES, [{}, {}, {}], ["low", "major", "low"], {"depth_m": series([[0.2, 0.2, 0.1]])})
    assert [(row_of(c), c.start, c.expiry) for c in out.closed] == [
        (0, hour(0), hour(12)),
        (1, hour(0), hour(12)),
    ]
    assert not out.escalations
    assert not out.reached


WARNED = """
[[triggers]]
id = "warned"
title = { zh = "台风预警", en = "Typhoon warning" }
driver = "warning"
kinds = ["typhoon"]
hold_hours = 6
status = "draft"
source = "a test"
levels = [{ colour = "yellow", tier = "general" }, { colour = "red", tier = "major" }]
"""
PLACES = [{"subdistrict": s} for s in ("甲街道", "乙街道", "丙街道", None)]


def test_a_warning_for_two_subdistricts_raises_the_records_there_and_those_of_no_known_place():
    warning = IssuedWarning("typhoon", "orange", issued(0), ("甲街道", "乙街道"))
    out = run(WARNED, PLACES, ["low"] * 4, {}, n=3, warnings=[warning])
    assert [(row_of(e), e.rank_to) for e in out.escalations] == [(r, RANK_OF["general"]) for r in (0, 1, 3)]
    assert {(e.start, e.expiry) for e in out.escalations} == {
        (hour(0), hour(8))
    }  # not lifted: from now on 6 h
    assert out.escalations[2].details["subdistrict_unknown"] is True
    assert "街道未填" in out.escalations[2].cause.zh


def test_a_warning_ends_at_its_expiry_or_when_the_next_one_for_the_place_is_issued():
    first = IssuedWarning("typhoon", "red", issued(0), ("甲街道",))
    second = IssuedWarning("typhoon", "yellow", issued(2), (), expires=issued(4))
    out = run(WARNED, PLACES[:2], ["low"] * 2, {}, n=6, warnings=[second, first])
    assert {(row_of(e), e.rank_to, e.start, e.expiry) for e in out.escalations} == {
        (0, RANK_OF["general"], hour(0), hour(4)),
        (0, RANK_OF["major"], hour(0), hour(2)),
        (1, RANK_OF["general"], hour(2), hour(4)),
    }


def test_a_warning_that_is_issued_later_than_now_is_not_known_yet():
    warning = IssuedWarning("typhoon", "red", issued(5))
    assert not run(WARNED, PLACES, ["low"] * 4, {}, n=3, warnings=[warning]).escalations


def test_other_kinds_and_milder_colours_raise_nothing():
    others = [IssuedWarning("rainstorm", "red", issued(0)), IssuedWarning("typhoon", "blue", issued(0))]
    out = run(WARNED, PLACES, ["low"] * 4, {}, n=3, warnings=others)
    assert (out.escalations, out.reached, out.unknown) == ((), (), ())


VALUES = st.one_of(st.sampled_from([NAN, 29.0, 30.0, 50.0, 80.0, 100.0]), st.floats(0, 120, width=32))


@settings(max_examples=60)
@given(
    data=st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=14),
    tiers=st.lists(st.sampled_from(["low", "unrated", "general", "large", "major"]), min_size=3, max_size=3),
    seconds=st.lists(VALUES, min_size=14, max_size=14),
    starts=st.lists(st.tuples(st.integers(-2, 14), st.sampled_from(["yellow", "red"])), max_size=3),
)
@example([[NAN] * 3] * 3, ["low"] * 3, [NAN] * 14, [(0, "red"), (1, "yellow")])
def test_hour_by_hour_says_what_a_replay_says_of_every_hour(data, tiers, seconds, starts):
    layer = layer_of(WHEN + ALSO.replace('id = "rain"', 'id = "both"') + WARNED)
    columns = columns_of(
        layer, [{"moving": True, "subdistrict": "甲"}, {"moving": None}, {"subdistrict": "乙"}]
    )
    warnings = [IssuedWarning("typhoon", colour, issued(s), ("甲",)) for s, colour in starts]
    rain, long = np.asarray(data, np.float32), np.asarray(seconds, np.float32)[:, None].repeat(3, axis=1)

    def upto(n):
        drivers = {"i3_mm": series(rain[:n]), "r24_mm": series(long[:n])}
        times = hours(len(rain))[:n]
        return evaluate(
            layer.triggers, columns, ranks=ranks(*tiers), drivers=drivers, times=times, warnings=warnings
        )  # fmt: skip

    def active(out, t):
        found = {}
        for e in out.escalations:
            for step in e.spans:
                if step.start <= t < step.expiry:
                    found[row_of(e)] = max(found.get(row_of(e), 0), step.rank)
        return found

    def begun(out, t):
        """When a record first came to this rank or a worse one, episode by episode."""
        return {
            (row_of(e), e.trigger, e.start, rank, min(s.start for s in e.spans if s.rank >= rank))
            for e in out.escalations
            for rank in range(e.rank_from + 1, e.rank_to + 1)
            if min(s.start for s in e.spans if s.rank >= rank) <= t
        }

    whole = upto(len(rain))
    for n in range(1, len(rain) + 1):
        t = hour(n - 1)
        so_far = upto(n)
        assert active(so_far, t) == active(whole, t)
        assert begun(so_far, t) == begun(whole, t)
    for e in whole.escalations:
        assert e.rank_to > e.rank_from == RANK_OF[tiers[row_of(e)]]
        assert e.expiry > e.start
        assert e.rank_to == max(step.rank for step in e.spans)
        assert (e.start, e.expiry) == (min(s.start for s in e.spans), max(s.expiry for s in e.spans))
        assert all(e.rank_from < step.rank and step.start < step.expiry for step in e.spans)


@settings(max_examples=30)
@given(
    data=st.lists(st.lists(VALUES, min_size=5, max_size=5), min_size=1, max_size=8),
    more=st.floats(0, 50, width=32),
)
def test_more_rain_never_means_fewer_records_or_a_lower_tier(data, more):
    layer = layer_of()
    columns, times = columns_of(layer, [{}] * 5), hours(len(data))

    def worst(values):
        drivers = {"i3_mm": series(values)}
        out = evaluate(layer.triggers, columns, ranks=ranks(*["low"] * 5), drivers=drivers, times=times)
        return [max((e.rank_to for e in out.escalations if row_of(e) == r), default=0) for r in range(5)]

    rain = np.asarray(data, np.float32)
    assert all(a <= b for a, b in zip(worst(rain), worst(rain + np.float32(more)), strict=True))


def test_chunks_of_records_change_nothing(monkeypatch):
    rng = np.random.default_rng(7)
    layer = layer_of(RAIN + BY.replace("MISSING", "unknown"))
    rows = [{"kind": k} for k in rng.choice(["crane", "wall", None], 50).tolist()]
    columns = columns_of(layer, rows)
    drivers = {"i3_mm": series(rng.uniform(0, 100, (6, 50))), "wind_ms": series(rng.uniform(0, 20, (6, 50)))}
    given = {"ranks": ranks(*["low"] * 50), "drivers": drivers, "times": hours(6)}
    whole = evaluate(layer.triggers, columns, **given)
    monkeypatch.setattr(triggers_module, "CHUNK", 7)
    parts = evaluate(layer.triggers, columns, **given)
    key = lambda e: (e.trigger, row_of(e), e.rank_to, str(e.start))  # noqa: E731
    assert sorted(parts.escalations, key=key) == sorted(whole.escalations, key=key)
    assert [u.rows.tolist() for u in parts.unknown] == [u.rows.tolist() for u in whole.unknown]


def test_a_series_whose_best_is_its_high_raises_on_the_unfavourable_end():
    wide = series([[40]], spread=0.5)
    careful = replace(wide, best=wide.high)
    (middle,) = run(RAIN, [{}], ["low"], {"i3_mm": wide}).escalations
    (worst,) = run(RAIN, [{}], ["low"], {"i3_mm": careful}).escalations
    assert (middle.rank_to, worst.rank_to) == (RANK_OF["general"], RANK_OF["large"])
