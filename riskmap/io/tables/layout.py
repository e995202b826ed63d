"""Where the header of a sheet is, and which lines below it are data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.io.files import RawSheet
from riskmap.io.tables.headers import (
    POSITION_TARGETS,
    HeaderCell,
    HeaderDictionary,
    Match,
    match_headers,
    names_column,
)
from riskmap.rules import vocabulary
from riskmap.rules.arrays import pc

_SEARCHED_ROWS = 60


_DEEPEST = 3


_FEWEST_HITS = 2


_GROUPED = 4  # columns that one cell names at most: 责任人 over 姓名, 电话, 职务, 核实日期


_NOTE_GAP = 2  # a note may go on after one blank line


_ENOUGH_WITH_CODE = 2


_ENOUGH_WITHOUT_CODE = 3


_UNIT_MARKS = re.compile(r"[()\[\]【】\s]")


# What stands in a line of units under a column without one: (文本), （必填）; no record writes all its cells so.
_IN_BRACKETS = re.compile(r"^[(\[（【][^()\[\]（）【】\d]*[)\]）】]$|^[-—/]+$")


_ANGLE_PARTS = frozenset("度分秒°′″")


_POSITION_UNITS = frozenset({"度", "°", "m", "米", "十进制度", "度分秒", "degree", "degrees", "deg", "dd"})


_STEMS = "甲乙丙丁戊己庚辛壬癸"


Row = Sequence[str | None]


SectionTest = Callable[[str], "str | None"]  # the sub-district that a lone line (一、东门街道) announces


@dataclass(frozen=True, slots=True)
class Header:
    """The header lines of a table: 0-based rows `first`..`last`, and what their columns mean."""

    first: int
    last: int
    matches: tuple[Match, ...]

    def column_of(self, target: str) -> int | None:
        """Return the column that holds a target."""
        return next((m.heading.column for m in self.matches if m.target == target), None)

    @property
    def strength(self) -> int:
        """How many columns were understood without guessing."""
        return sum(1 for m in self.matches if m.how in {"alias", "normalised"})


def trimmed(sheet: RawSheet) -> list[pa.ChunkedArray]:
    """Return the sheet's columns with outer blanks removed and empty cells null."""
    columns = []
    for column in sheet.table.columns:
        text = pc.utf8_trim(column, characters=" \t\r\n\v\f\x00\u00a0\u3000\u200b\ufeff\u2003\u2002\u2009")
        columns.append(pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    return columns


def stated_header(sheet: RawSheet, dictionary: HeaderDictionary, *, named: bool = False) -> Header | None:
    """Return the header of a file that states its columns (vector layers, parquet).

    `named`: a layer of a map that knows names only will do, as marks on a map have them.
    """
    headings = [HeaderCell(i, (name,)) for i, name in enumerate(sheet.header or ())]
    header = Header(-1, -1, match_headers(headings, dictionary))
    marks = named and sheet.shapes is not None and header.column_of("name") is not None
    return (
        header if marks or _good(header, dictionary.layer) or header.column_of("code") is not None else None
    )


def find_header(rows: Sequence[Row], sheet: RawSheet, dictionary: HeaderDictionary) -> Header | None:
    """Return the header among the first rows: the lines that name most of the layer's columns.

    Of equals the shallower wins, then the earlier one: a title above is no group of columns.
    """
    hits = [
        sum(1 for cell in row if cell and names_column(cell, dictionary)) for row in rows[:_SEARCHED_ROWS]
    ]
    best: Header | None = None
    for first in range(len(hits)):
        for last in range(first, min(first + _DEEPEST, len(hits))):
            # The last line of a header names columns; the lines above it may only name groups of them.
            if not any(rows[last]):
                break
            named = sum(hits[first : last + 1])
            if named < _FEWEST_HITS or (best and named * _GROUPED <= best.strength):
                continue
            if not hits[last] and (last == first or not _interlocked(rows[last - 1], rows[last])):
                continue
            headings = _headings(rows, first, last, sheet)
            header = Header(first, last, match_headers(headings, dictionary, guessing=False))
            if header.strength and (best is None or _rank(header) > _rank(best)):
                best = header
    if best is None:
        return None
    best = Header(best.first, best.last, match_headers([m.heading for m in best.matches], dictionary))
    return _with_units(best, rows, dictionary) if _good(best, dictionary.layer) else None


def _with_units(header: Header, rows: Sequence[Row], dictionary: HeaderDictionary) -> Header:
    """Return the header with the line of units below it, where there is one: | | (cm) | (万元) |."""
    if header.last + 1 >= len(rows):
        return header
    cells = {i: text.strip() for i, text in enumerate(rows[header.last + 1]) if text and text.strip()}
    units = {
        i: _UNIT_MARKS.sub("", unicodedata.normalize("NFKC", text)).removeprefix("单位").lstrip(":")
        for i, text in cells.items()
    }
    targets = {m.heading.column: m.target or "" for m in header.matches}
    known = {i for i, unit in units.items() if dictionary.unit_in(targets.get(i, ""), [unit])}
    if (
        len(units) > 1
        and set(units.values()) <= _ANGLE_PARTS
        and not {targets.get(i) for i in units} & {"code", "name"}
    ):
        known = set(units)  # 经度 over 度, 分, 秒
    others = (cells[i] for i in units.keys() - known if not _of_position(targets.get(i), units[i]))
    if not known or not all(map(_IN_BRACKETS.match, others)):
        return header
    headings = [
        HeaderCell(c, (*m.heading.levels, f"({units[c]})") if c in units else m.heading.levels)
        for m in header.matches
        for c in (m.heading.column,)
    ]
    return Header(header.first, header.last + 1, match_headers(headings, dictionary))


def _of_position(target: str | None, unit: str) -> bool:
    """Tell whether a word is what a position is measured in: (度) under 经度, (m) under X坐标."""
    return target in POSITION_TARGETS and unit.casefold() in _POSITION_UNITS


def _numbering(row: Row) -> bool:
    """Tell a line that numbers the columns (甲 | 乙 | 1 | 2 | 3), as statistical forms have it."""
    letters = numbers = 0
    for text in row:
        word = (text or "").strip().strip("()（）")
        if not word:
            continue
        if letters < len(_STEMS) and word == _STEMS[letters] and not numbers:
            letters += 1
        elif word.removesuffix(".0") == str(numbers + 1):
            numbers += 1
        else:
            return False
    return letters + numbers >= 3  # noqa: PLR2004 - fewer may be a record


def _interlocked(upper: Row, lower: Row) -> bool:
    """Tell whether two lines share their columns as a two-level header does: each is empty where the other is not."""
    pairs = list(zip(upper, lower, strict=True))
    return any(a and not b for a, b in pairs) and any(b and not a for a, b in pairs)


def _rank(header: Header) -> tuple[int, int]:
    return header.strength, header.first - header.last


def _good(header: Header, layer: Layer) -> bool:
    """A header names the code and one more column, or the name and at least two more.

    A sheet of counts by sub-district has neither: its lines are no records. A table whose rows have no
    code needs none, nor does a layer that makes its codes; what hangs on a record names that.
    """
    found = header.strength
    if "code" not in layer.unique:
        return found >= _FEWEST_HITS
    if layer.key.kind != "code" and found >= _FEWEST_HITS:
        return layer.belongs_to is None or header.column_of(layer.belongs_to.field) is not None
    if header.column_of("code") is not None:
        return found + sum(1 for m in header.matches if m.how == "guessed") >= _ENOUGH_WITH_CODE
    return header.column_of("name") is not None and found >= _ENOUGH_WITHOUT_CODE


def _headings(rows: Sequence[Row], first: int, last: int, sheet: RawSheet) -> list[HeaderCell]:
    grid = [[(cell or "").strip() for cell in rows[r]] for r in range(first, last + 1)]
    across = False
    for top, left, bottom, right in sheet.merges:
        if top < first or top > last or right - left > len(grid[0]) // 2 + 1:
            continue
        across |= right > left and bottom < last
        text = grid[top - first][left] if left < len(grid[0]) else ""
        for r in range(top, min(bottom, last) + 1):
            for c in range(left, min(right + 1, len(grid[0]))):
                grid[r - first][c] = text
    if not across:
        _fill_groups(grid)
    headings = []
    for c in range(len(grid[0])):
        levels = [" ".join(line[c].split()) for line in grid if line[c]]
        distinct = [level for i, level in enumerate(levels) if i == 0 or level != levels[i - 1]]
        headings.append(HeaderCell(c, tuple(distinct)))
    return headings


def _fill_groups(grid: list[list[str]]) -> None:
    """Without merged ranges to go by, a group reaches over the leaves to its right without a group."""
    for upper, lower in pairwise(grid):
        group = ""
        for c, text in enumerate(upper):
            if text:
                group = text if lower[c] else ""
            elif lower[c]:
                upper[c] = group
            else:
                group = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines below a header, sorted: `data` row indexes (0-based in the sheet), how many lines
    are no data, `sections`: row → name of the sub-district whose rows follow, `breaks`: rows that
    start another table with other columns in the same sheet, `totals`: rows that state sums or counts.
    """

    data: NDArray[np.int64]
    skipped: int
    sections: dict[int, str]
    breaks: tuple[int, ...]
    totals: tuple[int, ...] = ()


def sort_lines(
    columns: Sequence[pa.ChunkedArray],
    header: Header,
    *,
    start: int,
    spellings: frozenset[str],
    is_section: SectionTest,
) -> Lines:
    """Tell data from totals, signatures, notes, repeated headers and section lines.

    Only lines that could be something else are looked at one by one: those without a code, those
    that begin with such a word, and those whose cells are header texts.
    """
    count = len(columns[0]) - start if columns else 0
    if count <= 0:
        return Lines(np.zeros(0, np.int64), 0, {}, ())
    below = [c.slice(start) for c in columns]
    filled = np.zeros(count, np.int32)
    for column in below:
        filled += _mask(column.is_valid())
    code_at = header.column_of("code")
    no_code = ~_mask(below[code_at].is_valid()) if code_at is not None else np.ones(count, bool)
    begins = _mask(pc.match_substring_regex(pc.coalesce(*below), vocabulary.LOOSE))
    heads = _header_cells(below, header, spellings)
    repeated = (heads >= 2) & (heads * 2 >= filled)  # noqa: PLR2004 - two header texts, and most of the line
    doubtful = (filled > 0) & (no_code | begins | repeated | (filled == 1))
    keep = filled > 0
    for at in np.flatnonzero(keep)[:2].tolist():
        keep[at] = not _numbering([c[at].as_py() for c in below])
    doubtful &= keep
    sections: dict[int, str] = {}
    breaks: list[int] = []
    totals: list[int] = []
    after_note = False
    previous = -2
    for at in np.flatnonzero(doubtful):
        row = [c[int(at)].as_py() for c in below]
        after_note = after_note and int(at) <= previous + _NOTE_GAP
        kind = _line_kind(
            row, header, repeated=bool(repeated[at]), after_note=after_note, is_section=is_section
        )
        if kind == "data":
            continue
        keep[at] = False
        previous, after_note = int(at), kind == "note"
        if kind == "header" and not _same_header(row, header):
            breaks.append(start + int(at))
        elif kind == "total":
            totals.append(start + int(at))
        elif kind.startswith("section:"):
            sections[start + int(at)] = kind.removeprefix("section:")
    data = np.flatnonzero(keep) + start
    return Lines(data, int((filled > 0).sum()) - len(data), sections, tuple(breaks), tuple(totals))


def _mask(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, fill_value=False), dtype=bool)


def _header_cells(
    below: Sequence[pa.ChunkedArray], header: Header, spellings: frozenset[str]
) -> NDArray[np.int32]:
    texts = {level for m in header.matches for level in m.heading.levels if level}
    known = pa.array(sorted(texts | {s for s in spellings if len(s) > 1}), pa.string())
    found = np.zeros(len(below[0]), np.int32)
    for column in below:
        found += _mask(pc.is_in(column, value_set=known))
    return found


def _line_kind(row: Row, header: Header, *, repeated: bool, after_note: bool, is_section: SectionTest) -> str:
    cells = [(i, text) for i, text in enumerate(row) if text]
    first = cells[0][1]
    code_at = header.column_of("code")
    code = row[code_at] if code_at is not None else None
    if repeated and (code is None or code in _texts_at(header, code_at) or len(cells) > 2):  # noqa: PLR2004
        return "header"
    if code is not None and not vocabulary.is_non_data(code):
        # A line with a code is data, whatever its other cells begin with, unless it continues a note.
        if _before_code(cells[0][0], first, header):
            return "note" if vocabulary.SIGNED.match(vocabulary.plain(first)) else "total"
        lone = len(cells) == 1
        if lone and len(row) > 1:
            if section := is_section(code):
                return f"section:{section}"
            if vocabulary.ENUMERATED.match(vocabulary.plain(code)):
                return "other"
        return "note" if lone and after_note and len(row) > 2 else "data"  # noqa: PLR2004
    begins = vocabulary.plain(first)
    if vocabulary.NOTE.match(begins) or vocabulary.SIGNED.match(begins):
        return "note"
    if any(vocabulary.TOTAL.match(vocabulary.plain(text)) for _, text in cells):
        return "total"
    if vocabulary.is_non_data(first):
        return "other"
    if code_at is None and len(cells) > 1:
        return "data"
    if all(
        vocabulary.LABEL.match(vocabulary.plain(t)) or vocabulary.DATE_LINE.match(vocabulary.plain(t))
        for _, t in cells
    ):
        return "note"
    if len(cells) == 1:
        section = is_section(first)
        if section:
            return f"section:{section}"
        if after_note:
            return "note"
    if _only_serial(cells, header):
        return "other"
    return "data"


def _before_code(column: int, first: str, header: Header) -> bool:
    """小计 | 2: a total or a signature in front of the code's column makes its number no code."""
    if column == header.column_of("code") or not vocabulary.is_non_data(first):
        return False
    if vocabulary.TOTAL.match(vocabulary.plain(first)):
        return True
    match = next((m for m in header.matches if m.heading.column == column), None)
    return match is None or match.target is None


def _texts_at(header: Header, column: int | None) -> frozenset[str]:
    return frozenset(
        level for m in header.matches if m.heading.column == column for level in m.heading.levels
    )


def _same_header(row: Row, header: Header) -> bool:
    by_column = {
        m.heading.column: {"".join(level.split()) for level in m.heading.levels} for m in header.matches
    }
    cells = [(i, "".join(text.split())) for i, text in enumerate(row) if text]
    return sum(1 for i, text in cells if text in by_column.get(i, set())) * 2 >= len(cells)


def _only_serial(cells: Sequence[tuple[int, str]], header: Header) -> bool:
    """A line that was numbered beforehand and never filled in."""
    if len(cells) != 1 or not cells[0][1].isdigit():
        return False
    match = next((m for m in header.matches if m.heading.column == cells[0][0]), None)
    return match is None or match.target is None
