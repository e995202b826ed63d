"""`riskmap record`: one record of a register, with a code that the layer makes, and the one that is made of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import riskmap as riskmap_library
from riskmap.actions.records.editing import create_point
from riskmap.actions.workspace import open_workspace
from riskmap.catalog import load_catalog
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.register_workspace import VISITS, chosen, register_workspace

MAKES = """
makes = [{ id = "defect", title = { zh = "转隐患", en = "Make a defect" }, layer = "defects", field = "visit", copy = { found_on = "at", kind = "kind", road = "road", name = "name" } }]
"""
DEFECTS = """
id = "defects"
title = { zh = "隐患", en = "Defects" }
geometry = "inherit"
position_from = ["road"]
counts = "work"
key = { kind = "serial", prefix = "YH" }
moment = "found_on"
[[fields]]
id = "visit"
title = { zh = "来自检查", en = "From visit" }
type = "record"
of = ["visits"]
[[fields]]
id = "road"
title = { zh = "道路", en = "Road" }
type = "record"
of = ["roads", "cavities"]
[[fields]]
id = "kind"
title = { zh = "类别", en = "Kind" }
type = "choice"
several = true
choices = [{ id = "wall", title = { zh = "墙", en = "Wall" } }, { id = "slope", title = { zh = "坡", en = "Slope" } }]
[[fields]]
id = "found_on"
title = { zh = "发现日期", en = "Found on" }
type = "date"
[[fields]]
id = "due"
title = { zh = "整改期限", en = "Due" }
type = "date"
[[laws]]
id = "due_after_found"
field = "due"
op = ">="
than = "found_on"
[flow]
start = "found"
found = "found_on"
states = [
  { id = "found", title = { zh = "已发现", en = "Found" } },
  { id = "closed", title = { zh = "已销号", en = "Closed" }, closed = true },
]
moves = [{ id = "close", title = { zh = "销号", en = "Close" }, from = ["found"], to = "closed" }]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = register_workspace(tmp_path_factory.mktemp("record") / "w")
    road = '[[fields]]\nid = "road"\ntitle = { zh = "道路", en = "Road" }\ntype = "record"\nof = ["roads"]\n'
    top, fields = VISITS.split("[[fields]]", 1)
    (home / "layers" / "visits.toml").write_text(f"{top}{MAKES}[[fields]]{fields}{road}", encoding="utf-8")
    (home / "layers" / "defects.toml").write_text(DEFECTS, encoding="utf-8")
    return home


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    return Path(shutil.copytree(made, tmp_path / "w"))


def record(home, layer, *words, **stated):
    sets = [word for key, value in stated.items() for word in ("--set", f"{key}={value}")]
    return riskmap("record", layer, *words, *sets, "--json", "--by", "甲", "--workspace", home)


def codes(ran):
    return [one["code"] for one in ran.json["records"]]


def test_a_record_gets_the_next_code_that_its_layer_makes(home):
    first = record(home, "visits", "--on", "2026-05-16 10:20", 空洞="KD1", 隐患数=3)
    assert first.status == 0
    assert first.json["records"] == [{"layer": "visits", "code": "KD1-001", "version": 1, "state": None}]
    assert codes(record(home, "visits", 空洞="KD1")) == ["KD1-002"]
    assert codes(record(home, "visits", 空洞="KD2")) == ["KD2-001"]
    one = chosen(home, "visits")["KD1-001"]
    assert (one["fields"]["at"], one["fields"]["found"]) == ("2026-05-16T02:20Z", 3)
    assert codes(record(home, "defects", 发现日期="2025-03-01")) == ["YH2025-0001"]
    assert codes(record(home, "defects")) == ["YH2026-0001"]
    assert record(home, "defects").json["records"][0]["state"] == "found"


def test_a_code_that_was_undone_is_not_given_again(home):
    done = record(home, "visits", 空洞="KD1").json
    assert riskmap("undo", done["changeset"], "--why", "试", "--workspace", home).status == 0
    assert codes(record(home, "visits", 空洞="KD1")) == ["KD1-002"]


