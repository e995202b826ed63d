"""The demo's waterlogging spots: hollows in the built-up plain, each with four contacts and a plan."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from riskmap.demo.people import People, as_objects
from riskmap.demo.risk_points import checked, dates, numbered_codes
from riskmap.demo.settlement import Settlement, Sites
from riskmap.records import Records

SPOTS: Final = 60
CONTACTS: Final = ("contact_1", "contact_2", "contact_3", "contact_4")
_CAUSES = ("地势低洼", "管网过流能力不足", "雨水口堵塞", "河水顶托", "施工影响排水")
_POSTS = ("街道三防专干", "社区网格员", "水务巡查员", "交警")


def make_waterlogging(
    rng: np.random.Generator, settlement: Settlement, people: People, *, today: date
) -> Records:
    """Return the waterlogging spots, ordered by sub-district."""
    sites = _sites(rng, settlement)
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


def _sites(rng: np.random.Generator, settlement: Settlement) -> Sites:
    """Hollows: ground lower than what surrounds it, in the lower part of the built-up plain."""
    land = settlement.land
    hollow = np.clip(-land.relief, 0.0, 4.0) * np.exp(-np.clip(land.height - 4.0, 0.0, None) / 8.0)
    weight = np.where(settlement.cells >= 0, hollow * np.sqrt(settlement.density), 0.0)
    return settlement.spaced_sites(rng, SPOTS, metres=220.0, weight=weight, on_streets=0.9)
