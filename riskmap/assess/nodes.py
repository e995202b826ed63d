"""The graph of a model on arrays: leaves from columns, then one method per combination.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.catalog.model import Combination, Indicator, ScoringModel
from riskmap.formulas.steps import along_curve, through_bands

_Steps = Sequence[tuple[float, float]]
Leaves = Mapping[str, Any]  # leaf id → float64 array, or a scalar that stands for every row


def leaf_values(
    model: ScoringModel, columns: Columns
) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """Return the number of every leaf and, where some are missing, which rows lack it.

    Missing values follow the leaf's policy: NaN (unrated) or its worst number.
    """
    read: dict[str, Floats | Words] = {}
    values: dict[str, Floats] = {}
    missing: dict[str, NDArray[np.bool_]] = {}
    for leaf in model.indicators:
        if leaf.field not in read:
            read[leaf.field] = columns.read(leaf.field)
        value = transform(leaf, read[leaf.field])
        unknown = np.isnan(value)
        if unknown.any():
            missing[leaf.id] = unknown
            if leaf.missing == "worst":
                value = np.where(unknown, np.float64(leaf.worst or 0.0), value)
        values[leaf.id] = value
    return values, missing


def transform(leaf: Indicator, column: Floats | Words) -> Floats:
    """Return a column through the leaf's table, bands or curve; NaN where unknown."""
    if isinstance(column, Words):
        table = leaf.table or {}
        # The last entry serves code −1, missing.
        of_code = np.array([*(table.get(word, np.nan) for word in column.words), np.nan])
        return of_code[column.codes]
    if leaf.table is not None:
        return _numeric_table(leaf.table, column)
    return steps(column, leaf.bands, leaf.curve)


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


def steps(x: Any, bands: _Steps, curve: _Steps) -> Any:
    """Return x through bands ((lower limit inclusive, value), …) or a curve; NaN stays NaN."""
    if bands:
        lower, values = zip(*bands, strict=True)
        return through_bands(x, lower, values)
    if curve:
        knots, values = zip(*curve, strict=True)
        return along_curve(x, knots, values)
    return x


def evaluate(model: ScoringModel, leaves: Leaves, *, node: str | None = None) -> dict[str, Any]:
    """Return the value of every node (or of those that `node` needs), leaves included.

    Nothing is rounded at the end; combinations with bands or a curve round their own input.
    """
    needed = None if node is None else subtree(model, node)
    values: dict[str, Any] = dict(leaves)
    for one in model.nodes:
        if isinstance(one, Combination) and (needed is None or one.id in needed):
            values[one.id] = combine(one, [values[child] for child in one.of], model.decimals)
    return values


def subtree(model: ScoringModel, node: str) -> frozenset[str]:
    """Return the ids of a node and of everything below it."""
    found: set[str] = {node}
    for one in reversed(model.nodes):
        if one.id in found and isinstance(one, Combination):
            found.update(one.of)
    return frozenset(found)


def combine(node: Combination, parts: Sequence[Any], decimals: int) -> Any:
    """Return the value of a combination for the values of its nodes, in the order of `of`."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = _METHODS[node.method](node, parts)
        value = np.where(np.isfinite(value), value, np.nan)
    if node.bands or node.curve:
        value = steps(np.round(value, decimals), node.bands, node.curve)
    return value


def _sum(node: Combination, parts: Sequence[Any]) -> Any:
    total: Any = 0.0
    for weight, part in zip(node.weights or (1.0,) * len(parts), parts, strict=True):
        total = total + (part if weight == 1 else weight * part)
    return total


def _known(parts: Sequence[Any]) -> Any:
    return np.stack(np.broadcast_arrays(*parts))


def _mean(node: Combination, parts: Sequence[Any]) -> Any:
    weights = node.weights or (1.0 / len(parts),) * len(parts)
    if not node.known_only:
        total: Any = 0.0
        for weight, part in zip(weights, parts, strict=True):
            total = total + weight * part
        return total
    stacked = _known(parts)
    share = np.reshape(weights, (-1,) + (1,) * (stacked.ndim - 1)) * ~np.isnan(stacked)
    return np.nansum(stacked * share, axis=0) / share.sum(axis=0)


def _not_negative(part: Any) -> Any:
    # A product turns its direction below zero, where "worse is higher" would no longer hold.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)


def _product(_: Combination, parts: Sequence[Any]) -> Any:
    total: Any = 1.0
    for part in parts:
        total = total * _not_negative(part)
    return total


def _quotient(_: Combination, parts: Sequence[Any]) -> Any:
    value = _not_negative(parts[0])
    for part in parts[1:]:
        value = value / _not_negative(part)
    return value


def _geometric(node: Combination, parts: Sequence[Any]) -> Any:
    total: Any = 1.0
    for weight, part in zip(node.weights or (1.0 / len(parts),) * len(parts), parts, strict=True):
        total = total * _not_negative(part) ** weight
    return total


def _extreme(strict: Callable[[Any, Any], Any], known: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(node: Combination, parts: Sequence[Any]) -> Any:
        pick = known if node.known_only else strict
        value = parts[0]
        for part in parts[1:]:
            value = pick(value, part)
        return value

    return method


def _matrix(node: Combination, parts: Sequence[Any]) -> Any:
    cells = np.array(node.matrix)
    rows, columns = (np.asarray(part) for part in parts)
    whole = (rows == np.floor(rows)) & (columns == np.floor(columns))
    inside = whole & (rows >= 1) & (rows <= cells.shape[0]) & (columns >= 1) & (columns <= cells.shape[1])
    i = np.where(inside, rows, 1).astype(np.intp) - 1
    j = np.where(inside, columns, 1).astype(np.intp) - 1
    return np.where(inside, cells[i, j], np.nan)


_METHODS: Mapping[str, Callable[[Combination, Sequence[Any]], Any]] = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "mean": _mean,
    "geometric": _geometric,
    "max": _extreme(np.maximum, np.fmax),
    "min": _extreme(np.minimum, np.fmin),
    "matrix": _matrix,
}
