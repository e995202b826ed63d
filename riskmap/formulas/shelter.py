"""Shelters: how many people an area takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats

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
