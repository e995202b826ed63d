"""Rain at places → what triggers compare: intensity, totals, the antecedent index, the event so far.

Everything looks back from its hour. A sum with an hour that is not known is not known; what has fallen
for certain is its lower bound (`Series.low`), and where nothing bounds it from above `high` is NaN.

Rain between stations, by inverse distance: with a bound on how far a station speaks for a place.

Rain from a track alone, where nobody gives any: R-CLIPER. A named fallback, axisymmetric and weak.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, Text
from riskmap.formulas.slope import antecedent_index
from riskmap.formulas.wind import DEGREE, KNOT, averaging_factor, cyclone_rain
from riskmap.values.hazards import Rain, Series, Times, Track

HOUR: Final = np.timedelta64(3600, "s")


DAYS: Final = 7


"""Days of the antecedent index, today among them."""


DRY_HOURS: Final = 6.0


"""So many hours below WET_MM end an event: our working value (draft)."""


WET_MM: Final = 0.2


"""Least rain of a step that keeps an event going, mm: our working value (draft)."""


FORECAST_BAND: Final = 0.4


"""Share of a forecast amount by which it may be wrong either way: our working value (draft)."""


_NOISE: Final = 1e-9


Before = Literal["unknown", "dry"]


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Rain of each step with its band, float64[steps, places], mm: `low` ≤ `best` ≤ `high`."""

    best: Floats
    low: Floats
    high: Floats


def amounts(rain: Rain, *, other: Floats | None = None, band: float | None = None) -> Amounts:
    """Return the amounts with a band: between two ways of interpolating, or a stated relative one.

    `other`: the same rain taken another way (nearest station); `band` a share of the amount, by default
    FORECAST_BAND where the rain was forecast (`issued`) and none where it was measured.
    """
    best = rain.amount
    if other is not None:
        return Amounts(best, np.fmin(best, other), np.fmax(best, other))
    share = (FORECAST_BAND if rain.issued is not None else 0.0) if band is None else band
    if not 0.0 <= share <= 1.0:
        raise RiskmapError(
            f"雨量带宽 {share:g} 应在 0 到 1 之间", f"a band of {share:g} of the rain lies between 0 and 1"
        )
    return Amounts(best, best * (1.0 - share), best * (1.0 + share)) if share else Amounts(best, best, best)


def rain_drivers(
    rain: Rain,
    given: Amounts | None = None,
    *,
    times: Times | None = None,
    before: Before = "unknown",
    only: Collection[str] | None = None,
) -> dict[str, Series]:
    """Return the drivers i1_mm, i3_mm, r24_mm, antecedent_mm, event_mm, event_hours at `times` (default: the rain's).

    i1, i3, r24: sums of the last 1, 3 and 24 hours. Where the rain comes in longer steps than asked for,
    the sum lies between its even share and the whole step, and `best` is not known. `before` says what
    fell before the series: "unknown", or "dry" where somebody knows. antecedent_mm: 7 days weighted by 1/(t+1)²,
    today being the last 24 hours (80, 30, 0, 10, 0, 5, 0 mm → 58.383). An event begins with rain after
    DRY_HOURS of less than WET_MM; event_mm and event_hours count from there. `only` names the drivers that
    are wanted (default: all).
    """
    mine = amounts(rain) if given is None else given
    step = rain.step / HOUR
    drivers = {
        name: _window(mine, step, hours, before)
        for name, hours in (("i1_mm", 1), ("i3_mm", 3), ("r24_mm", 24))
        if only is None or name in only
    }
    if only is None or "antecedent_mm" in only:
        drivers["antecedent_mm"] = _antecedent(mine, step, before)
    if only is None or {"event_mm", "event_hours"} & set(only):
        drivers["event_mm"], drivers["event_hours"] = _event(mine, step, before)
    where = _places(rain, rain.time if times is None else times)
    return {name: _at(series, where) for name, series in drivers.items()}


def _window(mine: Amounts, step: float, hours: float, before: Before) -> Series:
    """Return the sums of the last `hours`."""
    if step > hours:  # the hour lies somewhere in the step
        share = hours / step
        none = np.where(mine.high == 0.0, 0.0, np.nan)
        return _series(none, mine.low * share, mine.high)
    few, many = math.floor(hours / step + _NOISE), math.ceil(hours / step - _NOISE)
    best, low, high = (_sums(part, many, before) for part in (mine.best, mine.low, mine.high))
    if few != many:
        return _series(np.where(high == 0.0, 0.0, np.nan), _least(mine.low, few), high)
    return _series(best, np.where(np.isnan(best), _least(mine.low, few), low), high)


