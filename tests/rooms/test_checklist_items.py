"""What is told of an item of a checklist: when, by whom and until when it was verified, and its files; and what has passed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import openpyxl
import pytest

import riskmap as riskmap_library
from riskmap.actions.inventory.item_counts import counted_items
from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.workspace import open_workspace
from riskmap.catalog.cross_checks import model_problems
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.model_file import read_model
from riskmap.catalog.problems import TomlFile
from riskmap.moments import CLOCK
from tests.attached_files import photo
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, table

POSTS = """
id = "posts"
title = { zh = "值守点", en = "Posts" }
geometry = "none"
counts = "resource"
[[fields]]
id = "note"
title = { zh = "有沙袋备注", en = "Note" }
type = "text"
aliases = ["有沙袋到期日"]
[checklist]
title = { zh = "三个有", en = "Three must-haves" }
items = [
  { id = "radio", title = { zh = "有对讲机（默认）", en = "Radio" }, aliases = ["对讲机"] },
  { id = "boat", title = { zh = "有冲锋舟", en = "Boat" } },
  { id = "sandbags", title = { zh = "有沙袋", en = "Sandbags" } },
]
"""
LAYERS = Path(__file__).parents[2]
DAY = "2026-06-01"
# Four posts on 2026-06-01, worked by hand: of the radio P1 is past its day, P2 is good to the end of that day, P3
# has none, of P4 nobody says; of the boat P1 has one for good, the others say nothing but that P2 lacks it.
TABLE = (
    "编号,名称,街道,有对讲机,有对讲机核实日期,对讲机核实人,有对讲机有效期,有冲锋舟",
    "P1,一号,东街道,有,2025-11-03,张三丰,2026-05-01,有",
    "P2,二号,东街道,有,2025-12-01,李四,2026-06-01,无",
    "P3,三号,西街道,无,2026-01-01,,2026-01-31,",
    "P4,四号,西街道,,,,,",
)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setenv(CLOCK, f"{DAY}T04:00Z")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("items") / "w"
    assert riskmap("init", home).status == 0
    (home / "layers" / "posts.toml").write_text(POSTS, encoding="utf-8")
    found = bring(home, "posts", table(home, *TABLE))
    assert (found["accepted"], found["issues"]) == (4, [])
    return home


@pytest.fixture
def home(made, clock, tmp_path):
    shutil.copytree(made, tmp_path / "w")
    return tmp_path / "w"


def fields(home, code):
    return {key: value for key, value in chosen(home, "posts")[code]["fields"].items() if value is not None}


def test_columns_behind_the_words_of_an_item_tell_when_by_whom_and_until_when(home):
    assert fields(home, "P1") == {
        "checklist.radio.verified_on": "2025-11-03",
        "checklist.radio.verified_by": "张*",  # a person's name is shown as every other
        "checklist.radio.until": "2026-05-01",
    }
    assert fields(home, "P4") == {}


def test_a_header_that_the_file_gives_to_a_field_stays_with_that_field(home):
    bring(home, "posts", table(home, "编号,有沙袋到期日,有沙袋有效期", "P4,旧口径,2026-08-01", name="own"))
    assert fields(home, "P4") == {"note": "旧口径", "checklist.sandbags.until": "2026-08-01"}


def test_a_bare_header_is_never_guessed_to_speak_of_an_item(home):
    said = bring(
        home, "posts", table(home, "编号,名称,核实日期,有效期", "P4,四号,2026-01-01,2026-02-01", name="bare")
    )
    assert said["accepted"] == 1
    assert not any(key.startswith("checklist.") for key in fields(home, "P4"))


def test_a_day_that_is_none_is_refused_as_in_any_column(home):
    said = bring(home, "posts", table(home, "编号,有对讲机有效期", "P4,五月", name="bad"))
    assert [(one["row"], one["field"]) for one in said["issues"]] == [(2, "checklist.radio.until")]
    assert fields(home, "P4") == {}


@pytest.mark.parametrize(
    ("where", "codes"),
    [
        ("checklist.radio.until < today", ["P1", "P3"]),
        ("checklist.radio.state = expired", ["P1"]),
        ("checklist.radio.state = 已过期", ["P1"]),
        ("checklist.radio.state = met", ["P2"]),
        ("checklist.radio.state = lacking", ["P3"]),
        ("checklist.radio.state = unknown", ["P4"]),
        ("checklist.boat.state = met", ["P1"]),
        ("checklist.radio = true", ["P1", "P2"]),  # what was stated stays as it was stated
        ("expired_items > 0", ["P1"]),
        ("checklist.radio.verified_on >= 2025-12-01", ["P2", "P3"]),
        ("有对讲机有效期 missing", ["P4"]),
    ],
)
def test_conditions_ask_for_what_is_told_of_an_item_and_how_it_stands(home, where, codes):
    assert list(chosen(home, "posts", "--where", where)) == codes


def test_an_item_is_good_through_its_last_day_and_past_it_the_day_after(home, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-06-02T04:00Z")
    assert list(chosen(home, "posts", "--where", "expired_items > 0")) == ["P1", "P2"]
    monkeypatch.setenv(CLOCK, "2026-04-30T17:00Z")  # already the first of May here
    assert list(chosen(home, "posts", "--where", "expired_items > 0")) == []


def test_how_many_have_lack_no_longer_have_and_do_not_say_is_counted_by_item_and_street(home):
    found = riskmap("checklist", "posts", "--json", "--workspace", home).json
    radio, boat, sandbags = found["items"]
    assert (found["count"], found["on"]) == (4, DAY)
    assert radio == {
        "id": "radio",
        "title": "有对讲机（默认）",
        "met": 1,
        "expired": 1,
        "lacking": 1,
        "unknown": 1,
        "subdistricts": {
            "东街道": {"met": 1, "expired": 1, "lacking": 0, "unknown": 0},
            "西街道": {"met": 0, "expired": 0, "lacking": 1, "unknown": 1},
        },
    }
    assert [boat[state] for state in ("met", "expired", "lacking", "unknown")] == [1, 0, 1, 2]
    assert [sandbags[state] for state in ("met", "expired", "lacking", "unknown")] == [0, 0, 0, 4]


def test_every_number_leads_to_its_records_and_those_of_an_item_sum_to_all(home):
    found = riskmap("checklist", "posts", "--json", "--workspace", home).json
    for item in found["items"]:
        numbers = {state: item[state] for state in ("met", "expired", "lacking", "unknown")}
        assert sum(numbers.values()) == found["count"]
        for state, n in numbers.items():
            assert len(chosen(home, "posts", "--where", f"checklist.{item['id']}.state = {state}")) == n


def test_a_selection_of_nothing_counts_nothing(home):
    found = riskmap("checklist", "posts", "--where", "code = P9", "--json", "--workspace", home).json
    assert (found["count"], found["items"][0]["subdistricts"], found["items"][0]["met"]) == (0, {}, 0)


def test_a_past_day_is_counted_as_it_was_known_then(home):
    ws = open_workspace(home)
    before = dt.date(2020, 1, 1)
    assert counted_items(ws, "posts", make_selection(ws, layers=["posts"]), as_of=before).count == 0


def test_a_layer_without_a_checklist_says_which_have_one(home):
    refused = riskmap("checklist", "slopes", "--json", "--workspace", home)
    assert refused.status == 2
    assert "posts" in refused.json["error"]["message"] + (refused.json["error"]["remedy"] or "")


def test_the_list_of_what_has_passed_names_the_items_and_check_counts_them(home):
    listed = riskmap("list", "expired_items_list", "--json", "--workspace", home).json
    assert listed["rows"] == [
        {"layer": "posts", "code": "P1", "name": "一号", "subdistrict": "东街道", "expired_items": ["radio"]}
    ]
    found = riskmap("check", "--json", "--workspace", home).json["findings"]
    (finding,) = [one for one in found if one["what"] == "expired_items"]
    assert (finding["severity"], finding["where"]) == ("warning", "posts")
    assert "1 条记录的 1 个检查项" in finding["message"]


def test_the_list_is_written_with_the_titles_of_the_items(home, tmp_path):
    riskmap("list", "expired_items_list", "--to", tmp_path / "a.xlsx", "--workspace", home)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]
    assert "有对讲机（默认）" in {cell for row in sheet.iter_rows(values_only=True) for cell in row}


def test_what_is_stated_for_many_is_one_change_that_history_and_undo_know(home):
    edited = riskmap(
        "edit-all", "posts", "--whole-layer", "--set", "checklist.boat.until=2026-12-31", "--why", "复核",
        "--json", "--workspace", home,
    )  # fmt: skip
    assert edited.status == 0, edited
    assert fields(home, "P4") == {"checklist.boat.until": "2026-12-31"}
    history = riskmap("history", "posts", "P4", "--json", "--workspace", home).json["revisions"]
    assert history[-1]["changes"] == {"checklist.boat.until": [None, "2026-12-31"]}
    assert riskmap("undo", edited.json["changeset"], "--why", "写错", "--workspace", home).status == 0
    assert fields(home, "P4") == {}


@pytest.mark.parametrize("ending", ["xlsx", "csv", "gpkg", "geojson", "parquet"])
def test_what_is_told_of_items_goes_out_and_comes_back_unchanged(home, tmp_path, ending):
    clear = ("--set", "checklist.radio.verified_by=清空")  # what leaves masked is read in no other workspace
    assert (
        riskmap("edit-all", "posts", "--whole-layer", *clear, "--why", "试", "--workspace", home).status == 0
    )
    path = tmp_path / f"out.{ending}"
    riskmap("export", "posts", "--to", path, "--workspace", home)
    said = bring(home, "posts", path)
    assert (said["unchanged"], said["rejected"]) == (4, 0)
    other = tmp_path / "other"
    assert riskmap("init", other).status == 0
    (other / "layers" / "posts.toml").write_text(POSTS, encoding="utf-8")
    assert bring(other, "posts", path)["inserted"] == 4
    for code in ("P1", "P2", "P3", "P4"):
        assert fields(other, code) == fields(home, code)
    assert fields(other, "P3") == {
        "checklist.radio.verified_on": "2026-01-01",
        "checklist.radio.until": "2026-01-31",
    }


def test_what_leaves_masked_comes_back_as_the_name_that_is_known(home, tmp_path):
    riskmap("export", "posts", "--to", tmp_path / "out.xlsx", "--workspace", home)
    said = bring(home, "posts", tmp_path / "out.xlsx")
    assert (said["unchanged"], said["rejected"], said["held"]) == (4, 0, 0)
    assert fields(home, "P1")["checklist.radio.verified_by"] == "张*"


def test_an_export_has_only_the_columns_that_some_record_states(home, tmp_path):
    path = tmp_path / "out.xlsx"
    riskmap("export", "posts", "--to", path, "--workspace", home)
    headers = {
        cell
        for sheet in openpyxl.load_workbook(path)
        for cell in next(sheet.iter_rows(values_only=True))
        if cell
    }
    assert {"有对讲机核实日期", "有对讲机核实人", "有对讲机有效期至"} <= headers
    assert not {"有冲锋舟有效期至", "有沙袋核实日期", "有对讲机佐证"} & headers


def test_a_file_hangs_on_an_item(home, tmp_path):
    picture = tmp_path / "对讲机.jpg"
    picture.write_bytes(photo())
    said = riskmap(
        "attach", "posts", "P1", "checklist.radio", picture, "--why", "核实", "--json", "--workspace", home
    )
    assert [one["field"] for one in said.json["files"]] == ["checklist.radio"]
    posts = chosen(home, "posts")
    assert [one["name"] for one in posts["P1"]["files"]] == ["对讲机.jpg"]
    assert "files" not in posts["P2"]  # a layer without fields of files of its own is as it was


def test_a_template_asks_for_marks_alone(home, tmp_path):
    made = riskmap("layer", "template", "posts", "--to", tmp_path / "t.xlsx", "--json", "--workspace", home)
    assert not [one for one in made.json["columns"] if one["target"].startswith("checklist.")]


def test_two_records_become_one_with_what_is_told_of_their_items(home):
    bring(home, "posts", table(home, "编号,有冲锋舟有效期", "P2,2027-01-01", name="boat"))
    alike = ("--set", "name=@P1", "--set", "checklist.boat=@P1")
    merge = ("merge", "posts", "P1", "P2", *alike, "--why", "同一处", "--json", "--workspace", home)
    refused = riskmap(*merge)
    assert refused.status == 2
    assert "有对讲机有效期至" in refused.json["error"]["message"]  # both state one, and not the same
    sides = [f"checklist.radio.{part}=@P2" for part in ("verified_on", "verified_by", "until")]
    done = riskmap(*merge, *(word for side in sides for word in ("--set", side)))
    assert done.status == 0, done
    assert fields(home, "P1") == {
        "checklist.radio.verified_on": "2025-12-01",
        "checklist.radio.verified_by": "李*",
        "checklist.radio.until": "2026-06-01",
        "checklist.boat.until": "2027-01-01",
    }
    assert chosen(home, "posts")["P1"]["checklist"] == [True, True, None]


@pytest.mark.parametrize(("field", "fits"), [("checklist.item_1", True), ("checklist.item_1.until", False)])
def test_a_rule_reads_the_mark_of_an_item_and_a_measure_alone_its_days(field, fits):
    rule = f"""
