"""Scenarios and the tiers they raise for a while, kept beside the assessments, which they never change.

The event log: one line for everything that happened in a scenario, append-only.

Writing a line changes no record, so the ledger's state stays: maps and lists need not be made anew
for every phone call. The line itself says who wrote it, when and why.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from riskmap.errors import LedgerError, Text, UnknownNameError
from riskmap.ledger import schema as s
from riskmap.ledger.revisions import open_changeset
from riskmap.ledger.store import (
    BESIDE,
    Store,
    insert_rows,
    json_list,
    next_id,
    no_cycles,
    read_chunks,
    timestamp,
)
from riskmap.values.hazards import Escalation, TierSpan
from riskmap.values.scenario import EVENT_KINDS, Event, NewEvent, OpenedScenario, Recorded, RecordedScenario


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
    first, recorded = next_id(connection, s.event), store.written_now(connection)
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


_COLUMNS = (
    *("number", "feature_id", "version", "rank_from", "rank_to", "trigger_id", "cause_zh", "cause_en"),
    *("start", "expiry", "value", "low", "high", "details"),
)


_NAMED = 5


_NO_DETAILS = "{}"


_STEPS = "steps"  # in the details


def open_scenario(
    store: Store,
    *,
    title: str,
    drill: bool,
    body: Mapping[str, Any],
    at: dt.datetime,
    escalations: Sequence[Escalation],
    events: Sequence[NewEvent],
    by: str,
    why: str,
) -> OpenedScenario:
    """Write a scenario with its escalations and first events in one transaction; see `Ledger.open_scenario`."""
    if not title.strip():
        raise LedgerError("情景：标题不能为空，未写入", "scenario: the title is empty; nothing was written")
    loaded = orjson.dumps(dict(body), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    with no_cycles(), store.writing() as connection:
        known = _judged(connection, escalations)
        counts = {"escalations": len(escalations), "records": len(known)}
        changeset = open_changeset(connection, store, by=by, why=why, kind=BESIDE, counts=counts)
        number = next_id(connection, s.scenario)
        connection.execute(
            s.scenario.insert().values(
                id=number,
                changeset_id=changeset,
                at=timestamp(at),
                title=title.strip(),
                drill=int(drill),
                body=loaded,
            )
        )
        raised = tuple(Recorded(e, *known[e.layer, e.code]) for e in escalations)
        _refuse_lower(title, escalations)
        rows = [_row(i, one) for i, one in enumerate(raised, 1)]
        insert_rows(connection, s.escalation, _COLUMNS, rows, same={"scenario_id": number})
        if events:
            write_events(connection, store, number, events, by=by, why=why)
        (scenario,) = _scenarios(connection, number=number)
    return OpenedScenario(scenario, raised)


def _refuse_lower(title: str, escalations: Sequence[Escalation]) -> None:
    """Raise LedgerError where an escalation does not raise, or ends before it begins."""
    wrong = [e for e in escalations if e.rank_to <= e.rank_from or e.expiry <= e.start]
    if not wrong:
        return
    codes = "、".join(f"{e.layer} › {e.code}" for e in wrong[:_NAMED])
    raise LedgerError(
        f"情景 {title}：{codes} 的临时等级没有升高，或结束不晚于开始，未写入；升级只升不降，请检查触发条件",
        f"scenario {title}: {codes}: the tier is not raised, or it ends before it begins; nothing was "
        "written: an escalation only raises, check the triggers",
    )


_Judged = tuple[int, int, str | None, str | None]  # id, version, name, sub-district


def _judged(connection: sa.Connection, escalations: Sequence[Escalation]) -> dict[tuple[str, str], _Judged]:
    """Return (layer, code) → the record as it is judged now; UnknownNameError names the codes there are not."""
    wanted: dict[str, set[str]] = {}
    for e in escalations:
        wanted.setdefault(e.layer, set()).add(e.code)
    f, r = s.feature, s.revision
    found: dict[tuple[str, str], _Judged] = {}
    for layer, codes in wanted.items():
        query = (
            sa.select(f.c.code, f.c.id, f.c.version, r.c.name, r.c.subdistrict)
            .join(r, sa.and_(r.c.feature_id == f.c.id, r.c.version == f.c.version))
            .where(f.c.layer == layer, f.c.code.in_(json_list(sorted(codes))))
        )
        for code, feature, version, name, subdistrict in connection.execute(query).all():
            found[layer, code] = (feature, version, name, subdistrict)
        if missing := sorted(code for code in codes if (layer, code) not in found):
            some = "、".join(missing[:_NAMED])
            raise UnknownNameError(
                f"{layer} › {some}：台账中没有这个编号，情景未写入；请用现在的台账重新推演",
                f"{layer} › {some}: the ledger has no such code, the scenario was not written; compute it again",
            )
    return found


def _row(number: int, one: Recorded) -> tuple[Any, ...]:
    """Return an escalation in the order of _COLUMNS; NaN is kept as null."""
    e = one.escalation
    return (
        number,
        one.feature_id,
        one.version,
        int(e.rank_from),
        int(e.rank_to),
        e.trigger,
        e.cause.zh,
        e.cause.en,
        _written(e.start),
        _written(e.expiry),
        *(None if math.isnan(value) else float(value) for value in (e.value, e.low, e.high)),
        _details(e),
    )


def _details(e: Escalation) -> str:
    """Return what is kept as JSON: how the rank rises and falls (steps of rank, start, expiry), and the rest."""
    stated: dict[str, Any] = dict(e.details)
    if len(e.spans) > 1:
        stated[_STEPS] = [(rank, _written(start), _written(expiry)) for rank, start, expiry in e.spans]
    return orjson.dumps(stated, option=orjson.OPT_SERIALIZE_NUMPY, default=str).decode()


_written = lru_cache(maxsize=4096)(timestamp)  # thousands of records share a few hundred hours


_read_stamp = lru_cache(maxsize=1024)(dt.datetime.fromisoformat)


def scenarios(store: Store, *, limit: int | None = None, number: int | None = None) -> list[RecordedScenario]:
    """Return scenarios, the newest first."""
    with store.reading() as connection:
        return _scenarios(connection, limit=limit, number=number)


def _scenarios(
    connection: sa.Connection, *, limit: int | None = None, number: int | None = None
) -> list[RecordedScenario]:
    t, c = s.scenario, s.changeset
    query = (
        sa.select(t, c.c.at.label("recorded"), c.c.who, c.c.why)
        .join(c, c.c.id == t.c.changeset_id)
        .order_by(t.c.id.desc())
        .limit(limit)
    )
    if number is not None:
        query = query.where(t.c.id == number)
    return [
        RecordedScenario(
            id=row.id,
            title=row.title,
            drill=bool(row.drill),
            at=dt.datetime.fromisoformat(row.at),
            body=orjson.loads(row.body),
            changeset=row.changeset_id,
            recorded=dt.datetime.fromisoformat(row.recorded),
            who=row.who,
            why=row.why,
        )
        for row in connection.execute(query)
    ]


def escalations(
    store: Store,
    *,
    scenario: int | None = None,
    at: dt.datetime | None = None,
    record: tuple[str, str] | None = None,
) -> list[Recorded]:
    """Return what a scenario (all: None) raised, in its order.

    `at` keeps what is in force at that moment with the rank of that moment, `record` (layer, code) what concerns one record.
    Name and sub-district are those of the version that was judged.
    """
    t, f, r = s.escalation, s.feature, s.revision
    own = [t.c[name] for name in _COLUMNS if name != "number"]
    query = (
        sa.select(*own, f.c.layer, f.c.code, r.c.name, r.c.subdistrict)
        .join(f, f.c.id == t.c.feature_id)
        .join(r, sa.and_(r.c.feature_id == t.c.feature_id, r.c.version == t.c.version))
        .order_by(t.c.scenario_id, t.c.number)
    )
    if scenario is not None:
        query = query.where(t.c.scenario_id == scenario)
    if record is not None:
        query = query.where(f.c.layer == record[0], f.c.code == record[1])
    if at is not None:
        query = query.where(t.c.start <= timestamp(at), t.c.expiry > timestamp(at))
    with no_cycles(), store.reading() as connection:
        found = [
            Recorded(_escalation(layer, code, stored), feature, version, name, subdistrict)
            for rows in read_chunks(connection, query)
            for feature, version, *stored, layer, code, name, subdistrict in rows
        ]
    return found if at is None else [replace(one, escalation=one.escalation.at(at)) for one in found]


def _escalation(layer: str, code: str, stored: Sequence[Any]) -> Escalation:
    """Return what is stored of a record, _COLUMNS from the ranks on."""
    before, after, trigger, zh, en, start, expiry, *numbers, details = stored
    stated: dict[str, Any] = {} if details == _NO_DETAILS else orjson.loads(details)
    steps = stated.pop(_STEPS, ())
    return Escalation(
        layer,
        code,
        before,
        after,
        trigger,
        Text(zh, en),
        _read_stamp(start),
        _read_stamp(expiry),
        *(math.nan if value is None else value for value in numbers),
        details=stated,
        spans=tuple(TierSpan(rank, _read_stamp(a), _read_stamp(b)) for rank, a, b in steps),
    )
