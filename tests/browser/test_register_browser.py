"""A ticket in the browser: rectified by one person, accepted by another, and the pages of what is open follow."""

from __future__ import annotations

import datetime as dt

import pytest

from riskmap.actions.records.editing import create_point
from riskmap.actions.workspace import open_workspace
from riskmap.moments import local_now
from riskmap.rules.permissions import local_actor
from tests.map_workspace import make_workspace
from tests.register_files import LAYER, TEXT, hazard

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Return the small workspace with a register and one ticket, overdue since yesterday."""
    folder = tmp_path_factory.mktemp("register") / "ws"
    make_workspace(folder)
    (folder / "layers" / "major_hazards.toml").write_text(TEXT, encoding="utf-8")
    yesterday = (local_now().date() - dt.timedelta(days=1)).isoformat()
    values = hazard(found_on="2024-02-01", due=yesterday, state="found")
    create_point(open_workspace(folder), LAYER, "H1", values=values, by=local_actor("甲"), why="发现")
    return folder


def make(page, move, *, by, **stated):
    """Choose a move on the ticket's page, fill in what it asks, and send it."""
    page.get_by_role("button", name=move, exact=True).first.click()
    box = page.locator(".st-key-touch-move")
    for label, text in {"经办人": by, "原因": "现场核对", **stated}.items():
        box.get_by_label(label, exact=True).fill(text)
    box.get_by_role("button", name=move, exact=True).click()


def stands(page, state):
    page.locator(".rm-step-now", has_text=state).wait_for()
    drawn_up(page)


def test_a_ticket_is_closed_by_a_second_person_and_what_is_open_follows(watched, address):
    page = watched.page
    page.goto(f"{address}/work")
    page.get_by_text("超期 1", exact=True).wait_for()
    page.get_by_text("隐患H1", exact=True).click()
    stands(page, "已发现")
    page.get_by_text("超期 1 天", exact=True).wait_for()
    later = (local_now().date() + dt.timedelta(days=30)).isoformat()
    make(page, "派单", by="甲", 责任单位="住建局", 整改期限=later, 指令文书号="1号")
    stands(page, "整改中")
    make(page, "整改完成", by="甲", 整改照片="a.jpg")
    stands(page, "待验收")
    make(page, "验收销号", by="甲")
    page.get_by_text("要由另一人办", exact=False).last.wait_for()
    box = page.locator(".st-key-touch-move")
    box.get_by_label("经办人", exact=True).fill("乙")
    box.get_by_role("button", name="验收销号", exact=True).click()
    stands(page, "已销号")
    page.goto(f"{address}/work")
    page.get_by_text("未办结 0", exact=True).wait_for()
    page.get_by_text("没有这样的事项。", exact=True).wait_for()
