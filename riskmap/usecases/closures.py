"""Shelters that people close while a storm lasts: written into the log, and read from it by every plan."""

from __future__ import annotations

from collections.abc import Sequence

from riskmap.duty import standing
from riskmap.rules.permissions import Actor, may
from riskmap.usecases.duty import find_scenario
from riskmap.usecases.event_entry import Entry, prepared
from riskmap.usecases.shelter_reach import LAYER
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace


def shut_shelters(ws: Workspace, named: str | int) -> tuple[str, ...]:
    """Return the codes of the shelters that the log of a scenario closes and does not open again."""
    last: dict[str, str] = {}
    for event in standing(ws.ledger.events(find_scenario(ws, named).id)):
        if event.kind in {"opening", "closure"} and event.layer == LAYER and event.code:
            last[event.code] = event.kind
    return tuple(code for code, kind in last.items() if kind == "closure")


def shelter_names(ws: Workspace) -> dict[str, str]:
    """Return what each shelter is called, by code: its name, or else the code."""
    table = current_snapshot(ws).table(LAYER)
    pairs = zip(table["code"].to_pylist(), table["name"].to_pylist(), strict=True)
    return {code: name or code for code, name in pairs}


def close_shelters(
    ws: Workspace, named: str | int, codes: Sequence[str], *, by: Actor, why: str
) -> tuple[str, ...]:
    """Write the closing of shelters into the log, all of them or none; return those that were not closed before.

    UnknownNameError for a code that the ledger does not have.
    """
    may(by, "keep_log")
    scenario = find_scenario(ws, named)
    shut = shut_shelters(ws, scenario.id)
    new = tuple(code for code in dict.fromkeys(codes) if code not in shut)
    events = [prepared(ws, scenario, Entry("closure", record=f"{LAYER}:{code}")) for code in new]
    if events:
        ws.ledger.add_events(scenario.id, events, by=by.name, why=why)
    return new
