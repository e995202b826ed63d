"""What the map needs to play a storm."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import Text
from riskmap.response.playback import (
    cone,
    counts_by_hour,
    rain_document,
    raised_bytes,
    seconds,
    track_document,
)
from riskmap.values.hazards import Rain, Track
from riskmap.vocabulary import RANKS

HOURS = np.datetime64("2018-09-16T00:00:00", "s") + np.arange(4) * np.timedelta64(3600, "s")


def track(radii=None) -> Track:
    n = len(HOURS)
    return Track(
        name="MANGKHUT", source="jma", time=HOURS, lat=np.linspace(20.0, 22.0, n), lon=np.linspace(116.0, 113.0, n),
        pressure=np.array([950.0, np.nan, 955.0, 960.0]), wind=np.full(n, 40.0), averaging=10.0,
        environment=np.full(n, np.nan), radius=np.full(n, np.nan), radii=radii or {},
    )  # fmt: skip


def read_back(body: bytes) -> dict[str, np.ndarray]:
    n = int(np.frombuffer(body, "<u4", 1)[0])
    at, found = 4, {}
    for name, kind in (
        ("id", "<u4"), ("lon", "<f4"), ("lat", "<f4"), ("start", "<i2"), ("stop", "<i2"),
        ("rank", "u1"), ("before", "u1"), ("layer", "u1"),
    ):  # fmt: skip
        found[name] = np.frombuffer(body, kind, n, at)
        at += n * np.dtype(kind).itemsize
    assert at == len(body)
    return found


def test_a_track_keeps_its_numbers_and_says_null_where_nothing_is_known() -> None:
    found = track_document(track())
    assert found["time"] == seconds(HOURS)
    assert found["pressure"] == [950.0, None, 955.0, 960.0]
    assert found["radii"] == {}


def test_radii_in_knots_count_as_the_force_they_stand_for() -> None:
    thirty, fifty = 30 * 1852 / 3600, 50 * 1852 / 3600
    found = track_document(track({thirty: np.full((4, 4), 300.0), fifty: np.full((4, 4), 120.0)}))
    assert found["radii"]["7"][0] == [300.0] * 4
    assert found["radii"]["10"][3] == [120.0] * 4


def test_raised_records_come_worst_first_and_without_those_that_have_no_place() -> None:
    body = raised_bytes(
        ids=np.array([1, 2, 3, 4], np.uint32), lon=np.array([114.0, np.nan, 114.2, 114.3]), lat=np.full(4, 22.5),
        start=np.array([0, 0, 1, 2]), stop=np.array([2, 2, 3, 4]), rank=np.array([2, 4, 4, 3], np.uint8),
        before=np.zeros(4, np.uint8), layer=np.array([0, 1, 2, 3], np.uint8),
    )  # fmt: skip
    found = read_back(body)
    assert found["id"].tolist() == [3, 4, 1]
    assert found["rank"].tolist() == [4, 3, 2]
    assert found["stop"].tolist() == [3, 4, 2]


def test_a_record_that_two_causes_raise_counts_once_at_its_worst() -> None:
    found = counts_by_hour(
        np.array([7, 7, 9]), np.array([0, 1, 2]), np.array([3, 2, 9]), np.array([2, 4, 3], np.uint8), 4
    )
    assert found[0][2] == 1
    assert found[1] == [0, 0, 0, 0, 1]
    assert found[2] == [0, 0, 1, 1, 0]
    assert found[3] == [0, 0, 0, 1, 0]


intervals = st.lists(
    st.tuples(st.integers(0, 5), st.integers(-2, 9), st.integers(0, 9), st.integers(0, 4)), max_size=12
)


@given(intervals)
def test_the_counts_of_an_hour_are_what_counting_by_hand_gives(rows: list[tuple[int, int, int, int]]) -> None:
    hours = 6
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)] or [
        np.zeros(0, np.int64)
    ] * 4
    start, stop = columns[1], columns[1] + columns[2]
    found = counts_by_hour(columns[0], start, stop, columns[3].astype(np.uint8), hours)
    for hour in range(hours):
        worst: dict[int, int] = {}
        for record, first, last, rank in zip(columns[0], start, stop, columns[3], strict=True):
            if first <= hour < last:
                worst[record] = max(worst.get(record, 0), rank)
        assert found[hour] == [sum(1 for r in worst.values() if r == k) for k in range(len(RANKS))]


def test_the_cone_is_as_wide_as_the_spread_and_ends_round() -> None:
    ring = np.array(cone(track(), np.array([0.0, 60.0, 120.0, 180.0])))
    away = np.hypot((ring[:, 0] - 22.0) * 111.12, (ring[:, 1] - 113.0) * 111.12 * np.cos(np.radians(22.0)))
    assert np.isclose(away, 180.0, atol=1.0).sum() >= 11
    assert cone(track(), np.zeros(4)) is None


def test_rain_is_laid_on_the_hours_of_the_storm_and_unknown_hours_stay_unknown() -> None:
    rain = Rain(
        HOURS[1:3], np.timedelta64(3600, "s"), np.array([[5.0, np.nan], [7.5, 0.0]]), Text("站点", "stations")
    )
    found = rain_document(rain, ["A", "B"], [114.0, 114.1], [22.5, 22.6], HOURS)
    assert found[0]["mm"] == [None, 5.0, 7.5, None]
    assert found[1]["mm"] == [None, None, 0.0, None]
