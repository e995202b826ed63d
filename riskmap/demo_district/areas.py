"""The demo's forest-fire grids: polygons that cover the forest without gap or overlap.

The demo's shelters: schools, parks and halls, spread over where people live.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from riskmap.demo_district.land import COLS, ROWS
from riskmap.demo_district.parcels import FOREST_HA, spread_out
from riskmap.demo_district.people import FOREST_AREAS, People, as_objects
from riskmap.demo_district.risk_points import dates, numbered_codes
from riskmap.demo_district.settlement import Settlement, Sites, joined
from riskmap.values.records import Records

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


SHELTERS: Final = 45


_SITES = (
    ("小学", "indoor", 2400, "emergency"),
    ("中学", "both", 6500, "fixed_short"),
    ("社区服务中心", "indoor", 900, "emergency"),
    ("体育馆", "indoor", 5200, "fixed_short"),
    ("公园", "outdoor", 15000, "fixed_medium"),
    ("文化广场", "outdoor", 4200, "emergency"),
    ("体育中心", "both", 36000, "central"),
)


_SHARES = (0.28, 0.2, 0.22, 0.1, 0.1, 0.07, 0.03)


# Square metres a person needs in each class (common planning values; a draft, not an official text).
_PER_PERSON = {"emergency": 1.0, "fixed_short": 2.0, "fixed_medium": 3.0, "central": 4.5}


_DURATION = {
    "emergency": "1 天以内",
    "fixed_short": "15 天以内",
    "fixed_medium": "30 天以内",
    "central": "100 天以内",
}


def make_shelters(
    rng: np.random.Generator, settlement: Settlement, people: People, *, today: date
) -> Records:
    """Return the shelters, ordered by sub-district, capacity consistent with area and class."""
    sites = _sites(rng, settlement)
    count = len(sites)
    kind = rng.choice(len(_SITES), count, p=_SHARES)
    word, setting, typical, grade = (as_objects([s[i] for s in _SITES])[kind].tolist() for i in range(4))
    area = np.round(np.array(typical, float) * rng.uniform(0.6, 1.6, count), -1)
    per_person = np.array([_PER_PERSON[g] for g in grade])
    capacity = (area * 0.55 / per_person).astype(int)
    inside = np.where(np.array(setting) == "outdoor", 0.0, np.where(np.array(setting) == "both", 0.35, 1.0))
    used = rng.random(count) < 0.5
    community = settlement.communities(sites)
    return Records(
        layer="shelters",
        code=numbered_codes("YS-BN", sites.subdistrict),
        name=[
            f"演示·{c}{w}避难场所{i + 1}号"
            for i, (c, w) in enumerate(zip(community.tolist(), word, strict=True))
        ],
        subdistrict=settlement.subdistrict_names[sites.subdistrict].tolist(),
        lon=sites.lon,
        lat=sites.lat,
        shapes=None,
        values={
            "shelter_class": grade,
            "site_kind": word,
            "category": ["综合性"] * count,
            "construction_kind": as_objects(("改建", "新建", "指定"))[rng.integers(0, 3, count)].tolist(),
            "capacity": capacity.tolist(),
            "area_m2": area.tolist(),
            "indoor_area_m2": np.round(area * inside, -1).tolist(),
            "setting": setting,
            "status": as_objects(("standby", "open", "closed"))[
                rng.choice(3, count, p=(0.82, 0.13, 0.05))
            ].tolist(),
            "in_hazard": (rng.random(count) < 0.06).tolist(),
            "backup_power": (rng.random(count) < 0.6).tolist(),
            "water_supply": (rng.random(count) < 0.92).tolist(),
            "accessible": (rng.random(count) < 0.7).tolist(),
            "beds": np.minimum(capacity, rng.integers(20, 160, count)).tolist(),
            "hazards_served": ["台风、暴雨、地质灾害"] * count,
            "stay_duration": [_DURATION[g] for g in grade],
            "supplies": ["饮用水、棉被、折叠床"] * count,
            "facilities": ["广播、照明、厕所"] * count,
            "used_last_year": np.where(used, rng.integers(1, 5, count), 0).tolist(),
            "people_last_year": np.where(used, rng.integers(5, 180, count), 0).tolist(),
            "recognised_by": ["演示区应急管理局"] * count,
            "managing_department": ["演示区应急管理局"] * count,
            "community": community.tolist(),
            "address": settlement.addresses(sites).tolist(),
            "surveyed_on": dates(rng, count, today, within_days=240).tolist(),
        },
        contacts=[
            (people.contact("manager", "场所管理员"), people.contact("leader", "街道领导"))
            for _ in range(count)
        ],
    )


def _sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
    """One place in each of the cells that divide the built-up ground most evenly."""
    block = 5
    # Only cells that lie wholly in one sub-district: each small window must hold a place to find.
    density = np.where(settlement.cells >= 0, settlement.density, 0.0)
    coarse = np.sqrt(density.reshape(ROWS // block, block, COLS // block, block).sum(axis=(1, 3)))
    centres = spread_out(rng, coarse, SHELTERS, rounds=6)
    found: list[Sites] = []
    for centre in centres:
        r, c = divmod(int(centre), COLS // block)
        near = np.zeros((ROWS, COLS))
        window = np.s_[r * block : (r + 1) * block, c * block : (c + 1) * block]
        near[window] = density[window]
        found.append(settlement.sites(rng, 1, weight=near, on_streets=0.0))
    sites = joined(found)
    return sites.take(np.argsort(sites.subdistrict, kind="stable"))
