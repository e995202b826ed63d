"""Whom to call, in which order, what they have to do, and what is missing before it is needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from riskmap.catalog import PHASES, Action, Layer
from riskmap.duty import Callee, CallGroup, CallLine, Callout, Escalated, Gap
from riskmap.errors import Say
from riskmap.records import RANKS, Contact

_BEFORE: Final[Sequence[tuple[str, float]]] = (
    ("before_48", 24.0),
    ("before_24", 12.0),
    ("before_12", 6.0),
    ("before_6", 0.0),
)


def callout(
    escalated: Iterable[Escalated],
    contacts: Mapping[int, Sequence[Contact]],
    *,
    layers: Mapping[str, Layer],
    since: dt.datetime,
    today: dt.date,
    verified_days: int | None = None,
) -> Callout:
    """Return one line per escalated record, by sub-district, worst and soonest first.

    `contacts`: feature id → its people. They are called in the order of the layer's contact roles;
    people in roles that the layer does not name come last. `verified_days` overrides how old the
    last check of a contact may be on `today`; else the layer's plan says it, else how long its
    records stay fresh. Sub-districts stand in the order of their worst and soonest record; records
    without one form a group of their own, which is ranked like the others. The order of
    `escalated` makes no difference.
    """
    by_record: dict[int, list[Escalated]] = {}
    for one in escalated:
        by_record.setdefault(one.feature_id, []).append(one)
    lines = [
        _line(found, contacts.get(number, ()), layers[found[0].layer], today, verified_days)
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


def _line(
    found: Sequence[Escalated],
    people: Sequence[Contact],
    layer: Layer,
    today: dt.date,
    verified_days: int | None,
) -> CallLine:
    ordered = sorted(found, key=lambda e: (-e.rank_to, e.peak.start, e.trigger, e.cause.zh))
    worst = ordered[0]
    callees = in_order(people, layer)
    plan = layer.plan
    days = verified_days or (plan.verified_days if plan else None) or layer.stale_after_days
    own = next((e.plan.strip() for e in ordered if e.plan.strip()), "")
    replaced = bool(own) and plan is not None and plan.own == "replaces"
    return CallLine(
        feature_id=worst.feature_id,
        layer=worst.layer,
        code=worst.code,
        name=worst.name,
        subdistrict=worst.subdistrict,
        rank_from=worst.rank_from,
        rank_to=worst.rank_to,
        start=min(e.start for e in found),
        expiry=max(e.expiry for e in found),
        causes=_causes(ordered),
        callees=callees,
        gaps=gaps(callees, layer, today=today, days=days),
        actions=() if replaced else actions_for(layer, worst.rank_to),
        own_plan=own,
    )


def _causes(ordered: Sequence[Escalated]) -> tuple[Say, ...]:
    """Return what raised a record, worst first: of the levels of one trigger only the worst is said."""
    said: dict[str, Say] = {}
    for one in ordered:
        said.setdefault(one.trigger, one.cause)
    return tuple(dict.fromkeys(said.values()))


def in_order(people: Sequence[Contact], layer: Layer) -> tuple[Callee, ...]:
    """Return the people with a name or a phone in the order of the layer's roles, numbered from 1."""
    place = {role.id: i for i, role in enumerate(layer.contacts)}
    titles = {role.id: role.title for role in layer.contacts}
    known = [c for c in people if c.name or c.phone]
    known.sort(key=lambda c: (place.get(c.role, len(place)), c.role, c.name or "", c.phone or ""))
    return tuple(
        Callee(number, titles.get(one.role, Say(one.role, one.role)), one)
        for number, one in enumerate(known, 1)
    )


def gaps(callees: Sequence[Callee], layer: Layer, *, today: dt.date, days: int) -> tuple[Gap, ...]:
    """Return what is missing: nobody at all, vacant roles, no phone, a check never made or too old.

    A check is too old when it was made more than `days` days before `today`. A date that is not
    known, cannot be read or lies in the future is no check.
    """
    if not callees:
        return (Gap("no_contacts", "", Say("没有任何联系人", "no contacts at all")),)
    filled = {callee.contact.role for callee in callees}
    found = [
        Gap("role_vacant", role.id, Say(f"{role.title.zh}空缺", f"{role.title.en}: vacant"))
        for role in layer.contacts
        if role.id not in filled
    ]
    for callee in callees:
        zh, en, person = callee.title.zh, callee.title.en, callee.contact
        if not person.phone:
            found.append(Gap("no_phone", person.role, Say(f"{zh}没有电话", f"{en}: no phone")))
        checked = _day(person.verified_on)
        if checked is None or checked > today:
            found.append(Gap("unverified", person.role, Say(f"{zh}从未核实", f"{en}: never verified")))
        elif (age := (today - checked).days) > days:
            text = Say(
                f"{zh}上次核实在 {checked}，已 {age} 天（限 {days} 天）",
                f"{en}: last verified on {checked}, {age} days ago (limit {days})",
            )
            found.append(Gap("verification_expired", person.role, text))
    return tuple(found)


def _day(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        return None


def actions_for(layer: Layer, rank: int) -> tuple[Action, ...]:
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
