"""Who may do what is asked in one place, before anything is written, sent or shown in full."""

from __future__ import annotations

import ast
import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

import riskmap
from riskmap.actions.episode.duty import callout_view
from riskmap.actions.episode.events import Entry, close_shelters, log_event
from riskmap.actions.episode.messages import deliver, send_message
from riskmap.actions.importing import commit_file, commit_files, dismiss_rejected, plan_file, settle_held
from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.model_saving import open_model, save_model
from riskmap.actions.publishing import publish
from riskmap.actions.records.attaching import attach_files, detach_files, original_of
from riskmap.actions.records.editing import (
    PointEdit,
    create_point,
    edit_points,
    reinstate_points,
    retire_point,
    reveal_contacts,
    undo_changeset,
)
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.records.tickets import move_points
from riskmap.actions.workspace import create_workspace
from riskmap.errors import NotAllowedError
from riskmap.rules.permissions import RIGHTS, Actor, local_actor, may
from riskmap.selection import Selection
from tests.ledger_files import LAYER, WHO, bring, intake, leader, point
from tests.pages_running import open_page, use_workspace

SOURCE = Path(riskmap.__file__).parent


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    made = create_workspace(tmp_path_factory.mktemp("rights") / "ws")
    bring(made.ledger, [point("A", contacts=(leader(),)), point("B")])
    made.ledger.retire(LAYER, "B", **WHO)
    made.ledger.open_scenario(
        title="苏拉", drill=False, body={}, at=dt.datetime(2024, 5, 1, tzinfo=dt.UTC), escalations=[], **WHO
    )
    return made


def _model(ws, **who):
    here = open_model(ws, LAYER)
    return save_model(ws, LAYER, here.text + "# \n", base_digest=here.digest, **who)


ACTIONS = {
    "edit": [
        lambda ws, **who: edit_points(ws, LAYER, [PointEdit("A", 1, {"likelihood": 6})], **who),
        lambda ws, **who: create_point(ws, LAYER, "N", values={}, **who),
        lambda ws, **who: attach_files(ws, LAYER, "A", "photos", [("a.jpg", b"")], **who),
        lambda ws, **who: detach_files(ws, LAYER, "A", "photos", ["a.jpg"], **who),
    ],
    "move": [lambda ws, **who: move_points(ws, LAYER, ["A"], "close", **who)],
    "read_originals": [lambda ws, **who: original_of(ws, LAYER, "A", "photos", "a.jpg", **who)],
    "retire": [
        lambda ws, **who: retire_point(ws, LAYER, "A", **who),
        lambda ws, **who: reinstate_points(ws, LAYER, ["B"], **who),
    ],
    "import": [
        lambda ws, **who: commit_file(ws, plan_file(ws, intake([point("A", likelihood=6)])), **who),
        lambda ws, **who: commit_files(ws, LAYER, [], **who),
        lambda ws, **who: settle_held(ws, [1], accept=True, **who),
        lambda ws, **who: dismiss_rejected(ws, [1], **who),
    ],
    "undo": [lambda ws, **who: undo_changeset(ws, 1, **who)],
    "assess": [assess_layers],
    "adopt_model": [_model],
    "keep_log": [
        lambda ws, **who: log_event(ws, 1, Entry("note", text="x"), **who),
        lambda ws, **who: close_shelters(ws, 1, ["S"], **who),
    ],
    "send": [
        lambda ws, **who: send_message(ws, 1, Entry("message", text="x"), **who),
        lambda ws, **who: deliver(ws, 1, **who),
    ],
    "publish": [lambda ws, **who: publish(ws, "2024", **who)],
    "read_contacts": [
        lambda ws, **who: reveal_contacts(ws, LAYER, "A", **who),
        lambda ws, **who: callout_view(ws, 1, unmasked=True, **who),
        lambda ws, **who: export_selection(ws, Selection(), ws.root / "x.csv", unmasked=True, **who),
    ],
}


@pytest.mark.parametrize("right", RIGHTS)
def test_without_the_right_nothing_is_done_and_the_person_is_told(ws, right):
    somebody = local_actor("张三")
    without = replace(somebody, rights=somebody.rights - {right})
    for act in ACTIONS[right]:
        before = (ws.ledger.changesets(limit=1), ws.ledger.exports(), ws.ledger.events(1))
        with pytest.raises(NotAllowedError) as refused:
            act(ws, by=without, why="x")
        assert (ws.ledger.changesets(limit=1), ws.ledger.exports(), ws.ledger.events(1)) == before
        assert "张三" in refused.value.say.zh
        assert RIGHTS[right].zh in refused.value.say.zh
        assert RIGHTS[right].en in refused.value.say.en


def test_a_refusal_names_layer_and_record():
    with pytest.raises(NotAllowedError, match="slopes › S1"):
        may(Actor("李四", "li", frozenset()), "edit", "slopes", "S1")
    may(Actor("李四", "li", frozenset({"edit"})), "edit", "slopes", "S1")


def test_without_a_sign_in_everybody_has_every_right_under_a_name_that_nobody_proved(ws, monkeypatch):
    here = local_actor(" 张三 ")
    assert (here.name, here.account, here.rights) == ("张三", None, frozenset(RIGHTS))
    use_workspace(monkeypatch, ws.root)
    page = open_page("point")
    asked = page.button(key="point-new").click().run().text_input(key="new-sign-by")
    assert "没有登录" in asked.help
    assert "未经验证" in asked.help


def test_rights_are_looked_at_in_one_place_and_every_action_takes_an_actor():
    for file in SOURCE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        asks = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "rights"]
        assert not asks or file.name == "permissions.py", file
        if "ledger" in file.parts or "usecases" not in file.parts:
            continue
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            for argument in function.args.kwonlyargs:
                if argument.arg == "by":
                    assert argument.annotation is not None
                    assert "Actor" in ast.unparse(argument.annotation), f"{file}: {function.name}"
