"""Fields of a record that are worked out of those that name it: open hazards of a slope, last visit of a firm.

Read with the record and never stored. A register that was never filled says nothing: not known is not 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer, Rollup
from riskmap.ledger import schema as s
from riskmap.ledger.column_reading import LayerColumns, read_some
from riskmap.ledger.columns import held_at
from riskmap.ledger.store import json_list
from riskmap.rules.arrays import FIELD_TYPES, LayerArrays, column_of, numbers_of, pc
from riskmap.rules.conditions import Reader, holds

Longs = NDArray[np.int64]


def rolled_up(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer: Layer,
    features: Longs,
    *,
    fields: Collection[str] | None = None,
    at: int | None = None,
) -> dict[str, pa.Array]:
    """Return the rollups of some records of a layer, now or after changeset `at`: id → column.

    `fields`: those that are asked for, all by default.
    """
    return {
        one.id: _column(connection, layers, layer, one, features, at)
        for one in layer.rollups
        if one.id in layer.field_ids and (fields is None or one.id in fields)
    }


def _column(  # noqa: PLR0917
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer: Layer,
    rollup: Rollup,
    features: Longs,
    at: int | None,
) -> pa.Array:
    kind = FIELD_TYPES[layer.field(rollup.id).type]
    child = layers.get(rollup.of)
    if child is None or not len(features) or not _filled(connection, child.id, at):
        return pa.nulls(len(features), kind)
    to, by = _links(connection, rollup, features, at)
    order = np.argsort(features, kind="stable")
    place = order[np.searchsorted(features, to, sorter=order)]
    table = _children(connection, child, rollup, by, at) if rollup.reads else None
    if table is not None:
        known = numbers_of(table["feature_id"]).astype(np.int64)
        row = np.searchsorted(known, by)
        keep = _meeting(rollup, child, table)[row]
        place, row = place[keep], row[keep]
        if rollup.source:
            return _worked_out(rollup, table[column_of(rollup.source)], row, place, len(features)).cast(kind)
    return pa.array(np.bincount(place, minlength=len(features))).cast(kind)


def _filled(connection: sa.Connection, layer: str, at: int | None) -> bool:
    """Tell whether a register ever held a record, now or by a changeset."""
    f, r = s.feature, s.revision
    query = sa.select(f.c.id).where(f.c.layer == layer)
    if at is not None:
        query = query.join(r, r.c.feature_id == f.c.id).where(r.c.version == 1, r.c.valid_from <= at)
    return connection.execute(query.limit(1)).first() is not None


def _links(connection: sa.Connection, rollup: Rollup, features: Longs, at: int | None) -> tuple[Longs, Longs]:
    """Return which of the features are named, and by which records of the register."""
    t, f = s.link, s.feature
    query = (
        sa.select(t.c.to_id, t.c.from_id)
        .join(f, f.c.id == t.c.from_id)
        .where(t.c.field == rollup.by, f.c.layer == rollup.of, held_at(t, at))
        .where(t.c.to_id.in_(json_list(features.tolist())))
    )
    rows = connection.execute(query).all()
    pairs = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _children(
    connection: sa.Connection, child: Layer, rollup: Rollup, numbers: Longs, at: int | None
) -> pa.Table:
    """Return what a rollup looks at of some records, by feature id."""
    return read_some(connection, child, rollup.reads, numbers=np.unique(numbers).tolist(), at=at)


def _meeting(rollup: Rollup, child: Layer, table: pa.Table) -> NDArray[np.bool_]:
    read = Reader(LayerArrays(table, child), {})
    every = np.ones(len(table), bool)
    return reduce(and_, (holds(one, read.column(one)) for one in rollup.where), every)


def _worked_out(rollup: Rollup, values: pa.ChunkedArray, row: Longs, place: Longs, count: int) -> pa.Array:
    """Return the sum, the least or the most of what is known, null where nothing is."""
    way: Any = "sum" if rollup.sum else "min" if rollup.min else "max"
    pairs = pa.table({"place": place, "value": values.combine_chunks().take(pa.array(row))})
    pairs = pairs.filter(pc.is_valid(pairs["value"]))
    found = pairs.group_by("place").aggregate([("value", way)])
    at = pc.index_in(pa.array(np.arange(count)), value_set=found["place"].combine_chunks())
    return found[f"value_{way}"].combine_chunks().take(at)


def with_rollups(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer: Layer,
    found: LayerColumns,
    *,
    fields: Collection[str] | None = None,
    at: int | None = None,
) -> LayerColumns:
    """Return columns of a layer with what is worked out of other records, of `fields` or all."""
    table = found.table
    features = table["feature_id"].to_numpy().astype(np.int64) if layer.rollups else np.zeros(0, np.int64)
    for name, column in rolled_up(connection, layers, layer, features, fields=fields, at=at).items():
        place = table.column_names.index(column_of(name))
        table = table.set_column(place, column_of(name), column)
    return LayerColumns(table, found.broken)
