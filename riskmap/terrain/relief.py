"""Shaded relief of a height grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def hillshade(
    dem: ArrayLike, cell: float | tuple[float, float], *, azimuth: float = 315.0, altitude: float = 45.0
) -> NDArray[np.uint8]:
    """Return how brightly the sun lights each cell: 1 (shadow) to 255 (facing it), 0 where there is no height.

    `dem`: heights in metres, rows from north to south, NaN (or masked) where unknown. `cell`: its side in
    metres, or (east–west, north–south) where they differ. `azimuth`: degrees clockwise from north, where the
    light comes from; `altitude`: its height over the horizon in degrees. Lambert's cosine law on slopes by
    Horn (1981); beside unknown cells the
    differences that can be taken are.

    Level ground has 255·sin(altitude); a plane that faces the sun squarely has 255.
    """
    heights = np.ma.filled(np.ma.asarray(dem, dtype=np.float64), np.nan)
    if heights.ndim != 2:
        message = f"a height grid has two dimensions, not {heights.ndim}"
        raise ValueError(message)
    across, down = (cell, cell) if isinstance(cell, int | float) else cell
    if not (across > 0 and down > 0):
        message = f"the side of a cell must be positive, not {cell}"
        raise ValueError(message)
    known = np.isfinite(heights)
    to_east = np.nan_to_num(rise_per_column(heights) / across)
    to_north = np.nan_to_num(-rise_per_column(heights.T).T / down)

    turn, rise = np.radians(azimuth), np.radians(altitude)
    light = (np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), np.sin(rise))
    # The ground's upward normal is (−∂z/∂east, −∂z/∂north, 1), of this length.
    length = np.sqrt(1.0 + to_east**2 + to_north**2)
    cosine = (light[2] - to_east * light[0] - to_north * light[1]) / length
    shade = np.clip(np.rint(255.0 * cosine), 1, 255)
    return np.where(known, shade, 0).astype(np.uint8)


def rise_per_column(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rise per column: Horn's weights 1, 2, 1 over three rows, of the differences that are known.

    In each row half the difference of the two neighbours, or the whole one to the neighbour there is;
    NaN where there is none.
    """
    rows, cols = heights.shape
    padded = np.pad(heights, 1, constant_values=np.nan)
    total, weights = np.zeros((rows, cols)), np.zeros((rows, cols))
    for row, weight in ((0, 1.0), (1, 2.0), (2, 1.0)):
        left, here, right = (padded[row : row + rows, col : col + cols] for col in (0, 1, 2))
        rise = (right - left) / 2.0
        for one_sided in (right - here, here - left):
            rise = np.where(np.isnan(rise), one_sided, rise)
        known = ~np.isnan(rise)
        total += np.where(known, weight * rise, 0.0)
        weights += np.where(known, weight, 0.0)
    return np.where(weights > 0, total / np.maximum(weights, 1.0), np.nan)
