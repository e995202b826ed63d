"""The cells of a table that state positions, whichever columns hold them.

Shapes of vector files and WKT columns → WKB in CGCS2000, checked against the layer's kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.catalog.layer import GeometryKind
from riskmap.coordinates import CHINA, Datum, to_cgcs2000
from riskmap.errors import Say
from riskmap.io.tables.headers import SHAPE, Match
from riskmap.io.tables.row_parts import Source
from riskmap.rules import column as judging
from riskmap.rules import position
from riskmap.rules.cell import shortest
from riskmap.rules.column import Distinct, distinct
from riskmap.rules.position import Remark

_LATITUDE_FIRST = re.compile(r"纬度?[^经]*经|lat.*l(?:on|ng)", re.IGNORECASE)


def stated_positions(
    source: Source, targets: dict[str, Match], datum: Datum | None
) -> position.Stated | None:
    """Return the positions that a table's cells state; the pair that suits the datum comes first."""
    pairs = [("longitude", "latitude"), ("easting", "northing")]
    if datum is not None and datum.kind == "projected":
        pairs.reverse()
    found: list[position.Stated] = []
    for first, second in pairs:
        if first in targets or second in targets:
            found.append(_pair(source, targets.get(first), targets.get(second)))
    if match := targets.get("position"):
        found.append(_in_one_cell(source, match))
    if not found:
        return None
    best = found[0]
    for other in found[1:]:
        best = _fuller(best, other)
    return best


def stated_ends(source: Source, targets: dict[str, Match], name: str) -> position.Stated | None:
    """Return one of the positions that a row of a table names several of, None where no column states it."""
    first, second = targets.get(f"{name}:longitude"), targets.get(f"{name}:latitude")
    both = targets.get(f"{name}:position")
    if first or second:
        return _pair(source, first, second)
    return None if both is None else _in_one_cell(source, both)


def _fuller(best: position.Stated, other: position.Stated) -> position.Stated:
    """Take from `other` the rows where it states more than `best`."""
    better = ((other.has_x & other.has_y) & ~(best.has_x & best.has_y)) | (
        (other.has_x | other.has_y) & ~(best.has_x | best.has_y)
    )
    if not better.any():
        return best
    return position.Stated(
        np.where(better, other.x, best.x),
        np.where(better, other.y, best.y),
        np.where(better, other.has_x, best.has_x),
        np.where(better, other.has_y, best.has_y),
        lambda i: other.text(i) if better[i] else best.text(i),
        np.where(better, other.labelled, best.labelled),
    )


def _pair(source: Source, first: Match | None, second: Match | None) -> position.Stated:
    count = len(source.rows)

    def one(match: Match | None) -> tuple[NDArray[np.float64], NDArray[np.bool_], Distinct | None]:
        if match is None:
            return np.full(count, np.nan), np.zeros(count, bool), None
        cells = distinct(source.column(match.heading.column))
        return *judging.numbers(cells, position.parse_number, position.is_empty), cells

    x, has_x, x_cells = one(first)
    y, has_y, y_cells = one(second)
    labelled = np.zeros(count, bool)

    def cell(cells: Distinct | None, row: int) -> str | None:
        at = -1 if cells is None else int(cells.index[row])
        return None if cells is None or at < 0 else shortest(cells.texts[at].as_py())

    def text(row: int) -> str | None:
        return ", ".join(t for t in (cell(x_cells, row), cell(y_cells, row)) if t) or None

    # Both numbers in one of the two cells: the other is empty or repeats it.
    for i in np.flatnonzero((has_x & np.isnan(x)) | (has_y & np.isnan(y))):
        texts = {t for c, h in ((x_cells, has_x[i]), (y_cells, has_y[i])) if h and (t := cell(c, int(i)))}
        pair = position.parse_pair(texts.pop()) if len(texts) == 1 else None
        if pair:
            x[i], y[i], labelled[i] = pair
            has_x[i] = has_y[i] = True
    return position.Stated(x, y, has_x, has_y, text, labelled)


def _in_one_cell(source: Source, match: Match) -> position.Stated:
    column = match.heading.column
    beside = next((m for m in source.header.matches if m.heading.column == column + 1), None)
    cells = distinct(source.column(column))
    if beside is not None and beside.target is None and beside.heading.text in {"", match.heading.text}:
        # 坐标 merged over two columns: the second number stands in the next one.
        alone = _split(cells)
        return alone if (alone.has_x & alone.has_y).any() else _pair(source, match, beside)
    stated = _split(cells)
    return (
        _latitude_first(stated)
        if _LATITUDE_FIRST.search(match.heading.text.replace("经纬度", ""))
        else stated
    )


def _latitude_first(stated: position.Stated) -> position.Stated:
    """坐标（纬度,经度）: the header says in which order the numbers stand."""
    turn = ~stated.labelled
    return position.Stated(
        np.where(turn, stated.y, stated.x),
        np.where(turn, stated.x, stated.y),
        np.where(turn, stated.has_y, stated.has_x),
        np.where(turn, stated.has_x, stated.has_y),
        stated.text,
        stated.labelled,
    )


