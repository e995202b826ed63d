"""Sampled probabilities: the model scored again and again with weights and measurements moved.

The same draws serve every point, and each stream of random numbers belongs to a name (a field, a
weight) and the seed: a point's probabilities depend on its own values and on nothing else, not on
its neighbours, their order or their number. Draws are stratified (one in each of as many equal
slices of the distribution), which keeps the spread of 500 of them below that of plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from riskmap.assess.columns import Floats
from riskmap.assess.decisions import Drawn
from riskmap.assess.doubts import Factor
from riskmap.assess.fit import Fit
from riskmap.assess.nodes import Learned, evaluate
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
    tier: Callable[[Floats, Drawn], NDArray[np.uint8]],
    ranks: int,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> Floats:
    """Return rows × ranks: in which share of the draws a row has each rank.

    `tier` turns scores (draws × rows, not yet rounded) and what was drawn into ranks of the same
    shape. Nodes that nothing doubtful reaches are computed once (a trained artefact may be slow).
    """
    rows = len(factors[0].value)
    doubtful = [factor for factor in factors if factor.doubt.moves or factor.doubt.spreads]
    uniform = {factor.leaf.field: stream(factor.leaf.field, uncertainty) for factor in doubtful}
    judged = _weights(model, uncertainty)
    still = _still(model, factors, {*(f.leaf.id for f in doubtful), *judged}, fit, learned)
    step = 1 if judged else max(1, _CELLS // max(rows, 1))
    counts = np.zeros((ranks, rows))
    for start in range(0, uncertainty.draws, step):
        end = min(start + step, uncertainty.draws)
        weighed = {key: part[start] for key, part in judged.items()}
        drawn = with_weights(model, weighed, fit=fit) if weighed else model
        leaves, moved = _draw(doubtful, {key: one[start:end] for key, one in uniform.items()})
        nodes = evaluate(drawn, {**still, **leaves}, fit=fit, learned=learned)
        score = np.broadcast_to(nodes[model.score], (end - start, rows))
        found = tier(score, Drawn(nodes, moved.numbers, moved.worse))
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


def _still(
    model: ScoringModel,
    factors: Sequence[Factor],
    moving: set[str],
    fit: Fit | None,
    learned: Learned | None,
) -> dict[str, Any]:
    """Return the value of every node that no draw moves; `moving`: the doubtful leaves and weights."""
    for node in model.nodes:
        if isinstance(node, Combination) and moving.intersection(node.of):
            moving.add(node.id)
    values = evaluate(model, {f.leaf.id: f.value for f in factors}, fit=fit, learned=learned)
    return {key: value for key, value in values.items() if key not in moving}


def _draw(doubtful: Sequence[Factor], uniform: Mapping[str, Floats]) -> tuple[dict[str, Floats], Drawn]:
    """Return draws × rows: the numbers of the doubtful leaves, and what gates ask of their fields."""
    leaves: dict[str, Floats] = {}
    numbers: dict[str, Floats] = {}
    moved: dict[str, NDArray[np.bool_]] = {}
    for factor in doubtful:
        u, field = uniform[factor.leaf.field][:, None], factor.leaf.field
        if factor.raw is not None:
            number = factor.drawn(factor.raw + factor.deviation() * ndtri(u))
            leaves[factor.leaf.id] = np.where(np.isnan(factor.raw), factor.value, factor.number(number))
            numbers.setdefault(field, number)
            continue
        worse, better = u > 1 - factor.doubt.class_up, u < factor.doubt.class_down
        leaves[factor.leaf.id] = np.where(worse, factor.worse, np.where(better, factor.better, factor.value))
        moved[field] = moved[field] | worse if field in moved else worse
    return leaves, Drawn({}, numbers, moved)