def test_a_code_may_be_stated_and_a_layer_without_a_key_asks_for_it(home):
    assert codes(record(home, "defects", 编号="YH2026-0042")) == ["YH2026-0042"]
    assert codes(record(home, "defects")) == ["YH2026-0043"]
    assert "编号" in record(home, "cavities", 路段="LD001").json["error"]["message"]
    assert codes(record(home, "cavities", 空洞编号="KD8", 路段="一号路")) == ["KD8"]


def test_a_place_is_told_with_its_datum(home):
    without = record(home, "cavities", code="KD8", 经度="114.15", 纬度="22.65")
    assert (without.status, "--crs" in without.json["error"]["message"]) == (2, True)
    record(home, "cavities", "--crs", "cgcs2000", code="KD8", 经度="114.15", 纬度="22.65")
    record(home, "cavities", "--crs", "cgcs2000", code="KD9", 坐标="114.16, 22.66")
    found = chosen(home, "cavities")
    assert [round(found[one]["lon"], 4) for one in ("KD8", "KD9")] == [114.15, 114.16]


@pytest.mark.parametrize(
    ("layer", "words", "stated", "says"),
    [
        ("visits", (), {"隐患数": "3"}, "所属"),
        ("visits", (), {"空洞": "KD77"}, "KD77"),
        ("visits", (), {"空洞": "KD1", "隐患数": "三个"}, "三个"),
        ("visits", (), {"空洞": "KD1", "隐患": "3"}, "隐患"),
        ("visits", ("--on", "昨天"), {"空洞": "KD1"}, "昨天"),
        ("visits", ("--on", "2026-05-16"), {"空洞": "KD1", "时间": "2026-05-16"}, "两次"),
        ("cavities", ("--on", "2026-05-16"), {"空洞编号": "KD8"}, "moment"),
        ("defects", (), {"state": "closed"}, "riskmap move"),
        ("defects", (), {"发现日期": "2026-05-16", "整改期限": "2026-05-01"}, "整改期限"),
        ("visits", ("--make", "ticket"), {"空洞": "KD1"}, "defect"),
        ("defects", ("--from", "visits"), {}, "图层:编号"),
        ("defects", ("--from", "visits:KD9-001"), {}, "KD9-001"),
    ],
)
def test_what_cannot_be_recorded_is_said_and_nothing_is_written(home, layer, words, stated, says):
    before = open_workspace(home).ledger.state
    ran = record(home, layer, *words, **stated)
    assert ran.status == 2
    assert says in ran.json["error"]["message"]
    assert open_workspace(home).ledger.state == before


def test_a_visit_makes_a_defect_in_the_same_changeset_and_an_undo_takes_both(home):
    stated = {
        "空洞": "KD1",
        "类别": "墙、坡",
        "道路": "一号路",
        "名称": "巡查",
        "defect.整改期限": "2026-06-01",
    }
    done = record(home, "visits", "--on", "2026-05-16 23:50", "--make", "defect", **stated)
    assert codes(done) == ["KD1-001", "YH2026-0001"]
    defect = chosen(home, "defects")["YH2026-0001"]
    assert defect["links"]["visit"] == [{"layer": "visits", "code": "KD1-001", "name": "巡查"}]
    assert defect["links"]["road"][0]["code"] == "LD001"
    fields = defect["fields"]
    assert (fields["found_on"], fields["kind"], fields["due"]) == (
        "2026-05-16",
        ["wall", "slope"],
        "2026-06-01",
    )
    assert (defect["name"], defect["state"], round(defect["lon"], 2)) == ("巡查", "found", 114.10)
    assert chosen(home, "visits")["KD1-001"]["children"] == {"defects": 1}
    assert riskmap("undo", done.json["changeset"], "--why", "试", "--workspace", home).status == 0
    assert chosen(home, "visits") == {}
    assert chosen(home, "defects") == {}
    assert open_workspace(home).ledger.check() == []


def test_what_is_made_is_judged_too_and_neither_is_written_where_it_may_not_be(home):
    before = open_workspace(home).ledger.state
    late = {"空洞": "KD1", "defect.整改期限": "2026-01-01"}
    ran = record(home, "visits", "--on", "2026-05-16", "--make", "转隐患", **late)
    assert (ran.status, "整改期限" in ran.json["error"]["message"]) == (2, True)
    assert open_workspace(home).ledger.state == before


