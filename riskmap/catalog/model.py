"""What a scoring model is: the frozen values that a `models/*.toml` file states, key by key.

A model is a small graph. Leaves (`Indicator`) turn one field of a layer into a number; inner nodes
(`Combination`) combine other nodes. `score` names the node whose value is compared with `limits`.
A higher score is always a worse one. Direct rules raise a tier and never lower it.
What the keys mean to the author of a file stands in docs/models.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from riskmap.catalog.problems import Items, Part, Slug, Title, Words, WrittenAs, stated_in
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.errors import Text
from riskmap.formulas.methods import Method, methods

Function = Literal["ln", "ln1p", "log10", "sqrt", "cbrt"]


Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "~", "present", "missing"]


Rounding = Literal["half_away", "half_even", "down"]


Status = Literal["draft", "adopted"]


Scalar = bool | float | str


CHECKLIST_PREFIX = "checklist."  # fields of this form name an item of the layer's checklist
CONTACT_PREFIX = (
    "contact."  # … a role of its contacts; in conditions of a selection: whether somebody fills it
)
UNTIL = "until"  # checklist.ITEM.until: the last day on which an item of the checklist counts as met
EXPIRED_ITEMS = "expired_items"  # how many items of its checklist are past that day
VACANCIES = "vacancies"  # how many of the roles of its contacts nobody fills
LINK_PREFIX = "link."  # … a field of the record that a field of it names; link.road.grade


_MOST_DECIMALS = 9


_MOST_DAYS = 36_525


_MOST_POWER = 10.0


# Where numbers come from; "" where somebody changed them and nobody has stated it anew.
_Source = Annotated[str, StringConstraints(max_length=600)]


_Fraction = Annotated[str, StringConstraints(pattern=r"^1/[1-9][0-9]?$")]


_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


# A plain name in the folder of the model file: no folder, no drive, nothing hidden.
_ArtefactFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\.skops$")]


class Band(Part):
    """How a file writes a band: `{ below = 0.15, value = 1 }`, `{ upto = 0, value = 4 }`, last `{ value = 5 }`."""

    value: float
    below: float | None = None
    upto: float | None = None
    title: Title | None = None

    @property
    def next_lower(self) -> float:
        """Return the inclusive lower limit of the band after this one."""
        if self.upto is not None:
            return math.nextafter(self.upto, math.inf)
        return math.inf if self.below is None else self.below


def _bands(stated: Sequence[Band]) -> tuple[tuple[float, float], ...]:
    lower = (-math.inf, *(band.next_lower for band in stated))
    return tuple((limit, band.value) for limit, band in zip(lower, stated, strict=False))


def _curve(knots: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    # A knot that is not a pair is reported by the checks; the padding only keeps the shape.
    return tuple((knot[0], knot[1]) if len(knot) > 1 else (math.nan, math.nan) for knot in knots)


_Pairs = tuple[tuple[float, float], ...]


Bands = Annotated[_Pairs, WrittenAs(tuple, Items[Band], _bands)]


Curve = Annotated[_Pairs, WrittenAs(tuple, Items[Items[float]], _curve)]


class Normalise(Part):
    """`{ method = "min_max", low = 0, high = 10, from = [2.5, 8] }`: a number → its place between two ends.

    "min_max": low + (x − a)/(b − a)·(high − low), with [a, b] the fixed `span` or, without one, the
    least and greatest value of the layer (fitted). "percentile_rank": the share of the layer's
    other values that are smaller, (number smaller)/(n − 1), always fitted; `ties` "low" counts the
    strictly smaller, "mean" half of the equal ones too. `clip` keeps values beyond the span inside.
    `reverse` turns the result of a combination round; an indicator is turned by its `worse`.
    """

    method: Literal["min_max", "percentile_rank"]
    low: float = 0.0
    high: float = 1.0
    span: Items[float] | None = Key(default=None, validation_alias="from", min_length=2, max_length=2)
    clip: bool = True
    ties: Literal["low", "mean"] = "low"
    reverse: bool = False

    @property
    def fitted(self) -> bool:
        """Whether the layer's own values decide, so that a fit is needed."""
        return self.method == "percentile_rank" or self.span is None


