"""The column snapshot of a workspace: made when the ledger has moved, shared by every session.

A small change is patched into the last snapshot on the shelf. Otherwise one is built.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import cache

import pyarrow as pa

from riskmap.actions.workspace import Workspace, build_snapshot
from riskmap.actions.workspace.build_snapshot import build_and_shelve
from riskmap.errors import Lang, Text
from riskmap.moments import as_of_text, last_moment, local_day, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.selection import Snapshot, patched_snapshot, snapshot_key
from riskmap.selection.snapshot import Views
from riskmap.texts import t
from riskmap.values.records import Features

_KEEP = (
    4  # the current one, the one that open pages still point at, and two of the past that somebody looks at
)


_FEW = 500  # changed records that are patched in


_cache: OrderedDict[tuple[object, ...], Snapshot] = OrderedDict()


_building = threading.Lock()


_TURN_S = 0.2  # how often whoever waits for another's snapshot is asked whether to go on


_WAITING = Text("等待另一项读取", "waiting for another reading of the ledger")


def current_snapshot(
    ws: Workspace,
    *,
    as_of: date | None = None,
    today: date | None = None,
    progress: Progress = UNWATCHED,
) -> Snapshot:
    """Return the snapshot of the ledger as it is now, or as it was on a past day (at its end) or moment.

    Shared between threads; made once per ledger state and kept on disk for the next start. A kept one
    that somebody has altered is made anew. Layers whose model has parts have a column for each.
    """
    today = today or local_now().date() if as_of is None else local_day(as_of)
    state = ws.ledger.state if as_of is None else ws.ledger.state_at(last_moment(as_of))
    parted = {
        layer: model.digest for layer in ws.catalog.scored if (model := ws.catalog.model_of(layer)).parts
    }
    key = (ws.store, ws.root, build_snapshot.basis_of(ws), state, today, tuple(parted.items()))
    with _turn(progress):
        if key in _cache and not _cache[key].intact:
            del _cache[key]
        if key not in _cache:
            found = _from_shelf(ws, state, as_of, today)
            made = build_and_shelve(ws, as_of, today, progress) if found is None else found
            then = None if state == ws.ledger.state or as_of is None else last_moment(as_of)
            made = replace(made, filled_roles=roles_reader(ws, state), views=Views())
            _cache[key] = _with_parts(ws, made, parted, as_of=then) if parted else made
            pa.default_memory_pool().release_unused()  # what only the making took
        _cache.move_to_end(key)
        while len(_cache) > _KEEP:
            _cache.popitem(last=False)
        return _cache[key]


def roles_reader(ws: Workspace, state: int, *, retired: bool = False) -> Callable[[str], pa.Table]:
    """Return what reads, once a layer, which roles of its records somebody fills in a state of the ledger."""

    @cache
    def read(layer: str) -> pa.Table:
        return ws.ledger.filled_roles(ws.catalog.layer(layer), state=state, retired=retired)

    return read


@contextmanager
def _turn(progress: Progress) -> Iterator[None]:
    """Hold the lock of the snapshots; who waits for it can be stopped."""
    while not _building.acquire(timeout=_TURN_S):
        progress.step(0, 1, _WAITING)
    try:
        yield
    finally:
        _building.release()


def past_text(ws: Workspace, as_of: date, lang: Lang) -> str:
    """Return whose ledger is read, of a past day or moment; where it held no record yet, when that began."""
    when = as_of_text(as_of)
    if current_snapshot(ws, as_of=as_of).n:
        return t("past_of", lang, when=when)
    first = ws.ledger.written_at(1)
    told = t("past_never", lang) if first is None else as_of_text(datetime.fromisoformat(first))
    return t("past_none", lang, when=when, first=told)


def _with_parts(
    ws: Workspace, snapshot: Snapshot, layers: Collection[str], *, as_of: datetime | None
) -> Snapshot:
    from riskmap.actions.records.scoring import with_parts  # noqa: PLC0415 - few models have parts

    tables = {
        layer: with_parts(ws, layer, table, as_of=as_of) if layer in layers else table
        for layer, table in snapshot.tables.items()
    }
    return replace(snapshot, tables=tables, views=Views())


def _from_shelf(ws: Workspace, state: int, as_of: date | None, today: date) -> Snapshot | None:
    """Return the snapshot of a state from the shelf, a few changes and the day's freshness put in."""
    base = build_snapshot.find(ws, state, exact=as_of is not None)
    if base is None:
        return None
    changed: Mapping[str, Features] | None = {}
    if base.state == state:
        if base.key == snapshot_key(ws.catalog.layers, ws.places_at(state), state=state, today=today):
            return base
    else:
        changed = _few_changed(ws, base.state)
    if changed is None:
        return None
    return patched_snapshot(base, changed, ws.catalog.layers, ws.places_at(state), state=state, today=today)


def _few_changed(ws: Workspace, since: int) -> dict[str, Features] | None:
    codes = ws.ledger.changed_since(since, most=_FEW)
    if codes is None:
        return None
    return {
        layer: ws.ledger.features(layer, codes=some, include_retired=True, contacts=True)
        for layer, some in codes.items()
        if layer in ws.catalog.layers
    }
