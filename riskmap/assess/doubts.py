"""What may stand behind the stated value of a factor: neighbouring classes, or a number with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.assess.nodes import leaf_values, steps
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Indicator, ScoringModel
from riskmap.catalog.model_checks import polarities
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.catalog.uncertainty_part import listed_values

SURE = Doubt()


@dataclass(frozen=True, slots=True)
class Factor:
    """One leaf of some rows, with what its true value may be.

    `value`: the leaf's number, NaN unknown; `worse`, `better`: the next class either way, `value`
    itself at the end of the list. `raw`: the field's number where it carries an error, else None.
    A value that is missing, or counts as its worst because it is missing, has no neighbours and no
    error: nothing is known that could be off. `low`, `high`: limits of the field, ±∞ where it has none.
    """

    leaf: Indicator
    doubt: Doubt
    value: Floats
    worse: Floats
    better: Floats
    raw: Floats | None
    low: float
    high: float

    def rows(self, index: NDArray[Any]) -> Factor:
        """Return the factor of some of the rows."""
        raw = None if self.raw is None else self.raw[index]
        value, worse, better = self.value[index], self.worse[index], self.better[index]
        return Factor(self.leaf, self.doubt, value, worse, better, raw, self.low, self.high)

    def deviation(self) -> Floats:
        """Return the standard deviation of each row's number, in the field's unit; NaN where unknown."""
        assert self.raw is not None, self.leaf.id
        return np.hypot(self.doubt.sd, self.doubt.relative_sd * self.raw)

    def number(self, value: Any) -> Any:
        """Return the leaf's number for a number of the field, kept inside the field's limits."""
        return steps(np.clip(value, self.low, self.high), self.leaf.bands, self.leaf.curve)


def doubt_of(uncertainty: Uncertainty, leaf: Indicator) -> Doubt:
    """Return how far an indicator may be off; `SURE` where nothing is stated."""
    return uncertainty.indicators.get(leaf.id, SURE)


def factors(model: ScoringModel, layer: Layer, columns: Columns, uncertainty: Uncertainty) -> list[Factor]:
    """Return every leaf of the rows with its doubt, in the model's order."""
    values, missing = leaf_values(model, columns)
    signs = polarities(model)
    out: list[Factor] = []
    for leaf in model.indicators:
        doubt, value = doubt_of(uncertainty, leaf), values[leaf.id]
        value = np.broadcast_to(value, len(columns))
        known = ~np.isnan(value) & ~missing.get(leaf.id, np.zeros(len(columns), dtype=bool))
        worse = better = value
        field = next((f for f in layer.fields if f.id == leaf.field), None)
        listed = listed_values(leaf, field)
        if doubt.moves and listed:
            lower, higher = _neighbours(value, listed)
            worse, better = (higher, lower) if 1 in signs[leaf.id] else (lower, higher)
            worse, better = np.where(known, worse, value), np.where(known, better, value)
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
        out.append(Factor(leaf, doubt, value, worse, better, raw, low, high))
    return out


def _neighbours(value: Floats, listed: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return the next lower and next higher listed number, the value itself where there is none."""
    classes = np.array(listed)
    below = np.searchsorted(classes, value, side="left") - 1
    above = np.searchsorted(classes, value, side="right")
    lower = np.where(below >= 0, classes[np.maximum(below, 0)], value)
    higher = np.where(above < len(classes), classes[np.minimum(above, len(classes) - 1)], value)
    return lower, higher
