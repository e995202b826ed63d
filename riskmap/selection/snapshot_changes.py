"""The snapshot of a later state from that of an earlier one: only the changed records are worked out.

The earlier columns stay where they are, mapped from disk; a table becomes slices of them with the
changed records between. So an edit among a million records costs a tenth of a second and hardly
any memory. The more pieces, the slower all reading: beyond some hundred changes build anew.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.rules.arrays import bools_of, numbers_of, pc
from riskmap.selection import snapshot
from riskmap.selection.inheriting import in_order, inherited
from riskmap.selection.snapshot import (
    Snapshot,
    groups_of,
    search_texts,
    shapes_of,
    snapshot_key,
    subdistricts_of,
    with_flags,
)
from riskmap.selection.table import (
    FLAG_BIT,
    flag_bits,
    layer_table,
    near_names,
    stale,
    with_same_extras,
)
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import Features

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Splice:
    """How the rows of a layer become those of a later state.

    Of `old` rows the `gone` ones (ascending) leave; row j of `fresh` goes in before old row
    `into[j]` (ascending) and has the number `at[j]` in the new table.
    """

    old: pa.Table
    fresh: pa.Table
    gone: Rows
    into: Rows

    @property
    def before(self) -> Rows:
        """The place of each fresh row among the old rows that stay."""
        return self.into - np.searchsorted(self.gone, self.into)

    @property
    def at(self) -> Rows:
        return self.before + np.arange(len(self.into))

    def runs(self) -> Iterator[tuple[bool, int, int]]:
        """Yield (fresh or old, first row, row after the last) of the new table's pieces, in order."""
        end, put = len(self.old), 0
        gone = set(self.gone.tolist())
        cuts = sorted({0, end, *self.into.tolist(), *gone, *(g + 1 for g in gone)})
        for start, stop in pairwise([*cuts, end + 1]):
            new = bisect.bisect_right(self.into, start)
            if new > put:
                yield True, put, new
                put = new
            if start not in gone and start < end:
                yield False, start, stop


def patched_snapshot(
    earlier: Snapshot,
    changed: Mapping[str, Features],
    catalog_layers: Mapping[str, Layer],
    places: Boundaries | None,
    *,
    state: int,
    today: date,
) -> Snapshot:
    """Return the snapshot of a state of which `earlier` is an earlier one.

    Equal to `build_snapshot` of all records, if `changed` holds every record (retired ones too) that
    was written or assessed anew in between, and `earlier` was built with the same layers and places.
    """
    key = snapshot_key(catalog_layers, places, state=state, today=today)
    day = snapshot_key(catalog_layers, places, state=earlier.state, today=today) == earlier.key
    splices, tables = _spliced(earlier, changed, catalog_layers)
    if day and not splices:
        return dataclasses.replace(earlier, state=state, key=key)
    flags = [
        _flags(earlier, table, catalog_layers[layer], places, splices.get(layer), today=today, same_day=day)
        for layer, table in tables.items()
    ]
    tables = {
        layer: table if layer not in splices and day else with_flags(table, bits)
        for (layer, table), bits in zip(tables.items(), flags, strict=True)
    }
    names = subdistricts_of(tables, places)
    group = groups_of(tables, names)
    moved = _moved(earlier, splices)
    code, row, point_id = _points(earlier, tables, splices, moved)
    reshaped = any("shape" in splice.fresh.column_names for splice in splices.values())
    return Snapshot(
        state=state,
        key=key,
        layers=earlier.layers,
        subdistricts=names,
        tables=tables,
        group=group,
        flags=np.concatenate([np.zeros(0, np.uint16), *flags]),
        search=_search(earlier, splices) if splices else earlier.search,
        code=code,
        row=row,
        point_group=group[row],
        point_id=point_id,
        shapes=shapes_of(tables)
        if reshaped
        else dataclasses.replace(earlier.shapes, row=moved[earlier.shapes.row].astype(np.uint32)),
        home=earlier.home,
        seen=earlier.seen,
        today=today,
        definitions=catalog_layers,
    )


def _spliced(
    earlier: Snapshot, changed: Mapping[str, Features], layers: Mapping[str, Layer]
) -> tuple[dict[str, _Splice], dict[str, pa.Table]]:
    """Return how the changed layers become those of the later state, and all layers as they are then."""
    splices: dict[str, _Splice] = {}
    tables = dict(earlier.tables)
    for layer in in_order(layers):
        if layer.id in changed and len(changed[layer.id]):
            fresh = inherited(layer_table(changed[layer.id], layer), layer, layers, tables)
            splices[layer.id] = _splice(earlier.tables[layer.id], changed[layer.id], fresh)
            tables[layer.id] = _table(splices[layer.id])
    return splices, tables


def _splice(table: pa.Table, changed: Features, fresh: pa.Table) -> _Splice:
    codes = table["code"]

    def place(code: str) -> int:
        return bisect.bisect_left(range(len(table)), code, key=lambda i: codes[i].as_py())

    known = [(place(code), code) for code in sorted(changed.records.code)]
    gone = [at for at, code in known if at < len(table) and codes[at].as_py() == code]
    into = [place(code) for code in fresh["code"].to_pylist()]
    table, fresh = with_same_extras(table, fresh)
    return _Splice(table, fresh, np.array(gone, np.int64), np.array(into, np.int64))


def _table(splice: _Splice) -> pa.Table:
    old, fresh = {}, {}
    for name in splice.old.column_names:
        old[name], fresh[name] = splice.old[name], splice.fresh[name]
        if pa.types.is_dictionary(old[name].type):
            old[name], fresh[name] = _same_words(old[name], fresh[name])
    parts = {True: pa.table(fresh), False: pa.table(old)}
    pieces = [parts[new].slice(start, stop - start) for new, start, stop in splice.runs()]
    return pa.concat_tables(pieces or [parts[False].slice(0, 0)])


