"""What a node does to its number: function, bands or curve, normalising, rounding. In that order.

NaN means unknown everywhere and stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from riskmap.assess.fit import NodeFit
from riskmap.catalog.model import Combination, Indicator, Node, Normalise, table_key
from riskmap.formulas.indices import min_max, percentile_rank
from riskmap.formulas.rounding import round_decimals, significant
from riskmap.formulas.steps import along_curve, through_bands

_Steps = Sequence[tuple[float, float]]
_RANKED_DIGITS = 12  # sums that differ by float noise are ties

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "ln": np.log,
    "ln1p": np.log1p,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
}


def steps(x: Any, bands: _Steps, curve: _Steps) -> Any:
    """Return x through bands ((lower limit inclusive, value), …) or a curve; NaN stays NaN."""
    if bands:
        lower, values = zip(*bands, strict=True)
        return through_bands(x, lower, values)
    if curve:
        knots, values = zip(*curve, strict=True)
        return along_curve(x, knots, values)
    return x


def applied(function: str | None, x: Any) -> Any:
    """Return a named function of x; unknown where it has no finite value (the logarithm of 0)."""
    if function is None:
        return x
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _FUNCTIONS[function](x)
    return np.where(np.isfinite(value), value, np.nan)


def comparable(node: Node, x: Any) -> Any:
    """Return numbers as they are ranked: computed ones without the noise of their sums."""
    ranked = node.normalise is not None and node.normalise.method == "percentile_rank"
    return significant(x, _RANKED_DIGITS) if ranked and isinstance(node, Combination) else x


def settled(node: Node, x: Any, fit: NodeFit | None) -> Any:
    """Return a node's number normalised and rounded as its file says."""
    if node.normalise is not None:
        x = _normalised(node.normalise, comparable(node, x), fit, flip=node.flip)
    return x if node.round is None else round_decimals(x, node.round, how=node.rounding)


def _normalised(how: Normalise, x: Any, fit: NodeFit | None, *, flip: bool) -> Any:
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
    return float(settled(leaf, np.float64(before_settling(leaf, value)), fit))


def before_settling(leaf: Indicator, value: object) -> float:
    """Return the number of one field value before it is normalised and rounded."""
    if leaf.table is not None:
        return float(leaf.table.get(table_key(value), np.nan))
    if isinstance(value, str) or value is None:
        return float("nan")
    return float(steps(applied(leaf.function, np.float64(value)), leaf.bands, leaf.curve))  # pyright: ignore[reportArgumentType]
