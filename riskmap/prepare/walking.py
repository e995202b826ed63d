"""How far people walk to shelters: straight lines with a detour factor, to the nearest of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, Say
from riskmap.prepare.evacuation import Demand, Distances, Places, Plan

NEAREST: Final = 25
DETOUR: Final = 1.3
"""Metres on streets for a metre as the crow flies. Draft default, from memory: published ratios for dense
street grids lie around 1.2–1.4; a road file replaces it."""

Floats = NDArray[np.float64]


def around(places: Places) -> float:
    """Return the longitude whose CGCS2000 zone everything is measured in."""
    return float(np.mean(places.lon)) if len(places) else 114.0


def straight(
    demands: Demand,
    places: Places,
    *,
    detour: float = DETOUR,
    nearest: int = NEAREST,
    everywhere: NDArray[np.bool_] | None = None,
) -> Distances:
    """Return each demand's `nearest` shelters by straight line × `detour`, rounded to whole metres.

    Shelters that take nobody are not candidates. `everywhere`, bool[demands], marks demands that may
    go to any shelter. A demand without a position is cut off. RiskmapError for a detour below 1 or no neighbour.
    """
    if not (np.isfinite(detour) and detour >= 1.0) or nearest < 1:
        raise RiskmapError(
            f"绕行系数 {detour:g}、最近场所数 {nearest}：绕行系数应不小于 1，场所数至少 1",
            f"detour {detour:g}, nearest {nearest}: a detour is at least 1, and at least one shelter is needed",
        )
    how = Say(f"直线 ×{detour:g}", f"straight ×{detour:g}")
    some = np.flatnonzero(places.capacity > 0)
    if not len(some) or not len(demands):
        none = np.zeros(0, np.int64)
        return Distances(none, none, none, how, tuple(range(len(demands))))
    middle = around(places)
    there = np.column_stack(metres(places.lon[some], places.lat[some], around=middle))
    located = np.isfinite(demands.lon) & np.isfinite(demands.lat)
    known = np.flatnonzero(located)
    here = np.column_stack(metres(demands.lon[known], demands.lat[known], around=middle))
    far, which = _nearest(here, there, nearest)
    who = np.repeat(known, far.shape[1])
    line, where = far.ravel(), some[which.ravel()]
    if everywhere is not None and everywhere[known].any() and far.shape[1] < len(some):
        keep = ~everywhere[who]
        wide = np.flatnonzero(everywhere[known])
        all_far = np.linalg.norm(here[wide, None] - there[None], axis=2)
        who = np.append(who[keep], np.repeat(known[wide], len(some)))
        line = np.append(line[keep], all_far.ravel())
        where = np.append(where[keep], np.tile(some, len(wide)))
    whole_metres = np.rint(line * detour).astype(np.int64)
    return Distances(who, where, whole_metres, how, tuple(np.flatnonzero(~located).tolist()))


def _nearest(here: Floats, there: Floats, nearest: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return metres and indexes of the nearest, both [demands, k]; equal distances in order of index."""
    k = min(nearest, len(there))
    far, which = KDTree(there).query(here, k=k)
    return far.reshape(len(here), k), which.reshape(len(here), k).astype(np.int64)


def widened(found: Plan, *, detour: float = DETOUR, nearest: int = NEAREST) -> Distances | None:
    """Return distances in which whoever is unplaced may walk to any shelter, None where that helps nobody.

    With them a plan places everybody, or fills every shelter: nobody is left because the nearest
    shelters are full.
    """
    waiting = found.unplaced > 0
    if not waiting.any() or not (found.free > 0).any():
        return None
    wide = straight(found.demands, found.places, detour=detour, nearest=nearest, everywhere=waiting)
    return wide if len(wide.metres) > len(found.distances.metres) else None
