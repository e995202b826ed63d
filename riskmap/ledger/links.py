"""Records that name others: what a field of type `record` states, and the rows of `link` that follow it.

A value is the code of the record that is meant; LAYER:CODE where the field may name records of several layers. Several
stand on a line each. Who writes a revision writes its links: they are worked out of the values, so that an undo or a
restored past needs no code of its own, and a foreign key holds each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from riskmap.catalog.layer import Field, Layer, named_by, pieces, record_named
from riskmap.errors import LedgerError, RefusedError, Text
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.store import insert_rows, json_list, update_rows
from riskmap.rules.cell import Finding, shown
from riskmap.values.records import Value

if TYPE_CHECKING:
    from riskmap.rules import judge
else:
    judge = later("riskmap.rules.judge")

_NAMED: Final = 5  # records that a message lists


MERGED: Final = "merged"
"""What made the last revision of a record that another one took in."""


MERGE: Final = "merge"
"""What made the revision of the record that took another one in."""


class Reference(NamedTuple):
    """The record that a value names."""

    layer: str
    code: str


def written_link(field: Field, found: Reference, layers: Mapping[str, Layer]) -> str:
    """Return how a field keeps the record that it names: its code, with its layer where there may be several."""
    return found.code if len(named_by(field, layers)) == 1 else f"{found.layer}:{found.code}"


@dataclass(frozen=True, slots=True)
class Named:
    """What the texts of one field name: text → the value to keep, or what is wrong with it."""

    values: Mapping[str, str]
    findings: Mapping[str, Finding]


def named(
    connection: sa.Connection, layers: Mapping[str, Layer], field: Field, texts: Collection[str]
) -> Named:
    """Find the records that texts name: by code, by LAYER:CODE, or by a name that only one record has."""
    split = {text: pieces(text) if field.several else [text] for text in texts}
    wanted = {piece for parts in split.values() for piece in parts}
    found = _Search(connection, layers, named_by(field, layers)).of(wanted)
    values: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    for text, parts in split.items():
        wrong = next((one for piece in parts if isinstance(one := found[piece], Finding)), None)
        if wrong is not None:
            findings[text] = wrong
            continue
        written = [written_link(field, one, layers) for p in parts if isinstance(one := found[p], Reference)]
        values[text] = "\n".join(dict.fromkeys(written))
    return Named(values, findings)


class _Search:
    """Looks for records in some layers, retired ones apart."""

    def __init__(
        self, connection: sa.Connection, layers: Mapping[str, Layer], targets: Sequence[str]
    ) -> None:
        self._connection, self._layers, self._targets = connection, layers, targets

    def of(self, wanted: Collection[str]) -> dict[str, Reference | Finding]:
        asked = {piece: self._split(piece) for piece in wanted}
        active, gone = self._by_code({code for _, code in asked.values()})
        found: dict[str, Reference | Finding] = {}
        for piece, (layer, code) in asked.items():
            fitting = [one for one in active.get(code, ()) if layer in {"", one.layer}]
            if fitting:
                found[piece] = fitting[0] if len(fitting) == 1 else self._several(piece, fitting)
            elif left := [number for one, number in gone.get(code, ()) if layer in {"", one.layer}]:
                found[piece] = self._retired(piece, merged_into(self._connection, left).get(left[0]))
        left = [piece for piece in wanted if piece not in found]
        return found | (self._by_name(left) if left else {})

    def _split(self, piece: str) -> tuple[str, str]:
        head, _, tail = piece.partition(":")
        ids = {name: one for one in self._targets for name in (one, self._layers[one].title.zh)}
        return (ids[head], tail) if tail and head in ids else ("", piece)

    def _by_code(
        self, codes: Collection[str]
    ) -> tuple[dict[str, list[Reference]], dict[str, list[tuple[Reference, int]]]]:
        f = s.feature
        active: dict[str, list[Reference]] = defaultdict(list)
        gone: dict[str, list[tuple[Reference, int]]] = defaultdict(list)
        query = sa.select(f.c.id, f.c.layer, f.c.code, f.c.retired).where(
            f.c.layer.in_(self._targets), f.c.code.in_(json_list(codes))
        )
        for number, layer, code, retired in self._connection.execute(query):
            one = Reference(layer, code)
            if retired:
                gone[code].append((one, number))
            else:
                active[code].append(one)
        return active, gone

    def _by_name(self, names: Collection[str]) -> dict[str, Reference | Finding]:
        f, r = s.feature, s.revision
        query = (
            sa.select(f.c.layer, f.c.code, r.c.name)
            .join(r, r.c.id == f.c.revision_id)
            .where(f.c.layer.in_(self._targets), f.c.retired == 0, r.c.name.in_(json_list(names)))
            .order_by(f.c.layer, f.c.code)
        )
        fitting: dict[str, list[Reference]] = defaultdict(list)
        for layer, code, name in self._connection.execute(query):
            fitting[name].append(Reference(layer, code))
        return {
            name: (ones[0] if len(ones) == 1 else self._several(name, ones))
            if (ones := fitting.get(name))
            else self._unknown(name)
            for name in names
        }

    def _unknown(self, piece: str) -> Finding:
        zh = "、".join(self._layers[one].title.zh for one in self._targets) or "（没有这样的图层）"
        en = ", ".join(self._layers[one].title.en for one in self._targets) or "no such layer"
        return Finding(
            "no_such_record",
            "error",
            Text(
                f"台账的“{zh}”中没有 {shown(piece)}；请核对编号，或先导入它",
                f"the ledger has no {shown(piece)} in {en}; check the code, or import that record first",
            ),
            holds=True,
        )

    def _retired(self, piece: str, into: str | None) -> Finding:
        if into is not None:
            return Finding(
                "no_such_record",
                "error",
                Text(
                    f"{shown(piece)} 已并入 {into}；请改为 {into}",
                    f"{shown(piece)} was merged into {into}; name {into}",
                ),
                holds=True,
            )
        return Finding(
            "no_such_record",
            "error",
            Text(
                f"{shown(piece)} 已注销；请改为在册的记录，或先恢复它",
                f"{shown(piece)} is retired; name another record, or reinstate it first",
            ),
            holds=True,
        )

    def _several(self, piece: str, found: Sequence[Reference]) -> Finding:
        listed = "、".join(f"{one.layer}:{one.code}" for one in found[:_NAMED])
        return Finding(
            "no_such_record",
            "error",
            Text(
                f"{shown(piece)} 指的可能是 {len(found)} 条记录（{listed}）；请写成 图层:编号",
                f"{shown(piece)} may be {len(found)} records ({listed}); write LAYER:CODE",
            ),
            holds=True,
        )


def referring(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer_id: str,
    stated: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return code → values of records of a layer, each link as it is kept; RefusedError names what there is not."""
    layer = layers.get(layer_id)
    out = {code: dict(values) for code, values in stated.items()}
    said: list[Text] = []
    for field in layer.links if layer else ():
        texts = {v for values in stated.values() if isinstance(v := values.get(field.id), str)}
        if not texts or layer is None:
            continue
        found = named(connection, layers, field, texts)
        for code, values in out.items():
            text = values.get(field.id)
            if not isinstance(text, str):
                continue
            if text in found.findings:
                said.append(judge.placed(layer, code, field.title, found.findings[text]))
            elif text in found.values:
                values[field.id] = found.values[text]
    if said:
        raise RefusedError.of(said)
    return out