class Steps(Part):
    """What every node may do to its number, in this order: `clip`, `function`, `power`, `bands` or `curve`,
    `normalise`, `round` to so many decimals in the way of `rounding`.

    `clip` is (least, most), kept inside; `power` the exponent of numbers from 0 up, negative ones are unknown.
    `part`: a value of its own (a dimension, a theme), explained, exported and filtered by, also beside the score.

    `bands` is ((lower limit inclusive, value), …) ascending; `curve` is ((x, y), …), linear between
    knots and flat outside.
    """

    part: bool = False
    clip: Items[float] | None = Key(default=None, min_length=2, max_length=2)
    function: Function | None = None
    power: float | None = Key(default=None, gt=0, le=_MOST_POWER)
    bands: Bands = ()
    curve: Curve = ()
    normalise: Normalise | None = None
    round: int | None = Key(default=None, ge=0, le=_MOST_DECIMALS)
    rounding: Rounding = "half_away"

    @property
    def shaped(self) -> bool:
        """Whether anything is done to the number before bands or a curve."""
        return self.clip is not None or self.function is not None or self.power is not None


class Indicator(Steps):
    """One of [[indicators]], a leaf: field → number.

    At most one transform applies: `table` maps a choice id, "true"/"false" or a number written as
    text to a value; `bands` and `curve` stand in the field's unit; none of them passes the number on
    as it is. A value that the table does not hold, NaN and infinity are unknown.

    `missing`: "unrated" leaves the point unrated, "worst" takes `worst`, the worst number this
    leaf can give, "value" takes `missing_value` as if the field said so. `unknown` lists choices that
    say "not known" and count as missing. `worse` tells which way the field gets worse. `reference` is
    the field value the explanation compares with.
    """

    id: Slug
    title: Title
    field: Words
    table: Mapping[str, float] | None = None
    unknown: Items[Words] = ()
    missing: Literal["unrated", "worst", "value"] = "unrated"
    missing_value: Scalar | None = None
    worst: float | None = None
    worse: Literal["higher", "lower"] = "higher"
    reference: Scalar
    source: _Source = ""

    @property
    def reference_key(self) -> str:
        """The reference as `table` writes its keys."""
        return table_key(self.reference)

    @property
    def fitted(self) -> bool:
        """Whether this node needs the values of the whole layer."""
        return self.normalise is not None and self.normalise.fitted

    @property
    def flip(self) -> bool:
        """Whether the normalised number is turned round (low + high − value; for ranks, the share that is
        greater): higher is worse once it is normalised, so what falls as the field gets worse is turned.
        """
        if self.normalise is None or self.table is not None:
            return False
        return (self.worse == "higher") != (rises(self.bands or self.curve) >= 0)


class PredictorLeaf(Indicator):
    """A leaf that feeds a learned node: `id` is node.predictor, `missing` "above" leaves it to that node."""

    id: str
    missing: Literal["unrated", "above"] = "above"  # pyright: ignore[reportIncompatibleVariableOverride] - no file says "above"


