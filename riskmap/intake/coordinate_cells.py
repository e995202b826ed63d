"""The cells of a table that state positions, whichever columns hold them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.coordinates import Datum
from riskmap.intake import columns as judging
from riskmap.intake import positions
from riskmap.intake.cells import shortest
from riskmap.intake.columns import Distinct, distinct
from riskmap.intake.headers import Match
from riskmap.intake.part import Source

_LATITUDE_FIRST = re.compile(r"纬度?[^经]*经|lat.*l(?:on|ng)", re.IGNORECASE)


def stated_positions(
    source: Source, targets: dict[str, Match], datum: Datum | None
) -> positions.Stated | None:
    """Return the positions that a table's cells state; the pair that suits the datum comes first."""
    pairs = [("longitude", "latitude"), ("easting", "northing")]
    if datum is not None and datum.kind == "projected":
        pairs.reverse()
    found: list[positions.Stated] = []
    for first, second in pairs:
        if first in targets or second in targets:
            found.append(_pair(source, targets.get(first), targets.get(second)))
    if match := targets.get("position"):
        found.append(_in_one_cell(source, match))
    if not found:
        return None
    best = found[0]
    for other in found[1:]:
        best = _fuller(best, other)
    return best


def _fuller(best: positions.Stated, other: positions.Stated) -> positions.Stated:
    """Take from `other` the rows where it states more than `best`."""
    better = ((other.has_x & other.has_y) & ~(best.has_x & best.has_y)) | (
        (other.has_x | other.has_y) & ~(best.has_x | best.has_y)
    )
    if not better.any():
        return best
    return positions.Stated(
        np.where(better, other.x, best.x),
        np.where(better, other.y, best.y),
        np.where(better, other.has_x, best.has_x),
        np.where(better, other.has_y, best.has_y),
        lambda i: other.text(i) if better[i] else best.text(i),
        np.where(better, other.labelled, best.labelled),
    )


def _pair(source: Source, first: Match | None, second: Match | None) -> positions.Stated:
    count = len(source.rows)

    def one(match: Match | None) -> tuple[NDArray[np.float64], NDArray[np.bool_], Distinct | None]:
        if match is None:
            return np.full(count, np.nan), np.zeros(count, bool), None
        cells = distinct(source.column(match.heading.column))
        return *judging.numbers(cells, positions.parse_number, positions.is_empty), cells

    x, has_x, x_cells = one(first)
    y, has_y, y_cells = one(second)
    labelled = np.zeros(count, bool)

    def cell(cells: Distinct | None, row: int) -> str | None:
        at = -1 if cells is None else int(cells.index[row])
        return None if cells is None or at < 0 else shortest(cells.texts[at].as_py())

    def text(row: int) -> str | None:
        return ", ".join(t for t in (cell(x_cells, row), cell(y_cells, row)) if t) or None

    # Both numbers in one of the two cells: the other is empty or repeats it.
    for i in np.flatnonzero((has_x & np.isnan(x)) | (has_y & np.isnan(y))):
        texts = {t for c, h in ((x_cells, has_x[i]), (y_cells, has_y[i])) if h and (t := cell(c, int(i)))}
        pair = positions.parse_pair(texts.pop()) if len(texts) == 1 else None
        if pair:
            x[i], y[i], labelled[i] = pair
            has_x[i] = has_y[i] = True
    return positions.Stated(x, y, has_x, has_y, text, labelled)


def _in_one_cell(source: Source, match: Match) -> positions.Stated:
    column = match.heading.column
    beside = next((m for m in source.header.matches if m.heading.column == column + 1), None)
    cells = distinct(source.column(column))
    if beside is not None and beside.target is None and beside.heading.text in {"", match.heading.text}:
        # 坐标 merged over two columns: the second number stands in the next one.
        alone = _split(cells)
        return alone if (alone.has_x & alone.has_y).any() else _pair(source, match, beside)
    stated = _split(cells)
    return (
        _latitude_first(stated)
        if _LATITUDE_FIRST.search(match.heading.text.replace("经纬度", ""))
        else stated
    )


def _latitude_first(stated: positions.Stated) -> positions.Stated:
    """坐标（纬度,经度）: the header says in which order the numbers stand."""
    turn = ~stated.labelled
    return positions.Stated(
        np.where(turn, stated.y, stated.x),
        np.where(turn, stated.x, stated.y),
        np.where(turn, stated.has_y, stated.has_x),
        np.where(turn, stated.has_x, stated.has_y),
        stated.text,
        stated.labelled,
    )


def _split(cells: Distinct) -> positions.Stated:
    """Return the positions of a column that holds both numbers in one cell."""
    texts = cells.texts.to_pylist()
    count = len(texts) + 1
    x, y = np.full(count, np.nan), np.full(count, np.nan)
    has_x, has_y, labelled = (np.zeros(count, bool) for _ in range(3))
    for at, text in enumerate(texts):
        if positions.is_empty(text):
            continue
        pair = positions.parse_pair(text)
        has_x[at] = True
        if pair:
            x[at], y[at], labelled[at] = pair
            has_y[at] = True
        else:
            x[at] = positions.parse_number(text)
            # A lone number is half a position; anything else is a whole one that cannot be read.
            has_y[at] = not np.isfinite(x[at])
    index = cells.index
    spread: list[Any] = cells.spread(texts)
    return positions.Stated(
        x[index], y[index], has_x[index], has_y[index], lambda i: spread[i], labelled[index]
    )
