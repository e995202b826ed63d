"""One function per way of combining nodes: parts, weights and what was fitted → one number.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.

Weights that are somebody's judgment, and how they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from riskmap.array_types import Floats
from riskmap.catalog.model import Combination, Node, Prediction, ScoringModel
from riskmap.errors import ArtefactError
from riskmap.formulas.composite import closeness, geometric_mean, inverted_geometric_mean
from riskmap.formulas.registry import FORMULAS
from riskmap.scoring.fit import Fit, NodeFit


class Predictor(Protocol):
    """A trained artefact: predictor name → float64 column gives float64 probabilities, NaN where unknown."""

    @property
    def predictors(self) -> Sequence[str]:
        """What it predicts from, by name."""
        ...

    def predict(self, columns: Mapping[str, Floats], /) -> Floats:
        """Return one probability per row."""
        ...


def weights_of(node: Combination, fit: NodeFit | None) -> tuple[float, ...]:
    """Return the weights of a combination's parts: fitted, stated, or all alike.

    NaN where they should be fitted and the layer gave none, so that the score stays unknown.
    """
    count = len(node.of)
    if node.weighting is not None:
        return fit.weights if fit is not None and fit.weights else (np.nan,) * count
    return node.weights or ((1.0 if node.method == "sum" else 1.0 / count),) * count


_Weights = tuple[float, ...]


_Combine = Callable[[Combination, Sequence[Floats], _Weights, NodeFit | None], Floats]


def _sum(_: Combination, parts: Sequence[Floats], weights: _Weights, __: NodeFit | None) -> Floats:
    total: Any = 0.0
    for weight, part in zip(weights, parts, strict=True):
        total = total + (part if weight == 1 else weight * part)
    return total


def _known(parts: Sequence[Floats], weights: _Weights) -> tuple[Floats, Floats]:
    """Return the parts, stacked, and each row's weights of the parts that it knows, sum 1."""
    stacked = np.stack(np.broadcast_arrays(*parts))
    share = np.reshape(weights, (-1,) + (1,) * (stacked.ndim - 1)) * ~np.isnan(stacked)
    return stacked, share / share.sum(axis=0)


def _mean(node: Combination, parts: Sequence[Floats], weights: _Weights, __: NodeFit | None) -> Floats:
    if not node.known_only:
        total: Any = 0.0
        for weight, part in zip(weights, parts, strict=True):
            total = total + weight * part
        return total
    stacked, share = _known(parts, weights)
    # Where nothing is known the shares are 0/0, and so is the sum.
    return (np.where(np.isnan(stacked), 0.0, stacked) * share).sum(axis=0)


def _not_negative(part: Floats) -> Floats:
    # A product turns its direction below zero, where "worse is higher" would no longer hold.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)


def _product(_: Combination, parts: Sequence[Floats], __: _Weights, ___: NodeFit | None) -> Floats:
    total: Any = 1.0
    for part in parts:
        total = total * _not_negative(part)
    return total


def _quotient(_: Combination, parts: Sequence[Floats], __: _Weights, ___: NodeFit | None) -> Floats:
    value = _not_negative(parts[0])
    for part in parts[1:]:
        value = value / _not_negative(part)
    return value


def _geometric(node: Combination, parts: Sequence[Floats], weights: _Weights, __: NodeFit | None) -> Floats:
    return geometric_mean(*_geometric_parts(node, parts, weights, neutral=1.0))


def _inverted(node: Combination, parts: Sequence[Floats], weights: _Weights, __: NodeFit | None) -> Floats:
    assert node.scale is not None  # the file reader saw to it
    low, high = node.scale
    used, shares = _geometric_parts(node, parts, weights, neutral=low)
    return inverted_geometric_mean(used, shares, low=low, high=high)


def _geometric_parts(
    node: Combination, parts: Sequence[Floats], weights: _Weights, *, neutral: float
) -> tuple[Sequence[Floats], Sequence[Floats | float]]:
    """Return parts and weights; with `known_only` an unknown part weighs 0 and reads as `neutral`."""
    if not node.known_only:
        return parts, weights
    stacked, share = _known(parts, weights)
    return list(np.where(np.isnan(stacked), neutral, stacked)), list(share)


