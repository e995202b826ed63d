from __future__ import annotations

import re

import pytest

from riskmap.vocabulary import TIERS
from tests.map_workspace import HOSTILE, LONELY, STACK, make_workspace

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import DRAWN, People, Watched, chromium_browser, map_frame, pixels, place, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CARD = ".rm-card h2"
# The card moves the map once more to make room for itself; then the address says where it stands.
ADDRESS_IS_VIEW = """() => {
  const at = new URLSearchParams(parent.location.search).get("at")?.split(",").map(Number);
  const center = riskmap.map.getCenter();
  return at && Math.abs(at[0] - center.lat) < 1e-5 && Math.abs(at[1] - center.lng) < 1e-5 && !riskmap.map._panAnim?._inProgress;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser")
    make_workspace(root / "ws")
    with served(root / "ws", log=root / "log") as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium):
    with chromium_browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def people(browser, address):
    people = People(browser, address, {"viewport": {"width": 1366, "height": 768}})
    yield people
    people.close()


@pytest.fixture
def watched(people):
    made = people.open()
    yield made
    people.leave()
    assert made.outside() == []
    assert made.complaints == []


def opened(watched, address, query=""):
    watched.page.goto(f"{address}/{query}")
    frame = map_frame(watched.page)
    watched.page.wait_for_selector(".st-key-filter-text")  # the switches come after the points
    return frame


def switched(watched, frame, selector):
    """Click a switch of the filter and wait until the map shows what it says."""
    before = frame.evaluate("riskmap.view.tiles")
    watched.page.locator(f"{selector} label").click()
    frame.wait_for_function(
        """(before) => riskmap.view.tiles !== before && riskmap.points._url === riskmap.view.tiles
          && Object.values(riskmap.points._tiles).every((t) => t.el.url === riskmap.points._url)""",
        arg=before,
    )
    frame.wait_for_function(DRAWN)


def test_points_of_every_tier_are_drawn(watched, address):
    drawn = pixels(opened(watched, address))
    assert all(drawn[tier] > 5 for tier in (*TIERS, "unrated")), drawn


def test_a_filter_changes_the_pixels_the_numbers_and_the_address(watched, address):
    frame = opened(watched, address)
    switched(watched, frame, ".st-key-filter-tier-low")
    drawn = pixels(frame)
    assert drawn["low"] == 0
    assert drawn["major"] > 0
    assert frame.evaluate("riskmap.view.tiers[0]") == 0
    assert "low" not in re.search(r"tiers=([^&]*)", watched.page.url)[1]
    again = map_frame(watched.page) if watched.page.reload() else None
    assert again is not None
    assert pixels(again)["low"] == 0
    assert not watched.page.locator(".st-key-filter-tier-low input").is_checked()


def test_a_filter_with_every_tier_off_shows_no_risk_and_leaves_what_is_none(watched, address):
    drawn = pixels(opened(watched, address, "?tiers=-"))
    assert sum(drawn[tier] for tier in (*TIERS, "unrated")) == 0
    assert sum(drawn.values()) > 5  # the shelters, whose layer is on
    assert sum(pixels(opened(watched, address, "?tiers=-&layers=risk_points,slopes")).values()) == 0


def test_the_legend_and_the_switches_say_the_same_numbers(watched, address):
    frame = opened(watched, address)
    legend = frame.locator(".rm-legend-tiers li").all_inner_texts()
    # The switches come after the points; each is drawn before its words are.
    watched.page.wait_for_function(
        "(n) => [...document.querySelectorAll('[class*=st-key-filter-tier-]')].filter((e) => /\\d/.test(e.innerText)).length >= n",
        arg=len(legend),
    )
    for tier, line in zip((*TIERS, "unrated"), legend, strict=True):
        switch = watched.page.locator(f".st-key-filter-tier-{tier}").inner_text()
        assert switch.split()[-1] == line.split()[-1]


def test_a_click_opens_the_card_of_the_point(watched, address):
    frame = opened(watched, address)
    watched.page.mouse.click(*place(frame, *LONELY["major"]))
    frame.wait_for_selector(CARD)
    assert frame.locator(CARD).inner_text() == "孤点major"
    assert "重大" in frame.locator(".rm-card-tier").inner_text()
    assert "138****1234" in frame.locator(".rm-card").inner_text()
    watched.page.keyboard.press("Escape")
    frame.wait_for_selector(CARD, state="detached")


def test_hostile_names_are_shown_as_text_wherever_a_name_appears(watched, address):
    frame = opened(watched, address, f"?at={STACK[1]},{STACK[0]},16")
    watched.page.mouse.click(*place(frame, *STACK))
    frame.wait_for_selector(".rm-list li")
    assert set(HOSTILE) <= set(frame.locator(".rm-list li span").all_inner_texts())
    for name in HOSTILE:
        frame.locator(".rm-list li button", has_text=name).first.click()
        frame.wait_for_selector(".rm-back")
        assert frame.locator(CARD).inner_text() == name
        frame.click(".rm-back")
        frame.wait_for_selector(".rm-list li")
    watched.page.keyboard.press("Escape")
    frame.fill(".rm-search-input", "<img")
    frame.wait_for_selector(".rm-found li small")
    assert frame.locator(".rm-found li span").first.inner_text() == HOSTILE[0]
    for where in (frame, watched.page.main_frame):
        assert where.evaluate("window.hacked") is None
        assert where.locator("img[onerror]").count() == 0


def test_search_flies_to_the_point_and_the_address_keeps_the_view(watched, address):
    frame = opened(watched, address)
    frame.fill(".rm-search-input", "rp-lone-large")
    frame.wait_for_selector(".rm-found li small")
    watched.page.keyboard.press("Enter")
    frame.wait_for_selector(CARD)
    assert frame.locator(CARD).inner_text() == "孤点large"
    center = frame.evaluate("[riskmap.map.getCenter().lng, riskmap.map.getCenter().lat]")
    assert center == pytest.approx(LONELY["large"], abs=0.004)
    frame.wait_for_function(ADDRESS_IS_VIEW)
    view = frame.evaluate("[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]")
    watched.page.reload()
    frame = map_frame(watched.page)
    again = frame.evaluate(
        "[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]"
    )
    assert again == pytest.approx(view, abs=1e-3)


def test_another_page_between_leaves_view_and_filter_as_they_were(watched, address):
    frame, page = opened(watched, address, f"?at={LONELY['low'][1]},{LONELY['low'][0]},16"), watched.page
    switched(watched, frame, ".st-key-filter-tier-large")
    frame.evaluate("riskmap.map.panBy([40, 0], {animate: false})")
    frame.locator("#map_div").press("ArrowUp")
    frame.wait_for_function(ADDRESS_IS_VIEW)
    view = frame.evaluate("[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]")
    page.locator("[data-testid='stTopNavLink']").nth(1).click()
    page.wait_for_url("**/inventory**")
    page.wait_for_selector(".st-key-filter-tier-low input:checked", state="attached")
    assert not page.locator(".st-key-filter-tier-large input").is_checked()
    page.locator("[data-testid='stTopNavLink']").nth(0).click()
    frame = map_frame(page)
    again = frame.evaluate(
        "[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]"
    )
    assert again == pytest.approx(view, abs=1e-3)
    assert not page.locator(".st-key-filter-tier-large input").is_checked()
    assert page.locator(".st-key-filter-tier-low input").is_checked()


def test_the_keyboard_moves_zooms_picks_and_closes(watched, address):
    frame = opened(watched, address, f"?at={LONELY['major'][1]},{LONELY['major'][0]},15")
    frame.focus("#map_div")
    watched.page.keyboard.press("Enter")
    frame.wait_for_selector(CARD)
    assert frame.locator(CARD).inner_text() == "孤点major"
    watched.page.keyboard.press("Escape")
    frame.wait_for_selector(CARD, state="detached")
    frame.wait_for_function("() => !riskmap.map._panAnim?._inProgress")  # Leaflet takes no key while it moves
    before = frame.evaluate("[riskmap.map.getCenter().lng, riskmap.map.getZoom()]")
    watched.page.keyboard.press("ArrowRight")
    frame.wait_for_function("(before) => riskmap.map.getCenter().lng > before", arg=before[0])
    watched.page.keyboard.press("+")
    frame.wait_for_function("(before) => riskmap.map.getZoom() > before", arg=before[1])


def test_a_drawn_polygon_selects_lists_and_exports(watched, address):
    frame, page = opened(watched, address), watched.page
    frame.click(".rm-tool[aria-pressed]")
    (west, north), (east, south) = place(frame, 114.106, 22.575), place(frame, 114.126, 22.567)
    for corner in ((west, north), (east, north), (east, south)):
        page.mouse.click(*corner)
    page.mouse.dblclick(west, south)
    page.wait_for_selector(".rm-tiers")
    assert page.locator(".rm-tiers .rm-total").inner_text() == "2"
    assert "重大 1" in page.locator(".rm-tiers").inner_text().replace("\n", " ")
    page.locator(".st-key-map-area-panel").get_by_text("孤点major").wait_for()
    with page.expect_download() as download:
        page.locator(".st-key-map-area-downloads").get_by_text("Excel").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.locator(".st-key-map-area-close button").click()
    page.wait_for_selector(".rm-tiers", state="detached")
    frame.wait_for_function("() => riskmap.view.polygon === null")


def test_escape_gives_a_drawing_up(watched, address):
    frame = opened(watched, address)
    frame.click(".rm-tool[aria-pressed]")
    watched.page.mouse.click(*place(frame, *LONELY["major"]))
    watched.page.keyboard.press("Escape")
    frame.wait_for_function("() => !riskmap.drawing")
    assert frame.locator(CARD).count() == 0
    assert watched.page.locator(".rm-tiers").count() == 0


def test_the_card_leads_to_the_page_of_the_point(watched, address):
    frame = opened(watched, address)
    watched.page.mouse.click(*place(frame, *LONELY["general"]))
    frame.wait_for_selector(".rm-open")
    frame.click(".rm-open")
    watched.page.wait_for_url("**/point?*layer=risk_points*")
    assert "code=RP-LONE-general" in watched.page.url


def test_a_grid_is_drawn_as_a_polygon_and_opens_its_card(watched, address):
    frame = opened(watched, address, "?at=22.536,114.108,15")
    frame.wait_for_function("() => riskmap.shapeFeatures.length === 4")
    watched.page.mouse.click(*place(frame, 114.1035, 22.536))
    frame.wait_for_selector(CARD)
    assert frame.locator(CARD).inner_text() == "网格0"


def test_english_leaves_no_chinese_in_the_frame_of_the_map(watched, address):
    frame = opened(watched, address, "?lang=en")
    chrome = [
        *watched.page.locator("[data-testid='stTopNavLink']").all_inner_texts(),
        *watched.page.locator(".st-key-filters [data-testid='stWidgetLabel']").all_inner_texts(),
        frame.locator(".rm-legend").inner_text(),
        frame.locator(".rm-search-input").get_attribute("placeholder"),
    ]
    assert not re.search(r"[\u4e00-\u9fff]", " ".join(chrome))


def test_chinese_leaves_no_english_in_the_frame_of_the_map(watched, address):
    frame = opened(watched, address)
    page = watched.page
    chrome = [
        *page.locator("[data-testid='stTopNavLink']").all_inner_texts(),
        *page.locator(".st-key-filters").all_inner_texts(),
        *page.locator(".st-key-filters input[placeholder]").evaluate_all(
            "all => all.map((one) => one.placeholder)"
        ),
        frame.locator("#map_div").inner_text(),
    ]
    words = set(re.findall(r"[A-Za-z]{2,}", " ".join(chrome))) - {"km"}
    assert not words
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_the_map_fills_the_window_on_a_tablet_and_a_tap_opens_a_card(browser, address):
    context = browser.new_context(
        viewport={"width": 768, "height": 1024}, has_touch=True, device_scale_factor=2
    )
    watched = Watched(context.new_page())
    frame = opened(watched, address)
    box = frame.frame_element().bounding_box()
    assert box["y"] + box["height"] == pytest.approx(1024, abs=2)
    assert frame.evaluate("Object.values(riskmap.points._tiles)[0].el.width") == 512
    watched.page.touchscreen.tap(*place(frame, *LONELY["major"]))
    frame.wait_for_selector(CARD)
    context.close()
    assert watched.outside() == []
    assert watched.complaints == []
