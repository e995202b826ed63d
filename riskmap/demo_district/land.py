"""The made-up land: a digital elevation model with two hill ranges, a river valley and a coast.

Everything is in metres in EPSG:4547 (CGCS2000, central meridian 114° E), rows from north to south.
The large forms are drawn by hand, so that every seed gives a liveable district; the detail is noise.

Random fields for the made-up land: smooth noise of a given wavelength, made in the frequency domain.

Valleys and ridges as rivers cut them, without simulating time.

In a landscape where erosion balances uplift the slope of a stream falls with the area it drains
(Flint's law, slope ∝ area^−θ; Hack 1957, Flint 1974). Height is then the cheapest climb from the sea
or the main river, a shortest path whose cost per metre is that slope. Area and paths are found in turn.

Raster operations with definite types (scipy.ndimage leaves open what its functions return).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from riskmap.coordinates import Datum, from_cgcs2000

Field = NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> Field:
    """Return Gaussian noise with mean 0 and standard deviation 1 whose bumps are `wavelength` cells apart.

    White noise is filtered by a log-normal band around the wavelength, so octaves do not repeat one another.
    """
    spectrum = np.fft.rfft2(rng.standard_normal(shape))
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1.0
    band = np.exp(-0.5 * (np.log(frequency * wavelength) / 0.45) ** 2)
    band[0, 0] = 0.0
    field = np.fft.irfft2(spectrum * band, s=shape)
    return field / field.std()


CONCAVITY = 0.5  # θ; rivers are mostly between .4 and .6


HILLSIDE = 14.0  # cells; where fewer drain together there is a hillside, not a stream


_MOVES = ((-1, 0, 1.0), (1, 0, 1.0), (0, -1, 1.0), (0, 1, 1.0))


_DIAGONALS = tuple((dy, dx, 2.0**0.5) for dy in (-1, 1) for dx in (-1, 1))


class LandGrid:
    """Cells joined to their neighbours (eight, or four), to walk over with a cost per cell."""

    def __init__(self, shape: tuple[int, int], *, diagonals: bool = True) -> None:
        index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
        sources, targets, lengths = [], [], []
        for dy, dx, length in _MOVES + (_DIAGONALS if diagonals else ()):
            a = index[max(0, -dy) : shape[0] - max(0, dy), max(0, -dx) : shape[1] - max(0, dx)]
            b = index[max(0, dy) : shape[0] - max(0, -dy), max(0, dx) : shape[1] - max(0, -dx)]
            sources.append(a.ravel())
            targets.append(b.ravel())
            lengths.append(np.full(a.size, length))
        order = np.argsort(np.concatenate(sources), kind="stable")
        self._targets = np.concatenate(targets)[order]
        self._lengths = np.concatenate(lengths)[order]
        counts = np.bincount(np.concatenate(sources), minlength=index.size)
        self._starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        self.size = index.size

    def walk(
        self, cost: Field, sources: NDArray[np.intp]
    ) -> tuple[Field, NDArray[np.int32], NDArray[np.int32]]:
        """Return, for each cell, the cheapest cost from any source, the cell before it, and its source.

        `cost` per cell length of entering a cell, flat; cells that cannot be reached cost infinity
        and have the source −9999.
        """
        weights = self._lengths * cost[self._targets]
        graph = csr_matrix((weights, self._targets, self._starts), shape=(self.size, self.size))
        return dijkstra(graph, indices=sources, min_only=True, return_predecessors=True)  # type: ignore[return-value]


def _drained_cells(parent: NDArray[np.int32]) -> Field:
    """Return how many cells drain through each cell of the forest of paths, itself included."""
    area = np.ones(len(parent))
    children = np.flatnonzero(parent >= 0)
    wet = parent < 0
    levels: list[NDArray[np.intp]] = []
    while len(children):
        mine = wet[parent[children]]
        here = children[mine]
        if not len(here):
            break
        wet[here] = True
        levels.append(here)
        children = children[~mine]
    for here in reversed(levels):
        np.add.at(area, parent[here], area[here])
    return area


def carve(steepness: Field, outlets: NDArray[np.bool_], *, cell: float, rounds: int = 3) -> Field:
    """Return heights (metres above the outlets) of a drained landscape.

    `steepness`: slope (m/m) of the hillsides, the higher the faster the ground rises there.
    Every cell outside the outlets stands higher than the cell it drains to.
    """
    grid = LandGrid((steepness.shape[0], steepness.shape[1]))
    sources = np.flatnonzero(outlets.ravel())
    start = steepness.ravel() * cell
    area = np.ones(start.size)
    height = start
    for turn in range(rounds):
        cost = start * (1.0 + area / HILLSIDE) ** -CONCAVITY
        height, parent, _ = grid.walk(cost, sources)
        drained = _drained_cells(parent)
        area = np.sqrt(area * drained) if turn else drained
    return height.reshape(steepness.shape)


Mask = NDArray[np.bool_]


Labels = NDArray[np.int32]


def labelled(mask: Mask) -> tuple[Labels, int]:
    """Number the parts of a mask from 1 (0 outside); cells are joined by their sides, not their corners."""
    labels = np.zeros(mask.shape, np.int32)
    count = ndimage.label(mask, output=labels)
    return labels, int(count)  # type: ignore[arg-type]


def main_part(mask: Mask) -> Mask:
    """Keep the largest part of a mask."""
    parts, count = labelled(mask)
    if count <= 1:
        return mask
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def rounded(mask: Mask, within: Mask, *, size: int = 2) -> Mask:
    """Drop spits and fill inlets narrower than `size` cells on either side, and fill holes."""
    disc = np.hypot(*np.mgrid[-size : size + 1, -size : size + 1]) <= size + 0.3
    opened = np.asarray(ndimage.binary_opening(mask, disc), bool)
    closed = np.asarray(ndimage.binary_closing(opened, disc), bool) & within
    return np.asarray(ndimage.binary_fill_holes(closed), bool) & within


def shrunk(mask: Mask) -> Mask:
    """Take one cell off all around."""
    return np.asarray(ndimage.binary_erosion(mask), bool)


def grown(mask: Mask) -> Mask:
    """Add one cell all around, corners too."""
    return np.asarray(ndimage.binary_dilation(mask, np.ones((3, 3), bool)), bool)


def blurred(field: ArrayLike, cells: float) -> Field:
    """Return the field smoothed with a Gaussian of this standard deviation."""
    return np.asarray(ndimage.gaussian_filter(np.asarray(field, np.float64), cells), np.float64)


def surroundings(field: Field, cells: int) -> Field:
    """Return the mean of the square of `cells` × `cells` around each cell."""
    return np.asarray(ndimage.uniform_filter(field, cells), np.float64)


def finer(field: Field) -> Field:
    """Return the field on cells of half the side."""
    return np.asarray(ndimage.zoom(field, 2, order=3, mode="nearest", grid_mode=True), np.float64)


def smoothed_line(xy: Field, strength: float, *, ring: bool) -> Field:
    """Return points smoothed along their line; a ring all round, else up to the ends."""
    mode = "wrap" if ring else "nearest"
    return np.asarray(ndimage.gaussian_filter1d(xy, strength, axis=0, mode=mode), np.float64)


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
