"""Dates as Chinese offices write them, and as Excel stores them."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_EPOCH = dt.date(1899, 12, 30)  # Excel's day 0, counting its false 29 February 1900
_SERIALS = (20_000, 80_000)  # 1954 to 2119: a smaller number is a year or a mistake
_YEARS = (1900, 2100)
_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")

_TIME = r"(?:\s*(?:上午|下午|中午|晚上|凌晨))?(?:[T\s]*\d{1,2}\s*[:时点]\s*(?:\d{1,2}.*)?)?"
_FULL = re.compile(
    rf"^(\d{{4}})\s*[-/.、年]\s*(\d{{1,2}})\s*[-/.、月]\s*(\d{{1,2}})\s*[日号]?\s*(?:[(（]?(?:星期|周).[)）]?)?{_TIME}$"
)
_COMPACT = re.compile(rf"^(\d{{4}})(\d{{2}})(\d{{2}})(?:\.0)?{_TIME}$")
_SHORT = re.compile(r"^(\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]$")
_MONTH = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")
_YEAR = re.compile(r"^(\d{4})\s*(?:年|\.0)?$")
_SERIAL = re.compile(r"^(\d{5})(?:\.\d+)?$")
_CHINESE = re.compile(
    r"^([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})[日号])?$"
)


class ParsedDate(NamedTuple):
    """An ISO date, and whether the cell left the day (or the month) open: then it is the first."""

    iso: str
    partial: bool


@lru_cache(maxsize=65_536)
def parse_date(text: str) -> ParsedDate | None:
    """Return the date that a cell states, None when it is none (2023年13月8日).

    Takes 2023年9月8日, 2023.9.8, 2023-09-08, 20230908, 二〇二三年九月八日, a time behind the day, and
    Excel serials (45177). 2023年9月 and 2023 are the first day of what they name, marked partial. An order
    that could be read two ways (9/8/2023) is refused.
    """
    plain = unicodedata.normalize("NFKC", text).strip().rstrip(".。")
    chinese = _CHINESE.match(plain)
    if chinese:
        plain = f"{chinese[1].translate(_DIGITS)}年{_count(chinese[2])}月" + (
            f"{_count(chinese[3])}日" if chinese[3] else ""
        )
    for pattern in (_FULL, _COMPACT):
        if match := pattern.match(plain):
            return _date(int(match[1]), int(match[2]), int(match[3]), partial=False)
    if match := _SHORT.match(plain):
        return _date(2000 + int(match[1]), int(match[2]), int(match[3]), partial=False)
    if match := _SERIAL.match(plain):
        serial = int(match[1])
        if _SERIALS[0] <= serial <= _SERIALS[1]:
            return ParsedDate((_EPOCH + dt.timedelta(days=serial)).isoformat(), partial=False)
        return None
    if match := _MONTH.match(plain):
        return _date(int(match[1]), int(match[2]), 1, partial=True)
    if match := _YEAR.match(plain):
        return _date(int(match[1]), 1, 1, partial=True)
    return None


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
