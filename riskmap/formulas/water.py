"""Waterlogging depth and the margins of underground openings.

From rain to standing water: SCS runoff, the balance of a depression, wetness of the terrain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.domain import through_bands, within

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


_INF: Final = float("inf")


FLATTEST: Final = 0.01


"""Slope, degrees, that level ground counts as in the wetness index: our choice, to keep it finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Water of a depression: runoff depth mm, inflow m³, and what the drain leaves behind, m³ (≥ 0)."""

    runoff: Floats
    inflow: Floats
    left: Floats


def scs_runoff(rain: ArrayLike, curve_number: ArrayLike) -> Floats:
    """Return the runoff depth Q = (P − .2S)²/(P + .8S), mm, S = 25400/CN − 254; 0 where P ≤ .2S.

    Source: USDA, National Engineering Handbook, part 630, chapter 10. P mm and CN 1–100: (100, 75) → 41.137;
    (50, 90) → 27.108; (180, 92) → 155.964; (20, 70) → 0.
    """
    p = within(rain, 0.0, _INF, Text("降水量（mm）", "rain (mm)"))
    cn = within(curve_number, 0.0, 100.0, Text("CN 值", "curve number"), above=True)
    held = 25400.0 / cn - 254.0
    over = np.maximum(p - 0.2 * held, 0.0)
    below = p + 0.8 * held
    return np.asarray(over**2 / np.where(below > 0.0, below, 1.0) + 0.0 * below, dtype=np.float64)


def depression_balance(
    *, area_ha: ArrayLike, curve_number: ArrayLike, rain: ArrayLike, hours: ArrayLike, drain: ArrayLike
) -> Balance:
    """Return what a rain of so many hours leaves in a depression; `drain` m³/s runs all the time.

    12 ha, CN 92, 100 mm in 3 h, .4 m³/s → 77.64 mm, 9317 m³, 4997 m³ left.
    """
    area = within(area_ha, 0.0, _INF, Text("汇水面积（公顷）", "catchment (ha)"))
    time = within(hours, 0.0, _INF, Text("历时（h）", "duration (h)"))
    out = within(drain, 0.0, _INF, Text("排水能力（m³/s）", "drain (m³/s)"))
    runoff = scs_runoff(rain, curve_number)
    inflow = np.asarray(runoff * area * 10.0, dtype=np.float64)
    return Balance(runoff, inflow, np.maximum(inflow - out * time * 3600.0, 0.0))


def cone_depth(volume: ArrayLike, run: ArrayLike) -> Floats:
    """Return the depth at the middle, m, of a volume (m³) in a cone that falls 1 in `run`: (3V/πk²)^⅓.

    A stand-in where the stage–volume curve of the real depression is not known. 4997 m³ in 1 : 100 → .781.
    """
    v = within(volume, 0.0, _INF, Text("水量（m³）", "volume (m³)"))
    k = within(run, 0.0, _INF, Text("坡比", "run of the slope"), above=True)
    return np.cbrt(np.asarray(3.0 * v / (np.pi * k**2), dtype=np.float64))


def topographic_wetness(
    catchment: ArrayLike, slope: ArrayLike, *, least_tangent: float | None = None
) -> Floats:
    """Return ln(a/tanβ): specific catchment m and slope in degrees; level ground counts as FLATTEST.

    `least_tangent` takes the place of FLATTEST's tangent, for grids whose heights carry noise.
    Source: Beven and Kirkby (1979). 500 m at 2° → 9.5693.
    """
    a = within(catchment, 0.0, _INF, Text("单位汇水面积（m）", "specific catchment (m)"), above=True)
    b = within(slope, 0.0, 90.0, Text("坡度（°）", "slope (°)"), below=True)
    least = np.tan(np.radians(FLATTEST)) if least_tangent is None else least_tangent
    return np.asarray(np.log(a / np.maximum(np.tan(np.radians(b)), least)), dtype=np.float64)
