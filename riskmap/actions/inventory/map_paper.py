"""The map of a selection on one sheet of paper."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Final

from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.terrain.factors import shaded_relief
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang, Text
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.files.leftovers import mark
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_sheet import MapSheet, Paper, write_map_sheet
from riskmap.rules.permissions import Actor
from riskmap.selection import Selection

_SHADING: Final = Text("计算地形阴影", "shading the relief")


def print_map(
    ws: Workspace,
    selection: Selection,
    to: Path,
    *,
    as_of: date | None = None,
    paper: Paper | None = None,
    scale: int | None = None,
    grey: bool = False,
    by: Actor | None = None,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> WrittenFile:
    """Draw the selected records as a .pdf or .png sheet and return what was written.

    A selection of sub-districts is drawn larger, the rest of the district veiled. `paper` (A4 or A3) comes
    from workspace.toml where it is not given, `scale` from what must be seen; `grey` is for printers without
    colour, whose order of tiers it keeps. No contact and no personal field is on the sheet. ExportError for
    another ending, and where this machine has no Chinese letters. Stopped by its `progress`, it raises
    Cancelled and nothing is written.
    """
    collecting, shading, drawing = progress.parts(3, 1, 6)
    inventory = inventory_of(ws, selection, as_of=as_of, by=by, lang=lang, progress=collecting)
    shading.step(0, 1, _SHADING)
    relief = shaded_relief(ws)
    sheet = MapSheet(
        inventory,
        ws.places,
        selection.subdistricts,
        None if relief is None else (relief.png, relief.bounds),
        publisher=ws.config.sheet.publisher,
        paper=paper or ws.config.sheet.paper,
        scale=scale,
        grey=grey,
    )
    return write_map_sheet(sheet, to, drawing)


def map_bytes(
    ws: Workspace,
    selection: Selection,
    *,
    as_of: date | None = None,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> bytes:
    """Return the sheet of a selection as a PDF."""
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        to = Path(folder) / "map.pdf"
        return print_map(ws, selection, to, as_of=as_of, lang=lang, progress=progress).path.read_bytes()
