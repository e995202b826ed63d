"""The shaded relief as a picture that Leaflet can lay under its own layers."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from scipy import ndimage

from riskmap.coordinates import WGS84
from riskmap.errors import DatumError, UnreadableFileError, WorkspaceError
from riskmap.terrain.geotiff import opened
from riskmap.terrain.relief import hillshade

WEB_MERCATOR = "EPSG:3857"
STEP = 16  # pixels between positions that are transformed exactly
LARGEST_SIDE = 2_400  # pixels read from the raster; more than a screen shows
_METRES_PER_DEGREE = 111_320.0  # of latitude, near enough for shading

Bounds = tuple[float, float, float, float]


def hillshade_png(
    dem: Path, *, width: int | None = None, azimuth: float = 315.0, altitude: float = 45.0
) -> tuple[bytes, Bounds]:
    """Return a PNG (grey and alpha) of the shaded relief and its (south, west, north, east) in WGS84 degrees.

    The picture is in EPSG:3857, as Leaflet stretches it, and transparent where the raster has no height.
    `width` in pixels (as fine as the raster where not given, at most LARGEST_SIDE). Raises
    WorkspaceError when the file is absent, is no GeoTIFF, or lacks a coordinate system.
    """
    heights, crs, transform = _read(dem)
    shade = hillshade(
        heights, _cell_metres(crs, transform, heights.shape), azimuth=azimuth, altitude=altitude
    )
    to_mercator = pyproj.Transformer.from_crs(crs, WEB_MERCATOR, always_xy=True)
    picture, (west, south, east, north) = _warped(shade, transform, to_mercator, width or shade.shape[1])
    corners = pyproj.Transformer.from_crs(WEB_MERCATOR, WGS84, always_xy=True).transform(
        [west, east], [south, north]
    )
    (west, east), (south, north) = corners
    alpha = np.where(picture > 0, 255, 0).astype(np.uint8)
    return png(picture, alpha), (south, west, north, east)


def _warped(
    shade: NDArray[np.uint8], transform: Affine, to_mercator: pyproj.Transformer, width: int
) -> tuple[NDArray[np.uint8], Bounds]:
    """Return the picture on a grid of square pixels in EPSG:3857 and its (west, south, east, north) there.

    GDAL's own warper works through its VRT driver, which stays switched off. Positions are transformed
    exactly on every STEP-th pixel and interpolated between them; at that distance both grids are straight
    to a hundredth of a pixel.
    """
    rows, cols = shade.shape
    edge_cols = np.r_[np.linspace(0, cols, 33), np.linspace(0, cols, 33), np.zeros(33), np.full(33, cols)]
    edge_rows = np.r_[np.zeros(33), np.full(33, rows), np.linspace(0, rows, 33), np.linspace(0, rows, 33)]
    x, y = to_mercator.transform(*_through(transform, edge_cols, edge_rows))
    west, east, south, north = min(x), max(x), min(y), max(y)
    side = (east - west) / width
    height = max(1, math.ceil((north - south) / side))
    south = north - height * side

    knots_x, knots_y = np.arange(0, width + STEP, STEP), np.arange(0, height + STEP, STEP)
    grid_x, grid_y = np.meshgrid(west + (knots_x + 0.5) * side, north - (knots_y + 0.5) * side)
    back_x, back_y = to_mercator.transform(grid_x, grid_y, direction="INVERSE")
    source_cols, source_rows = _through(~transform, np.asarray(back_x), np.asarray(back_y))
    fine = np.meshgrid(np.arange(height) / STEP, np.arange(width) / STEP, indexing="ij")
    where = [
        ndimage.map_coordinates(np.asarray(knots) - 0.5, fine, order=1)
        for knots in (source_rows, source_cols)
    ]
    known = (shade > 0).astype(np.float64)
    weight = ndimage.map_coordinates(known, where, order=1, cval=0.0)
    light = ndimage.map_coordinates(shade.astype(np.float64), where, order=1, cval=0.0)
    covered = weight >= 0.5  # mostly known ground; the unknown part does not darken it
    grey = np.where(covered, np.clip(np.rint(light / np.where(covered, weight, 1.0)), 1, 255), 0)
    return grey.astype(np.uint8), (west, south, east, north)


def _through(
    transform: Affine, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f


def _read(path: Path) -> tuple[NDArray[np.float64], CRS, Affine]:
    """Return heights (NaN where unknown), CRS and transform, thinned to LARGEST_SIDE."""
    try:
        with opened(path) as raster:
            thin = max(1.0, max(raster.width, raster.height) / LARGEST_SIDE)
            rows, cols = max(1, round(raster.height / thin)), max(1, round(raster.width / thin))
            band = raster.read(1, out_shape=(rows, cols), masked=True, resampling=Resampling.average)
            transform = _thinned(raster.transform, raster.width / cols, raster.height / rows)
            return np.ma.filled(band.astype(np.float64), np.nan), raster.crs, transform
    except (UnreadableFileError, DatumError) as problem:
        raise WorkspaceError(
            f"{problem.say.zh}（见 workspace.toml 的 dem）", f"{problem.say.en} (dem in workspace.toml)"
        ) from problem


def _thinned(transform: Affine, across: float, down: float) -> Affine:
    a, b, c, d, e, f = transform[:6]
    return Affine(a * across, b * down, c, d * across, e * down, f)


def _cell_metres(crs: CRS, transform: Affine, shape: tuple[int, ...]) -> tuple[float, float]:
    across, down = abs(transform.a), abs(transform.e)
    if not crs.is_geographic:
        _, factor = crs.linear_units_factor
        return across * factor, down * factor
    middle = transform.f + transform.e * shape[0] / 2
    return across * _METRES_PER_DEGREE * float(np.cos(np.radians(middle))), down * _METRES_PER_DEGREE


def png(grey: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> bytes:
    """Return a PNG of a grey picture with transparency (both rows × columns, 8 bits)."""
    rows, cols = grey.shape
    scan = np.zeros((rows, 1 + 2 * cols), np.uint8)  # every line begins with its filter, 0 = none
    scan[:, 1::2], scan[:, 2::2] = grey, alpha

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", cols, rows, 8, 4, 0, 0, 0)  # colour type 4: grey and alpha
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(scan.tobytes(), 6))
        + chunk(b"IEND", b"")
    )
