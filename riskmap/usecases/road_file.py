"""Road files: GeoJSON lines, or a CSV of edges with the positions of both ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.coordinates import CHINA, Datum, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, UnreadableFileError
from riskmap.intake.plain_files import text_of
from riskmap.prepare.roads import Roads, roads_of_edges, roads_of_lines

Floats = NDArray[np.float64]

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "from_lon": ("from_lon", "lon1", "x1", "起点经度"),
    "from_lat": ("from_lat", "lat1", "y1", "起点纬度"),
    "to_lon": ("to_lon", "lon2", "x2", "终点经度"),
    "to_lat": ("to_lat", "lat2", "y2", "终点纬度"),
    "metres": ("metres", "length", "length_m", "长度", "长度(m)", "路段长度"),
}
_LARGEST: Final = 200 << 20  # bytes; the roads of a district take some tens of millions


def read_roads(path: Path, *, crs: str | None) -> Roads:
    """Return the road graph of a file: GeoJSON LineStrings, or a CSV (UTF-8 or GB18030) of edges.

    A CSV has the columns from_lon, from_lat, to_lon, to_lat (起点经度 …) and, optional, metres (长度). Lines
    join where their vertices coincide. UnreadableFileError names file, line, find and remedy; DatumError
    where no coordinate system is declared.
    """
    text, edges = text_of(path, _LARGEST), path.suffix.lower() == ".csv"
    roads = _of_csv(text, path, _datum(crs, path)) if edges else _of_geojson(text, path, crs)
    if not len(roads.start):
        raise UnreadableFileError(
            f"{path.name}：没有一段道路；请用 GIS 软件把道路中心线存为 GeoJSON",
            f"{path.name}: no road in it; save the centre lines as GeoJSON",
        )
    return roads


def _datum(crs: str | None, path: Path) -> Datum:
    if crs is None:
        raise DatumError(
            f"{path.name}：没有声明坐标系；请加 --crs，如 --crs wgs84",
            f"{path.name}: no coordinate system; add --crs, such as --crs wgs84",
        )
    return parse_datum(crs)


def _of_csv(text: str, path: Path, datum: Datum) -> Roads:
    reader = csv.DictReader(io.StringIO(text))
    headers = {(h or "").strip().lower(): h for h in reader.fieldnames or ()}
    column = {key: next((headers[a] for a in names if a in headers), None) for key, names in _COLUMNS.items()}
    missing = [key for key, header in column.items() if header is None and key != "metres"]
    if missing:
        raise UnreadableFileError(
            f"{path.name}：缺少列 {'、'.join(missing)}；需要起点经度、起点纬度、终点经度、终点纬度",
            f"{path.name}: no column {', '.join(missing)}; from_lon from_lat to_lon to_lat are needed",
        )
    rows: list[list[float]] = []
    for line, cells in enumerate(reader, start=2):
        rows.append([_number(cells, column[key], key, path, line) for key in _COLUMNS])
    found = np.array(rows, np.float64).reshape(-1, len(_COLUMNS))
    start = _cgcs(found[:, 0], found[:, 1], datum, path)
    return roads_of_edges(start, _cgcs(found[:, 2], found[:, 3], datum, path), found[:, 4])


def _number(cells: Mapping[str, str | None], header: str | None, key: str, path: Path, line: int) -> float:
    text = (cells.get(header) or "").strip() if header else ""
    if key == "metres" and not text:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value) or (key == "metres" and value < 0):
        raise UnreadableFileError(
            f"{path.name} › 第 {line} 行 › {header}：{text!r} 不是数；请改正",
            f"{path.name} › line {line} › {header}: {text!r} is no such number; correct it",
        )
    return value


def _of_geojson(text: str, path: Path, crs: str | None) -> Roads:
    try:
        document: Any = json.loads(text)
        stated = (document.get("crs") or {}).get("properties", {}).get("name")
        geometries = [f["geometry"] for f in document["features"] if f.get("geometry")]
        lines: list[Any] = []
        for one in geometries:
            if one["type"] == "LineString":
                lines.append(one["coordinates"])
            elif one["type"] == "MultiLineString":
                lines.extend(one["coordinates"])
        arrays = [np.array([xy[:2] for xy in line], np.float64) for line in lines if len(line) > 1]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as problem:
        raise UnreadableFileError(
            f"{path.name}：不是线要素的 GeoJSON；请用 GIS 软件把道路存为 GeoJSON，或用 CSV（起点经度 …）",
            f"{path.name}: not GeoJSON of lines; save the roads as GeoJSON, or as a CSV of edges",
        ) from problem
    datum = _datum(_named(stated) or crs or "wgs84", path)  # GeoJSON is WGS84 unless it says otherwise
    return roads_of_lines([_cgcs(line[:, 0], line[:, 1], datum, path) for line in arrays])


def _named(crs: object) -> str | None:
    """Return the coordinate system of a GeoJSON `crs` member: CRS84 is WGS84, the rest end in a code."""
    if not isinstance(crs, str):
        return None
    code = crs.rsplit(":", 1)[-1]
    return "wgs84" if code.upper() == "CRS84" else f"EPSG:{code}"


def _cgcs(x: Floats, y: Floats, datum: Datum, path: Path) -> Floats:
    lon, lat = to_cgcs2000(x, y, datum)
    west, south, east, north = CHINA
    if not bool(((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)).all()):
        raise DatumError(
            f"{path.name}：有道路不在中国范围内；请核对坐标系（现为 {datum.id}）和经纬度的顺序",
            f"{path.name}: a road lies outside China; check the coordinate system ({datum.id}) and the order of lon and lat",
        )
    return np.column_stack([lon, lat])
