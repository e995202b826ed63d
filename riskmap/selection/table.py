"""Features of one layer as an Arrow table: the columns that everything else reads.

What the lists mark on a record without judging its risk: bits of `records.FLAGS`, vectorised.

How old the knowledge of a record is: days since it was surveyed, or else since it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.array_types import Bools
from riskmap.catalog import Layer
from riskmap.rules.arrays import (
    FIELD_TYPES,
    Misfit,
    array_of,
    bools_of,
    codes_of,
    column_of,
    field_array,
    filled_marks,
    indices_of,
    numbers_of,
    pc,
    position_arrays,
)
from riskmap.rules.extras import extra_keys, is_extra
from riskmap.values.boundaries import Boundaries, near_duplicates
from riskmap.values.records import Clear, Features
from riskmap.vocabulary import FLAGS, RANK_OF, RANKS, TIER_TITLES, TIERS, UNGRADED, UNRATED

FLAG_BIT: Final = {flag: np.uint16(1 << i) for i, flag in enumerate(FLAGS)}


def layer_table(features: Features, layer: Layer) -> pa.Table:
    """Return the records that are not retired, in code order, one column per thing known.

    Columns as `docs/architecture.md` lists them; `flags` is 0 throughout (`build_snapshot` fills
    it in, because flags need boundaries and a date), but for `unreadable`: a value of the ledger that is
    not of its field's type is missing here, and its record marked.
    """
    records = features.records
    flags = np.zeros(len(features), np.uint16)
    flags[list(features.damaged)] = FLAG_BIT["unreadable"]
    columns: dict[str, pa.Array] = {
        "feature_id": pa.array(np.asarray(features.feature_id, np.int64)),
        "code": pa.array(records.code, pa.string()),
        "name": _texts(records.name),
        "subdistrict": _texts(records.subdistrict),
        **position_arrays(np.asarray(records.lon, np.float64), np.asarray(records.lat, np.float64)),
        "rank": pa.array(_standings(np.asarray(features.rank, np.uint8), layer)),
        "score": pa.array(np.asarray(features.score, np.float64)),
        "version": pa.array(np.asarray(features.version, np.int64)),
        "updated_at": _texts(features.updated_at),
        "missing": pa.array(features.missing, pa.list_(pa.string())),
        "rules": pa.array(features.rules, pa.list_(pa.string())),
        "flags": pa.array(flags),  # filled in below, where the fields are read
        "contacts": pa.array(np.asarray(features.contact_count, np.int64)),
    }
    if layer.checklist is not None:
        columns["checklist"] = _checklist(records.checklist, len(features), len(layer.checklist.items))
    if layer.drawn:
        shapes = records.shapes if records.shapes is not None else [None] * len(features)
        columns["shape"] = pa.array(shapes, pa.binary())
    for field in layer.fields:
        values = records.values.get(field.id)
        if values is None:
            columns[column_of(field.id)] = pa.nulls(len(features), FIELD_TYPES[field.type])
        else:
            columns[column_of(field.id)], misfits = field_array(values, field)
            flags[misfits] = FLAG_BIT["unreadable"]
    for key in sorted(extra_keys(records.values)):
        columns[key] = _texts(records.values[key])
    columns["flags"] = pa.array(flags)
    active = np.fromiter((r is None for r in features.retired), bool, len(features))
    return _encode(_in_code_order(pa.table(columns), np.flatnonzero(active)), layer)


def finished_table(columns: pa.Table, layer: Layer, broken: Sequence[Misfit] = ()) -> pa.Table:
    """Return the columns that the ledger reads of a whole layer, in code order, as its layer table.

    The records of `broken` are marked as `unreadable`.
    """
    at = columns.column_names.index("rank")
    standings = _standings(numbers_of(columns["rank"]), layer)
    columns = columns.set_column(at, "rank", pa.array(standings))
    codes = pa.array(sorted({misfit.code for misfit in broken}), pa.string())
    marked = bools_of(pc.is_in(columns["code"], value_set=codes))
    flags = array_of(np.where(marked, FLAG_BIT["unreadable"], np.uint16(0)).astype(np.uint16))
    return _encode(columns.add_column(columns.column_names.index("contacts"), "flags", flags), layer)


def changed_table(table: pa.Table, changed: Features, layer: Layer) -> pa.Table:
    """Return a layer table in which the records of `changed` stand instead of what they were.

    Equal to the table of all records read anew, without reading them: new records come in,
    retired ones leave.
    """
    fresh = layer_table(changed, layer)
    old = pc.is_in(table["feature_id"], value_set=pa.array(np.asarray(changed.feature_id, np.int64)))
    both = pa.concat_tables(with_same_extras(_decode(table.filter(pc.invert(old))), _decode(fresh)))
    return _encode(_in_code_order(both, np.arange(len(both))), layer)


def _standings(rank: NDArray[np.uint8], layer: Layer) -> NDArray[np.uint8]:
    """Return `STANDINGS` of the ranks that a layer's model gave: tiers of a risk, grades of all else."""
    if layer.counts == "risk":
        return rank
    if layer.model is None:  # what an earlier model said of it says nothing any more
        return np.full(len(rank), UNGRADED, np.uint8)
    return (rank + len(RANKS)).astype(np.uint8)


