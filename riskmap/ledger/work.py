"""What is open in the registers: records whose state is not closed, from the columns that repeat state and deadline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from riskmap.catalog.layer import Layer
from riskmap.ledger import schema as s
from riskmap.ledger.columns import held_at, read_body, read_contacts
from riskmap.ledger.history import changeset_at
from riskmap.ledger.store import Store, json_list
from riskmap.moments import day_kept
from riskmap.rules.moves import day_found
from riskmap.values.records import Contact, Value


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record of a flow that is not closed. `since`: the day of its last move, else the day found; days are ISO.

    `contacts` are unmasked, and empty unless they were asked for. Of an alert `level` says how bad it is, and `at`
    when it was raised, as the record keeps it.
    """

    layer: str
    code: str
    name: str | None
    subdistrict: str | None
    state: str
    due: str | None
    since: str | None
    version: int
    contacts: tuple[Contact, ...] = ()
    level: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class MoveMade:
    """A move of a record that stands: from a state to a state, on a day (ISO), as of its version."""

    code: str
    before: str
    after: str
    on: str
    version: int


def moves_made(store: Store, layer: Layer, *, as_of: dt.datetime | None = None) -> list[MoveMade]:
    """Return the moves made in a register, now or until a moment, by day and code; those that were taken back are none."""
    if (flow := layer.flow) is None:
        return []
    f, r, c = s.feature, s.revision, s.changeset
    earlier = r.alias()
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        gone = _taken_back(connection, at)
        query = sa.select(
            f.c.code, earlier.c.state, r.c.state, r.c.happened, r.c.version, r.c.valid_from, c.c.at
        )
        joined = r.join(f, f.c.id == r.c.feature_id).join(c, c.c.id == r.c.valid_from)
        before = sa.and_(earlier.c.feature_id == r.c.feature_id, earlier.c.version == r.c.version - 1)
        query = query.select_from(joined.outerjoin(earlier, before)).where(
            f.c.layer == layer.id, r.c.op == "move"
        )
        if at is not None:
            query = query.where(r.c.valid_from <= at)
        found = [
            MoveMade(code, was or flow.start, state or flow.start, happened or day_kept(moment), version)
            for code, was, state, happened, version, number, moment in connection.execute(query)
            if number not in gone
        ]
    return sorted(found, key=lambda one: (one.on, one.code, one.version))


def _taken_back(connection: sa.Connection, at: int | None) -> set[int]:
    """Return the changesets that are undone in a state of the ledger; an undo that was itself undone takes nothing back."""
    t = s.changeset
    query = sa.select(t.c.id, t.c.undoes).where(t.c.undoes.is_not(None)).order_by(t.c.id.desc())
    gone: set[int] = set()
    for number, undoes in connection.execute(query if at is None else query.where(t.c.id <= at)):
        if number not in gone:
            gone.add(undoes)
    return gone


def open_records(
    store: Store,
    layers: Sequence[Layer],
    *,
    as_of: dt.datetime | None = None,
    contacts: bool = False,
) -> list[OpenRecord]:
    """Return the open records of registers, those with the earliest deadline first, then those without one."""
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        return [one for layer in layers for one in _open(connection, layer, at, contacts=contacts)]


def _open(connection: sa.Connection, layer: Layer, at: int | None, *, contacts: bool) -> list[OpenRecord]:
    if (flow := layer.flow) is None:
        return []
    f, r, people = s.feature, s.revision, s.contact_set
    columns: list[sa.ColumnElement[Any]] = [
        f.c.code,
        r.c.name,
        r.c.subdistrict,
        r.c.state,
        r.c.due,
        r.c.happened,
        r.c.version,
        r.c.body,
    ]
    joined = r.join(f, f.c.id == r.c.feature_id)
    if contacts:
        columns.append(people.c.people)
        ours = sa.and_(people.c.feature_id == r.c.feature_id, people.c.version == r.c.contacts_at)
        joined = joined.outerjoin(people, ours)
    closed = [state.id for state in flow.states if state.closed]
    query = sa.select(*columns).select_from(joined)
    query = query.where(f.c.layer == layer.id, held_at(r, at), r.c.retired.is_(None), _is_open(closed))
    query = query.order_by(r.c.due.is_(None), r.c.due, f.c.code)
    alerts = layer.role == "alert"
    leveled = layer.field_by_role("level") if alerts else None
    moment = layer.moment if alerts else ""
    return [
        OpenRecord(
            layer=layer.id,
            code=row["code"],
            name=row["name"],
            subdistrict=row["subdistrict"],
            state=row["state"] or flow.start,
            due=row["due"],
            since=row["happened"] or day_found(flow, body),
            version=row["version"],
            contacts=read_contacts(row["people"]) if contacts else (),
            level=None if leveled is None else _text(body.get(leveled.id)),
            at=_text(body.get(moment)),
        )
        for row in connection.execute(query).mappings()
        for body in ({} if row["happened"] and not alerts else read_body(row["body"]) or {},)
    ]


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def open_deadlines(
    store: Store, layers: Sequence[Layer], *, as_of: dt.datetime | None = None
) -> dict[tuple[str, str, str | None], int]:
    """Return (layer, state, deadline) → how many open records of registers have both; no record is read."""
    f, r = s.feature, s.revision
    found: dict[tuple[str, str, str | None], int] = {}
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        for layer in layers:
            if (flow := layer.flow) is None:
                continue
            closed = [state.id for state in flow.states if state.closed]
            query = sa.select(r.c.state, r.c.due, sa.func.count()).group_by(r.c.state, r.c.due)
            query = query.select_from(r.join(f, f.c.id == r.c.feature_id))
            query = query.where(
                f.c.layer == layer.id, held_at(r, at), r.c.retired.is_(None), _is_open(closed)
            )
            for state, due, n in connection.execute(query):
                key = layer.id, str(state or flow.start), due
                found[key] = found.get(key, 0) + int(n)
    return found


def _is_open(closed: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition of a state that is not closed; a record older than its flow states none."""
    state = s.revision.c.state
    return sa.or_(state.is_(None), state.not_in(list(closed)))


def states(store: Store, layer: Layer, *, as_of: dt.datetime | None = None) -> dict[str, int]:
    """Return state → how many active records of a register are in it, now or at a moment, states without any too."""
    if (flow := layer.flow) is None:
        return {}
    f, r = s.feature, s.revision
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        query = sa.select(sa.func.coalesce(r.c.state, flow.start), sa.func.count())
        query = query.select_from(r.join(f, f.c.id == r.c.feature_id))
        query = query.where(f.c.layer == layer.id, held_at(r, at), r.c.retired.is_(None)).group_by(
            sa.text("1")
        )
        counted = {str(state): int(n) for state, n in connection.execute(query)}
    return {one.id: 0 for one in flow.states} | counted


def since(
    store: Store, layer: Layer, codes: Collection[str], *, as_of: dt.datetime | None = None
) -> dict[str, str]:
    """Return code → the day since when records of a register are in their state, where one is known."""
    if (flow := layer.flow) is None:
        return {}
    f, r = s.feature, s.revision
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        query = sa.select(f.c.code, r.c.happened, r.c.body).select_from(r.join(f, f.c.id == r.c.feature_id))
        query = query.where(f.c.layer == layer.id, held_at(r, at), f.c.code.in_(json_list(list(codes))))
        rows = connection.execute(query).all()
    days = ((code, on or day_found(flow, read_body(body) or {})) for code, on, body in rows)
    return {code: day for code, day in days if day is not None}
