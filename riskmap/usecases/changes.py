"""Which tiers changed since a day, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time

from riskmap.ledger import TierChange
from riskmap.usecases.workspace import Workspace

_STEP = 200


@dataclass(frozen=True, slots=True)
class TierChanges:
    """Changes of tier since the beginning of a day, newest last.

    `moved` had a tier (or were unrated) before; `first` counts first assessments by the tier they gave.
    """

    since: date
    moved: tuple[TierChange, ...]
    first: Counter[str]


def tier_changes_since(ws: Workspace, day: date) -> TierChanges:
    """Return what changed since the beginning of a local day."""
    changes = ws.ledger.tier_changes(since=_last_before(ws, day))
    return TierChanges(
        day,
        tuple(c for c in changes if c.before is not None),
        Counter(c.after for c in changes if c.before is None),
    )


def _last_before(ws: Workspace, day: date) -> int:
    """Return the last changeset before a local day, 0 where there is none."""
    start = datetime.combine(day, time.min).astimezone()
    limit = _STEP
    while True:
        found = ws.ledger.changesets(limit=limit)
        for change in found:
            if datetime.fromisoformat(change.at) < start:
                return change.id
        if len(found) < limit:
            return 0
        limit *= 4