def _topsis(_: Combination, parts: Sequence[Floats], weights: _Weights, fit: NodeFit | None) -> Floats:
    assert fit is not None  # the kernel asked for it
    return closeness(parts, weights, scale=fit.scale, least=fit.least, most=fit.most)


def predicted(node: Prediction, parts: Sequence[Floats], predictor: Predictor | None) -> Floats:
    """Return the probabilities of a learned node. ArtefactError where its artefact was not loaded."""
    if predictor is None:
        raise ArtefactError(
            f"评分模型节点 {node.id}：没有载入训练所得的模型文件；请检查 models/ 目录",
            f"model node {node.id}: its trained artefact was not loaded; check the folder models/",
        )
    columns = np.broadcast_arrays(*[np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in parts])
    shape = np.broadcast_shapes(*[np.shape(part) for part in parts])
    given = dict(zip(node.learned.inputs, (c.ravel() for c in columns), strict=True))
    value = np.asarray(predictor.predict(given), dtype=np.float64).reshape(shape)
    return value if node.worst is None else np.where(np.isnan(value), np.float64(node.worst), value)


def _extreme(
    strict: Callable[[Floats, Floats], Floats], known: Callable[[Floats, Floats], Floats]
) -> _Combine:
    def method(node: Combination, parts: Sequence[Floats], _: _Weights, __: NodeFit | None) -> Floats:
        pick = known if node.known_only else strict
        value = parts[0]
        for part in parts[1:]:
            value = pick(value, part)
        return value

    return method


def _matrix(node: Combination, parts: Sequence[Floats], _: _Weights, __: NodeFit | None) -> Floats:
    cells = np.array(node.matrix)
    rows, columns = (np.asarray(part) for part in parts)
    whole = (rows == np.floor(rows)) & (columns == np.floor(columns))
    inside = whole & (rows >= 1) & (rows <= cells.shape[0]) & (columns >= 1) & (columns <= cells.shape[1])
    i = np.where(inside, rows, 1).astype(np.intp) - 1
    j = np.where(inside, columns, 1).astype(np.intp) - 1
    return np.where(inside, cells[i, j], np.nan)


def _formula(node: Combination, parts: Sequence[Floats], _: _Weights, __: NodeFit | None) -> Floats:
    assert node.formula is not None  # the file reader saw to it
    given = dict(zip(node.inputs, parts, strict=True))
    return FORMULAS[node.formula]({**node.constants, **given})


METHODS: Final[Mapping[str, _Combine]] = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "mean": _mean,
    "geometric": _geometric,
    "inverted_geometric": _inverted,
    "topsis": _topsis,
    "max": _extreme(np.maximum, np.fmax),
    "min": _extreme(np.minimum, np.fmin),
    "matrix": _matrix,
    "formula": _formula,
}


_SHARED = frozenset({"mean", "geometric", "inverted_geometric", "topsis"})  # their weights sum to 1


def weighted(node: Node) -> bool:
    """Return whether a node weighs its parts against one another.

    Means and TOPSIS do, with equal weights too, and wherever the weights come from (stated, compared
    in pairs, entropy). Weights 1 and −1 of a sum are signs and no judgment.
    """
    if not isinstance(node, Combination) or len(node.of) < 2:  # noqa: PLR2004 - one part has nothing to weigh
        return False
    if node.method in _SHARED:
        return True
    return node.method == "sum" and any(abs(w) != 1 for w in node.weights)


def with_weights(
    model: ScoringModel, factors: Mapping[str, Floats], *, fit: Fit | None = None
) -> ScoringModel:
    """Return the model with the weights of each node in `factors` multiplied, one factor per part.

    Weights of a mean, a geometric mean and TOPSIS are brought back to the sum 1: .5/.3/.2 times
    1.2/.8/1 is .6/.24/.2, which is .577/.231/.192. Entropy weights are those of `fit`, multiplied;
    in the returned model they are stated. Weights that the layer could not give stay unknown.
    """
    fitted = {} if fit is None else fit.nodes

    def drawn(node: Node) -> Node:
        if not isinstance(node, Combination) or node.id not in factors:
            return node
        weights = np.array(weights_of(node, fitted.get(node.id))) * factors[node.id]
        if node.method != "sum":
            weights = weights / weights.sum()
        return node.model_copy(update={"weights": tuple(weights.tolist()), "weighting": None})

    return model.model_copy(update={"nodes": tuple(drawn(node) for node in model.nodes)})