class Combination(Steps):
    """One of [[combinations]], an inner node: other nodes → number, then through its steps.

    `method` is one of `riskmap.formulas.methods`, which says what it does with the rest. `weights` run
    parallel to `of`; `pairwise` gives them by comparisons (AHP), `weighting` "entropy" fits them to the
    layer. `matrix` (exactly two nodes with values 1..n and 1..m) holds the rows of the first node. `scale`:
    the ends that a method measures from; `norm`: what it divides each column by; `exponent`: of a power mean.
    "formula" computes `formula`
    of `riskmap.formulas.registry`; `inputs` say which node each parameter is, and are its `of`,
    `constants` hold the others. `known_only` takes the nodes that are known and is unknown
    only when none is: for several measurements of one thing, not for parts of a whole.
    The value is rounded to the model's decimals before bands, so that float noise misses no limit.
    """

    id: Slug
    title: Title
    method: Annotated[str, stated_in(methods)]
    of: Items[str] = ()
    formula: str | None = None
    inputs: Mapping[str, str] = Key(default_factory=dict[str, str])
    constants: Mapping[str, float] = Key(default_factory=dict[str, float])
    weights: Items[float] = ()
    pairwise: Items[Items[float | _Fraction]] = ()
    weighting: Literal["entropy"] | None = None
    matrix: Items[Items[float]] = ()
    scale: Items[float] | None = None
    norm: Literal["vector", "min_max"] | None = None
    exponent: float | None = None
    known_only: bool = False
    source: _Source = ""

    @property
    def way(self) -> Method:
        """What combines the parts; a `Prediction` has none."""
        return methods()[self.method]

    @property
    def of_the_known(self) -> bool:
        """Whether the parts that are known are enough."""
        return self.known_only or (not isinstance(self, Prediction) and self.way.of_the_known)

    @property
    def fitted(self) -> bool:
        """Whether this node needs the values of the whole layer."""
        ranked = self.normalise is not None and self.normalise.fitted
        return ranked or self.weighting is not None or self.way.fit is not None

    @property
    def flip(self) -> bool:
        """Whether the normalised number is turned round."""
        return self.normalise is not None and self.normalise.reverse


class Prediction(Combination):
    """The node of a learned table: a probability that its artefact predicts from its predictors.

    Where it cannot be predicted it is `worst`, unknown where that is None.
    """

    method: Literal["learned"]  # pyright: ignore[reportIncompatibleVariableOverride] - a method of no combination
    learned: LearnedNode

    @property
    def fitted(self) -> bool:
        """Whether this node needs the values of the whole layer."""
        return self.normalise is not None and self.normalise.fitted

    @property
    def worst(self) -> float | None:
        """The probability that stands for one that is not known."""
        if self.learned.missing == "unrated":
            return None
        return 1.0 if self.learned.worst is None else self.learned.worst


Node = Indicator | Combination


class LearnedNode(Steps):
    """One of [[learned]]: a trained artefact whose probability is a node.

    `artefact`: the file beside the model file, `digest` its SHA-256, `inputs` the field of each predictor.
    """

    id: Slug
    title: Title
    artefact: _ArtefactFile
    digest: _Digest
    inputs: Mapping[str, Words] = Key(min_length=1)
    reference: Mapping[str, bool | float]
    missing: Literal["unrated", "worst"] = "unrated"
    worst: float | None = Key(default=None, gt=0, le=1)
    source: _Source

    def predictors(self) -> tuple[PredictorLeaf, ...]:
        """Return the leaves that feed the node, one for each predictor."""
        return tuple(
            PredictorLeaf.model_construct(
                id=f"{self.id}.{name}",
                title=self.title,
                field=field,
                missing="above" if self.missing == "worst" else "unrated",
                reference=float(self.reference.get(name, math.nan)),
                source=self.source,
            )
            for name, field in self.inputs.items()
        )

    def node(self) -> Prediction:
        """Return the node that the table makes."""
        steps: dict[str, Any] = {name: getattr(self, name) for name in Steps.model_fields}
        return Prediction(
            id=self.id,
            title=self.title,
            method="learned",
            of=tuple(f"{self.id}.{name}" for name in self.inputs),
            learned=self,
            source=self.source,
            **steps,
        )


class Condition(Part):
    """`{ field = "hazard_ratio", op = ">=", value = 1 }`; a missing field satisfies only op "missing".

    A condition of a gate may name a `node` instead of a field; then `field` is empty. That of a selection
    names a column of the layer's table: "f:hazard_ratio", or one that every layer has, such as "tier".
    `than`: instead of a value the field or column that is compared with, or a day: today, today-90.
    """

    field: Words = ""
    node: Words = ""
    op: Operator
    value: Scalar | Items[Scalar] | None = None
    than: Words = ""

    @property
    def values(self) -> tuple[Scalar, ...]:
        """None (missing, present), one, or several (in)."""
        return self.value if isinstance(self.value, tuple) else () if self.value is None else (self.value,)

    def __str__(self) -> str:
        """Return it as `--where` takes it."""
        name, than = self.field.removeprefix("f:"), self.than.removeprefix("f:")
        return " ".join([name, self.op, than or ", ".join(str(v) for v in self.values)]).strip()


