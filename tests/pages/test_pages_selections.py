"""The inventory changes a selection and puts retired records back: what a person sees, chooses and signs."""

from __future__ import annotations

import shutil

import pytest

from riskmap.actions.inventory.listing import SORTS, list_records
from riskmap.actions.inventory.retired import retired_snapshot
from riskmap.actions.records.editing import edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.selection import Selection
from riskmap.values.records import CLEAR
from tests.ledger_files import ACTS, LAYER
from tests.map_workspace import HOSTILE, make_workspace
from tests.pages_running import html, open_page, panel, panels, texts, use_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("selections") / "w"
    make_workspace(root).ledger.close()
    return root


@pytest.fixture
def root(made, tmp_path, monkeypatch):
    root = shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, root)
    return root


@pytest.fixture
def ws(root):
    return open_workspace(root)


def asked(at, **stated):
    """State fields of the selection and ask for the preview; None empties."""
    at.multiselect(key=f"bulk-fields-{LAYER}").set_value(list(stated)).run()
    for target, value in stated.items():
        key = f"bulk-{LAYER}-{target}"
        if value is None:
            at.checkbox(key=f"{key}-empty").check().run()
        else:
            at.text_input(key=key).set_value(value).run()
    at.button(key="bulk-preview").click().run()
    assert not at.exception
    return at


def signed(at, key):
    at.text_input(key=f"{key}-by").set_value("王五").run()
    at.text_input(key=f"{key}-why").set_value("街道复核").run()
    return at


def numbers(at):
    return [figure["text"] for figure in panel(at, "bulk-figures")["figures"]]


def said(at):
    return " ".join(box.value for box in (*at.success, *at.warning, *at.error, *at.info))


def test_a_change_is_seen_signed_written_and_undone_as_one(root, ws):
    at = asked(open_page("inventory", layers=LAYER, q="RP-CROWD"), likelihood="10")
    assert numbers(at) == ["40", "40", "0", "0"]
    assert texts(panel(at, "bulk-values")) == [["可能性L", "0.5", "10", "40"]]
    assert [row[2:] for row in texts(panel(at, "bulk-worst"))] == [["低", "重大"]] * 8
    at.button(key="bulk-go").click().run()
    assert "经办人" in said(at)  # nobody signed
    signed(at, "bulk-sign").button(key="bulk-go").click().run()
    assert "已修改 40 条" in said(at)
    assert "等级改变 40 处" in said(at)
    last = next(c for c in ws.ledger.changesets() if c.kind == "edit")
    assert (last.who, last.why, last.counts) == ("王五", "街道复核", {"updated": 40})
    signed(at, "bulk-undo").button(key="bulk-undo-go").click().run()
    assert "恢复记录 40 条" in said(at)
    assert ws.ledger.features(LAYER, codes=["RP-CROWD-00"]).records.values["likelihood"] == [0.5]


def test_a_preview_that_no_longer_fits_what_is_asked_is_not_written(root):
    at = asked(open_page("inventory", layers=LAYER, q="RP-CROWD"), likelihood="10")
    at.text_input(key=f"bulk-{LAYER}-likelihood").set_value("1").run()
    assert "bulk-figures" not in panels(at)
    assert any("重新预览" in one.value for one in at.caption)
    with pytest.raises(KeyError):
        at.button(key="bulk-go")


def test_records_that_changed_since_the_preview_are_named_with_both_sides(root, ws):
    at = asked(open_page("inventory", layers=LAYER, q="RP-CROWD"), likelihood="10")
    edit_point(ws, LAYER, "RP-CROWD-07", seen=1, changes={"likelihood": "6"}, **ACTS)
    signed(at, "bulk-sign").button(key="bulk-go").click().run()
    assert "有 1 条记录在预览后被改过" in said(at)
    assert texts(panel(at, "bulk-stale-rows")) == [["RP-CROWD-07", "1 → 2", "可能性L：现为 6，您要写 10"]]
    assert ws.ledger.features(LAYER, codes=["RP-CROWD-00"]).records.values["likelihood"] == [0.5]
    at.button(key="bulk-preview").click().run()
    assert numbers(at) == ["40", "40", "0", "0"]
    assert "bulk-stale-rows" not in panels(at)


