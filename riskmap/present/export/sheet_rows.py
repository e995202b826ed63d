"""Many rows of a sheet at once: their XML is put together by whole columns, not cell by cell.

XlsxWriter spends 5 s of CPU on the cells of 42,336 rows × 26 columns, Arrow .3 s. Everything else of
the workbook (styles, widths, filters, printing, packaging) stays with XlsxWriter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

pc: Any = pyarrow.compute

CELL_LIMIT: Final = 32_767  # UTF-16 units
_CHUNK: Final = 8192
_TEXT: Final = pa.large_string()  # a chunk of long remarks passes 2 GB
# What XML 1.0 cannot hold is written _xHHHH_, and a text that looks like that gets its "_" escaped (ECMA-376, ST_Xstring).
_LOOKS_ESCAPED: Final = "(_x[0-9a-fA-F]{4}_)"
_NOT_XML: Final = "[\\x00-\\x08\\x0b-\\x1f\ufffe\uffff]"
_ENTITIES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of cells: a string, float64 or int64 array (null is an empty cell) and its look.

    `looks` gives some texts a look of their own.
    """

    values: pa.Array
    look: Format
    looks: dict[str, Format] | None = None


class LongSheet(Worksheet):
    """A worksheet of a constant-memory workbook that takes its rows by columns."""

    def write_rows(self, first: int, columns: Sequence[Cells]) -> None:
        """Write the columns side by side from row `first` (0-based) on, below what is written so far."""
        count = len(columns[0].values) if columns else 0
        if not count:
            return
        self._write_single_row(first)  # the row before waits in memory
        for start in range(0, count, _CHUNK):
            size = min(_CHUNK, count - start)
            numbers = pa.array(range(first + start + 1, first + start + size + 1)).cast(_TEXT)
            cells = [
                _xml(Cells(c.values.slice(start, size), c.look, c.looks), xl_col_to_name(i), numbers)
                for i, c in enumerate(columns)
            ]
            rows = _join('<row r="', numbers, '">', *cells, "</row>")
            self.fh.write("".join(rows.to_pylist()))
        self._check_dimensions(first, 0)
        self._check_dimensions(first + count - 1, len(columns) - 1)
        self.previous_row = first + count


def units(values: pa.Array) -> pa.Array:
    """Return how many UTF-16 units each text has: what Excel counts."""
    # Beyond the BMP a character takes four bytes in UTF-8 and two units.
    return pc.add(pc.utf8_length(values), pc.count_substring_regex(values, "[\U00010000-\U0010ffff]"))


def too_long(values: pa.Array) -> int:
    """Return how many texts do not fit in a cell."""
    if not pa.types.is_string(values.type):
        return 0
    return pc.sum(pc.greater(units(values), CELL_LIMIT)).as_py() or 0


def _xml(cells: Cells, letter: str, numbers: pa.Array) -> pa.Array:
    style: Any = str(cells.look._get_xf_index())  # noqa: SLF001 - a format has no public number
    if cells.looks:
        words = cells.values.dictionary_encode()
        special = [cells.looks.get(word, cells.look)._get_xf_index() for word in words.dictionary.to_pylist()]  # noqa: SLF001
        style = pa.array([str(s) for s in special], _TEXT).take(words.indices)
    head = _join(f'<c r="{letter}', numbers, '" s="', style)
    if pa.types.is_string(cells.values.type):
        start, end = '" t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
        xml = _join(head, start, _escape(cells.values), end)
    else:
        xml = _join(head, '"><v>', cells.values.cast(_TEXT), "</v></c>")
    return pc.fill_null(xml, pa.scalar("", _TEXT))


def _escape(values: pa.Array) -> pa.Array:
    texts = values.cast(_TEXT)
    if too_long(values):
        texts = pa.array([None if v is None else _cut(v) for v in values.to_pylist()], _TEXT)
    texts = pc.replace_substring_regex(texts, _LOOKS_ESCAPED, "_x005F\\1")
    if pc.any(pc.match_substring_regex(texts, _NOT_XML)).as_py():
        texts = pa.array([None if v is None else _spell(v) for v in texts.to_pylist()], _TEXT)
    for plain, entity in _ENTITIES:
        texts = pc.replace_substring(texts, plain, entity)
    return texts


def _cut(text: str) -> str:
    whole = text.encode("utf-16-le")
    return text if len(whole) <= 2 * CELL_LIMIT else whole[: 2 * CELL_LIMIT].decode("utf-16-le", "ignore")


def _spell(text: str) -> str:
    return re.sub(_NOT_XML, lambda match: f"_x{ord(match[0]):04X}_", text)


def _join(*parts: Any) -> pa.Array:
    return pc.binary_join_element_wise(
        *(pa.scalar(p, _TEXT) if isinstance(p, str) else p for p in parts), pa.scalar("", _TEXT)
    )