class StatedCondition(Condition):
    """A condition as the model and layer files state one: texts are not looked into, nothing hangs on the day."""

    than: ClassVar[str] = ""  # pyright: ignore[reportIncompatibleVariableOverride] - no key of the file
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "present", "missing"]  # pyright: ignore[reportIncompatibleVariableOverride] - fewer


class FieldCondition(StatedCondition):
    """A condition that is always of a field."""

    field: Words = Key(default=...)
    node: ClassVar[str] = ""  # pyright: ignore[reportIncompatibleVariableOverride] - no key of the file


class Evidence(FieldCondition):
    """A condition of a measure. There is no `missing`: what is not known is no evidence."""

    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "present"]  # pyright: ignore[reportIncompatibleVariableOverride] - fewer


class DirectRule(Part):
    """One of [[rules]], a direct rule: where all conditions hold the tier is at least `tier`."""

    id: Slug
    title: Title
    tier: Literal["major", "large", "general"]
    when: Items[FieldCondition] = Key(min_length=1)
    status: Status = "adopted"
    source: _Source


class Gate(Part):
    """One of [[gates]], evidence that the score cannot be as bad as it looks: where all conditions hold,
    the tier of the score is at most `at_most`. Direct rules come after and may raise it again.
    """

    id: Slug
    title: Title
    at_most: Literal["low", "general", "large"]
    when: Items[StatedCondition] = Key(min_length=1)
    status: Status = "adopted"
    source: _Source


class Effect(Part):
    """`{ factor = 0.5 }` on the score, or `{ tiers = 1 }`: the tier lowered by so many steps."""

    factor: float = Key(default=1.0, gt=0, le=1)
    tiers: int = Key(default=0, ge=1, le=3)


