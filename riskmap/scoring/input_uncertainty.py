"""From scores to tiers in every draw and outcome: limits, then gates, then direct rules, as the kernel decides.

What rules read is taken as stated. A gate lowers a tier, so it follows the doubt: its conditions on
nodes hold or fail by the nodes of the draw, those on a number with an error by the drawn number,
and where a class moved to a worse one no gate holds that reads its field.

What may stand behind the stated value of a factor: neighbouring classes, or a number with an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import Condition, Indicator, ScoringModel
from riskmap.catalog.model_direction import polarities
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.catalog.uncertainty_part import listed_values
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.rules.conditions import Flags, fired, holds, where_all_hold
from riskmap.scoring.fit import Fit, NodeFit
from riskmap.scoring.kernel import capped, demanded, lifted, ranks, rounded
from riskmap.scoring.nodes import LeafColumn, applied, before_settling, leaf_columns, settled, steps


@dataclass(frozen=True, slots=True)
class Drawn:
    """What some draws (or outcomes) of some rows gave, arrays of the scores' shape or broadcast to it.

    `nodes`: node id → value. `numbers`: field → drawn number, of fields with an error. `worse`: field →
    where its class moved to a worse one.
    """

    nodes: Mapping[str, Any]
    numbers: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    worse: Mapping[str, Flags] = field(default_factory=dict[str, Flags])


@dataclass(frozen=True, slots=True)
class Decisions:
    """What decides the tiers of some rows beside their scores.

    `floor`: uint8 per row, the rank that the fired rules demand at least. Per gate: `stated`, bool per
    row, whether its conditions that no draw decides hold as stated; `drawn`, the conditions that the
    draws decide; `classes`, the fields it reads whose class may move.
    """

    model: ScoringModel
    floor: NDArray[np.uint8]
    stated: tuple[Flags, ...]
    drawn: tuple[tuple[Condition, ...], ...]
    classes: tuple[tuple[str, ...], ...]

    def rows(self, index: NDArray[Any]) -> Decisions:
        """Return the decisions about some of the rows."""
        stated = tuple(flags[index] for flags in self.stated)
        return Decisions(self.model, self.floor[index], stated, self.drawn, self.classes)

    def ranks(self, score: Floats, drawn: Drawn, *, rows_first: bool = False) -> NDArray[np.uint8]:
        """Return the rank of every score, not yet rounded: draws × rows, or (`rows_first`) rows × outcomes."""
        across = (slice(None), None) if rows_first else (slice(None),)
        held: list[Flags] = []
        for stated, conditions, classes in zip(self.stated, self.drawn, self.classes, strict=True):
            flags = stated[across]
            for condition in conditions:
                flags = flags & holds(condition, self._read(condition, drawn))
            for name in classes:
                flags = flags & ~drawn.worse[name]
            held.append(np.broadcast_to(flags, score.shape))
        rank = capped(self.model, ranks(self.model, rounded(self.model, score)), held)
        return lifted(rank, self.floor[across])

    def _read(self, condition: Condition, drawn: Drawn) -> Floats:
        if condition.node:
            return np.asarray(rounded(self.model, drawn.nodes[condition.node]))
        return drawn.numbers[condition.field]


def decisions(model: ScoringModel, columns: LayerArrays, uncertainty: Uncertainty) -> Decisions:
    """Return what decides the tiers of the rows beside their scores."""
    spreads, moves = doubtful_fields(model, uncertainty)
    drawn = tuple(tuple(c for c in gate.when if c.node or c.field in spreads) for gate in model.gates)
    rest = [
        [c for c in gate.when if c not in open_ones]
        for gate, open_ones in zip(model.gates, drawn, strict=True)
    ]
    nothing, everything = np.zeros(len(columns), dtype=bool), np.ones(len(columns), dtype=bool)
    stated = tuple(
        everything if not conditions else nothing if flags is None else flags
        for conditions, flags in zip(rest, where_all_hold(rest, columns), strict=True)
    )
    classes = tuple(
        tuple(dict.fromkeys(c.field for c in gate.when if c.field in moves)) for gate in model.gates
    )
    floor = demanded(model, fired(model, columns), len(columns))
    return Decisions(model, floor, stated, drawn, classes)


def doubtful_fields(model: ScoringModel, uncertainty: Uncertainty) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields whose number carries an error, and those whose class may be another one."""
    doubts = [(leaf.field, uncertainty.indicators.get(leaf.id)) for leaf in model.indicators]
    spreads = frozenset(name for name, doubt in doubts if doubt is not None and doubt.spreads)
    return spreads, frozenset(name for name, doubt in doubts if doubt is not None and doubt.moves)


SURE = Doubt()


@dataclass(frozen=True, slots=True)
class UncertainField:
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

    def rows(self, index: NDArray[Any]) -> UncertainField:
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
        found = np.asarray(steps(applied(leaf, value), leaf.bands, leaf.curve))
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
    columns: LayerArrays,
    uncertainty: Uncertainty,
    *,
    fit: Fit | None = None,
) -> list[UncertainField]:
    """Return every leaf of the rows with its doubt, in the model's order.

    Leaves that compare with the whole layer take their places in `fit`; moving one point's class
    moves no other point.
    """
    read, signs = leaf_columns(model, columns), polarities(model)
    fits = {} if fit is None else fit.nodes
    out: list[UncertainField] = []
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
        out.append(UncertainField(leaf, doubt, value, worse, better, raw, low, high, own))
    return out


def _classes(leaf: Indicator, field: Field | None) -> tuple[float, ...]:
    """Return the classes of a leaf before they are normalised and rounded, ascending."""
    listed = listed_values(leaf, field)
    if not leaf.shaped or leaf.bands:  # bands give their numbers after the function
        return listed
    values = applied(leaf, np.array(listed))
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
