"""Building a snapshot from the records of the ledger, where too much has changed to patch one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pyarrow as pa

from riskmap.catalog import Layer
from riskmap.selection import Snapshot, build_snapshot, changed_table, finished_table
from riskmap.usecases import shelf
from riskmap.usecases.workspace import Workspace

_ATTEMPTS = 3  # at reading a ledger that is being written to


def end_of_day(day: date) -> datetime:
    """Return the last moment of a local day, in UTC: what "as of that date" means."""
    return datetime.combine(day, time.max).astimezone().astimezone(UTC)


def build_and_shelve(ws: Workspace, as_of: date | None, today: date) -> Snapshot:
    """Build the snapshot of the ledger as it is now, or was at the end of a day, from its records.

    Returns it as it lies on the shelf. One of a ledger that was written to meanwhile is good for
    this answer, not for the shelf.
    """
    layers, moment, left = ws.catalog.layers, None if as_of is None else end_of_day(as_of), _ATTEMPTS
    while True:
        state = ws.ledger.state if moment is None else ws.ledger.state_at(moment)
        given = (
            _given(ws, state)
            if moment is None
            else {layer_id: _read(ws, layer, moment) for layer_id, layer in layers.items()}
        )
        snapshot = build_snapshot(given, layers, ws.places, state=state, today=today)
        del given
        if moment is not None or ws.ledger.state == state:
            return shelf.put(ws, snapshot)
        left -= 1
        if not left:
            return snapshot


def _given(ws: Workspace, state: int) -> dict[str, pa.Table]:
    """Return each layer: as an earlier snapshot has it, with what changed put in, or read anew."""
    layers = ws.catalog.layers
    base = shelf.find(ws, state)
    codes = None if base is None else ws.ledger.changed_since(base.state, most=ws.ledger.size // 4)
    if base is None or codes is None:
        return {layer_id: _read(ws, layer) for layer_id, layer in layers.items()}
    found: dict[str, pa.Table] = {}
    for layer_id, layer in layers.items():
        found[layer_id] = base.tables[layer_id]
        if layer_id in codes:
            changed = ws.ledger.features(layer_id, codes=codes[layer_id], include_retired=True)
            found[layer_id] = changed_table(base.tables[layer_id], changed, layer)
    return found


def _read(ws: Workspace, layer: Layer, as_of: datetime | None = None) -> pa.Table:
    return finished_table(ws.ledger.layer_columns(layer, as_of=as_of).whole(), layer)
