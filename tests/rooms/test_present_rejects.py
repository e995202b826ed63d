"""Rejected rows go back as they came, with what is wrong and how to put it right."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from riskmap.errors import Text
from riskmap.io.writers.rejects import RejectedFile, write_rejects
from riskmap.values.import_plan import Issue, RejectedRow


def issue(row: int, field: str | None, value: str | None, zh: str) -> Issue:
    return Issue("桂园", row, None, field, value, "error", "rule", Text(zh, zh))


def row(
    number: int, cells: dict[str, str | None], bad: tuple[int, ...], *issues: Issue, sheet: str = "桂园"
) -> RejectedRow:
    return RejectedRow(sheet, number, cells.get("编号"), tuple(cells.items()), bad, issues)


def sample(folder: Path, batch: int | None = 7) -> openpyxl.Workbook:
    first = row(
        5,
        {"编号": "S-1", "名称": "=cmd|' /C calc'!A0", "坡高": "很高", "经度": "0"},
        (2, 3),
        issue(5, "slope_height", "很高", "坡高：很高 不是数值"),
        issue(5, "longitude", "0", "经度：不能是 0"),
    )
    second = row(
        9,
        {"编号": None, "名称": "<r>坏</r>", "坡高": "3", "经度": "114.1"},
        (0,),
        issue(9, "code", None, "缺编号"),
    )
    other = row(3, {"编码": "X", "备注": "1"}, (), issue(3, None, None, "整行重复"), sheet="南湖/表[1]")
    path = folder / "退回.xlsx"
    write_rejects(path, [RejectedFile("台账.xlsx", batch, (first, second, other))])
    assert [p.name for p in folder.iterdir()] == ["退回.xlsx"]
    return openpyxl.load_workbook(path)


def test_rows_come_back_under_their_own_headers(tmp_path: Path):
    book = sample(tmp_path)
    assert book.sheetnames == ["桂园", "南湖 表 1", "退回说明", "_riskmap"]
    assert list(book["桂园"].iter_rows(values_only=True)) == [
        ("编号", "名称", "坡高", "经度"),
        ("S-1", "=cmd|' /C calc'!A0", "很高", "0"),
        (None, "<r>坏</r>", "3", "114.1"),
    ]
    assert all(c.data_type != "f" for r in book["桂园"].iter_rows() for c in r)


def test_bad_cells_are_red_and_say_what_and_how(tmp_path: Path):
    sheet = sample(tmp_path)["桂园"]
    red = {c.coordinate for r in sheet.iter_rows(min_row=2) for c in r if c.fill.fgColor.rgb == "FFFFC7CE"}
    assert red == {"C2", "D2", "A3"}
    assert sheet["C2"].comment.text.strip() == "坡高：很高 不是数值"
    assert sheet["D2"].comment.text.strip() == "经度：不能是 0"
    assert sheet["A3"].comment.text.strip() == "缺编号"


def test_every_reason_is_listed_with_its_place(tmp_path: Path):
    rows = list(sample(tmp_path)["退回说明"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == 4
    assert rows[0] == ("台账.xlsx", "桂园", "5", "S-1", "坡高", "很高", "坡高：很高 不是数值")
    assert rows[3][1:4] == ("南湖/表[1]", "3", "X") or rows[3][1:3] == ("南湖/表[1]", "3")


def test_the_hidden_sheet_names_the_batch(tmp_path: Path):
    book = sample(tmp_path)
    assert book["_riskmap"].sheet_state == "veryHidden"
    assert dict(book["_riskmap"].iter_rows(values_only=True))["batch"] == "7"


def test_a_dry_run_has_no_batch_to_name(tmp_path: Path):
    assert "batch" not in dict(sample(tmp_path, None)["_riskmap"].iter_rows(values_only=True))
