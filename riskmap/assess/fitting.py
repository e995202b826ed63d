"""Fitting a model to a whole layer, node by node in evaluation order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.fit import Fit, NodeFit
from riskmap.assess.nodes import Predictor, combined, leaf_columns, weights_of
from riskmap.assess.steps import comparable, settled
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, Node, ScoringModel
from riskmap.errors import FormulaError
from riskmap.formulas.weights import entropy_weights


def fit_model(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    learned: Mapping[str, Predictor] | None = None,
) -> Fit | None:
    """Return what the model takes from all rows of a snapshot table; None where it takes nothing.

    Only known values take part; the order of the rows changes nothing, to the last bit.
    FormulaError where the layer cannot be fitted (entropy weights of negative numbers).
    """
    if not model.fitted:
        return None
    nodes: dict[str, NodeFit] = {}
    values: dict[str, Any] = {}
    columns = Columns(table, layer)
    raw = leaf_columns(model, columns)
    for node in model.nodes:
        if isinstance(node, Combination):
            parts = [values[child] for child in node.of]
            start = _parts_fit(model, node, parts)
            predictor = (learned or {}).get(node.id)
            value = combined(node, parts, model.decimals, fit=start, predictor=predictor)
        else:
            start, value = None, raw[node.id].value
        one = _value_fit(node, value, start)
        if one is not None:
            nodes[node.id] = one
        value = settled(node, value, one)
        if not isinstance(node, Combination):
            value = raw[node.id].filled(value)
        values[node.id] = value
    return Fit(model.digest, table.num_rows, nodes)


def _value_fit(node: Node, value: Any, start: NodeFit | None) -> NodeFit | None:
    """Return what `normalise` takes from a node's own values, beside what its parts gave."""
    how = node.normalise
    if how is None or not how.fitted:
        return start
    known = np.sort(_known(comparable(node, value)))
    base = start or NodeFit(rows=len(known))
    span = values = counts = None
    if how.method == "percentile_rank":
        values, counts = np.unique(known, return_counts=True)
    elif len(known):
        span = (float(known[0]), float(known[-1]))
    else:
        span = (0.0, 0.0)
    return replace(base, span=span, values=values, counts=counts)


def _known(value: Any) -> Floats:
    flat = np.atleast_1d(np.asarray(value, dtype=np.float64))
    return flat[~np.isnan(flat)] + 0.0  # −0 and 0 are one number


def _parts_fit(model: ScoringModel, node: Combination, parts: Sequence[Any]) -> NodeFit | None:
    """Return what a combination takes from its parts: entropy weights, the ends and norms of TOPSIS."""
    if node.weighting is None and node.method != "topsis":
        return None
    stacked = np.stack(np.broadcast_arrays(*[np.atleast_1d(p) for p in parts]), axis=1)
    complete = stacked[~np.isnan(stacked).any(axis=1)]
    # Columns are judged one by one; sorted, their sums do not depend on the order of the rows.
    table = np.sort(complete, axis=0) + 0.0
    weights = _entropy(model, node, table) if node.weighting else weights_of(node, None)
    if node.method != "topsis" or not len(table):
        blank = (0.0,) * len(node.of) if node.method == "topsis" else ()
        return NodeFit(len(table), weights=weights, scale=blank, least=blank, most=blank)
    least, most = table[0], table[-1]
    scale = np.sqrt((table**2).sum(axis=0)) if node.norm == "vector" else most - least
    return NodeFit(
        len(table),
        weights=weights,
        scale=tuple(scale.tolist()),
        least=tuple(least.tolist()),
        most=tuple(most.tolist()),
    )


def _entropy(model: ScoringModel, node: Combination, table: Floats) -> tuple[float, ...]:
    """Return entropy weights, () where the rows are too few or too alike to give any."""
    negative = (table < 0).any(axis=0)
    if negative.any():
        part = node.of[int(np.argmax(negative))]
        raise FormulaError(
            f"评分模型 {model.id} › {node.id}：{part} 有负数，熵权法无从计算；请先归一化到 0 以上",
            f"scoring model {model.id} › {node.id}: {part} is negative somewhere, entropy weights cannot be "
            "computed; normalise it to 0 and above first",
        )
    try:
        return tuple(entropy_weights(table).tolist())
    except FormulaError:
        return ()
