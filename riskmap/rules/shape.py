"""Shapes of vector files, WKT cells and edits → WKB in CGCS2000, checked against the layer's kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.catalog.layer import GeometryKind
from riskmap.coordinates import Datum, Region, to_cgcs2000
from riskmap.errors import Text
from riskmap.rules.position import PositionNote

SHAPE: Final = "shape"


_POINT, _LINE, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON = 0, 1, 3, 4, 5, 6


_RING: Final = 2


KIND_OF_TYPE: Final[Mapping[int, GeometryKind]] = {  # by GEOS's number of a type
    _POINT: "point",
    _MULTIPOINT: "point",
    _LINE: "line",
    _RING: "line",
    _MULTILINE: "line",
    _POLYGON: "polygon",
    _MULTIPOLYGON: "polygon",
}


_FITTING = {"point": (_POINT, _MULTIPOINT), "line": (_LINE, _MULTILINE), "polygon": (_POLYGON, _MULTIPOLYGON)}


_KINDS = {"point": ("点", "point"), "line": ("线", "line"), "polygon": ("面", "polygon")}


@dataclass(slots=True)
class Shaped:
    """Shapes as WKB (None where there is none), a point on each, and the remarks."""

    shapes: list[bytes | None]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    remarks: list[PositionNote] = field(default_factory=list)


def from_wkb(values: Sequence[bytes | None]) -> NDArray[np.object_]:
    """Return 2D geometries; None for null, empty and unreadable ones."""
    found = shapely.from_wkb(np.asarray(values, dtype=object), on_invalid="ignore")
    return _plain(found)


def damaged(
    values: Sequence[object], geometries: NDArray[np.object_]
) -> tuple[NDArray[np.object_], list[PositionNote]]:
    """Return the geometries without those that have no finite place, and a remark on each and on unreadable WKB.

    `values`: what they were read from; an empty geometry is no damage.
    """
    unread = [
        i
        for i, value in enumerate(values)
        if isinstance(value, bytes) and geometries[i] is None and not _reads(value)
    ]
    places, row = shapely.get_coordinates(geometries, return_index=True)
    endless = np.unique(row[~np.isfinite(places).all(axis=1)]).tolist()
    kept = geometries.copy()
    kept[endless] = None
    return kept, [_no_place(i) for i in sorted({*unread, *endless})]


def _reads(value: bytes) -> bool:
    return shapely.from_wkb(value, on_invalid="ignore") is not None


def _no_place(at: int) -> PositionNote:
    say = Text(
        "图形损坏，或坐标不是有限的数；请改正",
        "the shape is damaged or has no finite coordinates; correct it",
    )
    return PositionNote(at, SHAPE, "error", "damaged", say)


def from_wkt(texts: Sequence[str | None]) -> NDArray[np.object_]:
    """Return 2D geometries of WKT (also EWKT) cells; None for null, empty and unreadable ones."""
    bare = [t.split(";", 1)[1] if t and t.upper().startswith("SRID=") and ";" in t else t for t in texts]
    found = shapely.from_wkt(np.asarray(bare, dtype=object), on_invalid="ignore")
    return _plain(found)


def _plain(found: NDArray[np.object_]) -> NDArray[np.object_]:
    flat = np.asarray(shapely.force_2d(found), dtype=object).copy()
    flat[shapely.is_empty(flat)] = None
    return flat


def points_of(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[PositionNote]]:
    """Return x and y of point features (a multipoint of one is a point); others are refused."""
    single = geometries.copy()
    kinds = shapely.get_type_id(geometries)
    ones = (kinds == _MULTIPOINT) & (shapely.get_num_geometries(geometries) == 1)
    single[ones] = shapely.get_geometry(geometries[ones], 0)
    wrong = (kinds >= 0) & (shapely.get_type_id(single) != _POINT)
    single[wrong] = None
    remarks = [_wrong_kind(int(i), geometries[i], "point") for i in np.flatnonzero(wrong)]
    return shapely.get_x(single), shapely.get_y(single), remarks


def shape(
    geometries: NDArray[np.object_],
    datum: Datum,
    kind: GeometryKind,
    region: Region = Region(),  # noqa: B008 - frozen
) -> Shaped:
    """Return the shapes of a line or polygon layer in CGCS2000.

    A shape of another kind or outside China and the district's `region` is an error; an invalid one is
    repaired, with a warning.
    """
    count = len(geometries)
    result = Shaped([None] * count, np.full(count, np.nan), np.full(count, np.nan))
    work = geometries.copy()
    kinds = shapely.get_type_id(work)
    wrong = (kinds >= 0) & ~np.isin(kinds, _FITTING[kind])
    result.remarks += [_wrong_kind(int(i), work[i], kind) for i in np.flatnonzero(wrong)]
    work[wrong] = None
    invalid = (shapely.get_type_id(work) >= 0) & ~shapely.is_valid(work)
    for i in np.flatnonzero(invalid):
        work[i] = _repaired(work[i], kind)
        result.remarks.append(_repair_remark(int(i), repaired=work[i] is not None))
    work = _to_cgcs2000(work, datum)
    bounds = shapely.bounds(work)
    inside = region.holds(bounds[:, 0], bounds[:, 1]) & region.holds(bounds[:, 2], bounds[:, 3])
    there = shapely.get_type_id(work) >= 0
    result.remarks += [_outside(int(i), datum) for i in np.flatnonzero(there & ~inside)]
    work[~inside] = None
    points = shapely.point_on_surface(work)
    result.lon, result.lat = shapely.get_x(points), shapely.get_y(points)
    result.shapes = [None if w is None else bytes(w) for w in shapely.to_wkb(work, byte_order=1)]
    return result


def unreadable_text(at: int, text: str) -> PositionNote:
    """Return the remark on a cell that is not WKT."""
    return PositionNote(
        at,
        SHAPE,
        "error",
        "not_a_shape",
        Text(
            "边界不是有效的 WKT；请填 POLYGON((经度 纬度, …)) 这样的内容",
            "the boundary is not valid WKT; write POLYGON((lon lat, …))",
        ),
        text[:200],
    )


def _to_cgcs2000(geometries: NDArray[np.object_], datum: Datum) -> NDArray[np.object_]:
    if datum.id in {"wgs84", "cgcs2000"}:
        return geometries

    def move(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = to_cgcs2000(coordinates[:, 0], coordinates[:, 1], datum)
        # A vertex that the projection cannot invert sends its shape out of China, where it is refused.
        return np.column_stack([np.nan_to_num(lon, nan=999.0), np.nan_to_num(lat, nan=999.0)])

    return shapely.transform(geometries, move)


def _repaired(geometry: shapely.Geometry, kind: GeometryKind) -> shapely.Geometry | None:
    made = shapely.make_valid(geometry)
    parts = [
        p for p in shapely.get_parts(shapely.get_parts([made])) if shapely.get_type_id(p) in _FITTING[kind]
    ]
    flat = [q for p in parts for q in shapely.get_parts([p])]
    if not flat:
        return None
    if len(flat) == 1:
        return flat[0]
    return shapely.union_all(flat) if kind == "polygon" else shapely.multilinestrings(flat)


def _wrong_kind(at: int, geometry: Any, kind: GeometryKind) -> PositionNote:
    zh, en = _KINDS[kind]
    return PositionNote(
        at,
        SHAPE,
        "error",
        "geometry_kind",
        Text(
            f"图形是 {geometry.geom_type}，本图层要的是{zh}；请改用{zh}图层的数据",
            f"the shape is a {geometry.geom_type}, this layer takes {en}s; send {en} features",
        ),
        geometry.geom_type,
    )


def _repair_remark(at: int, *, repaired: bool) -> PositionNote:
    if repaired:
        return PositionNote(
            at,
            SHAPE,
            "warning",
            "repaired_shape",
            Text(
                "边界自相交或未闭合，已自动修复；请核对",
                "the shape crosses itself and was repaired; check it",
            ),
        )
    return PositionNote(
        at,
        SHAPE,
        "error",
        "broken_shape",
        Text("边界无效且无法修复；请重新绘制", "the shape is invalid and cannot be repaired; draw it again"),
    )


def _outside(at: int, datum: Datum) -> PositionNote:
    return PositionNote(
        at,
        SHAPE,
        "error",
        "out_of_range",
        Text(
            f"图形按 {datum.id} 不在中国或本区范围内；请核对坐标系",
            f"as {datum.id} the shape lies outside China and the district; check the coordinate system",
        ),
    )
