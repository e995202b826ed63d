"""The JSON documents of a storm and its duty: scenarios, events, call-out, review. Moments are ISO, UTC."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from riskmap.actions.episode.preparing import Preparation, reached_tiers
from riskmap.actions.episode.roster import desk_json
from riskmap.errors import Lang
from riskmap.json_documents import Document, plain
from riskmap.moments import iso_second
from riskmap.response.callout import is_due, phase_at
from riskmap.values.duty import CallLine, CalloutView, CallState, Review, Tie
from riskmap.values.scenario import Event, RecordedScenario
from riskmap.vocabulary import RANKS


def iso(moment: dt.datetime | None) -> str | None:
    """Return a moment as the documents write it: to the second, UTC."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="seconds")


_PLAYED = frozenset(("times", "tracks", "cone", "rain"))


def scenario_json(scenario: RecordedScenario) -> Document:
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


def event_json(event: Event) -> Document:
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


def callout_json(view: CalloutView, lang: Lang = "zh") -> Document:
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
        "callout": groups_json(view, lang),
        **({} if view.duty is None else {"duty": [desk_json(one) for one in view.duty.desks]}),
    }


def groups_json(view: CalloutView, lang: Lang = "zh") -> list[Document]:
    """Return the records of a call-out by sub-district."""
    return [
        {
            "subdistrict": group.subdistrict,
            "count": len(group.lines),
            "records": [_line(line, view, lang) for line in group.lines],
        }
        for group in view.callout.groups
    ]


def _line(line: CallLine, view: CalloutView, lang: Lang) -> Document:
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
                **({} if callee.source is None else {"source": callee.source.text(lang)}),
            }
            for callee in line.callees
        ],
        "missing": [{"kind": gap.kind, "role": gap.role, "text": gap.text.text(lang)} for gap in line.gaps],
        "state": _state(view.states[line.feature_id]),
    }


def _state(state: CallState) -> Document:
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


def review_json(found: Review, lang: Lang = "zh") -> Document:
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


def _tie(tie: Tie) -> Document:
    return {
        "warning": None if tie.warning is None else event_json(tie.warning),
        "response": None if tie.response is None else event_json(tie.response),
        "stated": tie.stated,
    }


def preparation_json(made: Preparation) -> Document:
    """Return the document of `riskmap prepare --json`."""
    found = made.found
    moves: Document = {"people": 0, "placed": 0, "unplaced": 0, "assignments": []}
    return {
        "scenario": found.title,
        "id": made.number,
        "drill": found.given.drill,
        "at": f"{found.at}Z",
        "response": found.given.response,
        "raised": made.raised,
        "escalations": plain([one for each in found.escalations for one in reached_tiers(each)]),
        "callout": [] if made.callout is None else groups_json(made.callout),
        "evacuation": (moves | ({"failed": True} if made.failed else {}))
        if made.moves is None
        else plain(made.moves),
        "closed_shelters": [
            {
                "code": one.code,
                "zh": one.cause.zh,
                "en": one.cause.en,
                "start": iso_second(one.start),
                "expiry": iso_second(one.expiry),
            }
            for one in found.closed
        ],
        "unknown_count": len(found.unknown),
        "unknown": list(found.unknown),
        "skipped": made.skipped,
        "notes": plain(made.notes),
    }
