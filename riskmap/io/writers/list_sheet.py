"""A list of records as a workbook to print and to hand on; no import takes it for records."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.errors import ExportError
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.workbook_parts import (
    CELL_LIMIT,
    MARKS_SHEET,
    Looks,
    display_width,
    literal,
    new_workbook,
    safe,
    sheet_name,
    write_marks,
)
from riskmap.texts import t
from riskmap.values.inventory import DEMO_MARK, PRINTED
from riskmap.values.record_list import ListSheet

_NARROW, _WIDE = 8.0, 42.0


_ROW_LIMIT: Final = 1_000_000


def write_list(path: Path, sheet: ListSheet) -> None:
    """Write a list as xlsx, groups under their titles. ExportError for another ending, or where it cannot be written."""
    if path.suffix.lower() != ".xlsx":
        raise ExportError(
            f"{path.name}：清单写成 xlsx；其他格式请用 riskmap export",
            f"{path.name}: a list is written as xlsx; for other formats use riskmap export",
        )
    count = sum(len(group.rows) for group in sheet.groups)
    if count > _ROW_LIMIT:
        raise ExportError(
            f"{path.name}：清单有 {count} 条，一张表放不下；请把清单的条件收窄",
            f"{path.name}: {count} records do not fit on one sheet; narrow the conditions of the list",
        )
    with replacing(path) as (room,), new_workbook(room) as book:
        looks = Looks(book)
        name = sheet_name(sheet.title, {MARKS_SHEET})
        page = book.add_worksheet(name)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        mark = f"   {DEMO_MARK}" if sheet.demo else ""
        page.set_header(f"&C{safe(sheet.title + mark)}"[:250])
        page.set_footer(f"&R{t('export_footer', sheet.lang)}")
        for i, header in enumerate(sheet.headers):
            cells = [row[i] for group in sheet.groups for row in group.rows]
            widest = max(map(display_width, (header, *cells)), default=0)
            page.set_column(i, i, min(max(widest + 2.0, _NARROW), _WIDE))
        literal(page, 0, 0, sheet.title, looks.heading_print)
        facts = (*sheet.facts, DEMO_MARK) if sheet.demo else sheet.facts
        for row, fact in enumerate(facts, start=1):
            literal(page, row, 0, fact, looks.small)
        head = len(facts) + 1
        for i, header in enumerate(sheet.headers):
            literal(page, head, i, header, looks.print_header)
        row = head + 1
        for group in sheet.groups:
            if group.title:
                for i in range(1, len(sheet.headers)):
                    page.write_blank(row, i, None, looks.sum_label)
                literal(
                    page,
                    row,
                    0,
                    t("list_group", sheet.lang, title=group.title, n=len(group.rows)),
                    looks.sum_label,
                )
                row += 1
            for cells_of in group.rows:
                for i, text in enumerate(cells_of):
                    literal(page, row, i, text[:CELL_LIMIT], looks.printed)
                row += 1
        page.freeze_panes(head + 1, 0)
        page.repeat_rows(head)
        page.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        write_marks(book, [("kind", "inventory"), ("datum", "cgcs2000"), (f"sheet:{name}", PRINTED)])
