"""What is told of items of a checklist on the pages: how each stands, its inputs, and how many records have each."""

from __future__ import annotations

import shutil

import pytest

from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.moments import CLOCK
from riskmap.selection import find
from riskmap.web.widgets.map import card
from tests.cli import riskmap
from tests.pages_running import html, open_page, panel, texts, use_workspace
from tests.register_workspace import bring, table
from tests.rooms.test_checklist_items import DAY, POSTS, TABLE


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("items") / "w"
    assert riskmap("init", home).status == 0
    (home / "layers" / "posts.toml").write_text(POSTS, encoding="utf-8")
    assert bring(home, "posts", table(home, *TABLE))["accepted"] == 4
    return home


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, f"{DAY}T04:00Z")
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


@pytest.mark.parametrize(
    ("lang", "said", "counted"),
    [
        ("zh", "有，2025-11-03 张* 核实，2026-05-01 到期，已过期", "三个有 · 已有 1 / 3，已过期 1"),
        (
            "en",
            "there, verified 2025-11-03 张*, valid until 2026-05-01, expired",
            "Three must-haves · 1 of 3, 1 expired",
        ),
    ],
)
def test_an_item_past_its_day_is_said_and_not_counted_as_there(ws, lang, said, counted):
    page = html(open_page("point", layer="posts", code="P1", lang=lang))
    assert said in page
    assert counted in page


def test_an_item_is_there_through_its_last_day(ws):
    page = html(open_page("point", layer="posts", code="P2"))
    assert "有，2025-12-01 李* 核实，2026-06-01 到期</dd>" in page
    assert "已过期" not in page


def test_the_form_states_what_is_told_of_an_item_and_a_name_left_masked_says_nothing(ws):
    at = open_page("point", layer="posts", code="P1").button(key="point-edit").click().run()
    key = "form-posts-P1-1-"
    assert at.text_input(key=f"{key}checklist.radio.verified_by").value == "张*"
    at.text_input(key=f"{key}checklist.radio.until").set_value("2027-05-01")
    at.text_input(key=f"{key}checklist.radio.verified_on").set_value("2026-05-31")
    at.text_input(key=f"{key}sign-by").set_value("王五")
    at.text_input(key=f"{key}sign-why").set_value("现场核查")
    next(b for b in at.button if str(b.key).startswith("FormSubmitter")).click().run()
    assert not at.exception, at.exception
    values = {name: column[0] for name, column in one_feature(ws, "posts", "P1").records.values.items()}
    assert values["checklist.radio.until"] == "2027-05-01"
    assert values["checklist.radio.verified_on"] == "2026-05-31"
    assert values["checklist.radio.verified_by"] == "张三丰"
    assert "2026-05-01 → 2027-05-01" in texts(panel(at, "point-history"))[0][-1]


def test_a_day_that_is_none_is_said_beside_its_input_and_not_written(ws):
    at = open_page("point", layer="posts", code="P1").button(key="point-edit").click().run()
    at.text_input(key="form-posts-P1-1-checklist.radio.until").set_value("五月")
    at.text_input(key="form-posts-P1-1-sign-by").set_value("王五")
    at.text_input(key="form-posts-P1-1-sign-why").set_value("现场核查")
    next(b for b in at.button if str(b.key).startswith("FormSubmitter")).click().run()
    assert any("有对讲机有效期至" in one.value for one in at.error)
    assert int(one_feature(ws, "posts", "P1").version[0]) == 1


def test_the_list_of_one_layer_says_how_many_have_each_item_and_leads_to_them(ws):
    at = open_page("inventory", layers="posts")
    shown = panel(at, "inventory-items")
    assert texts(shown) == [
        ["有对讲机（默认）", "1", "1", "1", "1"],
        ["有冲锋舟", "1", "0", "1", "2"],
        ["有沙袋", "0", "0", "0", "4"],
    ]
    led = open_page("inventory", layers="posts", where="checklist.radio.state = expired")
    assert [row[0] for row in texts(panel(led, "inventory-items"))] == [
        "有对讲机（默认）",
        "有冲锋舟",
        "有沙袋",
    ]
    assert texts(panel(led, "inventory-items"))[0][1:] == ["0", "1", "0", "0"]


def test_the_card_on_the_map_names_what_has_passed_first(ws):
    snapshot = current_snapshot(ws)
    cards = {code: card(ws, snapshot, find(snapshot, "posts", code), "zh")["fields"] for code in ("P1", "P2")}
    assert cards["P1"][0] == ["有对讲机（默认）", "有，2025-11-03 核实，2026-05-01 到期，已过期"]
    assert cards["P2"] == []
