"""The demo's slopes: on steep ground near houses, 104 damaged by rain and 19 known for long.

Published figures say that 7 of the 104 are monitored and 38 in works, and nothing about overlap; here
OVERLAP of them are both, so 104 − (7 + 38 − 3) = 62 are untreated.

The demo's underground spaces: under built-up ground, every opening with a margin over the water.

The demo's waterlogging spots: hollows in the built-up plain, each with four contacts and a plan.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from riskmap.demo_district.land import blurred
from riskmap.demo_district.people import People, as_objects
from riskmap.demo_district.risk_points import checked, dates, numbered_codes
from riskmap.demo_district.settlement import Settlement, Sites
from riskmap.values.records import Cell, Contact, Records

RAIN_DAMAGED: Final = 104


MONITORED: Final = 7


IN_WORKS: Final = 38


OVERLAP: Final = 3


HISTORIC: Final = 19


SLOPES: Final = RAIN_DAMAGED + HISTORIC


_KINDS = ("cut", "natural", "fill", "retaining_wall")


_KIND_WORDS = {"cut": "切坡", "natural": "自然斜坡", "fill": "填方边坡", "retaining_wall": "挡土墙"}


_MATERIALS = ("soil", "mixed", "rock")


_STATES = ("stable", "basically_stable", "less_stable", "unstable")


_THREATENED = ("居民楼", "厂房", "道路", "学校围墙", "步道")


def make_slopes(rng: np.random.Generator, settlement: Settlement, people: People, *, today: date) -> Records:
    """Return the slopes, ordered by sub-district."""
    sites = _sites(rng, settlement)
    r, c = settlement.land.cell_of(sites.east, sites.north)
    steep = settlement.land.slope[r, c]
    order = rng.permutation(SLOPES)
    rain, historic = np.zeros(SLOPES, bool), np.zeros(SLOPES, bool)
    rain[order[:RAIN_DAMAGED]] = True
    historic[order[RAIN_DAMAGED:]] = True
    monitored, in_works = historic.copy(), np.zeros(SLOPES, bool)
    monitored[order[:MONITORED]] = True
    in_works[order[MONITORED - OVERLAP : MONITORED - OVERLAP + IN_WORKS]] = True

    kind = rng.choice(len(_KINDS), SLOPES, p=(0.5, 0.25, 0.1, 0.15))
    material = rng.choice(len(_MATERIALS), SLOPES, p=(0.5, 0.35, 0.15))
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
            f"演示·{community}{_KIND_WORDS[_KINDS[k]]}{i + 1}号"
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
            "slope_kind": [_KINDS[k] for k in kind],
            "material": [_MATERIALS[m] for m in material],
            "stability": [_STATES[s] for s in stability],
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


def _sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
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


_USES = ("car_park", "mall", "metro", "underpass", "plant_room", "civil_defence", "warehouse")


_SHARES = (0.66, 0.08, 0.03, 0.07, 0.07, 0.06, 0.03)


_WORDS = {
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
    use = rng.choice(len(_USES), count, p=_SHARES)
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
    words = as_objects([_WORDS[u] for u in _USES])[use]
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
            "use_kind": as_objects(_USES)[use].tolist(),
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


_POSTS = ("街道三防专干", "社区网格员", "水务巡查员", "交警")


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
            tuple(people.contact(role, post) for role, post in zip(CONTACTS, _POSTS, strict=True))
            for _ in range(count)
        ],
    )


def _waterlogging_sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
    """Hollows: ground lower than what surrounds it, in the lower part of the built-up plain."""
    land = settlement.land
    hollow = np.clip(-land.relief, 0.0, 4.0) * np.exp(-np.clip(land.height - 4.0, 0.0, None) / 8.0)
    weight = np.where(settlement.cells >= 0, hollow * np.sqrt(settlement.density), 0.0)
    return settlement.spaced_sites(rng, SPOTS, metres=220.0, weight=weight, on_streets=0.9)
