"""Run one page of the app without a browser, and read what it gives to the browser."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, app_test, local_script_runner
from streamlit.util import calc_hash

import riskmap.web
from riskmap.web.frame import state
from riskmap.web.frame.assets import first_pictures
from riskmap.web.widgets import running
from tests.waiting import PATIENCE_S

UI = Path(riskmap.web.__file__).parent
# A server compiles each page and looks through the installed packages once for all its sessions; so do the
# tests, whose runner would do the one at each run and the other at each page.
COMPILED = ScriptCache()
for module in (app_test, local_script_runner):
    module.ScriptCache = lambda: COMPILED


class _FramedPages(PagesManager):
    """As the server sets it: an address leads through the frame, not past it into a file of the folder."""

    def __init__(self, *given: Any, **more: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*given, **more)


app_test.PagesManager = _FramedPages
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def use_workspace(monkeypatch: Any, root: Path) -> None:
    """Make `root` the workspace of this process."""
    monkeypatch.setenv("RISKMAP_WORKSPACE", str(root))
    state.workspace.cache_clear()
    state.signer.cache_clear()
    # No browser tells that the map is painted: a page would wait for its word until its patience ends.
    monkeypatch.setattr(first_pictures, "wait", lambda _visit: None)
    # On a loaded machine a moment's work may take longer than a page waits for it before it shows a bar.
    monkeypatch.setattr(running, "QUICK_S", PATIENCE_S)


def open_page(name: str, **query: str) -> AppTest:
    """Return a page (by its id) as it looks at first."""
    at = AppTest.from_file(str(UI / "main.py"), default_timeout=PATIENCE_S)
    for key, value in query.items():
        at.query_params[key] = value
    # Streamlit knows a page by its address, the test driver by its file, and a page in a folder has another one.
    at._page_hash = calc_hash("" if name == "map" else name)
    at.run()
    assert not at.exception, at.exception
    return at


def panels(at: AppTest) -> dict[str, dict[str, Any]]:
    """Return our tables, figures and downloads by their keys."""
    found = {}
    for element in _walk(at._tree):
        if getattr(element, "type", "") == "bidi_component":
            key = element.proto.id.removeprefix("$$ID-").partition("-")[2]
            found[key] = json.loads(element.proto.json)
    return found


def panel(at: AppTest, key: str) -> dict[str, Any]:
    """Return one of our tables, figures or downloads."""
    return panels(at)[key]


def texts(data: dict[str, Any]) -> list[list[str]]:
    """Return the cells of a table as texts."""
    return [[cell["text"] for cell in row["cells"]] for row in data["rows"]]


def html(at: AppTest) -> str:
    """Return everything that goes to the browser as HTML."""
    return "\n".join(str(e.value) for e in _walk(at._tree) if getattr(e, "type", "") == "html")


def sentences(at: AppTest) -> str:
    """Return what a page says as HTML, as a person reads it."""
    return re.sub("<[^>]+>", "", re.sub("<(style|script).*?</\\1>", "", html(at), flags=re.DOTALL))


def faults(at: AppTest) -> str:
    """Return what the frame of a page says of files and values that cannot be used."""
    return "".join(re.findall("<details>.*</details>", html(at)))


def _walk(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        yield child
        yield from _walk(child)
