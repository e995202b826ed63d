"""Filters with counts, and tiles, as the server answers them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.measure import Line, wall
from benchmarks.workspaces import workspace
from riskmap.selection import Selection, counts, tile
from riskmap.usecases.snapshots import current_snapshot


def serving(home: Path, large: int) -> list[Line]:
    """Fresh filters over all points; every tile of a walk through the zooms, each asked for once."""
    ws = workspace(home, large)
    snapshot = current_snapshot(ws)
    some = snapshot.subdistricts[:3]
    fresh = [
        Selection(tiers=("major", "large")),
        Selection(subdistricts=tuple(some)),
        Selection(layers=("risk_points",), tiers=("general",), subdistricts=tuple(some[:1])),
        Selection(states=("unrated",)),
        Selection(tiers=("low", "general"), subdistricts=tuple(some[1:])),
    ]
    spent = []
    for selection in fresh:
        start = time.perf_counter()
        counts(snapshot, selection)
        spent.append(time.perf_counter() - start)
    times = []
    selection = Selection(tiers=("general", "large", "low"))
    for z in range(9, 18):
        for x, y in _around(114.13, 22.58, z):
            start = time.perf_counter()
            tile(snapshot, selection, z, x, y)
            times.append(time.perf_counter() - start)
    ms = 1000 * np.array(times)
    return [
        Line(
            f"filter with counts, {large:,} points",
            1000 * max(spent),
            "ms",
            100,
            "slowest of five fresh filters",
        ),
        Line(f"tile median, {large:,} points", float(np.median(ms)), "ms", 10, f"{len(ms)} tiles, zoom 9–17"),
        Line(f"tile 95th percentile, {large:,} points", float(np.percentile(ms, 95)), "ms", 60),
        Line(
            "a cached tile",
            1000 * wall(lambda: tile(snapshot, selection, 12, *_around(114.13, 22.58, 12)[0])),
            "ms",
        ),
    ]


def _around(lon: float, lat: float, z: int) -> list[tuple[int, int]]:
    n = 2**z
    x = int((lon + 180) / 360 * n)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
    return [(x + dx, y + dy) for dx in (-2, -1, 0, 1, 2) for dy in (-1, 0, 1)]
