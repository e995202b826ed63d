"""How far a track may be wrong: the band round a wind field, wider with every hour of lead.

The centre may lie nearer or farther by the error of its position, and the wind may be stronger or weaker
by a share. Draft: yearly means of official forecasts for the western North Pacific, from memory; a
district replaces them by its service's own verification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from riskmap.formulas.steps import Floats, along_curve
from riskmap.hazards import Times, Track

_LEAD: Final[Sequence[float]] = (0.0, 24.0, 48.0, 72.0, 96.0, 120.0)  # hours
POSITION: Final[Sequence[float]] = (20.0, 70.0, 120.0, 180.0, 240.0, 320.0)  # km
STRENGTH: Final[Sequence[float]] = (0.10, 0.15, 0.20, 0.25, 0.28, 0.30)  # share of the wind
_HOUR: Final = np.timedelta64(3600, "s")


def lead_hours(track: Track, time: Times) -> Floats:
    """Return how long after its issue each time lies, hours, never below 0.

    A forecast that does not say when it was issued counts from its first node; a best track has no lead.
    """
    if track.issued is None and track.source != "bulletin":
        return np.zeros(len(time))
    start = track.time[0] if track.issued is None else track.issued
    return np.maximum((time - start) / _HOUR, 0.0)


def position_error(lead: Floats) -> Floats:
    """Return the error of the position, km. 0 h → 20, 36 h → 95; flat beyond 120 h."""
    return along_curve(lead, _LEAD, POSITION)


def strength_error(lead: Floats) -> Floats:
    """Return the error of the wind as a share of it. 0 h → .10, 72 h → .25; flat beyond 120 h."""
    return along_curve(lead, _LEAD, STRENGTH)
