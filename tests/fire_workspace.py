"""A workspace with a handful of forest-fire grids: squares of 100 m beside 114° E, where a degree is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from riskmap.actions.workspace import Workspace, create_workspace
from riskmap.actions.workspace.demo import records_as_intake
from riskmap.coordinates import parse_datum, to_cgcs2000
from riskmap.values.records import Contact, Records

METRIC = parse_datum("EPSG:4547")
EAST, NORTH = 500_000.0, 2_500_000.0


def in_degrees(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a shape given in metres from the corner of the first grid as CGCS2000 degrees."""

    def move(xy):
        return np.column_stack(to_cgcs2000(EAST + xy[:, 0], NORTH + xy[:, 1], METRIC))

    return shapely.transform(shape, move)


def square(x: float, y: float, side: float = 100.0) -> shapely.Polygon:
    return shapely.box(x, y, x + side, y + side)


def grid_workspace(
    folder: Path,
    grids: Mapping[str, shapely.Geometry | None],
    *,
    contacts: bool = True,
    **fields: Sequence[Any],
) -> Workspace:
    """Make a workspace whose grids have these shapes (metres); `fields` in the order of the grids."""
    ws = create_workspace(folder)
    count = len(grids)
    shapes = [None if shape is None else in_degrees(shape) for shape in grids.values()]
    spots = [None if shape is None else shapely.point_on_surface(shape) for shape in shapes]
    leader = (Contact("patrol_leader", "甲", "13800138000"),)
    records = Records(
        layer="forest_fire_grids",
        code=list(grids),
        name=[f"{code}号网格" for code in grids],
        subdistrict=[None] * count,
        lon=np.array([np.nan if s is None else s.x for s in spots], float),
        lat=np.array([np.nan if s is None else s.y for s in spots], float),
        shapes=[None if shape is None else shapely.to_wkb(shape) for shape in shapes],
        values={"patrollers": [2] * count} | fields,
        contacts=[leader if contacts else ()] * count,
    )
    plan = ws.ledger.plan_import(records_as_intake("forest_fire_grids", records, name="网格"))
    ws.ledger.commit_import(plan, by="测试", why="测试")
    return ws
