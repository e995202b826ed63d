"""IBTrACS (CSV): the full file with its line of units, or a few of its columns.

Where a storm has USA_WIND, that agency's wind (1 minute), pressure and radii are taken, else the WMO
columns: 10 minutes, but 1 minute where an American agency is the basin's. Positions are LAT and LON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.hazards import Track
from riskmap.intake.tracks.names import normal
from riskmap.intake.tracks.nodes import NAN, Node, number, one_averaging, refused, track_of
from riskmap.intake.tracks.text import Table
from riskmap.intake.tracks.times import parse_time

_RADII: Final = (34, 50, 64)
_QUADRANTS: Final = ("ne", "se", "sw", "nw")
_ONE_MINUTE: Final = ("hurdat", "cphc", "nhc", "atcf")
_UNNAMED: Final = {"", "not_named", "unnamed"}


def read(path: Path, table: Table) -> tuple[Track, ...]:
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
    return tuple(_track(path, sid, rows) for sid, rows in storms.items())


def _track(path: Path, sid: str, rows: Sequence[tuple[int, Mapping[str, str]]]) -> Track:
    american = any(row.get("usa_wind") for _, row in rows)
    nodes = [_node(path, line, row, american=american) for line, row in rows]
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


def _node(path: Path, line: int, row: Mapping[str, str], *, american: bool) -> Node:
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
