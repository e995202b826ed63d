"""What verified measures leave of the risk of each layer on a day, and which of them end soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.assess import Residual, assess_table, residual
from riskmap.assess.residual import day_of
from riskmap.catalog import Layer, ScoringModel
from riskmap.errors import RiskmapError
from riskmap.records import RANKS, TIERS, Assessment, tier_of
from riskmap.usecases.assessing import scoring_basis
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

_FARTHEST = 36_525  # days, a hundred years
_STATES = (*TIERS, "unrated")
_NOTHING: Final = dict.fromkeys(("inherent", "residual", "counts", "lowered", "measures", "expiring"))


def residual_json(ws: Workspace, layers: Sequence[str] = (), *, on: date, within: int = 30) -> dict[str, Any]:
    """Return the document of `riskmap residual --json`: the day `on`, by the layers' current models.

    Per layer the counts of inherent × residual tiers, and every measure in force whose last day is at
    most `within` days away, soonest first, with the tier that the point goes back to the day after.
    A layer that cannot be judged now (not fitted yet, a trained file missing) has nulls, and its `problem`
    says why and what to do.
    """
    if not 0 <= within <= _FARTHEST:
        raise RiskmapError(
            f"--within {within}：应为 0 到 {_FARTHEST} 天",
            f"--within {within}: expected 0 to {_FARTHEST} days",
        )
    snapshot = current_snapshot(ws)
    found = []
    for layer_id in layers or tuple(ws.catalog.layers):
        layer, model = ws.catalog.layer(layer_id), ws.catalog.model_of(layer_id)
        table = snapshot.table(layer_id)
        head = {"layer": layer.id, "model": model.id, "digest": model.digest, "points": table.num_rows}
        try:
            fit, learned = scoring_basis(ws, layer_id)
            inherent = assess_table(model, layer, table, fit=fit, learned=learned)
        except RiskmapError as refused:
            found.append({**head, **_NOTHING, "problem": asdict(refused.say)})
            continue
        judged = _of_layer(layer, model, table, inherent, on=on, within=within)
        found.append({**head, **judged, "problem": None})
    return {"on": on.isoformat(), "within": within, "layers": found}


def _of_layer(
    layer: Layer, model: ScoringModel, table: pa.Table, inherent: Assessment, *, on: date, within: int
) -> dict[str, Any]:
    left = residual(model, layer, table, inherent, on=on)
    counts = np.zeros((len(RANKS), len(RANKS)), dtype=np.int64)
    np.add.at(counts, (inherent.rank, left.rank), 1)
    return {
        "inherent": {tier: int(counts[RANKS.index(tier)].sum()) for tier in _STATES},
        "residual": {tier: int(counts[:, RANKS.index(tier)].sum()) for tier in _STATES},
        "counts": {
            before: {after: int(counts[RANKS.index(before), RANKS.index(after)]) for after in _STATES}
            for before in _STATES
        },
        "lowered": int((left.rank < inherent.rank).sum()),
        "measures": {one.measure.id: int(one.in_force.sum()) for one in left.measures},
        "expiring": _expiring(layer, model, table, inherent, left=left, within=within),
    }


def _expiring(
    layer: Layer, model: ScoringModel, table: pa.Table, inherent: Assessment, *, left: Residual, within: int
) -> list[dict[str, Any]]:
    last = left.on.toordinal() + within
    ending = [
        (float(one.expires[row]), int(row), one.measure.id)
        for one in left.measures
        for row in np.flatnonzero(one.in_force & (one.expires <= last)).tolist()
    ]
    after = {
        expiry: residual(model, layer, table, inherent, on=date.fromordinal(int(expiry)) + timedelta(days=1))
        for expiry in {expiry for expiry, *_ in ending}
    }
    named = table.select(["code", "name"])
    return [
        {
            "code": named["code"][row].as_py(),
            "name": named["name"][row].as_py(),
            "measure": measure,
            "expires_on": str(day_of(expiry)),
            "inherent": tier_of(inherent.rank[row]),
            "residual": tier_of(left.rank[row]),
            "then": tier_of(after[expiry].rank[row]),
        }
        for expiry, row, measure in sorted(ending)
    ]
