"""The address says what is seen, one step of a person is one step of history, and the language stays."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.map_workspace import LONELY

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from playwright.sync_api import expect

from riskmap.web.pages import pages
from tests.browser.driving import draw_area, drawn_up, map_frame, place

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def query(page):
    """Return path and query of the address, but for the view of the map."""
    url = urlsplit(page.url)
    found = {key: value for key, (value,) in parse_qs(url.query).items() if key != "at"}
    return url.path, found


def wait_for(page, path, wanted):
    page.wait_for_function(
        """([path, wanted]) => {
          const query = new URLSearchParams(location.search);
          query.delete("at");
          return location.pathname === path && JSON.stringify([...query].sort()) === JSON.stringify(wanted);
        }""",
        arg=[path, sorted([key, value] for key, value in wanted.items())],
    )
    drawn_up(page)
    assert query(page) == (path, wanted)


def steps(page):
    return page.evaluate("history.length")


def total(page):
    """Return the large number of the inventory."""
    return page.locator(".figure b").first


def counted(page, **numbers):
    """Wait until the switches of the tiers count so many."""
    for tier, n in numbers.items():
        expect(page.locator(f".st-key-filter-tier-{tier} strong")).to_have_text(str(n))


OFF = {"tiers": "major,large,general,unrated"}
RECORD = {"layer": "risk_points", "code": "RP-LONE-major"}


def test_going_back_shows_each_step_as_it_was_seen_with_its_filters(page, address):
    page.goto(f"{address}/")
    map_frame(page)
    low = page.locator(".st-key-filter-tier-low input")
    page.wait_for_selector(".st-key-filter-text")
    began = steps(page)

    page.locator(".st-key-filter-tier-low label").click()
    wait_for(page, "/", OFF)
    page.get_by_role("link", name="清单").click()
    wait_for(page, "/inventory", OFF)
    seen = total(page).inner_text()
    page.get_by_label("名称、编号或地址").fill("孤点major")
    page.get_by_label("名称、编号或地址").press("Enter")
    wait_for(page, "/inventory", {**OFF, "q": "孤点major"})
    page.get_by_text("共 1 条").wait_for()
    page.locator("tr.open").first.click()
    wait_for(page, "/point", RECORD)
    page.get_by_role("heading", name="孤点major").wait_for()
    assert steps(page) == began + 4

    page.go_back()
    wait_for(page, "/inventory", {**OFF, "q": "孤点major"})
    page.get_by_text("共 1 条").wait_for()
    page.go_back()
    wait_for(page, "/inventory", OFF)
    expect(total(page)).to_have_text(seen)
    expect(page.get_by_label("名称、编号或地址")).to_have_value("")
    page.go_back()
    wait_for(page, "/", OFF)
    map_frame(page)
    expect(low).not_to_be_checked()
    page.go_back()
    wait_for(page, "/", {})
    map_frame(page)
    expect(low).to_be_checked()
    for there in (
        ("/", OFF),
        ("/inventory", OFF),
        ("/inventory", {**OFF, "q": "孤点major"}),
        ("/point", RECORD),
    ):
        page.go_forward()
        wait_for(page, *there)
    page.get_by_role("heading", name="孤点major").wait_for()
    assert steps(page) == began + 4


def test_a_drawn_area_is_part_of_the_address_the_figures_the_list_and_what_a_reload_shows(page, address):
    page.goto(f"{address}/")
    frame = map_frame(page)
    page.wait_for_selector(".st-key-filter-text")
    began = steps(page)
    draw_area(page, frame)
    page.wait_for_url(re.compile("area="))
    drawn_up(page)
    _, said = query(page)
    assert set(said) == {"area"}
    assert len(said["area"]) < 60
    counted(page, major=1, large=1, low=0)
    page.reload()
    frame = map_frame(page)
    frame.wait_for_function("() => riskmap.view.polygon?.length === 4")
    wait_for(page, "/", said)
    counted(page, major=1, large=1, low=0)
    page.get_by_role("link", name="清单").click()
    wait_for(page, "/inventory", said)
    expect(total(page)).to_have_text("2")
    assert steps(page) == began + 2
    page.go_back()
    wait_for(page, "/", said)
    frame = map_frame(page)
    page.locator(".st-key-map-area-close button").click()
    wait_for(page, "/", {})
    page.wait_for_selector(".rm-tiers", state="detached")
    page.go_back()
    wait_for(page, "/", said)
    page.wait_for_selector(".rm-tiers")
    page.go_back()
    wait_for(page, "/", {})
    page.wait_for_selector(".rm-tiers", state="detached")


def test_a_number_opens_its_records_whatever_was_asked_on_the_page_before(page, address):
    page.goto(f"{address}/inventory?where=likelihood >= 10")
    page.get_by_text("可能性L ≥ 10").first.wait_for()
    page.get_by_role("link", name="总览").click()
    number = page.locator("tr:visible").filter(has_text="风险点").first.locator("a").last
    shown = number.inner_text()
    number.click()
    page.get_by_text(f"共 {shown} 条").wait_for()
    assert "where" not in page.url
    page.go_back()
    wait_for(page, "/overview", {})
    page.go_back()
    page.get_by_text("可能性L ≥ 10").first.wait_for()


def test_the_list_of_an_area_folds_and_the_card_is_left_by_going_back(page, address):
    page.goto(f"{address}/")
    frame = map_frame(page)
    page.wait_for_selector(".st-key-filter-text")
    draw_area(page, frame)
    row = page.locator(".st-key-map-area-panel").get_by_text("孤点major")
    row.wait_for()
    page.locator(".st-key-map-area-panel summary").click()
    row.wait_for(state="hidden")
    drawn_up(page)
    _, said = query(page)
    page.mouse.click(*place(frame, *LONELY["major"]))
    frame.click(".rm-open")
    wait_for(page, "/point", RECORD)
    page.go_back()
    wait_for(page, "/", said)
    page.wait_for_selector(".rm-tiers")


@pytest.mark.parametrize("name", list(pages()))
def test_a_direct_address_is_found_and_complains_of_nothing(watched, address, name):
    page = watched.page
    path = "/" if name == next(iter(pages())) else f"/{name}"
    for asked in (
        path,
        f"{path}?lang=en",
        f"{path}/?lang=en&q=x",
        f"{path}?area=broken&layer=x&code=y&scenario=9",
    ):
        page.goto(f"{address}{asked.replace('//', '/')}")
        if pages()[name].hidden:  # no title in the navigation is its own
            page.get_by_role("heading", level=1).wait_for()
        else:
            page.locator("[data-testid=stTopNavLink][aria-current=page]").wait_for()
        drawn_up(page)
        assert urlsplit(page.url).path == path
        assert page.get_by_text("程序出错").count() == 0
    page.goto(f"{address}/{name}")
    drawn_up(page)
    assert urlsplit(page.url).path == path


def test_a_language_follows_the_address_and_stays_in_the_browser(page, address):
    page.goto(f"{address}/overview?lang=en")
    page.get_by_role("heading", name="risk overview").wait_for()
    page.wait_for_function("document.cookie.includes('riskmap-lang=en')")
    page.goto(f"{address}/overview")
    page.get_by_role("heading", name="risk overview").wait_for()
    (kept,) = [one for one in page.context.cookies() if one["name"] == "riskmap-lang"]
    assert (kept["value"], kept["sameSite"], kept["httpOnly"]) == ("en", "Lax", False)
    began = steps(page)
    page.get_by_role("link", name="Inventory").click()
    wait_for(page, "/inventory", {"lang": "en"})
    page.locator(".st-key-shell-language-box").get_by_text("中文").click()
    wait_for(page, "/inventory", {})
    assert steps(page) == began + 1  # another language is no step
    page.goto(f"{address}/overview")
    page.get_by_role("heading", name="安全风险总览").wait_for()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
