"""Every number that a page shows is a figure, or of a kind that is listed here with the reason."""

from __future__ import annotations

import pytest

from riskmap.actions.publishing import publish
from riskmap.actions.records.editing import edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor
from riskmap.texts import t
from tests.cli import riskmap

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up
from tests.browser.marks import loose_texts, untrue_marks

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What may hold digits and is no figure: where it stands, what it reads, and why.
ALLOWED = (
    (".pager", "", "pages of a list; the number of its rows is a figure"),
    ("svg.marks", "", "axes of a chart, whose numbers stand in the table beside it"),
    (".leaflet-control-scale", "", "the scale bar"),
    ('[data-testid="stFileUploader"], [data-testid="stCaptionContainer"]', "MB", "how large a file may be"),
    ("thead th, svg text", "年度", "names of publications"),
    ("textarea", "", "what a person writes"),
    ("*", "^\\d+ options? available", "how long a list to choose from is, for a screen reader"),
)  # fmt: skip

PAGES = (
    *("", "inventory", "inventory?layers=major_hazards", "work", "overview", "published", "import", "point"),
    *(
        "point?layer=risk_points&code={point}",
        "point?layer=slopes&code={slope}",
        "model",
        "checking",
        "prepare",
    ),
    *("prepare?scenario=1", "prepare?scenario=2"),
)
TABS = ("calls", "move", "gaps", "log")
SAID = (
    "2024年，全区共排查安全风险点位300处，其中重大3处、较大2处，合计8处；整改率73.31%。风险点总数为42,336个。"
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A small demo district with its registers, published twice, with changes between."""
    home = tmp_path_factory.mktemp("figures") / "区"
    assert riskmap("init", home, "--demo", "--registers", "--points", 300, "--seed", 5).status == 0
    assert riskmap("assess", "--workspace", home).status == 0
    ws, by = open_workspace(home), local_actor("张三")
    despite = [one.id for one in publish(ws, "2024年度", by=by, why="试").blocking]
    passed = {"by": by, "why": "已列入计划", "despite": despite, "second": local_actor("李四")}
    if despite:
        publish(ws, "2024年度", **passed)
    table = current_snapshot(ws).table("risk_points").slice(0, 5)
    for code, version in zip(table["code"].to_pylist(), table["version"].to_pylist(), strict=True):
        edit_point(ws, "risk_points", code, seen=version, changes={"likelihood": 10.0}, by=by, why="核实")
    publish(ws, "2025年度", **passed)
    storm = ("--made-storm", "--drill", "--title", "演练"), ("--warning", "台风:橙", "--title", "研判")
    for words in storm:
        assert riskmap("prepare", "--workspace", home, *words, "--by", "张三", "--why", "试").status < 2
    return home


@pytest.fixture(scope="module")
def codes(workspace):
    """The codes of a risk point and of a slope that has a tier above low."""
    now = current_snapshot(open_workspace(workspace))
    return {
        name: now.table(layer).sort_by([("rank", "descending")])["code"][0].as_py()
        for name, layer in (("point", "risk_points"), ("slope", "slopes"))
    }


def loose(page):
    """The texts with digits on a page that say neither which figure they are nor are of a kind that is listed."""
    return loose_texts(page, ALLOWED)


def arrive(page, address, name):
    page.goto(f"{address}/{name}")
    page.locator(".rm-head, .rm-scenario, .st-key-map-frame iframe").first.wait_for()
    if name in SHOWN:
        (page if name else page.frame_locator("iframe").first).locator(
            f"[data-figure='{SHOWN[name]}']"
        ).first.wait_for()
    drawn_up(page)


SHOWN = {
    "": "points.tiers.low",
    "inventory": "points.tiers.low",
    "overview": "points.street_tier.演示青榕街道.low",
    "published": "records.layer",
}


@pytest.mark.parametrize("name", PAGES)
def test_every_number_of_a_page_is_a_figure_that_is_told_as_it_stands_there(
    watched, address, workspace, codes, name
):
    arrive(watched.page, address, name.format(**codes))
    assert loose(watched.page) == []
    assert untrue(watched.page, workspace) == []


def test_so_is_every_number_of_the_lists_of_a_scenario(watched, address, workspace):
    page = watched.page
    arrive(page, address, "prepare?scenario=2")
    for tab in TABS:
        page.locator(".st-key-prepare-tab button").get_by_text(
            t(f"prepare_tab_{tab}", "zh"), exact=True
        ).click()
        page.locator(TAB_OF[tab]).first.wait_for()
        drawn_up(page)
        assert loose(page) == []
        assert untrue(page, workspace) == []


TAB_OF = {
    "calls": ".st-key-prepare-calls",
    "move": ".st-key-prepare-move-run",
    "gaps": ".st-key-prepare-gaps",
    "log": ".st-key-prepare-entry-kind",
}


def test_what_is_found_in_a_report_says_which_figure_of_the_ledger_it_was_held_against(
    watched, address, workspace
):
    page = watched.page
    arrive(page, address, "checking")
    page.locator(".st-key-checking-text textarea").fill(SAID)
    page.locator(".stFormSubmitButton button").first.click()
    page.locator(".rm-said-list").wait_for()
    drawn_up(page)
    assert loose(page) == []
    assert untrue(page, workspace) == []
    said = page.locator(".rm-said-list span[data-figure]").all_inner_texts()
    assert said
    assert all("台账" in one for one in said), said


def untrue(page, home):
    """The marks on a page whose figure there is not, or whose number is not what the figure is told as."""
    return list(untrue_marks(page, home))


def test_a_number_that_is_none_is_found_on_the_page_in_our_tables_and_on_the_map(watched, address):
    page = watched.page
    arrive(page, address, "overview")
    page.evaluate("document.querySelector('.rm-head').insertAdjacentHTML('beforeend', '<p>1,234</p>')")
    page.locator("td.number [data-figure]").first.evaluate("(node) => delete node.dataset.figure")
    assert len(loose(page)) == 2
    arrive(page, address, "")
    page.frame_locator("iframe").first.locator("[data-figure]").first.evaluate(
        "(node) => delete node.dataset.figure"
    )
    assert len(loose(page)) == 1


def test_so_is_every_number_of_what_an_upload_would_do_and_of_what_it_did(
    watched, address, workspace, tmp_path
):
    table = current_snapshot(open_workspace(workspace)).table("risk_points")
    known = table.slice(10, 2).to_pylist()
    head = "编号,名称,所属街道,经度,纬度,可能性,暴露频率,后果\n"
    street = known[0]["subdistrict"]
    lines = [
        f"{one['code']},{one['name']},{street},{one['lon']:.6f},{one['lat']:.6f},10,6,15\n" for one in known
    ]
    lines += [
        f"YS-99-{i:05d},新点{i},{street},114.1{i},22.55,{likely},6,15\n" for i, likely in ((1, 6), (2, "高"))
    ]
    file = tmp_path / "更新.csv"
    file.write_text(head + "".join(lines), encoding="utf-8-sig")
    page = watched.page
    arrive(page, address, "import")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_label("坐标系", exact=True).click()
    page.get_by_role("option", name="CGCS2000（国家 2000，台账所用）").click()
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("✓ 4 = 接收 3 + 退回 1 + 非数据 0").wait_for()
    page.locator("[data-figure^='records.standing.risk_points.']").first.wait_for()
    drawn_up(page)
    assert loose(page) == []
    assert untrue(page, workspace) == []
    page.get_by_label("经办人", exact=True).first.fill("王五")
    page.get_by_label("原因", exact=True).first.fill("十一月更新")
    page.get_by_role("button", name="写入台账").click()
    page.get_by_text("已写入：新增 1，更新 2").wait_for()
    drawn_up(page)
    assert loose(page) == []
    assert untrue(page, workspace) == []
    page.locator(".st-key-backlog-part button").get_by_text("退回未改 1").click()
    page.get_by_role("button", name="改正", exact=True).first.wait_for()
    drawn_up(page)
    assert loose(page) == []
