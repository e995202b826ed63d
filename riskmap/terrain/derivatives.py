"""What follows from a cell and its eight neighbours: slope, aspect, curvature.

Shaded relief of a height grid.

The shaded relief as a picture that Leaflet can lay under its own layers.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from scipy import ndimage

from riskmap.array_types import Floats
from riskmap.errors import DatumError, UnreadableFileError, WorkspaceError
from riskmap.reprojection import Reprojection, reprojection
from riskmap.terrain.geotiff import opened


def hillshade(
    dem: ArrayLike, cell: float | tuple[float, float], *, azimuth: float = 315.0, altitude: float = 45.0
) -> NDArray[np.uint8]:
    """Return how brightly the sun lights each cell: 1 (shadow) to 255 (facing it), 0 where there is no height.

    `dem`: heights in metres, rows from north to south, NaN (or masked) where unknown. `cell`: its side in
    metres, or (east–west, north–south) where they differ. `azimuth`: degrees clockwise from north, where the
    light comes from; `altitude`: its height over the horizon in degrees. Lambert's cosine law on slopes by
    Horn (1981); beside unknown cells the
    differences that can be taken are.

    Level ground has 255·sin(altitude); a plane that faces the sun squarely has 255.
    """
    heights = np.ma.filled(np.ma.asarray(dem, dtype=np.float64), np.nan)
    if heights.ndim != 2:
        message = f"a height grid has two dimensions, not {heights.ndim}"
        raise ValueError(message)
    across, down = (cell, cell) if isinstance(cell, int | float) else cell
    if not (across > 0 and down > 0):
        message = f"the side of a cell must be positive, not {cell}"
        raise ValueError(message)
    known = np.isfinite(heights)
    to_east = np.nan_to_num(rise_per_column(heights) / across)
    to_north = np.nan_to_num(-rise_per_column(heights.T).T / down)

    turn, rise = np.radians(azimuth), np.radians(altitude)
    light = (np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), np.sin(rise))
    # The ground's upward normal is (−∂z/∂east, −∂z/∂north, 1), of this length.
    length = np.sqrt(1.0 + to_east**2 + to_north**2)
    cosine = (light[2] - to_east * light[0] - to_north * light[1]) / length
    shade = np.clip(np.rint(255.0 * cosine), 1, 255)
    return np.where(known, shade, 0).astype(np.uint8)


def rise_per_column(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rise per column: Horn's weights 1, 2, 1 over three rows, of the differences that are known.

    In each row half the difference of the two neighbours, or the whole one to the neighbour there is;
    NaN where there is none.
    """
    rows, cols = heights.shape
    padded = np.pad(heights, 1, constant_values=np.nan)
    total, weights = np.zeros((rows, cols)), np.zeros((rows, cols))
    for row, weight in ((0, 1.0), (1, 2.0), (2, 1.0)):
        left, here, right = (padded[row : row + rows, col : col + cols] for col in (0, 1, 2))
        rise = (right - left) / 2.0
        for one_sided in (right - here, here - left):
            rise = np.where(np.isnan(rise), one_sided, rise)
        known = ~np.isnan(rise)
        total += np.where(known, weight * rise, 0.0)
        weights += np.where(known, weight, 0.0)
    return np.where(weights > 0, total / np.maximum(weights, 1.0), np.nan)


LOCAL: Final = ("slope", "aspect", "profile_curvature", "plan_curvature")


HALO: Final = 1  # cells around a block that its result depends on


