"""The demo's underground spaces: under built-up ground, every opening with a margin over the water."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from riskmap.demo.people import People, as_objects
from riskmap.demo.risk_points import checked, dates, numbered_codes
from riskmap.demo.settlement import Settlement
from riskmap.records import Records

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
