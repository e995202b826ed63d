"""The demo district as one value, and how it is made.

The demo's slopes: on steep ground near houses, 104 damaged by rain and 19 known for long.
Published figures say that 7 of the 104 are monitored and 38 in works, and nothing about overlap; here
OVERLAP of them are both, so 104 − (7 + 38 − 3) = 62 are untreated.

The demo's underground spaces: under built-up ground, every opening with a margin over the water.

The demo's waterlogging spots: hollows in the built-up plain, each with four contacts and a plan.

The demo's forest-fire grids: polygons that cover the forest without gap or overlap.

The demo's shelters: schools, parks and halls, spread over where people live.

Who lives where in the demo district: buildings with their people, the table that an evacuation asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from shapely import Polygon

from riskmap.coordinates import from_cgcs2000, to_cgcs2000
from riskmap.demo_district.land import CELL, COLS, METRIC, ROWS, Land, blurred, make_land
from riskmap.demo_district.parcels import FOREST_HA, make_parcels, spread_out
from riskmap.demo_district.people import DISTRICT, FOREST_AREAS, MARK, SUBDISTRICTS, People, as_objects
from riskmap.demo_district.registers import make_registers
from riskmap.demo_district.risk_points import checked, dates, make_risk_points, numbered_codes
from riskmap.demo_district.settlement import Settlement, Sites, joined, label_cells
from riskmap.moments import utc_now
from riskmap.values.records import Cell, Contact, Records

RAIN_DAMAGED: Final = 104


MONITORED: Final = 7


IN_WORKS: Final = 38


OVERLAP: Final = 3


HISTORIC: Final = 19


SLOPES: Final = RAIN_DAMAGED + HISTORIC


_SLOPE_KINDS = ("cut", "natural", "fill", "retaining_wall")


_SLOPE_WORDS = {"cut": "切坡", "natural": "自然斜坡", "fill": "填方边坡", "retaining_wall": "挡土墙"}


_SLOPE_MATERIALS = ("soil", "mixed", "rock")


_SLOPE_STATES = ("stable", "basically_stable", "less_stable", "unstable")


_THREATENED = ("居民楼", "厂房", "道路", "学校围墙", "步道")


def make_slopes(rng: np.random.Generator, settlement: Settlement, people: People, *, today: date) -> Records:
    """Return the slopes, ordered by sub-district."""
    sites = _slope_sites(rng, settlement)
    r, c = settlement.land.cell_of(sites.east, sites.north)
    steep = settlement.land.slope[r, c]
    order = rng.permutation(SLOPES)
    rain, historic = np.zeros(SLOPES, bool), np.zeros(SLOPES, bool)
    rain[order[:RAIN_DAMAGED]] = True
    historic[order[RAIN_DAMAGED:]] = True
    monitored, in_works = historic.copy(), np.zeros(SLOPES, bool)
    monitored[order[:MONITORED]] = True
    in_works[order[MONITORED - OVERLAP : MONITORED - OVERLAP + IN_WORKS]] = True

    kind = rng.choice(len(_SLOPE_KINDS), SLOPES, p=(0.5, 0.25, 0.1, 0.15))
    material = rng.choice(len(_SLOPE_MATERIALS), SLOPES, p=(0.5, 0.35, 0.15))
    # A cut stands steeper than the hillside it was made in; a wall nearly upright.
    angle = np.clip(
        steep + np.array([24.0, 6.0, 14.0, 48.0])[kind] + 5.0 * rng.standard_normal(SLOPES), 16, 88
    )
    height = np.clip(6.0 + 9.0 * rng.gamma(1.8, 1.0, SLOPES) + 0.25 * steep, 4.0, 68.0)
    height = np.where(kind == 3, np.clip(height * 0.35, 2.5, 14.0), height)
    danger = (
        angle / 45.0 + height / 30.0 + 0.5 * (material == 0) + 0.3 * rain + 0.45 * rng.standard_normal(SLOPES)
    )
    stability = np.searchsorted((1.35, 2.2, 3.1), danger)
    people_below = np.where(rng.random(SLOPES) < 0.3, 0, np.round(rng.gamma(0.9, 28.0, SLOPES))).astype(int)
    things = people_below * rng.uniform(2.0, 9.0, SLOPES) + 30.0 * (rng.random(SLOPES) < 0.5)
    property_below = np.round(np.where(people_below > 60, 3.0, 1.0) * things, 0)
    households = np.ceil(people_below / 3.2).astype(int)
    wording = settlement.communities(sites)
    return Records(
        layer="slopes",
        code=numbered_codes("YS-BP", sites.subdistrict),
        name=[
            f"演示·{community}{_SLOPE_WORDS[_SLOPE_KINDS[k]]}{i + 1}号"
            for i, (community, k) in enumerate(zip(wording.tolist(), kind.tolist(), strict=True))
        ],
        subdistrict=settlement.subdistrict_names[sites.subdistrict].tolist(),
        lon=sites.lon,
        lat=sites.lat,
        shapes=None,
        values={
            "height_m": np.round(height, 1).tolist(),
            "slope_deg": np.round(angle, 1).tolist(),
            "length_m": np.round(rng.gamma(2.2, 22.0, SLOPES) + 8.0, 1).tolist(),
            "slope_kind": [_SLOPE_KINDS[k] for k in kind],
            "material": [_SLOPE_MATERIALS[m] for m in material],
            "stability": [_SLOPE_STATES[s] for s in stability],
            "deformation": (danger + 0.4 * rng.standard_normal(SLOPES) > 2.7).tolist(),
            "rain_damaged": rain.tolist(),
            "historic": historic.tolist(),
            "monitored": monitored.tolist(),
            "monitor_status": _sensor(rng, monitored),
            "monitor_verified_on": checked(monitored.tolist(), today, valid_days=90),
            "engineered": [False] * SLOPES,
            "in_works": in_works.tolist(),
            "relocation": (rng.random(SLOPES) < 0.04).tolist(),
            "hazard_removal": (rng.random(SLOPES) < 0.12).tolist(),
            "threatened_people": people_below.tolist(),
            "threatened_households": households.tolist(),
            "threatened_property": property_below.tolist(),
            "threatened_objects": as_objects(_THREATENED)[rng.integers(0, len(_THREATENED), SLOPES)].tolist(),
            "hazard_type": as_objects(("landslide", "collapse", "unstable_slope"))[
                np.where(angle > 58, 1, rng.integers(0, 2, SLOPES) * 2)
            ].tolist(),
            "triggers": ["降雨"] * SLOPES,
            "found_on": np.where(
                rain,
                dates(rng, SLOPES, today, within_days=240),
                dates(rng, SLOPES, today.replace(year=today.year - 6, day=1), within_days=1500),
            ).tolist(),
            "closed": [False] * SLOPES,
            "managing_department": ["演示区规划和自然资源局"] * SLOPES,
            "community": wording.tolist(),
            "address": (settlement.addresses(sites) + "附近").tolist(),
            "surveyed_on": dates(rng, SLOPES, today, within_days=120).tolist(),
        },
        contacts=_contacts(people),
    )


def _slope_sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
    """Steep ground within some hundred metres of houses."""
    near = blurred(settlement.density, 7.0)
    steep = np.clip(settlement.land.slope - 12.0, 0.0, 18.0)
    allowed = (settlement.cells >= 0) & ~settlement.land.sea
    weight = np.where(allowed, steep * near, 0.0)
    return settlement.spaced_sites(rng, SLOPES, metres=60.0, weight=weight, on_streets=0.0)


def _sensor(rng: np.random.Generator, monitored: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Cell]:
    words = ("online", "online", "online", "online", "offline", "faulty")
    return [words[rng.integers(len(words))] if there else None for there in monitored]


def _contacts(people: People) -> list[tuple[Contact, ...]]:
    return [
        (
            people.contact("prevention", "社区主任"),
            people.contact("monitoring", "巡查员"),
            people.contact("leader", "街道领导"),
        )
        for _ in range(SLOPES)
    ]


SPACES: Final = 571


CHECKLIST_ITEMS: Final = 10


_SPACE_USES = ("car_park", "mall", "metro", "underpass", "plant_room", "civil_defence", "warehouse")


_USE_SHARES = (0.66, 0.08, 0.03, 0.07, 0.07, 0.06, 0.03)


_USE_WORDS = {
    "car_park": "地下车库",
    "mall": "地下商场",
    "metro": "地铁站厅",
    "underpass": "地下通道",
    "plant_room": "地下设备房",
    "civil_defence": "人防工程",
    "warehouse": "地下仓库",
}


_MANAGERS = ("演示·晨岚物业", "演示·沛和物业", "演示·翎泰物业", "演示·砺安物业", "演示·煦诚物业")


def make_underground(
    rng: np.random.Generator, settlement: Settlement, people: People, *, today: date
) -> Records:
    """Return the underground spaces, ordered by sub-district, their ten-item checklists complete.

    The margin of an opening is its sill plus barrier minus the local water level, and the three
    columns agree with the fourth to the centimetre.
    """
    sites = settlement.spaced_sites(rng, SPACES, metres=35.0, weight=settlement.density**1.3, on_streets=0.5)
    count = len(sites)
    use = rng.choice(len(_SPACE_USES), count, p=_USE_SHARES)
    # Low ground lies closer to its water level: the river's plain floods first.
    freeboard = 0.12 + 0.75 * rng.gamma(1.7, 0.6, count) + np.clip(sites.height - 6.0, 0.0, 40.0) / 60.0
    freeboard -= 0.25 * (rng.random(count) < 0.08)
    sill = np.round(sites.height + rng.choice((0.0, 0.1, 0.15, 0.3), count), 2)
    barrier = rng.choice((0.0, 0.3, 0.5, 0.6, 0.8), count, p=(0.45, 0.1, 0.2, 0.15, 0.1))
    water = np.round(sites.height - freeboard + 0.2, 2)
    levels = 1 + rng.binomial(3, 0.25, count)
    area = np.round(rng.gamma(2.0, 2600.0, count) * levels / 2 + 120.0, -1)
    inflow = np.round(rng.gamma(2.0, 45.0, count) + 20.0, 0)
    community = settlement.communities(sites)
    words = as_objects([_USE_WORDS[u] for u in _SPACE_USES])[use]
    return Records(
        layer="underground_spaces",
        code=numbered_codes("YS-DX", sites.subdistrict),
        name=[
            f"演示·{c}{w}{i + 1}号"
            for i, (c, w) in enumerate(zip(community.tolist(), words.tolist(), strict=True))
        ],
        subdistrict=settlement.subdistrict_names[sites.subdistrict].tolist(),
        lon=sites.lon,
        lat=sites.lat,
        shapes=None,
        values={
            "use_kind": as_objects(_SPACE_USES)[use].tolist(),
            "entrance_elevation_m": sill.tolist(),
            "barrier_height_m": barrier.tolist(),
            "local_water_level_m": water.tolist(),
            "opening_margin_m": np.round(sill + barrier - water, 2).tolist(),
            "parking_spaces": np.where(use == 0, (area / 34).astype(int), 0).tolist(),
            "floor_area_m2": area.tolist(),
            "levels": levels.tolist(),
            "pump_capacity": np.round(inflow * rng.uniform(0.7, 2.2, count), -1).tolist(),
            "inflow": inflow.tolist(),
            "backup_power": (rng.random(count) < 0.62).tolist(),
            "pump_verified_on": checked([True] * count, today, valid_days=90),
            "flooded_before": (rng.random(count) < 0.035).tolist(),
            "property_manager": as_objects(_MANAGERS)[rng.integers(0, len(_MANAGERS), count)].tolist(),
            "managing_department": ["演示区住房和建设局"] * count,
            "community": community.tolist(),
            "address": settlement.addresses(sites).tolist(),
            "surveyed_on": dates(rng, count, today, within_days=150).tolist(),
        },
        checklist=[(True,) * CHECKLIST_ITEMS] * count,
        contacts=[
            (people.contact("responsible", "物业经理"), people.contact("leader", "街道领导"))
            for _ in range(count)
        ],
    )


SPOTS: Final = 60


CONTACTS: Final = ("contact_1", "contact_2", "contact_3", "contact_4")


_CAUSES = ("地势低洼", "管网过流能力不足", "雨水口堵塞", "河水顶托", "施工影响排水")


_SPOT_POSTS = ("街道三防专干", "社区网格员", "水务巡查员", "交警")


def make_waterlogging(
    rng: np.random.Generator, settlement: Settlement, people: People, *, today: date
) -> Records:
    """Return the waterlogging spots, ordered by sub-district."""
    sites = _waterlogging_sites(rng, settlement)
    count = len(sites)
    traffic = rng.choice(4, count, p=(0.1, 0.5, 0.28, 0.12))
    depth = np.clip(rng.gamma(2.4, 0.115, count) + 0.12 * (traffic == 3), 0.06, 1.4)
    area = np.round(depth * rng.gamma(2.0, 900.0, count) + 60.0, -1)
    treated = rng.random(count) < 0.3
    community = settlement.communities(sites)
    roads = np.where(sites.street >= 0, settlement.street_names[sites.street], "路段")
    return Records(
        layer="waterlogging",
        code=numbered_codes("YS-NL", sites.subdistrict),
        name=[
            f"演示·{c}{road}积水点{i + 1}号"
            for i, (c, road) in enumerate(zip(community.tolist(), roads.tolist(), strict=True))
        ],
        subdistrict=settlement.subdistrict_names[sites.subdistrict].tolist(),
        lon=sites.lon,
        lat=sites.lat,
        shapes=None,
        values={
            "max_depth_m": np.round(depth, 2).tolist(),
            "water_area_m2": area.tolist(),
            "drain_minutes": np.round(20 + depth * 160 * rng.uniform(0.6, 1.5, count), 0).tolist(),
            "catchment_ha": np.round(rng.gamma(2.2, 3.5, count) + 0.8, 1).tolist(),
            "curve_number": rng.integers(84, 97, count).astype(float).tolist(),
            "exposed_people": np.round(rng.gamma(1.1, 55.0, count) * (0.4 + depth), 0).astype(int).tolist(),
            "traffic": as_objects(("none", "branch", "main", "underpass"))[traffic].tolist(),
            "causes": as_objects(_CAUSES)[rng.integers(0, len(_CAUSES), count)].tolist(),
            "site_plan": [True] * count,
            "crew": [f"演示·{c}抢险队" for c in community.tolist()],
            "equipment": as_objects(("移动泵车", "潜水泵 2 台", "沙袋 200 只", "挡水板"))[
                rng.integers(0, 4, count)
            ].tolist(),
            "pump_capacity": np.round(rng.gamma(2.0, 220.0, count) + 100.0, -1).tolist(),
            "monitored": (rng.random(count) < 0.55).tolist(),
            "found_on": dates(
                rng, count, today.replace(year=today.year - 1, day=1), within_days=1800
            ).tolist(),
            "treated": treated.tolist(),
            "treatment_verified_on": checked(treated.tolist(), today, valid_days=365),
            "managing_department": ["演示区水务局"] * count,
            "community": community.tolist(),
            "address": settlement.addresses(sites).tolist(),
            "surveyed_on": dates(rng, count, today, within_days=120).tolist(),
        },
        contacts=[
            tuple(people.contact(role, post) for role, post in zip(CONTACTS, _SPOT_POSTS, strict=True))
            for _ in range(count)
        ],
    )


def _waterlogging_sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
    """Hollows: ground lower than what surrounds it, in the lower part of the built-up plain."""
    land = settlement.land
    hollow = np.clip(-land.relief, 0.0, 4.0) * np.exp(-np.clip(land.height - 4.0, 0.0, None) / 8.0)
    weight = np.where(settlement.cells >= 0, hollow * np.sqrt(settlement.density), 0.0)
    return settlement.spaced_sites(rng, SPOTS, metres=220.0, weight=weight, on_streets=0.9)


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


_SITE_SHARES = (0.28, 0.2, 0.22, 0.1, 0.1, 0.07, 0.03)


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
    sites = _shelter_sites(rng, settlement)
    count = len(sites)
    kind = rng.choice(len(_SITES), count, p=_SITE_SHARES)
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


def _shelter_sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
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


BUILDINGS: Final = 4_000


HEADER: Final = ("楼栋编号", "名称", "所属街道", "社区", "人数", "行动不便人数", "经度", "纬度")


_MEDIAN, _SPREAD = 60.0, 0.7  # people of a building, log-normal


_MOST_DWELLERS: Final = 600


_HELP: Final = 0.03  # share of people who cannot walk to a shelter alone


def make_dwellers(rng: np.random.Generator, settlement: Settlement) -> list[Sequence[object]]:
    """Return rows under HEADER, degrees (EPSG:4490), one a building."""
    sites = settlement.sites(rng, BUILDINGS)
    people = np.clip(np.round(rng.lognormal(np.log(_MEDIAN), _SPREAD, len(sites))), 2, _MOST_DWELLERS).astype(
        int
    )
    helped = rng.binomial(people, _HELP)
    communities = settlement.communities(sites)
    addresses = settlement.addresses(sites)
    return [
        (
            f"DEMO-B{i + 1:05d}",
            str(addresses[i]),
            SUBDISTRICTS[int(sites.subdistrict[i])],
            str(communities[i]),
            int(people[i]),
            int(helped[i]),
            float(sites.lon[i]),
            float(sites.lat[i]),
        )
        for i in range(len(sites))
    ]


DEM_CRS: Final = "EPSG:4547"


DEFAULT_POINTS: Final = 42_336


@dataclass(frozen=True, slots=True)
class DemoDistrict:
    """A made-up district: boundaries, terrain and the records of six layers.

    `district`, `subdistricts`: polygons in degrees (EPSG:4490); the sub-districts tile the district and
    share identical vertices. `dem`: heights in metres (float32, NaN outside the district), their affine
    transform (rows from north), and CRS. `layers`: layer id → records. `dwellers`: rows under
    `riskmap.demo_district.district.HEADER`. `registers`: register id → records, those that are named before those
    that name them; empty where none were asked for. `mark` goes on every screen.
    """

    name: str
    mark: str
    seed: int
    district: Polygon
    subdistricts: Mapping[str, Polygon]
    dem: tuple[NDArray[np.float32], Affine, str]
    layers: Mapping[str, Records]
    dwellers: Sequence[Sequence[object]] = ()
    registers: Mapping[str, Records] = field(default_factory=dict[str, Records])


def make_demo(
    *,
    points: int = DEFAULT_POINTS,
    seed: int = 0,
    today: date | None = None,
    registers: bool = False,
) -> DemoDistrict:
    """Make the demo district; the same arguments give the same district.

    `points`: how many risk points; with 42,336 the real model rates 0 major, 8 large, 2,876 general,
    39,404 low and leaves 48 unrated, for any `seed`; other numbers scale 8, 2,876 and 48, each rounded,
    and the rest are low. `today`: the day that dates of surveys run up to (the system's where not given).
    `registers`: whether the registers are made too; they change nothing else.
    """
    if points < 1:
        message = "points must be at least 1"
        raise ValueError(message)
    today = today or utc_now().date()

    def rng(part: int) -> np.random.Generator:
        # One stream per part: another number of points leaves the land and the other layers as they are.
        return np.random.default_rng([seed, part])

    land = make_land(rng(1))
    parcels = make_parcels(rng(2), land)
    subdistricts = [_degrees(p) for p in parcels.subdistricts]
    grids = [_degrees(p) for p in parcels.grids]
    settlement = Settlement(rng(3), land, parcels, subdistricts)

    def people(part: int) -> People:
        return People(rng(20 + part), today)

    made = (
        make_risk_points(rng(10), settlement, people(0), points=points, today=today),
        make_slopes(rng(11), settlement, people(1), today=today),
        make_underground(rng(12), settlement, people(2), today=today),
        make_waterlogging(rng(13), settlement, people(3), today=today),
        make_forest_grids(
            rng(14), settlement, people(4), grids=grids, hectares=[hectares(g) for g in grids], today=today
        ),
        make_shelters(rng(15), settlement, people(5), today=today),
    )
    named: dict[str, Polygon] = dict(zip(SUBDISTRICTS, subdistricts, strict=True))
    layers = {records.layer: records for records in made}
    dwellers = make_dwellers(rng(16), settlement)
    return DemoDistrict(
        name=DISTRICT,
        mark=MARK,
        seed=seed,
        district=_degrees(parcels.district),
        subdistricts=named,
        dem=_dem(land, parcels.district),
        layers=layers,
        dwellers=dwellers,
        registers=make_registers(
            lambda part: rng(1000 + part),
            settlement,
            layers,
            subdistricts=named,
            dwellers=dwellers,
            today=today,
        )
        if registers
        else {},
    )


def hectares(polygon: Polygon) -> float:
    """Return the planar area in EPSG:4547 of a polygon in degrees."""
    return _moved(polygon, from_cgcs2000).area / 1e4


def _degrees(polygon: Polygon) -> Polygon:
    """Return a polygon in degrees, to a tenth of a millimetre: what lies beyond is the processor's, not the land's."""
    return shapely.transform(_moved(polygon, to_cgcs2000), lambda xy: np.round(xy, 9))


def _moved(polygon: Polygon, convert: Any) -> Polygon:
    return shapely.transform(polygon, lambda xy: np.column_stack(convert(xy[:, 0], xy[:, 1], METRIC)))


def _dem(land: Land, district: Polygon) -> tuple[NDArray[np.float32], Affine, str]:
    """Cut the terrain to the district (every cell that it touches)."""
    mine = label_cells([district], land) != -1
    rows, cols = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    heights = np.where(mine, land.height, np.nan)[window].astype(np.float32)
    west, north = land.west + cols[0] * CELL, land.north - rows[0] * CELL
    return heights, Affine(CELL, 0.0, west, 0.0, -CELL, north), DEM_CRS
