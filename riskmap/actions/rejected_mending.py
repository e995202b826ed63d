"""Rejected rows let in after all: with their bad optional cells left empty, or with what a person writes instead.

A mended row goes the way of every file: judged as it now reads, compared with the ledger, written and scored.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from riskmap.actions.importing import FileImport, commit_file, plan_file, read_for_import
from riskmap.actions.inventory.exporting import write_rejected
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError
from riskmap.ledger import RejectedEntry
from riskmap.rules.permissions import Actor, may
from riskmap.values.import_plan import RejectedRow


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of mended rows: those that went in (held ones too), and those that are rejected still."""

    accepted: int
    rejected: int
    files: tuple[FileImport, ...]


def optional_cells(layer: Layer, row: RejectedRow) -> tuple[int, ...]:
    """Return the bad cells of a rejected row that may be empty: of fields, checklists and contacts.

    A code, a name, a street and a position say which record this is and where: they are not among them.
    """
    found: set[int] = set()
    for issue in row.issues:
        if issue.severity == "error" and _optional(layer, issue.field):
            quoted = [i for i in row.bad if i < len(row.cells) and row.cells[i][1] == issue.value]
            found.update(quoted)
    return tuple(sorted(found))


def _optional(layer: Layer, target: str | None) -> bool:
    return target in layer.field_ids or (target or "").partition(":")[0] in {"checklist", "contact"}


def can_be_emptied(layer: Layer, row: RejectedRow) -> bool:
    """Tell whether a row has nothing wrong with it but optional cells."""
    errors = [issue for issue in row.issues if issue.severity == "error"]
    return (
        bool(errors)
        and all(_optional(layer, issue.field) for issue in errors)
        and bool(optional_cells(layer, row))
    )


def mend_rejected(
    ws: Workspace,
    rows: Sequence[int],
    *,
    cells: Mapping[str, str | None] | None = None,
    by: Actor,
    why: str,
) -> Mended:
    """Let rejected rows in: `cells`, header → text, in place of what stood there; without, bad optional cells empty.

    Each file's rows are one import and one undo; what is still wrong is rejected anew. RiskmapError names a
    row that is not open, a header that it does not have, and a row with nothing that may be left empty.
    """
    may(by, "import")
    if not by.name.strip() or not why.strip():
        raise RiskmapError("退回行：请写明经办人和原因", "rejected rows: state the person and the reason")
    done: list[FileImport] = []
    for entries in _by_batch(ws, rows):
        first = entries[0]
        layer = ws.catalog.layer(first.layer)
        mended = tuple(_mended(layer, entry, cells) for entry in entries)
        folder = Path(tempfile.mkdtemp(prefix="riskmap-"))
        try:
            path = folder / "mended.xlsx"
            write_rejected(path, [(first.file, first.batch, mended)])
            name = f"{Path(first.file).stem}.xlsx"
            intake = read_for_import(
                ws, layer.id, path, name=name
            )  # the workbook says in which datum its rows are
            done.append(commit_file(ws, plan_file(ws, replace(intake, file=first.file)), by=by, why=why))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    accepted = sum(len(one.intake.records) for one in done)
    return Mended(accepted, sum(len(one.intake.rejected) for one in done), tuple(done))


def _by_batch(ws: Workspace, rows: Collection[int]) -> Iterator[list[RejectedEntry]]:
    known = {entry.id: entry for entry in ws.ledger.rejected()}
    missing = [number for number in rows if number not in known]
    if missing or not rows:
        raise RiskmapError(
            f"退回行 {'、'.join(map(str, missing)) or '—'}：不存在或已处理，未写入；请刷新列表",
            f"rejected rows {', '.join(map(str, missing)) or '—'}: unknown or closed already, nothing was written; "
            "refresh the list",
        )
    batches: dict[tuple[str, int], list[RejectedEntry]] = {}
    for number in dict.fromkeys(rows):
        entry = known[number]
        batches.setdefault((entry.layer, entry.batch), []).append(entry)
    yield from batches.values()


def _mended(layer: Layer, entry: RejectedEntry, cells: Mapping[str, str | None] | None) -> RejectedRow:
    row, place = entry.row, f"{entry.file} › {entry.row.sheet} › {entry.row.row}"
    headers = [header for header, _ in row.cells]
    if cells is not None:
        strange = [header for header in cells if header not in headers]
        if strange:
            raise RiskmapError(
                f"{place}：没有这些列：{'、'.join(strange)}；请用表头原文（{'、'.join(headers)}）",
                f"{place}: no such columns: {', '.join(strange)}; write the headers as they stand ({', '.join(headers)})",
            )
        texts = [(header, (cells[header] or None) if header in cells else text) for header, text in row.cells]
        return replace(row, cells=tuple(texts))
    empty = optional_cells(layer, row)
    if not empty:
        raise RiskmapError(
            f"{place}：没有可以留空的格（编号、位置等必须改正）；请改写后再导入",
            f"{place}: no cell of it may be left empty (codes and positions are to be corrected); write what is right",
        )
    return replace(
        row, cells=tuple((header, None if i in empty else text) for i, (header, text) in enumerate(row.cells))
    )
