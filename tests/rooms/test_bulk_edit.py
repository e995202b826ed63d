"""The same change for a selection: seen before, judged by the one judge, written as one, taken back as one."""

from __future__ import annotations

import pytest

from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.records.bulk_editing import (
    bulk_target,
    bulk_targets,
    commit_bulk_edit,
    plan_bulk_edit,
)
from riskmap.actions.records.editing import edit_point, undo_changeset
from riskmap.actions.records.scoring import assess_layers, history_json
from riskmap.actions.workspace import create_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RefusedError, RiskmapError, SelectionError, StaleRevisionError, UnknownNameError
from riskmap.rules.judge import Judged
from riskmap.selection import Selection, counts
from riskmap.values.records import CLEAR, Contact
from riskmap.vocabulary import RANKS
from tests.ledger_files import ACTS, LAYER, bring
from tests.map_workspace import HOSTILE
from tests.rooms.test_one_commit import row

ALL = Selection()
CLASSES = ("general", "large", "major")


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(
        made.ledger,
        [
            *(row(f"G{i}", name=f"点{i}", address="旧") for i in range(6)),
            row("L1", likelihood=3.0, contacts=(Contact("responsible", "张三丰", "13800001234"),)),
            row("U1", likelihood=None),
        ],
    )
    assess_layers(made, [LAYER], **ACTS)
    yield made
    assert made.ledger.check() == []


def held(ws):
    """Everything that a bulk edit may change: code → values, people, tier; and the state of the ledger."""
    found = ws.ledger.features(LAYER, contacts=True)
    records = found.records
    people = records.contacts or [()] * len(found)
    return {
        code: (
            records.name[i],
            records.subdistrict[i],
            {k: column[i] for k, column in records.values.items() if column[i] is not None},
            people[i],
            RANKS[found.rank[i]],
        )
        for i, code in enumerate(records.code)
    }


def where(ws, *conditions, **more):
    return make_selection(ws, layers=[LAYER], where=conditions, **more)


def test_a_preview_counts_what_would_change_what_is_so_and_the_tiers_and_writes_nothing(ws):
    before, state = held(ws), ws.ledger.state
    plan = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "3"})
    assert (held(ws), ws.ledger.state) == (before, state)
    assert (plan.selected, len(plan.rows), plan.already, plan.refused) == (8, 7, 1, ())
    assert plan.values == {("likelihood", 1.0, 3.0): 6, ("likelihood", None, 3.0): 1}
    assert plan.tiers is not None
    assert plan.tiers.migration.count("general", "large") == 6
    assert plan.tiers.migration.count("unrated", "large") == 1
    assert [after for _, _, after in plan.worst] == ["large"] * 7
    assert plan.worst[0] == ("U1", "unrated", "large")  # what rises most; unrated stands below general


def test_what_was_seen_is_what_is_written_as_one_changeset_and_undone_as_one(ws):
    before = held(ws)
    plan = plan_bulk_edit(ws, LAYER, where(ws, "likelihood == 1"), {"likelihood": "10", "name": "改名"})
    done = commit_bulk_edit(ws, plan, **ACTS)
    after = held(ws)
    assert {code for code in after if after[code] != before[code]} == {f"G{i}" for i in range(6)}
    assert {after[f"G{i}"][0] for i in range(6)} == {"改名"}
    assert {after[f"G{i}"][4] for i in range(6)} == {"major"}
    edit, *_ = [c for c in ws.ledger.changesets() if c.kind == "edit"]
    assert (edit.id, edit.counts, edit.why) == (done.changeset, {"updated": 6}, ACTS["why"])
    assert [one.code for one in done.tiers] == [code for code, _, _ in plan.worst]
    undone = undo_changeset(ws, edit.id, **ACTS)
    assert (undone.restored, len(undone.tiers)) == (6, 6)
    assert held(ws) == before


