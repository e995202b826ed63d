"""A tiny workspace for the tests of the map and the pages: every tier, two layers more, hostile names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.rules.permissions import local_actor
from riskmap.values.import_plan import Intake
from riskmap.values.records import Contact, Records

WEST, SOUTH, EAST, NORTH = 114.10, 22.53, 114.16, 22.58
STREETS = ("桂园街道", "黄贝街道")
HOSTILE = (
    "<img src=x onerror=window.hacked=1>",
    "{{7*7}}",
    "{% raw %}",
    "'; DROP TABLE feature; --",
    "=cmd|' /C calc'!A0",
    "'+86",
    "${window.hacked=1}",
    "</script><script>window.hacked=1</script>",
)
# L, E, C of the published method and the tier that comes out of it (a limit belongs to the higher tier).
FACTORS: Mapping[str, tuple[float | None, float, float]] = {
    "major": (10, 6, 15),
    "large": (3, 6, 15),
    "general": (1, 6, 15),
    "low": (0.5, 6, 7),
    "unrated": (None, 6, 15),
}
# One lonely point of each tier, far from the others, so that a test can click on it.
LONELY: Mapping[str, tuple[float, float]] = {
    "major": (114.111, 22.571),
    "large": (114.121, 22.571),
    "general": (114.131, 22.571),
    "low": (114.141, 22.571),
    "unrated": (114.151, 22.571),
}
UNLOCATED = 2
CROWD = 40  # low ones in the south of the district
STACK = (114.125, 22.545)  # the hostile names, all at one place


def make_workspace(root: Path) -> Workspace:
    """Make, fill and assess the workspace; 57 risk points, 4 grids, 2 shelters."""
    ws = create_workspace(root, name="测试区")
    _boundaries(ws)
    ws = open_workspace(root)
    for records in (_points(), _grids(), _shelters()):
        plan = ws.ledger.plan_import(_intake(records))
        ws.ledger.commit_import(plan, by="tests", why="a workspace for tests")
    assess_layers(ws, by=local_actor("tests"), why="a workspace for tests")
    return ws


def _boundaries(ws: Workspace) -> None:
    middle = (WEST + EAST) / 2
    boxes = {
        STREETS[0]: shapely.box(WEST, SOUTH, middle, NORTH),
        STREETS[1]: shapely.box(middle, SOUTH, EAST, NORTH),
    }
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": json.loads(shapely.to_geojson(box))}
        for name, box in boxes.items()
    ]
    file = ws.root / "data" / "subdistricts.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    settings = ws.root / "workspace.toml"
    text = settings.read_text(encoding="utf-8").replace(
        'subdistricts = ""', 'subdistricts = "data/subdistricts.geojson"'
    )
    settings.write_text(
        text.replace('approval_number = ""', 'approval_number = "粤S(2026)001号"'), encoding="utf-8"
    )


def _points() -> Records:
    rows: list[tuple[str, str, float, float, str]] = [
        (f"RP-LONE-{tier}", f"孤点{tier}", *LONELY[tier], tier) for tier in FACTORS
    ]
    rows += [(f"RP-EVIL-{i}", name, *STACK, "large") for i, name in enumerate(HOSTILE)]
    random = np.random.default_rng(5)
    for i in range(CROWD):
        lon, lat = random.uniform(114.135, 114.155), random.uniform(22.533, 22.556)
        rows.append((f"RP-CROWD-{i:02d}", f"普通点{i:02d}", lon, lat, "low"))
    rows += [(f"RP-NOWHERE-{i}", f"无坐标{i}", np.nan, np.nan, "general") for i in range(UNLOCATED)]
    rows += [
        ("RP-TWIN-0", "双点甲", 114.115, 22.550, "general"),
        ("RP-TWIN-1", "双点乙", 114.115, 22.550, "low"),
    ]
    lon, lat = np.array([r[2] for r in rows]), np.array([r[3] for r in rows])
    factors = np.array([FACTORS[r[4]] for r in rows], dtype=object)
    values = {
        name: factors[:, k].tolist() for k, name in enumerate(("likelihood", "exposure", "consequence"))
    }
    contacts = [(Contact("responsible", "张三丰", "13800001234"),)] * len(rows)
    return _records("risk_points", rows, lon, lat, values, contacts=contacts)


def _grids() -> Records:
    boxes = [shapely.box(114.102 + 0.003 * i, 22.533, 114.105 + 0.003 * i, 22.539) for i in range(4)]
    rows = [(f"FG-{i}", f"网格{i}", 0.0, 0.0, "") for i in range(4)]
    centre = shapely.get_coordinates(shapely.centroid(boxes))
    values = {
        "fuel": ["very_high", "high", "medium", "low"],
        "ignition": ["very_high", "high", "high", "low"],
        "access": ["none", "fair", "fair", "good"],
    }
    return _records(
        "forest_fire_grids",
        rows,
        centre[:, 0],
        centre[:, 1],
        values,
        shapes=[shapely.to_wkb(b) for b in boxes],
    )


def _shelters() -> Records:
    rows = [("SH-0", "体育馆避难场所", 0.0, 0.0, ""), ("SH-1", "学校避难场所", 0.0, 0.0, "")]
    return _records("shelters", rows, np.array([114.106, 114.157]), np.array([22.562, 22.562]), {})


def _records(
    layer: str,
    rows: Sequence[tuple[str, str, float, float, str]],
    lon: np.ndarray,
    lat: np.ndarray,
    values: Mapping[str, Sequence[Any]],
    **more: Any,
) -> Records:
    middle = (WEST + EAST) / 2
    streets = [None if np.isnan(x) else STREETS[int(x > middle)] for x in lon]
    return Records(
        layer,
        [r[0] for r in rows],
        [r[1] for r in rows],
        streets,
        lon,
        lat,
        more.pop("shapes", None),
        values,
        **more,
    )


def _intake(records: Records) -> Intake:
    return Intake(
        file=f"{records.layer}.test",
        digest=hashlib.sha256(records.layer.encode()).hexdigest(),
        layer=records.layer,
        datum="cgcs2000",
        sheets=(),
        rows=len(records),
        skipped_non_data=0,
        records=records,
        sheet=["test"] * len(records),
        row=range(1, len(records) + 1),
        stated_version=None,
        rejected=(),
        issues=(),
    )
