"""A selection is changed, refused as stale, undone, and retired records come back: in a browser, by two people."""

from __future__ import annotations

import pytest

from riskmap.actions.workspace import open_workspace
from tests.waiting import until

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def sign(page, by, why):
    page.get_by_label("经办人", exact=True).first.fill(by)
    page.get_by_label("原因", exact=True).first.fill(why)


def choose(page, label, title):
    """Choose from a list of which only what is seen is in the page; one that opens while the page moves closes again."""
    field, option = page.get_by_label(label).last, page.get_by_role("option", name=title, exact=True)

    def offered():
        field.fill("")
        field.press_sequentially(title)
        page.wait_for_timeout(300)
        return option.is_visible()

    until(offered)
    option.click()
    page.keyboard.press("Escape")


def preview(page, value):
    page.get_by_role("textbox", name="可能性L", exact=True).fill(value)
    page.keyboard.press("Tab")
    drawn_up(page)
    page.get_by_role("button", name="预览（不写入）").click()


def test_a_selection_is_seen_changed_against_another_person_and_undone_as_one(page, address, workspace):
    page.goto(f"{address}/inventory?layers=risk_points&q=RP-CROWD")
    drawn_up(page)
    page.get_by_text("批量修改筛选出的记录").click()
    choose(page, "要改的内容", "可能性L")
    preview(page, "10")
    page.get_by_text("等级会改变 40 处").wait_for()
    drawn_up(page)

    ws = open_workspace(workspace)  # meanwhile, somebody else
    ws.ledger.retire("risk_points", "RP-CROWD-03", by="李四", why="已拆除")
    sign(page, "王五", "街道复核")
    page.get_by_role("button", name="写入：修改 40 条").click()
    page.get_by_text("有 1 条记录在预览后被改过，未写入任何内容").wait_for()
    page.get_by_role("link", name="RP-CROWD-03").first.wait_for()

    page.get_by_role("button", name="预览（不写入）").click()
    page.get_by_text("等级会改变 39 处").wait_for()
    drawn_up(page)
    sign(page, "王五", "街道复核")
    page.get_by_role("button", name="写入：修改 39 条").click()
    page.get_by_text("已修改 39 条").wait_for()
    page.locator("tr.open").filter(has_text="重大").first.wait_for()
    sign(page, "王五", "改错了")
    page.get_by_role("button", name="确认撤销").click()
    page.get_by_text("恢复记录 39 条").wait_for()
    page.locator("tr.open").filter(has_text="低").first.wait_for()


def test_retired_records_are_listed_and_come_back(page, address, workspace):
    open_workspace(workspace).ledger.retire("risk_points", "RP-LONE-large", by="李四", why="<b>已拆除</b>")
    page.goto(f"{address}/inventory?q=RP-LONE")
    page.get_by_text("只看已注销的记录").click()
    page.wait_for_url("**retired=1**")
    row = page.locator("tr.open").filter(has_text="RP-LONE-large")
    row.wait_for()
    assert "<b>已拆除</b>" in row.inner_text()
    page.reload()
    row.wait_for()
    page.get_by_text("恢复筛选出的记录").click()
    sign(page, "王五", "核实仍在")
    page.get_by_role("button", name="恢复 1 条").click()
    page.get_by_text("已恢复 1 条").wait_for()
    page.goto(f"{address}/inventory?q=RP-LONE-large")
    page.locator("tr.open").filter(has_text="RP-LONE-large").wait_for()
