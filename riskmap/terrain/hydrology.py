"""Where water goes on the ground: filled heights, flow accumulation, wetness, height above drainage.

Needs the whole grid in memory and pyflwdir, which compiles itself with numba when it is first used.

Depressions of the ground: how high water stands in them before it spills, and how deep a volume makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from riskmap.array_types import Floats
from riskmap.errors import RiskmapError
from riskmap.formulas import water
from riskmap.interface import option
from riskmap.terrain.d8 import UNKNOWN, drainage_directions

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


Floats32 = NDArray[np.float32]


_UNKNOWN: Final = -9999.0


# Measured on 4.6 and 25 million cells (54 and 43 at the peak, and the heights); see docs/decisions/0006-terrain-libraries.md.
BYTES_PER_CELL: Final = 60


MOST_CELLS: Final = 50_000_000  # 3 GB; a district at 5 m is a tenth of it


LEAST_TANGENT: Final = 1e-3  # of the slope in the wetness index; level ground would be infinitely wet


@dataclass(frozen=True, slots=True)
class Flow:
    """Filled heights and where water goes. Arrays have the grid's shape.

    `filled`: float32 metres, NaN where unknown; `cells`: int32, how many cells drain through each, itself included,
    0 where unknown; `outlets`: flat indices of the cells at which water leaves the grid; `routing`: pyflwdir's own
    object, None where there is no second cell to route to.
    """

    filled: Floats32
    cells: NDArray[np.int32]
    outlets: NDArray[np.int64]
    depressions: Depressions
    routing: Any


def need_room(cells: int, *, most: int = MOST_CELLS) -> None:
    """Raise RiskmapError where a grid has more cells than fit in memory at once."""
    if cells > most:
        need, limit = cells * BYTES_PER_CELL / 1e9, most * BYTES_PER_CELL / 1e9
        raise RiskmapError(
            f"地形有 {cells:,} 格，汇流计算需整幅读入（每格约 {BYTES_PER_CELL} 字节，约 {need:.1f} GB），上限 {most:,} 格"
            f"（{limit:.1f} GB）；请按流域裁剪，或用 {option('resolution')} 加大格距；坡度、坡向、曲率不受此限",
            f"the terrain has {cells:,} cells and flow needs all of them at once ({BYTES_PER_CELL} bytes each, {need:.1f} GB); "
            f"the limit is {most:,} ({limit:.1f} GB): clip it by catchment, or take larger cells with "
            f"{option('resolution', 'en')}; "
            "slope, aspect and curvature have no such limit",
        )


def depressions_of(heights: NDArray[np.floating], *, cell_area: float, most: int = MOST_CELLS) -> Depressions:
    """Return the depressions of a grid (heights in metres, `cell_area` in m²). Raises as `flow_of` does."""
    ground = np.asarray(heights, dtype=np.float32)
    return find_depressions(ground, _flooded(ground, most=most), cell_area=cell_area)


def flow_of(
    heights: NDArray[np.floating], *, cell: tuple[float, float] = (1.0, 1.0), most: int = MOST_CELLS
) -> Flow:
    """Fill the depressions of a grid and route its water to the steepest neighbours (D8).

    `heights` in metres, NaN where unknown: water leaves at the border and beside unknown cells; `cell`: its sides
    (east–west, north–south) in metres. Filled by priority flood over eight neighbours (Wang & Liu 2006); to which
    neighbour a cell drains, at ties and on level ground too: the rule of `riskmap.terrain.d8`. RiskmapError where
    the grid is larger than `most` cells or pyflwdir is not there.
    """
    ground = np.asarray(heights, dtype=np.float32)
    level = _flooded(ground, most=most)
    found = find_depressions(ground, level, cell_area=cell[0] * cell[1])
    filled = filled_exactly(ground, found)
    directions = drainage_directions(level, cell=cell)
    del level
    known = directions != UNKNOWN
    if filled.size == 1 or not known.any():  # nothing to route
        return Flow(filled, known.astype(np.int32), np.flatnonzero(known), found, None)
    routing = _pyflwdir().from_array(directions, ftype="d8", check_ftype=False)
    cells = np.maximum(routing.upstream_area(unit="cell"), 0).astype(np.int32, copy=False)
    return Flow(filled, cells, np.asarray(routing.idxs_pit, np.int64), found, routing)


def _flooded(heights: Floats32, *, most: int) -> Floats32:
    """Return the heights with whatever holds water raised to where it spills, however shallow."""
    need_room(heights.size, most=most)
    pyflwdir = _pyflwdir()
    unknown = np.isnan(heights)
    # It adds z + (spill − z): of 32-bit heights exact in 64 bits, a rounding off in 32, and that would be a pit.
    stated = np.where(unknown, _UNKNOWN, heights.astype(np.float64))
    flooded = pyflwdir.dem.fill_depressions(stated, nodata=_UNKNOWN)[0].astype(np.float32)
    flooded[unknown] = np.nan
    return flooded


def topographic_wetness(area_per_width: ArrayLike, slope_deg: ArrayLike) -> NDArray[np.float64]:
    """Return ln(a / tan β) (Beven & Kirkby 1979). 500 m²/m on 2° → 9.5693.

    `area_per_width`: m² that drain through each metre of contour; `slope_deg`: degrees, tan β taken as at least
    LEAST_TANGENT. NaN where either is unknown or the area is not positive.
    """
    area = np.asarray(area_per_width, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        known = area > 0
    return water.topographic_wetness(np.where(known, area, np.nan), slope_deg, least_tangent=LEAST_TANGENT)


def height_above_drainage(
    heights: NDArray[np.floating], flow: Flow, *, cell_area: float, drainage_m2: float
) -> Floats32:
    """Return metres above the drainage that each cell's water reaches first (Rennó et al. 2008), never negative.

    Drainage is where at least `drainage_m2` m² drain through. 0 on the drainage, and in depressions that lie lower
    than the drainage they spill to; NaN where the water leaves the grid before it meets one.
    """
    ground = np.asarray(heights, dtype=np.float32)
    if flow.routing is None:
        return np.full(ground.shape, np.nan, np.float32)
    drains = flow.cells >= max(drainage_m2 / cell_area, 1.0)
    level = np.where(drains, flow.filled, np.float32(_UNKNOWN))
    level = flow.routing.fillnodata(level, np.float32(_UNKNOWN), direction="up")
    level[level == _UNKNOWN] = np.nan
    return np.maximum(ground - level, np.float32(0.0))


def _pyflwdir() -> Any:
    try:
        import pyflwdir  # noqa: PLC0415 - it takes seconds, and few commands need it
    except ImportError as problem:
        raise RiskmapError(
            "填洼、汇流需要组件 pyflwdir，现在没有装好；请重新安装程序，或运行 pip install pyflwdir",
            "flow needs pyflwdir, which is not installed; install the program anew, or run pip install pyflwdir",
        ) from problem
    except RuntimeError as problem:  # numba finds no place to keep what it compiles
        raise RiskmapError(
            f"汇流组件无法启动（{problem}）；请把环境变量 NUMBA_CACHE_DIR 设为可写的文件夹",
            f"the flow component cannot start ({problem}); set NUMBA_CACHE_DIR to a folder that can be written",
        ) from problem
    return pyflwdir
