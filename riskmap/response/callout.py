"""Whom to call, in which order, what they have to do, and what is missing before it is needed.

The acknowledgement clock: where the calling of every record stands, from the log alone.

Nothing ticks: the same log and the same moment give the same states, whether a page was open or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from riskmap.catalog import PHASES, Layer, PlanAction
from riskmap.errors import Text
from riskmap.rules.cell import callable_phone
from riskmap.values.duty import (
    ROSTER,
    Callee,
    CallGroup,
    CallLine,
    Callout,
    CalloutGap,
    CallState,
    DeskDuty,
    DutyNow,
    Shift,
)
from riskmap.values.hazards import Escalation
from riskmap.values.records import Contact
from riskmap.values.scenario import Event, Recorded, standing
from riskmap.vocabulary import RANKS

_BEFORE: Final[Sequence[tuple[str, float]]] = (
    ("before_48", 24.0),
    ("before_24", 12.0),
    ("before_12", 6.0),
    ("before_6", 0.0),
)


def callout(
    escalated: Iterable[Recorded],
    contacts: Mapping[int, Sequence[Contact]],
    *,
    layers: Mapping[str, Layer],
    since: dt.datetime,
    today: dt.date,
    verified_days: int | None = None,
    duty: DutyNow | None = None,
) -> Callout:
    """Return one line per escalated record, by sub-district, worst and soonest first.

    `contacts`: feature id → its people. They are called in the order of the layer's contact roles;
    people in roles that the layer does not name come last. Before them all come those who are on `duty` at the desk
    of the record's street, else at the district's. `verified_days` overrides how old the
    last check of a contact may be on `today`; else the layer's plan says it, else how long its
    records stay fresh. Sub-districts stand in the order of their worst and soonest record; records
    without one form a group of their own, which is ranked like the others. The order of
    `escalated` makes no difference.
    """
    by_record: dict[int, list[Recorded]] = {}
    for one in escalated:
        by_record.setdefault(one.feature_id, []).append(one)
    lines = [
        _line(found, contacts.get(number, ()), layers[found[0].escalation.layer], today, verified_days, duty)
        for number, found in by_record.items()
    ]
    groups: dict[str | None, list[CallLine]] = {}
    for line in sorted(lines, key=lambda one: _urgency(one, layers)):
        groups.setdefault(line.subdistrict or None, []).append(line)
    # Lines are in order of urgency: so are the sub-districts that they opened.
    return Callout(since, tuple(CallGroup(name, tuple(found)) for name, found in groups.items()))


def _urgency(line: CallLine, layers: Mapping[str, Layer]) -> tuple[object, ...]:
    place = layers[line.layer].style.order
    return (-line.rank_to, line.start, line.subdistrict or "", place, line.layer, line.code)


def _line(  # noqa: PLR0917
    found: Sequence[Recorded],
    people: Sequence[Contact],
    layer: Layer,
    today: dt.date,
    verified_days: int | None,
    duty: DutyNow | None,
) -> CallLine:
    ordered = sorted(
        (one.escalation for one in found), key=lambda e: (-e.rank_to, e.peak.start, e.trigger, e.cause.zh)
    )
    worst, record = ordered[0], found[0]
    desk, empty = (DeskDuty(None), ()) if duty is None else duty.called(record.subdistrict)
    callees = in_order(people, layer, desk)
    plan = layer.plan
    days = verified_days or (plan.verified_days if plan else None) or layer.stale_after_days
    own = record.plan.strip()
    replaced = bool(own) and plan is not None and plan.own == "replaces"
    return CallLine(
        feature_id=record.feature_id,
        layer=worst.layer,
        code=worst.code,
        name=record.name,
        subdistrict=record.subdistrict,
        rank_from=worst.rank_from,
        rank_to=worst.rank_to,
        start=min(e.start for e in ordered),
        expiry=max(e.expiry for e in ordered),
        causes=_causes(ordered),
        callees=callees,
        gaps=(*map(_nobody, empty), *gaps(callees, layer, today=today, days=days)),
        actions=() if replaced else actions_for(layer, worst.rank_to),
        own_plan=own,
    )


def _causes(ordered: Sequence[Escalation]) -> tuple[Text, ...]:
    """Return what raised a record, worst first: of the levels of one trigger only the worst is said."""
    said: dict[str, Text] = {}
    for one in ordered:
        said.setdefault(one.trigger, one.cause)
    return tuple(dict.fromkeys(said.values()))


def _nobody(desk: DeskDuty) -> CalloutGap:
    title = desk.title
    return CalloutGap(
        "nobody_on_duty", "", Text(f"{title.zh}此刻无人值班", f"{title.en}: nobody is on duty now")
    )


def in_order(people: Sequence[Contact], layer: Layer, desk: DeskDuty | None = None) -> tuple[Callee, ...]:
    """Return the people with a name or a phone in the order of the layer's roles, numbered from 1.

    Those on duty at `desk` come first, each in the role of the shift: its successor was not called.
    """
    place = {role.id: i for i, role in enumerate(layer.contacts)}
    titles = {role.id: role.title for role in layer.contacts}
    known = [c for c in people if c.name or c.phone]
    known.sort(key=lambda c: (place.get(c.role, len(place)), c.role))  # who is named first is called first
    on = [] if desk is None else [_on_duty(number, desk, one) for number, one in enumerate(desk.shifts, 1)]
    ahead = len(on)
    return (
        *on,
        *(
            Callee(
                number,
                titles.get(one.role, Text(one.role, one.role)),
                one,
                callable_phone(one.phone),
                ahead=ahead,
            )
            for number, one in enumerate(known, ahead + 1)
        ),
    )


def _on_duty(number: int, desk: DeskDuty, shift: Shift) -> Callee:
    """Return somebody on duty as who is called; the title says at which desk, and from where the number is."""
    title = Text(
        f"{desk.title.zh}{shift.post.zh}（{ROSTER.zh}）", f"{desk.title.en}, {shift.post.en} ({ROSTER.en})"
    )
    contact = Contact(shift.role, shift.name, shift.phone)
    return Callee(number, title, contact, callable_phone(shift.phone), source=ROSTER)


def gaps(callees: Sequence[Callee], layer: Layer, *, today: dt.date, days: int) -> tuple[CalloutGap, ...]:
    """Return what is missing: nobody at all, vacant roles, no phone, a check never made or too old.

    A check is too old when it was made more than `days` days before `today`. A date that is not
    known, cannot be read or lies in the future is no check.
    """
    if all(callee.source for callee in callees):  # nobody of its own
        none = CalloutGap("no_contacts", "", Text("没有任何联系人", "no contacts at all"))
        return (none, *(_no_phone(callee) for callee in callees if not callee.callable))
    filled = {callee.contact.role for callee in callees}
    found = [
        CalloutGap("role_vacant", role.id, Text(f"{role.title.zh}空缺", f"{role.title.en}: vacant"))
        for role in layer.contacts
        if role.id not in filled
    ]
    for callee in callees:
        zh, en, person = callee.title.zh, callee.title.en, callee.contact
        if not callee.callable:
            found.append(_no_phone(callee))
        if callee.source:
            continue  # a roster states no day of checking
        checked = _day(person.verified_on)
        if checked is None or checked > today:
            found.append(
                CalloutGap("unverified", person.role, Text(f"{zh}从未核实", f"{en}: never verified"))
            )
        elif (age := (today - checked).days) > days:
            text = Text(
                f"{zh}上次核实在 {checked}，已 {age} 天（限 {days} 天）",
                f"{en}: last verified on {checked}, {age} days ago (limit {days})",
            )
            found.append(CalloutGap("verification_expired", person.role, text))
    return tuple(found)


def _no_phone(callee: Callee) -> CalloutGap:
    zh, en, person = callee.title.zh, callee.title.en, callee.contact
    says = ("没有可拨打的电话", "no phone that can be dialled") if person.phone else ("没有电话", "no phone")
    return CalloutGap("no_phone", person.role, Text(f"{zh}{says[0]}", f"{en}: {says[1]}"))


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        return None


def actions_for(layer: Layer, rank: int) -> tuple[PlanAction, ...]:
    """Return what the layer's plan asks for at a raised rank, in the order of the phases."""
    if layer.plan is None:
        return ()
    return tuple(a for a in layer.plan.actions if not a.tiers or RANKS[rank] in a.tiers)


