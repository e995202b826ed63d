"""Why one point has its tier, and what would move it."""

from __future__ import annotations

import math

from riskmap.assess.columns import Columns
from riskmap.assess.fit import Fit, needed_fit
from riskmap.assess.kernel import assess_table
from riskmap.assess.nearest import nearest_changes
from riskmap.assess.nodes import Learned, leaf_values
from riskmap.assess.possible import possible_tiers
from riskmap.assess.rows import Row, table_of
from riskmap.assess.shapley import contributions, method, reference_score
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import ScoringModel
from riskmap.records import UNRATED, Contribution, Explanation, tier_of

_NOISE_DECIMALS = 12


def explain(
    model: ScoringModel,
    layer: Layer,
    code: str,
    row: Row,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> Explanation:
    """Explain the tier of one point, `row`: field id (or "checklist.<item id>") → value, None if missing.

    `reference["score"]` plus the contributions is the score (exact Shapley values, see
    `shapley.contributions`). For an unrated point there are no contributions; `missing` names what
    it lacks and `possible` the tiers that it may turn out to have. Where the model compares with
    the whole layer, `reference["fit"]` names the fit: from how many rows, and its digest.
    """
    table = table_of(model, layer, [row])
    result = assess_table(model, layer, table, fit=fit, learned=learned)
    fit = needed_fit(model, fit)
    fired = result.rules[0]
    score, rank = float(result.score[0]), int(result.rank[0])
    unrated = rank == UNRATED
    scored = not math.isnan(score)
    return Explanation(
        layer=layer.id,
        code=code,
        score=score if scored else None,
        tier=tier_of(rank),
        state="unrated" if unrated else "rated",
        model=model.id,
        digest=model.digest,
        method=method(model),
        reference={
            "score": reference_score(model, fit=fit, learned=learned),
            "values": {leaf.field: leaf.reference for leaf in model.indicators},
        }
        | ({} if fit is None else {"fit": {"rows": fit.rows, "digest": fit.digest}}),
        contributions=_contributions(model, layer, row, fit, learned) if scored else (),
        rules=tuple(rule.id for rule in model.rules if rule.id in fired),
        gates=tuple(gate.id for gate in model.gates if gate.id in fired),
        missing=result.missing[0],
        nearest=() if unrated else nearest_changes(model, layer, row, fit=fit, learned=learned),
        assumed=tuple(
            dict.fromkeys(
                x.field for x in model.indicators if x.missing != "unrated" and row.get(x.field) is None
            )
        ),
        possible=possible_tiers(model, layer, row, fit=fit, learned=learned) if unrated else (),
    )


def _contributions(
    model: ScoringModel, layer: Layer, row: Row, fit: Fit | None, learned: Learned | None
) -> tuple[Contribution, ...]:
    table = table_of(model, layer, [row])
    leaves, _ = leaf_values(model, Columns(table, layer), fit=fit)
    number: dict[str, float] = {}
    for leaf in reversed(model.indicators):
        number[leaf.field] = float(leaves[leaf.id][0])
    shares = contributions(model, layer, table, fit=fit, learned=learned)
    # A leaf that takes no part here (an opening that was not measured) has no number.
    return tuple(
        Contribution(f, row.get(f), None if math.isnan(number[f]) else number[f], _settled(float(share[0])))
        for f, share in shares.items()
    )


def _settled(share: float) -> float:
    """Return a contribution without the noise of its sums: one that adds nothing is 0."""
    return round(share, _NOISE_DECIMALS) + 0.0
