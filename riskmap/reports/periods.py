"""Periods of a report: half-open runs of local days, as people write them, and the same one a year or a month before.

`2026`, `2026-H1`, `2026-Q4`, `2026-11`, `2026-W48` (ISO week: 23 to 29 November), `2026-11-30`, and a run of
months `2026-01..2026-06`. Where weeks begin on another day (`[reports] week_starts = "fri"`), a week is the seven
days from the last such day not after its Monday: 2026-W48 is then 20 to 26 November.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from riskmap.errors import RiskmapError, Text

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


Shift = Literal["-1y", "-1m", "-1w"]
"""How far back the period lies that another one is compared with."""


SHIFTS: Final[tuple[Shift, ...]] = get_args(Shift)


_DAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)


_FORMS: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?:H(?P<half>[12])|Q(?P<quarter>[1-4])|W(?P<week>\d\d)|(?P<month>\d\d)(?:-(?P<day>\d\d))?))?"
)


_HALF, _QUARTER, _YEAR, _WEEK = 6, 3, 12, 7


def days_before_monday(week_starts: Weekday) -> int:
    """Return how many days before the Monday of its ISO week a week begins: 0 for mon, 3 for fri."""
    return -_DAYS.index(week_starts) % _WEEK


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` up to `until`, which is not in it; `text` as it is written."""

    text: str
    first: dt.date
    until: dt.date

    def __str__(self) -> str:
        return self.text

    @property
    def last(self) -> dt.date:
        """The last day of it."""
        return self.until - dt.timedelta(days=1)

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.first <= day < self.until


def parse_period(text: str, *, week_starts: Weekday = "mon") -> Period:
    """Return the period that a text writes. RiskmapError where it is none, or ends before it begins."""
    plain = text.strip().upper()
    first, dots, last = plain.partition("..")
    try:
        began, until = _days(first, week_starts)
        if dots:
            until = _days(last, week_starts)[1]
    except ValueError:
        raise _no_period(text) from None
    if until <= began:
        raise _no_period(text)
    return Period(plain, began, until)


def _days(text: str, week_starts: Weekday) -> tuple[dt.date, dt.date]:
    """Return first day and the day after the last of one written period. ValueError where it is none."""
    match = _FORMS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, numbers = int(match["year"]), {k: int(v) for k, v in match.groupdict().items() if v}
    if "week" in numbers:
        monday = dt.date.fromisocalendar(year, numbers["week"], 1)
        began = monday - dt.timedelta(days=days_before_monday(week_starts))
        return began, began + dt.timedelta(days=_WEEK)
    if "day" in numbers:
        day = dt.date(year, numbers["month"], numbers["day"])
        return day, day + dt.timedelta(days=1)
    if "month" in numbers:
        return _months(year, numbers["month"], 1)
    if "quarter" in numbers:
        return _months(year, _QUARTER * numbers["quarter"] - 2, _QUARTER)
    if "half" in numbers:
        return _months(year, _HALF * numbers["half"] - 5, _HALF)
    return _months(year, 1, _YEAR)


def _months(year: int, month: int, many: int) -> tuple[dt.date, dt.date]:
    began, end = dt.date(year, month, 1), month - 1 + many
    return began, dt.date(year + end // _YEAR, end % _YEAR + 1, 1)


def _no_period(text: str) -> RiskmapError:
    return RiskmapError(
        f"时段 {text!r} 不对；请写成 2026、2026-H1、2026-Q4、2026-11、2026-W48、2026-11-30 或 2026-01..2026-06",
        f"not a period: {text!r}; write 2026, 2026-H1, 2026-Q4, 2026-11, 2026-W48, 2026-11-30 or 2026-01..2026-06",
    )


def shifted(period: Period, shift: Shift, *, week_starts: Weekday = "mon") -> Period:
    """Return the period that one is compared with: the same a year before, or the month or week before it.

    A whole year, half, quarter, month or run of them keeps its form (2026-11 → 2025-11, -1m: 2026-10). A week a year
    before has its number, of a year with 52 weeks the last for the 53rd. Anything else is moved day by day.
    """
    match = _FORMS.fullmatch(period.text)
    if match is not None and match["week"] is not None and shift != "-1m":
        year, week = int(match["year"]), int(match["week"])
        if shift == "-1y":
            weeks = dt.date(year - 1, 12, 28).isocalendar().week
            text = f"{year - 1}-W{min(week, weeks):02d}"
        else:
            monday = dt.date.fromisocalendar(year, week, 1) - dt.timedelta(days=_WEEK)
            text = "{}-W{:02d}".format(*monday.isocalendar()[:2])
        return parse_period(text, week_starts=week_starts)
    if shift == "-1y" and match is not None:
        return parse_period(f"{int(match['year']) - 1}{_leap(period.text[4:], int(match['year']) - 1)}")
    if shift == "-1m" and match is not None and match["month"] is not None and match["day"] is None:
        return parse_period(f"{earlier(period.first, '-1m'):%Y-%m}")
    first, last = earlier(period.first, shift), earlier(period.until, shift) - dt.timedelta(days=1)
    return Period(f"{first.isoformat()}..{last.isoformat()}", first, last + dt.timedelta(days=1))


def _leap(rest: str, year: int) -> str:
    return "-02-28" if rest == "-02-29" and not calendar.isleap(year) else rest


def earlier(day: dt.date, shift: Shift) -> dt.date:
    """Return the day a year, a month or a week before; 29 February falls back to the 28th, the 31st to the 30th."""
    if shift == "-1w":
        return day - dt.timedelta(days=_WEEK)
    months = day.year * _YEAR + day.month - 1 - (_YEAR if shift == "-1y" else 1)
    year, month = months // _YEAR, months % _YEAR + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def shift_text(shift: Shift) -> Text:
    """Return a shift in words."""
    return {
        "-1y": Text("去年同期", "the year before"),
        "-1m": Text("上月", "the month before"),
        "-1w": Text("上周", "the week before"),
    }[shift]
