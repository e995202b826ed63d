"""When a sub-district stands under a warning: intervals by rank, from the warnings that were issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from riskmap.catalog.triggers import Trigger, WarningColour
from riskmap.hazards import IssuedWarning
from riskmap.prepare.levels import rank_of

_COLOURS: tuple[str, ...] = get_args(WarningColour)  # the mildest first


@dataclass(frozen=True, slots=True)
class Under:
    """From `start` to `expiry` a rank holds because of `warning`; `open_end`: until it is lifted."""

    rank: int
    start: np.datetime64
    expiry: np.datetime64
    warning: IssuedWarning
    open_end: bool

    def details(self) -> dict[str, Any]:
        """Return what an escalation keeps of it."""
        return {"warning": [self.warning.kind, self.warning.colour], "until_lifted": self.open_end}


def under_warning(
    trigger: Trigger, warnings: Sequence[IssuedWarning], place: str | None, now: np.datetime64 | None
) -> list[Under]:
    """Return when a place stands under warnings of the trigger's kinds, for each rank its levels name.

    `place` None: the record's sub-district is not known, so every warning counts for it. A warning
    without an expiry lasts until the next one of its kind for the place, else until it is lifted: then
    `hold_hours` beyond `now`, the last time that was looked at. What was issued after `now` is not known yet.
    """
    here = [w for w in warnings if _counts(w, trigger, place, now)]
    found: list[Under] = []
    for warning in here:
        later = [w.issued for w in here if w.kind == warning.kind and w.issued > warning.issued]
        hold = np.timedelta64(round(trigger.hold_hours * 3600), "s")
        open_end = warning.expires is None and not later
        if warning.expires is not None:
            expiry = warning.expires
        elif later:
            expiry = min(later)
        else:
            expiry = (warning.issued if now is None else max(now, warning.issued)) + hold
        reached = [
            rank_of(level)
            for level in trigger.levels
            if _COLOURS.index(warning.colour) >= _COLOURS.index(level.colour)
        ]
        if reached and expiry > warning.issued:
            found.append(Under(max(reached), warning.issued, expiry, warning, open_end))
    return found


def ranks_under(trigger: Trigger, under: Sequence[Under]) -> list[int]:
    """Return the ranks of the trigger's levels that the warnings reach, ascending: red reaches yellow too."""
    worst = max(part.rank for part in under)
    return sorted({rank for level in trigger.levels if (rank := rank_of(level)) <= worst})


def merged(parts: Sequence[Under], rank: int) -> list[Under]:
    """Return the intervals in which this rank or a worse one holds; touching ones are one."""
    out: list[Under] = []
    for part in sorted((p for p in parts if p.rank >= rank), key=lambda p: (p.start, p.expiry)):
        if out and part.start <= out[-1].expiry:
            last = out[-1]
            longer = part if part.expiry > last.expiry else last
            worst = max((last, part), key=lambda p: _COLOURS.index(p.warning.colour))
            out[-1] = Under(rank, last.start, longer.expiry, worst.warning, longer.open_end)
        else:
            out.append(Under(rank, part.start, part.expiry, part.warning, part.open_end))
    return out


def _counts(warning: IssuedWarning, trigger: Trigger, place: str | None, now: np.datetime64 | None) -> bool:
    inside = not warning.subdistricts or place is None or place in warning.subdistricts
    return warning.kind in trigger.kinds and inside and (now is None or bool(warning.issued <= now))
