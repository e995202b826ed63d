"""Fields of a record that are worked out of those that name it: open hazards of a slope, last visit of a firm.

Read with the record and never stored. A register that was never filled says nothing: not known is not 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer, Rollup, Term
from riskmap.ledger import schema as s
from riskmap.ledger.column_reading import LayerColumns, read_some
from riskmap.ledger.columns import held_at
from riskmap.ledger.store import json_list
from riskmap.moments import minutes_kept
from riskmap.rules.arrays import FIELD_TYPES, LayerArrays, column_of, floats_of, numbers_of, pc
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
    if child is None or not len(features):
        return pa.nulls(len(features), kind)
    if rollup.terms:
        total = Book.read(connection, layers, layer, rollup, features, at=at).total()
        return pa.array(total, kind, from_pandas=True)
    if not _filled(connection, child.id, at):
        return pa.nulls(len(features), kind)
    to, by = _links(connection, rollup.of, rollup.by, features, at)
    place = places_in(features, to)
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


def places_in(features: Longs, numbers: Longs) -> Longs:
    """Return where each of some numbers stands among features that hold them all."""
    order = np.argsort(features, kind="stable")
    return order[np.searchsorted(features, numbers, sorter=order)]


def _links(
    connection: sa.Connection, register: str, field: str, features: Longs, at: int | None
) -> tuple[Longs, Longs]:
    """Return which of the features are named, and by which records of the register."""
    t, f = s.link, s.feature
    query = (
        sa.select(t.c.to_id, t.c.from_id)
        .join(f, f.c.id == t.c.from_id)
        .where(t.c.field == field, f.c.layer == register, held_at(t, at))
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


@dataclass(frozen=True, slots=True)
class Entries:
    """What a balance adds up: parallel arrays. `place`: the row of its record, `by`: whose entry it is (a feature id).

    `amount` is signed, NaN where it is not known; `until`: the last minute in which it may have happened.
    """

    place: Longs
    by: Longs
    amount: Floats
    until: NDArray[np.str_]

    @classmethod
    def joined(cls, parts: Sequence[Entries]) -> Entries:
        """Return several as one."""
        if not parts:
            return cls(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.float64, "U16")))
        return cls(
            *(
                np.concatenate([getattr(one, key) for one in parts])
                for key in ("place", "by", "amount", "until")
            )
        )

    def chosen(self, keep: NDArray[np.bool_]) -> Entries:
        """Return some of them."""
        return Entries(self.place[keep], self.by[keep], self.amount[keep], self.until[keep])


_AT_LAST: Final = "9999-12-31T23:59"  # an entry without a moment: nobody knows that it was before


@dataclass(frozen=True, slots=True)
class Book:
    """What the balances of some records are made of: what each begins with, since when it adds up, and the entries.

    A balance without a stated beginning is 0 before its first entry where the register was ever filled.
    """

    start: Floats
    since: NDArray[np.str_]
    entries: Entries

    @classmethod
    def read(
        cls,
        connection: sa.Connection,
        layers: Mapping[str, Layer],
        layer: Layer,
        rollup: Rollup,
        features: Longs,
        *,
        at: int | None = None,
    ) -> Book:
        """Read it for the rollup of some records, now or after changeset `at`."""
        names = [name for name in (rollup.start, rollup.since) if name]
        own = read_some(connection, layer, names, numbers=features.tolist(), at=at) if names else None
        row = (
            pa.array(features)
            if own is None
            else pc.index_in(pa.array(features), own["feature_id"].combine_chunks())
        )
        begun = 0.0 if _filled(connection, rollup.of, at) else np.nan
        start = np.full(len(features), begun)
        since = np.full(len(features), "", "U16")
        if own is not None and rollup.start:
            start = floats_of(own[column_of(rollup.start)].combine_chunks().take(row))
        if own is not None and rollup.since:
            days = own[column_of(rollup.since)].combine_chunks().take(row).to_pylist()
            since = np.array(["" if day is None else minutes_kept(day)[0] for day in days], "U16")
        parts: list[Entries] = []
        for sign, term in rollup.terms:
            to, by = _links(connection, rollup.of, term.by, features, at)
            numbers = np.unique(by).tolist()
            child = layers[rollup.of]
            table = read_some(connection, child, (*rollup.reads, child.moment), numbers=numbers, at=at)
            parts.append(entries_of(child, rollup, table, (sign, term), places_in(features, to), by))
        return cls(start, since, Entries.joined(parts))

    def counted(self, entries: Entries) -> Entries:
        """Return the entries that are not known to lie before the day since which their record adds up."""
        return entries.chosen(entries.until >= self.since[entries.place])

    def total(self, entries: Entries | None = None) -> Floats:
        """Return the balances, NaN where one is not known; of these entries instead of those that it holds."""
        told = self.counted(self.entries if entries is None else entries)
        return self.start + np.bincount(told.place, told.amount, len(self.start))


def entries_of(  # noqa: PLR0917
    child: Layer, rollup: Rollup, table: pa.Table, signed: tuple[int, Term], place: Longs, by: Longs
) -> Entries:
    """Return the entries of one term: `place` and `by` say which record of `table` names which one."""
    sign, term = signed
    row = np.searchsorted(numbers_of(table["feature_id"]).astype(np.int64), by)
    if rollup.where:
        keep = _meeting(rollup, child, table)[row]
        place, by, row = place[keep], by[keep], row[keep]
    amount = sign * floats_of(table[column_of(term.sum)])[row]
    if not child.moment:
        return Entries(place, by, amount, np.full(len(row), _AT_LAST, "U16"))
    kept = table[column_of(child.moment)].to_pylist()
    until = np.array([_AT_LAST if one is None else minutes_kept(one)[1] for one in kept], "U16")
    return Entries(place, by, amount, until[row])


def _meeting(rollup: Rollup, child: Layer, table: pa.Table) -> NDArray[np.bool_]:
    read = Reader(LayerArrays(table, child), {})
    every = np.ones(len(table), bool)
    return reduce(and_, (holds(one, read.column(one)) for one in rollup.where), every)


def _worked_out(rollup: Rollup, values: pa.ChunkedArray, row: Longs, place: Longs, count: int) -> pa.Array:
    """Return the sum, the least or the most of what is known, null where nothing is; over no rows the sum is 0."""
    way: Any = "sum" if rollup.sum else "min" if rollup.min else "max"
    pairs = pa.table({"place": place, "value": values.combine_chunks().take(pa.array(row))})
    pairs = pairs.filter(pc.is_valid(pairs["value"]))
    found = pairs.group_by("place").aggregate([("value", way)])
    at = pc.index_in(pa.array(np.arange(count)), value_set=found["place"].combine_chunks())
    out = found[f"value_{way}"].combine_chunks().take(at)
    nobody = pa.array(np.bincount(place, minlength=count) == 0)
    return pc.if_else(nobody, pa.scalar(0, out.type), out) if rollup.sum else out


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