def _same_words(old: pa.ChunkedArray, fresh: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return both with one dictionary: the old words stay in their places, new ones follow."""
    one = old.combine_chunks()
    if isinstance(one, pa.ChunkedArray):  # of no chunk at all
        return old, fresh
    known = set(one.dictionary.to_pylist())
    texts = fresh.cast(pa.string())
    more = [w for w in texts.unique().to_pylist() if w is not None and w not in known]
    words = pa.concat_arrays([one.dictionary, pa.array(more, pa.string())])
    index = pc.index_in(texts.combine_chunks(), value_set=words)
    return tuple(
        pa.chunked_array([pa.DictionaryArray.from_arrays(indices, words)]) for indices in (one.indices, index)
    )


def _flags(
    earlier: Snapshot,
    table: pa.Table,
    layer: Layer,
    places: Boundaries | None,
    splice: _Splice | None,
    *,
    today: date,
    same_day: bool,
) -> NDArray[np.uint16]:
    start = int(earlier.starts[earlier.layers.index(layer.id)])
    bits = earlier.flags[start : start + len(earlier.tables[layer.id])]
    if splice is not None:
        bits = np.insert(np.delete(bits, splice.gone), splice.before, 0)
        if len(splice.at):
            bits[splice.at] = flag_bits(splice.fresh, layer, places, today=today)
        _mark_duplicates(bits, table, splice)
    if not same_day:
        bits = np.where(stale(table, layer, today), bits | FLAG_BIT["stale"], bits & ~FLAG_BIT["stale"])
    return bits


def _mark_duplicates(bits: NDArray[np.uint16], table: pa.Table, splice: _Splice) -> None:
    """A changed record can be, or cease to be, the duplicate of others of its old and its new name."""
    names = pa.chunked_array(
        [*splice.old["name"].take(pa.array(splice.gone)).chunks, *splice.fresh["name"].chunks]
    )
    rows = np.flatnonzero(bools_of(pc.is_in(table["name"], value_set=names.unique().drop_null())))
    at = pa.array(rows)
    lon, lat = (numbers_of(table[side].take(at)) for side in ("lon", "lat"))
    near = near_names(table["name"].take(at), lon, lat)
    bit = FLAG_BIT["possible_duplicate"]
    bits[rows] = np.where(near, bits[rows] | bit, bits[rows] & ~bit)


def _moved(earlier: Snapshot, splices: Mapping[str, _Splice]) -> Rows:
    """Return the new number of every old row, −1 for those that leave; int64[n]."""
    stays = np.ones(earlier.n, bool)
    before: list[Rows] = [np.zeros(0, np.int64)]
    for i, layer in enumerate(earlier.layers):
        if layer in splices:
            stays[earlier.starts[i] + splices[layer].gone] = False
            before.append(splices[layer].into + earlier.starts[i])
    place = np.cumsum(stays) - 1
    put = np.bincount(np.concatenate(before), minlength=earlier.n)[: earlier.n]
    return np.where(stays, place + np.cumsum(put), -1)


def _points(
    earlier: Snapshot, tables: Mapping[str, pa.Table], splices: Mapping[str, _Splice], moved: Rows
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint32]]:
    row = moved[earlier.row]
    stays = np.flatnonzero(row >= 0)
    code, row, ids = earlier.code[stays], row[stays], earlier.point_id[stays]
    new_code, new_row, new_id = _fresh_points(tables, splices)
    # Where a new point goes: by its code and, among equal positions, by its row.
    low, high = np.searchsorted(code, new_code), np.searchsorted(code, new_code, side="right")
    into = [a + int(np.searchsorted(row[a:b], r)) for a, b, r in zip(low, high, new_row, strict=True)]
    return (
        np.insert(code, into, new_code),
        np.insert(row, into, new_row).astype(np.uint32),
        np.insert(ids, into, new_id),
    )


def _fresh_points(
    tables: Mapping[str, pa.Table], splices: Mapping[str, _Splice]
) -> tuple[NDArray[np.uint64], Rows, NDArray[np.uint32]]:
    codes, rows, ids = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)]
    start = 0
    for layer, table in tables.items():
        if layer in splices:
            fresh = splices[layer].fresh
            lon, lat = numbers_of(fresh["lon"]), numbers_of(fresh["lat"])
            located = np.isfinite(lon)
            codes.append(snapshot.encode(lon[located], lat[located]))
            rows.append(start + splices[layer].at[located])
            ids.append(numbers_of(fresh["feature_id"])[located].astype(np.uint32))
        start += len(table)
    code, row, point_id = np.concatenate(codes), np.concatenate(rows), np.concatenate(ids)
    order = np.lexsort((row, code))
    return code[order], row[order], point_id[order]


def _search(earlier: Snapshot, splices: Mapping[str, _Splice]) -> pa.ChunkedArray:
    pieces: list[pa.Array] = []
    for i, layer in enumerate(earlier.layers):
        start, stop = earlier.starts[i : i + 2].tolist()
        old = earlier.search.slice(start, stop - start)
        if layer not in splices:
            pieces.append(old)
            continue
        parts = {True: search_texts(splices[layer].fresh), False: old}
        pieces += [parts[new].slice(a, b - a) for new, a, b in splices[layer].runs()]
    chunks = [
        c for piece in pieces for c in (piece.chunks if isinstance(piece, pa.ChunkedArray) else [piece])
    ]
    return pa.chunked_array(chunks, pa.string())
