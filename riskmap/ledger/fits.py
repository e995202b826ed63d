"""What a model took from a whole layer, kept beside the run that was scored with it.

The ledger does not look inside: a fit is a text with a digest. Equal fits are kept once.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

import sqlalchemy as sa

from riskmap.ledger import schema as s
from riskmap.ledger.store import Store, moments


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


def last_fit(store: Store, layer: str, model_digest: str) -> KeptFit | None:
    """Return the fit of the last whole run of a layer; None where that run had another model or no fit."""
    t = s.run_layer
    with store.reading() as connection:
        last = connection.execute(
            sa.select(t.c.changeset_id, t.c.digest, t.c.fit)
            .where(t.c.layer == layer, t.c.whole == 1)
            .order_by(t.c.changeset_id.desc())
            .limit(1)
        ).one_or_none()
        if last is None or last.digest != model_digest or last.fit is None:
            return None
        body = connection.execute(
            sa.select(s.model_fit.c.body).where(s.model_fit.c.digest == last.fit)
        ).scalar_one()
        at = moments(connection, [last.changeset_id])[last.changeset_id]
    return KeptFit(zlib.decompress(body).decode(), at)
