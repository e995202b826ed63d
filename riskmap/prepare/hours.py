"""The hours that a scenario looks at: while the storm is near, the rain falls, the warnings stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import RiskmapError, Say
from riskmap.formulas.wind import DEGREE
from riskmap.hazards import IssuedWarning, Rain, Times, Track

Floats = NDArray[np.float64]
_Span = tuple[np.datetime64, np.datetime64, Say]  # first and last moment of something given, and its name

NEAR_KM: Final = 700.0
"""A storm whose centre is farther away is not looked at: gales reach 500 km at the most (our working value)."""
_AROUND_H: Final = 12  # hours before and after the closest approach of a storm that stays farther away
_WARNED_H: Final = 24  # how long a warning without an expiry is looked at
MOST_HOURS: Final = 384
"""Sixteen days: what a typhoon season's longest event takes."""
_HOUR: Final = np.timedelta64(3600, "s")


def distance_km(track: Track, lon: float, lat: float) -> Floats:
    """Return how far the centre is from a place at each node, km (equirectangular, cosine of the node)."""
    east = (track.lon - lon) * np.cos(np.radians(track.lat))
    return np.hypot(east, track.lat - lat) * DEGREE


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
        spans.append((rain.time[0] - rain.step, rain.time[-1], Say("降雨", "rain")))
    for one in warnings:
        end = one.expires if one.expires is not None else one.issued + _WARNED_H * _HOUR
        name = f"{'' if one.source == 'typed' else one.source} {one.kind}:{one.colour}".strip()
        spans.append((one.issued, end, _called("预警", "warning", name)))
    if not spans:
        raise RiskmapError(
            "没有给出路径、降雨或预警；请至少给一项", "no track, rain or warning was given; give one of them"
        )
    first, last = _outer(spans)
    _near_enough(spans if at is None else [*spans, (at, at, Say("--at", "--at"))])
    return first + np.arange(int(np.ceil((last - first) / _HOUR)) + 1) * _HOUR


def _called(zh: str, en: str, name: str) -> Say:
    return Say(f"{zh} {name}".strip(), f"{en} {name}".strip())


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
        "不像同一次过程；请核对路径、降雨、预警和 --at 的年份与时区",
        f"what was given runs from {first} ({one.en}) to {last} ({other.en}), UTC, more than "
        f"{MOST_HOURS // 24} days: not one event; check year and time zone of track, rain, warnings and --at",
    )
