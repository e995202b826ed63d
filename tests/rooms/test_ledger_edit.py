from __future__ import annotations

import datetime as dt

import pytest
import shapely

from riskmap.errors import LedgerError, RefusedError, StaleRevisionError, UnknownNameError
from riskmap.ledger import Ledger
from riskmap.values.records import CLEAR, Contact
from tests.ledger_files import LAYER, WHO, Clock, bring, intake, judged, leader, point, values_of


@pytest.fixture
def ledger(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with Ledger.create(url, clock=Clock(), personal={LAYER: {"owner_phone"}}) as opened:
        yield opened
        assert opened.check() == []


def held(ledger):
    return ledger.features(LAYER, contacts=True)


def test_an_edit_names_the_version_it_saw_and_makes_the_next_one(ledger):
    bring(ledger, [point("A")])
    changes = {"likelihood": 6, "note": None, "position": (114.2, 22.6), "checklist": (True, None)}
    assert ledger.edit(LAYER, "A", seen=1, changes=judged(changes), by="李工", why="现场核实") == 2
    found = ledger.features(LAYER)
    assert values_of(found) == {"likelihood": 6}
    assert (found.records.lon[0], found.records.lat[0]) == (114.2, 22.6)
    last = ledger.history(LAYER, "A")[-1]
    assert (last.version, last.who, last.why, last.kind) == (2, "李工", "现场核实", "edit")
    assert last.changes == {
        "position": ((114.11, 22.55), (114.2, 22.6)),
        "checklist": (None, (True, None)),
        "likelihood": (3, 6),
        "note": ("近学校", None),
    }


def test_a_stale_edit_is_refused_and_shows_both_versions(ledger):
    bring(ledger, [point("A", contacts=(leader(),), owner_phone="13911112222")])
    ledger.edit(
        LAYER,
        "A",
        seen=1,
        changes=judged({"likelihood": 6, "note": "已搬", "owner_phone": "13700001111"}),
        **WHO,
    )
    with pytest.raises(StaleRevisionError) as refused:
        ledger.edit(
            LAYER, "A", seen=1, changes=judged({"likelihood": 10, "contacts": (leader("李四"),)}), **WHO
        )
    stale = refused.value
    assert (stale.seen, stale.current) == (1, 2)
    assert stale.mine == {
        "likelihood": 10,
        "contacts": (leader("李*", "138****0000"),),
        "note": "近学校",
        "owner_phone": "139****2222",
    }
    assert stale.theirs == {
        "likelihood": 6,
        "contacts": (leader("张*", "138****0000"),),
        "note": "已搬",
        "owner_phone": "137****1111",
    }
    assert values_of(ledger.features(LAYER))["likelihood"] == 6


def test_an_edit_that_changes_nothing_writes_nothing(ledger):
    bring(ledger, [point("A", contacts=(leader(),))])
    before = ledger.state
    same = {"likelihood": 3.0, "position": (114.11, 22.55), "contacts": (leader("张*", "138****0000"),)}
    assert ledger.edit(LAYER, "A", seen=1, changes=judged(same, before=held(ledger)), **WHO) == 1
    assert ledger.state == before


def test_contacts_are_edited_role_by_role_and_masked_parts_stay(ledger):
    second = Contact("patrol", "王五", "13700000000")
    bring(ledger, [point("A", contacts=(leader(), second))])
    ledger.edit(
        LAYER,
        "A",
        seen=1,
        changes=judged({"contacts": (leader("赵六", "138****0000"),)}, before=held(ledger)),
        **WHO,
    )
    assert ledger.features(LAYER, contacts=True).records.contacts == [(leader("赵六"), second)]
    ledger.edit(LAYER, "A", seen=2, changes=judged({"contacts": (leader("清空", "清空"),)}), **WHO)
    assert ledger.features(LAYER, contacts=True).records.contacts == [(second,)]
    with pytest.raises(RefusedError, match="带星号"):
        ledger.edit(
            LAYER, "A", seen=3, changes=judged({"contacts": (leader("张*"),)}, before=held(ledger)), **WHO
        )
    ledger.edit(LAYER, "A", seen=3, changes=judged({"contacts": None}), **WHO)
    assert ledger.features(LAYER).contact_count.tolist() == [0]
    shown = [c.changes["contacts"] for c in ledger.history(LAYER, "A")]
    assert shown[1] == ((leader("张*", "138****0000"),), (leader("赵*", "138****0000"),))
    assert "13800000000" not in str(shown)
    assert "张三" not in str(shown)


def test_a_new_record_needs_a_free_code(ledger):
    made = {"name": "新点", "position": (114.1, 22.5), "likelihood": 3, "contacts": (leader(),)}
    assert ledger.create_record(LAYER, "N", values=judged(made), **WHO) == 1
    found = ledger.features(LAYER, contacts=True)
    assert (found.records.name, found.records.contacts) == (["新点"], [(leader(),)])
    with pytest.raises(LedgerError, match="已有这个编号"):
        ledger.create_record(LAYER, "N", values=judged({}), **WHO)
    ledger.retire(LAYER, "N", by="甲", why="拆了")
    with pytest.raises(LedgerError, match="拆了"):
        ledger.create_record(LAYER, "N", values=judged({}), **WHO)
    with pytest.raises(LedgerError, match="编号"):
        ledger.create_record(LAYER, " ", values=judged({}), **WHO)


def test_a_drawn_shape_brings_its_own_position(ledger):
    square = shapely.box(114.0, 22.5, 114.1, 22.6)
    ledger.create_record(LAYER, "G", values=judged({"shape": square.wkb}), **WHO)
    found = ledger.features(LAYER)
    assert found.records.lon[0] == pytest.approx(114.05)
    ledger.edit(LAYER, "G", seen=1, changes=judged({"shape": None}), **WHO)
    assert ledger.features(LAYER).records.shapes is None


@pytest.mark.parametrize(
    "values",
    [
        {"position": (200.0, 22.5)},
        {"depth": float("inf")},
        {"likelihood": "较高"},
        {"shape": b"nonsense"},
        {"contacts": (leader("张*"),)},
    ],
)
def test_a_value_that_cannot_be_is_refused_and_named(ledger, values):
    with pytest.raises(RefusedError) as refused:
        ledger.create_record(LAYER, "N", values=judged(values), **WHO)
    assert f"{LAYER} › N › " in refused.value.say.zh
    assert refused.value.say.zh.endswith("未写入")
    assert ledger.state == 0


def test_what_was_judged_as_another_layer_is_refused(ledger):
    with pytest.raises(RefusedError, match="shelters"):
        ledger.create_record(LAYER, "N", values=judged({"name": "甲"}, layer="shelters"), **WHO)


def test_what_a_checklist_leaves_open_stays_and_what_it_clears_goes(ledger):
    ledger.create_record(LAYER, "N", values=judged({"checklist": (True, False)}), **WHO)
    ledger.edit(LAYER, "N", seen=1, changes=judged({"checklist": (None, CLEAR)}), **WHO)
    assert ledger.features(LAYER).records.checklist == [(True, None)]
    ledger.edit(LAYER, "N", seen=2, changes=judged({"checklist": (CLEAR, None)}), **WHO)
    assert ledger.features(LAYER).records.checklist in (None, [None])


def test_a_retired_record_leaves_the_lists_and_never_the_ledger(ledger):
    bring(ledger, [point("A"), point("B")])
    assert ledger.retire(LAYER, "A", by="甲", why="已拆除", seen=1) == 2
    assert list(ledger.features(LAYER).records.code) == ["B"]
    assert ledger.features(LAYER, include_retired=True).retired == ["已拆除", None]
    assert ledger.history(LAYER, "A")[-1].changes == {"retired": (None, "已拆除")}
    with pytest.raises(LedgerError, match="已经注销"):
        ledger.retire(LAYER, "A", **WHO)
    with pytest.raises(LedgerError, match="先恢复"):
        ledger.edit(LAYER, "A", seen=2, changes=judged({"likelihood": 6}), **WHO)
    with pytest.raises(StaleRevisionError):
        ledger.reinstate(LAYER, "A", seen=1, **WHO)
    assert ledger.reinstate(LAYER, "A", **WHO) == 3
    assert list(ledger.features(LAYER).records.code) == ["A", "B"]
    with pytest.raises(LedgerError, match="没有注销"):
        ledger.reinstate(LAYER, "A", **WHO)


def test_a_code_that_does_not_exist_is_named(ledger):
    for act in (
        lambda: ledger.history(LAYER, "?"),
        lambda: ledger.edit(LAYER, "?", seen=1, changes=judged({}), **WHO),
        lambda: ledger.retire(LAYER, "?", **WHO),
    ):
        with pytest.raises(UnknownNameError, match="没有这个编号"):
            act()


def test_a_past_day_reads_back_as_it_was(ledger):
    start = ledger._store.clock()
    bring(ledger, [point("A", contacts=(leader(),)), point("B")])
    loaded = ledger._store.clock.now
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6, "contacts": (leader("李四"),)}), **WHO)
    edited = ledger._store.clock.now
    ledger.retire(LAYER, "B", **WHO)
    assert len(ledger.features(LAYER, as_of=start)) == 0
    then = ledger.features(LAYER, as_of=loaded, contacts=True)
    assert (values_of(then)["likelihood"], then.records.contacts[0]) == (3, (leader(),))
    assert values_of(ledger.features(LAYER, as_of=edited))["likelihood"] == 6
    assert len(ledger.features(LAYER, as_of=edited)) == 2
    local = loaded.astimezone(dt.timezone(dt.timedelta(hours=8)))
    assert values_of(ledger.features(LAYER, as_of=local))["likelihood"] == 3
    assert len(ledger.features(LAYER)) == 1


