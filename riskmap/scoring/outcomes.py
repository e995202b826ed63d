"""Exact probabilities: every outcome of every factor, carried through the model's graph.

Each node of a tree has finitely many outcomes with a chance each. Those of a combination are all
combinations of its parts' outcomes, their chances multiplied; outcomes of a matrix or of bands are
merged into the few numbers these can give. Nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from riskmap.array_types import Floats
from riskmap.catalog.model import Combination, Node, ScoringModel
from riskmap.catalog.model_direction import values_of
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.scoring.fit import Fit, NodeFit
from riskmap.scoring.input_uncertainty import UncertainField, doubt_of, doubtful_fields
from riskmap.scoring.methods import Predictor, weighted
from riskmap.scoring.nodes import Learned, combine, settled

MOST_OUTCOMES = 4096  # of one node; beyond that sampling is the cheaper answer


_CLASSES = 3  # a class, the worse and the better one


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Possible values of a node and their chances, both (rows or 1) × outcomes; rows of chances sum to 1."""

    values: Floats
    chances: Floats


def outcome_count(model: ScoringModel, uncertainty: Uncertainty) -> float:
    """Return the largest number of outcomes that a node can have, infinite where they cannot be listed.

    They cannot where a number with an error meets no bands, or a function before them, where weights
    are in doubt, where one doubtful factor reaches the score by two ways, which would have to be
    followed together, and where a gate reads a doubtful field or a doubtful node beside the score.
    What compares with the whole layer compares with a fit, which no outcome of a point moves.
    """
    if uncertainty.weights > 0 and any(weighted(node) for node in model.nodes):
        return math.inf
    counts: dict[str, int] = {}
    fields: set[str] = set()
    most = 1
    for node in model.nodes:
        if not isinstance(node, Combination):
            doubt = doubt_of(uncertainty, node)
            if doubt.spreads and (not node.bands or node.shaped):
                return math.inf
            counts[node.id] = len(node.bands) + 1 if doubt.spreads else _CLASSES if doubt.moves else 1
            if counts[node.id] > 1:
                if node.field in fields:
                    return math.inf
                fields.add(node.field)
        else:
            grid = math.prod(counts[child] for child in node.of)
            most = max(most, grid)
            counts[node.id] = min(grid, len(_finite(node)) + 1) if _finite(node) else grid
    parents = [child for node in model.nodes if isinstance(node, Combination) for child in node.of]
    twice = {child for child in parents if parents.count(child) > 1 and counts[child] > 1}
    return math.inf if twice or _gate_follows(model, uncertainty, counts) else most


def _gate_follows(model: ScoringModel, uncertainty: Uncertainty, counts: Mapping[str, int]) -> bool:
    """Return whether a gate hangs on something doubtful that would have to be followed with the score."""
    doubtful = frozenset.union(*doubtful_fields(model, uncertainty))
    read = [condition for gate in model.gates for condition in gate.when]
    return any(counts[c.node] > 1 and c.node != model.score if c.node else c.field in doubtful for c in read)


def all_outcomes(
    model: ScoringModel,
    factors: Sequence[UncertainField],
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> dict[str, Outcomes]:
    """Return the possible values of every node of the rows, not yet rounded, with their chances."""
    fits, artefacts = {} if fit is None else fit.nodes, learned or {}
    found: dict[str, Outcomes] = {factor.leaf.id: _of_leaf(factor) for factor in factors}
    for node in model.nodes:
        if isinstance(node, Combination):
            parts = [found[child] for child in node.of]
            found[node.id] = _combined(node, parts, model.decimals, fits.get(node.id), artefacts.get(node.id))
    return found


def _of_leaf(factor: UncertainField) -> Outcomes:
    doubt = factor.doubt
    if factor.raw is not None:
        return _of_bands(factor)
    if not doubt.moves:
        return Outcomes(factor.value[:, None], np.ones((1, 1)))
    values = np.stack([factor.value, factor.worse, factor.better], axis=1)
    return Outcomes(
        values, np.array([[1 - doubt.class_up - doubt.class_down, doubt.class_up, doubt.class_down]])
    )


def _of_bands(factor: UncertainField) -> Outcomes:
    """Return the chance of each band for a number with a normal error; beyond the field's limits counts as there."""
    assert factor.raw is not None
    lower = np.array([limit for limit, _ in factor.leaf.bands])
    numbers = settled(factor.leaf, np.array([value for _, value in factor.leaf.bands]), factor.fit)
    known = ~np.isnan(factor.raw)
    raw, deviation = np.where(known, factor.raw, 0.0), np.where(known, factor.deviation(), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = 1 - ndtr((lower[None, :] - raw[:, None]) / deviation[:, None])
    exact = deviation == 0
    reached[exact] = raw[exact, None] >= lower
    reached[:, lower <= factor.low] = 1.0
    reached[:, lower > factor.high] = 0.0
    reached[:, lower == -np.inf] = 1.0
    chances = reached - np.concatenate([reached[:, 1:], np.zeros((len(raw), 1))], axis=1)
    # A number that is not known has one outcome: NaN, or the worst one that it counts as.
    chances = np.concatenate([np.where(known[:, None], chances, 0.0), ~known[:, None]], axis=1)
    values = np.concatenate(
        [np.broadcast_to(numbers, (len(raw), len(numbers))), factor.value[:, None]], axis=1
    )
    return Outcomes(values, chances)


def _combined(
    node: Combination,
    parts: Sequence[Outcomes],
    decimals: int,
    fit: NodeFit | None,
    predictor: Predictor | None,
) -> Outcomes:
    grid = np.indices([part.values.shape[1] for part in parts]).reshape(len(parts), -1)
    numbers = [part.values[:, i] for part, i in zip(parts, grid, strict=True)]
    value = combine(node, numbers, decimals, fit=fit, predictor=predictor)
    chance = parts[0].chances[:, grid[0]]
    for part, i in zip(parts[1:], grid[1:], strict=True):
        chance = chance * part.chances[:, i]
    return _merged(np.asarray(value, dtype=np.float64), chance, _finite(node))


def _merged(value: Floats, chance: Floats, finite: tuple[float, ...]) -> Outcomes:
    if not finite or value.shape[1] <= len(finite) + 1:
        return Outcomes(value, chance)
    columns = [np.where(value == one, chance, 0.0).sum(axis=1) for one in finite]
    columns.append(np.where(np.isnan(value), chance, 0.0).sum(axis=1))
    return Outcomes(np.array([[*finite, np.nan]]), np.stack(np.broadcast_arrays(*columns), axis=1))


def _finite(node: Node) -> tuple[float, ...]:
    """Return the numbers that a node can give, empty where they are not a short list."""
    if node.curve or node.normalise is not None:
        return ()
    cells = isinstance(node, Combination) and node.matrix and not node.shaped
    return tuple(sorted(set(values_of(node)))) if node.bands or cells else ()
