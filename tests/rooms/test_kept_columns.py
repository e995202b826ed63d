"""Columns that no field reads are kept: shown, exported, filtered, undone, and read once a field names them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from riskmap.actions.importing import commit_file, plan_file, read_for_import
from riskmap.actions.layer_files import name_column
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import CatalogError, RiskmapError
from riskmap.rules import extras
from riskmap.rules.permissions import local_actor
from riskmap.selection import search
from riskmap.web.pages.importing import Run
from riskmap.web.widgets.map import card
from tests.cli import riskmap
from tests.pages_running import open_page, panel, texts, use_workspace

HEAD = "编号,名称,经度,纬度,占地面积(m2),水质,经办电话,临时登记,评估等级,序号"
ROWS = (
    "S1,东湖,114.05,22.54,900,良好,13800138000,张三丰,重大,1",
    "S2,西湖,114.06,22.55,800,较差,13900139000,李四,低,2",
    "S3,南湖,114.07,22.56,700,,,王五,低,3",
)
FIELD = """
[[fields]]
id = "water_quality"
title = { zh = "水体质量", en = "Water quality" }
type = "choice"
aliases = ["水质"]
choices = [
  { id = "good", title = { zh = "良好", en = "Good" } },
  { id = "bad", title = { zh = "较差", en = "Bad" } },
]
"""


def asked(root: Path, *words: object) -> Any:
    return riskmap(*words, "--json", "--workspace", root).json


def written(root: Path, text: str, name: str = "表.csv") -> Path:
    file = root / name
    file.write_text(text, encoding="utf-8-sig")
    return file


def imported(root: Path, text: str, *words: object) -> Any:
    done = asked(root, "import", "shelters", written(root, text), "--crs", "wgs84", *words)
    return done["files"][0]


def shelters(root: Path, *words: object) -> dict[str, Any]:
    return {one["code"]: one for one in asked(root, "select", "shelters", *words)["features"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    assert imported(where, "\n".join((HEAD, *ROWS)))["inserted"] == 3
    return where


def test_a_column_that_no_field_reads_stands_beside_the_record(root):
    found = shelters(root)
    assert found["S1"]["extra"]["水质"] == "良好"
    assert found["S3"]["extra"].keys() == {"临时登记"}  # an empty cell states nothing
    assert found["S1"]["fields"]["area_m2"] == 900


def test_what_we_derive_ourselves_and_row_numbers_are_not_kept(root):
    assert not {"评估等级", "序号"} & shelters(root)["S1"]["extra"].keys()


def test_people_in_a_column_that_nobody_named_are_masked(root):
    extra = shelters(root)["S1"]["extra"]
    assert (extra["经办电话"], extra["临时登记"]) == ("138****8000", "张*")
    ws = open_workspace(root)
    now = current_snapshot(ws)
    shown = dict(card(ws, now, search(now, "S1")[0], "zh")["extra"])
    assert shown == {"水质": "良好", "经办电话": "138****8000", "临时登记": "张*"}
    history = str(asked(root, "history", "shelters", "S1"))
    assert "13800138000" not in history


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ("水质 == 良好", {"S1"}),
        ("水质 ~ 差", {"S2"}),
        ("水质 missing", {"S3"}),
        ("水质 present", {"S1", "S2"}),
        ("水质 in 良好,较差", {"S1", "S2"}),
        ("水质 != 良好", {"S2"}),
    ],
)
def test_a_kept_column_is_filtered_as_text(root, condition, codes):
    assert shelters(root, "--where", condition).keys() == codes


def test_a_header_that_nobody_kept_is_refused_with_those_that_are(root):
    done = riskmap("select", "shelters", "--where", "水货 == 良好", "--workspace", root)
    assert done.status == 2
    assert "水质" in done.err


def test_the_same_file_again_changes_nothing_and_a_file_without_the_column_neither(root):
    again = imported(root, "\n".join((HEAD, *ROWS)))
    assert (again["unchanged"], again["updated"]) == (3, 0)
    less = imported(root, "编号,名称\nS1,东湖\n")
    assert less["unchanged"] == 1
    assert shelters(root)["S1"]["extra"]["水质"] == "良好"


def test_a_changed_text_is_a_revision_with_both_sides_and_undo_puts_it_back(root):
    done = imported(root, "编号,名称,水质\nS1,东湖,浑浊\n")
    assert done["updated"] == 1
    assert shelters(root)["S1"]["extra"]["水质"] == "浑浊"
    last = asked(root, "history", "shelters", "S1")["revisions"][-1]
    assert last["changes"] == {"extra:水质": ["良好", "浑浊"]}
    assert riskmap("undo", done["changeset"], "--why", "试", "--workspace", root).status == 0
    assert shelters(root)["S1"]["extra"]["水质"] == "良好"
    cleared = imported(root, "编号,名称,水质\nS1,东湖,清空\n")
    assert cleared["updated"] == 1
    assert "水质" not in shelters(root)["S1"]["extra"]


def test_a_field_that_comes_later_reads_what_was_kept_without_another_import(root):
    layer = root / "layers" / "shelters.toml"
    before = layer.read_text(encoding="utf-8")
    layer.write_text(before + FIELD, encoding="utf-8")
    found = shelters(root)
    assert [found[code]["fields"]["water_quality"] for code in ("S1", "S2", "S3")] == ["good", "bad", None]
    assert "水质" not in found["S1"]["extra"]
    assert shelters(root, "--where", "水体质量 == 良好").keys() == {"S1"}
    again = imported(root, "\n".join((HEAD, *ROWS)))
    assert again["unchanged"] == 3
    changed = imported(root, "编号,名称,水质\nS1,东湖,较差\n")
    assert changed["updated"] == 1
    assert asked(root, "history", "shelters", "S1")["revisions"][-1]["changes"] == {
        "water_quality": ["good", "bad"]
    }
    layer.write_text(before, encoding="utf-8")  # the field goes again: what was never written over is there
    assert shelters(root)["S2"]["extra"]["水质"] == "较差"


def test_what_the_new_field_cannot_read_stays_text_under_its_header(root):
    imported(root, "编号,名称,水质\nS1,东湖,说不清\n")
    layer = root / "layers" / "shelters.toml"
    layer.write_text(layer.read_text(encoding="utf-8") + FIELD, encoding="utf-8")
    found = shelters(root)["S1"]
    assert (found["fields"]["water_quality"], found["extra"]["水质"]) == (None, "说不清")
    findings = asked(root, "check")["findings"]
    assert [one for one in findings if "水质" in one["message"]]


def test_a_model_scores_with_a_field_that_was_kept_text(root):
    text = "编号,名称,经度,纬度,面积数,容纳,危险区域内\nS9,北湖,114.05,22.57,900,100,否\n"
    imported(root, text)
    layer = root / "layers" / "shelters.toml"
    before = layer.read_text(encoding="utf-8")
    assert shelters(root)["S9"]["extra"].keys() == {"面积数", "容纳", "危险区域内"}
    named = before.replace('aliases = ["处于危险区"', 'aliases = ["危险区域内", "处于危险区"')
    named = named.replace('aliases = ["占地面积"', 'aliases = ["面积数", "占地面积"')
    named = named.replace('aliases = ["避难所容纳人数"', 'aliases = ["容纳", "避难所容纳人数"')
    assert named != before
    layer.write_text(named, encoding="utf-8")
    asked(root, "assess", "shelters")
    found = shelters(root)["S9"]
    assert (found["fields"]["in_hazard"], found["fields"]["capacity"], found["grade"]) == (False, 100, "fair")
    assert found["extra"] == {}


@pytest.mark.parametrize("ending", ["xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet"])
def test_every_format_carries_it_and_brings_it_back_unchanged(root, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    assert asked(root, "export", "shelters", "--to", out)["count"] == 3
    again = asked(root, "import", "shelters", out, "--crs", "cgcs2000")["files"][0]
    assert (again["unchanged"], again["updated"], again["rejected"]) == (3, 0, 0), again["issues"]
    other = tmp_path / "other"
    assert riskmap("init", other).status == 0
    asked(other, "import", "shelters", out, "--crs", "cgcs2000")
    assert shelters(other)["S1"]["extra"]["水质"] == "良好"


def test_the_columns_come_after_the_fields_and_people_are_masked_in_them(root, tmp_path):
    asked(root, "export", "shelters", "--to", tmp_path / "o.csv")
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
        head, first, *_ = csv.reader(file)
    assert head.index("水质") > head.index("面积(m2)")
    row = dict(zip(head, first, strict=True))
    assert (row["经办电话"], row["临时登记"]) == ("138****8000", "张*")


@pytest.mark.parametrize(
    ("header", "texts", "people"),
    [("负责人", ["某"], True), ("值班手机", ["1"], True), ("甲", ["张三", "李四", "王五"], True),
     ("水质", ["良好", "较差"], False), ("能装多少人", ["120", "80"], False), ("巡查员", [], True), ("坡长", ["12"], False), ("risk owner phone", ["1"], True), ("朝向", ["南"], False)],
)  # fmt: skip
def test_people_are_known_by_header_or_by_most_of_their_texts(header, texts, people):
    assert extras.holds_people(header, texts) is people


@pytest.mark.parametrize("text", ["138****8000", "张*", "找李*"])
def test_what_we_masked_says_nothing_new_when_it_comes_back(text):
    assert extras.came_back_masked("extra:经办人", text)
    assert not extras.came_back_masked("extra:尺寸", "3*5米")


@pytest.mark.parametrize("section", ["", '[aliases]\nname = ["场所名"]\n', '[aliases]\ncapacity = ["可容"]  # 王五\n', '[aliases]\ncapacity = [\n  "可容",\n]\n'])  # fmt: skip
def test_a_header_that_a_person_names_is_an_alias_of_the_layer_file(root, section):
    imported(root, "编号,名称,能装多少人\nS1,东湖,120\n")
    file = root / "layers" / "shelters.toml"
    shipped = file.read_text(encoding="utf-8")
    start, end = shipped.index("[aliases]"), shipped.index("[[fields]]")
    file.write_text(shipped[:start] + section + shipped[end:], encoding="utf-8")
    name_column(open_workspace(root), "shelters", "能装多少人", "capacity", by=local_actor("张三"))
    text = file.read_text(encoding="utf-8")
    assert '"能装多少人"' in text
    assert "张三" in text or "可容" in text
    found = shelters(root)["S1"]
    assert (found["fields"]["capacity"], "能装多少人" in found["extra"]) == (120, False)
    assert imported(root, "编号,名称,能装多少人\nS2,西湖,80\n")["updated"] == 1
    assert shelters(root)["S2"]["fields"]["capacity"] == 80


def test_a_header_of_another_field_is_not_given_away(root):
    file = root / "layers" / "shelters.toml"
    before = file.read_text(encoding="utf-8")
    for header, field, error in (("占地面积", "capacity", CatalogError), ("水质", "no_such", RiskmapError)):
        with pytest.raises(error):
            name_column(open_workspace(root), "shelters", header, field, by=local_actor("张三"))
    assert file.read_text(encoding="utf-8") == before


def test_the_review_shows_such_columns_first_and_remembers_what_a_person_says(root, monkeypatch):
    use_workspace(monkeypatch, root)
    ws = open_workspace(root)
    file = written(root, "编号,名称,能装多少人,值班人\nS1,东湖,120,张三丰\n", "名单.csv")
    planned = plan_file(ws, read_for_import(ws, "shelters", file, datum="wgs84"))

    at = open_page("import")
    at.session_state["import-run"] = Run("shelters", (planned,), (), full_list=False)
    at.run()
    assert not at.exception
    shown = texts(panel(at, "import-review-0-unread"))
    assert [row[0] for row in shown] == ["能装多少人", "值班人"]
    assert [row[2] for row in shown] == ["120", "张*"]
    at.selectbox(key="import-review-0-unread-field").select("capacity")
    at.text_input(key="import-review-0-unread-by").set_value("李四").run()
    at.button(key="import-review-0-unread-remember").click().run()
    assert not at.exception
    assert "李四" in (root / "layers" / "shelters.toml").read_text(encoding="utf-8")
    commit_file(open_workspace(root), planned, by=local_actor("李四"), why="登记")
    assert shelters(root)["S1"]["fields"]["capacity"] == 120
