"""Which day follows which, with a year or without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Step = Literal["next", "same", "gap", "back"]

_LEAP: Final = 2000
_CALENDAR: Final = 366
_HALF: Final = 183  # without a year, more than this ahead is taken for going back


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a weather file; `year` None where it is not stated."""

    month: int
    day: int
    year: int | None = None

    def __str__(self) -> str:
        day = f"{self.month:02d}-{self.day:02d}"
        return day if self.year is None else f"{self.year}-{day}"


def step(before: Day, after: Day) -> Step:
    """Return how one day follows another: the next, the same, one after a gap, or an earlier one.

    Without the year of both, 28 February is followed by 29 February or 1 March, 31 December by 1 January,
    and what lies more than half a year ahead is earlier.
    """
    if before.year is not None and after.year is not None:
        ahead = (date(after.year, after.month, after.day) - date(before.year, before.month, before.day)).days
        return _named(ahead)
    first, second = (date(_LEAP, d.month, d.day).toordinal() for d in (before, after))
    ahead = (second - first) % _CALENDAR
    if (before.month, before.day, after.month, after.day) == (2, 28, 3, 1):
        return "next"
    return _named(ahead if ahead <= _HALF else ahead - _CALENDAR)


def _named(ahead: int) -> Step:
    if ahead < 0:
        return "back"
    return "same" if ahead == 0 else "next" if ahead == 1 else "gap"
