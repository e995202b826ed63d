"""Walking along a road graph: the shortest way from each shelter over all its nodes (Dijkstra).

People and shelters enter the graph at their nearest node, and the straight metres to it count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from riskmap.coordinates import metres
from riskmap.errors import Say
from riskmap.prepare.evacuation import Demand, Distances, Ints, Places
from riskmap.prepare.walking import NEAREST, middle_of

Floats = NDArray[np.float64]

SNAP_M: Final = 500.0
"""How far from a road somebody may be and still walk to it, metres: our choice. Beyond, no road reaches them."""

_HOW: Final = Say("沿道路", "roads")
_SAME_PLACE: Final = 8  # decimals of a degree: about a millimetre, so that lines that touch share a node


@dataclass(frozen=True, slots=True)
class Roads:
    """A road graph: nodes in CGCS2000 degrees; edges between nodes, walked both ways, in metres."""

    lon: Floats
    lat: Floats
    start: Ints
    end: Ints
    length: Floats


def roads_of_edges(start: Floats, end: Floats, length: Floats | None = None) -> Roads:
    """Return the graph of edges from `start` to `end`, both float64[edges, 2] degrees, CGCS2000.

    Edges meet where their ends coincide. `length` in metres; where it is NaN, or None, the straight line counts.
    """
    nodes, node = np.unique(np.round(np.concatenate([start, end]), _SAME_PLACE), axis=0, return_inverse=True)
    node = node.ravel().astype(np.int64)
    first, last = node[: len(start)], node[len(start) :]
    x, y = metres(nodes[:, 0], nodes[:, 1])
    line = np.hypot(x[first] - x[last], y[first] - y[last])
    stated = np.full(len(start), np.nan) if length is None else length
    return Roads(nodes[:, 0], nodes[:, 1], first, last, np.where(np.isfinite(stated), stated, line))


def roads_of_lines(lines: Sequence[Floats]) -> Roads:
    """Return the graph of lines, each float64[vertices, 2] degrees: every vertex is a node where lines may join."""
    xy = np.concatenate(lines) if lines else np.zeros((0, 2))
    of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    along = np.flatnonzero(of[1:] == of[:-1])
    return roads_of_edges(xy[along], xy[along + 1])


@dataclass(frozen=True, slots=True)
class RoadWays:
    """Metres along roads, float64[demands, shelters], infinite where no road leads; shelters that take anybody."""

    metres: Floats
    open: Ints

    @classmethod
    def of(cls, roads: Roads, demands: Demand, places: Places, *, snap: float = SNAP_M) -> RoadWays:
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
