"""The scoring kernel alone, in seconds and against a fixed numpy workload."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Line, numpy_workload, seconds
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.assess import assess_table
from riskmap.usecases.snapshots import current_snapshot


def scoring(home: Path, large: int) -> list[Line]:
    """Score the risk points of a district, and of a million."""
    lines = []
    for points, limit in ((DISTRICT, 0.3), (large, 5.0)):
        ws = workspace(home, points)
        layer, model = ws.catalog.layer("risk_points"), ws.catalog.model_of("risk_points")
        table = current_snapshot(ws).table("risk_points")
        ours = seconds(
            lambda table=table, layer=layer, model=model: assess_table(model, layer, table), runs=5
        )
        fixed = seconds(numpy_workload(points), runs=5)
        lines += [
            Line(f"scoring kernel, {points:,} points", ours, "s", limit, "CPU"),
            Line(f"scoring ÷ numpy workload, {points:,}", ours / max(fixed, 1e-9), "×"),
        ]
    return lines
