"""Sampled probabilities: the model scored again and again with weights and measurements moved.

The same draws serve every point, and each stream of random numbers belongs to a name (a field, a
weight) and the seed: a point's probabilities depend on its own values and on nothing else, not on
its neighbours, their order or their number. Draws are stratified (one in each of as many equal
slices of the distribution), which keeps the spread of 500 of them below that of plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from riskmap.assess.columns import Floats
from riskmap.assess.doubts import Factor
from riskmap.assess.nodes import evaluate
from riskmap.assess.weights import weighted, with_weights
from riskmap.catalog.model import Combination, ScoringModel
from riskmap.catalog.uncertainty import Uncertainty

_CELLS = 500_000  # scores computed in one step


def stream(name: str, uncertainty: Uncertainty) -> Floats:
    """Return `draws` numbers of (0, 1), one in each of as many equal slices, in random order."""
    random = np.random.default_rng([uncertainty.seed, crc32(name.encode())])
    slices = random.permutation(uncertainty.draws)
    # Never 0 or 1, whose normal quantile is infinite.
    return (slices + np.clip(random.random(uncertainty.draws), 1e-9, 1 - 1e-9)) / uncertainty.draws


def sampled(
    model: ScoringModel,
    factors: Sequence[Factor],
    uncertainty: Uncertainty,
    tier: Callable[[Floats], NDArray[np.uint8]],
    ranks: int,
) -> Floats:
    """Return rows × ranks: in which share of the draws a row has each rank.

    `tier` turns scores (draws × rows, not yet rounded) into ranks of the same shape.
    """
    rows = len(factors[0].value)
    uniform = {factor.leaf.field: stream(factor.leaf.field, uncertainty) for factor in factors}
    judged = _weights(model, uncertainty)
    step = 1 if judged else max(1, _CELLS // max(rows, 1))
    counts = np.zeros((ranks, rows))
    for start in range(0, uncertainty.draws, step):
        end = min(start + step, uncertainty.draws)
        drawn = with_weights(model, {key: part[start] for key, part in judged.items()}) if judged else model
        leaves = {f.leaf.id: _drawn(f, uniform[f.leaf.field][start:end]).ravel() for f in factors}
        score = np.broadcast_to(evaluate(drawn, leaves)[model.score], (end - start) * rows)
        found = tier(score.reshape(end - start, rows))
        for rank in range(ranks):
            counts[rank] += (found == rank).sum(axis=0)
    return counts.T / uncertainty.draws


def _weights(model: ScoringModel, uncertainty: Uncertainty) -> dict[str, Floats]:
    """Return node id → draws × parts: the factors of its weights. Empty where none is in doubt."""
    if not uncertainty.weights:
        return {}
    width = uncertainty.weights
    return {
        node.id: np.stack(
            [1 + width * (2 * stream(f"{node.id}/{part}", uncertainty) - 1) for part in node.of], axis=1
        )
        for node in model.nodes
        if isinstance(node, Combination) and weighted(node)
    }


def _drawn(factor: Factor, uniform: Floats) -> Floats:
    """Return draws × rows: the leaf's number in each draw."""
    shape = (len(uniform), len(factor.value))
    u = uniform[:, None]
    if factor.raw is not None:
        moved = factor.number(factor.raw + factor.deviation() * ndtri(u))
        return np.where(np.isnan(factor.raw), factor.value, moved)
    if not factor.doubt.moves:
        return np.broadcast_to(factor.value, shape)
    worse, better = u > 1 - factor.doubt.class_up, u < factor.doubt.class_down
    return np.where(worse, factor.worse, np.where(better, factor.better, factor.value))
