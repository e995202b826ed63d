"""Conditions on columns, from a layer or model file or a selection: compared and never executed.

Only columns that exist can be named and a value never becomes code. A missing value satisfies no
condition but `missing`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import pieces
from riskmap.catalog.model import Condition, ScoringModel
from riskmap.rules.arrays import LayerArrays, Texts, Words, bools_of, fold_text, folded, pc

Flags = NDArray[np.bool_]


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_ARROW: Mapping[str, str] = {
    "==": "equal",
    "in": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


class Reader:
    """Columns by the condition that asks for them, each read once."""

    def __init__(self, columns: LayerArrays, values: Mapping[str, Floats], decimals: int = 9) -> None:
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


def where_all_hold(lists: Sequence[Sequence[Condition]], columns: LayerArrays) -> list[Flags | None]:
    """Return, for each list of conditions, the rows where all of them hold; None for nowhere."""
    read = Reader(columns, {})
    return [all_hold(conditions, read) for conditions in lists]


def may_hold(conditions: Sequence[Condition], columns: LayerArrays) -> tuple[Flags, Flags]:
    """Return where all conditions hold, and where they hold or may hold as their field is not known."""
    read = Reader(columns, {})
    certain, possible = (np.ones(len(columns), dtype=bool) for _ in range(2))
    for condition in conditions:
        column = read.column(condition)
        flag = holds(condition, column)
        certain &= flag
        possible &= flag if condition.op in {"present", "missing"} else flag | ~known(column)
    return certain, possible


def known(column: Floats | Words | Texts) -> Flags:
    """Return where a column has a value; a blank text is none."""
    if isinstance(column, Words):
        return column.codes >= 0
    if isinstance(column, np.ndarray):
        return ~np.isnan(column)
    return bools_of(pc.not_equal(column, pa.scalar("")))


def holds(condition: Condition, column: Floats | Words | Texts) -> Flags:
    """Return where a condition holds on words, on texts, or on numbers of any shape."""
    there = known(column)
    if condition.op == "present":
        return there
    if condition.op == "missing":
        return ~there
    if isinstance(column, Words):
        return there & np.append(_words(condition, column.words), False)[column.codes]
    return there & (_numbers if isinstance(column, np.ndarray) else _texts)(condition, column)


def _words(condition: Condition, words: Sequence[str]) -> Flags:
    """Return which words a condition holds of; of one that holds several (a line each), if of any of them."""
    parts = [pieces(word) for word in words]
    flat = pa.array([piece for part in parts for piece in part], pa.string())
    if len(flat) == len(words):
        return _texts(condition, flat)
    unlike = condition.op == "!="
    found = _texts(condition.model_copy(update={"op": "=="}) if unlike else condition, flat)
    starts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    some = np.logical_or.reduceat(found, starts)
    return ~some if unlike else some


def _texts(condition: Condition, column: Texts) -> Flags:
    wanted = [str(value) for value in condition.values]
    if condition.op == "~":
        return bools_of(pc.match_substring(folded(column), fold_text(wanted[0])))
    compare = _ARROW[condition.op]
    found = [bools_of(pc.call_function(compare, [column, pa.scalar(text)])) for text in wanted]
    return np.logical_or.reduce(found)


def _numbers(condition: Condition, column: Floats) -> Flags:
    numbers = [float(value) for value in condition.values if not isinstance(value, str)]
    if condition.op == "in":
        return np.isin(column, numbers)
    if not numbers:
        return np.zeros(column.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(_COMPARE[condition.op](column, numbers[0]), dtype=bool)


def fired(model: ScoringModel, columns: LayerArrays) -> list[Flags | None]:
    """Return, for each rule of the model, the rows where all its conditions hold; None for nowhere."""
    return where_all_hold([rule.when for rule in model.rules], columns)


def held(model: ScoringModel, columns: LayerArrays, values: Mapping[str, Floats]) -> list[Flags | None]:
    """Return, for each gate, the rows where all its conditions hold; None for nowhere.

    `values`: the value of every node. A node's number is compared as the score is, without the
    noise of its sums.
    """
    if not model.gates:
        return []
    read = Reader(columns, values, model.decimals)
    return [all_hold(gate.when, read) for gate in model.gates]
