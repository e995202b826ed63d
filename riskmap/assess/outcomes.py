"""Exact probabilities: every outcome of every factor, carried through the model's graph.

Each node of a tree has finitely many outcomes with a chance each. Those of a combination are all
combinations of its parts' outcomes, their chances multiplied; outcomes of a matrix or of bands are
merged into the few numbers these can give. Nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from riskmap.assess.columns import Floats
from riskmap.assess.doubts import Factor, doubt_of
from riskmap.assess.nodes import combine
from riskmap.assess.weights import weighted
from riskmap.catalog.model import Combination, Node, ScoringModel
from riskmap.catalog.model_checks import values_of
from riskmap.catalog.uncertainty import Uncertainty

MOST_OUTCOMES = 4096  # of one node; beyond that sampling is the cheaper answer
# Methods whose value for a row follows from that row alone, so that outcomes can be combined one by one.
_PER_ROW: frozenset[str] = frozenset(
    {"sum", "product", "quotient", "mean", "geometric", "max", "min", "matrix"}
)
_CLASSES = 3  # a class, the worse and the better one


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Possible values of a node and their chances, both (rows or 1) × outcomes; rows of chances sum to 1."""

    values: Floats
    chances: Floats


def outcome_count(model: ScoringModel, uncertainty: Uncertainty) -> float:
    """Return the largest number of outcomes that a node can have, infinite where they cannot be listed.

    They cannot where a number with an error meets no bands, where weights are in doubt, where a
    method looks at more than one row, and where one doubtful factor reaches the score by two ways,
    which would have to be followed together.
    """
    if uncertainty.weights > 0 and any(weighted(node) for node in model.nodes):
        return math.inf
    counts: dict[str, int] = {}
    fields: set[str] = set()
    most = 1
    for node in model.nodes:
        if not isinstance(node, Combination):
            doubt = doubt_of(uncertainty, node)
            if doubt.spreads and not node.bands:
                return math.inf
            counts[node.id] = len(node.bands) + 1 if doubt.spreads else _CLASSES if doubt.moves else 1
            if counts[node.id] > 1:
                if node.field in fields:
                    return math.inf
                fields.add(node.field)
        elif node.method not in _PER_ROW:
            return math.inf
        else:
            grid = math.prod(counts[child] for child in node.of)
            most = max(most, grid)
            counts[node.id] = min(grid, len(_finite(node)) + 1) if _finite(node) else grid
    parents = [child for node in model.nodes if isinstance(node, Combination) for child in node.of]
    twice = {child for child in parents if parents.count(child) > 1 and counts[child] > 1}
    return math.inf if twice else most


def score_outcomes(model: ScoringModel, factors: Sequence[Factor]) -> Outcomes:
    """Return the possible scores of the rows, not yet rounded, with their chances."""
    found: dict[str, Outcomes] = {factor.leaf.id: _of_leaf(factor) for factor in factors}
    for node in model.nodes:
        if isinstance(node, Combination):
            found[node.id] = _combined(node, [found[child] for child in node.of], model.decimals)
    return found[model.score]


def _of_leaf(factor: Factor) -> Outcomes:
    doubt = factor.doubt
    if factor.raw is not None:
        return _of_bands(factor)
    if not doubt.moves:
        return Outcomes(factor.value[:, None], np.ones((1, 1)))
    values = np.stack([factor.value, factor.worse, factor.better], axis=1)
    return Outcomes(
        values, np.array([[1 - doubt.class_up - doubt.class_down, doubt.class_up, doubt.class_down]])
    )


def _of_bands(factor: Factor) -> Outcomes:
    """Return the chance of each band for a number with a normal error; beyond the field's limits counts as there."""
    assert factor.raw is not None
    lower = np.array([limit for limit, _ in factor.leaf.bands])
    numbers = np.array([value for _, value in factor.leaf.bands])
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


def _combined(node: Combination, parts: Sequence[Outcomes], decimals: int) -> Outcomes:
    grid = np.indices([part.values.shape[1] for part in parts]).reshape(len(parts), -1)
    value = combine(node, [part.values[:, i] for part, i in zip(parts, grid, strict=True)], decimals)
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
    if node.curve or not (node.bands or (isinstance(node, Combination) and node.matrix)):
        return ()
    return tuple(sorted(set(values_of(node))))
