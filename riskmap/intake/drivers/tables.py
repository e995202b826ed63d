"""Write one sheet where the main process picks it up; turn typed columns into exact text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc


def save(
    folder: Path,
    position: int,
    name: str,
    table: pa.Table,
    *,
    header: list[str] | None = None,
    shapes: pa.ChunkedArray | pa.Array | None = None,
) -> dict[str, Any]:
    """Write an Arrow file and return the entry of the result that names it."""
    if shapes is not None:
        table = table.append_column("shape", shapes)
    file = f"{position}.arrow"
    with pa.OSFile(str(folder / file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {"name": name, "file": file, "header": header, "geometry": shapes is not None}


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as text: whole numbers without .0, the shortest exact decimal, ISO dates."""
    from riskmap.intake.arrow import pc  # noqa: PLC0415 - spreadsheets come as text and do without

    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_timestamp(kind):
        # Arrow writes 2023-09-08 00:00:00.000000: the fraction says nothing here.
        text = pc.cast(column.cast(pa.timestamp("s", tz=kind.tz), safe=False), pa.string())
        return pc.replace_substring_regex(text, r"Z$", "")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_nested(kind):
        texts = [
            None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    single = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
    values = (
        column.to_pylist()
        if not single
        else [None if v is None else float(f"{v:.7g}") for v in column.to_pylist()]
    )
    return pa.chunked_array([pa.array([number_text(v) for v in values], pa.string())])


def number_text(value: float | None) -> str | None:
    """Return the shortest text that reads back as the same number; None for null and NaN."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    if value.is_integer() and abs(value) < 1e18:  # noqa: PLR2004 - beyond, a float is not a count
        return str(int(value))
    return repr(value)
