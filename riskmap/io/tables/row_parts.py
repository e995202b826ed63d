"""The rows of one table, before they are judged and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.errors import Text
from riskmap.io.tables.headers import Match
from riskmap.io.tables.layout import Header
from riskmap.rules.cell import Finding
from riskmap.values.import_plan import Issue
from riskmap.values.records import Contact


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
    faults: Sequence[tuple[int, int, Text]] = ()  # row of `columns`, column or -1, what is wrong

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
class TableRows:
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
    doubtful: dict[int, list[Issue]] = field(default_factory=dict)  # errors that a person may settle
    unplaced: set[int] = field(default_factory=set)  # rows whose position reads 清空
    ends: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    hours: dict[int, list[Any]] = field(default_factory=dict)  # column of a moment → its values
    zone: str = ""  # that holds for those moments where they state none

    def number(self, row: int) -> int:
        """Return the 1-based number of a row in its sheet."""
        return int(self.source.rows[row]) + 1


def say_of(
    part: TableRows,
    row: int,
    match: Match | None,
    finding: Finding,
    *,
    value: str | None,
    target: str | None = None,
    also: Sequence[Match] = (),
) -> None:
    """Write down an issue of one row, with its place in front of the find and the remedy."""
    source = part.source
    number = part.number(row)
    header = match.heading.text if match else (target or "")
    place, at = f"{source.file} › {source.sheet}", f" › {header}" if header else ""
    issue = Issue(
        source.sheet,
        number,
        part.code[row],
        target or (match.target if match else None),
        value,
        finding.severity,
        finding.rule,
        Text(
            f"{place} › 第 {number} 行{at}：{finding.message.zh}",
            f"{place} › row {number}{at}: {finding.message.en}",
        ),
    )
    part.issues.append(issue)
    if finding.severity == "error":
        part.errors.setdefault(row, []).append(issue)
        if finding.holds:
            part.doubtful.setdefault(row, []).append(issue)
        bad = part.bad.setdefault(row, set())
        bad.update(m.heading.column for m in (match, *also) if m is not None)
