"""What a scoring model is: the frozen values that a `models/*.toml` file becomes.

A model is a small graph. Leaves (`Indicator`) turn one field of a layer into a number; inner nodes
(`Combination`) combine other nodes. `score` names the node whose value is compared with `limits`.
A higher score is always a worse one. Direct rules raise a tier and never lower it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from riskmap.catalog.measures import Measure
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.errors import Say

Method = Literal["sum", "product", "quotient", "mean", "geometric", "max", "min", "matrix"]
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "present", "missing"]
MissingPolicy = Literal["unrated", "worst"]
Status = Literal["draft", "adopted"]

CHECKLIST_PREFIX = "checklist."  # fields of this form name an item of the layer's checklist


@dataclass(frozen=True, slots=True)
class Indicator:
    """A leaf: field → number.

    At most one transform applies: `table` maps a choice id, "true"/"false" or a number written as
    text to a value; `bands` is ((lower limit inclusive, value), …) ascending in the field's unit;
    `curve` is ((x, y), …), linear between knots and flat outside; none of them passes the number on
    as it is. A value that the table does not hold, NaN and infinity are unknown.

    `missing`: "unrated" leaves the point unrated, "worst" takes `worst`, the worst number this
    leaf can give. `unknown` lists choices that say "not known" and count as missing. `worse` tells
    which way the field gets worse. `reference` is the field value the explanation compares with.
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
    worse: Literal["higher", "lower"] = "higher"
    reference: float | str | bool | None = None
    source: str = ""

    @property
    def reference_key(self) -> str:
        """The reference as `table` writes its keys."""
        if isinstance(self.reference, bool):
            return "true" if self.reference else "false"
        return f"{self.reference:g}" if isinstance(self.reference, float) else str(self.reference)


@dataclass(frozen=True, slots=True)
class Combination:
    """An inner node: other nodes → number, then through `bands` or `curve` where it has them.

    `weights` (sum, mean, geometric) run parallel to `of`. `matrix` (exactly two nodes with values
    1..n and 1..m) holds the rows of the first node. "quotient" divides the first node by the
    product of the others. `known_only` (max, min, mean) takes the nodes that are known and is
    unknown only when none is: for several measurements of one thing, not for parts of a whole.
    The value is rounded to the model's decimals before bands, so that float noise misses no limit.
    """

    id: str
    title: Say
    method: Method
    of: tuple[str, ...]
    weights: tuple[float, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    bands: tuple[tuple[float, float], ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    known_only: bool = False
    source: str = ""


Node = Indicator | Combination


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op value`; a missing field satisfies only op "missing"."""

    field: str
    op: Operator
    value: object = None


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
        """Fields that the direct rules read, each once."""
        return tuple(dict.fromkeys(c.field for rule in self.rules for c in rule.when))
