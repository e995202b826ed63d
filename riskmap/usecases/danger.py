"""Which zones are in danger: codes of records, grids or communities, a table of zones, or a prepared scenario."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from riskmap.errors import RiskmapError, UnknownNameError
from riskmap.intake import read_file
from riskmap.prepare.people import Incomplete
from riskmap.prepare.zones import Zone
from riskmap.records import Records
from riskmap.usecases.people_table import table
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

_SHELTERS = "shelters"


@dataclass(frozen=True, slots=True)
class Danger:
    """The zones, the shelters that are in danger themselves (codes), and what could not be read."""

    zones: tuple[Zone, ...]
    shelters: tuple[str, ...] = ()
    incomplete: tuple[Incomplete, ...] = field(default_factory=tuple)


def danger_zones(
    ws: Workspace,
    danger: Sequence[str] | Path,
    *,
    radius: float | None = None,
    crs: str | None = None,
) -> Danger:
    """Return the zones that `danger` names: codes ("S001", "slopes:S001"), or a file.

    A code of the ledger brings its record's polygon, or its position with `radius` metres where that
    is stated; any other code is a zone by name: a grid, a community, a zone of the table of people. A
    file is a table of zones, or the JSON of `riskmap prepare`, whose escalated records it means.
    """
    if not isinstance(danger, Path):
        return _by_code(ws, danger, radius)
    if danger.suffix.lower() == ".json":
        return _escalated(ws, danger, radius)
    intake = read_file(danger, table("zones"), datum=crs)
    left = tuple(
        Incomplete(row.code or f"{row.sheet} › {row.row}", "rejected", issue.message)
        for row in intake.rejected
        for issue in row.issues
        if issue.severity == "error"
    )
    return Danger(tuple(_declared(intake.records, radius)), incomplete=left)


def _by_code(ws: Workspace, codes: Sequence[str], radius: float | None) -> Danger:
    zones: list[Zone] = []
    shelters: list[str] = []
    for text in dict.fromkeys(code.strip() for code in codes if code.strip()):
        layer, _, code = text.rpartition(":")
        found = _records(ws, code, layer, radius)
        if layer and not found:
            raise UnknownNameError(
                f"--danger {text}：图层 {layer} 中没有编号 {code}；见 riskmap select {layer}",
                f"--danger {text}: the layer {layer} has no code {code}; see riskmap select {layer}",
            )
        if any(of == _SHELTERS for of, _ in found):
            shelters.append(code)
        zones += [zone for of, zone in found if of != _SHELTERS] or ([] if found else [Zone(code)])
    return Danger(tuple(zones), tuple(shelters))


def _records(ws: Workspace, code: str, layer: str, radius: float | None) -> list[tuple[str, Zone]]:
    """Return the records with this code, in one layer or in all."""
    snapshot = current_snapshot(ws)
    layers = [ws.catalog.layer(layer).id] if layer else list(snapshot.layers)
    found: list[tuple[str, Zone]] = []
    for each in layers:
        rows: Any = snapshot.table(each)
        codes: Any = rows["code"].combine_chunks()
        at = codes.index(code).as_py()
        if at < 0:
            continue
        row = rows.slice(at, 1).to_pylist()[0]
        shape = row.get("shape") if ws.catalog.layer(each).geometry == "polygon" else None
        found.append((each, Zone(code, _number(row["lon"]), _number(row["lat"]), _number(radius), shape)))
    return found


def _escalated(ws: Workspace, path: Path, radius: float | None) -> Danger:
    document = read_json(path)
    rows = document.get("escalations")
    try:
        codes = [f"{one['layer']}:{one['code']}" for one in rows or ()]
    except (TypeError, KeyError):
        rows = None
        codes = []
    if not isinstance(rows, list):
        raise RiskmapError(
            f"{path.name}：不是 riskmap prepare --json 的输出（没有 escalations）；面文件请用 .geojson 结尾",
            f"{path.name}: not what riskmap prepare --json prints (no escalations); polygons end in .geojson",
        )
    return _by_code(ws, codes, radius)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file. RiskmapError where there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise RiskmapError(
            f"{path}：读不出 JSON（{problem}）；请核对文件",
            f"{path}: no JSON can be read ({problem}); check the file",
        ) from problem
    return document if isinstance(document, dict) else {}


def _declared(records: Records, radius: float | None) -> list[Zone]:
    stated = records.values.get("radius_m", [None] * len(records))
    shapes = records.shapes or [None] * len(records)
    return [
        Zone(code, float(lon), float(lat), _number(own if own is not None else radius), shape)
        for code, lon, lat, own, shape in zip(
            records.code, records.lon, records.lat, stated, shapes, strict=True
        )
    ]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else float("nan")
