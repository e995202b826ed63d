"""Which readings reach which level of a threshold, and from when to when."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.catalog.series import SeriesIndicator, Threshold, ThresholdLevel
from riskmap.errors import Text
from riskmap.response.thresholds import (
    UNKNOWN,
    alert_code,
    last_measure,
    levels,
    measures,
    shown,
    windows,
    worst_now,
)


def threshold(of="value", *, over=None, clear=0, limits=((1.0, "blue"), (3.0, "red"))):
    stated = tuple(ThresholdLevel(from_=value, level=level) for value, level in limits)
    return Threshold(
        id="t",
        version="2",
        status="draft",
        source="a test",
        indicator="i",
        of=of,
        over=None if over is None else dt.timedelta(seconds=over),
        levels=stated,
        clear_after=dt.timedelta(seconds=clear),
    )


def reached(limit, ts, value):
    ts, value = np.array(ts, np.int64), np.array(value, np.float64)
    return levels(limit, measures(limit, ts, value)).tolist()


def test_a_limit_belongs_to_its_level_and_noise_of_decimals_does_not_miss_it():
    assert reached(threshold(), [0, 1, 2, 3], [0.9, 1.0, 0.1 + 0.9 - 1e-12, 3.0]) == [0, 1, 1, 2]


def test_a_rise_is_seen_against_the_lowest_before_it_and_is_unknown_without_one():
    limit = threshold("rise", over=10)
    assert reached(limit, [0, 5, 9, 15, 40], [2.0, 1.0, 2.1, 4.0, 9.0]) == [UNKNOWN, 0, 1, 2, UNKNOWN]
    falls = threshold("fall", over=10)
    assert reached(falls, [0, 5, 9], [2.0, 1.0, -1.5]) == [UNKNOWN, 1, 2]


def test_what_the_instrument_cannot_show_is_no_measurement():
    tilt = SeriesIndicator(id="i", title=Text("倾角", "Tilt"), minimum=-90, maximum=90)
    value = shown(tilt, np.array([1.0, 999.0, -91.0, 90.0]))
    assert np.isnan(value).tolist() == [False, True, True, False]
    assert reached(threshold(), [0, 1, 2, 3], value) == [1, UNKNOWN, UNKNOWN, 2]


def test_a_window_lasts_until_the_limit_is_undercut_for_long_enough():
    ts, value = [0, 10, 20, 30, 100, 110], [1.0, 0.5, 3.0, 0.5, 1.0, 0.0]
    found = windows(threshold(clear=30), np.array(ts), np.array(value))
    assert [(one.start, one.last, one.level, one.peak, one.open) for one in found] == [
        (0, 20, "red", 3.0, False),
        (100, 100, "blue", 1.0, True),
    ]


def test_silence_ends_no_window():
    found = windows(threshold(clear=30), np.array([0, 1000]), np.array([1.0, 1.0]))
    assert [(one.start, one.last, one.open) for one in found] == [(0, 1000, True)]
    found = windows(threshold(clear=30), np.array([0, 1000]), np.array([1.0, np.nan]))
    assert [one.open for one in found] == [True]


def test_a_low_value_may_be_the_bad_one():
    limit = threshold().model_copy(
        update={"levels": (ThresholdLevel(upto=3.0, level="blue"), ThresholdLevel(below=1.0, level="red"))}
    )
    assert reached(limit, [0, 1, 2, 3], [4.0, 3.0, 1.0, 0.9]) == [0, 1, 1, 2]
    (found,) = windows(limit, np.array([0, 1, 2, 3]), np.array([4.0, 3.0, 1.0, 0.9]))
    assert (found.peak, found.peak_at, found.level) == (0.9, 3, "red")


def test_the_worst_of_several_thresholds_counts_and_is_named():
    mild, bad = threshold(limits=((1.0, "yellow"),)), threshold(limits=((0.5, "orange"),))
    assert worst_now((mild, bad), np.array([0]), np.array([2.0])) == ("orange", bad)
    assert worst_now((mild, bad), np.array([0]), np.array([0.1])) == (None, None)
    assert worst_now((mild,), np.array([], np.int64), np.array([])) == (None, None)


def test_the_code_of_an_alert_is_made_of_sensor_threshold_and_start():
    (window,) = windows(threshold(), np.array([86_400]), np.array([2.0]))
    assert alert_code("QJ-1", threshold(), window.start) == "QJ-1-t-19700102T000000Z"


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(-20, 20)), min_size=1, max_size=40),
    st.integers(1, 120),
)
def test_the_rise_is_that_of_the_definition(steps, over):
    ts = np.cumsum([step for step, _ in steps])
    value = np.array([float(v) for _, v in steps])
    found = measures(threshold("rise", over=over), ts, value)
    assert last_measure(threshold("rise", over=over), ts, value) == pytest.approx(found[-1], nan_ok=True)
    falls = threshold("fall", over=over)
    assert last_measure(falls, ts, value) == pytest.approx(measures(falls, ts, value)[-1], nan_ok=True)
    for i in range(len(ts)):
        before = value[(ts < ts[i]) & (ts >= ts[i] - over)]
        wanted = value[i] - before.min() if len(before) else np.nan
        assert found[i] == pytest.approx(wanted, nan_ok=True)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60), st.integers(0, 5))
def test_every_reading_that_meets_a_level_lies_in_exactly_one_window(values, clear):
    ts, value = np.arange(len(values)), np.array(values, np.float64)
    limit = threshold(clear=clear)
    found = windows(limit, ts, value)
    met = np.flatnonzero(levels(limit, measures(limit, ts, value)) > 0)
    assert [sum(one.start <= at <= one.last for one in found) for at in met] == [1] * len(met)
    assert [one.open for one in found[:-1]] == [False] * (len(found) - 1)
