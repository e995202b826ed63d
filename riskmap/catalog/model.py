"""What a scoring model is: the frozen values that a `models/*.toml` file becomes.

A model is a small graph. Leaves (`Indicator`) turn one field of a layer into a number; inner nodes
(`Combination`) combine other nodes. `score` names the node whose value is compared with `limits`.
A higher score is always a worse one. Direct rules raise a tier and never lower it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from riskmap.catalog.measures import Measure
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.errors import Say

Method = Literal[  # of combinations that a file writes
    "sum",
    "product",
    "quotient",
    "mean",
    "geometric",
    "inverted_geometric",
    "max",
    "min",
    "matrix",
    "topsis",
    "formula",
]
Function = Literal["ln", "ln1p", "log10", "sqrt", "cbrt"]
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "present", "missing"]
MissingPolicy = Literal["unrated", "worst", "value", "above"]
Rounding = Literal["half_away", "half_even", "down"]
Status = Literal["draft", "adopted"]

CHECKLIST_PREFIX = "checklist."  # fields of this form name an item of the layer's checklist


@dataclass(frozen=True, slots=True)
class Normalise:
    """A number → its place between `low` and `high`.

    "min_max": low + (x − a)/(b − a)·(high − low), with [a, b] the fixed `span` or, without one, the
    least and greatest value of the layer (fitted). "percentile_rank": the share of the layer's
    other values that are smaller, (number smaller)/(n − 1), always fitted; `ties` "low" counts the
    strictly smaller, "mean" half of the equal ones too. `clip` keeps values beyond the span inside.
    `flip` turns the result round (low + high − value; for ranks, the share that is greater).
    """

    method: Literal["min_max", "percentile_rank"]
    low: float = 0.0
    high: float = 1.0
    span: tuple[float, float] | None = None
    clip: bool = True
    ties: Literal["low", "mean"] = "low"
    flip: bool = False

    @property
    def fitted(self) -> bool:
        """Whether the layer's own values decide, so that a fit is needed."""
        return self.method == "percentile_rank" or self.span is None


