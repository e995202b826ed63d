"""Long work in a real browser: a bar, other pages meanwhile, Cancel that works, and a file that comes when it is done."""

from __future__ import annotations

import re
import sqlite3
import time
import zipfile
from contextlib import closing

import pytest

from riskmap.actions.model_saving import open_model, save_model
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.catalog.model_text import changed_text, with_version
from riskmap.ledger.store import file_of
from riskmap.rules.permissions import local_actor

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up
from tests.browser.test_prepare_browser import typed, with_form
from tests.unchanged import folder_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINTS = 600_000  # some seconds of work, enough for a person to stop it
ROWS = 60_000  # of a file that is imported
ROW = ".rm-running-row"
CANCEL = f"{ROW}:has(progress) button"
BY = local_actor("测试")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("running") / "ws"
    ws = create_demo_workspace(root, points=POINTS, seed=3, by=BY)
    assess_layers(ws, by=BY, why="测试")
    here = open_model(ws, "risk_points")
    text = with_version(changed_text(here.text, {("limits", "general"): 91}), "9.0")
    save_model(ws, "risk_points", text, base_digest=here.digest, by=BY, why="测试", assess=False)
    return root


@pytest.fixture(scope="module")
def screen():
    return {"width": 1366, "height": 900}


@pytest.fixture
def tabs(people):
    made = []

    def opened(person=0):
        made.append(people.open(person))
        return made[-1]

    yield opened
    people.leave()
    assert [one.outside() for one in made] == [[]] * len(made)
    assert [one.complaints for one in made] == [[]] * len(made)


def written(ws):
    """Return what tells that the ledger was written to; that no row has changed is shown with smaller ones (laws)."""
    with closing(sqlite3.connect(file_of(ws.store))) as file:
        results = file.execute("SELECT count(*), total(rank), total(score) FROM assessment").fetchall()
    return ws.ledger.state, ws.ledger.head(), results


def begin_assessment(page, address):
    page.goto(f"{address}/overview")
    page.locator(".st-key-outdated-open button").first.click()
    page.locator(".st-key-outdated-by input").fill("李四")
    page.locator(".st-key-outdated-by input").press("Enter")
    drawn_up(page)
    page.locator(".st-key-outdated-assess button").click()
    page.locator(CANCEL).wait_for()


def cancelled(page, said="已取消，台账没有变") -> float:
    """Press Cancel; return after how many seconds the page says that nothing was written."""
    began = time.monotonic()
    page.locator(CANCEL).click()
    page.locator(ROW).get_by_text(said).first.wait_for()
    return time.monotonic() - began


def goes_to(page, title, name):
    """Follow a link of the top bar; the page has then only begun to be drawn."""
    page.get_by_role("link", name=title).first.click()
    page.wait_for_url(f"**/{name}")


def test_an_assessment_shows_its_bar_on_every_page_and_can_be_cancelled_while_one_is_drawn(
    tabs, address, workspace
):
    ws = open_workspace(workspace)
    before = written(ws)
    other = tabs(1).page
    other.goto(f"{address}/model")
    drawn_up(other)
    page = tabs().page
    begin_assessment(page, address)
    assert re.match(r"评估 +\d+%", page.locator(ROW).inner_text())
    goes_to(page, "清单", "inventory")
    assert page.locator(CANCEL).count() == 1
    goes_to(page, "总览", "overview")
    assert cancelled(page) < 5
    assert other.locator(ROW).count() == 0
    assert written(ws) == before
    page.locator(".st-key-outdated-open button").first.wait_for()
    page.locator(ROW).get_by_role("button", name="关闭这一行").click()
    page.locator(ROW).wait_for(state="detached")


