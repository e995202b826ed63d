"""`riskmap list`: lists that are files, what they hold, and that a ticket is never lost between them."""

from __future__ import annotations

import openpyxl
import pytest

from riskmap.actions.records.editing import create_point
from riskmap.actions.records.tickets import move_points
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.register_files import LAYER, hazard, workspace

BY = {"by": local_actor("甲"), "why": "测试"}
ASSIGN = {"department": "住建局", "due": "2026-12-01", "order": "1号"}
OWN = """
id = "by_department"
title = { zh = "按单位", en = "By department" }
of = ["major_hazards"]
where = ["closed = false", "due <= today+30"]
columns = ["code", "name", "state", "due", "overdue", "department", "contact:responsible"]
order = ["-due", "code"]
group_by = "department"
status = "adopted"
source = "区办 2026-1 号"
"""


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    made = workspace(tmp_path / "ws")
    for code in ("H1", "H2", "H3"):
        create_point(made, LAYER, code, values=hazard(code), **BY)
    return made


def listed(ws, *words):
    return riskmap("list", *words, "--json", "--workspace", ws.root)


def codes(ws, name, *words):
    return [one["code"] for one in listed(ws, name, *words).json["rows"]]


def move(ws, codes, word, **stated):
    return move_points(ws, LAYER, codes, word, stated=stated, **BY)


def test_every_list_is_named_with_how_many_it_holds_and_that_it_is_a_draft_of_ours(ws):
    found = {one["id"]: one for one in listed(ws).json["lists"]}
    assert [found[one]["count"] for one in ("hazard_list", "rectification_list", "closing_list")] == [3, 3, 0]
    assert {one["status"] for one in found.values()} == {"draft"}
    assert all(one["default"] for one in found.values())
    assert found["hazard_list"]["title"] == "隐患清单"


def test_three_lists_follow_the_tickets(ws, monkeypatch):
    move(ws, ["H1", "H2"], "assign", **ASSIGN)
    move(ws, ["H2"], "rectify", evidence="a.jpg")
    move_points(ws, LAYER, ["H2"], "accept", on="2026-11-29", by=local_actor("乙"), why="验收")
    assert codes(ws, "隐患清单") == ["H1", "H2", "H3"]
    assert (codes(ws, "整改清单"), codes(ws, "销号清单")) == (["H3", "H1"], ["H2"])
    assert codes(ws, "supervised_list") == []
    monkeypatch.setenv(CLOCK, "2026-12-09T02:00:00Z")
    assert codes(ws, "督办清单") == ["H1"]
    (late,) = listed(ws, "督办清单").json["rows"]
    assert (late["overdue"], late["due"], late["state"]) == (8, "2026-12-01", "rectifying")
    assert codes(ws, "隐患清单") == ["H1", "H2", "H3"]
    assert codes(ws, "整改清单", "--as-of", "2000-01-01") == []


def test_a_list_of_the_workspace_has_its_columns_order_and_groups(ws):
    (ws.root / "lists").mkdir()
    (ws.root / "lists" / "mine.toml").write_text(OWN, encoding="utf-8")
    move(ws, ["H1"], "assign", **ASSIGN | {"due": "2026-12-01"})
    move(ws, ["H2"], "assign", **ASSIGN | {"due": "2026-12-05"})
    move(ws, ["H3"], "assign", **ASSIGN | {"due": "2027-12-05"})
    document = listed(ws, "按单位").json
    assert [one["code"] for one in document["rows"]] == ["H2", "H1"]
    assert [one["title"] for one in document["columns"]][2:5] == ["状态", "期限", "超期天数"]
    assert document["groups"] == [{"value": "住建局", "title": "住建局", "count": 2}]
    assert document["list"]["status"] == "adopted"


