"""The map as one file in Chromium, opened from the disk with the network off: what is drawn, listed, found and said."""

from __future__ import annotations

import pytest

from riskmap.vocabulary import TIER_COLOURS
from tests import cli
from tests.browser.driving import Watched
from tests.browser.marks import loose_texts, untrue_marks
from tests.map_workspace import HOSTILE, LONELY, STREETS, UNLOCATED, make_workspace
from tests.waiting import until

ALL = 63  # 57 risk points, four grids and two shelters

DRAWN = "document.documentElement.dataset.ready === 'yes' && !riskmap.points._loading"
# What is really drawn: pixels of the canvases by colour.
PIXELS = """(wanted) => {
  const found = Object.fromEntries(wanted.map((colour) => [colour, 0]));
  for (const { el, current } of Object.values(riskmap.points._tiles)) {
    if (!current) continue;
    const { data } = el.getContext("2d").getImageData(0, 0, el.width, el.height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 250) continue;
      const colour = "#" + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, "0")).join("");
      if (colour in found) found[colour]++;
    }
  }
  return found;
}"""
LEGEND = """(which) => Object.fromEntries([...document.querySelectorAll(`.rm-legend-${which} li`)].map((row) =>
  [row.querySelector("span").textContent, Number(row.querySelector("b").textContent.replaceAll(",", ""))]))"""


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("onefile") / "ws")


@pytest.fixture(scope="module")
def file(ws, tmp_path_factory):
    made = tmp_path_factory.mktemp("stick") / "地图.html"
    assert cli.riskmap("map", "--to", made, "--workspace", ws.root).status == 0
    return made


@pytest.fixture(params=[(1366, 768), (820, 1180)], ids=["wide", "narrow"])
def size(request):
    return {"width": request.param[0], "height": request.param[1]}


@pytest.fixture
def opened(browser, file, size):
    """Open the file in a browser without a network; it asked for nothing and complained of nothing."""
    yield from opening(browser, file, size)


def opening(browser, file, size):
    context = browser.new_context(viewport=size, locale="zh-CN", offline=True)
    watched = Watched(context.new_page())
    watched.page.goto(file.as_uri())
    settled(watched.page, DRAWN)
    yield watched.page
    context.close()
    asked = [one for one in watched.requests if not one.startswith(("data:", "blob:"))]
    assert asked == [file.as_uri()]
    assert watched.complaints == []


@pytest.fixture
def page(browser, file):
    yield from opening(browser, file, {"width": 1366, "height": 768})


def settled(page, holds: str) -> None:
    """Wait until something holds; the page's policy lets no other waiting evaluate a text."""
    assert until(lambda: page.evaluate(holds)), holds


def shown(page) -> int:
    return page.evaluate("riskmap.shown.length")


def rows(page) -> list[str]:
    return page.locator(".mp-row > span:first-of-type").all_text_contents()


def test_the_legend_counts_the_selection(opened, ws):
    summary = cli.riskmap("summary", "--json", "--workspace", ws.root).json
    titles = {"重大": "major", "较大": "large", "一般": "general", "低": "low"}
    found = opened.evaluate(LEGEND, "tiers")
    assert found == {zh: summary["tiers"][tier] for zh, tier in titles.items()} | {"未评": summary["unrated"]}
    assert sum(found.values()) == ALL - 2  # the shelters have no tier
    assert sorted(opened.evaluate(LEGEND, "layers").values()) == [2, 4, 57]
    assert sum(opened.evaluate(LEGEND, "grades").values()) == 2
    assert f"另有 {UNLOCATED} 处无坐标" in opened.locator(".rm-legend-note").inner_text()


NO_FIGURES = ((".leaflet-control-scale", "", "the scale bar"),)
COUNTS = """(mark) => Object.fromEntries([...document.querySelectorAll(`.rm-legend [data-${mark}], [role=status][data-${mark}]`)]
  .filter((node) => !node.dataset.within)
  .map((node) => [node.dataset[mark], Number(/[\\d,]+/.exec(node.textContent)[0].replaceAll(",", ""))]))"""
TIERS = [f"points.tiers.{one}" for one in ("major", "large", "general", "low", "unrated")]


def test_every_number_in_the_file_is_a_figure_that_is_told_as_it_stands_there(opened, ws):
    opened.locator(".mp-row").first.click()
    assert loose_texts(opened, NO_FIGURES) == []
    assert list(untrue_marks(opened, ws.root)) == []
    found = opened.evaluate(COUNTS, "figure")
    assert {*TIERS, "records.layer", "records.layer.risk_points"} <= set(found)
    assert found["records.layer"] == ALL
    assert sum(found[one] for one in TIERS) == ALL - 2
    assert "layers=risk_points" in (
        opened.locator("[data-figure='records.layer.risk_points']").get_attribute("title")
    )


