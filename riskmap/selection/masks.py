"""What a selection lets through, kept beside the snapshot that it was worked out for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Bools
from riskmap.selection.filters import Selection

MOST_BYTES: Final = 64_000_000


@dataclass(frozen=True)
class TileLevel:
    """All chosen points of one zoom, a row per 4 px cell: `cell` uint64[k] ascending, `worst`
    uint64[k] (weight · 2³² + point number), `count` int64[k].
    """

    cell: NDArray[np.uint64]
    worst: NDArray[np.uint64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SelectionMask:
    """A selection resolved against a snapshot.

    `groups` bool[groups] says which groups pass; `rows` bool[n] which rows do, None where the
    groups alone decide. `levels` is filled by `tiles`, under `lock`.
    """

    groups: Bools
    rows: Bools | None
    levels: dict[int, TileLevel] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def everything(self) -> bool:
        """True when no row is left out."""
        return self.rows is None and bool(self.groups.all())

    @property
    def nbytes(self) -> int:
        """How much memory the view holds."""
        levels = sum(a.cell.nbytes + a.worst.nbytes + a.count.nbytes for a in list(self.levels.values()))
        return self.groups.nbytes + (0 if self.rows is None else self.rows.nbytes) + levels


class Views:
    """The views last used, oldest thrown out beyond `most_bytes`; safe between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Selection, SelectionMask] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, selection: Selection, make: Callable[[], SelectionMask]) -> SelectionMask:
        """Return the kept view of a selection, or the one that `make` returns."""
        with self._lock:
            kept = self._kept.get(selection)
            if kept is not None:
                self._kept.move_to_end(selection)
                return kept
        made = make()
        with self._lock:
            kept = self._kept.setdefault(selection, made)
            while len(self._kept) > 1 and sum(v.nbytes for v in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
        return kept
