"""The factors that a terrain model gives, and the GeoTIFF that each becomes.

A terrain file in degrees or stretched metres, resampled to a metric grid of a stated cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from riskmap.array_types import Floats
from riskmap.coordinates import metric_crs
from riskmap.errors import DatumError, Text
from riskmap.interface import option
from riskmap.terrain.derivatives import HALO, LOCAL, local_factors
from riskmap.terrain.geotiff import (
    CACHE_MB,
    HEIGHTS,
    RasterGrid,
    degrees_of,
    metric_grid,
    need_metre_heights,
    opened,
    read_heights,
    read_raw,
)

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

NODATA: Final = -9999.0


BLOCK: Final = 1024  # cells on a side of what is held at once; a multiple of TILE


TILE: Final = 256


# Tags that a factor's file carries, and that sampling reads.
FACTOR_TAG, METHOD_TAG, SOURCE_TAG, DIGEST_TAG = "RISKMAP_FACTOR", "METHOD", "DEM", "DEM_SHA256"


@dataclass(frozen=True, slots=True)
class TerrainFactor:
    """One factor: its title, unit (empty: a plain number), how it is computed, and how it is stored."""

    id: str
    title: Text
    unit: str
    method: str
    dtype: str = "float32"

    @property
    def local(self) -> bool:
        """True where a cell and its eight neighbours suffice; the others need the whole grid and the extra."""
        return self.id in LOCAL


_CURVED: Final = "Zevenbergen & Thorne (1987) quadratic, second derivative {}, positive = concave"


_ROUTED: Final = "D8, steepest descent on the filled heights (O'Callaghan & Mark 1984); ties and level ground: docs/terrain.md"


FACTORS: Final[Mapping[str, TerrainFactor]] = {
    f.id: f
    for f in (
        TerrainFactor("slope", Text("坡度", "Slope"), "°", "Horn (1981)"),
        TerrainFactor(
            "aspect", Text("坡向", "Aspect"), "°", "Horn (1981), clockwise from north; level ground has none"
        ),
        TerrainFactor(
            "profile_curvature",
            Text("剖面曲率", "Profile curvature"),
            "1/m",
            _CURVED.format("along the fall line"),
        ),
        TerrainFactor(
            "plan_curvature",
            Text("平面曲率", "Plan curvature"),
            "1/m",
            _CURVED.format("across the fall line"),
        ),
        TerrainFactor(
            "filled", Text("填洼后高程", "Filled heights"), "m", "priority flood, Wang & Liu (2006)"
        ),
        TerrainFactor(
            "depression_depth",
            Text("洼地深度", "Depth of depressions"),
            "m",
            "spill height of the filled depression less the ground",
        ),
        TerrainFactor(
            "accumulation",
            Text("汇流格数", "Flow accumulation"),
            "",
            f"cells, itself included; {_ROUTED}",
            "int32",
        ),
        TerrainFactor(
            "twi",
            Text("地形湿度指数", "Topographic wetness"),
            "",
            f"ln(a / tan β), a per metre of contour, tan β at least .001; {_ROUTED}",
        ),
        TerrainFactor(
            "hand",
            Text("高出最近水系", "Height above nearest drainage"),
            "m",
            f"ground less the drainage that its water reaches first; {_ROUTED}",
        ),
    )
}


def blocks(shape: tuple[int, int], side: int = BLOCK) -> Iterator[tuple[slice, slice]]:
    """Yield the row and column slices that tile a grid."""
    for row in range(0, shape[0], side):
        for col in range(0, shape[1], side):
            yield slice(row, min(row + side, shape[0])), slice(col, min(col + side, shape[1]))


def read_whole(raster: DatasetReader, grid: RasterGrid) -> NDArray[np.float32]:
    """Return all heights of a grid, float32 metres, NaN where unknown."""
    heights = np.empty(grid.shape, np.float32)
    for place in blocks(grid.shape):
        heights[place] = read_heights(raster, *place)
    return heights


def local_block(
    raster: DatasetReader, grid: RasterGrid, place: tuple[slice, slice], names: tuple[str, ...]
) -> dict[str, Floats]:
    """Return local factors of one block, equal to the same cells of the whole grid's."""
    (rows, cols), (height, width) = place, grid.shape
    top, bottom = max(rows.start - HALO, 0), min(rows.stop + HALO, height)
    left, right = max(cols.start - HALO, 0), min(cols.stop + HALO, width)
    found = local_factors(read_heights(raster, slice(top, bottom), slice(left, right)), grid.cell, names)
    inner = slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left)
    return {name: values[inner] for name, values in found.items()}


def write_local(
    dem: Path, targets: Mapping[str, Path], *, tags: Mapping[str, str], side: int = BLOCK
) -> None:
    """Write local factors (id → file) block by block: memory does not grow with the terrain file."""
    names = tuple(targets)
    with opened(dem) as raster, ExitStack() as stack:
        grid = metric_grid(raster)
        outs = {n: stack.enter_context(created(targets[n], FACTORS[n], grid, tags=tags)) for n in names}
        for place in blocks(grid.shape, side):
            for name, values in local_block(raster, grid, place, names).items():
                put(outs[name], values, place)


