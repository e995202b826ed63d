"""The graph of a model on arrays: leaves from columns, then one method per combination.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.

What a node does to its number: function, bands or curve, normalising, rounding. In that order.

NaN means unknown everywhere and stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.model import Combination, Indicator, Node, Normalise, Prediction, ScoringModel, table_key
from riskmap.formulas.composite import min_max, percentile_rank
from riskmap.formulas.domain import along_curve, round_decimals, significant, through_bands
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.scoring.fit import Fit, NodeFit
from riskmap.scoring.methods import Predictor, predicted, weights_of

_Steps = Sequence[tuple[float, float]]


_RANKED_DIGITS = 12  # sums that differ by float noise are ties


_FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "ln": np.log,
    "ln1p": np.log1p,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
}


def steps(x: Floats, bands: _Steps, curve: _Steps) -> Floats:
    """Return x through bands ((lower limit inclusive, value), …) or a curve; NaN stays NaN."""
    if bands:
        lower, values = zip(*bands, strict=True)
        return through_bands(x, lower, values)
    if curve:
        knots, values = zip(*curve, strict=True)
        return along_curve(x, knots, values)
    return x


def applied(node: Node, x: Floats) -> Floats:
    """Return x clipped, through the node's function and to its power; unknown where that is not finite (ln 0, √−1)."""
    if node.clip is not None:
        x = np.clip(x, node.clip[0], node.clip[1])
    if node.function is None and node.power is None:
        return x
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = x if node.function is None else _FUNCTIONS[node.function](x)
        if node.power is not None:
            value = np.where(value >= 0, value, np.nan) ** node.power
    return np.where(np.isfinite(value), value, np.nan)


def comparable(node: Node, x: Floats) -> Floats:
    """Return numbers as they are ranked: computed ones without the noise of their sums."""
    ranked = node.normalise is not None and node.normalise.method == "percentile_rank"
    return significant(x, _RANKED_DIGITS) if ranked and isinstance(node, Combination) else x


def settled(node: Node, x: Floats, fit: NodeFit | None) -> Floats:
    """Return a node's number normalised and rounded as its file says."""
    if node.normalise is not None:
        x = _normalised(node.normalise, comparable(node, x), fit, flip=node.flip)
    return x if node.round is None else round_decimals(x, node.round, how=node.rounding)


def _normalised(how: Normalise, x: Floats, fit: NodeFit | None, *, flip: bool) -> Floats:
    width = how.high - how.low
    if how.method == "percentile_rank":
        assert fit is not None  # the kernel asked for it
        assert fit.values is not None
        assert fit.counts is not None
        place = percentile_rank(x, fit.values, fit.counts, ties=how.ties, greater=flip)
        return how.low + place * width
    least, most = how.span or (fit.span if fit is not None and fit.span else (np.nan, np.nan))
    place = min_max(x, least, most)
    if how.clip:
        place = np.clip(place, 0.0, 1.0)
    value = how.low + place * width
    return how.low + how.high - value if flip else value


def leaf_number(leaf: Indicator, value: object, fit: NodeFit | None = None) -> float:
    """Return the number that a leaf gives for one field value, NaN where its table does not hold it."""
    return float(settled(leaf, np.asarray(before_settling(leaf, value)), fit))


def before_settling(leaf: Indicator, value: object) -> float:
    """Return the number of one field value before it is normalised and rounded."""
    if leaf.table is not None:
        return float(leaf.table.get(table_key(value), np.nan))
    if isinstance(value, str) or value is None:
        return float("nan")
    return float(steps(applied(leaf, np.float64(value)), leaf.bands, leaf.curve))  # pyright: ignore[reportArgumentType]


Leaves = Mapping[str, Floats]  # leaf id → float64 array, or a scalar that stands for every row


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


def leaf_columns(model: ScoringModel, columns: LayerArrays) -> dict[str, LeafColumn]:
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
    model: ScoringModel, columns: LayerArrays, *, fit: Fit | None = None
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
    return steps(applied(leaf, column), leaf.bands, leaf.curve)


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
) -> dict[str, Floats]:
    """Return the value of every node (or of those that `node` needs), leaves included.

    Nothing is rounded at the end; combinations with bands or a curve round their own input. A model
    with fitted nodes needs its `fit`, one with learned nodes their artefacts. Combinations whose
    value `leaves` holds already are not computed again.
    """
    needed = None if node is None else subtree(model, node)
    values: dict[str, Floats] = dict(leaves)
    for one in model.nodes:
        if isinstance(one, Combination) and one.id not in leaves and (needed is None or one.id in needed):
            parts = [values[child] for child in one.of]
            predictor = None if learned is None else learned.get(one.id)
            values[one.id] = combine(one, parts, model.decimals, fit=_of(fit, one.id), predictor=predictor)
    return values


def refused(node: Combination, values: Mapping[str, Floats]) -> list[NDArray[np.bool_]]:
    """Return for each part of a combination where it is known and refused: a negative factor, a divisor of 0."""
    parts = [values[child] for child in node.of]
    rule = None if isinstance(node, Prediction) else node.way.refuses
    flags = [None] * len(parts) if rule is None else rule(node, parts)
    return [
        np.zeros(np.shape(part), dtype=bool) if flag is None else np.asarray(flag)
        for part, flag in zip(parts, flags, strict=True)
    ]


def subtree(model: ScoringModel, node: str) -> frozenset[str]:
    """Return the ids of a node and of everything below it."""
    return model.below(node)


def combine(
    node: Combination,
    parts: Sequence[Floats],
    decimals: int,
    *,
    fit: NodeFit | None = None,
    predictor: Predictor | None = None,
) -> Floats:
    """Return the value of a combination for the values of its nodes, in the order of `of`."""
    return settled(node, combined(node, parts, decimals, fit=fit, predictor=predictor), fit)


def combined(
    node: Combination,
    parts: Sequence[Floats],
    decimals: int,
    *,
    fit: NodeFit | None = None,
    predictor: Predictor | None = None,
) -> Floats:
    """Return the value of a combination before it is normalised and rounded."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = (
            predicted(node, parts, predictor)
            if isinstance(node, Prediction)
            else node.way.combine(node, parts, weights_of(node, fit), fit)
        )
        value = np.where(np.isfinite(value), value, np.nan)
    value = applied(node, value)
    if node.bands or node.curve:
        value = steps(np.round(value, decimals), node.bands, node.curve)
    return value
