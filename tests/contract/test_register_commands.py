"""`riskmap move` and `riskmap work`: what they print, how they leave, and that nothing else changes a state."""

from __future__ import annotations

import sqlite3

import pytest

from riskmap.actions.records.editing import create_point, edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.errors import RefusedError, StaleRevisionError
from riskmap.ledger import RecordMove
from riskmap.moments import CLOCK
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import local_actor
from riskmap.values.records import CLEAR
from tests.cli import riskmap
from tests.register_files import LAYER, hazard, register, workspace

BY = {"by": local_actor("甲"), "why": "测试"}
ASSIGN = ("--set", "责任单位=住建局", "--set", "due=2026-12-01", "--set", "order=1号")


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    made = workspace(tmp_path / "ws")
    for code in ("H1", "H2", "H3"):
        create_point(made, LAYER, code, values=hazard(), **BY)
    return made


def move(ws, *words, by="甲"):
    return riskmap("move", LAYER, *words, "--by", by, "--json", "--workspace", ws.root)


def state(ws, code="H1"):
    found = ws.ledger.features(LAYER, codes=[code])
    return found.records.values["state"][0]


def test_a_new_record_begins_where_its_flow_starts(ws):
    assert state(ws) == "found"
    with pytest.raises(RefusedError, match="办理"):
        create_point(ws, LAYER, "H9", values=hazard(state="已销号"), **BY)


def test_records_are_moved_together_as_one_changeset(ws):
    done = move(ws, "H1", "H2", "assign", *ASSIGN)
    assert done.status == 0
    assert [
        (one["code"], one["from"], one["to"], one["on"], one["parents"]) for one in done.json["moved"]
    ] == [
        ("H1", "found", "rectifying", "2026-11-29", []),
        ("H2", "found", "rectifying", "2026-11-29", []),
    ]
    assert riskmap("undo", done.json["changeset"], "--why", "试", "--workspace", ws.root).status == 0
    assert (state(ws), state(ws, "H2")) == ("found", "found")


def test_all_or_none_and_with_partial_those_that_may(ws):
    assert move(ws, "H1", "assign", *ASSIGN).status == 0
    none = move(ws, "H1", "H2", "rectify", "--set", "evidence=a.jpg")
    assert (none.status, none.json["changeset"], none.json["moved"]) == (2, None, [])
    assert [(one["code"], one["issues"][0]["rule"]) for one in none.json["refused"]] == [
        ("H2", "no_such_move")
    ]
    some = move(ws, "H1", "H2", "rectify", "--set", "evidence=a.jpg", "--partial")
    assert (some.status, [one["code"] for one in some.json["moved"]]) == (1, ["H1"])
    assert (state(ws), state(ws, "H2")) == ("rectified", "found")


def test_what_is_asked_for_is_named_by_its_field(ws):
    refused = move(ws, "H1", "整改中").json["refused"][0]["issues"]
    assert [(one["rule"], one["field"]) for one in refused] == [
        ("asks", "department"),
        ("asks", "due"),
        ("asks", "order"),
    ]
    assert "责任单位" in refused[0]["message"]


def test_the_command_itself_is_no_reason_where_a_move_asks_for_one(ws):
    assert move(ws, "H1", "pause").json["refused"][0]["issues"][0]["field"] == "why"
    assert move(ws, "H1", "pause", "--why", "等设计").status == 0


@pytest.mark.parametrize(
    "words",
    [("H1",), ("H9", "assign"), ("H1", "H1", "assign"), ("H1", "assign", "--set", "state=closed"), ("H1", "assign", "--set", "due=那天")],
)  # fmt: skip
def test_what_cannot_be_done_at_all_is_said_and_leaves_with_2(ws, words):
    assert move(ws, *words).refused
    assert state(ws) == "found"


def test_a_layer_without_a_flow_has_nothing_to_move(ws):
    assert "[flow]" in riskmap("move", "slopes", "A", "close", "--workspace", ws.root).err


