"""A workbook that is safe to write ledger text into and leaves nothing open when writing fails.

How the workbook looks: formats, sheet names, widths that fit Chinese, the printed page.

Many rows of a sheet at once: their XML is put together by whole columns, not cell by cell.

XlsxWriter spends 5 s of CPU on the cells of 42,336 rows × 26 columns, Arrow .3 s. Everything else of
the workbook (styles, widths, filters, printing, packaging) stays with XlsxWriter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import Any, Final, Literal, cast

import pyarrow as pa
import pyarrow.compute
import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import ExportError, Lang, Text
from riskmap.io.writers.record_columns import Kind, SheetColumn
from riskmap.progress import UNWATCHED, Cancelled, Progress
from riskmap.rules.arrays import pc
from riskmap.texts import t
from riskmap.values.inventory import DEMO_MARK, Inventory, PrintedFigure, tier_title
from riskmap.vocabulary import STANDINGS, TIER_COLOURS

# Text is never taken for a formula, a link or a number.
_LITERAL: Final = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@contextmanager
def new_workbook(
    path: Path, *, rows_to_disk: bool = False, packing: Progress = UNWATCHED
) -> Iterator[xlsxwriter.Workbook]:
    """Yield a workbook; it is packed into `path` when the block ends well.

    With `rows_to_disk` each row is final once the next begins, and memory does not grow with rows.
    An error of the disk comes out as the OSError that it is. `packing` is asked at each piece that is packed.
    """
    options = _LITERAL | {"constant_memory": rows_to_disk, "tmpdir": str(path.parent)}
    # Column widths count letters of the default font: with Calibri, where it is missing, a page shrinks to 71 %.
    options["default_format_properties"] = {"font_name": _FONT, "font_size": PRINT_PT}
    book = xlsxwriter.Workbook(path, options)
    book.use_zip64()  # a million rows pass 2 GB before they are packed
    try:
        yield book
        packing.step(0, 1, _PACKING)
        with _Packed(path, packing) as file:
            book.filename = cast("Any", file)
            book.close()
    except XlsxFileError as problem:
        cause = problem.args[0] if problem.args else None
        if isinstance(cause, OSError):
            raise cause from problem
        raise ExportError(
            f"{path.name}：无法写入（{problem}）", f"{path.name}: cannot be written ({problem})"
        ) from problem
    finally:
        # Rows wait in temporary files, which XlsxWriter closes only when it packs them.
        book.fileclosed = 1
        for sheet in book.worksheets():
            handle = getattr(sheet, "row_data_fh", None)
            if handle is not None:
                with suppress(OSError):
                    handle.close()


_PACKING: Final = Text("打包工作簿", "packing the workbook")


class _Packed(BufferedRandom):
    """The file that a workbook is packed into, which asks at each piece whether to go on.

    Once stopped it takes everything and keeps nothing: the archive that was begun is still ended when it is let go.
    """

    def __init__(self, path: Path, packing: Progress) -> None:
        super().__init__(FileIO(path, "w+"))
        self._packing = packing
        self._nowhere: int | None = None  # the position, once stopped

    def write(self, piece: Any) -> int:
        if self._nowhere is not None:
            self._nowhere += len(piece)
            return len(piece)
        try:
            self._packing.step(0, 1, _PACKING)
        except Cancelled:
            self._nowhere = super().tell()
            raise
        return super().write(piece)

    def seek(self, at: int, whence: int = 0, /) -> int:
        if self._nowhere is None:
            return super().seek(at, whence)
        self._nowhere = at
        return at

    def tell(self) -> int:
        return super().tell() if self._nowhere is None else self._nowhere

    def flush(self) -> None:
        if self._nowhere is None:
            super().flush()


_FONT: Final = "微软雅黑"


PRINT_PT: Final = 9.5  # the size of a printed list


_INK: Final = {"general": "#3b2f00"}  # white does not read on yellow


_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


_NAME_LIMIT: Final = 31


_HEADER_LIMIT: Final = 250


_NARROW, _WIDE = 8.0, 42.0


_SAMPLE: Final = 400


_RICH: Final = re.compile(r"<r>.*</r>", re.DOTALL)


# Whether a cell must be filled in: without it the row is rejected, or the record may stay without a tier.
Need = Literal["required", "scored", "optional"]


class Looks:
    """The formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        def make(**properties: Any) -> Format:
            return book.add_format({"font_name": _FONT, "font_size": 10, "valign": "vcenter", **properties})

        self._make = make
        self.title = make(font_size=18, bold=True, font_color="#12355b")
        self.demo = make(font_size=12, bold=True, font_color="#b00020")
        self.heading = make(font_size=12, bold=True, font_color="#12355b", bottom=1, bottom_color="#12355b")
        self.label = make(font_color="#5b6470")
        self.text = make(num_format="@")
        self.wrapped = make(num_format="@", text_wrap=True, valign="top")
        self.good = make(font_color="#1b7a3d", bold=True)
        self.calm = make(font_color="#1b7a3d", text_wrap=True, valign="top", num_format="@")
        self.bad = make(font_color="#d7191c", bold=True, text_wrap=True, valign="top", num_format="@")
        self.header = make(
            bold=True,
            font_color="#ffffff",
            bg_color="#12355b",
            border=1,
            border_color="#ffffff",
            align="center",
            text_wrap=True,
        )
        blank = {"bold": True, "border": 1, "border_color": "#8a94a3", "align": "center", "text_wrap": True}
        self.blank_headers: dict[Need, Format] = {
            "required": make(**blank, bg_color="#ffc266"),
            "scored": make(**blank, bg_color="#ffefc9"),
            "optional": make(**blank, bg_color="#eef2f7"),
        }
        self.count = make(num_format="#,##0", border=1, border_color="#c9ced6")
        self.cell = make(num_format="@", border=1, border_color="#c9ced6")
        self.sum = make(num_format="#,##0", bold=True, border=1, border_color="#c9ced6", bg_color="#eef2f7")
        self.sum_label = make(bold=True, border=1, border_color="#c9ced6", bg_color="#eef2f7")
        self.fault = make(bg_color="#ffc7ce", font_color="#9c0006", num_format="@")
        self.heading_print = make(font_size=14, bold=True)
        self.small = make(font_size=9, font_color="#5b6470")
        line = {
            "font_size": PRINT_PT,
            "border": 1,
            "border_color": "#8a94a3",
            "text_wrap": True,
            "num_format": "@",
        }
        self.printed = make(**line)
        self.printed_middle = make(**line, align="center")
        self.print_header = make(**line, bold=True, align="center", bg_color="#eef2f7")
        self._columns: dict[Kind, Format] = {
            "text": self.text,
            "number": make(),
            "integer": make(num_format="0"),
            "degrees": make(num_format="0.000000"),
            "date": make(num_format="yyyy-mm-dd", align="center"),
            "tier": make(align="center"),
        }
        self._tiers = {
            state: make(
                align="center", bg_color=TIER_COLOURS[state], font_color=_INK.get(state, "#ffffff"), bold=True
            )
            for state in STANDINGS
        }

    def of(self, kind: Kind) -> Format:
        """Return the format of a column of this kind."""
        return self._columns[kind]

    def tier(self, state: str) -> Format:
        """Return the coloured format of a tier, or of unrated."""
        return self._tiers[state]

    def tiers(self, lang: Lang) -> dict[str, Format]:
        """Return the coloured formats by the words that stand in the cells."""
        return {tier_title(state, lang): self._tiers[state] for state in STANDINGS}


