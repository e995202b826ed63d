"""Tables of people: persons, households, buildings or grids in any file that intake reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.catalog.layer_file import read_layer
from riskmap.errors import RiskmapError, Say, UnreadableFileError
from riskmap.intake import read_file
from riskmap.prepare.people import Declared, Incomplete
from riskmap.records import Intake, RejectedRow

_COARSER: Final = ("household", "building", "grid")  # what stands for a code where there is none finer
_NAMES: Final = ("zone", "grid", "community")
_POSITIONS: Final = frozenset({"longitude", "latitude", "position", "easting", "northing"})
_SPLIT: Final = re.compile(r"[、，,;；\n]+")
_WHOLE: Final = re.compile(r"\d+")

Floats = NDArray[np.float64]


@cache
def table(name: str) -> Layer:
    """Return the description of a table of `usecases/tables`."""
    text = resources.files("riskmap.usecases").joinpath(f"tables/{name}.toml").read_text(encoding="utf-8")
    return read_layer(text, f"{name}.toml")


def read_people(path: Path, *, crs: str | None) -> Intake:
    """Return groups of people from any file that intake reads: code, position, field `people` and what else
    `tables/people.toml` names. The code is the finest identifier that the file has.
    """
    finest: UnreadableFileError | None = None
    layer = table("people")
    for identifier in (None, *_COARSER):
        try:
            found = read_file(path, layer if identifier is None else _with_code(layer, identifier), datum=crs)
        except UnreadableFileError as problem:
            finest = finest or problem
            continue
        if any(h.target == "code" for sheet in found.sheets for h in sheet.headers):
            return found
    raise finest or RiskmapError(
        f"{path.name}：没有编号、户号、楼栋编号或网格编号一列；请补上一列",
        f"{path.name}: no column of codes, households, buildings or grids; add one",
    )


def _with_code(layer: Layer, identifier: str) -> Layer:
    """Return the layer whose code is one of its fields: household, building or grid."""
    field = layer.field(identifier)
    rest = tuple(f for f in layer.fields if f is not field)
    codes = (field.title.zh, *field.aliases, *layer.aliases.get("code", ()))
    return layer.model_copy(update={"fields": rest, "aliases": {**layer.aliases, "code": codes}})


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
    definition = table("people").field(field)
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
        Say(f"第 {row.row} 行未读入", f"row {row.row} was not read")
    ]
    zh, en = "；".join(e.zh for e in errors), "; ".join(e.en for e in errors)
    return Incomplete(row.code or f"{row.sheet} › {row.row}", kind, Say(zh, en))


def _texts(column: Sequence[object] | None, n: int) -> list[str | None]:
    return [str(v).strip() or None if isinstance(v, str) else None for v in column] if column else [None] * n


def _names(cells: Sequence[str | None]) -> tuple[str, ...]:
    parts = (part.strip() for cell in cells if cell for part in _SPLIT.split(cell))
    return tuple(dict.fromkeys(part for part in parts if part))


def _numbers(column: Sequence[object] | None, n: int) -> Floats:
    cells = column or [None] * n
    return np.array([v if isinstance(v, int | float) else np.nan for v in cells], dtype=np.float64)
