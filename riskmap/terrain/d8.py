"""D8: which of its eight neighbours each cell drains to, by the steepest descent.

The whole rule, so that another program can be held against it:

1. A cell drains to the neighbour with the greatest fall, (its height − the neighbour's) ÷ the distance between their
   middles (a side of the cell, or its diagonal), where that is positive (O'Callaghan & Mark 1984).
2. Of equally steep ones it takes the first of east, south-east, south, south-west, west, north-west, north, north-east.
3. A cell without a lower neighbour, at the border of the grid or beside an unknown cell, lets its water out of the grid.
   A cell there that has a lower neighbour drains to it like any other.
4. Any other cell without a lower neighbour lies on level ground (a filled depression is level) and takes the fewest
   steps over cells of its height to one of rules 1 to 3. Of equally short ways it takes one that begins across a
   side before one across a corner, then the order of rule 2 (as the tilt of Barnes, Lehman & Mulla 2014 gives it).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

OUT: Final = 0
"""Code of a cell whose water leaves the grid; the neighbours are 1, 2, 4, … 128 clockwise from east."""

UNKNOWN: Final = 247

_NEIGHBOURS: Final = (
    (0, 1, 1),
    (1, 1, 2),
    (1, 0, 4),
    (1, -1, 8),
    (0, -1, 16),
    (-1, -1, 32),
    (-1, 0, 64),
    (-1, 1, 128),
)  # row, column, code

_SIDES_FIRST: Final = sorted(_NEIGHBOURS, key=lambda to: to[0] != 0 and to[1] != 0)

_ROWS: Final = 64  # worked on at once: some columns of numbers stay in the processor's cache

_UNDECIDED: Final = 255


def drainage_directions(
    level: NDArray[np.float32], *, cell: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.uint8]:
    """Return the code of the neighbour that each cell drains to, by the rule above; UNKNOWN where the height is.

    `level`: metres after a fill (no cell lower than all ways out of the grid), NaN where unknown; `cell`: its sides
    (east–west, north–south) in metres. ValueError where a depression was left.
    """
    codes = np.full(level.shape, UNKNOWN, np.uint8)
    for start in range(0, level.shape[0], _ROWS):
        _by_descent(level, codes, slice(start, min(start + _ROWS, level.shape[0])), cell)
    _over_level_ground(level, codes)
    if (codes == _UNDECIDED).any():
        message = "the heights have a depression that was not filled"
        raise ValueError(message)
    return codes


def _by_descent(
    level: NDArray[np.float32], codes: NDArray[np.uint8], rows: slice, cell: tuple[float, float]
) -> None:
    """Write rules 1 to 3 for some rows; what remains is _UNDECIDED."""
    around = np.full((rows.stop - rows.start + 2, level.shape[1] + 2), np.nan)
    top, bottom = max(rows.start - 1, 0), min(rows.stop + 1, level.shape[0])
    around[top - rows.start + 1 : bottom - rows.start + 1, 1:-1] = level[top:bottom]
    here, unknown = around[1:-1, 1:-1], np.isnan(around)
    fall, steepest = np.empty(here.shape), np.zeros(here.shape)
    steeper, open_sided = np.empty(here.shape, bool), np.zeros(here.shape, bool)
    found = np.where(unknown[1:-1, 1:-1], np.uint8(UNKNOWN), np.uint8(_UNDECIDED))
    for down, right, code in _NEIGHBOURS:
        beside = slice(1 + down, around.shape[0] - 1 + down), slice(1 + right, around.shape[1] - 1 + right)
        np.subtract(here, around[beside], out=fall)
        np.divide(fall, float(np.hypot(down * cell[1], right * cell[0])), out=fall)
        np.greater(fall, steepest, out=steeper)
        np.copyto(found, np.uint8(code), where=steeper)
        np.copyto(steepest, fall, where=steeper)
        open_sided |= unknown[beside]
    found[open_sided & (found == _UNDECIDED)] = OUT
    codes[rows] = found


def _over_level_ground(level: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
    """Write rule 4: rings of equally many steps, from the ways out of each level area inwards."""
    heights, flat, steps = level.ravel(), codes.reshape(-1), _steps(level.shape[1])
    ring = _ways_out(heights, flat, [step for step, _ in steps])
    while ring.size:
        reached = []
        for step, code in steps:
            # What lies across the grid's border is taken for its corner, and no cell of the border is undecided.
            asking = ring - step
            here = np.flatnonzero(flat.take(asking, mode="clip") == _UNDECIDED)
            asking = asking[here]
            asking = asking[heights[asking] == heights[ring[here]]]
            flat[asking] = code
            reached.append(asking)
        ring = np.concatenate(reached)


def _steps(width: int) -> list[tuple[int, int]]:
    """Return how far each neighbour lies in the flat grid, with its code: those across a side first."""
    return [(down * width + right, code) for down, right, code in _SIDES_FIRST]


def _ways_out(heights: NDArray[np.float32], flat: NDArray[np.uint8], steps: list[int]) -> NDArray[np.int64]:
    """Return the decided cells that have an undecided neighbour of their height."""
    undecided, found = flat == _UNDECIDED, np.zeros(flat.size, bool)
    decided = ~undecided
    for step in (s for s in steps if abs(s) < flat.size):
        asking, there = (
            slice(max(-step, 0), flat.size - max(step, 0)),
            slice(max(step, 0), flat.size + min(step, 0)),
        )
        found[there] |= undecided[asking] & decided[there] & (heights[asking] == heights[there])
    return np.flatnonzero(found)
