"""The map as a book (.pdf): the overview, a page for each sub-district and each bad risk, an index.

Its first page is the sheet (`map_sheet`); every other page is one too, of fewer records. One setting makes them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from riskmap.errors import ExportError, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_drawing import Bounds
from riskmap.reports.map_sheet import (
    AROUND_M,
    LISTED_MM,
    Facts,
    InBook,
    Key,
    MapSheet,
    Subject,
    furniture_of,
    may_print,
    named,
    page_of,
    pictures_of,
    symbols_of,
    typeset,
)
from riskmap.rules.arrays import pc
from riskmap.texts import t
from riskmap.values.inventory import Inventory, PrintedFigure
from riskmap.vocabulary import WEIGHT_OF

ENDING: Final = ".pdf"


_DRAWING: Final = Text("绘制图集", "drawing the atlas")


_SETTING: Final = Text("排版图集", "setting the atlas")


_COLUMNS: Final = {"A4": 3, "A3": 4}  # of the index


@dataclass(frozen=True, eq=False)
class Atlas:
    """A book of maps: `sheet` is its first page. `told`: what is said of each record that has a page of its own.

    `streets`: whether each sub-district has a page. Of what is told, a record without a position has no page: the
    index says so.
    """

    sheet: MapSheet
    streets: bool = True
    told: Mapping[Key, tuple[Facts, ...]] = field(default_factory=dict[Key, tuple[Facts, ...]])

    @cached_property
    def bound(self) -> tuple[list[MapSheet], list[dict[str, Any]]]:
        """Every sheet with its place in the book, and the pages of the index as the template reads them."""
        return _bound(self)

    @property
    def printed(self) -> tuple[PrintedFigure, ...]:
        """The figures of its overview and of its sub-districts' pages; what lies around a record has no address."""
        sheets, _ = self.bound
        return tuple(one for sheet in sheets if sheet.subject is None for one in sheet.inventory.printed)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record of the index: its row in the located records of the whole, the sub-district that it states."""

    row: int
    key: Key
    street: str


def write_atlas_pages(atlas: Atlas, path: Path, progress: Progress = UNWATCHED) -> WrittenFile:
    """Write an atlas into a .pdf file, whole or not at all.

    ExportError for another ending, and where this machine has no Chinese letters. Stopped by its `progress`,
    it raises Cancelled and nothing is written.
    """
    if path.suffix.lower() != ENDING:
        raise ExportError(
            f"{path}：图集写成 {ENDING}；请改文件名的结尾",
            f"{path}: an atlas is written as {ENDING}; change the ending of the file's name",
        )
    may_print(path)
    pages, files = drawn(atlas, progress)
    (body,) = typeset(pages, files, atlas.sheet.lang)
    progress.step(1, 1, _SETTING)
    with replacing(path) as (room,):
        room.write_bytes(body)
    return WrittenFile(path, "pdf", len(atlas.sheet.inventory), pages=len(pages), figures=atlas.printed)


def drawn(atlas: Atlas, progress: Progress = UNWATCHED) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Return the pages of an atlas as the template reads them, and its pictures by their names."""
    sheets, index = atlas.bound
    pages: list[dict[str, Any]] = []
    files = symbols_of(atlas.sheet)
    for i, sheet in enumerate(sheets):
        progress.step(i, 2 * len(sheets), _DRAWING)  # setting takes as long again
        pages.append(page_of(sheet))
        files |= pictures_of(sheet)
    progress.step(1, 2, _SETTING)
    return [*pages, *index], files


def _bound(atlas: Atlas) -> tuple[list[MapSheet], list[dict[str, Any]]]:
    first = replace(atlas.sheet, shared=atlas.sheet.land)
    entries = list(_entries(first))
    streets = _streets(first) if atlas.streets else []
    sheets = {name: _street(first, name) for name in streets}
    own = [one for one in entries if one.key in atlas.told and np.isfinite(first.located.x[one.row])]
    leads = {one.key: 2 + len(streets) + i for i, one in enumerate(own)}
    numbers = {
        sheet.key(row): (page, i + 1)
        for page, sheet in enumerate(sheets.values(), start=2)
        for i, row in enumerate(sheet.numbered)
    }
    # An index of what has no page but this one would say nothing.
    columns = _columns(first, entries, numbers, leads) if entries and (sheets or leads) else []
    at = 2 + len(streets) + len(own)
    per_page = _COLUMNS[first.paper]
    split = [columns[i : i + per_page] for i in range(0, len(columns), per_page)]
    of, begins = at - 1 + len(split), at if split else 0
    streetless = sum(table["subdistrict"].null_count for table in _tables(first.inventory)) if streets else 0
    notes = (t("atlas_streetless", first.lang, n=streetless),) if streetless else ()
    made = [replace(first, book=InBook(1, of, begins, leads, notes))]
    made += [
        replace(sheet, book=InBook(page, of, begins, leads))
        for page, sheet in enumerate(sheets.values(), start=2)
    ]
    made += [
        _point(first, one, atlas.told[one.key], InBook(leads[one.key], of, begins, leads)) for one in own
    ]
    return made, [
        _index_page(replace(first, book=InBook(at + i, of)), one, per_page, len(entries))
        for i, one in enumerate(split)
    ]


def _tables(inventory: Inventory) -> list[Any]:
    return [part.table for part in inventory.layers]


def _stated(inventory: Inventory) -> pa.ChunkedArray:
    """Return the sub-district that each record states, in the order of `MapSheet.located`."""
    columns = [table["subdistrict"].cast(pa.string()) for table in _tables(inventory)]
    return pa.chunked_array([chunk for one in columns for chunk in one.chunks], pa.string())


