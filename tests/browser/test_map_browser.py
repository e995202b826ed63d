from __future__ import annotations

import re

import pytest

from riskmap.vocabulary import TIERS
from tests.map_workspace import HOSTILE, LONELY, STACK, STREETS

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import DRAWN, Watched, draw_area, map_frame, pixels, place

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CARD = ".rm-card h2"
# The card moves the map once more to make room for itself; then the address says where it stands.
ADDRESS_IS_VIEW = """() => {
  const at = new URLSearchParams(parent.location.search).get("at")?.split(",").map(Number);
  const center = riskmap.map.getCenter();
  return at && Math.abs(at[0] - center.lat) < 1e-5 && Math.abs(at[1] - center.lng) < 1e-5 && !riskmap.map._panAnim?._inProgress;
}"""


def opened(watched, address, query=""):
    watched.page.goto(f"{address}/{query}")
    frame = map_frame(watched.page)
    watched.page.wait_for_selector(".st-key-filter-text")  # the switches come after the points
    return frame


def shown(frame, before):
    """Wait until the map shows another selection than before."""
    frame.wait_for_function(
        """(before) => riskmap.view.tiles !== before && riskmap.points._url === riskmap.view.tiles
          && Object.values(riskmap.points._tiles).every((t) => t.el.url === riskmap.points._url)""",
        arg=before,
    )
    frame.wait_for_function(DRAWN)


def switched(watched, frame, selector):
    """Click a switch of the filter and wait until the map shows what it says."""
    before = frame.evaluate("riskmap.view.tiles")
    watched.page.locator(f"{selector} label").click()
    shown(frame, before)


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


# What lies over an element, looked at in a grid of places: nothing but its own parts may.
OVER = """(selector) => {
  const one = document.querySelector(selector), { left, top, width, height } = one.getBoundingClientRect();
  const found = new Set();
  for (let i = 1; i < 20; i++) for (let j = 1; j < 40; j++) {
    const hit = document.elementFromPoint(left + (width * i) / 20, top + (height * j) / 40);
    if (hit && !one.contains(hit)) found.add(hit.className || hit.tagName);
  }
  return [...found];
}"""
FOCUSED = "() => document.activeElement?.id || document.activeElement?.className"


def test_what_the_search_finds_lies_above_all_worst_first_and_goes_by_keyboard(watched, address):
    watched.page.set_viewport_size({"width": 1024, "height": 600})
    frame, page = opened(watched, address), watched.page
    page.mouse.click(*place(frame, *LONELY["low"]))
    frame.wait_for_selector(CARD)
    frame.fill(".rm-search-input", "点")
    frame.wait_for_selector(".rm-found .rm-none")  # there are more than the list holds
    assert frame.evaluate(OVER, ".rm-found") == []
    tiers = frame.locator(".rm-found li b").all_inner_texts()
    assert tiers[:4] == ["重大", "较大", "一般", "一般"]
    assert tiers[-1] == "低"
    assert "最严重的在前" in frame.locator(".rm-search [role=status]").text_content()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert frame.locator(".rm-search-input").get_attribute("aria-activedescendant") == "rm-found-1"
    page.keyboard.press("Escape")
    frame.wait_for_selector(".rm-found", state="hidden")
    assert frame.evaluate(FOCUSED) == "rm-search-input"
    frame.locator(".rm-search-input").press_sequentially("large")
    page.keyboard.press("Enter")  # before the answer: it is waited for
    frame.locator(CARD, has_text="孤点large").wait_for()


def test_a_street_is_shown_alone_and_without_it_the_map_goes_back(watched, address):
    frame, page = opened(watched, address, f"?at={LONELY['low'][1]},{LONELY['low'][0]},15"), watched.page
    frame.wait_for_function("() => riskmap.places?.length === 2")
    view = frame.evaluate("[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]")
    page.locator(".st-key-filter-sub input").click()
    page.get_by_role("option", name=STREETS[0]).click()
    page.keyboard.press("Escape")
    frame.wait_for_function(
        """() => { const [{ layer }] = riskmap.places; return riskmap.map.getBounds().contains(layer.getBounds())
          && riskmap.map.getBoundsZoom(layer.getBounds()) - riskmap.map.getZoom() < 1; }"""
    )
    assert frame.evaluate("riskmap.places.map(({ layer }) => layer.options.weight > 3)") == [True, False]
    assert frame.locator(".rm-place.rm-pale").all_inner_texts() == [STREETS[1]]
    page.locator(".st-key-filter-reset button").click()
    frame.wait_for_function("() => riskmap.view.streets.length === 0")
    back = frame.evaluate("[riskmap.map.getCenter().lat, riskmap.map.getCenter().lng, riskmap.map.getZoom()]")
    assert back == pytest.approx(view, abs=1e-4)
    assert frame.locator(".rm-place.rm-pale").count() == 0


