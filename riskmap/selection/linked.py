"""What records name and what names them, as lists and cards show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog.flow import CLOSED, OVERDUE, STATE, Flow
from riskmap.catalog.layer import Choice, Field, FieldType, Layer, named_by, pieces, record_named
from riskmap.catalog.model import (
    CHECKLIST_PREFIX,
    CONTACT_PREFIX,
    EXPIRED_ITEMS,
    LINK_PREFIX,
    VACANCIES,
    Condition,
)
from riskmap.errors import Text
from riskmap.rules.arrays import FIELD_TYPES, LayerArrays, codes_of, column_of, numbers_of, pc
from riskmap.rules.laws import overdue_days
from riskmap.selection.checklists import asked_state, expired_ids
from riskmap.vocabulary import STANDINGS, TIER_TITLES

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Linked:
    """A record that another one names, or that names it; `name` None where it has none or is on no list any more."""

    layer: str
    code: str
    name: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return it as `riskmap select --json` prints it."""
        return {"layer": self.layer, "code": self.code, "name": self.name}


LINKED: Final[Mapping[str, Field]] = {
    "code": Field(id="code", title=Text("编号", "code"), type="text"),
    "name": Field(id="name", title=Text("名称", "name"), type="text"),
    "subdistrict": Field(id="subdistrict", title=Text("街道", "sub-district"), type="text"),
    "score": Field(id="score", title=Text("分值", "score"), type="number"),
    "tier": Field(
        id="tier",
        title=Text("等级", "tier"),
        type="choice",
        choices=tuple(Choice(id=one, title=TIER_TITLES[one]) for one in STANDINGS),
    ),
}
"""What a condition may ask of a record that another one names, beside the fields of its layer."""


def links_of(
    snapshot: Snapshot, layers: Mapping[str, Layer], table: pa.Table, layer: Layer
) -> list[dict[str, list[Linked]]]:
    """Return of each row of a layer table field → the records that it names."""
    found: list[dict[str, list[Linked]]] = [{} for _ in range(len(table))]
    for field in layer.links:
        name = column_of(field.id)
        if name not in table.column_names:
            continue
        indices, words = codes_of(table[name])
        named = [_named(snapshot, named_by(field, layers), word) for word in words]
        for row in np.flatnonzero(indices >= 0).tolist():
            found[row][field.id] = named[indices[row]]
    return found


def stands_at(
    snapshot: Snapshot, layers: Mapping[str, Layer], table: pa.Table, layer: Layer
) -> list[str | None]:
    """Return the name, else the code, of the record at which each row of a layer table stands or on which it hangs."""
    parents = [*layer.position_from, *([layer.belongs_to.field] if layer.belongs_to else [])]
    named = links_of(snapshot, layers, table, layer) if parents else [{}] * len(table)
    return [
        next((one.name or one.code for field in parents for one in each.get(field, ())), None)
        for each in named
    ]


def _named(snapshot: Snapshot, targets: Sequence[str], word: str) -> list[Linked]:
    places = [place for piece in pieces(word) if (place := record_named(piece, targets)) is not None]
    return [Linked(layer, code, _name(snapshot, layer, code)) for layer, code in places]


def _name(snapshot: Snapshot, layer: str, code: str) -> str | None:
    for one in (snapshot, *([snapshot.beside] if snapshot.beside else [])):
        table = one.table(layer)
        at = pc.index(table["code"], code).as_py()
        if at >= 0:
            return table["name"][at].as_py()
    return None


def naming(layers: Mapping[str, Layer], layer: str) -> Iterator[tuple[Layer, Field]]:
    """Yield the layers and fields that may name records of a layer."""
    for other in layers.values():
        for field in other.links:
            if layer in named_by(field, layers):
                yield other, field


