"""The column snapshot of a workspace: built when the ledger has moved, shared by every session."""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from datetime import UTC, date, datetime, time
from pathlib import Path

from riskmap.selection import Snapshot, build_snapshot, snapshot_key
from riskmap.usecases.workspace import Workspace

_KEEP = 2  # the current one and the one that open pages still point at
_cache: OrderedDict[tuple[object, ...], Snapshot] = OrderedDict()
_building = threading.Lock()


def end_of_day(day: date) -> datetime:
    """Return the last moment of a local day, in UTC: what "as of that date" means."""
    return datetime.combine(day, time.max).astimezone().astimezone(UTC)


def current_snapshot(ws: Workspace, *, as_of: date | None = None, today: date | None = None) -> Snapshot:
    """Return the snapshot of the ledger as it is now, or as it was at the end of a past day.

    Shared between threads; built once per ledger state and kept on disk for the next start.
    """
    today = as_of or today or datetime.now().astimezone().date()
    state = ws.ledger.state
    key = (ws.store, ws.root, ws.catalog_digest, state, as_of, today)
    with _building:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
        snapshot = _past(ws, as_of, state) if as_of else _present(ws, state, today)
        _cache[key] = snapshot
        while len(_cache) > _KEEP:
            _cache.popitem(last=False)
        return snapshot


def _past(ws: Workspace, as_of: date, state: int) -> Snapshot:
    moment = end_of_day(as_of)
    features = {layer: ws.ledger.features(layer, as_of=moment) for layer in ws.catalog.layers}
    return build_snapshot(features, ws.catalog.layers, ws.places, state=state, today=as_of)


def _present(ws: Workspace, state: int, today: date) -> Snapshot:
    key = snapshot_key(ws.catalog.layers, ws.places, state=state, today=today)
    home = ws.cache_dir / f"snapshot-{key}"
    kept = Snapshot.load(home, key=key)
    if kept is not None:
        return kept
    features = {layer: ws.ledger.features(layer) for layer in ws.catalog.layers}
    snapshot = build_snapshot(features, ws.catalog.layers, ws.places, state=state, today=today)
    del features
    if ws.ledger.state != state:  # written to meanwhile: good for this answer, not for the shelf
        return snapshot
    try:
        _shelve(snapshot, home)
    except OSError:  # a full or read-only disk costs the shelf, not the answer
        return snapshot
    return Snapshot.load(home, key=key) or snapshot


def _shelve(snapshot: Snapshot, home: Path) -> None:
    """Write beside, then move: another process finds a whole snapshot or none."""
    beside = home.with_name(f"{home.name}.{os.getpid()}")
    try:
        snapshot.save(beside)
        if not home.exists():
            beside.replace(home)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in home.parent.glob("snapshot-*"):
        if old != home:
            shutil.rmtree(old, ignore_errors=True)  # on Windows a mapped one stays until its process ends