class Measure(Part):
    """One of [[measures]]: what lowers the residual risk while somebody has verified it lately.

    In force on a day where all conditions of `when` hold, every pair of `exceeds` has both numbers
    known and the first greater than the second, the date in field `verified` is known and not in
    the future, and the day is not after the expiry: `valid_days` after the verification or the
    date in field `expires`, that day included. Exactly one of the two is given.

    The effect never leads below the tier `floor`. A tier that a direct rule set stays, unless `rules`.
    """

    id: Slug
    title: Title
    when: Items[Evidence] = Key(min_length=1)
    exceeds: Items[Items[Words]] = ()
    verified: Words
    valid_days: int | None = Key(default=None, ge=0, le=_MOST_DAYS)
    expires: Words | None = None
    effect: Effect
    floor: Literal["large", "general", "low"]
    rules: bool = False
    status: Status
    source: _Source

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the measure reads, each once."""
        pairs = [name for pair in self.exceeds for name in pair]
        dates = [self.verified] if self.expires is None else [self.verified, self.expires]
        return tuple(dict.fromkeys((*(c.field for c in self.when), *pairs, *dates)))


class Above(Part):
    """`{ above = 50 }`: the score must lie above the limit."""

    above: float


class TierLimits(Part):
    """[limits]: where each tier begins. A limit belongs to the higher tier, unless it says `above`."""

    major: float | Above
    large: float | Above
    general: float | Above
    source: _Source = ""

    @property
    def lower(self) -> Mapping[str, float]:
        """The lower limit of each tier, worst first."""
        return {tier: v.above if isinstance(v, Above) else v for tier, v in self._stated.items()}

    @property
    def above(self) -> frozenset[str]:
        """The tiers whose limit itself still belongs to the tier below."""
        return frozenset(tier for tier, v in self._stated.items() if isinstance(v, Above))

    @property
    def _stated(self) -> Mapping[str, float | Above]:
        return {"major": self.major, "large": self.large, "general": self.general}


class ModelHead(Part):
    """What a model file says beside its nodes.

    Scores are rounded to `decimals` before they are compared (floats miss limits). `unit` says what
    the score counts; `uncertainty` how sure the numbers are, None: nothing is stated; `adopted` on what
    ground, by whom and when it was adopted, "" where nobody stated it.
    """

    id: Slug
    title: Title
    version: Words
    status: Status
    adopted: str = Key(default="", max_length=600)
    source: str = Key(min_length=1, max_length=1200)
    unit: Title = Text("", "")
    score: str
    decimals: int = Key(default=_MOST_DECIMALS, ge=0, le=_MOST_DECIMALS)
    limits: TierLimits
    gates: Items[Gate] = ()
    rules: Items[DirectRule] = ()
    uncertainty: Uncertainty | None = None
    measures: Items[Measure] = ()


class ModelFile(ModelHead):
    """A whole model file, its nodes as they stand in it."""

    indicators: Items[Indicator] = ()
    learned: Items[LearnedNode] = ()
    combinations: Items[Combination] = ()


class ScoringModel(ModelHead):
    """A scoring model. `nodes` stand in evaluation order: a node after everything it uses.

    `digest` is the SHA-256 of the file's text with Unix line ends, hex; `text` the file itself.
    """

    nodes: tuple[Node, ...]
    digest: str = ""
    text: str = ""

    def node(self, node_id: str) -> Node:
        """Return the node with this id; KeyError when the model has none."""
        for candidate in self.nodes:
            if candidate.id == node_id:
                return candidate
        raise KeyError(node_id)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """The leaves, in evaluation order."""
        return tuple(node for node in self.nodes if isinstance(node, Indicator))

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the score or a part beside it depends on, each once."""
        return tuple(dict.fromkeys(leaf.field for leaf in self.indicators))

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes that are values of their own."""
        return tuple(node for node in self.nodes if node.part)

    def below(self, *nodes: str) -> frozenset[str]:
        """Return the ids of some nodes and of everything below them."""
        found = set(nodes)
        for node in reversed(self.nodes):
            if node.id in found and isinstance(node, Combination):
                found.update(node.of)
        return frozenset(found)

    @property
    def scoring_leaves(self) -> tuple[Indicator, ...]:
        """The leaves that the score hangs on: all but those of parts beside it."""
        below = self.below(self.score)
        return tuple(leaf for leaf in self.indicators if leaf.id in below)

    @property
    def required(self) -> tuple[str, ...]:
        """Fields without which a point can be left unrated, each once."""
        return tuple(dict.fromkeys(leaf.field for leaf in self.scoring_leaves if leaf.missing == "unrated"))

    @property
    def rule_fields(self) -> tuple[str, ...]:
        """Fields that the direct rules and the gates read, each once."""
        decisions = (*self.rules, *self.gates)
        return tuple(dict.fromkeys(c.field for one in decisions for c in one.when if c.field))

    @property
    def fitted(self) -> tuple[str, ...]:
        """Ids of the nodes that need the values of the whole layer; such a model needs a fit."""
        return tuple(node.id for node in self.nodes if node.fitted)

    @property
    def learned(self) -> tuple[Prediction, ...]:
        """The nodes that predict with a trained artefact."""
        return tuple(node for node in self.nodes if isinstance(node, Prediction))

    @property
    def titles(self) -> Mapping[str, Text]:
        """Titles of the direct rules and the gates, by id: what the rules of an assessment name."""
        return {one.id: one.title for one in (*self.rules, *self.gates)}


def table_key(value: object) -> str:
    """Return a field value as `table` writes its keys: "true", "3", "fixed_short"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def rises(steps: Sequence[tuple[float, float]]) -> int:
    """Return +1, −1 or 0 (both ways) for how the values of bands or of a curve go."""
    values = [value for _, value in steps]
    if all(a <= b for a, b in pairwise(values)):
        return 1
    return -1 if all(a >= b for a, b in pairwise(values)) else 0
