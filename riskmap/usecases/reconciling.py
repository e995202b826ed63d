"""Counts by layer, tier and sub-district, and whether they add up."""

from __future__ import annotations

from datetime import date
from typing import Any

from riskmap.records import TIERS
from riskmap.selection import reconcile
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace


def summarise(ws: Workspace, *, as_of: date | None = None, compare: date | None = None) -> dict[str, Any]:
    """Return the document of `riskmap summary --json`.

    `adds_up` is false where a layer's tiers do not sum to its records; `differences` names them.
    With `compare`, `compared` holds the same counts on that day and what changed since.
    """
    document = reconcile(
        current_snapshot(ws, as_of=as_of),
        rejected_rows=len(ws.ledger.rejected()),
        as_of=as_of.isoformat() if as_of else None,
        catalog_layers=ws.catalog.layers,
    )
    if compare is None:
        return document
    before = reconcile(
        current_snapshot(ws, as_of=compare),
        rejected_rows=0,
        as_of=compare.isoformat(),
        catalog_layers=ws.catalog.layers,
    )
    document["compared"] = {
        "as_of": before["as_of"],
        "total": before["total"],
        "tiers": before["tiers"],
        "unrated": before["unrated"],
        "change": {
            "total": document["total"] - before["total"],
            "tiers": {tier: document["tiers"][tier] - before["tiers"][tier] for tier in TIERS},
            "unrated": document["unrated"] - before["unrated"],
        },
    }
    return document
