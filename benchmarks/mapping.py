"""The map as a file: how long it takes, how large it is, and how soon and smoothly a browser shows it."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
from pypdf import PdfReader

from benchmarks.browsing import launching
from benchmarks.measure import Line, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.inventory.atlas import Pages, write_atlas
from riskmap.actions.inventory.map_files import write_map
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.selection import Selection

VISITS = 5
_READY = "document.documentElement.dataset.ready === 'yes'"
# Notes how long each frame takes, in milliseconds, until it is told to stop.
_WATCH = """() => {
  window.frames_ = [];
  let before = performance.now();
  const frame = () => {
    const now = performance.now();
    frames_.push(now - before);
    before = now;
    if (!window.stopped) requestAnimationFrame(frame);
  };
  window.stopped = false;
  requestAnimationFrame(frame);
}"""
_FRAMES = "() => { window.stopped = true; return frames_; }"
_ZOOM = """async () => {
  const { map, points } = riskmap, start = performance.now();
  map.setZoom(map.getZoom() + 1, { animate: false });
  while (points._loading) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""
_FILTER = """async () => {
  const start = performance.now();
  document.querySelector('.mp-chip[data-key="0"]').click();
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def mapping(home: Path, _large: int) -> list[Line]:
    """The demo district as one file, as tiles, on a sheet, as a book."""
    ws = workspace(home, DISTRICT)
    current_snapshot(ws)
    out = home / "map"
    out.mkdir(exist_ok=True)
    lines: list[Line] = []
    for ending, most_s, most_mb in (("html", 1.5, 2.0), ("pmtiles", None, None), ("pdf", 2.0, None)):
        file = out / f"map.{ending}"
        took = spent(lambda file=file: write_map(ws, Selection(), file))
        n = f"{DISTRICT:,} points"
        lines += [
            Line(f"map.{ending} made, {n}", took.wall, "s", most_s, f"wall; {took}; the snapshot is there"),
            Line(f"… its size, {n}", file.stat().st_size / 1e6, "MB", most_mb),
        ]
    lines += _books(ws, out)
    with launching() as launch:
        if launch is not None:
            lines += _opened(launch, out / "map.html")
    return lines


def _books(ws: Workspace, out: Path) -> list[Line]:
    """The atlas in parts: overview alone, with the sub-districts, with the bad risks one by one."""
    kinds = (
        ("overview", Pages(streets=False, points=()), 2.0),
        ("overview and streets", Pages(points=()), 3.0),
        ("bad risks", Pages(streets=False), 5.0),
    )
    lines: list[Line] = []
    for name, pages, most in kinds:
        file = out / "atlas.pdf"
        took = spent(lambda pages=pages, file=file: write_atlas(ws, Selection(), file, pages=pages))
        n = len(PdfReader(file).pages)
        lines += [
            Line(
                f"atlas.pdf, {name}, {n} pages", took.wall, "s", most, f"wall; {took}; the snapshot is there"
            ),
            Line("… its size", file.stat().st_size / 1e6, "MB", None),
        ]
    return lines


def _opened(launch: Any, file: Path) -> list[Line]:
    ready, pans, zooms, filters = [], [], [], []
    for _ in range(VISITS + 1):
        browser = launch()
        page = browser.new_context(viewport={"width": 1366, "height": 768}, offline=True).new_page()
        page.goto(file.as_uri())
        while not page.evaluate(_READY):  # the page's policy lets no waiting function be evaluated in it
            page.wait_for_timeout(5)
        ready.append(page.evaluate("performance.now()") / 1000)
        filters.append(page.evaluate(_FILTER))
        page.evaluate(_FILTER)
        zooms.append(page.evaluate(_ZOOM))
        pans.append(_dragged(page))
        browser.close()
    frames = np.concatenate([np.array(one) for one in pans[1:]])
    note = f"median of {VISITS} cold visits"
    return [
        Line("map.html ready, from the disk", statistics.median(ready[1:]), "s", 1.5, note),
        Line(
            "… a frame while it is panned, median",
            float(np.median(frames)),
            "ms",
            None,
            "dragged for two seconds at zoom 13",
        ),
        Line("… 95th percentile", float(np.percentile(frames, 95)), "ms", 35),
        Line("… zoomed by one", statistics.median(zooms[1:]), "ms", None, note),
        Line("… a tier hidden", statistics.median(filters[1:]), "ms", None, note),
    ]


def _dragged(page: Any) -> list[float]:
    """Drag the map about with the mouse and return how long each frame took."""
    page.mouse.move(480, 400)
    page.evaluate("riskmap.map.setZoom(13, { animate: false })")
    page.wait_for_timeout(500)
    page.evaluate(_WATCH)
    page.mouse.down()
    for i in range(120):
        x, y = 480 + 6 * (i if i < 60 else 120 - i) - 180, 400 + 4 * (i % 40 - 20)
        page.mouse.move(x, y)
        page.wait_for_timeout(12)
    page.mouse.up()
    return page.evaluate(_FRAMES)
