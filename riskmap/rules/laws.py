"""What must hold of the records of a layer (`[[laws]]`), judged for many rows at once by the one evaluator of conditions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.catalog.flow import OVERDUE, STATE, Law, LawCondition
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.errors import Text
from riskmap.rules.arrays import LayerArrays, column_of, field_array
from riskmap.rules.conditions import Reader, all_hold, decided, holds, on_day
from riskmap.rules.moves import Objection

_SIGNS: Final[Mapping[str, Text]] = {
    "==": Text("等于", "be"),
    "!=": Text("不是", "not be"),
    "<": Text("小于（早于）", "be less (earlier) than"),
    "<=": Text("不大于（不晚于）", "be at most (no later than)"),
    ">": Text("大于（晚于）", "be more (later) than"),
    ">=": Text("不小于（不早于）", "be at least (no earlier than)"),
    "in": Text("为其中之一：", "be one of"),
    "present": Text("有值", "be stated"),
    "missing": Text("不填", "not be stated"),
}


def broken_laws(
    layer: Layer,
    values: Mapping[str, Sequence[Any]],
    count: int,
    *,
    today: dt.date,
    checklists: Sequence[Any] | None = None,
) -> list[tuple[int, Objection]]:
    """Return (row, objection) for every law that a row breaks; `values`: field → column of `count` cells.

    A comparison of what is not known breaks nothing.
    """
    if not layer.laws or not count:
        return []
    columns = _arrays(layer, values, count, checklists, today)
    said: list[tuple[int, Objection]] = []
    for law in layer.laws:
        dated = [on_day(one, today) for one in (law, *law.when)]
        read = Reader(columns, {})
        where = all_hold(dated[1:], read) if law.when else np.ones(count, bool)
        if where is None:
            continue
        kept = holds(dated[0], read.column(dated[0]), read.beside(dated[0]))
        broken = where & decided(dated[0], read) & ~kept
        say = Objection(law.id, law.field, law_text(layer, law), law.otherwise)
        said += [(int(row), say) for row in np.flatnonzero(broken)]
    return said


def law_text(layer: Layer, law: Law) -> Text:
    """Return what a law demands, in its own words where the file has some."""
    if law.title is not None:
        return law.title
    title, sign = _title(layer, law.field), _SIGNS[law.op]
    others = [_word(layer, law, value) for value in law.values] or (
        [_title(layer, law.than)] if law.than else []
    )
    zh = f"{title.zh}应{sign.zh}{'、'.join(one.zh for one in others)}"
    return Text(zh, f"{title.en} should {sign.en} {', '.join(one.en for one in others)}".strip())


def _title(layer: Layer, name: str) -> Text:
    items = layer.checklist.items if layer.checklist else ()
    titles = {field.id: field.title for field in layer.fields}
    titles |= {CHECKLIST_PREFIX + item.id: item.title for item in items}
    return titles.get(name, Text(name, name))


def _word(layer: Layer, law: LawCondition, value: object) -> Text:
    choices = layer.field(law.field).choices if law.field in layer.field_ids else ()
    return next((one.title for one in choices if one.id == value), Text(str(value), str(value)))


def _arrays(
    layer: Layer,
    values: Mapping[str, Sequence[Any]],
    count: int,
    checklists: Sequence[Any] | None,
    today: dt.date,
) -> LayerArrays:
    """Return the columns that the laws read as a table: what no row states is missing there."""
    names = set(_named(layer.laws))
    blank: list[None] = [None] * count
    columns: dict[str, pa.Array] = {"row": pa.array(range(count))}
    for name in names & set(layer.field_ids):
        columns[column_of(name)] = field_array(values.get(name, blank), layer.field(name))[0]
    if OVERDUE in names:
        columns[column_of(OVERDUE)] = pa.array(_overdue(layer, values, count, today), pa.float64())
    if any(name.startswith(CHECKLIST_PREFIX) for name in names):
        marks = blank if checklists is None else [None if c is None else list(c) for c in checklists]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return LayerArrays(pa.table(columns), layer)


def _named(laws: Iterable[Law]) -> Iterable[str]:
    for law in laws:
        for one in (law, *law.when):
            yield one.field
            yield one.than


def _overdue(
    layer: Layer, values: Mapping[str, Sequence[Any]], count: int, today: dt.date
) -> list[float | None]:
    """Return by how many days each row is past its deadline (0 or less: not), None where none runs."""
    if (flow := layer.flow) is None:
        return [None] * count
    blank: list[None] = [None] * count
    rows = zip(values.get(STATE, blank), values.get(flow.due, blank), strict=True)
    return [overdue_days(due, today) if flow.runs(state) else None for state, due in rows]


def overdue_days(due: object, today: dt.date) -> int | None:
    """Return by how many days a deadline (ISO) has passed, None where there is none."""
    try:
        return (today - dt.date.fromisoformat(str(due))).days if due else None
    except ValueError:
        return None
