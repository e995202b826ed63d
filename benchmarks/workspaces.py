"""Demo workspaces of the sizes that the benchmarks need, made once per run."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import say
from riskmap.usecases.assessing import assess_layers
from riskmap.usecases.demonstrating import create_demo_workspace
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace, open_workspace

DISTRICT = 42_336


def workspace(home: Path, points: int) -> Workspace:
    """Return the assessed demo workspace with so many risk points, making it when it is not there."""
    folder = home / f"demo-{points}"
    if not (folder / "ready").exists():
        say(f"  making a demo district of {points:,} points")
        ws = create_demo_workspace(folder, points=points, by="benchmark")
        assess_layers(ws, by="benchmark", why="benchmark")
        current_snapshot(ws)
        (folder / "ready").touch()
    return open_workspace(folder)
