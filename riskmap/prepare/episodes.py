"""From hours over a limit to episodes: first hour, last hour, and the worst number between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmap.hazards import Times

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Parallel arrays: the column, the place in `times` of the first, last and worst hour."""

    column: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    worst: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.column)


def episodes(over: Flags, value: NDArray[np.float32], times: Times, hold: np.timedelta64) -> Episodes:
    """Return the episodes of each column of `over`, bool[times, columns].

    Hours at most `hold` apart are one episode. `value`: the number that grows worse upwards (turn the
    sign of one that grows worse downwards); NaN is never the worst unless there is nothing else.
    """
    column, hour = np.nonzero(over.T)
    if not len(column):
        none = np.zeros(0, dtype=np.int64)
        return Episodes(none, none, none, none)
    apart = np.ones(len(column), dtype=bool)
    apart[1:] = (column[1:] != column[:-1]) | (times[hour[1:]] - times[hour[:-1]] > hold)
    start = np.flatnonzero(apart)
    end = np.append(start[1:], len(column)) - 1
    number = value[hour, column]
    number = np.where(np.isnan(number), -np.inf, number)
    peak = np.maximum.reduceat(number, start)
    of = np.cumsum(apart) - 1
    top = np.flatnonzero(number == peak[of])
    worst = top[np.searchsorted(of[top], np.arange(len(start)))]
    return Episodes(column[start], hour[start], hour[end], hour[worst])
