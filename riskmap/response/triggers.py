"""Triggers over hours of weather and water, and over warnings → raised tiers, closures, unknowns.

Pure and vectorised: hours × records in chunks of records, as float32. An escalation raises and never
lowers. What holds at an hour depends on nothing later, so an evaluation with the data up to an hour
and a replay of the whole storm say the same of that hour.

Collecting what the triggers find: from steps over time to escalations, closures and unknowns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.triggers import WARNING, Trigger
from riskmap.errors import Text
from riskmap.moments import moment_of, moments_of
from riskmap.response.causes import DriverCause, Episodes, Nested, episodes, nested, warning_cause
from riskmap.response.levels import (
    CLOSING,
    ConcernedRows,
    Reached,
    Under,
    concerned,
    concerned_rows,
    groups,
    kept,
    lacking,
    meets,
    merged,
    rank_of,
    ranks_under,
    steps,
    sure_value,
    under_warning,
)
from riskmap.rules.arrays import LayerArrays
from riskmap.values.hazards import Escalation, IssuedWarning, Series, TierSpan, Times
from riskmap.values.scenario import Closure, TriggerResult, UnknownRows

Flags = NDArray[np.bool_]


Rows = NDArray[np.int64]


class Found:
    """What was found so far, of all triggers of one layer."""

    def __init__(self, columns: LayerArrays, ranks: NDArray[np.integer[Any]], times: Times) -> None:
        self.escalations: list[Escalation] = []
        self.reached: list[Escalation] = []
        self.closed: list[Closure] = []
        self.unknown: list[UnknownRows] = []
        self._layer = columns.layer.id
        self._column: pa.ChunkedArray = columns.table.column("code")
        self._codes: list[str] | None = None
        self._ranks, self._times = ranks.astype(np.int64), times
        self._driver: list[tuple[Rows, Rows]] = []  # unknown rows and hours of the trigger at hand
        self._field: list[tuple[Rows, Rows]] = []

    def numbers(
        self,
        trigger: Trigger,
        group: ConcernedRows,
        drivers: Mapping[str, Series],
        reached: Sequence[Reached],
    ) -> None:
        """Add what a trigger on numbers makes of some rows of one class; `drivers` are of these rows."""
        rows, sure = group.rows, group.sure
        own = self._ranks[rows]
        untold = np.zeros(reached[0].certain.shape, dtype=bool)
        unsure = np.zeros_like(untold)
        raised = np.zeros(len(rows), dtype=bool)
        for step in reached:
            matters = (step.rank > own) | trigger.closes
            untold |= step.possible & ~step.certain & matters
            unsure |= step.possible & matters & ~sure
            raised |= (step.rank > own) & step.certain.any(axis=0)
        self._note(self._driver, rows, untold & sure)
        self._note(self._field, rows, unsure)
        hold = np.timedelta64(round(trigger.hold_hours * 3600), "s")
        series = drivers[trigger.driver]
        value = sure_value(series, group.levels[0])
        upwards = -value if trigger_drivers()[trigger.driver].worse == "lower" else value
        told = _Told(trigger, group, drivers, value, hold)
        found: dict[int, Episodes] = {}
        for at, step in enumerate(reached):
            over = kept(step) & sure
            if trigger.closes and at == 0 and over.any():
                self._close(told, step.rank, episodes(over, upwards, self._times, hold))
            over &= (step.rank > own) | ((at == 0) & ~raised)
            if step.rank != CLOSING and over.any():
                found[step.rank] = episodes(over, upwards, self._times, hold)
        if found:
            self._raise_all(told, nested(found, upwards))

    def _close(self, told: _Told, rank: int, found: Episodes) -> None:
        rows = told.group.rows[found.column].tolist()
        start = moments_of(self._times[found.first])
        expiry = moments_of(self._times[found.last] + told.hold)
        for row, (cause, *numbers), begin, end in zip(
            rows, told.facts(found, rank), start, expiry, strict=True
        ):
            closed = Closure(self._layer, self._code(row), told.trigger.id, cause, begin, end, *numbers)
            self.closed.append(closed)

    def _raise_all(self, told: _Told, found: Nested) -> None:
        """Add one escalation for each whole episode: its cause is that of its worst step."""
        facts: list[Any] = [None] * len(found)
        for rank in np.unique(found.rank).tolist():
            mine = np.flatnonzero(found.rank == rank)
            for i, one in zip(mine.tolist(), told.facts(found.worst.only(mine), rank), strict=True):
                facts[i] = one
        column = found.worst.column
        rows, assumed = told.group.rows[column].tolist(), told.group.assumed[column].tolist()
        start, expiry = moments_of(self._times), moments_of(self._times + told.hold)
        for row, rank, unsure, (first, last), taken, (cause, *numbers) in zip(
            rows, found.rank.tolist(), assumed, found.span, found.steps, facts, strict=True
        ):
            self._raise(
                row,
                rank,
                told.trigger.id,
                (cause, start[first], expiry[last], *numbers),
                details=_assumed(assumed=unsure),
                spans=tuple(TierSpan(one, start[a], expiry[b]) for one, a, b in taken)
                if len(taken) > 1
                else (),
            )

    def _raise(
        self,
        row: int,
        rank: int,
        trigger: str,
        facts: Sequence[Any],
        *,
        details: Mapping[str, bool | Sequence[str]],
        spans: tuple[TierSpan, ...] = (),
    ) -> None:
        """Add an escalation, or where the record's own tier is as high, that its trigger was reached."""
        before = int(self._ranks[row])
        one = Escalation(
            self._layer,
            self._code(row),
            before,
            max(rank, before),
            trigger,
            *facts,
            details=details,
            spans=spans,
        )
        (self.escalations if rank > before else self.reached).append(one)

    def warned(
        self, trigger: Trigger, group: ConcernedRows, place: str | None, under: Sequence[Under]
    ) -> None:
        """Add what warnings over one sub-district (None: not known) make of its rows."""
        if not under:
            return
        rows, sure = group.rows, group.sure
        own = self._ranks[rows]
        ranks = ranks_under(trigger, under)
        unsure = ~sure & ((ranks[-1] > own) | trigger.closes)
        if unsure.any():
            hours = np.zeros(len(self._times), dtype=bool)
            for part in under:
                hours |= (self._times >= part.start) & (self._times < part.expiry)
            self._field.append((rows[unsure], np.full(int(unsure.sum()), int(hours.sum()))))
        for at, rank in enumerate(ranks):
            # A record that no rank of these warnings raises is named once, under the mildest.
            raises = sure & ((rank > own) | ((at == 0) & (ranks[-1] <= own)))
            closes = sure & (trigger.closes and at == 0)
            for part in merged(under, rank):
                for i in np.flatnonzero(raises | closes).tolist():
                    row, assumed = int(rows[i]), bool(group.assumed[i])
                    cause = warning_cause(trigger, part, place=place, assumed=assumed)
                    when = (moment_of(part.start), moment_of(part.expiry))
                    if closes[i]:
                        code = self._code(row)
                        self.closed.append(Closure(self._layer, code, trigger.id, cause, *when))
                    if rank != CLOSING and raises[i]:
                        details = part.details() | _assumed(assumed=assumed, unplaced=place is None)
                        self._raise(row, rank, trigger.id, (cause, *when), details=details)

    def close(self, trigger: Trigger, fields: tuple[str, ...]) -> None:
        """Put together the unknown rows of the trigger at hand."""
        if self._driver:
            self.unknown.append(UnknownRows(trigger.id, "driver", trigger.drivers, *_joined(self._driver)))
        if self._field:
            self.unknown.append(UnknownRows(trigger.id, "field", fields, *_joined(self._field)))
        self._driver, self._field = [], []

    def _note(self, notes: list[tuple[Rows, Rows]], rows: Rows, untold: Flags) -> None:
        hours = untold.sum(axis=0)
        some = hours > 0
        if some.any():
            notes.append((rows[some], hours[some].astype(np.int64)))

    def _code(self, row: int) -> str:
        codes = self._codes
        if codes is None:
            codes = self._codes = self._column.to_pylist()
        return str(codes[row])


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What tells the facts of an episode: cause, the worst number and its band."""

    trigger: Trigger
    group: ConcernedRows
    drivers: Mapping[str, Series]
    value: NDArray[np.float32]
    hold: np.timedelta64

    def facts(self, found: Episodes, rank: int) -> Iterator[tuple[Text, float, float, float]]:
        """Yield them for each episode of a step, in their order."""
        series, at = self.drivers[self.trigger.driver], (found.worst, found.column)
        value = self.value[at]
        levels = [level for level in self.group.levels if rank_of(level) == rank]
        which = np.zeros(len(found), dtype=np.int64)
        for i, level in enumerate(levels):
            which[meets(value, level)] = i
        says = [DriverCause.of(self.trigger, level, self.group.title) for level in levels]
        numbers = zip(value.tolist(), series.low[at].tolist(), series.high[at].tolist(), strict=True)
        assumed = self.group.assumed[found.column].tolist()
        for i, (best, low, high) in enumerate(numbers):
            yield says[which[i]].text(best, low, high, assumed=assumed[i]), best, low, high


def _assumed(*, assumed: bool, unplaced: bool = False) -> dict[str, bool | Sequence[str]]:
    stated: dict[str, bool | Sequence[str]] = {"assumed_worst": True} if assumed else {}
    return stated | ({"subdistrict_unknown": True} if unplaced else {})


def _joined(notes: Sequence[tuple[Rows, Rows]]) -> tuple[Rows, Rows]:
    rows, hours = (np.concatenate(part) for part in zip(*notes, strict=True))
    order = np.argsort(rows, kind="stable")
    return rows[order], hours[order]


CHUNK: Final = 4096


"""Records at once: the hours of so many stay in the processor's cache."""


