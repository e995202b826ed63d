"""The list of a layer to print and to sign: a few columns named by its file, readable on A4 landscape.

Excel fits no row to its text in a file that a program makes, so the height of each is counted here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import xlsxwriter
from xlsxwriter.format import Format

from riskmap.errors import Lang
from riskmap.io.writers.record_columns import SheetColumn
from riskmap.io.writers.workbook_parts import Looks, ToldCells, display_width, literal, page, sheet_name
from riskmap.texts import t
from riskmap.values.inventory import Inventory, LayerInventory

MOST: Final = 5_000  # records; nobody prints more, and a file of a whole district would be twice as long


# A column named "tier" shows the grade of what is no risk; a layer that has neither has no such column.
_ROLES: Final = {"tier": ("assessed_tier", "assessed_grade"), "score": ("assessed_score",)}


_USUAL: Final = (("number", 5.0), ("tier", 5.5), ("code", 16.0), ("name", 28.0), ("subdistrict", 12.0))


_LINE, _ROOM = 12.2, 4.5  # points: of a line of text, and around them


_HEAD_ROWS: Final = 3


def write_printed(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    part: LayerInventory,
    sheet_of: Sequence[SheetColumn],
    *,
    taken: set[str],
    told: ToldCells,
) -> str | None:
    """Write the printed list of a layer and return the name of its sheet; None for none or too many records.

    `sheet_of`: the columns of its data sheet, from which those of the list are taken.
    """
    if not 0 < len(part) <= MOST:
        return None
    lang = inventory.lang
    columns = _chosen(part, sheet_of, lang)
    title = part.layer.title.text(lang)
    name = sheet_name(t("export_printed", lang, layer=title), taken)
    sheet = book.add_worksheet(name)
    page(sheet, inventory, title)
    sheet.hide_gridlines(2)
    for i, (_, width, _) in enumerate(columns):
        sheet.set_column(i, i, width)
    records = inventory.figure(f"records.layer.{part.layer.id}")
    filtered = inventory.filter.text(lang)
    facts = t("export_printed_facts", lang, n=records.text, filter=filtered, as_of=inventory.as_of)
    told.note(sheet, 1, 0, records)
    literal(sheet, 0, 0, f"{inventory.district} {title}", looks.heading_print)
    literal(sheet, 1, 0, facts, looks.small)
    sheet.set_row(2, _height([(c, w) for c, w, _ in columns]))
    for i, (header, _, _) in enumerate(columns):
        literal(sheet, 2, i, header, looks.print_header)
    tiers = looks.tiers(lang)
    for row, cells in enumerate(zip(*(texts for _, _, texts in columns), strict=True), start=_HEAD_ROWS):
        sheet.set_row(row, _height([(text, w) for text, (_, w, _) in zip(cells, columns, strict=True)]))
        for i, text in enumerate(cells):
            literal(sheet, row, i, text, _look(text, i, columns, looks, tiers))
    sheet.freeze_panes(_HEAD_ROWS, 0)
    sheet.repeat_rows(_HEAD_ROWS - 1)
    sheet.print_area(0, 0, _HEAD_ROWS - 1 + len(part), len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    return name


def _look(
    text: str, i: int, columns: Sequence[tuple[str, float, Any]], looks: Looks, tiers: Mapping[str, Format]
) -> Format:
    narrow = columns[i][1] <= 7
    return tiers[text] if narrow and text in tiers else looks.printed_middle if narrow else looks.printed


def _chosen(
    part: LayerInventory, sheet_of: Sequence[SheetColumn], lang: Lang
) -> list[tuple[str, float, list[str]]]:
    """Return header, width and texts of each printed column, the worst record first, then by code."""
    order = pa.array(np.argsort(-part.table["rank"].to_numpy().astype(int), kind="stable"))
    wanted = part.layer.printed.columns or _usual(part)
    known = {column.role: column for column in sheet_of}

    def texts(role: str) -> list[str]:
        column = known.get(role)
        return [""] * len(part) if column is None else _texts(column.values.take(order))

    found: list[tuple[str, float, list[str]]] = []
    for name, width in wanted:
        role = next((one for one in _ROLES.get(name, (name,)) if one in known), "")
        if name == "number":
            found.append((t("export_printed_number", lang), width, [str(i + 1) for i in range(len(part))]))
        elif name.startswith("contact:"):  # name and telephone number, as they may be shown
            both = zip(texts(f"{name}:name"), texts(f"{name}:phone"), strict=True)
            found.append(
                (_role_title(part, name, lang), width, [" ".join(filter(None, one)) for one in both])
            )
        elif role:
            found.append((known[role].title, width, texts(role)))
    return found


def _usual(part: LayerInventory) -> PrintedColumns:
    """Return what is printed of a layer whose file names nothing: the record, and its first fields."""
    return (*_USUAL, *((field.id, 14.0) for field in part.layer.plain_fields[:4]))


PrintedColumns = tuple[tuple[str, float], ...]


def _role_title(part: LayerInventory, name: str, lang: Lang) -> str:
    role = name.removeprefix("contact:")
    return next(one.title.text(lang) for one in part.layer.contacts if one.id == role)


def _texts(values: pa.Array) -> list[str]:
    return ["" if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in values.to_pylist()]


def _height(cells: Sequence[tuple[str, float]]) -> float:
    lines = max((_lines(text, width) for text, width in cells), default=1)
    return _ROOM + _LINE * lines


def _lines(text: str, width: float) -> int:
    return sum(max(1, math.ceil(display_width(part) * 0.86 / width)) for part in text.split("\n"))
