"""The files of a selection: every format that there is, and the map on paper, wherever records are listed."""

from __future__ import annotations

from datetime import date
from functools import partial

from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.io.writers import export_formats
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.state import as_of, lang, past_text, say, workspace
from riskmap.web.widgets.panels import show_downloads


def show_exports(key: str, selection: Selection, title: str) -> None:
    """Draw the buttons of a selection's files; `title` is what their names begin with, after the district's."""
    name = f"{workspace().config.district}-{title}"
    items = []
    for ending, one in export_formats().items():
        file = downloads.file_name(name, ending)
        href = downloads.address(downloads.Wanted(selection, ending, file, lang(), past_text()))
        items.append({"title": one.title, "href": href, "name": file, "help": one.help.text(lang())})
    show_downloads(key, [*items, _map_file(key, selection, name)])


def _map_file(key: str, selection: Selection, name: str) -> dict[str, str]:
    """Return the button of the map on paper; it is drawn when somebody takes it."""
    file = downloads.file_name(name, "pdf")
    make = partial(_map_drawn, workspace(), selection, lang(), as_of())
    href = downloads.offer(f"{key}-map {past_text()}", file, make)
    return {"title": say("inventory_map"), "href": href, "name": file, "help": say("inventory_map_help")}


def _map_drawn(ws: Workspace, selection: Selection, words: Lang, past: date | None) -> bytes:
    from riskmap.actions.inventory.map_paper import map_bytes

    return map_bytes(ws, selection, as_of=past, lang=words)