def evaluate(
    triggers: Sequence[Trigger],
    columns: LayerArrays,
    *,
    ranks: NDArray[np.integer[Any]],
    drivers: Mapping[str, Series],
    times: Times,
    warnings: Sequence[IssuedWarning] = (),
    subdistricts: Sequence[str | None] | None = None,
) -> TriggerResult:
    """Return what the triggers of one layer make of its records.

    `columns`: the layer's rows (with `code`); `ranks`: their static ranks, (n,); `drivers`: driver →
    Series, float32[times, n]; `times` ascending, UTC; the last one is *now* for warnings. A trigger whose
    driver is not given is skipped and named. `subdistricts`: name of each row (default: the column of the
    table); a row without one counts as inside every warned area. To raise on the unfavourable end of
    the band, hand over series whose `best` is their `high`.
    """
    now = times[-1] if len(times) else None
    skipped: list[str] = []
    found = Found(columns, np.asarray(ranks), times)
    for trigger in triggers:
        if trigger.driver == WARNING:
            if any(w.kind in trigger.kinds for w in warnings):
                for place, group in _places(trigger, columns, subdistricts):
                    found.warned(trigger, group, place, under_warning(trigger, warnings, place, now))
                found.close(trigger, lacking(trigger, columns))
        elif trigger.driver not in drivers:
            skipped.append(trigger.id)
        else:
            for group in groups(trigger, columns):
                for start in range(0, len(group.rows), CHUNK):
                    _by_numbers(trigger, group.only(slice(start, start + CHUNK)), drivers, found)
            found.close(trigger, lacking(trigger, columns))
    return TriggerResult(
        tuple(found.escalations),
        tuple(found.reached),
        tuple(found.unknown),
        tuple(found.closed),
        tuple(skipped),
    )