def phase_at(now: dt.datetime, start: dt.datetime, expiry: dt.datetime) -> str:
    """Return the phase at a moment; a bound belongs to the later phase.

    More than 24 h before `start`: before_48 (however early), then before_24, before_12, before_6;
    from `start` on: during; from `expiry` on: after. 24 h before → before_24, 5 h → before_6.
    """
    if now >= expiry:
        return "after"
    if now >= start:
        return "during"
    left = (start - now) / dt.timedelta(hours=1)
    return next(phase for phase, bound in _BEFORE if left > bound)


def is_due(phase: str, current: str) -> bool:
    """Tell whether what belongs to a phase should be done by now: a late warning skips nothing."""
    order = tuple(PHASES)
    return order.index(phase) <= order.index(current)


_CALLS = ("call", "no_answer", "acknowledgement")


def clock(
    events: Iterable[Event], callout: Callout, now: dt.datetime, minutes: float
) -> tuple[CallState, ...]:
    """Return the state of every line of a call-out at `now`, in the call-out's order.

    - waiting: nobody was called; overdue once `minutes` have passed since the call-out;
    - called: the last call is younger than `minutes` and not refused;
    - overdue: `minutes` or more have passed, or nobody answered: `next` is to be called;
    - answered: somebody of the record answered; the first answer counts;
    - exhausted: the last one waited for in vain and nobody is left, or there is nobody to call.

    `next` is the first callee with a phone, in order, who was not called yet. Events after `now`
    have not happened; a correction made by `now` takes back. Events of one moment count in the
    order call, no answer, acknowledgement. An event that names no callee means the one called last;
    a call that names none means the next.
    """
    happened = standing(e for e in events if e.at <= now)
    by_record: dict[int, list[Event]] = {}
    for event in happened:
        if event.feature_id is not None and event.kind in _CALLS:
            by_record.setdefault(event.feature_id, []).append(event)
    limit = dt.timedelta(minutes=minutes)
    return tuple(
        _state(line, by_record.get(line.feature_id, ()), callout.since, now, limit) for line in callout.lines
    )


