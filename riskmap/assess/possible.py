"""The tiers that an unrated point may turn out to have: its missing factors at best and at worst."""

from __future__ import annotations

import numpy as np

from riskmap.assess.columns import Columns
from riskmap.assess.nodes import evaluate, leaf_values
from riskmap.assess.rows import Row, table_of
from riskmap.assess.rules import fired
from riskmap.assess.tiers import raised, ranks, rounded
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, Indicator, ScoringModel
from riskmap.catalog.model_checks import polarities, values_of
from riskmap.records import RANK_OF, TIERS


def possible_tiers(model: ScoringModel, layer: Layer, row: Row) -> tuple[str, ...]:
    """Return the tiers between best and worst, best first; () where a missing factor has no limits."""
    columns = Columns(table_of(model, layer, [row]), layer)
    leaves, missing = leaf_values(model, columns)
    signs = polarities(model)
    best, worst = dict(leaves), dict(leaves)
    for leaf in model.indicators:
        if leaf.id not in missing or leaf.missing == "worst":
            continue
        limits = _limits(leaf, layer)
        if limits is None:
            return ()
        low, high = limits if signs[leaf.id] == {1} else limits[::-1]
        best[leaf.id], worst[leaf.id] = np.array([low]), np.array([high])
    flags = fired(model, columns)
    ends: list[int] = []
    for numbers in (best, worst):
        score = np.atleast_1d(rounded(model, evaluate(model, numbers)[model.score]))
        if np.isnan(score).any():
            return ()
        ends.append(int(raised(model, ranks(model, score), flags)[0]))
    return tuple(t for t in reversed(TIERS) if ends[0] <= RANK_OF[t] <= ends[1])


def _limits(leaf: Indicator, layer: Layer) -> tuple[float, float] | None:
    """Return the least and the greatest number that a leaf can give, None where it has no limits."""
    given = values_of(leaf)
    if not given and not leaf.field.startswith(CHECKLIST_PREFIX):
        field = layer.field(leaf.field)
        given = field.standard_values or tuple(v for v in (field.minimum, field.maximum) if v is not None)
        if not field.standard_values and len(given) < 2:  # noqa: PLR2004 - both ends are needed
            return None
    return min(given), max(given)
