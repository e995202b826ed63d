"""Weights that are somebody's judgment, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from riskmap.assess.columns import Floats
from riskmap.assess.fit import Fit
from riskmap.assess.methods import weights_of
from riskmap.catalog.model import Combination, Node, ScoringModel

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
