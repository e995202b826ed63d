"""Conditions on columns: data from a layer or model file, compared and never executed.

Direct rules and gates on columns: data from the model file, compared and never executed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.model import Condition, ScoringModel
from riskmap.rules.arrays import Columns, Words

__all__ = [
    "Flags",
    "fired",
    "held",
    "holds",
    "where_all_hold",
]

Flags = NDArray[np.bool_]


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Reader:
    """Columns by the condition that asks for them, each read once."""

    def __init__(self, columns: Columns, values: Mapping[str, Any], decimals: int = 9) -> None:
        self._columns, self._values, self._decimals = columns, values, decimals
        self._read: dict[str, Floats | Words] = {}

    def column(self, condition: Condition) -> Floats | Words:
        """Return what a condition compares: the value of its node, or the column of its field."""
        if condition.node:
            value = np.round(self._values[condition.node], self._decimals)
            return np.broadcast_to(value, len(self._columns))
        if condition.field not in self._read:
            self._read[condition.field] = self._columns.read(condition.field)
        return self._read[condition.field]


def all_hold(conditions: Sequence[Condition], read: Reader) -> Flags | None:
    """Return where all conditions hold, None for nowhere (and for no conditions at all)."""
    flags: Flags | None = None
    for condition in conditions:
        flag = holds(condition, read.column(condition))
        flags = flag if flags is None else flags & flag
        if not flags.any():
            return None
    return flags


def where_all_hold(lists: Sequence[Sequence[Condition]], columns: Columns) -> list[Flags | None]:
    """Return, for each list of conditions, the rows where all of them hold; None for nowhere."""
    read = Reader(columns, {})
    return [all_hold(conditions, read) for conditions in lists]


def may_hold(conditions: Sequence[Condition], columns: Columns) -> tuple[Flags, Flags]:
    """Return where all conditions hold, and where they hold or may hold as their field is not known."""
    read = Reader(columns, {})
    certain, possible = (np.ones(len(columns), dtype=bool) for _ in range(2))
    for condition in conditions:
        column = read.column(condition)
        flag = holds(condition, column)
        certain &= flag
        possible &= flag if condition.op in {"present", "missing"} else flag | ~known(column)
    return certain, possible


def known(column: Floats | Words) -> Flags:
    """Return where a column has a value."""
    return column.codes >= 0 if isinstance(column, Words) else ~np.isnan(column)


def holds(condition: Condition, column: Floats | Words) -> Flags:
    """Return where a condition holds on a column of words, or on numbers of any shape."""
    there = known(column)
    if condition.op == "present":
        return there
    if condition.op == "missing":
        return ~there
    if isinstance(column, Words):
        return there & _words(condition, column)
    return there & _numbers(condition, column)


def _words(condition: Condition, column: Words) -> Flags:
    wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    texts = {str(word) for word in wanted}
    hit = np.array([*((word in texts) for word in column.words), False])
    if condition.op == "!=":
        hit = ~hit
    return hit[column.codes]


def _numbers(condition: Condition, column: Floats) -> Flags:
    if condition.op == "in":
        wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        numbers = [float(v) for v in wanted if isinstance(v, (bool, int, float))]
        return np.isin(column, numbers)
    if not isinstance(condition.value, (bool, int, float)):
        return np.zeros(column.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(_COMPARE[condition.op](column, float(condition.value)), dtype=bool)


def fired(model: ScoringModel, columns: Columns) -> list[Flags | None]:
    """Return, for each rule of the model, the rows where all its conditions hold; None for nowhere."""
    return where_all_hold([rule.when for rule in model.rules], columns)


def held(model: ScoringModel, columns: Columns, values: Mapping[str, Any]) -> list[Flags | None]:
    """Return, for each gate, the rows where all its conditions hold; None for nowhere.

    `values`: the value of every node. A node's number is compared as the score is, without the
    noise of its sums.
    """
    if not model.gates:
        return []
    read = Reader(columns, values, model.decimals)
    return [all_hold(gate.when, read) for gate in model.gates]
