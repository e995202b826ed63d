"""`forms/*.toml`: every mistake of its shape is named with file, line, key and what to write instead."""

from __future__ import annotations

import pytest

from riskmap.catalog.form_file import filled_in, read_form
from riskmap.errors import CatalogError

SOUND = """
file = "表.xlsx"
first_row = 5
rows = 3
of = ["slopes"]

[columns]
A = { running = 1 }
B = "code"
C = { field = "height_m", unit = "cm", decimals = 1 }
D = { field = "tier", words = { major = "特级" } }
E = { text = "演示" }

[cells]
B2 = { figure = "points.tier", group = "major" }
C2 = { text = "共 {value} 处", figure = "points.points", period = "2026" }
D2 = { text = "{district} {year}-{month}-{day}" }
"""


def test_a_sound_mapping_is_read_and_a_word_alone_is_a_field():
    form, _ = read_form(SOUND, "forms/a.toml")
    assert form.columns["B"].field == "code"
    assert form.columns["A"].running == 1
    assert form.cells["B2"].figure_id == "points.tier.major"
    assert form.pattern_row == 5
    assert form.cells["D2"].text == "{district} {year}-{month}-{day}"


@pytest.mark.parametrize(
    ("before", "after", "place", "expected"),
    [
        ('file = "表.xlsx"', 'file = "../表.xlsx"', ":2 › file", "同一文件夹"),
        ('file = "表.xlsx"', 'file = "表.xls"', ":2 › file", ".xlsx"),
        ("first_row = 5", "first_row = 0", ":3 › first_row", "不小于 1"),
        ("rows = 3", "rows = 3\npattern = 9", ":5 › pattern", "5–7"),
        ("{ running = 1 }", '{ running = 1, text = "x" }', "columns.A", "恰好一项"),
        ("{ running = 1 }", '{ running = 1, unit = "m" }', "columns.A.unit", "只用于 field"),
        ("{ running = 1 }", "{ runn = 1 }", "columns.A.runn", "running"),
        ("A = {", "a1 = {", "columns.a1", "列的字母"),
        ("B2 = {", "b2 = {", "cells.b2", "单元格，如 B2"),
        ('{ field = "tier", words', '{ field = "tier", unit = "m", words', "columns.D.words", "不同时"),
        ('{ text = "{district}', '{ text = "{distrikt}', "cells.D2.text", "{district}"),
        ('"共 {value} 处"', '"共 处"', "cells.C2.text", "{value}"),
        ('{ text = "{district}', '{ group = "a", text = "{district}', "cells.D2.group", "figure"),
        ('B2 = { figure = "points.tier", group = "major" }', "B2 = { }", "cells.B2", "figure 或 text"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_what_to_write(before, after, place, expected):
    assert before in SOUND
    with pytest.raises(CatalogError) as refused:
        read_form(SOUND.replace(before, after, 1), "forms/a.toml")
    said = refused.value.text("zh")
    assert "forms/a.toml" in said
    assert place in said
    assert expected in said
    assert refused.value.text("en")


def test_what_a_value_says_in_braces_is_not_filled_in_again():
    assert (
        filled_in("{district} {value} {other}", {"district": "{value}", "value": "3"}) == "{value} 3 {other}"
    )
