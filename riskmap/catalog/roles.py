"""What the program may rely on in a layer or a field, by role: ids belong to whoever writes the files.

The closed lists of roles, what a field of a role must be, and the roles of files written before there were any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from riskmap.catalog.series import LEVELS

LayerRole = Literal[
    "shelter",
    "waterlogging",
    "fire_grid",
    "area_grid",
    "warehouse",
    "stock_line",
    "stock_move",
    "persons",
    "sensor",
    "alert",
    "duty",
]


# What a record of the layer is: only risks are to enter tiers and the sums of the district.
Counts = Literal["risk", "resource", "work", "event", "reading"]


FieldRole = Literal[
    "catchment_area",
    "curve_number",
    "pump_capacity",
    "backup_power",
    "entrance_elevation",
    "barrier_height",
    "fuel",
    "ignition",
    "access",
    "patrollers",
    "shelter_class",
    "setting",
    "status",
    "capacity",
    "area",
    "indoor_area",
    "in_hazard",
    "beds",
    "water_supply",
    "water_per_day",
    "toilets",
    "sensor",
    "system",
    "indicator",
    "measured",
    "limit",
    "level",
    "late",
    "person",
    "phone",
    "phone_verified",
    "item",
    "begins",
    "ends",
    "desk",
    "leader",
    "leader_phone",
    "post",
]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field of a role is: one of `types`; in `unit` where that is told; with these choices at least."""

    types: tuple[str, ...]
    unit: str | None = None
    choices: tuple[str, ...] = ()


_COUNT: Final = Shape(("integer", "number"))


_CHOICE: Final = Shape(("choice",))


_TEXT: Final = Shape(("text",))


_TRUTH: Final = Shape(("boolean",))


_MOMENT: Final = Shape(("moment",))


def _number(unit: str) -> Shape:
    return Shape(("integer", "number"), unit)


SHAPES: Final[Mapping[FieldRole, Shape]] = {
    "catchment_area": _number("ha"),
    "curve_number": _number(""),
    "pump_capacity": _number("m3/h"),
    "backup_power": _TRUTH,
    "entrance_elevation": _number("m"),
    "barrier_height": _number("m"),
    "fuel": _CHOICE,
    "ignition": _CHOICE,
    "access": _CHOICE,
    "patrollers": _COUNT,
    "shelter_class": _CHOICE,
    "setting": Shape(("choice",), choices=("indoor", "outdoor", "both")),
    "status": Shape(("choice",), choices=("closed",)),
    "capacity": _COUNT,
    "area": _number("m2"),
    "indoor_area": _number("m2"),
    "in_hazard": _TRUTH,
    "beds": _COUNT,
    "water_supply": _TRUTH,
    "water_per_day": _number("l"),
    "toilets": _COUNT,
    "sensor": Shape(("record",)),
    "system": _TEXT,
    "indicator": _TEXT,
    "measured": _COUNT,
    "limit": _COUNT,
    "level": Shape(("choice",), choices=LEVELS),
    "late": _TRUTH,
    "person": _TEXT,
    "phone": _TEXT,
    "phone_verified": Shape(("date",)),
    "item": Shape(("choice",), choices=("bed",)),
    "begins": _MOMENT,
    "ends": _MOMENT,
    "desk": Shape(("choice",), choices=("district", "street")),
    "leader": _TEXT,
    "leader_phone": _TEXT,
    "post": Shape(("choice",), choices=("leader",)),
}


@dataclass(frozen=True, slots=True)
class Earlier:
    """The roles of a layer whose file states none: field id → role."""

    role: LayerRole | None = None
    moves_people: bool = False
    fields: Mapping[str, FieldRole] = field(default_factory=dict[str, FieldRole])


# By the ids that riskmap ships: workspaces made before there were roles have these files without any.
EARLIER: Final[Mapping[str, Earlier]] = {
    "slopes": Earlier(moves_people=True),
    "underground_spaces": Earlier(
        moves_people=True,
        fields={"entrance_elevation_m": "entrance_elevation", "barrier_height_m": "barrier_height"},
    ),
    "waterlogging": Earlier(
        "waterlogging",
        moves_people=True,
        fields={
            "catchment_ha": "catchment_area",
            "curve_number": "curve_number",
            "pump_capacity": "pump_capacity",
            "backup_power": "backup_power",
        },
    ),
    "forest_fire_grids": Earlier(
        "fire_grid",
        moves_people=True,
        fields={"fuel": "fuel", "ignition": "ignition", "access": "access", "patrollers": "patrollers"},
    ),
    "shelters": Earlier(
        "shelter",
        fields={
            "shelter_class": "shelter_class",
            "setting": "setting",
            "status": "status",
            "capacity": "capacity",
            "area_m2": "area",
            "indoor_area_m2": "indoor_area",
            "in_hazard": "in_hazard",
            "beds": "beds",
            "water_supply": "water_supply",
            "water_l_per_day": "water_per_day",
            "toilets": "toilets",
        },
    ),
}
