"""The export buttons of a selection: each file is made in the background and downloaded when it is done."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from riskmap.actions.workspace import Workspace
from riskmap.io.writers import export_formats
from riskmap.io.writers.formats import ExportFormat
from riskmap.progress import Progress
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.running import File, Outcome
from riskmap.web.frame.state import lang, workspace
from riskmap.web.widgets.panels import show_downloads
from riskmap.web.widgets.running import hand_over


def show_exports(
    key: str,
    selection: Selection,
    title: str,
    formats: Iterable[ExportFormat],
    *,
    help_text: str = "",
    more: Sequence[Mapping[str, str]] = (),
) -> None:
    """Draw a button for each format, and `more` buttons of `show_downloads`; a click makes its file.

    Their addresses make the same file for whoever opens one in a new tab. `title` begins the names of the files.
    """
    wanted = {
        one.ending: downloads.Wanted(selection, one.ending, downloads.file_name(title, one.ending), lang())
        for one in formats
    }
    known = export_formats()
    items = [
        {
            "title": known[ending].title,
            "href": downloads.address(one),
            "name": one.filename,
            "help": help_text or known[ending].help.text(lang()),
            "act": ending,
        }
        for ending, one in wanted.items()
    ]
    asked = show_downloads(key, [*items, *more])
    if asked in wanted:
        hand_over("export", partial(_exported, workspace(), wanted[asked]), format=known[asked].title)


def _exported(ws: Workspace, wanted: downloads.Wanted, progress: Progress) -> Outcome:
    file = downloads.written(ws, wanted, progress=progress)
    until = time.monotonic() + downloads.SHORT_S
    gone = partial(shutil.rmtree, file.parent, ignore_errors=True)
    return Outcome(
        "running_export_done", file=File(downloads.sent_name(wanted, file), lambda: file, until, gone)
    )