def test_no_edit_changes_a_state_or_the_day_that_a_move_sets(ws):
    for changes in ({"state": "closed"}, {"closed_on": "2026-11-01"}, {"state": "已销号"}):
        with pytest.raises(RefusedError, match="办理"):
            edit_point(ws, LAYER, "H1", seen=1, changes=changes, **BY)
    many = ("edit-all", LAYER, "--whole-layer", "--set", "状态=已销号", "--why", "x", "--workspace", ws.root)
    assert "riskmap move" in riskmap(*many).err
    assert state(ws) == "found"


def test_laws_hold_for_an_edit_too(ws):
    move(ws, "H1", "assign", *ASSIGN, "--on", "2026-09-10")
    with pytest.raises(RefusedError, match="已办的一步"):
        edit_point(ws, LAYER, "H1", seen=2, changes={"found_on": "2026-09-11"}, **BY)
    with pytest.raises(RefusedError, match="整改期限应"):
        edit_point(ws, LAYER, "H1", seen=2, changes={"due": "2026-09-01"}, **BY)
    assert edit_point(ws, LAYER, "H1", seen=2, changes={"found_on": "2026-09-10"}, **BY).version == 3


def test_evidence_of_a_closed_record_is_not_emptied(ws):
    move(ws, "H1", "assign", *ASSIGN)
    move(ws, "H1", "rectify", "--set", "evidence=a.jpg")
    assert move(ws, "H1", "accept", "--on", "2026-11-29", by="乙").status == 0
    with pytest.raises(RefusedError, match="整改照片"):
        edit_point(ws, LAYER, "H1", seen=4, changes={"evidence": CLEAR}, **BY)


def test_the_second_of_two_who_move_at_once_sees_both_sides(ws):
    judged = rules_of(register()).record({"department": "住建局", "due": "2026-12-01", "order": "1"})
    ws.ledger.move(LAYER, [RecordMove("H1", 1, "assign", judged)], by="甲", why="派")
    with pytest.raises(StaleRevisionError) as stale:
        ws.ledger.move(LAYER, [RecordMove("H1", 1, "assign", judged)], by="乙", why="派")
    assert stale.value.rows[0].theirs["state"] == "rectifying"


def test_the_work_list_knows_due_overdue_paused_and_whose_it_is(ws, monkeypatch):
    move(ws, "H1", "H2", "assign", *ASSIGN)
    move(ws, "H2", "pause", "--why", "等设计")
    riskmap(
        "edit-all",
        LAYER,
        "--where",
        "编号 = H1",
        "--set",
        "contact.responsible.name=李四",
        "--why",
        "x",
        "--workspace",
        ws.root,
    )

    def work(*more):
        return riskmap("work", "--json", *more, "--workspace", ws.root).json

    assert work()["counts"] == {"mine": None, "due": 1, "overdue": 0, "to_accept": 0, "alerts": None}
    assert [(one["code"], one["due"]) for one in work()["items"]] == [
        ("H1", "2026-12-01"),
        ("H2", None),
        ("H3", None),
    ]
    assert [one["code"] for one in work("--who", "李四")["items"]] == ["H1"]
    assert work("--due", "1")["items"] == []
    monkeypatch.setenv(CLOCK, "2026-12-02T02:00:00Z")
    late = work("--overdue")
    assert [(one["code"], one["overdue_days"]) for one in late["items"]] == [("H1", 1)]
    assert riskmap("check", "--json", "--workspace", ws.root).status == 1
    assert work("--as-of", "2026-11-29")["counts"]["overdue"] == 0
    move(ws, "H1", "rectify", "--set", "evidence=a.jpg")
    assert work()["counts"]["to_accept"] == 1
    assert move(ws, "H1", "accept", "--on", "2026-12-02", by="乙").status == 0
    assert work()["counts"]["overdue"] == 0


def test_select_tells_state_since_deadline_and_the_days_after_it(ws, monkeypatch):
    move(ws, "H1", "assign", *ASSIGN, "--on", "2026-10-01")
    monkeypatch.setenv(CLOCK, "2026-12-03T02:00:00Z")
    found = riskmap("select", LAYER, "--where", "state = 整改中", "--json", "--workspace", ws.root).json[
        "features"
    ]
    assert [(one["state"], one["since"], one["due"], one["overdue_days"]) for one in found] == [
        ("rectifying", "2026-10-01", "2026-12-01", 2)
    ]


