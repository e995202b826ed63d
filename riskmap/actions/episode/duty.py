"""A duty: open a scenario, see whom to call and who has answered, and what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from riskmap.actions.episode.roster import duty_for_calls, masked_desk
from riskmap.actions.episode.scenario import Prepared, foreseen, raised
from riskmap.actions.records.editing import note_unmasked
from riskmap.actions.workspace import Workspace
from riskmap.errors import UnknownNameError
from riskmap.moments import BEIJING, moment_of, utc_now
from riskmap.response.callout import callout, clock
from riskmap.response.review import review
from riskmap.rules.masks import mask_contacts
from riskmap.rules.permissions import Actor
from riskmap.values.duty import CallLine, Callout, CalloutView, CallState, DutyNow, Review
from riskmap.values.records import Contact
from riskmap.values.scenario import Event, Recorded, RecordedScenario, standing


def find_scenario(ws: Workspace, named: str | int) -> RecordedScenario:
    """Return the scenario of a number or a title; a title that several have is refused with their numbers."""
    text = str(named).strip()
    if text.isdecimal():
        return ws.ledger.scenario(int(text))
    every = ws.ledger.scenarios()
    found = [s for s in every if s.title == text]
    if not found:
        some = "、".join(f"{s.id} {s.title}" for s in every[:5]) or "无 / none"
        raise UnknownNameError(
            f"情景 {text}：台账中没有；最近的有 {some}",
            f"scenario {text}: there is none; the latest are {some}",
        )
    if len(found) > 1:
        numbers = "、".join(str(s.id) for s in found)
        raise UnknownNameError(
            f"情景 {text}：有 {len(found)} 个同名（{numbers}）；请写编号",
            f"scenario {text}: {len(found)} have this title ({numbers}); give the number",
        )
    return found[0]


def callout_view(
    ws: Workspace,
    named: str | int,
    *,
    now: dt.datetime | None = None,
    minutes: float | None = None,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
) -> CalloutView:
    """Return the call-out of a scenario with the state of every record at `now` (the present moment).

    `minutes` to answer: workspace.toml's unless given. Names and phones are masked unless
    `unmasked`; then the ledger first keeps who saw them and why, and RiskmapError asks for both.
    """
    scenario = find_scenario(ws, named)
    if unmasked:
        note_unmasked(ws, f"情景 {scenario.id} {scenario.title}：叫应单", by=by, why=why)
    moment = now or utc_now()
    limit = ws.config.duty.minutes if minutes is None else minutes
    whole, duty = _whole if unmasked else _whole_masked, duty_for_calls(ws, moment)
    made = whole(ws, scenario.id, scenario.recorded, ws.ledger.state, moment.astimezone(BEIJING).date(), duty)
    log = ws.ledger.events(scenario.id, until=moment)
    states = clock(log, made, moment, limit)
    return CalloutView(
        scenario=scenario,
        callout=made,
        states={state.feature_id: state for state in states},
        now=moment,
        minutes=limit,
        layer_titles={name: layer.title for name, layer in ws.catalog.layers.items()},
        done=_done(log),
        district=ws.config.district,
        demo=ws.demo,
        masked=not unmasked,
        duty=duty if unmasked or duty is None else DutyNow(tuple(map(masked_desk, duty.desks))),
    )


def scenario_callout(
    ws: Workspace, scenario: RecordedScenario, *, at: dt.datetime, record: tuple[str, str] | None = None
) -> Callout:
    """Return the call-out of a scenario (of one record: layer, code), contacts unmasked, with who is on duty `at`."""
    today, duty = at.astimezone(BEIJING).date(), duty_for_calls(ws, at)
    if record is None:
        return _whole(ws, scenario.id, scenario.recorded, ws.ledger.state, today, duty)
    found = ws.ledger.escalations(scenario=scenario.id, record=record)
    return _called(ws, found, since=scenario.at, today=today, duty=duty)


def callout_ahead(ws: Workspace, found: Prepared) -> Callout:
    """Return whom a computed scenario would have called, before it is kept; names and phones masked."""
    at = moment_of(found.at)
    today, duty = at.astimezone(BEIJING).date(), duty_for_calls(ws, at)
    return _masked(_called(ws, foreseen(ws, found), since=at, today=today, duty=duty))


@lru_cache(maxsize=2)
def _whole(
    ws: Workspace,
    number: int,
    _recorded: dt.datetime,
    _state: int,
    today: dt.date,
    duty: DutyNow | None,
) -> Callout:
    """Return a whole call-out. Contacts and plans change with the ledger's state only, ticks are not in it."""
    scenario = ws.ledger.scenario(number)
    return _called(ws, raised(ws, scenario), since=scenario.at, today=today, duty=duty)