def _sums(amount: Floats, steps: int, before: Before) -> Floats:
    """Return the sum of the last `steps`, NaN where one of them is not known."""
    known = np.where(np.isnan(amount), 0.0, amount)
    gaps = _rolling(np.isnan(amount).astype(np.float64), steps)
    total = np.where(gaps > 0.5, np.nan, _rolling(known, steps))  # noqa: PLR2004 - a count
    if before == "unknown":
        total[: steps - 1] = np.nan
    return total


def _least(amount: Floats, steps: int) -> Floats:
    """Return what of the last `steps` fell for certain."""
    return _rolling(np.where(np.isnan(amount), 0.0, amount), steps)


def _rolling(values: Floats, steps: int) -> Floats:
    total = np.cumsum(values, axis=0)
    out = total.copy()
    out[steps:] -= total[:-steps]
    # A difference of sums may miss zero by float noise; rain is told to a tenth of a millimetre.
    return np.round(out, 6)


def _antecedent(mine: Amounts, step: float, before: Before) -> Series:
    day = max(round(24 / step), 1)
    if abs(day * step - 24) > 1e-6:  # noqa: PLR2004 - days do not fall on the steps
        none = np.full(mine.best.shape, np.nan)
        return _series(none, np.zeros_like(none), none)
    weights = antecedent_index(np.eye(DAYS)).tolist()
    parts: list[Floats] = []
    for amount, least in ((mine.best, False), (mine.low, True), (mine.high, False)):
        daily = _least(amount, day) if least else _sums(amount, day, before)
        # One day at a time: the index is linear, and seven days of all places at once would be large.
        total = np.zeros_like(daily)
        for back, weight in enumerate(weights):
            shift = back * day
            total[shift:] += weight * daily[: max(len(daily) - shift, 0)]
            total[:shift] += 0.0 if least or before == "dry" else np.nan
        parts.append(total)
    return _series(*parts)


def _event(mine: Amounts, step: float, before: Before) -> tuple[Series, Series]:
    """Return amount and duration of the event so far, step by step over all places at once."""
    shape = mine.best.shape
    total, hours = np.zeros(shape), np.zeros(shape)
    sums = np.zeros((3, shape[1]))
    since, dry = np.zeros(shape[1]), np.full(shape[1], 0.0 if before == "unknown" else DRY_HOURS)
    sure = np.full(shape[1], before == "dry")  # the beginning of the event, or that there is none, is known
    low, high = np.zeros(shape), np.zeros(shape)
    for i in range(shape[0]):
        rain = np.stack([mine.best[i], mine.low[i], mine.high[i]])
        unknown = np.isnan(rain[0])
        rain = np.where(np.isnan(rain), 0.0, rain)
        wet = (rain[0] >= WET_MM) | (rain[2] >= WET_MM)
        dry = np.where(wet | unknown, 0.0, dry + step)
        over = dry >= DRY_HOURS
        sums = np.where(over, 0.0, sums + rain)
        since = np.where(over, 0.0, np.where((since > 0) | wet, since + step, 0.0))
        sure = over | (sure & ~unknown)
        total[i], low[i], high[i] = (
            np.where(sure, sums[0], np.nan),
            sums[1],
            np.where(sure, sums[2], np.nan),
        )
        hours[i] = np.where(sure, since, np.nan)
    return _series(total, low, high), _series(hours, np.where(np.isnan(hours), 0.0, hours), hours)


def _series(best: Floats, low: Floats, high: Floats) -> Series:
    single = [np.asarray(part, dtype=np.float32) for part in (best, low, high)]
    return Series(*single)


def _places(rain: Rain, times: Times) -> NDArray[np.int64]:
    """Return for each time the last step that has ended by then, −1 where the series does not reach."""
    at = np.searchsorted(rain.time, times, side="right") - 1
    late = (at >= 0) & (times - rain.time[np.maximum(at, 0)] >= rain.step)
    return np.where(late, -1, at)


def _at(series: Series, where: NDArray[np.int64]) -> Series:
    if np.array_equal(where, np.arange(len(series.best))):
        return series

    def taken(part: NDArray[np.float32], fill: float) -> NDArray[np.float32]:
        return np.where((where >= 0)[:, None], part[np.maximum(where, 0)], np.float32(fill))

    return Series(taken(series.best, np.nan), taken(series.low, 0.0), taken(series.high, np.nan))


REACH_KM: Final = 30.0


"""How far a station speaks for a place, km: our working value (draft). Beyond it the rain is not known."""


POWER: Final = 2.0


_NEAREST_M: Final = 1.0  # a place at a station: closer than this weighs no more


_CHUNK: Final = 8192


