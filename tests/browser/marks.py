"""The numbers of a page in Chromium: which say what they are, and whether that is so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page

import riskmap as library
from riskmap.texts import keys, t

# Text nodes with digits that no element holds that says its figure, a part of one that is shown, or a field of one thing.
LOOSE = """(allowed) => {
  const above = (node) => node.parentElement || node.getRootNode().host || node.ownerDocument?.defaultView?.frameElement;
  const any = (node, met) => { for (let at = node; at; at = above(at)) if (met(at)) return true; return false; };
  const figured = (at) => at.dataset?.figure || at.dataset?.shown || at.dataset?.field || [...(at.classList || [])].some((one) =>
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


def loose_texts(page: Page, allowed: Sequence[tuple[str, str, str]] = ()) -> list[str]:
    """Return the texts with digits that say neither which figure they are nor are of a kind that is listed."""
    found = page.evaluate(LOOSE, [[where, reads] for where, reads, _ in allowed])
    return [one for one in found if one not in WORDS and re.search(r"\d", DATES.sub("", one))]


def untrue_marks(page: Page, home: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the marks on a page whose number is not what the figure is told as: text, figure, what is told."""
    district = library.open(home)
    asked: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for text, figure, period, as_of, within in page.evaluate(MARKS):
        if not within:
            asked.setdefault((period, as_of), []).append((text, figure))
    for (period, as_of), marks in asked.items():
        told = district.figures([one for _, one in marks], period=period or None, as_of=as_of or None)
        for text, figure in marks:
            if not re.search(rf"(?<![\d.,]){re.escape(told[figure].text)}(?!\d)", text):
                yield text, figure, told[figure].text
