"""Reminders that go out once: what was decided to be sent, what became of it; and which streets' lists came in.

A reminder is told by its rule, what it is about and the deadline that it is for. A row of the table decides who sends it, so
that two who press at once, or two servers, send it once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa

from riskmap.errors import LedgerError
from riskmap.ledger import schema as s
from riskmap.ledger.store import Store, next_id, timestamp
from riskmap.ledger.undoing import undone_by

_SENDING: Final = dt.timedelta(minutes=10)  # after which who was sending it is taken to have been stopped


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A reminder that is due: `about` a record (LAYER:CODE) or a street, for the deadline (or month) `due`.

    `body`: what is said and to whom, persons masked.
    """

    rule: str
    about: str
    due: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """A reminder as it stands: `attempt` is the last that was written of it, `outcome` what became of that.

    `outcome` is empty while it is being sent, or where that was interrupted.
    """

    id: int
    at: str
    who: str
    rule: str
    about: str
    due: str
    attempt: int
    body: Mapping[str, Any]
    outcome: Mapping[str, Any]
    last: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told by."""
        return self.rule, self.about, self.due

    @property
    def status(self) -> str:
        """Whether it was sent, failed, or is queued."""
        return str(self.outcome.get("status", "queued"))


def read_notices(connection: sa.Connection) -> list[Notice]:
    """Return every reminder as it stands, in the order in which they were decided."""
    t = s.notice
    rows: dict[tuple[str, str, str], list[Any]] = {}
    for row in connection.execute(sa.select(t).order_by(t.c.id)).mappings():
        rows.setdefault((row["rule"], row["about"], row["due"]), []).append(row)
    found: list[Notice] = []
    for some in rows.values():
        first, last = some[0], some[-1]
        told = [row for row in some if row["attempt"] % 2 == 0][-1]
        found.append(
            Notice(
                *(first["id"], first["at"], first["who"], first["rule"], first["about"], first["due"]),
                attempt=last["attempt"],
                body=orjson.loads(told["body"]),
                outcome=orjson.loads(last["body"]) if last["attempt"] % 2 else {},
                last=last["at"],
            )
        )
    return found


def claim(store: Store, new: Sequence[NewNotice], *, by: str, why: str) -> list[Notice]:
    """Write which of the reminders that are due go out now; return those that are ours to send, as they stand then.

    One that was decided before is not among them, unless it failed, or whoever sent it was stopped on the way.
    """
    with store.writing() as connection:
        stopped = timestamp(dt.datetime.fromisoformat(store.written_now(connection)) - _SENDING)
        known = {one.key: one for one in read_notices(connection)}
        ours: set[tuple[str, str, str]] = set()
        for one in new:
            key, attempt = (one.rule, one.about, one.due), 0
            if (old := known.get(key)) is not None:
                if old.status == "sent" or (old.status == "queued" and old.last >= stopped):
                    continue
                attempt = old.attempt + 2 - old.attempt % 2
            if key not in ours:
                ours.add(key)
                _write(connection, store, key, attempt, one.body, by=by, why=why)
        return [one for one in read_notices(connection) if one.key in ours]


def settle(store: Store, notice: Notice, outcome: Mapping[str, Any], *, by: str, why: str) -> None:
    """Write what became of a reminder that was ours to send."""
    with store.writing() as connection:
        _write(connection, store, notice.key, notice.attempt + 1, outcome, by=by, why=why)


def _write(
    connection: sa.Connection,
    store: Store,
    key: tuple[str, str, str],
    attempt: int,
    body: Mapping[str, Any],
    *,
    by: str,
    why: str,
) -> None:
    if not by.strip() or not why.strip():
        raise LedgerError(
            f"台账 {store.place}：写入缺少经办人或原因，未写入；请写明是谁、为什么",
            f"ledger {store.place}: a write without a person or a reason was refused; say who and why",
        )
    rule, about, due = key
    connection.execute(
        s.notice.insert().values(
            id=next_id(connection, s.notice),
            at=store.written_now(connection),
            who=by.strip(),
            why=why.strip(),
            rule=rule,
            about=about,
            due=due,
            attempt=attempt,
            body=orjson.dumps(dict(body)).decode(),
        )
    )


@dataclass(frozen=True, slots=True)
class CameIn:
    """The rows of one street in one imported file: how many, and when."""

    street: str
    file: str
    rows: int
    at: str


def came_in(connection: sa.Connection, layer: str, since: str, until: str) -> list[CameIn]:
    """Return the rows of each street that files brought between two moments, of imports that nobody took back.

    Of files that were imported before the ledger kept that, only what they wrote is known.
    """
    b, c = s.import_batch, s.changeset
    query = sa.select(b.c.file, b.c.streets, c.c.at, c.c.id).join(c, c.c.id == b.c.changeset_id)
    query = query.where(b.c.layer == layer, c.c.at >= since, c.c.at < until).order_by(b.c.id)
    found: list[CameIn] = []
    for file, streets, at, number in connection.execute(query).all():
        if undone_by(connection, number) is not None:
            continue
        rows = _written(connection, number) if streets is None else orjson.loads(streets)
        found += [CameIn(str(street), file, int(n), at) for street, n in sorted(rows.items())]
    return found


def _written(connection: sa.Connection, number: int) -> dict[str, int]:
    r = s.revision
    query = sa.select(r.c.subdistrict, sa.func.count()).where(r.c.valid_from == number)
    query = query.where(r.c.subdistrict.is_not(None)).group_by(r.c.subdistrict)
    return {str(street): int(n) for street, n in connection.execute(query)}
