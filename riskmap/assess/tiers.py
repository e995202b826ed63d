"""Score → tier, exact at the limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.model import ScoringModel
from riskmap.records import RANK_OF, UNRATED

_WORST = RANK_OF["major"]


def rounded(model: ScoringModel, score: Any) -> Any:
    """Return scores as they are compared and stored: rounded to the model's decimals.

    Weights .30/.05/.10/.55 with 3/3/4/1 sum to 1.9999999999999998, which is 2.
    """
    return np.round(score, model.decimals)


def ranks(model: ScoringModel, score: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the rank (records.RANKS) of rounded scores, of any shape; UNRATED where the score is NaN."""
    rank = np.full(score.shape, RANK_OF["low"], dtype=np.uint8)
    lower, above = model.limits.lower, model.limits.above
    for tier in ("general", "large", "major"):
        reached = score > lower[tier] if tier in above else score >= lower[tier]
        rank[reached] = RANK_OF[tier]
    rank[np.isnan(score)] = UNRATED
    return rank


def demanded(model: ScoringModel, fired: Sequence[NDArray[np.bool_] | None], rows: int) -> NDArray[np.uint8]:
    """Return the rank that the fired rules demand of each row at least, 0 (low) where none fired."""
    floor = np.zeros(rows, dtype=np.uint8)
    for rule, flags in zip(model.rules, fired, strict=True):
        if flags is not None:
            np.maximum(floor, RANK_OF[rule.tier], out=floor, where=flags)
    return floor


def lifted(rank: NDArray[np.uint8], floor: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ranks, of any shape, after the direct rules: at least what they demand (`floor`, 0: nothing).

    An unrated point follows only a rule for the worst tier. With a lesser one the point might still
    be worse than the rule says, so it stays unrated, with the rule named beside it.
    """
    follows = (rank != UNRATED) | (floor == _WORST)
    return np.where(follows, np.maximum(rank, floor), rank)


def capped(
    model: ScoringModel, rank: NDArray[np.uint8], held: Sequence[NDArray[np.bool_] | None]
) -> NDArray[np.uint8]:
    """Return ranks after the gates: at most the tier of every gate that held; unrated stays unrated."""
    out = rank.copy()
    for gate, flags in zip(model.gates, held, strict=True):
        if flags is not None:
            out[flags & (rank != UNRATED) & (out > RANK_OF[gate.at_most])] = RANK_OF[gate.at_most]
    return out


def decided(
    model: ScoringModel,
    score: NDArray[np.float64],
    fired: Sequence[NDArray[np.bool_] | None],
    held: Sequence[NDArray[np.bool_] | None],
) -> NDArray[np.uint8]:
    """Return the ranks of rounded scores: by the limits, then the gates, then the direct rules."""
    return lifted(capped(model, ranks(model, score), held), demanded(model, fired, len(score)))
