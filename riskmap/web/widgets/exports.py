"""The files of a selection: every format that there is, and the map on paper, wherever records are listed.

Each is made in the background and downloaded when it is done; its address makes the same file in a new tab.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.io.writers import export_formats
from riskmap.progress import UNWATCHED, Progress
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.running import Act, File, Outcome
from riskmap.web.frame.state import as_of, lang, past_text, say, workspace
from riskmap.web.widgets.panels import show_downloads
from riskmap.web.widgets.running import hand_over

Button = tuple[dict[str, str], Act]  # what is drawn, and what a click on it makes


def show_exports(key: str, selection: Selection, title: str) -> None:
    """Draw the buttons of a selection's files; `title` is what their names begin with, after the district's."""
    name = f"{workspace().config.district}-{title}"
    buttons = [_export(selection, name, ending) for ending in export_formats()]
    buttons += [_map(key, selection, name, kind) for kind in _MAPS]
    asked = show_downloads(key, [item for item, _ in buttons])
    for item, make in buttons:
        if item["act"] == asked:
            hand_over("export", make, format=item["title"])


def _export(selection: Selection, name: str, ending: str) -> Button:
    one, file = export_formats()[ending], downloads.file_name(name, ending)
    wanted = downloads.Wanted(selection, ending, file, lang(), past_text())
    about, href = one.help.text(lang()), downloads.address(wanted)
    item = {"title": one.title, "href": href, "name": file, "help": about, "act": ending}
    return item, partial(_exported, workspace(), wanted)


def _exported(ws: Workspace, wanted: downloads.Wanted, progress: Progress) -> Outcome:
    file = downloads.written(ws, wanted, progress=progress)
    until = time.monotonic() + downloads.SHORT_S
    gone = partial(shutil.rmtree, file.parent, ignore_errors=True)
    return Outcome(
        "running_export_done", file=File(downloads.sent_name(wanted, file), lambda: file, until, gone)
    )


@dataclass(frozen=True, slots=True)
class _Map:
    """A map of a selection: the ending of its file, and the words of its button."""

    ending: str
    words: str


_MAPS: Final = {
    "map-pdf": _Map(".pdf", "inventory_map"),
    "atlas": _Map(".pdf", "inventory_atlas"),
    "map-html": _Map(".html", "inventory_map_page"),
}


def _map(key: str, selection: Selection, name: str, kind: str) -> Button:
    one = _MAPS[kind]
    title = f"{name}-{say('inventory_atlas_file')}" if kind == "atlas" else name
    file = downloads.file_name(title, one.ending.removeprefix("."))
    draw = partial(_drawn, workspace(), selection, kind, lang=lang(), as_of=as_of())
    about, href = say(f"{one.words}_help"), downloads.offer(f"{key}-{kind} {past_text()}", file, draw)
    item = {"title": say(one.words), "href": href, "name": file, "help": about, "act": kind}
    return item, partial(_map_made, file, draw)


def _map_made(file: str, draw: Callable[..., bytes], progress: Progress) -> Outcome:
    content, until = draw(progress=progress), time.monotonic() + downloads.SHORT_S
    return Outcome("running_export_done", file=File(file, lambda: content, until))


def _drawn(
    ws: Workspace,
    selection: Selection,
    kind: str,
    *,
    lang: Lang,
    as_of: date | None,
    progress: Progress = UNWATCHED,
) -> bytes:
    if kind == "atlas":
        from riskmap.actions.inventory.atlas import atlas_bytes

        return atlas_bytes(ws, selection, as_of=as_of, lang=lang, progress=progress)
    from riskmap.actions.inventory.map_files import map_bytes

    return map_bytes(ws, selection, _MAPS[kind].ending, as_of=as_of, lang=lang, progress=progress)
