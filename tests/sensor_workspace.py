"""A workspace with three sensors of tilt and cracks, and files of readings for it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.cli import riskmap

LAYER = """id = "sensors"
title = { zh = "传感器", en = "Sensors" }
counts = "reading"
role = "sensor"
geometry = "point"

[series]
zone = "+08:00"
every = "5 min"
stale_after = "30 min"
indicators = [
  { id = "tilt", title = { zh = "倾角", en = "Tilt" }, unit = "°", min = -90, max = 90, aliases = ["倾斜"] },
  { id = "crack", title = { zh = "裂缝", en = "Crack" }, unit = "mm" },
]

[[series.thresholds]]
id = "tilt_fast"
version = "1"
status = "draft"
source = "a test"
indicator = "tilt"
of = "rise"
over = "24 h"
levels = [{ from = 0.2, level = "blue" }, { from = 1.0, level = "red" }]
clear_after = "2 h"
makes = "alerts"
"""

SENSORS = "编号,名称,经度,纬度\n" + "".join(f"QJ-{n},倾角计{n},114.1{n},22.5{n}\n" for n in range(1, 4))

CLOCK = dt.datetime(2026, 11, 29, 4, tzinfo=dt.UTC)  # 12:00 in Beijing


def sensor_workspace(root: Path) -> Path:
    """Make the workspace; the sensors QJ-1, QJ-2 and QJ-3 stand in its ledger."""
    assert riskmap("init", root, "--name", "测试区").status == 0
    (root / "layers" / "sensors.toml").write_text(LAYER, encoding="utf-8")
    file = root / "sensors.csv"
    file.write_text(SENSORS, encoding="utf-8")
    taken = riskmap("import", "sensors", file, "--crs", "cgcs2000", "--json", "--workspace", root)
    assert taken.json["files"][0]["accepted"] == 3, taken.err
    return root


def written(path: Path, *rows: str, header: str = "传感器,监测时间,监测指标,监测值") -> Path:
    """Write a file of readings."""
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path