def _by_numbers(trigger: Trigger, group: ConcernedRows, drivers: Mapping[str, Series], found: Found) -> None:
    some = concerned(group.levels, _of(drivers[trigger.driver], group.rows))
    if not some.any():
        return
    group = group.only(some)
    mine = {name: _of(drivers[name], group.rows) for name in trigger.drivers if name in drivers}
    found.numbers(trigger, group, mine, steps(group.levels, trigger.driver, mine))


def _of(series: Series, rows: NDArray[np.int64]) -> Series:
    """Return the series of some rows; rows without a gap are looked at in place."""
    first, last = int(rows[0]), int(rows[-1])
    where: Any = slice(first, last + 1) if last - first + 1 == len(rows) else rows
    best = series.best[:, where]
    low = best if series.low is series.best else series.low[:, where]
    return Series(best, low, best if series.high is series.best else series.high[:, where])


def _places(
    trigger: Trigger, columns: LayerArrays, given: Sequence[str | None] | None
) -> Iterator[tuple[str | None, ConcernedRows]]:
    """Yield the rows that a trigger on warnings may concern, by sub-district."""
    names = given
    if names is None:
        there = "subdistrict" in columns.table.column_names
        names = columns.table.column("subdistrict").to_pylist() if there else [None] * len(columns)
    sure, possible, assumed = concerned_rows(trigger, columns)
    places: dict[str | None, list[int]] = {}
    for row in np.flatnonzero(possible).tolist():
        places.setdefault(names[row] or None, []).append(row)
    for place, members in places.items():
        rows = np.asarray(members, dtype=np.int64)
        yield place, ConcernedRows(rows, (), sure[rows], assumed[rows])
