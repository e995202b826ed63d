"""An issued forecast as a table, and the table of nodes that `riskmap wind` takes as it is (`tracks.toml`).

IBTrACS (CSV): the full file with its line of units, or a few of its columns.

Where a storm has USA_WIND, that agency's wind (1 minute), pressure and radii are taken, else the WMO
columns: 10 minutes, but 1 minute where an American agency is the basin's. Positions are LAT and LON.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.errors import RiskmapError
from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.io.readers.tracks.nodes import (
    NAN,
    NODE_COLUMNS,
    TrackNode,
    bracketed,
    normal,
    number,
    one_averaging,
    parse_time,
    radius_column,
    refused,
    track_of,
)
from riskmap.io.tables.declared import DeclaredTable, declaration, read
from riskmap.units import convertible
from riskmap.values.hazards import Track
from riskmap.values.records import Cell

_TEXTS: Final = ("name", "member", "time", "issued", "centre_lat", "centre_lon")


_MINUTES: Final = re.compile(r"^(\d+)\s*[-_]?\s*(?:分钟|分|min|mins|minute|minutes|m)?(?:平均|mean)?$")


def read_table(path: Path, *, zone: str = "") -> tuple[Track, ...]:
    """Return the track of an issued forecast or of a table of nodes, or those of its members (`tracks.toml`).

    `zone` holds for times where nothing in the file states theirs. Errors as `riskmap.io.tables.declared.read`.
    """
    table = read(path, declaration("tracks"), units={"time": zone, "issued": zone})
    cells = {name: table.columns.get(name) or [None] * len(table.row) for name in _TEXTS}
    groups: dict[tuple[Cell, Cell], list[int]] = {}
    for i, key in enumerate(zip(cells["name"], cells["member"], strict=True)):
        groups.setdefault(key, []).append(i)
    nodes = _nodes(path, table, cells)
    source = "nodes" if {normal(h) for h in table.headers.values()} >= NODE_COLUMNS else "bulletin"
    minutes = np.where(
        np.isnan(stated := table.numbers("averaging")), _minutes_of(table.headers.get("wind", "")), stated
    )
    return tuple(
        track_of(
            path,
            [nodes[i] for i in rows],
            name=str(name or path.stem),
            source=source,
            averaging=one_averaging(path, [(table.row[i], float(minutes[i])) for i in rows]),
            issued=min((_moment(cells["issued"][i]) for i in rows if cells["issued"][i]), default=None),
            member=str(member or ""),
        )
        for (name, member), rows in groups.items()
    )


def _nodes(path: Path, table: DeclaredTable, cells: Mapping[str, Sequence[Cell]]) -> list[TrackNode]:
    found = {
        name: table.numbers(name).tolist() for name in ("lead", "wind", "pressure", "environment", "rmw")
    }
    radii = [(r, _factor(path, h), h) for h in table.others if (r := radius_column(h)) is not None]
    nodes: list[TrackNode] = []
    for i, row in enumerate(table.row):
        lat, lon = (
            number(path, row, name, _position(str(cells[f"centre_{name}"][i]))) for name in ("lat", "lon")
        )
        at, issued = cells["time"][i], cells["issued"][i]
        if at is None and (issued is None or math.isnan(found["lead"][i])):
            raise refused(
                path,
                row,
                "没有时间，也换算不成时间；请写明起报时间（# 起报时间: 2024-09-05 08:00）和时效小时数",
                "it gives no time; state when it was issued (# issued: 2024-09-05 08:00) and the hours of lead",
            )
        hours = np.timedelta64(0 if at is not None else round(found["lead"][i] * 3600), "s")
        four: dict[float, list[float]] = {}
        for (speed, quadrant), factor, header in radii:
            here = four.setdefault(speed, [NAN] * 4)
            for q, value in enumerate(_radii(path, row, header, table.others[header][i] or "")):
                if quadrant in {None, q} and not math.isnan(value):
                    here[q] = value * factor
        nodes.append(
            TrackNode(
                row,
                _moment(issued if at is None else at) + hours,
                lat,
                lon,
                wind=found["wind"][i],
                pressure=found["pressure"][i],
                environment=found["environment"][i],
                radius=found["rmw"][i],
                radii={speed: (f[0], f[1], f[2], f[3]) for speed, f in four.items()},
            )
        )
    return nodes


def _moment(cell: Cell) -> np.datetime64:
    return np.datetime64(str(cell), "s")


def _factor(path: Path, header: str) -> float:
    """Return how many kilometres the unit of a column of radii is; a bracket may also name the quadrant."""
    tail = normal(header).rpartition("_")[2]
    words = [w for w in bracketed(header) if w and radius_column(f"r7_{w}") is None]
    unit = next(iter(words), tail if tail in {"nm", "nmi"} else "km")
    factor = convertible(unit, "km")
    if factor is None:
        raise RiskmapError(
            f"{path} › 表头 {header!r}：单位 {unit!r} 看不懂；可用 km、海里",
            f"{path} › header {header!r}: unknown unit {unit!r}; write km or nm",
        )
    return float(factor)


def _minutes_of(header: str) -> float:
    """Return over how many minutes a header says that its wind is taken: 最大风速(m/s,2分钟) → 2; NaN if none."""
    found = next(filter(None, map(_MINUTES.match, bracketed(header))), None)
    return float(found[1]) if found else NAN


def _radii(path: Path, line: int, header: str, text: str) -> tuple[float, float, float, float]:
    """Return the four radii that a cell gives: one number for all, or four (NE|SE|SW|NW) with | or / between."""
    parts = re.split(r"[|/;]", text) if re.search(r"[|/;]\s*\d", text) else [text] * 4
    if len(parts) != 4:  # noqa: PLR2004
        raise refused(
            path,
            line,
            f"{header} › {text!r}：应为一个数，或东北|东南|西南|西北四个数",
            f"{header} › {text!r}: expected one number, or four (NE|SE|SW|NW)",
        )
    ne, se, sw, nw = (number(path, line, header, p.strip()) for p in parts)
    return ne, se, sw, nw


def _position(text: str) -> str:
    """Return a coordinate without its letters: 22.5N → 22.5, 113.9°E → 113.9, 10S → −10."""
    found = re.match(r"^([\d.]+)\s*°?\s*([NSEW])$", text.upper())
    return text if found is None else ("-" if found[2] in "SW" else "") + found[1]


_RADII: Final = (34, 50, 64)


_QUADRANTS: Final = ("ne", "se", "sw", "nw")


_ONE_MINUTE: Final = ("hurdat", "cphc", "nhc", "atcf")


_UNNAMED: Final = {"", "not_named", "unnamed"}


def read_ibtracs(path: Path, text: str) -> tuple[Track, ...]:
    """Return one track per storm, in the order of the file."""
    lines = csv.reader(io.StringIO(text, newline=""))
    header = [normal(name) for name in next(lines)]
    lacking = [name for name in ("sid", "iso_time", "lat", "lon") if name not in header]
    if lacking or not {"wmo_wind", "wmo_pres", "usa_wind", "usa_pres"} & set(header):
        what = ", ".join(name.upper() for name in lacking) or "WMO_WIND, WMO_PRES"
        raise refused(path, 1, f"缺少 {what} 列", f"no column {what}")
    storms: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for cells in lines:
        row = dict(zip(header, (*map(str.strip, cells), *[""] * len(header)), strict=False))
        if (
            not row["sid"]
            or row["lat"].lower().startswith("degree")
            or row.get("track_type", "").startswith("spur")
        ):
            continue  # the line of units; a branch beside the main track
        storms.setdefault(row["sid"], []).append((lines.line_num, row))
    if not storms:
        raise refused(path, 1, "没有路径点；每个时次写一行", "no node; write one line a time")
    return tuple(_ibtracs_track(path, sid, rows) for sid, rows in storms.items())


def _ibtracs_track(path: Path, sid: str, rows: Sequence[tuple[int, Mapping[str, str]]]) -> Track:
    american = any(row.get("usa_wind") for _, row in rows)
    nodes = [_ibtracs_node(path, line, row, american=american) for line, row in rows]
    averaging = 1.0
    if not american:
        averaging = one_averaging(
            path, [(line, _minutes(row)) for line, row in rows if row.get("wmo_wind")] or [(rows[0][0], 10.0)]
        )
    named = [row.get("name", "") for _, row in rows if row.get("name", "").lower() not in _UNNAMED]
    name = named[-1] if named else sid
    return track_of(path, nodes, name=name, source="ibtracs", averaging=averaging)


def _minutes(row: Mapping[str, str]) -> float:
    return 1.0 if row.get("wmo_agency", "").lower().startswith(_ONE_MINUTE) else 10.0


def _ibtracs_node(path: Path, line: int, row: Mapping[str, str], *, american: bool) -> TrackNode:
    def cell(name: str, factor: float = 1.0, *, least: float = 0.0) -> float:
        value = number(path, line, name.upper(), row.get(name, "")) * factor
        return NAN if value < least else value  # −999 and the like: not stated

    agency = "usa" if american else "wmo"
    wind = cell(f"{agency}_wind", KNOT)
    pressure = cell(f"{agency}_pres", least=1.0)
    radii = {
        kt * KNOT: _four([cell(f"usa_r{kt}_{q}", NAUTICAL_MILE) for q in _QUADRANTS], known=wind)
        for kt in _RADII
        if american and any(row.get(f"usa_r{kt}_{q}") for q in _QUADRANTS)
    }
    lat, lon = (number(path, line, name.upper(), row[name]) for name in ("lat", "lon"))
    return TrackNode(
        line,
        parse_time(path, line, row["iso_time"], "utc"),
        lat,
        lon,
        wind=NAN if wind == 0 else wind,
        pressure=cell("wmo_pres", least=1.0) if math.isnan(pressure) else pressure,
        environment=cell("usa_poci", least=1.0) if american else NAN,
        radius=cell("usa_rmw", NAUTICAL_MILE, least=1.0) if american else NAN,
        radii=radii,
    )


def _four(radii: Sequence[float], *, known: float) -> tuple[float, float, float, float]:
    """Return the radii; a blank beside stated ones means that the wind is not reached there."""
    ne, se, sw, nw = (0.0 if math.isnan(r) and not math.isnan(known) else r for r in radii)
    return ne, se, sw, nw
