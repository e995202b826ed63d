"""Builders of spreadsheets and a short way to read them, for the tests of intake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import openpyxl

from riskmap.catalog import Catalog, Layer, load_catalog
from riskmap.io.tables import read_file
from riskmap.values.import_plan import Intake

ROOT = Path(__file__).resolve().parents[1]
MESSY = ROOT / "tests" / "cases" / "messy"


@cache
def catalog() -> Catalog:
    return load_catalog(ROOT)


def layer(name: str = "risk_points") -> Layer:
    return catalog().layer(name)


def workbook(
    path: Path,
    sheets: dict[str, Sequence[Sequence[object]]],
    *,
    merges: dict[str, Sequence[str]] | None = None,
    hidden: Sequence[str] = (),
    formulas: bool = False,
) -> Path:
    """Write a workbook; texts that begin with = are formulas without a value where `formulas`."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for r, row in enumerate(rows, 1):
            for c, value in enumerate(row, 1):
                if value is None:
                    continue
                cell = sheet.cell(r, c)
                cell.value = value
                if isinstance(value, str) and not (formulas and value.startswith("=")):
                    cell.data_type = "e" if value.startswith("#") and value.endswith(("!", "?", "A")) else "s"
        for merged in (merges or {}).get(title, ()):
            sheet.merge_cells(merged)
        if title in hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def read(path: Path, name: str = "risk_points", datum: str | None = "wgs84", **options) -> Intake:
    intake = read_file(path, layer(name), datum=datum, **options)
    assert intake.rows == len(intake.records) + len(intake.rejected) + intake.skipped_non_data
    assert len(intake.sheet) == len(intake.row) == len(intake.records)
    return intake


def codes(intake: Intake) -> list[str]:
    return list(intake.records.code)


def value(intake: Intake, code: str, field: str) -> object:
    at = codes(intake).index(code)
    records = intake.records
    if field in {"name", "subdistrict", "lon", "lat"}:
        return getattr(records, field)[at]
    return records.values[field][at]


def rules(intake: Intake, severity: str | None = None) -> dict[str | None, set[str]]:
    """Code → the rules that spoke of it."""
    found: dict[str | None, set[str]] = {}
    for issue in intake.issues:
        if severity in {None, issue.severity}:
            found.setdefault(issue.code, set()).add(issue.rule)
    return found


def targets(intake: Intake, sheet: int = 0) -> dict[str, str | None]:
    return {h.header: h.target for h in intake.sheets[sheet].headers}
