"""What each field adds to a score: exact Shapley values against the model's stated reference.

For every point, the score of the reference plus all contributions is the score. Where the model is
a sum or a mean the values follow term by term; below any other node all coalitions of its fields
are evaluated (fields outside a coalition stand at the reference). Shapley 1953; for a product of
two factors a·b against a₀·b₀ the first one's value is (a − a₀)(b + b₀)/2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import factorial
from typing import Any

import numpy as np
import pyarrow as pa

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.kernel import CHUNK
from riskmap.assess.nodes import evaluate, leaf_values, steps, subtree
from riskmap.assess.tiers import rounded
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, Indicator, ScoringModel

# 2^12 evaluations at most below one node; with more fields, permutations drawn from a fixed seed.
_MOST_EXACT = 12
_DRAWS = 256


def method(model: ScoringModel) -> str:
    """Return how `contributions` explains this model: "shapley", or "shapley-sampled" for large ones."""
    return "shapley" if _largest(model, model.score) <= _MOST_EXACT else "shapley-sampled"


def reference_leaves(model: ScoringModel) -> dict[str, float]:
    """Return the number of every leaf at the model's reference."""
    out: dict[str, float] = {}
    for leaf in model.indicators:
        if leaf.table is not None:
            out[leaf.id] = float(leaf.table[leaf.reference_key])
        else:
            assert isinstance(leaf.reference, (int, float)), leaf.id  # the file reader saw to it
            out[leaf.id] = float(steps(np.float64(leaf.reference), leaf.bands, leaf.curve))
    return out


def reference_score(model: ScoringModel) -> float:
    """Return the score of a point whose every field stands at the model's reference."""
    return float(rounded(model, evaluate(model, reference_leaves(model))[model.score]))


def contributions(model: ScoringModel, layer: Layer, table: pa.Table) -> dict[str, Floats]:
    """Return field → float64 per row: what the field adds to the score against the reference.

    Rows that cannot be scored are NaN. Rounding of the score goes to the largest contribution, so
    that the reference's score and the contributions sum to the score as it is stored.
    """
    rows = table.num_rows
    out = {field: np.full(rows, np.nan) for field in model.fields}
    for start in range(0, rows, CHUNK):
        columns = Columns(table.slice(start, CHUNK), layer)
        leaves, _ = leaf_values(model, columns)
        score = np.broadcast_to(rounded(model, evaluate(model, leaves)[model.score]), len(columns))
        for field, values in _balanced(model, leaves, score).items():
            out[field][start : start + len(columns)] = values
    return out


def _balanced(model: ScoringModel, leaves: Mapping[str, Any], score: Floats) -> dict[str, Floats]:
    parts = _below(model, model.score, leaves, reference_leaves(model))
    stacked = np.stack([np.broadcast_to(parts.get(f, 0.0), score.shape) for f in model.fields])
    stacked = np.where(np.isnan(score), np.nan, stacked)
    rest = score - reference_score(model) - stacked.sum(axis=0)
    largest = np.argmax(np.abs(stacked), axis=0)
    stacked[largest, np.arange(score.size)] += rest
    return dict(zip(model.fields, stacked, strict=True))


def _linear(node: Combination) -> tuple[float, ...] | None:
    """Return the weights of a node that is a plain weighted sum, None for any other."""
    if node.bands or node.curve or node.known_only:
        return None
    if node.method == "sum":
        return node.weights or (1.0,) * len(node.of)
    if node.method == "mean":
        return node.weights or (1.0 / len(node.of),) * len(node.of)
    return None


def _largest(model: ScoringModel, key: str) -> int:
    node = model.node(key)
    if isinstance(node, Indicator):
        return 1
    if _linear(node) is not None:
        return max(_largest(model, child) for child in node.of)
    return len(_fields(model, key))


def _fields(model: ScoringModel, key: str) -> tuple[str, ...]:
    below = subtree(model, key)
    return tuple(dict.fromkeys(leaf.field for leaf in model.indicators if leaf.id in below))


def _below(
    model: ScoringModel, key: str, actual: Mapping[str, Any], base: Mapping[str, float]
) -> dict[str, Any]:
    node = model.node(key)
    if isinstance(node, Indicator):
        return {node.field: actual[node.id] - base[node.id]}
    weights = _linear(node)
    if weights is None:
        fields = _fields(model, key)
        exact = len(fields) <= _MOST_EXACT
        return (_exact if exact else _sampled)(model, key, fields, actual, base)
    total: dict[str, Any] = {}
    for weight, child in zip(weights, node.of, strict=True):
        for field, value in _below(model, child, actual, base).items():
            total[field] = total.get(field, 0.0) + weight * value
    return total


class _Game:
    """The value of a node when some fields have the point's values and the others the reference's."""

    def __init__(
        self, model: ScoringModel, key: str, actual: Mapping[str, Any], base: Mapping[str, float]
    ) -> None:
        below = subtree(model, key)
        self._model, self._key, self._actual, self._base = model, key, actual, base
        self._leaves = [leaf for leaf in model.indicators if leaf.id in below]

    def value(self, present: frozenset[str]) -> Any:
        leaves = {x.id: (self._actual if x.field in present else self._base)[x.id] for x in self._leaves}
        return evaluate(self._model, leaves, node=self._key)[self._key]


def _exact(
    model: ScoringModel, key: str, fields: Sequence[str], actual: Mapping[str, Any], base: Mapping[str, float]
) -> dict[str, Any]:
    game, n = _Game(model, key, actual, base), len(fields)
    share = [factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)]
    total: dict[str, Any] = dict.fromkeys(fields, 0.0)
    for bits in range(1 << n):
        present = frozenset(f for i, f in enumerate(fields) if bits >> i & 1)
        value = game.value(present)
        for field in fields:
            if field in present:
                total[field] = total[field] + share[len(present) - 1] * value
            else:
                total[field] = total[field] - share[len(present)] * value
    return total


def _sampled(
    model: ScoringModel, key: str, fields: Sequence[str], actual: Mapping[str, Any], base: Mapping[str, float]
) -> dict[str, Any]:
    """Average over permutations and their reverses; each one sums exactly, so the average does."""
    game, draw = _Game(model, key, actual, base), np.random.default_rng(1953)
    total: dict[str, Any] = dict.fromkeys(fields, 0.0)
    for _ in range(_DRAWS // 2):
        order = draw.permutation(len(fields))
        for run in (order, order[::-1]):
            present: frozenset[str] = frozenset()
            before = game.value(present)
            for field in [fields[int(i)] for i in run]:
                present |= {field}
                after = game.value(present)
                total[field] = total[field] + (after - before) / _DRAWS
                before = after
    return total
