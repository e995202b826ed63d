"""One action, one commit: a change and the tiers that follow land together, or nothing does."""

from __future__ import annotations

import contextlib
import contextvars
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.importing import commit_file, commit_files, plan_file, settle_held
from riskmap.actions.records import scoring
from riskmap.actions.records.editing import (
    PointEdit,
    create_point,
    edit_point,
    edit_points,
    reinstate_points,
    retire_point,
    undo_changeset,
    undone_text,
)
from riskmap.actions.records.scoring import assess_layers, one_commit
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.errors import LedgerError, NotScoredError, RiskmapError, StaleRevisionError
from riskmap.ledger import Ledger
from riskmap.rules.permissions import local_actor
from riskmap.values.records import CLEAR
from riskmap.vocabulary import RANKS
from tests.cli import riskmap
from tests.index_models import learned
from tests.ledger_files import ACTS, LAYER, WHO, bring, intake, judged, point, rejected

FAR = {"name": "别处", "lon": 114.16}


def row(code, likelihood=1.0, **more):
    """A row of the LEC method: 90 × likelihood, so 1 is general, 3 large and 10 major."""
    return point(code, likelihood=likelihood, exposure=6.0, consequence=15.0, **more)


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(made.ledger, [row("A"), row("B"), row("C"), row("OLD")])
    assess_layers(made, [LAYER], **ACTS)
    made.ledger.retire(LAYER, "OLD", **WHO)
    yield made
    assert made.ledger.check() == []


def tiers(ws):
    found = ws.ledger.features(LAYER)
    return dict(zip(found.records.code, (RANKS[r] for r in found.rank), strict=True))


def everything(ws):
    """What an action may change: state, versions, values, tiers, rows that wait or are to be corrected."""
    found = ws.ledger.features(LAYER, include_retired=True)
    return (
        ws.ledger.state,
        dict(zip(found.records.code, found.version.tolist(), strict=True)),
        {k: list(column) for k, column in found.records.values.items()},
        found.rank.tolist(),
        found.retired,
        [entry.id for entry in ws.ledger.held()],
        [entry.id for entry in ws.ledger.rejected()],
    )


# The transaction


def test_nested_writes_and_reads_share_one_transaction(ws):
    before, seen = ws.ledger.state, []
    with ws.ledger.writing() as write:
        ws.ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 3.0}), **WHO)
        ws.ledger.create_record(LAYER, "N", values=judged({"name": "新"}), **WHO)
        assert ws.ledger.state == before + 2
        assert write.changesets() == [before + 1, before + 2]
        assert write.touched() == {LAYER: ["A", "N"]}
        other = threading.Thread(target=lambda: seen.append(ws.ledger.state))
        other.start()
        other.join()
    assert seen == [before]
    assert ws.ledger.state == before + 2


def test_a_context_that_is_carried_into_another_thread_does_not_carry_the_connection(ws):
    before, seen = ws.ledger.state, []
    with ws.ledger.writing():
        ws.ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 3.0}), **WHO)
        carried = contextvars.copy_context()
        other = threading.Thread(target=lambda: carried.run(lambda: seen.append(ws.ledger.state)))
        other.start()
        other.join()
    assert seen == [before]


def test_two_ledgers_of_one_file_share_the_transaction_of_a_thread(ws):
    before = ws.ledger.state
    with Ledger.open(ws.store) as other, ws.ledger.writing() as write:
        other.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 3.0}), **WHO)
        assert write.changesets() == [before + 1]
    assert ws.ledger.state == before + 1


def test_a_step_that_failed_takes_all_with_it_even_where_its_error_is_swallowed(ws):
    before = everything(ws)

    def half():
        with ws.ledger.writing():
            ws.ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 3.0}), **WHO)
            with pytest.raises(StaleRevisionError):
                ws.ledger.edit(LAYER, "B", seen=9, changes=judged({"likelihood": 3.0}), **WHO)

    with pytest.raises(LedgerError, match="nothing was written"):
        half()
    assert everything(ws) == before
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)  # the next one is free of it


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["fine", "fails", "fails and is swallowed"]), max_size=6))
def test_steps_are_written_exactly_where_none_of_them_failed(tmp_path_factory, steps):
    with Ledger.create(f"sqlite:///{tmp_path_factory.mktemp('law') / 'ledger.sqlite'}") as ledger:
        problem = None
        try:
            with ledger.writing():
                for number, step in enumerate(steps):
                    swallowed = RiskmapError if step == "fails and is swallowed" else ()
                    with contextlib.suppress(swallowed), ledger.writing():
                        ledger.create_record(LAYER, f"P{number}", values=judged({}), **WHO)
                        if step != "fine":
                            ledger.retire(LAYER, "?", **WHO)
        except RiskmapError as raised:
            problem = raised
        failed = any(step != "fine" for step in steps)
        assert (problem is not None) == failed
        assert len(ledger.features(LAYER)) == (0 if failed else len(steps))


