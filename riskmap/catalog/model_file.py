"""Reading `models/*.toml`: the shape of the file, and every mistake in it at once.

What a model may say is described for its authors in docs/models.md.
"""

from __future__ import annotations

import hashlib
import math
from typing import Literal

from pydantic import Field as Key

from riskmap.catalog.measures_part import MeasurePart, measure_problems
from riskmap.catalog.model import (
    Combination,
    Condition,
    Indicator,
    Method,
    Operator,
    Rule,
    ScoringModel,
    Status,
)
from riskmap.catalog.model_checks import file_problems, in_order, with_worst
from riskmap.catalog.problems import Part, Slug, TitlePart, TomlFile, Words
from riskmap.catalog.uncertainty_part import UncertaintyPart, uncertainty_problems
from riskmap.errors import CatalogError, Say

_MOST_DECIMALS = 9


class BandPart(Part):
    """`{ below = 0.15, value = 1 }`, `{ upto = 0, value = 4 }`, and last `{ value = 5 }`."""

    value: float
    below: float | None = None
    upto: float | None = None
    title: TitlePart | None = None

    @property
    def next_lower(self) -> float:
        """Return the inclusive lower limit of the band after this one."""
        if self.upto is not None:
            return math.nextafter(self.upto, math.inf)
        return math.inf if self.below is None else self.below


class IndicatorPart(Part):
    """One of [[indicators]]."""

    id: Slug
    title: TitlePart
    field: Words
    table: dict[str, float] | None = None
    bands: list[BandPart] | None = None
    curve: list[list[float]] | None = None
    unknown: list[Words] = Key(default_factory=list[str])
    missing: Literal["unrated", "worst"] = "unrated"
    worst: float | None = None
    worse: Literal["higher", "lower"] = "higher"
    reference: bool | float | str
    source: str = Key(default="", max_length=600)


class CombinationPart(Part):
    """One of [[combinations]]."""

    id: Slug
    title: TitlePart
    method: Method
    of: list[str] = Key(min_length=1)
    weights: list[float] | None = None
    matrix: list[list[float]] | None = None
    bands: list[BandPart] | None = None
    curve: list[list[float]] | None = None
    known_only: bool = False
    source: str = Key(default="", max_length=600)


class AbovePart(Part):
    """`{ above = 50 }`: the score must lie above the limit."""

    above: float


class LimitsPart(Part):
    """[limits]: where each tier begins."""

    major: float | AbovePart
    large: float | AbovePart
    general: float | AbovePart
    source: str = Key(default="", max_length=600)

    def lower(self) -> dict[str, float]:
        """Return the lower limit of each tier, worst first."""
        stated = {"major": self.major, "large": self.large, "general": self.general}
        return {tier: v.above if isinstance(v, AbovePart) else float(v) for tier, v in stated.items()}

    def above(self) -> frozenset[str]:
        """Return the tiers whose limit itself still belongs to the tier below."""
        stated = {"major": self.major, "large": self.large, "general": self.general}
        return frozenset(tier for tier, v in stated.items() if isinstance(v, AbovePart))


class ConditionPart(Part):
    """`{ field = "hazard_ratio", op = ">=", value = 1 }`."""

    field: Words
    op: Operator
    value: bool | float | str | list[bool | float | str] | None = None


class RulePart(Part):
    """One of [[rules]]."""

    id: Slug
    title: TitlePart
    tier: Literal["major", "large", "general"]
    when: list[ConditionPart] = Key(min_length=1)
    status: Status = "adopted"
    source: str = Key(min_length=1, max_length=600)


class ModelPart(Part):
    """A whole model file."""

    id: Slug
    title: TitlePart
    version: Words
    status: Status
    source: str = Key(min_length=1, max_length=1200)
    unit: TitlePart | None = None
    score: str
    decimals: int = Key(default=_MOST_DECIMALS, ge=0, le=_MOST_DECIMALS)
    limits: LimitsPart
    indicators: list[IndicatorPart] = Key(min_length=1)
    combinations: list[CombinationPart] = Key(default_factory=list[CombinationPart])
    rules: list[RulePart] = Key(default_factory=list[RulePart])
    uncertainty: UncertaintyPart | None = None
    measures: list[MeasurePart] = Key(default_factory=list[MeasurePart])


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
    inner = tuple(_combination(one) for one in part.combinations)
    return ScoringModel(
        id=part.id,
        title=part.title.say(),
        version=part.version,
        status=part.status,
        source=part.source,
        nodes=leaves + inner,
        score=part.score,
        limits=part.limits.lower(),
        above=part.limits.above(),
        decimals=part.decimals,
        unit=part.unit.say() if part.unit else Say("", ""),
        rules=tuple(_rule(rule) for rule in part.rules),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        uncertainty=part.uncertainty.value() if part.uncertainty else None,
        measures=tuple(one.value() for one in part.measures),
    )


def _indicator(part: IndicatorPart) -> Indicator:
    return Indicator(
        id=part.id,
        title=part.title.say(),
        field=part.field,
        table=None if part.table is None else dict(part.table),
        bands=_bands(part.bands),
        curve=_curve(part.curve),
        unknown=tuple(part.unknown),
        missing=part.missing,
        worst=part.worst,
        worse=part.worse,
        reference=part.reference,
        source=part.source,
    )


def _combination(part: CombinationPart) -> Combination:
    return Combination(
        id=part.id,
        title=part.title.say(),
        method=part.method,
        of=tuple(part.of),
        weights=tuple(part.weights or ()),
        matrix=tuple(tuple(row) for row in part.matrix or ()),
        bands=_bands(part.bands),
        curve=_curve(part.curve),
        known_only=part.known_only,
        source=part.source,
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


def _condition(part: ConditionPart) -> Condition:
    value = tuple(part.value) if isinstance(part.value, list) else part.value
    return Condition(part.field, part.op, value)
