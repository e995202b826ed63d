"""Shelters: how many people an area takes, and which shelters may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.errors import Say
from riskmap.formulas.domain import within
from riskmap.formulas.steps import Floats

Bools = NDArray[np.bool_]

AREA_A_PERSON: Final[Mapping[str, float]] = {
    "emergency": 0.5,
    "temporary": 1.0,
    "fixed_short": 2.0,
    "fixed_medium": 3.0,
    "fixed_long": 4.5,
}
"""Square metres a person by class (紧急/临时/短期/中期/长期). From memory: compare with the standard."""


def places(area: ArrayLike, area_a_person: ArrayLike) -> Floats:
    """Return the whole people that an area takes, m² and m² a person. 3600 m² at 2 → 1800."""
    share = np.asarray(area, dtype=np.float64) / np.asarray(area_a_person, dtype=np.float64)
    # 4.5 · 800 / 4.5 may come out a hair below 800: round the float noise off before the floor.
    return np.floor(np.round(share, 9))


def capacity(area: ArrayLike, kinds: Sequence[str | None]) -> Floats:
    """Return the whole people that each shelter takes by its class (key of AREA_A_PERSON); unknown class → NaN.

    3600 m² as fixed_short → 1800; as emergency → 7200.
    """
    each = np.array([AREA_A_PERSON.get(kind, np.nan) if kind else np.nan for kind in kinds])
    return places(within(area, 0.0, float("inf"), Say("有效面积（m²）", "area (m²)")), each)


def available(*hazards: ArrayLike) -> Bools:
    """Return which shelters may be assigned: those *known* to lie in no hazard.

    Each hazard is 1 inside, 0 outside, NaN unknown; an unknown shelter is not available.
    (0, 1, NaN) with (0, 0, 0) → True, False, False.
    """
    free: Bools = np.asarray(True, dtype=np.bool_)
    for hazard in hazards:
        free = free & (np.asarray(hazard, dtype=np.float64) == 0.0)
    return free


WATER_L_A_DAY: Final = 15.0
"""Litres of water a person and day, drinking and washing. Draft default, from memory: Sphere Handbook 2018, water
supply standard 2.1; compare with the district's own reserve standard."""

PEOPLE_A_TOILET: Final = 50.0
"""People a toilet in the first days. Draft default, from memory: Sphere Handbook 2018, excreta management."""

BEDS_A_PERSON: Final = 1.0
"""Beds for each person who stays the night, where a household does not state its own. Our choice."""


def toilets(people: ArrayLike) -> Floats:
    """Return the toilets that so many people need. 0 → 0, 50 → 1, 51 → 2."""
    return np.ceil(np.asarray(people, dtype=np.float64) / PEOPLE_A_TOILET)


def gap(needed: ArrayLike, stated: ArrayLike) -> Floats:
    """Return what is missing, never below 0; NaN where what there is is not stated. (80, 100) with (50, NaN) → 30, NaN."""
    return np.maximum(np.asarray(needed, np.float64) - np.asarray(stated, np.float64), 0.0)
