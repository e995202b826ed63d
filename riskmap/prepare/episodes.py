"""From hours over a limit to episodes: first hour, last hour, and the worst number between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def only(self, some: NDArray[np.int64]) -> Episodes:
        """Return some of them."""
        return Episodes(self.column[some], self.first[some], self.last[some], self.worst[some])


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Whole episodes, each with the steps within it; lists run by episode.

    `worst`: the step with the highest rank, the worst number and the soonest; `rank`: its rank; `span`: first and
    last hour of the whole; `steps`: (rank, first, last), the mildest first.
    """

    worst: Episodes
    rank: NDArray[np.int64]
    span: list[tuple[int, int]]
    steps: list[list[tuple[int, int, int]]]

    def __len__(self) -> int:
        return len(self.span)


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


def nested(found: Mapping[int, Episodes], value: NDArray[np.float32]) -> Nested:
    """Return whole episodes from those of each rank, where those of a worse rank lie within milder ones.

    `value` as for `episodes`: the number that grows worse upwards.
    """
    ranks = sorted(found)
    every = Episodes(
        *(
            np.concatenate([getattr(found[rank], part) for rank in ranks])
            for part in ("column", "first", "last", "worst")
        )
    )
    rank = np.repeat(ranks, [len(found[r]) for r in ranks])
    order = np.lexsort((rank, every.first, every.column))
    every, rank = every.only(order), rank[order]
    whole = np.empty(len(rank), dtype=np.int64)
    span: list[tuple[int, int]] = []
    steps: list[list[tuple[int, int, int]]] = []
    column_now = end = -1
    for i, (column, first, last, one) in enumerate(
        zip(every.column.tolist(), every.first.tolist(), every.last.tolist(), rank.tolist(), strict=True)
    ):
        if column != column_now or first > end:  # nothing milder goes on
            column_now, end = column, last
            span.append((first, last))
            steps.append([])
        steps[-1].append((one, first, last))
        whole[i] = len(span) - 1
    number = value[every.worst, every.column].astype(np.float64)
    number = np.where(np.isnan(number), -np.inf, number)
    by_worst = np.lexsort((every.first, -number, -rank, whole))
    chosen = by_worst[np.searchsorted(whole[by_worst], np.arange(len(span)))]
    return Nested(every.only(chosen), rank[chosen], span, [_telling(some) for some in steps])


def _telling(steps: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return steps, the mildest first, without those that a worse one covers from end to end."""
    worst = {(first, last): rank for rank, first, last in sorted(steps)}
    return sorted((rank, first, last) for (first, last), rank in worst.items())
