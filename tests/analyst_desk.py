"""A folder as an analyst has it: a demo district in data/demo, models and layers, and what was handed over."""

from __future__ import annotations

import shutil
from pathlib import Path

import riskmap
from riskmap.catalog import defaults_dir
from tests.prepare_workspace import bulletin, rain

SLOPES = Path(__file__).parent / "cases" / "messy" / "slopes_边坡台账.xls"


def analyst_desk(folder: Path) -> Path:
    with riskmap.demo(folder / "data" / "demo", points=300, seed=7) as d:
        d.assess(by="王五", why="首次评估")
    for part in ("layers", "models"):
        shutil.copytree(defaults_dir() / part, folder / part)
    shutil.copyfile(SLOPES, folder / "边坡.xls")
    (folder / "路径.csv").write_text(bulletin(), encoding="utf-8")
    (folder / "雨量.csv").write_text(rain(), encoding="utf-8")
    return folder
