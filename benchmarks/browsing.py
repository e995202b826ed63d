"""The map in a browser: first points, a filter change, and what the server holds in memory.

Headless Chromium with a profile of its own for every visit; our map and an empty st_folium map in
turns, so that what else the machine does meets both. Times are those of the page itself, from the
start of the navigation to the picture after the first canvas with a point on it.
"""

from __future__ import annotations

import contextlib
import gc
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import Line, say
from benchmarks.serving import change_a_record
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.workspace import Workspace

VISITS = 5
PATIENCE_MS = 90_000
SETTLED_MS = 1_500  # a browser that still starts up takes its own page's time from ours
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)

# Runs in every frame before its own scripts: notes when the first point is painted, when Leaflet's
# map is there, and how many canvases were painted last.
WATCH = """(() => {
  const now = () => performance.timeOrigin + performance.now();
  const after = (name) => requestAnimationFrame(() => requestAnimationFrame(() => { window.noted[name] ??= now(); }));
  window.noted = { painted: 0 };
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
    put.call(this, image, ...rest);
    window.noted.painted = now();
    if (!window.noted.points && new Uint32Array(image.data.buffer).some((pixel) => pixel)) after("points");
  };
  // An interval outlives the change from about:blank to the frame's own page; animation frames do not.
  const look = setInterval(() => {
    if (!document.querySelector(".leaflet-map-pane")) return;
    clearInterval(look);
    after("map");
  }, 8);
  addEventListener("click", () => { window.noted.clicked = now(); }, true);
})();"""
FRAME = "streamlit_folium"
NOTED = "(name) => window.noted?.[name]"
ALL_SHOWN = """(before) => riskmap.points._url !== before
  && Object.values(riskmap.points._tiles).every((t) => t.el.url === riskmap.points._url)"""


def browsing(home: Path, large: int) -> list[Line]:
    """Visit the map of a district and of a million points, and an empty map."""
    lines: list[Line] = []
    with launching() as launch:
        if launch is not None:
            for points, limit in ((DISTRICT, 1.0), (large, 1.5)):
                lines += _one_size(launch, workspace(home, points), points, limit)
    return lines


@contextlib.contextmanager
def launching() -> Iterator[Any]:
    """Yield what starts a browser, None where there is none to start."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        say("  no Chromium or no Playwright: the browser is not measured")
        yield None
        return
    with sync_playwright() as playwright:
        yield lambda: playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))


def _one_size(launch: Any, ws: Workspace, points: int, limit: float) -> list[Line]:
    gc.collect()
    served = ["-m", "riskmap.cli", "serve", "--workspace", str(ws.root), "--port"]
    with server(served) as (ours, process), server(["-m", "benchmarks.empty_map"]) as (empty, _):
        first = [(_visit(launch, empty, "map"), _visit(launch, ours, "points")) for _ in range(VISITS + 1)][
            1:
        ]
        reference, found = (statistics.median(times) for times in zip(*first, strict=True))
        changes = _filter_changes(launch, ours)
        memory = _memory(launch, ours, process, ws)
    lines = [
        Line(
            f"empty st_folium map, beside {points:,} points",
            reference,
            "s",
            None,
            f"median of {VISITS} cold visits",
        ),
        Line(
            f"first points on the map, {points:,}",
            found,
            "s",
            None,
            f"{min(b for _, b in first):.2f} at best",
        ),
        Line(f"… later than the empty map, {points:,}", found - reference, "s", limit),
        Line(
            f"filter change in the browser, {points:,}",
            statistics.median(changes),
            "s",
            1.0,
            f"click to the last canvas; {max(changes):.2f} at worst of {len(changes)}",
        ),
    ]
    lines.append(
        Line(
            f"server, {points:,} points, one session",
            memory["rss"],
            "MB",
            700 if points >= 1_000_000 else None,
            f"RSS with what is mapped from disk; its own (USS) {memory['uss']:.0f} MB",
        )
    )
    return lines


@contextlib.contextmanager
def server(arguments: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = subprocess.Popen([sys.executable, *arguments, str(port)], **quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + PATIENCE_MS / 1000
        while started.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                break
            time.sleep(0.2)
        yield address, psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(30)


@contextlib.contextmanager
def page_of(launch: Any, address: str, until: str) -> Iterator[tuple[Any, Any]]:
    """Open a page in a browser of its own; yields page and map frame once `until` is noted."""
    browser = launch()
    try:
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_init_script(WATCH)
        page = context.new_page()
        page.wait_for_timeout(SETTLED_MS)
        page.goto(address)
        element = page.wait_for_selector(f"iframe[src*='{FRAME}']", timeout=PATIENCE_MS, state="attached")
        frame = element.content_frame()
        frame.wait_for_function(NOTED, arg=until, timeout=PATIENCE_MS, polling=20)
        yield page, frame
    finally:
        browser.close()


def _visit(launch: Any, address: str, until: str) -> float:
    """Return seconds from the start of the navigation until something is seen."""
    with page_of(launch, address, until) as (page, frame):
        start = page.evaluate("performance.timeOrigin")
        return (frame.evaluate("(name) => window.noted[name]", until) - start) / 1000


def _filter_changes(launch: Any, address: str) -> list[float]:
    """Return seconds from a click on a switch until every canvas shows the new selection."""
    found = []
    with page_of(launch, address, "points") as (page, frame):
        page.wait_for_timeout(2000)
        for tier in ("low", "general", "low", "unrated", "general", "unrated"):
            before = frame.evaluate("riskmap.points._url")
            page.locator(f".st-key-filter-tier-{tier} label").click()
            frame.wait_for_function(ALL_SHOWN, arg=before, timeout=PATIENCE_MS)
            page.wait_for_timeout(200)
            painted, clicked = frame.evaluate("window.noted.painted"), page.evaluate("window.noted.clicked")
            found.append((painted - clicked) / 1000)
            page.wait_for_timeout(800)
    return found


def _memory(launch: Any, address: str, process: psutil.Process, ws: Workspace) -> dict[str, float]:
    """Use the app for a while, change a record, wait, and return what its process holds, in MB."""
    with page_of(launch, address, "points") as (page, frame):
        for zoom in (12, 14, 16, 13, 11):
            frame.evaluate("(zoom) => riskmap.map.setView([22.58, 114.13], zoom, { animate: false })", zoom)
            page.wait_for_timeout(700)
        for tier in ("low", "low"):
            page.locator(f".st-key-filter-tier-{tier} label").click()
            page.wait_for_timeout(1200)
        page.goto(f"{address}/?q=百货")
        page.wait_for_timeout(4000)
        page.goto(f"{address}/inventory")
        page.wait_for_timeout(6000)
        change_a_record(ws, 0)
        page.goto(address)
        page.wait_for_timeout(6000)
        held = process.memory_full_info()
    return {"rss": held.rss / 1e6, "uss": held.uss / 1e6}