# A change and its tiers


def _held(ws):
    plan = ws.ledger.plan_import(intake([row("A", 10.0, **FAR), row("B", 10.0, **FAR)]))
    ws.ledger.commit_import(plan, **WHO)
    return [entry.id for entry in ws.ledger.held()]


def _edited(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)
    return ws.ledger.changesets(limit=2)[1].id


ACTIONS = {
    "edit": (
        lambda _: None,
        lambda ws, _: edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 10.0}, **ACTS),
    ),
    "create": (
        lambda _: None,
        lambda ws, _: create_point(ws, LAYER, "N", values={"likelihood": 10.0}, **ACTS),
    ),
    "reinstate": (lambda _: None, lambda ws, _: reinstate_points(ws, LAYER, ["OLD"], **ACTS)),
    "accept": (_held, lambda ws, held: settle_held(ws, held, accept=True, **ACTS)),
    "undo": (_edited, lambda ws, number: undo_changeset(ws, number, **ACTS)),
    "import": (
        lambda ws: plan_file(ws, intake([row("A", 10.0), row("N")], bad=[rejected("X", "坏")])),
        lambda ws, planned: commit_file(ws, planned, **ACTS),
    ),
}


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("problem", [RiskmapError("模型坏了", "the model is broken"), ValueError("a fault")])
def test_an_action_whose_scorer_fails_changes_nothing_and_says_why(ws, monkeypatch, name, problem):
    prepare, act = ACTIONS[name]
    prepared = prepare(ws)
    before = everything(ws)

    def failing(*_, **__):
        raise problem

    with monkeypatch.context() as broken:
        broken.setattr(scoring, "assess_table", failing)
        with pytest.raises((NotScoredError, ValueError)) as refused:
            act(ws, prepared)
    assert everything(ws) == before
    if isinstance(refused.value, NotScoredError):
        assert "改动和等级都未写入：模型坏了" in refused.value.say.zh
        assert "neither the change nor a tier was written: the model is broken" in refused.value.say.en
    act(ws, prepared)
    assert everything(ws) != before


def test_a_model_file_that_is_gone_refuses_before_anything_is_begun(ws, monkeypatch):
    text = learned().replace('"slope_deg"', '"likelihood"').replace('"wetness"', '"exposure"')
    file = ws.root / "models" / "risk_points_lec.toml"
    file.write_text(text.replace('id = "index"', 'id = "risk_points_lec"'), encoding="utf-8")
    ws = open_workspace(ws.root)
    planned = plan_file(ws, intake([row("A", 10.0)]))
    monkeypatch.setattr(Ledger, "writing", lambda _: pytest.fail("a transaction was begun"))
    for act in (
        lambda: edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS),
        lambda: create_point(ws, LAYER, "N", values={}, **ACTS),
        lambda: commit_file(ws, planned, **ACTS),
    ):
        with pytest.raises(NotScoredError, match=r"no file .*slide\.skops"):
            act()


def test_an_edit_and_its_assessment_are_two_changesets_of_one_commit(ws):
    before = ws.ledger.state
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)
    assert [(c.id - before, c.kind) for c in ws.ledger.changesets(limit=2)] == [(2, "assess"), (1, "edit")]
    assert tiers(ws)["A"] == "large"
    edit_point(ws, LAYER, "A", seen=2, changes={"likelihood": 3.0}, **ACTS)  # nothing new, nothing written
    assert ws.ledger.state == before + 2


