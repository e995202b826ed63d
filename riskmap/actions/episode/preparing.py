"""Before the storm: from what was issued to a kept scenario, its call-out and the moves of people.

`prepare` computes and writes nothing; `keep` puts the result into the ledger as a scenario.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from riskmap.actions.episode.documents import callout_json
from riskmap.actions.episode.duty import callout_view
from riskmap.actions.episode.inputs import Given, must_be_there
from riskmap.actions.episode.playback import moves_of
from riskmap.actions.episode.scenario import Prepared, keep, prepare
from riskmap.actions.reports import CALLOUTS, check_target, export_callout
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError, Say
from riskmap.moments import iso_second, moment_of
from riskmap.rules.permissions import Actor
from riskmap.values.hazards import Escalation
from riskmap.vocabulary import RANKS, TIERS

__all__ = [
    "Given",
    "Prepared",
    "escalation_json",
    "keep",
    "moves_ahead",
    "prepare",
    "prepare_and_report",
]


def prepare_and_report(
    ws: Workspace,
    given: Given,
    *,
    people: Path | None = None,
    crs: str | None = None,
    keep_it: bool = True,
    to: Path | None = None,
    by: Actor,
    why: str,
) -> dict[str, Any]:
    """Compute, keep, and return the document of `riskmap prepare --json`.

    The call-out needs a kept scenario; without one it is empty. Nothing is kept where anything that
    was given cannot be used: the people and the ending of `to` are looked at first.
    """
    if to is not None:
        if not keep_it:
            raise RiskmapError(
                f"{to}：只算不存时没有叫应单；请去掉 --dry-run 或 --to",
                f"{to}: nothing is kept, so there is no call-out; leave out --dry-run or --to",
            )
        check_target(to, CALLOUTS)
    if people is not None:
        must_be_there(people)
    found = prepare(ws, given)
    tiers = Counter(RANKS[rank] for rank in found.worst.values())
    moves: dict[str, Any] = {"people": 0, "placed": 0, "unplaced": 0, "assignments": []}
    notes = list(found.notes)
    table = people or ws.people_table
    if table is None:
        notes.append(
            Say(
                "没有人口表，未安排转移；见 --people",
                "no table of people, so no moves were planned; see --people",
            )
        )
    else:
        try:
            moves = moves_ahead(ws, found, table, crs=crs)
        except RiskmapError as problem:
            if people is not None:
                raise
            # The workspace's own table must not keep anybody from seeing what is in danger.
            notes.append(Say(f"未安排转移：{problem.say.zh}", f"no moves were planned: {problem.say.en}"))
            moves["failed"] = True
    number = keep(ws, found, by=by, why=why) if keep_it else None
    callout: list[Any] = []
    if number is not None:
        view = callout_view(ws, number, now=moment_of(found.at))
        callout = callout_json(view)["callout"]
        if to is not None:
            export_callout(view, to, by=by)
    return {
        "scenario": found.title,
        "id": number,
        "drill": given.drill,
        "at": f"{found.at}Z",
        "response": given.response,
        "raised": {tier: tiers.get(tier, 0) for tier in TIERS},
        "escalations": [one for each in found.escalations for one in escalation_json(each)],
        "callout": callout,
        "evacuation": moves,
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
        "skipped": {
            layer: list(outcome.skipped) for layer, outcome in found.outcomes.items() if outcome.skipped
        },
        "notes": [{"zh": note.zh, "en": note.en} for note in notes],
    }


def moves_ahead(ws: Workspace, found: Prepared, people: Path, *, crs: str | None = None) -> dict[str, Any]:
    """Return who would move where in a computed scenario, before it is kept: see `moves_of`."""
    closed = [one.code for one in found.closed]
    return moves_of(ws, people, found.worst, closed=closed, typhoon=bool(found.tracks), crs=crs)


def escalation_json(one: Escalation) -> list[dict[str, Any]]:
    """Return an escalation as `riskmap prepare --json` prints it: one entry for each tier that it reaches.

    The cause is the same in all: what the trigger saw at its worst.
    """
    common = {
        "trigger": one.trigger,
        "value": None if np.isnan(one.value) else round(float(one.value), 2),
        "low": None if np.isnan(one.low) else round(float(one.low), 2),
        "high": None if np.isnan(one.high) else round(float(one.high), 2),
    }
    return [
        {
            "layer": one.layer,
            "code": one.code,
            "from": RANKS[one.rank_from],
            "to": RANKS[step.rank],
            "cause": one.cause.zh,
            "start": iso_second(step.start),
            "expiry": iso_second(step.expiry),
            **common,
        }
        for step in one.spans
    ]
