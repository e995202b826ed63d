"""What SQLite adds to the schema: triggers that keep the past as it was, a view."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table

from riskmap.ledger import schema as s

# Tables whose rows never change, and those of which only the closing columns may.
_FROZEN = (
    *(s.changeset, s.shape, s.contact_set, s.import_batch),
    *(s.model_text, s.model_version, s.model_fit, s.assessment_run, s.run_layer),
    *(s.scenario, s.escalation, s.event, s.chain_link),
)


_CLOSABLE = (
    (s.revision, ("valid_to",)),
    (s.assessment, ("valid_to",)),
    (s.rejected_row, ("closed_by", "closed_how")),
    (s.held_row, ("status", "as_code", "closed_by")),
)


def _refuse(name: str, event: str, table: Table, message: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{table.name}: {message}'); END"
    )


def sqlite_statements() -> Iterator[str]:
    """Yield the DDL that follows the tables on SQLite."""
    for table in (*_FROZEN, *(t for t, _ in _CLOSABLE), s.feature, s.export_log):
        yield _refuse(f"{table.name}_keep", "DELETE", table, "nothing is deleted")
    for table in (*_FROZEN, s.export_log):
        yield _refuse(f"{table.name}_fixed", "UPDATE", table, "rows are append-only")
    for table, closing in _CLOSABLE:
        fixed = ", ".join(c.name for c in table.columns if c.name not in closing)
        yield _refuse(f"{table.name}_fixed", f"UPDATE OF {fixed}", table, "rows are append-only")
    for table in (s.revision, s.assessment):
        yield _refuse(
            f"{table.name}_closed_once",
            "UPDATE OF valid_to",
            table,
            "a row is closed once",
            "NOT (old.valid_to IS NULL AND new.valid_to IS NOT NULL)",
        )
    yield _refuse("feature_identity", "UPDATE OF id, layer, code", s.feature, "a record keeps its code")
    yield _refuse(
        "feature_version", "UPDATE", s.feature, "a version advances by one", "new.version <> old.version + 1"
    )
    # For people who look into the file with their own tools.
    yield (
        "CREATE VIEW record AS SELECT f.layer, f.code, r.name, r.subdistrict, r.lon, r.lat, r.version, "
        "c.at AS updated_at, r.retired, a.rank, a.score, r.body FROM feature f "
        "JOIN revision r ON r.id = f.revision_id JOIN changeset c ON c.id = r.valid_from "
        "LEFT JOIN assessment a ON a.feature_id = f.id AND a.valid_to IS NULL"
    )
