"""Reading the runs of a layer: the last one, the models used, the tiers that changed and why.

What a model took from a whole layer, kept beside the run that was scored with it.

The ledger does not look inside: a fit is a text with a digest. Equal fits are kept once.

Scoring models as they were saved: text, who, when, why. The ledger does not look inside a text.

A save takes two steps. First the version is recorded here, with the text that it replaces: from then
on neither text, nor who wanted it, can be lost. Then the model file is replaced, under the writers'
lock and only if nobody recorded another version in between.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from riskmap.errors import LedgerError
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.columns import held_at
from riskmap.ledger.store import Store, moments, timestamp
from riskmap.values.assessment import Makers
from riskmap.vocabulary import RANKS, UNRATED

if TYPE_CHECKING:
    from riskmap.ledger import revisions
else:
    revisions = later("riskmap.ledger.revisions")

# "fit": neither the record nor the model changed, but what the model compares with, the other records.
Cause = Literal["new", "data", "model", "both", "fit"]


@dataclass(frozen=True, slots=True)
class TierChange:
    """One record whose tier became another: names of `STANDINGS`, `before` None for its first assessment."""

    layer: str
    code: str
    before: str | None
    after: str
    score_before: float | None
    score_after: float | None
    cause: Cause
    run: int
    at: str


def last_run(
    connection: sa.Connection, layer: str, *, until: str | None = None, at: int | None = None
) -> Any:
    """Return the last run over the whole layer, until a moment or changeset `at`; a run over some records
    says nothing about the rest.
    """
    t = s.run_layer
    query = sa.select(t).where(t.c.layer == layer, t.c.whole == 1)
    if at is not None:
        query = query.where(t.c.changeset_id <= at)
    if until is not None:
        query = query.join(s.changeset, s.changeset.c.id == t.c.changeset_id).where(s.changeset.c.at <= until)
    return connection.execute(query.order_by(t.c.changeset_id.desc()).limit(1)).one_or_none()


def standings(store: Store, at: int) -> dict[str, Counter[str]]:
    """Return layer → tier (or grade, or "unrated") → how many active records had it after a changeset."""
    f, r, a = s.feature, s.revision, s.assessment
    query = (
        sa.select(f.c.layer, sa.func.coalesce(a.c.rank, UNRATED), sa.func.count())
        .select_from(r.join(f, f.c.id == r.c.feature_id))
        .outerjoin(a, sa.and_(a.c.feature_id == r.c.feature_id, held_at(a, at)))
        .where(held_at(r, at), r.c.retired.is_(None))
        .group_by(sa.text("1"), sa.text("2"))
    )
    return _counted(store, query)


def first_tiers(store: Store, *, since: int, until: int | None) -> dict[str, Counter[str]]:
    """Return layer → tier → how many records were assessed for the first time after a changeset, up to one, with it."""
    now, past = s.assessment, s.assessment.alias("past")
    query = (
        sa.select(s.feature.c.layer, now.c.rank, sa.func.count())
        .select_from(now)
        .join(s.feature, s.feature.c.id == now.c.feature_id)
        .outerjoin(past, sa.and_(past.c.feature_id == now.c.feature_id, past.c.valid_to == now.c.valid_from))
        .where(past.c.rank.is_(None), now.c.valid_from > since)
        .group_by(sa.text("1"), sa.text("2"))
    )
    if until is not None:
        query = query.where(now.c.valid_from <= until)
    return _counted(store, query)


def _counted(store: Store, query: sa.Select[str, int, int]) -> dict[str, Counter[str]]:
    """Return layer → tier → how many, of rows (layer, rank, how many)."""
    found: dict[str, Counter[str]] = {}
    with store.reading() as connection:
        for layer, rank, n in connection.execute(query):
            found.setdefault(layer, Counter())[_standing(store, layer, rank)] += n
    return found


def tier_changes(
    store: Store,
    *,
    run: int | None,
    since: int | None,
    until: int | None,
    limit: int | None,
    first: bool = True,
) -> list[TierChange]:
    """Return the records whose tier became another: in one run, after a changeset, up to one, or ever; without those
    that had none before where `first` is False.
    """
    now, past = s.assessment, s.assessment.alias("past")
    query = (
        sa.select(
            *(s.feature.c.layer, s.feature.c.code, past.c.rank, now.c.rank),
            *(past.c.score, now.c.score, now.c.cause, now.c.run_id, s.changeset.c.at),
        )
        .select_from(now)
        .join(s.feature, s.feature.c.id == now.c.feature_id)
        .join(s.changeset, s.changeset.c.id == now.c.valid_from)
        .join(
            past,
            sa.and_(past.c.feature_id == now.c.feature_id, past.c.valid_to == now.c.valid_from),
            isouter=first,
        )
        .where(sa.or_(past.c.rank.is_(None), past.c.rank != now.c.rank))
        .order_by(now.c.valid_from, s.feature.c.layer, s.feature.c.code)
    )
    if run is not None:
        query = query.where(now.c.run_id == run)
    if since is not None:
        query = query.where(now.c.valid_from > since)
    if until is not None:
        query = query.where(now.c.valid_from <= until)
    if limit is not None:
        query = query.limit(limit)
    with store.reading() as connection:
        return [
            TierChange(
                *(layer, code, None if before is None else _standing(store, layer, before)),
                *(_standing(store, layer, after), *rest),
            )
            for layer, code, before, after, *rest in connection.execute(query)
        ]


def _standing(store: Store, layer: str, rank: int) -> str:
    """Return the tier of a rank, or the grade where a record of the layer is no risk."""
    definition = store.layers.get(layer)
    return RANKS[rank] if definition is None else definition.standing(RANKS[rank])


def makers(store: Store, layer: str, *, at: int | None = None, feature_id: int | None = None) -> Makers:
    """Return which models made the tiers of a layer, now or after changeset `at`; see `Ledger.makers`.

    A run over the whole layer confirms what it leaves as it was, so only results that came after it
    have a model of their own.
    """
    result, run = s.assessment, s.run_layer
    # a subquery, not a join: a planner that starts from a million features takes .3 s to find nothing
    its_layer = sa.select(s.feature.c.layer).where(s.feature.c.id == result.c.feature_id).scalar_subquery()
    with store.reading() as connection:
        last = last_run(connection, layer, at=at)
        query = (
            sa.select(result.c.feature_id, run.c.digest)
            .join(run, run.c.changeset_id == result.c.valid_from)
            .where(run.c.changeset_id > (last.changeset_id if last else 0), run.c.layer == layer)
            .where(its_layer == layer, held_at(result, at))
        )
        if feature_id is not None:
            query = query.where(result.c.feature_id == feature_id)
        alone = dict(map(tuple, connection.execute(query)))
    return Makers(last.digest if last else None, alone)


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


@dataclass(frozen=True, slots=True)
class KeptFit:
    """A stored fit: its text, and the moment (ISO, UTC) of the run that used it last."""

    text: str
    at: str


def digest_of(text: str | None) -> str | None:
    """Return the SHA-256 of a fit's text, hex; None for a model that needs none."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def keep_fit(connection: sa.Connection, text: str | None) -> str | None:
    """Store a fit unless the ledger has it, and return its digest."""
    digest = digest_of(text)
    if text is None or digest is None:
        return None
    t = s.model_fit
    if connection.execute(sa.select(t.c.digest).where(t.c.digest == digest)).scalar() is None:
        connection.execute(t.insert().values(digest=digest, body=zlib.compress(text.encode(), 1)))
    return digest


