"""From rain to what triggers compare: worked values, unknown that is never dry, bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import RiskmapError, Text
from riskmap.hazards.rain_field import amounts, between_stations, rain_drivers
from riskmap.values.hazards import Rain
from tests.trigger_samples import hours

NAN = float("nan")


def rain_of(values, *, step=1, issued=None) -> Rain:
    amount = np.asarray(values, dtype=np.float64)
    amount = amount[:, None] if amount.ndim == 1 else amount
    time = np.datetime64("2026-08-31T00:00:00", "s") + np.arange(1, len(amount) + 1) * np.timedelta64(
        step * 3600, "s"
    )
    return Rain(time, np.timedelta64(step * 3600, "s"), amount, Text("试", "test"), issued)


def best(values, name, **more):
    return rain_drivers(rain_of(values), **more)[name].best[:, 0].tolist()


def test_sums_look_back_and_a_dry_past_must_be_stated():
    assert best([1, 2, 3, 4], "i1_mm") == [1, 2, 3, 4]
    assert best([1, 2, 3, 4], "i3_mm", before="dry") == [1, 3, 6, 9]
    assert best([1, 2, 3, 4], "i3_mm") == pytest.approx([NAN, NAN, 6, 9], nan_ok=True)
    series = rain_drivers(rain_of([1, 2, 3, 4]))["i3_mm"]
    assert series.low[:, 0].tolist() == [1, 3, 6, 9]  # it fell for certain
    assert np.isnan(series.high[:2]).all()


def test_an_hour_that_is_not_known_makes_the_sums_unknown_but_not_what_fell():
    series = rain_drivers(rain_of([10, NAN, 5, 5, 5]), before="dry")["i3_mm"]
    assert series.best[:, 0].tolist() == pytest.approx([10, NAN, NAN, NAN, 15], nan_ok=True)
    assert series.low[:, 0].tolist() == [10, 10, 15, 10, 15]


def test_the_antecedent_index_of_the_worked_example():
    daily = [0, 5, 0, 10, 0, 30, 80]  # the last one is today
    values = np.zeros(7 * 24)
    values[12::24] = daily
    index = rain_drivers(rain_of(values))["antecedent_mm"]
    assert float(index.best[-1, 0]) == pytest.approx(58.383, abs=5e-4)
    assert np.isnan(index.best[0, 0])
    assert float(index.low[-1, 0]) == pytest.approx(58.383, abs=5e-4)


def test_an_event_counts_from_its_first_rain_and_ends_after_dry_hours():
    values = [5, 0, 5, *[0] * 6, 7]
    drivers = rain_drivers(rain_of(values), before="dry")
    assert drivers["event_mm"].best[:, 0].tolist() == [5, 5, 10, 10, 10, 10, 10, 10, 0, 7]
    assert drivers["event_hours"].best[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 0, 1]
    unknown = rain_drivers(rain_of(values))["event_mm"]
    assert np.isnan(unknown.best[:8]).all()  # how long it has rained before is not known
    assert unknown.best[8:, 0].tolist() == [0, 7]


def test_rain_in_long_steps_leaves_the_hour_between_its_share_and_the_whole():
    drivers = rain_drivers(rain_of([30, 0], step=3), before="dry")
    assert np.isnan(drivers["i1_mm"].best[0, 0])
    assert (drivers["i1_mm"].low[0, 0], drivers["i1_mm"].high[0, 0]) == (10, 30)
    assert drivers["i1_mm"].best[1, 0] == 0
    assert drivers["i3_mm"].best[:, 0].tolist() == [30, 0]


def test_drivers_at_other_times_are_unknown_beyond_the_series():
    rain = rain_of([1, 2])
    at = hours(5)
    series = rain_drivers(rain, times=at)["i1_mm"]
    assert series.best[:, 0].tolist() == pytest.approx([NAN, 1, 2, NAN, NAN], nan_ok=True)


def test_a_forecast_has_a_stated_band_and_a_measurement_none():
    forecast = amounts(rain_of([10], issued=np.datetime64("2026-08-31", "s")))
    assert (forecast.low[0, 0], forecast.high[0, 0]) == (6, 14)
    measured = amounts(rain_of([10]))
    assert measured.low is measured.best
    with pytest.raises(RiskmapError, match="带宽"):
        amounts(rain_of([10]), band=2)


def test_the_band_lies_between_two_ways_of_interpolating():
    rain = rain_of([[10, 20]])
    both = amounts(rain, other=np.array([[14.0, 5.0]]))
    assert both.low.tolist() == [[10, 5]]
    assert both.high.tolist() == [[14, 20]]


def test_inverse_distance_squared_of_the_worked_example():
    # On one meridian, 10 km and 20 km away.
    degree = 1 / 110.74
    stations = (np.array([114.0, 114.0]), np.array([22.5 + 10 * degree, 22.5 - 20 * degree]))
    smooth, near = between_stations([[10, 40]], stations, (np.array([114.0]), np.array([22.5])))
    assert smooth[0, 0] == pytest.approx(16.0, abs=0.05)
    assert near[0, 0] == 10


def test_rain_beyond_the_reach_or_without_a_station_reporting_is_not_known():
    stations = (np.array([114.0, 114.1]), np.array([22.5, 22.5]))
    places = (np.array([114.0, 115.5, NAN]), np.array([22.5, 22.5, 22.5]))
    smooth, near = between_stations([[0, NAN], [NAN, 8], [NAN, NAN]], stations, places)
    assert smooth[0, 0] == 0
    assert smooth[1, 0] == pytest.approx(8)
    assert np.isnan(smooth[2]).all()
    assert np.isnan(smooth[:, 1:]).all()
    assert (np.isnan(near) == np.isnan(smooth)).all()


RAINS = st.lists(st.one_of(st.just(NAN), st.floats(0, 60)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(values=RAINS, before=st.sampled_from(["unknown", "dry"]))
def test_drivers_depend_on_nothing_later_and_stay_in_their_band(values, before):
    whole = rain_drivers(rain_of(values), before=before)
    part = rain_drivers(rain_of(values[: len(values) // 2 + 1]), before=before)
    for name, series in whole.items():
        n = len(part[name].best)
        for a, b in (
            (series.best, part[name].best),
            (series.low, part[name].low),
            (series.high, part[name].high),
        ):
            np.testing.assert_allclose(a[:n], b, rtol=1e-5, atol=1e-4)
        known = ~np.isnan(series.best)
        assert (series.low[known] <= series.best[known] + 1e-3).all()
        assert (np.nan_to_num(series.low) >= 0).all()


def test_only_what_is_asked_for_is_made_and_it_is_the_same():
    time = np.datetime64("2026-08-31T00:00:00", "s") + np.arange(30) * np.timedelta64(3600, "s")
    rain = Rain(time, np.timedelta64(3600, "s"), np.arange(60.0).reshape(30, 2), Text("", ""))
    every = rain_drivers(rain)
    some = rain_drivers(rain, only={"i3_mm", "event_hours"})
    assert set(some) == {"i3_mm", "event_mm", "event_hours"}
    for name, series in some.items():
        np.testing.assert_array_equal(series.best, every[name].best)
