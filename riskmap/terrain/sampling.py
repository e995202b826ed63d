"""The value of a raster at points: the window is read once, band of rows by band of rows, and indexed.

The mean or the largest value of a raster in polygons, cells cut by an outline counted by their share.

How the terrain around places shelters them from the wind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import DatumError, RiskmapError, Text
from riskmap.formulas.wind import BEARINGS, DEGREE, RINGS, exposure
from riskmap.terrain.geotiff import (
    as_floats,
    degrees_of,
    horizontal,
    metric_grid,
    need_band,
    need_metre_heights,
    opened,
    read_heights,
    read_raw,
)

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Method = Literal["bilinear", "nearest"]


MOST_CELLS: Final = 8_000_000  # read at once


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


def places_in(raster: DatasetReader, lon: Floats, lat: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return which points (CGCS2000 degrees) lie in a raster, and their rows and columns in cells from its corner."""
    located = np.isfinite(lon) & np.isfinite(lat)
    px, py = degrees_of(raster).from_cgcs2000(lon[located], lat[located])
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
    raster: DatasetReader, window: np.ma.MaskedArray, row: Floats, col: Floats, *, band: int, method: Method
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


Statistic = Literal["mean", "max"]


LEAST_SHARE: Final = 0.9  # of a polygon that must be known


@dataclass(frozen=True, slots=True)
class Zonal:
    """Per polygon: `values` (NaN where too little is known) and `share` of its area that is known, 0–1."""

    values: Floats
    share: Floats


def summarise(
    path: Path,
    shapes: Sequence[bytes | None],
    *,
    statistic: Statistic,
    band: int = 1,
    least_share: float = LEAST_SHARE,
) -> Zonal:
    """Return a statistic of the raster in each polygon (WKB, CGCS2000 degrees).

    `mean` weighs each cell by the share of it that lies inside (on a grid in degrees all cells weigh the same); `max`
    is over every cell that is touched. A polygon of which less than `least_share` is known, or that is absent, is
    NaN; its share is told all the same. Needs the extra `terrain`.
    """
    exactextract = _exactextract()
    values, share = np.full(len(shapes), np.nan), np.zeros(len(shapes))
    with opened(path) as raster:
        need_band(raster, band)
        t = raster.transform
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            raise DatumError(
                f"{path}：不是正北朝上的栅格；请用 GIS 软件重采样后另存",
                f"{path}: not a north-up raster; resample it and save it again",
            )
        forward = degrees_of(raster).from_cgcs2000
        polygons = {i: _projected(wkb, forward) for i, wkb in enumerate(shapes) if wkb is not None}
        polygons = {i: p for i, p in polygons.items() if p is not None}
        if not polygons:
            return Zonal(values, share)
        features = [{"geometry": shapely.geometry.mapping(p), "properties": {}} for p in polygons.values()]
        found = exactextract.exact_extract(
            _source(exactextract, raster, band),
            features,
            [f"value={statistic}", "count"],
            max_cells_in_memory=MOST_CELLS,
        )
    cell = t.a * -t.e
    for (i, polygon), feature in zip(polygons.items(), found, strict=True):
        stated = feature["properties"]
        share[i] = min(float(stated["count"] or 0.0) * cell / polygon.area, 1.0)
        value = stated["value"]
        if value is not None and np.isfinite(value) and share[i] >= least_share - 1e-9:
            values[i] = float(value)
    return Zonal(values, share)


def _projected(wkb: bytes, forward: Any) -> Any | None:
    """Return a polygon in the raster's coordinates, None where it has no area or no place there."""
    shape = shapely.from_wkb(wkb)
    if shapely.get_dimensions(shape) != 2 or shape.is_empty:
        return None
    moved = shapely.transform(
        shapely.force_2d(shape), lambda xy: np.column_stack(forward(xy[:, 0], xy[:, 1]))
    )
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        return None
    moved = shapely.make_valid(moved) if not shapely.is_valid(moved) else moved
    return moved if moved.area > 0 else None


def _source(exactextract: Any, raster: DatasetReader, band: int) -> Any:
    """Return what exactextract reads from: our windows, with scale, offset and unknown cells as everywhere here."""
    t = raster.transform

    class Source(exactextract.raster.RasterSource):
        def res(self) -> tuple[float, float]:
            return t.a, -t.e

        def extent(self) -> tuple[float, float, float, float]:
            left, top = t.c, t.f
            return left, top + t.e * raster.height, left + t.a * raster.width, top

        def nodata_value(self) -> float:
            return float("nan")

        def srs_wkt(self) -> None:
            return None  # the polygons are in the raster's coordinates already

        def read_window(self, x0: int, y0: int, nx: int, ny: int) -> Floats:
            stored = read_raw(raster, slice(y0, y0 + ny), slice(x0, x0 + nx), band=band)
            return as_floats(raster, stored, band=band)

    return Source()