def last_fit(
    store: Store, layer: str, model_digest: str, *, as_of: dt.datetime | None = None
) -> KeptFit | None:
    """Return the fit of the last whole run (by a moment) of a layer; None where it had another model or no fit."""
    with store.reading() as connection:
        last = last_run(connection, layer, until=None if as_of is None else timestamp(as_of))
        if last is None or last.digest != model_digest or last.fit is None:
            return None
        body = connection.execute(
            sa.select(s.model_fit.c.body).where(s.model_fit.c.digest == last.fit)
        ).scalar_one()
        at = moments(connection, [last.changeset_id])[last.changeset_id]
    return KeptFit(zlib.decompress(body).decode(), at)


@dataclass(frozen=True, slots=True)
class KeptModel:
    """One text of a model. `changeset`, `at` (ISO, UTC), `who`, `why` of its saving; of its first
    assessment where it was never saved in the app (`saved` False); None where neither is known.
    """

    digest: str
    text: str
    saved: bool
    changeset: int | None = None
    at: str | None = None
    who: str | None = None
    why: str | None = None


def model_digest(text: str) -> str:
    """Return what a model's text is known by: SHA-256, hex, of the text with Unix line ends."""
    return hashlib.sha256(text.encode()).hexdigest()


def keep_model(connection: sa.Connection, model: str, digest: str, text: str) -> None:
    """Store the text of a model unless the ledger has it."""
    t = s.model_text
    if connection.execute(sa.select(t.c.digest).where(t.c.digest == digest)).scalar() is None:
        connection.execute(t.insert().values(digest=digest, model=model, text=text))


