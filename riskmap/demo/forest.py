"""The demo's forest-fire grids: polygons that cover the forest without gap or overlap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from riskmap.demo.parcels import FOREST_HA
from riskmap.demo.people import People, as_objects
from riskmap.demo.risk_points import dates, numbered_codes
from riskmap.demo.settlement import Settlement
from riskmap.demo.words import FOREST_AREAS
from riskmap.records import Records

PATROLLERS: Final = 89
_FOUR = ("low", "medium", "high", "very_high")
_ACCESS = ("good", "fair", "poor", "none")
_SPECIES = ("马尾松、木荷", "桉树", "相思树", "荔枝、龙眼", "阔叶混交", "竹")


def make_forest_grids(
    rng: np.random.Generator,
    settlement: Settlement,
    people: People,
    *,
    grids: Sequence[Polygon],
    hectares: Sequence[float],
    today: date,
) -> Records:
    """Return the grids. `grids` in degrees (EPSG:4490), `hectares` their planar area in EPSG:4547."""
    spots = shapely.get_coordinates(shapely.point_on_surface(np.array(grids, object)))
    holder = _holders(spots, settlement)
    order = np.argsort(holder, kind="stable")
    holder, spots = holder[order], spots[order]
    shapes = [grids[i] for i in order]
    area = rounded_to(np.array(hectares)[order], FOREST_HA)
    count = len(shapes)
    wild = area / area.mean() + 0.5 * rng.standard_normal(count)
    patrollers = _shared_out(area, PATROLLERS)
    stretch = np.arange(count) * len(FOREST_AREAS) // count
    names = as_objects([f"演示·{word}林区" for word in FOREST_AREAS])[stretch]
    return Records(
        layer="forest_fire_grids",
        code=numbered_codes("YS-SL", holder),
        name=[f"{area}{i + 1:02d}号网格" for i, area in enumerate(names.tolist())],
        subdistrict=settlement.subdistrict_names[holder].tolist(),
        lon=np.ascontiguousarray(spots[:, 0]),
        lat=np.ascontiguousarray(spots[:, 1]),
        shapes=[shapely.to_wkb(shape) for shape in shapes],
        values={
            "area_ha": area.tolist(),
            "forest_area": names.tolist(),
            "fuel": as_objects(_FOUR)[rng.choice(4, count, p=(0.15, 0.4, 0.33, 0.12))].tolist(),
            "ignition": as_objects(_FOUR)[rng.choice(4, count, p=(0.3, 0.4, 0.22, 0.08))].tolist(),
            "access": as_objects(_ACCESS)[np.searchsorted((0.6, 1.2, 1.9), wild)].tolist(),
            "patrollers": patrollers.tolist(),
            "patrols_month": (patrollers * rng.integers(6, 14, count)).tolist(),
            "main_species": as_objects(_SPECIES)[rng.integers(0, len(_SPECIES), count)].tolist(),
            "monitored": (rng.random(count) < 0.7).tolist(),
            "water_source": (rng.random(count) < 0.6).tolist(),
            "managing_department": ["演示区城市管理和综合执法局"] * count,
            "surveyed_on": dates(rng, count, today, within_days=150).tolist(),
        },
        contacts=[
            (people.contact("patrol_leader", "护林队长"), people.contact("leader", "街道领导"))
            for _ in range(count)
        ],
    )


def rounded_to(parts: NDArray[np.float64], total: float, *, decimals: int = 2) -> NDArray[np.float64]:
    """Round the parts so that they sum to the rounded total (largest remainders go up)."""
    scale = 10**decimals
    exact = parts * scale
    whole = np.floor(exact).astype(np.int64)
    short = round(total * scale) - int(whole.sum())
    whole[np.argsort(-(exact - whole), kind="stable")[:short]] += 1
    return whole / scale


def _shared_out(weight: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Give each part at least one, the rest by weight."""
    return 1 + rounded_to(
        weight / weight.sum() * (total - len(weight)), total - len(weight), decimals=0
    ).astype(np.int64)


def _holders(spots: NDArray[np.float64], settlement: Settlement) -> NDArray[np.intp]:
    polygons = np.array(settlement.polygons, object)
    return np.array([int(np.argmax(shapely.contains_xy(polygons, x, y))) for x, y in spots])
