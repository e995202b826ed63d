"""Depressions of the ground: how high water stands in them before it spills, and how deep a volume makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from riskmap.array_types import Floats

SHALLOWEST_M: Final = 1e-3  # less is the rounding of 32-bit heights, not a depression


_EIGHT: Final = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class StageVolume:
    """How much water a depression holds at each water level.

    `stage`: heights in metres, ascending, from the lowest ground to the level at which it spills; `volume`: m³ held
    below each. Between them a flat area is under water, so the volume is straight and nothing is lost.
    """

    stage: Floats
    volume: Floats

    @classmethod
    def of_cells(cls, heights: ArrayLike, *, spill: float, cell_area: float) -> StageVolume:
        """Return the curve of cells with these ground heights (m) that spill at `spill` (m).

        `cell_area` in m². Two cells of 100 m² at 1 m and 2 m that spill at 3 m: 0, 100, 300 m³ at 1, 2, 3 m.
        ValueError where no cell lies below the spill height.
        """
        ground = np.sort(np.asarray(heights, dtype=np.float64).ravel())
        ground = ground[ground < spill]
        if not len(ground):
            message = f"no cell lies below the spill height {spill} m"
            raise ValueError(message)
        stage, counts = np.unique(ground, return_counts=True)
        wet = np.cumsum(counts)  # cells under water above each height
        stage = np.append(stage, spill)
        volume = np.concatenate(([0.0], np.cumsum(wet * np.diff(stage)) * cell_area))
        return cls(stage, volume)

    @property
    def bottom(self) -> float:
        """Height of the lowest ground, metres."""
        return float(self.stage[0])

    @property
    def spill(self) -> float:
        """Height at which it spills, metres."""
        return float(self.stage[-1])

    @property
    def capacity(self) -> float:
        """Cubic metres it holds before it spills."""
        return float(self.volume[-1])

    def level(self, volume: ArrayLike) -> Floats:
        """Return the water level (m) for volumes (m³): the spill height where they exceed the capacity.

        No water or less than none (the drains carry more than falls) leaves the lowest ground; NaN stays NaN.
        """
        return np.interp(np.asarray(volume, dtype=np.float64), self.volume, self.stage)

    def depth(self, volume: ArrayLike) -> Floats:
        """Return the greatest depth (m), at the lowest ground, for volumes (m³); shape as given.

        A 1:100 cone with 4,997 m³: .781 m.
        """
        return self.level(volume) - self.bottom

    def depth_at(self, ground: ArrayLike, volume: ArrayLike) -> Floats:
        """Return the depth (m) over ground of these heights (m): 0 where it stays dry; NaN where unknown."""
        return np.maximum(self.level(volume) - np.asarray(ground, dtype=np.float64), 0.0)

    def spilled(self, volume: ArrayLike) -> Floats:
        """Return how much of the volumes (m³) runs on over the rim."""
        return np.maximum(np.asarray(volume, dtype=np.float64) - self.capacity, 0.0)


@dataclass(frozen=True, slots=True)
class Depressions:
    """All depressions of a grid. Arrays run by number − 1; cells and curves are asked for by number.

    `labels`: int32 of the grid's shape, the depression's number from 1, 0 outside; `spill`, `bottom` in metres;
    `area` in m² and `volume` in m³ when full.
    """

    labels: NDArray[np.int32]
    spill: Floats
    bottom: Floats
    area: Floats
    volume: Floats
    cell_area: float
    _ground: Floats  # heights of all flooded cells, by depression
    _start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.spill)

    def curve(self, number: int) -> StageVolume:
        """Return the stage–volume curve of a depression; IndexError where there is none of this number."""
        if not 1 <= number <= len(self):
            message = f"there is no depression {number} of {len(self)}"
            raise IndexError(message)
        cells = self._ground[self._start[number - 1] : self._start[number]]
        return StageVolume.of_cells(cells, spill=float(self.spill[number - 1]), cell_area=self.cell_area)


def find_depressions(
    heights: NDArray[np.floating], filled: NDArray[np.floating], *, cell_area: float
) -> Depressions:
    """Return the depressions of a grid: what a fill has raised by more than SHALLOWEST_M.

    `heights` in metres, NaN where unknown; `filled` the same after a fill over eight neighbours; `cell_area` in m².
    Water that touches, corners included, has one level; it is the lowest ground on the depression's rim, taken from
    `heights`, so that it is a height of the terrain and no rounded sum.
    """
    with np.errstate(invalid="ignore"):
        flooded = filled - heights > SHALLOWEST_M
    labels = np.zeros(heights.shape, np.int32)
    count = int(ndimage.label(flooded, structure=_EIGHT, output=labels))  # type: ignore[arg-type]
    rim = np.where(flooded | np.isnan(heights), np.inf, heights)
    rim = np.asarray(ndimage.minimum_filter(rim, size=3, mode="constant", cval=np.inf))
    cells = np.flatnonzero(labels)
    number = labels.ravel()[cells]
    order = np.argsort(number, kind="stable")
    number, ground = number[order], heights.ravel()[cells[order]].astype(np.float64)
    start = np.searchsorted(number, np.arange(1, count + 2))
    nothing = np.zeros(0)
    if not count:
        return Depressions(labels, nothing, nothing, nothing, nothing, cell_area, ground, start)
    spill = np.minimum.reduceat(rim.ravel()[cells[order]].astype(np.float64), start[:-1])
    below = np.maximum(spill[number - 1] - ground, 0.0)
    return Depressions(
        labels=labels,
        spill=spill,
        bottom=np.minimum.reduceat(ground, start[:-1]),
        area=np.diff(start) * cell_area,
        volume=np.add.reduceat(below, start[:-1]) * cell_area,
        cell_area=cell_area,
        _ground=ground,
        _start=start,
    )


def filled_exactly(heights: NDArray[np.floating], found: Depressions) -> NDArray[np.floating]:
    """Return the heights with every depression raised to its spill height, to the last digit."""
    out = heights.copy()
    wet = found.labels > 0
    out[wet] = np.maximum(heights[wet], found.spill[found.labels[wet] - 1])
    return out
