"""Moves that were made in a register: by the day of the move, and none that was taken back."""

from __future__ import annotations

import pytest

from riskmap.actions.figures import engine_of, period_of
from riskmap.actions.workspace import open_workspace
from tests.cli import riskmap

LAYER = "major_hazards"


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "w"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", LAYER, "--workspace", home).status == 0
    for code in ("H1", "H2"):
        ran = riskmap(
            "record",
            LAYER,
            "--set",
            f"code={code}",
            "--set",
            "found_on=2025-01-05",
            "--set",
            "description=甲",
            "--by",
            "甲",
            "--workspace",
            home,
        )
        assert ran.status == 0, ran.err
    return home


def moved(home, code, word, *more, by="甲"):
    ran = riskmap(
        "move", LAYER, code, word, *more, "--by", by, "--why", "办理", "--json", "--workspace", home
    )
    assert ran.status == 0, (ran.err, ran.out)
    return ran.json["changeset"]


def closed(home, code, on):
    moved(
        home,
        code,
        "assign",
        "--set",
        "department=住建局",
        "--set",
        "due=2026-12-31",
        "--set",
        "order=1号",
        "--on",
        f"{on[:4]}-02-01",
    )
    moved(home, code, "rectify", "--set", "evidence=照片", "--on", f"{on[:4]}-03-01")
    return moved(home, code, "accept", "--on", on, by="乙")


def made(home):
    ws = open_workspace(home)
    return ws.ledger.moves_made(ws.catalog.layer(LAYER))


def told(home, period=None):
    ws = open_workspace(home)
    return engine_of(ws, period=period_of(ws, period)).value("hazards.moves").value


def test_moves_are_told_in_the_order_of_their_days(home):
    closed(home, "H1", "2026-05-01")
    assert [(one.before, one.after, one.on) for one in made(home)] == [
        ("found", "rectifying", "2026-02-01"),
        ("rectifying", "rectified", "2026-03-01"),
        ("rectified", "closed", "2026-05-01"),
    ]


def test_a_move_that_was_undone_does_not_count_and_counts_again_once_the_undoing_is_undone(home):
    changeset = closed(home, "H1", "2026-05-01")
    closed(home, "H2", "2025-12-31")
    assert (told(home), told(home, "2026"), told(home, "2025")) == (2, 1, 1)
    undone = riskmap("undo", changeset, "--why", "误点", "--json", "--workspace", home)
    assert undone.status == 0, undone.err
    assert (told(home), told(home, "2026")) == (1, 0)
    assert riskmap("undo", undone.json["changeset"], "--why", "没有误点", "--workspace", home).status == 0
    assert (told(home), told(home, "2026")) == (2, 1)


def test_a_hazard_that_came_back_and_is_closed_again_counts_twice(home):
    closed(home, "H1", "2026-05-01")
    moved(home, "H1", "send_back", "--set", "due=2026-12-31", "--on", "2026-05-20")
    moved(home, "H1", "rectify", "--set", "evidence=照片", "--on", "2026-06-01")
    moved(home, "H1", "accept", "--on", "2026-07-01", by="乙")
    assert told(home) == 2
    ws = open_workspace(home)
    assert engine_of(ws).value("hazards.closed").value == 1


def test_moves_of_a_past_moment_are_those_known_then(home):
    closed(home, "H1", "2026-05-01")
    ws = open_workspace(home)
    layer = ws.catalog.layer(LAYER)
    import datetime as dt

    moment = dt.datetime.fromisoformat(ws.ledger.written_at(ws.ledger.state))
    assert len(ws.ledger.moves_made(layer, as_of=moment)) == 3
    assert len(ws.ledger.moves_made(layer, as_of=moment - dt.timedelta(microseconds=1))) == 2
