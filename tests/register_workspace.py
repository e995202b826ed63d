"""A small workspace with registers that nobody has written code for: roads, cavities on them, visits of cavities."""

from __future__ import annotations

from pathlib import Path

from tests.cli import riskmap

ROADS = """
id = "roads"
title = { zh = "道路", en = "Roads" }
geometry = "line"
counts = "resource"
[aliases]
code = ["路段编号"]
name = ["道路名称"]
[[fields]]
id = "km"
title = { zh = "里程", en = "Length" }
type = "number"
unit = "km"
min = 0
"""
CAVITIES = """
id = "cavities"
title = { zh = "地下空洞", en = "Cavities" }
geometry = "inherit"
position_from = ["road"]
counts = "work"
[aliases]
code = ["空洞编号"]
name = ["空洞名称"]
[[fields]]
id = "road"
title = { zh = "所在道路", en = "Road" }
type = "record"
of = ["roads"]
aliases = ["路段"]
"""
VISITS = """
id = "visits"
title = { zh = "检查", en = "Visits" }
geometry = "none"
counts = "event"
belongs_to = { layer = "cavities", field = "cavity", aliases = ["空洞"] }
key = { kind = "child" }
moment = "at"
[[fields]]
id = "found"
title = { zh = "隐患数", en = "Found" }
type = "integer"
[[fields]]
id = "at"
title = { zh = "时间", en = "At" }
type = "moment"
[[fields]]
id = "kind"
title = { zh = "类别", en = "Kind" }
type = "choice"
several = true
choices = [
  { id = "wall", title = { zh = "墙", en = "Wall" } },
  { id = "slope", title = { zh = "坡", en = "Slope" } },
]
"""
LINE = '{"type":"Feature","properties":{"路段编号":"%s","道路名称":"%s"},"geometry":{"type":"LineString","coordinates":[[%s],[%s]]}}'


def register_workspace(home: Path) -> Path:
    """Make the workspace with two roads and three cavities; return it."""
    assert riskmap("init", home).status == 0
    for name, text in (("roads", ROADS), ("cavities", CAVITIES), ("visits", VISITS)):
        (home / "layers" / f"{name}.toml").write_text(text, encoding="utf-8")
    lines = [
        LINE % ("LD001", "一号路", "114.10,22.60", "114.11,22.60"),
        LINE % ("LD002", "二号路", "114.20,22.60", "114.21,22.60"),
    ]
    (home / "roads.geojson").write_text(
        '{"type":"FeatureCollection","features":[' + ",".join(lines) + "]}", encoding="utf-8"
    )
    bring(home, "roads", home / "roads.geojson")
    bring(home, "cavities", table(home, "空洞编号,路段", "KD1,LD001", "KD2,LD001", "KD3,二号路"))
    return home


def table(home: Path, *lines: str, name: str = "table") -> Path:
    """Write a CSV file and return it."""
    path = home / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def bring(home: Path, layer: str, path: Path, *more: object) -> dict:
    """Import a file and return what was said of it."""
    ran = riskmap("import", layer, path, "--crs", "cgcs2000", "--json", "--workspace", home, *more)
    assert "files" in ran.json, ran
    return ran.json["files"][0]


def chosen(home: Path, *words: object) -> dict[str, dict]:
    """Return the records of a selection, code → document."""
    found = riskmap("select", *words, "--json", "--workspace", home).json
    return {one["code"]: one for one in found["features"]}
