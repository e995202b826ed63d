"""A superior's form, filled: rows of records written where the form has its table, and read back before it is there.

What of the form changes is prepared by a process with limits (`riskmap.io.files.drivers.form_parts`); all its other parts
are copied as they are.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from riskmap.errors import ExportError, Text
from riskmap.io.files import ASKED, RawSheet
from riskmap.io.files.cell_references import Insertion, cell_at, column_letters, column_number, copied
from riskmap.io.files.file_checks import FileLimits, check
from riskmap.io.files.sandbox import look_into, parse
from riskmap.io.writers.workbook_parts import escaped, side_by_side, spelled, units
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.arrays import pc

_READER: Final = "riskmap.io.files.drivers.form_parts"


_LIMITS: Final = FileLimits()


_PIECE: Final = 8192


_DAY_ZERO: Final = {False: date(1899, 12, 30), True: date(1904, 1, 1)}


_FIRST_DAY: Final = date(1900, 3, 1)  # before it Excel counts a day that there was not


_LONG: Final = pa.large_string()


_WRITING: Final = Text("填写表样", "filling the form")


_READING_BACK: Final = Text("读回核对", "reading it back")


@dataclass(frozen=True, slots=True)
class FilledColumn:
    """A column of the form: its number, and of each record what is written, null for nothing.

    `values`: texts; of numbers their digits; of days ISO, which a cell that shows days holds as a day. `empty`: what
    stands where there is none.
    """

    column: int
    kind: Literal["text", "number", "day"]
    values: pa.Array
    empty: str = ""


@dataclass(frozen=True, slots=True)
class StatedCell:
    """One cell of the form, and the key of the mapping that states it."""

    row: int
    column: int
    kind: Literal["text", "number"]
    value: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormRequest:
    """What a form is to hold. `columns`: each has as many values as there are records."""

    form: Path
    sheet: str | None
    first: int
    rows: int
    pattern: int
    count: int
    columns: tuple[FilledColumn, ...]
    cells: tuple[StatedCell, ...] = ()
    mark: str = ""

    def as_asked(self) -> dict[str, Any]:
        """Return what the process that prepares the form is told of it."""
        return {
            "sheet": self.sheet,
            "first": self.first,
            "rows": self.rows,
            "pattern": self.pattern,
            "count": self.count,
            "columns": [one.column for one in self.columns],
            "cells": [(c.row, c.column, c.key, c.kind, spelled(c.value)) for c in self.cells],
            "mark": self.mark,
        }


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What of the form does not fit what was asked: the key of the mapping, what was found, what is expected."""

    key: tuple[str, ...]
    found: str
    expected: Text


@dataclass(frozen=True, slots=True)
class PreparedForm:
    """A form as it can be written: its changed parts, and how a row of records looks in it.

    `lists`: column → words that its cells alone take. `grown`: how many rows come in addition. `kept`: what the
    workbook has beside cells, kind → how many. `mismatches`: where there are some, nothing can be written.
    """

    request: FormRequest
    facts: Mapping[str, Any]
    made: Mapping[str, bytes]
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def sheet(self) -> str:
        """The name of the form's sheet."""
        return self.facts["sheet"]

    @property
    def lists(self) -> Mapping[int, tuple[str, ...]]:
        """Column → the words that its cells take, where the form has a closed list."""
        return {column_number(letters): tuple(words) for letters, words in self.facts["lists"].items()}

    @property
    def grown(self) -> int:
        """How many rows come in addition to those that the form has room for."""
        return self.facts["grown"]

    @property
    def kept(self) -> Mapping[str, int]:
        """Pictures, charts and the like, which stay as they are: kind → how many."""
        return self.facts["kept"]

    def place(self, row: int, column: int) -> str:
        """Return where a cell of the form is in what is written: rows in addition move it down."""
        asked = self.request
        way = Insertion("", asked.first, asked.first + asked.rows - 1, self.grown)
        return f"{column_letters(column)}{way.row(row)}"


def prepare_form(request: FormRequest) -> PreparedForm:
    """Return a form as it can be written. UnreadableFileError for one that cannot be read, or is not to be changed."""
    kind = check(request.form, request.form.name, _LIMITS)
    if kind != "xlsx":
        raise ExportError(
            f"{request.form.name}：不是 xlsx 工作簿；请用 Excel 或 WPS 另存为 xlsx",
            f"{request.form.name}: no xlsx workbook; save it as xlsx in Excel or WPS",
        )
    given = {ASKED: json.dumps(request.as_asked(), ensure_ascii=False).encode()}
    opened = look_into(request.form, kind, request.form.name, _LIMITS, reader=_READER, given=given)
    wrong = tuple(
        Mismatch(tuple(one["key"]), one["found"], Text(one["zh"], one["en"])) for one in opened.facts["wrong"]
    )
    return PreparedForm(request, opened.facts, opened.made, wrong)


