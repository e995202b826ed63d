"""The JSON documents of a duty: scenarios, events, call-out, review. Moments are ISO, UTC.

The document of an evacuation: who goes where, who is left and why, and what each shelter lacks.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from riskmap.actions.terrain.reach import LAYER
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang, Say
from riskmap.formulas.shelter import BEDS_A_PERSON, PEOPLE_A_TOILET, WATER_L_A_DAY, gap, toilets
from riskmap.response.callout import is_due, phase_at
from riskmap.response.evacuation import Replan
from riskmap.rules.arrays import column_of
from riskmap.values.duty import CallLine, CalloutView, CallState, Gap, Review, Tie
from riskmap.values.evacuation import Assignment
from riskmap.values.scenario import Event, Scenario
from riskmap.vocabulary import RANKS

if TYPE_CHECKING:
    from riskmap.actions.episode.evacuation import Evacuation


def iso(moment: dt.datetime | None) -> str | None:
    """Return a moment as the documents write it: to the second, UTC."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="seconds")


_PLAYED = frozenset(("times", "tracks", "cone", "rain"))


def scenario_json(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as a document."""
    return {
        "id": scenario.id,
        "title": scenario.title,
        "drill": scenario.drill,
        "at": iso(scenario.at),
        "recorded": iso(scenario.recorded),
        "who": scenario.who,
        "why": scenario.why,
        # What the map plays is long and stands nowhere else; who wants it asks the ledger.
        "body": {name: value for name, value in scenario.body.items() if name not in _PLAYED},
    }


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as a document."""
    return {
        "event": event.id,
        "scenario": event.scenario,
        "at": iso(event.at),
        "recorded": iso(event.recorded),
        "who": event.who,
        "why": event.why,
        "kind": event.kind,
        "layer": event.layer,
        "code": event.code,
        "subdistrict": event.subdistrict,
        "body": dict(event.body),
    }


def callout_json(view: CalloutView, lang: Lang = "zh") -> dict[str, Any]:
    """Return a call-out with the clock as a document; `overdue` lists LAYER:CODE, in order."""
    lines = view.callout.lines
    statuses = Counter(view.states[line.feature_id].status for line in lines)
    gaps = Counter(gap.kind for line in lines for gap in line.gaps)
    return {
        "scenario": scenario_json(view.scenario),
        "now": iso(view.now),
        "minutes": view.minutes,
        "demo": view.demo,
        "masked": view.masked,
        "count": len(lines),
        "states": dict(sorted(statuses.items())),
        "missing": dict(sorted(gaps.items())),
        "overdue": [f"{line.layer}:{line.code}" for line in lines if view.states[line.feature_id].overdue],
        "callout": [
            {
                "subdistrict": group.subdistrict,
                "count": len(group.lines),
                "records": [line_json(line, view, lang) for line in group.lines],
            }
            for group in view.callout.groups
        ],
    }


def line_json(line: CallLine, view: CalloutView, lang: Lang) -> dict[str, Any]:
    """Return one record of a call-out."""
    phase = phase_at(view.now, line.start, line.expiry)
    return {
        "layer": line.layer,
        "code": line.code,
        "name": line.name,
        "subdistrict": line.subdistrict,
        "from": RANKS[line.rank_from],
        "to": RANKS[line.rank_to],
        "start": iso(line.start),
        "expiry": iso(line.expiry),
        "causes": [cause.text(lang) for cause in line.causes],
        "phase": phase,
        "actions": [
            {"phase": a.phase, "text": a.text.text(lang), "due": is_due(a.phase, phase)} for a in line.actions
        ],
        "own_plan": line.own_plan,
        "done": list(view.done.get(line.feature_id, ())),
        "contacts": [
            {
                "number": callee.number,
                "role": callee.contact.role,
                "title": callee.title.text(lang),
                "name": callee.contact.name,
                "phone": callee.contact.phone,
                "post": callee.contact.post,
                "verified_on": callee.contact.verified_on,
            }
            for callee in line.callees
        ],
        "missing": [_callout_gap(gap, lang) for gap in line.gaps],
        "state": state_json(view.states[line.feature_id]),
    }


def _callout_gap(gap: Gap, lang: Lang) -> dict[str, Any]:
    return {"kind": gap.kind, "role": gap.role, "text": gap.text.text(lang)}


def state_json(state: CallState) -> dict[str, Any]:
    """Return where the calling of a record stands."""
    return {
        "status": state.status,
        "contact": state.callee,
        "role": state.role,
        "called_at": iso(state.called_at),
        "answered_at": iso(state.answered_at),
        "after_minutes": state.after,
        "next": state.next,
        "due": iso(state.due),
        "overdue": state.overdue,
    }


def review_json(found: Review, lang: Lang = "zh") -> dict[str, Any]:
    """Return the figures of the after-action report as a document."""
    return {
        "scenario": scenario_json(found.scenario),
        "until": iso(found.until),
        "demo": found.demo,
        "events": found.events,
        "corrections": found.corrections,
        "warnings": found.warnings,
        "responses": found.responses,
        "tied": found.tied,
        "ties": [_tie(tie) for tie in found.ties],
        "unmatched_warnings": [
            t.warning.id for t in found.ties if t.warning is not None and t.response is None
        ],
        "unmatched_responses": [
            t.response.id for t in found.ties if t.response is not None and t.warning is None
        ],
        "moved": {"people": found.moved.total, "subdistricts": dict(found.moved.by_subdistrict)},
        "shelters_opened": found.opened,
        "shelters_closed": found.closed,
        "shelters": [
            {
                "name": s.name,
                "subdistrict": s.subdistrict,
                "opened": iso(s.opened),
                "closed": iso(s.closed),
            }
            for s in found.shelters
        ],
        "acknowledgement": {
            "records": len(found.answers),
            "answered": len(found.answers) - len(found.unanswered),
            "median_minutes": found.median,
            "p90_minutes": found.p90,
            "without_logged_call": found.uncounted,
            "never_answered": [
                {"layer": a.layer, "code": a.code, "name": a.name, "status": a.status}
                for a in found.unanswered
            ],
        },
        "calls": found.calls,
        "actions_done": found.actions_done,
        "new_spots": [event_json(e) for e in found.new_spots],
        "messages": dict(found.messages),
        "unclear": [event_json(e) for e in found.unclear],
        "adds_up": found.adds_up,
        "differences": [
            {"what": d.what.text(lang), "expected": d.expected, "found": d.found} for d in found.differences
        ],
    }


def _tie(tie: Tie) -> dict[str, Any]:
    return {
        "warning": None if tie.warning is None else event_json(tie.warning),
        "response": None if tie.response is None else event_json(tie.response),
        "stated": tie.stated,
    }


NORMS: Final[Mapping[str, tuple[float, str]]] = {
    "beds_a_person": (BEDS_A_PERSON, "our choice, where a group states no beds of its own"),
    "water_l_a_person_a_day": (
        WATER_L_A_DAY,
        "Sphere Handbook 2018, water supply standard 2.1 (from memory)",
    ),
    "people_a_toilet": (PEOPLE_A_TOILET, "Sphere Handbook 2018, excreta management (from memory)"),
}


_NO_POSITION: Final = Say("没有坐标，无法安排", "no position, no shelter can be found")


_CUT_OFF: Final = Say("没有道路通到任何可用场所", "no road leads to a usable shelter")


_FULL: Final = Say("可用场所已满", "the usable shelters are full")


_NO_ROOM: Final = Say("没有一处场所的余量容得下整户（组）", "no shelter has room for the whole group")


_NONE: Final = Say("没有可用的避难场所", "there is no usable shelter")


def document(ws: Workspace, made: Evacuation) -> dict[str, Any]:
    """Return the document of `riskmap evacuate --json`. Unknown is null, never 0."""
    found = made.plan
    groups = _groups(ws, made)
    shares = _shares(made)
    result = {
        "people": int(found.demands.people.sum()),
        "placed": found.placed,
        "unplaced": int(found.unplaced.sum()),
        "distance": found.distances.how.en,
        "distance_zh": found.distances.how.zh,
        "person_metres": found.walked,
        "whole": found.whole,
        "optimal": found.exact,
        "at_least": {"unplaced": found.unplaced_at_least, "person_metres": found.metres_at_least},
        "zones": _zones(made),
        "assignments": [
            {
                "group": found.demands.code[int(d)],
                "people": int(people),
                "shelter": found.places.code[int(s)],
                "metres": int(metres),
                **groups[int(d)],
                **share,
            }
            for d, s, people, metres, share in zip(
                found.demand, found.shelter, found.people, found.metres, shares, strict=True
            )
        ],
        "unplaced_groups": [
            {"group": found.demands.code[i], "people": int(found.unplaced[i]), **groups[i], **_both(why)}
            for i, why in _reasons(found)
        ],
        "shelters": _shelters(ws, found, shares),
        "closed_shelters": [{"code": code, **_both(why)} for code, why in sorted(made.left_out.items())],
        "norms": {key: {"value": value, "source": source} for key, (value, source) in NORMS.items()},
        "incomplete": [{"code": one.code, "kind": one.kind, **_both(one.why)} for one in made.incomplete],
    }
    if made.replan is not None:
        result |= _changes(ws, made.replan, dict(zip(found.demands.code, groups, strict=True)))
    return result


def complete(document: Mapping[str, Any]) -> bool:
    """Return whether everybody has a place and nothing is unknown about who must move."""
    return not (document["unplaced"] or document["incomplete"])


def _both(say: Say) -> dict[str, str]:
    return {"zh": say.zh, "en": say.en}


def _groups(ws: Workspace, made: Evacuation) -> list[dict[str, Any]]:
    """Return what is known of each demand beside its number: household, place, zones."""
    demands, records = made.plan.demands, made.records
    communities = records.values.get("community", [None] * len(records))
    where = ws.places.locate(demands.lon, demands.lat) if ws.places else np.full(len(demands), -1)
    found: list[dict[str, Any]] = []
    for i, row in enumerate(made.row_of):
        stated = records.subdistrict[row]
        located = ws.subdistricts[int(where[i])] if where[i] >= 0 else None
        household = demands.group[i]
        found.append(
            {
                "household": household if household != demands.code[i] else None,
                "subdistrict": stated if isinstance(stated, str) else located,
                "community": communities[row] if isinstance(communities[row], str) else None,
                "zones": list(made.threatened.zones[i]),
            }
        )
    return found


def _shares(made: Evacuation) -> list[dict[str, Any]]:
    """Return what each assignment needs. Of a group that is split, whoever needs help goes with its first part."""
    found, needs = made.plan, made.threatened
    left = {"help": needs.help.copy(), "vehicles": needs.vehicles.copy(), "beds": needs.beds.copy()}
    rest = found.demands.people - found.unplaced
    shares: list[dict[str, Any]] = []
    for d, people in zip(found.demand, found.people, strict=True):
        rest[d] -= people
        share: dict[str, Any] = {}
        for key, column in left.items():
            if np.isnan(column[d]):
                share[key] = None
                continue
            last = rest[d] == 0 and not found.unplaced[d]
            most = column[d] if last or key == "vehicles" else min(column[d], float(people))
            share[key] = int(most)
            column[d] -= most
        shares.append(share)
    return shares


def _reasons(found: Assignment) -> list[tuple[int, Say]]:
    """Return the demands that are not wholly placed, and why."""
    cut_off = set(found.distances.cut_off)
    reasons: list[tuple[int, Say]] = []
    for i in map(int, np.flatnonzero(found.unplaced)):
        if not np.isfinite(found.demands.lon[i]):
            why = _NO_POSITION
        elif not (found.places.capacity > 0).any():
            why = _NONE
        elif i in cut_off:
            why = _CUT_OFF
        else:
            why = _NO_ROOM if found.whole and (found.free > 0).any() else _FULL
        reasons.append((i, why))
    return reasons


def _zones(made: Evacuation) -> list[dict[str, Any]]:
    """Return the people by zone; those in two zones appear in both, and once in the total."""
    people: dict[str, int] = {}
    for mine, number in zip(made.threatened.zones, made.plan.demands.people, strict=True):
        for code in mine:
            people[code] = people.get(code, 0) + int(number)
    return [{"code": code, "people": people.get(code)} for code in dict.fromkeys(z.code for z in made.zones)]


def _shelters(ws: Workspace, found: Assignment, shares: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return load and supply by shelter; what it does not state is null, and so is the gap."""
    facts = _facts(ws)
    beds = np.zeros(len(found.places))
    helped = np.zeros(len(found.places), np.int64)
    for s, people, share in zip(found.shelter, found.people, shares, strict=True):
        beds[s] += share["beds"] if share["beds"] is not None else float(people) * BEDS_A_PERSON
        helped[s] += share["help"] or 0
    rows: list[dict[str, Any]] = []
    for j, code in enumerate(found.places.code):
        fact, used = facts[code], int(found.load[j])
        water, lavatories = used * WATER_L_A_DAY, float(toilets(used))
        rows.append(
            {
                "code": code,
                "name": fact["name"],
                "subdistrict": fact["subdistrict"],
                "lon": float(found.places.lon[j]),
                "lat": float(found.places.lat[j]),
                "capacity": int(found.places.capacity[j]),
                "used": used,
                "free": int(found.free[j]),
                "help": int(helped[j]),
                "beds_needed": int(beds[j]),
                "beds": _whole(fact["beds"]),
                "beds_gap": _gap(beds[j], fact["beds"]),
                "water_l_per_day": int(water),
                "water_supply": fact["water_supply"],
                "water_gap_l_per_day": _gap(water, fact["water_l_per_day"]),
                "toilets_needed": int(lavatories),
                "toilets_gap": _gap(lavatories, fact["toilets"]),
            }
        )
    return rows


_FACTS: Final = ("beds", "water_supply", "water_l_per_day", "toilets")


def _facts(ws: Workspace) -> dict[str, dict[str, Any]]:
    table = current_snapshot(ws).table(LAYER)
    have = [
        "code",
        "name",
        "subdistrict",
        *(column_of(f) for f in _FACTS if column_of(f) in table.column_names),
    ]
    rows: list[dict[str, Any]] = table.select(have).to_pylist()
    return {
        row["code"]: {
            "name": row["name"],
            "subdistrict": row["subdistrict"],
            **{field: row.get(column_of(field)) for field in _FACTS},
        }
        for row in rows
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _gap(needed: float, stated: float | None) -> int | None:
    return None if stated is None else int(np.ceil(float(gap(needed, stated))))


def _changes(ws: Workspace, again: Replan, groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    names = {code: fact["name"] for code, fact in _facts(ws).items()}
    return {
        "moved": again.moved,
        "stayed": again.stayed,
        "changes": [
            {
                "group": one.demand,
                "from": one.before,
                "to": one.after,
                "people": one.people,
                "from_name": names.get(one.before or ""),
                "to_name": names.get(one.after or ""),
                "subdistrict": groups[one.demand]["subdistrict"],
                "community": groups[one.demand]["community"],
            }
            for one in again.changes
        ],
        "gone": [{"group": one.demand, "shelter": one.shelter, "people": one.people} for one in again.gone],
    }
