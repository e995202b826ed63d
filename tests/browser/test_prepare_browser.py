"""The page 临灾 in a real browser: a drill from the form to the last tick."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.rules.permissions import local_actor
from tests.map_workspace import HOSTILE

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import DRAWN, drawn_up, frame_where

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINTS = 1500
MAP = "() => Boolean(window.riskmap?.map)"
STORM = "() => window.riskmap?.storm?.raised._data?.n > 0"
ACTIVE = """() => { const r = riskmap.storm.raised; let n = 0;
  for (let i = 0; i < r._data.n; i++) if (r.active(i)) n += 1; return n; }"""
COLOURED = """() => { const c = document.querySelector(".rm-raised"); const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 200) n += 1; return n; }"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("prepare") / "ws"
    ws = create_demo_workspace(root, points=POINTS, seed=3, by=local_actor("测试"))
    assess_layers(ws, by=local_actor("测试"), why="测试")
    return root


@pytest.fixture(scope="module")
def screen():
    return {"width": 1366, "height": 900}


def typed(page, key, text):
    # A rerun shows the old form beside the new one for a moment.
    page.wait_for_function("(s) => document.querySelectorAll(s).length === 1", arg=f".st-key-{key} input")
    field = page.locator(f".st-key-{key} input")
    field.fill(text)
    # Left by the keyboard, and the rerun that follows awaited: a click that makes it would meet a page in change.
    field.press("Tab")
    drawn_up(page)


def with_form(page):
    """Open the form, which comes when the map has its points."""
    form = page.locator("[class*='st-key-prepare-form'] details")
    form.wait_for()
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    page.locator(".st-key-prepare-drill-on").wait_for()


def drilled(page, address, title):
    page.goto(f"{address}/prepare")
    frame_where(page, MAP)
    with_form(page)
    page.locator(".st-key-prepare-drill-on label").first.click()
    page.locator(".st-key-prepare-made-storm").wait_for()
    drawn_up(page)
    typed(page, "prepare-title-0", title)
    typed(page, "prepare-sign-by", "值班员甲")
    typed(page, "prepare-sign-why", "桌面演习")
    page.locator(".st-key-prepare-run button").click()
    page.wait_for_selector(".rm-scenario .rm-drill")
    return frame_where(page, STORM)


def test_the_map_has_its_size_from_the_start(watched, address):
    page = watched.page
    page.goto(f"{address}/prepare")
    frame = frame_where(page, MAP)
    width = frame.evaluate("riskmap.map.getSize().x")
    with_form(page)
    page.locator(".st-key-prepare-panel").get_by_text("左侧").first.wait_for()
    assert frame.evaluate("riskmap.map.getSize().x") == width


def test_a_drill_runs_from_the_form_to_the_map_and_the_slider_plays_without_asking_for_anything(
    watched, address
):
    page = watched.page
    title = " ".join(HOSTILE[:2])
    frame = drilled(page, address, title)
    assert page.locator(".rm-scenario h2").inner_text() == title
    drawn_up(page)
    frame = frame_where(page, STORM)
    frame.wait_for_function(DRAWN)
    frame.evaluate("""() => { const s = document.querySelector("#rm-storm-slider");
      s.value = riskmap.storm.data.counts.findIndex((c) => c[3] + c[4] > 0); s.dispatchEvent(new Event("input")); }""")
    asked = len(watched.requests)
    first = frame.evaluate("riskmap.storm.hour")
    frame.locator(".rm-storm-play").click()
    frame.wait_for_function("(first) => riskmap.storm.hour >= first + 4", arg=first)
    frame.locator(".rm-storm-play").click()
    assert [url for url in watched.requests[asked:] if "/storm/" in url or "/tiles/" in url] == []
    assert frame.evaluate(ACTIVE) > 0
    assert frame.evaluate(COLOURED) > 200
    said = frame.evaluate("riskmap.storm.data.counts[riskmap.storm.hour]")
    shown = sum(int(re.sub(r"\D", "", b)) for b in frame.locator(".rm-storm-sums b").all_inner_texts())
    assert shown == sum(said[2:])
    assert page.evaluate("window.hacked") is None


def test_a_raised_point_says_why_and_the_whole_track_can_be_seen(watched, address, workspace):
    page = watched.page
    if not open_workspace(workspace).ledger.scenarios():  # this test may be the first of its process
        drilled(page, address, "第一期")
    frame = drilled(page, address, "第二期")
    assert "第二期" in page.locator(".rm-scenario h2").inner_text()
    assert page.get_by_text(re.compile("比上一期")).count() == 1
    frame.evaluate("""() => { const s = document.querySelector("#rm-storm-slider");
      s.value = riskmap.storm.data.counts.findIndex((c) => c[4] > 0); s.dispatchEvent(new Event("input")); }""")
    frame.evaluate("""() => { const r = riskmap.storm.raised; const i = r._chosen.at(-1)[0];
      riskmap.openCard(r._data.id[i], L.latLng(r._data.lat[i], r._data.lon[i])); }""")
    frame.wait_for_selector(".rm-card .rm-rule small")
    assert "因灾升级" in frame.locator(".rm-card").inner_text()
    frame.locator(".rm-storm-whole").click()
    frame.wait_for_function("() => riskmap.map.getZoom() < 8")
    assert frame.locator(".rm-degree").count() > 4