def test_a_record_that_changed_since_the_preview_is_named_and_nothing_is_overwritten(ws):
    plan = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "6"})
    edit_point(ws, LAYER, "G2", seen=1, changes={"likelihood": "0.5"}, **ACTS)
    ws.ledger.retire(LAYER, "G4", by="李四", why="拆除")
    between = held(ws)
    with pytest.raises(StaleRevisionError) as refused:
        commit_bulk_edit(ws, plan, **ACTS)
    sides = {one.code: (one.mine, one.theirs) for one in refused.value.rows}
    assert sides["G2"] == ({"likelihood": 6.0}, {"likelihood": 0.5})
    assert sides["G4"][1]["retired"] == "拆除"
    assert held(ws) == between
    again = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "6"})
    commit_bulk_edit(ws, again, **ACTS)
    assert held(ws)["G2"][2]["likelihood"] == 6.0


def test_a_record_that_came_into_the_filter_since_the_preview_is_left_alone(ws):
    plan = plan_bulk_edit(ws, LAYER, where(ws, "likelihood == 1"), {"address": "已核"})
    bring(ws.ledger, [row("NEW", address="新")])
    commit_bulk_edit(ws, plan, **ACTS)
    assert held(ws)["NEW"][2]["address"] == "新"


def test_a_value_that_the_judge_refuses_is_refused_for_every_record_with_its_reason(ws):
    plan = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "较高"})
    assert (plan.selected, plan.rows, len(plan.refused)) == (8, (), 8)
    assert all(
        "likelihood" not in one.reasons[0].zh and "可能性L" in one.reasons[0].zh for one in plan.refused
    )
    with pytest.raises(RefusedError) as refused:
        commit_bulk_edit(ws, plan, **ACTS)
    assert len(refused.value.refusals) == 8


def test_refused_records_stop_the_whole_or_are_left_out_as_the_person_chooses(ws):
    masked = {"contact:responsible:phone": "138****1234", "address": "已核"}
    plan = plan_bulk_edit(ws, LAYER, ALL, masked)  # a mask stands for the number held, and only L1 has one
    assert {one.code for one in plan.refused} == {*(f"G{i}" for i in range(6)), "U1"}
    before = held(ws)
    with pytest.raises(RefusedError, match="略过"):
        commit_bulk_edit(ws, plan, **ACTS)
    assert held(ws) == before
    done = commit_bulk_edit(ws, plan, leave_out_refused=True, **ACTS)
    assert set(done.versions) == {"L1"}
    assert held(ws)["L1"][3] == (Contact("responsible", "张三丰", "13800001234"),)


def test_a_record_that_cannot_be_scored_is_refused_and_the_rest_goes_on(ws):
    bring(ws.ledger, [row("G3") | {"exposure": "常"}])  # as from a day when the field was a text
    plan = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "10"})
    assert [one.code for one in plan.refused] == ["G3"]
    assert "常" in plan.refused[0].reasons[0].zh
    done = commit_bulk_edit(ws, plan, leave_out_refused=True, **ACTS)
    assert "G3" not in done.versions
    mended = plan_bulk_edit(
        ws, LAYER, ALL, {"exposure": "3"}
    )  # what the change itself puts right is no fault
    assert mended.refused == ()
    commit_bulk_edit(ws, mended, **ACTS)


def test_an_empty_answer_is_no_instruction_to_erase_and_to_empty_is_to_say_so(ws):
    for blank in ("", "  ", "-", None):
        with pytest.raises(RiskmapError, match="清空"):
            plan_bulk_edit(ws, LAYER, ALL, {"address": blank})
    with pytest.raises(RiskmapError):
        plan_bulk_edit(ws, LAYER, ALL, {})
    for emptied in (CLEAR, "清空"):
        plan = plan_bulk_edit(ws, LAYER, ALL, {"likelihood": emptied})
        assert len(plan.rows) == 7
        assert plan.tiers is not None
        assert plan.tiers.migration.count("general", "unrated") == 6
    commit_bulk_edit(ws, plan, **ACTS)
    assert not any("likelihood" in one[2] for one in held(ws).values())


