"""What one selection lets through, worked out once per snapshot and shared by its tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely

from riskmap.array_types import Bools
from riskmap.catalog.model import Condition
from riskmap.errors import SelectionError, Text
from riskmap.rules.arrays import array_of, bools_of, fold_text, numbers_of, pc
from riskmap.selection.filters import Selection, polygon
from riskmap.selection.linked import with_reached
from riskmap.selection.masks import SelectionMask
from riskmap.selection.snapshot import Snapshot
from riskmap.selection.table import FLAG_BIT
from riskmap.selection.where import columns_of, contains, has_column, matching, unknown_name

SEARCHED: Final = ("code", "name", "f:address")  # what `Snapshot.search` holds


_FEW: Final = 8  # of so many rows one, and a condition is worked out for the chosen rows only


def view_of(snapshot: Snapshot, selection: Selection) -> SelectionMask:
    """Return what a selection lets through. Raises SelectionError for names that do not exist."""
    return snapshot.views.get(selection, lambda: _resolve(snapshot, selection))


def row_mask(snapshot: Snapshot, view: SelectionMask) -> Bools:
    """Return which rows a view lets through; bool[n]."""
    return view.groups[snapshot.group] if view.rows is None else view.rows


def _resolve(snapshot: Snapshot, selection: Selection) -> SelectionMask:
    groups = _groups(snapshot, selection)
    if not (selection.where or selection.within or selection.text or selection.flags or selection.codes):
        return SelectionMask(groups, None)
    rows = groups[snapshot.group]
    if selection.flags:
        bits = np.bitwise_or.reduce([FLAG_BIT[f] for f in selection.flags])
        rows &= (snapshot.flags & bits) != 0
    tables = {
        layer: with_reached(snapshot, layer, selection.where) for layer in selection.layers or snapshot.layers
    }
    _check_columns(tables, selection)
    for i, layer in enumerate(snapshot.layers):
        part = rows[snapshot.starts[i] : snapshot.starts[i + 1]]
        table = tables.get(layer, snapshot.tables[layer])
        if selection.codes and part.any():
            wanted = pa.array(selection.codes, pa.string())
            part &= bools_of(pc.is_in(table["code"], value_set=wanted))
        for where in selection.where:
            search = snapshot.search.slice(snapshot.starts[i], len(table))
            _narrow(part, table, where, search)
    if selection.text:
        rows &= text_mask(snapshot, selection.text)
    if selection.within is not None:
        rows = _inside(snapshot, rows, selection.within)
    return SelectionMask(groups, rows)


def _narrow(part: Bools, table: pa.Table, where: Condition, search: pa.Array | pa.ChunkedArray) -> None:
    """Leave those rows of a layer that satisfy a condition, too."""
    if not part.any():
        return
    if not all(has_column(table, name) for name in (where.field, where.than or where.field)):
        part[:] = False
        return
    if where.op == "~" and where.field in SEARCHED and len(where.values) == 1:
        part &= contains(search, fold_text(str(where.values[0])))  # more than it lets through, and fast
    rows = np.flatnonzero(part)
    if len(rows) * _FEW < len(part):
        part[rows] = matching(table.select(columns_of(where)).take(array_of(rows)), where)
    else:
        part &= matching(table, where)


def _groups(snapshot: Snapshot, selection: Selection) -> Bools:
    keep = np.ones(snapshot.shape, bool)
    if selection.layers:
        chosen = {snapshot.layer_index(layer) for layer in selection.layers}
        keep &= np.array([i in chosen for i in range(snapshot.shape[0])])[:, None, None]
    if selection.subdistricts:
        chosen = {snapshot.subdistrict_index(name) for name in selection.subdistricts}
        keep &= np.array([i in chosen for i in range(snapshot.shape[2])])[None, None, :]
    keep &= selection.ranks()[None, :, None]
    return keep.reshape(-1)


def _check_columns(tables: Mapping[str, pa.Table], selection: Selection) -> None:
    for where in selection.where:
        if not any(has_column(table, where.field) for table in tables.values()):
            known = {
                name.removeprefix("f:")
                for table in tables.values()
                for name in table.column_names
                if has_column(table, name)
            }
            raise unknown_name(Text("字段", "field"), where.field.removeprefix("f:"), sorted(known))


def text_mask(snapshot: Snapshot, text: str) -> Bools:
    """Return which rows hold every word of a text in code, name or address; bool[n]."""
    first, *more = sorted(fold_text(text).split(), key=len, reverse=True) or [""]
    found = contains(snapshot.search, first)
    for word in more:  # in what the longest one, as a rule the rarest, has left
        rows = np.flatnonzero(found)
        if len(rows) * _FEW < len(found):
            found[rows] = contains(snapshot.search.take(array_of(rows)), word)
        else:
            found &= contains(snapshot.search, word)
    return found


def _inside(snapshot: Snapshot, rows: Bools, wkb: bytes) -> Bools:
    area = polygon(wkb)  # of this call only: prepared geometries must not be shared between threads
    shapely.prepare(area)
    west, south, east, north = area.bounds
    inside = np.zeros(len(rows), bool)
    for i, layer in enumerate(snapshot.layers):
        start, stop = snapshot.starts[i], snapshot.starts[i + 1]
        table = snapshot.tables[layer]
        lon, lat = numbers_of(table["lon"]), numbers_of(table["lat"])
        near = rows[start:stop] & (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        index = np.flatnonzero(near)
        if len(index):
            try:
                hit = shapely.intersects_xy(area, lon[index], lat[index])
            except shapely.errors.GEOSException as problem:
                raise SelectionError(
                    "选择范围的多边形有误，无法判断点在内外；请重新画",
                    "the polygon of the selection is damaged; draw it again",
                ) from problem
            inside[start + index[hit]] = True
    return inside
