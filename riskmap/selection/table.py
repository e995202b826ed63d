"""Features of one layer as an Arrow table: the columns that everything else reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.catalog.layer import Field
from riskmap.columns import (
    FIELD_TYPES,
    Misfit,
    array_of,
    column_of,
    field_array,
    filled_marks,
    position_arrays,
)
from riskmap.records import Clear, Features

pc: Any = pyarrow.compute  # its functions are made at import; type checkers do not see them


def layer_table(features: Features, layer: Layer) -> pa.Table:
    """Return the records that are not retired, in code order, one column per thing known.

    Columns as `docs/architecture.md` lists them; `flags` is 0 throughout (`build_snapshot` fills
    it in, because flags need boundaries and a date). Raises LedgerError naming layer, code and
    field where the ledger holds a value that is not of its field's type.
    """
    records = features.records
    columns: dict[str, pa.Array] = {
        "feature_id": pa.array(np.asarray(features.feature_id, np.int64)),
        "code": pa.array(records.code, pa.string()),
        "name": _texts(records.name),
        "subdistrict": _texts(records.subdistrict),
        **position_arrays(np.asarray(records.lon, np.float64), np.asarray(records.lat, np.float64)),
        "rank": pa.array(np.asarray(features.rank, np.uint8)),
        "score": pa.array(np.asarray(features.score, np.float64)),
        "version": pa.array(np.asarray(features.version, np.int64)),
        "updated_at": _texts(features.updated_at),
        "missing": pa.array(features.missing, pa.list_(pa.string())),
        "rules": pa.array(features.rules, pa.list_(pa.string())),
        "flags": pa.array(np.zeros(len(features), np.uint16)),
        "contacts": pa.array(np.asarray(features.contact_count, np.int64)),
    }
    if layer.checklist is not None:
        columns["checklist"] = _checklist(records.checklist, len(features), len(layer.checklist.items))
    if layer.geometry != "point":
        shapes = records.shapes if records.shapes is not None else [None] * len(features)
        columns["shape"] = pa.array(shapes, pa.binary())
    for field in layer.fields:
        values = records.values.get(field.id)
        if values is None:
            columns[column_of(field.id)] = pa.nulls(len(features), FIELD_TYPES[field.type])
        else:
            columns[column_of(field.id)] = _field(values, field, layer, records.code)
    active = np.fromiter((r is None for r in features.retired), bool, len(features))
    return _encode(_in_code_order(pa.table(columns), np.flatnonzero(active)), layer)


def finished_table(columns: pa.Table, layer: Layer) -> pa.Table:
    """Return the columns that the ledger reads of a whole layer, in code order, as its layer table."""
    flags = array_of(np.zeros(len(columns), np.uint16))
    return _encode(columns.add_column(columns.column_names.index("contacts"), "flags", flags), layer)


def changed_table(table: pa.Table, changed: Features, layer: Layer) -> pa.Table:
    """Return a layer table in which the records of `changed` stand instead of what they were.

    Equal to the table of all records read anew, without reading them: new records come in,
    retired ones leave.
    """
    fresh = layer_table(changed, layer)
    old = pc.is_in(table["feature_id"], value_set=pa.array(np.asarray(changed.feature_id, np.int64)))
    both = pa.concat_tables([_decode(table.filter(pc.invert(old))), _decode(fresh)])
    return _encode(_in_code_order(both, np.arange(len(both))), layer)


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
    names = {"subdistrict", *(column_of(f.id) for f in layer.fields if f.type == "choice")}
    columns = [
        table[name].combine_chunks().dictionary_encode()
        if name in names and not pa.types.is_dictionary(table[name].type)
        else table[name]
        for name in table.column_names
    ]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def _checklist(rows: Sequence[tuple[bool | Clear | None, ...] | None] | None, n: int, items: int) -> pa.Array:
    filled = [filled_marks(row, items) for row in ([None] * n if rows is None else rows)]
    return pa.array(filled, pa.list_(pa.bool_()))


def _field(values: Sequence[Any], field: Field, layer: Layer, codes: Sequence[str]) -> pa.Array:
    array, misfits = field_array(values, field)
    if misfits:
        raise Misfit(layer, codes[misfits[0]], field, values[misfits[0]]).error()
    return array
