"""The small workspace with the shipped registers of hazards, and a model by which an open major one raises a point."""

from __future__ import annotations

from pathlib import Path

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.shipped_layers import take_layers
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.rules.permissions import local_actor
from tests.map_workspace import make_workspace

POINT = "risk_points"
REGISTER = "major_hazards"
ROLLUP = """rollups = [
  { id = "open_major_hazards", title = { zh = "在册重大隐患", en = "Open major hazards" }, of = "major_hazards", by = "point", count = true, where = [{ field = "state", op = "!=", value = "closed" }] },
]
"""
RULE = """
[[rules]]
id = "open_major"
title = { zh = "有在册重大隐患", en = "An open major hazard" }
tier = "large"
when = [{ field = "open_major_hazards", op = ">=", value = 1 }]
status = "draft"
source = "测试用草案"
"""
TEXT_EVIDENCE = 'id = "evidence", title = { zh = "整改照片", en = "Evidence" }, type = "text"'
FILE_EVIDENCE = 'id = "evidence", title = { zh = "整改照片", en = "Evidence" }, type = "file", several = true'


def hazard_workspace(root: Path) -> Workspace:
    """Make it: 57 risk points with every tier, two registers without a record, evidence as pictures."""
    take_layers(make_workspace(root), ["hazards", REGISTER])
    for path, old, new in (
        (root / "layers" / f"{REGISTER}.toml", TEXT_EVIDENCE, FILE_EVIDENCE),
        (root / "layers" / f"{POINT}.toml", "stale_after_days", f"{ROLLUP}stale_after_days"),
    ):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with (root / "models" / "risk_points_lec.toml").open("a", encoding="utf-8") as file:
        file.write(RULE)
    ws = open_workspace(root)
    assess_layers(ws, by=local_actor("tests"), why="the rule is in the model")
    return ws
