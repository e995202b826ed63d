"""The ledger of a past day in a browser: chosen by a person, kept from page to page, in files, and left again."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pytest

from riskmap.actions.records.editing import retire_point
from riskmap.moments import CLOCK, utc_now
from riskmap.rules.permissions import local_actor
from riskmap.vocabulary import RANK_OF
from tests.map_workspace import make_workspace

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up, frame_where, map_frame, pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow]

THEN = (utc_now() - dt.timedelta(days=2)).astimezone()
DAY = THEN.date().isoformat()
BY = {"by": local_actor("张三"), "why": "核实"}
CODE = "RP-LONE-major"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Filled two days ago; since then the only major point has gone."""
    folder = tmp_path_factory.mktemp("past") / "ws"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, THEN.isoformat())
        ws = make_workspace(folder)
    retire_point(ws, "risk_points", CODE, **BY)
    ws.ledger.close()
    return folder


def strip(page):
    return page.locator(".st-key-shell-past")


def major(page):
    return page.locator(".figure.major b").first.inner_text()


def test_a_person_looks_at_a_past_day_takes_its_list_and_comes_back(page, address, tmp_path):
    page.goto(f"{address}/inventory?layers=risk_points")
    page.get_by_text("条，共").first.wait_for()
    assert strip(page).count() == 0
    assert major(page) == "0"
    # Choose the day.
    page.get_by_role("button", name="看过去").click()
    day = page.locator(".st-key-shell-past-day").get_by_role("spinbutton")
    day.nth(2).wait_for()
    day.first.click()
    page.keyboard.type(DAY.replace("-", ""))
    page.get_by_text("查看过去某一天").click()  # the calendar lies over the button
    page.get_by_role("button", name="查看那时的台账").click()
    strip(page).get_by_text(f"截至 {DAY} 的台账").wait_for()
    drawn_up(page)
    assert major(page) == "1"
    assert f"asof={DAY}" in page.url
    # A file of that day says so.
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel", exact=True).click()
    assert f"截至{DAY}" in download.value.suggested_filename
    download.value.save_as(tmp_path / "then.xlsx")
    book = openpyxl.load_workbook(tmp_path / "then.xlsx")
    assert CODE in [cell for row in book["风险点"].iter_rows(values_only=True) for cell in row]
    assert DAY in [cell for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
    # Another page, another load: the same past, on the map too.
    page.get_by_role("link", name="一张图").click()
    assert pixels(map_frame(page))["major"] > 0
    page.wait_for_url("**layers=risk_points**")  # the filter is written once the points are there
    page.reload()
    strip(page).get_by_text(f"截至 {DAY} 的台账").wait_for()
    assert pixels(map_frame(page))["major"] > 0
    assert f"asof={DAY}" in page.url
    # What changes something is closed.
    page.get_by_role("link", name="导入").click()
    page.get_by_text("只对现在的台账开放").wait_for()
    assert page.locator("input[type=file]").count() == 0
    # Back.
    page.get_by_role("link", name="一张图").click()
    frame_where(page, f"riskmap.view && riskmap.view.tiers[{RANK_OF['major']}] === 1")
    page.get_by_role("button", name="回到现在").click()
    strip(page).wait_for(state="detached")
    frame_where(page, f"riskmap.view && riskmap.view.tiers[{RANK_OF['major']}] === 0")
    assert "asof" not in page.url
