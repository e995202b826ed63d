"""How many shelter places people can reach on foot, and who reaches none: two-step floating catchment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.assess.columns import Columns
from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, Say
from riskmap.formulas.catchment import two_step_catchment
from riskmap.formulas.shelter import capacity
from riskmap.selection import column_of
from riskmap.usecases.people_table import read_people
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

LAYER: Final = "shelters"
RADIUS_M: Final[Mapping[str, float]] = {
    "emergency": 500.0,
    "fixed_short": 1000.0,
    "fixed_medium": 1500.0,
    "fixed_long": 2500.0,
    "central": 2500.0,
}
"""Service radius by class, metres. From memory (draft): a district states its own with `radius`."""
_AREA_CLASS: Final = {"central": "fixed_long"}  # a centre takes people for as long
_NAMED: Final = 200  # groups without a shelter that the document lists

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shelters:
    """Shelters that may be used, parallel arrays, and why the others may not (code → reason)."""

    code: tuple[str, ...]
    lon: Floats
    lat: Floats
    places: Floats
    radius: Floats
    left_out: dict[str, Say]


def usable_shelters(ws: Workspace, *, radius: float | None = None, typhoon: bool = False) -> Shelters:
    """Return the shelters that may be counted on: located, not closed, known to lie in no hazard, of known size.

    Places are the stated capacity or what the area takes by its class, the smaller where both are
    known. In a typhoon outdoor shelters are closed, and of one that is both only the indoor area counts.
    What is not known about a shelter leaves it out, and says so.
    """
    table = current_snapshot(ws).table(LAYER)
    columns = Columns(table, ws.catalog.layer(LAYER))

    def words(field: str) -> list[str | None]:
        name = column_of(field)
        return table[name].to_pylist() if name in table.column_names else [None] * len(table)

    kinds = words("shelter_class")
    classes = [_AREA_CLASS.get(k, k) if k else None for k in kinds]
    places = np.fmin(capacity(columns.numbers("area_m2"), classes), columns.numbers("capacity"))
    settings = words("setting") if typhoon else ["indoor"] * len(table)
    indoors = capacity(columns.numbers("indoor_area_m2"), classes)
    places = np.where([kind == "both" for kind in settings], np.minimum(places, indoors), places)
    reach = np.array([radius or RADIUS_M.get(k or "", np.nan) for k in kinds], dtype=np.float64)
    lon, lat = (table[name].to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    located = np.isfinite(lon) & np.isfinite(lat)
    codes: list[str] = table["code"].to_pylist()
    reasons = [
        _unusable(
            located=bool(here),
            status=status,
            in_hazard=float(hazard),
            setting=setting,
            places=float(size),
            radius=float(far),
        )
        for here, status, hazard, setting, size, far in zip(
            located, words("status"), columns.numbers("in_hazard"), settings, places, reach, strict=True
        )
    ]
    keep = [i for i, why in enumerate(reasons) if why is None]
    left_out = {code: why for code, why in zip(codes, reasons, strict=True) if why is not None}
    return Shelters(tuple(codes[i] for i in keep), lon[keep], lat[keep], places[keep], reach[keep], left_out)


def _unusable(
    *, located: bool, status: str | None, in_hazard: float, setting: str | None, places: float, radius: float
) -> Say | None:
    if not located:
        return Say("无坐标", "unlocated")
    if status == "closed":
        return Say("已关闭", "closed")
    if np.isnan(in_hazard):
        return Say("不知道是否处在危险区", "not known whether it lies in a hazard")
    if in_hazard:
        return Say("处在危险区", "inside a hazard")
    if setting is None:
        return Say("台风期间，不知道是室内还是室外", "in a typhoon, not known whether indoor or outdoor")
    if setting == "outdoor":
        return Say("台风期间室外场所不开放", "outdoor, closed in a typhoon")
    if np.isnan(places) and setting == "both":
        return Say(
            "台风期间只能用室内部分，室内面积或类别不清楚",
            "in a typhoon only its indoor part counts, which is not known",
        )
    if np.isnan(places):
        return Say("容量和面积都不清楚", "neither capacity nor area is known")
    if np.isnan(radius):
        return Say("类别不清楚，没有服务半径", "its class is not known, so it has no radius")
    return None


def shelter_reach(
    ws: Workspace, people_file: Path, *, crs: str | None = None, radius: float | None = None
) -> dict[str, Any]:
    """Return the document of `riskmap reach --json`: accessibility by group and by shelter, and who is left.

    Straight-line distances in the CGCS2000 zone. Groups without a position or a number are named and
    make the sums incomplete. RiskmapError where no shelter can be used or nobody was read.
    """
    intake = read_people(people_file, crs=crs)
    shelters = usable_shelters(ws, radius=radius)
    records = intake.records
    numbers = np.array(
        [np.nan if v is None else v for v in records.values.get("people", [None] * len(records))], np.float64
    )
    known = np.isfinite(records.lon) & np.isfinite(records.lat) & np.isfinite(numbers)
    if not known.any():
        raise RiskmapError(
            f"{people_file.name}：没有一行同时有坐标和人口；需要编号、人口、经度、纬度几列",
            f"{people_file.name}: no row has a position and a number of people; columns code, people, lon, lat are needed",
        )
    if not len(shelters.code):
        raise RiskmapError(
            "没有可用的避难场所：需要坐标、容量，且明确不在危险区；见 riskmap select shelters",
            "no shelter can be used: each needs a position, a capacity, and to be known to lie in no hazard",
        )
    rows = np.flatnonzero(known)
    near = _near(shelters, records.lon[rows], records.lat[rows])
    people = numbers[rows]
    found = two_step_catchment(shelters.places, people, near)
    stranded = np.flatnonzero(~near.any(axis=0))
    return {
        "file": people_file.name,
        "people": int(people.sum()),
        "people_unserved": int(found.unserved_people),
        "places": int(shelters.places.sum()),
        "groups": [
            {
                "code": records.code[int(row)],
                "people": int(people[i]),
                "shelters": int(near[:, i].sum()),
                "places_per_person": round(float(found.access[i]), 6),
            }
            for i, row in enumerate(rows)
        ],
        "unserved": [records.code[int(rows[i])] for i in stranded[:_NAMED]],
        "shelters": [
            {
                "code": code,
                "places": int(shelters.places[j]),
                "radius_m": float(shelters.radius[j]),
                "people_in_reach": int(people[near[j]].sum()),
                "places_per_person": None if np.isnan(found.ratio[j]) else round(float(found.ratio[j]), 6),
            }
            for j, code in enumerate(shelters.code)
        ],
        "left_out": [{"code": code, "zh": why.zh, "en": why.en} for code, why in shelters.left_out.items()],
        "incomplete": [records.code[int(i)] for i in np.flatnonzero(~known)],
        "rejected": len(intake.rejected),
        "distance": "straight",
    }


def _near(shelters: Shelters, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Return bool[shelters, groups]: whether the group lies in the shelter's radius."""
    around = float(shelters.lon.mean())
    groups = KDTree(np.column_stack(metres(lon, lat, around=around)))
    places = np.column_stack(metres(shelters.lon, shelters.lat, around=around))
    near = np.zeros((len(shelters.code), len(lon)), dtype=np.bool_)
    for j, found in enumerate(groups.query_ball_point(places, shelters.radius)):
        near[j, found] = True
    return near