def with_same_extras(one: pa.Table, other: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return two layer tables with the same columns that no field reads, at their end and in one order."""
    keys = sorted({*extra_keys(one.column_names), *extra_keys(other.column_names)})
    if not keys:
        return one, other

    def filled(table: pa.Table) -> pa.Table:
        plain = [name for name in table.column_names if not is_extra(name)]
        blank = pa.nulls(len(table), pa.string())
        kept = {key: table[key] if key in table.column_names else blank for key in keys}
        return pa.table({**{name: table[name] for name in plain}, **kept})

    return filled(one), filled(other)


def _decode(table: pa.Table) -> pa.Table:
    words = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(dict(zip(table.column_names, words, strict=True)))


def _in_code_order(table: pa.Table, active: NDArray[np.int64]) -> pa.Table:
    codes = table["code"].combine_chunks().take(pa.array(active))
    ordered = len(codes) < 2 or pc.all(pc.less_equal(codes[:-1], codes[1:])).as_py()
    if ordered and len(active) == len(table):
        return table.combine_chunks()
    order = active if ordered else active[pc.array_sort_indices(codes).to_numpy()]
    return table.take(pa.array(order)).combine_chunks()


def _encode(table: pa.Table, layer: Layer) -> pa.Table:
    # After sorting, so that the dictionary does not depend on the order the rows came in.
    names = {"subdistrict", *(column_of(f.id) for f in layer.fields if f.type in {"choice", "record"})}
    columns = [
        table[name].combine_chunks().dictionary_encode()
        if name in names and not pa.types.is_dictionary(table[name].type)
        else table[name]
        for name in table.column_names
    ]
    encoded = pa.table(dict(zip(table.column_names, columns, strict=True)))
    return _with_classes(encoded, layer) if layer.classes else encoded


CLASS: Final = "class"


def _with_classes(table: pa.Table, layer: Layer) -> pa.Table:
    """Return a layer table with the class by which the map colours each record; what has none is the class after them."""
    ids = [choice.id for choice in layer.classes]
    indices, words = codes_of(table[column_of(layer.colour)])
    place = np.array([*(ids.index(w) if w in ids else len(ids) for w in words), len(ids)], np.uint8)
    if CLASS in table.column_names:
        table = table.drop_columns([CLASS])
    return table.append_column(CLASS, pa.array(place[indices]))


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def _checklist(rows: Sequence[tuple[bool | Clear | None, ...] | None] | None, n: int, items: int) -> pa.Array:
    filled = [filled_marks(row, items) for row in ([None] * n if rows is None else rows)]
    return pa.array(filled, pa.list_(pa.bool_()))


DECLARED: Final = "declared_tier"


SURVEYED: Final = "surveyed_on"


_RANK_OF_WORD: Final = {
    **{word: RANK_OF[t] for t in TIERS for word in (t, TIER_TITLES[t].zh, f"{TIER_TITLES[t].zh}风险")},
}


def flag_bits(table: pa.Table, layer: Layer, places: Boundaries | None, *, today: date) -> NDArray[np.uint16]:
    """Return one uint16 per row of a layer table. Without `places` no boundary is checked."""
    lon, lat = numbers_of(table["lon"]), numbers_of(table["lat"])
    bits = numbers_of(table["flags"]) & FLAG_BIT["unreadable"]
    found: dict[str, Bools] = {
        "possible_duplicate": near_names(table["name"], lon, lat),
        "unlocated": np.isnan(lon) & layer.placed,
        "declared_differs": _declared_differs(table),
        "stale": stale(table, layer, today),
    }
    if places is not None:
        found["outside_district"] = ~np.isnan(lon) & ~places.in_district(lon, lat)
        found["outside_subdistrict"] = _elsewhere(table, places, lon, lat)
        if places.names:
            found["unknown_subdistrict"], found["no_subdistrict"] = _unnamed(table, places)
    for flag, where in found.items():
        bits[where] |= FLAG_BIT[flag]
    return bits


def _declared_differs(table: pa.Table) -> Bools:
    name = column_of(DECLARED)
    rank = numbers_of(table["rank"])
    if name not in table.column_names or not pa.types.is_dictionary(table[name].type):
        return np.zeros(len(table), bool)
    indices, words = codes_of(table[name])
    known = np.array([*(_RANK_OF_WORD.get(w, UNRATED) for w in words), UNRATED], np.uint8)
    declared = known[indices]  # −1 takes the last one
    return (declared != UNRATED) & (rank != UNRATED) & (rank < len(RANKS)) & (declared != rank)


def stale(table: pa.Table, layer: Layer, today: date) -> Bools:
    """Return which rows are older than their layer allows; a date that is not known is not fresh."""
    when = surveyed(table, layer)
    limit = (today - timedelta(days=layer.stale_after_days)).isoformat()
    day = pc.utf8_slice_codeunits(when, 0, 10)
    return np.asarray(pc.fill_null(pc.less(day, limit), fill_value=True).to_numpy(zero_copy_only=False), bool)


def surveyed(table: pa.Table, layer: Layer) -> pa.ChunkedArray:
    """Return the day from which each row's freshness counts: surveyed on, or else written at."""
    when = table["updated_at"]
    name = column_of(SURVEYED)
    if SURVEYED in layer.field_ids and name in table.column_names and pa.types.is_string(table[name].type):
        when = pc.coalesce(table[name], when)
    return when


def _elsewhere(
    table: pa.Table, places: Boundaries, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Bools:
    indices, words = codes_of(table["subdistrict"])
    index = {name: i for i, name in enumerate(places.names)}
    stated = np.array([*(index.get(w, -1) for w in words), -1], np.int32)[indices]
    inside = np.asarray(places.locate(lon, lat), np.int32)
    return (stated >= 0) & (inside >= 0) & (inside != stated)


def _unnamed(table: pa.Table, places: Boundaries) -> tuple[Bools, Bools]:
    """Return which rows state a sub-district that the district does not have, and which state none."""
    indices, words = codes_of(table["subdistrict"])
    known = np.array([*(word in places.names for word in words), True])
    blank = np.array([*(not word for word in words), True])
    return ~known[indices] & ~blank[indices], blank[indices]


def near_names(names: pa.ChunkedArray, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Bools:
    """Return which rows share their name with another one too near to be something else."""
    nameless = bools_of(pc.equal(names, ""))
    group = np.where(nameless, np.int32(-1), indices_of(names.dictionary_encode()))
    return near_duplicates(group, lon, lat)


def age_days(table: pa.Table, layer: Layer, *, today: date) -> NDArray[np.float64]:
    """Return float64 days since each row was surveyed (else updated); NaN where no date is known.

    Counted from the same date as the flag 超期未更新: surveyed on 2026-11-01 and asked on
    2026-11-25, 24.
    """
    when = surveyed(table, layer).to_pylist()
    return np.array([_age(text, today) for text in when], dtype=np.float64)


def fresh(table: pa.Table, layer: Layer, *, today: date) -> NDArray[np.bool_]:
    """Return which rows are within the layer's limit; a record whose date is not known is not."""
    return ~stale(table, layer, today)


def _age(text: str | None, today: date) -> float:
    try:
        return float((today - date.fromisoformat((text or "")[:10])).days)
    except ValueError:
        return float("nan")
