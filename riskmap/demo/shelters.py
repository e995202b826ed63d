"""The demo's shelters: schools, parks and halls, spread over where people live."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from riskmap.demo.land import COLS, ROWS
from riskmap.demo.parcels import spread_out
from riskmap.demo.people import People, as_objects
from riskmap.demo.risk_points import dates, numbered_codes
from riskmap.demo.settlement import Settlement, Sites, joined
from riskmap.records import Records

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
