"""Which readings reach which level of a threshold, and the windows in which they do.

A rise or fall is seen against what was measured before it: where nothing was, it is not known, and never calm. What
the instrument cannot show is no measurement.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats, Ints
from riskmap.catalog.series import AlertLevel, SeriesIndicator, Threshold, ThresholdLevel

UNKNOWN: Final = -1


_STARTS: Final = "%Y%m%dT%H%M%SZ"  # in the code of an alert


_NOISE: Final = 1e-9  # what a difference of decimals may leave


Levels = NDArray[np.int8]  # UNKNOWN, 0 none, 1 the mildest level of the threshold, 2 the next …


@dataclass(frozen=True, slots=True)
class Window:
    """From the first reading that meets a level to the last; `open` while the limit may still be met.

    `start`, `last`, `level_at` and `peak_at` are seconds since 1970 in UTC. `level` is the worst that was met, first at
    `level_at`; `peak` is the worst measure: the value, its rise or fall.
    """

    start: int
    last: int
    level: AlertLevel
    level_at: int
    peak: float
    peak_at: int
    open: bool


def measures(threshold: Threshold, ts: Ints, value: Floats) -> Floats:
    """Return what the threshold compares at each reading: the value, or its rise or fall within `over`.

    `ts` ascends; NaN where the value is NaN, or where nothing was measured within `over` before it.
    """
    if threshold.of == "value" or threshold.over is None:
        return value
    sign = 1.0 if threshold.of == "rise" else -1.0
    lowest = _lowest_before(ts, sign * value, int(threshold.over.total_seconds()))
    return sign * value - lowest


def _lowest_before(ts: Ints, value: Floats, over: int) -> Floats:
    """Return the lowest value of the `over` seconds before each reading, itself left out; NaN where there is none."""
    found = np.full(len(ts), np.nan)
    falling: deque[int] = deque()  # readings of the span whose value nothing later undercuts
    for i, (at, now) in enumerate(zip(ts.tolist(), value.tolist(), strict=True)):
        while falling and ts[falling[0]] < at - over:
            falling.popleft()
        if falling:
            found[i] = value[falling[0]]
        if now == now:  # noqa: PLR0124 - NaN
            while falling and value[falling[-1]] >= now:
                falling.pop()
            falling.append(i)
    return found


def levels(threshold: Threshold, measured: Floats) -> Levels:
    """Return the worst level that each measure meets."""
    found = np.zeros(len(measured), np.int8)
    for number, level in enumerate(threshold.levels, 1):
        found[_met(level, measured)] = number
    found[np.isnan(measured)] = UNKNOWN
    return found


def _met(level: ThresholdLevel, measured: Floats) -> NDArray[np.bool_]:
    limit, noise = level.value, _NOISE * max(1.0, abs(level.value))
    match level.side:
        case "from":
            return measured >= limit - noise
        case "above":
            return measured > limit + noise
        case "upto":
            return measured <= limit + noise
        case "below":
            return measured < limit - noise


def shown(indicator: SeriesIndicator, value: Floats) -> Floats:
    """Return values with NaN where the instrument cannot have shown them."""
    out = np.zeros(len(value), bool)
    if indicator.minimum is not None:
        out |= value < indicator.minimum
    if indicator.maximum is not None:
        out |= value > indicator.maximum
    return np.where(out, np.nan, value)


def windows(threshold: Threshold, ts: Ints, value: Floats) -> list[Window]:
    """Return the windows in which a threshold was met, in order of time.

    >>> from riskmap.catalog.series import ThresholdLevel
    >>> limit = Threshold(id="t", version="1", status="draft", source="s", indicator="i", of="value",
    ...     levels=(ThresholdLevel(from_=5.0, level="red"),), clear_after=dt.timedelta(seconds=60))
    >>> found = windows(limit, np.array([0, 30, 60, 200]), np.array([5.0, 1.0, 6.0, 5.0]))
    >>> [(one.start, one.last, one.peak, one.open) for one in found]
    [(0, 60, 6.0, False), (200, 200, 5.0, True)]
    """
    measured = measures(threshold, ts, value)
    level = levels(threshold, measured)
    met = np.flatnonzero(level > 0)
    if not len(met):
        return []
    clear = int(threshold.clear_after.total_seconds())
    breaks = [i for i in range(1, len(met)) if _cleared(level, ts, int(met[i - 1]), int(met[i]), clear)]
    return [_window(threshold, ts, measured, level, run) for run in np.split(met, breaks)]


def _cleared(level: Levels, ts: Ints, before: int, after: int, clear: int) -> bool:
    """Return whether a window ended between two readings that meet it: readings below it, for longer than `clear`."""
    below = bool((level[before + 1 : after] == 0).any())
    return below and int(ts[after] - ts[before]) > clear


def _window(
    threshold: Threshold, ts: Ints, measured: Floats, level: Levels, run: NDArray[np.int64]
) -> Window:
    falls = threshold.levels[0].side in {"upto", "below"}
    worst = int(run[np.argmin(measured[run]) if falls else np.argmax(measured[run])])
    last, reached = int(run[-1]), int(level[run].max())
    over = bool((level[last + 1 :] == 0).any()) and ts[-1] - ts[last] > threshold.clear_after.total_seconds()
    return Window(
        start=int(ts[run[0]]),
        last=int(ts[last]),
        level=threshold.levels[reached - 1].level,
        level_at=int(ts[run[np.argmax(level[run] == reached)]]),
        peak=float(measured[worst]),
        peak_at=int(ts[worst]),
        open=not over,
    )


def worst_now(
    thresholds: Sequence[Threshold], ts: Ints, value: Floats
) -> tuple[AlertLevel | None, Threshold | None]:
    """Return the worst level that the last of the readings meets, and by which threshold; None where it meets none."""
    found = [one for one in _last_levels(thresholds, ts, value) if one[0] is not None]
    order = ("blue", "yellow", "orange", "red")
    return max(found, key=lambda one: order.index(one[0] or "blue"), default=(None, None))


def _last_levels(
    thresholds: Sequence[Threshold], ts: Ints, value: Floats
) -> Iterator[tuple[AlertLevel | None, Threshold]]:
    for threshold in thresholds:
        number = int(levels(threshold, np.array([last_measure(threshold, ts, value)]))[0])
        yield (threshold.levels[number - 1].level if number > 0 else None), threshold


def last_measure(threshold: Threshold, ts: Ints, value: Floats) -> float:
    """Return the last of `measures`, NaN where there is no reading, without working out the others."""
    if not len(ts):
        return np.nan
    if threshold.of == "value" or threshold.over is None:
        return float(value[-1])
    before = value[:-1][ts[:-1] >= ts[-1] - threshold.over.total_seconds()]
    before = before[~np.isnan(before)]
    if not len(before):
        return np.nan
    return float(value[-1] - before.min() if threshold.of == "rise" else before.max() - value[-1])


def alert_code(sensor: str, threshold: Threshold, start: int) -> str:
    """Return the code of an alert: of sensor, threshold and start (seconds, UTC), so that nothing makes it twice."""
    return f"{sensor}-{threshold.id}-{dt.datetime.fromtimestamp(start, dt.UTC):{_STARTS}}"


def alert_start(code: str, sensor: str, threshold: Threshold) -> int | None:
    """Return the start that a code states (seconds, UTC); None where it is no alert of this sensor and threshold."""
    head = f"{sensor}-{threshold.id}-"
    try:
        start = dt.datetime.strptime(code.removeprefix(head), _STARTS).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(start.timestamp()) if code.startswith(head) else None
