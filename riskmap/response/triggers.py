"""Triggers over hours of weather and water, and over warnings → raised tiers, closures, unknowns.

Pure and vectorised: hours × records in chunks of records, as float32. An escalation raises and never
lowers. What holds at an hour depends on nothing later, so an evaluation with the data up to an hour
and a replay of the whole storm say the same of that hour.

From hours over a limit to episodes: first hour, last hour, and the worst number between them.
Why a tier was raised, in one sentence with its numbers, in both languages.
Collecting what the triggers find: from steps over time to escalations, closures and unknowns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.triggers import WARNING, Limit, Trigger, TriggerLevel
from riskmap.errors import Text
from riskmap.moments import moment_of, moments_of
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
from riskmap.vocabulary import COLOURS, KINDS

_ASSUMED: Final = Text("；有未填字段，按最不利计", "; a field is not known and counts as its worst")


_SIDES: Final = {
    "from": Text("不低于", "at least"),
    "above": Text("高于", "above"),
    "upto": Text("不高于", "at most"),
    "below": Text("低于", "below"),
}


def local_time(moment: np.datetime64) -> str:
    """Return a moment as people here read it: month-day hour:minute, Beijing time."""
    return str(moment.astype("datetime64[s]").astype(object) + timedelta(hours=8))[5:16]


@dataclass(frozen=True, slots=True)
class _DriverCause:
    """The sentence of one level of a trigger, but for the numbers: made once for many records.

    `banded` takes the number and the two ends of its band, `alone` the number; for a number that is not
    known `open` takes the two ends and `unknown` nothing.
    """

    banded: Text
    alone: Text
    open: Text
    unknown: Text

    @classmethod
    def of(cls, trigger: Trigger, level: TriggerLevel, of_class: Text | None) -> _DriverCause:
        """Return the sentence of a level; `of_class`: the class of the records where limits depend on it."""
        quantity = trigger_drivers()[trigger.driver]
        limits = [_limit(trigger.driver, level, own=True), *(_limit(x.driver, x) for x in level.also)]
        zh, en = "，" + "，且".join(limit.zh for limit in limits), ", " + " and ".join(x.en for x in limits)
        if of_class is not None:
            zh, en = f"{zh}（{of_class.zh}）", f"{en} ({of_class.en})"
        before = Text(
            f"{trigger.title.zh}：{quantity.title.zh} ", f"{trigger.title.en}: {quantity.title.en.lower()} "
        )
        number = f"%.{quantity.decimals}f"
        shown = f"{number} {_plain(quantity.unit)}".rstrip()
        band = Text(f"（{number}–{number}）", f" ({number}–{number})")
        none = Text("", "")

        def said(shown: str, band: Text) -> Text:
            return Text(
                f"{_plain(before.zh)}{shown}{band.zh}{_plain(zh)}",
                f"{_plain(before.en)}{shown}{band.en}{_plain(en)}",
            )

        return cls(said(shown, band), said(shown, none), said("—", band), said("—", none))

    def text(self, value: float, low: float, high: float, *, assumed: bool) -> Text:
        """Return "…：3 小时雨量 85.0 mm（70.0–110.0），不低于 80 mm"; a number that is not known is "—".

        `assumed`: a field was not known and counted as its worst value.
        """
        form: Text
        numbers: tuple[float, ...]
        if math.isnan(value):
            form, numbers = (self.open, (low, high)) if low < high else (self.unknown, ())
        elif low < high:
            form, numbers = self.banded, (value, low, high)
        else:
            form, numbers = self.alone, (value,)
        zh, en = form.zh % numbers, form.en % numbers
        return Text(zh + _ASSUMED.zh, en + _ASSUMED.en) if assumed else Text(zh, en)


def _plain(text: str) -> str:
    """Return text that stays as it is where numbers are put in."""
    return text.replace("%", "%%")


def _warning_cause(trigger: Trigger, under: Under, *, place: str | None, assumed: bool) -> Text:
    """Return the warning that stands over a record, and whether its sub-district was not known."""
    warning = under.warning
    kind, colour = KINDS[warning.kind], COLOURS[warning.colour]
    area = "、".join(warning.subdistricts) or "全区"
    area_en = ", ".join(warning.subdistricts) or "whole district"
    issued = local_time(warning.issued)
    zh = f"{trigger.title.zh}：{kind.zh}{colour.zh}预警（{area}），{issued} 发布"
    en = f"{trigger.title.en}: {colour.en.lower()} {kind.en.lower()} warning ({area_en}), issued {issued} Beijing time"
    if under.open_end:
        zh, en = f"{zh}，未解除", f"{en}, not lifted"
    if place is None and warning.subdistricts:
        zh, en = (
            f"{zh}；街道未填，按在预警区内计",
            f"{en}; its sub-district is not known and counts as warned",
        )
    if assumed:
        zh, en = zh + _ASSUMED.zh, en + _ASSUMED.en
    return Text(zh, en)


def _limit(driver: str, limit: Limit, *, own: bool = False) -> Text:
    side, quantity = _SIDES[limit.side], trigger_drivers()[driver]
    number = f"{limit.value:g}" + (f" {quantity.unit}" if quantity.unit else "")
    title = Text("", "") if own else Text(f"{quantity.title.zh}", f"{quantity.title.en.lower()} ")
    return Text(f"{title.zh}{side.zh} {number}", f"{title.en}{side.en} {number}")


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
                    cause = _warning_cause(trigger, part, place=place, assumed=assumed)
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
        says = [_DriverCause.of(self.trigger, level, self.group.title) for level in levels]
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
