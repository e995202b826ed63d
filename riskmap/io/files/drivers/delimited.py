"""Text tables: encoding and separator are found from the content, in the order that excludes most."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers.encodings import DAMAGED, decode
from riskmap.io.files.drivers.sheets import save

_SEPARATORS = (",", "\t", ";", "|", "，")


_SAMPLE_ROWS = 60


_CHUNK_ROWS = 50_000


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the table as one sheet; blank lines stay, so that row numbers are the file's."""
    text, encoding = decode(Path(request["path"]).read_bytes())
    _check_encoding(text)
    if "\x00" in text[:100_000]:
        raise UnreadableFileError(
            "含有二进制内容，不是文本表格；请另存为 CSV", "it holds binary data; save it as CSV"
        )
    text, separator = _separator(text)
    csv.field_size_limit(1 << 27)
    _check_quotes(text, separator)
    batches = list(
        _batches(csv.reader(io.StringIO(text, newline=""), delimiter=separator), request["columns"])
    )
    width = max((len(b) for b in batches), default=0)
    tables = [pa.table(_columns(b, width), names=[f"c{i}" for i in range(width)]) for b in batches]
    table = pa.concat_tables(tables) if tables else pa.table({})
    name = Path(request["name"]).stem
    return [save(folder, 0, name, table) | {"encoding": encoding, "delimiter": separator}]


def _check_quotes(text: str, separator: str) -> None:
    """Refuse a table whose last quotation mark is never closed: all lines behind it would be one cell."""
    if text.count('"') % 2 == 0:
        return
    end = "\x03"
    rows = csv.reader(io.StringIO(f"{text}\n{end}\n", newline=""), delimiter=separator)
    last = [""]
    try:
        for last in rows:
            if last == [end]:
                return
    except csv.Error:
        return  # told with its own message below
    start = rows.line_num - sum(cell.count("\n") for cell in last) + 1  # it ends with a line break of ours
    raise UnreadableFileError(
        f"第 {start} 行起有一个引号没有配对，后面各行都被并进同一格；请补上引号，或用 Excel、WPS 重新另存为 CSV",
        f"a quotation mark on line {start} is never closed, and all lines behind it run into one cell; close it, or save "
        "the table as CSV again",
    )


def _columns(batch: list[list[str | None]], width: int) -> list[pa.Array]:
    rows = len(batch[0]) if batch else 0
    return [pa.array(c, pa.string()) for c in batch] + [pa.nulls(rows, pa.string())] * (width - len(batch))


def _batches(rows: Iterator[list[str]], columns: int) -> Iterator[list[list[str | None]]]:
    """Yield column lists of up to 50,000 rows; short rows are filled with nulls."""
    held: list[list[str]] = []
    try:
        for row in rows:
            if len(row) > columns:
                raise UnreadableFileError(
                    f"有一行多达 {len(row)} 列，超过上限 {columns}",
                    f"one row has {len(row)} columns, more than {columns}",
                )
            held.append(row)
            if len(held) == _CHUNK_ROWS:
                yield _transpose(held)
                held = []
    except csv.Error as problem:
        raise UnreadableFileError(
            f"CSV 的引号或换行有误（{problem}）；请用 Excel 或 WPS 重新另存",
            f"broken quoting ({problem}); save it again",
        ) from problem
    if held:
        yield _transpose(held)


def _transpose(rows: list[list[str]]) -> list[list[str | None]]:
    width = max(len(r) for r in rows)
    return [[(r[i] or None) if i < len(r) else None for r in rows] for i in range(width)]


def _check_encoding(text: str) -> None:
    """Refuse a text of which many lines are in no encoding of ours; single ones cost their rows only."""
    if DAMAGED not in text:
        return
    lines = text.split("\n")
    bad = [i for i, line in enumerate(lines, 1) if DAMAGED in line]
    cut = text.rstrip("\r\n").endswith(DAMAGED)
    if cut or len(bad) > max(2, len(lines) // 10):
        raise UnreadableFileError(
            f"文字编码不是 UTF-8、GB18030 或 Big5（第 {bad[0]} 行等 {len(bad)} 行），或文件不完整；请另存为 UTF-8 的 CSV",
            f"not in UTF-8, GB18030 or Big5 (line {bad[0]} and others, {len(bad)} in all), or cut off; save it as CSV in UTF-8",
        )


def _separator(text: str) -> tuple[str, str]:
    """Return the text (without Excel's `sep=` line) and the separator that most rows agree on."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == len("sep=") + 1:
        # The line stays as a blank one: row numbers are the file's.
        return "\n" + rest, first.strip()[-1]
    sample = text[:200_000]
    best, best_score = ",", (0, 0)
    for separator in _SEPARATORS:
        counts: Counter[int] = Counter()
        try:
            for i, row in enumerate(csv.reader(io.StringIO(sample, newline=""), delimiter=separator)):
                if i >= _SAMPLE_ROWS:
                    break
                counts[len(row)] += 1
        except csv.Error:
            continue
        counts.pop(0, None)
        wide = [(n, width) for width, n in counts.items() if width > 1]
        if not wide:
            continue
        agreeing, width = max(wide)
        if (agreeing, width) > best_score:
            best, best_score = separator, (agreeing, width)
    return text, best
