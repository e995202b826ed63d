"""A scenario is computed while its form is still being filled in; the button keeps what is still right."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from riskmap.ui import prepare_ahead
from riskmap.usecases.editing import edit_point
from tests.duty_workspace import WHO, copied
from tests.pages_running import open_page, use_workspace
from tests.prepare_workspace import prepare_workspace


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return prepare_workspace(tmp_path_factory.mktemp("ahead") / "ws")


@pytest.fixture
def ws(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    use_workspace(monkeypatch, ws.root)
    return ws


@pytest.fixture
def computed(monkeypatch):
    """Return what has been computed so far, in the order in which it was asked for."""
    found = []
    prepare = prepare_ahead.prepare

    def counted(ws, given):
        found.append(given)
        return prepare(ws, given)

    monkeypatch.setattr(prepare_ahead, "prepare", counted)
    return found


def drill():
    at = open_page("prepare")
    at.toggle(key="prepare-drill-on").set_value(True).run()
    assert not at.exception, at.exception
    return at


def pressed(at):
    at.text_input(key="prepare-title-0").set_value("汛前演习")
    at.text_input(key="prepare-sign-by").set_value("值班员甲")
    at.text_input(key="prepare-sign-why").set_value("演习")
    at.button(key="prepare-run").click().run()
    assert not at.exception, at.exception
    return at


def waited(at):
    at.session_state["prepare-ahead"].answer.result(60)
    return at


def test_the_button_keeps_what_was_computed_while_the_form_was_filled_in(ws, computed):
    at = waited(drill())
    at.selectbox(key="prepare-response").set_value("II").run()
    (given,) = computed
    assert ws.ledger.scenarios() == []
    pressed(at)
    assert computed == [given]
    (kept,) = ws.ledger.scenarios()
    assert (kept.title, kept.drill, kept.body["response"]) == ("汛前演习", True, "II")
    assert [event.kind for event in ws.ledger.events(kept.id)] == ["response"]


def test_after_the_button_nothing_is_computed_until_something_else_is_asked_for(ws, computed):
    at = waited(drill())
    at.button(key="prepare-add").click().run()
    pressed(waited(at))
    at.run()
    assert len(computed) == 2
    at.checkbox(key="prepare-at-auto").uncheck().run()
    waited(at)
    assert len(computed) == 3
    assert computed[2].at is not None


def test_a_button_without_a_name_costs_nothing_of_what_was_computed(ws, computed):
    at = waited(drill())
    at.button(key="prepare-run").click().run()
    assert [e.value for e in at.warning]
    pressed(at)
    assert len(computed) == len(ws.ledger.scenarios()) == 1


def test_another_question_is_computed_anew(ws, computed):
    at = waited(drill())
    at.button(key="prepare-add").click().run()
    waited(at)
    pressed(at)
    assert [len(given.warnings) for given in computed] == [0, 1]
    assert [event.kind for event in ws.ledger.events(1)] == ["warning"]


def test_what_was_computed_before_the_ledger_changed_is_not_kept(ws, computed):
    at = waited(drill())
    edit_point(ws, "slopes", "BP1", seen=1, changes={"name": "改名边坡"}, **WHO)
    pressed(at)
    assert len(computed) == 2
    assert len(ws.ledger.scenarios()) == 1


def test_what_was_computed_too_long_ago_is_not_kept(ws, computed, monkeypatch):
    at = waited(drill())
    monkeypatch.setattr(prepare_ahead, "_GOOD_FOR_S", 0.0)
    pressed(at)
    assert len(computed) == 2


def test_nobody_waits_for_the_computing_of_another(ws, computed, monkeypatch):
    busy, gate = ThreadPoolExecutor(1), threading.Event()
    monkeypatch.setattr(prepare_ahead, "_THREAD", busy)
    busy.submit(gate.wait)
    try:
        pressed(drill())
        assert len(computed) == 1
        assert len(ws.ledger.scenarios()) == 1
    finally:
        gate.set()
        busy.shutdown()


def test_what_is_computed_ahead_is_what_would_be_computed_at_the_button(ws, computed, monkeypatch):
    moment = np.datetime64("2026-08-01T04:00:00", "s")
    monkeypatch.setattr("riskmap.usecases.issued.now", lambda: moment)
    at = pressed(waited(drill()))
    monkeypatch.setattr(prepare_ahead, "_GOOD_FOR_S", 0.0)
    at.checkbox(key="prepare-at-auto").uncheck().run()
    at.checkbox(key="prepare-at-auto").check().run()
    at.text_input(key="prepare-title-1").set_value("汛前演习")
    at.text_input(key="prepare-sign-why").set_value("演习")
    at.button(key="prepare-run").click().run()
    one, other = ws.ledger.scenarios()
    assert one.body == other.body
    assert one.at == other.at
