"""What each field adds to a score: exact Shapley values against the model's stated reference.

For every point, the score of the reference plus all contributions is the score. Where the model is
a sum or a mean the values follow term by term; below any other node all coalitions of its fields
are evaluated (fields outside a coalition stand at the reference). Shapley 1953; for a product of
two factors a·b against a₀·b₀ the first one's value is (a − a₀)(b + b₀)/2.

Why one point has its tier, and what would move it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import factorial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, Indicator, Prediction, ScoringModel
from riskmap.rules.arrays import LayerArrays
from riskmap.scoring.fit import Fit, needed_fit
from riskmap.scoring.kernel import CHUNK, assess_table, part_values, rounded
from riskmap.scoring.methods import weights_of
from riskmap.scoring.nearest import Row, nearest_changes, possible_tiers, table_of
from riskmap.scoring.nodes import Learned, evaluate, leaf_number, leaf_values, subtree
from riskmap.values.assessment import Contribution, Explanation, PartValue
from riskmap.vocabulary import RANKS, UNRATED, state_of, tier_of

# 2^12 evaluations at most below one node; with more fields, permutations drawn from a fixed seed.
_MOST_EXACT = 12


_DRAWS = 256


_CELLS = 1 << 19  # numbers of one leaf that are worked on at once


def method(model: ScoringModel) -> str:
    """Return how `contributions` explains this model: "shapley", or "shapley-sampled" for large ones."""
    return "shapley" if _largest(model, model.score) <= _MOST_EXACT else "shapley-sampled"


def reference_leaves(model: ScoringModel, *, fit: Fit | None = None) -> dict[str, float]:
    """Return the number of every leaf at the model's reference."""
    nodes = {} if fit is None else fit.nodes
    return {leaf.id: leaf_number(leaf, leaf.reference, nodes.get(leaf.id)) for leaf in model.indicators}


def reference_score(model: ScoringModel, *, fit: Fit | None = None, learned: Learned | None = None) -> float:
    """Return the score of a point whose every field stands at the model's reference."""
    return _Numbers(model, fit, learned).reference_score


