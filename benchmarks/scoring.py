"""The scoring kernel alone, in seconds and against a fixed numpy workload."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Line, numpy_workload, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.scoring import assess_table


def scoring(home: Path, large: int) -> list[Line]:
    """Score the risk points of a district, and of a million."""
    lines = []
    for points, limit in ((DISTRICT, 0.3), (large, 5.0)):
        ws = workspace(home, points)
        layer, model = ws.catalog.layer("risk_points"), ws.catalog.model_of("risk_points")
        table = current_snapshot(ws).table("risk_points")
        fixed = spent(numpy_workload(points), runs=7)
        ours = spent(lambda table=table, layer=layer, model=model: assess_table(model, layer, table), runs=7)
        lines += [
            Line(f"scoring kernel, {points:,} points", ours.cpu, "s", limit, str(ours)),
            Line(f"scoring ÷ numpy workload, {points:,}", ours.cpu / fixed.cpu, "×"),
        ]
    return lines
