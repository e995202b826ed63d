"""Who makes a move: asked of the roles wherever they are known, and of nobody where they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskmap.actions.records.editing import create_point
from riskmap.actions.records.tickets import move_points
from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.rooms.test_reminders import TICKETS

WHO = '{ id = "close", title = { zh = "销号", en = "Close" }, who = ["acceptor", "admin"],'


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-28T02:00:00Z")
    assert riskmap("init", tmp_path / "w").status == 0
    text = TICKETS.replace('{ id = "close", title = { zh = "销号", en = "Close" },', WHO)
    assert WHO in text
    (tmp_path / "w" / "layers" / "tickets.toml").write_text(text, encoding="utf-8")
    ws = open_workspace(tmp_path / "w")
    for code in ("R1", "R2"):
        values = {"found_on": "2026-10-01"}
        create_point(ws, "tickets", code, values=values, by=local_actor("甲"), why="登记")
    return ws


def close(ws, roles, *codes):
    actor = replace(local_actor("乙"), account="yi", roles=None if roles is None else frozenset(roles))
    return move_points(ws, "tickets", codes or ["R1"], "close", by=actor, why="已整改").moves


@pytest.mark.parametrize("roles", [["acceptor"], ["viewer", "admin"], None])
def test_one_who_has_the_role_makes_the_move_and_without_roles_everybody_does(ws, roles):
    (moved,) = close(ws, roles).moved
    assert moved.after == "done"


@pytest.mark.parametrize("roles", [[], ["editor", "dispatcher"]])
def test_one_who_has_it_not_is_refused_with_the_roles_that_have_it_and_nothing_is_written(ws, roles):
    before = ws.ledger.state
    done = close(ws, roles, "R1", "R2")
    assert done.changeset is None
    assert set(done.refused) == {"R1", "R2"}
    (said,) = done.refused["R1"]
    assert (said.rule, said.weight) == ("not_allowed", "reject")
    assert said.message.zh == "“销号”由 acceptor, admin 办理，乙 没有这个角色"
    assert ws.ledger.state == before


def test_a_move_that_names_nobody_is_made_by_everybody(ws):
    actor = replace(local_actor("乙"), roles=frozenset())
    assert move_points(ws, "tickets", ["R1"], "pause", by=actor, why="停工").moves.moved
