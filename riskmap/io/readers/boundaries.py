"""The district's boundaries as a GeoJSON file states them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from riskmap.coordinates import Datum, are_degrees, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, Text, WorkspaceError

_IN_WORKSPACE: Final = Text("workspace.toml 中", "in workspace.toml")


_NAME_KEYS = ("name", "名称", "街道", "subdistrict", "NAME", "Name", "街道名称", "乡镇", "区划名称")


def read_boundaries(
    path: Path, *, datum: str = "cgcs2000", named: Text = _IN_WORKSPACE
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
    except DatumError as problem:
        raise WorkspaceError(f"{path}：{problem.say.zh}", f"{path}: {problem.say.en}") from problem
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
    if not are_degrees(west, south, east, north):
        raise WorkspaceError(
            f"{path}：面的坐标不是经度、纬度（{west:g}, {south:g}）；请导出为经纬度的 GeoJSON",
            f"{path}: its polygons are not in longitudes and latitudes ({west:g}, {south:g}); export them in degrees",
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