def contributions(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> dict[str, Floats]:
    """Return field → float64 per row: what the field adds to the score against the reference.

    Rows that cannot be scored are NaN. Rounding of the score goes to the largest contribution, so
    that the reference's score and the contributions sum to the score as it is stored. The reference
    goes through the same `fit` as the points.
    """
    numbers = _Numbers(model, needed_fit(model, fit), learned)
    rows = table.num_rows
    out = {field: np.full(rows, np.nan) for field in model.fields}
    for start in range(0, rows, CHUNK):
        columns = LayerArrays(table.slice(start, CHUNK), layer)
        leaves, _ = leaf_values(model, columns, fit=numbers.fit)
        score = np.broadcast_to(numbers.score(leaves), len(columns))
        for field, values in _balanced(numbers, leaves, score).items():
            out[field][start : start + len(columns)] = values
    return out


class _Numbers:
    """A model with what it was fitted to: leaves → score."""

    def __init__(self, model: ScoringModel, fit: Fit | None, learned: Learned | None) -> None:
        self.model, self.fit, self.learned = model, fit, learned
        self.base = reference_leaves(model, fit=fit)
        self.reference_score = float(self.score({key: np.asarray(value) for key, value in self.base.items()}))

    def value(self, leaves: Mapping[str, Floats], node: str) -> Floats:
        return evaluate(self.model, leaves, node=node, fit=self.fit, learned=self.learned)[node]

    def score(self, leaves: Mapping[str, Floats]) -> Floats:
        return rounded(self.model, self.value(leaves, self.model.score))

    def weights(self, node: Combination) -> tuple[float, ...]:
        return weights_of(node, None if self.fit is None else self.fit.nodes.get(node.id))


def _balanced(numbers: _Numbers, leaves: Mapping[str, Floats], score: Floats) -> dict[str, Floats]:
    model = numbers.model
    parts = _below(numbers, model.score, leaves)
    stacked = np.stack([np.broadcast_to(parts.get(f, 0.0), score.shape) for f in model.fields])
    stacked = np.where(np.isnan(score), np.nan, stacked)
    rest = score - numbers.reference_score - stacked.sum(axis=0)
    largest = np.argmax(np.abs(stacked), axis=0)
    stacked[largest, np.arange(score.size)] += rest
    return dict(zip(model.fields, stacked, strict=True))


def _linear(node: Combination) -> bool:
    """Return whether a node is a plain weighted sum."""
    stepped = node.bands or node.curve or node.normalise or node.shaped or node.round is not None
    return not isinstance(node, Prediction) and node.way.additive and not node.known_only and not stepped


def _largest(model: ScoringModel, key: str) -> int:
    node = model.node(key)
    if isinstance(node, Indicator):
        return 1
    if _linear(node):
        return max(_largest(model, child) for child in node.of)
    return len(_fields(model, key))


def _fields(model: ScoringModel, key: str) -> tuple[str, ...]:
    below = subtree(model, key)
    return tuple(dict.fromkeys(leaf.field for leaf in model.indicators if leaf.id in below))


def _below(numbers: _Numbers, key: str, actual: Mapping[str, Floats]) -> dict[str, Floats]:
    node = numbers.model.node(key)
    if isinstance(node, Indicator):
        return {node.field: actual[node.id] - numbers.base[node.id]}
    if not _linear(node):
        fields = _fields(numbers.model, key)
        exact = len(fields) <= _MOST_EXACT
        coalitions, shares = _every_coalition(len(fields)) if exact else _drawn_coalitions(len(fields))
        return _shared(numbers, key, actual, fields=fields, coalitions=coalitions, shares=shares)
    total: dict[str, Floats] = {}
    for weight, child in zip(numbers.weights(node), node.of, strict=True):
        for field, value in _below(numbers, child, actual).items():
            total[field] = total.get(field, 0.0) + weight * value
    return total


def _shared(
    numbers: _Numbers,
    key: str,
    actual: Mapping[str, Floats],
    *,
    fields: Sequence[str],
    coalitions: NDArray[np.bool_],
    shares: Floats,
) -> dict[str, Floats]:
    """Return Σ share · value over coalitions: of each, which fields have the point's values.

    `coalitions` (m, fields), `shares` (m, fields). Many coalitions are evaluated in one step.
    """
    below = subtree(numbers.model, key)
    leaves = [leaf for leaf in numbers.model.indicators if leaf.id in below]
    place = {field: i for i, field in enumerate(fields)}
    rows = max(np.size(actual[leaf.id]) for leaf in leaves)
    total = np.zeros((len(fields), rows))
    step = max(1, _CELLS // rows)
    for start in range(0, len(coalitions), step):
        present, share = coalitions[start : start + step], shares[start : start + step]
        mixed = {
            x.id: np.where(present[:, place[x.field], None], actual[x.id], numbers.base[x.id]) for x in leaves
        }
        value = np.broadcast_to(numbers.value(mixed, key), (len(present), rows))
        total += share.T @ value
    return dict(zip(fields, total, strict=True))


def _every_coalition(n: int) -> tuple[NDArray[np.bool_], Floats]:
    """Return all 2ⁿ coalitions and each field's share of them: k!(n − k − 1)!/n! (Shapley 1953)."""
    present = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(bool)
    share = np.array([factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)] + [0.0])
    size = present.sum(axis=1)
    return present, np.where(present, share[size - 1][:, None], -share[size][:, None])


def _drawn_coalitions(n: int) -> tuple[NDArray[np.bool_], Floats]:
    """Return the coalitions along orders and their reverses; each order sums exactly, so all do."""
    draw = np.random.default_rng(1953)
    orders = [draw.permutation(n) for _ in range(_DRAWS // 2)]
    orders = np.array([run for order in orders for run in (order, order[::-1])])
    joined = np.argsort(orders, axis=1)  # when each field joins
    step = np.arange(n + 1)[None, :, None]
    present = joined[:, None, :] < step
    share = ((joined[:, None, :] == step - 1).astype(float) - (joined[:, None, :] == step)) / _DRAWS
    return present.reshape(-1, n), share.reshape(-1, n)


_NOISE_DECIMALS = 12


def explain(
    model: ScoringModel,
    layer: Layer,
    code: str,
    row: Row,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> Explanation:
    """Explain the tier of one point, `row`: field id (or "checklist.<item id>") → value, None if missing.

    `reference["score"]` plus the contributions is the score (exact Shapley values, see
    `shapley.contributions`). For an unrated point there are no contributions; `missing` names what
    it lacks and `possible` the tiers that it may turn out to have. Where the model compares with
    the whole layer, `reference["fit"]` names the fit: from how many rows, and its digest.
    """
    table = table_of(model, layer, [row])
    result = assess_table(model, layer, table, fit=fit, learned=learned)
    fit = needed_fit(model, fit)
    fired = result.rules[0]
    score, rank = float(result.score[0]), int(result.rank[0])
    unrated, risk = rank == UNRATED, layer.counts == "risk"
    scored = not math.isnan(score)
    return Explanation(
        layer=layer.id,
        code=code,
        score=score if scored else None,
        tier=tier_of(rank) if risk else None,
        state=state_of(RANKS[rank]) if risk else None,
        grade=None if risk or unrated else layer.standing(RANKS[rank]),
        model=model.id,
        digest=model.digest,
        method=method(model),
        reference={
            "score": reference_score(model, fit=fit, learned=learned),
            "values": {leaf.field: leaf.reference for leaf in model.indicators},
        }
        | ({} if fit is None else {"fit": {"rows": fit.rows, "digest": fit.digest}}),
        contributions=_contributions(model, layer, row, fit, learned) if scored else (),
        rules=tuple(rule.id for rule in model.rules if rule.id in fired),
        gates=tuple(gate.id for gate in model.gates if gate.id in fired),
        missing=result.missing[0],
        nearest=tuple(
            replace(change, tier=layer.standing(change.tier))
            for change in (() if unrated else nearest_changes(model, layer, row, fit=fit, learned=learned))
        ),
        assumed=tuple(
            dict.fromkeys(
                x.field for x in model.indicators if x.missing != "unrated" and row.get(x.field) is None
            )
        ),
        parts=_parts(model, layer, table, fit, learned),
        possible=tuple(
            layer.standing(tier)
            for tier in (possible_tiers(model, layer, row, fit=fit, learned=learned) if unrated else ())
        ),
    )


def _parts(
    model: ScoringModel, layer: Layer, table: pa.Table, fit: Fit | None, learned: Learned | None
) -> tuple[PartValue, ...]:
    values = part_values(model, layer, table, fit=fit, learned=learned)
    numbers = {key: float(column[0]) for key, column in values.items()}
    return tuple(
        PartValue(part.id, part.title, None if math.isnan(number := numbers[part.id]) else number)
        for part in model.parts
    )


def _contributions(
    model: ScoringModel, layer: Layer, row: Row, fit: Fit | None, learned: Learned | None
) -> tuple[Contribution, ...]:
    table = table_of(model, layer, [row])
    leaves, _ = leaf_values(model, LayerArrays(table, layer), fit=fit)
    number: dict[str, float] = {}
    for leaf in reversed(model.indicators):
        number[leaf.field] = float(leaves[leaf.id][0])
    shares = contributions(model, layer, table, fit=fit, learned=learned)
    # A leaf that takes no part here (an opening that was not measured) has no number.
    counted = {leaf.field for leaf in model.scoring_leaves}
    return tuple(
        Contribution(f, row.get(f), None if math.isnan(number[f]) else number[f], _settled(float(share[0])))
        for f, share in shares.items()
        if f in counted
    )


def _settled(share: float) -> float:
    """Return a contribution without the noise of its sums: one that adds nothing is 0."""
    return round(share, _NOISE_DECIMALS) + 0.0
