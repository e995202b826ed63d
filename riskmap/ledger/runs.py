"""Reading the runs of a layer: the last one, the models used, the tiers that changed and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from riskmap.ledger import schema as s
from riskmap.ledger.store import Store, timestamp
from riskmap.records import RANKS

# "fit": neither the record nor the model changed, but what the model compares with, the other records.
Cause = Literal["new", "data", "model", "both", "fit"]


@dataclass(frozen=True, slots=True)
class TierChange:
    """One record whose tier became another: names of RANKS, `before` None for its first assessment."""

    layer: str
    code: str
    before: str | None
    after: str
    score_before: float | None
    score_after: float | None
    cause: Cause
    run: int
    at: str


def last_run(connection: sa.Connection, layer: str, *, until: str | None = None) -> Any:
    """Return the last run over the whole layer; a run over some records says nothing about the rest."""
    t = s.run_layer
    query = sa.select(t).where(t.c.layer == layer, t.c.whole == 1)
    if until is not None:
        query = query.join(s.changeset, s.changeset.c.id == t.c.changeset_id).where(s.changeset.c.at <= until)
    return connection.execute(query.order_by(t.c.changeset_id.desc()).limit(1)).one_or_none()


def tier_changes(store: Store, *, run: int | None, since: int | None, limit: int | None) -> list[TierChange]:
    """Return the records whose tier became another: in one run, after a changeset, or ever."""
    now, past = s.assessment, s.assessment.alias("past")
    query = (
        sa.select(
            *(s.feature.c.layer, s.feature.c.code, past.c.rank, now.c.rank),
            *(past.c.score, now.c.score, now.c.cause, now.c.run_id, s.changeset.c.at),
        )
        .select_from(now)
        .join(s.feature, s.feature.c.id == now.c.feature_id)
        .join(s.changeset, s.changeset.c.id == now.c.valid_from)
        .outerjoin(past, sa.and_(past.c.feature_id == now.c.feature_id, past.c.valid_to == now.c.valid_from))
        .where(sa.or_(past.c.rank.is_(None), past.c.rank != now.c.rank))
        .order_by(now.c.valid_from, s.feature.c.layer, s.feature.c.code)
    )
    if run is not None:
        query = query.where(now.c.run_id == run)
    if since is not None:
        query = query.where(now.c.valid_from > since)
    if limit is not None:
        query = query.limit(limit)
    with store.reading() as connection:
        return [
            TierChange(layer, code, None if before is None else RANKS[before], RANKS[after], *rest)
            for layer, code, before, after, *rest in connection.execute(query)
        ]


def assessed_digest(store: Store, layer: str, *, as_of: dt.datetime | None = None) -> str | None:
    """Return the digest of the model that last assessed a layer (by a moment), None where none did."""
    with store.reading() as connection:
        last = last_run(connection, layer, until=None if as_of is None else timestamp(as_of))
        return None if last is None else last.digest


def assessed_fit(store: Store, layer: str, *, as_of: dt.datetime | None = None) -> str | None:
    """Return the digest of what the last whole run (by a moment) was compared with, None for nothing."""
    with store.reading() as connection:
        last = last_run(connection, layer, until=None if as_of is None else timestamp(as_of))
        return None if last is None else last.fit


def models_used(store: Store, layer: str) -> list[tuple[str, str]]:
    """Return (digest, text) of every model that has assessed a layer, the latest first."""
    t, text = s.run_layer, s.model_text
    query = (
        sa.select(text.c.digest, text.c.text)
        .join(t, t.c.digest == text.c.digest)
        .where(t.c.layer == layer)
        .group_by(text.c.digest, text.c.text)
        .order_by(sa.func.max(t.c.changeset_id).desc())
    )
    with store.reading() as connection:
        return [(digest, body) for digest, body in connection.execute(query)]


def model_text(store: Store, digest: str) -> str | None:
    """Return the text of a model that the ledger has kept, None where it has not."""
    with store.reading() as connection:
        return connection.execute(
            sa.select(s.model_text.c.text).where(s.model_text.c.digest == digest)
        ).scalar()
