"""A bad optional cell keeps no row out for good: it is left empty, or written anew, and the row goes the usual way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from riskmap.actions.rejected_mending import can_be_emptied, mend_rejected, optional_cells
from riskmap.actions.workspace import open_workspace
from riskmap.errors import RiskmapError
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.pages_running import open_page, panel, use_workspace

HEAD = "编号,名称,经度,纬度,占地面积(m2),容纳人数"
BY = local_actor("张三")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    return where


def rejected(root: Path, *rows: str, crs: str = "wgs84") -> list[Any]:
    file = root / "list.csv"
    file.write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8-sig")
    riskmap("import", "shelters", file, "--crs", crs, "--workspace", root)
    return open_workspace(root).ledger.rejected()


def fields(root: Path) -> dict[str, Any]:
    found = riskmap("select", "shelters", "--json", "--workspace", root).json["features"]
    return {one["code"]: one for one in found}


BAD = {"capacity": ("约一千二", "1.2万人左右", "100-200", "若干"), "area_m2": ("很大", "100-200", "?约")}
CASES = [(field, text) for field, texts in BAD.items() for text in texts]


@pytest.mark.parametrize(("field", "text"), CASES)
def test_a_bad_optional_cell_is_left_empty_and_the_rest_goes_in(root, field, text):
    area, people = (text, "10") if field == "area_m2" else ("900", text)
    (entry,) = rejected(root, f"S1,东湖,114.05,22.54,{area},{people}")
    layer = open_workspace(root).catalog.layer("shelters")
    assert can_be_emptied(layer, entry.row)
    assert [entry.row.cells[i][1] for i in optional_cells(layer, entry.row)] == [text]
    done = mend_rejected(open_workspace(root), [entry.id], by=BY, why="街道未改")
    assert (done.accepted, done.rejected) == (1, 0)
    one = fields(root)["S1"]
    assert one["fields"][field] is None
    assert one["fields"]["capacity" if field == "area_m2" else "area_m2"] is not None
    assert (round(one["lon"], 3), round(one["lat"], 3)) == (114.05, 22.54)
    assert open_workspace(root).ledger.rejected() == []


def test_a_cell_is_written_anew_on_the_command_line(root):
    (entry,) = rejected(root, "S1,东湖,114.05,22.54,900,100-200")
    done = riskmap("mend", entry.id, "--set", "容纳人数=150", "--why", "电话核实", "--workspace", root)
    assert done.status == 0, done.err
    assert fields(root)["S1"]["fields"]["capacity"] == 150
    last = riskmap("history", "shelters", "S1", "--json", "--workspace", root).json["revisions"][-1]
    assert last["why"] == "电话核实"


def test_what_is_still_wrong_is_rejected_anew_and_only_once(root):
    (entry,) = rejected(root, "S1,东湖,114.05,22.54,900,100-200")
    done = riskmap("mend", entry.id, "--set", "容纳人数=许多", "--workspace", root)
    assert done.status == 1
    (again,) = open_workspace(root).ledger.rejected()
    assert again.id != entry.id
    assert "许多" in str(again.row.cells)


def test_the_positions_of_a_mended_row_keep_their_datum(root):
    (entry,) = rejected(root, "S1,东湖,114.05,22.54,900,100-200", crs="gcj02")
    plain = rejected(root, "S2,东湖,114.05,22.54,900,10", crs="gcj02")
    assert len(plain) == 1
    mend_rejected(open_workspace(root), [entry.id], by=BY, why="留空")
    found = fields(root)
    assert found["S1"]["lon"] == pytest.approx(found["S2"]["lon"], abs=1e-7)


def test_a_code_or_a_position_is_never_left_empty(root):
    entries = rejected(root, ",东湖,114.05,22.54,900,10", "S2,西湖,214.05,22.54,900,10")
    layer = open_workspace(root).catalog.layer("shelters")
    for entry in entries:
        assert not can_be_emptied(layer, entry.row)
        with pytest.raises(RiskmapError):
            mend_rejected(open_workspace(root), [entry.id], by=BY, why="留空")
    assert len(open_workspace(root).ledger.rejected()) == len(entries)


@pytest.mark.parametrize("words", [("999",), ("1", "--set", "没有的列=1"), ("1", "--set", "容纳人数")])
def test_a_row_or_a_column_that_is_not_there_is_refused(root, words):
    rejected(root, "S1,东湖,114.05,22.54,900,100-200")
    assert riskmap("mend", *words, "--workspace", root).status == 2
    assert len(open_workspace(root).ledger.rejected()) == 1


def test_one_undo_takes_mended_rows_back_and_opens_them_again(root):
    (entry,) = rejected(root, "S1,东湖,114.05,22.54,900,100-200")
    done = mend_rejected(open_workspace(root), [entry.id], by=BY, why="留空")
    changeset = done.files[0].committed.changeset
    assert riskmap("undo", changeset, "--why", "试", "--workspace", root).status == 0
    assert fields(root) == {}
    assert [one.id for one in open_workspace(root).ledger.rejected()] == [entry.id]


def test_the_page_lets_every_such_row_in_at_one_click(root, monkeypatch):
    rejected(
        root, "S1,东湖,114.05,22.54,900,100-200", "S2,西湖,114.06,22.55,很大,7", "S3,南湖,214,22.5,900,10"
    )
    use_workspace(monkeypatch, root)
    at = open_page("import")
    assert [row["cells"][-1]["act"] for row in panel(at, "backlog-rejected")["rows"]]
    at.text_input(key="rejected-empty-by").set_value("李四").run()
    at.button(key="rejected-empty-go").click().run()
    assert not at.exception
    assert set(fields(root)) == {"S1", "S2"}
    assert [one.row.code for one in open_workspace(root).ledger.rejected()] == ["S3"]
