"""Every number that a page shows is a figure, or of a kind that is listed here with the reason."""

from __future__ import annotations

import re

import pytest

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
    ("td.code, th.code", "", "codes of records, digests, versions"),
    ("td.text", "", "names and free text of records and of model files"),
    ("tr.open", "", "the values of one record, which the row opens"),
    ("td.number", "^[0-9.,]+ → [0-9.,]+$", "the scores of one record before and after"),
    ("th.short, th.number, td.short, text", "年度", "names of publications"),
    (".pager", "", "pages of a list"),
    ("svg.marks", "", "axes of a chart, whose numbers stand in the table beside it"),
    (".leaflet-control-scale", "", "the scale bar"),
    ('[data-testid="stFileUploader"], [data-testid="stCaptionContainer"]', "MB", "how large a file may be"),
    ('[data-testid="stCaptionContainer"]', "指纹|模型评出", "versions and digests of models"),
    (".st-key-backlog-batches", "", "the log of imports: what one file held, none of it a number of the ledger"),
    ("p", "值班", "who is on duty at this minute, read from the roster"),
    ("p", "提醒|看看是哪", "what a form would send"),
    ("p", "备份", "within how many days a backup is due: a setting"),
    (".rm-model-name, .rm-model-source, .rm-facts, .rm-sub", "", "the words of a model file"),
)  # fmt: skip

# Text nodes with digits that no element with a figure holds: [text, where it stands that is allowed].
LOOSE = """(allowed) => {
  const above = (node) => node.parentElement || node.getRootNode().host || node.ownerDocument?.defaultView?.frameElement;
  const any = (node, met) => { for (let at = node; at; at = above(at)) if (met(at)) return true; return false; };
  const figured = (at) => at.dataset?.figure || [...(at.classList || [])].some((one) =>
    /^st-key-(figure--|filter-(tier|layer)-)/.test(one)); // the filter's switches go by the ids of tiers and layers
  const found = [], walk = (root) => {
    const nodes = (root.ownerDocument || root).createTreeWalker(root, 5);
    for (let node = nodes.currentNode; node; node = nodes.nextNode()) {
      if (node.nodeType === 1) {
        if (node.shadowRoot) walk(node.shadowRoot);
        if (node.tagName === "IFRAME" && node.contentDocument) walk(node.contentDocument.documentElement);
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
WORDS = {t(key, lang) for key in keys() for lang in ("zh", "en") if "{" not in t(key, "zh")}
DATES = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?")
PAGES = ("", "inventory", "inventory?layers=major_hazards", "work", "overview", "published", "import", "point", "model", "checking", "prepare")  # fmt: skip


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
    return home


def loose(page):
    """The texts with digits on a page that say neither which figure they are nor are of a kind that is listed."""
    found = page.evaluate(LOOSE, [[where, reads] for where, reads, _ in ALLOWED])
    return [one for one in found if one not in WORDS and re.search(r"\d", DATES.sub("", one))]


def arrive(page, address, name):
    page.goto(f"{address}/{name}")
    page.locator(".rm-head, .st-key-map-frame iframe").first.wait_for()
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
def test_every_number_of_a_page_is_a_figure(watched, address, name):
    arrive(watched.page, address, name)
    assert loose(watched.page) == []


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
