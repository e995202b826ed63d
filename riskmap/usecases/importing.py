"""File → ledger: read, check against the map and the ledger, show the difference, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskmap.coordinates import parse_datum
from riskmap.errors import RiskmapError, Say
from riskmap.intake import read_file
from riskmap.ledger import Committed, TierChange
from riskmap.ledger.store import no_cycles
from riskmap.places import Places, duplicates, fitting_datum
from riskmap.records import ImportPlan, Intake, Issue, RejectedRow
from riskmap.rules.permissions import Actor, may
from riskmap.usecases.assessing import one_commit
from riskmap.usecases.workspace import Workspace

Progress = Callable[[str, float], None]  # what is being done, share done 0–1

_DATUM_TITLES = {"wgs84": "WGS84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}


@dataclass(frozen=True, slots=True)
class FileImport:
    """What one file did, or would do, to the ledger. `committed` is None after a dry run.

    `tiers`: the tiers that changed with it.
    """

    plan: ImportPlan
    place_issues: tuple[Issue, ...]
    committed: Committed | None = None
    tiers: tuple[TierChange, ...] = ()

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

    def as_json(self) -> dict[str, Any]:
        """Return the file's part of `riskmap import --json`."""
        intake, plan = self.intake, self.plan
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
            "unlocated": unlocated(intake),
            "held": plan.count("held"),
            "absent": list(plan.absent),
            "changeset": self.committed.changeset if self.committed else None,
            "issues": [issue.as_json() for issue in self.issues],
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

    def as_json(self) -> dict[str, Any]:
        """Return the document of `riskmap import --json`."""
        return {"dry_run": self.dry_run, "files": [f.as_json() for f in self.files]}


def unlocated(intake: Intake) -> int:
    """Return how many accepted rows have no position."""
    return int(np.isnan(intake.records.lon).sum())


