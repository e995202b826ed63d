"""Totals of tables: a row 合计 against the rows, a column 合计 against the columns beside it.

That a total is the sum of its lines is proven by the other lines of the same total: where most of them add up, one that does
not is wrong. A total that stands alone is suspicious. Lines of what is counted already (其中, 小计) leave a table unread.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import mode
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking.findings import Finding, shown
from riskmap.reports.checking.numbers import Paragraph
from riskmap.values.report_check import Passage, Verdict

_TOTAL: Final = re.compile(r"(?:全[区市县]|总)?(?:合计|总计|共计|总数|合计数|总量)(?:[(].{0,8}[)])?")


# What is counted twice, or is a line that no total has in it.
_AGAIN: Final = re.compile(
    "其中|小计|分项|平均|均值|同比|环比|增减|增幅|降幅|去年|上年|占比|比例|比重|百分比|完成率|排名|备注"
)


_NO_SUMS: Final = re.compile("率|比|占|均|编号|序号|排名|年份|密度|%|‰|得分|分值|最|标准|单价")


_CELL: Final = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<unit>[^\d.,%‰/:\-年月日号级度时]{0,3})"
)


_NOTHING: Final = frozenset({"", "-", "—", "——", "/", "–", "无"})


_FEWEST, _LARGEST = 2, 400  # lines of which a total is made, and cells of a line that are looked at


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell: which passage it is, its words without blanks, and what it counts (None where it is no number)."""

    at: int
    words: str
    value: Fraction | None
    step: Fraction


@dataclass(frozen=True, slots=True)
class _Line:
    """One row or column of a table without its head: where it is, what it is called, its cells by their other place."""

    at: int
    label: str
    cells: Mapping[int, _Cell]


def table_totals(read: Sequence[tuple[Passage, Paragraph]]) -> Iterator[tuple[int, Finding]]:
    """Yield what the totals of every table say, each with the number of its passage."""
    tables: dict[int, list[int]] = defaultdict(list)
    for at, (passage, _) in enumerate(read):
        if passage.table is not None and passage.row is not None and passage.column is not None:
            tables[passage.table].append(at)
    for some in tables.values():
        cells = _cells(read, some)
        rows, columns = _lines(cells)
        yield from _totals(read, rows, {one.at: one.label for one in columns})
        yield from _totals(read, columns, {one.at: one.label for one in rows})


def _cells(
    read: Sequence[tuple[Passage, Paragraph]], passages: Sequence[int]
) -> dict[tuple[int, int], _Cell]:
    """Return the cells of a table by row and column; paragraphs of one cell are one text."""
    texts: dict[tuple[int, int], tuple[int, str]] = {}
    for at in passages:
        passage, paragraph = read[at]
        place = (passage.row or 0, passage.column or 0)
        first, words = texts.get(place, (at, ""))
        texts[place] = (first if words else at, words + paragraph.bare)
    return {place: _cell(at, words) for place, (at, words) in texts.items()}


def _cell(at: int, words: str) -> _Cell:
    found = _CELL.fullmatch(words)
    if found is None:
        return _Cell(at, words, None, Fraction(1))
    digits = found["digits"].replace(",", "")
    return _Cell(at, words, Fraction(digits), Fraction(1, 10 ** len(digits.partition(".")[2])))


def _lines(cells: Mapping[tuple[int, int], _Cell]) -> tuple[list[_Line], list[_Line]]:
    """Return the rows and the columns that hold numbers, each with the words of its head."""
    by_row: dict[int, dict[int, _Cell]] = defaultdict(dict)
    for row, column in sorted(cells):
        by_row[row][column] = cells[row, column]
    # Rows with a number, and in which columns words stand.
    labelled = {
        row: words
        for row, line in by_row.items()
        if any(one.value is not None for one in line.values())
        and (words := [at for at, one in line.items() if one.value is None and one.words not in _NOTHING])
    }
    if not labelled:
        return [], []
    # Numbers before the words of a row number the rows.
    first_column = mode(words[0] for words in labelled.values()) + 1
    rows = []
    for row, words in labelled.items():
        inside = {column: one for column, one in by_row[row].items() if column >= first_column}
        first = next((column for column, one in inside.items() if one.value is not None), 0)
        label = _BETWEEN.join(by_row[row][column].words for column in words if column < first)
        rows.append(_Line(row, label, inside))
    over = [line for row, line in by_row.items() if row < rows[0].at]
    columns: dict[int, dict[int, _Cell]] = defaultdict(dict)
    for row in rows:
        for column, one in row.cells.items():
            columns[column][row.at] = one
    return rows, [
        _Line(column, _head(over, column), columns[column])
        for column in sorted(columns)
        if any(one.value is not None for one in columns[column].values())
    ]


