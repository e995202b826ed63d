"""Triggers: which weather, water or warning raises a record's tier, closes a shelter, and for how long.

A trigger is data. It raises a tier and never lowers one; where what it looks at is not known the
record is *unknown*, never safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from riskmap.catalog.model import Condition, Status
from riskmap.errors import Say

Driver = Literal[
    "wind_ms",
    "gust_ms",
    "i1_mm",
    "i3_mm",
    "r24_mm",
    "antecedent_mm",
    "event_mm",
    "event_hours",
    "runoff_mm",
    "depth_m",
    "margin_m",
    "fire_weather",
]
WarningKind = Literal["typhoon", "rainstorm", "waterlogging", "geological", "forest_fire", "gale"]
WarningColour = Literal["white", "blue", "yellow", "orange", "red"]
Unknown = Literal["unknown", "worst"]
Side = Literal["from", "above", "upto", "below"]

WARNING: Final = "warning"
"""What a trigger names as its driver when it looks at issued warnings instead of numbers."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A driver: its title, the unit of its numbers, the decimals worth showing, which way is worse."""

    title: Say
    unit: str
    decimals: int = 1
    worse: Literal["higher", "lower"] = "higher"


DRIVERS: Final[Mapping[str, Quantity]] = {
    "wind_ms": Quantity(Say("平均风速", "Mean wind"), "m/s"),
    "gust_ms": Quantity(Say("阵风风速", "Gust"), "m/s"),
    "i1_mm": Quantity(Say("1 小时雨量", "Rain in 1 h"), "mm"),
    "i3_mm": Quantity(Say("3 小时雨量", "Rain in 3 h"), "mm"),
    "r24_mm": Quantity(Say("24 小时雨量", "Rain in 24 h"), "mm"),
    "antecedent_mm": Quantity(Say("前期雨量指数", "Antecedent rain index"), "mm"),
    "event_mm": Quantity(Say("过程累计雨量", "Rain of the event"), "mm"),
    "event_hours": Quantity(Say("过程历时", "Duration of the event"), "h", 0),
    "runoff_mm": Quantity(Say("产流深", "Runoff"), "mm"),
    "depth_m": Quantity(Say("积水深度", "Water depth"), "m", 2),
    "margin_m": Quantity(Say("开口富余高度", "Opening margin"), "m", 2, "lower"),
    "fire_weather": Quantity(Say("火险天气指数", "Fire weather index"), ""),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A driver against a number: "from" ≥, "above" >, "upto" ≤, "below" <, in the driver's unit."""

    driver: str
    side: Side
    value: float


@dataclass(frozen=True, slots=True)
class Level:
    """Where `limit` and all of `also` are met the tier is at least `tier` (None: only what closes).

    Levels of a trigger stand from the mildest to the worst.
    """

    limit: Limit
    tier: str | None
    also: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class WarningLevel:
    """Under a warning of this colour or a worse one the tier is at least `tier`."""

    colour: str
    tier: str | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of [[triggers]].

    It concerns the records where all conditions of `when` hold. `levels` apply to all of them;
    with `by`, a field, `classes` holds the levels of each of its values, and `levels` those of the
    values that `classes` does not name. A trigger whose driver is "warning" looks at warnings of
    `kinds` and has `colours` instead. `hold_hours`: how long a level lasts after its last exceedance;
    a shorter gap does not end it. `closes`: a record that reaches any level is closed (shelters).
    `missing` says what a field of `when` or `by` that is not known means: "unknown" lists the record
    as unknown where its tier may depend on it, "worst" takes the conditions as met and the strictest
    class. A driver that is not known always leaves the record unknown.
    """

    id: str
    title: Say
    driver: str
    hold_hours: float
    status: Status
    source: str
    levels: tuple[Level, ...] = ()
    by: str | None = None
    classes: Mapping[str, tuple[Level, ...]] = field(default_factory=dict[str, tuple[Level, ...]])
    kinds: tuple[str, ...] = ()
    colours: tuple[WarningLevel, ...] = ()
    when: tuple[Condition, ...] = ()
    closes: bool = False
    missing: Unknown = "unknown"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the trigger reads, each once."""
        read = [c.field for c in self.when]
        return tuple(dict.fromkeys([*read, self.by] if self.by else read))

    @property
    def drivers(self) -> tuple[str, ...]:
        """Drivers that the trigger compares, each once; none for warnings."""
        lists = (self.levels, *self.classes.values())
        limits = [limit for levels in lists for level in levels for limit in (level.limit, *level.also)]
        own = () if self.driver == WARNING else (self.driver,)
        return tuple(dict.fromkeys((*own, *(limit.driver for limit in limits))))
