"""One table of one sheet → judged columns, positions, and the verdict on every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Field, Layer
from riskmap.coordinates import Datum
from riskmap.errors import Say
from riskmap.intake import columns as judging
from riskmap.intake import positions, shapes
from riskmap.intake.cells import judge_boolean, judge_code, judge_field, judge_phone, judge_text, shown
from riskmap.intake.columns import Column, Distinct, distinct
from riskmap.intake.headers import POSITION_TARGETS, SHAPE, Match
from riskmap.intake.layout import Header
from riskmap.intake.limits import Limits
from riskmap.intake.naming import Naming
from riskmap.intake.people import contacts_of
from riskmap.records import CLEAR, Contact, Issue

NAME_CHARS = 300
SHAPE_CHARS = 10_000_000
_NOT_FILLED = {"code", *POSITION_TARGETS, SHAPE, "version"}


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of one table: where they are, their cells, and what the surroundings say of them.

    `rows`: 0-based rows of `columns` that hold data; `first_number` is added for the row number.
    `subdistrict`: for every row, what a section, sheet name, title or file name says.
    """

    file: str
    sheet: str
    header: Header
    columns: Sequence[pa.ChunkedArray]
    rows: NDArray[np.int64]
    subdistrict: Sequence[str | None]
    merges: Sequence[tuple[int, int, int, int]] = ()
    shapes: pa.ChunkedArray | None = None

    def column(self, at: int, *, fill: bool = False) -> pa.ChunkedArray | pa.Array:
        """Return the data rows of a column; `fill` carries merged cells down."""
        column = self.columns[at]
        if fill and self.merges:
            column = self._filled(at, column)
        if len(self.rows) == len(column):
            return column
        return column.take(pa.array(self.rows))

    def _filled(self, at: int, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        ranges = [
            m
            for m in self.merges
            if m[1] <= at <= m[3] and m[2] > m[0] > self.header.last and m[2] < len(column)
        ]
        if not ranges:
            return column
        texts = column.to_pylist()
        for top, left, bottom, _ in ranges:
            value = self.columns[left][top].as_py()
            texts[top : bottom + 1] = [value] * (bottom + 1 - top)
        return pa.array(texts, pa.string())


@dataclass(slots=True)
class Part:
    """A table's rows as parallel columns, all rows of it, and what was said of each."""

    source: Source
    code: list[str | None]
    name: list[Any]
    subdistrict: list[Any]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    shapes: list[bytes | None] | None
    values: dict[str, list[Any]]
    checklist: list[tuple[bool | None, ...]] | None
    contacts: list[tuple[Contact, ...]] | None
    versions: list[int | None] | None
    issues: list[Issue] = field(default_factory=list)
    errors: dict[int, list[Issue]] = field(default_factory=dict)
    bad: dict[int, set[int]] = field(default_factory=dict)

    def number(self, row: int) -> int:
        """Return the 1-based number of a row in its sheet."""
        return int(self.source.rows[row]) + 1


class BlockReader:
    """Judges the tables of one file against one layer."""

    def __init__(self, layer: Layer, names: Naming, limits: Limits) -> None:
        self._layer = layer
        self._names = names
        self._limits = limits

    def read(self, source: Source, datum: Datum | None) -> Part:
        """Return the judged rows of one table. `datum` is None where it states no position."""
        targets = {m.target: m for m in source.header.matches if m.target}
        count = len(source.rows)
        part = Part(
            source=source,
            code=[None] * count,
            name=[None] * count,
            subdistrict=list(source.subdistrict),
            lon=np.full(count, np.nan),
            lat=np.full(count, np.nan),
            shapes=None if self._layer.geometry == "point" else [None] * count,
            values={},
            checklist=None,
            contacts=None,
            versions=None,
        )
        if not count:
            return part
        self._codes(part, targets.get("code"))
        if match := targets.get("name"):
            source_name = distinct(source.column(match.heading.column, fill=True))
            part.name = self._keep(
                part,
                match,
                judging.judged(
                    source_name, judge_text(NAME_CHARS), judging.plain_texts(source_name, NAME_CHARS)
                ),
            )
        if match := targets.get("subdistrict"):
            self._subdistricts(part, match)
        for item in self._layer.fields:
            if match := targets.get(item.id):
                part.values[item.id] = self._field(part, item, match)
        self._checklist(part, targets)
        self._contacts(part, targets)
        self._versions(part, targets.get("version"))
        if datum is not None:
            self._positions(part, targets, datum)
        return part

    def _keep(self, part: Part, match: Match, column: Column) -> list[Any]:
        for row, text, problem in column.remarks():
            say_of(part, row, match, problem.severity, problem.rule, problem.say, text)
        return column.values

    def _codes(self, part: Part, match: Match | None) -> None:
        if match is not None:
            source = distinct(part.source.column(match.heading.column))
            part.code = self._keep(
                part, match, judging.judged(source, judge_code, judging.plain_codes(source))
            )
        for row in range(len(part.code)):
            if part.code[row] is None and row not in part.errors:
                say_of(
                    part,
                    row,
                    match,
                    "error",
                    "missing_code",
                    Say("没有编号；请填写编号", "no code; write the code"),
                    None,
                    target="code",
                )

    def _field(self, part: Part, item: Field, match: Match) -> list[Any]:
        source = distinct(part.source.column(match.heading.column, fill=True))
        limit = self._limits.cell_chars
        known = None
        if item.type == "text":
            known = judging.plain_texts(source, limit)
        elif item.type in {"number", "integer"}:
            known = judging.plain_numbers(source, item, match.unit)
        judge = judge_field(item, header_unit=match.unit, text_limit=limit)
        return self._keep(part, match, judging.judged(source, judge, known))

    def _subdistricts(self, part: Part, match: Match) -> None:
        source = distinct(part.source.column(match.heading.column, fill=True))
        column = judging.judged(source, judge_text(100), judging.plain_texts(source, 100))
        values = self._keep(part, match, column)
        known: dict[str, tuple[str, bool]] = {}
        for row, value in enumerate(values):
            if not isinstance(value, str):
                part.subdistrict[row] = value if value is CLEAR else part.subdistrict[row]
                continue
            if value not in known:
                known[value] = self._names.canonical(value)
            name, ours = known[value]
            part.subdistrict[row] = name
            if not ours:
                say_of(
                    part,
                    row,
                    match,
                    "warning",
                    "unknown_subdistrict",
                    Say(
                        f"{shown(value)} 不是本区的街道，已按原文保留；请核对",
                        f"{shown(value)} is not a sub-district of this district and was kept as written; check it",
                    ),
                    value,
                )

    def _checklist(self, part: Part, targets: dict[str, Match]) -> None:
        if self._layer.checklist is None:
            return
        items = [targets.get(f"checklist:{item.id}") for item in self._layer.checklist.items]
        if not any(items):
            return
        count = len(part.code)
        answers: list[list[Any]] = []
        for match in items:
            if match is None:
                answers.append([None] * count)
                continue
            source = distinct(part.source.column(match.heading.column, fill=True))
            answers.append(self._keep(part, match, judging.judged(source, judge_boolean)))
        part.checklist = list(zip(*answers, strict=True))

    def _contacts(self, part: Part, targets: dict[str, Match]) -> None:
        columns: dict[tuple[str, str], list[Any]] = {}
        for role in self._layer.contacts:
            for piece in ("name", "phone", "post", "verified"):
                match = targets.get(f"contact:{role.id}:{piece}")
                if match is None:
                    continue
                source = distinct(part.source.column(match.heading.column, fill=True))
                if piece == "phone":
                    column = judging.judged(source, judge_phone, judging.plain_phones(source))
                elif piece == "verified":
                    date = Field(match.target or "", role.title, "date")
                    column = judging.judged(source, judge_field(date, header_unit="", text_limit=100))
                else:
                    column = judging.judged(source, judge_text(200), judging.plain_texts(source, 200))
                columns[role.id, piece] = self._without_clear(part, match, self._keep(part, match, column))
        if columns:
            part.contacts = contacts_of(self._layer.contacts, columns, len(part.code))

    @staticmethod
    def _without_clear(part: Part, match: Match, values: list[Any]) -> list[Any]:
        for row, value in enumerate(values):
            if value is CLEAR:
                values[row] = None
                say_of(
                    part,
                    row,
                    match,
                    "warning",
                    "cannot_clear",
                    Say(
                        "联系人不能用“清空”删除；请在该点的页面上修改",
                        "a contact cannot be cleared from a file; edit the record instead",
                    ),
                    "清空",
                )
        return values

    def _versions(self, part: Part, match: Match | None) -> None:
        if match is None:
            return
        texts = part.source.column(match.heading.column).to_pylist()
        part.versions = [None] * len(texts)
        for row, text in enumerate(texts):
            if not text:
                continue
            plain = text.removesuffix(".0")
            if plain.isascii() and plain.isdigit() and len(plain) < 12:  # noqa: PLR2004 - no such version
                part.versions[row] = int(plain)
            else:
                say_of(
                    part,
                    row,
                    match,
                    "warning",
                    "unreadable_version",
                    Say(
                        f"{shown(text)} 不是记录版本，已忽略；请勿改动该列",
                        f"{shown(text)} is not a record version and was ignored; leave that column alone",
                    ),
                    text,
                )

    def _positions(self, part: Part, targets: dict[str, Match], datum: Datum) -> None:
        if part.source.shapes is not None:
            self._geometry(part, targets, datum)
            return
        taken = np.zeros(len(part.code), bool)
        if part.shapes is not None and (match := targets.get(SHAPE)):
            taken = self._wkt(part, match, datum)
        stated = stated_positions(part.source, targets, datum)
        if stated is None:
            return
        stated.has_x &= ~taken
        stated.has_y &= ~taken
        placed = positions.place(stated, datum)
        self._placed(part, targets, placed, ~taken)

    def _geometry(self, part: Part, targets: dict[str, Match], datum: Datum) -> None:
        column = part.source.shapes
        assert column is not None  # noqa: S101 - the caller looked
        if len(part.source.rows) != len(column):
            column = column.take(pa.array(part.source.rows))
        found = shapes.from_wkb(column.to_pylist())
        if self._layer.geometry != "point":
            shaped = shapes.shape(found, datum, self._layer.geometry)
            part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
            self._remark(part, targets, shaped.remarks)
            return
        x, y, remarks = shapes.points_of(found)
        self._remark(part, targets, remarks)
        has = np.isfinite(x) | np.isfinite(y)
        text = [f"{a:.8g}, {b:.8g}" if h else None for a, b, h in zip(x, y, has, strict=True)]
        stated = positions.Stated(x, y, has, has.copy(), text, np.zeros(len(x), bool))
        self._placed(part, targets, positions.place(stated, datum), np.ones(len(x), bool))

    def _wkt(self, part: Part, match: Match, datum: Datum) -> NDArray[np.bool_]:
        texts = part.source.column(match.heading.column).to_pylist()
        found = shapes.from_wkt(texts)
        shaped = shapes.shape(found, datum, self._layer.geometry)
        part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
        shaped.remarks += [
            shapes.unreadable_text(i, text)
            for i, text in enumerate(texts)
            if text and found[i] is None and "EMPTY" not in text.upper()
        ]
        self._remark(part, {SHAPE: match}, shaped.remarks)
        return np.array([bool(t) for t in texts])

    def _placed(
        self, part: Part, targets: dict[str, Match], placed: positions.Placed, where: NDArray[np.bool_]
    ) -> None:
        part.lon, part.lat = np.where(where, placed.lon, part.lon), np.where(where, placed.lat, part.lat)
        self._remark(part, targets, placed.remarks)
        if positions.mostly_turned(placed):
            part.issues.append(
                Issue(
                    part.source.sheet,
                    None,
                    None,
                    "position",
                    None,
                    "warning",
                    "swapped_axes",
                    Say(
                        f"{part.source.file} › {part.source.sheet}：整列坐标填反了（经纬度或东北坐标），已全部对调；请核对表头",
                        f"{part.source.file} › {part.source.sheet}: the coordinate columns as a whole were the wrong way "
                        "round and were turned; check the header",
                    ),
                )
            )

    @staticmethod
    def _remark(part: Part, targets: dict[str, Match], remarks: Sequence[positions.Remark]) -> None:
        cells = [m for t, m in targets.items() if t in {*POSITION_TARGETS, SHAPE}]
        for remark in remarks:
            match = targets.get(remark.target) or next(iter(cells), None)
            say_of(
                part,
                remark.at,
                match,
                remark.severity,
                remark.rule,
                remark.say,
                remark.value,
                target=remark.target,
                also=cells if remark.severity == "error" else (),
            )


def say_of(
    part: Part,
    row: int,
    match: Match | None,
    severity: str,
    rule: str,
    say: Say,
    value: str | None,
    *,
    target: str | None = None,
    also: Sequence[Match] = (),
) -> None:
    """Write down an issue of one row, with its place in front of the find and the remedy."""
    source = part.source
    number = part.number(row)
    header = match.heading.text if match else (target or "")
    place = f"{source.file} › {source.sheet}"
    issue = Issue(
        source.sheet,
        number,
        part.code[row],
        target or (match.target if match else None),
        value,
        "error" if severity == "error" else "warning",
        rule,
        Say(f"{place} › 第 {number} 行 › {header}：{say.zh}", f"{place} › row {number} › {header}: {say.en}"),
    )
    part.issues.append(issue)
    if severity == "error":
        part.errors.setdefault(row, []).append(issue)
        bad = part.bad.setdefault(row, set())
        bad.update(m.heading.column for m in (match, *also) if m is not None)


def stated_positions(
    source: Source, targets: dict[str, Match], datum: Datum | None
) -> positions.Stated | None:
    """Return the positions that a table's cells state; the pair that suits the datum comes first."""
    pairs = [("longitude", "latitude"), ("easting", "northing")]
    if datum is not None and datum.kind == "projected":
        pairs.reverse()
    found: list[positions.Stated] = []
    for first, second in pairs:
        if first in targets or second in targets:
            found.append(_pair(source, targets.get(first), targets.get(second)))
    if match := targets.get("position"):
        found.append(_in_one_cell(source, match))
    if not found:
        return None
    best = found[0]
    for other in found[1:]:
        better = ((other.has_x & other.has_y) & ~(best.has_x & best.has_y)) | (
            (other.has_x | other.has_y) & ~(best.has_x | best.has_y)
        )
        best = positions.Stated(
            np.where(better, other.x, best.x),
            np.where(better, other.y, best.y),
            np.where(better, other.has_x, best.has_x),
            np.where(better, other.has_y, best.has_y),
            [o if b else t for o, t, b in zip(other.text, best.text, better, strict=True)],
            np.where(better, other.labelled, best.labelled),
        )
    return best


def _pair(source: Source, first: Match | None, second: Match | None) -> positions.Stated:
    count = len(source.rows)

    def one(match: Match | None) -> tuple[NDArray[np.float64], NDArray[np.bool_], Distinct | None]:
        if match is None:
            return np.full(count, np.nan), np.zeros(count, bool), None
        cells = distinct(source.column(match.heading.column))
        return *judging.numbers(cells, positions.parse_number), cells

    x, has_x, x_cells = one(first)
    y, has_y, y_cells = one(second)
    labelled = np.zeros(count, bool)
    x_text = x_cells.spread(x_cells.texts.to_pylist()) if x_cells else [None] * count
    y_text = y_cells.spread(y_cells.texts.to_pylist()) if y_cells else [None] * count
    # Both numbers in one of the two cells: the other is empty or repeats it.
    for i in np.flatnonzero((has_x & np.isnan(x)) | (has_y & np.isnan(y))):
        texts = {t for t, h in ((x_text[i], has_x[i]), (y_text[i], has_y[i])) if h}
        pair = positions.parse_pair(str(texts.pop())) if len(texts) == 1 else None
        if pair:
            x[i], y[i], labelled[i] = pair
            has_x[i] = has_y[i] = True
    text = [", ".join(str(t) for t in (a, b) if t) or None for a, b in zip(x_text, y_text, strict=True)]
    return positions.Stated(x, y, has_x, has_y, text, labelled)


def _in_one_cell(source: Source, match: Match) -> positions.Stated:
    column = match.heading.column
    beside = next((m for m in source.header.matches if m.heading.column == column + 1), None)
    cells = distinct(source.column(column))
    if beside is not None and beside.target is None and beside.heading.text in {"", match.heading.text}:
        # 坐标 merged over two columns: the second number stands in the next one.
        alone = positions.Stated(*_split(cells))
        if not (alone.has_x & alone.has_y).any():
            return _pair(source, match, beside)
        return alone
    return positions.Stated(*_split(cells))


def _split(
    cells: Distinct,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.bool_],
    list[str | None],
    NDArray[np.bool_],
]:
    texts = cells.texts.to_pylist()
    count = len(texts) + 1
    x, y = np.full(count, np.nan), np.full(count, np.nan)
    has_x, has_y, labelled = (np.zeros(count, bool) for _ in range(3))
    for at, text in enumerate(texts):
        if positions.is_empty(text):
            continue
        pair = positions.parse_pair(text)
        has_x[at] = True
        if pair:
            x[at], y[at], labelled[at] = pair
            has_y[at] = True
        else:
            x[at] = positions.parse_number(text)
            # A lone number is half a position; anything else is a whole one that cannot be read.
            has_y[at] = not np.isfinite(x[at])
    index = cells.index
    spread: list[Any] = cells.spread(texts)
    return x[index], y[index], has_x[index], has_y[index], spread, labelled[index]
