"""A computed scenario goes into the ledger: what it holds, and how its log begins."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np

from riskmap.duty import NewEvent
from riskmap.hazards import IssuedWarning
from riskmap.moments import moment_of
from riskmap.prepare.wind_error import lead_hours, position_error
from riskmap.present.storm import cone, rain_document, seconds, track_document
from riskmap.rules.permissions import Actor, may
from riskmap.usecases import issued
from riskmap.usecases.issued import Given
from riskmap.usecases.judging import Prepared
from riskmap.usecases.raised import remember
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

_MOST_NAMED: Final = 500  # unknown records that a scenario lists; the others are counted


def keep(ws: Workspace, found: Prepared, *, by: Actor, why: str) -> int:
    """Put a computed scenario into the ledger; return its number. Warnings and response open its log."""
    may(by, "keep_log")
    events = [
        NewEvent(
            at=_happened(one.issued, found.given),
            kind="warning",
            subdistrict=one.subdistricts[0] if len(one.subdistricts) == 1 else None,
            body=_event_body(one),
        )
        for one in found.warnings
    ]
    if found.given.response:
        at = _happened(found.at, found.given)
        events.append(NewEvent(at=at, kind="response", body={"level": found.given.response}))
    opened = ws.ledger.open_scenario(
        title=found.title,
        drill=found.given.drill,
        body=body_of(ws, found),
        at=moment_of(found.at),
        escalations=found.escalations,
        events=events,
        by=by.name,
        why=why,
    )
    remember(ws, opened)
    return opened.scenario.id


def _happened(moment: np.datetime64, given: Given) -> dt.datetime:
    """Return when something is logged: the log holds nothing that is still to come, but in a drill."""
    return moment_of(moment if given.drill else min(moment, issued.now()))


def _event_body(one: IssuedWarning) -> dict[str, Any]:
    """Return what the log keeps of a warning: as `riskmap log … warning` writes it, see docs/duty.md."""
    body: dict[str, Any] = {"hazard": one.kind, "colour": one.colour}
    if one.subdistricts:
        body["subdistricts"] = list(one.subdistricts)
    return body | ({"text": one.text} if one.text else {})


def body_of(ws: Workspace, found: Prepared) -> dict[str, Any]:
    """Return what a scenario keeps beside its escalations, as JSON."""
    forecast = [track for track in found.tracks if track.issued is not None]
    gauges = found.gauges
    names = {
        layer: dict(
            zip(*(current_snapshot(ws).table(layer)[c].to_pylist() for c in ("code", "name")), strict=True)
        )
        for layer in {one.layer for one in found.closed}
    }
    return {
        "times": seconds(found.times),
        "tracks": [track_document(track) for track in found.tracks],
        "cone": cone(forecast[0], position_error(lead_hours(forecast[0], forecast[0].time)))
        if forecast
        else None,
        "rain": []
        if gauges is None
        else rain_document(gauges.rain, gauges.names, gauges.lon.tolist(), gauges.lat.tolist(), found.times),
        "files": [dict(one) for one in found.files],
        "warnings": [
            {
                "kind": one.kind,
                "colour": one.colour,
                "issued": f"{one.issued}Z",
                "expires": None if one.expires is None else f"{one.expires}Z",
                "subdistricts": list(one.subdistricts),
            }
            for one in found.warnings
        ],
        "response": found.given.response,
        "model": found.given.model,
        "notes": [{"zh": note.zh, "en": note.en} for note in found.notes],
        "skipped": {layer: list(o.skipped) for layer, o in found.outcomes.items() if o.skipped},
        "closed": [
            {
                "layer": one.layer,
                "code": one.code,
                "name": names[one.layer].get(one.code) or "",
                "zh": one.cause.zh,
                "en": one.cause.en,
                "start": f"{one.start}Z",
                "expiry": f"{one.expiry}Z",
            }
            for one in found.closed
        ],
        "unknown_count": len(found.unknown),
        "unknown": [dict(one) for one in found.unknown[:_MOST_NAMED]],
    }