def test_a_list_is_written_as_a_workbook_that_says_its_day_and_draft_and_comes_back_as_no_record(
    ws, tmp_path
):
    move(ws, ["H1"], "assign", **ASSIGN)
    to = tmp_path / "整改.xlsx"
    assert listed(ws, "整改清单", "--to", to).json["file"] == str(to)
    sheet = openpyxl.load_workbook(to).worksheets[0]
    cells = [[cell for cell in row if cell] for row in sheet.iter_rows(values_only=True)]
    assert cells[0] == ["测试区 整改清单"]
    assert "共 3 条 · 截至 2026-11-29" in cells[1][0]
    assert "草案" in cells[2][0]
    assert cells[3][:3] == ["图层", "编号", "名称"]
    assert cells[4] == ["已发现（2）"]
    assert [row[1] for row in cells[5:7]] == ["H2", "H3"]
    assert cells[7] == ["整改中（1）"]
    assert "2026-12-01" in cells[8]
    back = riskmap("import", LAYER, to, "--crs", "cgcs2000", "--json", "--workspace", ws.root)
    assert (back.status, back.json.get("files", [{}])[0].get("accepted", 0)) in {(0, 0), (1, 0), (2, 0)}
    assert "riskmap export" in listed(ws, "整改清单", "--to", tmp_path / "a.csv").json["error"]["message"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('of = ["major_hazards"]', 'of = ["major_hazard"]', 4, "major_hazards"),
        ('"closed = false"', '"closd = false"', 5, "closd"),
        ('"due <= today+30"', '"due <= 那天"', 5, "那天"),
        ('"department", "contact', '"departmnt", "contact', 6, "department"),
        ('"-due"', '"-duee"', 7, "due"),
        ('group_by = "department"', 'group_by = "contact:responsible"', 8, "个人信息"),
        ('status = "adopted"', 'status = "done"', 9, "draft"),
        ('source = "区办 2026-1 号"', "", None, "必填"),
        ("columns =", "column =", 6, "columns"),
        ('id = "by_department"', 'id = "by_department', 2, "TOML"),
    ],
)  # fmt: skip
def test_every_mistake_of_a_list_is_named_with_its_line_and_the_others_work(ws, old, new, line, says):
    (ws.root / "lists").mkdir()
    assert old in OWN
    (ws.root / "lists" / "mine.toml").write_text(OWN.replace(old, new), encoding="utf-8")
    found = {one["file"]: one for one in listed(ws).json["lists"]}
    told = " ".join(found["lists/mine.toml"]["problems"])
    assert says in told
    assert line is None or f"mine.toml:{line}" in told
    assert found["lists/mine.toml"]["count"] is None
    assert found["lists/hazard_list.toml"]["count"] == 3
    refused = listed(ws, found["lists/mine.toml"]["id"])
    assert (refused.status, says in refused.json["error"]["message"]) == (2, True)
    assert any("mine.toml" in one["message"] for one in check(ws))


def check(ws):
    return riskmap("check", "--json", "--workspace", ws.root).json["findings"]


def test_a_default_that_fits_no_layer_is_no_fault_of_the_workspace(ws):
    assert not any("lists/" in one["message"] for one in check(ws))


def test_a_file_with_the_id_of_a_default_stands_for_it_and_two_with_one_id_are_named(ws):
    (ws.root / "lists").mkdir()
    text = OWN.replace("by_department", "hazard_list")
    (ws.root / "lists" / "a.toml").write_text(text, encoding="utf-8")
    found = {one["id"]: one for one in listed(ws).json["lists"]}
    assert (found["hazard_list"]["default"], found["hazard_list"]["file"]) == (False, "lists/a.toml")
    (ws.root / "lists" / "b.toml").write_text(text, encoding="utf-8")
    found = {one["file"]: one for one in listed(ws).json["lists"]}
    assert "lists/a.toml" in found["lists/b.toml"]["problems"][0]


def test_an_unknown_list_is_told_what_there_is(ws):
    assert "hazard_list" in listed(ws, "hazard_lst").json["error"]["message"]