def gradient(heights: Floats, cell: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return ∂z/∂east and ∂z/∂north by Horn (1981), NaN where the cell or all its differences are unknown.

    `heights` in metres, rows from north to south; `cell`: its sides (east–west, north–south) in metres. Beside
    unknown cells and at the border the differences that can be taken are, so a plane is exact everywhere.
    """
    known = np.isfinite(heights)
    to_east = np.where(known, rise_per_column(heights) / cell[0], np.nan)
    to_north = np.where(known, -rise_per_column(heights.T).T / cell[1], np.nan)
    return to_east, to_north


def slope(to_east: Floats, to_north: Floats) -> Floats:
    """Return the slope in degrees: arctan of the gradient's length. (0.3, 0.4) → 26.565°."""
    return np.degrees(np.arctan(np.hypot(to_east, to_north)))


def aspect(to_east: Floats, to_north: Floats) -> Floats:
    """Return where the ground faces (downhill), degrees clockwise from north in [0, 360); NaN on level ground.

    Ground that rises to the east faces west: (1, 0) → 270°.
    """
    facing = np.degrees(np.arctan2(-to_east, -to_north)) % 360.0
    facing = np.where(facing >= 360.0, 0.0, facing)  # a tiny negative angle rounds up to 360
    return np.where((to_east == 0) & (to_north == 0), np.nan, facing)


def curvatures(heights: Floats, cell: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return profile and plan curvature in 1/m, by the quadratic of Zevenbergen & Thorne (1987).

    Second derivatives of the height along the fall line (profile) and across it (plan); **positive is concave**: a
    slope that flattens downhill, a hollow where water gathers. (Signs differ between programs: theirs for the profile
    is the opposite.) NaN where one of the nine heights is unknown, and on pits, summits and saddles, which have no
    fall line; 0 on a level plane. z = c·(x² + y²) → 2c and 2c.
    """
    rows, cols = heights.shape
    padded = np.pad(heights, 1, constant_values=np.nan)
    nw, n, ne, w, c, e, sw, s, se = (
        padded[row : row + rows, col : col + cols] for row in (0, 1, 2) for col in (0, 1, 2)
    )
    across, down = cell
    xx, yy = (w + e - 2.0 * c) / across**2, (n + s - 2.0 * c) / down**2
    xy = (ne - nw - se + sw) / (4.0 * across * down)
    p, q = (e - w) / (2.0 * across), (n - s) / (2.0 * down)
    steep = p**2 + q**2
    level = steep == 0
    below = np.where(level, 1.0, steep)
    profile = (xx * p**2 + 2.0 * xy * p * q + yy * q**2) / below
    plan = (xx * q**2 - 2.0 * xy * p * q + yy * p**2) / below
    undefined = level & ((xx != 0) | (yy != 0) | (xy != 0))
    return np.where(undefined, np.nan, profile), np.where(undefined, np.nan, plan)


def local_factors(heights: Floats, cell: tuple[float, float], names: Collection[str]) -> dict[str, Floats]:
    """Return the named ones of LOCAL for a grid of heights: name → array of its shape."""
    found: dict[str, Floats] = {}
    if {"slope", "aspect"} & set(names):
        found["slope"], found["aspect"] = (f(*gradient(heights, cell)) for f in (slope, aspect))
    if {"profile_curvature", "plan_curvature"} & set(names):
        found["profile_curvature"], found["plan_curvature"] = curvatures(heights, cell)
    return {name: found[name] for name in LOCAL if name in names}


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
    picture, (west, south, east, north) = _warped(
        shade, transform, _degrees(dem, crs), width or shade.shape[1]
    )
    (west, east), (south, north) = reprojection(WEB_MERCATOR).to_cgcs2000([west, east], [south, north])
    alpha = np.where(picture > 0, 255, 0).astype(np.uint8)
    return png(picture, alpha), (south, west, north, east)


def _degrees(dem: Path, crs: CRS) -> Reprojection:
    try:
        return reprojection(crs.to_wkt())
    except DatumError as problem:
        raise WorkspaceError(
            f"{dem}：{problem.say.zh}（见 workspace.toml 的 dem）",
            f"{dem}: {problem.say.en} (dem in workspace.toml)",
        ) from problem


def _warped(
    shade: NDArray[np.uint8], transform: Affine, degrees: Reprojection, width: int
) -> tuple[NDArray[np.uint8], Bounds]:
    """Return the picture on a grid of square pixels in EPSG:3857 and its (west, south, east, north) there.

    GDAL's own warper works through its VRT driver, which stays switched off. Positions are transformed
    exactly on every STEP-th pixel and interpolated between them; at that distance both grids are straight
    to a hundredth of a pixel.
    """
    rows, cols = shade.shape
    edge_cols = np.r_[np.linspace(0, cols, 33), np.linspace(0, cols, 33), np.zeros(33), np.full(33, cols)]
    edge_rows = np.r_[np.zeros(33), np.full(33, rows), np.linspace(0, rows, 33), np.linspace(0, rows, 33)]
    mercator = reprojection(WEB_MERCATOR)
    x, y = mercator.from_cgcs2000(*degrees.to_cgcs2000(*_through(transform, edge_cols, edge_rows)))
    west, east, south, north = (float(v) for v in (np.nanmin(x), np.nanmax(x), np.nanmin(y), np.nanmax(y)))
    side = (east - west) / width
    height = max(1, math.ceil((north - south) / side))
    south = north - height * side

    knots_x, knots_y = np.arange(0, width + STEP, STEP), np.arange(0, height + STEP, STEP)
    grid_x, grid_y = np.meshgrid(west + (knots_x + 0.5) * side, north - (knots_y + 0.5) * side)
    source_cols, source_rows = _through(
        ~transform, *degrees.from_cgcs2000(*mercator.to_cgcs2000(grid_x, grid_y))
    )
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
