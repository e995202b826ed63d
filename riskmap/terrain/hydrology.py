"""Where water goes on the ground: filled heights, flow accumulation, wetness, height above drainage.

Needs the whole grid in memory and pyflwdir, which compiles itself with numba when it is first used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.errors import RiskmapError
from riskmap.formulas import water
from riskmap.interface import option
from riskmap.terrain.d8 import UNKNOWN, drainage_directions
from riskmap.terrain.depressions import Depressions, filled_exactly, find_depressions

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