def test_a_record_of_the_ledger_makes_one_later(home):
    record(home, "visits", "--on", "2026-05-16 10:20", 空洞="KD1", 类别="坡", 道路="LD002")
    done = record(home, "defects", "--from", "visits:KD1-001", "--make", "defect", 整改期限="2026-06-01")
    assert codes(done) == ["YH2026-0001"]
    defect = chosen(home, "defects", "--where", "link.visit.cavity = KD1")["YH2026-0001"]
    assert (defect["fields"]["kind"], defect["fields"]["road"]) == (["slope"], "roads:LD002")
    assert codes(record(home, "defects", "--from", "visits:KD1-001")) == ["YH2026-0002"]


def test_a_form_of_such_a_layer_needs_no_code(home):
    ws = open_workspace(home)
    made = create_point(ws, "visits", "", values={"cavity": "KD1"}, by=local_actor("甲"), why="试")
    assert list(made.versions) == ["KD1-001"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('layer = "defects"', 'layer = "defect"', "defects"),
        ('field = "visit"', 'field = "road"', "visit"),
        ("due", "state", "state"),
        ('found_on = "at"', 'found_on = "day"', "day"),
        ('found_on = "at"', 'found = "at"', "found_on"),
    ],
)
def test_makes_that_ask_for_what_there_is_not_are_named_with_their_line(home, old, new, says):
    path = home / "layers" / "visits.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace('kind = "kind"', 'state = "kind"') if old == "due" else text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    (fault,) = load_catalog(home).faults
    line = 1 + text[: text.index("makes")].count("\n")
    assert [str(line) in str(one) and says in str(one) for one in fault.problems] == [True]


def test_a_move_that_makes_a_record_writes_both_as_one_changeset_and_an_undo_takes_both(home):
    layers = home / "layers"
    making = '{ id = "look", title = { zh = "复查", en = "Look again" }, layer = "visits", field = "defect", copy = { at = "found_on", cavity = "road" } }'
    text = DEFECTS.replace("[[fields]]", f"makes = [{making}]\n[[fields]]", 1)
    text = text.replace('to = "closed" }', 'to = "closed", makes = ["look"] }')
    (layers / "defects.toml").write_text(text, encoding="utf-8")
    visits = (layers / "visits.toml").read_text(encoding="utf-8")
    link = '[[fields]]\nid = "defect"\ntitle = { zh = "复查隐患", en = "Defect" }\ntype = "record"\nof = ["defects"]\n'
    (layers / "visits.toml").write_text(visits + link, encoding="utf-8")
    record(home, "defects", "--on", "2026-05-16", 道路="KD2")
    record(home, "defects", "--on", "2026-05-17", 道路="LD001")

    def close(code):
        return riskmap("move", "defects", code, "close", "--json", "--by", "甲", "--workspace", home)

    done = close("YH2026-0001")
    assert done.json["moved"][0]["made"] == [{"layer": "visits", "code": "KD2-001"}]
    visit = chosen(home, "visits")["KD2-001"]
    assert (visit["fields"]["at"], visit["fields"]["defect"]) == ("2026-05-16", "YH2026-0001")
    before = open_workspace(home).ledger.state
    assert "LD001" in close("YH2026-0002").json["error"]["message"]
    assert open_workspace(home).ledger.state == before
    assert chosen(home, "defects")["YH2026-0002"]["state"] == "found"
    assert riskmap("undo", done.json["changeset"], "--why", "试", "--workspace", home).status == 0
    assert chosen(home, "visits") == {}
    assert chosen(home, "defects")["YH2026-0001"]["state"] == "found"
    (layers / "defects.toml").write_text(
        text.replace('makes = ["look"]', 'makes = ["lok"]'), encoding="utf-8"
    )
    (fault,) = load_catalog(home).faults
    assert "look" in str(fault.problems[0])


def test_a_program_records_the_same_through_the_library(home):
    with riskmap_library.open(home) as district:
        visits = district["visits"]
        made = visits.record({"空洞": "KD1", "类别": "坡"}, on="2026-05-16", make="defect", by="甲", why="试")
        assert made["layer"].to_dict() == {"KD1-001": "visits", "YH2026-0001": "defects"}
        later = district["defects"].record({}, source="visits:KD1-001", by="甲", why="试")
        assert later.index.tolist() == ["YH2026-0002"]
