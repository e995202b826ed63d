"""Rain at places → what triggers compare: intensity, totals, the antecedent index, the event so far.

Everything looks back from its hour. A sum with an hour that is not known is not known; what has fallen
for certain is its lower bound (`Series.low`), and where nothing bounds it from above `high` is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import RiskmapError
from riskmap.formulas.rain import antecedent_index
from riskmap.hazards import Floats, Rain, Series, Times

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
