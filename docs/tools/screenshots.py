"""Take the README's screenshots from the running app, on a demo workspace of its own.

    python docs/tools/screenshots.py [--out docs/images] [--all]

Needs Chromium and a CJK font (Debian: chromium, fonts-noto-cjk). `--all` adds English, 1920×1080 and tablet sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
_WORST_HOUR = """() => {
  const slider = document.querySelector("#rm-storm-slider"), counts = riskmap.storm.data.counts.map((c) => c[4] + c[3]);
  slider.value = counts.indexOf(Math.max(...counts)) - 6;
  slider.dispatchEvent(new Event("input"));
}"""
SIZES = {"1366": (1366, 768), "1920": (1920, 1080), "tablet": (1024, 768)}


_AT_REST = "!document.querySelector('[data-testid=stStatusWidget], [data-testid=stSpinner]')"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    ask.add_argument("--workspace", type=Path, help="an assessed workspace; default: a demo made for this")
    ask.add_argument("--all", action="store_true")
    args = ask.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = args.workspace or Path(folder) / "demo"
        if args.workspace is None:
            _riskmap("init", str(workspace), "--demo")
            _riskmap("assess", "--workspace", str(workspace))
            _riskmap("prepare", "--drill", "--made-storm", "--workspace", str(workspace))
        port = _free_port()
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "riskmap.cli",
                "serve",
                "--port",
                str(port),
                "--workspace",
                str(workspace),
            ],
            env={**os.environ, "RISKMAP_WORKSPACE": str(workspace)},
        )
        try:
            _wait_for(port)
            point = _worst_slope(workspace)
            _shoot(
                port, args.out, point, sizes=SIZES if args.all else {"1366": SIZES["1366"]}, every=args.all
            )
        finally:
            server.terminate()
            server.wait(timeout=20)


def _worst_slope(workspace: Path) -> str:
    words = ["select", "slopes", "--tier", "large", "--json", "--workspace", str(workspace)]
    ran = subprocess.run([sys.executable, "-m", "riskmap.cli", *words], check=True, capture_output=True)
    return urlencode({"layer": "slopes", "code": json.loads(ran.stdout)["features"][0]["code"]})


def _shoot(port: int, out: Path, point: str, *, sizes: dict[str, tuple[int, int]], every: bool) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    pages = {
        "map": "/",
        "inventory": "/inventory",
        "import": "/import",
        "overview": "/overview",
        "model": "/model?layer=slopes",
        "point": f"/point?{point}",
        "prepare": "/prepare?scenario=1",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for lang in ("zh", "en") if every else ("zh",):
            for size, (width, height) in sizes.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                for name, path in pages.items():
                    _open(page, f"http://127.0.0.1:{port}{path}", lang)
                    page.screenshot(path=out / f"{name}_{lang}_{size}.png")
                    print(f"{name}_{lang}_{size}.png", file=sys.stderr)
                page.close()
        browser.close()


def _open(page: Page, address: str, lang: str) -> None:
    page.goto(address + (("&" if "?" in address else "?") + "lang=en" if lang == "en" else ""))
    page.wait_for_selector(":is(h1, h2, h3, iframe)")
    page.wait_for_function(_AT_REST)  # never idle on the network: an open page asks what others have written
    time.sleep(4)  # tiles and charts are drawn after the last answer
    if "/prepare" in address:
        frame = page.wait_for_selector("iframe[src*='streamlit_folium']", state="attached")
        storm = frame.content_frame() if frame else page.main_frame
        storm.wait_for_function("window.riskmap?.storm?.raised?._data?.n > 0")
        storm.evaluate(_WORST_HOUR)
        time.sleep(1)


def _riskmap(*words: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "riskmap.cli", *words], check=False).returncode
    if ended > 1:  # 1 says that something is unknown or does not add up, and shows on the pages
        sys.exit(f"riskmap {words[0]} failed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit("the app did not start")


if __name__ == "__main__":
    main()
