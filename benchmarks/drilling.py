"""A drill in the browser: from the button of the form to the raised points on the map.

Each visit fills the form in a browser of its own, at the pace of a person who types name and reason, and
once more as no person could: the button a moment after the drill was chosen.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Final

from benchmarks.browsing import PATIENCE_MS, launching, page_of, server
from benchmarks.measure import Line
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.episode.ponding import warm

VISITS: Final = 5
LIMIT_S: Final = 2.0
_READY_MS: Final = 5_000
_TYPING_MS: Final = 3_000
# The frame after the one in which the raised points were drawn.
_WATCH: Final = """() => {
  const look = setInterval(() => {
    const raised = window.riskmap?.storm?.raised;
    if (!(raised?._data?.n > 0) || raised._drawn === undefined) return;
    clearInterval(look);
    const note = () => { window.noted.storm = performance.timeOrigin + performance.now(); };
    requestAnimationFrame(() => requestAnimationFrame(note));
  }, 8);
}"""


def drilling(home: Path, _large: int) -> list[Line]:
    """Run drills over the demo district on the page 临灾."""
    ws = workspace(home, DISTRICT)
    warm(ws.path(ws.config.dem))  # the first look of all compiles for 20 s and is kept beside the program
    lines = []
    with launching() as launch:
        if launch is None:
            return []
        with server(["-m", "riskmap.cli", "serve", "--workspace", str(ws.root), "--port"]) as (address, _):
            _visit(launch, address, _TYPING_MS)
            what = f"first picture of a drill after the button, {DISTRICT:,} points, form filled"
            paces = (
                (f"{what} at a person's pace", _TYPING_MS, LIMIT_S),
                ("… form filled at once", 0, None),
            )
            for title, typing, limit in paces:
                found = [_visit(launch, address, typing) for _ in range(VISITS)]
                lines.append(
                    Line(
                        title,
                        statistics.median(found),
                        "s",
                        limit,
                        f"{min(found):.2f} at best, {max(found):.2f} at worst of {VISITS}",
                    )
                )
    return lines


def _visit(launch: Any, address: str, typing_ms: float) -> float:
    """Return seconds from the click on the button to the picture."""
    with page_of(launch, f"{address}/prepare", "map") as (page, frame):
        page.wait_for_timeout(_READY_MS)
        form = page.locator("[class*='st-key-prepare-form'] details")
        form.wait_for(timeout=PATIENCE_MS)
        if form.get_attribute("open") is None:
            form.locator("summary").click()
        page.locator(".st-key-prepare-drill-on label").first.click()
        page.wait_for_timeout(typing_ms)
        for name, text in (("by", "值班员"), ("why", "演习")):
            page.locator(f".st-key-prepare-sign-{name} input").last.fill(text)
        frame.evaluate(_WATCH)
        page.locator(".st-key-prepare-run button").last.click()
        frame.wait_for_function("window.noted.storm", timeout=PATIENCE_MS, polling=20)
        return (frame.evaluate("window.noted.storm") - page.evaluate("window.noted.clicked")) / 1000
