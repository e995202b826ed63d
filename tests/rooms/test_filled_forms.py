"""A superior's form is filled row for row: records once, the rest of it as it was, and what does not fit is named."""

from __future__ import annotations

import io
import re
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from PIL import Image

import riskmap
from riskmap.actions.inventory.forms import fill_form, form_named
from riskmap.errors import CatalogError, ExportError, RiskmapError, SelectionError, UnreadableFileError
from riskmap.selection import Selection
from tests.form_files import FIRST, MACROS, cells_of, look_of, office_form, parts_of, superior_form
from tests.office import saved_as

SOFFICE = shutil.which("soffice")

MAPPING = """
file = "表.xlsx"
first_row = 5
rows = {rows}
of = ["slopes"]
order = ["code"]
[columns]
A = {{ running = 1 }}
B = "code"
C = "name"
E = {{ field = "tier", words = {{ major = "特级", large = "一级", general = "二级", low = "三级", unrated = "未定" }} }}
F = {{ field = "height_m", unit = "cm", decimals = 1 }}
G = "stability"
H = "threatened_people"
[cells]
A2 = {{ text = "填报单位：{{district}}" }}
I2 = {{ figure = "points.layer_tier", group = "slopes.large" }}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("forms") / "ws"
    with riskmap.demo(home, points=60, seed=7) as d:
        frame = d["slopes"].frame()
        names = {
            frame.index[0]: '=HYPERLINK("http://x")',
            frame.index[1]: '+1 & <b>"_x0041_',
            frame.index[2]: "０甲",
        }
        d["slopes"].edit(pd.DataFrame({"name": names}), by="王五", why="测试")
        d.assess(by="王五", why="首次评估")
    return home


@pytest.fixture
def d(made, tmp_path):
    with riskmap.open(shutil.copytree(made, tmp_path / "ws")) as district:
        yield district


def given(d, mapping=MAPPING, *, rows=5, form=superior_form, **options):
    folder = d._ws.root / "forms"
    form(folder / "表.xlsx", rows=rows, **options)
    (folder / "表.toml").write_text(mapping.format(rows=rows), encoding="utf-8")
    return folder / "表.xlsx"


def refused(d, tmp_path, kind=CatalogError, **options) -> str:
    with pytest.raises(kind) as found:
        d.fill_form("表", tmp_path / "填.xlsx", **options)
    assert not (tmp_path / "填.xlsx").exists()
    assert not list(tmp_path.glob(".riskmap*"))
    assert found.value.text("en")
    return found.value.text("zh")


def test_a_form_grows_with_its_records_and_what_lies_below_moves_as_one(d, tmp_path):
    blank = given(d)
    frame = d["slopes"].frame()
    done = d.fill_form("表", tmp_path / "填.xlsx")
    book, before = load_workbook(done), load_workbook(blank)
    sheet, was = book["表1"], before["表1"]
    count, more = len(frame), len(frame) - 5
    total, last = 10 + more, FIRST + count - 1
    assert more > 0
    # Every record once, in its order, as it is in the ledger.
    assert [sheet[f"B{r}"].value for r in range(FIRST, last + 1)] == list(frame.index)
    assert [sheet[f"A{r}"].value for r in range(FIRST, last + 1)] == list(range(1, count + 1))
    # A letter that reads as an escape is spelt as Excel spells it; openpyxl leaves that as it stands.
    names = [n.replace("_x0041_", "_x005F_x0041_") for n in frame["name"]]
    assert [sheet[f"C{r}"].value for r in range(FIRST, last + 1)] == names
    assert {sheet[f"C{r}"].data_type for r in range(FIRST, last + 1)} == {"s"}  # no text became a formula
    heights = [sheet[f"F{r}"].value for r in range(FIRST, last + 1)]
    assert np.allclose(heights, (frame["height_m"] * 100).round(1))
    words = {"major": "特级", "large": "一级", "general": "二级", "low": "三级", "unrated": "未定"}
    assert [sheet[f"E{r}"].value for r in range(FIRST, last + 1)] == [words[t] for t in frame["tier"]]
    # The look of each row: that of the pattern, its height, its merged cells.
    for row in range(FIRST, last + 1):
        assert sheet.row_dimensions[row].height == 27
        assert f"C{row}:D{row}" in sheet.merged_cells
        assert look_of(sheet[f"B{row}"]) == look_of(was["B5"])
        assert sheet[f"I{row}"].value == f"=H{row}*2"
        assert sheet[f"J{row}"].value == "实测"
    # Below: total, merged cells, rules, printing, other sheets, names, comments.
    assert sheet[f"H{total}"].value == f"=SUM(H5:H{last})"
    assert sheet[f"I{total}"].value == f"=SUM($I$5:$I${last})"
    assert sheet[f"J{total}"].value == f"=H{total}*1"
    assert sheet[f"C{15 + more}"].value == f'="合计 "&H{total}'
    assert sheet.row_dimensions[total].height == 33
    merged = {str(one) for one in sheet.merged_cells.ranges}
    assert {f"A{total}:B{total}", f"A{12 + more}:J{13 + more}", "A1:J1", "C3:D4"} <= merged
    assert len(merged) == len(was.merged_cells.ranges) + more
    rules = {str(one.sqref): (one.formula1, one.formula2) for one in sheet.data_validations.dataValidation}
    assert rules[f"E5:E{last}"][0].startswith('"特级')
    assert rules[f"B{15 + more}"] == ("0", f"$H${total}")
    looks = {str(one.sqref): one.rules[0].formula for one in sheet.conditional_formatting}
    assert looks == {f"F5:F{last}": [f"$H${total}"], f"J{total}": ["0"]}
    assert sheet.print_area == f"'表1'!$A$1:$J${15 + more}"
    assert sheet.print_title_rows == "$3:$4"
    assert [one.id for one in sheet.row_breaks.brk] == [12 + more]
    assert sheet.freeze_panes == "C5"
    assert [book["汇总"][c].value for c in ("A1", "A2")] == [f"=表1!H{total}", f"=SUM('表1'!H5:H{last})"]
    assert book.defined_names["合计"].attr_text == f"'表1'!$H${total}"
    assert sheet[f"J{15 + more}"].comment.text == "盖章处"
    # Every other cell is as it was, where it is now.
    ours = {"A2", "I2"}
    for place, look in cells_of(was).items():
        row = int(re.sub(r"\D", "", place))
        if place in ours or FIRST <= row < FIRST + 5:
            continue
        now = sheet[re.sub(r"\d+", str(row + more if row >= 10 else row), place)]
        assert look_of(now) == look[1], place
        if not str(look[0]).startswith("="):
            assert now.value == look[0], place
    assert sheet["A2"].value == "填报单位：演示区"
    assert sheet["I2"].value == int((frame["tier"] == "large").sum())


def test_a_form_with_room_to_spare_keeps_its_empty_rows_and_nothing_moves(d, tmp_path):
    blank = given(d, rows=30)
    code = d["slopes"].frame().index[3]
    done = d.fill_form("表", tmp_path / "填.xlsx", where=f"code == {code}")
    sheet, was = load_workbook(done)["表1"], load_workbook(blank)["表1"]
    assert [sheet[f"B{r}"].value for r in range(5, 35)] == [code, *[None] * 29]
    assert sheet["H35"].value == was["H35"].value == "=SUM(H5:H34)"
    assert {str(one) for one in sheet.merged_cells.ranges} == {str(one) for one in was.merged_cells.ranges}
    assert [cells_of(sheet)[f"{c}20"] for c in "ABCDEFGHIJ"] == [
        cells_of(was)[f"{c}20"] for c in "ABCDEFGHIJ"
    ]


def test_a_selection_and_the_mapping_are_met_together_and_other_layers_are_refused(d, tmp_path):
    given(d, MAPPING.replace("order =", 'where = ["tier in general,low"]\norder ='))
    frame = d["slopes"].frame(tier="general")
    some = Selection(layers=("slopes", "shelters"), tiers=("general", "major"))
    done = fill_form(d._ws, form_named(d._ws, "表"), some, tmp_path / "填.xlsx")
    sheet = load_workbook(done.file.path)["表1"]
    assert [sheet[f"B{5 + i}"].value for i in range(done.file.rows)] == list(frame.index)
    with pytest.raises(SelectionError, match="这张表填的是边坡"):
        fill_form(d._ws, form_named(d._ws, "表"), Selection(layers=("shelters",)), tmp_path / "填.xlsx")


def test_a_choice_without_a_word_of_the_form_is_named_with_its_record(d, tmp_path):
    given(d, MAPPING.replace(', general = "二级"', ""))
    said = refused(d, tmp_path)
    code = d["slopes"].frame(tier="general").index[0]
    for part in ("forms/表.toml:11", "columns.E.words", "general", code, 'general = "…"'):
        assert part in said, said


def test_a_word_that_the_form_does_not_take_is_named_with_its_cell(d, tmp_path):
    given(d, tiers='"特级,一级,三级,未定"')
    said = refused(d, tmp_path)
    row = FIRST + list(d["slopes"].frame()["tier"]).index("general")
    for part in ("columns.E", '"二级"', f"E{row} ", "特级、一级、三级、未定"):
        assert part in said, said


def test_contacts_are_masked_unless_by_right_with_a_recorded_reason(d, tmp_path):
    given(d, MAPPING.replace('G = "stability"', 'G = "contact.prevention.phone"'))
    masked = load_workbook(d.fill_form("表", tmp_path / "a.xlsx"))["表1"]
    assert re.fullmatch(r"\d{3}\*{4}\d{4}", masked["G5"].value)
    with pytest.raises(RiskmapError, match="经办人和原因"):
        d.fill_form("表", tmp_path / "b.xlsx", unmasked=True)
    before = len(d._ws.ledger.exports())
    whole = load_workbook(d.fill_form("表", tmp_path / "b.xlsx", unmasked=True, by="李四", why="市局季报"))[
        "表1"
    ]
    assert re.fullmatch(r"\d{11}", str(whole["G5"].value))
    assert whole["G5"].data_type == "s"
    assert len(d._ws.ledger.exports()) == before + 1


def test_cells_that_cannot_take_a_record_or_a_figure_are_named(d, tmp_path):
    given(d, MAPPING.replace('C = "name"', 'D = "name"'))
    assert "columns.D：找到 C5:D5，应为合并单元格的左上角 C5" in refused(d, tmp_path)
    given(d, MAPPING + 'B3 = {{ text = "x" }}\nB7 = {{ text = "x" }}\nD2 = {{ text = "x" }}\n')
    said = refused(d, tmp_path)
    assert "cells.B7：找到 B7，应为表格行（5–9 行）之外的单元格" in said
    assert "cells.D2：找到 A2:D2" in said
    given(d, MAPPING.replace("first_row = 5", 'sheet = "表2"\nfirst_row = 5'))
    assert '找到 "表2"，应为文件里的工作表：表1、汇总' in refused(d, tmp_path)


def test_fields_units_words_and_figures_that_there_are_not_are_named(d, tmp_path):
    wrong = (
        MAPPING.replace('"name"', '"name_"')
        .replace('unit = "cm"', 'unit = "kg"')
        .replace("slopes.large", "slopes.lrge")
    )
    given(d, wrong.replace('major = "特级"', 'majr = "特级"').replace('order = ["code"]', 'order = ["cod"]'))
    said = refused(d, tmp_path)
    for part in (
        'columns.C：找到 "name_"',
        "name",
        'columns.F.unit：找到 "kg"',
        "由“m”换算",
        "columns.E.words.majr",
    ):
        assert part in said, said
    for part in ('order[1]：找到 "cod"', "cells.I2.figure", "points.layer_tier.slopes.lrge"):
        assert part in said, said
    found = d.check()
    assert len(found[found["where"].str.startswith("forms/表.toml")]) == 5


def test_rows_that_are_merged_with_one_another_are_refused(d, tmp_path):
    def tall(path, **options):
        book = load_workbook(superior_form(path, **options))
        book["表1"].merge_cells("G5:G9")
        book.save(path)

    given(d, form=tall)
    assert "columns.G：找到 G5:G9，应为没有上下合并的列" in refused(d, tmp_path)


def test_a_label_merged_along_the_rows_grows_with_them(d, tmp_path):
    def tall(path, **options):
        book = load_workbook(superior_form(path, **options))
        book["表1"].merge_cells("J5:J9")
        book.save(path)

    given(d, form=tall)
    sheet = load_workbook(d.fill_form("表", tmp_path / "填.xlsx"))["表1"]
    assert f"J5:J{FIRST + len(d['slopes'].frame()) - 1}" in sheet.merged_cells


def test_pictures_charts_and_parts_that_nobody_knows_stay_byte_for_byte(d, tmp_path):
    def rich(path, **options):
        from openpyxl.chart import BarChart, Reference
        from openpyxl.drawing.image import Image as Picture

        book = load_workbook(superior_form(path, **options))
        sheet = book["表1"]
        Image.new("RGB", (20, 20), "red").save(path.with_suffix(".png"))
        sheet.add_image(Picture(io.BytesIO(path.with_suffix(".png").read_bytes())), "B14")
        chart = BarChart()
        chart.add_data(Reference(sheet, min_col=8, min_row=5, max_row=9))
        sheet.add_chart(chart, "E20")
        book.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("custom/印章.bin", b"\x00seal")

    blank = given(d, form=rich)
    filled = fill_form(d._ws, form_named(d._ws, "表"), Selection(), tmp_path / "填.xlsx")
    assert filled.prepared.kept == {"pictures": 1, "charts": 1, "comments": 1}
    done, more = filled.file.path, len(d["slopes"].frame()) - 5
    with zipfile.ZipFile(blank) as before, zipfile.ZipFile(done) as after:
        assert set(before.namelist()) == set(after.namelist())
        media = next(name for name in before.namelist() if "media" in name)
        for name in (media, "custom/印章.bin", "xl/styles.xml", "xl/theme/theme1.xml", "docProps/core.xml"):
            assert before.read(name) == after.read(name)
        drawing, chart = (
            after.read(f"xl/{n}").decode() for n in ("drawings/drawing1.xml", "charts/chart1.xml")
        )
        assert sorted(int(n) for n in re.findall(r"<(?:\w+:)?row>(\d+)<", drawing))[:2] == [
            13 + more,
            19 + more,
        ]
        assert f"$H$5:$H${9 + more}" in chart
    document = load_workbook(done)["表1"]
    assert len(document._images) == 1


def test_days_are_days_where_the_form_shows_days_and_codes_keep_their_zeros(d, tmp_path):
    def dated(path, **options):
        book = load_workbook(superior_form(path, **options))
        for row in range(5, 10):
            book["表1"][f"G{row}"].number_format = "yyyy年m月d日"
        book.save(path)

    frame = d["slopes"].frame()
    code, other = frame.index[:2]
    change = pd.DataFrame({"found_on": {code: "2026-03-09"}, "address": {code: "00123", other: "12/3"}})
    d["slopes"].edit(change, by="王五", why="测试")
    given(d, MAPPING.replace('G = "stability"', 'G = "found_on"\nJ = "address"'), form=dated)
    sheet = load_workbook(d.fill_form("表", tmp_path / "填.xlsx"))["表1"]
    assert str(sheet["G5"].value) == "2026-03-09 00:00:00"
    assert (sheet["J5"].value, sheet["J6"].value) == ("00123", "12/3")


@pytest.mark.parametrize("more", ["_xmlsignatures/sig1.xml", "twice"])
def test_a_signed_workbook_and_one_with_a_part_twice_are_refused(d, tmp_path, more):
    blank = given(d)
    with zipfile.ZipFile(blank, "a") as archive:
        name = "xl/styles.xml" if more == "twice" else more
        with (
            pytest.warns(UserWarning, match="Duplicate") if more == "twice" else pytest.MonkeyPatch.context()
        ):
            archive.writestr(name, b"<a/>")
    assert ("重名" if more == "twice" else "数字签名") in refused(d, tmp_path, UnreadableFileError)


def test_hostile_workbooks_are_refused_before_anything_is_written(d, tmp_path):
    blank = given(d)
    with zipfile.ZipFile(blank, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/大.bin", bytes(100 << 20))
    assert "压缩炸弹" in refused(d, tmp_path, UnreadableFileError)
    given(d)
    with zipfile.ZipFile(blank) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = entity + sheet.replace(
        b"</sheetData>", b"<row><c><v>&x;</v></c></row></sheetData>"
    )
    with zipfile.ZipFile(blank, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert "实体定义" in refused(d, tmp_path, UnreadableFileError)


def office(d, tmp_path, ending="xlsx"):
    """Fill a form as Excel saves it with more than it has room for.

    Return the filled form, the rows that came in addition, and its parts before and afterwards.
    """
    folder = d._ws.root / "forms"
    blank = office_form(folder / f"表.{ending}")
    (folder / "表.toml").write_text(MAPPING.format(rows=5).replace("表.xlsx", blank.name), encoding="utf-8")
    done = d.fill_form("表", tmp_path / f"填.{ending}")
    more = len(d["slopes"].frame()) - 5
    assert more > 0
    return done, more, parts_of(blank), parts_of(done)


def test_drawn_comments_and_check_boxes_move_with_their_cells_and_what_they_are_linked_to(d, tmp_path):
    _, more, was, now = office(d, tmp_path)
    drawn = now["xl/drawings/commentsDrawing1.vml"].decode()
    moved = was["xl/drawings/commentsDrawing1.vml"].decode()
    for at, down in (
        ("10, 15, {}, 10, 12, 15, {}, 4<", (14, 15)),  # the comment
        ("4, 10, {}, 2, 5, 40, {}, 3<", (14, 15)),  # the check box
        ("<x:Row>{}<", (14,)),
        ("表1!$B${}<", (15,)),
    ):
        assert at.format(*down) in moved
        moved = moved.replace(at.format(*down), at.format(*(one + more for one in down)))
    assert drawn == moved  # and no other letter of it
    elsewhere, moved = (parts["xl/drawings/vmlDrawing2.vml"].decode() for parts in (now, was))
    assert elsewhere == moved.replace("表1!$B$15<", f"表1!$B${15 + more}<") != moved
    box = now["xl/ctrlProps/ctrlProp1.xml"].decode()
    assert f'fmlaLink="$B${15 + more}"' in box
    assert 'checked="Checked"' in box
    sheet = now["xl/worksheets/sheet1.xml"].decode()
    assert re.findall(r"<xdr:row>(\d+)<", sheet) == [str(14 + more), str(15 + more)]
    assert f'linkedCell="$B${15 + more}"' in sheet
    assert f'<comment ref="J{15 + more}"' in now["xl/comments/comment1.xml"].decode()


def test_a_comment_that_another_program_drew_moves_too(d, tmp_path):
    given(d)
    done = d.fill_form("表", tmp_path / "填.xlsx")
    drawn = parts_of(done)["xl/drawings/commentsDrawing1.vml"].decode()
    assert re.findall(r"<\w+:Row>(\d+)<", drawn) == [str(14 + len(d["slopes"].frame()) - 5)]


def test_rules_below_the_table_move_those_of_newer_programs_too(d, tmp_path):
    _, more, _, now = office(d, tmp_path)
    sheet = now["xl/worksheets/sheet1.xml"].decode()
    assert f"<xm:f>汇总!$A$1:$A$2</xm:f></x14:formula1><xm:sqref>F{15 + more}</xm:sqref>" in sheet
    assert f'<conditionalFormatting sqref="J{10 + more}">' in sheet
    assert re.search(
        rf'<dataValidation sqref="B{15 + more}"[^>]*><formula1>0</formula1><formula2>\$H\${10 + more}<', sheet
    )


def test_a_pivot_table_on_another_sheet_takes_the_rows_in_and_is_worked_out_again(d, tmp_path):
    _, more, was, now = office(d, tmp_path)
    cache = now["xl/pivotCache/pivotCacheDefinition1.xml"].decode()
    assert f'<worksheetSource ref="E4:F{9 + more}" sheet="表1"/>' in cache
    assert 'refreshOnLoad="1"' in cache
    assert now["xl/pivotTables/pivotTable1.xml"] == was["xl/pivotTables/pivotTable1.xml"]


def test_macros_stay_byte_for_byte_and_no_part_changes_that_names_no_cell(d, tmp_path):
    done, _, was, now = office(d, tmp_path, "xlsm")
    assert done.suffix == ".xlsm"
    assert now["xl/vbaProject.bin"] == was["xl/vbaProject.bin"] == MACROS
    assert list(now) == list(was)
    assert {name for name in was if was[name] != now[name]} == {
        "xl/comments/comment1.xml",
        "xl/ctrlProps/ctrlProp1.xml",
        "xl/drawings/commentsDrawing1.vml",
        "xl/drawings/vmlDrawing2.vml",
        "xl/pivotCache/pivotCacheDefinition1.xml",
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/sheet2.xml",
    }


@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_a_filled_form_with_all_that_stands_in_it_and_works_its_sums_out(d, tmp_path):
    done, more, _, _ = office(d, tmp_path)
    frame = d["slopes"].frame()
    saved = saved_as(SOFFICE, done, "xlsx", tmp_path / "office")
    book = load_workbook(saved, data_only=True)
    sheet, total = book["表1"], 10 + more
    assert [sheet[f"B{row}"].value for row in range(FIRST, total)] == list(frame.index)
    assert sheet[f"A{total}"].value == "合计"
    assert sheet[f"H{total}"].value == frame["threatened_people"].sum()
    assert sheet[f"I{total}"].value == 2 * frame["threatened_people"].sum()
    assert sheet[f"J{15 + more}"].comment.text == "盖章处"
    assert [str(one.sqref) for one in sheet.conditional_formatting] == [f"F5:F{total - 1}", f"J{total}"]
    controls = [part.decode() for name, part in parts_of(saved).items() if "ctrlProp" in name]
    assert [f"$B${15 + more}" in one for one in controls] == [True, True]
    pivot = list(book["汇总"].iter_rows(min_row=4, min_col=4, max_col=5, values_only=True))
    assert len(pivot) == frame["tier"].nunique() + 1
    assert pivot[-1][1] == pytest.approx((frame["height_m"] * 100).round(1).sum())


def test_the_blank_form_and_another_ending_are_not_written_to(d, tmp_path):
    blank = given(d)
    before = blank.read_bytes()
    with pytest.raises(ExportError, match="空白表样本身"):
        d.fill_form("表", blank)
    with pytest.raises(ExportError, match=r"也要写成 \.xlsx"):
        d.fill_form("表", tmp_path / "填.xls")
    assert blank.read_bytes() == before
