"""Which files hang on which records. A record says so itself, in its revisions; the table `attached` follows it.

So history, past days, undo and stale edits hold for files as for any field. The bytes lie in the workspace's
files, and are there before a row here names them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from riskmap.ledger import schema as s
from riskmap.ledger.columns import held_at
from riskmap.ledger.store import insert_rows, json_list, update_rows
from riskmap.values.attachments import Attached, Attachment, files_of
from riskmap.values.records import Value

_CLOSE = (
    "UPDATE attached SET valid_to = ? WHERE feature_id = ? AND field = ? AND digest = ? AND valid_to IS NULL"
)


def follow_bodies(
    connection: sa.Connection, bodies: Mapping[int, Mapping[str, Value]], changeset: int
) -> None:
    """Bring `attached` to what new revisions say: feature id → values."""
    t = s.attached
    query = sa.select(t.c.feature_id, t.c.field, t.c.digest, t.c.name).where(
        t.c.valid_to.is_(None), t.c.feature_id.in_(json_list(bodies.keys()))
    )
    held = {tuple(row) for row in connection.execute(query)}
    said = {
        (feature, field, digest, name)
        for feature, values in bodies.items()
        for field, files in files_of(values).items()
        for digest, name in files
    }
    update_rows(connection, _CLOSE, [(changeset, *row[:3]) for row in sorted(held - said)])
    insert_rows(
        connection,
        t,
        ("feature_id", "field", "digest", "name"),
        sorted(said - held),
        same={"valid_from": changeset},
    )


def keep_facts(connection: sa.Connection, files: Collection[Attachment]) -> None:
    """Write what files are, of those that the ledger does not know yet."""
    t = s.attachment
    new = {file.digest: file for file in files}
    known = set(connection.scalars(sa.select(t.c.digest).where(t.c.digest.in_(json_list(new.keys())))))
    insert_rows(
        connection,
        t,
        ("digest", "media", "bytes", "width", "height", "taken", "lon", "lat"),
        [
            (f.digest, f.kind, f.size, f.width, f.height, f.taken, f.lon, f.lat)
            for f in new.values()
            if f.digest not in known
        ],
    )


def read_attached(
    connection: sa.Connection, layer: str, *, codes: Collection[str] | None = None, at: int | None = None
) -> dict[str, list[Attached]]:
    """Return code → files of a layer's records, all or those of `codes`, now or after changeset `at`; oldest first."""
    f, t, a, c = s.feature, s.attached, s.attachment, s.changeset
    joined = (
        t.join(f, f.c.id == t.c.feature_id)
        .join(a, a.c.digest == t.c.digest)
        .join(c, c.c.id == t.c.valid_from)
    )
    query = sa.select(f.c.code, t.c.field, t.c.name, c.c.who, c.c.at, *a.c).select_from(joined)
    query = query.where(f.c.layer == layer, held_at(t, at))
    if codes is not None:
        query = query.where(f.c.code.in_(json_list(codes)))
    found: dict[str, list[Attached]] = {}
    order = (f.c.code, t.c.field, t.c.valid_from, t.c.name, t.c.digest)
    for row in connection.execute(query.order_by(*order)):
        code, field, name, who, written, *facts = tuple(row)
        found.setdefault(code, []).append(Attached(field, name, Attachment(*facts), who, written))
    return found


def all_attachments(connection: sa.Connection) -> list[Attachment]:
    """Return every file that the ledger has ever known, by digest: those taken back belong to the past."""
    query = sa.select(*s.attachment.c).order_by(s.attachment.c.digest)
    return [Attachment(*row) for row in connection.execute(query)]
