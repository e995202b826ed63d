"""How sure tiers are, how complete and how fresh what they rest on is, and what a model hangs on.

What verified measures leave of the risk of each layer on a day, and which of them end soon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, cast, get_args

import numpy as np
import pyarrow as pa

from riskmap.actions.records.scoring import Basis, one_feature, scoring_basis, tier_basis
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.errors import RiskmapError, Text, UnknownNameError
from riskmap.interface import option
from riskmap.scoring import TierProbabilities, assess_table, completeness, residual, tier_probabilities
from riskmap.scoring.residual import Residual, day_of
from riskmap.scoring.sensitivity import Method, sensitivity
from riskmap.selection import layer_table
from riskmap.selection.table import age_days, fresh
from riskmap.values.assessment import Assessment
from riskmap.vocabulary import RANKS, TIERS, tier_of


@dataclass(frozen=True, slots=True)
class MeasureOnPoint:
    """One measure of the model on one point on a day.

    `expires_on`: last day in force, None where not known; `why_not`: id in `assess.residual.WHY_NOT`
    of what keeps it from being in force, None where it is.
    """

    id: str
    title: Text
    in_force: bool
    expires_on: date | None
    why_not: str | None


@dataclass(frozen=True, slots=True)
class PointCertainty:
    """What stands beside the tier of one point on a day.

    `probabilities`: tier → share, None where nothing can be said (unrated, or the model states no
    uncertainty), found by `method` ("exact" or "sampled", None without an [uncertainty] section).
    `completeness` 0 to 1; `age_days` since surveyed or else updated, None where no date is known.
    `tier`, `score`: the inherent ones; `residual_*` what the measures in force leave of them.
    """

    on: date
    tier: str | None
    score: float | None
    probabilities: Mapping[str, float] | None
    method: str | None
    completeness: float
    age_days: int | None
    fresh: bool
    residual_tier: str | None
    residual_score: float | None
    measures: tuple[MeasureOnPoint, ...]
    next_expiry: date | None


def point_certainty(
    ws: Workspace,
    layer: str,
    code: str,
    *,
    on: date,
    basis: Basis | None = None,
    as_of: date | None = None,
) -> PointCertainty:
    """Return how sure the tier of a point is, by the model that made it (`tier_basis`), on the day `on`.

    UnknownNameError names a code that does not exist. A retired point is judged as it was; `as_of`: as the
    ledger had it on a past day or moment.
    NotFittedError before the first whole run of a model that compares with the layer, as in
    `explain_point`; ArtefactError where a learned node's file cannot be used.
    """
    definition, features = ws.catalog.layer(layer), one_feature(ws, layer, code, as_of=as_of)
    table = layer_table(replace(features, retired=(None,)), definition)
    basis = basis or tier_basis(ws, layer, features, as_of=as_of)
    model, fit, learned = basis.model, basis.fit, basis.learned
    assessment = assess_table(model, definition, table, fit=fit, learned=learned)
    left = residual(model, definition, table, assessment, on=on)
    found = tier_probabilities(model, definition, table, fit=fit, learned=learned)
    age = float(age_days(table, definition, today=on)[0])
    return PointCertainty(
        on=on,
        tier=tier_of(assessment.rank[0]) if definition.counts == "risk" else None,
        score=_number(assessment.score[0]),
        probabilities=None
        if found is None or (chances := found.of(0)) is None
        else {definition.standing(tier): chance for tier, chance in chances.items()},
        method=None if found is None else found.method,
        completeness=float(completeness(model, definition, table)[0]),
        age_days=None if np.isnan(age) else int(age),
        fresh=bool(fresh(table, definition, today=on)[0]),
        residual_tier=tier_of(left.rank[0]) if definition.counts == "risk" else None,
        residual_score=_number(left.score[0]),
        measures=_measures(left),
        next_expiry=day_of(float(left.next_expiry[0])),
    )


def _measures(left: Residual) -> tuple[MeasureOnPoint, ...]:
    return tuple(
        MeasureOnPoint(
            one.measure.id, one.measure.title, bool(one.in_force[0]), one.expires_on(0), one.why_not(0)
        )
        for one in left.measures
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def certainty_json(point: PointCertainty) -> dict[str, Any]:
    """Return what `riskmap explain --json` says beside the explanation."""
    return {
        "probabilities": None if point.probabilities is None else dict(point.probabilities),
        "probability_method": point.method,
        "completeness": point.completeness,
        "age_days": point.age_days,
        "fresh": point.fresh,
        "residual": {
            "on": point.on.isoformat(),
            "tier": point.residual_tier,
            "score": point.residual_score,
            "measures": [
                {
                    "id": one.id,
                    "in_force": one.in_force,
                    "expires_on": one.expires_on.isoformat() if one.expires_on else None,
                    "why_not": one.why_not,
                }
                for one in point.measures
            ],
        },
    }


def uncertainty_json(
    ws: Workspace,
    layers: Sequence[str] = (),
    *,
    draws: int | None = None,
    weights: float | None = None,
    seed: int | None = None,
    least: float = 0.05,
) -> dict[str, Any]:
    """Return the document of `riskmap uncertainty --json`, by the layers' current models.

    `draws`, `weights`, `seed` stand in for what the model files state. `least`: points that have another
    tier with at least this probability are listed, most doubtful first. A layer whose model states
    no uncertainty (and none is given) has `method` null and no probabilities. So has a layer that cannot
    be judged now (not fitted yet, a trained file missing); its `problem` says why and what to do.
    """
    given = {"draws": draws, "weights": weights, "seed": seed}
    stated = {key: value for key, value in given.items() if value is not None}
    _check_share("weights", weights, most=0.999)
    _check_share("least", least, most=1)
    if draws is not None and draws < 1:
        raise RiskmapError(
            f"{option('draws')} {draws}：应为正整数",
            f"{option('draws', 'en')} {draws}: expected a positive whole number",
        )
    snapshot, found = None, []
    for layer_id in layers or ws.catalog.risks:
        layer, model = ws.catalog.layer(layer_id), ws.catalog.model_of(layer_id)
        doubt = _doubt(model, stated)
        snapshot = snapshot or current_snapshot(ws)
        table = snapshot.table(layer_id)
        result, problem = None, None
        if doubt is not None:
            try:
                fit, learned = scoring_basis(ws, layer_id)
                result = tier_probabilities(model, layer, table, uncertainty=doubt, fit=fit, learned=learned)
            except RiskmapError as refused:
                problem = asdict(refused.say)
        found.append({**_uncertainty_of(layer, model, table, result, least=least), "problem": problem})
    return {"layers": found}


def _check_share(name: str, value: float | None, *, most: float) -> None:
    if value is not None and not 0 <= value <= most:
        raise RiskmapError(
            f"--{name} {value:g}：应在 0 和 {most:g} 之间", f"--{name} {value:g}: expected 0 to {most:g}"
        )


def _doubt(model: ScoringModel, stated: Mapping[str, Any]) -> Uncertainty | None:
    """Return the model's uncertainty with what was given; weights alone make one where it states none."""
    if model.uncertainty is None and not stated.get("weights"):
        return None
    doubt = model.uncertainty or Uncertainty(source="--weights", status="draft")
    return doubt.model_copy(update=dict(stated))


