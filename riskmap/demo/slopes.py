"""The demo's slopes: on steep ground near houses, 104 damaged by rain and 19 known for long.

Published figures say that 7 of the 104 are monitored and 38 in works, and nothing about overlap; here
OVERLAP of them are both, so 104 − (7 + 38 − 3) = 62 are untreated.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from riskmap.demo.people import People, as_objects
from riskmap.demo.rasters import blurred
from riskmap.demo.risk_points import checked, dates, numbered_codes
from riskmap.demo.settlement import Settlement, Sites
from riskmap.records import Cell, Contact, Records

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
