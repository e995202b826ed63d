"""Which streets have handed in this month's list of a layer, worked out of the files that were imported."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.json_documents import Document
from riskmap.ledger import CameIn
from riskmap.moments import local_now


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What the streets handed in of a layer in a month: street → the last file with rows of it, None where none came.

    `by`: the last day for it.
    """

    layer: str
    month: str
    by: dt.date
    streets: dict[str, CameIn | None]

    @property
    def missing(self) -> tuple[str, ...]:
        """The streets of which no list has come."""
        return tuple(street for street, came in self.streets.items() if came is None)

    def late(self, today: dt.date) -> bool:
        """Whether the last day has passed and a street is missing; on that day it has not."""
        return bool(self.missing) and today > self.by

    def as_json(self) -> Document:
        """Return one layer of `riskmap handed-in --json`."""
        return {
            "layer": self.layer,
            "month": self.month,
            "by": self.by.isoformat(),
            "missing": list(self.missing),
            "streets": {
                street: None if came is None else {"file": came.file, "rows": came.rows, "at": came.at}
                for street, came in self.streets.items()
            },
        }


def handed_in(ws: Workspace, *, month: str | None = None) -> list[HandedIn]:
    """Return what was handed in in a month (2026-11; by default this one) of every layer whose file expects lists.

    The streets are those of the boundaries, or, where there are none, those that records of the layer state.
    RiskmapError for what is no month.
    """
    first = _first_day(month)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    since, until = (_midnight(day) for day in (first, last + dt.timedelta(days=1)))
    former = ws.former_names()["subdistrict"]
    held: dict[str, dict[str, int]] | None = None
    found: list[HandedIn] = []
    for layer in ws.catalog.layers.values():
        if layer.expected is None:
            continue
        streets: dict[str, CameIn | None] = dict.fromkeys(ws.subdistricts)
        if not streets:
            held = ws.ledger.names_held("subdistrict") if held is None else held
            streets = dict.fromkeys(sorted(name for name, layers in held.items() if layer.id in layers))
        for came in ws.ledger.came_in(layer.id, since, until):
            street = former.get(came.street, came.street)
            if street in streets:
                streets[street] = came
        by = last.replace(day=min(layer.expected.by, last.day))
        found.append(HandedIn(layer.id, f"{first:%Y-%m}", by, streets))
    return found


def _first_day(month: str | None) -> dt.date:
    if month is None:
        return local_now().date().replace(day=1)
    try:
        return dt.datetime.strptime(month.strip(), "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError as problem:
        raise RiskmapError(
            f"月份 {month!r} 不对；请写成 2026-11", f"not a month: {month!r}; write it like 2026-11"
        ) from problem


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min).astimezone()
