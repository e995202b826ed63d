"""A clerk's whole story: a hazard is reported on the map, rectified, accepted by somebody else; tiers and figures follow."""

from __future__ import annotations

import datetime as dt

import pytest

from riskmap.moments import local_now
from tests.attached_files import photo
from tests.hazard_workspace import hazard_workspace
from tests.map_workspace import LONELY

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up, map_frame, place

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = {
    "zh": {
        "report": "＋登记重大隐患",
        "name": "名称",
        "found": "发现日期",
        "save": "登记",
        "by": "经办人",
        "why": "原因",
        "assign": "派单",
        "department": "责任单位",
        "due": "整改期限",
        "order": "指令文书号",
        "rectify": "整改完成",
        "accept": "验收销号",
        "back": "退回、反弹",
        "found_state": "已发现",
        "rectifying": "整改中",
        "rectified": "待验收",
        "closed": "已销号",
        "low": "低",
        "large": "较大",
        "second": "“整改完成”由甲办，“验收销号”要由另一人办",
        "overdue": "超期 1",
        "open": "未办结 0",
        "moved": "低 → 较大",
        "moved_back": "较大 → 低",
    },
    "en": {
        "report": "＋ Report in Major hazards",
        "name": "Name",
        "found": "Found on",
        "save": "Report",
        "by": "Person",
        "why": "Reason",
        "assign": "Assign",
        "department": "Department",
        "due": "Due",
        "order": "Order",
        "rectify": "Rectified",
        "accept": "Accept",
        "back": "Send back",
        "found_state": "Found",
        "rectifying": "Rectifying",
        "rectified": "To accept",
        "closed": "Closed",
        "low": "Low",
        "large": "Large",
        "second": "“Rectified” is by 甲; “Accept” is for somebody else",
        "overdue": "Overdue 1",
        "open": "Open 0",
        "moved": "Low → Large",
        "moved_back": "Large → Low",
    },
}


def day(ago):
    return (local_now().date() - dt.timedelta(days=ago)).isoformat()


@pytest.fixture
def workspace(tmp_path):
    hazard_workspace(tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def address(workspace, tmp_path):
    from tests.browser.driving import served

    with served(workspace, log=tmp_path / "log") as found:
        yield found


@pytest.fixture(params=[("zh", 1366, 768), ("en", 820, 1180)], ids=["zh", "en-tablet"])
def clerk(request, browser, address):
    """Open the pages in a language, at a size; a picture of each step is kept where somebody asks for it."""
    from tests.browser.driving import People

    lang, width, height = request.param
    people = People(browser, address, {"viewport": {"width": width, "height": height}, "locale": "zh-CN"})
    watched = people.open()
    yield Clerk(watched.page, address, lang)
    people.leave()
    people.close()
    assert watched.outside() == []
    assert watched.complaints == []


class Clerk:
    """Who sits there: knows the words of a language."""

    def __init__(self, page, address, lang):
        self.page, self.address, self.lang, self.words = page, address, lang, WORDS[lang]

    def open(self, path):
        self.page.goto(f"{self.address}/{path}{'&' if '?' in path else '?'}lang={self.lang}")
        drawn_up(self.page)

    def fill(self, box, **stated):
        for label, text in stated.items():
            box.get_by_label(self.words[label], exact=True).last.fill(text)  # a field may be called so, too

    def move(self, move, *, by, files=(), **stated):
        """Choose a move, fill in what it asks and send it."""
        name = self.words[move]
        self.page.get_by_role("button", name=name, exact=True).first.click()
        box = self.page.locator(".st-key-touch-move")
        if files:
            box.locator("input[type=file]").set_input_files(list(files))
            box.get_by_text(files[0]["name"]).first.wait_for()
        self.fill(box, by=by, why="现场核对", **stated)
        box.get_by_role("button", name=name, exact=True).click()

    def stands(self, state):
        self.page.locator(".rm-step-now").get_by_text(self.words[state], exact=True).wait_for()
        drawn_up(self.page)

    def large(self):
        """Return the number of large risks on the first figures of the overview."""
        self.open("overview")
        return self.page.locator(".figure.large b").first.inner_text()


def fits_a_finger(form):
    """Tell whether the inputs stand in one column, and inputs and buttons are high enough for a finger."""
    boxes = [one.bounding_box() for one in form.get_by_test_id("stTextInputRootElement").all()]
    buttons = [one.bounding_box() for one in form.locator("[data-testid=stFormSubmitButton] button").all()]
    assert boxes
    assert buttons
    return len({round(box["x"]) for box in boxes}) == 1 and min(b["height"] for b in boxes + buttons) >= 48


def test_a_hazard_goes_from_the_map_to_its_acceptance_and_back_and_tier_and_overview_follow(clerk):
    page, words = clerk.page, clerk.words
    before = int(clerk.large())
    clerk.open("")
    frame = map_frame(page)
    page.mouse.click(*place(frame, *LONELY["low"]))
    frame.get_by_text(words["report"], exact=True).click()
    form = page.locator(".st-key-touch-new")
    form.wait_for()
    form.locator("input[type=file]").set_input_files(
        [{"name": "坡面.jpg", "mimeType": "image/jpeg", "buffer": photo(1200, 900)}]
    )
    form.get_by_text("坡面.jpg").first.wait_for()
    assert form.get_by_label(words["found"], exact=True).input_value() == day(0)
    assert fits_a_finger(form) == (page.viewport_size["width"] == 820)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    clerk.fill(form, name="坡面开裂", found=day(10), by="甲", why="巡查")
    form.get_by_role("button", name=words["save"], exact=True).click()
    page.get_by_text(words["moved"]).first.wait_for()
    drawn_up(page)
    page.locator(".rm-head .rm-tier-large").first.wait_for()
    page.get_by_text("坡面开裂", exact=True).first.click()

    clerk.stands("found_state")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.rm-files img')].some((i) => i.naturalWidth)"
    )
    clerk.move("assign", by="甲", department="住建局", due=day(1), order="1号")
    clerk.stands("rectifying")
    ticket = page.url
    clerk.open("work")
    page.get_by_text(words["overdue"], exact=True).wait_for()
    assert int(clerk.large()) == before + 1

    page.goto(ticket)
    clerk.stands("rectifying")
    clerk.move(
        "rectify",
        by="甲",
        files=[{"name": "整改后.jpg", "mimeType": "image/jpeg", "buffer": photo(1200, 900, seed=8)}],
    )
    clerk.stands("rectified")
    clerk.move("accept", by="甲")
    said = page.locator(".st-key-touch-move").get_by_text(words["second"])
    said.wait_for()
    field = page.locator(".st-key-touch-move").get_by_label(words["by"], exact=True)
    assert 0 < said.bounding_box()["y"] - field.bounding_box()["y"] < 240
    field.fill("乙")
    page.locator(".st-key-touch-move").get_by_role("button", name=words["accept"], exact=True).click()
    clerk.stands("closed")
    page.get_by_text(words["moved_back"]).first.wait_for()
    assert int(clerk.large()) == before
    clerk.open("work")
    page.get_by_text(words["open"], exact=True).wait_for()

    page.goto(ticket)
    clerk.stands("closed")
    clerk.move("back", by="乙", due=day(-30))
    clerk.stands("rectifying")
    page.get_by_text(words["moved"]).first.wait_for()
    assert int(clerk.large()) == before + 1
