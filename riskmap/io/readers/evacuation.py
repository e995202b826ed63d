"""Tables of people: persons, households, buildings or grids in any file that intake reads.

Road files: GeoJSON lines, or a CSV of edges with the positions of both ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.coordinates import Datum, Region, are_degrees, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, Text, UnreadableFileError
from riskmap.interface import option
from riskmap.io.files.text_files import text_of
from riskmap.io.tables import read_file
from riskmap.io.tables.declared import declaration, read
from riskmap.values.evacuation import Declared, Incomplete, Roads, roads_of_edges, roads_of_lines
from riskmap.values.import_plan import Intake, RejectedRow

_NAMES: Final = ("zone", "grid", "community")


_POSITIONS: Final = frozenset({"longitude", "latitude", "position", "easting", "northing"})


_SPLIT: Final = re.compile(r"[、，,;；\n]+")


_WHOLE: Final = re.compile(r"\d+")


def read_people(
    path: Path,
    *,
    crs: str | None,
    region: Region = Region(),  # noqa: B008 - frozen
) -> Intake:
    """Return groups of people from any file that intake reads: code, position, `people` and the rest of `people.toml`.

    The code is the finest identifier that the file has. `region` and errors as `read_file`.
    """
    return read_file(path, declaration("people"), datum=crs, region=region)


def declared(intake: Intake) -> tuple[Declared, list[Incomplete]]:
    """Return the people that a table declares, and the rows of it that could not be read.

    Without any column of people, a row of a table of households is one person. A row that repeats a
    code adds the zones that it names; the larger number counts.
    """
    records = intake.records
    n = len(records)
    texts = {key: _texts(records.values.get(key), n) for key in ("household", *_NAMES)}
    zones = [_names([texts[key][i] for key in _NAMES]) for i in range(n)]
    if _header_of(intake, "code") & {*_headers("building"), *_headers("grid")}:
        zones = [_names([code, *mine]) for code, mine in zip(records.code, zones, strict=True)]
    named = [bool(texts["zone"][i]) for i in range(n)]
    people = _numbers(records.values.get("people"), n)
    persons = _rows_are_persons(intake)
    if persons:
        people = np.ones(n)
    row_of = {code: i for i, code in enumerate(records.code)}
    left: list[Incomplete] = []
    for row in intake.rejected:
        i = row_of.get(row.code or "")
        if i is None or {issue.rule for issue in row.issues if issue.severity == "error"} != {
            "duplicate_code"
        }:
            left.append(_rejected(row))
            continue
        cells = _targets(intake, row)
        zones[i] = tuple(dict.fromkeys((*zones[i], *_names([cells.get(key) for key in _NAMES]))))
        named[i] = named[i] or bool(cells.get("zone"))
        if persons:
            people[i] += 1
        elif _repeats_otherwise(cells.get("people"), people[i]):
            left.append(_rejected(row, "numbers"))
            stated = cells["people"]
            people[i] = np.fmax(people[i], float(stated)) if _WHOLE.fullmatch(stated) else people[i]
        elif cells.keys() & _POSITIONS and not _same_position(cells, intake, i):
            left.append(_rejected(row, "position"))
    found = Declared(
        records.code,
        texts["household"],
        records.lon,
        records.lat,
        people,
        zones,
        named,
        _numbers(records.values.get("needs_help"), n),
        _numbers(records.values.get("vehicles"), n),
        _numbers(records.values.get("beds"), n),
    )
    return found, left


def _rows_are_persons(intake: Intake) -> bool:
    """Whether a table has households and nowhere says how many people."""
    households = _header_of(intake, "household") or _header_of(intake, "code") & _headers("household")
    return bool(households) and not _header_of(intake, "people")


def _header_of(intake: Intake, target: str) -> set[str]:
    return {h.header for sheet in intake.sheets for h in sheet.headers if h.target == target}


def _headers(field: str) -> set[str]:
    definition = declaration("people").field(field)
    return {definition.title.zh, *definition.aliases}


def _same_position(cells: Mapping[str, str], intake: Intake, i: int) -> bool:
    """Whether a repeated row states, in the ledger's own datum, the position of the first."""
    try:
        lon, lat = float(cells["longitude"]), float(cells["latitude"])
    except (KeyError, ValueError):
        return False
    same = np.allclose([lon, lat], [intake.records.lon[i], intake.records.lat[i]], rtol=0, atol=1e-6)
    return bool(same) and intake.datum in {"cgcs2000", "wgs84"}


