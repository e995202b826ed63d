"""Before the storm: from a track to every raised record of a district, kept, and ready for the map."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.measure import Line, say, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.playback import storm
from riskmap.actions.episode.scenario import keep, prepare
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor

LIMIT_S = 2.0  # from the file to the map, together
_TRACK = "tracks/mangkhut_2018_jma.txt"


def preparing(home: Path, _: int) -> list[Line]:
    """Compute a storm for a district, keep it, and make what the map plays; the snapshot is there already."""
    ws = workspace(home, DISTRICT)
    current_snapshot(ws)
    given = _given()
    found = prepare(ws, given)
    say(f"  {found.title}: {len(found.escalations):,} escalations in {len(found.times)} hours")
    computed = spent(lambda: prepare(ws, given))
    kept = spent(lambda: keep(ws, found, by=local_actor("benchmark"), why="benchmark"))
    # A scenario of its own each time: what is made for the map is kept in memory by its number.
    numbers = iter([keep(ws, found, by=local_actor("benchmark"), why="benchmark") for _ in range(3)])
    current_snapshot(ws)
    shown = spent(lambda: _shown(ws, next(numbers)))
    records = len({(one.layer, one.code) for one in found.escalations})
    what = f"{found.title} over {DISTRICT:,} points, {records:,} raised"
    return [
        Line(f"prepare, {what}", computed.cpu, "s", None, str(computed)),
        Line("prepare: keep the scenario", kept.cpu, "s", None, str(kept)),
        Line("prepare: what the map plays", shown.cpu, "s", None, str(shown)),
        Line("prepare, from the file to the map", computed.cpu + kept.cpu + shown.cpu, "s", LIMIT_S, "CPU"),
    ]


def _given() -> Given:
    """Return Mangkhut where the test data are, else the made-up storm."""
    track = Path(os.environ.get("RISKMAP_TEST_DATA", "")) / _TRACK
    return Given(tracks=(track,)) if track.is_file() else Given(made=True, drill=True)


def _shown(ws: Workspace, number: int) -> int:
    found = storm(ws, number)
    return len(found.points) + len(found.document["counts"])
