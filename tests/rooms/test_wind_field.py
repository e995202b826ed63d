"""The wind field: known answers, what stands in for missing values, and laws that hold for every track."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import RiskmapError
from riskmap.hazards.track import lead_hours, motion, position_error, prepared
from riskmap.hazards.vortex import MODELS, Model
from riskmap.hazards.wind_field import ensemble, wind_field, wind_series
from riskmap.io.readers.tracks import read_tracks
from riskmap.terrain.sampling import exposure_at
from riskmap.values.hazards import Track
from riskmap.vocabulary import FORCE_MS

START = np.datetime64("2018-09-16T00:00:00", "s")
HOUR = np.timedelta64(1, "h")


def made(hours: int = 12, **changed: Any) -> Track:
    """A cyclone that passes 22° N 114° E to the west-north-west, one node an hour."""
    n = hours + 1
    values: dict[str, Any] = {
        "name": "T",
        "source": "bulletin",
        "time": START + np.arange(n) * HOUR,
        "lat": 21.5 + 0.05 * np.arange(n),
        "lon": 115.5 - 0.25 * np.arange(n),
        "pressure": np.full(n, 950.0),
        "wind": np.full(n, 42.0),
        "averaging": 10.0,
        "environment": np.full(n, 1005.0),
        "radius": np.full(n, 40.0),
        "radii": {
            15.4: np.tile([300.0, 300, 200, 200], (n, 1)),
            25.7: np.tile([150.0, 150, 120, 120], (n, 1)),
        },
    }
    return Track(**(values | changed))


def places(count: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(109, 120, count), rng.uniform(17, 27, count)


def directly(track: Track, lon: float, lat: float) -> float:
    """Holland 1980 written out node by node in plain numbers, as a second opinion."""
    from math import atan2, cos, e, exp, hypot, pi, radians, sin, sqrt

    best = 0.0
    for i in range(len(track)):
        u = v = 0.0
        if i:
            u = (track.lon[i] - track.lon[i - 1]) * cos(radians(track.lat[i - 1])) * 111120 / 3600
            v = (track.lat[i] - track.lat[i - 1]) * 111120 / 3600
        vt = hypot(u, v)
        slower = min(1.0, 30 * 1852 / 3600 / vt) if vt else 1.0
        u, v, vt = u * slower, v * slower, vt * slower
        x, y = (lon - track.lon[i]) * cos(radians(track.lat[i])) * 111.12, (lat - track.lat[i]) * 111.12
        r = hypot(x, y)
        if r > 300:
            continue
        drop = (track.environment[i] - track.pressure[i]) * 100
        b = min(max(((track.wind[i] - vt) / 0.9) ** 2 * e * 1.15 / drop, 1.0), 2.5)
        f = 2 * 7.29e-5 * sin(radians(track.lat[i]))
        p = (track.radius[i] / r) ** b
        turning = 0.9 * (sqrt(b / 1.15 * p * drop * exp(-p) + (r * 500 * f) ** 2) - r * 500 * f)
        share, ahead = min(1.0, track.radius[i] / r), atan2(y, x) + pi / 2
        best = max(best, hypot(turning * cos(ahead) + share * u, turning * sin(ahead) + share * v))
    return best


def test_the_field_is_what_the_formulas_written_out_give():
    track, (lon, lat) = made(), places(60)
    found = wind_field(track, lon, lat, model="holland1980", step_minutes=60).max_wind
    assert found == pytest.approx([directly(track, x, y) for x, y in zip(lon, lat, strict=True)], abs=1e-3)


def test_motion_is_backward_and_at_most_thirty_knots():
    east, north, speed = motion([22, 22, 22], [114, 113, 100], [3, 1])
    assert east[:2] == pytest.approx([0, -9.5397], abs=5e-5)
    assert north.tolist() == [0, 0, 0]
    assert speed[2] == pytest.approx(30 * 1852 / 3600)
    assert motion([10, 10], [179.5, -179.5], [6])[0][1] > 0  # over the date line, eastwards


def test_six_hourly_nodes_become_half_hours_and_finer_ones_stay():
    coarse = made(12)
    every = np.arange(0, 13, 6)
    radii = {k: v[every] for k, v in coarse.radii.items()}
    names = ("time", "lat", "lon", "pressure", "wind", "environment", "radius")
    coarse = replace(coarse, **{n: getattr(coarse, n)[every] for n in names}, radii=radii)
    nodes = prepared(coarse)
    assert len(nodes) == 25
    assert nodes.time[1] - nodes.time[0] == np.timedelta64(30, "m")
    assert nodes.lat[1] == pytest.approx(21.525)
    assert len(prepared(coarse, step_minutes=500)) == 3
    assert len(prepared(replace(coarse, source="nodes"))) == 3
    with pytest.raises(RiskmapError, match="step_minutes"):
        prepared(coarse, step_minutes=0)


def test_what_is_missing_is_filled_and_named():
    none = np.full(13, np.nan)
    some = made().wind.copy()
    some[3] = np.nan
    track = made(wind=some, radius=none, environment=none, radii={})
    nodes = prepared(track)
    assert [note.en for note in nodes.filled] == [
        "maximum wind (statistics of pressure) at 1 node",
        "environmental pressure (1005 hPa) at 13 nodes",
        "radius of maximum wind (statistics of pressure) at 13 nodes",
    ]
    assert np.isfinite(nodes.wind).all()
    assert prepared(made(pressure=none)).filled[0].en == "pressure (statistics of wind) at 13 nodes"
    with pytest.raises(RiskmapError, match="no node has a maximum wind"):
        prepared(made(pressure=none, wind=none))


def test_a_node_without_wind_and_pressure_lies_between_its_neighbours():
    wind, pressure = made().wind.copy(), made().pressure.copy()
    wind[5] = pressure[5] = np.nan
    nodes = prepared(made(wind=wind, pressure=pressure))
    assert nodes.wind[5 * 2] == pytest.approx(42)
    assert nodes.filled[0].en == "wind and pressure (from neighbouring nodes) at 1 node"


def test_the_result_says_over_how_many_minutes_its_winds_are_means():
    lon, lat = places(5)
    assert wind_field(made(), lon, lat, model="holland1980").averaging == 10
    assert wind_field(made(), lon, lat, model="holland2010").averaging == 1
    both = [wind_field(made(), lon, lat, model="holland2010", averaging=a).max_wind for a in (1.0, 10.0)]
    assert both[1] == pytest.approx(both[0] * 0.93)
    unsaid = wind_field(made(averaging=np.nan), lon, lat, model="holland1980", averaging=10.0)
    assert "does not state" in unsaid.notes[-1].en


def test_nodes_without_radii_fall_back_by_name():
    blank = {speed: np.full((13, 4), np.nan) for speed in (15.4, 25.7)}
    lon, lat = places()
    found = wind_field(made(radii=blank), lon, lat, model="radii", step_minutes=60)
    assert found.notes[-1].en == "no radii at 13 of 13 steps, holland1980 there"
    other = wind_field(made(), lon, lat, model="holland1980", step_minutes=60)
    assert found.max_wind == pytest.approx(other.max_wind)
    unsaid = made(radii={}, wind=np.full(13, np.nan))
    found = wind_field(unsaid, lon, lat, model="radii", step_minutes=60)
    assert found.notes[-1].en == "no radii at 13 of 13 steps, holland2010 there"
    other = wind_field(unsaid, lon, lat, model="holland2010", step_minutes=60, averaging=10.0)
    assert found.max_wind == pytest.approx(other.max_wind)
    assert found.averaging == 10


def test_arrival_and_departure_of_each_force():
    found = wind_field(made(), [114.0, 100.0], [22.0, 40.0], model="radii", step_minutes=60)
    assert found.max_wind[0] > FORCE_MS[12]
    assert found.arrival[7][0] <= found.arrival[10][0] <= found.arrival[12][0] <= found.max_at[0]
    assert found.max_at[0] <= found.departure[12][0] <= found.departure[10][0] <= found.departure[7][0]
    assert found.max_wind[1] == 0
    assert np.isnat([found.max_at[1], found.arrival[7][1], found.departure[7][1]]).all()


def test_exposure_scales_the_wind_and_the_hours_of_force():
    lon, lat = [114.0, 114.0, 114.0], [22.0, 22.0, 22.0]
    found = wind_field(made(), lon, lat, model="holland1980", exposure=[1.0, 0.5, np.nan])
    assert found.max_wind[1] == pytest.approx(found.max_wind[0] / 2)
    assert not np.isnat(found.arrival[10][0])
    assert np.isnat(found.arrival[12][1])
    assert np.isnan(found.max_wind[2])
    assert np.isnat(found.max_at[2])


def test_gusts_have_their_own_hours_of_force():
    plain, gusts = (wind_field(made(), [114.0], [22.6], model="radii", gust=g) for g in (1.0, 1.23))
    assert gusts.max_wind == pytest.approx(plain.max_wind * 1.23)
    assert gusts.arrival[7][0] <= plain.arrival[7][0]


def test_an_unknown_place_has_an_unknown_wind():
    found = wind_field(made(), [114.0, np.nan], [22.0, 22.0], model="radii")
    assert np.isnan(found.max_wind).tolist() == [False, True]
    assert np.isnan(wind_field(made(), [np.nan], [np.nan], model="radii").max_wind).all()


def test_a_single_node_has_its_wind_without_motion():
    assert len(made(0)) == 1
    assert wind_field(made(0), [115.9], [21.5], model="holland1980").max_wind[0] > 20


def test_south_of_the_equator_it_turns_the_other_way():
    north = made()
    south = replace(north, lat=-north.lat)
    lon, lat = places(200)
    for model in ("holland1980", "holland2010"):
        there = wind_field(south, lon, -lat, model=model).max_wind
        assert there == pytest.approx(wind_field(north, lon, lat, model=model).max_wind, abs=1e-3)


def test_the_series_holds_the_strongest_wind_since_the_hour_before():
    lon, lat = places(80)
    times = START + np.arange(-2, 16) * HOUR
    series = wind_series(made(), lon, lat, times, model="radii")
    assert series.best.shape == (18, 80)
    assert series.best.dtype == np.float32
    assert np.isnan(
        series.best[[0, 1, 15, 16, 17]]
    ).all()  # before the first node and after the last: not known
    assert np.isfinite(series.best[2:15]).all()
    whole = wind_field(made(), lon, lat, model="radii")
    assert np.nanmax(series.best, axis=0) == pytest.approx(whole.max_wind, rel=1e-5)
    assert (series.low[2:15] <= series.best[2:15]).all()
    assert (series.best[2:15] <= series.high[2:15]).all()
    plain = wind_series(made(), lon, lat, times, model="radii", band=False)
    assert plain.low is plain.best
    with pytest.raises(RiskmapError):
        wind_series(made(), lon, lat, times[::-1], model="radii")


def test_times_closer_than_the_steps_are_all_known():
    times = START + np.arange(1, 40) * np.timedelta64(10, "m")
    assert np.isfinite(wind_series(made(), [114.0], [22.0], times, model="holland2010").best).all()


def test_the_band_widens_with_lead_time():
    soon, late = made(issued=START), made(issued=START - 72 * HOUR)
    a, b = (wind_field(t, [114.0], [23.0], model="holland1980", band=True) for t in (soon, late))
    assert b.high[0] - b.low[0] > a.high[0] - a.low[0] > 0
    assert (a.low <= a.max_wind).all()
    assert (a.max_wind <= a.high).all()
    assert lead_hours(replace(soon, source="jma", issued=None), soon.time).tolist() == [0] * 13
    assert position_error(np.array([0, 36.0])) == pytest.approx([20, 95])


def test_an_ensemble_gives_middle_least_and_most():
    tracks = [made(wind=np.full(13, w), member=str(w)) for w in (30.0, 40.0, 50.0)]
    lon, lat = places(50)
    found = ensemble(tracks, lon, lat, model="radii")
    each = [wind_field(t, lon, lat, model="radii").max_wind for t in tracks]
    assert found.median == pytest.approx(np.median(each, axis=0))
    assert found.most == pytest.approx(np.max(each, axis=0))
    assert (found.least <= found.median).all()
    with pytest.raises(RiskmapError):
        ensemble([], lon, lat, model="radii")
    with pytest.raises(RiskmapError, match="averaging"):
        ensemble([made(), made(averaging=2.0)], lon, lat, model="holland1980")


_models = st.sampled_from(MODELS)


@settings(max_examples=12)
@given(model=_models, seed=st.integers(0, 99), size=st.sampled_from([4, 17, 64, 10_000]))
def test_order_and_chunks_of_places_change_nothing(model: Model, seed: int, size: int):
    lon, lat = places(90, seed)
    order = np.random.default_rng(seed).permutation(90)
    whole = wind_field(made(), lon, lat, model=model, band=True)
    other = wind_field(made(), lon[order], lat[order], model=model, band=True, chunk=size)
    for name in ("max_wind", "low", "high"):
        assert getattr(other, name) == pytest.approx(getattr(whole, name)[order], rel=1e-6)
    assert (other.arrival[7] == whole.arrival[7][order])[~np.isnat(other.arrival[7])].all()


@settings(max_examples=40)
@given(
    model=_models,
    lon=st.floats(90, 140),
    lat=st.floats(0, 45),
    wind=st.floats(1, 100),
    pressure=st.floats(870, 1010),
    radius=st.floats(10, 200),
)
def test_wind_is_never_negative_and_ends_where_the_track_ends_its_reach(
    *, model: Model, lon: float, lat: float, wind: float, pressure: float, radius: float
):
    n = np.ones(13)
    track = made(wind=wind * n, pressure=pressure * n, radius=radius * n)
    found = float(wind_field(track, [lon], [lat], model=model).max_wind[0])
    assert found >= 0
    assert np.isfinite(found)
    away = np.hypot(
        (lon - prepared(track).lon) * np.cos(np.radians(prepared(track).lat)), lat - prepared(track).lat
    )
    if away.min() * 111.12 > 300.1:
        assert found == 0


@settings(max_examples=30)
@given(
    model=st.sampled_from(["holland1980", "radii"]),
    wind=st.floats(20, 70),
    more=st.floats(0, 30),
    bearing=st.floats(0, 360),
)
def test_a_stronger_cyclone_is_never_weaker_at_its_radius(
    model: Model, wind: float, more: float, bearing: float
):
    way = np.radians(bearing)
    lat = 21.5 + 40 / 111.12 * np.cos(way)
    lon = 115.5 + 40 / 111.12 / np.cos(np.radians(21.5)) * np.sin(way)
    weak, strong = (
        wind_field(made(0, wind=np.array([w])), [lon], [lat], model=model).max_wind[0]
        for w in (wind, wind + more)
    )
    assert strong >= weak - 1e-3


OBSERVED = {  # hourly means, m/s; 16 September 2018
    "Waglan Island": (114.3033, 22.1822, 43.9),
    "Cheung Chau": (114.0267, 22.2011, 41.9),
    "Tai Mei Tuk": (114.2375, 22.4753, 38.6),
    "Ta Kwu Ling": (114.1567, 22.5286, 14.4),
}
EXPOSED = ["Waglan Island", "Cheung Chau", "Tai Mei Tuk"]


def test_for_mangkhut_issued_radii_come_nearer_to_the_stations_than_holland_1980(test_data):
    (track,) = read_tracks(test_data / "tracks" / "mangkhut_2018_jma.txt")
    lon, lat, seen = np.array(list(OBSERVED.values())).T

    def error(model: Model) -> float:
        return float(np.sqrt(np.mean((wind_field(track, lon, lat, model=model).max_wind - seen) ** 2)))

    assert error("radii") < error("holland1980")


def test_at_exposed_stations_terrain_takes_nothing_away_and_its_band_holds_the_sheltered_one(test_data):
    (track,) = read_tracks(test_data / "tracks" / "mangkhut_2018_jma.txt")
    lon, lat, seen = np.array(list(OBSERVED.values())).T
    exposure, _ = exposure_at(test_data / "dem_shenzhen_hongkong_30m.tif", lon, lat)
    sea = wind_field(track, lon, lat, model="radii").max_wind
    acted_on, sheltered = sea * exposure.gain, sea * exposure.shelter
    exposed = np.array([name in EXPOSED for name in OBSERVED])

    def error(wind: np.ndarray, where: np.ndarray) -> float:
        return float(np.sqrt(np.mean((wind - seen)[where] ** 2)))

    assert (acted_on >= sea).all()
    assert error(acted_on, exposed) <= error(sea, exposed) < error(sheltered, exposed)
    assert error(sheltered, ~exposed) < error(acted_on, ~exposed)  # what it costs: alarms on sheltered land
    # Like surroundings, unlike winds: the factor cannot tell which of them is safe.
    tai_mei_tuk, ta_kwu_ling = exposure.shelter[2:]
    assert abs(tai_mei_tuk - ta_kwu_ling) < 0.1
    assert seen[2] > 2.5 * seen[3]