def test_a_change_that_changes_nothing_is_not_written(ws):
    state = ws.ledger.state
    plan = plan_bulk_edit(ws, LAYER, where(ws, "likelihood == 1"), {"likelihood": "1"})
    assert (plan.rows, plan.already, plan.tiers) == ((), 6, None)
    done = commit_bulk_edit(ws, plan, **ACTS)
    assert (done.versions, done.changeset, ws.ledger.state) == ({}, None, state)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(ws, text):
    plan = plan_bulk_edit(ws, LAYER, ALL, {"name": text, "managing_department": text})
    commit_bulk_edit(ws, plan, **ACTS)
    assert {(one[0], one[2]["managing_department"]) for one in held(ws).values()} == {(text, text)}
    assert counts(current_snapshot(ws), Selection(text=text)).everything == 8


def test_personal_data_are_masked_wherever_a_preview_tells_of_them(ws):
    plan = plan_bulk_edit(ws, LAYER, ALL, {"contact:responsible:phone": "13912345678"})
    assert "13800001234" not in str(plan.values)
    assert "13912345678" not in str(plan.values)
    assert len(plan.rows) == 8


def test_history_names_who_and_why_for_each_record(ws):
    plan = plan_bulk_edit(ws, LAYER, where(ws, "likelihood == 3"), {"address": "已核"})
    commit_bulk_edit(ws, plan, **ACTS)
    last = history_json(ws, LAYER, "L1")["revisions"][-1]
    assert (last["who"], last["why"], last["kind"]) == (ACTS["by"].name, ACTS["why"], "edit")
    assert last["changes"] == {"address": [None, "已核"]}


def test_a_field_is_named_by_id_title_or_alias_and_codes_and_positions_are_no_business_of_many(ws):
    layer = ws.catalog.layer(LAYER)
    for word in ("likelihood", "可能性L", "Likelihood L", "L值"):
        assert bulk_target(layer, word) == "likelihood"
    assert bulk_target(layer, "contact.responsible.phone") == "contact:responsible:phone"
    assert bulk_target(layer, "所属街道") == "subdistrict"
    for word in ("code", "position", "编号"):
        with pytest.raises(UnknownNameError, match="不能批量"):
            bulk_target(layer, word)
    with pytest.raises(UnknownNameError, match="likelihood"):
        bulk_target(layer, "likelihoo")
    with pytest.raises(SelectionError):
        plan_bulk_edit(ws, LAYER, Selection(subdistricts=("没有的街道",)), {"address": "x"})


def test_every_target_can_be_stated_and_emptied(ws):
    layer = ws.catalog.layer(LAYER)
    for target in bulk_targets(layer):
        plan = plan_bulk_edit(ws, LAYER, where(ws, "likelihood == 3"), {target: CLEAR})
        assert not plan.refused, target


def test_rows_that_share_their_change_are_judged_once(ws, monkeypatch):
    judged = []
    real = Judged.__init__
    monkeypatch.setattr(Judged, "__init__", lambda self, *a, **k: (judged.append(1), real(self, *a, **k))[1])
    plan_bulk_edit(ws, LAYER, ALL, {"likelihood": "3"})
    assert len(judged) == 1


def test_checklists_and_choices_have_the_tiers_that_were_seen(tmp_path):
    ws, layer = create_workspace(tmp_path / "ws"), "underground_spaces"
    items = len(ws.catalog.layer(layer).checklist.items)
    rows = [
        {"code": f"D{i}", "name": "地下", "lon": 114.1, "lat": 22.5, "checklist": (i % 2 == 0,) * items}
        for i in range(4)
    ]
    bring(ws.ledger, rows, layer=layer)
    assess_layers(ws, [layer], **ACTS)
    for stated in ({"checklist:item_1": "否", "checklist:item_2": CLEAR}, {"checklist:item_1": True}):
        plan = plan_bulk_edit(ws, layer, ALL, stated)
        commit_bulk_edit(ws, plan, **ACTS)
        found = ws.ledger.features(layer)
        now = dict(zip(found.records.code, (RANKS[r] for r in found.rank), strict=True))
        assert plan.tiers is not None
        assert plan.tiers.migration.counts.sum() == len(plan.rows)
        assert all(now[code] == after for code, _, after in plan.worst)
