"""Documents from Word templates: how long each takes on the demo district with its registers, as Word and as PDF, and a pack
of all streets.

Limits are ours: what a person waits for without asking whether it hangs.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Line, spent
from riskmap.actions.documents import Wanted, templates_of, write_document, write_pack
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.rules.permissions import local_actor

_MOST_S = 5.0
_PACK_S = 60.0


def reporting(home: Path, _large: int) -> list[Line]:
    """Each shipped document, and the pack."""
    ws, out = _workspace(home / "documents"), home / "written"
    out.mkdir(exist_ok=True)
    lines: list[Line] = []
    for one in templates_of(ws):
        street = next(iter(ws.subdistricts)) if one.about.street else ""
        wanted = Wanted(subdistrict=street)
        for ending in (".docx", ".pdf"):
            file = out / f"{one.id}{ending}"
            took = spent(lambda one=one, file=file, wanted=wanted: write_document(ws, one.id, file, wanted))
            about = f"wall; {took}; {file.stat().st_size / 1000:.0f} kB; the snapshot is there"
            lines.append(Line(f"report {one.id} as {ending}", took.wall, "s", _MOST_S, about))
    took = spent(lambda: write_pack(ws, out / "pack.zip", Wanted()), runs=1)
    name = f"report --pack, {len(ws.subdistricts)} sub-districts"
    return [*lines, Line(name, took.wall, "s", _PACK_S, f"wall; {took}")]


def _workspace(root: Path) -> Workspace:
    if not root.exists():
        by = local_actor("benchmark")
        assess_layers(create_demo_workspace(root, registers=True, by=by), by=by, why="benchmark")
    return open_workspace(root)
