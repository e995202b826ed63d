"""Reading: the records of a layer now or on a past day, the history of one, the changesets, the batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa

from riskmap.catalog.layer import Layer
from riskmap.errors import UnknownNameError
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.assessments import read_results
from riskmap.ledger.column_reading import LayerColumns, read_filled_roles, read_layer
from riskmap.ledger.columns import WITHDRAWN, Known, held_at, read_known, read_people, read_versions
from riskmap.ledger.links import named_by_written
from riskmap.ledger.rollups import rolled_up, with_rollups
from riskmap.ledger.store import BESIDE, Store, json_list, moments, no_cycles, state_of, timestamp
from riskmap.progress import UNWATCHED, Progress
from riskmap.values.records import Change, Contact, Features, Records

if TYPE_CHECKING:
    from riskmap.ledger import editing, merging, undoing, uniting
else:
    editing = later("riskmap.ledger.editing")
    uniting = later("riskmap.ledger.uniting")
    merging = later("riskmap.ledger.merging")
    undoing = later("riskmap.ledger.undoing")


@dataclass(frozen=True, slots=True)
class ChangesetInfo:
    """One write: `counts` by what was done, `files` imported by it, `undone_by` a later changeset."""

    id: int
    at: str
    who: str
    why: str
    kind: str
    counts: Mapping[str, int]
    files: tuple[str, ...]
    undoes: int | None
    undone_by: int | None


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """One imported file and the fate of its rows."""

    id: int
    changeset: int
    at: str
    who: str
    layer: str
    file: str
    digest: str
    datum: str
    rows: int
    inserted: int
    updated: int
    unchanged: int
    held: int
    rejected: int
    skipped_non_data: int


@dataclass(frozen=True, slots=True)
class ExportInfo:
    """An export that was noted: `what` was selected, and whether contacts went out unmasked."""

    at: str
    who: str
    why: str
    what: str
    unmasked: bool


@dataclass(frozen=True, slots=True)
class Retirement:
    """How a record left the lists, as of its `version`: by whom, when, why, with which changeset.

    `how`: "retired" by a person, or "undone" with the import or the entry that had brought it.
    """

    code: str
    version: int
    at: str
    who: str
    why: str
    how: Literal["retired", "undone"]
    changeset: int


def changeset_at(connection: sa.Connection, moment: dt.datetime) -> int:
    """Return the state at a moment: the last changeset until then that may have touched records, else 0."""
    t = s.changeset
    query = sa.select(sa.func.max(t.c.id)).where(t.c.at <= timestamp(moment), t.c.kind != BESIDE)
    return connection.execute(query).scalar() or 0


def written_at(store: Store, number: int) -> str | None:
    """Return the moment of a changeset, None where this ledger has none of that number."""
    with store.reading() as connection:
        return connection.execute(sa.select(s.changeset.c.at).where(s.changeset.c.id == number)).scalar()


def changed_since(store: Store, number: int, *, most: int) -> dict[str, tuple[str, ...]] | None:
    """Return layer → codes of records written or assessed anew after a changeset; None for over `most`.

    With them what hangs on those that were written, for a link takes the place of its record with it, and what they
    hang on, where that counts them.
    """
    revised, assessed = s.revision, s.assessment
    with store.reading() as connection:
        results = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(s.run_layer.c.changed), 0)).where(
                s.run_layer.c.changeset_id > number
            )
        ).scalar_one()
        if results > most:
            return None
        found: set[tuple[str, str]] = set()
        for table in (revised, assessed) if results else (revised,):
            query = (
                sa.select(s.feature.c.layer, s.feature.c.code)
                .join(table, table.c.feature_id == s.feature.c.id)
                .where(table.c.valid_from > number)
                .limit(most + 1)
            )
            found.update((layer, code) for layer, code in connection.execute(query))
            if len(found) > most:
                return None
        found |= _hanging_on_written(connection, number)
        found |= _rolling_up_written(connection, store.layers, number)
    if len(found) > most:
        return None
    layers = {layer for layer, _ in found}
    return {layer: tuple(sorted(code for at, code in found if at == layer)) for layer in layers}


_STEPS: Final = 3  # of links, one behind the other


def _hanging_on_written(connection: sa.Connection, number: int) -> set[tuple[str, str]]:
    t, f = s.link, s.feature
    ids = sa.select(s.revision.c.feature_id).where(s.revision.c.valid_from > number)
    found: set[tuple[str, str]] = set()
    for _ in range(_STEPS):
        hanging = sa.select(t.c.from_id).where(t.c.to_id.in_(ids), t.c.valid_to.is_(None))
        query = sa.select(f.c.layer, f.c.code).where(f.c.id.in_(hanging))
        new = {(layer, code) for layer, code in connection.execute(query)} - found
        if not new:
            break
        found |= new
        ids = hanging
    return found


def _rolling_up_written(
    connection: sa.Connection, layers: Mapping[str, Layer], number: int
) -> set[tuple[str, str]]:
    counting = [layer.id for layer in layers.values() if layer.rollups]
    if not counting:
        return set()
    f = s.feature
    query = sa.select(f.c.layer, f.c.code).where(
        f.c.id.in_(named_by_written(number)), f.c.layer.in_(counting)
    )
    return {(layer, code) for layer, code in connection.execute(query)}


def features(
    store: Store,
    layer: str,
    *,
    as_of: dt.datetime | None,
    include_retired: bool,
    contacts: bool,
    codes: Sequence[str] | None,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> Features:
    """Read a layer in code order, now or as it was at a moment, with the assessment valid then."""
    with no_cycles(), store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        known = read_known(
            connection,
            layer,
            at=at,
            codes=codes,
            retired=include_retired,
            contacts=contacts,
            damaged=True,
            definition=store.layers.get(layer),
            progress=progress,
            expected=expected,
        )
        feature_id = np.array(known.feature_id, dtype=np.int64)
        if (definition := store.layers.get(layer)) is not None:
            more = rolled_up(connection, store.layers, definition, feature_id, at=at)
            known.values |= {name: column.to_pylist() for name, column in more.items()}
        results = read_results(connection, layer, feature_id, at=at)
        written = moments(connection, set(known.changed))
    return Features(
        records=as_records(layer, known),
        feature_id=feature_id,
        version=np.array(known.version, dtype=np.int64),
        rank=results.rank,
        score=results.score,
        updated_at=[written[c] for c in known.changed],
        retired=known.retired,
        missing=results.names(results.missing),
        rules=results.names(results.rules),
        contact_count=np.array(known.contact_count, dtype=np.int64),
        damaged=known.damaged,
    )


def contacts(
    store: Store, layer: str, *, as_of: dt.datetime | None, progress: Progress = UNWATCHED, expected: int = 0
) -> dict[str, tuple[Contact, ...]]:
    """Return the contacts of a layer's active records, by code, now or as they were at a moment."""
    with no_cycles(), store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        return read_people(connection, layer, at=at, progress=progress, expected=expected)