def write_form(prepared: PreparedForm, path: Path, progress: Progress = UNWATCHED) -> None:
    """Write the filled form to a path and read it back. ExportError where what is read is not what was to be written."""
    writing, reading = progress.parts(2, 1)
    put_together(prepared, path, writing)
    reading.step(0, 1, _READING_BACK)
    _read_back(prepared, path, reading)


def put_together(prepared: PreparedForm, path: Path, progress: Progress = UNWATCHED) -> None:
    """Write the filled form: parts that stay, parts that change, and the rows of records between two of them."""
    facts, files = prepared.facts, prepared.facts["parts"]
    with (
        zipfile.ZipFile(prepared.request.form) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            if member.filename in facts["removed"]:
                continue
            about = zipfile.ZipInfo(member.filename, member.date_time)
            about.compress_type = zipfile.ZIP_DEFLATED
            if member.filename != facts["part"]:
                changed = files.get(member.filename)
                target.writestr(about, prepared.made[changed[0]] if changed else source.read(member))
                continue
            head, tail = files[member.filename]
            with target.open(about, "w", force_zip64=True) as part:
                part.write(prepared.made[head])
                for piece in _Rows(prepared).pieces(progress):
                    part.write(piece)
                part.write(prepared.made[tail])


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of records as the XML of the form's sheet has them."""

    prepared: PreparedForm

    @property
    def _asked(self) -> FormRequest:
        return self.prepared.request

    @property
    def _prefix(self) -> str:
        return self.prepared.facts["prefix"]

    def pieces(self, progress: Progress) -> Iterator[bytes]:
        """Yield some thousand rows at a time."""
        filled = {one.column: one for one in self._asked.columns}
        look = self.prepared.facts["look"]
        attributes = "".join(f' {k}="{_quoted(v)}"' for k, v in look["row"].items())
        for start in range(0, self._asked.count, _PIECE):
            progress.step(start, self._asked.count, _WRITING)
            size = min(_PIECE, self._asked.count - start)
            rows = range(self._asked.first + start, self._asked.first + start + size)
            numbers = pa.array(rows).cast(_LONG)
            cells = [
                self._filled(filled[column], style, rows, numbers, dated=dated)
                if column in filled
                else self._own(column, style, rows)
                for column, style, dated in look["cells"]
            ]
            made = side_by_side(
                f'<{self._prefix}row r="', numbers, f'"{attributes}>', *cells, f"</{self._prefix}row>"
            )
            yield "".join(made.to_pylist()).encode()

    def _start(self, column: int, style: str | None) -> tuple[str, str]:
        look = f' s="{_quoted(style)}"' if style else ""
        return f'<{self._prefix}c r="{column_letters(column)}', f'"{look}'

    def _filled(
        self, filled: FilledColumn, style: str | None, rows: range, numbers: pa.Array, *, dated: bool
    ) -> pa.Array:
        """Return the cells of a column that records fill."""
        prefix, none = self._prefix, pa.nulls(len(rows), pa.string())
        head, look = self._start(filled.column, style)
        start = f'{look} t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">'
        end = f"</{prefix}t></{prefix}is></{prefix}c>"
        values = filled.values.slice(rows.start - self._asked.first, len(rows))
        if filled.kind == "day" and dated:
            counted, said = _serials(values, since_1904=bool(self.prepared.facts["since_1904"]))
        else:
            counted, said = (values, none) if filled.kind == "number" else (none, values)
        blank = f"{look}/>"
        if filled.empty:
            blank = f"{start}{_quoted(spelled(filled.empty))}{end}"
        return pc.coalesce(
            side_by_side(head, numbers, start, escaped(said), end),
            side_by_side(
                head, numbers, f"{look}><{prefix}v>", counted.cast(_LONG), f"</{prefix}v></{prefix}c>"
            ),
            side_by_side(head, numbers, blank),
        )

    def _own(self, column: int, style: str | None, rows: range) -> pa.Array:
        """Return the cells of a column that no record fills: what the form has in these rows, or in each of them."""
        own, prefix, key = self.prepared.facts["own"], self._prefix, str(column)
        head, look = self._start(column, style)
        last = self._asked.first + self._asked.rows - 1
        each, below = own.get("each", {}).get(key), own.get("below", {}).get(key)
        made = []
        for row in rows:
            content = own.get(str(row), {}).get(key) if row <= last else each
            if row > last and below is not None:
                formula = copied(below[1], row - self._asked.pattern)
                content = ["", f"<{prefix}f>{_quoted(formula)}</{prefix}f>"]
            if content is None:
                made.append(f"{head}{row}{look}/>")
            else:
                kind = f' t="{_quoted(content[0])}"' if content[0] else ""
                made.append(f"{head}{row}{look}{kind}>{content[1]}</{prefix}c>")
        return pa.array(made, _LONG)


def _serials(values: pa.Array, *, since_1904: bool) -> tuple[pa.Array, pa.Array]:
    """Return days as workbooks count them, and what is no such day as the text that it is."""
    zero = _DAY_ZERO[since_1904]
    days: list[str | None] = []
    texts: list[str | None] = []
    for value in values.to_pylist():
        day = _day(value)
        days.append(None if day is None else str((day - zero).days))
        texts.append(value if day is None else None)
    return pa.array(days, pa.string()), pa.array(texts, pa.string())


def _day(value: str | None) -> date | None:
    try:
        day = None if value is None else date.fromisoformat(value)
    except ValueError:
        return None
    return day if day is not None and day >= _FIRST_DAY else None


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def too_long_for_a_cell(values: pa.Array) -> int | None:
    """Return which text is the first that no cell holds whole, None where all fit."""
    long = pc.fill_null(pc.greater(units(values), 32_767), fill_value=False)
    at = pc.index(long, pa.scalar(value=True)).as_py()
    return None if at < 0 else at


def _read_back(prepared: PreparedForm, path: Path, progress: Progress) -> None:
    """Hold what can be read of the written file against what was to be written: every cell of every record, once."""
    asked = prepared.request
    sheets = parse(path, check(path, path.name, _LIMITS), path.name, _LIMITS, progress)
    found = next((sheet for sheet in sheets if sheet.name == prepared.sheet), None)
    if found is None:
        raise _differs(path, prepared.sheet, "")
    for one in asked.columns:
        stood = _stood(found, one.column, asked.first, asked.count)
        for i, (written, read) in enumerate(zip(one.values.to_pylist(), stood, strict=True)):
            agrees = _agrees(one.kind, written, read) if written else _agrees("text", one.empty, read)
            if not agrees:
                raise _differs(path, f"{column_letters(one.column)}{asked.first + i}", written or "")
    for cell in asked.cells:
        place = prepared.place(cell.row, cell.column)
        row, column = cell_at(place) or (1, 1)
        (read,) = _stood(found, column, row, 1)
        if not _agrees(cell.kind, cell.value, read):
            raise _differs(path, place, cell.value)


def _stood(sheet: RawSheet, column: int, first: int, count: int) -> Sequence[str | None]:
    name = f"c{column - 1}"
    table = sheet.table
    if name not in table.column_names:
        return [None] * count
    found = table[name].slice(first - 1, count).to_pylist()
    return [*found, *[None] * (count - len(found))]


def _agrees(kind: str, written: str | None, read: str | None) -> bool:
    if not written or not read:
        return not _comparable(written or "") and not _comparable(read or "")
    if kind == "text":
        return written == read or _comparable(written) == _comparable(read)
    if kind == "day":
        return read.startswith(written)
    try:
        return float(Decimal(written)) == float(Decimal(read))
    except InvalidOperation:
        return False


_SPELLED: Final = re.compile("_x([0-9a-fA-F]{4})_")


_UNSEEN: Final = re.compile("[\x00-\x20\x7f\ufffe\uffff]+")


def _comparable(text: str) -> str:
    """Return a text without what readers of workbooks treat each in their way: spelt letters, blanks, line ends."""
    for _ in range(2):
        text = _SPELLED.sub(lambda match: chr(int(match[1], 16)), text)
    return _UNSEEN.sub("", text)


def _differs(path: Path, place: str, written: str) -> ExportError:
    return ExportError(
        f"{path.name}：{place} 读回的与要写的（{written[:40]}）不同，没有写出文件；请把表样用 Excel 或 WPS 另存一次再试",
        f"{path.name}: what is read back at {place} is not what was to be written ({written[:40]}), no file was written; "
        "save the form again in Excel or WPS and try again",
    )
