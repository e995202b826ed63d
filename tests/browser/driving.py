"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Frame, Page, sync_playwright

from tests.waiting import PATIENCE_S, until
from tests.watching import asked, watched

# The lists below the address bar would start a process for each window, though nobody types there. Chromium
# heeds the last such list only, so of what Playwright switches off all that these tests may meet is named again.
UNWANTED = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AutofillServerCommunication",  # it asks Chromium's makers about every field of a page
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-features=" + ",".join(UNWANTED),
)
# Chromium says this of Streamlit's iframes; it is nothing of ours and no error.
HARMLESS = ("Unrecognized feature", "allow-scripts and allow-same-origin")


@contextmanager
def served(workspace: Path, *, log: Path) -> Iterator[str]:
    """Serve a workspace on a free port; yields its address. Fails where the server asked another machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "RISKMAP_WORKSPACE": str(workspace), "PYTHONUNBUFFERED": "1"}
    file = log.with_name(f"{log.name}-asked")
    code = watched(file, f"from riskmap.web.frame.app import run; run(port={port}, open_browser=False)")
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=out, stderr=out)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/_stcore/health", process, log)
            yield address
            assert asked(file) == [], "the server asked another machine"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(address, timeout=5):
            return True
        return False

    until(lambda: answers() or process.poll() is not None)
    if not answers():
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise AssertionError(f"the server did not start:\n{said}")


@contextmanager
def chromium_browser(executable: str) -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class People:
    """The persons at one browser: each keeps what was downloaded once and, from test to test, nothing else.

    A new context per test would fetch and compile the scripts of Streamlit again each time.
    """

    browser: Browser
    address: str
    options: dict[str, Any]
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, person: int = 0) -> Watched:
        """Return an empty tab of a person, who knows nothing of earlier tests."""
        while len(self.contexts) <= person:
            self.contexts.append(self.browser.new_context(**self.options))
        return Watched(self.contexts[person].new_page())

    def leave(self) -> None:
        """Close every tab and forget cookies and everything that the pages stored.

        Before, each goes to an empty page: one that still asks the server would ask as somebody without a cookie.
        """
        for context in self.contexts:
            for page in context.pages[1:]:
                page.close()
            for page in context.pages:
                page.goto("about:blank")  # or what it is still asking for would come without its cookie
                session = context.new_cdp_session(page)
                session.send("Storage.clearDataForOrigin", {"origin": self.address, "storageTypes": "all"})
                page.close()
            context.clear_cookies()

    def close(self) -> None:
        """Close the windows."""
        for context in self.contexts:
            context.close()


@dataclass
class Watched:
    """A page with everything it asked for and everything it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        self.page.on("pageerror", lambda problem: self.complaints.append(f"script error: {problem}"))
        self.page.on("console", self._console)
        self.page.on("response", self._response)

    def _console(self, message: Any) -> None:
        if message.type == "error" and not any(text in message.text for text in HARMLESS):
            self.complaints.append(f"console: {message.text}")

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def outside(self) -> list[str]:
        """Return the requests that left this machine."""
        own = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


def map_frame(page: Page) -> Frame:
    """Return the map's frame once its points are drawn."""
    return frame_where(page, DRAWN)


def frame_where(page: Page, holds: str) -> Frame:
    """Return the map's frame once this holds in it; a page that is drawn anew may bring another one."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for frame in page.frames:
            with suppress(Error):  # it went away while it was asked
                if "streamlit_folium" in frame.url and frame.evaluate(holds):
                    return frame
        page.wait_for_timeout(50)
    raise AssertionError(f"the page has no map where this holds: {holds}")


def drawn_up(page: Page) -> None:
    """Wait until Streamlit has run the page to its end and shows nothing of the run before."""
    page.wait_for_function(UP_TO_DATE)


UP_TO_DATE = """() => document.querySelector("[data-test-script-state=notRunning]")
  && !document.querySelector("[data-stale=true]")"""

DRAWN = """() => {
  const tiles = Object.values(window.riskmap?.points?._tiles || {}).filter((t) => t.current);
  return tiles.length > 0 && tiles.every((t) => t.el.points) && !riskmap.points._loading;
}"""

# Counts pixels of the canvases by the colours of the tiers: what is really drawn, not what was sent.
PIXELS = """() => {
  const wanted = Object.fromEntries(riskmap.config.ranks.map(({ id, colour }) => [parseInt(colour.slice(1), 16), id]));
  const found = Object.fromEntries(riskmap.config.ranks.map(({ id }) => [id, 0]));
  for (const { el, current } of Object.values(riskmap.points._tiles)) {
    if (!current) continue;
    const { data } = el.getContext("2d").getImageData(0, 0, el.width, el.height);
    for (let i = 0; i < data.length; i += 4) {
      const id = data[i + 3] === 255 && wanted[(data[i] << 16) | (data[i + 1] << 8) | data[i + 2]];
      if (id) found[id]++;
    }
  }
  return found;
}"""


def pixels(frame: Frame) -> dict[str, int]:
    """Return how many pixels of each tier's colour are on the map's canvases."""
    return frame.evaluate(PIXELS)


def place(frame: Frame, lon: float, lat: float) -> tuple[float, float]:
    """Return where on the page a position is drawn."""
    x, y = frame.evaluate(
        "([lon, lat]) => { const p = riskmap.map.latLngToContainerPoint([lat, lon]); return [p.x, p.y]; }",
        [lon, lat],
    )
    box = frame.frame_element().bounding_box()
    assert box is not None
    return box["x"] + x, box["y"] + y


def draw_area(page: Page, frame: Frame) -> None:
    """Draw round two of the lonely points, the major and the large one."""
    drawn_up(page)  # a map that is still being laid out moves under the pointer
    frame.click(".rm-tool[aria-pressed='false']")
    frame.wait_for_selector(".rm-drawing")
    (west, north), (east, south) = place(frame, 114.106, 22.575), place(frame, 114.126, 22.567)
    for corner in ((west, north), (east, north), (east, south)):
        page.mouse.click(*corner)
    page.mouse.dblclick(west, south)
    page.wait_for_selector(".rm-tiers")
