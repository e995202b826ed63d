"""The past stands still: whatever is written later, the ledger as of a moment is what it was then."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.inventory.listing import select_json, summarise
from riskmap.actions.inventory.unrated import newly_unrated
from riskmap.actions.records.editing import (
    create_point,
    edit_point,
    reinstate_points,
    retire_point,
    undo_changeset,
)
from riskmap.actions.records.scoring import assess_layers, one_feature
from riskmap.actions.workspace import create_workspace, open_workspace, snapshots
from riskmap.actions.workspace.snapshots import current_snapshot, past_text
from riskmap.ledger import Ledger
from riskmap.moments import CLOCK, utc_now
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection
from riskmap.values.records import CLEAR

LAYER = "risk_points"
ACTS = {"by": local_actor("测试员"), "why": "测试"}
FACTORS = {"exposure": 6, "consequence": 15}
CODES = st.sampled_from("ABCD")
LIKELIHOODS = st.sampled_from([CLEAR, 0.5, 1, 3, 10])
STREETS = st.sampled_from(["甲街道", "乙街道", CLEAR])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("state"), CODES, LIKELIHOODS, STREETS),
        st.tuples(st.just("turn"), CODES),
        st.tuples(st.just("assess")),
        st.tuples(st.just("undo"), st.integers(1, 20)),
    ),
    min_size=1,
    max_size=9,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return create_workspace(tmp_path_factory.mktemp("past") / "ws").root


@contextmanager
def at(moment):
    """Let the program's clock stand at a moment."""
    before = os.environ.get(CLOCK)
    os.environ[CLOCK] = moment.isoformat()
    try:
        yield
    finally:
        os.environ.pop(CLOCK) if before is None else os.environ.update({CLOCK: before})


def take(ws, step):
    """Do one thing that a person does; nothing where there is nothing to do it to."""
    known = {one.code: one for one in _records(ws)}
    match step:
        case "state", code, likelihood, street:
            stated = {"likelihood": likelihood, "subdistrict": street}
            if code in known and known[code].retired is None:
                edit_point(ws, LAYER, code, seen=known[code].version, changes=stated, **ACTS)
            elif code not in known:
                values = {key: value for key, value in stated.items() if value is not CLEAR}
                create_point(ws, LAYER, code, values=FACTORS | values, **ACTS)
        case "turn", code if code in known:
            if known[code].retired is None:
                retire_point(ws, LAYER, code, **ACTS)
            else:
                reinstate_points(ws, LAYER, [code], **ACTS)
        case ("assess",):
            assess_layers(ws, **ACTS)
        case "undo", back:
            changes = [
                c for c in ws.ledger.changesets(limit=99) if c.kind != "assess" and c.undone_by is None
            ]
            if back <= len(changes) and changes[back - 1].kind != "undo":
                undo_changeset(ws, changes[back - 1].id, **ACTS)


class _Record:
    def __init__(self, code, version, retired):
        self.code, self.version, self.retired = code, version, retired


def _records(ws):
    found = ws.ledger.features(LAYER, include_retired=True)
    rows = zip(found.records.code, found.version.tolist(), found.retired, strict=True)
    return [_Record(*row) for row in rows]


def figures(ws, **when):
    """All that lists, maps and sums are made of, but the moment itself."""
    document = summarise(ws, **when)
    del document["as_of"]
    return document, select_json(ws, Selection(), **when), newly_unrated(ws, current_snapshot(ws, **when))


def forget(ws):
    """Leave nothing to answer from but the ledger."""
    snapshots._cache.clear()
    shutil.rmtree(ws.cache_dir, ignore_errors=True)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_the_ledger_as_of_each_write_has_the_figures_that_it_had_then(root, steps):
    begin = utc_now() - dt.timedelta(hours=1)
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        with at(begin):
            Ledger.create(store).close()
        ws, past = open_workspace(root, store), []
        for number, step in enumerate(steps, start=1):
            with at(begin + dt.timedelta(minutes=number)):
                take(ws, step)
                past.append((utc_now(), figures(ws)))
        forget(ws)
        assert figures(ws, as_of=begin - dt.timedelta(seconds=1))[0]["total"] == 0
        for moment, then in past:
            assert figures(ws, as_of=moment) == then
            assert figures(ws, as_of=moment + dt.timedelta(seconds=59)) == then
        assert figures(ws, as_of=utc_now()) == past[-1][1] == figures(ws)
        assert figures(ws, as_of=utc_now().astimezone().date()) == figures(ws)
        ws.ledger.close()


def test_the_past_before_the_first_write_is_empty_and_says_when_that_was(root, tmp_path):
    store = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    Ledger.create(store).close()
    ws = open_workspace(root, store)
    yesterday = (utc_now() - dt.timedelta(days=1)).astimezone().date()
    assert "还没有写入过" in past_text(ws, yesterday, "zh")
    create_point(ws, LAYER, "A", values=FACTORS, **ACTS)
    assert summarise(ws, as_of=yesterday)["total"] == 0
    assert f"{utc_now().astimezone():%Y-%m-%d}" in past_text(ws, yesterday, "en")
    assert "holds no record yet" in past_text(ws, yesterday, "en")
    assert past_text(ws, utc_now().astimezone().date(), "zh").endswith("的台账")


def test_a_record_is_read_as_it_was_and_not_before_it_was_there(root, tmp_path):
    store = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    Ledger.create(store).close()
    ws = open_workspace(root, store)
    begin = utc_now() - dt.timedelta(hours=1)
    with at(begin):
        create_point(ws, LAYER, "A", values={"name": "旧名", **FACTORS}, **ACTS)
    edit_point(ws, LAYER, "A", seen=1, changes={"name": "新名"}, **ACTS)
    assert one_feature(ws, LAYER, "A", as_of=begin).records.name == ["旧名"]
    assert one_feature(ws, LAYER, "A").records.name == ["新名"]
    with pytest.raises(Exception, match="它可能在那之后才录入"):
        one_feature(ws, LAYER, "A", as_of=begin - dt.timedelta(minutes=1))
