"""What follows a look at an import: write it, settle held rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskmap.errors import NotScoredError, RiskmapError, StaleRevisionError
from riskmap.ledger import TierChange
from riskmap.rules.permissions import Actor, may
from riskmap.usecases.assessing import assess_layers, one_commit
from riskmap.usecases.importing import FileImport, Progress, commit_file, is_assessed, plan_file
from riskmap.usecases.workspace import Workspace

_SHARE_WRITTEN = 0.6


@dataclass(frozen=True, slots=True)
class Outcome:
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
    progress: Progress | None = None,
) -> Outcome:
    """Write files that were looked at, each with its tiers as one commit.

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
    for i, file in enumerate(planned):
        if progress:
            progress("commit", _SHARE_WRITTEN * i / len(planned))
        try:
            done.append(commit_file(ws, file, by=by, why=why))
        except (StaleRevisionError, NotScoredError) as problem:
            refused = problem
            left = [plan_file(ws, one.intake, full_list=full_list) for one in planned[i:]]
            break
    changes = tuple(change for file in done for change in file.tiers)
    unrated = None
    if done and first_load:
        if progress:
            progress("assess", _SHARE_WRITTEN)
        first, unrated = _assessed_first(ws, layer, by=by, why=why)
        changes += first
    if done and progress:
        progress("done", 1.0)
    return Outcome(layer, tuple(done), tuple(left), refused, changes, unrated)


def _assessed_first(
    ws: Workspace, layer: str, *, by: Actor, why: str
) -> tuple[tuple[TierChange, ...], RiskmapError | None]:
    """Assess a layer that is on the ledger by now; return its tiers, or why there are none."""
    try:
        run = assess_layers(ws, [layer], by=by, why=why)["run"]
    except RiskmapError as problem:
        return (), problem
    return () if run is None else tuple(ws.ledger.tier_changes(run=run)), None


def settle_held(
    ws: Workspace, held: Sequence[int], *, accept: bool, by: Actor, why: str, as_code: str | None = None
) -> int:
    """Accept held rows (a single one perhaps under another code) or decline them, and score what changed.

    One decision is one changeset and one undo: return it. A row that was settled meanwhile raises
    LedgerError; then nothing is written.
    """
    may(by, "import")
    if not by.name.strip() or not why.strip():
        raise RiskmapError("待确认行：请写明经办人和原因", "held rows: state the person and the reason")
    if not accept:
        return ws.ledger.decline_held(held, by=by.name, why=why)
    with one_commit(ws, by=by, why=why):
        return ws.ledger.accept_held(held, as_code=as_code, by=by.name, why=why)


def dismiss_rejected(ws: Workspace, rows: Sequence[int], *, by: Actor, why: str) -> int:
    """Close rejected rows that will not come back; they stay readable. Return the changeset."""
    may(by, "import")
    return ws.ledger.dismiss_rejected(rows, by=by.name, why=why)