def record_model(
    store: Store,
    model: str,
    version: str,
    *,
    text: str,
    base: str,
    used: Collection[tuple[str, str]],
    by: str,
    why: str,
) -> int:
    """Write a version as a changeset of kind "model" and return its number; see `Ledger.record_model`."""
    digest, t = model_digest(text), s.model_version
    with store.writing() as connection:
        saved = connection.execute(sa.select(t.c.version, t.c.digest).where(t.c.model == model))
        if any(v == version and d != digest for v, d in (*used, *(tuple(row) for row in saved))):
            raise LedgerError(
                f"评分模型 {model}：版本 {version} 已属于另一份内容，未写入；请改用没有用过的版本号",
                f"scoring model {model}: version {version} belongs to another text, nothing was written; "
                "use a version that was not used before",
            )
        number = revisions.open_changeset(connection, store, by=by, why=why, kind="model", counts={})
        keep_model(connection, model, model_digest(base), base)
        keep_model(connection, model, digest, text)
        connection.execute(
            t.insert().values(
                changeset_id=number, model=model, version=version, digest=digest, base=model_digest(base)
            )
        )
    return number


def put_in_place(store: Store, changeset: int, replace: Callable[[], None]) -> bool:
    """Call `replace` under the writers' lock if `changeset` is still its model's last version."""
    t = s.model_version
    with store.writing() as connection:
        mine = sa.select(t.c.model).where(t.c.changeset_id == changeset).scalar_subquery()
        last = connection.execute(sa.select(sa.func.max(t.c.changeset_id)).where(t.c.model == mine)).scalar()
        if last != changeset:
            return False
        replace()
    return True


def kept_models(store: Store, model: str) -> list[KeptModel]:
    """Return every kept text of a model, the last saved or used first; a text saved twice comes twice."""
    text, saved, run, change = s.model_text, s.model_version, s.run_layer, s.changeset
    with store.reading() as connection:
        texts = {
            row.digest: row.text for row in connection.execute(sa.select(text).where(text.c.model == model))
        }
        found = [
            KeptModel(row.digest, texts[row.digest], True, row.changeset_id, row.at, row.who, row.why)
            for row in connection.execute(
                sa.select(saved.c.digest, saved.c.changeset_id, change.c.at, change.c.who, change.c.why)
                .join(change, change.c.id == saved.c.changeset_id)
                .where(saved.c.model == model)
            )
        ]
        known = {one.digest for one in found}
        first = (
            sa.select(run.c.digest, sa.func.min(run.c.changeset_id).label("first"))
            .where(run.c.model == model)
            .group_by(run.c.digest)
            .subquery()
        )
        for row in connection.execute(
            sa.select(first.c.digest, change).join(change, change.c.id == first.c.first)
        ):
            if row.digest not in known:
                found.append(
                    KeptModel(row.digest, texts[row.digest], False, row.id, row.at, row.who, row.why)
                )
                known.add(row.digest)
    found += [KeptModel(digest, body, False) for digest, body in texts.items() if digest not in known]
    return sorted(found, key=lambda one: -(one.changeset or 0))
