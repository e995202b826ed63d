"""The workbook as a bureau sends it: a cover that says what it is and whether it adds up, a sheet per layer.

The cover: what the inventory is, how it was made, its totals, and whether they add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.printed_list import write_printed
from riskmap.io.writers.record_columns import SheetColumn, sheet_columns
from riskmap.io.writers.workbook_parts import (
    CELL_LIMIT,
    MARKS_SHEET,
    Cells,
    LongSheet,
    Looks,
    ToldCells,
    literal,
    new_workbook,
    page,
    sheet_name,
    too_long,
    units,
    width,
    write_marks,
)
from riskmap.rules.arrays import pc
from riskmap.texts import made_text, newer_text, t
from riskmap.values.inventory import (
    DEMO_MARK,
    PRINTED,
    STATES,
    FileKey,
    Inventory,
    LayerInventory,
    PrintedFigure,
    file_key,
    tier_title,
)
from riskmap.vocabulary import NOT_STATED

_FEW: Final = 20  # so many codes still read well on the cover


_ACROSS: Final = len(STATES) + 1


@dataclass(frozen=True, slots=True)
class Counts:
    """A row of a table of counts, as figures: the tiers in the order of `STATES`, and their sum."""

    tiers: Sequence[PrintedFigure]
    total: PrintedFigure


def write_cover(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    taken: set[str],
    told: ToldCells,
    *,
    notes: Sequence[str] = (),
) -> None:
    """Write the cover sheet. `notes` say what the workbook could not hold."""
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_cover", lang), taken))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, _ACROSS, 13)
    page(sheet, inventory, t("export_cover", lang))
    sheet.fit_to_pages(1, 1)
    sheet.hide_gridlines(2)
    sheet.set_portrait()
    sheet.set_row(0, 34)
    literal(sheet, 0, 0, t("export_title", lang, district=inventory.district), looks.title)
    row = 1
    if inventory.demo:
        literal(sheet, row, 0, DEMO_MARK, looks.demo)
        row += 1
    for label, text in _facts(inventory):
        literal(sheet, row, 0, label, looks.label)
        literal(sheet, row, 1, text, looks.text)
        if label == t("export_records", lang):
            told.note(sheet, row, 1, inventory.figure("records.layer"))
        row += 1
    row = _write_check(sheet, looks, inventory, row + 1, told)
    for note in notes:
        _across(sheet, row, note, looks.bad)
        row += 1
    by_layer = {part.layer.title.text(lang): _of_layer(inventory, part) for part in inventory.risks}
    if by_layer:
        tiers = [inventory.figure(f"points.tiers.{state}") for state in STATES]
        whole = Counts(tiers, inventory.figure("points.total"))
        title = t("export_by_layer", lang)
        row = _write_counts(sheet, looks, title, by_layer, whole, told=told, row=row + 1, lang=lang)
        title = t("export_by_subdistrict", lang)
        row = _write_counts(sheet, looks, title, _places(inventory), whole, told=told, row=row + 1, lang=lang)
    _write_others(sheet, looks, inventory, told, row=row + 1)


def _of_layer(inventory: Inventory, part: LayerInventory) -> Counts:
    own = part.layer.id
    tiers = [inventory.figure(f"points.layer_tier.{own}.{state}") for state in STATES]
    return Counts(tiers, inventory.figure(f"points.layer.{own}"))


def _write_others(sheet: Worksheet, looks: Looks, inventory: Inventory, told: ToldCells, *, row: int) -> None:
    """Write how many records there are of each layer that enters no sum."""
    if not inventory.others:
        return
    literal(sheet, row, 0, t("export_others", inventory.lang), looks.header)
    literal(sheet, row, 1, t("export_total", inventory.lang), looks.header)
    for part in inventory.others:
        row += 1
        literal(sheet, row, 0, part.layer.title.text(inventory.lang), looks.cell)
        told.number(sheet, row, 1, inventory.figure(f"records.layer.{part.layer.id}"), looks.count)


_ROWS_PRINTED: Final = 30  # on A4 landscape, also where another font makes the rows a little higher


def write_subdistricts(
    book: xlsxwriter.Workbook, looks: Looks, inventory: Inventory, taken: set[str], told: ToldCells
) -> None:
    """Write tier × sub-district per layer, where there are several layers; the cover has it for one."""
    if len(inventory.risks) < 2:
        return
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_subdistricts", lang), taken))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, _ACROSS, 13)
    page(sheet, inventory, t("export_subdistricts", lang))
    sheet.set_print_scale(100)  # the columns fit; a page fitted to its width heeds no break
    row, top, breaks = 0, 0, list[int]()
    for part in inventory.risks:
        title = t("export_by_subdistrict_of", lang, layer=part.layer.title.text(lang))
        places = _places(inventory, part.layer.id)
        if row > top and row + len(places) + 2 - top > _ROWS_PRINTED:
            breaks.append(row)
            top = row
        whole = _of_layer(inventory, part)
        row = _write_counts(sheet, looks, title, places, whole, told=told, row=row, lang=lang) + 1
    sheet.set_h_pagebreaks(breaks)


def write_differences(book: xlsxwriter.Workbook, looks: Looks, inventory: Inventory, taken: set[str]) -> None:
    """Write all codes of the differences that name too many for the cover."""
    many = [d for d in inventory.unexplained if len(d.get("codes") or ()) > _FEW]
    if not many:
        return
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_differences", lang), taken))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 60)
    page(sheet, inventory, t("export_differences", lang))
    row = 0
    for difference in many:
        literal(sheet, row, 0, _sentence(difference, lang), looks.bad)
        row += 1
        for code in difference["codes"]:
            literal(sheet, row, 0, str(code), looks.text)
            row += 1


def _facts(inventory: Inventory) -> list[tuple[str, str]]:
    lang = inventory.lang
    facts = [
        (t("export_filter", lang), inventory.filter.text(lang)),
        (t("export_records", lang), t("export_records_of", lang, n=inventory.figure("records.layer").text)),
        (t("export_as_of", lang), inventory.as_of),
        (t("export_made_at", lang), inventory.made_at),
        (t("export_made_by", lang), inventory.made_by),
        (t("export_datum", lang), t("export_datum_text", lang)),
    ]
    if any(part.contacts is not None for part in inventory.layers):
        shown = "unmasked" if inventory.unmasked else "masked"
        facts.append((t("export_contacts_line", lang), t(f"export_contacts_{shown}", lang)))
    if inventory.head:
        facts.append(
            (t("export_head", lang), t("export_head_of", lang, n=inventory.changeset, head=inventory.head))
        )
    if inventory.approval:
        facts.append((t("export_approval", lang), inventory.approval))
    facts += [
        (t("export_model_of", lang, layer=part.layer.title.text(lang)), made_text(part.models, lang))
        for part in inventory.layers
        if part.models or part.layer.model is not None  # a register is not assessed
    ]
    facts += [
        (t("export_newer", lang), newer_text(part.layer.title, part.models, part.adopted, lang))
        for part in inventory.layers
        if part.adopted is not None
    ]
    return facts


def _write_check(sheet: Worksheet, looks: Looks, inventory: Inventory, row: int, told: ToldCells) -> int:
    """Write whether the sums agree: an alarm where they do not, the usual records without a tier as a calm line."""
    lang = inventory.lang
    wrong = inventory.unexplained
    if not wrong and not inventory.unrated:
        literal(sheet, row, 0, t("export_adds_up", lang), looks.good)
        return row + 1
    if wrong:
        literal(sheet, row, 0, t("export_not_adding_up", lang, n=len(wrong)), looks.bad)
        row += 1
    for difference in wrong:
        row = _across(sheet, row, _sentence(difference, lang), looks.bad)
        codes = [str(code) for code in difference.get("codes") or ()]
        if codes:
            row = _across(sheet, row, _codes(codes, lang), looks.bad)
    if inventory.unrated:
        look = looks.bad if inventory.newly_unrated else looks.calm
        for figure_id in ("points.tiers.unrated", "points.total"):
            told.note(sheet, row, 0, inventory.figure(figure_id))
        row = _across(sheet, row, inventory.unrated, look)
    return row


def _across(sheet: Worksheet, row: int, text: str, look: Any) -> int:
    """Write a sentence over the width of the cover and return the row below it."""
    sheet.set_row(row, 15.0 * (1 + len(text) // 55))
    literal(sheet, row, 0, "", look)
    sheet.merge_range(row, 0, row, _ACROSS, "", look)
    literal(sheet, row, 0, text, look)
    return row + 1


def _codes(codes: Sequence[str], lang: Lang) -> str:
    if len(codes) > _FEW:
        return t("export_difference_many", lang, n=len(codes), sheet=t("export_differences", lang))
    return t("export_difference_codes", lang, codes=t("export_list_separator", lang).join(codes))


def _sentence(difference: Mapping[str, Any], lang: Lang) -> str:
    what = difference.get("what", "")
    return t(
        "export_difference",
        lang,
        what=what.text(lang) if isinstance(what, Text) else str(what),
        expected=difference.get("expected", ""),
        found=difference.get("found", ""),
    )


def _places(inventory: Inventory, layer: str = "") -> dict[str, Counts]:
    """Return sub-district → its tiers, in name order, "not stated" last: of all risks, or of a layer."""
    alone = layer if len(inventory.risks) > 1 else ""
    first = "points.street."
    names = [
        one.removeprefix(first) for one, of in inventory.figures if of == alone and one.startswith(first)
    ]
    return {
        t("export_no_subdistrict", inventory.lang) if name == NOT_STATED else name: Counts(
            [inventory.figure(f"points.street_tier.{name}.{state}", alone) for state in STATES],
            inventory.figure(f"{first}{name}", alone),
        )
        for name in sorted(names, key=lambda n: (n == NOT_STATED, n))
    }


def _write_counts(
    sheet: Worksheet,
    looks: Looks,
    title: str,
    counts: Mapping[str, Counts],
    whole: Counts,
    *,
    told: ToldCells,
    row: int,
    lang: Lang,
) -> int:
    """Write one table of counts, `whole` as its last line, and return the row below it."""
    literal(sheet, row, 0, title, looks.header)
    for i, state in enumerate(STATES, start=1):
        literal(sheet, row, i, tier_title(state, lang), looks.tier(state))
    literal(sheet, row, _ACROSS, t("export_total", lang), looks.header)
    lines = [(name, found, looks.cell, looks.count) for name, found in counts.items()]
    lines.append((t("export_total", lang), whole, looks.sum_label, looks.sum))
    for name, found, label, look in lines:
        row += 1
        literal(sheet, row, 0, name, label)
        for i, one in enumerate(found.tiers, start=1):
            told.number(sheet, row, i, one, look)
        told.number(sheet, row, _ACROSS, found.total, looks.sum)
    return row + 1


_FIGURE_COLUMNS: Final = (
    *(
        ("sheet", 16),
        ("cell", 8),
        ("figure", 44),
        ("name", 40),
        ("value", 12),
        ("layer", 16),
        ("records", 60),
    ),
)


def write_figures(
    book: xlsxwriter.Workbook, looks: Looks, inventory: Inventory, taken: set[str], told: ToldCells
) -> str:
    """Write which figure each number of the other sheets is, cell by cell; return the name of the sheet."""
    lang = inventory.lang
    name = sheet_name(t("export_figures", lang), taken)
    sheet = book.add_worksheet(name)
    page(sheet, inventory, t("export_figures", lang))
    sheet.freeze_panes(1, 0)
    for i, (column, wide) in enumerate(_FIGURE_COLUMNS):
        sheet.set_column(i, i, wide)
        literal(sheet, 0, i, t(f"export_figures_{column}", lang), looks.header)
    layers = {part.layer.id: part.layer.title.text(lang) for part in inventory.layers}
    for row, (where, cell, one) in enumerate(told.cells, start=1):
        texts = (where, cell, one.id, one.title.text(lang))
        for i, text in enumerate(texts):
            literal(sheet, row, i, text, looks.cell)
        sheet.write_number(row, len(texts), one.value, looks.count)
        literal(sheet, row, len(texts) + 1, layers.get(one.layer, ""), looks.cell)
        literal(sheet, row, len(texts) + 2, one.query, looks.cell)
    return name


_PRINTED: Final = Text("写入：打印用清单", "writing: the lists to print")


ROWS_PER_SHEET: Final = 1_048_575  # what a sheet holds below one header row


_FIRST_DAY: Final = date(1900, 3, 1)  # Excel's calendar is wrong before


_DAYS_BEFORE_1970: Final = (date(1970, 1, 1) - date(1899, 12, 30)).days


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: LayerInventory
    start: int
    rows: int


def write_xlsx(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write the workbook: cover, counts by sub-district, differences, one sheet or more per layer."""
    rows, packing = inventory.progress.parts(4, 1)
    with replacing(path) as (room,), new_workbook(room, rows_to_disk=True, packing=packing) as book:
        _write(replace(inventory, progress=rows), book)
    return [WrittenFile(path, "xlsx", len(inventory))]


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a file on a record lies beside the workbook, or why it does not."""

    place: str
    fault: str


def write_workbook(inventory: Inventory, path: Path, packed: Mapping[FileKey, Packed]) -> None:
    """Write the workbook of a package to `path` itself; its list of files leads to where they lie beside it."""
    rows, packing = inventory.progress.parts(4, 1)
    with new_workbook(path, rows_to_disk=True, packing=packing) as book:
        _write(replace(inventory, progress=rows), book, packed)


def _write(
    inventory: Inventory, book: xlsxwriter.Workbook, packed: Mapping[FileKey, Packed] | None = None
) -> None:
    lang = inventory.lang
    columns = [
        sheet_columns(part, lang, each=partial(inventory.wrote, inventory.layers[0], 0))
        for part in inventory.layers
    ]
    notes = _notes(columns, lang)
    book.set_properties(
        {
            "title": t("export_title", lang, district=inventory.district),
            "author": inventory.made_by,
            "comments": DEMO_MARK if inventory.demo else "",
            "created": datetime.fromisoformat(inventory.made_at),  # the clock's would make each file another
        }
    )
    looks = Looks(book)
    taken: set[str] = {MARKS_SHEET}
    told = ToldCells([])
    write_cover(book, looks, inventory, taken, told, notes=notes)
    write_subdistricts(book, looks, inventory, taken, told)
    printed = []
    for part, group in zip(inventory.layers, columns, strict=True):
        inventory.progress.step(0, 1, _PRINTED)
        printed.append(write_printed(book, looks, inventory, part, group, taken=taken, told=told))
    sheets: list[_Sheet] = []
    for part, group in zip(inventory.layers, columns, strict=True):
        inventory.wrote(part, 0)
        sheets.extend(_write_layer(book, looks, inventory, part, group, taken=taken))
    printed.append(write_files(book, looks, inventory, packed or {}, taken=taken))
    write_differences(book, looks, inventory, taken)
    printed.append(write_figures(book, looks, inventory, taken, told))
    kinds = [(s.name, s.part.layer.id) for s in sheets] + [(name, PRINTED) for name in printed if name]
    marks = [("kind", "inventory"), ("datum", "cgcs2000")]
    write_marks(book, [*marks, *((f"sheet:{name}", kind) for name, kind in kinds)])


_FILE_COLUMNS: Final = (
    *(("layer", 14), ("code", 18), ("name", 26), ("field", 14), ("file", 34)),
    *(("who", 12), ("day", 12), ("digest", 68), ("note", 40)),
)


_MOST_LINKS: Final = 65_000  # a sheet holds some more; the rest stands as text


def write_files(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    packed: Mapping[FileKey, Packed],
    *,
    taken: set[str],
) -> str:
    """Write the list of the files on the records, linked where they lie beside; return its name, "" without any."""
    lang = inventory.lang
    files = [
        (part, code, name, one)
        for part in inventory.layers
        for code, name, some in zip(
            part.table["code"].to_pylist(),
            part.table["name"].to_pylist(),
            part.files,
            strict=bool(part.files),
        )
        for one in some
    ]
    if not files:
        return ""
    title = t("export_files", lang)
    listed = sheet_name(title, taken)
    sheet = book.add_worksheet(listed)
    for i, (key, letters) in enumerate(_FILE_COLUMNS):
        sheet.set_column(i, i, letters)
        literal(sheet, 0, i, t(f"export_files_{key}", lang), looks.header)
    for row, (part, code, name, one) in enumerate(files, start=1):
        there = packed.get(file_key(part, code, one), Packed("", ""))
        field = part.layer.file_field(one.field)
        cells = [
            *(part.layer.title.text(lang), code, name or "", field.title.text(lang) if field else one.field),
            *(one.name, one.who, one.at[:10], one.file.digest, there.fault),
        ]
        for i, text in enumerate(cells):
            if _FILE_COLUMNS[i][0] == "file" and there.place and row <= _MOST_LINKS:
                sheet.write_url(row, i, f"external:{there.place}", string=text)
            else:
                literal(sheet, row, i, text, looks.text)
    page(sheet, inventory, title)
    sheet.freeze_panes(1, 0)
    return listed


def _write_layer(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    part: LayerInventory,
    columns: Sequence[SheetColumn],
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
        sliced = [Cells(c.values.slice(start, rows), c.look, c.looks) for c in cells]
        sheet.write_rows(1, sliced, partial(_told, inventory, part, start))
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(rows, 1), len(columns) - 1)
        sheet.repeat_rows(0)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # codes and phones are texts
        page(sheet, inventory, part.layer.title.text(lang))
        written.append(_Sheet(name, part, start, rows))
    return written


def _told(inventory: Inventory, part: LayerInventory, start: int, rows: int) -> None:
    inventory.wrote(part, start + rows)


def _write_header(sheet: Worksheet, looks: Looks, columns: Sequence[SheetColumn], lang: Lang) -> None:
    sheet.set_row(0, 32)
    for i, column in enumerate(columns):
        literal(sheet, 0, i, column.title, looks.header)
        if column.kind == "degrees":
            sheet.write_comment(0, i, t("export_note_datum", lang))
        elif column.role == "assessed_tier":
            sheet.write_comment(0, i, t("export_note_tier", lang))


def _notes(columns: Sequence[Sequence[SheetColumn]], lang: Lang) -> list[str]:
    """Return what the cover must say about cells that do not hold all of their text."""
    shapes = sum(too_long(c.values) for group in columns for c in group if c.role == "shape")
    texts = sum(too_long(c.values) for group in columns for c in group if c.role != "shape")
    notes = [t("export_cut", lang, n=texts)] if texts else []
    return [*notes, t("export_shapes_left", lang, n=shapes)] if shapes else notes


def _cells(column: SheetColumn, looks: Looks, lang: Lang) -> Cells:
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


FORMAT: Final = ExportFormat(
    ending="xlsx",
    title="Excel",
    help=Text(
        "Excel 工作簿：封面含筛选条件、合计和核对结果，每个图层一张表",
        "Workbook: cover with filter, totals and check, one sheet per layer",
    ),
    order=10,
    write=write_xlsx,
    unmasked=True,
)
