"""Do the grids cover the ground once, and has each somebody who walks it?

Areas are planar, in the metric CRS of the layer (CGCS2000, 3-degree zone of its middle).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from riskmap.coordinates import Datum, from_cgcs2000, metric_crs, to_cgcs2000
from riskmap.errors import RiskmapError, Say
from riskmap.places import read_boundaries
from riskmap.records import Cell
from riskmap.usecases.assessing import known
from riskmap.usecases.workspace import Workspace

LEAST_M2: Final = 1.0
LEAST_WIDTH_M: Final = 0.05
"""What is smaller, or narrower on average, is the rounding of coordinates and no gap: our choice."""

_EDGE_DEGREES: Final = 0.001  # edges are straight in degrees: long ones get points before they are projected

_HECTARE: Final = 10_000.0


def coverage(
    ws: Workspace, layer: str = "forest_fire_grids", *, forest: Path | None = None
) -> dict[str, Any]:
    """Return the document of `riskmap coverage --json` for a polygon layer of the ledger.

    `basis` says where gaps are looked for: inside the polygons of `forest` (GeoJSON), else in the holes
    that the grids leave open among them ("holes"). `unassigned`: codes that have no patroller by their own
    word, or of which neither a patroller nor a contact is known; `without_contact`: codes with nobody to
    call. `unlocated`: codes without a polygon, which cover nothing. `complete` is False where a grid is
    unassigned or unlocated, where there is none at all, or where a gap or an overlap above 1 m² exists.
    """
    definition = ws.catalog.layer(layer)
    if definition.geometry != "polygon":
        raise RiskmapError(
            f"{definition.title.zh}：不是面图层，没有覆盖可言；请用 --layer 指明面图层",
            f"{definition.title.en}: not a layer of polygons; name one with --layer",
        )
    features = ws.ledger.features(layer)
    records = features.records
    shapes = list(records.shapes or [None] * len(records))
    located = [i for i, shape in enumerate(shapes) if shape is not None]
    degrees = [shapely.make_valid(shapely.from_wkb(cast("bytes", shapes[i]))) for i in located]
    wanted = _forest(forest)
    metric = Datum(metric_crs(_middle(degrees or wanted)), "projected")
    grids = [_projected(shape, metric) for shape in degrees]
    codes: list[str] = [records.code[i] for i in located]
    union = shapely.union_all(grids)
    gaps = _parts(_gap(union, [_projected(shape, metric) for shape in wanted] if forest else None))
    pairs = _overlaps(grids, codes)
    patrollers = _patrollers(records.values.get("patrollers"), len(records))
    nobody_to_call = features.contact_count == 0
    unassigned = [
        code
        for code, walkers, silent in zip(records.code, patrollers, nobody_to_call.tolist(), strict=True)
        if walkers == 0 or (walkers is None and silent)
    ]
    unlocated = [code for code, shape in zip(records.code, shapes, strict=True) if shape is None]
    return {
        "layer": layer,
        "grids": len(records),
        "area_ha": _hectares(sum(_projected(shape, metric, edge=None).area for shape in degrees)),
        "basis": "forest" if forest else "holes",
        "crs": metric.id,
        "gaps": {
            "area_ha": _hectares(sum(part.area for part in gaps)),
            "parts": [_part_json(part, metric) for part in gaps],
        },
        "overlaps": {
            "area_ha": _hectares(sum(area for _, _, area in pairs)),
            "pairs": [{"a": a, "b": b, "area_ha": _hectares(area)} for a, b, area in pairs],
        },
        "unassigned": unassigned,
        "without_contact": [c for c, silent in zip(records.code, nobody_to_call, strict=True) if silent],
        "unlocated": unlocated,
        "patrollers": {
            "total": sum(n for n in patrollers if n is not None),
            "per_grid": dict(zip(records.code, patrollers, strict=True)),
        },
        "complete": not (gaps or pairs or unassigned or unlocated) and len(records) > 0,
    }


def _forest(path: Path | None) -> list[BaseGeometry]:
    if path is None:
        return []
    return list(read_boundaries(path, named=Say("--forest ", "given with --forest")).values())


def _middle(shapes: Sequence[BaseGeometry]) -> float:
    if not shapes:
        return 114.0
    west, _, east, _ = shapely.total_bounds(cast("Any", shapes)).tolist()
    return (west + east) / 2.0


def _projected(shape: BaseGeometry, metric: Datum, *, edge: float | None = _EDGE_DEGREES) -> BaseGeometry:
    """Return a shape in metres; its edges first get points every `edge` degrees (None: as they are)."""

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(from_cgcs2000(xy[:, 0], xy[:, 1], metric))

    flat = shapely.force_2d(shape)
    fine = flat if edge is None else shapely.segmentize(flat, edge)
    return shapely.make_valid(shapely.transform(fine, move))


def _gap(union: BaseGeometry, wanted: Sequence[BaseGeometry] | None) -> BaseGeometry:
    """Return what the grids leave open: of the forest, or inside their own outlines."""
    if wanted is not None:
        return shapely.difference(shapely.union_all(list(wanted)), union)
    outlines = [shapely.Polygon(part.exterior) for part in _polygons(union)]
    return shapely.difference(shapely.union_all(outlines), union)


def _polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    parts = [part for part in shapely.get_parts(shape).tolist() if not part.is_empty]
    flat = [inner for part in parts for inner in (part.geoms if hasattr(part, "geoms") else (part,))]
    return [part for part in flat if isinstance(part, shapely.Polygon)]


def _parts(gap: BaseGeometry) -> list[shapely.Polygon]:
    return sorted((part for part in _polygons(gap) if _counts(part)), key=lambda part: -part.area)


def _counts(part: shapely.Polygon) -> bool:
    return part.area > LEAST_M2 and 2.0 * part.area / part.length > LEAST_WIDTH_M


def _overlaps(grids: Sequence[BaseGeometry], codes: Sequence[str]) -> list[tuple[str, str, float]]:
    """Return the pairs of grids that share more than LEAST_M2, the largest first."""
    if not grids:
        return []
    first, second = shapely.STRtree(grids).query(cast("Any", grids), predicate="intersects")
    found: list[tuple[str, str, float]] = []
    pairs: list[tuple[int, int]] = list(zip(first.tolist(), second.tolist(), strict=True))
    for i, j in pairs:
        if i < j:
            area = sum(part.area for part in _parts(shapely.intersection(grids[i], grids[j])))
            if area > 0:
                found.append((codes[i], codes[j], area))
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def _patrollers(column: Sequence[Cell] | None, count: int) -> list[int | None]:
    """Return how many patrollers each grid has, None where that is not known."""
    cells = [None] * count if column is None else [known(cell) for cell in column]
    return [int(cell) if isinstance(cell, int | float) else None for cell in cells]


def _part_json(part: shapely.Polygon, metric: Datum) -> dict[str, Any]:
    spot = shapely.point_on_surface(part)
    lon, lat = to_cgcs2000([spot.x], [spot.y], metric)
    return {"area_ha": _hectares(part.area), "lon": round(float(lon[0]), 7), "lat": round(float(lat[0]), 7)}


def _hectares(square_metres: float) -> float:
    return round(square_metres / _HECTARE, 4)
