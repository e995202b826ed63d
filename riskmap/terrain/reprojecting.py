"""A terrain file in degrees or stretched metres, resampled to a metric grid of a stated cell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyproj
import rasterio
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from riskmap.coordinates import metric_crs
from riskmap.errors import DatumError
from riskmap.terrain.factors import NODATA, TILE, blocks
from riskmap.terrain.geotiff import CACHE_MB, HEIGHTS, horizontal, need_metre_heights, opened, read_raw


def resample(dem: Path, to: Path, *, resolution: float) -> str:
    """Write the terrain on square cells of `resolution` metres in the CGCS2000 zone of its middle; return that zone.

    Bilinear between known heights. Cells much larger than the file's own would skip ground between: where
    `resolution` is more than twice its cell the mean is taken instead. Block by block on disk.
    DatumError where `resolution` is no length.
    """
    if not (math.isfinite(resolution) and resolution > 0):
        raise DatumError(
            f"格距 {resolution} 不对；请写成正数（米），如 --resolution 30",
            f"a cell of {resolution} m is none; write a positive number such as --resolution 30",
        )
    with opened(dem) as raster:
        need_metre_heights(raster)
        _need_nodata(raster)
        crs = horizontal(raster)
        west, _, east, _ = pyproj.Transformer.from_crs(crs, "EPSG:4490", always_xy=True).transform_bounds(
            *raster.bounds
        )
        zone = metric_crs((west + east) / 2)
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


def _need_nodata(raster: Any) -> None:
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
