"""From rain to water, and rain from a track: worked values and unknowns."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap.errors import Text
from riskmap.formulas.wind import DEGREE, KNOT, cyclone_rain
from riskmap.hazards.rain_field import amounts, rain_drivers, rain_of_track
from riskmap.hazards.standing_water import margin_series, ponded_series, runoff_series
from riskmap.values.hazards import Rain, Series, Track
from tests.trigger_samples import hours, series

NAN = float("nan")


def test_runoff_of_the_worked_examples_and_of_an_unknown_curve_number():
    event = series([[100, 50, 180, 20, 100]])
    out = runoff_series(event, [75, 90, 92, 70, NAN])
    assert out.best[0, :4].tolist() == pytest.approx([41.137, 27.108, 155.964, 0], abs=1e-3)
    assert np.isnan(out.best[0, 4])
    assert out.best.dtype == np.float32


def test_water_that_stands_is_what_ran_in_less_what_the_drain_could_take():
    runoff = series([[0.0], [77.64 / 2], [77.64], [77.64]])
    water = ponded_series(runoff, [12.0], [0.4], hours=1.0)
    in_an_hour = 77.64 / 2 * 120
    expected = [0, in_an_hour - 1440, 2 * (in_an_hour - 1440), 2 * (in_an_hour - 1440) - 1440]
    assert water.best[:, 0].tolist() == pytest.approx(expected, abs=0.5)


def test_water_of_an_unknown_catchment_or_rain_is_unknown_and_never_dry():
    water = ponded_series(series([[10, 10], [NAN, 20]]), [NAN, 1], [0, 0], hours=1)
    assert np.isnan(water.best[:, 0]).all()
    assert water.best[:, 1].tolist() == pytest.approx([100, 200])
    assert (water.low[:, 0] == 0).all()


def test_the_margin_shrinks_with_the_water_and_its_low_end_comes_from_the_deep_one():
    depth = Series(*(np.full((1, 2), v, np.float32) for v in (0.3, 0.1, 0.5)))
    out = margin_series([3.6, NAN], [0, 0], [3.2, 3.2], depth)
    assert (out.best[0, 0], out.low[0, 0], out.high[0, 0]) == pytest.approx((0.1, -0.1, 0.3))
    assert np.isnan(out.best[0, 1])


def fallback(knots: float, averaging: float) -> Rain:
    """The rain 100 km north of a cyclone that stands still for an hour, asked for over four hours."""
    time, wind, nothing = hours(2, "2026-08-31T00:00:00"), np.full(2, knots * KNOT), np.full(2, NAN)
    place = np.full(2, 22.5), np.full(2, 114.0)
    track = Track("试验", "nodes", time, *place, nothing, wind, averaging, nothing, nothing)
    at = hours(4, "2026-08-31T00:00:00")
    return rain_of_track(track, np.array([114.0]), np.array([22.5 + 100 / DEGREE]), at)


def test_the_fallback_from_a_track_is_named_and_says_what_r_cliper_says():
    rain = fallback(80, 1)
    assert np.isnan(rain.amount[[0, 2, 3]]).all()  # the hour is not within the track
    assert rain.amount[1, 0] == pytest.approx(5.715, abs=1e-3)
    assert rain.amount[1, 0] == pytest.approx(float(cyclone_rain(100, 80)), abs=1e-6)
    assert "R-CLIPER" in rain.how.zh
    assert isinstance(rain.how, Text)
    assert rain_drivers(rain, amounts(rain, band=0.5))["i1_mm"].high[1, 0] == pytest.approx(
        5.715 * 1.5, abs=1e-2
    )


@pytest.mark.parametrize(("minutes", "knots"), [(1, 80), (2, 76.7010), (10, 74.4), (NAN, 74.4)])
def test_the_fallback_converts_to_one_minute_as_the_wind_does(minutes: float, knots: float):
    rain = fallback(knots, minutes)
    assert rain.amount[1, 0] == pytest.approx(5.715, abs=1e-3)
    assert ("10 minutes" in rain.how.en) == bool(np.isnan(minutes))


def test_a_track_that_states_no_averaging_time_brings_the_most_that_one_could():
    stated = [fallback(70, minutes).amount[1, 0] for minutes in (1, 2, 10)]
    assert fallback(70, NAN).amount[1, 0] == max(stated)