def test_a_layer_that_the_catalogue_no_longer_has_is_undone_without_tiers(ws):
    ws.ledger.create_record("gone", "G", values=judged({}, layer="gone"), **WHO)
    created = ws.ledger.state
    ws.ledger.retire("gone", "G", **WHO)
    assert undo_changeset(ws, ws.ledger.state, **ACTS).restored == 1
    with pytest.raises(LedgerError):
        undo_changeset(ws, created, **ACTS)


# Held rows


def test_one_decision_about_held_rows_is_one_changeset_and_one_undo(ws):
    held = _held(ws)
    before = ws.ledger.state
    done = settle_held(ws, held, accept=True, **ACTS)
    assert ws.ledger.changesets(limit=2)[1].counts == {"inserted": 0, "updated": 2}
    assert (done, ws.ledger.state) == (before + 1, before + 2)
    assert (tiers(ws)["A"], tiers(ws)["B"]) == ("major", "major")
    undone = undo_changeset(ws, done, **ACTS)
    assert (undone.restored, undone.reopened_held, len(undone.tiers)) == (2, 2, 2)
    assert [entry.id for entry in ws.ledger.held()] == held
    assert (tiers(ws)["A"], tiers(ws)["B"]) == ("general", "general")


def test_two_rows_about_one_record_are_never_accepted_together(ws):
    bring(ws.ledger, [row("A"), row("A", 3.0), row("A", 10.0)])
    before = everything(ws)
    held = [entry.id for entry in ws.ledger.held()]
    with pytest.raises(LedgerError, match="A.*one by one"):
        settle_held(ws, held, accept=True, **ACTS)
    with pytest.raises(LedgerError, match="code of its own"):
        settle_held(ws, held, accept=True, as_code="A-2", **ACTS)
    with pytest.raises(LedgerError, match="none was chosen"):
        settle_held(ws, [], accept=True, **ACTS)
    assert everything(ws) == before
    settle_held(ws, held, accept=False, **ACTS)
    assert ws.ledger.held() == []


def test_rows_of_several_layers_are_one_decision_and_one_undo(ws):
    held = _held(ws)
    shelter = {**point("S", name="避难所"), "lon": 114.11}
    bring(ws.ledger, [shelter], layer="shelters")
    bring(ws.ledger, [{**shelter, **FAR}], layer="shelters")
    everyone = [entry.id for entry in ws.ledger.held()]
    assert len(everyone) == len(held) + 1
    done = settle_held(ws, everyone, accept=True, **ACTS)
    assert ws.ledger.features("shelters").records.name == ["别处"]
    undo_changeset(ws, done, **ACTS)
    assert ws.ledger.features("shelters").records.name == ["避难所"]
    assert ws.ledger.features(LAYER, codes=["A"]).records.name == ["加油站"]


# Imports


