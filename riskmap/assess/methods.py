"""One function per way of combining nodes: parts, weights and what was fitted → one number.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from riskmap.assess.columns import Floats
from riskmap.assess.fit import NodeFit
from riskmap.catalog.model import Combination, Prediction
from riskmap.errors import ArtefactError
from riskmap.formulas.indices import closeness, geometric_mean, inverted_geometric_mean
from riskmap.formulas.registry import FORMULAS


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
_Combine = Callable[[Combination, Sequence[Any], _Weights, NodeFit | None], Any]


def _sum(_: Combination, parts: Sequence[Any], weights: _Weights, __: NodeFit | None) -> Any:
    total: Any = 0.0
    for weight, part in zip(weights, parts, strict=True):
        total = total + (part if weight == 1 else weight * part)
    return total


def _known(parts: Sequence[Any], weights: _Weights) -> tuple[Any, Any]:
    """Return the parts, stacked, and each row's weights of the parts that it knows, sum 1."""
    stacked = np.stack(np.broadcast_arrays(*parts))
    share = np.reshape(weights, (-1,) + (1,) * (stacked.ndim - 1)) * ~np.isnan(stacked)
    return stacked, share / share.sum(axis=0)


def _mean(node: Combination, parts: Sequence[Any], weights: _Weights, __: NodeFit | None) -> Any:
    if not node.known_only:
        total: Any = 0.0
        for weight, part in zip(weights, parts, strict=True):
            total = total + weight * part
        return total
    stacked, share = _known(parts, weights)
    # Where nothing is known the shares are 0/0, and so is the sum.
    return (np.where(np.isnan(stacked), 0.0, stacked) * share).sum(axis=0)


def _not_negative(part: Any) -> Any:
    # A product turns its direction below zero, where "worse is higher" would no longer hold.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)


def _product(_: Combination, parts: Sequence[Any], __: _Weights, ___: NodeFit | None) -> Any:
    total: Any = 1.0
    for part in parts:
        total = total * _not_negative(part)
    return total


def _quotient(_: Combination, parts: Sequence[Any], __: _Weights, ___: NodeFit | None) -> Any:
    value = _not_negative(parts[0])
    for part in parts[1:]:
        value = value / _not_negative(part)
    return value


def _geometric(node: Combination, parts: Sequence[Any], weights: _Weights, __: NodeFit | None) -> Any:
    return geometric_mean(*_geometric_parts(node, parts, weights, neutral=1.0))


def _inverted(node: Combination, parts: Sequence[Any], weights: _Weights, __: NodeFit | None) -> Any:
    assert node.scale is not None  # the file reader saw to it
    low, high = node.scale
    used, shares = _geometric_parts(node, parts, weights, neutral=low)
    return inverted_geometric_mean(used, shares, low=low, high=high)


def _geometric_parts(
    node: Combination, parts: Sequence[Any], weights: _Weights, *, neutral: float
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return parts and weights; with `known_only` an unknown part weighs 0 and reads as `neutral`."""
    if not node.known_only:
        return parts, weights
    stacked, share = _known(parts, weights)
    return list(np.where(np.isnan(stacked), neutral, stacked)), list(share)


def _topsis(_: Combination, parts: Sequence[Any], weights: _Weights, fit: NodeFit | None) -> Any:
    assert fit is not None  # the kernel asked for it
    return closeness(parts, weights, scale=fit.scale, least=fit.least, most=fit.most)


def predicted(node: Prediction, parts: Sequence[Any], predictor: Predictor | None) -> Any:
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


def _extreme(strict: Callable[[Any, Any], Any], known: Callable[[Any, Any], Any]) -> _Combine:
    def method(node: Combination, parts: Sequence[Any], _: _Weights, __: NodeFit | None) -> Any:
        pick = known if node.known_only else strict
        value = parts[0]
        for part in parts[1:]:
            value = pick(value, part)
        return value

    return method


def _matrix(node: Combination, parts: Sequence[Any], _: _Weights, __: NodeFit | None) -> Any:
    cells = np.array(node.matrix)
    rows, columns = (np.asarray(part) for part in parts)
    whole = (rows == np.floor(rows)) & (columns == np.floor(columns))
    inside = whole & (rows >= 1) & (rows <= cells.shape[0]) & (columns >= 1) & (columns <= cells.shape[1])
    i = np.where(inside, rows, 1).astype(np.intp) - 1
    j = np.where(inside, columns, 1).astype(np.intp) - 1
    return np.where(inside, cells[i, j], np.nan)


def _formula(node: Combination, parts: Sequence[Any], _: _Weights, __: NodeFit | None) -> Any:
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
