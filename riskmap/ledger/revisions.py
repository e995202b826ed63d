"""Writing: changesets, first revisions of new records, next revisions of known ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson
import shapely
import sqlalchemy as sa

from riskmap.catalog.flow import STATE, Flow
from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, StaleRevisionError
from riskmap.ledger import schema as s
from riskmap.ledger.attachments import follow_bodies
from riskmap.ledger.columns import Checklist, Known, count_contacts, write_checklist, write_contacts
from riskmap.ledger.links import link_new, link_next, named_by_written
from riskmap.ledger.store import (
    CHUNK,
    Store,
    chunks,
    insert_rows,
    last_changeset,
    next_id,
    update_rows,
)
from riskmap.rules.moves import day_found
from riskmap.values.attachments import PREFIX as FILES
from riskmap.values.records import CLEAR, Contact, Records, Value

FEATURE = ("id", "code", "revision_id", "subdistrict", "minx", "miny", "maxx", "maxy")


REVISION = (
    *("id", "feature_id", "version", "valid_from", "op", "retired", "name", "subdistrict", "lon", "lat"),
    *("body", "checklist", "shape_at", "contacts_at", "contact_count", "state", "due", "happened"),
)


FIRST_REVISION = (
    *("id", "feature_id", "name", "subdistrict", "lon", "lat"),
    *("body", "checklist", "shape_at", "contacts_at", "contact_count"),
)


FIRST_OF_A_FLOW = (*FIRST_REVISION, "op", "state", "due", "happened")


MOVING: Final = ("move", "restore", "withdraw", "insert", "takeover")
"""What may make a revision in which the state of a flow, or what its moves set, is another than before."""


_ADVANCE = (
    "UPDATE feature SET version = ?, revision_id = ?, changed = ?, subdistrict = ?, retired = ?, "
    "minx = ?, miny = ?, maxx = ?, maxy = ? WHERE id = ? AND version = ?"
)


_CLOSE = "UPDATE revision SET valid_to = ? WHERE feature_id = ? AND version = ? AND valid_to IS NULL"


_NOWHERE = (None, None, None, None)


def open_changeset(
    connection: sa.Connection,
    store: Store,
    *,
    by: str,
    why: str,
    kind: str,
    counts: Mapping[str, int],
    undoes: int | None = None,
    at_least: int = 0,
) -> int:
    """Write a changeset and return its id. Every write has a person and a reason."""
    if not by.strip() or not why.strip():
        raise LedgerError(
            f"台账 {store.place}：写入缺少经办人或原因，未写入；请写明是谁、为什么",
            f"ledger {store.place}: a write without a person or a reason was refused; say who and why",
        )
    last = last_changeset(connection)
    before = connection.execute(sa.select(s.changeset.c.at).where(s.changeset.c.id == last)).scalar()
    number = max(last, at_least) + 1
    # A clock that was set back must not shuffle the past.
    at = max(store.written_now(connection), before or "")
    connection.execute(
        s.changeset.insert().values(
            id=number,
            at=at,
            who=by.strip(),
            why=why.strip(),
            kind=kind,
            counts=orjson.dumps(dict(counts)).decode(),
            undoes=undoes,
        )
    )
    return number


@dataclass(frozen=True, slots=True)
class Write:
    """What one action has written so far: everything after changeset `base`, for the others wait."""

    connection: sa.Connection
    base: int
    layers: Mapping[str, Layer]

    def changesets(self) -> list[int]:
        """Return the changesets of the action, in their order."""
        t = s.changeset
        return list(self.connection.scalars(sa.select(t.c.id).where(t.c.id > self.base).order_by(t.c.id)))

    def touched(self, *, rated: bool = False) -> dict[str, list[str]]:
        """Return the active records that were written, layer → codes; with them those that count what they name.

        `rated`: only those that have a result, or whose layer was assessed as a whole. A layer that
        was only loaded so far waits for that.
        """
        f, run, result = s.feature, s.run_layer, s.assessment
        whole = sa.select(run.c.layer).where(run.c.whole == 1)
        has_result = sa.exists().where(result.c.feature_id == f.c.id, result.c.valid_to.is_(None))
        has_tier = sa.or_(f.c.layer.in_(whole), has_result)
        ours = f.c.id.in_(sa.select(s.revision.c.feature_id).where(s.revision.c.valid_from > self.base))
        if rated:
            ours = sa.and_(ours, has_tier)
        counting = [layer.id for layer in self.layers.values() if layer.rollups]
        if counting:
            named = f.c.id.in_(named_by_written(self.base))
            ours = sa.or_(ours, sa.and_(f.c.layer.in_(counting), named, has_tier))
        query = sa.select(f.c.layer, f.c.code).where(ours, f.c.retired == 0)
        found: dict[str, list[str]] = {}
        for layer, code in self.connection.execute(query.order_by(f.c.layer, f.c.code)):
            found.setdefault(layer, []).append(code)
        return found


def dump_body(values: Mapping[str, Any], place: str) -> str:
    """Return the stored text of field values; LedgerError names the record that cannot be stored."""
    try:
        return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    except TypeError as problem:
        raise LedgerError(
            f"{place}：有不能保存的值（{problem}），未写入；请检查该记录的各项",
            f"{place}: a value cannot be stored ({problem}); nothing was written, check the record's fields",
        ) from problem


def stated_values(records: Records, rows: Sequence[int]) -> Iterator[dict[str, Value]]:
    """Yield what each row states, field → value, unknown ones left out."""
    if not records.values:
        yield from ({} for _ in rows)
        return
    keys, columns = list(records.values), [[column[i] for i in rows] for column in records.values.values()]
    for row in zip(*columns, strict=True):
        yield {
            key: cell for key, cell in zip(keys, row, strict=True) if cell is not None and cell is not CLEAR
        }


def _known_text(column: Sequence[Any], rows: Sequence[int]) -> list[str | None]:
    return [None if column[i] is CLEAR else column[i] for i in rows]


def stated_position(records: Records, rows: Sequence[int]) -> list[tuple[float | None, float | None]]:
    """Return (lon, lat) of each row, (None, None) where unlocated."""
    lon, lat = records.lon[list(rows)].tolist(), records.lat[list(rows)].tolist()
    return [(None, None) if x != x or y != y else (x, y) for x, y in zip(lon, lat, strict=True)]  # noqa: PLR0124


def boxes(
    shapes: Sequence[bytes | None] | None, positions: Sequence[tuple[float | None, float | None]]
) -> list[tuple[float | None, ...]]:
    """Return (minx, miny, maxx, maxy) of each row: the shape's, else the position's."""
    out: list[tuple[float | None, ...]] = [(x, y, x, y) for x, y in positions]
    if shapes is None or not any(shapes):
        return out
    where = [i for i, wkb in enumerate(shapes) if wkb]
    bounds = shapely.bounds(shapely.from_wkb([shapes[i] for i in where])).tolist()
    for i, box in zip(where, bounds, strict=True):
        out[i] = _NOWHERE if box[0] != box[0] else tuple(box)
    return out


@dataclass(frozen=True, slots=True)
class FlowColumns:
    """What the columns of a revision repeat of its body, for a record of a flow; all None where there is no flow."""

    op: str
    state: str | None = None
    due: str | None = None
    happened: str | None = None

    @property
    def first_row(self) -> tuple[str | None, ...]:
        """The cells of `FIRST_OF_A_FLOW` that a record without a flow does not write."""
        return self.op, self.state, self.due, self.happened

    @classmethod
    def first(cls, layer: Layer | None, values: dict[str, Value]) -> FlowColumns:
        """Return those of a new record, which begins where its flow starts unless it states a state.

        One that arrives closed was closed elsewhere: it is taken over, on the day on which that was.
        """
        if layer is None or (flow := layer.flow) is None:
            return cls("insert")
        state = str(values.setdefault(STATE, flow.start))
        if not flow.is_closed(state):
            return cls("insert", state, cls._due(flow, values), None)
        day = values.get(flow.day_of(state) or "") or day_found(flow, values)
        return cls("takeover", state, None, None if day is None else str(day))

    @classmethod
    def next(cls, layer: Layer | None, draft: NextRevision) -> FlowColumns:
        """Return those of a next revision. LedgerError where something else than a move would change the state."""
        if layer is None or (flow := layer.flow) is None:
            return cls(draft.op)
        if draft.op == "insert":
            return cls.first(layer, draft.values)
        state = draft.values.setdefault(STATE, flow.start)  # older than its flow
        if draft.op not in MOVING and state != (draft.state_before or flow.start):
            raise LedgerError(
                f"{draft.layer} › {draft.code}：状态只能由 riskmap move 改变，未写入",
                f"{draft.layer} › {draft.code}: only riskmap move changes a state; nothing was written",
            )
        due = None if draft.retired is not None else cls._due(flow, draft.values)
        return cls(draft.op, str(state), due, draft.happened)

    @staticmethod
    def _due(flow: Flow, values: Mapping[str, Value]) -> str | None:
        """Return the deadline while it runs."""
        due, state = values.get(flow.due), values.get(STATE)
        return str(due) if due is not None and flow.runs(None if state is None else str(state)) else None


def write_new(
    connection: sa.Connection,
    records: Records,
    rows: Iterable[int],
    changeset: int,
    layers: Mapping[str, Layer],
) -> None:
    """Write first revisions, and their links, for rows whose codes the ledger does not know.

    In chunks: memory stays flat. `layers`: what says which values name records, and what a record goes through.
    """
    feature_id, revision_id = next_id(connection, s.feature), next_id(connection, s.revision)
    for chunk in chunks(rows, CHUNK):
        _write_new_chunk(connection, records, chunk, (feature_id, revision_id, changeset), layers)
        feature_id += len(chunk)
        revision_id += len(chunk)


def _written_people(people: Sequence[Sequence[Contact]]) -> tuple[list[str | None], list[int]]:
    """Return the stored text and the count of each row's contacts; rows with the same persons share both."""
    known: dict[tuple[int, ...], tuple[str | None, int]] = {}
    texts: list[str | None] = []
    counts: list[int] = []
    for row in people:
        key = tuple(map(id, row))  # intake makes a person once, and hashing one costs more than this
        found = known.get(key)
        if found is None:
            found = known[key] = (write_contacts(row), count_contacts(row))
        texts.append(found[0])
        counts.append(found[1])
    return texts, counts