def _uncertainty_of(
    layer: Layer, model: ScoringModel, table: pa.Table, result: TierProbabilities | None, *, least: float
) -> dict[str, Any]:
    head = {"layer": layer.id, "model": model.id, "digest": model.digest}
    if result is None:
        nothing = {"method": None, "draws": 0, "points": 0, "unknown": table.num_rows}
        return {**head, **nothing, "tiers": None, "expected": None, "flips": []}
    stays = result.stays()
    known = ~np.isnan(stays)
    doubtful = np.flatnonzero(known & (stays <= 1 - least) & (stays < 1))
    doubtful = doubtful[np.argsort(stays[doubtful], kind="stable")]
    some = table.select(["code", "name"]).take(pa.array(doubtful)).to_pylist()
    flips = [
        {
            "code": row["code"],
            "name": row["name"],
            "tier": tier_of(int(result.rank[i])),
            "probabilities": result.of(i),
            "stays": float(stays[i]),
        }
        for row, i in zip(some, doubtful.tolist(), strict=True)
    ]
    return {
        **head,
        "method": result.method,
        "draws": result.draws,
        "points": int(known.sum()),
        "unknown": int((~known).sum()),
        "tiers": {tier: int((result.rank[known] == RANKS.index(tier)).sum()) for tier in TIERS},
        "expected": result.expected(),
        "flips": flips,
    }


def sensitivity_json(ws: Workspace, layer: str, *, method: str = "sobol", seed: int = 1) -> dict[str, Any]:
    """Return the document of `riskmap sensitivity --json`; factors that move the score most stand first.

    UnknownNameError names the methods; RiskmapError says when SALib is not installed; NotFittedError
    and ArtefactError as in `explain_point`.
    """
    if method not in get_args(Method):
        raise UnknownNameError(
            f"没有方法 {method}；可用：{'、'.join(get_args(Method))}",
            f"no method {method}; there are: {', '.join(get_args(Method))}",
        )
    definition, model = ws.catalog.layer(layer), ws.catalog.model_of(layer)
    table = current_snapshot(ws).table(layer)
    fit, learned = scoring_basis(ws, layer)
    found = sensitivity(
        model, definition, table, method=cast("Method", method), seed=seed, fit=fit, learned=learned
    )
    order = sorted(
        found.ranges, key=lambda one: -found.indices[one.field]["total" if method == "sobol" else "mu_star"]
    )
    return {
        "layer": layer,
        "model": model.id,
        "digest": model.digest,
        "method": method,
        "seed": seed,
        "runs": found.runs,
        "factors": [
            {
                "field": one.field,
                **found.indices[one.field],
                "range": None if one.least is None else [one.least, one.greatest],
                "values": list(one.listed) or None,
            }
            for one in order
        ],
        "fixed": [one.field for one in found.fixed],
    }


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
            f"{option('within')} {within}：应为 0 到 {_FARTHEST} 天",
            f"{option('within', 'en')} {within}: expected 0 to {_FARTHEST} days",
        )
    snapshot = current_snapshot(ws)
    found = []
    for layer_id in layers or ws.catalog.risks:
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
