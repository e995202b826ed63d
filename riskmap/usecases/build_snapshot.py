"""Building a snapshot from the records of the ledger, where too much has changed to patch one.

A large one is built by `python -m riskmap.usecases.build_snapshot`, a process that takes the
workspace, the store, the day that freshness is measured against and, for a past day, that day; it
lays the snapshot on the workspace's shelf and ends with 0.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

import pyarrow as pa

import riskmap
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError
from riskmap.selection import Snapshot, build_snapshot, changed_table, finished_table
from riskmap.usecases import shelf
from riskmap.usecases.workspace import Workspace, open_workspace

_ATTEMPTS = 3  # at reading a ledger that is being written to
_log = logging.getLogger(__name__)


def end_of_day(day: date) -> datetime:
    """Return the last moment of a local day, in UTC: what "as of that date" means."""
    return datetime.combine(day, time.max).astimezone().astimezone(UTC)


def build_and_shelve(ws: Workspace, as_of: date | None, today: date) -> tuple[Snapshot, bool]:
    """Build the snapshot of the ledger as it is now, or was at the end of a day, from its records.

    Returns it, and whether it lies on the shelf: one of a ledger that was written to meanwhile is
    good for this answer, not for the shelf.
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
            lying = shelf.put(ws, snapshot)
            return lying, lying is not snapshot
        left -= 1
        if not left:
            return snapshot, False


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


def build_apart(ws: Workspace, as_of: date | None, today: date) -> bool:
    """Build a snapshot in another process; return whether it lies on the shelf now."""
    days = [today.isoformat(), *([as_of.isoformat()] if as_of else [])]
    root = str(Path(riskmap.__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "riskmap.usecases.build_snapshot", str(ws.root), ws.store, *days],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except OSError as problem:  # no memory for another process, or no interpreter to be started
        _log.warning("snapshot is built in this process: %s", problem)
        return False
    if done.returncode:
        _log.warning("building the snapshot apart failed: %s", done.stderr.decode(errors="replace")[-2000:])
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Run as a subprocess."""
    root, store, today, *past = arguments
    as_of = date.fromisoformat(past[0]) if past else None
    try:
        ws = open_workspace(Path(root), store)
        return 0 if build_and_shelve(ws, as_of, date.fromisoformat(today))[1] else 1
    except RiskmapError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - for the log of the process that asked
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
