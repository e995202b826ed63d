"""The graph of a model on arrays: leaves from columns, then one method per combination.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.assess.fit import Fit, NodeFit
from riskmap.assess.methods import METHODS, Predictor, predicted, weights_of
from riskmap.assess.steps import applied, before_settling, settled, steps
from riskmap.catalog.model import Combination, Indicator, Prediction, ScoringModel

__all__ = ["Leaves", "Predictor", "combine", "evaluate", "leaf_values", "subtree", "transform", "weights_of"]

Leaves = Mapping[str, Any]  # leaf id → float64 array, or a scalar that stands for every row


Learned = Mapping[str, Predictor]  # node id → its artefact


@dataclass(frozen=True, slots=True)
class LeafColumn:
    """A leaf before it is normalised: `value` float64, and where the field says nothing (None: nowhere).

    Where it says nothing, `value` is NaN or the number of `missing_value`.
    """

    leaf: Indicator
    value: Floats
    unknown: NDArray[np.bool_] | None

    def filled(self, value: Floats) -> Floats:
        """Return the finished number, its worst one where the field says nothing and the file so orders."""
        if self.unknown is None or self.leaf.missing != "worst":
            return value
        return np.where(self.unknown, np.float64(self.leaf.worst or 0.0), value)


def leaf_columns(model: ScoringModel, columns: Columns) -> dict[str, LeafColumn]:
    """Return every leaf before it is normalised."""
    read: dict[str, Floats | Words] = {}
    out: dict[str, LeafColumn] = {}
    for leaf in model.indicators:
        if leaf.field not in read:
            read[leaf.field] = columns.read(leaf.field)
        value = transform(leaf, read[leaf.field])
        unknown = np.isnan(value)
        if not unknown.any():
            out[leaf.id] = LeafColumn(leaf, value, None)
            continue
        if leaf.missing == "value":
            value = np.where(unknown, before_settling(leaf, leaf.missing_value), value)
        out[leaf.id] = LeafColumn(leaf, value, unknown)
    return out


def leaf_values(
    model: ScoringModel, columns: Columns, *, fit: Fit | None = None
) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """Return the number of every leaf and, where some are missing, which rows lack it.

    Missing values follow the leaf's policy: NaN (unrated), its worst number, or a stated value.
    """
    values: dict[str, Floats] = {}
    missing: dict[str, NDArray[np.bool_]] = {}
    for key, column in leaf_columns(model, columns).items():
        value = column.filled(settled(column.leaf, column.value, _of(fit, key)))
        unknown = column.unknown
        if column.leaf.normalise is not None:
            # A layer without differences gives no place to anybody, known or not.
            lost = np.isnan(value)
            unknown = lost if unknown is None else unknown | lost
            unknown = unknown if unknown.any() else None
        if unknown is not None:
            missing[key] = unknown
        values[key] = value
    return values, missing


def _of(fit: Fit | None, node: str) -> NodeFit | None:
    return None if fit is None else fit.nodes.get(node)


def transform(leaf: Indicator, column: Floats | Words) -> Floats:
    """Return a column through the leaf's table, bands or curve; NaN where unknown."""
    if isinstance(column, Words):
        table = leaf.table or {}
        # The last entry serves code −1, missing.
        of_code = np.array([*(table.get(word, np.nan) for word in column.words), np.nan])
        return of_code[column.codes]
    if leaf.table is not None:
        return _numeric_table(leaf.table, column)
    return steps(applied(leaf.function, column), leaf.bands, leaf.curve)


def _numeric_table(table: Mapping[str, float], column: Floats) -> Floats:
    out = np.full(len(column), np.nan)
    for key, value in table.items():
        number = {"true": 1.0, "false": 0.0}.get(key)
        if number is None:
            try:
                number = float(key)
            except ValueError:
                continue
        out[column == number] = value
    return out


def evaluate(
    model: ScoringModel,
    leaves: Leaves,
    *,
    node: str | None = None,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> dict[str, Any]:
    """Return the value of every node (or of those that `node` needs), leaves included.

    Nothing is rounded at the end; combinations with bands or a curve round their own input. A model
    with fitted nodes needs its `fit`, one with learned nodes their artefacts. Combinations whose
    value `leaves` holds already are not computed again.
    """
    needed = None if node is None else subtree(model, node)
    values: dict[str, Any] = dict(leaves)
    for one in model.nodes:
        if isinstance(one, Combination) and one.id not in leaves and (needed is None or one.id in needed):
            parts = [values[child] for child in one.of]
            predictor = None if learned is None else learned.get(one.id)
            values[one.id] = combine(one, parts, model.decimals, fit=_of(fit, one.id), predictor=predictor)
    return values


def subtree(model: ScoringModel, node: str) -> frozenset[str]:
    """Return the ids of a node and of everything below it."""
    found: set[str] = {node}
    for one in reversed(model.nodes):
        if one.id in found and isinstance(one, Combination):
            found.update(one.of)
    return frozenset(found)


def combine(
    node: Combination,
    parts: Sequence[Any],
    decimals: int,
    *,
    fit: NodeFit | None = None,
    predictor: Predictor | None = None,
) -> Any:
    """Return the value of a combination for the values of its nodes, in the order of `of`."""
    return settled(node, combined(node, parts, decimals, fit=fit, predictor=predictor), fit)


def combined(
    node: Combination,
    parts: Sequence[Any],
    decimals: int,
    *,
    fit: NodeFit | None = None,
    predictor: Predictor | None = None,
) -> Any:
    """Return the value of a combination before it is normalised and rounded."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = (
            predicted(node, parts, predictor)
            if isinstance(node, Prediction)
            else METHODS[node.method](node, parts, weights_of(node, fit), fit)
        )
        value = np.where(np.isfinite(value), value, np.nan)
    value = applied(node.function, value)
    if node.bands or node.curve:
        value = steps(np.round(value, decimals), node.bands, node.curve)
    return value