def between_stations(
    amount: ArrayLike,
    station: tuple[ArrayLike, ArrayLike],
    place: tuple[ArrayLike, ArrayLike],
    *,
    reach_km: float = REACH_KM,
) -> tuple[Floats, Floats]:
    """Return rain at places, float64[times, places], mm: by inverse distance squared, and of the nearest station.

    `amount` (times, stations), NaN where a station does not report; `station`, `place`: (lon, lat), CGCS2000
    degrees. Only stations that report at that time within `reach_km` count; where there is none, or the
    place is not known, NaN: unknown is never dry. The two fields tell how far one number can be trusted.
    Two stations at 10 km and 20 km with 10 and 40 mm: weights 4 : 1 → 16 mm; the nearest → 10 mm.
    """
    rain = np.asarray(amount, dtype=np.float64)
    lon, lat = (np.asarray(v, dtype=np.float64) for v in place)
    around = float(np.mean(np.asarray(station[0], dtype=np.float64)))
    sx, sy = metres(*station, around=around)
    located = np.isfinite(lon) & np.isfinite(lat)
    px, py = (np.full(len(lon), np.nan) for _ in range(2))
    px[located], py[located] = metres(lon[located], lat[located], around=around)
    reports, which = np.unique(~np.isnan(rain), axis=0, return_inverse=True)
    smooth, near = (np.full((len(rain), len(lon)), np.nan) for _ in range(2))
    for start in range(0, len(lon), _CHUNK):
        part = slice(start, start + _CHUNK)
        away = np.hypot(px[part, None] - sx[None, :], py[part, None] - sy[None, :])
        for i, reporting in enumerate(reports):
            times = np.flatnonzero(which.ravel() == i)
            if reporting.any():
                found = _weighed(rain[np.ix_(times, reporting)], away[:, reporting], reach_km * 1000.0)
                smooth[times, part], near[times, part] = found
    return smooth, near


def _weighed(rain: Floats, away: Floats, reach: float) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(away <= reach, np.maximum(away, _NEAREST_M) ** -POWER, 0.0)
        total = weight.sum(axis=1)
        smooth: Any = (rain @ weight.T) / total
    closest = np.argmin(np.where(np.isnan(away), np.inf, away), axis=1)
    near = np.where(total > 0, rain[:, closest], np.nan)
    return np.where(total > 0, smooth, np.nan), near


UNSTATED: Final = 10.0


"""Minutes that the wind of a track is taken as a mean over where none are stated: of those in use the ones that
bring the most rain."""


STRONGEST_KT: Final = 160.0


BAND: Final = 0.5


"""Share by which the fallback may be wrong either way: our working value (draft)."""


def rain_of_track(track: Track, lon: Floats, lat: Floats, times: Times) -> Rain:
    """Return the rain of the hour before each of `times` (hourly, UTC) at places, mm, from R-CLIPER.

    The centre and its wind are interpolated linearly to the middle of the hour. Outside the track's time,
    or where its wind is not known, the rain is NaN. R-CLIPER takes the mean over 1 minute: `averaging_factor`
    turns the track's into it (10 minutes: × 1.0753). `how` names the fallback.
    """
    stated = bool(np.isfinite(track.averaging))
    to_one_minute = averaging_factor(track.averaging if stated else UNSTATED, 1.0)
    hour = np.timedelta64(3600, "s")
    middle = (times - hour // 2).astype(np.int64)
    node = track.time.astype("datetime64[s]").astype(np.int64)
    centre = [
        np.interp(middle, node, part, left=np.nan, right=np.nan)
        for part in (track.lat, track.lon, track.wind)
    ]
    knots = np.minimum(centre[2] / KNOT * to_one_minute, STRONGEST_KT)
    amount = np.full((len(times), len(lon)), np.nan)
    for i in np.flatnonzero(np.isfinite(knots)):
        north = (lat - centre[0][i]) * DEGREE
        east = (lon - centre[1][i]) * DEGREE * np.cos(np.radians(centre[0][i]))
        amount[i] = cyclone_rain(np.hypot(north, east), knots[i])
    name = track.name or track.source
    taken = Text("", "")
    if not stated:
        taken = Text(
            f"；路径没有说明风速的平均时段，按 {UNSTATED:g} 分钟平均",
            f"; its wind taken as means over {UNSTATED:g} minutes, which the track does not state",
        )
    how = Text(
        f"无雨量资料，按台风路径 {name} 用 R-CLIPER 估算（轴对称、偏弱，仅作替代）{taken.zh}",
        f"no rain given; estimated from the track {name} with R-CLIPER (axisymmetric and weak, a fallback only)"
        f"{taken.en}",
    )
    return Rain(times, hour, amount, how, track.issued)