def read_for_import(
    ws: Workspace,
    layer: str,
    path: Path,
    *,
    datum: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read one file and validate it; nothing is written.

    `name` is the file's name as the person knows it, where `path` is a temporary copy.
    """
    if progress:
        progress("read", 0.0)
    with no_cycles():
        return read_file(
            path,
            ws.catalog.layer(layer),
            datum=datum,
            fallback_datum=ws.config.default_datum or None,
            others=_other_layers(ws, layer),
            subdistricts=ws.subdistricts,
            progress=progress,
            name=name,
        )


def _other_layers(ws: Workspace, chosen: str) -> dict[str, str]:
    """Return every name of the other layers → id."""
    return {
        name: other.id
        for other in ws.catalog.layers.values()
        if other.id != chosen
        for name in (other.id, other.title.zh, other.title.en)
    }


def plan_file(
    ws: Workspace, intake: Intake, *, full_list: bool = False, progress: Progress | None = None
) -> FileImport:
    """Compare a file with the ledger and the boundaries; nothing is written."""
    if progress:
        progress("compare", 0.5)
    with no_cycles():
        plan = ws.ledger.plan_import(intake, full_list=full_list)
        return FileImport(plan, place_issues(intake, ws.places))


def commit_file(ws: Workspace, planned: FileImport, *, by: Actor, why: str) -> FileImport:
    """Write what a plan says, as one changeset, and score what it inserted or updated: both or neither."""
    committed, tiers = commit_plan(ws, planned.plan, by=by, why=why)
    return replace(planned, committed=committed, tiers=tiers)


def commit_plan(
    ws: Workspace, plan: ImportPlan, *, by: Actor, why: str, kind: str = "import"
) -> tuple[Committed, tuple[TierChange, ...]]:
    """Write a plan as a changeset of this kind and score its records; return what it did and to which tiers.

    The first load of a layer stays unrated until the layer is assessed.
    """
    layer = plan.intake.layer
    may(by, "import", layer)
    with one_commit(ws, [layer] if is_assessed(ws, layer) else [], by=by, why=why, rated=True) as action:
        committed = ws.ledger.commit_import(plan, by=by.name, why=why, kind=kind)
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
    progress: Progress | None = None,
) -> ImportReport:
    """Import files into a layer. Every file is read before the first one is written.

    A file that cannot be read raises UnreadableFileError or DatumError and nothing is written.
    """
    with no_cycles():  # from the first file to the last, or what is read is walked through at every step
        intakes = [read_for_import(ws, layer, path, datum=datum, progress=progress) for path in paths]
        done: list[FileImport] = []
        for intake in intakes:
            planned = plan_file(ws, intake, full_list=full_list, progress=progress)
            done.append(planned if dry_run else commit_file(ws, planned, by=by, why=why))
    if progress:
        progress("done", 1.0)
    return ImportReport(tuple(done), dry_run)


def rejected_rows(report: ImportReport) -> list[tuple[str, int | None, tuple[RejectedRow, ...]]]:
    """Return (file, batch, rows) for every file with rejected rows."""
    return [
        (f.intake.file, f.committed.batch if f.committed else None, f.intake.rejected)
        for f in report.files
        if f.intake.rejected
    ]


def place_issues(intake: Intake, places: Places | None) -> tuple[Issue, ...]:
    """Return warnings about where rows lie: near duplicates, outside, and the datum that would fit."""
    records = intake.records
    if not len(records):
        return ()
    issues: list[Issue] = []

    def warn(i: int, field: str, rule: str, message: Say) -> None:
        issues.append(
            Issue(intake.sheet[i], intake.row[i], records.code[i], field, None, "warning", rule, message)
        )

    names = [n if isinstance(n, str) else None for n in records.name]
    for i in np.flatnonzero(duplicates(names, records.lon, records.lat)).tolist():
        warn(
            int(i),
            "name",
            "possible_duplicate",
            Say(
                f"{records.code[i]}：30 米内有同名的点“{names[i]}”；请核对是否重复登记",
                f"{records.code[i]}: another point named “{names[i]}” lies within 30 m; check whether it is the same",
            ),
        )
    if places is None:
        return tuple(issues)
    located = np.isfinite(records.lon)
    outside = located & ~places.in_district(records.lon, records.lat)
    found = places.locate(records.lon, records.lat)
    stated = np.array(
        [places.index(s if isinstance(s, str) else None) for s in records.subdistrict], np.int32
    )
    elsewhere = located & ~outside & (stated >= 0) & (found >= 0) & (found != stated)
    if outside.any():
        _suggest_datum(intake, places, issues)
    for i in np.flatnonzero(outside).tolist():
        warn(
            int(i),
            "position",
            "outside_district",
            Say(
                f"{records.code[i]}：位置不在本区范围内；请核对坐标和坐标系",
                f"{records.code[i]}: lies outside the district; check the coordinates and their datum",
            ),
        )
    for i in np.flatnonzero(elsewhere).tolist():
        named, actual = records.subdistrict[i], places.names[found[i]]
        warn(
            int(i),
            "position",
            "outside_subdistrict",
            Say(
                f"{records.code[i]}：填报为{named}，位置却在{actual}；请核对坐标或所属街道",
                f"{records.code[i]}: stated in {named} but lies in {actual}; check the position or the sub-district",
            ),
        )
    return tuple(issues)


def _suggest_datum(intake: Intake, places: Places, issues: list[Issue]) -> None:
    try:
        declared = parse_datum(intake.datum)
    except RiskmapError:
        return
    best = fitting_datum(intake.records.lon, intake.records.lat, declared, places)
    if best is None:
        return
    title, now = _DATUM_TITLES[best], _DATUM_TITLES.get(declared.id, declared.id)
    issues.append(
        Issue(
            None,
            None,
            None,
            "position",
            intake.datum,
            "warning",
            "other_datum_fits",
            Say(
                f"{intake.file}：按声明的 {now}，多数点不在本区；若坐标其实是 {title}，则落在本区内。"
                f"请核实后用 --crs {best} 重新导入",
                f"{intake.file}: as declared ({now}) most points lie outside the district; as {title} they would lie "
                f"inside. Check, and import again with --crs {best}",
            ),
        )
    )


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