def _write_new_chunk(
    connection: sa.Connection,
    records: Records,
    rows: list[int],
    ids: tuple[int, int, int],
    layers: Mapping[str, Layer],
) -> None:
    first, first_revision, changeset = ids
    count = len(rows)
    features, revisions = range(first, first + count), range(first_revision, first_revision + count)
    names, subdistricts = _known_text(records.name, rows), _known_text(records.subdistrict, rows)
    codes = [records.code[i] for i in rows]
    positions = stated_position(records, rows)
    shapes = None if records.shapes is None else [records.shapes[i] for i in rows]
    people = None if records.contacts is None else [records.contacts[i] or () for i in rows]
    written, counted = ([None] * count, [0] * count) if people is None else _written_people(people)
    checklists = (
        [None] * count if records.checklist is None else [write_checklist(records.checklist[i]) for i in rows]
    )
    found_boxes = boxes(shapes, positions)
    values = list(stated_values(records, rows))
    layer = layers.get(records.layer)
    flowing = layer is not None and layer.flow is not None
    flows = [FlowColumns.first(layer, one).first_row for one in values] if flowing else [()] * count
    bodies = [dump_body(one, records.layer) for one in values]
    insert_rows(
        connection,
        s.feature,
        FEATURE,
        (
            (fid, code, rid, sub, *box)
            for fid, code, rid, sub, box in zip(
                features, codes, revisions, subdistricts, found_boxes, strict=True
            )
        ),
        same={"layer": records.layer, "version": 1, "changed": changeset, "retired": 0},
    )
    insert_rows(
        connection,
        s.revision,
        FIRST_OF_A_FLOW if flowing else FIRST_REVISION,
        (
            (rid, fid, name, sub, x, y, body, items, at_shape, at_people, n, *flow)
            for rid, fid, flow, name, sub, (x, y), body, items, at_shape, at_people, n in zip(
                *(revisions, features, flows, names, subdistricts, positions, bodies, checklists),
                [1 if w else None for w in shapes or [None] * count],
                [1 if p else None for p in written],
                counted,
                strict=True,
            )
        ),
        same={"version": 1, "valid_from": changeset, "retired": None} | ({} if flowing else {"op": "insert"}),
    )
    if shapes is not None:
        insert_rows(
            connection,
            s.shape,
            ("feature_id", "wkb"),
            ((fid, wkb) for fid, wkb in zip(features, shapes, strict=True) if wkb),
            same={"version": 1},
        )
    if people is not None:
        insert_rows(
            connection,
            s.contact_set,
            ("feature_id", "people"),
            ((fid, text) for fid, text in zip(features, written, strict=True) if text),
            same={"version": 1},
        )
    link_new(connection, layers, records.layer, list(zip(features, values, strict=True)), changeset)
    if any(key.startswith(FILES) for key in records.values):
        follow_bodies(connection, dict(zip(features, values, strict=True)), changeset)


