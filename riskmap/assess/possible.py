"""The tiers that an unrated point may turn out to have: its missing factors at best and at worst."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns
from riskmap.assess.fit import Fit
from riskmap.assess.nodes import Learned, evaluate, leaf_values
from riskmap.assess.rows import Row, table_of
from riskmap.assess.rules import fired, held
from riskmap.assess.tiers import decided, rounded
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, Gate, Indicator, ScoringModel
from riskmap.catalog.model_checks import polarities, values_of
from riskmap.records import RANK_OF, TIERS


def possible_tiers(
    model: ScoringModel,
    layer: Layer,
    row: Row,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> tuple[str, ...]:
    """Return the tiers between best and worst, best first; () where a missing factor has no limits.

    What a learned node might say of an unknown is not known, so there the answer is () as well.
    """
    columns = Columns(table_of(model, layer, [row]), layer)
    leaves, missing = leaf_values(model, columns, fit=fit)
    signs = polarities(model)
    best, worst = dict(leaves), dict(leaves)
    for leaf in model.indicators:
        if leaf.id not in missing or leaf.missing in {"worst", "value"}:
            continue
        limits = _limits(leaf, layer)
        if limits is None or signs[leaf.id] not in ({1}, {-1}):
            return ()
        low, high = limits if signs[leaf.id] == {1} else limits[::-1]
        best[leaf.id], worst[leaf.id] = np.array([low]), np.array([high])
    flags = fired(model, columns)
    ends: list[int] = []
    for numbers in (best, worst):
        values = evaluate(model, numbers, fit=fit, learned=learned)
        score = np.atleast_1d(rounded(model, values[model.score]))
        if np.isnan(score).any():
            return ()
        # A gate that stands on a missing field may turn out to hold, so at best it does.
        gates = held(model, columns, values)
        if numbers is best:
            gates = [_may_hold(gate, row, flag) for gate, flag in zip(model.gates, gates, strict=True)]
        ends.append(int(decided(model, score, flags, gates)[0]))
    return tuple(t for t in reversed(TIERS) if ends[0] <= RANK_OF[t] <= ends[1])


def _may_hold(gate: Gate, row: Row, holds: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    open_fields = any(c.field and row.get(c.field) is None for c in gate.when)
    return np.array([True]) if open_fields else holds


def _limits(leaf: Indicator, layer: Layer) -> tuple[float, float] | None:
    """Return the least and the greatest number that a leaf can give, None where it has no limits."""
    given = values_of(leaf)
    if not given and (leaf.function or leaf.normalise):
        return None
    if not given and not leaf.field.startswith(CHECKLIST_PREFIX):
        field = layer.field(leaf.field)
        given = field.standard_values or tuple(v for v in (field.minimum, field.maximum) if v is not None)
        if not field.standard_values and len(given) < 2:  # noqa: PLR2004 - both ends are needed
            return None
    return min(given), max(given)
