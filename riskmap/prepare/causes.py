"""Why a tier was raised, in one sentence with its numbers, in both languages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Final

import numpy as np

from riskmap.catalog.triggers import DRIVERS, Level, Limit, Trigger
from riskmap.errors import Say
from riskmap.hazards import COLOURS, KINDS
from riskmap.prepare.warned import Under

BEIJING: Final = timezone(timedelta(hours=8))
_SIDES: Final = {
    "from": Say("不低于", "at least"),
    "above": Say("高于", "above"),
    "upto": Say("不高于", "at most"),
    "below": Say("低于", "below"),
}


def local_time(moment: np.datetime64) -> str:
    """Return a moment as people here read it: month-day hour:minute, Beijing time."""
    return str(moment.astype("datetime64[s]").astype(object) + timedelta(hours=8))[5:16]


def number_text(driver: str, value: float) -> str:
    """Return a driver's number with its unit: 85.0 mm. "—" where it is not known."""
    quantity = DRIVERS[driver]
    if math.isnan(value):
        return "—"
    return f"{value:.{quantity.decimals}f}" + (f" {quantity.unit}" if quantity.unit else "")


def driver_cause(
    trigger: Trigger,
    level: Level,
    value: float,
    low: float,
    high: float,
    *,
    of_class: Say | None,
    assumed: bool,
) -> Say:
    """Return "3 小时雨量 85.0 mm（70.0–110.0），不低于 80 mm" with the trigger's title before it.

    `of_class`: the record's class where the limits depend on it; `assumed`: a field was not known and
    counted as its worst value.
    """
    quantity, shown = DRIVERS[trigger.driver], number_text(trigger.driver, value)
    digits = quantity.decimals
    band = f"{low:.{digits}f}–{high:.{digits}f}" if low < high else ""
    limits = [_limit(level.limit, own=True), *(_limit(limit) for limit in level.also)]
    zh = f"{trigger.title.zh}：{quantity.title.zh} {shown}" + (f"（{band}）" if band else "")
    en = f"{trigger.title.en}: {quantity.title.en.lower()} {shown}" + (f" ({band})" if band else "")
    zh += "，" + "，且".join(limit.zh for limit in limits)
    en += ", " + " and ".join(limit.en for limit in limits)
    if of_class is not None:
        zh, en = f"{zh}（{of_class.zh}）", f"{en} ({of_class.en})"
    if assumed:
        zh, en = f"{zh}；有未填字段，按最不利计", f"{en}; a field is not known and counts as its worst"
    return Say(zh, en)


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
        zh, en = f"{zh}；有未填字段，按最不利计", f"{en}; a field is not known and counts as its worst"
    return Say(zh, en)


def level_met(levels: Sequence[Level], met: Sequence[bool]) -> Level:
    """Return the worst level that was met, the first one where none is told."""
    return next((level for level, yes in zip(reversed(levels), reversed(met), strict=True) if yes), levels[0])


def _limit(limit: Limit, *, own: bool = False) -> Say:
    side, quantity = _SIDES[limit.side], DRIVERS[limit.driver]
    number = f"{limit.value:g}" + (f" {quantity.unit}" if quantity.unit else "")
    title = Say("", "") if own else Say(f"{quantity.title.zh}", f"{quantity.title.en.lower()} ")
    return Say(f"{title.zh}{side.zh} {number}", f"{title.en}{side.en} {number}")
