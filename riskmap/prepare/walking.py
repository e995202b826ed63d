"""How far people walk to shelters: candidate pairs by straight line or by road, and more where they are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, Say
from riskmap.prepare.evacuation import Demand, Distances, Ints, Places, Plan

NEAREST: Final = 25
DETOUR: Final = 1.3
"""Metres on streets for a metre as the crow flies. Draft default, from memory: published ratios for dense
street grids lie around 1.2–1.4; a road file replaces it."""

Floats = NDArray[np.float64]


class Walk(Protocol):
    """A way to measure between given demands and places."""

    def nearest(self, k: int) -> Distances:
        """Return each demand's k nearest shelters that take anybody."""
        ...

    def between(self, demand: Ints, shelter: Ints) -> Floats:
        """Return metres for each pair of indexes, infinite where there is no way."""
        ...


@dataclass(frozen=True, slots=True)
class StraightLines:
    """Straight lines in the CGCS2000 zone × `detour`. A demand without a position is cut off."""

    detour: float
    here: Floats  # [demands, 2] metres
    there: Floats  # [shelters, 2] metres
    open: Ints  # shelters that take anybody

    @classmethod
    def of(cls, demands: Demand, places: Places, *, detour: float = DETOUR) -> StraightLines:
        """Return the lines between these. RiskmapError for a detour below 1."""
        if not (np.isfinite(detour) and detour >= 1.0):
            raise RiskmapError(
                f"绕行系数 {detour:g} 不可能；应不小于 1，如 {DETOUR:g}",
                f"a detour of {detour:g} cannot be; it is at least 1, such as {DETOUR:g}",
            )
        middle = middle_of(places)
        here = np.column_stack(metres(demands.lon, demands.lat, around=middle))
        there = np.column_stack(metres(places.lon, places.lat, around=middle))
        return cls(detour, here, there, np.flatnonzero(places.capacity > 0))

    def nearest(self, k: int = NEAREST) -> Distances:
        """Return each demand's k nearest shelters that take anybody, whole metres."""
        known = np.isfinite(self.here[:, 0]) & np.isfinite(self.here[:, 1])
        how = Say(f"直线 ×{self.detour:g}", f"straight ×{self.detour:g}")
        rows, k = np.flatnonzero(known), min(k, len(self.open))
        if not len(rows) or k < 1:
            none = np.zeros(0, np.int64)
            return Distances(none, none, none, how, tuple(range(len(known))))
        far, which = KDTree(self.there[self.open]).query(self.here[rows], k=k)
        return Distances(
            np.repeat(rows, k),
            self.open[which.ravel()],
            np.rint(far.ravel() * self.detour).astype(np.int64),
            how,
            tuple(np.flatnonzero(~known).tolist()),
        )

    def between(self, demand: Ints, shelter: Ints) -> Floats:
        """Return metres for each pair of indexes, infinite from a demand without a position."""
        far = np.linalg.norm(self.here[demand] - self.there[shelter], axis=1) * self.detour
        return np.where(np.isfinite(far), far, np.inf)


def middle_of(places: Places) -> float:
    """Return the longitude whose CGCS2000 zone everything is measured in."""
    return float(np.mean(places.lon)) if len(places) else 114.0


def including(distances: Distances, walk: Walk, demand: Ints, shelter: Ints) -> Distances:
    """Return the candidates with these pairs of indexes among them, where there is a way."""
    width = int(max(distances.shelter.max(initial=0), shelter.max(initial=0))) + 1
    have = distances.demand * width + distances.shelter
    new = np.setdiff1d(demand * width + shelter, have).astype(np.int64)
    who, where = new // width, new % width
    far = walk.between(who, where)
    way = np.isfinite(far)
    return replace(
        distances,
        demand=np.append(distances.demand, who[way]),
        shelter=np.append(distances.shelter, where[way]),
        metres=np.append(distances.metres, np.rint(far[way]).astype(np.int64)),
    )


def widened(found: Plan, walk: Walk) -> Distances | None:
    """Return distances in which whoever is unplaced may walk to any shelter, None where that helps nobody.

    With them a plan places everybody, or fills every shelter that can be reached: nobody is left
    because the nearest shelters are full.
    """
    waiting, room = np.flatnonzero(found.unplaced > 0), np.flatnonzero(found.places.capacity > 0)
    if not len(waiting) or not (found.free > 0).any():
        return None
    wide = including(found.distances, walk, np.repeat(waiting, len(room)), np.tile(room, len(waiting)))
    return wide if len(wide.metres) > len(found.distances.metres) else None
