"""A track made ready for a field: what is missing filled by name, equal steps, motion at every node.

Between nodes every number goes linearly in time. Motion is the backward difference (zero at the first
node) on a plane with the cosine of the earlier node's latitude, at most 30 knots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.errors import RiskmapError, Say
from riskmap.formulas import wind
from riskmap.hazards import Floats, Times, Track

ENVIRONMENT: Final = 1005.0  # hPa around cyclones of the western North Pacific. Draft: as in CLIMADA
MOST_MOTION: Final = 30.0 * wind.KNOT
_SECOND: Final = np.timedelta64(1, "s")
_FINEST: Final = 1.0  # minutes
_WHOLE: Final = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Nodes:
    """A track in equal steps: parallel float64 arrays, one entry a node.

    Positions in degrees; `wind` m/s over `averaging` minutes; `drop` hPa, environment less centre, above 0;
    `tendency` of the central pressure, hPa/h; `radius` km; `radius_stated` and `wind_stated` where the file
    gives them; `east`, `north` and `speed` the motion, m/s; `radii` as in `Track`; `sign` 1 in the northern,
    −1 in the southern hemisphere. `filled` says what was supplied at how many nodes of the file.
    """

    time: Times
    lat: Floats
    lon: Floats
    wind: Floats
    drop: Floats
    tendency: Floats
    radius: Floats
    radius_stated: NDArray[np.bool_]
    wind_stated: NDArray[np.bool_]
    east: Floats
    north: Floats
    speed: Floats
    averaging: float
    sign: float
    radii: Mapping[float, Floats] = field(default_factory=dict)
    filled: tuple[Say, ...] = ()

    def __len__(self) -> int:
        return len(self.time)


def prepared(track: Track, *, step_minutes: float = 30.0, exactly: bool | None = None) -> Nodes:
    """Return the track in steps of `step_minutes`; nodes at that step or closer stay as they are.

    With `exactly` (a node table, unless said otherwise) all nodes stay as they are. Missing wind, pressure,
    environment and radius are filled by the statistics of `formulas.wind`. RiskmapError where no node has wind or pressure.
    """
    if not step_minutes >= _FINEST:
        raise RiskmapError(
            f"--step-minutes：{step_minutes:g} 不可能；应不小于 {_FINEST:g}",
            f"--step-minutes: {step_minutes:g} cannot be; it is at least {_FINEST:g}",
        )
    whole, filled = _filled(track)
    stated = np.isfinite(np.column_stack([track.radius, track.wind])).astype(np.float64)
    if not (track.source == "nodes" if exactly is None else exactly):
        whole, stated = _resampled(whole, stated, step_minutes)
    hours = np.diff(whole.time) / _SECOND / 3600.0
    east, north, speed = motion(whole.lat, whole.lon, hours)
    tendency = np.zeros(len(whole))
    if len(whole) > 1:
        tendency[1:] = np.diff(whole.pressure) / hours
    southern = np.count_nonzero(whole.lat < 0) > np.count_nonzero(whole.lat > 0)
    return Nodes(
        time=whole.time,
        lat=whole.lat,
        lon=whole.lon,
        wind=whole.wind,
        drop=np.maximum(whole.environment - whole.pressure, np.spacing(1.0) / 100.0),
        tendency=tendency,
        radius=whole.radius,
        radius_stated=stated[:, 0] >= _WHOLE,
        wind_stated=stated[:, 1] >= _WHOLE,
        east=east,
        north=north,
        speed=speed,
        averaging=track.averaging,
        sign=-1.0 if southern else 1.0,
        radii=whole.radii,
        filled=filled,
    )


def motion(lat: ArrayLike, lon: ArrayLike, hours: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the motion east, north and its size, m/s, at each node; `hours` between nodes, one fewer.

    From 22° N 114° E to 22° N 113° E in 3 h → −9.5397, 0, 9.5397.
    """
    y, x = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    seconds = np.asarray(hours, np.float64) * 3600.0
    east, north = np.zeros(len(y)), np.zeros(len(y))
    turn = (np.diff(x) + 180.0) % 360.0 - 180.0
    east[1:] = turn * np.cos(np.radians(y[:-1])) * wind.DEGREE * 1000.0 / seconds
    north[1:] = np.diff(y) * wind.DEGREE * 1000.0 / seconds
    speed = np.hypot(east, north)
    with np.errstate(divide="ignore", invalid="ignore"):
        slower = np.where(speed > MOST_MOTION, MOST_MOTION / speed, 1.0)
    return east * slower, north * slower, speed * slower


