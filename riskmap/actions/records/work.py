"""What is open in the registers, and for whom: overdue, due soon, to accept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.flow import CONTACT, Flow
from riskmap.errors import Text
from riskmap.json_documents import Document
from riskmap.ledger import OpenRecord
from riskmap.moments import as_of_json, iso_second, last_moment, local_day, local_now, utc_now
from riskmap.rules.laws import overdue_days
from riskmap.rules.masks import mask_name
from riskmap.rules.moves import flow_of

SOON_DAYS: Final = 7
"""How many days ahead a deadline is called due, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An open record of a register; `days` since its deadline, below 0 before it, None where none runs.

    `second`: whether a second person is waited for. `people`: with whom it lies, masked, where somebody is asked for.
    `mark`: what the reminders of its flow call it by now (督办).
    """

    record: OpenRecord
    days: int | None
    desk: str | None
    second: bool
    people: tuple[str, ...] = ()
    mark: Text | None = None

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed; on its day it has not."""
        return self.days is not None and self.days > 0

    def due(self, within: int = SOON_DAYS) -> bool:
        """Whether the deadline is within so many days from today."""
        return self.days is not None and -within <= self.days <= 0

    def as_json(self) -> Document:
        """Return one item of `riskmap work --json`."""
        one = self.record
        return {
            "layer": one.layer,
            "code": one.code,
            "name": one.name,
            "subdistrict": one.subdistrict,
            "state": one.state,
            "since": one.since,
            "due": one.due,
            "overdue_days": self.days if self.overdue else None,
            "desk": self.desk,
            "people": list(self.people),
            "version": one.version,
            **({"mark": self.mark.zh} if self.mark else {}),
        }


@dataclass(frozen=True, slots=True)
class Work:
    """What is open at a day: `counts` over all registers, `items` as they were asked for.

    `mine` is None where nobody is named, `alerts` where no register holds alerts.
    """

    at: str
    counts: Mapping[str, int | None]
    items: tuple[WorkItem, ...]
    open: int

    def as_json(self) -> Document:
        """Return the document of `riskmap work --json`."""
        return {"at": self.at, "counts": dict(self.counts), "items": [one.as_json() for one in self.items]}


def registers(ws: Workspace) -> list[Layer]:
    """Return the layers whose records go through a flow."""
    return [layer for layer in ws.catalog.layers.values() if layer.flow is not None]


def work_list(
    ws: Workspace,
    *,
    who: str | None = None,
    due: int | None = None,
    overdue: bool = False,
    as_of: dt.date | None = None,
) -> Work:
    """Return what is open, now or at a day: all of it, what is `overdue`, due within days, or on the desk of `who`.

    A deadline that is today is due and not overdue. With several restrictions an item has to meet one of the
    first two, and be on the desk.
    """
    day = local_now().date() if as_of is None else local_day(as_of)
    moment = None if as_of is None else last_moment(as_of)
    layers = registers(ws)
    found = ws.ledger.open_records(layers, as_of=moment, contacts=who is not None)
    items = [_item(ws.catalog.layer(one.layer), one, day, who) for one in found]
    items.sort(key=lambda one: (one.record.due is None, one.record.due or "", one.record.layer))
    soon = SOON_DAYS if due is None else due
    counts: dict[str, int | None] = {
        "mine": None if who is None else sum(bool(one.people) for one in items),
        "due": sum(one.due(soon) for one in items),
        "overdue": sum(one.overdue for one in items),
        "to_accept": sum(one.second for one in items),
        "alerts": None,
    }
    if overdue or due is not None:
        items = [one for one in items if (overdue and one.overdue) or (due is not None and one.due(due))]
    return Work(
        iso_second(utc_now()) if as_of is None else str(as_of_json(as_of)),
        counts,
        tuple(one for one in items if who is None or one.people),
        open=len(found),
    )


def _item(layer: Layer, one: OpenRecord, day: dt.date, who: str | None) -> WorkItem:
    """Return an open record with its desk; of persons those that bear the name which is asked for."""
    state = flow_of(layer).state(one.state)
    desk = None if state is None else state.desk
    people: list[str] = []
    if who is not None and desk is not None and desk.startswith(CONTACT):
        role = desk.removeprefix(CONTACT)
        names = [c.name for c in one.contacts if c.role == role and c.name]
        people = [mask_name(name) or "" for name in names if name.strip() == who.strip()]
    second = any(move.other_than and one.state in move.from_ for move in flow_of(layer).moves)
    days = overdue_days(one.due, day)
    return WorkItem(one, days, desk, second, tuple(people), _mark(flow_of(layer), days))


def _mark(flow: Flow, days: int | None) -> Text | None:
    """Return what the last reminder that is due calls a ticket, None where none calls it anything."""
    due = [
        one for one in flow.reminders if one.mark is not None and days is not None and days >= one.after_days
    ]
    return max(due, key=lambda one: one.after_days).mark if due else None


def overdue_text(work: Work) -> Text:
    """Return how much is open, due and overdue, in one sentence."""
    late, soon = work.counts["overdue"] or 0, work.counts["due"] or 0
    return Text(
        f"待办 {work.open} 件，其中超期 {late} 件，{SOON_DAYS} 天内到期 {soon} 件",
        f"{work.open} open, {late} overdue, {soon} due within {SOON_DAYS} days",
    )