def _split(cells: Distinct) -> position.Stated:
    """Return the positions of a column that holds both numbers in one cell."""
    texts = cells.texts.to_pylist()
    count = len(texts) + 1
    x, y = np.full(count, np.nan), np.full(count, np.nan)
    has_x, has_y, labelled = (np.zeros(count, bool) for _ in range(3))
    for at, text in enumerate(texts):
        if position.is_empty(text):
            continue
        pair = position.parse_pair(text)
        has_x[at] = True
        if pair:
            x[at], y[at], labelled[at] = pair
            has_y[at] = True
        else:
            x[at] = position.parse_number(text)
            # A lone number is half a position; anything else is a whole one that cannot be read.
            has_y[at] = not np.isfinite(x[at])
    index = cells.index
    spread: list[Any] = cells.spread(texts)
    return position.Stated(
        x[index], y[index], has_x[index], has_y[index], lambda i: spread[i], labelled[index]
    )


_POINT, _LINE, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON = 0, 1, 3, 4, 5, 6


_FITTING = {"point": (_POINT, _MULTIPOINT), "line": (_LINE, _MULTILINE), "polygon": (_POLYGON, _MULTIPOLYGON)}


_KINDS = {"point": ("点", "point"), "line": ("线", "line"), "polygon": ("面", "polygon")}


@dataclass(slots=True)
class Shaped:
    """Shapes as WKB (None where there is none), a point on each, and the remarks."""

    shapes: list[bytes | None]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    remarks: list[Remark] = field(default_factory=list)


def from_wkb(values: Sequence[bytes | None]) -> NDArray[np.object_]:
    """Return 2D geometries; None for null, empty and unreadable ones."""
    found = shapely.from_wkb(np.asarray(values, dtype=object), on_invalid="ignore")
    return _plain(found)


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
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Remark]]:
    """Return x and y of point features (a multipoint of one is a point); others are refused."""
    single = geometries.copy()
    kinds = shapely.get_type_id(geometries)
    ones = (kinds == _MULTIPOINT) & (shapely.get_num_geometries(geometries) == 1)
    single[ones] = shapely.get_geometry(geometries[ones], 0)
    wrong = (kinds >= 0) & (shapely.get_type_id(single) != _POINT)
    single[wrong] = None
    remarks = [_wrong_kind(int(i), geometries[i], "point") for i in np.flatnonzero(wrong)]
    return shapely.get_x(single), shapely.get_y(single), remarks


def shape(geometries: NDArray[np.object_], datum: Datum, kind: GeometryKind) -> Shaped:
    """Return the shapes of a line or polygon layer in CGCS2000.

    A shape of another kind or outside China is an error; an invalid one is repaired, with a warning.
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
    west, south, east, north = CHINA
    with np.errstate(invalid="ignore"):
        inside = (
            (bounds[:, 0] >= west)
            & (bounds[:, 1] >= south)
            & (bounds[:, 2] <= east)
            & (bounds[:, 3] <= north)
        )
    there = shapely.get_type_id(work) >= 0
    result.remarks += [_outside(int(i), datum) for i in np.flatnonzero(there & ~inside)]
    work[~inside] = None
    points = shapely.point_on_surface(work)
    result.lon, result.lat = shapely.get_x(points), shapely.get_y(points)
    result.shapes = [None if w is None else bytes(w) for w in shapely.to_wkb(work, byte_order=1)]
    return result


def unreadable_text(at: int, text: str) -> Remark:
    """Return the remark on a cell that is not WKT."""
    return Remark(
        at,
        SHAPE,
        "error",
        "not_a_shape",
        Say(
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


def _wrong_kind(at: int, geometry: Any, kind: GeometryKind) -> Remark:
    zh, en = _KINDS[kind]
    return Remark(
        at,
        SHAPE,
        "error",
        "geometry_kind",
        Say(
            f"图形是 {geometry.geom_type}，本图层要的是{zh}；请改用{zh}图层的数据",
            f"the shape is a {geometry.geom_type}, this layer takes {en}s; send {en} features",
        ),
        geometry.geom_type,
    )


def _repair_remark(at: int, *, repaired: bool) -> Remark:
    if repaired:
        return Remark(
            at,
            SHAPE,
            "warning",
            "repaired_shape",
            Say(
                "边界自相交或未闭合，已自动修复；请核对",
                "the shape crosses itself and was repaired; check it",
            ),
        )
    return Remark(
        at,
        SHAPE,
        "error",
        "broken_shape",
        Say("边界无效且无法修复；请重新绘制", "the shape is invalid and cannot be repaired; draw it again"),
    )


def _outside(at: int, datum: Datum) -> Remark:
    return Remark(
        at,
        SHAPE,
        "error",
        "out_of_range",
        Say(
            f"图形按 {datum.id} 不在中国范围内；请核对坐标系",
            f"as {datum.id} the shape lies outside China; check the coordinate system",
        ),
    )
