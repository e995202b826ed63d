"""Dates as offices, databases and foreign programs write them; every dialect goes through one judge."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from riskmap.moments import BEIJING, parse_moment

_EPOCH = dt.date(1899, 12, 30)  # Excel's day 0, counting its false 29 February 1900


_SERIALS = (20_000, 80_000)  # 1954 to 2119: a smaller number is a year or a mistake


_YEARS = (1900, 2100)


_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")


# What may stand behind a day: an hour, with or without its zone.
_TIME = r"(?P<time>(?:\s*(?:上午|下午|中午|晚上|凌晨))?(?:[T\s]*\d{1,2}\s*[:时点]\s*(?:\d{1,2}.*)?)?)"


_FULL = re.compile(
    rf"^(\d{{4}})\s*[-/.、年]\s*(\d{{1,2}})\s*[-/.、月]\s*(\d{{1,2}})\s*[日号]?\s*(?:[(（]?(?:星期|周).[)）]?)?{_TIME}$"
)


_COMPACT = re.compile(rf"^(\d{{4}})(\d{{2}})(\d{{2}})(?:\.0)?{_TIME}$")


_SHORT = re.compile(r"^(\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]$")


# 28.06.2021, 6/28/2021, 28-6-21: which number is the day is found out, or said to be open.
_THREE_NUMBERS = re.compile(rf"^(\d{{1,2}})\s*([-/.])\s*(\d{{1,2}})\s*\2\s*(\d{{4}}|\d{{2}}),?{_TIME}$")


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


_MONTH_NAME = r"(?P<month>(?:" + "|".join(_MONTHS) + r")[a-z]{0,6})\.?"


_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"


# 28 June 2021, 28-Jun-21, Jun 28, 2021, Mon, 28 Jun 2021 15:30:00 GMT.
_NAMED = tuple(
    re.compile(rf"^{_WEEKDAY}{text}{_TIME}$", re.IGNORECASE)
    for text in (
        rf"(?P<day>\d{{1,2}})(?:st|[nr]d|th)?[-\s/.]+{_MONTH_NAME}[-\s/.,]+(?P<year>\d{{4}}|\d{{2}}),?",
        rf"{_MONTH_NAME}[-\s/.]+(?P<day>\d{{1,2}})(?:st|[nr]d|th)?[-\s/.,]+(?P<year>\d{{4}}),?",
    )
)


# Sat May 02 2026 07:30:00 GMT+0800 (…), as a browser writes it.
_BROWSER = re.compile(
    rf"^{_WEEKDAY}{_MONTH_NAME}\s+(?P<day>\d{{1,2}})\s+(?P<year>\d{{4}})(?P<time>\s+\d\d:\d\d:\d\d)\s+GMT(?P<zone>[+-]\d{{4}})\b",
    re.IGNORECASE,
)


_MONTH = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")


_YEAR = re.compile(r"^(\d{4})\s*(?:年|\.0)?$")


_MIDNIGHT = re.compile(r"^[T\s0:时点分秒.]*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$")


_SERIAL = re.compile(r"^(\d{5})(?:\.(\d+))?$")


# What databases and web services count from 1970: seconds in ten digits, milliseconds in twelve or thirteen.
_SECONDS = re.compile(r"^([1-9]\d{9})(?:\.\d+)?$")


_MILLISECONDS = re.compile(r"^([1-9]\d{11,12})(?:\.0+)?$")


_COMPACT_MOMENT = re.compile(r"^(?:\d{10}|\d{12}|\d{14}|\d{8}T\d{4}(?:\d\d)?.*)$", re.IGNORECASE)


_CLOCK = re.compile(
    r"^(?P<hour>\d{1,2}):(?P<rest>\d\d(?::\d\d(?:[.,]\d+)?)?)\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>.*)$",
    re.IGNORECASE,
)


# Z, +0000 UTC, GMT+0800, +08:00[Asia/Shanghai]: the offset says it, the name beside it adds nothing.
_OFFSET = re.compile(r"^(?:GMT|UTC)?\s*(?P<offset>[+-]\d\d:?(?:\d\d)?)\s*(?:[\[(A-Z].*)?$", re.IGNORECASE)


_DAY_WITH_ZONE = re.compile(r"^(\d{4}-\d\d-\d\d)(?:Z|[+-]\d\d:\d\d)$", re.IGNORECASE)


_CHINESE = re.compile(
    r"^([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})[日号])?$"
)


class ParsedDate(NamedTuple):
    """An ISO date: the day in Beijing of what a cell states.

    `partial`: the cell left the day (or the month) open: then it is the first. `timed`: it named a time of
    day. `zoned`: it named a zone other than Beijing's, or counted from 1970. `readings`: the days that it may mean
    where day and month (or year) can be swapped; () where it means one.
    """

    iso: str
    partial: bool
    timed: bool = False
    zoned: bool = False
    readings: tuple[str, ...] = ()


@lru_cache(maxsize=65_536)
def parse_date(text: str) -> ParsedDate | None:
    """Return the date that a cell states, None when it is none (2023年13月8日).

    Takes 2023年9月8日, 2023.9.8, 2023-09-08, 20230908, 二〇二三年九月八日, 28.06.2021, 6/28/2021, 28 Jun 2021, a time
    behind the day (told by `timed`), with a zone of its own (the day is that of Beijing), Excel serials (45177), and seconds
    or milliseconds since 1970. 2023年9月 and 2023 are the first day of what they name, marked partial. A day
    that could be read two ways (9/8/2023) comes with both readings.
    """
    plain = _DAY_WITH_ZONE.sub(r"\1", unicodedata.normalize("NFKC", text).strip().rstrip(".。"))
    chinese = _CHINESE.match(plain)
    if chinese:
        plain = f"{chinese[1].translate(_DIGITS)}年{_count(chinese[2])}月" + (
            f"{_count(chinese[3])}日" if chinese[3] else ""
        )
    for pattern in (_FULL, _COMPACT):
        if match := pattern.match(plain):
            return _of_days([(match[1], match[2], match[3])], match["time"])
    if match := _SHORT.match(plain):
        return _date(2000 + int(match[1]), int(match[2]), int(match[3]), partial=False)
    if match := _THREE_NUMBERS.match(plain):
        return _of_days(_orders(match[1], match[3], match[4]), match["time"])
    if found := _named(plain):
        return found
    if match := _SERIAL.match(plain):
        serial = int(match[1])
        if _SERIALS[0] <= serial <= _SERIALS[1]:
            day = (_EPOCH + dt.timedelta(days=serial)).isoformat()
            return ParsedDate(day, partial=False, timed=bool((match[2] or "").strip("0")))
        return None
    if match := _MONTH.match(plain):
        return _date(int(match[1]), int(match[2]), 1, partial=True)
    if match := _YEAR.match(plain):
        return _date(int(match[1]), 1, 1, partial=True)
    return _counted(plain)


def _orders(first: str, second: str, last: str) -> list[tuple[str, str, str]]:
    """Return (year, month, day) in every order that three numbers may stand in: the year first or last."""
    if len(last) == 4:  # noqa: PLR2004 - a whole year
        return [(last, first, second), (last, second, first)]
    years = [f"20{int(each):02d}" for each in (last, first)]
    return [(years[0], second, first), (years[0], first, second), (years[1], second, last)]


def _named(plain: str) -> ParsedDate | None:
    if match := _BROWSER.match(plain):
        return _of_days([(match["year"], _month_of(match), match["day"])], match["time"] + match["zone"])
    for pattern in _NAMED:
        if match := pattern.match(plain):
            year = match["year"] if len(match["year"]) > 2 else f"20{match['year']}"  # noqa: PLR2004
            return _of_days([(year, _month_of(match), match["day"])], match["time"])
    return None


def _month_of(match: re.Match[str]) -> str:
    return str(_MONTHS.index(match["month"][:3].casefold()) + 1)


def _of_days(days: Iterable[tuple[str, str, str]], time: str) -> ParsedDate | None:
    """Return the one day of these (year, month, day) that there is, the first of several with all of them."""
    found = [one for year, month, day in days if (one := _at(int(year), int(month), int(day), time))]
    if not found:
        return None
    isos = tuple(dict.fromkeys(one.iso for one in found))
    return found[0]._replace(readings=isos if len(isos) > 1 else ())


def _at(year: int, month: int, day: int, time: str) -> ParsedDate | None:
    """Return a day with the time behind it, in Beijing; None where its zone is not understood."""
    found = _date(year, month, day, partial=False)
    if found is None or not time.strip():
        return found
    clock, zone = _clock_and_zone(time.strip().lstrip("Tt").strip())
    timed = not _MIDNIGHT.match(f"{clock}{zone}")
    if not zone:
        return found._replace(timed=timed)
    moment, here = (parse_moment(f"{found.iso} {clock}{more}", "beijing") for more in (f" {zone}", ""))
    if moment is None:
        return None
    there = moment.astimezone(BEIJING)
    iso = there.date().isoformat()
    return ParsedDate(iso, partial=False, timed=timed and there.time() != dt.time(), zoned=moment != here)


def _clock_and_zone(time: str) -> tuple[str, str]:
    """Return a time in 24 hours and the zone behind it, "" where none is stated."""
    match = _CLOCK.match(time)
    if match is None:
        return time, ""
    hour, half = int(match["hour"]), (match["half"] or "").casefold()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    zone = match["zone"].strip()
    offset = _OFFSET.match(zone)
    return f"{hour}:{match['rest']}", offset["offset"] if offset else zone


def _counted(plain: str) -> ParsedDate | None:
    """Return the day of digits alone: 2026050123 by its year, else what is counted from 1970."""
    if _COMPACT_MOMENT.match(plain) and _YEARS[0] <= int(plain[:4]) <= _YEARS[1]:
        moment = parse_moment(plain, "beijing")
        return None if moment is None else _of_moment(moment, zoned=parse_moment(plain, None) is not None)
    if match := _SECONDS.match(plain):
        return _of_moment(dt.datetime.fromtimestamp(int(match[1]), dt.UTC), zoned=True)
    match = _MILLISECONDS.match(plain)
    if match is None or _YEARS[0] <= int(plain[:4]) <= _YEARS[1]:  # a mistyped 2026050123301
        return None
    return _of_moment(dt.datetime.fromtimestamp(int(match[1]) // 1000, dt.UTC), zoned=True)


def _of_moment(moment: dt.datetime, *, zoned: bool) -> ParsedDate | None:
    there = moment.astimezone(BEIJING)
    # Midnight of UTC is how a day without a time is counted.
    timed = dt.time() not in {there.time(), moment.time()}
    found = _date(there.year, there.month, there.day, partial=False)
    return found and found._replace(timed=timed, zoned=zoned)


def _date(year: int, month: int, day: int, *, partial: bool) -> ParsedDate | None:
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    try:
        return ParsedDate(dt.date(year, month, day).isoformat(), partial)
    except ValueError:
        return None


def _count(chinese: str) -> int:
    """Return 1–99 written 八, 十, 十二, 二十, 二十九."""
    tens, found, ones = chinese.rpartition("十")
    if not found:
        return int(chinese.translate(_DIGITS)) if len(chinese) == 1 else 0
    return (int(tens.translate(_DIGITS)) if tens else 1) * 10 + (int(ones.translate(_DIGITS)) if ones else 0)
