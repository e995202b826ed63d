"""The ledger: one object through which everything is read and written."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.errors import LedgerError, UnknownNameError
from riskmap.io.files.leftovers import mark
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.opening import looked_at, opened
from riskmap.ledger.store import (
    Clock,
    NotWritableError,
    Store,
    build,
    file_of,
    fsync_directory,
    last_changeset,
    next_id,
    plain_errors,
    state_of,
    timestamp,
)
from riskmap.moments import utc_now
from riskmap.progress import UNWATCHED, Progress

if TYPE_CHECKING:
    from riskmap.catalog.layer import Field, Layer
    from riskmap.ledger import (
        assessments,
        attachments,
        chain,
        column_reading,
        editing,
        held_rows,
        history,
        importing,
        links,
        moving,
        notices,
        persons,
        planned_records,
        rejected_rows,
        revisions,
        rollups,
        runs,
        scenarios,
        streets,
        sum_laws,
        undoing,
        uniting,
        upkeep,
        work,
    )
    from riskmap.ledger.assessments import RunResult, Scored
    from riskmap.ledger.chain import ChainHead
    from riskmap.ledger.column_reading import LayerColumns
    from riskmap.ledger.editing import Created, FilesChange, NewRecord, RecordEdit
    from riskmap.ledger.held_rows import HeldEntry
    from riskmap.ledger.history import BatchInfo, ChangesetInfo, ExportInfo, Retirement
    from riskmap.ledger.importing import Committed
    from riskmap.ledger.links import Reference
    from riskmap.ledger.merging import Changes
    from riskmap.ledger.moving import Forbids, Makes, Moves, RecordMove
    from riskmap.ledger.notices import CameIn, NewNotice, Notice
    from riskmap.ledger.persons import Held, NewNumber
    from riskmap.ledger.planned_records import PlannedRecords
    from riskmap.ledger.rejected_rows import RejectedEntry
    from riskmap.ledger.revisions import Write
    from riskmap.ledger.runs import KeptFit, KeptModel, TierChange
    from riskmap.ledger.streets import Level, Renamed
    from riskmap.ledger.undoing import Undone
    from riskmap.ledger.uniting import MergePlan, Reunited, Side
    from riskmap.ledger.work import MoveMade, OpenRecord
    from riskmap.rules.judge import Judged
    from riskmap.values.assessment import Makers
    from riskmap.values.attachments import Attached, Attachment
    from riskmap.values.hazards import Escalation
    from riskmap.values.import_plan import ImportPlan, Intake
    from riskmap.values.records import Change, Contact, Features, Records
    from riskmap.values.scenario import Event, NewEvent, OpenedScenario, Recorded, RecordedScenario
else:
    # Each when it is first used: a command that counts loads nothing of what writes, a third of its seconds.
    assessments = later("riskmap.ledger.assessments")
    attachments = later("riskmap.ledger.attachments")
    chain = later("riskmap.ledger.chain")
    column_reading = later("riskmap.ledger.column_reading")
    editing = later("riskmap.ledger.editing")
    held_rows = later("riskmap.ledger.held_rows")
    history = later("riskmap.ledger.history")
    importing = later("riskmap.ledger.importing")
    links = later("riskmap.ledger.links")
    moving = later("riskmap.ledger.moving")
    notices = later("riskmap.ledger.notices")
    persons = later("riskmap.ledger.persons")
    planned_records = later("riskmap.ledger.planned_records")
    rejected_rows = later("riskmap.ledger.rejected_rows")
    revisions = later("riskmap.ledger.revisions")
    rollups = later("riskmap.ledger.rollups")
    runs = later("riskmap.ledger.runs")
    scenarios = later("riskmap.ledger.scenarios")
    streets = later("riskmap.ledger.streets")
    sum_laws = later("riskmap.ledger.sum_laws")
    undoing = later("riskmap.ledger.undoing")
    uniting = later("riskmap.ledger.uniting")
    upkeep = later("riskmap.ledger.upkeep")
    work = later("riskmap.ledger.work")

Personal = Mapping[str, Collection[str]]


def _judge_sums(connection: sa.Connection, store: Store, base: int) -> None:
    sum_laws.refuse_broken_sums(connection, store, base)


class Ledger:
    """Records of all layers with their whole past. Safe to share between threads.

    Every write names who (`by`) and why, is one transaction, and advances `state`. `personal`
    (layer → field ids) names fields with personal data: they are masked in histories and plans. By `layers`
    kept columns that a field names by now are read as that field.
    """

    def __init__(self, store: Store, room: TemporaryDirectory[str] | None = None) -> None:
        self._store = store
        self._room = room  # holds the copy of a ledger that can only be looked at

    @classmethod
    def create(
        cls,
        url: str,
        *,
        clock: Clock = utc_now,
        personal: Personal | None = None,
        layers: Mapping[str, Layer] | None = None,
    ) -> Ledger:
        """Make a new, empty ledger and open it. LedgerError where the file exists."""
        path = file_of(url)
        if path.exists():
            raise LedgerError(
                f"台账 {path}：文件已存在，未覆盖；请打开它，或换一个路径",
                f"ledger {path}: the file exists and was not overwritten; open it, or choose another path",
            )
        part = path.with_name(f".{path.name}{mark()}.part")
        try:
            part.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the database says what is wrong
                part.touch(mode=0o600)
            with plain_errors(str(path)):
                build(part)
            # Beside and then moved: a ledger is never half there.
            part.replace(path)
            fsync_directory(path.parent)
        except OSError as problem:
            raise LedgerError(
                f"台账 {path}：不能新建（{problem.strerror}）；请检查目录是否存在、是否可写",
                f"ledger {path}: cannot be made ({problem.strerror}); check that the directory exists and is writable",
            ) from problem
        finally:
            part.unlink(missing_ok=True)
        return cls.open(url, clock=clock, personal=personal, layers=layers)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock = utc_now,
        personal: Personal | None = None,
        layers: Mapping[str, Layer] | None = None,
    ) -> Ledger:
        """Open a ledger; one of an older schema is copied beside itself, then brought up to date, losing nothing.

        In a folder that cannot be written to it can be looked at; its writes are refused.
        LedgerError with one message where it is absent, foreign, newer or damaged.
        """
        path = file_of(url)
        if not path.is_file():
            raise LedgerError(
                f"台账 {path}：没有这个文件；请检查路径，或用 riskmap init 新建",
                f"ledger {path}: no such file; check the path, or make one with riskmap init",
            )
        room = None
        try:
            store = opened(path)
        except NotWritableError:
            store, room = looked_at(path)
        return cls(
            replace(
                store,
                clock=clock,
                personal=dict(personal or {}),
                layers=dict(layers or {}),
                closing=_judge_sums,
            ),
            room,
        )

    def close(self) -> None:
        """Give back the connections; the ledger can be opened again."""
        self._store.engine.dispose()
        if self._room is not None:
            self._room.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def looking(self) -> bool:
        """True where the ledger lies in a read-only folder: every write is refused."""
        return self._store.looking

    @property
    def state(self) -> int:
        """A number that advances with every write to records or their tiers; scenarios stand beside them."""
        with self._store.reading() as connection:
            return state_of(connection)

    @property
    def size(self) -> int:
        """How many records it has ever held, retired ones included."""
        with self._store.reading() as connection:
            return next_id(connection, s.feature) - 1

    def sizes(self) -> dict[str, int]:
        """Return layer → how many active records it has."""
        t = s.feature
        counted = sa.select(t.c.layer, sa.func.count()).where(t.c.retired == 0).group_by(t.c.layer)
        with self._store.reading() as connection:
            return {str(layer): int(count) for layer, count in connection.execute(counted)}

    def head(self, *, state: int | None = None) -> ChainHead | None:
        """Return the head of the chain of digests, now or as it closed a state; None before the first write.

        It names the whole past: two ledgers with one head hold the same, written in the same order.
        """
        with self._store.reading() as connection:
            return chain.head(connection, state=state)

    def link(self, digest: str) -> ChainHead | None:
        """Return the link of the chain whose digest begins so (8 digits at least), None where there never was one."""
        with self._store.reading() as connection:
            return chain.link(connection, digest)

    def state_at(self, moment: dt.datetime) -> int:
        """Return the state the ledger was in at a moment, 0 before its first write."""
        with self._store.reading() as connection:
            return history.changeset_at(connection, moment)

    def written_at(self, state: int) -> str | None:
        """Return when a state came about (ISO, UTC), None where this ledger was never in it.

        State and moment together name one content of one ledger, across ledgers and restores.
        """
        return history.written_at(self._store, state)

    def changed_since(self, state: int, *, most: int) -> Mapping[str, tuple[str, ...]] | None:
        """Return layer → codes of the records, retired ones too, that were written or assessed anew
        after a state; None where they are more than `most`.
        """
        return history.changed_since(self._store, state, most=most)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Write]:
        """Open one transaction that every write and read of this thread joins: all of it lands, or nothing.

        The `Write` tells what was written so far. A step that fails takes all others with it, even
        where its exception is caught inside. Other writers wait until the end: nothing slow belongs
        in it.
        """
        with self._store.writing() as connection:
            yield revisions.Write(connection, last_changeset(connection), self._store.layers)

    def named(self, field: Field, texts: Collection[str]) -> Mapping[str, str]:
        """Return the records that texts of a field name, as values are kept; what names none is left out."""
        with self._store.reading() as connection:
            return links.named(connection, self._store.layers, field, texts).values

    def linked(self, layer: str, codes: Collection[str]) -> dict[str, list[tuple[str, str]]]:
        """Return code → layer and code of every record that some records name now."""
        with self._store.reading() as connection:
            return links.linked(connection, layer, codes)

    def naming(self, layer: str, of: str, codes: Collection[str]) -> dict[str, list[str]]:
        """Return code → the records of a layer, on its lists, that name this record of the layer `of`."""
        with self._store.reading() as connection:
            return links.naming(connection, layer, of, codes)

    # Imports

    def plan_import(self, intake: Intake, *, full_list: bool = False) -> ImportPlan:
        """Return what an import would do; `full_list` also names active codes that the file lacks."""
        return importing.plan_import(self._store, intake, full_list=full_list)

    def commit_import(
        self,
        plan: ImportPlan,
        *,
        by: str,
        why: str,
        kind: str = "import",
        progress: Progress = UNWATCHED,
    ) -> Committed:
        """Write a plan in one transaction, as a changeset of this kind (import, sample).

        StaleRevisionError where it no longer holds. Cancelled, and nothing written, where `progress` stops it.
        """
        return importing.commit_import(self._store, plan, by=by, why=why, kind=kind, progress=progress)

    def planned_records(
        self,
        plan: ImportPlan,
        layer: Layer,
        fields: Collection[str],
        *,
        rows: Sequence[int],
        whole: bool = False,
    ) -> PlannedRecords:
        """Return what some rows of a plan would write, as `scoring_columns` would read it afterwards.

        Nothing is written. `whole`: with all other active records of the layer, as they are.
        """
        return planned_records.planned_records(self._store, plan, layer, fields, rows=rows, whole=whole)

    def rejected(
        self,
        *,
        layer: str | None = None,
        batch: int | None = None,
        open_only: bool = True,
        as_of: dt.datetime | None = None,
    ) -> list[RejectedEntry]:
        """Return rejected rows, by default those still outstanding, now or at a moment."""
        at = None if as_of is None else self.state_at(as_of)
        return rejected_rows.list_rejected(self._store, layer=layer, batch=batch, open_only=open_only, at=at)

    def dismiss_rejected(self, ids: Sequence[int], *, by: str, why: str) -> int:
        """Close rejected rows that will not come back; return the changeset."""
        return rejected_rows.dismiss_rejected(self._store, ids, by=by, why=why)

    def held(
        self, *, layer: str | None = None, open_only: bool = True, as_of: dt.datetime | None = None
    ) -> list[HeldEntry]:
        """Return rows that wait for a person, now or at a moment."""
        at = None if as_of is None else self.state_at(as_of)
        return held_rows.list_held(self._store, layer=layer, open_only=open_only, at=at)

    def waiting_records(self, layer: str) -> list[Records]:
        """Return what the rows of a layer that wait for a person would be; with personal data."""
        return held_rows.waiting_records(self._store, layer)

    def held_counts(self, *, as_of: dt.datetime | None = None) -> dict[str, int]:
        """Return layer → how many rows wait for a person, now or at a moment."""
        return held_rows.count_held(self._store, at=None if as_of is None else self.state_at(as_of))

    def accept_held(
        self,
        held: Sequence[int],
        *,
        by: str,
        why: str,
        as_code: str | None = None,
        more: Mapping[str, Judged] | None = None,
        files: Mapping[str, Sequence[FilesChange]] | None = None,
    ) -> int:
        """Apply held rows, or make one a new record `as_code`; one decision is one changeset: return it.

        `more`, `files`: layer → what is stated, and what is attached, beside the rows.
        RefusedError with what the laws say against one.
        """
        return held_rows.accept_held(
            self._store, held, as_code=as_code, by=by, why=why, more=more, files=files
        )

    def decline_held(self, held: Sequence[int], *, by: str, why: str) -> int:
        """Close held rows without applying them; one decision is one changeset: return it."""
        return held_rows.decline_held(self._store, held, by=by, why=why)

    def batches(self, *, limit: int = 50) -> list[BatchInfo]:
        """Return the last imported files, newest first."""
        return history.batches(self._store, limit=limit)

    # Records

    def features(
        self,
        layer: str,
        *,
        as_of: dt.datetime | None = None,
        include_retired: bool = False,
        contacts: bool = False,
        codes: Sequence[str] | None = None,
        progress: Progress = UNWATCHED,
        expected: int = 0,
    ) -> Features:
        """Return a layer in code order, now or as it was at a moment.

        `contacts` asks for personal data, unmasked; `codes` narrow the layer.
        """
        return history.features(
            self._store,
            layer,
            as_of=as_of,
            include_retired=include_retired,
            contacts=contacts,
            codes=codes,
            progress=progress,
            expected=expected,
        )

    def contacts(
        self,
        layer: str,
        *,
        as_of: dt.datetime | None = None,
        progress: Progress = UNWATCHED,
        expected: int = 0,
    ) -> dict[str, tuple[Contact, ...]]:
        """Return the contacts of a layer's active records, by code, now or as they were at a moment.

        Personal data, unmasked. Records that share their persons share one tuple.
        """
        return history.contacts(self._store, layer, as_of=as_of, progress=progress, expected=expected)

    def layer_columns(
        self,
        layer: Layer,
        *,
        as_of: dt.datetime | None = None,
        retired: bool = False,
        progress: Progress = UNWATCHED,
        expected: int = 0,
    ) -> LayerColumns:
        """Return the active records of a layer, or the retired ones, in columns, now or as they were at a moment.

        The columns of a layer table (docs/architecture.md) without `flags`; a record that its layer
        file cannot mean is named beside them.
        """
        return history.layer_columns(
            self._store, layer, as_of=as_of, retired=retired, progress=progress, expected=expected
        )

    def filled_roles(self, layer: Layer, *, state: int, retired: bool = False) -> pa.Table:
        """Return `code` and `roles` (ids, a line each; null where nobody fills any) of a layer's records in a state.

        Of the active records, or of the retired ones, in code order.
        """
        return history.filled_roles(self._store, layer, state=state, retired=retired)

    def scoring_columns(
        self,
        layer: Layer,
        fields: Collection[str],
        *,
        codes: Collection[str] | None = None,
        progress: Progress = UNWATCHED,
        expected: int = 0,
    ) -> LayerColumns:
        """Return `feature_id`, `version` and the named fields of the active records, all or those of `codes`.

        Fields are ids or "checklist.<item id>". Nothing else is read, and nothing else can be broken.
        """
        with self._store.reading() as connection:
            found = column_reading.read_inputs(
                connection, layer, fields, codes=codes, progress=progress, expected=expected
            )
            return rollups.with_rollups(connection, self._store.layers, layer, found, fields=fields)

    def history(self, layer: str, code: str) -> list[Change]:
        """Return every revision of a record, oldest first; personal data masked."""
        return history.history(self._store, layer, code)

    def create_record(self, layer: str, code: str, *, values: Judged, by: str, why: str) -> int:
        """Write a new record from judged values; return its version. RefusedError names what was refused."""
        (made,) = self.create_records([editing.NewRecord(layer, code, values)], by=by, why=why)
        return made.version

    def create_records(self, news: Sequence[NewRecord], *, by: str, why: str) -> list[Created]:
        """Write new records of any layers as one changeset, all or none; a code that is None is made by its layer."""
        return editing.create_records(self._store, news, by=by, why=why)

    def edit(self, layer: str, code: str, *, seen: int, changes: Judged, by: str, why: str) -> int:
        """Change a record as of version `seen`. StaleRevisionError shows both sides."""
        return self.edit_many(layer, [editing.RecordEdit(code, seen, changes)], by=by, why=why)[code]

    def move(
        self,
        layer: str,
        moves: Sequence[RecordMove],
        *,
        by: str,
        why: str,
        partial: bool = False,
        makes: Makes | None = None,
        forbids: Forbids | None = None,
    ) -> Moves:
        """Move records of a flow as one changeset, all or none, with `partial` those that may; say what became of them.

        `makes`: what records a move makes in the same changeset; `forbids`: what speaks against whoever makes one.
        StaleRevisionError shows both sides of every record that has moved on. A refused move is no error: it is named.
        """
        return moving.move_records(
            self._store, layer, moves, by=by, why=why, partial=partial, makes=makes, forbids=forbids
        )

    def open_records(
        self, layers: Sequence[Layer], *, as_of: dt.datetime | None = None, contacts: bool = False
    ) -> list[OpenRecord]:
        """Return the records of registers that are not closed, now or at a moment; `contacts` asks for personal data."""
        return work.open_records(self._store, layers, as_of=as_of, contacts=contacts)

    def held_by(
        self, name: str | None, phone: str | None = None, *, as_of: dt.datetime | None = None
    ) -> list[Held]:
        """Return what those of a name, of a number, or of both answer for, now or at a moment: personal data, unmasked."""
        with self._store.reading() as connection:
            at = None if as_of is None else history.changeset_at(connection, as_of)
            return persons.held_by(connection, name, phone, at=at)

    def registered(
        self, layer: Layer, name: str | None, phone: str | None = None, *, as_of: dt.datetime | None = None
    ) -> list[str]:
        """Return the codes of those of a name, of a number, or of both in a register of persons, now or at a moment."""
        with self._store.reading() as connection:
            at = None if as_of is None else history.changeset_at(connection, as_of)
            return persons.registered(connection, layer, name, phone, at=at)

    def change_number(self, number: NewNumber, *, by: str, why: str) -> int | None:
        """Change the number of a person in every record that has it, as one changeset: return it.

        None where nobody has it: then nothing is written.
        """
        return persons.change_number(self._store, number, by=by, why=why)

    def open_deadlines(
        self, layers: Sequence[Layer], *, as_of: dt.datetime | None = None
    ) -> dict[tuple[str, str, str | None], int]:
        """Return (layer, state, deadline) → how many records that are not closed have both, now or at a moment."""
        return work.open_deadlines(self._store, layers, as_of=as_of)

    def moves_made(self, layer: Layer, *, as_of: dt.datetime | None = None) -> list[MoveMade]:
        """Return the moves made in a register, now or until a moment, by day and code; those taken back are none."""
        return work.moves_made(self._store, layer, as_of=as_of)

    def states(self, layer: Layer, *, as_of: dt.datetime | None = None) -> dict[str, int]:
        """Return state → how many active records of a register are in it, now or at a moment."""
        return work.states(self._store, layer, as_of=as_of)

    def state_since(
        self, layer: Layer, codes: Collection[str], *, as_of: dt.datetime | None = None
    ) -> dict[str, str]:
        """Return code → the day since when records of a register are in their state, where one is known."""
        return work.since(self._store, layer, codes, as_of=as_of)

    def edit_many(self, layer: str, edits: Sequence[RecordEdit], *, by: str, why: str) -> dict[str, int]:
        """Change many records of a layer as one changeset, all or none; return code → version after it.

        StaleRevisionError shows both sides of every record that has moved on.
        """
        return editing.edit(self._store, layer, edits, by=by, why=why)

    def changes_of(self, layer: str, edits: Sequence[RecordEdit]) -> dict[str, Changes]:
        """Return code → what an edit would change, key → (before, after), unmasked; nothing is written.

        A record that already is as it is stated has no entry. Versions are not compared.
        """
        return editing.changes_of(self._store, layer, edits)

    def retire(self, layer: str, code: str, *, by: str, why: str, seen: int | None = None) -> int:
        """Take a record out of the lists, never out of the ledger; return its version."""
        return editing.retire(self._store, layer, code, seen=seen, by=by, why=why)

    def reinstate(self, layer: str, code: str, *, by: str, why: str, seen: int | None = None) -> int:
        """Bring a retired record back; return its version."""
        return editing.reinstate(self._store, layer, code, seen=seen, by=by, why=why)

    def reinstate_many(self, layer: str, edits: Sequence[RecordEdit], *, by: str, why: str) -> dict[str, int]:
        """Bring retired records back as one changeset, all or none, changed as stated; return code → version."""
        return editing.reinstate_many(self._store, layer, edits, by=by, why=why)

    def change_files(
        self, layer: str, code: str, change: FilesChange, *, by: str, why: str, seen: int | None = None
    ) -> int:
        """Attach files to a record, or take them off, as one changeset; return its version.

        StaleRevisionError shows both sides where the record is no longer of the version `seen`.
        """
        return editing.change_files(self._store, layer, code, change, seen=seen, by=by, why=why)

    def attached(
        self, layer: str, *, codes: Sequence[str] | None = None, as_of: dt.datetime | None = None
    ) -> dict[str, list[Attached]]:
        """Return code → the files on a layer's records, all or those of `codes`, now or at a moment."""
        with self._store.reading() as connection:
            at = None if as_of is None else history.changeset_at(connection, as_of)
            return attachments.read_attached(connection, layer, codes=codes, at=at)

    def attachments(self) -> list[Attachment]:
        """Return every file that was ever attached to a record: the past keeps those that were taken off."""
        with self._store.reading() as connection:
            return attachments.all_attachments(connection)

    def retirements(
        self, layer: str, *, codes: Sequence[str] | None = None, as_of: dt.datetime | None = None
    ) -> list[Retirement]:
        """Return who took the retired records of a layer off the lists, when and why, in code order; all or of `codes`."""
        return history.retirements(self._store, layer, codes=codes, as_of=as_of)

    def undo(self, changeset: int, *, by: str, why: str) -> Undone:
        """Take back a whole changeset; return what that did. Tiers stay until the records are scored."""
        return undoing.undo(self._store, changeset, by=by, why=why)

    def names_held(self, level: Level) -> dict[str, dict[str, int]]:
        """Return street (or community) → layer → how many active records state it."""
        return streets.names_held(self._store, level)

    def rename_streets(self, names: Mapping[str, str], level: Level, *, by: str, why: str) -> Renamed:
        """Rename streets or communities, old → new, in every record on the lists, as one changeset."""
        return streets.rename(self._store, names, level, by=by, why=why)

    def former_names(self, level: Level, *, state: int | None = None) -> dict[str, str]:
        """Return what streets or communities were called before → what they are called, now or in a state."""
        with self._store.reading() as connection:
            return streets.former_names(connection, level, at=state)

    def plan_merge(self, layer: str, keep: str, drop: str) -> MergePlan:
        """Return what merging a record into another of its layer would do; nothing is written."""
        return uniting.plan_merge(self._store, layer, keep, drop)

    def merge(
        self,
        layer: str,
        keep: str,
        drop: str,
        *,
        sides: Mapping[str, Side],
        stated: Judged,
        seen: Mapping[str, int],
        by: str,
        why: str,
    ) -> Reunited:
        """Merge a record into another of its layer, and whatever names it, as one changeset.

        `sides`: key → whose value holds, of what both state otherwise; `stated`: what is stated of the kept one instead;
        `seen`: code → version that was read. RefusedError lists what nobody settled.
        """
        return uniting.merge_records(
            self._store, layer, keep, drop, sides=sides, stated=stated, seen=seen, by=by, why=why
        )

    def split(
        self,
        new: NewRecord,
        code: str,
        *,
        moved: Collection[str],
        files: Collection[str],
        naming: Sequence[Reference],
        seen: int,
        by: str,
        why: str,
    ) -> Reunited:
        """Make a new record of one as one changeset: `moved` keys and `files` go over, `naming` name the new one."""
        return uniting.split_record(
            self._store, new, code, moved=moved, files=files, naming=naming, seen=seen, by=by, why=why
        )

    def changesets(self, *, limit: int = 50) -> list[ChangesetInfo]:
        """Return the last writes, newest first."""
        return history.changesets(self._store, limit=limit)

    # Assessments

    def save_assessments(
        self, scored: Sequence[Scored], *, by: str, why: str, progress: Progress = UNWATCHED
    ) -> list[RunResult]:
        """Store what changed of the results of one or more layers, as one changeset; nothing, where
        nothing did.
        """
        return assessments.save_assessments(self._store, scored, by=by, why=why, progress=progress)

    def tier_changes(
        self,
        *,
        run: int | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
        first: bool = True,
    ) -> list[TierChange]:
        """Return changes of tier with their cause: of one run, after changeset `since`, up to `until`, or all;
        without first assessments where `first` is False.
        """
        return runs.tier_changes(self._store, run=run, since=since, until=until, limit=limit, first=first)

    def first_tiers(self, *, since: int, until: int | None = None) -> dict[str, Counter[str]]:
        """Return layer → tier → how many records were first assessed with it after changeset `since`, up to `until`."""
        return runs.first_tiers(self._store, since=since, until=until)

    def standings(self, state: int) -> dict[str, Counter[str]]:
        """Return layer → tier, grade or "unrated" → how many active records had it in a state of the ledger."""
        return runs.standings(self._store, state)

    def newly_unrated(
        self, layer: str, feature_ids: NDArray[np.int64], *, at: int | None = None
    ) -> NDArray[np.bool_]:
        """Return which of some unrated records became so at or after the last run over their whole layer, now
        or as of the state `at`; all where there was no such run. The first run of a layer makes none new.
        """
        return assessments.newly_unrated(self._store, layer, feature_ids, at=at)

    def assessed_digest(self, layer: str, *, as_of: dt.datetime | None = None) -> str | None:
        """Return the digest of the model that last assessed a layer, now or at a moment."""
        return runs.assessed_digest(self._store, layer, as_of=as_of)

    def assessed_fit(self, layer: str, *, as_of: dt.datetime | None = None) -> str | None:
        """Return the digest of the fit that last assessed a layer, now or at a moment; None for none."""
        return runs.assessed_fit(self._store, layer, as_of=as_of)

    def makers(
        self, layer: str, *, as_of: dt.datetime | None = None, feature_id: int | None = None
    ) -> Makers:
        """Return which models made the tiers of a layer, now or at a moment; `feature_id` narrows `alone`."""
        at = None if as_of is None else self.state_at(as_of)
        return runs.makers(self._store, layer, at=at, feature_id=feature_id)

    def model_text(self, digest: str) -> str | None:
        """Return the text of a model by its digest."""
        return runs.model_text(self._store, digest)

    def models_used(self, layer: str) -> list[tuple[str, str]]:
        """Return (digest, text) of every model that has assessed a layer, the latest first."""
        return runs.models_used(self._store, layer)

    def record_model(
        self,
        model: str,
        version: str,
        *,
        text: str,
        base: str,
        used: Collection[tuple[str, str]] = (),
        by: str,
        why: str,
    ) -> int:
        """Write that somebody saved a model: its text, and the text `base` that it was made from.

        `used`: (version, digest) of texts that were never saved here. LedgerError where the version
        belongs to another text. The model file is not touched; `put_model_in_place` says when it may.
        """
        return runs.record_model(self._store, model, version, text=text, base=base, used=used, by=by, why=why)

    def put_model_in_place(self, changeset: int, replace: Callable[[], None]) -> bool:
        """Call `replace` while nobody else can write, if no other version of the model was recorded
        after `changeset`; return whether it was called.
        """
        return runs.put_in_place(self._store, changeset, replace)

    def kept_models(self, model: str) -> list[KeptModel]:
        """Return every version of a model that was saved or that has assessed a layer, the latest first."""
        return runs.kept_models(self._store, model)

    def last_fit(self, layer: str, model_digest: str, *, as_of: dt.datetime | None = None) -> KeptFit | None:
        """Return what the last whole run of a layer, now or at a moment, was compared with; None where it
        had another model.
        """
        return runs.last_fit(self._store, layer, model_digest, as_of=as_of)

    # Scenarios and the event log

    def open_scenario(
        self,
        *,
        title: str,
        drill: bool,
        body: Mapping[str, Any],
        at: dt.datetime,
        escalations: Sequence[Escalation],
        events: Sequence[NewEvent] = (),
        by: str,
        why: str,
    ) -> OpenedScenario:
        """Write a scenario computed for the moment `at` with what it raises and how its log begins.

        Returns it as `scenario` and `escalations` would read it. LedgerError where an escalation does
        not raise, UnknownNameError for a code or a kind of event there is not; then nothing is written.
        No assessment changes, and the state stays.
        """
        return scenarios.open_scenario(
            self._store,
            title=title,
            drill=drill,
            body=body,
            at=at,
            escalations=escalations,
            events=events,
            by=by,
            why=why,
        )

    def scenarios(self, *, limit: int | None = None) -> list[RecordedScenario]:
        """Return scenarios, the newest first."""
        return scenarios.scenarios(self._store, limit=limit)

    def scenario(self, number: int) -> RecordedScenario:
        """Return one scenario; UnknownNameError where there is none."""
        found = scenarios.scenarios(self._store, number=number)
        if not found:
            raise UnknownNameError(
                f"情景 {number}：台账中没有；请核对编号", f"scenario {number}: there is none; check it"
            )
        return found[0]

    def escalations(
        self,
        *,
        scenario: int | None = None,
        at: dt.datetime | None = None,
        record: tuple[str, str] | None = None,
    ) -> list[Recorded]:
        """Return what a scenario (all: None) raises, by default whenever, else at a moment; `record`
        (layer, code) narrows it to one.
        """
        return scenarios.escalations(self._store, scenario=scenario, at=at, record=record)

    def add_events(self, scenario: int, new: Sequence[NewEvent], *, by: str, why: str) -> list[int]:
        """Write lines of the log in one transaction; return their numbers. The state stays.

        UnknownNameError for a scenario, record, kind or corrected event that does not exist.
        """
        return scenarios.add_events(self._store, scenario, new, by=by, why=why)

    def events(
        self,
        scenario: int,
        *,
        until: dt.datetime | None = None,
        known_at: dt.datetime | None = None,
        number: int | None = None,
    ) -> list[Event]:
        """Return the log of a scenario in the order of time: what had happened `until` a moment,
        what had been written down (`known_at`) by one; of `number` only that event.
        """
        return scenarios.events(self._store, scenario, until=until, known_at=known_at, number=number)

    # Reminders

    def notices(self) -> list[Notice]:
        """Return every reminder that was decided to go out, as it stands."""
        with self._store.reading() as connection:
            return notices.read_notices(connection)

    def claim_notices(self, new: Sequence[NewNotice], *, by: str, why: str) -> list[Notice]:
        """Write which reminders go out now; return those that are the caller's to send, and nobody else's."""
        return notices.claim(self._store, new, by=by, why=why)

    def settle_notice(self, notice: Notice, outcome: Mapping[str, Any], *, by: str, why: str) -> None:
        """Write what became of a reminder; `outcome` has a `status`: sent or failed."""
        notices.settle(self._store, notice, outcome, by=by, why=why)

    def came_in(self, layer: str, since: dt.datetime, until: dt.datetime) -> list[CameIn]:
        """Return the rows of each street that files brought into a layer between two moments."""
        with self._store.reading() as connection:
            return notices.came_in(connection, layer, timestamp(since), timestamp(until))

    # Upkeep

    def backup(self, path: Path, *, place: Path | None = None) -> ChainHead | None:
        """Write a consistent copy beside `path`, check it, then move it there; return its head.

        LedgerError, naming `place` where that is another, where ledger or copy is not sound; what stood
        at `path` is untouched then.
        """
        return upkeep.backup(self._store, path, place=place or path)

    @staticmethod
    def restore(
        path: Path,
        url: str,
        *,
        by: str = "riskmap restore",
        why: str = "restore",
        clock: Clock = utc_now,
    ) -> None:
        """Put a checked backup in the ledger's place; the replaced one stays as .before-restore."""
        upkeep.restore(path, file_of(url), by=by, why=why, clock=clock)

    def check(self) -> list[str]:
        """Return every inconsistency of the file or its content; empty where it is sound."""
        return upkeep.check(self._store)

    def fields_kept(self) -> dict[str, dict[str | None, int]]:
        """Return layer → field id → how many active records hold a value; under None, how many there are."""
        return upkeep.fields_kept(self._store)

    def record_export(self, *, by: str, why: str, what: str, unmasked: bool) -> None:
        """Note an export; it changes no record, so `state` stays."""
        with self._store.writing() as connection:
            connection.execute(
                s.export_log.insert().values(
                    id=next_id(connection, s.export_log),
                    at=self._store.written_now(connection),
                    who=by,
                    why=why,
                    what=what,
                    unmasked=int(unmasked),
                )
            )

    def exports(self, *, limit: int = 50, what: str = "") -> list[ExportInfo]:
        """Return the last exports noted, newest first; all, or those whose `what` begins so."""
        return history.exports(self._store, limit=limit, what=what)