def test_after_a_choice_its_counts_are_of_what_is_shown_and_add_up(page):
    page.get_by_role("button", name="低", exact=True).click()
    page.get_by_label("街道").select_option(label=STREETS[1])
    assert loose_texts(page, NO_FIGURES) == []
    assert page.evaluate(COUNTS, "figure") == {}
    found = page.evaluate(COUNTS, "shown")
    assert found["points.tiers.low"] == 0
    layers = [one for one in found if one.startswith("records.layer.")]
    assert sum(found[one] for one in layers) == found["records.layer"] == shown(page) < ALL
    assert "筛选后显示的" in page.locator("[data-shown='points.tiers.low']").get_attribute("title")
    page.get_by_role("button", name="恢复全部").click()
    assert page.evaluate(COUNTS, "shown") == {}
    assert page.evaluate(COUNTS, "figure")["records.layer"] == ALL


def test_every_tier_is_on_the_map_that_is_seen_first(opened):
    found = opened.evaluate(PIXELS, [TIER_COLOURS[tier] for tier in LONELY])
    assert all(found[TIER_COLOURS[tier]] > 5 for tier in LONELY), found


def test_each_tier_is_drawn_in_its_colour_where_its_record_is(page):
    wanted = TIER_COLOURS
    for tier, (lon, lat) in LONELY.items():
        page.evaluate("([lon, lat]) => riskmap.map.setView([lat, lon], 16, { animate: false })", [lon, lat])
        settled(page, DRAWN)
        found = page.evaluate(PIXELS, list(wanted.values()))
        assert found[wanted[tier]] > 20, tier


def test_the_worst_is_listed_first_and_only_what_is_in_view_is_made(page):
    tiers = page.locator(".mp-row .rm-tier").all_text_contents()
    order = ["重大", "较大", "一般", "未评", "低"]
    assert tiers[0] == "重大"
    assert [order.index(tier) for tier in tiers] == sorted(order.index(tier) for tier in tiers)
    assert "孤点major" in rows(page)
    made = page.locator(".mp-row").count()
    assert made < ALL
    page.evaluate("document.querySelector('.mp-list').scrollTop = 1e6")
    settled(page, "[...document.querySelectorAll('.mp-row')].at(-1).getAttribute('aria-posinset') === '63'")
    assert page.locator(".mp-row").count() <= made + 8


def test_words_are_found_in_name_and_code(page):
    page.get_by_label("查找").fill("普通点 crowd-1")
    settled(page, "riskmap.shown.length === 10")
    assert page.locator(".mp-count span").inner_text() == "符合 10 处，共 63 处"
    page.get_by_label("查找").fill("没有这个名字")
    settled(page, "riskmap.shown.length === 0")
    assert "没有符合条件的记录" in page.locator(".mp-note").inner_text()
    assert "没有符合条件的记录" in page.locator(".rm-nothing").inner_text()
    page.locator(".rm-nothing button").click()
    assert shown(page) == ALL


def test_tiers_layers_and_streets_filter_map_list_and_legend(page):
    low = page.evaluate(LEGEND, "tiers")["低"]
    page.get_by_role("button", name="低", exact=True).click()
    assert shown(page) == ALL - low < ALL
    assert page.evaluate(LEGEND, "tiers")["低"] == 0
    page.get_by_role("button", name="恢复全部").click()
    page.get_by_role("button", name="应急避难场所", exact=True).click()
    assert shown(page) == ALL - 2
    page.get_by_label("街道").select_option(label=STREETS[1])
    here = page.evaluate("Array.from(riskmap.shown).every((i) => riskmap.rows.street[i] === 1)")
    assert here
    assert 0 < shown(page) < ALL - 2
    page.get_by_role("button", name="恢复全部").click()
    assert shown(page) == ALL


def test_a_click_on_a_symbol_says_what_it_is(page):
    lon, lat = LONELY["large"]
    page.evaluate("([lon, lat]) => riskmap.map.setView([lat, lon], 15, { animate: false })", [lon, lat])
    x, y = page.evaluate("([lon, lat]) => { const p = riskmap.map.latLngToContainerPoint([lat, lon]), b = riskmap.map.getContainer().getBoundingClientRect(); return [b.left + p.x, b.top + p.y]; }", [lon, lat])  # fmt: skip
    page.mouse.click(x + 3, y)
    card = page.locator(".mp-card")
    assert card.locator("h2").inner_text() == "孤点large"
    words = card.inner_text()
    assert "RP-LONE-large" in words
    assert "较大" in words
    assert STREETS[0] in words
    page.locator(".mp-close").click()
    assert card.is_hidden()


