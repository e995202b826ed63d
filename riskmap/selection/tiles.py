"""Map tiles: one symbol per 4-pixel cell, the worst point in it, and how many it stands for.

Layout of a tile, little-endian, n symbols:

| bytes | type   | what                                                                              |
|-------|--------|-----------------------------------------------------------------------------------|
| 4     | u32    | n; an empty tile is these four bytes                                              |
| 4·n   | u32[n] | feature id of the worst point in the cell (`point` finds its record)              |
| 4·n   | u32[n] | how many points the symbol stands for                                             |
| 2·n   | i16[n] | x in 1/16 pixel of a 256-pixel tile, from its west edge                           |
| 2·n   | i16[n] | y in 1/16 pixel, from its north edge                                              |
| n     | u8[n]  | layer · 8 + rank; layer by `Snapshot.layers`, rank by `vocabulary.RANKS`: of a    |
|       |        | layer that is no risk the tier that its grade stands for; of one with a colour of  |
|       |        | its own the class (`Layer.classes`), the one after them where it has none         |

Order is every grade, then low < unrated < general < large < major (`vocabulary.weight`). Symbols come in
drawing order, worst last, so that painting them one after the other never hides a red one. A ring of 16
pixels around the tile is included, so that no symbol is cut at an edge: its symbols have x or y outside
0..4095, are drawn and clicked like all others, and are not counted again.

Lines and polygons are in it with the point on them. To draw their shapes instead (`shapes_in`),
ask for tiles of a selection without these layers.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.selection.filters import Selection
from riskmap.selection.masks import SelectionMask, TileLevel
from riskmap.selection.snapshot import BITS, interleave, separate
from riskmap.selection.views import view_of
from riskmap.vocabulary import RANKS

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot

EMPTY: Final = struct.pack("<I", 0)


DEEPEST: Final = 24  # zoom


UNITS: Final = 4096  # per tile side


_CELL: Final = 6  # a tile is 2⁶ cells of 4 px a side


_RING: Final = 4  # … and 2⁴ blocks of 16 px, the width of the ring


_PYRAMID: Final = 13  # deepest zoom whose cells are kept for a whole selection


_INDEX: Final = np.uint64(0xFFFFFFFF)


_BY_TIER: Final = 255  # of `Snapshot.class_of_row`


def tile(snapshot: Snapshot, selection: Selection, z: int, x: int, y: int) -> bytes:
    """Return the tile z/x/y of a selection (layout above); EMPTY where nothing is or no such tile."""
    if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
        return EMPTY
    view = view_of(snapshot, selection)
    symbols = _kept(snapshot, view, z, x, y) if z <= _PYRAMID else _fresh(snapshot, view, z, x, y)
    return _encode(snapshot, symbols, z, x, y)


def _encode(snapshot: Snapshot, symbols: TileLevel, z: int, x: int, y: int) -> bytes:
    n = len(symbols.worst)
    if not n:
        return EMPTY
    order = np.argsort(symbols.worst, kind="stable")
    point = (symbols.worst[order] & _INDEX).astype(np.int64)
    shift = BITS - z - 12
    px, py = (v >> shift if shift >= 0 else v << -shift for v in separate(snapshot.code[point]))
    group = snapshot.point_group[point]
    layer = group // (len(snapshot.standing_of_group) // len(snapshot.layers))
    kind = snapshot.standing_of_group[group] % len(RANKS)
    if (classes := snapshot.class_of_row) is not None:
        own = classes[snapshot.row[point]]
        kind = np.where(own == _BY_TIER, kind, own)
    return b"".join(
        [
            struct.pack("<I", n),
            snapshot.point_id[point].astype("<u4").tobytes(),
            symbols.count[order].astype("<u4").tobytes(),
            (px - x * UNITS).astype("<i2").tobytes(),
            (py - y * UNITS).astype("<i2").tobytes(),
            (layer * 8 + kind).astype("u1").tobytes(),
        ]
    )


def _runs(codes: NDArray[np.uint64], bits: int, z: int, x: int, y: int) -> NDArray[np.int64]:
    """Return the places in sorted codes (of `bits` per axis) of a tile and the ring around it."""
    side = 1 << _RING
    along = np.arange(-1, side + 1)
    gx = np.concatenate([along, along, np.full(side, -1), np.full(side, side)]) + x * side
    gy = np.concatenate([np.full(side + 2, -1), np.full(side + 2, side), along[1:-1], along[1:-1]]) + y * side
    world = side << z
    real = (gx >= 0) & (gy >= 0) & (gx < world) & (gy < world)
    ring, own = np.uint64(2 * (bits - z - _RING)), np.uint64(2 * (bits - z))
    blocks, middle = interleave(gx[real], gy[real]), interleave([x], [y])
    one = np.uint64(1)
    lo = np.searchsorted(codes, np.concatenate([blocks << ring, middle << own]))
    hi = np.searchsorted(codes, np.concatenate([blocks + one << ring, middle + one << own]))
    n = hi - lo
    return np.repeat(lo - np.cumsum(n) + n, n) + np.arange(n.sum())


def _fresh(snapshot: Snapshot, view: SelectionMask, z: int, x: int, y: int) -> TileLevel:
    point = _chosen(snapshot, view, _runs(snapshot.code, BITS, z, x, y))
    return _by_cell(snapshot, point, z)


def _chosen(snapshot: Snapshot, view: SelectionMask, point: NDArray[np.int64]) -> NDArray[np.int64]:
    if view.everything:
        return point
    if view.rows is None:
        return point[view.groups[snapshot.point_group[point]]]
    return point[view.rows[snapshot.row[point]]]


def _by_cell(snapshot: Snapshot, point: NDArray[np.int64], z: int) -> TileLevel:
    seen = snapshot.weight_of_group[snapshot.point_group[point]]
    worst = seen.astype(np.uint64) << np.uint64(32) | point.astype(np.uint64)
    cell = snapshot.code[point] >> np.uint64(2 * max(BITS - z - _CELL, 0))
    return _merged(TileLevel(cell, worst, np.ones(len(point), np.int64)))


def _merged(level: TileLevel) -> TileLevel:
    """Return a level with neighbouring rows of one cell made one."""
    if not len(level.cell):
        return level
    first = np.flatnonzero(np.append(True, level.cell[1:] != level.cell[:-1]))
    return TileLevel(
        level.cell[first],
        np.maximum.reduceat(level.worst, first),
        np.add.reduceat(level.count, first),
    )


def _kept(snapshot: Snapshot, view: SelectionMask, z: int, x: int, y: int) -> TileLevel:
    level = _level(snapshot, view, z)
    run = _runs(level.cell, z + _CELL, z, x, y)
    return TileLevel(level.cell[run], level.worst[run], level.count[run])


def _level(snapshot: Snapshot, view: SelectionMask, z: int) -> TileLevel:
    """Return all cells of a zoom: from the points at the deepest kept one, else from one below."""
    with view.lock:
        if _PYRAMID not in view.levels:
            point = _chosen(snapshot, view, np.arange(snapshot.located))
            view.levels[_PYRAMID] = _by_cell(snapshot, point, _PYRAMID)
        for zoom in range(_PYRAMID - 1, z - 1, -1):
            if zoom not in view.levels:
                finer = view.levels[zoom + 1]
                view.levels[zoom] = _merged(TileLevel(finer.cell >> np.uint64(2), finer.worst, finer.count))
        return view.levels[z]