def layer_columns(
    store: Store,
    layer: Layer,
    *,
    as_of: dt.datetime | None,
    retired: bool,
    progress: Progress,
    expected: int,
) -> LayerColumns:
    """Read a layer, or what of it is retired, in columns, now or at a moment, with the assessment valid then."""
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        found = read_layer(connection, layer, at=at, retired=retired, progress=progress, expected=expected)
        return with_rollups(connection, store.layers, layer, found, at=at)


def filled_roles(store: Store, layer: Layer, *, state: int, retired: bool) -> pa.Table:
    """Read which roles of the records of a layer somebody filled in a state of the ledger."""
    with store.reading() as connection:
        at = None if state == state_of(connection) else state
        return read_filled_roles(connection, layer, at=at, retired=retired)


def retirements(
    store: Store, layer: str, *, codes: Sequence[str] | None, as_of: dt.datetime | None
) -> list[Retirement]:
    """Read who retired the records of a layer that are off the lists, now or at a moment, in code order."""
    f, r, t = s.feature, s.revision, s.changeset
    with store.reading() as connection:
        at = None if as_of is None else changeset_at(connection, as_of)
        joined = f.join(r, sa.and_(r.c.feature_id == f.c.id, held_at(r, at))).join(
            t, t.c.id == r.c.valid_from
        )
        query = sa.select(f.c.code, r.c.version, t.c.at, t.c.who, r.c.retired, r.c.op, t.c.id)
        query = query.select_from(joined).where(f.c.layer == layer, r.c.retired.is_not(None))
        if at is None:
            query = query.where(f.c.retired == 1)
        if codes is not None:
            query = query.where(f.c.code.in_(json_list(codes)))
        return [
            Retirement(code, version, moment, who, why, "undone" if op == WITHDRAWN else "retired", number)
            for code, version, moment, who, why, op, number in connection.execute(query.order_by(f.c.code))
        ]


