"""Where a trigger's levels are reached over time: yes, no, or not to be told.

A driver's `best` is compared. Where it is not known its bound on the safe side decides: rain that has
fallen already (`low`) may reach a limit for certain although the total is not known.

Which rows a trigger concerns, and which of its levels hold for them.

When a sub-district stands under a warning: intervals by rank, from the warnings that were issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.triggers import Limit, Trigger, TriggerLevel, WarningColour
from riskmap.errors import Text
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.rules.conditions import known, may_hold
from riskmap.values.hazards import IssuedWarning, Series
from riskmap.vocabulary import RANK_OF

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


def rank_of(level: TriggerLevel) -> int:
    """Return the rank that a level raises to, CLOSING where it has no tier."""
    return RANK_OF[level.tier] if level.tier else CLOSING


def concerned(levels: Sequence[TriggerLevel], series: Series) -> Flags:
    """Return bool[rows]: where some level may be reached at some time. The quiet ones need no more work."""
    up = upward(levels[0])
    value = sure_value(series, levels[0])
    peak = np.fmax.reduce(value, axis=0) if up else np.fmin.reduce(value, axis=0)
    some: Any = np.isnan(series.best).any(axis=0)
    for level in levels:
        some |= meets(peak, level)
    return np.asarray(some, dtype=bool)


def steps(levels: Sequence[TriggerLevel], own: str, drivers: Mapping[str, Series]) -> list[Reached]:
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


def _level(level: TriggerLevel, own: str, drivers: Mapping[str, Series]) -> tuple[Flags, Flags]:
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


@dataclass(frozen=True, slots=True, eq=False)
class ConcernedRows:
    """Rows of one class with its levels. `sure`: they are of it for certain (or count as it).

    `title` names the class where the levels depend on it.
    """

    rows: NDArray[np.int64]
    levels: tuple[TriggerLevel, ...]
    sure: Flags
    assumed: Flags  # a field is not known and counts as its worst value
    title: Text | None = None

    def only(self, some: slice | Flags) -> ConcernedRows:
        """Return the group with some of its rows."""
        return ConcernedRows(self.rows[some], self.levels, self.sure[some], self.assumed[some], self.title)


def concerned_rows(trigger: Trigger, columns: LayerArrays) -> tuple[Flags, Flags, Flags]:
    """Return bool[rows]: concerned for certain (or as the worst), possibly, and only as the worst."""
    certain, possible = may_hold(trigger.when, columns)
    if trigger.missing == "worst":
        return possible, possible, possible & ~certain
    return certain, possible, np.zeros(len(columns), dtype=bool)


def groups(trigger: Trigger, columns: LayerArrays) -> Iterator[ConcernedRows]:
    """Yield the rows that a trigger concerns by class; rows of no known class have the strictest levels."""
    sure, possible, assumed = concerned_rows(trigger, columns)
    if trigger.by is None:
        rows = np.flatnonzero(possible)
        yield ConcernedRows(rows, trigger.levels, sure[rows], assumed[rows])
        return
    column = columns.read(trigger.by)
    words = column if isinstance(column, Words) else Words(np.full(len(columns), -1, np.int32), ())
    field = columns.layer.field(trigger.by)
    titles = {choice.id: choice.title for choice in field.choices}
    told = np.zeros(len(columns), dtype=bool)
    for code, word in enumerate(words.words):
        levels = trigger.classes.get(word, trigger.levels)
        if word not in trigger.classes and not trigger.levels:
            continue
        mine = words.codes == code
        told |= mine
        rows = np.flatnonzero(mine & possible)
        name = titles.get(word, Text(word, word))
        title = Text(f"{field.title.zh}：{name.zh}", f"{field.title.en}: {name.en}")
        if levels:
            yield ConcernedRows(rows, levels, sure[rows], assumed[rows], title)
    rows = np.flatnonzero(possible & ~told)
    worst = trigger.missing == "worst"
    every = (*trigger.levels, *(level for levels in trigger.classes.values() for level in levels))
    strictest = tuple(sorted(dict.fromkeys(every), key=rank_of))
    yield ConcernedRows(rows, strictest, sure[rows] & worst, np.full(len(rows), fill_value=worst))


def lacking(trigger: Trigger, columns: LayerArrays) -> tuple[str, ...]:
    """Return the fields of a trigger that are not known in every row, in the order it reads them."""
    return tuple(name for name in trigger.fields if not known(columns.read(name)).all())


_COLOURS: tuple[str, ...] = get_args(WarningColour)  # the mildest first


@dataclass(frozen=True, slots=True)
class Under:
    """From `start` to `expiry` a rank holds because of `warning`; `open_end`: until it is lifted."""

    rank: int
    start: np.datetime64
    expiry: np.datetime64
    warning: IssuedWarning
    open_end: bool

    def details(self) -> dict[str, bool | Sequence[str]]:
        """Return what an escalation keeps of it."""
        return {"warning": [self.warning.kind, self.warning.colour], "until_lifted": self.open_end}


def under_warning(
    trigger: Trigger, warnings: Sequence[IssuedWarning], place: str | None, now: np.datetime64 | None
) -> list[Under]:
    """Return when a place stands under warnings of the trigger's kinds, for each rank its levels name.

    `place` None: the record's sub-district is not known, so every warning counts for it. A warning
    without an expiry lasts until the next one of its kind for the place, else until it is lifted: then
    `hold_hours` beyond `now`, the last time that was looked at. What was issued after `now` is not known yet.
    """
    here = [w for w in warnings if _counts(w, trigger, place, now)]
    found: list[Under] = []
    for warning in here:
        later = [w.issued for w in here if w.kind == warning.kind and w.issued > warning.issued]
        hold = np.timedelta64(round(trigger.hold_hours * 3600), "s")
        open_end = warning.expires is None and not later
        if warning.expires is not None:
            expiry = warning.expires
        elif later:
            expiry = min(later)
        else:
            expiry = (warning.issued if now is None else max(now, warning.issued)) + hold
        reached = [
            rank_of(level)
            for level in trigger.levels
            if _COLOURS.index(warning.colour) >= _COLOURS.index(level.colour)
        ]
        if reached and expiry > warning.issued:
            found.append(Under(max(reached), warning.issued, expiry, warning, open_end))
    return found


def ranks_under(trigger: Trigger, under: Sequence[Under]) -> list[int]:
    """Return the ranks of the trigger's levels that the warnings reach, ascending: red reaches yellow too."""
    worst = max(part.rank for part in under)
    return sorted({rank for level in trigger.levels if (rank := rank_of(level)) <= worst})


def merged(parts: Sequence[Under], rank: int) -> list[Under]:
    """Return the intervals in which this rank or a worse one holds; touching ones are one."""
    out: list[Under] = []
    for part in sorted((p for p in parts if p.rank >= rank), key=lambda p: (p.start, p.expiry)):
        if out and part.start <= out[-1].expiry:
            last = out[-1]
            longer = part if part.expiry > last.expiry else last
            worst = max((last, part), key=lambda p: _COLOURS.index(p.warning.colour))
            out[-1] = Under(rank, last.start, longer.expiry, worst.warning, longer.open_end)
        else:
            out.append(Under(rank, part.start, part.expiry, part.warning, part.open_end))
    return out


def _counts(warning: IssuedWarning, trigger: Trigger, place: str | None, now: np.datetime64 | None) -> bool:
    inside = not warning.subdistricts or place is None or place in warning.subdistricts
    return warning.kind in trigger.kinds and inside and (now is None or bool(warning.issued <= now))
