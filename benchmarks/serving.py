"""Filters with counts, tiles, and what an edit costs, as the server answers them."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from benchmarks.measure import Line
from benchmarks.workspaces import workspace
from riskmap.actions.records.editing import edit_point
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection, Snapshot, counts, parse_where, tile
from riskmap.selection.masks import Views

CENTRE = (114.13, 22.58)


def serving(home: Path, large: int) -> list[Line]:
    """Fresh filters over all points; every tile of a walk through the zooms; an edit until it is seen."""
    ws = workspace(home, large)
    snapshot = current_snapshot(ws)
    filters = _fresh_filters(ws, snapshot)
    counts(snapshot, Selection(text="街"))  # a server that runs has its columns in memory
    spent = {name: _fresh(snapshot, selection) for name, selection in filters.items()}
    slowest = max(spent, key=lambda name: spent[name])
    shown = "; ".join(f"{name} {ms:.3g}" for name, ms in spent.items())
    chosen = Selection(tiers=("general", "large", "low"))
    tiles = [(z, x, y) for z in range(9, 18) for x, y in _around(z)]
    times = np.array([_milliseconds(lambda t=t: tile(snapshot, chosen, *t)) for t in tiles])
    edits = [_milliseconds(lambda i=i: (change_a_record(ws, i), current_snapshot(ws))) for i in range(5)]
    return [
        Line(
            f"filter with counts, {large:,} points", spent[slowest], "ms", 100, f"slowest: {slowest}. {shown}"
        ),
        Line(
            f"tile median, {large:,} points",
            float(np.median(times)),
            "ms",
            10,
            f"{len(times)} tiles, zoom 9–17",
        ),
        Line(f"tile 95th percentile, {large:,} points", float(np.percentile(times, 95)), "ms", 60),
        Line(f"slowest tile, {large:,} points", float(times.max()), "ms", None, "the first of a new filter"),
        Line(
            f"edit, assess and see it, {large:,} points",
            float(np.median(edits)),
            "ms",
            2000,
            f"{max(edits):.0f} at worst of {len(edits)}",
        ),
    ]


def _fresh_filters(ws: Workspace, snapshot: Snapshot) -> dict[str, Selection]:
    some, layers = snapshot.subdistricts[:3], list(ws.catalog.layers.values())
    area = shapely.Point(*CENTRE).buffer(0.03, quad_segs=64)
    return {
        "tiers": Selection(tiers=("major", "large")),
        "sub-districts": Selection(subdistricts=some),
        "layer, tier, sub-district": Selection(("risk_points",), ("general",), subdistricts=some[:1]),
        "unrated": Selection(states=("unrated",)),
        "number": Selection(where=(parse_where("likelihood >= 3", layers),)),
        "choice": Selection(where=(parse_where("kind == fire", layers),)),
        "flag": Selection(flags=("possible_duplicate",)),
        "text": Selection(text="百货"),
        "two words": Selection(text="百货 社区"),
        "polygon": Selection(within=shapely.to_wkb(area)),
    }


def _fresh(snapshot: Snapshot, selection: Selection) -> float:
    """Return the median milliseconds of a filter with counts that nobody has asked for before."""
    blank = [replace(snapshot, views=Views()) for _ in range(5)]
    return statistics.median(_milliseconds(lambda s=s: counts(s, selection)) for s in blank)


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


_notes = itertools.count()


def change_a_record(ws: Workspace, row: int) -> None:
    """Write a remark into a record and score it again."""
    table = current_snapshot(ws).table("risk_points")
    code = table["code"][(row + 1) * len(table) // 7].as_py()
    seen = int(one_feature(ws, "risk_points", code).version[0])
    changes = {"remarks": f"{time.time_ns()}-{next(_notes)}"}
    edit_point(
        ws, "risk_points", code, seen=seen, changes=changes, by=local_actor("benchmark"), why="benchmark"
    )


def _around(z: int) -> list[tuple[int, int]]:
    lon, lat = CENTRE
    n = 2**z
    x = int((lon + 180) / 360 * n)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
    return [(x + dx, y + dy) for dx in (-2, -1, 0, 1, 2) for dy in (-1, 0, 1)]
