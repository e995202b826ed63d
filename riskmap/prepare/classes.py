"""Which rows a trigger concerns, and which of its levels hold for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.triggers import Level, Trigger
from riskmap.columns import Columns, Words
from riskmap.conditions import known, may_hold
from riskmap.errors import Say
from riskmap.prepare.levels import rank_of

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows of one class with its levels. `sure`: they are of it for certain (or count as it).

    `title` names the class where the levels depend on it.
    """

    rows: NDArray[np.int64]
    levels: tuple[Level, ...]
    sure: Flags
    assumed: Flags  # a field is not known and counts as its worst value
    title: Say | None = None

    def only(self, some: slice | Flags) -> Group:
        """Return the group with some of its rows."""
        return Group(self.rows[some], self.levels, self.sure[some], self.assumed[some], self.title)


def concerned_rows(trigger: Trigger, columns: Columns) -> tuple[Flags, Flags, Flags]:
    """Return bool[rows]: concerned for certain (or as the worst), possibly, and only as the worst."""
    certain, possible = may_hold(trigger.when, columns)
    if trigger.missing == "worst":
        return possible, possible, possible & ~certain
    return certain, possible, np.zeros(len(columns), dtype=bool)


def groups(trigger: Trigger, columns: Columns) -> Iterator[Group]:
    """Yield the rows that a trigger concerns by class; rows of no known class have the strictest levels."""
    sure, possible, assumed = concerned_rows(trigger, columns)
    if trigger.by is None:
        rows = np.flatnonzero(possible)
        yield Group(rows, trigger.levels, sure[rows], assumed[rows])
        return
    column = columns.read(trigger.by)
    words = column if isinstance(column, Words) else Words(np.full(len(columns), -1, np.int32), ())
    field = columns.layer.field(trigger.by)
    titles = {choice.id: choice.title for choice in field.choices}
    told = np.zeros(len(columns), dtype=bool)
    for code, word in enumerate(words.words):
        levels = trigger.classes.get(word, trigger.levels)
        if word not in trigger.classes and not trigger.levels:
            continue
        mine = words.codes == code
        told |= mine
        rows = np.flatnonzero(mine & possible)
        name = titles.get(word, Say(word, word))
        title = Say(f"{field.title.zh}：{name.zh}", f"{field.title.en}: {name.en}")
        if levels:
            yield Group(rows, levels, sure[rows], assumed[rows], title)
    rows = np.flatnonzero(possible & ~told)
    worst = trigger.missing == "worst"
    every = (*trigger.levels, *(level for levels in trigger.classes.values() for level in levels))
    strictest = tuple(sorted(dict.fromkeys(every), key=rank_of))
    yield Group(rows, strictest, sure[rows] & worst, np.full(len(rows), fill_value=worst))


def lacking(trigger: Trigger, columns: Columns) -> tuple[str, ...]:
    """Return the fields of a trigger that are not known in every row, in the order it reads them."""
    return tuple(name for name in trigger.fields if not known(columns.read(name)).all())
