"""What is open in the registers, and for whom: overdue, due soon, to accept, alerts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.catalog.flow import CONTACT
from riskmap.catalog.series import LEVELS
from riskmap.errors import Text
from riskmap.json_documents import Document
from riskmap.ledger import OpenRecord
from riskmap.moments import as_of_json, iso_second, last_moment, local_day, local_now, utc_now
from riskmap.rules.arrays import pc
from riskmap.rules.laws import overdue_days
from riskmap.rules.masks import mask_name
from riskmap.rules.moves import flow_of

SOON_DAYS: Final = 7
"""How many days ahead a deadline is called due, unless somebody says otherwise."""


# How bad an alert is; one whose level is not known stands above those of the mildest.
_BADNESS: Final[Mapping[str | None, float]] = {None: 1.5, **{one: i for i, one in enumerate(LEVELS, 1)}}


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An open record of a register; `days` since its deadline, below 0 before it, None where none runs.

    `second`: whether a second person is waited for. `people`: with whom it lies, masked, where somebody is asked for.
    `alert`: whether it is one of a register of alerts. `mark`: what the reminders of its flow call it by now (督办).
    `subdistrict`: its own, else that of the record where it stands.
    """

    record: OpenRecord
    days: int | None
    desk: str | None
    second: bool
    people: tuple[str, ...] = ()
    alert: bool = False
    mark: Text | None = None
    subdistrict: str | None = None

    @property
    def urgency(self) -> tuple[bool, str, float, str, str]:
        """What items are sorted by: the earliest deadline, then alerts, the worst and the oldest first, then the rest."""
        one = self.record
        worst = -_BADNESS.get(one.level, _BADNESS[None]) if self.alert else 0.0
        return one.due is None, one.due or "", worst, (one.at or "") if self.alert else "", one.layer

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
            "subdistrict": self.subdistrict,
            "state": one.state,
            "since": one.since,
            "due": one.due,
            "overdue_days": self.days if self.overdue else None,
            "desk": self.desk,
            "people": list(self.people),
            **({"level": one.level, "at": one.at} if self.alert else {}),
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
    alerts: bool = False,
    as_of: dt.date | None = None,
) -> Work:
    """Return what is open, now or at a day: all of it, what is `overdue`, due within days, `alerts`, or on the desk of `who`.

    A deadline that is today is due and not overdue. With several restrictions an item has to meet one of the
    first three, and be on the desk.
    """
    day = local_now().date() if as_of is None else local_day(as_of)
    moment = None if as_of is None else last_moment(as_of)
    layers = registers(ws)
    found = ws.ledger.open_records(layers, as_of=moment, contacts=who is not None)
    streets = _streets(ws, found, as_of)
    items = [
        _item(
            ws.catalog.layer(one.layer),
            one,
            day,
            who,
            one.subdistrict or streets.get(one.layer, {}).get(one.code),
        )
        for one in found
    ]
    items.sort(key=lambda one: one.urgency)
    counts = _counts(((one, 1) for one in items), layers, soon=SOON_DAYS if due is None else due, who=who)
    if overdue or alerts or due is not None:
        items = [
            one
            for one in items
            if (overdue and one.overdue) or (alerts and one.alert) or (due is not None and one.due(due))
        ]
    return Work(
        iso_second(utc_now()) if as_of is None else str(as_of_json(as_of)),
        counts,
        tuple(one for one in items if who is None or one.people),
        open=len(found),
    )


def work_counts(ws: Workspace, *, as_of: dt.date | None = None) -> Work:
    """Return how much is open, due, overdue and to accept, now or at a day, without the items: no record is read."""
    day = local_now().date() if as_of is None else local_day(as_of)
    moment = None if as_of is None else last_moment(as_of)
    layers = registers(ws)
    found = [
        (_item(ws.catalog.layer(layer), OpenRecord(layer, "", None, None, state, due, None, 0), day, None), n)
        for (layer, state, due), n in ws.ledger.open_deadlines(layers, as_of=moment).items()
    ]
    at = iso_second(utc_now()) if as_of is None else str(as_of_json(as_of))
    return Work(at, _counts(found, layers), (), open=sum(n for _, n in found))