def test_an_empty_selection_names_its_filters_and_one_click_takes_them_away(watched, address):
    frame = opened(watched, address, "?q=zzz<b>&tiers=major,large")
    frame.wait_for_selector(".rm-nothing button")
    told = frame.locator(".rm-nothing").inner_text()
    assert all(word in told for word in ("没有符合筛选", "重大、较大", "zzz<b>"))
    before = frame.evaluate("riskmap.view.tiles")
    frame.click(".rm-nothing button")
    frame.wait_for_selector(".rm-nothing", state="hidden")
    shown(frame, before)
    assert all(pixels(frame)[tier] > 5 for tier in (*TIERS, "unrated"))
    watched.page.wait_for_function("() => !location.search.includes('q=')")
    frame.evaluate("riskmap.map.setView([22.61, 114.30], 15, {animate: false})")
    frame.locator(".rm-nothing", has_text="当前画面内没有").wait_for()
    assert (
        opened(watched, address, "?flags=unlocated")
        .locator(".rm-nothing")
        .inner_text()
        .startswith("符合筛选的 2 处")
    )


def test_the_map_fits_a_pane_that_changes_its_size(watched, address):
    frame, page = opened(watched, address), watched.page
    filled = """() => {
      const { x, y } = riskmap.map.getSize(), { innerWidth, innerHeight } = window;
      const tiles = Object.values(riskmap.points._tiles).map(({ el }) => el.getBoundingClientRect());
      const drawn = (px, py) => tiles.some((t) => t.left <= px && px <= t.right && t.top <= py && py <= t.bottom);
      return x === innerWidth && y === innerHeight && frameElement.getBoundingClientRect().right === parent.innerWidth
        && [0.5, innerWidth / 2, innerWidth - 1].every((px) => [0.5, innerHeight / 2, innerHeight - 1].every((py) => drawn(px, py)));
    }"""
    frame.wait_for_function(filled)
    narrow = frame.evaluate("innerWidth")
    page.locator("[data-testid=stSidebar]").hover()
    page.locator("[data-testid=stSidebarCollapseButton] button").click()
    frame.wait_for_function("(narrow) => innerWidth > narrow", arg=narrow)
    frame.wait_for_function(filled)
    devtools = page.context.new_cdp_session(page)
    for width, height, ratio in ((1920, 1080, 1), (1024, 600, 2)):
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
        devtools.send("Emulation.setDeviceMetricsOverride", size)
        frame.wait_for_function(filled)
        frame.wait_for_function(DRAWN)
        assert frame.evaluate("Object.values(riskmap.points._tiles)[0].el.width") == 256 * ratio
    assert all(pixels(frame)[tier] > 5 for tier in (*TIERS, "unrated"))


def comes_to_rest(frame, selector, top, bottom):
    """Wait until the map has moved a card to where it is seen whole, at the most ten seconds."""
    for _ in range(50):
        box = frame.locator(selector).bounding_box()
        if box["y"] >= top and box["y"] + box["height"] <= bottom:
            return
        frame.wait_for_timeout(200)


def test_the_cross_of_a_card_is_clear_of_its_scrollbar(watched, address):
    watched.page.set_viewport_size({"width": 1024, "height": 600})
    frame = opened(watched, address)
    watched.page.mouse.click(*place(frame, *LONELY["major"]))
    frame.wait_for_selector(CARD)
    comes_to_rest(frame, ".rm-card", 52, 600)
    cross, body, card = (
        frame.locator(one).bounding_box()
        for one in (".leaflet-popup-close-button", ".rm-card-body", ".rm-card")
    )
    assert frame.evaluate("(e => e.scrollHeight > e.clientHeight)(document.querySelector('.rm-card-body'))")
    assert frame.evaluate("(e => e.scrollHeight <= e.clientHeight)(document.querySelector('.rm-card'))")
    assert cross["y"] + cross["height"] <= body["y"]
    assert card["y"] >= 52
    assert card["y"] + card["height"] <= 600
    frame.click(".leaflet-popup-close-button")
    frame.wait_for_selector(CARD, state="detached")


def test_tab_skips_to_the_map_and_keys_step_through_its_symbols_worst_first(watched, address):
    frame, page = opened(watched, address), watched.page
    frame.wait_for_function("() => riskmap.shapeFeatures.length === 4")
    elements = frame.evaluate("document.querySelectorAll('*').length")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "rm-skip"
    page.keyboard.press("Enter")
    assert frame.evaluate(FOCUSED) == "map_div"
    frame.wait_for_selector(".rm-keys", state="visible")
    live = frame.locator(".rm-live")
    for key, said in (
        ("n", "重大：孤点major"),
        ("n", "重大：网格0"),
        ("n", "较大："),
        ("p", "重大：网格0"),
        ("p", "重大：孤点major"),
    ):
        page.keyboard.press(key)
        live.filter(has_text=said).wait_for()
        assert frame.locator(".rm-step").count() == 1
    assert frame.evaluate("document.querySelectorAll('*').length") < elements + 10
    page.keyboard.press("Enter")
    frame.wait_for_selector(CARD)
    assert frame.locator(CARD).inner_text() == "孤点major"
    page.keyboard.press("Escape")
    frame.wait_for_selector(CARD, state="detached")
    assert frame.evaluate(FOCUSED) == "map_div"
    page.keyboard.press("n")  # goes on from where it was
    live.filter(has_text="第 2 /").wait_for()


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
    draw_area(page, frame)
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
