"""Rejected rows: kept as they came, open until their record goes in or a newer file speaks of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from riskmap.errors import LedgerError, Text
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.store import Store, insert_rows, next_id
from riskmap.values.import_plan import ImportPlan, Issue, RejectedRow

if TYPE_CHECKING:
    from riskmap.ledger import revisions
else:
    revisions = later("riskmap.ledger.revisions")


def file_name(path: str) -> str:
    """Return the name of a file without its directories, whichever way the slashes lean."""
    return PurePosixPath(path.replace("\\", "/")).name


def open_at(table: sa.Table, at: int | None) -> sa.ColumnElement[bool]:
    """Return the condition for rows that nobody has closed: now, or after changeset `at`."""
    closed = table.c.closed_by
    return closed.is_(None) if at is None else sa.or_(closed.is_(None), closed > at)


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """A rejected row in the ledger. `closed` says how it was closed: accepted, superseded, dismissed, undone."""

    id: int
    batch: int
    layer: str
    file: str
    at: str
    row: RejectedRow
    closed: str | None


def _digest(row: RejectedRow) -> str:
    return hashlib.sha256(orjson.dumps([row.code, row.cells])).hexdigest()


def _dump_issues(issues: Iterable[Issue]) -> str:
    return orjson.dumps(
        [
            {
                "sheet": i.sheet,
                "row": i.row,
                "code": i.code,
                "field": i.field,
                "value": i.value,
                "severity": i.severity,
                "rule": i.rule,
                "zh": i.message.zh,
                "en": i.message.en,
            }
            for i in issues
        ]
    ).decode()


def _load_issues(text: str) -> tuple[Issue, ...]:
    return tuple(
        Issue(
            sheet=i["sheet"],
            row=i["row"],
            code=i["code"],
            field=i["field"],
            value=i["value"],
            severity=i["severity"],
            rule=i["rule"],
            message=Text(i["zh"], i["en"]),
        )
        for i in orjson.loads(text)
    )


def _open_rows(connection: sa.Connection, layer: str) -> Sequence[Any]:
    t = s.rejected_row
    return connection.execute(
        sa.select(t.c.id, t.c.batch_id, t.c.code, t.c.file, t.c.sheet, t.c.digest)
        .where(t.c.layer == layer, t.c.closed_by.is_(None))
        .order_by(t.c.id)
    ).all()


def keep_rejected(connection: sa.Connection, plan: ImportPlan, *, batch: int, changeset: int) -> None:
    """Close what this import settles, then keep its own rejected rows."""
    intake = plan.intake
    digests = [_digest(row) for row in intake.rejected]
    earlier = _open_rows(connection, intake.layer)
    if earlier:
        closing = _settled(plan, earlier, digests)
        _close(connection, [(i, how) for i, how in closing.items()], changeset)
    first = next_id(connection, s.rejected_row)
    file = file_name(intake.file)
    insert_rows(
        connection,
        s.rejected_row,
        ("id", "batch_id", "layer", "file", "sheet", "row", "code", "cells", "bad", "issues", "digest"),
        (
            (
                *(first + k, batch, intake.layer, file, row.sheet or "", row.row, row.code),
                orjson.dumps(row.cells).decode(),
                orjson.dumps(row.bad).decode(),
                _dump_issues(row.issues),
                digest,
            )
            for k, (row, digest) in enumerate(zip(intake.rejected, digests, strict=True))
        ),
    )


def _settled(plan: ImportPlan, earlier: Sequence[Any], digests: Sequence[str]) -> dict[int, str]:
    """Return the open rows that this import closes: id → how."""
    intake = plan.intake
    codes = intake.records.code
    accepted = {codes[i] for i, action in enumerate(plan.actions) if action != "held"}
    file = file_name(intake.file)
    again = {(row.sheet or "", digest) for row, digest in zip(intake.rejected, digests, strict=True)}
    again_codes = {row.code for row in intake.rejected if row.code}
    closing: dict[int, str] = {}
    for row in earlier:
        if row.code is not None and row.code in accepted:
            closing[row.id] = "accepted"
        elif row.file == file and ((row.sheet, row.digest) in again or row.code in again_codes):
            closing[row.id] = "superseded"
    if intake.from_batch is not None:
        _returned(plan, [r for r in earlier if r.batch_id == intake.from_batch], digests, closing)
    return closing


def _returned(
    plan: ImportPlan, batch: Sequence[Any], digests: Sequence[str], closing: dict[int, str]
) -> None:
    """Close the rows of a batch that a workbook of rejected rows brings back; those deleted from it stay."""
    intake = plan.intake
    contents = set(digests)
    stated = [*intake.records.code, *(row.code for row in intake.rejected)]
    named = set(stated) - {None}
    claimed: set[str | None] = set()
    matched = 0
    for row in batch:
        if row.code is not None and row.code in named:
            claimed.add(row.code)
        elif row.digest in contents:
            matched += 1
        else:
            continue
        closing.setdefault(row.id, "superseded")
    left = sum(1 for code in stated if code not in claimed) - matched
    for row in batch:
        if row.code is None and row.digest not in contents and left > 0:
            closing.setdefault(row.id, "superseded")
            left -= 1


def _close(connection: sa.Connection, rows: Sequence[tuple[int, str]], changeset: int) -> None:
    if rows:
        connection.execute(
            s.rejected_row.update()
            .where(s.rejected_row.c.id == sa.bindparam("one"))
            .values(closed_by=changeset, closed_how=sa.bindparam("how")),
            [{"one": i, "how": how} for i, how in rows],
        )


def list_rejected(
    store: Store, *, layer: str | None, batch: int | None, open_only: bool, at: int | None
) -> list[RejectedEntry]:
    """Return rejected rows in the order they came; after changeset `at` where it is given.

    A row that an import settled and its undoing opened again counts as open all the time.
    """
    t = s.rejected_row
    query = (
        sa.select(t, s.changeset.c.at, s.import_batch.c.datum)
        .join(s.import_batch, s.import_batch.c.id == t.c.batch_id)
        .join(s.changeset, s.changeset.c.id == s.import_batch.c.changeset_id)
        .order_by(t.c.id)
    )
    if layer is not None:
        query = query.where(t.c.layer == layer)
    if batch is not None:
        query = query.where(t.c.batch_id == batch)
    if at is not None:
        query = query.where(s.import_batch.c.changeset_id <= at)
    if open_only:
        query = query.where(open_at(t, at))
    with store.reading() as connection:
        return [_entry(row) for row in connection.execute(query).mappings()]


def _entry(row: Any) -> RejectedEntry:
    return RejectedEntry(
        id=row["id"],
        batch=row["batch_id"],
        layer=row["layer"],
        file=row["file"],
        at=row["at"],
        row=RejectedRow(
            sheet=row["sheet"],
            row=row["row"],
            code=row["code"],
            cells=tuple((h, c) for h, c in orjson.loads(row["cells"])),
            bad=tuple(orjson.loads(row["bad"])),
            issues=_load_issues(row["issues"]),
            datum=row["datum"],
        ),
        closed=row["closed_how"],
    )


def dismiss_rejected(store: Store, ids: Sequence[int], *, by: str, why: str) -> int:
    """Close rejected rows that will not come back; they stay readable. Return the changeset."""
    with store.writing() as connection:
        t = s.rejected_row
        known = {
            i
            for i in ids
            if connection.execute(sa.select(t.c.id).where(t.c.id == i, t.c.closed_by.is_(None))).first()
        }
        missing = sorted(set(ids) - known)
        if missing or not ids:
            raise LedgerError(
                f"退回行 {missing}：不存在或已处理，未写入；请刷新列表",
                f"rejected rows {missing}: unknown or closed already, nothing was written; refresh the list",
            )
        changeset = revisions.open_changeset(
            connection, store, by=by, why=why, kind="dismiss", counts={"dismissed": len(known)}
        )
        _close(connection, [(i, "dismissed") for i in sorted(known)], changeset)
    return changeset