def work_tallies(ws: Workspace, *, as_of: dt.date | None = None) -> Mapping[str, Mapping[str, int]]:
    """Return what → register → how many: open, overdue, due, to_accept, alerts; now or at a day."""
    day = local_now().date() if as_of is None else local_day(as_of)
    moment = None if as_of is None else last_moment(as_of)
    found: dict[str, Counter[str]] = {one: Counter() for one in ("open", *_TALLIED)}
    for (layer, state, due), n in ws.ledger.open_deadlines(registers(ws), as_of=moment).items():
        item = _item(
            ws.catalog.layer(layer), OpenRecord(layer, "", None, None, state, due, None, 0), day, None
        )
        for one in ("open", *(what for what, met in _TALLIED.items() if met(item))):
            found[one][layer] += n
    return found


_TALLIED: Final[Mapping[str, Callable[[WorkItem], bool]]] = {
    "overdue": lambda one: one.overdue,
    "due": lambda one: one.due(),
    "to_accept": lambda one: one.second,
    "alerts": lambda one: one.alert,
}


def _counts(
    items: Iterable[tuple[WorkItem, int]],
    layers: Iterable[Layer],
    *,
    soon: int = SOON_DAYS,
    who: str | None = None,
) -> dict[str, int | None]:
    """Count items, each with how many there are of it."""
    found: Counter[str] = Counter()
    for one, n in items:
        if one.people:
            found["mine"] += n
        if one.overdue:
            found["overdue"] += n
        elif one.due(soon):
            found["due"] += n
        if one.second:
            found["to_accept"] += n
        if one.alert:
            found["alerts"] += n
    known = {"mine": who is not None, "alerts": any(one.role == "alert" for one in layers)}
    names = ("mine", "due", "overdue", "to_accept", "alerts")
    return {name: found[name] if known.get(name, True) else None for name in names}


def _streets(
    ws: Workspace, found: Sequence[OpenRecord], as_of: dt.date | None
) -> Mapping[str, Mapping[str, str]]:
    """Return layer → code → sub-district of the open records that state none and stand where another record does."""
    inherits = {one.id for one in registers(ws) if one.geometry == "inherit"}
    bare: dict[str, list[str]] = {}
    for one in found:
        if one.subdistrict is None and one.layer in inherits:
            bare.setdefault(one.layer, []).append(one.code)
    now = current_snapshot(ws, as_of=as_of) if bare else None
    streets: dict[str, Mapping[str, str]] = {}
    for layer, codes in bare.items():
        if now is not None and layer in now.layers:
            table = now.table(layer)
            rows = pc.index_in(pa.array(codes), table["code"].combine_chunks())
            named = table["subdistrict"].take(rows).to_pylist()
            streets[layer] = {code: street for code, street in zip(codes, named, strict=True) if street}
    return streets


def _item(
    layer: Layer, one: OpenRecord, day: dt.date, who: str | None, subdistrict: str | None = None
) -> WorkItem:
    """Return an open record with its desk; of persons those that bear the name which is asked for."""
    flow = flow_of(layer)
    state = flow.state(one.state)
    desk = None if state is None else state.desk
    people: list[str] = []
    if who is not None and desk is not None and desk.startswith(CONTACT):
        role = desk.removeprefix(CONTACT)
        names = [c.name for c in one.contacts if c.role == role and c.name]
        people = [mask_name(name) or "" for name in names if name.strip() == who.strip()]
    days = overdue_days(one.due, day)
    mark = None if days is None else flow.mark(days)
    second = one.state in flow.second_person_awaited
    return WorkItem(one, days, desk, second, tuple(people), layer.role == "alert", mark, subdistrict)


def overdue_text(work: Work) -> Text:
    """Return how much is open, due and overdue, and how many alerts are, in one sentence."""
    late, soon, alerts = work.counts["overdue"] or 0, work.counts["due"] or 0, work.counts["alerts"]
    zh, en = (f"，预警 {alerts} 条", f", {alerts} alerts") if alerts else ("", "")
    return Text(
        f"待办 {work.open} 件，其中超期 {late} 件，{SOON_DAYS} 天内到期 {soon} 件{zh}",
        f"{work.open} open, {late} overdue, {soon} due within {SOON_DAYS} days{en}",
    )
