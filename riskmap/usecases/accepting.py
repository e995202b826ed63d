"""What follows a look at an import: write it, assess, settle held rows, take things back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from riskmap.errors import RiskmapError, StaleRevisionError
from riskmap.ledger import HeldEntry, TierChange
from riskmap.usecases.assessing import assess_layers
from riskmap.usecases.editing import undo_changeset
from riskmap.usecases.importing import FileImport, Progress, commit_file, plan_file
from riskmap.usecases.workspace import Workspace

_SHARE_WRITTEN = 0.6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the files of one import.

    `committed` were written. `refused` says why the next one was not (the ledger has moved since
    it was looked at); `left` holds it and all after it, planned anew and not written.
    `tiers` is the layer's part of `riskmap assess --json`, None where nothing was written.
    """

    layer: str
    committed: tuple[FileImport, ...]
    left: tuple[FileImport, ...] = ()
    refused: StaleRevisionError | None = None
    tiers: dict[str, Any] | None = None
    changes: tuple[TierChange, ...] = ()


def commit_files(
    ws: Workspace,
    layer: str,
    planned: Sequence[FileImport],
    *,
    by: str,
    why: str,
    full_list: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Write files that were looked at, each as one changeset, then assess their layer.

    A file whose plan no longer holds is not written: it and those after it come back planned
    against the ledger as it is now.
    """
    if not by.strip() or not why.strip():
        raise RiskmapError("导入：请写明经办人和原因", "import: state the person and the reason")
    done: list[FileImport] = []
    left: list[FileImport] = []
    refused: StaleRevisionError | None = None
    for i, file in enumerate(planned):
        if progress:
            progress("commit", _SHARE_WRITTEN * i / len(planned))
        try:
            done.append(commit_file(ws, file, by=by, why=why))
        except StaleRevisionError as problem:
            refused = problem
            left = [plan_file(ws, one.intake, full_list=full_list) for one in planned[i:]]
            break
    if not done:
        return Outcome(layer, (), tuple(left), refused)
    if progress:
        progress("assess", _SHARE_WRITTEN)
    document = assess_layers(ws, [layer], by=by, why=why)
    run = document["run"]
    changes = [] if run is None else ws.ledger.tier_changes(run=run)
    if progress:
        progress("done", 1.0)
    return Outcome(layer, tuple(done), tuple(left), refused, document["layers"][0], tuple(changes))


def settle_held(
    ws: Workspace,
    entries: Sequence[HeldEntry],
    *,
    accept: bool,
    by: str,
    why: str,
    as_code: str | None = None,
) -> int:
    """Accept held rows (one of them perhaps under another code) or decline them; assess what changed.

    Returns how many were settled. A row that was settled meanwhile raises LedgerError; those before it
    stay settled.
    """
    if not by.strip() or not why.strip():
        raise RiskmapError("待确认行：请写明经办人和原因", "held rows: state the person and the reason")
    codes: dict[str, list[str]] = {}
    try:
        for entry in entries:
            if accept:
                ws.ledger.accept_held(entry.id, by=by, why=why, as_code=as_code)
                codes.setdefault(entry.layer, []).append(as_code or entry.code)
            else:
                ws.ledger.decline_held(entry.id, by=by, why=why)
    finally:
        for layer, changed in codes.items():
            assess_layers(ws, [layer], by=by, why=why, codes=changed)
    return len(entries)


def take_back(ws: Workspace, changeset: int, *, by: str, why: str, layers: Sequence[str] = ()) -> int:
    """Undo one changeset and assess the layers again (all when none is named); returns the new changeset."""
    number = undo_changeset(ws, changeset, by=by, why=why)
    assess_layers(ws, layers, by=by, why=why)
    return number
