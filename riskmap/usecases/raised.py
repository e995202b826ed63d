"""What scenarios raised, kept in memory after it was written or read: a scenario never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from riskmap.duty import Escalated, Opened, Scenario
from riskmap.usecases.workspace import Workspace

_KEEP: Final = 6  # scenarios; each raises some thousands of records
_kept: OrderedDict[tuple[object, ...], tuple[Escalated, ...]] = OrderedDict()
_lock: Final = threading.Lock()


def raised(ws: Workspace, scenario: Scenario) -> tuple[Escalated, ...]:
    """Return what a scenario of this ledger raised, worst and soonest first; shared between threads."""
    key = _key(ws, scenario)
    with _lock:
        if (found := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            return found
    found = ordered(ws.ledger.escalations(scenario=scenario.id))
    _keep(key, found)
    return found


def remember(ws: Workspace, opened: Opened) -> None:
    """Keep what was just written: the page that shows it next need not read it back."""
    _keep(_key(ws, opened.scenario), ordered(opened.raised))


def ordered(found: Sequence[Escalated]) -> tuple[Escalated, ...]:
    """Return escalations worst and soonest first, by layer and code where they are alike."""
    return tuple(sorted(found, key=_urgency))


def _urgency(one: Escalated) -> tuple[object, ...]:
    return (-one.rank_to, one.peak.start, one.layer, one.code, one.trigger)


def _key(ws: Workspace, scenario: Scenario) -> tuple[object, ...]:
    # The changeset and its moment too: after a restore the number may name another scenario.
    return (ws.store, ws.root, scenario.id, scenario.changeset, scenario.recorded)


def _keep(key: tuple[object, ...], found: tuple[Escalated, ...]) -> None:
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > _KEEP:
            _kept.popitem(last=False)
