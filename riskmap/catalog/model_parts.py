"""The shape of `models/*.toml`, key by key. What the keys mean stands in docs/models.md."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from riskmap.catalog.measures_part import MeasurePart
from riskmap.catalog.model import Function, Method, Operator, Rounding, Status
from riskmap.catalog.problems import Part, Slug, TitlePart, Words
from riskmap.catalog.uncertainty_part import UncertaintyPart

_MOST_DECIMALS = 9
_Fraction = Annotated[str, StringConstraints(pattern=r"^1/[1-9][0-9]?$")]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A plain name in the folder of the model file: no folder, no drive, nothing hidden.
_ArtefactFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\.skops$")]


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


class NormalisePart(Part):
    """`normalise = { method = "min_max", low = 0, high = 10, from = [2.5, 8] }`."""

    method: Literal["min_max", "percentile_rank"]
    low: float = 0.0
    high: float = 1.0
    span: list[float] | None = Key(default=None, alias="from", min_length=2, max_length=2)
    clip: bool | None = None
    ties: Literal["low", "mean"] | None = None
    reverse: bool | None = None


class StepsPart(Part):
    """What every node may do to its number, in this order."""

    function: Function | None = None
    bands: list[BandPart] | None = None
    curve: list[list[float]] | None = None
    normalise: NormalisePart | None = None
    round: int | None = Key(default=None, ge=0, le=_MOST_DECIMALS)
    rounding: Rounding | None = None


class IndicatorPart(StepsPart):
    """One of [[indicators]]."""

    id: Slug
    title: TitlePart
    field: Words
    table: dict[str, float] | None = None
    unknown: list[Words] = Key(default_factory=list[str])
    missing: Literal["unrated", "worst", "value"] = "unrated"
    missing_value: bool | float | str | None = None
    worst: float | None = None
    worse: Literal["higher", "lower"] = "higher"
    reference: bool | float | str
    source: str = Key(default="", max_length=600)


class CombinationPart(StepsPart):
    """One of [[combinations]]."""

    id: Slug
    title: TitlePart
    method: Method
    of: list[str] = Key(default_factory=list[str])
    formula: str | None = None
    inputs: dict[str, str] = Key(default_factory=dict[str, str])
    constants: dict[str, float] = Key(default_factory=dict[str, float])
    weights: list[float] | None = None
    pairwise: list[list[float | _Fraction]] | None = None
    weighting: Literal["entropy"] | None = None
    matrix: list[list[float]] | None = None
    scale: list[float] | None = None
    norm: Literal["vector", "min_max"] | None = None
    known_only: bool = False
    source: str = Key(default="", max_length=600)


class LearnedPart(StepsPart):
    """One of [[learned]]: a trained artefact whose probability is a node."""

    id: Slug
    title: TitlePart
    artefact: _ArtefactFile
    digest: _Digest
    inputs: dict[str, Words] = Key(min_length=1)
    reference: dict[str, bool | float]
    missing: Literal["unrated", "worst"] = "unrated"
    worst: float | None = Key(default=None, gt=0, le=1)
    source: str = Key(min_length=1, max_length=600)


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


class GateConditionPart(Part):
    """A condition on a field, or on a node: `{ node = "susceptibility", op = "<", value = 0.2 }`."""

    field: Words | None = None
    node: Words | None = None
    op: Operator
    value: bool | float | str | list[bool | float | str] | None = None


class GatePart(Part):
    """One of [[gates]]."""

    id: Slug
    title: TitlePart
    at_most: Literal["low", "general", "large"]
    when: list[GateConditionPart] = Key(min_length=1)
    status: Status = "adopted"
    source: str = Key(min_length=1, max_length=600)


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
    indicators: list[IndicatorPart] = Key(default_factory=list[IndicatorPart])
    learned: list[LearnedPart] = Key(default_factory=list[LearnedPart])
    combinations: list[CombinationPart] = Key(default_factory=list[CombinationPart])
    gates: list[GatePart] = Key(default_factory=list[GatePart])
    rules: list[RulePart] = Key(default_factory=list[RulePart])
    uncertainty: UncertaintyPart | None = None
    measures: list[MeasurePart] = Key(default_factory=list[MeasurePart])
