"""How far people walk to shelters: candidate pairs by straight line or by road, and more where they are needed.

Walking along a road graph: the shortest way from each shelter over all its nodes (Dijkstra).

People and shelters enter the graph at their nearest node, and the straight metres to it count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from riskmap.array_types import Floats, Ints
from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, Text
from riskmap.values.evacuation import Assignment, Demand, Distances, Roads, ShelterRoom

NEAREST: Final = 25


DETOUR: Final = 1.3


"""Metres on streets for a metre as the crow flies. Draft default, from memory: published ratios for dense
street grids lie around 1.2–1.4; a road file replaces it."""


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
    def of(cls, demands: Demand, places: ShelterRoom, *, detour: float = DETOUR) -> StraightLines:
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
        how = Text(f"直线 ×{self.detour:g}", f"straight ×{self.detour:g}")
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


def middle_of(places: ShelterRoom) -> float:
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


def widened(found: Assignment, walk: Walk) -> Distances | None:
    """Return distances in which whoever is unplaced may walk to any shelter, None where that helps nobody.

    With them a plan places everybody, or fills every shelter that can be reached: nobody is left
    because the nearest shelters are full.
    """
    waiting, room = np.flatnonzero(found.unplaced > 0), np.flatnonzero(found.places.capacity > 0)
    if not len(waiting) or not (found.free > 0).any():
        return None
    wide = including(found.distances, walk, np.repeat(waiting, len(room)), np.tile(room, len(waiting)))
    return wide if len(wide.metres) > len(found.distances.metres) else None


SNAP_M: Final = 500.0


"""How far from a road somebody may be and still walk to it, metres: our choice. Beyond, no road reaches them."""


_HOW: Final = Text("沿道路", "roads")


@dataclass(frozen=True, slots=True)
class RoadWays:
    """Metres along roads, float64[demands, shelters], infinite where no road leads; shelters that take anybody."""

    metres: Floats
    open: Ints

    @classmethod
    def of(cls, roads: Roads, demands: Demand, places: ShelterRoom, *, snap: float = SNAP_M) -> RoadWays:
        """Measure between all demands and places. Who is farther than `snap` metres from a node has no way."""
        far = np.full((len(demands), len(places)), np.inf)
        if not len(roads.lon) or not len(places) or not len(demands):
            return cls(far, np.flatnonzero(places.capacity > 0))
        middle = middle_of(places)
        tree = KDTree(np.column_stack(metres(roads.lon, roads.lat, around=middle)))
        here, from_here = _snapped(tree, demands.lon, demands.lat, middle)
        there, from_there = _snapped(tree, places.lon, places.lat, middle)
        n = len(roads.lon)
        graph = _shortest_edges(roads, n)
        on_road = np.flatnonzero(from_there <= snap)
        near = np.flatnonzero(from_here <= snap)
        for j in on_road:  # one shelter at a time: the matrix over all nodes need not fit into memory
            way = dijkstra(graph, directed=False, indices=int(there[j]))
            far[near, j] = way[here[near]] + from_here[near] + from_there[j]
        return cls(far, np.flatnonzero(places.capacity > 0))

    def nearest(self, k: int = NEAREST) -> Distances:
        """Return each demand's k nearest shelters by road; who reaches none is cut off."""
        k = min(k, len(self.open))
        rows = np.arange(len(self.metres))
        if k < 1 or not len(rows):
            none = np.zeros(0, np.int64)
            return Distances(none, none, none, _HOW, tuple(rows.tolist()))
        far = self.metres[:, self.open]
        which = np.argsort(far, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(far, which, axis=1)
        way = np.isfinite(best)
        return Distances(
            np.repeat(rows, way.sum(axis=1)),
            self.open[which[way]],
            np.rint(best[way]).astype(np.int64),
            _HOW,
            tuple(np.flatnonzero(~way.any(axis=1)).tolist()),
        )

    def between(self, demand: Ints, shelter: Ints) -> Floats:
        """Return metres for each pair of indexes, infinite where no road leads."""
        return self.metres[demand, shelter]


def _snapped(tree: KDTree, lon: Floats, lat: Floats, middle: float) -> tuple[Ints, Floats]:
    """Return the nearest node and the metres to it; infinite without a position."""
    points = np.column_stack(metres(lon, lat, around=middle))
    known = np.isfinite(points).all(axis=1)
    node, far = np.zeros(len(lon), np.int64), np.full(len(lon), np.inf)
    if known.any():
        far[known], node[known] = tree.query(points[known])
    return node, far


def _shortest_edges(roads: Roads, n: int) -> csr_array:
    """Return the graph with the shortest of parallel edges (a sparse matrix would add them up)."""
    low, high = np.minimum(roads.start, roads.end), np.maximum(roads.start, roads.end)
    order = np.lexsort((roads.length, high, low))
    low, high, length = low[order], high[order], roads.length[order]
    first = np.ones(len(low), dtype=np.bool_)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    keep = first & (low != high)
    # An edge of no length would be no edge: a sparse matrix does not keep zeros.
    return csr_array((np.maximum(length[keep], 1e-6), (low[keep], high[keep])), shape=(n, n))


def all_ways(here: tuple[Floats, Floats], there: tuple[Floats, Floats], *, roads: Roads | None) -> Floats:
    """Return metres from places to others (each lon, lat), float64[here, there]; infinite where no road leads.

    Straight lines in the CGCS2000 zone, or along roads where there are some.
    """
    n, m = len(here[0]), len(there[0])
    people = Demand([""] * n, *here, np.ones(n, np.int64), [""] * n)
    room = ShelterRoom([""] * m, *there, np.ones(m, np.int64))
    if roads is not None:
        return RoadWays.of(roads, people, room).metres
    i, j = (part.ravel() for part in np.indices((n, m)))
    return StraightLines.of(people, room, detour=1.0).between(i, j).reshape(n, m)
