"""Conditions on what hangs together: an item of a checklist, whether somebody fills a role, the record that is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.actions.inventory.exporting import describe
from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.records.editing import edit_point, retire_point
from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from riskmap.values.records import CLEAR, Contact
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, register_workspace, table

POSTS = """
id = "posts"
title = { zh = "值守点", en = "Posts" }
geometry = "none"
counts = "resource"
[[fields]]
id = "watches"
title = { zh = "看守", en = "Watches" }
type = "record"
of = ["roads", "cavities"]
[[fields]]
id = "due"
title = { zh = "期限", en = "Due" }
type = "date"
[checklist]
title = { zh = "两个有", en = "Two must-haves" }
items = [
  { id = "radio", title = { zh = "有对讲机", en = "Radio" } },
  { id = "boat", title = { zh = "有冲锋舟", en = "Boat" } },
]
[[contacts]]
id = "leader"
title = { zh = "挂点领导", en = "Leader" }
[[contacts]]
id = "keeper"
title = { zh = "站长", en = "Keeper" }
"""
TABLE = (
    "编号,名称,看守,期限,有对讲机,有冲锋舟,挂点领导,站长电话",
    "P1,一号,roads:LD001,2026-11-20,有,无,张三,13800138000",
    "P2,二号,cavities:KD3,2026-12-20,无,,,13800138000",
    "P3,三号,,,,有,,",
)
WHO = {"by": local_actor("测试"), "why": "测试"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = register_workspace(tmp_path_factory.mktemp("beyond") / "w")
    (home / "layers" / "posts.toml").write_text(POSTS, encoding="utf-8")
    (home / "layers" / "roads.toml").write_text(
        (home / "layers" / "roads.toml").read_text(encoding="utf-8")
        + '[[fields]]\nid = "grade"\ntitle = { zh = "路况", en = "Grade" }\ntype = "choice"\n'
        'choices = [{ id = "bad", title = { zh = "差", en = "Bad" } }, { id = "good", title = { zh = "好", en = "Good" } }]\n',
        encoding="utf-8",
    )
    bring(home, "roads", table(home, "路段编号,里程,路况", "LD001,12,差", "LD002,3,好"))
    bring(home, "posts", table(home, *TABLE))
    return home


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


@pytest.mark.parametrize(
    ("layer", "where", "codes"),
    [
        ("posts", "checklist.radio = true", ["P1"]),
        ("posts", "checklist.有对讲机 != 有", ["P2"]),
        ("posts", "有冲锋舟 == 无", ["P1"]),
        ("posts", "checklist.boat missing", ["P2"]),
        ("posts", "Boat present", ["P1", "P3"]),
        ("posts", "挂点领导 present", ["P1"]),
        ("posts", "contact.leader missing", ["P2", "P3"]),
        ("posts", "contact.站长 present", ["P1", "P2"]),
        ("posts", "看守 = LD001", ["P1"]),
        ("posts", "看守 = roads:LD001", ["P1"]),
        ("posts", "watches != KD3", ["P1"]),
        ("posts", "watches in KD3,LD001", ["P1", "P2"]),
        ("cavities", "road = roads:LD002", ["KD3"]),
        ("cavities", "link.road.grade = 差", ["KD1", "KD2"]),
        ("cavities", "link.所在道路.路况 = bad", ["KD1", "KD2"]),
        ("cavities", "link.road.km < 5km", ["KD3"]),
        ("cavities", "link.road.name ~ 二号", ["KD3"]),
        ("cavities", "link.road.code in LD001,LD9", ["KD1", "KD2"]),
        ("cavities", "link.road.tier missing", []),
        ("posts", "link.watches.name = 一号路", ["P1"]),
        ("posts", "link.watches.road = LD002", ["P2"]),
        ("posts", "link.watches.km > 1", ["P1"]),
    ],
)
def test_a_condition_finds_what_it_says(made, layer, where, codes):
    assert list(chosen(made, layer, "--where", where)) == codes


def test_what_is_due_is_told_from_today(made, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    assert list(chosen(made, "posts", "--where", "期限 < today")) == ["P1"]
    assert list(chosen(made, "posts", "--where", "due <= today+30")) == ["P1", "P2"]


def test_layers_without_the_item_or_the_role_drop_out(made):
    assert list(chosen(made, "--where", "contact.leader missing")) == ["P2", "P3"]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("contact.leader = 张三", "present"),
        ("checklist.radoi = true", "checklist.radio"),
        ("link.road.gradee = bad", "link.road.grade"),
        ("link.street.name = 一号路", "link"),
        ("checklist.radio = 也许", "是或否"),
        ("link.road.grade = awful", "bad"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(made, where, says):
    ran = riskmap("select", "posts", "cavities", "--where", where, "--workspace", made)
    assert ran.status == 2
    assert says in ran.err


def test_an_edit_of_a_contact_is_found_at_once_and_says_nobody_s_name(home):
    ws = open_workspace(home)
    chosen(home, "posts")
    edit_point(ws, "posts", "P2", seen=1, changes={"contacts": (Contact("leader", "李四"),)}, **WHO)
    assert list(chosen(home, "posts", "--where", "挂点领导 present")) == ["P1", "P2"]
    edit_point(ws, "posts", "P1", seen=1, changes={"contacts": (Contact("leader", CLEAR),)}, **WHO)
    assert list(chosen(home, "posts", "--where", "挂点领导 present")) == ["P2"]
    assert list(chosen(home, "posts", "--where", "挂点领导 present", "--as-of", "2000-01-01")) == []
    kept = b"".join(path.read_bytes() for path in home.rglob("*.arrow"))
    assert b"P1" in kept
    assert "张三".encode() not in kept


def test_the_record_that_is_named_is_asked_as_it_is_now(home):
    ws = open_workspace(home)
    assert list(chosen(home, "cavities", "--where", "link.road.grade = good")) == ["KD3"]
    version = chosen(home, "roads")["LD001"]["version"]
    edit_point(ws, "roads", "LD001", seen=version, changes={"grade": "good"}, **WHO)
    assert list(chosen(home, "cavities", "--where", "link.road.grade = good")) == ["KD1", "KD2", "KD3"]


def test_a_cover_says_such_conditions_in_words(made):
    ws = open_workspace(made)
    selection = make_selection(ws, where=["contact.leader missing", "link.road.grade = bad"])
    said = describe(ws, selection)
    assert "挂点领导 未填" in said.zh
    assert "所在道路 › 路况 = 差" in said.zh
    assert "Road › Grade = Bad" in said.en


def test_an_export_takes_the_same_conditions(made, tmp_path):
    to = tmp_path / "out.csv"
    ran = riskmap("export", "posts", "--where", "挂点领导 missing", "--to", to, "--json", "--workspace", made)
    assert ran.json["count"] == 2


def test_a_retired_record_is_asked_by_the_record_on_the_lists_that_it_named(home):
    retire_point(open_workspace(home), "cavities", "KD3", **WHO)
    found = chosen(home, "cavities", "--retired", "--where", "link.road.grade = good")
    assert list(found) == ["KD3"]
    assert found["KD3"]["links"]["road"] == [{"layer": "roads", "code": "LD002", "name": "二号路"}]
    assert list(chosen(home, "cavities", "--retired", "--where", "link.road.grade = bad")) == []
