"""The made-up storm of a drill."""

from __future__ import annotations

import numpy as np

from riskmap.demo_district.files import drill_rain, drill_track

PASSES = np.datetime64("2026-11-26T12:00:00", "s")
LON, LAT = 114.13, 22.58


def offset_km(track, node):
    north = (track.lat[node] - LAT) * 111.12
    east = (track.lon[node] - LON) * 111.12 * np.cos(np.radians(LAT))
    return east, north


def test_the_storm_passes_south_west_of_the_district_at_the_moment_asked_for():
    track = drill_track(LON, LAT, PASSES)
    distances = [np.hypot(*offset_km(track, node)) for node in range(len(track))]
    closest = int(np.argmin(distances))
    east, north = offset_km(track, closest)
    assert track.time[closest] == PASSES
    assert east < 0
    assert north < 0
    assert 35 < distances[closest] < 45


def test_radii_shrink_from_force_seven_to_twelve_and_end_with_the_wind():
    track = drill_track(LON, LAT, PASSES)
    seven, ten, twelve = (track.radii[speed] for speed in sorted(track.radii))
    assert (seven >= ten).all()
    assert (ten >= twelve).all()
    assert (twelve[track.wind < 32.7] == 0).all()


def test_the_same_place_and_moment_give_the_same_storm_and_the_rain_follows_the_wind():
    again = drill_track(LON, LAT, PASSES)
    assert (drill_track(LON, LAT, PASSES).lat == again.lat).all()
    rain = drill_rain(np.array([114.0, 114.1, 114.2]), np.array([22.5, 22.6, 22.55]), PASSES)
    total = rain.amount.sum(axis=0)
    assert ((total > 150) & (total < 350)).all()
    assert rain.time[int(np.argmax(rain.amount[:, 0]))] > PASSES
