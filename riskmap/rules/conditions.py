"""Conditions on columns, from a layer or model file or a selection: compared and never executed.

Only columns that exist can be named and a value never becomes code. A missing value satisfies no
condition but `missing`. A column is compared with values, with another column, or with a day that is told
by its distance from today.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.flow import TODAY
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


def day_of(text: str, today: dt.date) -> str | None:
    """Return the day (ISO) that today, today+7 or today-90 means, None for any other text."""
    found = TODAY.fullmatch(text.strip())
    if found is None:
        return None
    days = int(found[2] or 0) * (-1 if found[1] == "-" else 1)
    return (today + dt.timedelta(days)).isoformat()


def on_day(condition: Condition, today: dt.date) -> Condition:
    """Return a condition with the day that it means instead of its distance from today."""
    day = day_of(condition.than, today) if condition.than else None
    return condition if day is None else condition.model_copy(update={"value": day, "than": ""})


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
        return self._field(condition.field)

    def beside(self, condition: Condition) -> Floats | Words | None:
        """Return the column that a condition compares with, None where it compares with values."""
        return self._field(condition.than) if condition.than else None

    def _field(self, field: str) -> Floats | Words:
        if field not in self._read:
            self._read[field] = self._columns.read(field)
        return self._read[field]


def all_hold(conditions: Sequence[Condition], read: Reader) -> Flags | None:
    """Return where all conditions hold, None for nowhere (and for no conditions at all)."""
    flags: Flags | None = None
    for condition in conditions:
        flag = holds(condition, read.column(condition), read.beside(condition))
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
        flag = holds(condition, read.column(condition), read.beside(condition))
        certain &= flag
        possible &= flag | ~decided(condition, read)
    return certain, possible


def decided(condition: Condition, read: Reader) -> Flags:
    """Return where everything is known that a condition compares; whether a value is there is always known."""
    column, other = read.column(condition), read.beside(condition)
    if condition.op in {"present", "missing"}:
        return np.ones(known(column).shape, dtype=bool)
    return known(column) if other is None else known(column) & known(other)


def known(column: Floats | Words | Texts) -> Flags:
    """Return where a column has a value; a blank text is none."""
    if isinstance(column, Words):
        return column.codes >= 0
    if isinstance(column, np.ndarray):
        return ~np.isnan(column)
    return bools_of(pc.not_equal(column, pa.scalar("")))


def holds(
    condition: Condition, column: Floats | Words | Texts, other: Floats | Words | Texts | None = None
) -> Flags:
    """Return where a condition holds on words, on texts, or on numbers of any shape.

    `other`: the column that it is compared with, where the condition names one (`than`).
    """
    there = known(column)
    if condition.op == "present":
        return there
    if condition.op == "missing":
        return ~there
    if other is not None:
        return there & known(other) & _beside(condition, column, other)
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


def _beside(condition: Condition, column: Floats | Words | Texts, other: Floats | Words | Texts) -> Flags:
    """Compare two columns of one kind row by row; where their kinds differ, nothing holds."""
    if isinstance(column, np.ndarray) and isinstance(other, np.ndarray):
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARE[condition.op](column, other), dtype=bool)
    if isinstance(column, np.ndarray) or isinstance(other, np.ndarray):
        return np.zeros(len(known(column)), dtype=bool)
    compared = pc.call_function(_ARROW[condition.op], [_as_texts(column), _as_texts(other)])
    return bools_of(compared)


def _as_texts(column: Words | Texts) -> Texts:
    if not isinstance(column, Words):
        return column
    codes = pa.array(column.codes, mask=column.codes < 0)
    return pa.array(column.words, pa.string()).take(codes)


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
