"""Changes that one person makes to one record, each with a name, a reason and the version seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmap.errors import RiskmapError
from riskmap.usecases.assessing import assess_layers, one_feature
from riskmap.usecases.workspace import Workspace


def edit_point(
    ws: Workspace, layer: str, code: str, *, seen: int, changes: Mapping[str, Any], by: str, why: str
) -> int:
    """Write changes to a record and score it again; returns its new version.

    `changes` maps name, subdistrict, position (lon, lat), shape, checklist, contacts or a field id
    to the new value; None erases. A stale `seen` raises StaleRevisionError with both sides.
    """
    _need_reason(why)
    version = ws.ledger.edit(layer, code, seen=seen, changes=changes, by=by, why=why)
    assess_layers(ws, [layer], by=by, why=why, codes=[code])
    return version


def create_point(
    ws: Workspace, layer: str, code: str, *, values: Mapping[str, Any], by: str, why: str
) -> int:
    """Add a record by hand and score it; returns its version."""
    _need_reason(why)
    if not code.strip():
        raise RiskmapError(
            "新增点位：编号不能为空；请填写本街道的统一编号", "new point: the code is empty; write one"
        )
    version = ws.ledger.create_record(layer, code.strip(), values=values, by=by, why=why)
    assess_layers(ws, [layer], by=by, why=why, codes=[code.strip()])
    return version


def retire_point(ws: Workspace, layer: str, code: str, *, by: str, why: str, seen: int | None = None) -> int:
    """Take a record off the lists; it stays in the ledger with the reason."""
    _need_reason(why)
    one_feature(ws, layer, code)
    return ws.ledger.retire(layer, code, by=by, why=why, seen=seen)


def reinstate_point(ws: Workspace, layer: str, code: str, *, by: str, why: str) -> int:
    """Put a retired record back on the lists."""
    _need_reason(why)
    one_feature(ws, layer, code)
    return ws.ledger.reinstate(layer, code, by=by, why=why)


def undo_changeset(ws: Workspace, changeset: int, *, by: str, why: str) -> int:
    """Undo one changeset as a whole; returns the changeset that did it."""
    _need_reason(why)
    return ws.ledger.undo(changeset, by=by, why=why)


def _need_reason(why: str) -> None:
    if not why.strip():
        raise RiskmapError(
            "请写明原因：每次改动都要留下是谁、为什么", "state the reason: every change keeps who and why"
        )
