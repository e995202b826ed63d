"""The ledger's tables. One schema for every database; what only SQLite needs is `sqlite_statements`.

Time runs in changesets: `valid_from` and `valid_to` of a revision or an assessment are changeset
ids, and a changeset knows its moment. A past day is the last changeset of that day. Ids are given
out by the ledger under the writers' lock and nothing is ever deleted, so no id is used twice.

What SQLite adds to the schema: triggers that keep the past as it was, a view.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sa_text

SCHEMA_VERSION: Final = 7  # what came with which version: `upgrading`


APPLICATION_ID: Final = 0x52534B4D  # "RSKM" in the file header: tells our file from any other SQLite file


metadata = MetaData()


_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=False)


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)


# Who, when, why. `counts` is a JSON object; `undoes` the changeset that this one takes back.
changeset = Table(
    "changeset",
    metadata,
    _id(),
    Column("at", String, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("counts", Text, nullable=False),
    Column("undoes", _Id, ForeignKey("changeset.id")),
    Index("changeset_undoes", "undoes"),
)


# One row per record for ever; it points at the current revision. The box is that of its shape or position.
feature = Table(
    "feature",
    metadata,
    _id(),
    Column("layer", String, nullable=False),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision_id", _Id, nullable=False),
    Column("changed", _Id, nullable=False),  # changeset of the current revision
    Column("subdistrict", Text),
    Column("retired", Integer, nullable=False),
    Column("minx", Float),
    Column("miny", Float),
    Column("maxx", Float),
    Column("maxy", Float),
    UniqueConstraint("layer", "code"),
    Index("feature_active", "layer", "retired", "subdistrict"),
)


# What a record was, version by version. `body` is a JSON object field → value without the unknown
# ones; `shape_at` and `contacts_at` name the version that last set the shape and the contacts.
# Of a record of a flow: `state` and `due` repeat what the body says, `due` only while a deadline runs;
# `happened` is the day of the move, as it was stated.
revision = Table(
    "revision",
    metadata,
    _id(),
    Column("feature_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("valid_from", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("valid_to", _Id),
    Column("op", String, nullable=False),
    Column("retired", Text),
    Column("name", Text),
    Column("subdistrict", Text),
    Column("lon", Float),
    Column("lat", Float),
    Column("body", Text, nullable=False),
    Column("checklist", Text),
    Column("shape_at", Integer),
    Column("contacts_at", Integer),
    Column("contact_count", Integer, nullable=False),
    Column("state", String),
    Column("due", String),
    Column("happened", String),
    UniqueConstraint("feature_id", "version"),
    Index("revision_valid_from", "valid_from"),
)


Index(
    "revision_due",
    revision.c.due,
    sqlite_where=sa_text("valid_to IS NULL AND due IS NOT NULL"),
)
Index("revision_moves", revision.c.state, revision.c.happened, sqlite_where=sa_text("op = 'move'"))


# Which record a field of type `record` names: it follows the body, so that the other side finds it fast and
# none dangles. `ordinal` from 0, where one field names several.
link = Table(
    "link",
    metadata,
    Column("from_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("field", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("to_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("valid_from", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("valid_to", _Id),
    PrimaryKeyConstraint("from_id", "field", "ordinal", "valid_from"),
    Index("link_valid_from", "valid_from"),
)


Index("link_to", link.c.to_id, link.c.field, sqlite_where=sa_text("valid_to IS NULL"))


# Pictures and documents: what each is, named by the SHA-256 of its bytes, which lie in data/files. `taken` and
# the position are what a camera wrote: local time without a zone, degrees in WGS84.
attachment = Table(
    "attachment",
    metadata,
    Column("digest", String, primary_key=True),
    Column("media", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("taken", String),
    Column("lon", Float),
    Column("lat", Float),
)


# Which record has which of them in a field of type `file`: it follows the body, as `link` does.
attached = Table(
    "attached",
    metadata,
    Column("feature_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("field", String, nullable=False),
    Column("digest", String, ForeignKey("attachment.digest"), nullable=False),
    Column("name", Text, nullable=False),
    Column("valid_from", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("valid_to", _Id),
    PrimaryKeyConstraint("feature_id", "field", "digest", "valid_from"),
    Index("attached_valid_from", "valid_from"),
)


# Lines and polygons: WKB, EPSG:4490.
shape = Table(
    "shape",
    metadata,
    Column("feature_id", _Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wkb", LargeBinary, nullable=False),
    PrimaryKeyConstraint("feature_id", "version"),
)


# Personal data stands apart: `people` is a JSON list of all contacts of one record.
contact_set = Table(
    "contact_set",
    metadata,
    Column("feature_id", _Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("people", Text, nullable=False),
    PrimaryKeyConstraint("feature_id", "version"),
    sqlite_with_rowid=False,
)


import_batch = Table(
    "import_batch",
    metadata,
    _id(),
    Column("changeset_id", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("layer", String, nullable=False),
    Column("file", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("datum", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("inserted", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("skipped_non_data", Integer, nullable=False),
    Column("from_batch", _Id),
    Column(
        "streets", Text
    ),  # JSON: sub-district → how many of its rows came; null in batches of older ledgers
    # Nothing is lost between the file and the ledger: every row has exactly one fate.
    CheckConstraint("rows = inserted + updated + unchanged + held + rejected + skipped_non_data"),
    Index("import_batch_changeset", "changeset_id"),
)


# A row that did not go in, as it came. Open while `closed_by` (a changeset) is null.
rejected_row = Table(
    "rejected_row",
    metadata,
    _id(),
    Column("batch_id", _Id, ForeignKey("import_batch.id"), nullable=False),
    Column("layer", String, nullable=False),
    Column("file", Text, nullable=False),
    Column("sheet", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("code", Text),
    Column("cells", Text, nullable=False),
    Column("bad", Text, nullable=False),
    Column("issues", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("closed_by", _Id, ForeignKey("changeset.id")),
    Column("closed_how", String),
    Index("rejected_row_layer_code", "layer", "code"),
    Index("rejected_row_batch", "batch_id"),
    Index("rejected_row_closed_by", "closed_by"),
)


# A row that waits for a person. `content` is the stated row; `people` its contacts (personal data).
held_row = Table(
    "held_row",
    metadata,
    _id(),
    Column("batch_id", _Id, ForeignKey("import_batch.id"), nullable=False),
    Column("layer", String, nullable=False),
    Column("code", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sheet", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("people", Text),
    Column("shape", LargeBinary),
    Column("digest", String, nullable=False),
    Column("status", String, nullable=False),  # open, accepted, declined, superseded, undone
    Column("as_code", Text),
    Column("closed_by", _Id, ForeignKey("changeset.id")),
    Index("held_row_layer_code", "layer", "code"),
    Index("held_row_batch", "batch_id"),
    Index("held_row_closed_by", "closed_by"),
)


model_text = Table(
    "model_text",
    metadata,
    Column("digest", String, primary_key=True),
    Column("model", String, nullable=False),
    Column("text", Text, nullable=False),
)


# A version of a model that somebody saved: `base` is the text that it was made from.
model_version = Table(
    "model_version",
    metadata,
    Column("changeset_id", _Id, ForeignKey("changeset.id"), primary_key=True, autoincrement=False),
    Column("model", String, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", String, ForeignKey("model_text.digest"), nullable=False),
    Column("base", String, ForeignKey("model_text.digest"), nullable=False),
    Index("model_version_model", "model"),
)


# What a model took from a whole layer (JSON, zlib), for the models that compare with it.
model_fit = Table(
    "model_fit",
    metadata,
    Column("digest", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)


assessment_run = Table(
    "assessment_run",
    metadata,
    _id(),
    Column("changeset_id", _Id, ForeignKey("changeset.id"), nullable=False),
)


# One layer of a run. Records changed after changeset `base` have new data for the next run.
run_layer = Table(
    "run_layer",
    metadata,
    Column("changeset_id", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("run_id", _Id, ForeignKey("assessment_run.id"), nullable=False),
    Column("layer", String, nullable=False),
    Column("model", String, nullable=False),
    Column("digest", String, ForeignKey("model_text.digest"), nullable=False),
    Column("base", _Id, nullable=False),
    Column("whole", Integer, nullable=False),  # 1: over all active records of the layer
    Column("assessed", Integer, nullable=False),
    Column("unrated", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("fit", String, ForeignKey("model_fit.digest")),
    PrimaryKeyConstraint("changeset_id", "layer"),
    Index("run_layer_layer", "layer"),
)


# A result, stored only when it differs from the one before.
assessment = Table(
    "assessment",
    metadata,
    Column("feature_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("valid_from", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("valid_to", _Id),
    Column("run_id", _Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("score", Float),
    Column("missing", Text),
    Column("rules", Text),
    Column("cause", String, nullable=False),
    PrimaryKeyConstraint("feature_id", "valid_from"),
    Index("assessment_valid_from", "valid_from"),
    sqlite_with_rowid=False,
)


export_log = Table(
    "export_log",
    metadata,
    _id(),
    Column("at", String, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("unmasked", Integer, nullable=False),
)


# A reminder that goes out once: by `rule`, about a record (LAYER:CODE) or a street, for one deadline. `attempt` 0 is the
# decision to send it, the odd ones are what became of it, the other even ones the decision to try again: whoever writes
# such a row, and nobody else, sends. `body`: a JSON object.
notice = Table(
    "notice",
    metadata,
    _id(),
    Column("at", String, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("rule", String, nullable=False),
    Column("about", Text, nullable=False),
    Column("due", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("rule", "about", "due", "attempt"),
)


# What a typhoon, rain or warning was computed to mean: `at` the moment it was computed for, `body` a
# JSON object: names and digests of what was loaded, warnings, model.
scenario = Table(
    "scenario",
    metadata,
    _id(),
    Column("changeset_id", _Id, ForeignKey("changeset.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("drill", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("scenario_changeset", "changeset_id"),
)


# A tier raised for a while, beside the assessment, which it never changes. `number` from 1 within
# the scenario; `version` of the record that was judged; `value` null where unknown.
escalation = Table(
    "escalation",
    metadata,
    Column("scenario_id", _Id, ForeignKey("scenario.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("feature_id", _Id, ForeignKey("feature.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("rank_from", Integer, nullable=False),
    Column("rank_to", Integer, nullable=False),
    Column("trigger_id", String, nullable=False),
    Column("cause_zh", Text, nullable=False),
    Column("cause_en", Text, nullable=False),
    Column("start", String, nullable=False),
    Column("expiry", String, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("details", Text, nullable=False),
    PrimaryKeyConstraint("scenario_id", "number"),
    # Never lowers, and ends after it begins (the moments are texts that sort as time).
    CheckConstraint("rank_to > rank_from"),
    CheckConstraint("expiry > start"),
    Index("escalation_feature", "feature_id"),
)


# What happened: `at` when, `recorded` when it was written down. Ids order the writing. A correction
# names the event that it takes back in `corrects`; nothing is deleted.
event = Table(
    "event",
    metadata,
    _id(),
    Column("scenario_id", _Id, ForeignKey("scenario.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("recorded", String, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("feature_id", _Id, ForeignKey("feature.id")),
    Column("subdistrict", Text),
    Column("corrects", _Id, ForeignKey("event.id")),
    Column("body", Text, nullable=False),
    CheckConstraint("(kind = 'correction') = (corrects IS NOT NULL)"),
    Index("event_scenario", "scenario_id", "at"),
)


# One link of the chain of digests (`chain`): it covers the changesets and events after the link before,
# up to these. `version` is that of the canonical text.
chain_link = Table(
    "chain_link",
    metadata,
    _id(),
    Column("changeset_id", _Id, nullable=False),
    Column("event_id", _Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Index("chain_link_changeset", "changeset_id"),
)


# Tables whose rows never change, and those of which only the closing columns may.
_FROZEN = (
    *(changeset, shape, contact_set, import_batch),
    *(model_text, model_version, model_fit, assessment_run, run_layer),
    *(scenario, escalation, event, chain_link, attachment, notice),
)


_CLOSABLE = (
    (revision, ("valid_to",)),
    (assessment, ("valid_to",)),
    (link, ("valid_to",)),
    (attached, ("valid_to",)),
    (rejected_row, ("closed_by", "closed_how")),
    (held_row, ("status", "as_code", "closed_by")),
)


def _refuse(name: str, event: str, table: Table, message: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{table.name}: {message}'); END"
    )


def sqlite_statements() -> Iterator[str]:
    """Yield the DDL that follows the tables on SQLite."""
    for table in (*_FROZEN, *(t for t, _ in _CLOSABLE), feature, export_log):
        yield _refuse(f"{table.name}_keep", "DELETE", table, "nothing is deleted")
    for table in (*_FROZEN, export_log):
        yield _refuse(f"{table.name}_fixed", "UPDATE", table, "rows are append-only")
    for table, closing in _CLOSABLE:
        fixed = ", ".join(c.name for c in table.columns if c.name not in closing)
        yield _refuse(f"{table.name}_fixed", f"UPDATE OF {fixed}", table, "rows are append-only")
    for table in (revision, assessment, link, attached):
        yield _refuse(
            f"{table.name}_closed_once",
            "UPDATE OF valid_to",
            table,
            "a row is closed once",
            "NOT (old.valid_to IS NULL AND new.valid_to IS NOT NULL)",
        )
    yield _refuse("feature_identity", "UPDATE OF id, layer, code", feature, "a record keeps its code")
    yield _refuse(
        "feature_version", "UPDATE", feature, "a version advances by one", "new.version <> old.version + 1"
    )
    # For people who look into the file with their own tools.
    yield (
        "CREATE VIEW record AS SELECT f.layer, f.code, r.name, r.subdistrict, r.lon, r.lat, r.version, "
        "c.at AS updated_at, r.retired, a.rank, a.score, r.body FROM feature f "
        "JOIN revision r ON r.id = f.revision_id JOIN changeset c ON c.id = r.valid_from "
        "LEFT JOIN assessment a ON a.feature_id = f.id AND a.valid_to IS NULL"
    )
