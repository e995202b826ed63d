"""The JSON documents of a duty: scenarios, events, call-out, review. Moments are ISO, UTC."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from riskmap.duty import CallLine, CalloutView, CallState, Event, Gap, Review, Scenario, Tie
from riskmap.errors import Lang
from riskmap.prepare.callout import is_due, phase_at
from riskmap.records import RANKS


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
        "missing": [_gap(gap, lang) for gap in line.gaps],
        "state": state_json(view.states[line.feature_id]),
    }


def _gap(gap: Gap, lang: Lang) -> dict[str, Any]:
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
