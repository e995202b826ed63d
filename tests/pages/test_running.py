"""Long actions of the pages: each belongs to its session, can be stopped, and says what came of it."""

from __future__ import annotations

import gc
import re
import sys
import threading
import time
from unittest.mock import MagicMock

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from riskmap.errors import RiskmapError, Text
from riskmap.web.frame import routes, strip
from riskmap.web.frame.running import File, LongActions, Outcome, long_actions
from riskmap.web.frame.security import ForbiddenError, Sessions, Signer, session_of
from riskmap.web.frame.settings import SETTINGS
from riskmap.web.pages.prepare import form
from riskmap.web.widgets import running
from tests.asgi import COOKIE, SESSION, get
from tests.duty_workspace import copied
from tests.pages_running import open_page, panel, use_workspace
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


def test_a_row_says_how_far_work_is_and_then_what_came_of_it_in_the_language_asked(actions):
    one = actions.begin("one", "assess", stepping, tab="here")
    one.shown.set()
    assert until(lambda: one.watch.what == WHAT)
    (row,) = strip.rows(actions.of("one"), "here", "zh")
    assert (row["over"], row["mine"], row["stopping"]) == (False, True, False)
    assert re.fullmatch(r"评估  \d+%  ·  评分  ·  0:\d\d", row["text"])
    assert strip.rows(actions.of("one"), "elsewhere", "en")[0]["mine"] is False
    one.watch.stop()
    assert one.wait(PATIENCE_S)
    said = [strip.rows(actions.of("one"), "here", lang)[0] for lang in ("zh", "en")]
    assert [row["text"] for row in said] == [
        "评估：已取消，台账没有变。",
        "Assess: cancelled, nothing was written.",
    ]
    assert {(row["tone"], row["file"]) for row in said} == {("cancelled", "")}


def test_what_its_page_waits_for_is_in_no_row_and_what_runs_stands_before_what_is_over(actions):
    done = actions.begin("one", "export", lambda _: Outcome("running_export_done"), format="CSV")
    assert done.wait(PATIENCE_S)
    late = actions.begin("one", "assess", stepping)
    assert strip.rows(actions.of("one"), "", "zh") == []
    for one in (done, late):
        one.shown.set()
    assert [row["over"] for row in strip.rows(actions.of("one"), "", "zh")] == [False, True]


SEARCH = "runner.postScriptGC"


def test_no_run_of_a_page_ends_with_a_search_for_cycles_that_stops_every_thread():
    searched, before = [], config.get_option(SEARCH)

    def note(phase, _info):
        searched.append((phase, sys._getframe(1).f_code.co_name))

    def finish(*, search):
        config.set_option(SEARCH, search)
        ScriptRunner._on_script_finished(*(MagicMock() for _ in range(3)), True, MagicMock())
        return ("start", "_on_script_finished") in searched

    gc.callbacks.append(note)
    try:
        assert not finish(search=SETTINGS[SEARCH])
        assert finish(search=True)  # what is looked for is seen where nothing forbids it
    finally:
        gc.callbacks.remove(note)
        config.set_option(SEARCH, before)


OTHER = "o" * 43


@pytest.fixture
def asks(monkeypatch):
    """What a browser, by its cookie, gets at the address of the strip of ours."""
    signer = Signer("secret")
    monkeypatch.setattr(routes, "signer", lambda: signer)
    app = Starlette(routes=routes.routes(), middleware=[Middleware(Sessions, secure=False)])
    token = signer.sign(strip.RUNNING, ["zh", "here"], SESSION)
    yield lambda method, path="", cookie=COOKIE: get(
        app, f"/running/{token}{path}", method=method, cookie=cookie
    )
    for who in (SESSION, session_of(OTHER)):
        for one in long_actions.of(who):
            one.watch.stop()


