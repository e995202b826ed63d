"""What a scoring model is: the frozen values that a `models/*.toml` file becomes.

A model is a small graph. Leaves (`Indicator`) turn one field of a layer into a number; inner nodes
(`Combination`) combine other nodes. `score` names the node whose value is compared with `limits`.
A higher score is always a worse one. Direct rules raise a tier and never lower it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from riskmap.errors import Say

Method = Literal["sum", "product", "mean", "geometric", "max", "min", "matrix"]
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "present", "missing"]
MissingPolicy = Literal["unrated", "worst", "ignore"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A leaf: field → number.

    Exactly one of the transforms applies, in this order: `table` maps a choice id, "true"/"false"
    or a number written as text to a value; `bands` is ((lower limit inclusive, value), …) ascending
    in the field's unit; `curve` is ((x, y), …) linear between knots and flat outside; none of them
    passes the number on as it is. `missing`: "unrated" leaves the point unrated, "worst" takes the
    worst value the transform can give (never a safer one), "ignore" takes part only in rules.
    `reference` is the field value the explanation compares with (the model's stated reference).
    """

    id: str
    title: Say
    field: str
    table: Mapping[str, float] | None = None
    bands: tuple[tuple[float, float], ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    missing: MissingPolicy = "unrated"
    reference: float | str | bool | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """An inner node: other nodes → number.

    `weights` (for sum, mean, geometric) run parallel to `of`. `matrix` (for exactly two nodes with
    values 1..n and 1..m) holds the row-major values, rows by the first node.
    """

    id: str
    title: Say
    method: Method
    of: tuple[str, ...]
    weights: tuple[float, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()


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


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """A scoring model. `limits` are lower limits of major, large, general; a limit belongs to the
    higher tier. Scores are rounded to `decimals` before they are compared (floats miss limits).
    `digest` is the SHA-256 of the file's bytes, hex; `text` the file itself.
    """

    id: str
    title: Say
    version: str
    status: Literal["draft", "adopted"]
    source: str
    nodes: tuple[Indicator | Combination, ...]
    score: str
    limits: Mapping[str, float]
    decimals: int = 6
    rules: tuple[Rule, ...] = ()
    digest: str = ""
    text: str = ""