def _head(over: Sequence[Mapping[int, _Cell]], column: int) -> str:
    """Return the words over a column: of a cell that spans several columns, those of all."""
    above = (max((at for at in line if at <= column), default=None) for line in over)
    words = [line[at].words for line, at in zip(over, above, strict=True) if at is not None]
    return _BETWEEN.join(dict.fromkeys(words))


def _totals(
    read: Sequence[tuple[Passage, Paragraph]], lines: Sequence[_Line], across: Mapping[int, str]
) -> Iterator[tuple[int, Finding]]:
    """Yield what the one line of totals says of the others, cell by cell; `across`: the heads of these cells."""
    totals = [at for at, one in enumerate(lines) if _TOTAL.fullmatch(_last(one.label))]
    if len(totals) != 1:
        return
    total = lines[totals[0]]
    parts = [one for one in _parts(lines, totals[0]) if not _NO_SUMS.search(one.label)]
    if len(parts) < _FEWEST or any(_AGAIN.search(one.label) for one in parts):
        return
    judged: list[tuple[_Cell, list[_Cell], bool, bool]] = []
    for at, cell in list(total.cells.items())[:_LARGEST]:
        if cell.value is None or _NO_SUMS.search(across.get(at, "")):
            continue
        terms = [one.cells[at] for one in parts if at in one.cells]
        if any(one.value is None and one.words not in _NOTHING for one in terms):
            continue
        whole = len(terms) == len(parts) and all(one.value is not None for one in terms)
        counted = [one for one in terms if one.value is not None]
        if len(counted) >= _FEWEST:
            judged.append((cell, counted, _adds_up(cell, counted), whole))
    right = sum(agrees for _, _, agrees, _ in judged)
    for cell, terms, agrees, whole in judged:
        proven = whole and right > len(judged) / 2 and not _other_reading(cell, terms)
        verdict: Verdict = "agrees" if agrees else "wrong" if proven else "suspicious"
        if agrees or right or len(judged) == 1:
            yield cell.at, _finding(read[cell.at][1], cell, terms, verdict)


_BETWEEN: Final = "|"  # words of a label


def _last(label: str) -> str:
    return label.rsplit(_BETWEEN, 1)[-1]


def _parts(lines: Sequence[_Line], total: int) -> Sequence[_Line]:
    """Return the lines that a total is of: those before it, or, where it comes first, those behind it."""
    if total:
        return lines[:total]
    behind = lines[1:]
    end = next((at for at, one in enumerate(behind) if _AGAIN.search(one.label)), len(behind))
    return behind[:end]


def _sum(cells: Sequence[_Cell]) -> tuple[Fraction, Fraction]:
    """Return a sum, and by how much the rounding of its terms may move it."""
    return (
        sum((one.value or Fraction(0) for one in cells), Fraction(0)),
        sum((one.step / 2 for one in cells if one.step < 1), Fraction(0)),
    )


def _adds_up(total: _Cell, terms: Sequence[_Cell]) -> bool:
    value, slack = _sum(terms)
    return _is(total, value, slack)


def _is(total: _Cell, value: Fraction, slack: Fraction) -> bool:
    return abs(value - (total.value or 0)) <= slack + (total.step / 2 if total.step < 1 else 0)


def _other_reading(total: _Cell, terms: Sequence[_Cell]) -> bool:
    """Tell whether all but one of the lines, or two of them, make the total: one may be a sum or a part of others."""
    value, slack = _sum(terms)
    return any(
        _is(total, value - own, slack - unsure) for own, unsure in (_sum([left]) for left in terms)
    ) or any(_adds_up(total, pair) for pair in pairwise(terms))


def _finding(paragraph: Paragraph, total: _Cell, terms: Sequence[_Cell], verdict: Verdict) -> Finding:
    value, _ = _sum(terms)
    spelt = " + ".join(shown(one.value or Fraction(0)) for one in terms[:_TERMS]) + (
        " + …" if len(terms) > _TERMS else ""
    )
    off = (total.value or Fraction(0)) - value
    why = Text(f"{spelt} = {shown(value)}", f"{spelt} = {shown(value)}")
    if verdict != "agrees":
        word = ("少", "less") if off > 0 else ("多", "more")
        why = Text(
            f"{why.zh}，表中 {total.words}，{word[0]} {shown(abs(off))}",
            f"{why.en}, stated {total.words}, {shown(abs(off))} {word[1]}",
        )
    return Finding("total", verdict, total.words, shown(value), why, 0, len(paragraph.bare))


_TERMS: Final = 12
