"""Scoring models as they were saved: text, who, when, why. The ledger does not look inside a text.

A save takes two steps. First the version is recorded here, with the text that it replaces: from then
on neither text, nor who wanted it, can be lost. Then the model file is replaced, under the writers'
lock and only if nobody recorded another version in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import sqlalchemy as sa

from riskmap.errors import LedgerError
from riskmap.ledger import schema as s
from riskmap.ledger.revisions import open_changeset
from riskmap.ledger.store import Store


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
        number = open_changeset(connection, store, by=by, why=why, kind="model", counts={})
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
