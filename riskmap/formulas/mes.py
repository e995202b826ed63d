"""MES: the risk of a hazard, R = M·E·S (control measures, exposure, consequence)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats

HIGHEST_OF_LEVEL: Final = (18.0, 48.0, 80.0, 150.0)
"""Highest R of levels 5, 4, 3 and 2. From memory (draft): compare with the text that the district adopts."""


def risk(measures: ArrayLike, exposure: ArrayLike, consequence: ArrayLike) -> Floats:
    """Return R = M·E·S. 3·6·8 = 144; 5·10·4 = 200; 1·2·8 = 16."""
    m, e, s = (np.asarray(x, dtype=np.float64) for x in (measures, exposure, consequence))
    return np.asarray(m * e * s, dtype=np.float64)


def level(r: ArrayLike) -> Floats:
    """Return the level 1–5, 1 the worst: ≥ 180, 90–150, 50–80, 20–48, ≤ 18 (from memory).

    The published bands name only products that occur; a number between two bands belongs to the worse.
    180 → 1, 160 → 1, 150 → 2, 80 → 3, 48 → 4, 19 → 4, 18 → 5.
    """
    number = np.asarray(r, dtype=np.float64)
    known = np.isfinite(number) & (number >= 0.0)
    place = np.searchsorted(np.array(HIGHEST_OF_LEVEL), number, side="left").astype(np.float64)
    return np.asarray(np.where(known, 5.0 - place, np.nan), dtype=np.float64)