@dataclass(frozen=True, slots=True)
class Indicator:
    """A leaf: field → number.

    At most one transform applies: `table` maps a choice id, "true"/"false" or a number written as
    text to a value; `bands` is ((lower limit inclusive, value), …) ascending in the field's unit;
    `curve` is ((x, y), …), linear between knots and flat outside; none of them passes the number on
    as it is. A value that the table does not hold, NaN and infinity are unknown. In this order:
    `function`, table/bands/curve, `normalise`, `round` to so many decimals in the way of `rounding`.

    `missing`: "unrated" leaves the point unrated, "worst" takes `worst`, the worst number this
    leaf can give, "value" takes `missing_value` as if the field said so; "above" leaves it to the
    learned node that the leaf feeds. `unknown` lists choices that say "not known" and count as
    missing. `worse` tells which way the field gets worse. `reference` is the field value the
    explanation compares with.
    """

    id: str
    title: Say
    field: str
    table: Mapping[str, float] | None = None
    bands: tuple[tuple[float, float], ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    unknown: tuple[str, ...] = ()
    missing: MissingPolicy = "unrated"
    worst: float | None = None
    missing_value: float | str | bool | None = None
    worse: Literal["higher", "lower"] = "higher"
    reference: float | str | bool | None = None
    source: str = ""
    function: Function | None = None
    normalise: Normalise | None = None
    round: int | None = None
    rounding: Rounding = "half_away"

    @property
    def reference_key(self) -> str:
        """The reference as `table` writes its keys."""
        return table_key(self.reference)

    @property
    def fitted(self) -> bool:
        """Whether this node needs the values of the whole layer."""
        return self.normalise is not None and self.normalise.fitted


@dataclass(frozen=True, slots=True)
class Artefact:
    """A trained model beside the model file: its file name, SHA-256, and what it predicts from.

    `predictors` run parallel to the `of` of the node.
    """

    file: str
    digest: str
    predictors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formulated:
    """A formula of `riskmap.formulas.registry` by name: `parameters` run parallel to the `of` of the
    node, `constants` holds the others.
    """

    name: str
    parameters: tuple[str, ...]
    constants: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Combination:
    """An inner node: other nodes → number, then through `bands` or `curve` where it has them.

    `weights` (sum, mean, geometric, inverted_geometric, topsis) run parallel to `of`; `weighting`
    "entropy" fits them to the layer instead. `matrix` (exactly two nodes with values 1..n and 1..m)
    holds the rows of the first node. "quotient" divides the first node by the product of the
    others. "inverted_geometric" works on the distance from the top of `scale`; "topsis" is the
    closeness to the layer's worst, each column divided as `norm` says. "formula" computes `formula`
    from the nodes as its parameters. "learned" predicts a
    probability with `artefact`; where it cannot, `missing` "worst" takes `worst`. `known_only`
    (max, min, mean, geometric, inverted_geometric) takes the nodes that are known and is unknown
    only when none is: for several measurements of one thing, not for parts of a whole.
    The value is rounded to the model's decimals before bands, so that float noise misses no limit.
    Then, as for indicators: `function`, bands/curve, `normalise`, `round`.
    """

    id: str
    title: Say
    method: Method | Literal["learned"]
    of: tuple[str, ...]
    weights: tuple[float, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    bands: tuple[tuple[float, float], ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    known_only: bool = False
    source: str = ""
    weighting: Literal["entropy"] | None = None
    scale: tuple[float, float] | None = None
    norm: Literal["vector", "min_max"] | None = None
    artefact: Artefact | None = None
    formula: Formulated | None = None
    missing: MissingPolicy = "unrated"
    worst: float | None = None
    function: Function | None = None
    normalise: Normalise | None = None
    round: int | None = None
    rounding: Rounding = "half_away"

    @property
    def fitted(self) -> bool:
        """Whether this node needs the values of the whole layer."""
        ranked = self.normalise is not None and self.normalise.fitted
        return ranked or self.weighting is not None or self.method == "topsis"


Node = Indicator | Combination


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op value`; a missing field satisfies only op "missing".

    A condition of a gate may name a `node` instead of a field; then `field` is empty.
    """

    field: str
    op: Operator
    value: object = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A direct rule: where all conditions hold the tier is at least `tier`."""

    id: str
    title: Say
    when: tuple[Condition, ...]
    tier: str
    source: str = ""
    status: Status = "adopted"


@dataclass(frozen=True, slots=True)
class Gate:
    """Evidence that the score cannot be as bad as it looks: where all conditions hold, the tier of
    the score is at most `at_most`. Direct rules come after and may raise it again.
    """

    id: str
    title: Say
    when: tuple[Condition, ...]
    at_most: str
    source: str = ""
    status: Status = "adopted"


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """A scoring model. `nodes` stand in evaluation order: a node after everything it uses.

    `limits` are lower limits of major, large and general; a limit belongs to the higher tier,
    except for the tiers in `above`, whose score must lie above it. Scores are rounded to
    `decimals` before they are compared (floats miss limits). `unit` says what the score counts.
    `digest` is the SHA-256 of the file's text with Unix line ends, hex; `text` the file itself.
    """

    id: str
    title: Say
    version: str
    status: Status
    source: str
    nodes: tuple[Node, ...]
    score: str
    limits: Mapping[str, float]
    above: frozenset[str] = frozenset()
    decimals: int = 9
    unit: Say = field(default_factory=lambda: Say("", ""))
    rules: tuple[Rule, ...] = ()
    gates: tuple[Gate, ...] = ()
    digest: str = ""
    text: str = ""
    uncertainty: Uncertainty | None = None  # how sure its numbers are; None: nothing is stated
    measures: tuple[Measure, ...] = ()  # what lowers the residual risk while it is verified

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
        """Fields that the score depends on, each once."""
        return tuple(dict.fromkeys(leaf.field for leaf in self.indicators))

    @property
    def required(self) -> tuple[str, ...]:
        """Fields without which a point can be left unrated, each once."""
        return tuple(dict.fromkeys(leaf.field for leaf in self.indicators if leaf.missing == "unrated"))

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
    def learned(self) -> tuple[Combination, ...]:
        """The nodes that predict with a trained artefact."""
        return tuple(n for n in self.nodes if isinstance(n, Combination) and n.artefact is not None)

    @property
    def titles(self) -> Mapping[str, Say]:
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