@dataclass(slots=True)
class NextRevision:
    """The next revision of one known record. `contacts` is None where they stay as they are."""

    layer: str
    code: str
    feature_id: int
    version: int  # of the revision that this one follows
    op: str
    retired: str | None
    name: str | None
    subdistrict: str | None
    position: tuple[float, float] | None
    values: dict[str, Value]
    checklist: Checklist | None
    shape: bytes | None
    shape_at: int | None
    contacts_at: int | None
    contact_count: int
    new_shape: bool = False
    contacts: tuple[Contact, ...] | None = None
    happened: str | None = None  # the day of the last move of a record of a flow
    state_before: Value | None = None

    @classmethod
    def after(cls, known: Known, at: int, *, layer: str, op: str) -> NextRevision:
        """Return a draft that repeats row `at` of `known`."""
        return cls(
            layer=layer,
            code=known.code[at],
            feature_id=known.feature_id[at],
            version=known.version[at],
            op=op,
            retired=known.retired[at],
            name=known.name[at],
            subdistrict=known.subdistrict[at],
            position=known.position(at),
            values=known.body(at),
            checklist=known.checklist[at],
            shape=known.shape[at],
            shape_at=known.shape_at[at],
            contacts_at=known.contacts_at[at],
            contact_count=known.contact_count[at],
            happened=known.happened[at],
            state_before=known.values[STATE][at] if STATE in known.values else None,
        )

    @classmethod
    def afresh(cls, known: Known, at: int, *, layer: str) -> NextRevision:
        """Return an empty draft for a record that is to be known anew."""
        return cls(
            layer=layer,
            code=known.code[at],
            feature_id=known.feature_id[at],
            version=known.version[at],
            op="insert",
            retired=None,
            name=None,
            subdistrict=None,
            position=None,
            values={},
            checklist=None,
            shape=None,
            shape_at=None,
            contacts_at=None,
            contact_count=0,
        )

    def apply(self, changes: Mapping[str, tuple[Any, Any]]) -> NextRevision:
        """Take over the "after" of every change; return the draft."""
        for key, (_, after) in changes.items():
            if key == "name":
                self.name = after
            elif key == "subdistrict":
                self.subdistrict = after
            elif key == "position":
                self.position = after
            elif key == "checklist":
                self.checklist = after
            elif key == "shape":
                self.shape, self.new_shape = after, True
            elif key == "contacts":
                self.contacts = tuple(after or ())
            elif after is None:
                self.values.pop(key, None)
            else:
                self.values[key] = after
        return self


