"""Reading `models/*.toml`: from the shape of the file to the values that score, every mistake at once.

What a model may say is described for its authors in docs/models.md.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

from riskmap.catalog.measures_part import measure_problems
from riskmap.catalog.model import (
    Artefact,
    Combination,
    Condition,
    Formulated,
    Gate,
    Indicator,
    Normalise,
    Rule,
    ScoringModel,
    rises,
)
from riskmap.catalog.model_checks import file_problems, in_order, with_worst
from riskmap.catalog.model_parts import (
    BandPart,
    CombinationPart,
    ConditionPart,
    GateConditionPart,
    GatePart,
    IndicatorPart,
    LearnedPart,
    ModelPart,
    RulePart,
    StepsPart,
)
from riskmap.catalog.model_weights import pairwise_weights
from riskmap.catalog.problems import TomlFile
from riskmap.catalog.uncertainty_part import uncertainty_problems
from riskmap.errors import CatalogError, Say


def read_model(text: str, file: str) -> ScoringModel:
    """Return the scoring model that the text of a TOML file describes.

    `file` is named in messages. Raises CatalogError with every mistake of the file.
    """
    text = text.replace("\r\n", "\n")
    source = TomlFile.parse(text, file)
    part, problems = source.check(ModelPart)
    if part is None:
        raise CatalogError(tuple(problems))
    model = _model(part, text)
    problems = file_problems(model, source)
    problems += [*uncertainty_problems(model, source), *measure_problems(model, source)]
    if problems:
        raise CatalogError(tuple(sorted(problems, key=lambda p: p.line or 0)))
    return with_worst(in_order(model))


def _model(part: ModelPart, text: str) -> ScoringModel:
    leaves = tuple(_indicator(one) for one in part.indicators)
    inputs = tuple(leaf for one in part.learned for leaf in _inputs(one))
    learned = tuple(_learned(one) for one in part.learned)
    inner = tuple(_combination(one) for one in part.combinations)
    return ScoringModel(
        id=part.id,
        title=part.title.say(),
        version=part.version,
        status=part.status,
        source=part.source,
        nodes=leaves + inputs + learned + inner,
        score=part.score,
        limits=part.limits.lower(),
        above=part.limits.above(),
        decimals=part.decimals,
        unit=part.unit.say() if part.unit else Say("", ""),
        rules=tuple(_rule(rule) for rule in part.rules),
        gates=tuple(_gate(gate) for gate in part.gates),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        uncertainty=part.uncertainty.value() if part.uncertainty else None,
        measures=tuple(one.value() for one in part.measures),
    )


def _steps(part: StepsPart, *, flip: bool = False) -> dict[str, Any]:
    """Return what a node does to its number, as keyword arguments of any node."""
    n = part.normalise
    normalise = None
    if n is not None:
        normalise = Normalise(
            method=n.method,
            low=n.low,
            high=n.high,
            span=(n.span[0], n.span[1]) if n.span else None,
            clip=n.clip is not False,
            ties=n.ties or "low",
            flip=flip or bool(n.reverse),
        )
    return {
        "function": part.function,
        "bands": _bands(part.bands),
        "curve": _curve(part.curve),
        "normalise": normalise,
        "round": part.round,
        "rounding": part.rounding or "half_away",
    }


def _indicator(part: IndicatorPart) -> Indicator:
    steps = _steps(part)
    if part.normalise and part.table is None:
        # Higher is worse once it is normalised: what falls as the field gets worse is turned round.
        steps = _steps(part, flip=(part.worse == "higher") != (rises(steps["bands"] or steps["curve"]) >= 0))
    return Indicator(
        id=part.id,
        title=part.title.say(),
        field=part.field,
        table=None if part.table is None else dict(part.table),
        unknown=tuple(part.unknown),
        missing=part.missing,
        missing_value=part.missing_value,
        worst=part.worst,
        worse=part.worse,
        reference=part.reference,
        source=part.source,
        **steps,
    )


def _inputs(part: LearnedPart) -> list[Indicator]:
    """Return the leaves that feed a learned node: one for each predictor, named node.predictor."""
    return [
        Indicator(
            id=f"{part.id}.{predictor}",
            title=part.title.say(),
            field=field,
            missing="above" if part.missing == "worst" else "unrated",
            reference=float(part.reference.get(predictor, math.nan)),
            source=part.source,
        )
        for predictor, field in part.inputs.items()
    ]


def _learned(part: LearnedPart) -> Combination:
    worst = 1.0 if part.worst is None else part.worst
    return Combination(
        id=part.id,
        title=part.title.say(),
        method="learned",
        of=tuple(f"{part.id}.{predictor}" for predictor in part.inputs),
        artefact=Artefact(part.artefact, part.digest, tuple(part.inputs)),
        missing=part.missing,
        worst=worst if part.missing == "worst" else None,
        source=part.source,
        **_steps(part),
    )


def _combination(part: CombinationPart) -> Combination:
    formula = None
    if part.method == "formula":
        formula = Formulated(part.formula or "", tuple(part.inputs), dict(part.constants))
    return Combination(
        id=part.id,
        title=part.title.say(),
        method=part.method,
        of=tuple(part.inputs.values()) if formula else tuple(part.of),
        formula=formula,
        weights=pairwise_weights(part.pairwise) if part.pairwise else tuple(part.weights or ()),
        matrix=tuple(tuple(row) for row in part.matrix or ()),
        known_only=part.known_only,
        source=part.source,
        weighting=part.weighting,
        scale=(part.scale[0], part.scale[-1]) if part.scale else None,
        norm=part.norm,
        **_steps(part),
    )


def _bands(parts: list[BandPart] | None) -> tuple[tuple[float, float], ...]:
    lower, out = -math.inf, list[tuple[float, float]]()
    for band in parts or []:
        out.append((lower, band.value))
        lower = band.next_lower
    return tuple(out)


def _curve(knots: list[list[float]] | None) -> tuple[tuple[float, float], ...]:
    # A knot that is not a pair is reported by the checks; the padding only keeps the shape.
    return tuple((knot[0], knot[1]) if len(knot) > 1 else (math.nan, math.nan) for knot in knots or [])


def _rule(part: RulePart) -> Rule:
    return Rule(
        id=part.id,
        title=part.title.say(),
        when=tuple(_condition(c) for c in part.when),
        tier=part.tier,
        source=part.source,
        status=part.status,
    )


def _gate(part: GatePart) -> Gate:
    return Gate(
        id=part.id,
        title=part.title.say(),
        when=tuple(_condition(c) for c in part.when),
        at_most=part.at_most,
        source=part.source,
        status=part.status,
    )


def _condition(part: ConditionPart | GateConditionPart) -> Condition:
    value = tuple(part.value) if isinstance(part.value, list) else part.value
    node = part.node or "" if isinstance(part, GateConditionPart) else ""
    return Condition(part.field or "", part.op, value, node)
