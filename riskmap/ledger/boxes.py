"""Filling SQLite's spatial index for many records at once.

One by one, the R*Tree takes more than half of a large import. Its nodes have a documented form
(sqlite.org/rtree.html, and `sqlite3 rtree.c`): two bytes depth (root only), two bytes number of
cells, then cells of a 64-bit id and four 32-bit floats, all big-endian. Here they are packed from
the bottom up (sort-tile-recursive, Leutenegger 1997) and written as they are; the integrity check
of the ledger runs `rtreecheck` over them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.ledger import schema as s
from riskmap.ledger.sqlite import BOX_INSERT
from riskmap.ledger.store import read_chunks

MANY: Final = 20_000


_CELL: Final = np.dtype([("id", ">i8"), ("minx", ">f4"), ("maxx", ">f4"), ("miny", ">f4"), ("maxy", ">f4")])


_SIDES: Final = ("minx", "maxx", "miny", "maxy")


_HEAD: Final = 4


_SPARE: Final = 3  # cells left free in a node, or the next insert would split it


@dataclass(slots=True)
class Filling:
    """Boxes of the features that are being inserted, in degrees."""

    parts: list[NDArray[np.void]] = field(default_factory=list)

    def add(self, ids: Sequence[int], boxes: Sequence[tuple[float | None, ...]]) -> None:
        """Note the boxes (minx, miny, maxx, maxy; None where there is none) of features."""
        minx, miny, maxx, maxy = np.array(boxes, dtype=np.float64).reshape(-1, 4).T
        somewhere = np.isfinite(minx)
        numbers = np.array(ids, dtype=np.int64)[somewhere]
        self.parts.append(_cells(numbers, [side[somewhere] for side in (minx, maxx, miny, maxy)]))


@contextlib.contextmanager
def filled_at_once(connection: sa.Connection, count: int, first: int) -> Iterator[Filling]:
    """Within it `count` features are inserted, from id `first` on, each noted in the filling.

    The spatial index follows at the end if they are many.
    """
    filling = Filling()
    if connection.dialect.name != "sqlite" or count < MANY or _indexed_exceeds(connection, count):
        yield filling
        return
    connection.exec_driver_sql("DROP TRIGGER feature_box_insert")
    yield filling
    _rebuild(connection, first, filling)
    connection.exec_driver_sql(BOX_INSERT)


def _indexed_exceeds(connection: sa.Connection, count: int) -> bool:
    return connection.exec_driver_sql("SELECT count(*) FROM feature_box_rowid").scalar_one() > count


def _cells(ids: Sequence[int] | NDArray[np.int64], sides: Sequence[Any]) -> NDArray[np.void]:
    cells = np.empty(len(ids), dtype=_CELL)
    cells["id"] = ids
    for name, side in zip(_SIDES, sides, strict=True):
        cells[name] = _outward(np.asarray(side, dtype=np.float64), up=name.startswith("max"))
    return cells


def _rebuild(connection: sa.Connection, first: int, filling: Filling) -> None:
    t = s.feature
    query = sa.select(t.c.id, t.c.minx, t.c.maxx, t.c.miny, t.c.maxy)
    parts = list(filling.parts)
    for rows in read_chunks(connection, query.where(t.c.minx.is_not(None), t.c.id < first)):
        ids, *sides = zip(*rows, strict=True)
        parts.append(_cells(ids, sides))
    root = connection.exec_driver_sql("SELECT length(data) FROM feature_box_node WHERE nodeno = 1")
    size = root.scalar_one()
    for table in ("node", "rowid", "parent"):
        connection.exec_driver_sql(f"DELETE FROM feature_box_{table}")  # noqa: S608 (names of ours)
    _write(connection, np.concatenate(parts) if parts else np.empty(0, dtype=_CELL), size)


def _outward(side: NDArray[np.float64], *, up: bool) -> NDArray[np.float32]:
    """Return 32-bit sides that never cut the box: lower ones rounded down, upper ones up."""
    near = side.astype(np.float32)
    wrong = near < side if up else near > side
    return np.where(wrong, np.nextafter(near, np.float32(np.inf if up else -np.inf)), near)


def _packed(cells: NDArray[np.void], capacity: int) -> NDArray[np.void]:
    """Return the cells in tile order: vertical slices by x, within each by y."""
    nodes = math.ceil(len(cells) / capacity)
    per_slice = math.ceil(math.sqrt(nodes)) * capacity
    by_x = cells[np.argsort(cells["minx"], kind="stable")]
    slices = np.arange(len(cells)) // per_slice
    return by_x[np.lexsort((by_x["miny"], slices))]


def _write(connection: sa.Connection, cells: NDArray[np.void], size: int) -> None:
    capacity = (size - _HEAD) // _CELL.itemsize - _SPARE
    depth, number = 0, 2  # node 1 is the root
    while len(cells) > capacity:
        cells = _packed(cells, capacity)
        starts = np.arange(0, len(cells), capacity)
        numbers = np.arange(number, number + len(starts))
        _write_level(connection, cells, starts, numbers, size)
        _write_links(connection, cells["id"], numbers.repeat(capacity)[: len(cells)], leaf=depth == 0)
        above = np.empty(len(starts), dtype=_CELL)
        above["id"] = numbers
        for name in _SIDES:
            merge = np.maximum if name.startswith("max") else np.minimum
            above[name] = merge.reduceat(cells[name].astype(np.float32), starts)
        cells, number, depth = above, number + len(starts), depth + 1
    connection.exec_driver_sql(
        "INSERT INTO feature_box_node (nodeno, data) VALUES (1, ?)", (_node(cells, size, depth),)
    )
    _write_links(connection, cells["id"], np.ones(len(cells), dtype=np.int64), leaf=depth == 0)


def _node(cells: NDArray[np.void], size: int, depth: int = 0) -> bytes:
    head = depth.to_bytes(2, "big") + len(cells).to_bytes(2, "big")
    # Joining arrays turns them to the machine's byte order: turn them back.
    return (head + cells.astype(_CELL, copy=False).tobytes()).ljust(size, b"\0")


def _write_level(
    connection: sa.Connection,
    cells: NDArray[np.void],
    starts: NDArray[np.intp],
    numbers: NDArray[np.intp],
    size: int,
) -> None:
    ends = np.append(starts[1:], len(cells))
    connection.exec_driver_sql(
        "INSERT INTO feature_box_node (nodeno, data) VALUES (?, ?)",
        [
            (n, _node(cells[a:b], size))
            for n, a, b in zip(numbers.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ],
    )


def _write_links(
    connection: sa.Connection, ids: NDArray[np.int64], nodes: NDArray[np.int64], *, leaf: bool
) -> None:
    if not len(ids):
        return
    order = np.argsort(ids)
    table = "rowid (rowid, nodeno)" if leaf else "parent (nodeno, parentnode)"
    connection.exec_driver_sql(
        f"INSERT INTO feature_box_{table} VALUES (?, ?)",  # noqa: S608 (names of ours)
        list(zip(ids[order].tolist(), nodes[order].tolist(), strict=True)),
    )
