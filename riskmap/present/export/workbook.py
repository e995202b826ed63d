"""The workbook as a bureau sends it: a cover that says what it is and whether it adds up, a sheet per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang
from riskmap.present.export.atomic import replacing
from riskmap.present.export.book import new_workbook
from riskmap.present.export.columns import Column, sheet_columns
from riskmap.present.export.cover import write_cover, write_differences, write_subdistricts
from riskmap.present.export.looks import Looks, literal, page, sheet_name, width
from riskmap.present.export.sheet_rows import CELL_LIMIT, Cells, LongSheet, too_long, units
from riskmap.present.export.written import Written
from riskmap.present.inventory import DEMO_MARK, Inventory, LayerInventory
from riskmap.present.texts import t

pc: Any = pyarrow.compute

ROWS_PER_SHEET: Final = 1_048_575  # what a sheet holds below one header row
_FIRST_DAY: Final = date(1900, 3, 1)  # Excel's calendar is wrong before
_DAYS_BEFORE_1970: Final = (date(1970, 1, 1) - date(1899, 12, 30)).days


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: LayerInventory
    start: int
    rows: int


def write_xlsx(inventory: Inventory, path: Path) -> list[Written]:
    """Write the workbook: cover, counts by sub-district, differences, one sheet or more per layer."""
    with replacing(path) as (room,), new_workbook(room, rows_to_disk=True) as book:
        _write(inventory, book)
    return [Written(path, "xlsx", len(inventory))]


def _write(inventory: Inventory, book: xlsxwriter.Workbook) -> None:
    lang = inventory.lang
    columns = [sheet_columns(part, lang) for part in inventory.layers]
    notes = _notes(columns, lang)
    book.set_properties(
        {
            "title": t("export_title", lang, district=inventory.district),
            "author": inventory.made_by,
            "comments": DEMO_MARK if inventory.demo else "",
        }
    )
    looks = Looks(book)
    taken: set[str] = {"_riskmap"}
    write_cover(book, looks, inventory, taken, notes=notes)
    write_subdistricts(book, looks, inventory, taken)
    sheets: list[_Sheet] = []
    for part, group in zip(inventory.layers, columns, strict=True):
        sheets.extend(_write_layer(book, looks, inventory, part, group, taken=taken))
    write_differences(book, looks, inventory, taken)
    _write_marks(book, sheets)


def _write_marks(book: xlsxwriter.Workbook, sheets: Sequence[_Sheet]) -> None:
    """Say, for an import, which sheet holds which layer and in which datum."""
    marks = book.add_worksheet("_riskmap")
    rows = [
        ("kind", "inventory"),
        ("datum", "cgcs2000"),
        *((f"sheet:{s.name}", s.part.layer.id) for s in sheets),
    ]
    for row, (key, value) in enumerate(rows):
        literal(marks, row, 0, key)
        literal(marks, row, 1, value)
    marks.very_hidden()


def _write_layer(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    part: LayerInventory,
    columns: Sequence[Column],
    *,
    taken: set[str],
) -> list[_Sheet]:
    lang = inventory.lang
    widths = [width(c, len(part)) for c in columns]
    written: list[_Sheet] = []
    for start in range(0, max(len(part), 1), ROWS_PER_SHEET):
        rows = min(len(part) - start, ROWS_PER_SHEET)
        name = sheet_name(part.layer.title.text(lang), taken)
        sheet = cast("LongSheet", book.add_worksheet(name, LongSheet))
        for i, column in enumerate(columns):
            sheet.set_column(i, i, widths[i], looks.of(column.kind))
        _write_header(sheet, looks, columns, lang)
        cells = (_cells(c, looks, lang) for c in columns)
        sheet.write_rows(1, [Cells(c.values.slice(start, rows), c.look, c.looks) for c in cells])
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(rows, 1), len(columns) - 1)
        sheet.repeat_rows(0)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # codes and phones are texts
        page(sheet, inventory, part.layer.title.text(lang))
        written.append(_Sheet(name, part, start, rows))
    return written


def _write_header(sheet: Worksheet, looks: Looks, columns: Sequence[Column], lang: Lang) -> None:
    sheet.set_row(0, 32)
    for i, column in enumerate(columns):
        literal(sheet, 0, i, column.title, looks.header)
        if column.kind == "degrees":
            sheet.write_comment(0, i, t("export_note_datum", lang))
        elif column.role == "assessed_tier":
            sheet.write_comment(0, i, t("export_note_tier", lang))


def _notes(columns: Sequence[Sequence[Column]], lang: Lang) -> list[str]:
    """Return what the cover must say about cells that do not hold all of their text."""
    shapes = sum(too_long(c.values) for group in columns for c in group if c.role == "shape")
    texts = sum(too_long(c.values) for group in columns for c in group if c.role != "shape")
    notes = [t("export_cut", lang, n=texts)] if texts else []
    return [*notes, t("export_shapes_left", lang, n=shapes)] if shapes else notes


def _cells(column: Column, looks: Looks, lang: Lang) -> Cells:
    if column.kind == "tier":
        return Cells(column.values, looks.of("tier"), looks.tiers(lang))
    if column.role == "shape":  # half a boundary is worse than none
        fits = pc.less_equal(units(column.values), CELL_LIMIT)
        return Cells(pc.if_else(fits, column.values, pa.scalar(None, pa.string())), looks.of("text"))
    if column.kind != "date":
        return Cells(column.values, looks.of(column.kind))
    days = _serial_days(column.values)
    return Cells(column.values, looks.text) if days is None else Cells(days, looks.of("date"))


def _serial_days(values: pa.Array) -> pa.Array | None:
    """Return ISO dates as Excel counts days, None where one of them is no date of its calendar."""
    try:
        days = values.cast(pa.date32())
    except pa.ArrowInvalid:
        return None
    if any(d is not None and d < _FIRST_DAY for d in days.unique().to_pylist()):
        return None
    return pc.add(days.cast(pa.int32()), _DAYS_BEFORE_1970).cast(pa.int64())