def write_whole(
    path: Path, factor: TerrainFactor, grid: RasterGrid, values: NDArray[Any], *, tags: Mapping[str, str]
) -> None:
    """Write a factor that is held as one array (NaN where unknown)."""
    with created(path, factor, grid, tags=tags) as out:
        for place in blocks(grid.shape):
            put(out, values[place], place)


@contextmanager
def created(path: Path, factor: TerrainFactor, grid: RasterGrid, *, tags: Mapping[str, str]) -> Iterator[Any]:
    """Open a new GeoTIFF of a factor: tiled, compressed, with nodata, unit and tags."""
    with (
        rasterio.Env(GDAL_CACHEMAX=CACHE_MB),
        rasterio.open(
            path, "w", driver="GTiff", height=grid.shape[0], width=grid.shape[1], count=1, dtype=factor.dtype,
            crs=grid.crs, transform=grid.transform, nodata=NODATA, tiled=True, blockxsize=TILE, blockysize=TILE,
            compress="deflate", predictor=3 if factor.dtype == "float32" else 2, BIGTIFF="IF_SAFER",
        ) as out,
    ):  # fmt: skip
        out.update_tags(**{FACTOR_TAG: factor.id, METHOD_TAG: factor.method, **tags})
        out.set_band_description(1, factor.id)
        if factor.unit:
            out.set_band_unit(1, factor.unit)
        yield out


def put(out: Any, values: NDArray[Any], place: tuple[slice, slice]) -> None:
    """Write one block, NaN as nodata."""
    rows, cols = place
    window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)  # type: ignore[call-arg]
    known = np.isfinite(values)
    out.write(np.where(known, values, NODATA).astype(out.dtypes[0]), 1, window=window)


def resample(dem: Path, to: Path, *, resolution: float) -> str:
    """Write the terrain on square cells of `resolution` metres in the CGCS2000 zone of its middle; return that zone.

    Bilinear between known heights. Cells much larger than the file's own would skip ground between: where
    `resolution` is more than twice its cell the mean is taken instead. Block by block on disk.
    DatumError where `resolution` is no length.
    """
    if not (math.isfinite(resolution) and resolution > 0):
        raise DatumError(
            f"格距 {resolution} 不对；请写成正数（米），如 {option('resolution')} 30",
            f"a cell of {resolution} m is none; write a positive number such as {option('resolution', 'en')} 30",
        )
    with opened(dem) as raster:
        need_metre_heights(raster)
        _need_nodata(raster)
        zone = _zone(raster)
        left, bottom, right, top = transform_bounds(
            raster.crs, CRS.from_string(zone), *raster.bounds, densify_pts=51
        )
        left, top = math.floor(left / resolution) * resolution, math.ceil(top / resolution) * resolution
        cols, rows = math.ceil((right - left) / resolution), math.ceil((top - bottom) / resolution)
        finer = math.sqrt((right - left) * (top - bottom) / (raster.width * raster.height)) * 2 < resolution
        with (
            rasterio.Env(GDAL_CACHEMAX=CACHE_MB),
            rasterio.open(
                to, "w", driver="GTiff", height=rows, width=cols, count=1, dtype="float32", crs=zone, nodata=NODATA,
                transform=Affine(resolution, 0, left, 0, -resolution, top), tiled=True, blockxsize=TILE,
                blockysize=TILE, compress="deflate", predictor=3, BIGTIFF="IF_SAFER",
            ) as out,
        ):  # fmt: skip
            reproject(
                rasterio.band(raster, 1),
                rasterio.band(out, 1),
                src_nodata=raster.nodata,
                dst_nodata=NODATA,
                resampling=Resampling.average if finer else Resampling.bilinear,
                warp_mem_limit=CACHE_MB,
                init_dest_nodata=True,
            )
            scale, offset = raster.scales[0], raster.offsets[0]
            out.scales, out.offsets = (scale,), (offset,)
    return zone


def _zone(raster: DatasetReader) -> str:
    """Return the CGCS2000 zone of a raster's middle. DatumError where GDAL's warper would lose a shift of datum."""
    way = degrees_of(raster)
    if way.shifts:
        raise DatumError(
            f"{raster.name}：基准不是 CGCS2000 或 WGS84，重采样会丢掉基准差；请先用 GIS 软件转换到 EPSG:4547 这样的坐标系",
            f"{raster.name}: its datum is neither CGCS2000 nor WGS84, and resampling would lose the shift between them; "
            "reproject it to a system such as EPSG:4547 first",
        )
    left, bottom, right, top = raster.bounds
    lon, _ = way.to_cgcs2000((left + right) / 2, (bottom + top) / 2)
    return metric_crs(float(lon))


def _need_nodata(raster: DatasetReader) -> None:
    """Raise DatumError where an undeclared nodata value would be mixed into heights."""
    scale, offset = raster.scales[0], raster.offsets[0]
    for rows, cols in blocks((raster.height, raster.width)):
        stored = read_raw(raster, rows, cols).compressed()
        low, high = (float(v) * scale + offset for v in (stored.min(initial=0), stored.max(initial=0)))
        if low < HEIGHTS[0] or high > HEIGHTS[1]:
            found = low if low < HEIGHTS[0] else high
            raise DatumError(
                f"{raster.name}：有高程 {found:g} 米，像是未声明的无效值；请用 GIS 软件设置 nodata 后另存",
                f"{raster.name}: holds a height of {found:g} m, likely an undeclared nodata value; set nodata and save again",
            )
