"""Why a tier was raised, in one sentence with its numbers, in both languages.

From hours over a limit to episodes: first hour, last hour, and the worst number between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.triggers import Limit, Trigger, TriggerLevel
from riskmap.errors import Text
from riskmap.response.levels import Under
from riskmap.values.hazards import Times
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
class DriverCause:
    """The sentence of one level of a trigger, but for the numbers: made once for many records.

    `banded` takes the number and the two ends of its band, `alone` the number; for a number that is not
    known `open` takes the two ends and `unknown` nothing.
    """

    banded: Text
    alone: Text
    open: Text
    unknown: Text

    @classmethod
    def of(cls, trigger: Trigger, level: TriggerLevel, of_class: Text | None) -> DriverCause:
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


def warning_cause(trigger: Trigger, under: Under, *, place: str | None, assumed: bool) -> Text:
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