def literal(sheet: Worksheet, row: int, column: int, text: str, look: Format | None = None) -> None:
    """Write a text exactly as it is.

    xlsxwriter takes a text between <r> and </r> for markup and copies it into the file: such a text
    is handed over in runs (three, its minimum), which it escapes.
    """
    if text.startswith("<r>") and _RICH.fullmatch(text):
        sheet.write_rich_string(row, column, *text[:2], text[2:], *((look,) if look else ()))
    else:
        sheet.write_string(row, column, text, look)


@dataclass(frozen=True, slots=True)
class ToldCells:
    """Which figures the cells of a workbook hold: sheet, cell (C12) and figure, in the order they were written."""

    cells: list[tuple[str, str, PrintedFigure]]

    def number(self, sheet: Worksheet, row: int, column: int, figure: PrintedFigure, look: Format) -> None:
        """Write a figure as a number."""
        sheet.write_number(row, column, figure.value, look)
        self.note(sheet, row, column, figure)

    def note(self, sheet: Worksheet, row: int, column: int, figure: PrintedFigure) -> None:
        """Keep that the text of a cell holds a figure."""
        self.cells.append((str(sheet.get_name()), xl_rowcol_to_cell(row, column), figure))


def sheet_name(wanted: str, taken: set[str]) -> str:
    """Return a name that Excel takes and no other sheet has, and note it in `taken`."""
    plain = _FORBIDDEN.sub(" ", wanted).strip().strip("'") or "_"
    used = {name.casefold() for name in taken} | {"history"}
    number, name = 1, plain[:_NAME_LIMIT]
    while name.casefold() in used:
        number += 1
        tail = f" ({number})"
        name = plain[: _NAME_LIMIT - len(tail)] + tail
    taken.add(name)
    return name