@dataclass(slots=True)
class _Calling:
    """What the events so far have made of the calling of one record."""

    called: set[int] = field(default_factory=set[int])
    last: int | None = None
    last_role: str = ""
    last_at: dt.datetime | None = None
    first_at: dt.datetime | None = None
    refused: bool = False

    def call(self, number: int | None, role: str, at: dt.datetime) -> None:
        self.last, self.last_role, self.last_at, self.refused = number, role, at, False
        self.first_at = self.first_at or at
        if number is not None:
            self.called.add(number)

    def no_answer(self, number: int | None, role: str, at: dt.datetime) -> None:
        if self.last_at is None or (number, role) != (self.last, self.last_role):
            if number is not None and number in self.called:
                return  # of somebody called before: the present wait goes on
            self.call(number, role, at)  # a call that nobody wrote down
        self.refused = True


def _state(
    line: CallLine, events: Sequence[Event], since: dt.datetime, now: dt.datetime, limit: dt.timedelta
) -> CallState:
    calling = _Calling()
    for event in events:
        number, role = _who(event, line.callees, calling)
        if event.kind == "call":
            calling.call(number, role, event.at)
        elif event.kind == "no_answer":
            calling.no_answer(number, role, event.at)
        else:
            return _answered(line, calling, event, number, role)
    return _unanswered(line, calling, since, now, limit)


def _who(event: Event, callees: Sequence[Callee], calling: _Calling) -> tuple[int | None, str]:
    """Return number and role of the person meant: by role, which an edit of the list does not move."""
    role, stated = event.body.get("role"), event.body.get("contact")
    if isinstance(role, str) and role:
        same = [c for c in callees if c.contact.role == role]
        exact = [c for c in same if c.place == stated]
        found = (exact or same)[:1]
        return (found[0].number if found else None), role
    if isinstance(stated, int):
        found = [c for c in callees if c.place == stated and not c.source]
        return (found[0].number, found[0].contact.role) if found else (None, "")
    if event.kind == "call":
        return _named(callees, _next(callees, calling))
    return calling.last, calling.last_role


def _named(callees: Sequence[Callee], number: int | None) -> tuple[int | None, str]:
    role = next((c.contact.role for c in callees if c.number == number), "")
    return number, role


def _next(callees: Sequence[Callee], calling: _Calling) -> int | None:
    return next((c.number for c in callees if c.callable and c.number not in calling.called), None)


def _answered(line: CallLine, calling: _Calling, event: Event, number: int | None, role: str) -> CallState:
    first = calling.first_at
    return CallState(
        feature_id=line.feature_id,
        status="answered",
        callee=number,
        role=role,
        called_at=calling.last_at,
        first_called_at=first,
        answered_at=event.at,
        after=None if first is None else (event.at - first) / dt.timedelta(minutes=1),
    )


def _unanswered(
    line: CallLine, calling: _Calling, since: dt.datetime, now: dt.datetime, limit: dt.timedelta
) -> CallState:
    following = _next(line.callees, calling)
    if calling.last_at is None:
        due = since + limit
        if following is None:
            return CallState(line.feature_id, "exhausted", due=due, overdue=True)
        return CallState(line.feature_id, "waiting", next=following, due=due, overdue=now >= due)
    due = calling.last_at if calling.refused else calling.last_at + limit
    passed = now >= due
    status = "called" if not passed else "exhausted" if following is None else "overdue"
    return CallState(
        feature_id=line.feature_id,
        status=status,
        callee=calling.last,
        role=calling.last_role,
        called_at=calling.last_at,
        first_called_at=calling.first_at,
        next=following,
        due=due,
        overdue=passed,
    )