def _exactextract() -> Any:
    try:
        import exactextract  # noqa: PLC0415 - optional
        import exactextract.raster  # noqa: PLC0415
    except ImportError as problem:
        raise RiskmapError(
            '按面统计需要可选组件 exactextract；请运行 pip install "riskmap[terrain]"',
            'summaries in polygons need the optional exactextract; run pip install "riskmap[terrain]"',
        ) from problem
    return exactextract


class Exposure(NamedTuple):
    """What terrain makes of the wind over sea: `gain`, at least 1, is certain enough to act on; `shelter`, at most 1, is not.

    Two stations of like surroundings (factors .69 and .73) saw 1.24 and .46 times the wind over sea in one storm.
    """

    gain: Floats
    shelter: Floats


def exposure_at(terrain: Path, lon: Floats, lat: Floats) -> tuple[Exposure, tuple[Text, ...]]:
    """Return the exposure of places from a terrain model; 1, and said so, where it does not cover a place."""
    factor = _factor(terrain, terrain.stat().st_mtime_ns, lon.tobytes(), lat.tobytes())
    outside = np.isnan(factor)
    notes = [
        Text(
            "地形的遮蔽只写进风速下限，不降低采用的风速；山脊的增强计入（草案系数）",
            "shelter by terrain only widens the band downwards and lowers no wind that is acted on; crests count (draft factors)",
        )
    ]
    if outside.any():
        count = int(outside.sum())
        notes.append(
            Text(
                f"{count} 个点在地形之外，按海面计", f"{count} points outside the terrain, taken as over sea"
            )
        )
    factor = np.where(outside, 1.0, factor)
    return Exposure(np.maximum(factor, 1.0), np.minimum(factor, 1.0)), tuple(notes)


@lru_cache(maxsize=8)  # places hardly move from one bulletin to the next
def _factor(terrain: Path, _changed: int, lon: bytes, lat: bytes) -> Floats:
    """Return the exposure of places given as the bytes of float64; not to be written to."""
    own, around = _heights_around(terrain, np.frombuffer(lon), np.frombuffer(lat))
    return exposure(own, around)


def _heights_around(terrain: Path, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return the height at places, float[n], and on the rings around them, float[rings, bearings, n]; metres.

    The nearest cell counts: what shelters is wider than one. NaN where nothing is known.
    """
    own = np.full(len(lon), np.nan)
    around = np.full((len(RINGS), len(BEARINGS), len(lon)), np.nan)
    with opened(terrain) as raster:
        shape = (int(raster.height), int(raster.width))
        which, row, col = places_in(raster, lon, lat)
        if not len(which):
            return own, around
        wide, tall = _cell_metres(raster, float(np.mean(lat[which])))
        i, j = own_cells(row, col, shape)
        margin = [math.ceil(max(RINGS) / side) for side in (tall, wide)]
        rows = slice(max(int(i.min()) - margin[0], 0), min(int(i.max()) + margin[0] + 1, shape[0]))
        cols = slice(max(int(j.min()) - margin[1], 0), min(int(j.max()) + margin[1] + 1, shape[1]))
        heights = read_heights(raster, rows, cols)
    i, j = i - rows.start, j - cols.start
    own[which] = heights[i, j]
    for r, ring in enumerate(RINGS):
        for b, bearing in enumerate(BEARINGS):
            north, east = (ring * f(math.radians(bearing)) for f in (math.cos, math.sin))
            y, x = i - round(north / tall), j + round(east / wide)
            inside = (y >= 0) & (y < heights.shape[0]) & (x >= 0) & (x < heights.shape[1])
            around[r, b, which[inside]] = heights[y[inside], x[inside]]
    return own, around


def _cell_metres(raster: DatasetReader, lat: float) -> tuple[float, float]:
    """Return the sides of a cell, metres, east–west and north–south; of degrees at a latitude."""
    if not horizontal(raster).is_geographic:
        return metric_grid(raster).cell
    need_metre_heights(raster)
    metre = DEGREE * 1000.0
    return abs(raster.transform.a) * metre * math.cos(math.radians(lat)), abs(raster.transform.e) * metre
