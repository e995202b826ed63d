"""Figures: numbers that are files, each with its value, period, ledger and the address of its records.

Whoever prints a number (a page, a cover, a document) asks `Engine.value` for it; whoever reads one in a text
(`check-report`) asks `named` which figures it may be.
"""

from __future__ import annotations

from riskmap.errors import RiskmapError
from riskmap.reports.figures.definition import (
    FOLDER,
    Bound,
    FailedFigure,
    Figure,
    Figures,
    bind_figures,
    default_figures,
)
from riskmap.reports.figures.engine import Engine, State, stands_on_stock
from riskmap.reports.figures.values import Address, FigureValue, Group, figures_document, rounded

__all__ = [
    "FOLDER",
    "Address",
    "Bound",
    "Engine",
    "FailedFigure",
    "Figure",
    "FigureValue",
    "Figures",
    "Group",
    "State",
    "bind_figures",
    "default_figures",
    "figures_document",
    "named",
    "rounded",
    "stands_on_stock",
]


def named(
    engine: Engine, words: str, *, unit: str | None = None, member: str | None = None
) -> tuple[FigureValue, ...]:
    """Return the values of the figures that reports call by these words, of a unit where one is given.

    By title or one of `names`; blanks do not count. The period is that of the engine. `member`: of a group of each.
    Those that cannot be told are left out; () where no figure goes by these words.
    """
    found: list[FigureValue] = []
    for one in engine.figures.named(words, unit=unit):
        try:
            found.append(engine.value(one.id if member is None else f"{one.id}.{member}"))
        except RiskmapError:
            continue
    return tuple(found)