def test_the_first_load_of_a_layer_stays_unrated_and_later_files_are_scored(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    for code in ("A", "B"):  # two files of one first load
        assert commit_file(ws, plan_file(ws, intake([row(code)])), **ACTS).tiers == ()
    assert tiers(ws) == {"A": "unrated", "B": "unrated"}
    assess_layers(ws, [LAYER], **ACTS)
    done = commit_file(ws, plan_file(ws, intake([row("A", 10.0), row("B"), row("N", 3.0)])), **ACTS)
    assert [(c.code, c.before, c.after, c.cause) for c in done.tiers] == [
        ("A", "general", "major", "data"),
        ("N", None, "large", "new"),
    ]
    assert tiers(ws) == {"A": "major", "B": "general", "N": "large"}
    assert assess_layers(ws, [LAYER], **ACTS)["layers"][0]["changed"] == 0


def test_no_old_tier_stands_beside_new_data_even_where_the_layer_was_never_assessed(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    bring(ws.ledger, [row("A"), row("B")])
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)
    assert tiers(ws) == {"A": "large", "B": "unrated"}
    commit_file(ws, plan_file(ws, intake([row("A", 10.0), row("B", 10.0)])), **ACTS)
    assert tiers(ws) == {"A": "major", "B": "unrated"}


def test_the_command_says_what_became_of_the_tiers(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    file = tmp_path / "表.csv"

    def bring_in(likelihood):
        file.write_text(
            f"编号,名称,经度,纬度,L,E,C\nA,甲,114.1,22.5,{likelihood},6,15\n", encoding="utf-8-sig"
        )
        return riskmap("import", LAYER, file, "--crs", "cgcs2000", "--workspace", ws.root).out

    assert f"riskmap assess {LAYER}" in bring_in(1)
    riskmap("assess", "--workspace", ws.root)
    assert "改变 1 处" in bring_in(10)
    assert tiers(ws) == {"A": "major"}


def _broken(monkeypatch):
    def failing(*_, **__):
        raise RiskmapError("模型坏了", "the model is broken")

    monkeypatch.setattr(scoring, "assess_table", failing)


def test_the_page_assesses_a_first_load_as_a_step_of_its_own(tmp_path, monkeypatch):
    ws = create_workspace(tmp_path / "ws")
    files = [plan_file(ws, intake([row(code)])) for code in ("A", "B")]
    with monkeypatch.context() as broken:
        _broken(broken)
        outcome = commit_files(ws, LAYER, files[:1], **ACTS)
    assert (len(outcome.committed), outcome.changes) == (1, ())
    assert "the model is broken" in outcome.unrated.say.en
    assert tiers(ws) == {"A": "unrated"}
    outcome = commit_files(ws, LAYER, files[1:], **ACTS)
    assert (outcome.unrated, [c.code for c in outcome.changes]) == (None, ["A", "B"])
    assert [c.kind for c in ws.ledger.changesets()] == ["assess", "import", "import"]


def test_a_file_whose_records_cannot_be_scored_comes_back_to_the_page_unwritten(ws, monkeypatch):
    before = everything(ws)
    files = [plan_file(ws, intake([row("A", 10.0)])), plan_file(ws, intake([row("B", 10.0)]))]
    with monkeypatch.context() as broken:
        _broken(broken)
        outcome = commit_files(ws, LAYER, files, **ACTS)
    assert (outcome.committed, len(outcome.left)) == ((), 2)
    assert isinstance(outcome.refused, NotScoredError)
    assert everything(ws) == before
    assert len(commit_files(ws, LAYER, outcome.left, **ACTS).committed) == 2
    assert tiers(ws) == {"A": "major", "B": "major", "C": "general"}


# Undo


def test_an_undo_scores_what_it_undoes_and_nothing_else(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 10.0}, **ACTS)
    edited = ws.ledger.changesets(limit=2)[1].id
    file = ws.root / "models" / "risk_points_lec.toml"
    text = file.read_text(encoding="utf-8").replace("general = 70", "general = 100").replace("1.0", "1.1")
    file.write_text(text, encoding="utf-8")
    ws = open_workspace(ws.root)  # now 90 would be low
    undone = undo_changeset(ws, edited, **ACTS)
    assert [(c.code, c.before, c.after) for c in undone.tiers] == [("A", "major", "low")]
    assert tiers(ws) == {"A": "low", "B": "general", "C": "general"}


def test_the_assessment_of_a_change_names_the_change_that_is_to_be_undone(ws):
    edited = _edited(ws)
    with pytest.raises(LedgerError, match=rf"the change that it followed, undo changeset {edited}"):
        undo_changeset(ws, edited + 1, **ACTS)
    ws.ledger.edit(LAYER, "A", seen=2, changes=judged({"likelihood": 1.0}), **WHO)
    assess_layers(ws, [LAYER], by=local_actor("另一人"), why="评估")
    with pytest.raises(LedgerError, match="correct the data and assess again"):
        undo_changeset(ws, ws.ledger.state, **ACTS)


def test_an_undo_says_all_that_it_did(ws):
    bring(ws.ledger, [row("C", 3.0)], bad=[rejected("Y", "坏")])
    plan = plan_file(
        ws, intake([row("A", 10.0), row("N"), row("B", **FAR), row("Y")], bad=[rejected("X", "坏")])
    )
    done = commit_file(ws, plan, **ACTS)
    undone = undo_changeset(ws, done.committed.changeset, **ACTS)
    assert (undone.restored, undone.withdrawn) == (1, 2)
    assert (undone.reopened_rejected, undone.closed_rejected) == (1, 1)
    assert (undone.reopened_held, undone.closed_held) == (0, 1)
    assert [(c.code, c.before, c.after) for c in undone.tiers] == [("A", "major", "general")]
    said = undone_text(done.committed.changeset, undone)
    for part in (
        "恢复记录 1 条",
        "撤出新记录 2 条",
        "重新列为退回 1 行",
        "不再列为退回 1 行",
        "不再待确认 1 行",
        "等级改变 1 处",
    ):
        assert part in said.zh
    assert f"changeset {done.committed.changeset} is undone (as changeset {undone.changeset})" in said.en


def test_the_command_undoes_with_the_tiers_and_prints_what_it_did(ws):
    edited = _edited(ws)
    ran = riskmap("undo", edited, "--why", "看错了", "--json", "--workspace", ws.root)
    assert (ran.json["undone"], ran.json["restored"], ran.json["withdrawn"]) == (edited, 1, 0)
    assert [(c["code"], c["before"], c["after"]) for c in ran.json["tiers"]] == [("A", "large", "general")]
    again = riskmap("undo", ran.json["changeset"], "--why", "没看错", "--workspace", ws.root)
    assert "恢复记录 1 条" in again.out
    assert tiers(ws)["A"] == "large"


# Many records


def test_many_records_are_edited_as_one_changeset_and_undone_at_once(ws):
    before = ws.ledger.state
    edits = [
        PointEdit("A", 1, {"likelihood": 10.0}),
        PointEdit("B", 1, {"name": CLEAR}),
        PointEdit("C", 1, {}),
    ]
    assert edit_points(ws, LAYER, edits, **ACTS).versions == {"A": 2, "B": 2, "C": 1}
    assert [c.kind for c in ws.ledger.changesets(limit=2)] == ["assess", "edit"]
    assert ws.ledger.changesets(limit=2)[1].counts == {"updated": 2}
    assert tiers(ws) == {"A": "major", "B": "general", "C": "general"}
    assert undo_changeset(ws, before + 1, **ACTS).restored == 2
    assert tiers(ws)["A"] == "general"


def test_stale_rows_of_a_bulk_edit_show_both_sides_of_each_and_nothing_is_written(ws):
    edit_points(
        ws, LAYER, [PointEdit("A", 1, {"likelihood": 3.0}), PointEdit("B", 1, {"name": "搬了"})], **ACTS
    )
    before = everything(ws)
    edits = [PointEdit(code, 1, {"likelihood": 10.0}) for code in "ABC"]
    with pytest.raises(StaleRevisionError) as refused:
        edit_points(ws, LAYER, edits, **ACTS)
    first, second = refused.value.rows
    assert (first.code, first.seen, first.current, first.mine, first.theirs) == (
        *("A", 1, 2),
        {"likelihood": 10.0},
        {"likelihood": 3.0},
    )
    assert (second.mine["name"], second.theirs["name"]) == ("加油站", "搬了")
    assert "1 other records have moved on" in refused.value.say.en
    assert everything(ws) == before


def test_a_bulk_edit_names_what_cannot_be_edited(ws):
    for edits, said in (
        ([PointEdit("A", 1, {}), PointEdit("?", 1, {})], "no such code"),
        ([PointEdit("A", 1, {}), PointEdit("A", 1, {})], "changed twice"),
        ([PointEdit("OLD", 2, {"name": "x"})], "is retired"),
    ):
        with pytest.raises(RiskmapError, match=said):
            edit_points(ws, LAYER, edits, **ACTS)


def test_a_retired_record_comes_back_with_the_tier_of_the_model_as_it_is_now(ws):
    retire_point(ws, LAYER, "A", **ACTS)
    file = ws.root / "models" / "risk_points_lec.toml"
    text = file.read_text(encoding="utf-8").replace("general = 70", "general = 100").replace("1.0", "1.1")
    file.write_text(text, encoding="utf-8")
    ws = open_workspace(ws.root)
    reinstate_points(ws, LAYER, ["A"], **ACTS)
    assert tiers(ws)["A"] == "low"


def test_an_action_knows_its_own_tiers_though_others_write_after_it(ws):
    with one_commit(ws, [LAYER], **ACTS) as action:
        ws.ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 3.0}), **WHO)
    edit_point(ws, LAYER, "B", seen=1, changes={"likelihood": 3.0}, **ACTS)
    assert [c.code for c in action.tiers] == ["A"]
