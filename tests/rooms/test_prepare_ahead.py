"""A scenario is computed while its form is still being filled in; the button keeps what is still right."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from riskmap.actions.records.editing import edit_point
from riskmap.web.pages.prepare import form
from tests.duty_workspace import ACTS, copied
from tests.pages_running import open_page, use_workspace
from tests.prepare_workspace import A, B, bulletin, prepare_workspace, rain


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
    prepare = form.prepare

    def counted(ws, given, **more):
        found.append(given)
        return prepare(ws, given, **more)

    monkeypatch.setattr(form, "prepare", counted)
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
    edit_point(ws, "slopes", "BP1", seen=1, changes={"name": "改名边坡"}, **ACTS)
    pressed(at)
    assert len(computed) == 2
    assert len(ws.ledger.scenarios()) == 1


def test_what_was_computed_too_long_ago_is_not_kept(ws, computed, monkeypatch):
    at = waited(drill())
    monkeypatch.setattr(form, "_GOOD_FOR_S", 0.0)
    pressed(at)
    assert len(computed) == 2


def test_nobody_waits_for_the_computing_of_another(ws, computed, monkeypatch):
    busy, gate = ThreadPoolExecutor(1), threading.Event()
    monkeypatch.setattr(form, "_THREAD", busy)
    busy.submit(gate.wait)
    try:
        pressed(drill())
        assert len(computed) == 1
        assert len(ws.ledger.scenarios()) == 1
    finally:
        gate.set()
        busy.shutdown()


def signed(at):
    at.text_input(key="prepare-sign-by").set_value("值班员甲")
    at.text_input(key="prepare-sign-why").set_value("台风")
    at.button(key="prepare-run").click().run()
    assert not at.exception, at.exception
    return at


def upload(at, key, name, text):
    at.file_uploader(key=f"prepare-{key}-0").set_value((name, text.encode(), "text/csv")).run()
    assert not at.exception, at.exception


NOTICES = "预警种类,颜色,街道,发布时间(北京时间)\n暴雨,红色,{place},2024-09-05 12:00\n"
DRY = (
    "year,month,day,temp,rh,ws,prec\n"
    + "".join(f"2024,8,{day},36,22,25,0\n" for day in range(1, 32))
    + ("".join(f"2024,9,{day},36,22,25,0\n" for day in range(1, 9)))
)


def test_track_rain_warning_files_and_fire_weather_go_in_together(ws):
    at = open_page("prepare")
    upload(at, "track", "苏拉.csv", bulletin())
    upload(at, "rain", "雨量.csv", rain())
    upload(at, "notices", "预警.csv", NOTICES.format(place=B))
    upload(at, "fire", "气象.csv", DRY)
    signed(at)
    (kept,) = ws.ledger.scenarios()
    files = {one["kind"]: one["name"] for one in kept.body["files"]}
    assert files == {
        "track": "苏拉.csv",
        "rain": "雨量.csv",
        "warning": "预警.csv",
        "fire_weather": "气象.csv",
    }
    (warning,) = kept.body["warnings"]
    assert (warning["kind"], warning["colour"], warning["subdistricts"]) == ("rainstorm", "red", [B])
    assert "forest_fire_grids" not in kept.body["skipped"]
    raised = ws.ledger.escalations(scenario=kept.id)
    assert {one.escalation.trigger for one in raised if one.escalation.layer == "forest_fire_grids"} == {
        "fire_weather"
    }
    assert [(one.kind, one.subdistrict) for one in ws.ledger.events(kept.id)] == [("warning", B)]
    assert not at.file_uploader(key="prepare-notices-1").value


def test_a_warning_file_alone_is_enough_and_a_wrong_one_is_named_as_it_was_uploaded(ws):
    at = open_page("prepare")
    upload(at, "notices", "预警.csv", NOTICES.format(place="某某街道"))
    signed(at)
    (said,) = at.error
    assert said.value.replace("\\", "").startswith("预警.csv")
    assert "第 2 行" in said.value
    assert ws.ledger.scenarios() == []
    upload(at, "notices", "预警.csv", NOTICES.format(place=A))
    signed(at)
    (kept,) = ws.ledger.scenarios()
    assert [one["subdistricts"] for one in kept.body["warnings"]] == [[A]]


def test_what_is_computed_ahead_is_what_would_be_computed_at_the_button(ws, computed, monkeypatch):
    moment = np.datetime64("2026-08-01T04:00:00", "s")
    monkeypatch.setattr("riskmap.actions.episode.inputs.now", lambda: moment)
    at = pressed(waited(drill()))
    monkeypatch.setattr(form, "_GOOD_FOR_S", 0.0)
    at.checkbox(key="prepare-at-auto").uncheck().run()
    at.checkbox(key="prepare-at-auto").check().run()
    at.text_input(key="prepare-title-1").set_value("汛前演习")
    at.text_input(key="prepare-sign-why").set_value("演习")
    at.button(key="prepare-run").click().run()
    one, other = ws.ledger.scenarios()
    assert one.body == other.body
    assert one.at == other.at
