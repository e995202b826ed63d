"""The made-up land: a digital elevation model with two hill ranges, a river valley and a coast.

Everything is in metres in EPSG:4547 (CGCS2000, central meridian 114° E), rows from north to south.
The large forms are drawn by hand, so that every seed gives a liveable district; the detail is noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from riskmap.coordinates import Datum, from_cgcs2000
from riskmap.demo.erosion import carve
from riskmap.demo.noise import Field, smooth_noise
from riskmap.demo.rasters import blurred, finer, labelled, surroundings

METRIC = Datum("EPSG:4547", "projected")
CENTRE = (114.13, 22.58)  # degrees, EPSG:4490
CELL = 40.0  # metres
ROWS, COLS = 560, 620
SUMMIT_M = 690.0


@dataclass(frozen=True, slots=True)
class Land:
    """The terrain. `height` metres above sea level (float64, ROWS × COLS), `sea` where there is none.

    `river` metres to the main river, `slope` degrees, `relief` metres above the mean of the
    surrounding 600 m (negative in hollows), `west`, `north` the outer corner of cell (0, 0).
    """

    height: Field
    sea: NDArray[np.bool_]
    river: Field
    slope: Field
    relief: Field
    west: float
    north: float

    def cell_of(self, east: Field, north: Field) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return row and column of the cells that hold these points, clipped to the grid."""
        rows = np.clip(((self.north - north) / CELL).astype(np.intp), 0, ROWS - 1)
        cols = np.clip(((east - self.west) / CELL).astype(np.intp), 0, COLS - 1)
        return rows, cols


def _step(low: float, high: float, value: Field) -> Field:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _distance_to_line(x: Field, y: Field, line: NDArray[np.float64]) -> Field:
    nearest = np.full(x.shape, np.inf)
    for (ax, ay), (bx, by) in pairwise(line):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        np.minimum(nearest, np.hypot(x - ax - t * dx, y - ay - t * dy), out=nearest)
    return nearest


# Kilometres from the centre, x east, y north: the main river from the north-west gap to the bay, and a
# tributary from the east.
_RIVER = np.array(
    [(-5.2, 12.5), (-3.6, 8.2), (-3.4, 5.0), (-1.4, 2.2), (-1.0, -1.2), (-2.6, -4.4), (-3.0, -12.0)]
)
_TRIBUTARY = np.array([(9.5, 2.8), (6.2, 1.6), (3.2, -0.2), (0.6, -1.0), (-1.0, -1.2)])
_WEST_BROOK = np.array([(-10.5, 0.6), (-7.0, 0.2), (-4.4, -1.6), (-2.2, -3.6)])


def _massif(x: Field, y: Field) -> Field:
    """How mountainous a place is, 0 to 1: the north-eastern range, a western one, one by the south-east coast."""
    hills = np.zeros(x.shape)
    for cx, cy, rx, ry, turn, power in (
        (4.4, 5.8, 7.2, 3.6, 0.25, 1.0),
        (-7.6, 4.6, 3.4, 4.6, -0.2, 0.72),
        (6.6, -3.6, 4.2, 2.6, -0.15, 0.62),
        (-6.8, -3.2, 2.0, 1.5, 0.3, 0.36),
    ):
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        hills = np.maximum(hills, power * np.exp(-(((u / rx) ** 2 + (v / ry) ** 2) ** 1.2)))
    return hills


def make_land(rng: np.random.Generator) -> Land:
    """Return new terrain. About .5 s of CPU."""
    shape = (ROWS // 2, COLS // 2)  # carved on cells of 80 m
    km = 2 * CELL / 1000.0
    y, x = np.meshgrid(
        (shape[0] / 2 - 0.5 - np.arange(shape[0])) * km,
        (np.arange(shape[1]) - shape[1] / 2 + 0.5) * km,
        indexing="ij",
    )
    wx = x + 0.55 * smooth_noise(rng, shape, 65.0) + 0.10 * smooth_noise(rng, shape, 16.0)
    wy = y + 0.55 * smooth_noise(rng, shape, 65.0) + 0.10 * smooth_noise(rng, shape, 16.0)
    river = _distance_to_line(wx, wy, _RIVER)
    brook = np.minimum(_distance_to_line(wx, wy, _TRIBUTARY), _distance_to_line(wx, wy, _WEST_BROOK))
    bay = np.exp(-(((wx + 2.8) / 1.4) ** 2))
    coast = wy + 7.4 - 1.8 * bay + 0.25 * np.sin(wx * 0.9)

    sea = coast <= 0.0
    rise = _massif(wx, wy) * _step(0.3, 2.6, river) * _step(0.1, 1.8, brook) * _step(0.0, 1.4, coast)
    knolls = np.clip(smooth_noise(rng, shape, 14.0) - 0.9, 0.0, 1.2) * _step(0.6, 2.0, river)
    rough = np.exp(0.45 * smooth_noise(rng, shape, 3.0) + 0.35 * smooth_noise(rng, shape, 9.0))
    steepness = (0.006 + 0.62 * rise**0.9 + 0.10 * knolls) * rough
    stream = river < 0.06
    height = carve(steepness, sea | stream, cell=2 * CELL)
    height = blurred(height, 1.0)
    height *= SUMMIT_M / height.max()

    coast, river = finer(coast), np.abs(finer(river))
    fine = finer(height) + smooth_noise(rng, (ROWS, COLS), 9.0) * (0.4 + 0.012 * finer(height))
    fine += (2.0 + 1.1 * np.clip(coast, 0.0, 14.0)) * _step(-0.02, 0.3, coast)
    sea = coast <= 0.0
    # Hollows behind the coast are land: only water that reaches the southern edge is sea.
    waters, _ = labelled(sea)
    sea = sea & np.isin(waters, np.unique(waters[-1]))
    fine = np.where(sea, 0.0, np.maximum(fine, 0.6))

    south, east = np.gradient(fine, CELL)
    slope = np.degrees(np.arctan(np.hypot(south, east)))
    relief = fine - surroundings(fine, 15)
    e0, n0 = from_cgcs2000(CENTRE[0], CENTRE[1], METRIC)
    west = float(np.round(e0 / CELL) * CELL) - COLS * CELL / 2
    north = float(np.round(n0 / CELL) * CELL) + ROWS * CELL / 2
    return Land(fine, sea, river * 1000.0, slope, relief, west, north)
