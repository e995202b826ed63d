"""Why a tier was raised, in one sentence with its numbers, in both languages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from riskmap.catalog.triggers import DRIVERS, Level, Limit, Trigger
from riskmap.errors import Say
from riskmap.hazards import COLOURS, KINDS
from riskmap.prepare.warned import Under

_ASSUMED: Final = Say("；有未填字段，按最不利计", "; a field is not known and counts as its worst")
_SIDES: Final = {
    "from": Say("不低于", "at least"),
    "above": Say("高于", "above"),
    "upto": Say("不高于", "at most"),
    "below": Say("低于", "below"),
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

    banded: Say
    alone: Say
    open: Say
    unknown: Say

    @classmethod
    def of(cls, trigger: Trigger, level: Level, of_class: Say | None) -> DriverCause:
        """Return the sentence of a level; `of_class`: the class of the records where limits depend on it."""
        quantity = DRIVERS[trigger.driver]
        limits = [_limit(trigger.driver, level, own=True), *(_limit(x.driver, x) for x in level.also)]
        zh, en = "，" + "，且".join(limit.zh for limit in limits), ", " + " and ".join(x.en for x in limits)
        if of_class is not None:
            zh, en = f"{zh}（{of_class.zh}）", f"{en} ({of_class.en})"
        before = Say(
            f"{trigger.title.zh}：{quantity.title.zh} ", f"{trigger.title.en}: {quantity.title.en.lower()} "
        )
        number = f"%.{quantity.decimals}f"
        shown = f"{number} {_plain(quantity.unit)}".rstrip()
        band = Say(f"（{number}–{number}）", f" ({number}–{number})")
        none = Say("", "")

        def said(shown: str, band: Say) -> Say:
            return Say(
                f"{_plain(before.zh)}{shown}{band.zh}{_plain(zh)}",
                f"{_plain(before.en)}{shown}{band.en}{_plain(en)}",
            )

        return cls(said(shown, band), said(shown, none), said("—", band), said("—", none))

    def text(self, value: float, low: float, high: float, *, assumed: bool) -> Say:
        """Return "…：3 小时雨量 85.0 mm（70.0–110.0），不低于 80 mm"; a number that is not known is "—".

        `assumed`: a field was not known and counted as its worst value.
        """
        form: Say
        numbers: tuple[float, ...]
        if math.isnan(value):
            form, numbers = (self.open, (low, high)) if low < high else (self.unknown, ())
        elif low < high:
            form, numbers = self.banded, (value, low, high)
        else:
            form, numbers = self.alone, (value,)
        zh, en = form.zh % numbers, form.en % numbers
        return Say(zh + _ASSUMED.zh, en + _ASSUMED.en) if assumed else Say(zh, en)


def _plain(text: str) -> str:
    """Return text that stays as it is where numbers are put in."""
    return text.replace("%", "%%")


def warning_cause(trigger: Trigger, under: Under, *, place: str | None, assumed: bool) -> Say:
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
    return Say(zh, en)


def _limit(driver: str, limit: Limit, *, own: bool = False) -> Say:
    side, quantity = _SIDES[limit.side], DRIVERS[driver]
    number = f"{limit.value:g}" + (f" {quantity.unit}" if quantity.unit else "")
    title = Say("", "") if own else Say(f"{quantity.title.zh}", f"{quantity.title.en.lower()} ")
    return Say(f"{title.zh}{side.zh} {number}", f"{title.en}{side.en} {number}")
