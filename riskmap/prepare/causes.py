"""Why a tier was raised, in one sentence with its numbers, in both languages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from riskmap.catalog.triggers import DRIVERS, Level, Limit, Quantity, Trigger
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
    """The sentence of one level of a trigger, but for the numbers: made once for many records."""

    quantity: Quantity
    before: Say
    after: Say

    @classmethod
    def of(cls, trigger: Trigger, level: Level, of_class: Say | None) -> DriverCause:
        """Return the sentence of a level; `of_class`: the class of the records where limits depend on it."""
        quantity = DRIVERS[trigger.driver]
        limits = [_limit(level.limit, own=True), *(_limit(limit) for limit in level.also)]
        zh, en = "，" + "，且".join(limit.zh for limit in limits), ", " + " and ".join(x.en for x in limits)
        if of_class is not None:
            zh, en = f"{zh}（{of_class.zh}）", f"{en} ({of_class.en})"
        before = Say(
            f"{trigger.title.zh}：{quantity.title.zh} ", f"{trigger.title.en}: {quantity.title.en.lower()} "
        )
        return cls(quantity, before, Say(zh, en))

    def text(self, value: float, low: float, high: float, *, assumed: bool) -> Say:
        """Return "…：3 小时雨量 85.0 mm（70.0–110.0），不低于 80 mm"; a number that is not known is "—".

        `assumed`: a field was not known and counted as its worst value.
        """
        digits, unit = self.quantity.decimals, self.quantity.unit
        shown = "—" if math.isnan(value) else f"{value:.{digits}f} {unit}".rstrip()
        band = f"{low:.{digits}f}–{high:.{digits}f}" if low < high else ""
        zh, en = (f"（{band}）", f" ({band})") if band else ("", "")
        more = _ASSUMED if assumed else Say("", "")
        return Say(
            f"{self.before.zh}{shown}{zh}{self.after.zh}{more.zh}",
            f"{self.before.en}{shown}{en}{self.after.en}{more.en}",
        )


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


def _limit(limit: Limit, *, own: bool = False) -> Say:
    side, quantity = _SIDES[limit.side], DRIVERS[limit.driver]
    number = f"{limit.value:g}" + (f" {quantity.unit}" if quantity.unit else "")
    title = Say("", "") if own else Say(f"{quantity.title.zh}", f"{quantity.title.en.lower()} ")
    return Say(f"{title.zh}{side.zh} {number}", f"{title.en}{side.en} {number}")
