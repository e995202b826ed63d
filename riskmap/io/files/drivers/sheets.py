"""Write one sheet where the main process picks it up; turn typed columns into exact text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.ipc

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.drivers.encodings import DAMAGED, decoded_columns

_MOST_FAULTS: Final = 10_000  # a file with more is damaged as a whole


_MARK: Final = re.compile(DAMAGED.encode())


_NO_TEXT: Final = Text(
    "有的字节不是任何一种编码的文字；请在原系统中改正后重新导出",
    "some of its bytes are no text in any encoding; correct it where it came from and export it again",
)


Fault = tuple[int, int, Text]  # row (0-based), column (-1: none), what is wrong with it


def save(
    folder: Path,
    position: int,
    name: str,
    table: pa.Table,
    *,
    header: list[str] | None = None,
    shapes: pa.ChunkedArray | pa.Array | None = None,
    faults: Sequence[Fault] = (),
) -> dict[str, Any]:
    """Write an Arrow file and return the entry of the result that names it.

    `faults`: rows that cannot be read as they should; cells that hold `DAMAGED` join them.
    """
    table, damaged = _without_marks(table)
    header = header and [each.replace(DAMAGED, "\ufffd") for each in header]
    said = [*faults, *damaged]
    if len(said) > _MOST_FAULTS:
        raise UnreadableFileError(
            f"{name}：有 {len(said)} 处读不懂，文件可能损坏；请重新导出",
            f"{name}: {len(said)} places cannot be read, the file may be damaged; export it again",
        )
    if shapes is not None:
        table = table.append_column("shape", shapes)
    file = f"{position}.arrow"
    with pa.OSFile(str(folder / file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    entry = {"name": name, "file": file, "header": header, "geometry": shapes is not None}
    return entry | {"faults": [[row, column, say.zh, say.en] for row, column, say in sorted(said)]}


def as_utf8(columns: Sequence[pa.ChunkedArray]) -> list[pa.ChunkedArray]:
    """Return columns of texts, or of bytes that ought to be UTF-8; where they are not, in the encoding that they are in."""
    try:
        return [column.cast(pa.binary()).cast(pa.string()) for column in columns]
    except pa.ArrowInvalid:
        return decoded_columns([column.cast(pa.binary()) for column in columns], ("utf-8",))[0]


def _without_marks(table: pa.Table) -> tuple[pa.Table, list[Fault]]:
    """Return a table whose damaged bytes show as such, and the cells that have some."""
    faults: list[Fault] = []
    for c, name in enumerate(table.column_names):
        column = table.column(c)
        held = [text for chunk in column.chunks if (text := chunk.buffers()[-1]) is not None]
        if not any(_MARK.search(memoryview(text)) for text in held):
            continue
        texts = column.to_pylist()
        faults += [(row, c, _NO_TEXT) for row, text in enumerate(texts) if text and DAMAGED in text]
        shown = [text and text.replace(DAMAGED, "\ufffd") for text in texts]
        table = table.set_column(c, name, pa.array(shown, pa.string()))
    return table, faults


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as text: whole numbers without .0, the shortest exact decimal, ISO dates, 是 and 否."""
    from riskmap.rules.arrays import pc  # noqa: PLC0415 - spreadsheets come as text and do without
    from riskmap.rules.column import texts_of  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_floating(kind):
        return pa.chunked_array([texts_of(chunk) for chunk in column.chunks], pa.string())
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "是", "否")
    if pa.types.is_timestamp(kind):
        # Arrow writes 2023-09-08 00:00:00.000000: the fraction says nothing here. The Z of a zoned column does.
        return pc.cast(column.cast(pa.timestamp("s", tz=kind.tz and "UTC"), safe=False), pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_nested(kind):
        texts = [
            None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())
