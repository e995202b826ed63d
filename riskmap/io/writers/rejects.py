"""Rejected rows as a workbook to correct and send back: the sheets as they came, bad cells red and explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.workbook_parts import (
    MARKS_SHEET,
    Looks,
    literal,
    new_workbook,
    sheet_name,
    write_marks,
)
from riskmap.texts import t
from riskmap.values.import_plan import Issue, RejectedRow

_EXPLAINED: Final = ("file", "sheet", "row", "record", "column", "value", "reason")


_WIDTHS: Final = (24, 18, 8, 20, 18, 24, 70)


_ROW_LIMIT: Final = 1_048_575


_CELL_LIMIT: Final = 32_767


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """The rejected rows of one file. `batch` is its import batch, None where nothing was written (a dry run)."""

    file: str
    batch: int | None
    rows: tuple[RejectedRow, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of one sheet of one file that have the same columns."""

    source: RejectedFile
    sheet: str
    headers: tuple[str, ...]
    rows: tuple[RejectedRow, ...]


def write_rejects(path: Path, batches: Sequence[RejectedFile], *, lang: Lang = "zh") -> None:
    """Write the rows under their own headers, 退回说明 with every reason, and a hidden sheet that names the batch.

    Corrected and imported again, the workbook says which batch its rows return to, and in which datum they are. ExportError where
    the place cannot be written.
    """
    tables = [table for batch in batches for table in _tables(batch)]
    with (
        replacing(path) as (room,),
        new_workbook(room) as book,
    ):
        looks = Looks(book)
        taken = {MARKS_SHEET, t("rejects_title", lang)}
        marks = [(table, _write_table(book, looks, table, taken, lang)) for table in tables]
        _write_reasons(book, looks, tables, lang)
        write_marks(book, _marks(marks))


def _tables(batch: RejectedFile) -> Iterator[_Table]:
    found: dict[tuple[str, tuple[str, ...], str], list[RejectedRow]] = {}
    for row in batch.rows:
        found.setdefault((row.sheet, tuple(header for header, _ in row.cells), row.datum), []).append(row)
    for (sheet, headers, _), rows in found.items():
        for start in range(0, len(rows), _ROW_LIMIT):
            yield _Table(batch, sheet, headers, tuple(rows[start : start + _ROW_LIMIT]))


def _write_table(book: xlsxwriter.Workbook, looks: Looks, table: _Table, taken: set[str], lang: Lang) -> str:
    name = sheet_name(table.sheet or Path(table.source.file).stem, taken)
    sheet = book.add_worksheet(name)
    sheet.set_column(0, max(len(table.headers) - 1, 0), 16, looks.text)
    sheet.freeze_panes(1, 0)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    for i, header in enumerate(table.headers):
        literal(sheet, 0, i, header, looks.header)
    for at, row in enumerate(table.rows, start=1):
        for i, (_, text) in enumerate(row.cells):
            if text is not None and i not in row.bad:
                literal(sheet, at, i, text[:_CELL_LIMIT], looks.text)
        _mark(sheet, looks, at, row, lang)
    return name


def _mark(sheet: Worksheet, looks: Looks, at: int, row: RejectedRow, lang: Lang) -> None:
    reasons = _by_column(row)
    for i in row.bad:
        text = row.cells[i][1] if i < len(row.cells) else None
        if text is None:
            sheet.write_blank(at, i, None, looks.fault)
        else:
            literal(sheet, at, i, text[:_CELL_LIMIT], looks.fault)
    for i, issues in reasons.items():
        note = "\n".join(issue.message.text(lang) for issue in issues)
        lines = 1 + sum(1 + len(line) // 18 for line in note.split("\n"))
        sheet.write_comment(at, i, note, {"width": 280, "height": min(20 * lines, 400), "font_size": 9})


def _by_column(row: RejectedRow) -> dict[int, list[Issue]]:
    """Return bad column → what is wrong there: an issue belongs to the bad cell whose text it quotes."""
    found: dict[int, list[Issue]] = {}
    for issue in _errors(row):
        quoted = [i for i in row.bad if i < len(row.cells) and row.cells[i][1] == issue.value]
        for i in quoted or row.bad or (0,):
            found.setdefault(i, []).append(issue)
    return found


def _errors(row: RejectedRow) -> list[Issue]:
    return [issue for issue in row.issues if issue.severity == "error"] or list(row.issues)


def _write_reasons(book: xlsxwriter.Workbook, looks: Looks, tables: Sequence[_Table], lang: Lang) -> None:
    sheet = book.add_worksheet(t("rejects_title", lang))
    for i, (word, width) in enumerate(zip(_EXPLAINED, _WIDTHS, strict=True)):
        sheet.set_column(i, i, width, looks.wrapped)
        literal(sheet, 0, i, t(f"rejects_{word}", lang), looks.header)
    sheet.freeze_panes(1, 0)
    at = 1
    for table in tables:
        for row in table.rows:
            for issue in _errors(row):
                if at > _ROW_LIMIT:
                    return
                for i, text in enumerate(_reason(table, row, issue, lang)):
                    literal(sheet, at, i, text[:_CELL_LIMIT], looks.wrapped)
                at += 1


def _reason(table: _Table, row: RejectedRow, issue: Issue, lang: Lang) -> tuple[str, ...]:
    where = [i for i, issues in _by_column(row).items() if issue in issues and i < len(row.cells)]
    headers = t("export_list_separator", lang).join(row.cells[i][0] for i in where)
    return (
        table.source.file,
        row.sheet,
        str(row.row),
        row.code or "",
        headers or issue.field or "",
        issue.value or "",
        issue.message.text(lang),
    )


def _marks(tables: Sequence[tuple[_Table, str]]) -> list[tuple[str, str]]:
    batches = {table.source.batch for table, _ in tables if table.source.batch is not None}
    rows = [("kind", "rejects")]
    if len(batches) == 1:
        rows.append(("batch", str(*batches)))
    rows += [
        (f"batch:{name}", str(table.source.batch)) for table, name in tables if table.source.batch is not None
    ]
    return rows + [(f"datum:{name}", table.rows[0].datum) for table, name in tables if table.rows[0].datum]
