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


def flow_of(heights: NDArray[np.floating], *, cell_area: float, most: int = MOST_CELLS) -> Flow:
    """Fill the depressions of a grid and route its water.

    `heights` in metres, NaN where unknown: water leaves at the border and beside unknown cells. Priority flood over
    eight neighbours (Wang & Liu 2006): each cell drains to the one from which the flood reached it. RiskmapError
    where the grid is larger than `most` cells or the extra is not installed.
    """
    need_room(heights.size, most=most)
    pyflwdir = _pyflwdir()
    ground = np.asarray(heights, dtype=np.float32)
    stated = np.where(np.isnan(ground), np.float32(_UNKNOWN), ground)
    flooded, directions = pyflwdir.dem.fill_depressions(stated, nodata=_UNKNOWN)
    del stated
    flooded[np.isnan(ground)] = np.nan
    found = find_depressions(ground, flooded, cell_area=cell_area)
    filled = filled_exactly(ground, found)
    del flooded
    known = np.isfinite(filled)
    if filled.size == 1 or not known.any():  # nothing to route
        return Flow(filled, known.astype(np.int32), np.flatnonzero(known), found, None)
    routing = pyflwdir.from_array(directions, ftype="d8", check_ftype=False)
    cells = np.maximum(routing.upstream_area(unit="cell"), 0).astype(np.int32, copy=False)
    return Flow(filled, cells, np.asarray(routing.idxs_pit, np.int64), found, routing)


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
