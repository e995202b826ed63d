"""What follows from a cell and its eight neighbours: slope, aspect, curvature."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.terrain.relief import rise_per_column

Floats = NDArray[np.float64]

LOCAL: Final = ("slope", "aspect", "profile_curvature", "plan_curvature")
HALO: Final = 1  # cells around a block that its result depends on


def gradient(heights: Floats, cell: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return ∂z/∂east and ∂z/∂north by Horn (1981), NaN where the cell or all its differences are unknown.

    `heights` in metres, rows from north to south; `cell`: its sides (east–west, north–south) in metres. Beside
    unknown cells and at the border the differences that can be taken are, so a plane is exact everywhere.
    """
    known = np.isfinite(heights)
    to_east = np.where(known, rise_per_column(heights) / cell[0], np.nan)
    to_north = np.where(known, -rise_per_column(heights.T).T / cell[1], np.nan)
    return to_east, to_north


def slope(to_east: Floats, to_north: Floats) -> Floats:
    """Return the slope in degrees: arctan of the gradient's length. (0.3, 0.4) → 26.565°."""
    return np.degrees(np.arctan(np.hypot(to_east, to_north)))


def aspect(to_east: Floats, to_north: Floats) -> Floats:
    """Return where the ground faces (downhill), degrees clockwise from north in [0, 360); NaN on level ground.

    Ground that rises to the east faces west: (1, 0) → 270°.
    """
    facing = np.degrees(np.arctan2(-to_east, -to_north)) % 360.0
    facing = np.where(facing >= 360.0, 0.0, facing)  # a tiny negative angle rounds up to 360
    return np.where((to_east == 0) & (to_north == 0), np.nan, facing)


def curvatures(heights: Floats, cell: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return profile and plan curvature in 1/m, by the quadratic of Zevenbergen & Thorne (1987).

    Second derivatives of the height along the fall line (profile) and across it (plan); **positive is concave**: a
    slope that flattens downhill, a hollow where water gathers. (Signs differ between programs: theirs for the profile
    is the opposite.) NaN where one of the nine heights is unknown, and on pits, summits and saddles, which have no
    fall line; 0 on a level plane. z = c·(x² + y²) → 2c and 2c.
    """
    rows, cols = heights.shape
    padded = np.pad(heights, 1, constant_values=np.nan)
    nw, n, ne, w, c, e, sw, s, se = (
        padded[row : row + rows, col : col + cols] for row in (0, 1, 2) for col in (0, 1, 2)
    )
    across, down = cell
    xx, yy = (w + e - 2.0 * c) / across**2, (n + s - 2.0 * c) / down**2
    xy = (ne - nw - se + sw) / (4.0 * across * down)
    p, q = (e - w) / (2.0 * across), (n - s) / (2.0 * down)
    steep = p**2 + q**2
    level = steep == 0
    below = np.where(level, 1.0, steep)
    profile = (xx * p**2 + 2.0 * xy * p * q + yy * q**2) / below
    plan = (xx * q**2 - 2.0 * xy * p * q + yy * p**2) / below
    undefined = level & ((xx != 0) | (yy != 0) | (xy != 0))
    return np.where(undefined, np.nan, profile), np.where(undefined, np.nan, plan)


def local_factors(heights: Floats, cell: tuple[float, float], names: Collection[str]) -> dict[str, Floats]:
    """Return the named ones of LOCAL for a grid of heights: name → array of its shape."""
    found: dict[str, Floats] = {}
    if {"slope", "aspect"} & set(names):
        found["slope"], found["aspect"] = (f(*gradient(heights, cell)) for f in (slope, aspect))
    if {"profile_curvature", "plan_curvature"} & set(names):
        found["profile_curvature"], found["plan_curvature"] = curvatures(heights, cell)
    return {name: found[name] for name in LOCAL if name in names}