def test_the_history_shows_a_move_with_its_day(ws):
    move(ws, "H1", "assign", *ASSIGN, "--on", "2026-10-01")
    last = riskmap("history", LAYER, "H1", "--json", "--workspace", ws.root).json["revisions"][-1]
    assert (last["kind"], last["on"], last["changes"]["state"]) == (
        "move",
        "2026-10-01",
        ["found", "rectifying"],
    )


def test_check_names_a_state_that_is_not_what_the_content_says(ws):
    with sqlite3.connect(ws.root / "data" / "ledger.sqlite") as file:
        file.execute("DROP TRIGGER revision_fixed")
        file.execute("UPDATE revision SET state = 'closed'")
    file.close()
    assert any("H1" in said and "state" in said for said in ws.ledger.check())


WARNS = """
[[laws]]
id = "overdue_says_why"
when = [{ field = "overdue", op = ">", value = 0 }]
field = "cause"
op = "present"
else = "warn"
title = { zh = "超期要写明原因", en = "overdue: say why" }

[flow]"""


def test_a_law_that_warns_stops_nothing_and_is_said_by_edit_and_move(ws):
    file = ws.root / "layers" / f"{LAYER}.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("\n[flow]", WARNS), encoding="utf-8")
    other = open_workspace(ws.root)
    edited = edit_point(other, LAYER, "H1", seen=1, changes={"due": "2026-11-01"}, **BY)
    assert [say.zh for say in edited.warnings] == ["重大隐患 › H1 › 原因：超期要写明原因"]
    moved = move(ws, "H1", "assign", *ASSIGN[:2], "--set", "due=2026-11-02", "--set", "order=1")
    assert (moved.status, moved.json["warnings"][0]["issues"][0]["rule"]) == (0, "overdue_says_why")


def test_a_condition_asks_what_is_closed_and_how_long_overdue(ws, monkeypatch):
    move(ws, "H1", "H2", "assign", *ASSIGN)
    move(ws, "H2", "rectify", "--set", "evidence=a.jpg")
    assert move(ws, "H2", "accept", "--on", "2026-11-29", by="乙").status == 0

    def codes(*where, **more):
        words = [word for one in where for word in ("--where", one)]
        past = [f"--as-of={more['as_of']}"] if more else []
        found = riskmap("select", LAYER, *words, *past, "--json", "--workspace", ws.root).json["features"]
        return [one["code"] for one in found]

    assert (codes("closed = true"), codes("已办结 = 否")) == (["H2"], ["H1", "H3"])
    assert codes("overdue present") == []
    monkeypatch.setenv(CLOCK, "2026-12-11T02:00:00Z")
    assert (codes("overdue > 9"), codes("超期 > 10"), codes("overdue missing")) == (["H1"], [], ["H2", "H3"])
    assert codes("overdue present", as_of="2026-11-30") == []
    move(ws, "H1", "pause", "--why", "等设计")
    assert codes("overdue present") == []


def test_a_retired_ticket_is_on_no_list_and_is_listed_and_counted_apart_with_its_state(ws):
    move(ws, "H1", "H2", "assign", *ASSIGN)
    assert riskmap("retire", LAYER, "H1", "--why", "重复登记", "--workspace", ws.root).status == 0
    gone = riskmap("select", LAYER, "--retired", "--json", "--workspace", ws.root).json
    assert [(one["code"], one["state"], one["retired"]["why"]) for one in gone["features"]] == [
        ("H1", "rectifying", "重复登记")
    ]
    where = ("select", LAYER, "--retired", "--where", "closed = false", "--json", "--workspace", ws.root)
    assert riskmap(*where).json["count"] == 1
    open_ones = riskmap("list", "整改清单", "--json", "--workspace", ws.root).json["rows"]
    assert [one["code"] for one in open_ones] == ["H3", "H2"]
    assert [one["code"] for one in riskmap("work", "--json", "--workspace", ws.root).json["items"]] == [
        "H2",
        "H3",
    ]