_Target = tuple[str, int]  # field, ordinal


def targets_of(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer: Layer,
    rows: Iterable[Mapping[str, Value]],
) -> Iterator[dict[_Target, int]]:
    """Yield for each row of values the features that its links name: (field, ordinal) → feature id.

    LedgerError where a record is named that the ledger does not have: who plans finds that out before.
    """
    wanted: list[dict[_Target, Reference]] = []
    targets = {field.id: named_by(field, layers) for field in layer.links}
    for values in rows:
        mine: dict[_Target, Reference] = {}
        for name, of in targets.items():
            if not isinstance(value := values.get(name), str):
                continue
            for ordinal, piece in enumerate(pieces(value)):
                if (one := record_named(piece, of)) is not None:
                    mine[name, ordinal] = Reference(*one)
        wanted.append(mine)
    ids = _feature_ids(connection, {one for mine in wanted for one in mine.values()})
    for mine in wanted:
        for one in mine.values():
            if one not in ids:
                raise LedgerError(
                    f"{one.layer} › {one.code}：台账中没有这条记录，未写入；请重新核对",
                    f"{one.layer} › {one.code}: the ledger has no such record, nothing was written; plan it anew",
                )
        yield {key: ids[one] for key, one in mine.items()}


def _feature_ids(connection: sa.Connection, asked: Collection[Reference]) -> dict[Reference, int]:
    f = s.feature
    by_layer: dict[str, list[str]] = defaultdict(list)
    for one in asked:
        by_layer[one.layer].append(one.code)
    return {
        Reference(layer, code): number
        for layer, codes in by_layer.items()
        for code, number in connection.execute(
            sa.select(f.c.code, f.c.id).where(f.c.layer == layer, f.c.code.in_(json_list(codes)))
        )
    }