[[rules]]
id = "item"
title = {{ zh = "缺项", en = "Lacks one" }}
tier = "major"
when = [{{ field = "{field}", op = "present" }}]
source = "a test"
[[measures]]
id = "barrier"
title = {{ zh = "挡水板", en = "Barrier" }}
when = [{{ field = "checklist.item_1", op = "==", value = true }}]
verified = "checklist.item_1.verified_on"
expires = "checklist.item_1.until"
effect = {{ tiers = 1 }}
floor = "general"
status = "draft"
source = "a test"
"""
    text = (LAYERS / "models" / "underground_margin.toml").read_text(encoding="utf-8") + rule
    layer = read_layer(
        (LAYERS / "layers" / "underground_spaces.toml").read_text(encoding="utf-8"), "layers/u.toml"
    )
    found = list(
        model_problems(layer, read_model(text, "models/u.toml"), TomlFile.parse(text, "models/u.toml"))
    )
    assert [one.found for one in found] == ([] if fits else [f'"{field}"'])


def test_a_frame_has_what_is_told_of_items_and_takes_it_back(home):
    posts = riskmap_library.open(home)["posts"]
    frame = posts.frame()
    assert str(frame.loc["P2", "checklist.radio.until"].date()) == "2026-06-01"
    assert "checklist.sandbags.until" not in frame.columns  # no record states one
    frame.loc[["P2"], "checklist.radio.until"] = "2027-06-01"
    posts.edit(frame.loc[["P2"], ["checklist.radio.until", "version"]], by="测试", why="复核")
    assert fields(home, "P2")["checklist.radio.until"] == "2027-06-01"