def children_of(
    snapshot: Snapshot, layers: Mapping[str, Layer], layer: str, codes: Sequence[str]
) -> list[dict[str, int]]:
    """Return of each record layer → how many of its records on the lists name it; layers that may, with 0."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for other, field in naming(layers, layer):
        counts = counted[other.id]
        indices, words = codes_of(snapshot.table(other.id)[column_of(field.id)])
        used = np.bincount(indices + 1, minlength=len(words) + 1)[1:].tolist()
        for word, n in zip(words, used, strict=True):
            for piece in pieces(word) if n else ():
                if (place := record_named(piece, named_by(field, layers))) and place[0] == layer:
                    counts[place[1]] += n
    return [{one: counts[code] for one, counts in counted.items()} for code in codes]


def hanging_on(
    snapshot: Snapshot, layers: Mapping[str, Layer], layer: str, code: str, *, most: int
) -> dict[tuple[str, str], tuple[int, list[Linked]]]:
    """Return (layer, field) → how many of its records name a record, and the first `most` of them, in code order."""
    found: dict[tuple[str, str], tuple[int, list[Linked]]] = {}
    for other, field in naming(layers, layer):
        table = snapshot.table(other.id)
        indices, words = codes_of(table[column_of(field.id)])
        targets = named_by(field, layers)
        ours = [
            any(record_named(piece, targets) == (layer, code) for piece in pieces(word)) for word in words
        ]
        rows = np.flatnonzero(np.array([*ours, False], bool)[indices])
        if len(rows):
            part = table.select(["code", "name"]).take(pa.array(rows[:most]))
            some = [Linked(other.id, one["code"], one["name"]) for one in part.to_pylist()]
            found[other.id, field.id] = (len(rows), some)
    return found


def rows_naming(
    snapshot: Snapshot, layers: Mapping[str, Layer], child: str, layer: str
) -> dict[str, list[int]]:
    """Return code of a record of `layer` → the rows of the table of `child` that name it, in code order."""
    found: dict[str, set[int]] = defaultdict(set)
    for other, field in naming(layers, layer):
        if other.id != child:
            continue
        indices, words = codes_of(snapshot.table(child)[column_of(field.id)])
        targets = named_by(field, layers)
        named = [
            [p[1] for piece in pieces(w) if (p := record_named(piece, targets)) and p[0] == layer]
            for w in words
        ]
        for row in np.flatnonzero(indices >= 0).tolist():
            for code in named[indices[row]]:
                found[code].add(row)
    return {code: sorted(rows) for code, rows in found.items()}


def with_reached(snapshot: Snapshot, layer: str, conditions: Sequence[Condition]) -> pa.Table:
    """Return a layer table with the columns that conditions look at beyond its own; "f:overdue", "f:closed" of a flow.

    "f:checklist.ITEM", "f:contact.ROLE" (true where somebody fills it) and "f:link.FIELD.OTHER" of the records that a
    field names. A field that names records has the code beside layer and code, so that either is found.
    """
    table, definition = snapshot.tables[layer], snapshot.definitions.get(layer)
    if definition is None:
        return table
    for name in {name for where in conditions for name in (where.field, where.than) if name.startswith("f:")}:
        column = _reached(snapshot, definition, table, name.removeprefix("f:"))
        if column is None:
            continue
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, column)
        else:
            table = table.append_column(name, column)
    return table


def _reached(
    snapshot: Snapshot, layer: Layer, table: pa.Table, name: str
) -> pa.Array | pa.ChunkedArray | None:
    head, _, rest = name.partition(".")
    if layer.flow is not None and name in {OVERDUE, CLOSED}:
        return None if name in layer.field_ids else _of_flow(snapshot, layer.flow, table, name)
    if name == VACANCIES and name not in layer.field_ids:
        return _vacancies(snapshot, layer, table)
    if name == EXPIRED_ITEMS and name not in layer.field_ids:
        if layer.checklist is None or snapshot.today is None:
            return None
        return pa.array([len(some) for some in expired_ids(table, layer, snapshot.today)], pa.int64())
    if not rest:
        link = next((field for field in layer.links if field.id == name), None)
        return None if link is None else _by_either(snapshot, table, link)
    if f"{head}." == CHECKLIST_PREFIX:
        return None if name in layer.field_ids else _marked(snapshot, layer, table, name)
    if f"{head}." == CONTACT_PREFIX:
        return _filled(snapshot, layer, table, rest)
    return _beyond(snapshot, layer, table, rest) if f"{head}." == LINK_PREFIX else None


def _of_flow(snapshot: Snapshot, flow: Flow, table: pa.Table, name: str) -> pa.Array | None:
    """Return whether each record is closed, or the days since its deadline where that runs."""
    states, words = codes_of(table[column_of(STATE)])
    if name == CLOSED:
        done = np.array([*map(flow.is_closed, words), flow.is_closed(flow.start)])
        return pa.array(done[states])
    if column_of(flow.due) not in table.column_names or snapshot.today is None:
        return None
    runs = np.array([*map(flow.runs, words), flow.runs(flow.start)])[states]
    days = table[column_of(flow.due)].combine_chunks().dictionary_encode()
    late = [overdue_days(day, snapshot.today) for day in days.dictionary.to_pylist()]
    since = pa.array(late, pa.int64()).take(days.indices)
    return pc.if_else(pc.and_(pa.array(runs), pc.greater(since, 0)), since, pa.scalar(None, pa.int64()))


def _marked(snapshot: Snapshot, layer: Layer, table: pa.Table, name: str) -> pa.Array | None:
    if snapshot.today is not None and (states := asked_state(table, layer, name, snapshot.today)) is not None:
        return states
    items = () if layer.checklist is None else layer.checklist.items
    if name.removeprefix(CHECKLIST_PREFIX) not in {item.id for item in items}:
        return None
    marks = LayerArrays(table, layer).read(name)
    assert isinstance(marks, np.ndarray)
    return pa.array(marks == 1, mask=np.isnan(marks))


def _filled(snapshot: Snapshot, layer: Layer, table: pa.Table, role: str) -> pa.Array | None:
    if role not in {one.id for one in layer.contacts}:
        return None
    there = _of_roles(snapshot, layer, table, lambda filled: role in filled)
    return None if there is None else pa.array(there == 1, mask=there == 0)


def _vacancies(snapshot: Snapshot, layer: Layer, table: pa.Table) -> pa.Array | None:
    """Return how many of the roles of a layer nobody fills, for each record."""
    roles = {role.id for role in layer.contacts}
    left = _of_roles(snapshot, layer, table, lambda filled: len(roles.difference(filled))) if roles else None
    return None if left is None else pa.array(left)


def _of_roles(
    snapshot: Snapshot, layer: Layer, table: pa.Table, ask: Callable[[Sequence[str]], int]
) -> NDArray[np.int64] | None:
    """Return for each record what is asked of the roles that somebody fills; None where nothing is known of them."""
    if snapshot.filled_roles is None:
        return None
    found = snapshot.filled_roles(layer.id)
    indices, words = codes_of(found["roles"])
    rows = numbers_of(pc.fill_null(pc.index_in(table["code"], found["code"].combine_chunks()), len(found)))
    answers = np.array([*(ask(pieces(word)) for word in words), ask(())], np.int64)
    return answers[np.append(indices, -1)[rows]]


def _by_either(snapshot: Snapshot, table: pa.Table, link: Field) -> pa.ChunkedArray | None:
    """Return the column of a field with the code beside layer:code of each record that it names."""
    if column_of(link.id) not in table.column_names:
        return None
    targets = named_by(link, snapshot.definitions)
    indices, words = codes_of(table[column_of(link.id)])
    both = ["\n".join(dict.fromkeys(n for piece in pieces(w) for n in _names(piece, targets))) for w in words]
    return _rows(indices, both)


def _names(piece: str, targets: Sequence[str]) -> tuple[str, ...]:
    place = record_named(piece, targets)
    return (piece,) if place is None else (piece, place[1], ":".join(place))


def _rows(indices: NDArray[np.int32], values: Sequence[str | None]) -> pa.Array:
    """Return words by row as a dictionary column; −1 is none."""
    return pa.array(values, pa.string()).take(pa.array(indices, mask=indices < 0)).dictionary_encode()


def _beyond(snapshot: Snapshot, layer: Layer, table: pa.Table, name: str) -> pa.Array | None:
    """Return by row a field of the record that a field names; a line each where it names several."""
    field, _, other = name.partition(".")
    link = next((one for one in layer.links if one.id == field), None)
    if link is None or column_of(field) not in table.column_names:
        return None
    targets = named_by(link, snapshot.definitions)
    kinds = {target: _kind(snapshot.definitions[target], other) for target in targets}
    kind = next((one for one in kinds.values() if one is not None), None)
    if kind is None:
        return None
    indices, words = codes_of(table[column_of(field)])
    named = [[record_named(piece, targets) for piece in pieces(word)] for word in words]
    known: dict[tuple[str, str], Any] = {}
    for target in (one for one, its in kinds.items() if its == kind):
        codes = {place[1] for places in named for place in places if place and place[0] == target}
        for one in (*([snapshot.beside] if snapshot.beside else []), snapshot):
            known |= {(target, code): value for code, value in _values(one.table(target), other, codes)}
    found = [[value for one in places if one and (value := known.get(one)) is not None] for places in named]
    if link.several or kind in {"choice", "record"}:
        return _rows(indices, ["\n".join(values) if values else None for values in found])
    first = pa.array([values[0] if values else None for values in found], FIELD_TYPES[kind])
    return first.take(pa.array(indices, mask=indices < 0))


def _kind(layer: Layer, name: str) -> FieldType | None:
    """Return the type of what a condition may ask of a record of a layer, None where there is no such thing."""
    field = layer.field(name) if name in layer.field_ids else LINKED.get(name)
    return None if field is None else field.type


def _values(table: pa.Table, name: str, codes: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield code and value of some records of a layer table."""
    rows = pc.index_in(
        pa.array(sorted(codes), pa.string()), value_set=table["code"].combine_chunks()
    ).drop_null()
    column = column_of(name) if column_of(name) in table.column_names else "rank" if name == "tier" else name
    values = table[column].take(rows).to_pylist()
    told = [STANDINGS[value] for value in values] if column == "rank" else values
    for code, value in zip(table["code"].take(rows).to_pylist(), told, strict=True):
        yield code, None if value != value else value  # noqa: PLR0124 - NaN