_LINK: Final = ("from_id", "field", "ordinal", "to_id", "valid_from")


_CLOSE: Final = (
    "UPDATE link SET valid_to = ? WHERE from_id = ? AND field = ? AND ordinal = ? AND valid_to IS NULL"
)


def link_new(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer_id: str,
    rows: Sequence[tuple[int, Mapping[str, Value]]],
    changeset: int,
) -> None:
    """Write the links of new records: (feature id, its values)."""
    layer = layers.get(layer_id)
    if layer is None or not layer.links:
        return
    found = targets_of(connection, layers, layer, (values for _, values in rows))
    insert_rows(
        connection,
        s.link,
        _LINK,
        (
            (number, field, ordinal, to, changeset)
            for (number, _), mine in zip(rows, found, strict=True)
            for (field, ordinal), to in mine.items()
        ),
    )


def link_next(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    layer_id: str,
    rows: Sequence[tuple[int, Mapping[str, Value] | None]],
    changeset: int,
) -> None:
    """Bring the links of known records to what their values name: (feature id, its values; None: it is retired).

    A retired record names nothing. LedgerError where a layer that has links has lost its file.
    """
    layer = layers.get(layer_id)
    if layer is not None and not layer.links:
        return
    standing = _standing(connection, [number for number, _ in rows])
    if layer is None:
        if standing:
            raise LedgerError(
                f"{layer_id}：图层文件用不了，不知道它的记录指向谁，未写入；请先改好图层文件",
                f"{layer_id}: its layer file cannot be used, so that nobody knows what its records name; nothing was "
                "written, mend the file first",
            )
        return
    found = targets_of(connection, layers, layer, (values or {} for _, values in rows))
    closed: list[tuple[Any, ...]] = []
    opened: list[tuple[Any, ...]] = []
    for (number, _), mine in zip(rows, found, strict=True):
        before = standing.get(number, {})
        closed += [(changeset, number, *key) for key, to in before.items() if mine.get(key) != to]
        opened += [(number, *key, to, changeset) for key, to in mine.items() if before.get(key) != to]
    update_rows(connection, _CLOSE, closed)
    insert_rows(connection, s.link, _LINK, opened)


def _standing(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, dict[_Target, int]]:
    t = s.link
    found: dict[int, dict[_Target, int]] = defaultdict(dict)
    query = sa.select(t.c.from_id, t.c.field, t.c.ordinal, t.c.to_id).where(
        t.c.from_id.in_(json_list(numbers)), t.c.valid_to.is_(None)
    )
    for number, field, ordinal, to in connection.execute(query):
        found[number][field, ordinal] = to
    return found