def test_a_click_inside_a_polygon_finds_it(page):
    page.evaluate("riskmap.map.setView([22.534, 114.1035], 16, { animate: false })")
    x, y = page.evaluate("(() => { const p = riskmap.map.latLngToContainerPoint([22.5335, 114.1025]), b = riskmap.map.getContainer().getBoundingClientRect(); return [b.left + p.x, b.top + p.y]; })()")  # fmt: skip
    page.mouse.click(x, y)
    assert page.locator(".mp-card h2").inner_text() == "网格0"


def test_hostile_names_are_letters(page):
    page.get_by_label("查找").fill("RP-EVIL")
    settled(page, "riskmap.shown.length === 8")
    assert sorted(rows(page)) == sorted(HOSTILE)
    for i in range(len(HOSTILE)):
        page.locator(".mp-row").nth(i).click()
        assert page.locator(".mp-card h2").inner_text().strip() in HOSTILE
    assert page.evaluate("window.hacked === undefined")
    assert page.locator("img[src=x]").count() == 0


def test_everything_is_reached_by_keys(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "mp-skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "records"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.locator(".mp-row[aria-selected=true]").get_attribute("aria-posinset") == "2"
    page.keyboard.press("End")
    page.wait_for_selector(".mp-row[aria-selected=true][aria-posinset='63']")
    page.get_by_label("查找").fill("孤点major")
    settled(page, "riskmap.shown.length === 1")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "records"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator(".mp-card h2").inner_text() == "孤点major"
    lon = LONELY["major"][0]
    settled(page, f"Math.abs(riskmap.map.getCenter().lng - {lon}) < 1e-3 && riskmap.map.getZoom() >= 16")
    page.keyboard.press("Escape")
    assert page.locator(".mp-card").is_hidden()
    assert page.evaluate("document.activeElement.id") == "records"


def test_a_record_without_a_position_is_listed_and_says_so(page):
    page.get_by_label("查找").fill("无坐标")
    settled(page, f"riskmap.shown.length === {UNLOCATED}")
    assert "都没有坐标" in page.locator(".rm-nothing").inner_text()
    page.locator(".mp-row").first.click()
    assert "无坐标，图上没有" in page.locator(".mp-card").inner_text()


def test_the_language_changes_every_word(opened):
    opened.get_by_role("button", name="English").click()
    words = opened.locator("body").inner_text()
    assert "Legend" in words
    assert "63 records" in words
    assert opened.title().startswith("Risk points")
    assert opened.evaluate("document.documentElement.lang") == "en"
    assert {"Major", "Large", "General", "Low", "Unrated"} == set(opened.evaluate(LEGEND, "tiers"))
    for word in ("图例", "图层", "等级", "恢复全部", "审图号"):
        assert word not in words, word
    opened.get_by_role("button", name="中文").click()
    assert "图例" in opened.locator("body").inner_text()


def test_the_table_shows_the_columns_and_leads_back_to_the_map(opened):
    opened.get_by_role("button", name="表格").click()
    assert opened.locator(".mp-map").is_hidden()
    first = opened.locator(".mp-row").first
    worst = opened.evaluate("riskmap.shown.at(-1)")
    name, code = opened.evaluate("(i) => [riskmap.rows.name[i], riskmap.rows.code[i]]", worst)
    assert first.locator(".mp-cell").first.inner_text() == code
    assert opened.locator(".mp-columns").inner_text().split() == ["等级", "名称", "编号", "图层", "街道"]
    first.click()
    assert opened.locator(".mp-map").is_visible()
    assert opened.locator(".mp-card h2").inner_text() == name


def test_an_old_browser_is_told_which_one_is_needed(browser, file):
    context = browser.new_context(offline=True)
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#needs").is_visible()
    words = page.locator("#needs").inner_text()
    assert "Chrome 87" in words
    assert "请换用" in words
    context.close()


def test_a_file_of_nothing_says_so(browser, ws, tmp_path):
    empty = tmp_path / "空.html"
    assert cli.riskmap("map", "--where", "name ~ 没有这个", "--to", empty, "--workspace", ws.root).status == 0
    for page in opening(browser, empty, {"width": 1366, "height": 768}):
        assert "这份文件里没有记录" in page.locator(".rm-nothing").inner_text()
        assert "这份文件里没有记录" in page.locator(".mp-note").inner_text()
