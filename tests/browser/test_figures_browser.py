"""Every number that a page shows is a figure, or of a kind that is listed here with the reason."""

from __future__ import annotations

import re

import pytest

import riskmap as library
from riskmap.actions.publishing import publish
from riskmap.actions.records.editing import edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor
from riskmap.texts import keys, t
from tests.cli import riskmap

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What may hold digits and is no figure: where it stands, what it reads, and why.
ALLOWED = (
    (".pager", "", "pages of a list; the number of its rows is a figure"),
    ("svg.marks", "", "axes of a chart, whose numbers stand in the table beside it"),
    (".leaflet-control-scale", "", "the scale bar"),
    ('[data-testid="stFileUploader"], [data-testid="stCaptionContainer"]', "MB", "how large a file may be"),
    ("thead th, svg text", "年度", "names of publications"),
    ("textarea", "", "what a person writes"),
)  # fmt: skip

# Text nodes with digits that no element with a figure, or with a field of one record, model or storm, holds.
LOOSE = """(allowed) => {
  const above = (node) => node.parentElement || node.getRootNode().host || node.ownerDocument?.defaultView?.frameElement;
  const any = (node, met) => { for (let at = node; at; at = above(at)) if (met(at)) return true; return false; };
  const figured = (at) => at.dataset?.figure || at.dataset?.field || [...(at.classList || [])].some((one) =>
    /^st-key-(figure--|field--|filter-(tier|layer)-)/.test(one)); // the filter's switches go by the ids of tiers and layers
  const found = [], walk = (root) => {
    const nodes = (root.ownerDocument || root).createTreeWalker(root, 5);
    for (let node = nodes.currentNode; node; node = nodes.nextNode()) {
      if (node.nodeType === 1) {
        if (node.shadowRoot) walk(node.shadowRoot);
        if (node.tagName === "IFRAME" && node.contentDocument?.documentElement) walk(node.contentDocument.documentElement);
        continue;
      }
      const holder = node.parentElement;
      if (!holder || ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE"].includes(holder.tagName)) continue;
      if (!/\\d/.test(node.data) || !holder.checkVisibility() || any(holder, figured)) continue;
      if (allowed.some(([where, reads]) => RegExp(reads).test(node.data.trim()) && any(holder, (at) => at.matches?.(where))))
        continue;
      found.push(node.data.trim());
    }
  };
  walk(document.body);
  return found;
}"""
# Every element with a figure: [text, id, period, as of, of which part].
MARKS = """() => {
  const found = [], walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) walk(node.shadowRoot);
      if (node.tagName === "IFRAME" && node.contentDocument) walk(node.contentDocument);
      const { figure, period, asOf, within } = node.dataset || {};
      if (figure) found.push([node.textContent.trim(), figure, period || "", asOf || "", within || ""]);
    }
  };
  walk(document);
  return found;
}"""
WORDS = {t(key, lang) for key in keys() for lang in ("zh", "en") if "{" not in t(key, "zh")}
DATES = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?")
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
    found = page.evaluate(LOOSE, [[where, reads] for where, reads, _ in ALLOWED])
    return [one for one in found if one not in WORDS and re.search(r"\d", DATES.sub("", one))]


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
    assert page.locator(".rm-said-list [data-figure]").count()


def untrue(page, home):
    """The marks on a page whose figure there is not, or whose number is not what the figure is told as."""
    district, wrong = library.open(home), []
    asked = {}
    for text, figure, period, as_of, within in page.evaluate(MARKS):
        asked.setdefault((period, as_of), []).append((text, figure, within))
    for (period, as_of), marks in asked.items():
        told = district.figures([one for _, one, _ in marks], period=period or None, as_of=as_of or None)
        wrong += [
            (text, figure, told[figure].text)
            for text, figure, within in marks
            if not within and told[figure].text not in text
        ]
    return wrong


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
