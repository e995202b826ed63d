"""Long actions of the pages: each belongs to its session, can be stopped, and says what came of it."""

from __future__ import annotations

import threading
import time

import pytest

from riskmap.errors import RiskmapError, Text
from riskmap.web.frame import state
from riskmap.web.frame.running import STOP, File, LongActions, Outcome, long_actions
from riskmap.web.pages.prepare import form
from riskmap.web.widgets import running
from tests.duty_workspace import copied
from tests.pages_running import open_page, panels, use_workspace
from tests.prepare_workspace import prepare_workspace
from tests.unchanged import ledger_of
from tests.waiting import PATIENCE_S, until

WHAT = Text("评分", "scoring")


@pytest.fixture
def actions():
    made = LongActions()
    yield made
    made.stop_all()


def stepping(progress):
    """Work that ends only where it is stopped."""
    for step in range(1_000_000):
        progress.step(step, 1_000_000, WHAT)
        time.sleep(0.001)
    return Outcome("running_export_done")


def test_one_session_neither_sees_nor_stops_the_work_of_another(actions):
    mine, theirs = (actions.begin(who, "assess", stepping) for who in ("one", "other"))
    assert actions.of("one") == [mine]
    mine.watch.stop()
    assert mine.wait(PATIENCE_S)
    assert mine.cancelled
    assert until(lambda: theirs.watch.what == WHAT)
    assert not theirs.over
    assert mine.outcome is None
    assert mine.refused is None


def test_work_that_is_stopped_before_its_turn_never_begins(actions):
    busy = [actions.begin("one", "assess", stepping) for _ in range(8)]
    last = actions.begin("other", "assess", lambda _: pytest.fail("it began"))
    last.watch.stop()
    for one in busy:
        one.watch.stop()
    assert last.wait(PATIENCE_S)
    assert last.cancelled


def test_what_is_refused_says_why_and_a_fault_of_ours_says_that(actions):
    def refuse(_progress):
        raise RiskmapError("不行", "no")

    def full(_progress):
        raise OSError(28, "No space left on device", "/x")

    def broken(_progress):
        raise ZeroDivisionError

    told = [actions.begin("one", "assess", act) for act in (refuse, full, broken)]
    assert all(one.wait(PATIENCE_S) for one in told)
    assert told[0].refused.text("en") == "no"
    assert "磁盘空间不足" in told[1].refused.text("zh")
    assert (told[2].refused, told[2].outcome, told[2].cancelled) == (None, None, False)


def test_a_file_is_let_go_with_its_action_and_after_half_an_hour(monkeypatch):
    now, gone = [0.0], []
    actions = LongActions(clock=lambda: now[0])
    for name in "ab":
        file = File(name, bytes, 10.0, lambda name=name: gone.append(name))
        assert actions.begin("one", "export", lambda _, file=file: Outcome("x", file=file)).wait(PATIENCE_S)
    first, second = actions.of("one")
    actions.forget("one", first)
    assert gone == ["a"]
    assert actions.of("one") == [second]
    now[0] = 3600.0
    assert actions.of("one") == []
    assert gone == ["a", "b"]


def test_the_end_of_the_server_stops_everything():
    actions = LongActions()
    running_ones = [actions.begin(who, "assess", stepping) for who in "ab"]
    actions.stop_all()
    assert all(one.wait(PATIENCE_S) and one.cancelled for one in running_ones)


def test_a_session_does_not_see_what_another_tab_without_cookies_runs(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(running, "session", lambda: "")
    monkeypatch.setattr(running.st, "session_state", {})
    monkeypatch.setattr(running, "_PATIENCE_S", 0.0)
    try:
        assert running.carry_out("assess", lambda _: gate.wait(PATIENCE_S) and Outcome("x")) is None
        assert running.runs("assess")
        monkeypatch.setattr(running.st, "session_state", {})
        assert not running.runs("assess")
    finally:
        gate.set()


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return prepare_workspace(tmp_path_factory.mktemp("running") / "ws")


def drill(ws, monkeypatch):
    """Return the page after its button was pressed, where nothing is over at once; and what lets the storm go on."""
    use_workspace(monkeypatch, ws.root)
    monkeypatch.setattr(running, "_PATIENCE_S", 0.0)
    gate, prepare = threading.Event(), form.prepare

    def slow(*given, progress, **more):
        while not gate.wait(0.01):
            progress.step(1, 2, WHAT)
        return prepare(*given, progress=progress, **more)

    monkeypatch.setattr(form, "prepare", slow)
    at = open_page("prepare")
    at.toggle(key="prepare-drill-on").set_value(True).run()
    for key, text in (("title-0", "汛前演习"), ("sign-by", "值班员甲"), ("sign-why", "演习")):
        at.text_input(key=f"prepare-{key}").set_value(text)
    at.button(key="prepare-run").click().run()
    assert not at.exception, at.exception
    return at, gate


def over(at):
    """Wait until nothing runs for anybody, and look again."""
    ran = [one for mine in long_actions._of.values() for one in mine]
    assert until(lambda: all(one.over for one in ran))
    at.run()
    assert not at.exception, at.exception
    return at


def cancel(at):
    """Do what the server does when the browser asks at the address of the button."""
    (button,) = [data for key, data in panels(at).items() if key.startswith("running-cancel-")]
    owner, name = state.signer().read(STOP, button["href"].removeprefix("running/"), "")
    long_actions.stop("somebody else", name)
    assert not any(one.watch.stopping for one in long_actions.of(owner))
    long_actions.stop(owner, name)


def test_a_storm_that_takes_long_shows_its_bar_and_then_its_picture(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    at, gate = drill(ws, monkeypatch)
    assert "临灾研判" in at.get("progress")[0].proto.text
    at.button(key="prepare-run").click().run()
    assert any("还在进行" in one.value for one in at.warning)
    gate.set()
    over(at)
    (kept,) = ws.ledger.scenarios()
    assert kept.title == "汛前演习"
    assert any("第 1 号情景" in one.value for one in at.markdown)
    assert not at.text_input(key="prepare-title-1").value


def test_a_storm_that_was_cancelled_is_not_kept_and_the_form_stands_as_it_was(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    before = ledger_of(ws)
    at, gate = drill(ws, monkeypatch)
    cancel(at)
    over(at)
    gate.set()
    assert any("已取消，台账没有变" in one.value for one in at.markdown)
    assert ledger_of(ws) == before
    assert at.text_input(key="prepare-title-0").value == "汛前演习"
    next(one for one in at.button if str(one.key).startswith("running-close-")).click().run()
    assert not any("已取消" in one.value for one in at.markdown)
