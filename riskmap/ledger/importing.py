"""One import, one transaction: records, revisions, rejected rows, held rows, batch; all or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from riskmap.errors import StaleRevisionError
from riskmap.ledger import schema as s
from riskmap.ledger.columns import WITHDRAWN
from riskmap.ledger.held_rows import keep_held
from riskmap.ledger.merging import shown, unmasked
from riskmap.ledger.planning import Decision, check_intake, decide
from riskmap.ledger.rejected_rows import keep_rejected
from riskmap.ledger.revisions import (
    NextRevision,
    open_changeset,
    stated_position,
    stated_values,
    write_new,
    write_next,
)
from riskmap.ledger.store import Store, next_id, no_cycles, state_of
from riskmap.values.import_plan import ImportPlan
from riskmap.values.records import CLEAR, Records


@dataclass(frozen=True, slots=True)
class Committed:
    """What an import wrote: ids of its changeset and batch, and rows by their fate."""

    changeset: int
    batch: int
    inserted: int
    updated: int
    unchanged: int
    held: int
    rejected: int


def commit_import(store: Store, plan: ImportPlan, *, by: str, why: str, kind: str = "import") -> Committed:
    """Write a plan as a changeset of this kind.

    StaleRevisionError where the ledger has moved so that the plan no longer holds.
    """
    intake = plan.intake
    check_intake(intake)
    personal = store.personal_fields(intake.layer)
    with no_cycles(), store.writing() as connection:
        if state_of(connection) == plan.base:
            rows = [i for i, action in enumerate(plan.actions) if action in ("insert", "update")]
            decision = decide(
                connection, intake, personal=personal, rows=rows, definition=store.layers.get(intake.layer)
            )
        else:
            rows = range(len(intake.records))
            decision = decide(
                connection, intake, personal=personal, definition=store.layers.get(intake.layer)
            )
        _still_holds(connection, plan, decision, rows, personal)
        counts = {
            "inserted": plan.count("insert"),
            "updated": plan.count("update"),
            "unchanged": plan.count("unchanged"),
            "held": plan.count("held"),
            "rejected": len(intake.rejected),
        }
        changeset = open_changeset(connection, store, by=by, why=why, kind=kind, counts=counts)
        batch = next_id(connection, s.import_batch)
        connection.execute(
            s.import_batch.insert().values(
                id=batch,
                changeset_id=changeset,
                layer=intake.layer,
                file=intake.file,
                digest=intake.digest,
                datum=intake.datum,
                rows=intake.rows,
                skipped_non_data=intake.skipped_non_data,
                from_batch=intake.from_batch,
                **counts,
            )
        )
        fresh = [i for i, action in enumerate(decision.actions) if action == "insert"]
        _write(connection, unmasked(intake.records, fresh, personal), decision, changeset)
        keep_held(connection, plan, batch=batch, changeset=changeset)
        keep_rejected(connection, plan, batch=batch, changeset=changeset)
    return Committed(changeset, batch, **counts)


def _still_holds(
    connection: sa.Connection,
    plan: ImportPlan,
    decision: Decision,
    rows: Sequence[int],
    personal: frozenset[str],
) -> None:
    for i in rows:
        same = plan.actions[i] == decision.actions[i]
        if same and i in decision.changes:
            same = plan.changes.get(i) == shown(decision.changes[i], personal)
        if same:
            continue
        layer, code, j = plan.intake.layer, plan.intake.records.code[i], decision.place[i]
        seen = connection.execute(
            sa.select(sa.func.max(s.revision.c.version))
            .join(s.feature, s.feature.c.id == s.revision.c.feature_id)
            .where(s.feature.c.layer == layer, s.feature.c.code == code, s.revision.c.valid_from <= plan.base)
        ).scalar()
        current = decision.known.version[j] if j >= 0 else 0
        differs = decision.changes.get(i, {})
        raise StaleRevisionError(
            layer,
            code,
            seen=seen or 0,
            current=current,
            mine={k: after for k, (_, after) in shown(differs, personal).items()},
            theirs={k: before for k, (before, _) in shown(differs, personal).items()},
        )


def _write(connection: sa.Connection, records: Records, decision: Decision, changeset: int) -> None:
    new = [i for i, action in enumerate(decision.actions) if action == "insert" and decision.place[i] < 0]
    write_new(connection, records, new, changeset)
    write_next(connection, _drafts(records, decision), changeset)


def _drafts(records: Records, decision: Decision) -> Iterator[NextRevision]:
    for i, action in enumerate(decision.actions):
        j = decision.place[i]
        if action == "update":
            yield NextRevision.after(decision.known, j, layer=records.layer, op="update").apply(
                decision.changes[i]
            )
        elif action == "insert" and j >= 0 and decision.known.op[j] == WITHDRAWN:
            yield afresh(records, i, decision, j)


def afresh(records: Records, row: int, decision: Decision, place: int) -> NextRevision:
    """Return the draft of a withdrawn record that a row states anew, as if it had never been known."""
    draft = NextRevision.afresh(decision.known, place, layer=records.layer)
    name, subdistrict = records.name[row], records.subdistrict[row]
    draft.name = None if name is CLEAR else name
    draft.subdistrict = None if subdistrict is CLEAR else subdistrict
    lon, lat = stated_position(records, [row])[0]
    draft.position = None if lon is None or lat is None else (lon, lat)
    draft.values = next(stated_values(records, [row]))
    draft.checklist = None if records.checklist is None else records.checklist[row]
    draft.shape = None if records.shapes is None else records.shapes[row]
    draft.new_shape = draft.shape is not None
    people = None if records.contacts is None else records.contacts[row]
    draft.contacts = tuple(people) if people else None
    return draft