@lru_cache(maxsize=2)
def _whole_masked(  # noqa: PLR0917
    ws: Workspace,
    number: int,
    recorded: dt.datetime,
    state: int,
    today: dt.date,
    duty: DutyNow | None,
) -> Callout:
    return _masked(_whole(ws, number, recorded, state, today, duty))


def _called(
    ws: Workspace, found: Sequence[Recorded], *, since: dt.datetime, today: dt.date, duty: DutyNow | None
) -> Callout:
    known = [one for one in found if one.escalation.layer in ws.catalog.layers]
    people: dict[int, tuple[Contact, ...]] = {}
    plans: dict[int, str] = {}
    for layer in dict.fromkeys(one.escalation.layer for one in known):
        codes = sorted({one.escalation.code for one in known if one.escalation.layer == layer})
        features = ws.ledger.features(layer, codes=codes, contacts=True, include_retired=True)
        plan = ws.catalog.layer(layer).plan
        own = features.records.values.get(plan.field, ()) if plan and plan.field else ()
        for row, number in enumerate(features.feature_id.tolist()):
            people[number] = (features.records.contacts or [None] * len(features))[row] or ()
            if own and isinstance(own[row], str):
                plans[number] = str(own[row])
    return callout(
        [_with_plan(one, plans) for one in known],
        people,
        layers=ws.catalog.layers,
        since=since,
        today=today,
        verified_days=ws.config.duty.verified_days or None,
        duty=duty,
    )


def _with_plan(one: Recorded, plans: Mapping[int, str]) -> Recorded:
    return replace(one, plan=plans[one.feature_id]) if one.feature_id in plans else one


def _masked(made: Callout) -> Callout:
    def hide(line: CallLine) -> CallLine:
        shown = mask_contacts([c.contact for c in line.callees]) or ()
        callees = tuple(replace(c, contact=m) for c, m in zip(line.callees, shown, strict=True))
        return replace(line, callees=callees)

    groups = tuple(replace(g, lines=tuple(map(hide, g.lines))) for g in made.groups)
    return Callout(made.since, groups)


def _done(log: Sequence[Event]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for event in standing(log):
        if event.kind == "action_done" and event.feature_id is not None:
            text = str(event.body.get("text") or "")
            found[event.feature_id] = (*found.get(event.feature_id, ()), text)
    return found


def overdue(view: CalloutView) -> list[tuple[CallLine, CallState]]:
    """Return the records whose wait has passed, in the order of the call-out: call the next one now."""
    return [
        (line, view.states[line.feature_id])
        for line in view.callout.lines
        if view.states[line.feature_id].overdue
    ]


def review_of(
    ws: Workspace, named: str | int, *, until: dt.datetime | None = None, minutes: float | None = None
) -> Review:
    """Return the figures of the after-action report of a scenario, at present or as they stood `until`."""
    scenario = find_scenario(ws, named)
    moment = until or utc_now()
    made = review(
        scenario,
        ws.ledger.events(scenario.id),
        scenario_callout(ws, scenario, at=moment),
        until=moment,
        minutes=ws.config.duty.minutes if minutes is None else minutes,
    )
    titles = {name: layer.title for name, layer in ws.catalog.layers.items()}
    return replace(made, layer_titles=titles, district=ws.config.district, demo=ws.demo)