def _repeats_otherwise(text: str | None, people: float) -> bool:
    return bool(text) and not (_WHOLE.fullmatch(text or "") and float(text or 0) == people)


def _targets(intake: Intake, row: RejectedRow) -> Mapping[str, str]:
    """Return what a rejected row says, by the field that its header stands for."""
    sheet = next((s for s in intake.sheets if s.sheet == row.sheet), None)
    targets = {h.header: h.target for h in sheet.headers} if sheet else {}
    return {targets[header] or "": text.strip() for header, text in row.cells if text and header in targets}


def _rejected(row: RejectedRow, kind: str = "rejected") -> Incomplete:
    errors = [issue.message for issue in row.issues if issue.severity == "error"] or [
        Text(f"第 {row.row} 行未读入", f"row {row.row} was not read")
    ]
    zh, en = "；".join(e.zh for e in errors), "; ".join(e.en for e in errors)
    return Incomplete(row.code or f"{row.sheet} › {row.row}", kind, Text(zh, en))


def _texts(column: Sequence[object] | None, n: int) -> list[str | None]:
    return [str(v).strip() or None if isinstance(v, str) else None for v in column] if column else [None] * n


def _names(cells: Sequence[str | None]) -> tuple[str, ...]:
    parts = (part.strip() for cell in cells if cell for part in _SPLIT.split(cell))
    return tuple(dict.fromkeys(part for part in parts if part))


def _numbers(column: Sequence[object] | None, n: int) -> Floats:
    cells = column or [None] * n
    return np.array([v if isinstance(v, int | float) else np.nan for v in cells], dtype=np.float64)


_LARGEST: Final = 200 << 20  # bytes; the roads of a district take some tens of millions


def read_roads(
    path: Path,
    *,
    crs: str | None,
    region: Region = Region(),  # noqa: B008 - frozen
) -> Roads:
    """Return the road graph of a file: GeoJSON LineStrings, or a table of edges (CSV, workbook).

    `roads.toml` says how the columns of a table may be called. Lines join where their vertices coincide; what
    was turned or lies outside `region` is judged as in every table. TableFileError names every bad cell;
    DatumError where no coordinate system is declared.
    """
    if path.suffix.lower() in {".geojson", ".json"}:
        roads = _of_geojson(text_of(path, _LARGEST), path, crs)
    else:
        edges = read(path, declaration("roads"), datum=_datum(crs, path).id, region=region)
        start, end = (np.column_stack(edges.positions[each]) for each in ("from", "to"))
        roads = roads_of_edges(start, end, edges.numbers("metres"))
    if not len(roads.start):
        raise UnreadableFileError(
            f"{path.name}：没有一段道路；请用 GIS 软件把道路中心线存为 GeoJSON",
            f"{path.name}: no road in it; save the centre lines as GeoJSON",
        )
    return roads


def _datum(crs: str | None, path: Path) -> Datum:
    if crs is None:
        raise DatumError(
            f"{path.name}：没有声明坐标系；请加 {option('crs')}，如 {option('crs')} wgs84",
            f"{path.name}: no coordinate system; add {option('crs', 'en')}, such as {option('crs', 'en')} wgs84",
        )
    return parse_datum(crs)


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
    ends = [float(v) for v in (lon.min(), lat.min(), lon.max(), lat.max())]
    if not are_degrees(*ends):
        raise DatumError(
            f"{path.name}：有道路的坐标不是经度、纬度；请核对坐标系（现为 {datum.id}）和经纬度的顺序",
            f"{path.name}: a road is not in longitudes and latitudes; check the coordinate system ({datum.id}) and the order "
            "of lon and lat",
        )
    return np.column_stack([lon, lat])
