"""Laws over what is worked out of other records: no movement takes more out of stock than is there.

Judged once everything of a transaction is written, for the records that it wrote or whose sums it changed: so forms,
files, moves, accepted rows and undos meet the one judge. Of a file the rows that go too far are found beforehand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from riskmap.catalog.flow import Law
from riskmap.catalog.layer import Layer, Rollup, Term, named_by, pieces, record_named
from riskmap.errors import RefusedError, Text
from riskmap.ledger import schema as s
from riskmap.ledger.column_reading import read_some
from riskmap.ledger.links import named_by_written
from riskmap.ledger.rollups import Book, Entries, Longs, entries_of, rolled_up
from riskmap.ledger.store import Store, json_list
from riskmap.rules.arrays import column_of, field_array, pc
from riskmap.rules.cell import Finding
from riskmap.rules.judge import placed
from riskmap.rules.laws import broken_laws, law_text, named_in, title_of
from riskmap.rules.moves import Objection
from riskmap.values.records import Value

_WORSE: Final[Mapping[str, int]] = {">=": -1, ">": -1, "<=": 1, "<": 1}


def refuse_broken_sums(connection: sa.Connection, store: Store, base: int) -> None:
    """Raise RefusedError with every law over sums that what was written after changeset `base` breaks.

    What was beyond a limit before and comes nearer to it is no offence: stock that is short may be filled up.
    """
    refused: list[Text] = []
    for layer in store.layers.values():
        laws = _binding(layer)
        if not laws:
            continue
        features, codes = _touched(connection, layer, base)
        if not codes:
            continue
        before, after = (
            _values(connection, store.layers, layer, laws, features, at=at) for at in (base, None)
        )
        refused += [
            placed(layer, codes[row], title_of(layer, one.field), Finding(one.rule, "error", one.message))
            for row, one in _broken(store, layer, laws, before, after)
        ]
    if refused:
        raise RefusedError.of(refused)


def _binding(layer: Layer) -> tuple[Law, ...]:
    return tuple(law for law in layer.sum_laws if law.otherwise != "warn")


def _touched(connection: sa.Connection, layer: Layer, base: int) -> tuple[Longs, list[str]]:
    """Return the active records of a layer that were written, or named by what was written: number and code."""
    f = s.feature
    written = sa.select(s.revision.c.feature_id).where(s.revision.c.valid_from > base)
    query = sa.select(f.c.id, f.c.code).where(
        f.c.layer == layer.id,
        f.c.retired == 0,
        sa.or_(f.c.id.in_(written), f.c.id.in_(named_by_written(base))),
    )
    rows = connection.execute(query.order_by(f.c.id)).all()
    return np.array([row.id for row in rows], np.int64), [row.code for row in rows]


def _values(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer: Layer,
    laws: Sequence[Law],
    features: Longs,
    *,
    at: int | None,
) -> dict[str, list[Any]]:
    """Return what laws speak of, field → a value for each record; None where it is not known."""
    names = set(named_in(laws)) & set(layer.field_ids)
    sums = rolled_up(connection, layers, layer, features, fields=names, at=at)
    own = sorted(names - sums.keys())
    values = {name: column.to_pylist() for name, column in sums.items()}
    if own:
        table = read_some(connection, layer, own, numbers=features.tolist(), at=at)
        row = pc.index_in(pa.array(features), table["feature_id"].combine_chunks())
        values |= {name: table[column_of(name)].combine_chunks().take(row).to_pylist() for name in own}
    return values


def _broken(
    store: Store,
    layer: Layer,
    laws: Sequence[Law],
    before: Mapping[str, Sequence[Any]],
    after: Mapping[str, Sequence[Any]],
) -> Iterator[tuple[int, Objection]]:
    """Yield (row, objection) for every law that records break now and did not break as badly before."""
    count = max(map(len, after.values()), default=0)
    by_id = {law.id: law for law in laws}
    for row, one in broken_laws(layer, after, count, today=store.today, laws=laws):
        law = by_id[one.rule]
        old, new = before.get(law.field, [None] * count)[row], after[law.field][row]
        numbers = isinstance(old, int | float) and isinstance(new, int | float)
        if (numbers and (new - old) * _WORSE.get(law.op, 0) < 0) or (numbers and new == old):
            continue
        yield row, replace(one, message=_said(layer, law, old, new))


def _said(layer: Layer, law: Law, old: Any, new: Any) -> Text:
    """Say what a sum was, by how much it changes and what it would be."""
    title, demand = title_of(layer, law.field), law_text(layer, law)
    if isinstance(old, int | float) and isinstance(new, int | float):
        zh = f"{title.zh}原为 {old:g}，这次 {new - old:+g}，会成为 {new:g}"
        en = f"“{title.en}” is {old:g}, this changes it by {new - old:+g} to {new:g}"
    else:
        zh, en = f"{title.zh}会成为 {new}", f"“{title.en}” would be {new}"
    return Text(f"{zh}；{demand.zh}", f"{en}; {demand.en}")


def rows_beyond(
    connection: sa.Connection,
    store: Store,
    layer: Layer,
    rows: Mapping[int, Mapping[str, Value]],
    replaced: Collection[int],
) -> dict[int, Objection]:
    """Return the rows of a file after which a balance of another layer would break a law, with what is said of each.

    `rows`: row → what its record would hold; `replaced`: numbers of the records that these are next revisions of.
    What a file brings in counts before what it takes out. Of those that take too much the last rows wait,
    but none that would fit once the others wait.
    """
    found: dict[int, Objection] = {}
    for parent, rollup, law in _entered_into(store, layer):
        left = {row: values for row, values in rows.items() if row not in found}
        found |= _Filing(connection, store, layer, parent, rollup, law).too_much(left, replaced)
    return found


def counts_in_sums(store: Store, layer: Layer) -> bool:
    """Whether a law over the sums of other records can turn a row of this layer back."""
    return any(_entered_into(store, layer))


def _entered_into(store: Store, layer: Layer) -> Iterator[tuple[Layer, Rollup, Law]]:
    """Yield the balances that records of a layer are entered into, each with the law that it must keep."""
    for parent in store.layers.values():
        for law in _binding(parent):
            for rollup in parent.rollups:
                if rollup.terms and rollup.of == layer.id and rollup.id in {law.field, law.than}:
                    yield parent, rollup, law


class _Filing:
    """The balances of one rollup while the rows of a file are entered into them."""

    def __init__(  # noqa: PLR0917
        self,
        connection: sa.Connection,
        store: Store,
        child: Layer,
        parent: Layer,
        rollup: Rollup,
        law: Law,
    ) -> None:
        self._connection, self._store, self._child = connection, store, child
        self._parent, self._rollup, self._law = parent, rollup, law

    def too_much(
        self, rows: Mapping[int, Mapping[str, Value]], replaced: Collection[int]
    ) -> dict[int, Objection]:
        """Return the rows that are not entered: row → what is said of it."""
        named = {
            row: [
                (term, signed, self._records(values.get(signed[1].by)))
                for term, signed in enumerate(self._rollup.terms)
            ]
            for row, values in rows.items()
        }
        numbers = self._numbers({code for parts in named.values() for *_, codes in parts for code in codes})
        before = self._before(replaced)
        features = np.array(sorted({*numbers.values(), *before}), np.int64)
        if not len(features):
            return {}
        book = Book.read(self._connection, self._store.layers, self._parent, self._rollup, features)
        held = book.entries.chosen(~np.isin(book.entries.by, list(replaced)))
        coming = self._coming(rows, named, numbers, features)
        own = _values(self._connection, self._store.layers, self._parent, [self._law], features, at=None)
        codes = {number: code for code, number in numbers.items()}
        refused: dict[int, Objection] = {}

        def broken() -> tuple[int, Objection] | None:
            entered = coming.chosen(~np.isin(coming.by, list(refused)))
            total = book.total(Entries.joined([held, entered])).tolist()
            sums = [None if one != one else one for one in total]  # noqa: PLR0124 - NaN
            after = {**own, self._rollup.id: sums}
            for place, one in _broken(self._store, self._parent, [self._law], own, after):
                if len(taking := self._taking(book.counted(entered), place)):
                    return int(taking.max()), self._objection(one, codes.get(int(features[place]), ""))
            return None

        while (found := broken()) is not None:
            refused[found[0]] = found[1]
        for row in sorted(refused):  # those that fit now that others wait
            said = refused.pop(row)
            if broken() is not None:
                refused[row] = said
        return refused

    def _taking(self, entered: Entries, place: int) -> Longs:
        """Return the rows of the file whose entries bring a balance nearer to its limit."""
        sign = _WORSE.get(self._law.op, -1)
        return entered.by[(entered.place == place) & ~(entered.amount * sign < 0)]

    def _records(self, value: Value | None) -> list[str]:
        return pieces(value) if isinstance(value, str) and value else []

    def _numbers(self, named: Collection[str]) -> dict[str, int]:
        """Return the number of each record of the parent's layer that is named, by what names it."""
        targets = {
            field.id: named_by(field, self._store.layers)
            for field in self._child.links
            if field.id in {term.by for _, term in self._rollup.terms}
        }
        codes: dict[str, str] = {}
        for piece in named:
            for layers in targets.values():
                place = record_named(piece, layers)
                if place is not None and place[0] == self._parent.id:
                    codes[piece] = place[1]
        f = s.feature
        query = sa.select(f.c.code, f.c.id).where(
            f.c.layer == self._parent.id, f.c.code.in_(json_list(sorted(set(codes.values()))))
        )
        known: dict[str, int] = {row.code: row.id for row in self._connection.execute(query)}
        return {piece: known[code] for piece, code in codes.items() if code in known}

    def _before(self, replaced: Collection[int]) -> set[int]:
        """Return the records that are named by those which get a next revision."""
        t, f = s.link, s.feature
        query = (
            sa.select(t.c.to_id)
            .join(f, f.c.id == t.c.to_id)
            .where(
                t.c.from_id.in_(json_list(list(replaced))),
                t.c.valid_to.is_(None),
                f.c.layer == self._parent.id,
            )
        )
        return set(self._connection.scalars(query))

    def _coming(
        self,
        rows: Mapping[int, Mapping[str, Value]],
        named: Mapping[int, Sequence[tuple[int, tuple[int, Term], list[str]]]],
        numbers: Mapping[str, int],
        features: Longs,
    ) -> Entries:
        """Return the entries of the rows, each by the number of its row."""
        order = sorted(rows)
        fields = {*self._rollup.reads, self._child.moment} & set(self._child.field_ids)
        columns = {
            column_of(name): field_array([rows[row].get(name) for row in order], self._child.field(name))[0]
            for name in fields
        }
        table = pa.table({"feature_id": pa.array(order, pa.int64()), **columns})
        place_of = {int(number): place for place, number in enumerate(features)}
        parts: list[Entries] = []
        for at, signed in enumerate(self._rollup.terms):
            pairs = [
                (place_of[numbers[code]], row)
                for row in order
                for code in named[row][at][2]
                if code in numbers
            ]
            both = np.array(pairs, np.int64).reshape(-1, 2)
            parts.append(entries_of(self._child, self._rollup, table, signed, both[:, 0], both[:, 1]))
        return Entries.joined(parts)

    def _objection(self, one: Objection, code: str) -> Objection:
        """Return what is said of a row: which record, what is there and what is asked, in the row's own field."""
        parent, field = self._parent.title, self._field_of(self._law)
        zh = f"{parent.zh} {code}：{one.message.zh}"
        return Objection(
            one.rule, field, Text(zh, f"{parent.en} {code}: {one.message.en}"), self._law.otherwise
        )

    def _field_of(self, law: Law) -> str:
        """Return the field by which a row brings a balance nearer to the limit of a law."""
        sign = _WORSE.get(law.op, -1)
        return next((term.by for one, term in self._rollup.terms if one == sign), self._rollup.terms[0][1].by)
