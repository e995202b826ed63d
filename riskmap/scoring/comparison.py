"""How many points moved from which tier to which, and why, between two assessments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from riskmap.values.assessment import Assessment
from riskmap.vocabulary import RANK_OF, RANKS

# Worst first, unrated last: the order in which people read a matrix.
ORDER: Final = ("major", "large", "general", "low", "unrated")


# "fit": neither the record nor the model file changed, but the records that it is compared with.
# "model" also where nothing of this changed: then the program scores otherwise than it did.
MoveCause = Literal["data", "model", "both", "fit"]


@dataclass(frozen=True, slots=True)
class Migration:
    """`counts[i, j]`: points that were RANKS[i] and are RANKS[j]; int64, 5 × 5."""

    counts: NDArray[np.int64]

    def count(self, before: str, after: str) -> int:
        """Return how many points moved from one tier (or "unrated") to another."""
        return int(self.counts[RANK_OF[before], RANK_OF[after]])

    @property
    def moved(self) -> int:
        """How many points changed their tier."""
        return int(self.counts.sum() - np.trace(self.counts))

    def table(self) -> dict[str, dict[str, int]]:
        """Return tier before → tier after → points, in the order of `ORDER`."""
        return {before: {after: self.count(before, after) for after in ORDER} for before in ORDER}


@dataclass(frozen=True, slots=True)
class Side:
    """The tiers of a layer's records at one time or by one model; arrays parallel to `codes`.

    `rank` uint8, `version` int64 (of the record), `model` the digest of the model that gave the
    tiers, `fit` that of what it compared with, None where it compares with nothing.
    """

    codes: Sequence[str]
    rank: NDArray[np.uint8]
    version: NDArray[np.int64]
    model: str | None
    fit: str | None = None


@dataclass(frozen=True, slots=True)
class MovedTier:
    """One record whose tier is another on the other side."""

    code: str
    before: str
    after: str
    cause: MoveCause


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides of the same records; `new` and `retired` codes are on one side only and not counted."""

    migration: Migration
    points: tuple[MovedTier, ...]
    new: tuple[str, ...]
    retired: tuple[str, ...]


def migration(before: Assessment, after: Assessment) -> Migration:
    """Compare two assessments of the same rows in the same order; ValueError for unlike lengths."""
    if len(before.rank) != len(after.rank):
        raise ValueError(f"{len(before.rank)} rows before, {len(after.rank)} after: not the same points")
    return _counted(before.rank, after.rank)


def compared(before: Side, after: Side) -> Comparison:
    """Compare the records that both sides have, in the order of `after`; points are those that moved."""
    here, there = _both(before.codes, after.codes)
    old, new = before.rank[here], after.rank[there]
    data = before.version[here] != after.version[there]
    other, refitted = before.model != after.model, before.fit != after.fit
    points = [
        MovedTier(
            after.codes[int(there[k])],
            RANKS[old[k]],
            RANKS[new[k]],
            _cause(data=bool(data[k]), model=other, fit=refitted),
        )
        for k in np.flatnonzero(old != new)
    ]
    return Comparison(
        _counted(old, new),
        tuple(points),
        _others(after.codes, there),
        _others(before.codes, here),
    )


def _both(before: Sequence[str], after: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of the codes that both sides have, in the order of `after`."""
    if before is after:  # the same table: a million codes need not be looked up
        rows = np.arange(len(after), dtype=np.intp)
        return rows, rows
    at = {code: i for i, code in enumerate(before)}
    pairs = [(at[code], j) for j, code in enumerate(after) if code in at]
    return np.array([i for i, _ in pairs], dtype=np.intp), np.array([j for _, j in pairs], dtype=np.intp)


def _others(codes: Sequence[str], rows: NDArray[np.intp]) -> tuple[str, ...]:
    """Return the codes of all rows but these."""
    left = np.ones(len(codes), dtype=bool)
    left[rows] = False
    return tuple(codes[i] for i in np.flatnonzero(left).tolist())


def _cause(*, data: bool, model: bool, fit: bool) -> MoveCause:
    if data:
        return "both" if model else "data"
    return "fit" if fit and not model else "model"


def _counted(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Migration:
    size = len(RANKS)
    pairs = before.astype(np.intp) * size + after
    return Migration(np.bincount(pairs, minlength=size * size).reshape(size, size))
