"""File → ledger: read, check against the map and the ledger, show the difference, write.

What follows a look at an import: write it, settle held rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from riskmap.actions.import_outlook import ImportOutlook, import_outlook
from riskmap.actions.records.scoring import assess_layers, one_commit
from riskmap.actions.records.tickets import evidence_taken
from riskmap.actions.suggestions import Suggestion, check_fillable, filled, suggestions
from riskmap.actions.workspace import Workspace
from riskmap.catalog.flow import STATE
from riskmap.errors import NotScoredError, RiskmapError, StaleRevisionError, Text
from riskmap.interface import option
from riskmap.io.files.attachments import Incoming
from riskmap.io.tables import read_file
from riskmap.io.tables.row_codes import RowCodes, check_prefix, coded, offer_codes
from riskmap.io.tables.row_keys import RowKeys
from riskmap.json_documents import Document
from riskmap.ledger import Committed, FilesChange, TierChange
from riskmap.ledger.store import no_cycles
from riskmap.moments import local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import Actor, may
from riskmap.rules.position import place_issues
from riskmap.rules.shift import shift_issue, shift_of
from riskmap.values.import_plan import ImportPlan, Intake, Issue, RejectedRow

_COMPARING: Final = Text("与台账对照", "comparing with the ledger")


_COMMITTING: Final = Text("写入台账", "writing to the ledger")


_PLACING: Final = Text("核对位置", "checking the positions")


@dataclass(frozen=True, slots=True)
class FileImport:
    """What one file did, or would do, to the ledger. `committed` is None after a dry run.

    `tiers`: the tiers that changed with it. `offered`: what the ledger could add where the file is silent.
    `outlook`: what a dry run says of points and tiers.
    """

    plan: ImportPlan
    place_issues: tuple[Issue, ...]
    committed: Committed | None = None
    tiers: tuple[TierChange, ...] = ()
    offered: tuple[Suggestion, ...] = ()
    outlook: ImportOutlook | None = None

    @property
    def intake(self) -> Intake:
        """The file as it was read."""
        return self.plan.intake

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Everything that was said about the file: cells, places, what the ledger knows otherwise, held rows."""
        spoken = [*self.plan.remarks.items(), *self.plan.holds.items()]
        held = tuple(
            Issue(
                self.intake.sheet[i],
                self.intake.row[i],
                self.intake.records.code[i],
                None,
                None,
                "warning",
                hold.rule,
                hold.message,
            )
            for i, hold in sorted(spoken, key=lambda item: item[0])
        )
        return self.intake.issues + self.place_issues + held

    def as_json(self) -> Document:
        """Return the file's part of `riskmap import --json`."""
        intake, plan = self.intake, self.plan
        offered = {"suggestions": [one.as_json() for one in self.offered]} if self.offered else {}
        return {
            "file": intake.file,
            "layer": intake.layer,
            "sheets": [
                {
                    "sheet": s.sheet,
                    "header_row": s.header_row,
                    "rows": s.rows,
                    "skipped_non_data": s.skipped_non_data,
                    "headers": [{"header": h.header, "target": h.target, "how": h.how} for h in s.headers],
                }
                for s in intake.sheets
            ],
            "rows": intake.rows,
            "accepted": len(intake.records),
            "inserted": plan.count("insert"),
            "updated": plan.count("update"),
            "unchanged": plan.count("unchanged"),
            "rejected": len(intake.rejected),
            "skipped_non_data": intake.skipped_non_data,
            "unlocated": intake.unlocated,
            "held": plan.count("held"),
            **({"moved": len(plan.moved)} if plan.moved else {}),
            **({"taken_over": len(plan.taken_over)} if plan.taken_over else {}),
            "absent": list(plan.absent),
            "changeset": self.committed.changeset if self.committed else None,
            "issues": [issue.as_json() for issue in self.issues],
            **offered,
            **({"outlook": self.outlook.as_json()} if self.outlook else {}),
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import of one or more files did."""

    files: tuple[FileImport, ...]
    dry_run: bool

    @property
    def rejected(self) -> int:
        """How many rows were rejected in all files together."""
        return sum(len(f.intake.rejected) for f in self.files)

    def as_json(self) -> Document:
        """Return the document of `riskmap import --json`."""
        return {"dry_run": self.dry_run, "files": [f.as_json() for f in self.files]}


def read_for_import(
    ws: Workspace,
    layer: str,
    path: Path,
    *,
    datum: str | None = None,
    name: str | None = None,
    codes: RowCodes | RowKeys | None = None,
    hidden: bool = False,
    progress: Progress = UNWATCHED,
) -> Intake:
    """Read one file and validate it; nothing is written.

    `name` is the file's name as the person knows it, where `path` is a temporary copy. `codes`: how rows
    without a code get one (`row_codes`). UncodedRowsError offers that where no row of the file has one.
    `hidden`: whether hidden sheets are read as well. A layer that makes its codes needs none.
    """
    if codes is None:
        codes = row_codes(ws, layer)
    with no_cycles():
        intake = read_file(
            path,
            ws.catalog.layer(layer),
            datum=datum,
            fallback_datum=ws.config.default_datum or None,
            others=_other_layers(ws, layer),
            subdistricts=ws.subdistricts,
            region=ws.region,
            progress=progress,
            name=name,
            codes=codes,
            hidden=hidden,
        )
    if codes is None:
        offer_codes(intake)
    else:
        codes.learn(intake)
    return intake


def row_codes(ws: Workspace, layer: str, *, number: str = "", match: str = "") -> RowCodes | RowKeys | None:
    """Return how the rows of a list without codes get one, None where nothing is asked for and the layer makes none.

    `number`: prefix of new codes. `match`: "name", by which a row is a record of the ledger. Both: what no
    name matches is numbered. RiskmapError where a prefix can begin no code, or for another word than "name".
    """
    if match not in {"", "name"}:
        raise RiskmapError(
            f"{option('match')} {match}：只能按 name（名称）对应",
            f"{option('match', 'en')} {match}: rows are matched by name only",
        )
    if not number and not match:
        return row_keys(ws, layer)
    prefix = check_prefix(number) if number else ""
    known = coded(ws.ledger.features(layer, include_retired=True).records)
    return RowCodes(prefix, match == "name", list(known))


def row_keys(ws: Workspace, layer_id: str) -> RowKeys | None:
    """Return how a layer makes codes (`key` of its file), None where each row has its own."""
    layer = ws.catalog.layer(layer_id)
    if layer.key.kind == "code":
        return None
    known = ws.ledger.features(layer_id, include_retired=True).records
    waiting = ws.ledger.waiting_records(layer_id)
    return RowKeys(layer, known, ws.ledger.named, local_now().year, waiting)


def _other_layers(ws: Workspace, chosen: str) -> dict[str, str]:
    """Return every name of the other layers → id."""
    return {
        name: other.id
        for other in ws.catalog.layers.values()
        if other.id != chosen
        for name in (other.id, other.title.zh, other.title.en)
    }


def plan_file(
    ws: Workspace,
    intake: Intake,
    *,
    full_list: bool = False,
    outlook: bool = False,
    progress: Progress = UNWATCHED,
) -> FileImport:
    """Compare a file with the ledger and the boundaries, with an `outlook` where asked for; nothing is written."""
    comparing, trying = progress.parts(1, 1 if outlook else 0)
    comparing.step(0, 2, _COMPARING)
    with no_cycles():
        plan = ws.ledger.plan_import(intake, full_list=full_list)
        comparing.step(1, 2, _PLACING)
        issues = shift_issue(intake, shift_of(plan)) + place_issues(intake, ws.places)
        offered = suggestions(ws, plan)
        seen = import_outlook(ws, plan, progress=trying) if outlook else None
        return FileImport(plan, issues, offered=offered, outlook=seen)


def fill_file(
    ws: Workspace,
    planned: FileImport,
    fields: Collection[str],
    *,
    full_list: bool = False,
    outlook: bool = False,
    progress: Progress = UNWATCHED,
) -> FileImport:
    """Accept what was offered for these fields (subdistrict, position) and plan the file anew; nothing is written."""
    check_fillable(fields)
    if not any(one.field in fields for one in planned.offered):
        return planned
    intake = filled(planned.intake, planned.offered, fields)
    return plan_file(ws, intake, full_list=full_list, outlook=outlook, progress=progress)


def commit_file(
    ws: Workspace, planned: FileImport, *, by: Actor, why: str, progress: Progress = UNWATCHED
) -> FileImport:
    """Write what a plan says, as one changeset, and score what it inserted or updated: both or neither."""
    added = sum(issue.rule == "filled_in" for issue in planned.intake.issues)
    why = f"{why}（文件未写、按确认补上 {added} 项街道或位置）" if added else why
    committed, tiers = commit_plan(ws, planned.plan, by=by, why=why, progress=progress)
    return replace(planned, committed=committed, tiers=tiers)


def commit_plan(
    ws: Workspace,
    plan: ImportPlan,
    *,
    by: Actor,
    why: str,
    kind: str = "import",
    progress: Progress = UNWATCHED,
) -> tuple[Committed, tuple[TierChange, ...]]:
    """Write a plan as a changeset of this kind and score its records; return what it did and to which tiers.

    The first load of a layer stays unrated until the layer is assessed.
    """
    layer = plan.intake.layer
    may(by, "import", layer)
    writing, scoring = progress.parts(2, 1)
    ready = [layer] if is_assessed(ws, layer) else []
    with no_cycles(), one_commit(ws, ready, by=by, why=why, rated=True, progress=scoring) as action:
        committed = ws.ledger.commit_import(plan, by=by.name, why=why, kind=kind, progress=writing)
    return committed, action.tiers


def is_assessed(ws: Workspace, layer: str) -> bool:
    """Tell whether a layer was ever assessed as a whole."""
    return ws.ledger.assessed_digest(layer) is not None


def import_files(
    ws: Workspace,
    layer: str,
    paths: Sequence[Path],
    *,
    by: Actor,
    why: str,
    datum: str | None = None,
    dry_run: bool = False,
    full_list: bool = False,
    number: str = "",
    match: str = "",
    fill: Collection[str] = (),
    hidden: bool = False,
    progress: Progress = UNWATCHED,
) -> ImportReport:
    """Import files into a layer. Every file is read before the first one is written.

    `number`, `match`: how rows without a code get one, see `row_codes`.
    `fill`: subdistrict, position; what the ledger offers for these is accepted where the file is silent.
    `hidden`: whether hidden sheets are read as well.

    A file that cannot be read raises UnreadableFileError or DatumError and nothing is written. Stopped by its
    `progress`, it raises Cancelled and nothing is written; from the first file that is, it goes on to the last.
    """
    reading, writing = progress.parts(2, 1)
    with no_cycles():  # from the first file to the last, or what is read is walked through at every step
        codes = row_codes(ws, layer, number=number, match=match)
        intakes = [
            read_for_import(ws, layer, path, datum=datum, codes=codes, hidden=hidden, progress=part)
            for path, part in zip(paths, reading.parts(*(1 for _ in paths)), strict=True)
        ]
        done: list[FileImport] = []
        for intake, each in zip(intakes, writing.parts(*map(len, (i.records for i in intakes))), strict=True):
            comparing, last = (each.written if done and not dry_run else each).parts(1, 2)
            planned = plan_file(ws, intake, full_list=full_list, progress=comparing)
            planned = fill_file(ws, planned, fill, full_list=full_list)
            if dry_run:
                outlook = import_outlook(ws, planned.plan, progress=last)
                done.append(replace(planned, outlook=outlook))
            else:
                last.step(0, 1, _COMMITTING)
                done.append(commit_file(ws, planned, by=by, why=why, progress=last))
    return ImportReport(tuple(done), dry_run)


def rejected_rows(report: ImportReport) -> list[tuple[str, int | None, tuple[RejectedRow, ...]]]:
    """Return (file, batch, rows) for every file with rejected rows."""
    return [
        (f.intake.file, f.committed.batch if f.committed else None, f.intake.rejected)
        for f in report.files
        if f.intake.rejected
    ]


def difference(plan: ImportPlan) -> list[Mapping[str, Any]]:
    """Return the rows of an import that would change the ledger, for a person to read before commit."""
    records, rows = plan.intake.records, []
    for i, action in enumerate(plan.actions):
        if action == "unchanged":
            continue
        rows.append(
            {
                "code": records.code[i],
                "name": records.name[i],
                "action": action,
                "sheet": plan.intake.sheet[i],
                "row": plan.intake.row[i],
                "changes": plan.changes.get(i, {}),
                "hold": plan.holds.get(i),
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of the files of one import.

    `committed` were written. `refused` says why the next one was not (the ledger has moved since
    it was looked at, or its records cannot be scored); `left` holds it and all after it, planned
    anew and not written. `changes`: the tiers that changed. `unrated` says why a layer that was
    loaded for the first time could not be assessed.
    """

    layer: str
    committed: tuple[FileImport, ...]
    left: tuple[FileImport, ...] = ()
    refused: StaleRevisionError | NotScoredError | None = None
    changes: tuple[TierChange, ...] = ()
    unrated: RiskmapError | None = None


def commit_files(
    ws: Workspace,
    layer: str,
    planned: Sequence[FileImport],
    *,
    by: Actor,
    why: str,
    full_list: bool = False,
    progress: Progress = UNWATCHED,
) -> ImportOutcome:
    """Write files that were looked at, each with its tiers as one commit.

    Stopped by its `progress` before the first file is written, it raises Cancelled and nothing is; from then on it
    goes on to the last.
    A layer that was never assessed is assessed afterwards, as a whole. A file whose plan no longer
    holds, or whose records cannot be scored, is not written: it and those after it come back planned
    against the ledger as it is now.
    """
    may(by, "import", layer)
    if not by.name.strip() or not why.strip():
        raise RiskmapError("导入：请写明经办人和原因", "import: state the person and the reason")
    first_load = not is_assessed(ws, layer)
    done: list[FileImport] = []
    left: list[FileImport] = []
    refused: StaleRevisionError | NotScoredError | None = None
    committing, assessing = progress.parts(3, 2 if first_load else 0)
    parts = committing.parts(*(len(file.intake.records) for file in planned))
    for i, (file, each) in enumerate(zip(planned, parts, strict=True)):
        part = each.written if done else each
        part.step(0, 1, _COMMITTING)
        try:
            done.append(commit_file(ws, file, by=by, why=why, progress=part))
        except (StaleRevisionError, NotScoredError) as problem:
            refused = problem
            left = [plan_file(ws, one.intake, full_list=full_list) for one in planned[i:]]
            break
    changes = tuple(change for file in done for change in file.tiers)
    unrated = None
    if done and first_load and layer in ws.catalog.scored:
        first, unrated = _assessed_first(ws, layer, by=by, why=why, progress=assessing.written)
        changes += first
    return ImportOutcome(layer, tuple(done), tuple(left), refused, changes, unrated)


def _assessed_first(
    ws: Workspace, layer: str, *, by: Actor, why: str, progress: Progress
) -> tuple[tuple[TierChange, ...], RiskmapError | None]:
    """Assess a layer that is on the ledger by now; return its tiers, or why there are none."""
    try:
        run = assess_layers(ws, [layer], by=by, why=why, progress=progress)["run"]
    except RiskmapError as problem:
        return (), problem
    return () if run is None else tuple(ws.ledger.tier_changes(run=run)), None


def settle_held(
    ws: Workspace,
    held: Sequence[int],
    *,
    accept: bool,
    by: Actor,
    why: str,
    as_code: str | None = None,
    more: Mapping[str, Mapping[str, object]] | None = None,
    evidence: Sequence[Incoming] = (),
) -> int:
    """Accept held rows (a single one perhaps under another code) or decline them, and score what changed.

    One decision is one changeset and one undo: return it. A row that was settled meanwhile raises
    LedgerError; then nothing is written. `more`: layer → field → what is stated beside the rows, `evidence`: pictures and
    documents that a closing lacks; accepting it is the second person's act. RefusedError with what speaks against it.
    """
    may(by, "import")
    if not by.name.strip() or not why.strip():
        raise RiskmapError("待确认行：请写明经办人和原因", "held rows: state the person and the reason")
    if not accept:
        return ws.ledger.decline_held(held, by=by.name, why=why)
    judged = {
        layer: rules_of(ws.catalog.layer(layer), ws.subdistricts, ws.region).record(dict(stated), at=None)
        for layer, stated in (more or {}).items()
    }
    files = _evidence_for(ws, held, evidence)
    with one_commit(ws, by=by, why=why):
        return ws.ledger.accept_held(held, as_code=as_code, by=by.name, why=why, more=judged, files=files)


def _evidence_for(
    ws: Workspace, held: Sequence[int], evidence: Sequence[Incoming]
) -> dict[str, tuple[FilesChange, ...]]:
    """Keep the files that are handed over with held rows: layer → what is attached, and where."""
    if not evidence:
        return {}
    rows = [one for one in ws.ledger.held() if one.id in set(held)]
    states = {one.layer: str(one.stated.get(STATE) or "") for one in rows}
    return {
        layer: evidence_taken(ws, ws.catalog.layer(layer), state, evidence) for layer, state in states.items()
    }


def dismiss_rejected(ws: Workspace, rows: Sequence[int], *, by: Actor, why: str) -> int:
    """Close rejected rows that will not come back; they stay readable. Return the changeset."""
    may(by, "import")
    return ws.ledger.dismiss_rejected(rows, by=by.name, why=why)
