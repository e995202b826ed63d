"""Small rasters that the terrain tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio import Affine

CORNER = (512_000.0, 2_496_000.0)  # near 114.12, 22.56, in EPSG:4547


def plane(east=0.0, north=0.0, *, cell=30.0, shape=(9, 9), base=100.0):
    """Heights that rise by `east` m per metre to the east and `north` to the north."""
    rows, cols = np.arange(shape[0])[:, None] * cell, np.arange(shape[1])[None, :] * cell
    return east * cols - north * rows + base


def write_raster(
    path: Path, values, *, crs="EPSG:4547", cell=30.0, transform=None, nodata=-9999.0, dtype="float32",
    unit=None, scale=None, tags=None, colours=None, **more,
) -> Path:  # fmt: skip
    place = transform or Affine(cell, 0, CORNER[0], 0, -cell, CORNER[1])
    bands = np.atleast_3d(np.asarray(values).T).T
    with rasterio.open(
        path, "w", driver="GTiff", height=bands.shape[1], width=bands.shape[2], count=bands.shape[0],
        dtype=dtype, crs=crs, transform=place, nodata=nodata, **more,
    ) as raster:  # fmt: skip
        raster.write(bands.astype(dtype))
        if unit:
            raster.set_band_unit(1, unit)
        if scale:
            raster.scales, raster.offsets = (scale[0],), (scale[1],)
        if colours:
            raster.write_colormap(1, colours)
        raster.update_tags(**(tags or {}))
    return path


def read_raster(path: Path):
    """Return the first band (NaN where unknown), its profile and its tags."""
    with rasterio.open(path) as raster:
        band = np.ma.filled(raster.read(1, masked=True).astype(float), np.nan)
        return band, raster.profile | {"unit": raster.units[0]}, raster.tags()