def write_next(
    connection: sa.Connection, drafts: Iterable[NextRevision], changeset: int, layers: Mapping[str, Layer]
) -> None:
    """Write drafts as next revisions, with their links. StaleRevisionError where a record has moved on meanwhile."""
    for chunk in chunks(drafts, CHUNK):
        _write_next_chunk(connection, chunk, changeset, layers)
        for layer, ours in groupby(chunk, key=attrgetter("layer")):
            rows = [(d.feature_id, d.values if d.retired is None else None) for d in ours]
            link_next(connection, layers, layer, rows, changeset)


def _write_next_chunk(
    connection: sa.Connection, drafts: list[NextRevision], changeset: int, layers: Mapping[str, Layer]
) -> None:
    first = next_id(connection, s.revision)
    shapes: list[tuple[int, int, bytes]] = []
    people: list[tuple[int, int, str]] = []
    revisions: list[tuple[Any, ...]] = []
    places = [d.position or (None, None) for d in drafts]
    found_boxes = boxes([d.shape for d in drafts], places)
    advanced: list[tuple[Any, ...]] = []
    for rid, d, (x, y), box in zip(
        range(first, first + len(drafts)), drafts, places, found_boxes, strict=True
    ):
        version = d.version + 1
        shape_at, contacts_at, count = d.shape_at, d.contacts_at, d.contact_count
        if d.new_shape:
            shape_at = version if d.shape else None
            if d.shape:
                shapes.append((d.feature_id, version, d.shape))
        if d.contacts is not None:
            text = write_contacts(d.contacts)
            contacts_at, count = (version if text else None), count_contacts(d.contacts)
            if text:
                people.append((d.feature_id, version, text))
        flow = FlowColumns.next(layers.get(d.layer), d)
        body = dump_body(d.values, f"{d.layer} › {d.code}")
        items = write_checklist(d.checklist)
        revisions.append(
            (
                *(rid, d.feature_id, version, changeset, flow.op, d.retired, d.name, d.subdistrict, x, y),
                *(body, items, shape_at, contacts_at, count, flow.state, flow.due, flow.happened),
            )
        )
        gone = 0 if d.retired is None else 1
        advanced.append((version, rid, changeset, d.subdistrict, gone, *box, d.feature_id, d.version))
    if update_rows(connection, _ADVANCE, advanced) != len(drafts):
        raise _stale(connection, drafts)
    update_rows(connection, _CLOSE, [(changeset, d.feature_id, d.version) for d in drafts])
    insert_rows(connection, s.revision, REVISION, revisions)
    insert_rows(connection, s.shape, ("feature_id", "version", "wkb"), shapes)
    insert_rows(connection, s.contact_set, ("feature_id", "version", "people"), people)
    follow_bodies(connection, {d.feature_id: d.values for d in drafts}, changeset)


def _stale(connection: sa.Connection, drafts: Sequence[NextRevision]) -> StaleRevisionError:
    for d in drafts:
        current = connection.execute(
            sa.select(s.feature.c.version).where(s.feature.c.id == d.feature_id)
        ).scalar()
        # The update has already advanced those that were not stale.
        if current != d.version + 1:
            return StaleRevisionError(d.layer, d.code, seen=d.version, current=current or 0)
    d = drafts[0]
    return StaleRevisionError(d.layer, d.code, seen=d.version, current=d.version + 1)
