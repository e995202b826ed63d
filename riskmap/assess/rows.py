"""Single rows as snapshot tables, so that one point is scored by the same kernel as a million."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, ScoringModel
from riskmap.records import Value

Row = Mapping[str, Value]

_TYPES: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.float64(),  # a solved limit need not be whole
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.string(),
    "choice": pa.string(),
}


def touched(model: ScoringModel) -> tuple[str, ...]:
    """Return every field that the model reads: for its score first, then for its rules."""
    return tuple(dict.fromkeys((*model.fields, *model.rule_fields)))


def table_of(model: ScoringModel, layer: Layer, rows: Sequence[Row]) -> pa.Table:
    """Return rows (field id or "checklist.<item>" → value) as a snapshot table of the fields the model reads."""
    fields = [f for f in touched(model) if not f.startswith(CHECKLIST_PREFIX)]
    columns: dict[str, pa.Array] = {"row": pa.array(range(len(rows)), pa.int64())}
    for field in fields:
        kind = _TYPES[layer.field(field).type]
        columns["f:" + field] = pa.array(_cells((row.get(field) for row in rows), kind), kind)
    if layer.checklist is not None:
        items = [CHECKLIST_PREFIX + item.id for item in layer.checklist.items]
        marks = [[_mark(row.get(item)) for item in items] for row in rows]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return pa.table(columns)


def _mark(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def _cells(values: Iterable[Value], kind: pa.DataType) -> list[object]:
    if pa.types.is_boolean(kind):
        return [_mark(v) for v in values]
    if pa.types.is_string(kind):
        return [None if v is None else str(v) for v in values]
    return [float(v) if isinstance(v, (int, float)) else None for v in values]
