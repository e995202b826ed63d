"""References to cells, as workbooks write them: what becomes of one when rows are put in above it, or its cell is copied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

MOST_ROWS: Final = 1_048_576


MOST_COLUMNS: Final = 16_384


_CELL: Final = re.compile(r"^\$?([A-Za-z]{1,3})\$?([0-9]{1,7})$")


# A text, a reference to another file, what stands in brackets: none of these is a reference of ours. Then a sheet's
# name and a cell, a range of cells or of whole rows. What goes on as a word or a function's name is none either.
_TOKEN: Final = re.compile(
    r"""
    "(?:[^"]|"")*"
    | '(?:[^']|'')*\[(?:[^']|'')*'!(?:\$?[A-Za-z]{1,3}\$?\d+(?::\$?[A-Za-z]{1,3}\$?\d+)?)?
    | \[\d+\][\w.]*!(?:\$?[A-Za-z]{1,3}\$?\d+(?::\$?[A-Za-z]{1,3}\$?\d+)?)?
    | \[(?:[^\[\]]|\[[^\[\]]*\])*\]
    | (?: (?P<sheet>'(?:[^']|'')+'|(?<![\w.!:\]])[\w.]+)! | (?<![\w.!$'\]]) )
      (?:
        (?P<column1>\$?[A-Za-z]{1,3})(?P<fixed1>\$?)(?P<row1>[0-9]{1,7})
          (?: :(?P<column2>\$?[A-Za-z]{1,3})(?P<fixed2>\$?)(?P<row2>[0-9]{1,7}) )?
        | (?P<hold1>\$?)(?P<line1>[0-9]{1,7}):(?P<hold2>\$?)(?P<line2>[0-9]{1,7})
      )
      (?![\w.(!])
    """,
    re.VERBOSE,
)


def column_number(letters: str) -> int:
    """Return the number of a column, A is 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column, 1 is A."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_at(reference: str) -> tuple[int, int] | None:
    """Return row and column of a reference such as C5, from 1; None for what is none."""
    match = _CELL.match(reference)
    if match is None:
        return None
    row, column = int(match[2]), column_number(match[1])
    return (row, column) if 1 <= row <= MOST_ROWS and column <= MOST_COLUMNS else None


@dataclass(frozen=True, slots=True)
class Box:
    """Cells from one corner to the other, inclusive, from 1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def parse(cls, text: str) -> Box | None:
        """Return the cells of C5 or C5:D9, None for what is no such range."""
        first, _, last = text.partition(":")
        a, b = cell_at(first), cell_at(last or first)
        if a is None or b is None:
            return None
        return cls(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))

    def holds(self, row: int, column: int) -> bool:
        """Return whether a cell lies in it."""
        return self.top <= row <= self.bottom and self.left <= column <= self.right

    def __str__(self) -> str:
        first = f"{column_letters(self.left)}{self.top}"
        last = f"{column_letters(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"


@dataclass(frozen=True, slots=True)
class Insertion:
    """`more` rows put into a room of rows `first` to `last` of a sheet, at its end: what lies below moves down.

    A range over the whole room, or one that begins above its last row and ends there, takes the new rows in: a sum
    below the table sums them. 0 more changes nothing.
    """

    sheet: str
    first: int
    last: int
    more: int

    def row(self, row: int) -> int:
        """Return where a row is afterwards."""
        return row + self.more if row > self.last else row

    def span(self, top: int, bottom: int) -> tuple[int, int]:
        """Return where a range of rows begins and ends afterwards."""
        grows = bottom > self.last or (bottom == self.last and (top <= self.first or top < bottom))
        return self.row(top), bottom + self.more if grows else bottom

    def box(self, box: Box) -> Box:
        """Return where a range of cells is afterwards."""
        top, bottom = self.span(box.top, box.bottom)
        return Box(top, box.left, bottom, box.right)

    def boxes(self, text: str) -> str:
        """Return ranges separated by blanks as they are afterwards; what is none stays."""
        return " ".join(str(self.box(box)) if (box := Box.parse(one)) else one for one in text.split())

    def formula(self, text: str, sheet: str) -> str:
        """Return a formula that stands on a sheet as it is afterwards."""
        if not self.more:
            return text

        def cell(row: int, fixed: str) -> int:  # noqa: ARG001 - $ or not, rows move
            return self.row(row)

        return _each_reference(text, sheet, self.sheet, cell, self.span)


def copied(text: str, down: int, right: int = 0) -> str:
    """Return a formula as it is in a cell so many rows and columns further on: what has no $ moves along."""

    def cell(row: int, fixed: str) -> int:
        return row if fixed else row + down

    return _each_reference(text, "", None, cell, None, right=right) if down or right else text


def _each_reference(
    text: str,
    sheet: str,
    wanted: str | None,
    cell: Callable[[int, str], int],
    span: Callable[[int, int], tuple[int, int]] | None,
    *,
    right: int = 0,
) -> str:
    """Return a formula with the rows of its references replaced, of those to one sheet or (None) to any."""

    def column(letters: str | None) -> str:
        if not letters or letters.startswith("$") or not right:
            return letters or ""
        return column_letters(column_number(letters) + right)

    def replaced(match: re.Match[str]) -> str:
        names = match.groupdict()
        if names["row1"] is None and names["line1"] is None:
            return match[0]
        named = names["sheet"]
        plain = sheet if named is None else named.strip("'").replace("''", "'")
        if wanted is not None and plain.casefold() != wanted.casefold():
            return match[0]
        kind, first, last, hold = (
            ("row", "column1", "column2", "fixed") if names["row1"] is not None else ("line", "", "", "hold")
        )
        a, b = names[f"{kind}1"], names[f"{kind}2"]
        one, other = names[f"{hold}1"], names[f"{hold}2"] or ""
        start = cell(int(a), one)
        end = None if b is None else cell(int(b), other)
        if b is not None and span is not None:
            start, end = span(int(a), int(b))
        head = "" if named is None else f"{named}!"
        columns = (column(names[first]) if first else "", column(names[last]) if last else "")
        if not 1 <= start <= MOST_ROWS or (end is not None and not 1 <= end <= MOST_ROWS):
            return f"{head}#REF!"
        made = f"{head}{columns[0]}{one}{start}"
        return made if end is None else f"{made}:{columns[1]}{other}{end}"

    return _TOKEN.sub(replaced, text)


def uncovered(
    boxes: Iterable[Box], top: int, bottom: int, left: int, right: int
) -> Iterator[tuple[int, int]]:
    """Yield first and last column of what some ranges leave free of rows `top` to `bottom`, between two columns."""
    taken = {
        column
        for box in boxes
        if box.top <= bottom and box.bottom >= top
        for column in range(max(box.left, left), min(box.right, right) + 1)
    }
    start = None
    for column in range(left, right + 2):
        free = column <= right and column not in taken
        if free and start is None:
            start = column
        elif not free and start is not None:
            yield start, column - 1
            start = None
