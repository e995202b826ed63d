"""Where a trigger's levels are reached over time: yes, no, or not to be told.

A driver's `best` is compared. Where it is not known its bound on the safe side decides: rain that has
fallen already (`low`) may reach a limit for certain although the total is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.triggers import Level, Limit
from riskmap.hazards import Series
from riskmap.records import RANK_OF

Flags = NDArray[np.bool_]
Singles = NDArray[np.float32]

TOLERANCE: Final = 1e-6
"""How far, relative to a limit of 1 or more, a number may miss it by float noise and still count as it."""
CLOSING: Final = -1
"""Rank of a level that has no tier: it only closes."""


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """One step of a trigger: bool[times, rows] where it is certain, and where it is possible."""

    rank: int
    certain: Flags
    possible: Flags


def meets(value: Singles, limit: Limit) -> Flags:
    """Return where numbers meet a limit; NaN meets none. .15 as float32 meets "from" .15 and not "above" .15."""
    slack = TOLERANCE * max(1.0, abs(limit.value))
    under, over = np.float32(limit.value - slack), np.float32(limit.value + slack)
    with np.errstate(invalid="ignore"):
        match limit.side:
            case "from":
                flags = value >= under
            case "above":
                flags = value > over
            case "upto":
                flags = value <= over
            case "below":
                flags = value < under
    return np.asarray(flags, dtype=bool)


def upward(limit: Limit) -> bool:
    """Return whether more meets the limit."""
    return limit.side in {"from", "above"}


def sure_value(series: Series, limit: Limit) -> Singles:
    """Return `best`, or where it is not known the bound that certainly holds on the limit's side."""
    return np.where(np.isnan(series.best), series.low if upward(limit) else series.high, series.best)


def rank_of(level: Level) -> int:
    """Return the rank that a level raises to, CLOSING where it has no tier."""
    return RANK_OF[level.tier] if level.tier else CLOSING


def concerned(levels: Sequence[Level], series: Series) -> Flags:
    """Return bool[rows]: where some level may be reached at some time. The quiet ones need no more work."""
    up = upward(levels[0])
    value = sure_value(series, levels[0])
    peak = np.fmax.reduce(value, axis=0) if up else np.fmin.reduce(value, axis=0)
    some: Any = np.isnan(series.best).any(axis=0)
    for level in levels:
        some |= meets(peak, level)
    return np.asarray(some, dtype=bool)


def steps(levels: Sequence[Level], own: str, drivers: Mapping[str, Series]) -> list[Reached]:
    """Return one step for each rank of the levels, ascending: this rank *or a worse one* is reached.

    `own` is the driver of the levels; `drivers`: of the same rows; another one that is missing is not
    known. An hour that cannot be told keeps the step of the hour before: a gauge that falls silent in
    the storm lowers nothing.
    """
    found: dict[int, Reached] = {}
    shape = drivers[own].best.shape
    worse: Reached | None = None
    for rank in sorted({rank_of(level) for level in levels}, reverse=True):
        certain, possible = (np.zeros(shape, dtype=bool) for _ in range(2))
        for level in levels:
            if rank_of(level) == rank:
                yes, may = _level(level, own, drivers)
                certain |= yes
                possible |= may
        if worse is not None:
            certain |= worse.certain
            possible |= worse.possible
        worse = found[rank] = Reached(rank, certain, possible)
    return [found[rank] for rank in sorted(found)]


def kept(step: Reached) -> Flags:
    """Return where a step is reached or, as it cannot be told, still counts as reached."""
    held = step.certain.copy()
    for i in range(1, len(held)):
        held[i] |= held[i - 1] & step.possible[i]
    return held


def _level(level: Level, own: str, drivers: Mapping[str, Series]) -> tuple[Flags, Flags]:
    certain, possible = (np.ones(drivers[own].best.shape, dtype=bool) for _ in range(2))
    for driver, limit in ((own, level), *((other.driver, other) for other in level.also)):
        series = drivers.get(driver)
        if series is None:
            certain[:] = False
            continue
        certain &= meets(sure_value(series, limit), limit)
        possible &= _may(series, limit)
    return certain, possible


def _may(series: Series, limit: Limit) -> Flags:
    unknown = np.isnan(series.best)
    bound = series.high if upward(limit) else series.low
    flags = meets(np.where(unknown, bound, series.best), limit)
    flags |= unknown & np.isnan(bound)
    return flags