def test_contacts_alone_are_those_of_the_records_now_and_at_a_moment(ledger):
    bring(ledger, [point("A", contacts=(leader(),)), point("B", contacts=(leader(),)), point("C")])
    loaded = ledger._store.clock.now
    ledger.edit(LAYER, "A", seen=1, changes=judged({"contacts": (leader("李四"),)}), **WHO)
    ledger.retire(LAYER, "B", **WHO)
    for as_of in (None, loaded):
        records = ledger.features(LAYER, as_of=as_of, contacts=True).records
        people = dict(zip(records.code, records.contacts, strict=True))
        assert ledger.contacts(LAYER, as_of=as_of) == people
    assert ledger.contacts(LAYER) == {"A": (leader("李四"),), "C": ()}


def test_a_clock_that_was_set_back_does_not_shuffle_the_past(ledger):
    bring(ledger, [point("A")])
    ledger._store.clock.now -= dt.timedelta(days=400)
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    first, second = ledger.history(LAYER, "A")
    assert first.at <= second.at


def test_undo_restores_the_whole_changeset_and_keeps_both_in_the_history(ledger):
    bring(ledger, [point("A", contacts=(leader(),)), point("B")])
    done = bring(ledger, [point("A", likelihood=6, contacts=(leader("李四"),)), point("N")])
    number = ledger.undo(done.changeset, by="科长", why="文件发错了").changeset
    found = ledger.features(LAYER, contacts=True)
    assert list(found.records.code) == ["A", "B"]
    assert values_of(found)["likelihood"] == 3
    assert found.records.contacts[0] == (leader(),)
    assert [c.kind for c in ledger.history(LAYER, "A")] == ["import", "import", "undo"]
    assert ledger.features(LAYER, include_retired=True).retired[-1] == "文件发错了"
    info = {c.id: c for c in ledger.changesets()}
    assert info[done.changeset].undone_by == number
    assert info[done.changeset].files == ("台账.xlsx",)
    assert info[number].undoes == done.changeset
    with pytest.raises(LedgerError, match=f"已由变更 {number} 撤销"):
        ledger.undo(done.changeset, **WHO)


