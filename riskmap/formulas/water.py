"""Waterlogging depth and the margins of underground openings."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.formulas.steps import Floats, through_bands

DEPTH_LIMITS: Final = (0.0, 0.15, 0.27, 0.40, 0.60)
"""Lower limits of depth classes 1–5, metres. From memory, to be configured; .15 m is GB 51222's lane limit."""


def depth_class(depth: ArrayLike) -> Floats:
    """Return the class 1–5 of a depth in metres. .149 → 1, .15 → 2, .35 → 3, .59 → 4, .6 → 5."""
    return through_bands(depth, DEPTH_LIMITS, (1.0, 2.0, 3.0, 4.0, 5.0))


def opening_margin(sill: ArrayLike, barrier: ArrayLike, water_level: ArrayLike) -> Floats:
    """Return min over openings (last axis) of sill + barrier − water level, metres.

    An opening that is not known makes the margin unknown. Two openings with sills 3.45 and 3.60,
    barriers .30 and 0, water at 3.50: min(.25, .10) = .10.
    """
    margin = np.asarray(sill, dtype=np.float64) + np.asarray(barrier, dtype=np.float64)
    margin = margin - np.asarray(water_level, dtype=np.float64)
    return np.asarray(margin.min(axis=-1) if margin.ndim else margin, dtype=np.float64)


def pump_counts(rate: ArrayLike, inflow: ArrayLike, backup_power: ArrayLike) -> NDArray[np.bool_]:
    """Return where a pump counts: its rate exceeds the inflow (same unit) and it has backup power.

    An unknown rate or inflow never counts. (100, 80, True) → True; (80, 80, True) → False.
    """
    more = np.asarray(rate, dtype=np.float64) > np.asarray(inflow, dtype=np.float64)
    return more & np.asarray(backup_power, dtype=np.bool_)