def test_the_person_chooses_what_becomes_of_refused_records(root, ws):
    for code in ("RP-CROWD-00", "RP-CROWD-01"):
        edit_point(ws, LAYER, code, seen=1, changes={"contacts": CLEAR}, **ACTS)
    at = open_page("inventory", layers=LAYER, q="RP-CROWD")
    asked(at, **{"contact:responsible:phone": "138****9999", "managing_department": "应急办"})
    assert numbers(at) == ["40", "38", "0", "2"]
    assert [row[0] for row in texts(panel(at, "bulk-refusals"))] == ["RP-CROWD-00", "RP-CROWD-01"]
    assert at.button(key="bulk-go").disabled
    at.radio(key="bulk-if-refused").set_value(True).run()
    signed(at, "bulk-sign").button(key="bulk-go").click().run()
    assert "已修改 38 条" in said(at)
    assert ws.ledger.features(LAYER, codes=["RP-CROWD-00"]).records.values.get(
        "managing_department", [None]
    ) == [None]


def test_to_empty_is_a_choice_and_an_empty_input_is_none(root):
    at = asked(open_page("inventory", layers=LAYER, q="RP-CROWD"), name="")
    assert "没有写明内容" in said(at)
    at = asked(open_page("inventory", layers=LAYER, q="RP-CROWD"), likelihood=None)
    assert numbers(at)[1] == "40"
    assert {tuple(row[2:]) for row in texts(panel(at, "bulk-worst"))} == {("低", "未评")}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_reach_the_browser_as_data_only(root, text):
    at = asked(open_page("inventory", layers=LAYER, q="RP-EVIL"), name=text)
    assert text in {row[2] for row in texts(panel(at, "bulk-values"))}
    assert "<img src=x" not in html(at)


def test_retired_records_have_a_list_a_count_and_a_way_back(root, ws):
    assert not [one for one in open_page("inventory").toggle if one.key == "filter-retired"]
    for code in ("RP-LONE-major", "RP-EVIL-0"):
        ws.ledger.retire(LAYER, code, by="李四", why=HOSTILE[0])
    before = open_page("inventory")
    total = panel(before, "inventory-figures")["figures"][0]["text"]
    at = before.toggle(key="filter-retired").set_value(True).run()
    assert not at.exception
    assert "1" in at.query_params["retired"]
    assert panel(at, "retired-figures")["figures"][0]["text"] == "2"
    rows = texts(panel(at, "retired-table"))
    assert {row[2] for row in rows} == {"RP-LONE-major", "RP-EVIL-0"}
    assert {(row[4], row[5], row[6]) for row in rows} == {("李四", HOSTILE[0], "注销")}
    assert "inventory-downloads" not in panels(at)
    narrow = open_page("inventory", retired="1", q="LONE")
    assert [row[2] for row in texts(panel(narrow, "retired-table"))] == ["RP-LONE-major"]
    signed(narrow, "retired-sign").button(key="retired-go").click().run()
    assert "已恢复 1 条" in said(narrow)
    assert ws.ledger.features(LAYER, codes=["RP-LONE-major"]).retired == [None]
    now = open_page("inventory")
    assert int(panel(now, "inventory-figures")["figures"][0]["text"]) == int(total) + 1


def test_two_snapshots_of_one_state_have_each_its_own_order(ws):
    for code in ("RP-LONE-major", "RP-EVIL-0", "RP-CROWD-00"):
        ws.ledger.retire(LAYER, code, by="李四", why="误")
    on, off = current_snapshot(ws), retired_snapshot(ws)
    assert on.key == off.key
    for sort in SORTS:
        for one in (on, off):
            listed = list_records(one, Selection(), layers=ws.catalog.layers, sort=sort, size=one.n)
            assert len({(r.layer, r.code) for r in listed.records}) == one.n == listed.total


def test_a_retired_point_names_what_the_rules_of_today_refuse(root, ws):
    ws.ledger.retire(LAYER, "RP-LONE-major", by="李四", why="误")
    file = root / "layers" / "risk_points.toml"
    text = file.read_text(encoding="utf-8")
    at = text.index('id = "likelihood"')
    today = text[at:].replace("max = 10", "max = 6", 1).replace("3, 6, 10]", "3, 6]", 1)
    file.write_text(text[:at] + today, encoding="utf-8")
    at = open_page("point", layer=LAYER, code="RP-LONE-major")
    at.button(key="point-reinstate").click().run()
    assert "可能性L" in said(at)
    at.checkbox(key="reinstate-empty").check().run()
    signed(at, "reinstate").button(key="reinstate-go").click().run()
    found = open_workspace(root).ledger.features(LAYER, codes=["RP-LONE-major"])
    assert (found.retired, found.records.values.get("likelihood", [None])) == ([None], [None])