def named_by_written(number: int) -> sa.Select[tuple[int]]:
    """Return the features that records name, or named before, which were written after a changeset."""
    written = sa.select(s.revision.c.feature_id).where(s.revision.c.valid_from > number)
    return sa.select(s.link.c.to_id).where(s.link.c.from_id.in_(written))


def linked(connection: sa.Connection, layer: str, codes: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Return code → layer and code of every record that some records of a layer name now."""
    t, by, to = s.link, s.feature.alias(), s.feature.alias()
    query = (
        sa.select(by.c.code, to.c.layer, to.c.code)
        .join(t, t.c.from_id == by.c.id)
        .join(to, to.c.id == t.c.to_id)
        .where(by.c.layer == layer, by.c.code.in_(json_list(codes)), t.c.valid_to.is_(None))
        .order_by(by.c.code, t.c.field, t.c.ordinal)
    )
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, layer_of, named_code in connection.execute(query):
        found[code].append((layer_of, named_code))
    return dict(found)


class Hanging(NamedTuple):
    """A record that names another one in a field: `code` of the one that is named, `by` the one that names it."""

    code: str
    by: Reference
    field: str


def hanging_on(connection: sa.Connection, numbers: Collection[int]) -> list[Hanging]:
    """Return which records on the lists name some features now."""
    t, to, by = s.link, s.feature.alias(), s.feature.alias()
    query = (
        sa.select(to.c.code, by.c.layer, by.c.code, t.c.field)
        .join(to, to.c.id == t.c.to_id)
        .join(by, by.c.id == t.c.from_id)
        .where(t.c.to_id.in_(json_list(numbers)), t.c.valid_to.is_(None), by.c.retired == 0)
        .order_by(to.c.code, by.c.layer, by.c.code)
    )
    return [
        Hanging(code, Reference(layer, own), field) for code, layer, own, field in connection.execute(query)
    ]


def naming(connection: sa.Connection, layer: str, of: str, codes: Collection[str]) -> dict[str, list[str]]:
    """Return code → the records of a layer, on its lists, that name this record of the layer `of` now."""
    found: dict[str, list[str]] = defaultdict(list)
    numbers = _feature_ids(connection, {Reference(of, code) for code in codes}).values()
    for one in hanging_on(connection, numbers):
        if one.by.layer == layer:
            found[one.code].append(one.by.code)
    return dict(found)


def children(layers: Mapping[str, Layer], hanging: Iterable[Hanging]) -> list[Hanging]:
    """Return those that cannot stand alone: their layer belongs to the record that they name."""
    return [
        one
        for one in hanging
        if (layer := layers.get(one.by.layer)) is not None
        and layer.belongs_to is not None
        and layer.belongs_to.field == one.field
    ]


def listed(hanging: Sequence[Hanging]) -> str:
    """Return the first of them as a message names them."""
    some = "、".join(f"{one.by.layer}:{one.by.code}" for one in hanging[:_NAMED])
    return some + ("…" if len(hanging) > _NAMED else "")


_STEPS: Final = 20  # of merges, one after the other


def merged_into(connection: sa.Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Return feature → code of the record that has it by now, of features whose last revision is that of a merge."""
    left, kept, f = s.revision.alias(), s.revision.alias(), s.feature.alias()
    query = (
        sa.select(left.c.feature_id, f.c.id, f.c.code)
        .join(kept, sa.and_(kept.c.valid_from == left.c.valid_from, kept.c.op == MERGE))
        .join(f, f.c.id == kept.c.feature_id)
        .where(left.c.valid_to.is_(None), left.c.op == MERGED)
    )
    step: dict[int, tuple[int, str]] = {}
    asked, todo = list(numbers), set(numbers)
    for _ in range(_STEPS):
        if not todo:
            break
        rows = connection.execute(query.where(left.c.feature_id.in_(json_list(todo))))
        new = {number: (into, code) for number, into, code in rows}
        step |= new
        todo = {into for into, _ in new.values()} - step.keys()
    out: dict[int, str] = {}
    for number in asked:
        at = number
        for _ in range(_STEPS):
            if at not in step:
                break
            at, out[number] = step[at]
    return out
