"""The map of a selection as a file: a sheet of paper, one page that a browser opens by itself, or tiles."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from shapely.geometry.base import BaseGeometry

from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.records.editing import may_unmask, note_unmasked
from riskmap.actions.terrain.factors import shaded_relief
from riskmap.actions.workspace import Workspace
from riskmap.errors import ExportError, Lang, Text
from riskmap.interface import option
from riskmap.io.files.atomic import WrittenFile, together
from riskmap.io.files.leftovers import mark
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_drawing import Relief
from riskmap.reports.map_page import ENDING as PAGE
from riskmap.reports.map_page import MapPage, write_map_page
from riskmap.reports.map_sheet import ENDINGS as SHEETS
from riskmap.reports.map_sheet import MapSheet, Paper, write_map_sheet
from riskmap.reports.map_tiles import ENDING as TILES
from riskmap.reports.map_tiles import write_map_tiles
from riskmap.rules.permissions import Actor
from riskmap.selection import Selection
from riskmap.values.inventory import Inventory

SHADING: Final = Text("计算地形阴影", "shading the relief")


HANDING: Final = Text("放到指定位置", "putting the file in its place")


ENDINGS: Final = (*SHEETS, PAGE, TILES)


@dataclass(frozen=True, slots=True)
class Look:
    """How a sheet is drawn: `paper` as workspace.toml says where it is not given, `scale` by what must be seen.

    `grey` is for printers without colour, whose order of tiers it keeps.
    """

    paper: Paper | None = None
    scale: int | None = None
    grey: bool = False


PLAIN: Final = Look()


def write_map(
    ws: Workspace,
    selection: Selection,
    to: Path,
    *,
    as_of: date | None = None,
    look: Look = PLAIN,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> WrittenFile:
    """Write the map of the selected records in the format that the file's ending names; return what was written.

    .pdf and .png are a sheet of paper (`look`): a selection of sub-districts is drawn larger, the rest of the
    district veiled. .html is one file for a browser: map, list, filters and search, in both languages. .pmtiles
    are vector tiles for other maps, of the records that have a position.

    No contact and no field is in any of them; a page holds persons and free text in full where it is to be
    `unmasked`, which is recorded. ExportError for another ending, for a look or contacts that a format does not
    have, and where this machine has no Chinese letters; RiskmapError asks for the person and the reason of what
    is unmasked. Stopped by its `progress`, it raises Cancelled and nothing is written.
    """
    ending = _ending(to)
    _check(to, ending, look, unmasked=unmasked)
    if unmasked:
        may_unmask(selection.to_text(), by=by, why=why)
    collecting, shading, drawing, handing = progress.parts(3, 1, 6, 1)
    inventory = inventory_of(
        ws, selection, as_of=as_of, facts=unmasked, unmasked=unmasked, by=by, lang=lang, progress=collecting
    )
    with together():
        if ending == TILES:
            done = write_map_tiles(inventory, to, drawing)
        else:
            shading.step(0, 1, SHADING)
            relief, publisher = relief_of(ws), ws.config.sheet.publisher
            if ending == PAGE:
                done = write_map_page(MapPage(inventory, ws.places, relief, publisher), to, drawing)
            else:
                sheet = sheet_of(ws, selection, inventory, look, relief)
                done = write_map_sheet(sheet, to, drawing)
        handing.step(0, 1, HANDING)
        if unmasked:
            note_unmasked(ws, selection.to_text(), by=by, why=why)
    return replace(done, figures=inventory.printed)


def sheet_of(
    ws: Workspace, selection: Selection, inventory: Inventory, look: Look, relief: Relief | None
) -> MapSheet:
    """Return the sheet of a selection as the workspace prints it. WorkspaceError where its neighbours cannot be read."""
    return MapSheet(
        inventory,
        ws.places,
        selection.subdistricts,
        relief,
        publisher=ws.config.sheet.publisher,
        paper=look.paper or ws.config.sheet.paper,
        scale=look.scale,
        grey=look.grey,
        neighbours=_neighbours(ws),
    )


def _ending(to: Path) -> str:
    ending = to.suffix.lower()
    if ending not in ENDINGS:
        listed = " ".join(ENDINGS)
        raise ExportError(
            f"{to}：地图可写成 {listed}；请改文件名的结尾",
            f"{to}: a map is written as one of {listed}; change the ending of the file's name",
        )
    return ending


def _check(to: Path, ending: str, look: Look, *, unmasked: bool) -> None:
    """Refuse what the format of a file does not have, before anything is read."""
    if unmasked and ending != PAGE:
        raise ExportError(
            f"{to}：只有网页地图（{PAGE}）可以含联系人；请去掉 {option('contacts')}，或改文件名的结尾",
            f"{to}: only a page ({PAGE}) can hold contacts; leave {option('contacts', 'en')} out, or change the file's ending",
        )
    if look != PLAIN and ending not in SHEETS:
        sheets = " ".join(SHEETS)
        raise ExportError(
            f"{to}：纸张、比例尺和灰度只用于印刷的地图（{sheets}）；请去掉这些选项，或改文件名的结尾",
            f"{to}: paper, scale and greys are those of a printed map ({sheets}); leave them out, or change the ending",
        )


def relief_of(ws: Workspace) -> Relief | None:
    """Return the shaded relief of the workspace's terrain model, None without one."""
    relief = shaded_relief(ws)
    return None if relief is None else (relief.png, relief.bounds)


def _neighbours(ws: Workspace) -> dict[str, BaseGeometry]:
    """Return the districts around. WorkspaceError where the file that workspace.toml names cannot be used."""
    stated = ws.config.sheet.neighbours
    return read_boundaries(ws.path(stated), datum=ws.config.boundary_datum) if stated else {}


def content_of(write: Callable[[Path], WrittenFile], name: str) -> bytes:
    """Return what a map or an atlas writes into a file of this name: for a browser, which gets no path."""
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        return write(Path(folder) / name).path.read_bytes()
