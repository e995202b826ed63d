"""The records that are off the lists: listed and counted apart, by the same filters, in no total.

A record leaves the lists when a person retires it, or when the import that had brought it is undone;
`reinstate_points` puts it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import lru_cache
from typing import Any

from riskmap.actions.inventory.listing import select_json
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.build_snapshot import basis_of
from riskmap.actions.workspace.snapshots import current_snapshot, roles_reader
from riskmap.ledger import Retirement
from riskmap.moments import last_moment, local_day, local_now
from riskmap.selection import Selection, Snapshot, build_snapshot, finished_table


def retired_snapshot(ws: Workspace, *, as_of: date | None = None) -> Snapshot:
    """Return the records that are retired now, or were at the end of a day, in columns like `current_snapshot`'s.

    Their tiers are those that they had. Made once per state of the ledger, shared between threads.
    """
    state = ws.ledger.state if as_of is None else ws.ledger.state_at(last_moment(as_of))
    written = ws.ledger.written_at(state)  # tells the state from the same number in another ledger
    return _made(ws, basis_of(ws), (state, written), as_of, local_day(as_of or local_now()))


@lru_cache(maxsize=2)
def _made(
    ws: Workspace, _basis: str, state: tuple[int, str | None], as_of: date | None, today: date
) -> Snapshot:
    moment = None if as_of is None else last_moment(as_of)
    tables = {}
    for layer_id, layer in ws.catalog.layers.items():
        found = ws.ledger.layer_columns(layer, as_of=moment, retired=True)
        tables[layer_id] = finished_table(found.table, layer, found.broken)
    made = build_snapshot(tables, ws.catalog.layers, ws.places_at(state[0]), state=state[0], today=today)
    roles = roles_reader(ws, state[0], retired=True)
    return replace(made, beside=current_snapshot(ws, as_of=as_of), filled_roles=roles)


def how_retired(
    ws: Workspace, records: Iterable[tuple[str, str]], *, as_of: date | None = None
) -> dict[tuple[str, str], Retirement]:
    """Return (layer, code) → who took the record off the lists, when and why."""
    codes: dict[str, list[str]] = {}
    for layer, code in records:
        codes.setdefault(layer, []).append(code)
    moment = None if as_of is None else last_moment(as_of)
    return {
        (layer, one.code): one
        for layer, some in codes.items()
        for one in ws.ledger.retirements(layer, codes=some, as_of=moment)
    }


def retired_json(
    ws: Workspace, selection: Selection, *, as_of: date | None = None, with_children: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the document of `riskmap select --retired --json`: that of `select`, `retired` added to each record."""
    gone = retired_snapshot(ws, as_of=as_of)
    document = select_json(ws, selection, as_of=as_of, among=gone, with_children=with_children)
    features = document["features"]
    found = how_retired(ws, [(one["layer"], one["code"]) for one in features], as_of=as_of)
    for one in features:
        how = asdict(found[one["layer"], one["code"]])
        one["retired"] = {key: how[key] for key in ("at", "who", "why", "how", "changeset")}
    return document
