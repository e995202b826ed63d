"""The one selection that the table, the map and the exports share, from words to records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import shapely

from riskmap.errors import Say, SelectionError, WorkspaceError
from riskmap.places import read_boundaries
from riskmap.selection import Selection, Snapshot, parse_where, rows, select
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace


def make_selection(
    ws: Workspace,
    *,
    layers: Sequence[str] = (),
    tiers: Sequence[str] = (),
    states: Sequence[str] = (),
    subdistricts: Sequence[str] = (),
    where: Sequence[str] = (),
    within: Path | None = None,
    text: str = "",
    flags: Sequence[str] = (),
) -> Selection:
    """Return a selection from what a person typed. SelectionError or UnknownNameError name a wrong part.

    A `where` condition applies to the layers that have its field; layers without it hold nothing
    that could satisfy it and drop out.
    """
    chosen = [ws.catalog.layer(layer) for layer in layers] or list(ws.catalog.layers.values())
    return Selection(
        layers=tuple(layer.id for layer in chosen) if layers else (),
        tiers=tuple(tiers),
        states=tuple(states),
        subdistricts=tuple(subdistricts),
        where=tuple(parse_where(condition, chosen) for condition in where),
        within=shapely.to_wkb(_polygon(within)) if within else None,
        text=text,
        flags=tuple(flags),
    )


def _polygon(path: Path) -> shapely.Geometry:
    try:
        named = read_boundaries(path, datum="wgs84", named=Say("--within ", "given with --within"))
    except WorkspaceError as problem:
        raise SelectionError(problem.text("zh"), problem.text("en")) from problem
    return shapely.union_all(list(named.values()))


def select_json(ws: Workspace, selection: Selection, *, as_of: date | None = None) -> dict[str, Any]:
    """Return the document of `riskmap select --json`."""
    snapshot: Snapshot = current_snapshot(ws, as_of=as_of)
    selected = select(snapshot, selection)
    return {
        "count": selected.total,
        "features": rows(snapshot, selected, catalog_layers=ws.catalog.layers),
    }
