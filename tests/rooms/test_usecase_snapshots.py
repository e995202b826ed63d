"""The snapshot that everybody shares: patched after small changes, built from the records otherwise."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from riskmap.actions.records.editing import create_point, edit_point, retire_point
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace, open_workspace, snapshots
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.ledger import Ledger
from riskmap.rules.permissions import local_actor
from riskmap.selection import Snapshot, flag_ids
from riskmap.values.records import CLEAR

WHO = {"by": "测试员", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}
LAYER = "risk_points"
FACTORS = {"likelihood": 3, "exposure": 6, "consequence": 15}


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    for code in ("A", "B"):
        create_point(made, LAYER, code, values={"name": code, **FACTORS}, **ACTS)
    current_snapshot(made)
    return made


def table(ws, **when):
    found = current_snapshot(ws, **when).table(LAYER)
    return dict(zip(found["code"].to_pylist(), found["name"].to_pylist(), strict=True))


@pytest.fixture
def no_building(ws, monkeypatch):
    def refused(*_args):
        raise AssertionError("a snapshot was built anew")

    monkeypatch.setattr(snapshots, "build_and_shelve", refused)


@pytest.mark.usefixtures("no_building")
def test_small_changes_are_patched_into_the_last_snapshot(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"name": "新名", "likelihood": CLEAR}, **ACTS)
    create_point(ws, LAYER, "AA", values={"name": "新点", **FACTORS}, **ACTS)
    retire_point(ws, LAYER, "B", **ACTS)
    assert table(ws) == {"A": "新名", "AA": "新点"}
    assert current_snapshot(ws).table(LAYER)["rank"].to_pylist() == [1, 3]
    assert current_snapshot(ws).state == ws.ledger.state
    # another process, with nothing but what lies on the shelf
    snapshots._cache.clear()
    assert table(open_workspace(ws.root)) == {"A": "新名", "AA": "新点"}


def test_assessing_again_without_news_keeps_the_very_snapshot(ws):
    before = current_snapshot(ws)
    assert assess_layers(ws, **ACTS)["run"] is None or current_snapshot(ws).key != before.key
    settled = current_snapshot(ws)
    assert assess_layers(ws, **ACTS)["run"] is None
    assert current_snapshot(ws) is settled


@pytest.mark.usefixtures("no_building")
def test_another_day_needs_no_new_snapshot_but_marks_what_has_become_old(ws):
    later = datetime.now().astimezone().date() + timedelta(days=500)
    flags = current_snapshot(ws, today=later).table(LAYER)["flags"].to_pylist()
    assert [flag_ids(f) for f in flags] == [["unlocated", "stale"]] * 2
    assert [flag_ids(int(f)) for f in current_snapshot(ws).flags] == [["unlocated"]] * 2


def test_more_changes_than_are_patched_are_built_into_a_new_snapshot(ws, monkeypatch):
    monkeypatch.setattr(snapshots, "_FEW", 1)
    for code in ("A", "B"):
        edit_point(ws, LAYER, code, seen=1, changes={"name": f"新{code}"}, **ACTS)
    assert table(ws) == {"A": "新A", "B": "新B"}
    assert len(list(ws.cache_dir.glob("snapshot-*"))) <= 3


def test_a_shelf_that_cannot_be_written_costs_no_answer(ws, monkeypatch):
    def full(*_args):
        raise OSError("no space left on device")

    snapshots._cache.clear()
    for home in ws.cache_dir.glob("snapshot-*"):
        (home / "snapshot.json").unlink()
    monkeypatch.setattr(Snapshot, "save", full)
    assert table(ws) == {"A": "A", "B": "B"}


def test_another_ledger_in_the_same_state_is_never_answered_from_this_ones_snapshot(ws, tmp_path):
    store = f"sqlite:///{tmp_path / 'other.sqlite'}"
    Ledger.create(store).close()
    other = open_workspace(ws.root, store)
    for code in ("X", "Y"):
        create_point(other, LAYER, code, values={"name": code, **FACTORS}, **ACTS)
    assert other.ledger.state == ws.ledger.state
    assert table(other) == {"X": "X", "Y": "Y"}
    assert table(ws) == {"A": "A", "B": "B"}


def test_a_restored_ledger_shows_what_the_backup_held(ws, tmp_path):
    ws.ledger.backup(tmp_path / "backup")
    edit_point(ws, LAYER, "A", seen=1, changes={"name": "新名"}, **ACTS)
    assert table(ws)["A"] == "新名"
    Ledger.restore(tmp_path / "backup", ws.store)
    assert table(open_workspace(ws.root))["A"] == "A"


def test_a_changed_layer_file_makes_a_new_snapshot(ws):
    file = ws.root / "layers" / "risk_points.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("stale_after_days = 365", "stale_after_days = 1"), encoding="utf-8")
    later = datetime.now().astimezone().date() + timedelta(days=3)
    flags = current_snapshot(open_workspace(ws.root), today=later).flags
    assert [flag_ids(int(f)) for f in flags] == [["unlocated", "stale"]] * 2


def test_a_past_day_shows_the_records_of_that_day(ws):
    today = datetime.now().astimezone().date()
    assert table(ws, as_of=today) == {"A": "A", "B": "B"}
    assert current_snapshot(ws, as_of=today).state == ws.ledger.state
    assert table(ws, as_of=date(2001, 1, 1)) == {}
    assert current_snapshot(ws, as_of=date(2001, 1, 1)).state == 0
