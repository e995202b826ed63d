"""How many points moved from which tier to which, between two assessments of the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmap.records import RANK_OF, RANKS, Assessment


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


def migration(before: Assessment, after: Assessment) -> Migration:
    """Compare two assessments of the same rows in the same order; ValueError for unlike lengths."""
    if len(before.rank) != len(after.rank):
        raise ValueError(f"{len(before.rank)} rows before, {len(after.rank)} after: not the same points")
    size = len(RANKS)
    pairs = before.rank.astype(np.intp) * size + after.rank
    return Migration(np.bincount(pairs, minlength=size * size).reshape(size, size))