def test_a_storm_can_be_cancelled_and_is_not_kept(tabs, address, workspace):
    ws = open_workspace(workspace)
    page = tabs().page
    page.goto(f"{address}/prepare")
    with_form(page)
    page.locator(".st-key-prepare-drill-on label").first.click()
    page.locator(".st-key-prepare-made-storm").wait_for()
    drawn_up(page)
    for key, text in (("prepare-sign-by", "值班员甲"), ("prepare-sign-why", "桌面演习")):
        typed(page, key, text)
    page.locator(".st-key-prepare-run button").click()
    page.locator(CANCEL).wait_for()
    assert cancelled(page) < 5
    assert ws.ledger.scenarios() == []
    assert page.locator(".st-key-prepare-sign-why input").input_value() == "桌面演习"


def test_a_save_with_its_assessment_can_be_cancelled_and_the_draft_stays(tabs, address, workspace):
    ws = open_workspace(workspace)
    folder, before = workspace / "models", (written(ws), folder_of(workspace / "models"))
    page = tabs().page
    page.goto(f"{address}/model?layer=risk_points")
    page.get_by_label("一般 ≥", exact=True).fill("88")
    page.get_by_label("一般 ≥", exact=True).press("Enter")
    page.locator(".st-key-model-preview").get_by_text("处等级会变").first.wait_for()
    for label, text in (("经办人", "李四"), ("原因", "试改")):
        page.get_by_label(label, exact=True).fill(text)
        page.get_by_label(label, exact=True).press("Tab")
    drawn_up(page)
    page.locator(".st-key-model-save button").click()
    page.locator(CANCEL).wait_for()
    assert page.locator(ROW).inner_text().startswith("保存模型")
    assert cancelled(page, "已取消，模型文件和台账都没有变") < 5
    assert (written(ws), folder_of(folder)) == before
    assert page.get_by_label("一般 ≥", exact=True).input_value() == "88"


def test_an_import_can_be_cancelled_while_it_is_read_and_while_it_is_written(
    tabs, address, workspace, tmp_path
):
    ws = open_workspace(workspace)
    before = written(ws)
    file = tmp_path / "新点.csv"
    rows = (f"NEW-{i},新点{i},甲街道,114.{100000 + i % 90000},22.55\n" for i in range(ROWS))
    file.write_text("编号,名称,街道,经度,纬度\n" + "".join(rows), encoding="utf-8")
    page = tabs().page
    page.goto(f"{address}/import")
    datum = page.locator(".st-key-import-datum")
    datum.locator("[data-baseweb=select], input").first.click()
    page.get_by_role("option").filter(has_text="WGS").first.click()
    drawn_up(page)
    page.locator("input[type=file]").set_input_files(file)
    checks = page.locator(".st-key-import-check button:not([disabled])")
    checks.click()
    page.locator(CANCEL).wait_for()
    assert cancelled(page) < 5
    page.locator(ROW).get_by_role("button", name="关闭这一行").click()
    page.locator(ROW).wait_for(state="detached")
    checks.click()
    page.locator(".st-key-import-commit button").wait_for()
    for label, text in (("经办人", "李四"), ("原因", "普查")):
        page.locator(".st-key-import-commit-box").get_by_label(label, exact=True).fill(text)
        page.locator(".st-key-import-commit-box").get_by_label(label, exact=True).press("Tab")
    drawn_up(page)
    page.locator(".st-key-import-commit button").click()
    page.locator(CANCEL).wait_for()
    assert cancelled(page) < 8
    assert written(ws) == before
    page.locator(".st-key-import-commit button").wait_for()  # what was checked is still there


def test_an_export_is_downloaded_when_it_is_done_though_its_page_was_left(tabs, address, tmp_path):
    page = tabs().page
    page.goto(f"{address}/inventory?tiers=general")
    with page.expect_download() as download:
        page.locator(".st-key-inventory-downloads").get_by_text("CSV", exact=True).click()
        page.locator(CANCEL).wait_for()
        goes_to(page, "总览", "overview")
    download.value.save_as(tmp_path / download.value.suggested_filename)
    with zipfile.ZipFile(tmp_path / download.value.suggested_filename) as archive:
        assert archive.testzip() is None
        assert any(name.endswith(".csv") for name in archive.namelist())
    page.locator(ROW).get_by_text("已生成").wait_for()
