"""The hazards that are issued: tracks, warnings, rain. Values that travel between the stages.

Times are `datetime64[s]` in UTC; positions are degrees in WGS84 as meteorological services issue
them. NaN means *not stated*, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.errors import Text

Times = NDArray[np.datetime64]


"""Beaufort force → least mean wind, m/s (GB/T 28591). Issued radii are of forces 7, 10, 12."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where a cyclone's centre is, or is expected, and how strong: parallel arrays, one entry a node.

    `wind` is the maximum sustained wind, m/s, a mean over `averaging` minutes (1, 2 or 10);
    `pressure` and `environment` are hPa at the centre and around; `radius` is that of the maximum
    wind, km. `radii`: wind speed, m/s (same averaging) → float[nodes, 4], km, in the quadrants
    NE, SE, SW, NW within which that wind blows. `issued` tells when a forecast was made.
    """

    name: str
    source: str  # id of the format: "cma", "jma", "ibtracs", "bulletin", "nodes"
    time: Times
    lat: Floats
    lon: Floats
    pressure: Floats
    wind: Floats
    averaging: float
    environment: Floats
    radius: Floats
    radii: Mapping[float, Floats] = field(default_factory=dict)
    issued: np.datetime64 | None = None
    member: str = ""  # name within an ensemble

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class IssuedWarning:
    """A warning as issued: `subdistricts` empty means the whole district; `expires` None: until lifted."""

    kind: str
    colour: str
    issued: np.datetime64
    subdistricts: tuple[str, ...] = ()
    expires: np.datetime64 | None = None
    text: str = ""
    source: str = "typed"


@dataclass(frozen=True, slots=True)
class Rain:
    """Rain at places: `amount[i, j]` mm fell (or will) at place j in the `step` that ends at `time[i]`.

    Times ascend in equal steps. NaN where nothing covers a place. `how` says in both languages where
    the numbers come from (stations and the method between them, a raster, a named fallback).
    """

    time: Times
    step: np.timedelta64
    amount: Floats  # float[times, places]
    how: Text
    issued: np.datetime64 | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What a trigger compares: a value with its band for each hour and record, float32[times, records].

    `low` and `high` bound `best`; where no band is known they are the same array. NaN: not known.
    """

    best: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


class TierSpan(NamedTuple):
    """A rank (`vocabulary.RANKS`) that is reached from `start` to `expiry`, UTC."""

    rank: int
    start: datetime
    expiry: datetime


@dataclass(frozen=True, slots=True)
class Escalation:
    """A record's tier raised for a while. Never lowers; stands beside the static tier.

    `rank_from` and `rank_to`, the worst, are ranks (`vocabulary.RANKS`); `trigger` the id of the layer's
    trigger; `value` with `low` and `high` is what the trigger saw at its worst, in the driver's unit,
    NaN where unknown. From `start` to `expiry`, UTC. `spans` say how it rises and falls meanwhile, the
    mildest first: a worse one lies within a milder one, the mildest is the whole, and at any moment the
    worst of those that hold counts; where none are given, `rank_to` holds all the time.
    """

    layer: str
    code: str
    rank_from: int
    rank_to: int
    trigger: str
    cause: Text
    start: datetime
    expiry: datetime
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    details: Mapping[str, bool | Sequence[str]] = field(default_factory=dict[str, bool | Sequence[str]])
    spans: tuple[TierSpan, ...] = ()

    def __post_init__(self) -> None:
        if not self.spans:
            object.__setattr__(self, "spans", (TierSpan(self.rank_to, self.start, self.expiry),))

    @property
    def peak(self) -> TierSpan:
        """When the worst rank is reached first."""
        return min((one for one in self.spans if one.rank == self.rank_to), key=lambda one: one.start)

    def at(self, moment: datetime) -> Escalation:
        """Return it with the rank of a moment at which it holds."""
        return replace(self, rank_to=max(s.rank for s in self.spans if s.start <= moment < s.expiry))


DayStep = Literal["next", "same", "gap", "back"]


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


def step(before: Day, after: Day) -> DayStep:
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


def _named(ahead: int) -> DayStep:
    if ahead < 0:
        return "back"
    return "same" if ahead == 0 else "next" if ahead == 1 else "gap"


WEATHER: Final = ("temp", "rh", "ws", "prec")


@dataclass(frozen=True, slots=True, eq=False)
class WeatherTable:
    """Days of weather in the order of the file, column by column.

    `row` is the line in the file; `grid` "" where the file has no grid column (then `gridded` is False);
    `year` None where it has none; `weather` maps temp, rh, ws, prec to float64 arrays without NaN.
    """

    file: str
    gridded: bool
    row: Sequence[int]
    grid: Sequence[str]
    year: Sequence[int] | None
    month: NDArray[np.int64]
    day: NDArray[np.int64]
    weather: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.row)

    def year_of(self, at: int) -> int | None:
        """Return the year of a row, None where the file has no year."""
        return self.year[at] if self.year is not None else None


@dataclass(frozen=True, slots=True)
class MissingDays:
    """Days that a grid lacks: from `after` to `before`; unknown from `before` on."""

    grid: str
    after: Day
    before: Day
    row: int


@dataclass(frozen=True, slots=True, eq=False)
class FireWeatherDays:
    """The weather table with its codes and indices, float64 arrays parallel to its rows, NaN unknown."""

    table: WeatherTable
    codes: Mapping[str, NDArray[np.float64]]
    gaps: tuple[MissingDays, ...]

    def day(self, row: int) -> Day:
        """Return the day of a row of the table."""
        return day_of(self.table, row)


def known_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it; unknown is None."""
    return None if math.isnan(value) else value


def day_of(table: WeatherTable, row: int) -> Day:
    """Return the day of one row of a weather table."""
    return Day(int(table.month[row]), int(table.day[row]), table.year_of(row))