def _filled(track: Track) -> tuple[Track, tuple[Say, ...]]:
    """Return the track without gaps, and what was filled."""
    said: list[Say] = []
    known = np.isfinite(track.wind) | np.isfinite(track.pressure)
    if not known.any():
        raise RiskmapError(
            f"{track.name}：没有一个路径点有最大风速或中心气压；请补上其中一项",
            f"{track.name}: no node has a maximum wind or a central pressure; supply one of them",
        )
    lat, lon = track.lat, track.lon
    at = (track.time - track.time[0]) / _SECOND
    speed, pressure = track.wind, track.pressure
    if (
        not known.all()
    ):  # between known nodes, both go linearly; before the first and after the last they stay
        said.append(_say("风速和气压（邻近时次插值）", "wind and pressure (from neighbouring nodes)", ~known))
        speed = np.where(known, speed, _between(at, speed, known))
        pressure = np.where(known, pressure, _between(at, pressure, known))
    one = wind.averaging_factor(1.0, track.averaging)
    to_track = 1.0 if np.isnan(one) else one
    if (gap := np.isnan(speed)).any():
        said.append(_say("最大风速（按气压统计）", "maximum wind (statistics of pressure)", gap))
        speed = np.where(gap, wind.missing_wind(lat, lon, pressure) * to_track, speed)
    if (gap := np.isnan(pressure)).any():
        said.append(_say("中心气压（按风速统计）", "pressure (statistics of wind)", gap))
        pressure = np.where(gap, wind.missing_pressure(lat, lon, speed / to_track), pressure)
    environment = track.environment
    if (gap := np.isnan(environment)).any():
        said.append(
            _say(f"环境气压（取 {ENVIRONMENT:g} hPa）", f"environmental pressure ({ENVIRONMENT:g} hPa)", gap)
        )
        environment = np.where(gap, ENVIRONMENT, environment)
    radius = track.radius
    if (gap := np.isnan(radius)).any():
        said.append(
            _say("最大风速半径（按气压统计）", "radius of maximum wind (statistics of pressure)", gap)
        )
        radius = np.where(gap, wind.missing_radius(pressure), radius)
    pressure = np.minimum(pressure, environment)
    whole = replace(track, wind=speed, pressure=pressure, environment=environment, radius=radius)
    return whole, tuple(said)


def _between(at: Floats, values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return values linear in time between nodes where something is known; NaN where this itself is not."""
    has = known & np.isfinite(values)
    if not has.any():
        return values
    return np.interp(at, at[has], values[has])


def _say(zh: str, en: str, where: NDArray[np.bool_]) -> Say:
    count = int(np.count_nonzero(where))
    return Say(f"{zh}：{count} 个路径点", f"{en} at {count} node{'' if count == 1 else 's'}")


def _resampled(track: Track, stated: Floats, step_minutes: float) -> tuple[Track, Floats]:
    """Return the track in steps from its first node; the last node is kept where no step meets it."""
    at = (track.time - track.time[0]) / _SECOND
    step = step_minutes * 60.0
    if len(at) == 1 or np.diff(at).max() <= step:
        return track, stated
    to = np.append(np.arange(0.0, at[-1], step), at[-1])
    degrees = np.degrees(np.unwrap(np.radians(track.lon)))

    def along(values: Floats) -> Floats:
        return np.interp(to, at, values)

    radii = {
        speed: np.column_stack([along(quadrant) for quadrant in four.T])
        for speed, four in track.radii.items()
    }
    resampled = replace(
        track,
        time=track.time[0] + np.round(to).astype("timedelta64[s]"),
        lat=along(track.lat),
        lon=along(degrees),
        pressure=along(track.pressure),
        wind=along(track.wind),
        environment=along(track.environment),
        radius=along(track.radius),
        radii=radii,
    )
    return resampled, np.column_stack([along(column) for column in stated.T])
