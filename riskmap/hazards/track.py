"""A track made ready for a field: what is missing filled by name, equal steps, motion at every node.

Between nodes every number goes linearly in time. Motion is the backward difference (zero at the first
node) on a plane with the cosine of the earlier node's latitude, at most 30 knots.

The hours that a scenario looks at: while the storm is near, the rain falls, the warnings stand.

How far a track may be wrong: the band round a wind field, wider with every hour of lead.

The centre may lie nearer or farther by the error of its position, and the wind may be stronger or weaker
by a share. Draft: yearly means of official forecasts for the western North Pacific, from memory; a
district replaces them by its service's own verification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import RiskmapError, Text
from riskmap.formulas import wind
from riskmap.formulas.domain import along_curve
from riskmap.formulas.wind import DEGREE
from riskmap.interface import option
from riskmap.values.hazards import IssuedWarning, Rain, Times, Track

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
    filled: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.time)


def prepared(track: Track, *, step_minutes: float = 30.0, exactly: bool | None = None) -> Nodes:
    """Return the track in steps of `step_minutes`; nodes at that step or closer stay as they are.

    With `exactly` (a node table, unless said otherwise) all nodes stay as they are. Missing wind, pressure,
    environment and radius are filled by the statistics of `formulas.wind`. RiskmapError where no node has wind or pressure.
    """
    if not step_minutes >= _FINEST:
        raise RiskmapError(
            f"{option('step-minutes')}：{step_minutes:g} 不可能；应不小于 {_FINEST:g}",
            f"{option('step-minutes', 'en')}: {step_minutes:g} cannot be; it is at least {_FINEST:g}",
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


def _filled(track: Track) -> tuple[Track, tuple[Text, ...]]:
    """Return the track without gaps, and what was filled."""
    said: list[Text] = []
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


def _say(zh: str, en: str, where: NDArray[np.bool_]) -> Text:
    count = int(np.count_nonzero(where))
    return Text(f"{zh}：{count} 个路径点", f"{en} at {count} node{'' if count == 1 else 's'}")


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


_Span = tuple[np.datetime64, np.datetime64, Text]  # first and last moment of something given, and its name


NEAR_KM: Final = 700.0


"""A storm whose centre is farther away is not looked at: gales reach 500 km at the most (our working value)."""


_AROUND_H: Final = 12  # hours before and after the closest approach of a storm that stays farther away


_WARNED_H: Final = 24  # how long a warning without an expiry is looked at


MOST_HOURS: Final = 384


"""Sixteen days: what a typhoon season's longest event takes."""


_HOUR: Final = np.timedelta64(3600, "s")


def passing(track: Track, lon: float, lat: float) -> tuple[np.datetime64, np.datetime64]:
    """Return the first and last moment at which the storm is near a place, else around its closest approach."""
    seconds = track.time.astype("datetime64[s]").astype(np.int64)
    every = np.arange(seconds[0], seconds[-1] + 1, 3600) if len(track) > 1 else seconds
    path = [np.interp(every, seconds, axis) for axis in (track.lon, track.lat)]
    away = np.hypot((path[0] - lon) * np.cos(np.radians(path[1])), path[1] - lat) * DEGREE
    near = np.flatnonzero(away <= NEAR_KM)
    if len(near):
        first, last = every[near[0]], every[near[-1]]
    else:
        closest = every[int(np.argmin(away))]
        first, last = closest - _AROUND_H * 3600, closest + _AROUND_H * 3600
    return np.datetime64(int(first), "s"), np.datetime64(int(last), "s")


def hours_of(
    *,
    lon: float,
    lat: float,
    tracks: Sequence[Track] = (),
    rain: Rain | None = None,
    warnings: Sequence[IssuedWarning] = (),
    at: np.datetime64 | None = None,
) -> Times:
    """Return the full hours, UTC, from the first to the last that anything given concerns.

    `lon`, `lat`: the middle of the district. `at`, the moment looked at, adds no hours: what is found does
    not depend on it. RiskmapError where what was given (or `at`) lies so far apart that it cannot belong
    together, naming the first and the last of it, or where nothing was given.
    """
    spans = [(*passing(track, lon, lat), _called("路径", "track", track.name)) for track in tracks]
    if rain is not None and len(rain.time):
        spans.append((rain.time[0] - rain.step, rain.time[-1], Text("降雨", "rain")))
    for one in warnings:
        end = one.expires if one.expires is not None else one.issued + _WARNED_H * _HOUR
        name = f"{'' if one.source == 'typed' else one.source} {one.kind}:{one.colour}".strip()
        spans.append((one.issued, end, _called("预警", "warning", name)))
    if not spans:
        raise RiskmapError(
            "没有给出路径、降雨或预警；请至少给一项", "no track, rain or warning was given; give one of them"
        )
    first, last = _outer(spans)
    _near_enough(
        spans if at is None else [*spans, (at, at, Text(f"{option('at', 'en')}", f"{option('at', 'en')}"))]
    )
    return first + np.arange(int(np.ceil((last - first) / _HOUR)) + 1) * _HOUR


def _called(zh: str, en: str, name: str) -> Text:
    return Text(f"{zh} {name}".strip(), f"{en} {name}".strip())


def _outer(spans: Sequence[_Span]) -> tuple[np.datetime64, np.datetime64]:
    first = min(start for start, _, _ in spans).astype("datetime64[h]").astype("datetime64[s]")
    return first, max(end for _, end, _ in spans)


def _near_enough(spans: Sequence[_Span]) -> None:
    first, last = _outer(spans)
    if (last - first) / _HOUR < MOST_HOURS:
        return
    one, other = min(spans, key=lambda span: span[0])[2], max(spans, key=lambda span: span[1])[2]
    raise RiskmapError(
        f"资料的时间从 {first}（{one.zh}）到 {last}（{other.zh}）（世界时），相隔超过 {MOST_HOURS // 24} 天，"
        f"不像同一次过程；请核对路径、降雨、预警和 {option('at')} 的年份与时区",
        f"what was given runs from {first} ({one.en}) to {last} ({other.en}), UTC, more than "
        f"{MOST_HOURS // 24} days: not one event; check year and time zone of track, rain, warnings and {option('at', 'en')}",
    )


_LEAD: Final[Sequence[float]] = (0.0, 24.0, 48.0, 72.0, 96.0, 120.0)  # hours


POSITION: Final[Sequence[float]] = (20.0, 70.0, 120.0, 180.0, 240.0, 320.0)  # km


STRENGTH: Final[Sequence[float]] = (0.10, 0.15, 0.20, 0.25, 0.28, 0.30)  # share of the wind


def lead_hours(track: Track, time: Times) -> Floats:
    """Return how long after its issue each time lies, hours, never below 0.

    A forecast that does not say when it was issued counts from its first node; a best track has no lead.
    """
    if track.issued is None and track.source != "bulletin":
        return np.zeros(len(time))
    start = track.time[0] if track.issued is None else track.issued
    return np.maximum((time - start) / _HOUR, 0.0)


def position_error(lead: Floats) -> Floats:
    """Return the error of the position, km. 0 h → 20, 36 h → 95; flat beyond 120 h."""
    return along_curve(lead, _LEAD, POSITION)


def strength_error(lead: Floats) -> Floats:
    """Return the error of the wind as a share of it. 0 h → .10, 72 h → .25; flat beyond 120 h."""
    return along_curve(lead, _LEAD, STRENGTH)