def test_a_strip_stops_work_lets_go_of_it_and_answers_no_other_session(asks):
    one = long_actions.begin(SESSION, "assess", stepping, tab="here")
    one.shown.set()
    own = f"/{one.name}"
    for method, path in (("GET", ""), ("POST", own), ("DELETE", own), ("GET", own)):
        assert [asks(method, path, cookie).status for cookie in (OTHER, "")] == [403, 403]
    assert asks("DELETE", own).status == 204
    assert not one.watch.stopping
    assert [row["name"] for row in asks("GET").json()["rows"]] == [one.name]
    assert asks("GET", own).status == 404
    assert asks("POST", own).status == 204
    assert one.wait(PATIENCE_S)
    assert one.cancelled
    assert asks("DELETE", own).status == 204
    assert asks("GET").json() == {"rows": []}


def test_a_strip_fetches_the_file_of_its_work_until_it_is_let_go(asks):
    file = File("a 表.csv", lambda: b"1,2", time.monotonic() + 60)
    one = long_actions.begin(
        SESSION, "export", lambda _: Outcome("running_export_done", file=file), format="CSV"
    )
    one.shown.set()
    assert one.wait(PATIENCE_S)
    own = f"/{one.name}"
    (row,) = asks("GET").json()["rows"]
    assert (row["file"], row["text"]) == ("a 表.csv", "导出 CSV：已生成，请在浏览器的下载中查看。")
    got = asks("GET", own)
    assert got.body == b"1,2"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20%E8%A1%A8.csv"
    asks("DELETE", own)
    assert asks("GET", own).status == 404


def test_a_tab_without_cookies_waits_to_the_end_sees_no_other_and_is_told_why_it_gets_no_file(monkeypatch):
    monkeypatch.setattr(running, "session", lambda: "")
    monkeypatch.setattr(running.st, "session_state", {})
    monkeypatch.setattr(running, "QUICK_S", 0.0)
    done = running.carry_out("assess", lambda _: time.sleep(0.05) or Outcome("x"))
    assert done is not None
    assert done.outcome == Outcome("x")
    gate = threading.Event()
    mine = long_actions.begin(running._owner(), "assess", lambda _: gate.wait(PATIENCE_S) and Outcome("x"))
    assert running.runs("assess")
    monkeypatch.setattr(running.st, "session_state", {})
    assert not running.runs("assess")
    gate.set()
    assert mine.wait(PATIENCE_S)
    with pytest.raises(ForbiddenError):
        running.hand_over("export", lambda _: Outcome("x"))


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return prepare_workspace(tmp_path_factory.mktemp("running") / "ws")


def drill(ws, monkeypatch):
    """Return the page after its button was pressed, where nothing is over at once; and what lets the storm go on."""
    use_workspace(monkeypatch, ws.root)
    monkeypatch.setattr(running, "session", lambda: "one")
    monkeypatch.setattr(running, "QUICK_S", 0.0)
    for old in long_actions.of("one"):
        long_actions.forget("one", old)
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


def told():
    """Return the sentences of the strip."""
    return [row["text"] for row in strip.rows(long_actions.of("one"), "", "zh")]


def test_a_storm_that_takes_long_shows_its_bar_and_then_its_picture(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    at, gate = drill(ws, monkeypatch)
    assert "临灾研判" in told()[0]
    assert panel(at, "shell-running")["texts"]["cancel"] == "取消"
    at.button(key="prepare-run").click().run()
    assert any("还在进行" in one.value for one in at.warning)
    gate.set()
    over(at)
    (kept,) = ws.ledger.scenarios()
    assert kept.title == "汛前演习"
    assert "第 1 号情景" in told()[0]
    assert not at.text_input(key="prepare-title-1").value


def test_a_storm_that_was_cancelled_is_not_kept_and_the_form_stands_as_it_was(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    before = ledger_of(ws)
    at, gate = drill(ws, monkeypatch)
    long_actions.of("one")[-1].watch.stop()
    over(at)
    gate.set()
    assert "已取消，台账没有变" in told()[0]
    assert ledger_of(ws) == before
    assert at.text_input(key="prepare-title-0").value == "汛前演习"
