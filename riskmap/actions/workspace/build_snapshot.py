"""Building a snapshot from the records of the ledger, where too much has changed to patch one.

Where the snapshots of a workspace lie between two starts: a directory per state of its ledger.

Its name tells what it was made from: the layers and boundaries (`basis`), the state of the ledger,
and when that state came about, which no other ledger shares. What does not fit is never read.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import shapely

from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import Text
from riskmap.io.files.leftovers import mark
from riskmap.moments import last_moment
from riskmap.progress import Progress
from riskmap.selection import Snapshot, build_snapshot, changed_table, finished_table
from riskmap.selection.snapshot_files import Seen, seen_in

_KEPT = 3  # the latest state, and two more that lists of past days or another store ask for


_NAME = re.compile(r"snapshot-(?P<basis>[0-9a-f]+)-(?P<state>\d+)-(?P<stamp>[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """One snapshot on the shelf."""

    home: Path
    state: int
    stamp: str


def basis_of(ws: Workspace) -> str:
    """Return what layers and boundaries of a workspace are known by."""
    return _basis(ws, tuple(ws.former_names()["subdistrict"].items()))


@lru_cache(maxsize=8)
def _basis(ws: Workspace, former: tuple[tuple[str, str], ...]) -> str:
    digest = hashlib.blake2b(ws.catalog.digest.encode(), digest_size=8)
    if former:
        digest.update(repr(former).encode())
    if ws.places is not None:
        digest.update(repr(ws.places.names).encode())
        for polygon in (ws.places.district, *ws.places.polygons):
            digest.update(shapely.to_wkb(polygon))
    return digest.hexdigest()


def find(ws: Workspace, state: int, *, exact: bool = False) -> Snapshot | None:
    """Return the snapshot of a state, or else (unless `exact`) of the latest one before it."""
    fitting = [p for p in _places(ws) if p.state == state or (p.state < state and not exact)]
    for place in sorted(fitting, key=lambda p: -p.state):
        if place.stamp == _stamp(ws, place.state):
            with suppress(OSError):  # another process has removed it
                found = _loaded(place.home, seen_in(place.home), place.state)
                if found is not None:
                    return replace(found, definitions=ws.catalog.layers)
                shutil.rmtree(place.home, ignore_errors=True)  # spoiled: nobody can use it
    return None


@lru_cache(maxsize=2)
def _loaded(home: Path, _seen: Seen, state: int) -> Snapshot | None:
    """Check and map a snapshot once: what is patched from it again and again shares its pages."""
    return Snapshot.load(home, state=state)


def put(ws: Workspace, snapshot: Snapshot) -> Snapshot:
    """Lay a snapshot on the shelf and return it as it lies there, mapped.

    Written beside and then moved: another process finds a whole one or none. A full or read-only
    disk costs the shelf, not the answer: the snapshot comes back as it is.
    """
    stamp = _stamp(ws, snapshot.state)
    home = ws.cache_dir / f"snapshot-{basis_of(ws)}-{snapshot.state}-{stamp}"
    beside = home.with_name(f"{home.name}{mark()}")
    try:
        snapshot.save(beside)
        if Snapshot.load(home, key=snapshot.key) is None:
            shutil.rmtree(home, ignore_errors=True)
            beside.replace(home)
    except OSError:
        return snapshot
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _clear(ws, home)
    return Snapshot.load(home, key=snapshot.key, layers=ws.catalog.layers) or snapshot


def _stamp(ws: Workspace, state: int) -> str | None:
    """Return what tells a state of this ledger from the same number in another; None if never in it."""
    written = ws.ledger.written_at(state) if state else ""
    return None if written is None else hashlib.blake2b(written.encode(), digest_size=4).hexdigest()


def _places(ws: Workspace) -> Iterator[Place]:
    for home in ws.cache_dir.glob("snapshot-*"):
        match = _NAME.fullmatch(home.name)
        if match and match["basis"] == basis_of(ws):
            yield Place(home, int(match["state"]), match["stamp"])


def _clear(ws: Workspace, new: Path) -> None:
    """Remove all but the new one, the latest state and the last written ones."""
    written: list[tuple[float, Path]] = []
    for home in ws.cache_dir.glob("snapshot-*"):
        with suppress(OSError):
            written.append((home.stat().st_mtime, home))
    latest = max(_places(ws), key=lambda p: p.state, default=None)
    kept = {new} if latest is None else {new, latest.home}
    for _, home in sorted(written, reverse=True):
        if len(kept) < _KEPT and _NAME.fullmatch(home.name):
            kept.add(home)
        elif home not in kept:
            shutil.rmtree(home, ignore_errors=True)  # on Windows a mapped one stays until its process ends


_COUNTING = Text("整理清单", "putting the records in order")


_ATTEMPTS = 3  # at reading a ledger that is being written to


def build_and_shelve(ws: Workspace, as_of: date | None, today: date, progress: Progress) -> Snapshot:
    """Build the snapshot of the ledger as it is now, or was on a past day or moment, from its records.

    Returns it as it lies on the shelf. One of a ledger that was written to meanwhile is good for
    this answer, not for the shelf.
    """
    layers, moment, left = ws.catalog.layers, None if as_of is None else last_moment(as_of), _ATTEMPTS
    reading, building = progress.parts(3, 1)
    while True:
        state = ws.ledger.state if moment is None else ws.ledger.state_at(moment)
        given = _given(ws, state, reading) if moment is None else _all_read(ws, reading, moment)
        building.step(0, 1, _COUNTING)
        snapshot = build_snapshot(given, layers, ws.places_at(state), state=state, today=today)
        del given
        if moment is not None or ws.ledger.state == state:
            return put(ws, snapshot)
        left -= 1
        if not left:
            return snapshot


def _given(ws: Workspace, state: int, progress: Progress) -> dict[str, pa.Table]:
    """Return each layer: as an earlier snapshot has it, with what changed put in, or read anew."""
    layers = ws.catalog.layers
    base = find(ws, state)
    codes = None if base is None else ws.ledger.changed_since(base.state, most=ws.ledger.size // 4)
    if base is None or codes is None:
        return _all_read(ws, progress)
    found: dict[str, pa.Table] = {}
    for layer_id, layer in layers.items():
        found[layer_id] = base.tables[layer_id]
        if layer_id in codes:
            changed = ws.ledger.features(layer_id, codes=codes[layer_id], include_retired=True, contacts=True)
            found[layer_id] = changed_table(base.tables[layer_id], changed, layer)
    return found


def _all_read(ws: Workspace, progress: Progress, as_of: datetime | None = None) -> dict[str, pa.Table]:
    layers = ws.catalog.layers
    sizes = ws.ledger.sizes() if progress.watched else {}
    parts = progress.parts(*(sizes.get(one, 0) for one in layers))
    return {
        layer_id: _read(ws, layer, as_of, progress=part, expected=sizes.get(layer_id, 0))
        for (layer_id, layer), part in zip(layers.items(), parts, strict=True)
    }


def _read(
    ws: Workspace, layer: Layer, as_of: datetime | None, *, progress: Progress, expected: int
) -> pa.Table:
    found = ws.ledger.layer_columns(layer, as_of=as_of, progress=progress, expected=expected)
    return finished_table(found.table, layer, found.broken)
