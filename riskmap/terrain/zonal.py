"""The mean or the largest value of a raster in polygons, cells cut by an outline counted by their share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.errors import DatumError, RiskmapError
from riskmap.terrain.geotiff import as_floats, need_band, opened, read_raw
from riskmap.terrain.sampling import to_raster

Floats = NDArray[np.float64]
Statistic = Literal["mean", "max"]

LEAST_SHARE: Final = 0.9  # of a polygon that must be known
MOST_CELLS: Final = 8_000_000  # read at once


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
        forward = to_raster(raster)
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
        shapely.force_2d(shape), lambda xy: np.column_stack(forward.transform(xy[:, 0], xy[:, 1]))
    )
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        return None
    moved = shapely.make_valid(moved) if not shapely.is_valid(moved) else moved
    return moved if moved.area > 0 else None


def _source(exactextract: Any, raster: Any, band: int) -> Any:
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
