"""The hazards that are issued: tracks, warnings, rain. Values that travel between the stages.

Times are `datetime64[s]` in UTC; positions are degrees in WGS84 as meteorological services issue
them. NaN means *not stated*, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Say

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

Kind = Literal["typhoon", "rainstorm", "waterlogging", "geological", "forest_fire", "gale"]
KINDS: Final[Mapping[str, Say]] = {
    "typhoon": Say("台风", "Typhoon"),
    "rainstorm": Say("暴雨", "Rainstorm"),
    "waterlogging": Say("内涝", "Waterlogging"),
    "geological": Say("地质灾害", "Geological hazard"),
    "forest_fire": Say("森林火险", "Forest fire danger"),
    "gale": Say("大风", "Gale"),
}
Colour = Literal["white", "blue", "yellow", "orange", "red"]
COLOURS: Final[Mapping[str, Say]] = {
    "white": Say("白色", "White"),
    "blue": Say("蓝色", "Blue"),
    "yellow": Say("黄色", "Yellow"),
    "orange": Say("橙色", "Orange"),
    "red": Say("红色", "Red"),
}
RESPONSES: Final[Sequence[str]] = ("I", "II", "III", "IV")  # declared by a person, never derived

FORCE_MS: Final[Mapping[int, float]] = {6: 10.8, 7: 13.9, 8: 17.2, 9: 20.8, 10: 24.5, 11: 28.5, 12: 32.7}
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
    how: Say
    issued: np.datetime64 | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What a trigger compares: a value with its band for each hour and record, float32[times, records].

    `low` and `high` bound `best`; where no band is known they are the same array. NaN: not known.
    """

    best: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


class Step(NamedTuple):
    """A rank (`records.RANKS`) that is reached from `start` to `expiry`, UTC."""

    rank: int
    start: np.datetime64
    expiry: np.datetime64


@dataclass(frozen=True, slots=True)
class Escalation:
    """A record's tier raised for a while. Never lowers; stands beside the static tier.

    `row` is the record's row in its layer's table; `rank_from` and `rank_to`, the worst, are ranks
    (`records.RANKS`); `trigger` the id of the layer's trigger; `value` with `low` and `high` is what
    the trigger saw at its worst, in the driver's unit. From `start` to `expiry`, UTC. Where it rises
    and falls meanwhile, `steps` say when: a worse one lies within a milder one, the mildest is the
    whole; none means that `rank_to` holds all the time.
    """

    layer: str
    row: int
    code: str
    rank_from: int
    rank_to: int
    trigger: str
    cause: Say
    start: np.datetime64
    expiry: np.datetime64
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    details: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def spans(self) -> tuple[Step, ...]:
        """The ranks with their times, the mildest first; at any moment the worst of those that hold counts."""
        return self.steps or (Step(self.rank_to, self.start, self.expiry),)
