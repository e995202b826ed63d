"""Where a point lies: the district, its sub-districts, and points that stand on one another.

Polygons and points are CGCS2000 degrees (EPSG:4490). The tree is built on the polygons' side only
where they are few; prepared geometries are made per call and never shared between threads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from riskmap.coordinates import Datum, from_cgcs2000, metres, parse_datum, to_cgcs2000
from riskmap.errors import WorkspaceError

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
    names: Sequence[str | None], lon: ArrayLike, lat: ArrayLike, *, within_m: float = 30.0
) -> NDArray[np.bool_]:
    """Return which points share their name with another one at most `within_m` metres away."""
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    found = np.zeros(len(x), bool)
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if name:
            groups.setdefault(name, []).append(i)
    repeated = [rows for rows in groups.values() if len(rows) > 1]
    if not repeated or not np.isfinite(x).any():
        return found
    east, north = metres(x, y)
    for rows in repeated:
        located = np.array([i for i in rows if np.isfinite(east[i])], np.int64)
        if len(located) < 2:
            continue
        pairs = KDTree(np.column_stack((east[located], north[located]))).query_pairs(
            within_m, output_type="ndarray"
        )
        found[located[pairs.ravel()]] = True
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


def read_boundaries(path: Path, *, datum: str = "cgcs2000") -> dict[str, BaseGeometry]:
    """Return name → polygon from a GeoJSON file (degrees; `datum` wgs84, cgcs2000, gcj02 or bd09).

    Raises WorkspaceError naming the file when it is absent, not GeoJSON, or holds no polygon.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise WorkspaceError(
            f"{path}：边界文件打不开；请检查 workspace.toml 中的路径",
            f"{path}: cannot open this boundary file; check the path in workspace.toml",
        ) from problem
    except ValueError as problem:
        raise WorkspaceError(
            f"{path}：不是 GeoJSON；请用 GIS 软件另存为 GeoJSON",
            f"{path}: not GeoJSON; save it as GeoJSON",
        ) from problem
    found: dict[str, BaseGeometry] = {}
    features = document.get("features", []) if isinstance(document, dict) else []
    for i, feature in enumerate(features):
        geometry = shape(feature["geometry"]) if feature.get("geometry") else None
        if geometry is None or geometry.geom_type not in {"Polygon", "MultiPolygon"}:
            continue
        properties = feature.get("properties") or {}
        name = next((str(properties[k]) for k in _NAME_KEYS if properties.get(k)), f"#{i + 1}")
        clean = shapely.make_valid(shapely.force_2d(geometry))
        found[name] = shapely.union(found[name], clean) if name in found else clean
    if not found:
        raise WorkspaceError(
            f"{path}：没有面要素；边界文件应包含 Polygon 或 MultiPolygon",
            f"{path}: holds no polygon; a boundary file needs Polygon or MultiPolygon features",
        )
    source = parse_datum(datum)
    if source.id in {"wgs84", "cgcs2000"}:
        return found
    return {name: _shift(polygon, source) for name, polygon in found.items()}


def _shift(polygon: BaseGeometry, source: Datum) -> BaseGeometry:
    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_cgcs2000(xy[:, 0], xy[:, 1], source))

    return shapely.transform(polygon, move)