def _entries(sheet: MapSheet) -> Iterator[_Entry]:
    """Yield the large and major risks: by sub-district as the boundaries have them, the worst first."""
    found = sheet.located
    bad = np.flatnonzero(found.rank >= WEIGHT_OF["large"])
    stated = dict(zip(bad.tolist(), _stated(sheet.inventory).take(pa.array(bad)).to_pylist(), strict=True))
    order = {name: i for i, name in enumerate(_streets(sheet))}
    for row in sorted(
        stated, key=lambda row: (order.get(stated[row] or "", len(order)), -int(found.rank[row]))
    ):
        yield _Entry(row, sheet.key(row), stated[row] or "")


def _streets(sheet: MapSheet) -> list[str]:
    """Return the sub-districts that records state: in the order of the boundaries, then others by name."""
    stated = set(pc.unique(_stated(sheet.inventory)).to_pylist())
    known = [name for name in sheet.land.streets if name in stated]
    return known + sorted(name for name in stated if name and name not in sheet.land.streets)


def _street(first: MapSheet, name: str) -> MapSheet:
    """Return the page of a sub-district: its records and no others."""
    wanted = [
        pc.fill_null(pc.equal(table["subdistrict"].cast(pa.string()), name), fill_value=False).to_numpy()
        for table in _tables(first.inventory)
    ]
    return replace(first, inventory=first.inventory.only(wanted, name), focus=(name,), scale=None)


def _point(first: MapSheet, one: _Entry, facts: tuple[Facts, ...], book: InBook) -> MapSheet:
    """Return the page of a record: what lies around it, at least half a kilometre."""
    found = first.located
    x, y, layer = float(found.x[one.row]), float(found.y[one.row]), int(found.layer[one.row])
    bounds = _around(first, one, x, y)
    name = found.name[one.row] or ""
    subject = Subject(layer, int(found.rank[one.row]), x, y, bounds, name, one.key[1], facts)
    page = replace(first, focus=(), scale=None, subject=subject, book=book)
    west, south, east, north = page.frame.bounds()
    seen = (found.x >= west) & (found.x <= east) & (found.y >= south) & (found.y <= north)
    window = shapely.box(west, south, east, north)
    ends = np.cumsum([0, *(len(table) for table in _tables(first.inventory))])
    wanted: list[np.ndarray[Any, Any]] = []
    for i, outlines in enumerate(first.outlines):
        rows = seen[ends[i] : ends[i + 1]].copy()
        if outlines is not None:
            rows |= shapely.intersects(outlines, window)
        wanted.append(rows)
    return replace(page, inventory=page.inventory.only(wanted))


def _around(first: MapSheet, one: _Entry, x: float, y: float) -> Bounds:
    bounds = (x - AROUND_M, y - AROUND_M, x + AROUND_M, y + AROUND_M)
    layer = int(first.located.layer[one.row])
    outlines = first.outlines[layer]
    if outlines is None:
        return bounds
    row = one.row - int(np.searchsorted(first.located.layer, layer))
    west, south, east, north = shapely.union(outlines[row], shapely.box(*bounds)).bounds
    reach = max(east - x, x - west), max(north - y, y - south)  # the record stays in the middle
    return x - reach[0], y - reach[1], x + reach[0], y + reach[1]


def _columns(
    first: MapSheet,
    entries: Sequence[_Entry],
    numbers: Mapping[Key, tuple[int, int]],
    leads: Mapping[Key, int],
) -> list[list[dict[str, Any]]]:
    """Return the index cut into columns: a heading for each sub-district, never alone at a column's foot."""
    per_column, room = _index_room(first)
    columns: list[list[dict[str, Any]]] = [[]]
    street: str | None = None

    def put(row: dict[str, Any], *, with_next: bool) -> None:
        if len(columns[-1]) + with_next >= per_column:
            columns.append([])
        columns[-1].append(row)

    for one in entries:
        if one.street != street:
            street = one.street
            put({"head": street or t("atlas_no_street", first.lang)}, with_next=True)
        put(_index_row(first, one, room, numbers, leads), with_next=False)
    return columns


def _index_row(
    first: MapSheet,
    one: _Entry,
    room: float,
    numbers: Mapping[Key, tuple[int, int]],
    leads: Mapping[Key, int],
) -> dict[str, Any]:
    found, lang = first.located, first.lang
    page, n = numbers.get(one.key, (0, 0))
    known = bool(np.isfinite(found.x[one.row]))
    return {
        "head": "",
        "layer": int(found.layer[one.row]),
        "rank": int(found.rank[one.row]),
        "text": named(found.name[one.row], found.code[one.row], room),
        "on": t("atlas_on", lang, page=page, n=n) if page and known else "",
        "page": (str(leads[one.key]) if one.key in leads else "–" if known else t("atlas_unlocated", lang)),
    }


def _index_room(first: MapSheet) -> tuple[int, float]:
    """Return how many rows a column of the index holds, and how wide its texts may be, in mm."""
    room = furniture_of(first)["map"]
    columns = _COLUMNS[first.paper]
    wide = (room["w"] - 5.0 * (columns - 1)) / columns
    return int(room["h"] / LISTED_MM) - 1, wide - 35.0


def _index_page(
    first: MapSheet, columns: Sequence[Sequence[Mapping[str, Any]]], per_page: int, n: int
) -> dict[str, Any]:
    lang = first.lang
    return {
        **furniture_of(first),
        "kind": "index",
        "title": t("atlas_index", lang, district=first.inventory.district, n=n),
        "heads": [t("atlas_index_on", lang), t("atlas_index_page", lang)],
        "across": per_page,
        "columns": columns,
    }