def test_a_call_is_ticked_off_with_a_name_and_the_log_keeps_it(watched, address, workspace):
    page = watched.page
    drilled(page, address, "叫应一期")
    page.locator(".st-key-prepare-tab").get_by_text("叫应", exact=True).click()
    page.locator(".st-key-prepare-calls .act").first.click()
    line = page.locator(".st-key-prepare-line")
    line.wait_for()
    drawn_up(page)
    line.get_by_role("button", name="已呼叫").first.click()
    page.locator(".st-key-prepare-calls").get_by_text(re.compile("待应答")).first.wait_for()
    line.get_by_role("button", name="已应答").first.click()
    page.locator(".st-key-prepare-calls").get_by_text("已应答").first.wait_for()
    box = page.locator(".st-key-prepare-messages")
    assert "不对外发送" in box.inner_text()
    box.locator("textarea").fill("请到场值守")
    box.locator("textarea").press("Control+Enter")
    box.get_by_role("button", name="记入（不发送）").click()
    page.locator(".st-key-prepare-outbox").get_by_text("演习，未发送").wait_for()
    with page.expect_download() as packed:
        page.locator(".st-key-prepare-books").get_by_role("link", name="分街道 zip").click()
    assert packed.value.suggested_filename.endswith(".zip")
    page.locator(".st-key-prepare-tab").get_by_text("记录", exact=True).click()
    page.locator(".st-key-prepare-log").get_by_text("应答", exact=True).first.wait_for()
    with page.expect_download() as printed:
        page.locator(".st-key-prepare-after").get_by_role("link", name="灾后总结 PDF").click()
    assert Path(printed.value.path()).read_bytes()[:4] == b"%PDF"
    ledger = open_workspace(workspace).ledger
    kinds = [(event.kind, event.who) for event in ledger.events(ledger.scenarios()[0].id)]
    assert ("call", "值班员甲") in kinds
    assert ("acknowledgement", "值班员甲") in kinds
    assert ("message", "值班员甲") in kinds


def test_people_are_moved_to_shelters_that_are_open_and_again_when_one_closes(watched, address, workspace):
    page = watched.page
    drilled(page, address, "转移一期")
    page.locator(".st-key-prepare-tab").get_by_text("转移", exact=True).click()
    page.locator(".st-key-prepare-move-run button").click()
    text = page.get_by_text(re.compile(r"需转移")).first
    text.wait_for()
    moved, placed, left = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) 人", text.inner_text())[:3])
    assert moved == placed + left
    assert moved > 0
    replan = page.locator(".st-key-prepare-replan")
    replan.wait_for()
    page.locator(".st-key-prepare-replan-run").scroll_into_view_if_needed()
    drawn_up(page)
    choice = replan.locator("[data-testid=stMultiSelect] input")
    choice.click(trial=True)  # waits until it stands still: a list closes where the page under it still moves
    choice.press("ArrowDown")
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    page.locator(".st-key-prepare-replan-run button").click()
    changed = page.get_by_text(re.compile(r"改变去处")).first
    changed.wait_for()
    found = open_workspace(workspace).ledger
    assert found.events(found.scenarios()[0].id)[-1].kind == "closure"


def test_a_file_that_is_no_track_is_refused_with_a_sentence_and_nothing_is_kept(
    watched, address, workspace, tmp_path
):
    page = watched.page
    before = len(open_workspace(workspace).ledger.scenarios())
    page.goto(f"{address}/prepare?lang=en")
    frame_where(page, MAP)
    with_form(page)
    wrong = tmp_path / "notes.txt"
    wrong.write_text("this is no track\n", encoding="utf-8")
    page.locator(".st-key-prepare-track-0 input[type=file]").set_input_files(str(wrong))
    page.locator(".st-key-prepare-track-0").get_by_text(wrong.name).wait_for()
    drawn_up(page)
    typed(page, "prepare-sign-by", "A")
    typed(page, "prepare-sign-why", "B")
    page.locator(".st-key-prepare-run button").click()
    message = page.locator("[data-testid=stSidebar] [data-testid=stAlertContainer]").last
    message.wait_for()
    assert message.inner_text().startswith("notes.txt: no header of Cyclone track")
    assert len(open_workspace(workspace).ledger.scenarios()) == before
