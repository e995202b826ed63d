"""The totals that a list states itself, compared with its rows: a difference is a row that is missing or wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.errors import Text
from riskmap.io.tables.headers import Match
from riskmap.io.tables.layout import Header, Lines
from riskmap.rules import vocabulary
from riskmap.rules.cell import shortest
from riskmap.values.import_plan import Issue

# 1,200人, 3.5 m: a number and its unit; a share is no part of a sum, and 0.2万 is another number.
_QUANTITY: Final = re.compile(r"^([-+]?\d[\d,]*(?:\.\d+)?)\s*(?![%‰])(万|亿|千|百)?\D{0,6}$")


_TIMES: Final = {"万": 1e4, "亿": 1e8, "千": 1e3, "百": 1e2}


# 3家, 共 12 处, 合计：5个: how many things there are.
_COUNT: Final = re.compile(
    r"(?:^|[::共计])\s*(\d{1,7})\s*(?:家|处|个|条|户|宗|座|所|栋|幢|间|点|项|行|块|段)"
)


_AVERAGE: Final = re.compile(r"平\s*均|average|mean", re.IGNORECASE)


_OF_A_PART: Final = re.compile(r"小\s*计|本\s*页|sub-?total", re.IGNORECASE)


_NAMING: Final = frozenset({"code", "name"})


def differences(
    file: str, sheet: str, header: Header, columns: Sequence[pa.ChunkedArray], lines: Lines
) -> Iterator[Issue]:
    """Yield a warning for every number of a line of totals that is not the sum, or the count, of its rows.

    A total may be that of all rows above it or of those since the one before; above the rows, of all below.
    """
    before = header.last
    for at in lines.totals:
        texts = [None if (text := column[at].as_py()) is None else str(text) for column in columns]
        if not any(text and _AVERAGE.search(text) for text in texts):
            scopes = _scopes(lines.data, at, before, part=any(t and _OF_A_PART.search(t) for t in texts))
            for match in header.matches:
                if text := texts[match.heading.column]:
                    yield from _difference((file, sheet, at + 1), match, text, columns, scopes)
        before = at


def _scopes(data: NDArray[np.int64], at: int, before: int, *, part: bool) -> list[NDArray[np.int64]]:
    """Return the rows that a total may speak of, the likeliest first."""
    above = data[data < at]
    if not len(above):
        return [data[data > at]]
    since = above[above > before]
    scopes = [since, above] if part else [above, since]
    return [rows for rows in scopes if len(rows)]


def _difference(
    place: tuple[str, str, int],
    match: Match,
    text: str,
    columns: Sequence[pa.ChunkedArray],
    scopes: Sequence[NDArray[np.int64]],
) -> Iterator[Issue]:
    cells = columns[match.heading.column]
    found = [_expected(match, text, cells, rows) for rows in scopes]
    if not found or any(one is None or one[2] for one in found):
        return
    stated, expected, _ = next(one for one in found if one is not None)
    file, sheet, row = place
    title = match.heading.text or f"第 {match.heading.column + 1} 列"
    counted = match.target in _NAMING or _COUNT.search(vocabulary.plain(text)) is not None
    zh, en = ("行数", "rows") if counted else ("各行之和", "sum of the rows")
    yield Issue(
        sheet,
        row,
        None,
        match.target,
        text,
        "warning",
        "stated_total",
        Text(
            f"{file} › {sheet} › 第 {row} 行 › {title}：合计写的是 {stated:.15g}，{zh}是 {expected:.15g}；"
            "请核对是否漏行、重行或填错",
            f"{file} › {sheet} › row {row} › {title}: the total says {stated:.15g}, the {en} is {expected:.15g}; look for "
            "rows that are missing, double or wrong",
        ),
    )


def _expected(
    match: Match, text: str, cells: pa.ChunkedArray, rows: NDArray[np.int64]
) -> tuple[float, float, bool] | None:
    """Return what a cell of a total states, what its rows make, and whether they agree; None where it states none."""
    words = vocabulary.plain(shortest(text))
    stated_below = cells.take(pa.array(rows)).to_pylist()
    numbers = [number for cell in stated_below if (number := _number(cell)) is not None]
    if (counted := _COUNT.search(words)) and (match.target in _NAMING or 2 * len(numbers) < len(rows)):
        return float(counted[1]), float(len(rows)), int(counted[1]) == len(rows)
    stated = _number(words)
    if stated is None:
        return None
    if match.target in _NAMING:
        return stated, float(len(rows)), stated == len(rows)
    if 2 * len(numbers) < sum(cell is not None for cell in stated_below) or not numbers:
        return None
    total = float(np.sum(numbers))
    return stated, total, abs(total - stated) <= _rounding(words) + 1e-9 * abs(total)


def _rounding(words: str) -> float:
    """Return by how much a number may be off that was rounded to the decimals it is written with; 0 for a whole one."""
    decimals = re.search(r"\.(\d+)", words)
    return 0.5001 * 10.0 ** -len(decimals[1]) if decimals else 0.0


def _number(text: str | None) -> float | None:
    match = _QUANTITY.match(vocabulary.plain(shortest(text))) if text else None
    return float(match[1].replace(",", "")) * _TIMES.get(match[2], 1.0) if match else None
