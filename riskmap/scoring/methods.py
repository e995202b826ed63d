"""What a node takes its parts with: weights, stated, fitted or drawn, and the predictions of artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from riskmap.array_types import Floats
from riskmap.catalog.model import Combination, Node, Prediction, ScoringModel
from riskmap.errors import ArtefactError
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
    return node.weights or ((1.0 if node.way.weights == "free" else 1.0 / count),) * count


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


def weighted(node: Node) -> bool:
    """Return whether a node weighs its parts against one another.

    Where weights share 1 it does, with equal ones too, and wherever they come from (stated, compared
    in pairs, entropy). Weights 1 and −1 of a sum are signs and no judgment.
    """
    if not isinstance(node, Combination) or isinstance(node, Prediction):
        return False
    if len(node.of) < 2:  # noqa: PLR2004 - one part has nothing to weigh
        return False
    how = node.way.weights
    return how == "shared" or (how == "free" and any(abs(w) != 1 for w in node.weights))


def with_weights(
    model: ScoringModel, factors: Mapping[str, Floats], *, fit: Fit | None = None
) -> ScoringModel:
    """Return the model with the weights of each node in `factors` multiplied, one factor per part.

    Weights that share 1 (of means, of closeness) are brought back to the sum 1: .5/.3/.2 times
    1.2/.8/1 is .6/.24/.2, which is .577/.231/.192. Entropy weights are those of `fit`, multiplied;
    in the returned model they are stated. Weights that the layer could not give stay unknown.
    """
    fitted = {} if fit is None else fit.nodes

    def drawn(node: Node) -> Node:
        if not isinstance(node, Combination) or node.id not in factors:
            return node
        weights = np.array(weights_of(node, fitted.get(node.id))) * factors[node.id]
        if node.way.weights == "shared":
            weights = weights / weights.sum()
        return node.model_copy(update={"weights": tuple(weights.tolist()), "weighting": None})

    return model.model_copy(update={"nodes": tuple(drawn(node) for node in model.nodes)})
