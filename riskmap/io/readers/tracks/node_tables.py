"""An issued forecast as CSV, and the table of nodes that `riskmap wind` takes as it is.

IBTrACS (CSV): the full file with its line of units, or a few of its columns.

Where a storm has USA_WIND, that agency's wind (1 minute), pressure and radii are taken, else the WMO
columns: 10 minutes, but 1 minute where an American agency is the basin's. Positions are LAT and LON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.io.readers.tracks.nodes import (
    COLUMNS,
    NAN,
    UNITS,
    Node,
    Table,
    bracketed,
    normal,
    number,
    one_averaging,
    parse_time,
    radius_column,
    refused,
    track_of,
    zone_in_header,
)
from riskmap.moments import Zone, parse_zone
from riskmap.values.hazards import Track

_QUANTITY: Final[Mapping[str, str]] = {
    "wind": "wind", "pressure": "pressure", "environment": "pressure", "radius": "length",
}  # fmt: skip


_SUFFIXES: Final[Mapping[str, tuple[str, str]]] = {
    "_ms": ("wind", "m/s"), "_mps": ("wind", "m/s"), "_kt": ("wind", "kt"), "_kn": ("wind", "kt"), "_knots": ("wind", "kt"),
    "_kmh": ("wind", "km/h"), "_hpa": ("pressure", "hpa"), "_mb": ("pressure", "mb"), "_km": ("length", "km"),
    "_nm": ("length", "nm"), "_nmi": ("length", "nmi"),
}  # fmt: skip


_MINUTES: Final = re.compile(r"^(\d+)\s*[-_]?\s*(?:分钟|分|min|mins|minute|minutes|m)?(?:平均|mean)?$")


@dataclass(frozen=True, slots=True)
class _Column:
    place: int
    header: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class _Columns:
    known: Mapping[str, _Column]
    radii: Mapping[tuple[float, int | None], _Column]
    zone: Zone | None
    averaging: float


def looks_like_one(table: Table) -> bool:
    """Whether a table has columns of time (or hours of lead) and position under any of their names."""
    names = {_known(header)[0] for header in table.header}
    return {"lat", "lon"} <= names and bool({"time", "lead"} & names)


def read_bulletin(path: Path, table: Table) -> tuple[Track, ...]:
    """Return the track of an issued forecast, or those of its members; times are stated as Beijing time or UTC."""
    columns = _columns(path, table)
    groups: dict[tuple[str, str], list[tuple[int, Sequence[str]]]] = {}
    for line, cells in table.rows:
        key = _cell(columns, cells, "name"), _cell(columns, cells, "member")
        groups.setdefault(key, []).append((line, cells))
    if not groups:
        raise refused(path, table.line, "没有路径点；每个时次写一行", "no node; write one line a time")
    return tuple(
        _track(path, table, columns, rows, name=name or _stated(table, "name") or path.stem, member=member)
        for (name, member), rows in groups.items()
    )


def read_nodes(path: Path, table: Table) -> tuple[Track, ...]:
    """Return the track of a node table: times in UTC, m/s, hPa, km; averaging only where a column states it."""
    place = {normal(header): at for at, header in enumerate(table.header)}
    nodes: list[Node] = []
    averaging: list[tuple[int, float]] = []
    for line, cells in table.rows:
        row = {name: cells[at] if at < len(cells) else "" for name, at in place.items()}

        def of(name: str, line: int = line, row: Mapping[str, str] = row) -> float:
            return number(path, line, name, row.get(name, ""))

        averaging.append((line, of("averaging_minutes")))
        nodes.append(
            Node(
                line,
                parse_time(path, line, row["time"], "utc"),
                of("lat"),
                of("lon"),
                wind=of("max_wind_ms"),
                pressure=of("central_pressure_hpa"),
                environment=of("environmental_pressure_hpa"),
                radius=of("radius_max_wind_km"),
            )
        )
    minutes = one_averaging(path, averaging)
    return (track_of(path, nodes, name=path.stem, source="nodes", averaging=minutes, line=table.line),)


def _known(header: str) -> tuple[str | None, str]:
    """Return (column, unit in the name) of a header, (None, "") where it is none of ours."""
    name = normal(header)
    unit = ""
    for suffix, (quantity, word) in _SUFFIXES.items():
        bare = name.removesuffix(suffix)
        column = _alias(bare) if bare != name else None
        if column is not None and _QUANTITY.get(column) == quantity:
            return column, word
    for tail in ("_utc", "_bjt", "_z"):
        name = name.removesuffix(tail)
    if name in {"utc", "bjt", "北京时", "北京时间", "世界时"}:
        name = "time"
    return _alias(name), unit


def _alias(name: str) -> str | None:
    return next((column for column, names in COLUMNS.items() if name in names), None)


def _columns(path: Path, table: Table) -> _Columns:
    known: dict[str, _Column] = {}
    radii: dict[tuple[float, int | None], _Column] = {}
    zone = _stated_zone(path, table)
    averaging = _minutes_of(_stated(table, "averaging"))
    for place, header in enumerate(table.header):
        column, unit = _known(header)
        words = [word for word in bracketed(header) if word]
        if column is None and (radius := radius_column(header)) is not None:
            tail = "nm" if normal(header).endswith(("_nm", "_nmi")) else ""
            units = [tail] if tail else [w for w in words if radius_column(f"r7_{w}") is None]
            radii[radius] = _Column(place, header, _factor(path, table, header, "length", units))
            continue
        if column is None:
            continue
        if column in known:
            raise refused(
                path, table.line,
                f"表头 {header!r} 与 {known[column].header!r} 是同一列；请只留一列",
                f"the headers {header!r} and {known[column].header!r} are the same column; keep one",
            )  # fmt: skip
        factor = 1.0
        if column in _QUANTITY:
            minutes = [m for m in map(_minutes_of, words) if not math.isnan(m)]
            averaging = minutes[0] if column == "wind" and minutes else averaging
            rest = [word for word in words if math.isnan(_minutes_of(word))]
            factor = _factor(path, table, header, _QUANTITY[column], [unit] if unit else rest)
        if column == "time":
            stated = zone_in_header(header)
            zone = zone if stated is None else stated
        known[column] = _Column(place, header, factor)
    if not {"wind", "pressure"} & set(known):
        raise refused(
            path, table.line, "没有最大风速列，也没有中心气压列；至少要有一列",
            "neither a column of maximum wind nor one of central pressure; one is needed",
        )  # fmt: skip
    return _Columns(known, radii, zone, averaging)


def _factor(path: Path, table: Table, header: str, quantity: str, words: Sequence[str]) -> float:
    for word in words:
        if word in UNITS[quantity]:
            return UNITS[quantity][word]
        raise refused(
            path, table.line,
            f"表头 {header!r}：单位 {word!r} 看不懂；可用 {'、'.join(UNITS[quantity])}",
            f"header {header!r}: unknown unit {word!r}; one of {', '.join(UNITS[quantity])}",
        )  # fmt: skip
    return 1.0


def _stated(table: Table, column: str) -> str:
    """Return what a `# key: value` line says about a column, "" where none does."""
    return next((value for key, value in table.stated.items() if normal(key) in COLUMNS[column]), "")


def _stated_zone(path: Path, table: Table) -> Zone | None:
    words = _stated(table, "zone")
    return _zone(path, table.line, words) if words else None


def _zone(path: Path, line: int, words: str) -> Zone:
    found = parse_zone(words)
    if found is None:
        raise refused(
            path,
            line,
            f"时区 {words!r} 看不懂；请写“北京时”或“UTC”",
            f"unknown time zone {words!r}; write 北京时 (Beijing time) or UTC",
        )
    return found


def _minutes_of(words: str) -> float:
    found = _MINUTES.match(words.strip().lower())
    return float(found[1]) if found else NAN


def _cell(columns: _Columns, cells: Sequence[str], name: str) -> str:
    column = columns.known.get(name)
    return cells[column.place] if column is not None and column.place < len(cells) else ""


def _track(
    path: Path,
    table: Table,
    columns: _Columns,
    rows: Sequence[tuple[int, Sequence[str]]],
    *,
    name: str,
    member: str,
) -> Track:
    nodes: list[Node] = []
    minutes: list[tuple[int, float]] = []
    issued: list[np.datetime64] = []
    for line, cells in rows:
        said = _cell(columns, cells, "zone")
        zone = _zone(path, line, said) if said else columns.zone
        if when := _cell(columns, cells, "issued") or _stated(table, "issued"):
            issued.append(parse_time(path, line, when, zone))
        if "time" in columns.known:
            at = parse_time(path, line, _cell(columns, cells, "time"), zone)
        else:
            at = _after(path, line, issued[-1] if when else None, _cell(columns, cells, "lead"))
        spoken = _cell(columns, cells, "averaging")
        if spoken and math.isnan(_minutes_of(spoken)):
            raise refused(
                path,
                line,
                f"平均时段 {spoken!r} 看不懂；请写 1、2 或 10（分钟）",
                f"averaging time {spoken!r} cannot be understood; write 1, 2 or 10 (minutes)",
            )
        minutes.append((line, _minutes_of(spoken) if spoken else columns.averaging))
        nodes.append(_node(path, line, at, cells, columns))
    return track_of(
        path,
        nodes,
        name=name,
        source="bulletin",
        averaging=one_averaging(path, minutes),
        issued=min(issued) if issued else None,
        member=member,
        line=table.line,
    )


def _after(path: Path, line: int, issued: np.datetime64 | None, lead: str) -> np.datetime64:
    """Return the time so many hours after the issue; refused where either is not stated."""
    hours = number(path, line, "时效 lead", re.sub(r"\s*(?:h|hours?|小时|时)$", "", lead.lower()))
    if issued is None or math.isnan(hours):
        raise refused(
            path,
            line,
            f"时效 {lead!r} 换算不成时间；请写明起报时间（# 起报时间: 2024-09-05 08:00）和小时数",
            f"lead {lead!r} gives no time; state when it was issued (# issued: 2024-09-05 08:00) and the hours",
        )
    return issued + np.timedelta64(round(hours * 3600), "s")


def _node(path: Path, line: int, at: np.datetime64, cells: Sequence[str], columns: _Columns) -> Node:
    def of(name: str) -> float:
        column = columns.known.get(name)
        if column is None:
            return NAN
        return number(path, line, column.header, _position(name, _cell(columns, cells, name))) * column.factor

    radii: dict[float, list[float]] = {}
    for (speed, quadrant), column in columns.radii.items():
        text = cells[column.place] if column.place < len(cells) else ""
        four = radii.setdefault(speed, [NAN] * 4)
        for q, value in enumerate(_radii(path, line, column, text)):
            if quadrant in {None, q} and not math.isnan(value):
                four[q] = value
    return Node(
        line,
        at,
        of("lat"),
        of("lon"),
        wind=of("wind"),
        pressure=of("pressure"),
        environment=of("environment"),
        radius=of("radius"),
        radii={speed: (f[0], f[1], f[2], f[3]) for speed, f in radii.items()},
    )


def _radii(path: Path, line: int, column: _Column, text: str) -> tuple[float, float, float, float]:
    """Return the four radii that a cell gives: one number for all, or four (NE|SE|SW|NW) with | or / between."""
    parts = re.split(r"[|/;]", text) if re.search(r"[|/;]\s*\d", text) else [text] * 4
    if len(parts) != 4:  # noqa: PLR2004
        raise refused(
            path,
            line,
            f"{column.header} › {text!r}：应为一个数，或东北|东南|西南|西北四个数",
            f"{column.header} › {text!r}: expected one number, or four (NE|SE|SW|NW)",
        )
    ne, se, sw, nw = (number(path, line, column.header, p.strip()) * column.factor for p in parts)
    return ne, se, sw, nw


def _position(name: str, text: str) -> str:
    """Return a coordinate without its letters: 22.5N → 22.5, 113.9°E → 113.9, 10S → −10."""
    if name not in {"lat", "lon"}:
        return text
    found = re.match(r"^([\d.]+)\s*°?\s*([NSEW])$", text.upper())
    return text if found is None else ("-" if found[2] in "SW" else "") + found[1]


_RADII: Final = (34, 50, 64)


_QUADRANTS: Final = ("ne", "se", "sw", "nw")


_ONE_MINUTE: Final = ("hurdat", "cphc", "nhc", "atcf")


_UNNAMED: Final = {"", "not_named", "unnamed"}


def read_ibtracs(path: Path, table: Table) -> tuple[Track, ...]:
    """Return one track per storm, in the order of the file."""
    place = {normal(name): at for at, name in enumerate(table.header)}
    lacking = [name for name in ("sid", "iso_time", "lat", "lon") if name not in place]
    if lacking or not {"wmo_wind", "wmo_pres", "usa_wind", "usa_pres"} & set(place):
        what = ", ".join(name.upper() for name in lacking) or "WMO_WIND, WMO_PRES"
        raise refused(path, table.line, f"缺少 {what} 列", f"no column {what}")
    storms: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for line, cells in table.rows:
        row = {name: cells[at] if at < len(cells) else "" for name, at in place.items()}
        if (
            not row["sid"]
            or row["lat"].lower().startswith("degree")
            or row.get("track_type", "").startswith("spur")
        ):
            continue  # the line of units; a branch beside the main track
        storms.setdefault(row["sid"], []).append((line, row))
    if not storms:
        raise refused(path, table.line, "没有路径点；每个时次写一行", "no node; write one line a time")
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


def _ibtracs_node(path: Path, line: int, row: Mapping[str, str], *, american: bool) -> Node:
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
    return Node(
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