MARKS_SHEET: Final = "_riskmap"


def write_marks(book: xlsxwriter.Workbook, marks: Sequence[tuple[str, str]]) -> Worksheet:
    """Write what an import is told of a workbook of ours, key and value, on a sheet that nobody sees; return it."""
    sheet = book.add_worksheet(MARKS_SHEET)
    for row, mark in enumerate(marks):
        for column, text in enumerate(mark):
            literal(sheet, row, column, text)
    sheet.very_hidden()
    return sheet


@lru_cache(maxsize=8192)  # plans and causes stand on thousands of records
def display_width(text: str) -> int:
    """Return how many Latin letters wide a text is; Chinese characters count two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)


def width(column: SheetColumn, rows: int) -> float:
    """Return a column width that fits its header on two lines and a sample of its cells."""
    if column.kind == "degrees":
        return 13.0
    step = max(rows // _SAMPLE, 1)
    sample = [column.values[i].as_py() for i in range(0, rows, step)]
    longest = max((display_width(str(v)) for v in sample if v is not None), default=0)
    header = display_width(column.title)
    head = header if header <= 12 else max(12, (header + 1) // 2)
    return min(max(longest + 2.0, head + 4.0, _NARROW), _WIDE)


def page(sheet: Worksheet, inventory: Inventory, subject: str) -> None:
    """Set up printing: A4 landscape, fit to width, title above, page numbers below."""
    title = f"{t('export_title', inventory.lang, district=inventory.district)} · {subject}"
    mark = f"   {DEMO_MARK}" if inventory.demo else ""
    approval = f"   {t('export_approval', inventory.lang)} {inventory.approval}" if inventory.approval else ""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.set_header(f"&C{safe(title + mark)}"[:_HEADER_LIMIT])
    sheet.set_footer(
        f"&L{safe(inventory.as_of + approval)}"[: _HEADER_LIMIT - 40]
        + f"&R{t('export_footer', inventory.lang)}"
    )


def safe(text: str) -> str:
    """Return a text as headers and footers of a page take it, where "&" begins a code."""
    return text.replace("&", "&&")


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

    def write_rows(self, first: int, columns: Sequence[Cells], told: Callable[[int], None]) -> None:
        """Write the columns side by side from row `first` (0-based) on, below what is written so far.

        `told`: how many of the rows are written.
        """
        count = len(columns[0].values) if columns else 0
        if not count:
            return
        self._write_single_row(first)  # the row before waits in memory
        for start in range(0, count, _CHUNK):
            told(start)
            size = min(_CHUNK, count - start)
            numbers = pa.array(range(first + start + 1, first + start + size + 1)).cast(_TEXT)
            cells = [
                _xml(Cells(c.values.slice(start, size), c.look, c.looks), xl_col_to_name(i), numbers)
                for i, c in enumerate(columns)
            ]
            rows = side_by_side('<row r="', numbers, '">', *cells, "</row>")
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
    head = side_by_side(f'<c r="{letter}', numbers, '" s="', style)
    if pa.types.is_string(cells.values.type):
        start, end = '" t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
        xml = side_by_side(head, start, escaped(cells.values), end)
    else:
        xml = side_by_side(head, '"><v>', cells.values.cast(_TEXT), "</v></c>")
    return pc.fill_null(xml, pa.scalar("", _TEXT))


def escaped(values: pa.Array) -> pa.Array:
    """Return texts as the XML of a cell holds them; what does not fit in a cell is cut."""
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


def spelled(text: str) -> str:
    """Return one text as cells hold it, before it is XML: what XML cannot hold, or a reader would take for that."""
    return _spell(re.sub(_LOOKS_ESCAPED, "_x005F\\1", text))


def _spell(text: str) -> str:
    return re.sub(_NOT_XML, lambda match: f"_x{ord(match[0]):04X}_", text)


def side_by_side(*parts: Any) -> pa.Array:
    """Return one text per row, of texts and columns of texts in their order; null where one of them is."""
    return pc.binary_join_element_wise(
        *(pa.scalar(p, _TEXT) if isinstance(p, str) else p for p in parts), pa.scalar("", _TEXT)
    )
