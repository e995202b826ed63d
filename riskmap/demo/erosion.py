"""Valleys and ridges as rivers cut them, without simulating time.

In a landscape where erosion balances uplift the slope of a stream falls with the area it drains
(Flint's law, slope ∝ area^−θ; Hack 1957, Flint 1974). Height is then the cheapest climb from the sea
or the main river, a shortest path whose cost per metre is that slope. Area and paths are found in turn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from riskmap.demo.noise import Field

CONCAVITY = 0.5  # θ; rivers are mostly between .4 and .6
HILLSIDE = 14.0  # cells; where fewer drain together there is a hillside, not a stream
_MOVES = ((-1, 0, 1.0), (1, 0, 1.0), (0, -1, 1.0), (0, 1, 1.0))
_DIAGONALS = tuple((dy, dx, 2.0**0.5) for dy in (-1, 1) for dx in (-1, 1))


class Grid:
    """Cells joined to their neighbours (eight, or four), to walk over with a cost per cell."""

    def __init__(self, shape: tuple[int, int], *, diagonals: bool = True) -> None:
        index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
        sources, targets, lengths = [], [], []
        for dy, dx, length in _MOVES + (_DIAGONALS if diagonals else ()):
            a = index[max(0, -dy) : shape[0] - max(0, dy), max(0, -dx) : shape[1] - max(0, dx)]
            b = index[max(0, dy) : shape[0] - max(0, -dy), max(0, dx) : shape[1] - max(0, -dx)]
            sources.append(a.ravel())
            targets.append(b.ravel())
            lengths.append(np.full(a.size, length))
        order = np.argsort(np.concatenate(sources), kind="stable")
        self._targets = np.concatenate(targets)[order]
        self._lengths = np.concatenate(lengths)[order]
        counts = np.bincount(np.concatenate(sources), minlength=index.size)
        self._starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        self.size = index.size

    def walk(
        self, cost: Field, sources: NDArray[np.intp]
    ) -> tuple[Field, NDArray[np.int32], NDArray[np.int32]]:
        """Return, for each cell, the cheapest cost from any source, the cell before it, and its source.

        `cost` per cell length of entering a cell, flat; cells that cannot be reached cost infinity
        and have the source −9999.
        """
        weights = self._lengths * cost[self._targets]
        graph = csr_matrix((weights, self._targets, self._starts), shape=(self.size, self.size))
        return dijkstra(graph, indices=sources, min_only=True, return_predecessors=True)  # type: ignore[return-value]


def _drained_cells(parent: NDArray[np.int32]) -> Field:
    """Return how many cells drain through each cell of the forest of paths, itself included."""
    area = np.ones(len(parent))
    children = np.flatnonzero(parent >= 0)
    wet = parent < 0
    levels: list[NDArray[np.intp]] = []
    while len(children):
        mine = wet[parent[children]]
        here = children[mine]
        if not len(here):
            break
        wet[here] = True
        levels.append(here)
        children = children[~mine]
    for here in reversed(levels):
        np.add.at(area, parent[here], area[here])
    return area


def carve(steepness: Field, outlets: NDArray[np.bool_], *, cell: float, rounds: int = 3) -> Field:
    """Return heights (metres above the outlets) of a drained landscape.

    `steepness`: slope (m/m) of the hillsides, the higher the faster the ground rises there.
    Every cell outside the outlets stands higher than the cell it drains to.
    """
    grid = Grid((steepness.shape[0], steepness.shape[1]))
    sources = np.flatnonzero(outlets.ravel())
    start = steepness.ravel() * cell
    area = np.ones(start.size)
    height = start
    for turn in range(rounds):
        cost = start * (1.0 + area / HILLSIDE) ** -CONCAVITY
        height, parent, _ = grid.walk(cost, sources)
        drained = _drained_cells(parent)
        area = np.sqrt(area * drained) if turn else drained
    return height.reshape(steepness.shape)
