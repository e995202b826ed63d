"""What may stand behind the stated value of a factor: neighbouring classes, or a number with an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.assess.fit import Fit, NodeFit
from riskmap.assess.nodes import LeafColumn, leaf_columns
from riskmap.assess.steps import applied, before_settling, settled, steps
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import Indicator, ScoringModel
from riskmap.catalog.model_checks import polarities
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.catalog.uncertainty_part import listed_values

SURE = Doubt()


@dataclass(frozen=True, slots=True)
class Factor:
    """One leaf of some rows, with what its true value may be.

    `value`: the leaf's finished number (normalised, rounded), NaN unknown; `worse`, `better`: that of
    the next class either way, `value` itself at the end of the list. `raw`: the field's number where it
    carries an error, else None. A value that is missing, or counts as its worst or as a stated one
    because it is missing, has no neighbours and no error: nothing is known that could be off.
    `low`, `high`: limits of the field, ±∞ where it has none. `fit`: what the leaf is compared with.
    """

    leaf: Indicator
    doubt: Doubt
    value: Floats
    worse: Floats
    better: Floats
    raw: Floats | None
    low: float
    high: float
    fit: NodeFit | None = None

    def rows(self, index: NDArray[Any]) -> Factor:
        """Return the factor of some of the rows."""
        raw = None if self.raw is None else self.raw[index]
        value, worse, better = self.value[index], self.worse[index], self.better[index]
        return replace(self, value=value, worse=worse, better=better, raw=raw)

    def deviation(self) -> Floats:
        """Return the standard deviation of each row's number, in the field's unit; NaN where unknown."""
        assert self.raw is not None, self.leaf.id
        return np.hypot(self.doubt.sd, self.doubt.relative_sd * self.raw)

    def drawn(self, value: Floats) -> Floats:
        """Return numbers of the field as they can be: kept inside the field's limits."""
        return np.clip(value, self.low, self.high)

    def number(self, value: Floats) -> Floats:
        """Return the leaf's finished number for numbers of the field inside its limits.

        Where they give none (the logarithm of 0) it is what the leaf's policy for the missing says,
        as for a stated value.
        """
        leaf = self.leaf
        found = np.asarray(steps(applied(leaf.function, value), leaf.bands, leaf.curve))
        unknown = np.isnan(found)
        if leaf.missing == "value" and unknown.any():
            found = np.where(unknown, before_settling(leaf, leaf.missing_value), found)
        return LeafColumn(leaf, found, unknown).filled(settled(leaf, found, self.fit))


def doubt_of(uncertainty: Uncertainty, leaf: Indicator) -> Doubt:
    """Return how far an indicator may be off; `SURE` where nothing is stated."""
    return uncertainty.indicators.get(leaf.id, SURE)


def factors(
    model: ScoringModel,
    layer: Layer,
    columns: Columns,
    uncertainty: Uncertainty,
    *,
    fit: Fit | None = None,
) -> list[Factor]:
    """Return every leaf of the rows with its doubt, in the model's order.

    Leaves that compare with the whole layer take their places in `fit`; moving one point's class
    moves no other point.
    """
    read, signs = leaf_columns(model, columns), polarities(model)
    fits = {} if fit is None else fit.nodes
    out: list[Factor] = []
    for leaf in model.indicators:
        doubt, column, own = doubt_of(uncertainty, leaf), read[leaf.id], fits.get(leaf.id)
        value = column.filled(settled(leaf, column.value, own))
        known = ~np.isnan(value)
        if column.unknown is not None:
            known &= ~column.unknown
        worse = better = value
        field = next((f for f in layer.fields if f.id == leaf.field), None)
        listed = _classes(leaf, field)
        if doubt.moves and listed:
            lower, higher = (
                np.where(known, settled(leaf, one, own), value) for one in _neighbours(column.value, listed)
            )
            worse, better = (higher, lower) if _rises(leaf, signs[leaf.id]) else (lower, higher)
        raw = None
        if doubt.spreads:
            column = columns.read(leaf.field)
            raw = (
                np.full(len(columns), np.nan)
                if isinstance(column, Words)
                else np.where(known, column, np.nan)
            )
        low = -np.inf if field is None or field.minimum is None else field.minimum
        high = np.inf if field is None or field.maximum is None else field.maximum
        out.append(Factor(leaf, doubt, value, worse, better, raw, low, high, own))
    return out


def _classes(leaf: Indicator, field: Field | None) -> tuple[float, ...]:
    """Return the classes of a leaf before they are normalised and rounded, ascending."""
    listed = listed_values(leaf, field)
    if leaf.function is None or leaf.bands:  # bands give their numbers after the function
        return listed
    values = applied(leaf.function, np.array(listed))
    return tuple(np.unique(values[~np.isnan(values)]).tolist())


def _rises(leaf: Indicator, signs: set[int]) -> bool:
    """Return whether a higher class, before it is normalised, is a worse one.

    What a learned node makes of its inputs nobody has promised: there the field's `worse` says it.
    """
    if not signs & {1, -1}:
        return leaf.worse == "higher"
    turned = leaf.flip
    return (1 in signs) != turned


def _neighbours(value: Floats, listed: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return the next lower and next higher listed number, the value itself where there is none."""
    classes = np.array(listed)
    below = np.searchsorted(classes, value, side="left") - 1
    above = np.searchsorted(classes, value, side="right")
    lower = np.where(below >= 0, classes[np.maximum(below, 0)], value)
    higher = np.where(above < len(classes), classes[np.minimum(above, len(classes) - 1)], value)
    return lower, higher
