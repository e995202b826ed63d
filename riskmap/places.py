"""Where a point lies: the district, its sub-districts, and points that stand on one another.

Polygons and points are CGCS2000 degrees (EPSG:4490). Prepared geometries are made per call and
never shared between threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from riskmap.coordinates import CHINA, Datum, from_cgcs2000, metres, parse_datum, to_cgcs2000
from riskmap.errors import Say, WorkspaceError

Bools = NDArray[np.bool_]

DUPLICATE_M: Final = 30.0
_IN_WORKSPACE: Final = Say("workspace.toml 中", "in workspace.toml")
_NAME_KEYS = ("name", "名称", "街道", "subdistrict", "NAME", "Name", "街道名称", "乡镇", "区划名称")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The district and its sub-districts.

    `names[i]` is the name of `polygons[i]`; `district` covers them all. `source` says where they
    came from (shown where a flag is explained).
    """

    district: BaseGeometry
    names: tuple[str, ...] = ()
    polygons: tuple[BaseGeometry, ...] = ()
    source: str = ""
    _index: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        district: BaseGeometry,
        subdistricts: Mapping[str, BaseGeometry] | None = None,
        *,
        source: str = "",
    ) -> Places:
        """Return the places made of one district polygon and named sub-district polygons."""
        named = dict(subdistricts or {})
        names = tuple(named)
        return cls(district, names, tuple(named.values()), source, {n: i for i, n in enumerate(names)})

    def index(self, name: str | None) -> int:
        """Return the index of a sub-district by name, −1 when it is not one of ours."""
        return self._index.get(name, -1) if name else -1

    def locate(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """Return the index of the sub-district that holds each point, −1 outside all or unlocated."""
        x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        found = np.full(len(x), -1, np.int32)
        for i, polygon in enumerate(self.polygons):
            found[_inside(polygon, x, y) & (found < 0)] = i
        return found

    def in_district(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each point lies in the district (border included); False where unlocated."""
        return _inside(self.district, np.asarray(lon, np.float64), np.asarray(lat, np.float64))


def _inside(polygon: BaseGeometry, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    west, south, east, north = polygon.bounds
    near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    inside = np.zeros(len(x), bool)
    if len(near):
        mine = shapely.from_wkb(shapely.to_wkb(polygon))  # a copy: preparing must not reach other threads
        shapely.prepare(mine)
        inside[near] = shapely.intersects_xy(mine, x[near], y[near])
    return inside


def duplicates(
    names: Sequence[str | None], lon: ArrayLike, lat: ArrayLike, *, within_m: float = DUPLICATE_M
) -> Bools:
    """Return which points share their name with another one at most `within_m` metres away."""
    number: dict[str, int] = {}
    group = np.fromiter(
        (number.setdefault(n, len(number)) if n else -1 for n in names), np.int64, count=len(names)
    )
    return near_duplicates(group, lon, lat, within_m=within_m)


def near_duplicates(
    group: NDArray[np.integer], lon: ArrayLike, lat: ArrayLike, *, within_m: float = DUPLICATE_M
) -> Bools:
    """Return which points are at most `within_m` metres from another one of their group (−1: none).

    Points are put into cells whose diagonal is `within_m`, so two in one cell are near, and only a
    point that is alone in its cell has to look into the cells around. Time is linear however large
    a group is.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    found = np.zeros(len(x), bool)
    used = (group >= 0) & np.isfinite(x) & np.isfinite(y)
    often = np.bincount(group[used], minlength=int(group.max(initial=-1)) + 2) > 1
    rows = np.flatnonzero(used & often[group])
    if len(rows):
        east, north = metres(x[rows], y[rows], around=float(np.mean(x[np.isfinite(x)])))
        fine = np.isfinite(east) & np.isfinite(north)
        rows, east, north = rows[fine], east[fine], north[fine]
        found[rows[_near(group[rows].astype(np.int64), east, north, within_m)]] = True
    return found


def _near(
    group: NDArray[np.int64], east: NDArray[np.float64], north: NDArray[np.float64], within: float
) -> Bools:
    if not len(group):
        return np.zeros(0, bool)
    side = within / np.sqrt(2.0) * (1.0 - 1e-9)
    gx, gy = (_close_up(np.floor(v / side).astype(np.int64)) for v in (east, north))
    wide, high = int(gx.max()) + 3, int(gy.max()) + 3
    key = (group * wide + gx) * high + gy
    order = np.argsort(key, kind="stable")
    return _scan(key[order], order, (east, north), within, high)


def _close_up(axis: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the used columns of a grid from 2 on; a gap stays wide enough to part its sides."""
    used, inverse = np.unique(axis, return_inverse=True)
    steps = np.minimum(np.diff(used, prepend=used[0] - 2), 3)
    return np.cumsum(steps)[inverse]


def _scan(
    key: NDArray[np.int64],
    order: NDArray[np.int64],
    position: tuple[NDArray[np.float64], NDArray[np.float64]],
    within: float,
    high: int,
) -> Bools:
    """`key` ascending, `order` the row of each key, `high` what one step to the east adds to a key."""
    east, north = position
    found = np.zeros(len(key), bool)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    size = np.diff(np.append(first, len(key)))
    found[order[np.repeat(size > 1, size)]] = True
    alone = first[size == 1]
    for dx in range(-2, 3):
        for dy in range(-2, 3):
            if dx or dy:
                near = key[alone] + dx * high + dy
                lo, hi = np.searchsorted(key, near), np.searchsorted(key, near, side="right")
                n = hi - lo
                a = np.repeat(order[alone], n)
                b = order[np.repeat(lo - np.cumsum(n) + n, n) + np.arange(n.sum())]
                close = np.hypot(east[a] - east[b], north[a] - north[b]) <= within
                found[a[close]] = True
                found[b[close]] = True
    return found


def fitting_datum(lon: ArrayLike, lat: ArrayLike, declared: Datum, places: Places) -> str | None:
    """Return the datum id that would bring most points into the district when the declared one does not.

    `lon`, `lat` are CGCS2000 degrees as the declared datum made them. None when the declared one
    serves at least as well as any other, or when fewer than half would lie inside either way.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    located = np.isfinite(x) & np.isfinite(y)
    if not located.any() or declared.kind != "geographic":
        return None
    x, y = x[located], y[located]
    raw_x, raw_y = _as_written(x, y, declared)
    share = {declared.id: float(places.in_district(x, y).mean())}
    for other in ("cgcs2000", "gcj02", "bd09"):
        if other != declared.id and not {other, declared.id} <= {"wgs84", "cgcs2000"}:
            share[other] = float(places.in_district(*to_cgcs2000(raw_x, raw_y, parse_datum(other))).mean())
    best = max(share, key=lambda key: share[key])
    worth = share[best] >= 0.5 and share[best] > share[declared.id] + 0.05
    return best if best != declared.id and worth else None


def _as_written(
    x: NDArray[np.float64], y: NDArray[np.float64], declared: Datum
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return from_cgcs2000(x, y, declared)


def read_boundaries(
    path: Path, *, datum: str = "cgcs2000", named: Say = _IN_WORKSPACE
) -> dict[str, BaseGeometry]:
    """Return name → polygon from a GeoJSON file: a collection, one feature or a bare polygon.

    `datum` holds where the file has no `crs` member; `named` says where the path was given, for the
    remedy. Raises WorkspaceError naming the file when it
    is absent, not GeoJSON, holds no polygon, or its numbers are no degrees in China.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise WorkspaceError(
            f"{path}：边界文件打不开；请检查 {named.zh}的路径",
            f"{path}: cannot open this boundary file; check the path {named.en}",
        ) from problem
    except ValueError as problem:
        raise WorkspaceError(
            f"{path}：不是 GeoJSON；请用 GIS 软件另存为 GeoJSON",
            f"{path}: not GeoJSON; save it as GeoJSON",
        ) from problem
    found: dict[str, BaseGeometry] = {}
    try:
        source = parse_datum(_crs_member(document) or datum)
        for i, feature in enumerate(_features(document)):
            geometry = shape(feature["geometry"]) if feature.get("geometry") else None
            if geometry is None or geometry.geom_type not in {"Polygon", "MultiPolygon"}:
                continue
            properties = feature.get("properties") or {}
            name = next((str(properties[k]) for k in _NAME_KEYS if properties.get(k)), f"#{i + 1}")
            clean = shapely.make_valid(shapely.force_2d(geometry))
            if source.id not in {"wgs84", "cgcs2000"}:
                clean = _shift(clean, source)
            found[name] = shapely.union(found[name], clean) if name in found else clean
    except (TypeError, KeyError, AttributeError, ValueError, shapely.errors.ShapelyError) as problem:
        raise WorkspaceError(
            f"{path}：GeoJSON 的要素写法有误；请用 GIS 软件重新导出",
            f"{path}: its features are not written as GeoJSON asks; export it again",
        ) from problem
    if not found:
        raise WorkspaceError(
            f"{path}：没有面要素；边界文件应包含 Polygon 或 MultiPolygon",
            f"{path}: holds no polygon; a boundary file needs Polygon or MultiPolygon features",
        )
    west, south, east, north = shapely.total_bounds(list(found.values())).tolist()
    if not (CHINA[0] <= west <= east <= CHINA[2] and CHINA[1] <= south <= north <= CHINA[3]):
        raise WorkspaceError(
            f"{path}：面不在中国范围内（{west:g}, {south:g}）；请导出为经纬度的 GeoJSON",
            f"{path}: its polygons lie outside China ({west:g}, {south:g}); export them in degrees",
        )
    return found


def _features(document: Any) -> list[Any]:
    match document:
        case {"type": "FeatureCollection", "features": list(features)}:
            return features
        case {"type": "Feature"}:
            return [document]
        case {"type": "Polygon" | "MultiPolygon"}:
            return [{"geometry": document}]
        case _:
            return []


def _crs_member(document: Any) -> str | None:
    """Return EPSG:n where a GeoJSON names its system, as GIS programs still do."""
    match document:
        case {"crs": {"properties": {"name": str(name)}}}:
            code = re.search(r"EPSG:+(\d+)", name)
            return f"EPSG:{code[1]}" if code else None
        case _:
            return None


def _shift(polygon: BaseGeometry, source: Datum) -> BaseGeometry:
    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_cgcs2000(xy[:, 0], xy[:, 1], source))

    return shapely.transform(polygon, move)
