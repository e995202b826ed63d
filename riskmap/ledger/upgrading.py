"""Bringing an older ledger to the schema of this program, in one transaction, without losing anything.

A step only adds: tables, columns that may be empty, triggers; and drops an index that nothing reads any more, or a
trigger that names columns, to make it anew. What was written stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from riskmap.ledger import chain
from riskmap.ledger import schema as s
from riskmap.ledger.store import plain_errors

_STEPS: Final[Mapping[int, Sequence[str]]] = {
    # 1 → 2: runs keep what their model took from the whole layer.
    1: (
        "CREATE TABLE model_fit (digest VARCHAR NOT NULL, body BLOB NOT NULL, PRIMARY KEY (digest))",
        "ALTER TABLE run_layer ADD COLUMN fit VARCHAR REFERENCES model_fit (digest)",
        (
            "CREATE TRIGGER model_fit_keep BEFORE DELETE ON model_fit "
            "BEGIN SELECT RAISE(ABORT, 'model_fit: nothing is deleted'); END"
        ),
        (
            "CREATE TRIGGER model_fit_fixed BEFORE UPDATE ON model_fit "
            "BEGIN SELECT RAISE(ABORT, 'model_fit: rows are append-only'); END"
        ),
    ),
    # 2 → 3: models that were saved, with who and why.
    2: (
        (
            "CREATE TABLE model_version (changeset_id INTEGER NOT NULL, model VARCHAR NOT NULL, "
            "version TEXT NOT NULL, digest VARCHAR NOT NULL, base VARCHAR NOT NULL, "
            "PRIMARY KEY (changeset_id), FOREIGN KEY(changeset_id) REFERENCES changeset (id), "
            "FOREIGN KEY(digest) REFERENCES model_text (digest), "
            "FOREIGN KEY(base) REFERENCES model_text (digest))"
        ),
        "CREATE INDEX model_version_model ON model_version (model)",
        (
            "CREATE TRIGGER model_version_keep BEFORE DELETE ON model_version "
            "BEGIN SELECT RAISE(ABORT, 'model_version: nothing is deleted'); END"
        ),
        (
            "CREATE TRIGGER model_version_fixed BEFORE UPDATE ON model_version "
            "BEGIN SELECT RAISE(ABORT, 'model_version: rows are append-only'); END"
        ),
    ),
    # 3 → 4: scenarios, the tiers they raise for a while, and the log of what happened.
    3: (
        (
            "CREATE TABLE scenario (id INTEGER NOT NULL, changeset_id INTEGER NOT NULL, at VARCHAR NOT NULL, "
            "title TEXT NOT NULL, drill INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id), "
            "FOREIGN KEY(changeset_id) REFERENCES changeset (id))"
        ),
        (
            "CREATE TABLE escalation (scenario_id INTEGER NOT NULL, number INTEGER NOT NULL, "
            "feature_id INTEGER NOT NULL, version INTEGER NOT NULL, rank_from INTEGER NOT NULL, "
            "rank_to INTEGER NOT NULL, trigger_id VARCHAR NOT NULL, cause_zh TEXT NOT NULL, "
            "cause_en TEXT NOT NULL, start VARCHAR NOT NULL, expiry VARCHAR NOT NULL, value FLOAT, low FLOAT, "
            "high FLOAT, details TEXT NOT NULL, PRIMARY KEY (scenario_id, number), CHECK (rank_to > rank_from), "
            "CHECK (expiry > start), FOREIGN KEY(scenario_id) REFERENCES scenario (id), "
            "FOREIGN KEY(feature_id) REFERENCES feature (id))"
        ),
        "CREATE INDEX escalation_feature ON escalation (feature_id)",
        (
            "CREATE TABLE event (id INTEGER NOT NULL, scenario_id INTEGER NOT NULL, at VARCHAR NOT NULL, "
            "recorded VARCHAR NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, kind VARCHAR NOT NULL, "
            "feature_id INTEGER, subdistrict TEXT, corrects INTEGER, body TEXT NOT NULL, PRIMARY KEY (id), "
            "CHECK ((kind = 'correction') = (corrects IS NOT NULL)), "
            "FOREIGN KEY(scenario_id) REFERENCES scenario (id), "
            "FOREIGN KEY(feature_id) REFERENCES feature (id), FOREIGN KEY(corrects) REFERENCES event (id))"
        ),
        "CREATE INDEX event_scenario ON event (scenario_id, at)",
        *(
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: {message}'); END"
            for table in ("scenario", "escalation", "event")
            for name, event, message in (
                ("keep", "DELETE", "nothing is deleted"),
                ("fixed", "UPDATE", "rows are append-only"),
            )
        ),
    ),
    # 4 → 5: no query asked the spatial index; maps and areas read the snapshot.
    4: (
        "DROP TRIGGER IF EXISTS feature_box_insert",
        "DROP TRIGGER IF EXISTS feature_box_move",
        "DROP TABLE IF EXISTS feature_box",
    ),
    # 5 → 6: a chain of digests over all that was written; `upgrade` writes the links of the past.
    5: (
        (
            "CREATE TABLE chain_link (id INTEGER NOT NULL, changeset_id INTEGER NOT NULL, "
            "event_id INTEGER NOT NULL, version INTEGER NOT NULL, digest VARCHAR NOT NULL, PRIMARY KEY (id))"
        ),
        "CREATE INDEX chain_link_changeset ON chain_link (changeset_id)",
        "CREATE INDEX scenario_changeset ON scenario (changeset_id)",
        (
            "CREATE TRIGGER chain_link_keep BEFORE DELETE ON chain_link "
            "BEGIN SELECT RAISE(ABORT, 'chain_link: nothing is deleted'); END"
        ),
        (
            "CREATE TRIGGER chain_link_fixed BEFORE UPDATE ON chain_link "
            "BEGIN SELECT RAISE(ABORT, 'chain_link: rows are append-only'); END"
        ),
    ),
    # 6 → 7: records that name others, the state, deadline and day of what goes through a flow, attached files,
    # which streets a file spoke of, reminders that went out.
    6: (
        "ALTER TABLE revision ADD COLUMN state VARCHAR",
        "ALTER TABLE revision ADD COLUMN due VARCHAR",
        "ALTER TABLE revision ADD COLUMN happened VARCHAR",
        "CREATE INDEX revision_due ON revision (due) WHERE valid_to IS NULL AND due IS NOT NULL",
        "CREATE INDEX revision_moves ON revision (state, happened) WHERE op = 'move'",
        "DROP TRIGGER revision_fixed",
        (
            "CREATE TRIGGER revision_fixed BEFORE UPDATE OF id, feature_id, version, valid_from, op, retired, name, "
            "subdistrict, lon, lat, body, checklist, shape_at, contacts_at, contact_count, state, due, happened "
            "ON revision BEGIN SELECT RAISE(ABORT, 'revision: rows are append-only'); END"
        ),
        (
            "CREATE TABLE link (from_id INTEGER NOT NULL, field VARCHAR NOT NULL, ordinal INTEGER NOT NULL, "
            "to_id INTEGER NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER, "
            "PRIMARY KEY (from_id, field, ordinal, valid_from), FOREIGN KEY(from_id) REFERENCES feature (id), "
            "FOREIGN KEY(to_id) REFERENCES feature (id), FOREIGN KEY(valid_from) REFERENCES changeset (id))"
        ),
        "CREATE INDEX link_to ON link (to_id, field) WHERE valid_to IS NULL",
        "CREATE INDEX link_valid_from ON link (valid_from)",
        (
            "CREATE TRIGGER link_keep BEFORE DELETE ON link "
            "BEGIN SELECT RAISE(ABORT, 'link: nothing is deleted'); END"
        ),
        (
            "CREATE TRIGGER link_fixed BEFORE UPDATE OF from_id, field, ordinal, to_id, valid_from ON link "
            "BEGIN SELECT RAISE(ABORT, 'link: rows are append-only'); END"
        ),
        (
            "CREATE TRIGGER link_closed_once BEFORE UPDATE OF valid_to ON link "
            "WHEN NOT (old.valid_to IS NULL AND new.valid_to IS NOT NULL) "
            "BEGIN SELECT RAISE(ABORT, 'link: a row is closed once'); END"
        ),
        (
            "CREATE TABLE attachment (digest VARCHAR NOT NULL, media VARCHAR NOT NULL, bytes INTEGER NOT NULL, "
            "width INTEGER, height INTEGER, taken VARCHAR, lon FLOAT, lat FLOAT, PRIMARY KEY (digest))"
        ),
        (
            "CREATE TABLE attached (feature_id INTEGER NOT NULL, field VARCHAR NOT NULL, digest VARCHAR NOT NULL, "
            "name TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER, "
            "PRIMARY KEY (feature_id, field, digest, valid_from), FOREIGN KEY(feature_id) REFERENCES feature (id), "
            "FOREIGN KEY(digest) REFERENCES attachment (digest), "
            "FOREIGN KEY(valid_from) REFERENCES changeset (id))"
        ),
        "CREATE INDEX attached_valid_from ON attached (valid_from)",
        "ALTER TABLE import_batch ADD COLUMN streets TEXT",
        (
            "CREATE TABLE notice (id INTEGER NOT NULL, at VARCHAR NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, "
            "rule VARCHAR NOT NULL, about TEXT NOT NULL, due VARCHAR NOT NULL, attempt INTEGER NOT NULL, "
            "body TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (rule, about, due, attempt))"
        ),
        (
            "CREATE TRIGGER notice_fixed BEFORE UPDATE ON notice "
            "BEGIN SELECT RAISE(ABORT, 'notice: rows are append-only'); END"
        ),
        *(
            f"CREATE TRIGGER {table}_keep BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: nothing is deleted'); END"
            for table in ("attachment", "attached", "notice")
        ),
        (
            "CREATE TRIGGER attachment_fixed BEFORE UPDATE ON attachment "
            "BEGIN SELECT RAISE(ABORT, 'attachment: rows are append-only'); END"
        ),
        (
            "CREATE TRIGGER attached_fixed BEFORE UPDATE OF feature_id, field, digest, name, valid_from ON attached "
            "BEGIN SELECT RAISE(ABORT, 'attached: rows are append-only'); END"
        ),
        (
            "CREATE TRIGGER attached_closed_once BEFORE UPDATE OF valid_to ON attached "
            "WHEN NOT (old.valid_to IS NULL AND new.valid_to IS NOT NULL) "
            "BEGIN SELECT RAISE(ABORT, 'attached: a row is closed once'); END"
        ),
    ),
}


def upgrade(engine: sa.Engine, place: str) -> None:
    """Bring a ledger of an older schema to this program's; leave any other file as it is.

    LedgerError where it cannot be written (read-only, full disk): then nothing has changed.
    """
    if older_schema(engine, place) is None:
        return
    with (
        plain_errors(place),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        # Another program may have been first while this one waited for the lock.
        found = _version(connection)
        while found is not None and _is_older(found):
            for statement in _STEPS[found]:
                connection.exec_driver_sql(statement)
            found += 1
            connection.execute(s.meta.update().where(s.meta.c.key == "schema").values(value=str(found)))
        chain.extend(connection)


def older_schema(engine: sa.Engine, place: str) -> int | None:
    """Return the schema of a ledger that `upgrade` would bring up to date, None for any other file."""
    with plain_errors(place), engine.connect() as connection:
        found = _version(connection)
    return found if _is_older(found) else None


def _is_older(found: int | None) -> bool:
    return found is not None and found in _STEPS and found < s.SCHEMA_VERSION


def _version(connection: sa.Connection) -> int | None:
    """Return the schema version of a ledger, None where the file is none."""
    if not sa.inspect(connection).has_table(s.meta.name):
        return None
    found = connection.execute(sa.select(s.meta.c.value).where(s.meta.c.key == "schema")).scalar()
    return int(found) if found is not None and found.isdigit() else None
