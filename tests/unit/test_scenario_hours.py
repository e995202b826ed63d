"""Which hours a scenario looks at."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap.errors import RiskmapError, Text
from riskmap.hazards.track import hours_of, passing
from riskmap.values.hazards import IssuedWarning, Rain, Track

LON, LAT = 114.13, 22.58
HOUR = np.timedelta64(3600, "s")


def moment(text: str) -> np.datetime64:
    return np.datetime64(text, "s")


def track(lats: list[float], lons: list[float], start: str = "2018-09-15T00:00") -> Track:
    n = len(lats)
    blank = np.full(n, np.nan)
    time = moment(start) + np.arange(n) * 6 * HOUR
    return Track("T", "jma", time, np.array(lats), np.array(lons), blank, blank, 10.0, blank, blank)


def test_a_storm_is_looked_at_while_its_centre_is_near_and_not_on_the_open_ocean() -> None:
    path = track([15.0, 17.0, 19.5, 21.8, 23.0, 24.5], [130.0, 125.0, 119.0, 114.5, 110.0, 104.0])
    first, last = passing(path, LON, LAT)
    assert moment("2018-09-15T06:00") < first < moment("2018-09-15T18:00")
    assert last > moment("2018-09-15T18:00")


def test_a_storm_that_stays_away_is_looked_at_around_its_closest_approach() -> None:
    first, last = passing(track([5.0, 5.5, 6.0], [150.0, 149.0, 148.0]), LON, LAT)
    assert last - first == 24 * HOUR
    assert last - 12 * HOUR == moment("2018-09-15T12:00")


def test_hours_are_full_hours_and_hold_everything_that_was_given() -> None:
    rain = Rain(moment("2018-09-16T03:00") + np.arange(3) * HOUR, HOUR, np.zeros((3, 1)), Text("", ""))
    warning = IssuedWarning("typhoon", "red", moment("2018-09-15T22:20"), expires=moment("2018-09-16T09:30"))
    found = hours_of(lon=LON, lat=LAT, rain=rain, warnings=[warning])
    assert found[0] == moment("2018-09-15T22:00")
    assert found[-1] == moment("2018-09-16T10:00")
    assert (np.diff(found) == HOUR).all()


def test_things_that_cannot_belong_together_are_refused_with_their_times() -> None:
    warning = IssuedWarning("typhoon", "red", moment("2026-09-15T22:00"))
    with pytest.raises(RiskmapError, match="2018-09-15") as problem:
        hours_of(lon=LON, lat=LAT, tracks=[track([22.0], [114.0])], warnings=[warning])
    assert "2026-09-16" in problem.value.text("en")


def test_nothing_given_is_refused() -> None:
    with pytest.raises(RiskmapError, match="至少给一项"):
        hours_of(lon=LON, lat=LAT)