def as_records(layer: str, known: Known) -> Records:
    """Return known columns as records; a column without a single entry is None."""
    return Records(
        layer=layer,
        code=known.code,
        name=known.name,
        subdistrict=known.subdistrict,
        lon=known.lon,
        lat=known.lat,
        shapes=known.shape if any(w is not None for w in known.shape) else None,
        values=known.values,
        checklist=known.checklist if any(c is not None for c in known.checklist) else None,
        contacts=known.contacts,
    )


def history(store: Store, layer: str, code: str) -> list[Change]:
    """Return every revision of a record, oldest first, personal data masked."""
    personal = store.personal_fields(layer)
    with store.reading() as connection:
        versions = read_versions(connection, layer, code, definition=store.layers.get(layer))
        written = set(versions.changed)
        sets: dict[int, Any] = {
            number: connection.execute(sa.select(s.changeset).where(s.changeset.c.id == number)).one()
            for number in written
        }
        kinds = {number: row.kind for number, row in sets.items()}
        others = uniting.counterparts(
            connection, dict(zip(versions.changed, versions.op, strict=True)), kinds
        )
    if len(versions) == 0:
        raise UnknownNameError(
            f"{layer} › {code}：台账中没有这个编号；请核对编号和图层",
            f"{layer} › {code}: the ledger has no such code; check the code and the layer",
        )
    out: list[Change] = []
    for at in range(len(versions)):
        changed = editing.differences(versions, at - 1 if at else None, at)
        row = sets[versions.changed[at]]
        out.append(
            Change(
                version=versions.version[at],
                at=row.at,
                who=row.who,
                why=row.why,
                kind=row.kind,
                changes=merging.shown(changed, personal),
                changeset=row.id,
                happened=versions.happened[at] if versions.op[at] in {"move", "takeover"} else None,
                other=others.get(row.id),
            )
        )
    return out


def changesets(store: Store, *, limit: int) -> list[ChangesetInfo]:
    """Return the last changesets, newest first."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(s.changeset).order_by(s.changeset.c.id.desc()).limit(limit)).all()
        files: dict[int, list[str]] = {}
        oldest = min((r.id for r in rows), default=0)
        batch = s.import_batch
        for number, file in connection.execute(
            sa.select(batch.c.changeset_id, batch.c.file).where(batch.c.changeset_id >= oldest)
        ):
            files.setdefault(number, []).append(file)
        return [
            ChangesetInfo(
                id=r.id,
                at=r.at,
                who=r.who,
                why=r.why,
                kind=r.kind,
                counts=orjson.loads(r.counts),
                files=tuple(files.get(r.id, ())),
                undoes=r.undoes,
                undone_by=undoing.undone_by(connection, r.id),
            )
            for r in rows
        ]


def batches(store: Store, *, limit: int) -> list[BatchInfo]:
    """Return the last imports, newest first."""
    t = s.import_batch
    query = (
        sa.select(t, s.changeset.c.at, s.changeset.c.who)
        .join(s.changeset, s.changeset.c.id == t.c.changeset_id)
        .order_by(t.c.id.desc())
        .limit(limit)
    )
    with store.reading() as connection:
        return [
            BatchInfo(
                id=r["id"],
                changeset=r["changeset_id"],
                at=r["at"],
                who=r["who"],
                layer=r["layer"],
                file=r["file"],
                digest=r["digest"],
                datum=r["datum"],
                rows=r["rows"],
                inserted=r["inserted"],
                updated=r["updated"],
                unchanged=r["unchanged"],
                held=r["held"],
                rejected=r["rejected"],
                skipped_non_data=r["skipped_non_data"],
            )
            for r in connection.execute(query).mappings()
        ]


def exports(store: Store, *, limit: int, what: str = "") -> list[ExportInfo]:
    """Return the last exports noted, newest first; all, or those whose `what` begins so."""
    t = s.export_log
    query = sa.select(t.c.at, t.c.who, t.c.why, t.c.what, t.c.unmasked).order_by(t.c.id.desc()).limit(limit)
    query = query.where(t.c.what.startswith(what, autoescape=True))
    with store.reading() as connection:
        return [
            ExportInfo(at, who, why, what, bool(bare))
            for at, who, why, what, bare in connection.execute(query)
        ]
