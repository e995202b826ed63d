"""The law of the three lists: whatever happens to tickets, none is lost between what is open and what is closed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.inventory.record_lists import list_named, selection_of
from riskmap.actions.records.editing import create_point, retire_point, undo_changeset
from riskmap.actions.records.tickets import move_points
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RiskmapError
from riskmap.moments import local_now
from riskmap.rules.permissions import local_actor
from riskmap.selection import select
from tests.register_files import LAYER, hazard, workspace

BY = {"by": local_actor("甲"), "why": "测试"}
ASSIGN = {"department": "住建局", "due": "2026-12-01", "order": "1号"}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["assign", "rectify", "accept", "send_back", "pause", "extend", "undo", "retire", "new"]
        ),
        st.integers(0, 3),
    ),
    min_size=4,
    max_size=14,
)


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_a_ticket_is_always_on_the_first_list_and_on_exactly_one_of_the_other_two(tmp_path_factory, steps):
    ws = workspace(tmp_path_factory.mktemp("law") / "ws")
    moves = {"rectify": {"evidence": "a.jpg"}, "assign": ASSIGN, "send_back": {"due": "2026-12-24"}}
    closings = 0
    for i, (word, at) in enumerate([("new", 0), ("assign", 0), ("rectify", 0), ("accept", 0), *steps]):
        code, by = f"H{at}", local_actor("乙" if word == "accept" else "甲")
        try:
            if word == "new":
                create_point(ws, LAYER, code, values=hazard(code), **BY)
            elif word == "retire":
                retire_point(ws, LAYER, code, **BY)
            elif word == "undo":
                undo_changeset(ws, ws.ledger.state, **BY)
            else:
                day = {"on": local_now().date().isoformat()} if word == "accept" else {}
                done = move_points(
                    ws, LAYER, [code], word, stated=moves.get(word, {}), by=by, why=f"第{i}步", **day
                )
                closings += word == "accept" and done.moves.changeset is not None
        except RiskmapError:
            pass
        snapshot = current_snapshot(ws)
        every, opened, closed = (
            set(
                select(snapshot, selection_of(ws, list_named(ws, name)))
                .table(snapshot, LAYER)["code"]
                .to_pylist()
            )
            for name in ("隐患清单", "整改清单", "销号清单")
        )
        assert every == set(snapshot.table(LAYER)["code"].to_pylist())
        assert (opened | closed, opened & closed) == (every, set())
    assert closings > 0
