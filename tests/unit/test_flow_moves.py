"""May this record make this move: the verdict, rule by rule, on the register of major hazards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from riskmap.catalog.layer_file import read_layer
from riskmap.rules.laws import broken_laws
from riskmap.rules.moves import (
    Stated,
    Ticket,
    after_move,
    best_chain,
    judge_move,
    made_by,
    move_named,
)
from riskmap.values.records import CLEAR, Contact

FILE = Path(__file__).parents[1] / "cases" / "registers" / "major_hazards.toml"
TEXT = FILE.read_text(encoding="utf-8")
LAYER = read_layer(TEXT, FILE.name)
FLOW = LAYER.flow
TODAY = "2026-11-29"

RECTIFYING = Ticket("rectifying", {"found_on": "2026-09-08", "due": "2026-10-31"}, "2026-09-10")
RECTIFIED = Ticket(
    "rectified",
    {"found_on": "2026-09-08", "due": "2026-10-31", "evidence": "a.jpg"},
    "2026-10-20",
    contacts=(Contact("responsible", "李四"),),
    made={"rectify": "甲"},
)


def said(ticket, move, by="乙", *, today=TODAY, on=None, why="", files=None, **values):
    stated = Stated(values | {f"file:{field}": text for field, text in (files or {}).items()}, on, why)
    chosen = move_named(FLOW, ticket.state, move)
    return [(one.rule, one.field) for one in judge_move(LAYER, ticket, chosen, stated, by=by, today=today)]


def test_a_lawful_move_is_met_with_silence():
    assert said(RECTIFYING, "rectify", evidence="a.jpg") == []
    assert said(RECTIFIED, "accept", on="2026-11-01") == []


def test_what_a_move_asks_is_stated_in_this_very_move():
    held = replace(RECTIFYING, values={**RECTIFYING.values, "evidence": "old.jpg"})
    assert said(held, "rectify") == [("asks", "evidence")]
    assert said(RECTIFYING, "extend", due="2026-12-31") == [("asks", "why")]
    assert said(RECTIFIED, "accept") == [("asks", "on")]


def test_files_that_are_handed_over_are_evidence_too():
    assert said(RECTIFYING, "rectify", files={"evidence": f"{64 * 'a'}  a.jpg"}) == []
    kept = replace(RECTIFIED, values={"found_on": "2026-09-08", "file:evidence": f"{64 * 'a'}  a.jpg"})
    assert said(kept, "accept", on=TODAY) == []


def test_what_a_move_needs_stands_on_the_record_after_it():
    bare = replace(RECTIFIED, values={"found_on": "2026-09-08"})
    assert said(bare, "accept", on=TODAY) == [("needs", "evidence")]
    assert said(bare, "accept", on=TODAY, evidence="b.jpg") == []
    assert said(RECTIFIED, "accept", on=TODAY, evidence=CLEAR) == [("needs", "evidence")]


@pytest.mark.parametrize(
    ("by", "field"), [("甲", "rectify"), (" 甲 ", "rectify"), ("李四", "contact:responsible")]
)
def test_a_second_person_accepts(by, field):
    assert said(RECTIFIED, "accept", by, on=TODAY) == [("second_person", field)]


def test_whoever_the_work_lay_with_may_not_accept_even_where_the_move_does_not_say_so():
    text = TEXT.replace('other_than = ["rectify", "contact:responsible"]', 'other_than = ["rectify"]')
    layer = read_layer(text, FILE.name)
    stated = Stated({}, TODAY)
    found = judge_move(layer, RECTIFIED, layer.flow.moves[4], stated, by="李四", today=TODAY)
    assert [one.field for one in found] == ["contact:responsible"]


@pytest.mark.parametrize(
    ("on", "rule"), [("2026-11-30", "in_future"), ("2026-09-07", "before"), ("2026-10-19", "before"), ("2026-10-20", None)]
)  # fmt: skip
def test_the_day_of_a_move_is_neither_in_the_future_nor_before_what_went_before(on, rule):
    assert said(RECTIFIED, "accept", on=on) == ([] if rule is None else [(rule, "on")])


def test_a_move_that_is_not_declared_names_those_that_are():
    assert move_named(FLOW, "found", "closed") is None
    assert move_named(FLOW, "rectified", "已销号").id == "accept"
    (one,) = judge_move(LAYER, RECTIFYING, FLOW.moves[4], Stated({}, TODAY), by="乙", today=TODAY)
    assert one.rule == "no_such_move"
    assert "延期、挂起、整改完成" in one.message.zh


def test_a_move_sets_the_day_and_clears_what_it_says():
    closed = after_move(RECTIFIED, FLOW.moves[4], Stated({}, "2026-11-01"), today=TODAY)
    assert (closed.state, closed.values["closed_on"], closed.happened) == (
        "closed",
        "2026-11-01",
        "2026-11-01",
    )
    back = after_move(closed, FLOW.moves[5], Stated({"due": "2026-12-10"}), today=TODAY)
    assert back.values == {"found_on": "2026-09-08", "due": "2026-12-10", "state": "rectifying"}


def test_a_state_in_a_file_is_the_shortest_chain_of_moves_to_it():
    stated = Stated({"evidence": "a.jpg"}, "2026-11-01")
    chain, told = best_chain(LAYER, RECTIFYING, "closed", stated, by=("甲", "乙"), today=TODAY)
    assert ([move.id for move in chain], told) == (["rectify", "accept"], [])
    chain, told = best_chain(LAYER, RECTIFYING, "closed", stated, by=("甲", "甲"), today=TODAY)
    assert [one.rule for one in told] == ["second_person"]
    chain, told = best_chain(LAYER, RECTIFYING, "found", stated, by=("甲", "甲"), today=TODAY)
    assert (chain, [one.rule for one in told]) == ((), ["no_such_move"])


def test_who_made_a_move_is_told_from_the_past_of_a_record():
    past = [
        ("insert", "rectifying", "甲"),
        ("update", "rectifying", "丁"),
        ("move", "rectified", "乙"),
        ("restore", "rectifying", "丁"),
        ("move", "rectified", "丙"),
    ]
    assert made_by(FLOW, past) == {"assign": "甲", "extend": "甲", "send_back": "甲", "rectify": "丙"}
    assert made_by(FLOW, [*past[:3], ("restore", "rectifying", "丁")])["rectify"] == "乙"


def test_laws_are_judged_for_many_rows_at_once_and_what_is_not_known_breaks_none():
    rows = {"due": ["2026-01-01", "2026-12-01", None], "found_on": ["2026-02-01", "2026-02-01", "2026-02-01"]}
    found = broken_laws(LAYER, rows, 3, today=date(2026, 11, 29))
    assert [(row, one.rule, one.weight) for row, one in found] == [(0, "due_after_found", "reject")]
    assert found[0][1].message.zh == "整改期限应不小于（不早于）发现日期"


def test_a_law_may_ask_for_a_reason_where_a_deadline_has_passed():
    law = """
[[laws]]
id = "overdue_says_why"
when = [{ field = "overdue", op = ">", value = 0 }]
field = "cause"
op = "present"
else = "warn"
title = { zh = "超期要写明原因", en = "overdue: say why" }

[flow]"""
    layer = read_layer(TEXT.replace("\n[flow]", law), FILE.name)
    rows = {
        "state": ["rectifying", "closed", "rectifying", "waiting"],
        "due": ["2026-11-28", "2026-11-28", "2026-11-29", "2026-11-28"],
    }
    found = broken_laws(layer, rows, 4, today=date(2026, 11, 29))
    assert [(row, one.rule, one.weight) for row, one in found] == [(0, "overdue_says_why", "warn")]
