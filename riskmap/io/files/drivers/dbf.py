"""dBASE tables of shapefiles, looked at before GDAL: field names, what stands in a number, records out of line."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Text

_DAMAGED_RECORD: Final = Text(
    "属性表在这一行损坏（长度与表头不符）；请在原系统中改正后重新导出",
    "the attributes are damaged at this row (its length is not that of the header); export it again",
)


_CODE_PAGES: Final = {
    0x4D: "936",
    0x7A: "936",
    0x4F: "950",
    0x78: "950",
}  # byte 29: who wrote it, and in what


_HEAD: Final = 32


_END: Final = 0x0D


_DELETED: Final = ord("*")


_FILLED: Final = ord("*")  # all over a number that is not stated


# What may stand in a field of a kind: a number, a day, a yes or no.
_LETTERS: Final = {
    b"N": b"0123456789+-.eE \0",
    b"F": b"0123456789+-.eE \0",
    b"D": b"0123456789 \0",
    b"L": b"YyNnTtFf? \0",
}


Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Column:
    name: bytes
    kind: bytes
    start: int
    width: int


@dataclass(slots=True)
class DbfTable:
    """What a table says beside the values that GDAL reads. Rows are records of the file, deleted ones counted.

    `names`: as bytes, in order; the copy calls its columns F0, F1 … `stated`: its code page, as it names it.
    `texts`: (row, column) → what stands where no value of the column's kind does. `faults`: damaged rows.
    """

    names: list[bytes] = field(default_factory=list)
    stated: list[str] = field(default_factory=list)
    texts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    faults: list[tuple[int, Text]] = field(default_factory=list)


def prepared(path: Path) -> DbfTable:
    """Put our own copy of a table in order for GDAL and return what GDAL would not say of it."""
    data = bytearray(path.read_bytes())
    if len(data) < _HEAD + 1:
        return DbfTable()
    count, head, width = struct.unpack_from("<IHH", data, 4)
    columns = _columns(data, head)
    table = DbfTable([c.name for c in columns], [p for p in [_CODE_PAGES.get(data[29])] if p])
    for i, _ in enumerate(columns):
        at = _HEAD + i * _HEAD
        data[at : at + 11] = f"F{i}".encode().ljust(11, b"\0")
    if width:
        records = _records(bytes(data[head:]), count, width, columns, table)
        table.texts = _misfits(records, columns)
        data[head:] = records.tobytes() + b"\x1a"
    path.write_bytes(data)
    return table


def _columns(data: bytearray, head: int) -> list[_Column]:
    found: list[_Column] = []
    start = 1
    for at in range(_HEAD, min(head, len(data)) - _HEAD + 1, _HEAD):
        if data[at] == _END:
            break
        kind, width = bytes(data[at + 11 : at + 12]), data[at + 16]
        if kind == b"C":
            width += data[at + 17] << 8  # long texts, as some programs write them
        found.append(_Column(bytes(data[at : at + 11]).split(b"\0")[0], kind, start, width))
        start += width
    return found


def _records(body: bytes, count: int, width: int, columns: Sequence[_Column], table: DbfTable) -> Bytes:
    """Return the records as rows of bytes. Where some are longer or shorter than stated, those behind are found again."""
    size = count * width
    whole = np.frombuffer(body[:size].ljust(size, b"\0"), np.uint8).reshape(count, width).copy()
    end = len(body) - body.endswith(b"\x1a")
    if end == size or not count:
        return whole
    fits = _in_line(whole, columns)
    if fits.all() and end > size:
        return whole  # something stands behind the table
    first = int(np.argmin(fits)) if not fits.all() else count
    behind = count - first - 1
    if behind > 0 and end >= behind * width:
        from_end = np.frombuffer(body[end - behind * width : end], np.uint8).reshape(behind, width)
        again = _in_line(from_end, columns)
        whole[first + 1 :][again] = from_end[again]
        fits[first + 1 :] = again
    elif end < size:
        fits[end // width :] = False
    bad = np.flatnonzero(~fits)
    for row in bad.tolist():
        table.faults.append((row, _DAMAGED_RECORD))
    whole[bad, 0] = ord(" ")
    _blank_from_misfit(whole, bad, columns)
    return whole


def _in_line(records: Bytes, columns: Sequence[_Column]) -> NDArray[np.bool_]:
    """Tell which records stand where their fields are said to: no text in a number, no text that begins with a blank."""
    good: NDArray[np.bool_] = np.isin(records[:, 0], (ord(" "), _DELETED))
    for each in columns:
        good &= _fitting(records[:, each.start : each.start + each.width], each.kind)
    return good


def _fitting(cells: Bytes, kind: bytes) -> NDArray[np.bool_]:
    if not cells.shape[1]:
        return np.ones(len(cells), bool)
    if letters := _LETTERS.get(kind):
        return np.asarray(np.isin(cells, np.frombuffer(letters + b"*", np.uint8)).all(axis=1), dtype=np.bool_)
    blank = np.isin(cells, (0, ord(" ")))
    return np.asarray(~blank[:, 0] | blank.all(axis=1), dtype=np.bool_)


def _blank_from_misfit(records: Bytes, rows: NDArray[np.int64], columns: Sequence[_Column]) -> None:
    """Keep of a damaged record what stands in front of the damage, so that the row can be named."""
    for row in rows.tolist():
        cells = records[row : row + 1]
        bad = [not _fitting(cells[:, c.start : c.start + c.width], c.kind)[0] for c in columns]
        start = columns[bad.index(True)].start if True in bad else columns[0].start
        records[row, start:] = ord(" ")


def _misfits(records: Bytes, columns: Sequence[_Column]) -> dict[tuple[int, int], bytes]:
    """Return (row, column) → text where a number, day or answer is none: GDAL would make it 0 or nothing, in silence."""
    found: dict[tuple[int, int], bytes] = {}
    for at, each in enumerate(columns):
        letters = _LETTERS.get(each.kind)
        if letters is None:
            continue
        cells = records[:, each.start : each.start + each.width]
        bad = ~np.isin(cells, np.frombuffer(letters, np.uint8)).all(axis=1)
        bad &= ~(cells == _FILLED).all(axis=1)
        for row in np.flatnonzero(bad).tolist():
            found[row, at] = cells[row].tobytes().strip(b" \0")
    return found
