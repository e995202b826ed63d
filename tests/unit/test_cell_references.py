"""References in formulas: rows put in above them, cells copied, and what only looks like a reference."""

from __future__ import annotations

import pytest

from riskmap.io.files.cell_references import (
    Box,
    Insertion,
    cell_at,
    column_letters,
    column_number,
    copied,
    uncovered,
)

WAY = Insertion("表1", 5, 14, 7)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SUM(D5:D14)", "SUM(D5:D21)"),
        ("SUM(D$5:$D$14)+D15", "SUM(D$5:$D$21)+D22"),
        ("SUM(D9:D14)", "SUM(D9:D21)"),
        ("SUM(D5:D15)", "SUM(D5:D22)"),
        ("SUM(D14:D14)", "SUM(D14:D14)"),
        ("D14*2", "D14*2"),
        ("D15/D4", "D22/D4"),
        ("SUM(A15,B16)", "SUM(A22,B23)"),
        ("$1:$15", "$1:$22"),
        ("SUM(D:D)", "SUM(D:D)"),
        ("表1!$A$15", "表1!$A$22"),
        ("'表1'!A15:B20", "'表1'!A22:B27"),
    ],
)
def test_a_reference_below_the_room_moves_and_a_range_over_it_grows(before, after):
    assert WAY.formula(before, "表1") == after


@pytest.mark.parametrize(
    "text",
    [
        "表2!A15", "'表 2'!A15", '"A15 和 ""A16"""', "LOG10(2)", "[1]表1!A15", "'[x.xlsx]表1'!A15", "'C:\\[x.xlsx]表1'!$A$15",
        "表[[#All],[A15]]", "1E15", "ABCD15", "名称A15x", 'INDIRECT("A15")',
    ],
)  # fmt: skip
def test_what_is_no_reference_to_the_sheet_stays(text):
    assert WAY.formula(text, "表1") == text


def test_a_reference_of_another_sheet_names_the_form():
    assert WAY.formula("A15+表1!A15", "汇总") == "A15+表1!A22"


def test_a_room_of_one_row_grows_where_a_range_is_that_row():
    one = Insertion("表1", 5, 5, 3)
    assert one.formula("SUM(D5:D5)+D5+SUM(D4:D5)", "表1") == "SUM(D5:D8)+D5+SUM(D4:D8)"


@pytest.mark.parametrize(
    ("text", "down", "right", "after"),
    [
        ("C5*$D$2+E$5+SUM(A5:$B5)", 3, 0, "C8*$D$2+E$5+SUM(A8:$B8)"),
        ("A1", -1, 0, "#REF!"),
        ("A1+$A1+B$2", 0, 2, "C1+$A1+D$2"),
        ('表2!A1&"A1"', 4, 0, '表2!A5&"A1"'),
    ],
)
def test_a_copied_formula_moves_what_has_no_dollar(text, down, right, after):
    assert copied(text, down, right) == after


def test_columns_are_letters_and_numbers():
    assert [column_letters(n) for n in (1, 26, 27, 702, 703, 16384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert all(column_number(column_letters(n)) == n for n in range(1, 2000))
    assert cell_at("$B$7") == (7, 2)
    assert cell_at("XFE1") is None
    assert cell_at("A1048577") is None
    assert str(Box.parse("D9:B2")) == "B2:D9"


def test_ranges_tell_which_columns_they_leave_free():
    boxes = [Box(1, 2, 9, 3), Box(20, 1, 30, 9)]
    assert list(uncovered(boxes, 5, 6, 1, 5)) == [(1, 1), (4, 5)]
