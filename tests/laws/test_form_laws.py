"""Whatever a form looks like: each record stands in it once, in order, and every other cell is as it was."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from riskmap.io.files import ASKED
from riskmap.io.files.cell_references import column_letters
from riskmap.io.files.drivers.form_parts import read
from riskmap.io.writers import filled_form
from riskmap.io.writers.filled_form import FilledColumn, FormRequest, PreparedForm, put_together
from tests.form_files import look_of

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)


@st.composite
def forms(draw):
    """A form: header rows, a room, what is merged where, and how many records there are."""
    first, rows = draw(st.integers(2, 6)), draw(st.integers(1, 6))
    width = draw(st.integers(2, 6))
    taken = draw(st.sets(st.integers(1, width), min_size=1))
    pairs = draw(st.lists(st.integers(1, width), max_size=2, unique=True))
    merged = [c for c in pairs if c + 1 not in taken and c - 1 not in pairs]
    pattern = first + draw(st.integers(0, rows - 1))
    below = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(1, width)), max_size=4, unique=True))
    values = draw(st.lists(st.one_of(st.none(), TEXT), max_size=14))
    return first, rows, width, sorted(taken), merged, pattern, below, values


def made(path: Path, form) -> None:
    first, rows, width, taken, merged, _, below, _ = form
    book = Workbook()
    sheet = book.active
    for row in range(1, first + rows + 6):
        sheet.row_dimensions[row].height = 10 + row
        for column in range(1, width + 1):
            cell = sheet.cell(row, column)
            cell.font = Font(size=8 + (row * 7 + column) % 5)
            if not first <= row < first + rows:
                cell.value = f"{row}:{column}"
            elif column not in taken and column % 2:
                cell.value = "同" if column % 3 else f'={column_letters(taken[0])}{row}&"!"'
    last = first + rows - 1
    for column in merged:
        for row in range(first, last + 1):
            sheet.cell(row, column + 1).value = None
            sheet.merge_cells(start_row=row, end_row=row, start_column=column, end_column=column + 1)
    covered = set()
    for down, column in below:
        row = last + 1 + down
        if not {(row, column), (row + 1, column)} & covered:
            covered |= {(row, column), (row + 1, column)}
            sheet.cell(row + 1, column).value = None
            sheet.merge_cells(start_row=row, end_row=row + 1, start_column=column, end_column=column)
    letter = column_letters(width + 2)
    sheet[f"{letter}{last + 3}"] = f"=COUNTA(A{first}:A{last})+A{last + 2}"
    rule = DataValidation("whole", formula1=f"$A${last + 1}")
    rule.add(f"A{first}:A{last}")
    sheet.add_data_validation(rule)
    book.create_sheet("汇总")["A1"] = f"=COUNTA({sheet.title}!A{first}:A{last})"
    book.save(path)


@given(form=forms())
@SETTINGS
def test_records_stand_once_and_the_rest_of_the_form_is_as_it_was(form):
    first, rows, width, taken, merged, pattern, _, values = form
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        blank, filled = folder / "空.xlsx", folder / "填.xlsx"
        made(blank, form)
        digits = [value and str(i) for i, value in enumerate(values)]
        columns = tuple(
            FilledColumn(c, "number" if c % 2 else "text", pa.array(digits if c % 2 else values, pa.string()))
            for c in taken
        )
        asked = FormRequest(blank, None, first, rows, pattern, len(values), columns)
        (folder / ASKED).write_text(json.dumps(asked.as_asked()), encoding="utf-8")
        facts = read({"path": str(blank)}, folder)
        assert facts["wrong"] == []
        made_parts = {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix == ""}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(filled_form, "_PIECE", 4)  # rows are written in several pieces
            put_together(PreparedForm(asked, facts, made_parts), filled)
        before, book = load_workbook(blank).active, load_workbook(filled)
        after = book.worksheets[0]
    last, more = first + rows - 1, max(0, len(values) - rows)
    for column in taken:
        stood = [after.cell(first + i, column).value for i in range(max(rows, len(values)))]
        mine = [value and i for i, value in enumerate(values)] if column % 2 else values
        assert stood == [*mine, *[None] * (rows - len(values))]
    for row in range(first, first + len(values)):
        assert after.row_dimensions[row].height == 10 + pattern
        for column in range(1, width + 1):
            assert look_of(after.cell(row, column)) == look_of(before.cell(pattern, column))
            if column not in taken:
                assert after.cell(row, column).value == _own(before, form, row, column)
    for row in (*range(1, first), *range(first + len(values), last + 1), *range(last + 1, last + 7)):
        now = row + more if row > last else row
        assert after.row_dimensions[now].height == before.row_dimensions[row].height
        for column in range(1, width + 1):
            was = before.cell(row, column)
            assert (after.cell(now, column).value, look_of(after.cell(now, column))) == (
                was.value,
                look_of(was),
            )
    letter = column_letters(width + 2)
    assert after[f"{letter}{last + 3 + more}"].value == f"=COUNTA(A{first}:A{last + more})+A{last + 2 + more}"
    assert book["汇总"]["A1"].value == f"=COUNTA({after.title}!A{first}:A{last + more})"
    (rule,) = after.data_validations.dataValidation
    assert (str(rule.sqref), rule.formula1) == (_range(first, last + more), f"$A${last + 1 + more}")
    kept = {str(one) for one in before.merged_cells.ranges if one.min_row > last}
    assert {_up(one, more) for one in _below(after, last + more)} == kept
    for row in range(first, last + more + 1):
        mine = {one.min_col for one in after.merged_cells.ranges if one.min_row == row == one.max_row}
        assert mine == set(merged)


def _own(before, form, row, column):
    """Return what a written row holds where no record does: its own, or what the pattern and every row of the room have."""
    first, rows, *_, pattern, _, _ = form
    if row < first + rows:
        return before.cell(row, column).value
    said = before.cell(pattern, column).value
    if str(said).startswith("="):
        return said.replace(f"{pattern}&", f"{row}&")
    return said if {before.cell(first + i, column).value for i in range(rows)} == {said} else None


def _range(first: int, last: int) -> str:
    return f"A{first}" if first == last else f"A{first}:A{last}"


def _below(sheet, last):
    return [one for one in sheet.merged_cells.ranges if one.min_row > last]


def _up(one, more):
    left, right = column_letters(one.min_col), column_letters(one.max_col)
    return f"{left}{one.min_row - more}:{right}{one.max_row - more}"
