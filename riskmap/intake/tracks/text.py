"""A track file as text and as a table whose lines keep their numbers."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from riskmap.errors import UnreadableFileError

_SEPARATORS: Final = (",", "\t", ";", "，")
_COMMENT: Final = re.compile(r"^[#＃]\s*(?P<key>[^:：]+?)\s*[:：]\s*(?P<value>.+?)[\s,;，；]*$")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a header with their lines in the file; `stated` is what `# key: value` lines say."""

    header: Sequence[str]
    line: int
    rows: Sequence[tuple[int, Sequence[str]]]
    stated: Mapping[str, str] = field(default_factory=dict)


def table_of(path: Path, text: str) -> Table:
    """Return the table of a text; lines that begin with # are statements about it."""
    stated: dict[str, str] = {}
    header: list[str] | None = None
    header_line = 1
    rows: list[tuple[int, Sequence[str]]] = []
    for number, cells in _cells(path, text, stated):
        if header is None:
            header, header_line = cells, number
        elif any(cells):
            rows.append((number, cells))
    if header is None:
        raise UnreadableFileError(
            f"{path}：没有表头；第一行应为列名", f"{path}: no header; the first line names the columns"
        )
    return Table(header, header_line, rows, stated)


def _cells(path: Path, text: str, stated: dict[str, str]) -> Iterator[tuple[int, list[str]]]:
    separator = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.lstrip().startswith(("#", "＃")):
            if found := _COMMENT.match(line.strip()):
                stated[_plain(found["key"]).lower()] = _plain(found["value"])
            continue
        separator = separator or max(_SEPARATORS, key=line.count)
        yield number, [_plain(cell) for cell in _split(path, number, line, separator)]


def _split(path: Path, number: int, line: str, separator: str) -> Sequence[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as problem:
        raise UnreadableFileError(
            f"{path} › 第 {number} 行：引号有误（{problem}）；请另存为 CSV",
            f"{path} › line {number}: broken quoting ({problem}); save it as CSV again",
        ) from problem


def _plain(cell: str) -> str:
    return (cell if cell.isascii() else unicodedata.normalize("NFKC", cell)).strip()


def columns_of(table: Table) -> Sequence[str]:
    """Return the headers as written."""
    return table.header
