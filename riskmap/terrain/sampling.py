"""The value of a raster at points: the window is read once, band of rows by band of rows, and indexed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import ProjError

from riskmap.coordinates import CGCS2000
from riskmap.errors import DatumError
from riskmap.terrain.geotiff import as_floats, horizontal, need_band, opened, read_raw

Floats = NDArray[np.float64]
Method = Literal["bilinear", "nearest"]

MOST_CELLS: Final = 8_000_000  # read at once


def to_raster(raster: Any) -> pyproj.Transformer:
    """Return the way from the ledger's degrees (EPSG:4490, lon before lat) to a raster's coordinates."""
    try:
        return pyproj.Transformer.from_crs(CGCS2000, horizontal(raster), always_xy=True)
    except ProjError as problem:
        raise DatumError(
            f"{raster.name}：坐标系无法与 CGCS2000 互换；请转换到 EPSG:4547 后另存",
            f"{raster.name}: no way from CGCS2000 to its coordinate system; reproject it to EPSG:4547",
        ) from problem


def sample_points(
    path: Path, lon: ArrayLike, lat: ArrayLike, *, band: int = 1, method: Method = "bilinear"
) -> Floats:
    """Return the raster's value at points in CGCS2000 degrees, in their shape, NaN where it has none.

    `bilinear` weighs the four nearest cell centres, for quantities; `nearest` takes the cell in which the point lies,
    for classes and angles. A point whose own cell is outside or unknown is NaN, never zero; neighbours that are
    unknown are left out of the weights. Raises UnreadableFileError, DatumError, UnknownNameError (no such band).
    """
    return sample_bands(path, lon, lat, bands=(band,), method=method)[0]


def sample_bands(
    path: Path, lon: ArrayLike, lat: ArrayLike, *, bands: Sequence[int], method: Method = "bilinear"
) -> Floats:
    """Return float64[bands, *shape of the points]: as `sample_points`, the places in the raster looked up once."""
    shape = np.shape(lon)
    x, y = (np.asarray(v, dtype=np.float64).ravel() for v in (lon, lat))
    values = np.full((len(bands), len(x)), np.nan)
    with opened(path) as raster:
        for band in bands:
            need_band(raster, band)
        which, row, col = places_in(raster, x, y)
        for some, rows, cols in _windows(row, col, (raster.height, raster.width)):
            at = row[some] - rows.start, col[some] - cols.start
            for i, band in enumerate(bands):
                window = read_raw(raster, rows, cols, band=band)
                values[i, which[some]] = _at(raster, window, *at, band=band, method=method)
    return values.reshape(len(bands), *shape)


def places_in(raster: Any, lon: Floats, lat: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return which points (CGCS2000 degrees) lie in a raster, and their rows and columns in cells from its corner."""
    located = np.isfinite(lon) & np.isfinite(lat)
    px, py = to_raster(raster).transform(lon[located], lat[located])
    t = ~raster.transform
    with np.errstate(invalid="ignore"):  # where no place there answers to it, PROJ says infinity
        col, row = t.a * px + t.b * py + t.c, t.d * px + t.e * py + t.f
        inside = (col >= 0) & (col <= raster.width) & (row >= 0) & (row <= raster.height)
    return np.flatnonzero(located)[inside], np.asarray(row)[inside], np.asarray(col)[inside]


def own_cells(
    row: Floats, col: Floats, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cell in which each place lies; the far edge belongs to the last one."""
    return np.minimum(row.astype(np.int64), shape[0] - 1), np.minimum(col.astype(np.int64), shape[1] - 1)


def _windows(
    row: Floats, col: Floats, shape: tuple[int, int]
) -> Iterator[tuple[NDArray[np.intp], slice, slice]]:
    """Yield which points lie in a band of rows, and the window that holds them and their neighbours."""
    if not len(row):
        return
    left, right = max(int(col.min()) - 1, 0), min(int(col.max()) + 2, shape[1])
    tall = max(MOST_CELLS // (right - left), 1)
    order = np.argsort(row, kind="stable")
    of = row[order].astype(np.int64) // tall
    for some in np.split(order, np.flatnonzero(np.diff(of)) + 1):
        top, bottom = max(int(row[some].min()) - 1, 0), min(int(row[some].max()) + 2, shape[0])
        yield some, slice(top, bottom), slice(left, right)


def _at(
    raster: Any, window: np.ma.MaskedArray, row: Floats, col: Floats, *, band: int, method: Method
) -> Floats:
    """Return values at positions in cells of the window (0 is the outer edge of its first cell)."""
    own = as_floats(raster, window[own_cells(row, col, (window.shape[0], window.shape[1]))], band=band)
    if method == "nearest":
        return own
    first_row, first_col = np.floor(row - 0.5).astype(np.int64), np.floor(col - 0.5).astype(np.int64)
    down, across = row - 0.5 - first_row, col - 0.5 - first_col
    total, weights = np.zeros(len(row)), np.zeros(len(row))
    for r, by_row in ((0, 1.0 - down), (1, down)):
        for c, by_col in ((0, 1.0 - across), (1, across)):
            i, j = first_row + r, first_col + c
            there = (i >= 0) & (i < window.shape[0]) & (j >= 0) & (j < window.shape[1])
            value = as_floats(raster, window[np.where(there, i, 0), np.where(there, j, 0)], band=band)
            weight = np.where(there & np.isfinite(value), by_row * by_col, 0.0)
            total += weight * np.where(weight > 0, value, 0.0)
            weights += weight
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isfinite(own), total / weights, np.nan)
