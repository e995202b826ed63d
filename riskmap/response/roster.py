"""A duty roster at a moment: who is on duty at which desk, where two shifts overlap, when nobody is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise

from riskmap.values.duty import DeskDuty, DutyNow, Shift


def duty_now(shifts: Sequence[Shift], moment: dt.datetime) -> DutyNow:
    """Return who is on duty at a moment, at every desk that the roster knows, who leads first."""
    return DutyNow(tuple(_desk(desk, own, moment) for desk, own in by_desk(shifts)))


def _desk(desk: str | None, shifts: Sequence[Shift], moment: dt.datetime) -> DeskDuty:
    on = sorted((one for one in shifts if one.covers(moment)), key=lambda one: (not one.leads, one.role))
    if on:
        return DeskDuty(desk, tuple(on))
    return DeskDuty(desk, (), min((one.begins for one in shifts if one.begins > moment), default=None))


def by_desk(shifts: Sequence[Shift]) -> list[tuple[str | None, list[Shift]]]:
    """Return the shifts of each desk, the district's first, streets by name."""
    found: dict[str | None, list[Shift]] = {}
    for one in shifts:
        found.setdefault(one.desk, []).append(one)
    return sorted(found.items(), key=lambda pair: (pair[0] is not None, pair[0] or ""))


def overlaps(shifts: Sequence[Shift], now: dt.datetime) -> Iterator[tuple[Shift, Shift]]:
    """Yield two shifts of one desk and post that are not over by `now` and overlap, in order of time.

    Two who do not lead, with the same beginning and end, are on duty together and no overlap.
    """
    groups: dict[tuple[str | None, str], list[Shift]] = {}
    for one in shifts:
        if one.ends > now:
            groups.setdefault((one.desk, one.post.zh), []).append(one)
    for group in groups.values():
        running: list[Shift] = []
        for one in sorted(group, key=lambda shift: (shift.begins, shift.ends, shift.role)):
            running = [other for other in running if other.ends > one.begins]
            for other in running:
                if one.leads or (one.begins, one.ends) != (other.begins, other.ends):
                    yield other, one
            running.append(one)


def uncovered(shifts: Sequence[Shift], now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return when nobody is at a desk, from `now` (or the roster's first moment) to the roster's last one."""
    reach: list[tuple[dt.datetime, dt.datetime]] = []
    for one in sorted(shifts, key=lambda shift: shift.begins):
        if reach and one.begins <= reach[-1][1]:
            reach[-1] = (reach[-1][0], max(reach[-1][1], one.ends))
        else:
            reach.append((one.begins, one.ends))
    between = [(max(before[1], now), after[0]) for before, after in pairwise(reach)]
    return [(begins, ends) for begins, ends in between if begins < ends]
