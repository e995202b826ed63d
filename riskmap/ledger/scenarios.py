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
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from riskmap.errors import LedgerError, Say, UnknownNameError
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
from riskmap.values.hazards import Escalation
from riskmap.values.scenario import EVENT_KINDS, Escalated, Event, NewEvent, Opened, Scenario, Span


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


_COLUMNS = (
    *("number", "feature_id", "version", "rank_from", "rank_to", "trigger_id", "cause_zh", "cause_en"),
    *("start", "expiry", "value", "low", "high", "details"),
)


_STORED = len(_COLUMNS) - 1


_ZH, _EN = (_COLUMNS.index(name) - 1 for name in ("cause_zh", "cause_en"))


_NAMED = 5


_NO_DETAILS = "{}"


_STEPS = "steps"  # in the details


_SECOND = np.dtype("datetime64[s]")


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
) -> Opened:
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
        text = _Moments()
        rows = [_row(i, e, known[e.layer, e.code], text) for i, e in enumerate(escalations, 1)]
        _refuse_lower(title, escalations, rows)
        insert_rows(connection, s.escalation, _COLUMNS, rows, same={"scenario_id": number})
        if events:
            write_events(connection, store, number, events, by=by, why=why)
        (scenario,) = _scenarios(connection, number=number)
        raised = tuple(
            _escalated(row[1:], known[e.layer, e.code].shown, e.cause)
            for row, e in zip(rows, escalations, strict=True)
        )
    return Opened(scenario, raised)


def _refuse_lower(title: str, escalations: Sequence[Escalation], rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise LedgerError where an escalation does not raise, or ends before it begins."""
    before, after, start, expiry = (_COLUMNS.index(c) for c in ("rank_from", "rank_to", "start", "expiry"))
    wrong = [i for i, row in enumerate(rows) if row[after] <= row[before] or row[expiry] <= row[start]]
    if not wrong:
        return
    codes = "、".join(f"{escalations[i].layer} › {escalations[i].code}" for i in wrong[:_NAMED])
    raise LedgerError(
        f"情景 {title}：{codes} 的临时等级没有升高，或结束不晚于开始，未写入；升级只升不降，请检查触发条件",
        f"scenario {title}: {codes}: the tier is not raised, or it ends before it begins; nothing was "
        "written: an escalation only raises, check the triggers",
    )


class _Judged(NamedTuple):
    """A record as it was judged; `shown` are layer, code, name and sub-district."""

    feature: int
    version: int
    shown: tuple[str, str, str | None, str | None]


def _judged(connection: sa.Connection, escalations: Sequence[Escalation]) -> dict[tuple[str, str], _Judged]:
    """Return (layer, code) → the record; UnknownNameError names the codes there are not."""
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
            found[layer, code] = _Judged(feature, version, (layer, code, name, subdistrict))
        if missing := sorted(code for code in codes if (layer, code) not in found):
            some = "、".join(missing[:_NAMED])
            raise UnknownNameError(
                f"{layer} › {some}：台账中没有这个编号，情景未写入；请用现在的台账重新推演",
                f"{layer} › {some}: the ledger has no such code, the scenario was not written; compute it again",
            )
    return found


def _row(number: int, e: Escalation, judged: _Judged, text: _Moments) -> tuple[Any, ...]:
    """Return an escalation in the order of _COLUMNS; NaN is kept as null."""
    value, low, high = e.value, e.low, e.high
    return (
        number,
        judged.feature,
        judged.version,
        int(e.rank_from),
        int(e.rank_to),
        e.trigger,
        e.cause.zh,
        e.cause.en,
        text(e.start),
        text(e.expiry),
        None if value != value else float(value),  # noqa: PLR0124 (not a number: nothing else differs from itself)
        None if low != low else float(low),  # noqa: PLR0124
        None if high != high else float(high),  # noqa: PLR0124
        _details(e, text) if e.details or e.steps else _NO_DETAILS,
    )


def _details(e: Escalation, text: _Moments) -> str:
    """Return what is kept as JSON: how the rank rises and falls (steps of rank, start, expiry), and the rest."""
    stated = dict(e.details)
    if e.steps:
        stated[_STEPS] = [(rank, text(start), text(expiry)) for rank, start, expiry in e.steps]
    return orjson.dumps(stated, option=orjson.OPT_SERIALIZE_NUMPY, default=str).decode()


class _Moments:
    """Writes numpy moments, which are UTC, as the ledger does: each object once.

    Thousands of records share the objects of a few hundred hours, and numpy's moments compare slowly.
    They are told apart by identity, so what is written must outlive this.
    """

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def __call__(self, moment: np.datetime64) -> str:
        known = self._known.get(id(moment))
        if known is None:
            plain: Any = moment.astype(_SECOND).item()
            known = self._known[id(moment)] = timestamp(plain.replace(tzinfo=dt.UTC))
        return known


_read_stamp = lru_cache(maxsize=1024)(dt.datetime.fromisoformat)


def scenarios(store: Store, *, limit: int | None = None, number: int | None = None) -> list[Scenario]:
    """Return scenarios, the newest first."""
    with store.reading() as connection:
        return _scenarios(connection, limit=limit, number=number)


def _scenarios(
    connection: sa.Connection, *, limit: int | None = None, number: int | None = None
) -> list[Scenario]:
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
        Scenario(
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
) -> list[Escalated]:
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
            _escalated(row[:_STORED], row[_STORED:], Say(row[_ZH], row[_EN]))
            for rows in read_chunks(connection, query)
            for row in rows
        ]
    return found if at is None else [_of_moment(one, at) for one in found]


def _of_moment(one: Escalated, at: dt.datetime) -> Escalated:
    return replace(one, rank_to=max(s.rank for s in one.spans if s.start <= at < s.expiry))


def _escalated(stored: Sequence[Any], shown: Sequence[Any], cause: Say) -> Escalated:
    """Return what is stored (_COLUMNS without the number) of a record that is `shown` as in `_Judged`."""
    feature, version, before, after, trigger, _, _, start, expiry, value, low, high, details = stored
    layer, code, name, subdistrict = shown
    stated: dict[str, Any] = {} if details == _NO_DETAILS else orjson.loads(details)
    steps = stated.pop(_STEPS, ())
    return Escalated(
        feature,
        layer,
        code,
        name,
        subdistrict,
        before,
        after,
        trigger,
        cause,
        _read_stamp(start),
        _read_stamp(expiry),
        version,
        math.nan if value is None else value,
        math.nan if low is None else low,
        math.nan if high is None else high,
        stated,
        steps=tuple(Span(rank, _read_stamp(a), _read_stamp(b)) for rank, a, b in steps),
    )
