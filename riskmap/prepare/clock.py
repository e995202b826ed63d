"""The acknowledgement clock: where the calling of every record stands, from the log alone.

Nothing ticks: the same log and the same moment give the same states, whether a page was open or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from riskmap.duty import Callee, CallLine, Callout, CallState, Event, standing

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
        exact = [c for c in same if c.number == stated]
        found = (exact or same)[:1]
        return (found[0].number if found else None), role
    if isinstance(stated, int):
        found = [c for c in callees if c.number == stated]
        return (stated, found[0].contact.role) if found else (None, "")
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
