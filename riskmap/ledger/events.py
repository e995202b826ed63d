"""The event log: one line for everything that happened in a scenario, append-only.

Writing a line changes no record, so the ledger's state stays: maps and lists need not be made anew
for every phone call. The line itself says who wrote it, when and why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import orjson
import sqlalchemy as sa

from riskmap.duty import EVENT_KINDS, Event, NewEvent
from riskmap.errors import LedgerError, UnknownNameError
from riskmap.ledger import schema as s
from riskmap.ledger.store import Store, next_id, timestamp


def add_events(store: Store, scenario: int, new: Sequence[NewEvent], *, by: str, why: str) -> list[int]:
    """Write lines of the log in one transaction and return their numbers; see `Ledger.add_events`."""
    if not by.strip() or not why.strip():
        raise LedgerError(
            "事件日志：缺少经办人或原因，未写入；请写明是谁、为什么",
            "event log: an entry without a person or a reason was refused; say who and why",
        )
    with store.writing() as connection:
        known = sa.select(s.scenario.c.id).where(s.scenario.c.id == scenario)
        if connection.execute(known).scalar() is None:
            raise UnknownNameError(
                f"情景 {scenario}：台账中没有；请核对编号", f"scenario {scenario}: there is none; check it"
            )
        return write_events(connection, store, scenario, new, by=by, why=why)


def write_events(
    connection: sa.Connection, store: Store, scenario: int, new: Sequence[NewEvent], *, by: str, why: str
) -> list[int]:
    """Write lines of the log of a scenario that is there; return their numbers."""
    first, recorded = next_id(connection, s.event), timestamp(store.clock())
    for number, one in enumerate(new, first):
        connection.execute(
            s.event.insert().values(
                id=number,
                scenario_id=scenario,
                at=timestamp(one.at),
                recorded=recorded,
                who=by.strip(),
                why=why.strip(),
                kind=_kind(one.kind),
                feature_id=_feature(connection, one),
                subdistrict=one.subdistrict or None,
                corrects=_corrected(connection, scenario, one),
                body=orjson.dumps(dict(one.body)).decode(),
            )
        )
    return list(range(first, first + len(new)))


def _kind(kind: str) -> str:
    if kind not in EVENT_KINDS:
        raise UnknownNameError(
            f"事件类型 {kind}：没有这一类；可用的有 {' '.join(EVENT_KINDS)}",
            f"kind of event {kind}: there is none; there are {' '.join(EVENT_KINDS)}",
        )
    return kind


def _feature(connection: sa.Connection, one: NewEvent) -> int | None:
    if one.layer is None or one.code is None:
        return None
    t = s.feature
    found = connection.execute(sa.select(t.c.id).where(t.c.layer == one.layer, t.c.code == one.code)).scalar()
    if found is None:
        raise UnknownNameError(
            f"{one.layer} › {one.code}：台账中没有这个编号，未写入；请核对编号和图层",
            f"{one.layer} › {one.code}: the ledger has no such code, nothing was written; check code and layer",
        )
    return found


def _corrected(connection: sa.Connection, scenario: int, one: NewEvent) -> int | None:
    """Return the event that a correction takes back; it is one of the same scenario, written before."""
    if one.kind != "correction":
        return None
    number, t = one.body.get("corrects"), s.event
    known = sa.select(t.c.id).where(t.c.id == number, t.c.scenario_id == scenario)
    if not isinstance(number, int) or connection.execute(known).scalar() is None:
        raise UnknownNameError(
            f"更正：情景 {scenario} 没有第 {number} 号事件，未写入；请写明被更正的事件号",
            f"correction: scenario {scenario} has no event {number}, nothing was written; name the event",
        )
    return number


def events(
    store: Store,
    scenario: int,
    *,
    until: dt.datetime | None = None,
    known_at: dt.datetime | None = None,
    number: int | None = None,
) -> list[Event]:
    """Return the log of a scenario in the order of time, corrections and what they take back included.

    `until` keeps what had happened by a moment, `known_at` what had been written down by then,
    `number` one event.
    """
    t, f = s.event, s.feature
    query = (
        sa.select(t, f.c.layer, f.c.code)
        .outerjoin(f, f.c.id == t.c.feature_id)
        .where(t.c.scenario_id == scenario)
        .order_by(t.c.at, t.c.id)
    )
    if until is not None:
        query = query.where(t.c.at <= timestamp(until))
    if number is not None:
        query = query.where(t.c.id == number)
    if known_at is not None:
        query = query.where(t.c.recorded <= timestamp(known_at))
    with store.reading() as connection:
        return [
            Event(
                id=row.id,
                scenario=row.scenario_id,
                at=dt.datetime.fromisoformat(row.at),
                recorded=dt.datetime.fromisoformat(row.recorded),
                who=row.who,
                why=row.why,
                kind=row.kind,
                feature_id=row.feature_id,
                layer=row.layer,
                code=row.code,
                subdistrict=row.subdistrict,
                body=orjson.loads(row.body),
            )
            for row in connection.execute(query)
        ]
