"""A cell that the judge cannot even look at costs its row, not the file: it is found by halving and named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.coordinates import Datum
from riskmap.errors import RiskmapError, Text
from riskmap.io.tables.block import BlockReader
from riskmap.io.tables.row_parts import Source, TableRows

_MOST: Final = 50  # rows; a table with more is not read


_CANNOT: Final = Text(
    "这里的内容无法处理；请改正后再导入", "what stands here cannot be processed; correct it"
)


def read_rows(blocks: BlockReader, source: Source, datum: Datum | None) -> TableRows:
    """Return the judged rows of one table; those that make the judge fail are rejected, each with its column.

    Whatever else goes wrong with more than fifty of them is raised as it is.
    """
    try:
        return blocks.read(source, datum)
    except RiskmapError:
        raise
    except Exception:
        bad = list(_failing(blocks, source, datum, source.rows))
        if not bad or len(bad) > _MOST:
            raise
        faults = [(row, _column(blocks, source, datum, row), _CANNOT) for row in bad]
        part = blocks.read(replace(_without(source, bad), faults=[*source.faults, *faults]), datum)
        part.source = replace(source, faults=part.source.faults)  # as it came, for the sheet of rejected rows
        return part


def _fails(blocks: BlockReader, source: Source, datum: Datum | None, rows: NDArray[np.int64]) -> bool:
    around = dict(zip(source.rows.tolist(), source.subdistrict, strict=True))
    some = replace(source, rows=rows, subdistrict=[around[int(row)] for row in rows])
    try:
        blocks.read(some, datum)
    except RiskmapError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the rows that cause it are looked for
        return True
    return False


def _failing(
    blocks: BlockReader, source: Source, datum: Datum | None, rows: NDArray[np.int64]
) -> Iterator[int]:
    if not _fails(blocks, source, datum, rows):
        return
    if len(rows) == 1:
        yield int(rows[0])
        return
    half = len(rows) // 2
    yield from _failing(blocks, source, datum, rows[:half])
    yield from _failing(blocks, source, datum, rows[half:])


def _column(blocks: BlockReader, source: Source, datum: Datum | None, row: int) -> int:
    """Return the column whose cell makes a row fail, -1 where it is no single one (or the shape)."""
    rows = np.array([row])
    for at in (m.heading.column for m in source.header.matches if m.target):
        columns = list(source.columns)
        columns[at] = _blanked(columns[at], [row])
        if not _fails(blocks, replace(source, columns=columns), datum, rows):
            return at
    return -1


def _without(source: Source, rows: Sequence[int]) -> Source:
    """Return a table whose damaged rows are blank."""
    columns = [_blanked(column, rows) for column in source.columns]
    shapes = source.shapes if source.shapes is None else _blanked(source.shapes, rows)
    return replace(source, columns=columns, shapes=shapes)


def _blanked(column: pa.ChunkedArray, rows: Sequence[int]) -> pa.ChunkedArray:
    values = column.to_pylist()
    for row in rows:
        values[row] = None
    return pa.chunked_array([pa.array(values, column.type)])