def test_an_undone_import_can_be_imported_again_as_if_it_had_never_been(ledger):
    done = bring(ledger, [point("A", lon=10.0, note="错", extra="x")])
    ledger.undo(done.changeset, **WHO)
    plan = ledger.plan_import(intake([{"code": "A", "name": "对", "lon": 114.1, "lat": 22.5}]))
    assert plan.actions == ["insert"]
    ledger.commit_import(plan, **WHO)
    found = ledger.features(LAYER)
    assert (found.records.name, values_of(found), found.version.tolist()) == (["对"], {}, [3])


def test_an_undo_can_itself_be_undone(ledger):
    bring(ledger, [point("A")])
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    edited = ledger.state
    undone = ledger.undo(edited, **WHO).changeset
    again = ledger.undo(undone, **WHO).changeset
    assert values_of(ledger.features(LAYER))["likelihood"] == 6
    assert next(c for c in ledger.changesets() if c.id == edited).undone_by is None
    ledger.undo(again, **WHO)
    assert values_of(ledger.features(LAYER))["likelihood"] == 3


def test_undo_is_refused_where_records_changed_since_and_names_them(ledger):
    done = bring(ledger, [point("A"), point("B")])
    ledger.edit(LAYER, "B", seen=1, changes=judged({"likelihood": 6}), **WHO)
    with pytest.raises(LedgerError, match="（B）"):
        ledger.undo(done.changeset, **WHO)
    assert len(ledger.features(LAYER)) == 2
    with pytest.raises(UnknownNameError):
        ledger.undo(99, **WHO)


def test_undoing_a_retirement_reinstates_and_undoing_a_creation_withdraws(ledger):
    ledger.create_record(LAYER, "A", values=judged({"likelihood": 3}), **WHO)
    created = ledger.state
    ledger.retire(LAYER, "A", **WHO)
    ledger.undo(ledger.state, **WHO)
    assert len(ledger.features(LAYER)) == 1
    with pytest.raises(LedgerError):
        ledger.undo(created, **WHO)
    ledger.create_record(LAYER, "B", values=judged({"likelihood": 3}), **WHO)
    ledger.undo(ledger.state, **WHO)
    assert ledger.create_record(LAYER, "B", values=judged({"note": "又"}), **WHO) == 3
    assert values_of(ledger.features(LAYER, codes=["B"])) == {"note": "又"}


def test_an_unmasked_export_is_recorded(ledger):
    before = ledger.state
    ledger.record_export(by="甲", why="上报", what="risk_points", unmasked=True)
    (noted,) = ledger.exports()
    assert (noted.who, noted.why, noted.unmasked) == ("甲", "上报", True)
    assert ledger.state == before
