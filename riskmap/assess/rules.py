"""Direct rules on columns: data from the model file, compared and never executed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.catalog.model import Condition, ScoringModel
from riskmap.records import RANK_OF

Flags = NDArray[np.bool_]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def fired(model: ScoringModel, columns: Columns) -> list[Flags | None]:
    """Return, for each rule of the model, the rows where all its conditions hold; None for nowhere."""
    return where_all_hold([rule.when for rule in model.rules], columns)


def raised_to(model: ScoringModel, flags: Sequence[Flags | None], rows: int) -> NDArray[np.uint8]:
    """Return the rank that the fired rules demand of each row at least, 0 (low) where none fired."""
    floor = np.zeros(rows, dtype=np.uint8)
    for rule, where in zip(model.rules, flags, strict=True):
        if where is not None:
            np.maximum(floor, RANK_OF[rule.tier], out=floor, where=where)
    return floor


def where_all_hold(lists: Sequence[Sequence[Condition]], columns: Columns) -> list[Flags | None]:
    """Return, for each list of conditions, the rows where all of them hold; None for nowhere."""
    read: dict[str, Floats | Words] = {}
    out: list[Flags | None] = []
    for conditions in lists:
        flags: Flags | None = None
        for condition in conditions:
            if condition.field not in read:
                read[condition.field] = columns.read(condition.field)
            holds = _holds(condition, read[condition.field])
            flags = holds if flags is None else flags & holds
            if not flags.any():
                flags = None
                break
        out.append(flags)
    return out


def _holds(condition: Condition, column: Floats | Words) -> Flags:
    known = column.codes >= 0 if isinstance(column, Words) else ~np.isnan(column)
    if condition.op == "present":
        return known
    if condition.op == "missing":
        return ~known
    if isinstance(column, Words):
        return known & _words(condition, column)
    return known & _numbers(condition, column)


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
        return np.zeros(len(column), dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(_COMPARE[condition.op](column, float(condition.value)), dtype=bool)
