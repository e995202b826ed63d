"""A small workspace with every kind of record; each command on it; one storm; files of science beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj

from riskmap.io.writers import export_formats
from tests.golden.world import WHO, World
from tests.inventories import HEADER, clustered, write
from tests.prepare_workspace import bulletin, rain
from tests.terrain_files import CORNER, plane, write_raster

CASES = Path(__file__).parents[1] / "cases"
A, B = "桂园街道", "黄贝街道"
WEST, SOUTH, EAST, NORTH = 114.10, 22.53, 114.16, 22.58
METRES = pyproj.Transformer.from_crs("EPSG:4547", "EPSG:4490", always_xy=True)

DIKE_LAYER = """
id = "dikes"
title = { zh = "堤防", en = "Dikes" }
geometry = "line"
model = "dike_rank"
stale_after_days = 100
[style]
symbol = "diamond"
order = 80
[[fields]]
id = "crest_m"
title = { zh = "堤顶高程", en = "Crest" }
type = "number"
unit = "m"
min = 0
max = 50
[[fields]]
id = "people_behind"
title = { zh = "保护人数", en = "People behind" }
type = "integer"
min = 0
[checklist]
title = { zh = "两个有", en = "Two must-haves" }
items = [
  { id = "pump", title = { zh = "有抽水泵", en = "Pump" } },
  { id = "sandbags", title = { zh = "有沙袋", en = "Sandbags" } },
]
[[contacts]]
id = "keeper"
title = { zh = "巡堤员", en = "Keeper" }
name = ["巡堤员"]
phone = ["巡堤电话"]
"""
DIKE_MODEL = """
id = "dike_rank"
title = { zh = "堤防排序", en = "Dikes by rank" }
version = "1.0"
status = "draft"
source = "试验用"
score = "s"
[limits]
major = 0.8
large = 0.6
general = 0.3
[[indicators]]
id = "low"
title = { zh = "堤顶低", en = "Low crest" }
field = "crest_m"
worse = "lower"
normalise = { method = "percentile_rank" }
reference = 5
source = "试验用"
[[indicators]]
id = "people"
title = { zh = "保护人数", en = "People behind" }
field = "people_behind"
normalise = { method = "min_max" }
reference = 0
source = "试验用"
[[combinations]]
id = "s"
title = { zh = "合计", en = "Together" }
method = "mean"
of = ["low", "people"]
weighting = "entropy"
source = "试验用"
"""
POINTS = f"""编号,名称,所属街道,经度,纬度,类型,L,E,C,防风类型,申报等级,责任人,联系电话,挂点领导,挂点电话,排查日期,地址
RP1,"=cmd|' /C calc'!A0",{A},114.110,22.550,建筑施工,10,6,15,塔吊,重大风险,张三丰,13800001234,李领导,13800001235,2026-02-01,人民路1号
RP2,<b>乙</b>,{B},114.140,22.550,消防,3,6,15,广告牌,较大风险,王五,0755-25551234,,,2026-01-05,
RP3,丙,{B},114.140,22.560,交通,1,6,15,无,一般风险,,,,,2020-01-05,
RP4,丁,{A},114.111,22.552,燃气,0.5,6,7,脚手架,低风险,赵六,13800001236,,,,
RP5,戊,{A},114.112,22.553,其他,,6,15,,,孙七,13800001237,,,,
RP6,己,{B},,,危化品,3,6,40,塔吊,,周八,13800001238,,,2026-02-10,
RP7,庚,{A},114.110,22.550,工贸,3,3,7,,,,,,,,
RP8,辛,{A},114.300,22.700,工贸,3,3,7,,,,,,,,
RP9,壬,{A},114.115,22.551,工贸,很高,3,7,,,,,,,,
,无编号,{A},114.115,22.551,工贸,3,3,7,,,,,,,,
RP10,坐标反,{A},22.551,114.116,工贸,3,3,7,,,,,,,,
"""
SLOPES = f"""边坡编号,边坡名称,街道,经度,纬度,坡高,坡度,坡长,稳定状态,变形迹象,是否雨毁,威胁人数,威胁财产,工程治理,治理工程核验日期,自动化监测,监测状态,监测核验日期,责任人,联系电话,监测人,监测人电话,排查日期
BP1,甲坡,{A},114.112,22.551,12m,50,30,欠稳定,是,否,600,100,是,2025-04-01,是,在线,2026-02-01,钱一,13900000001,吴二,13900000002,2026-02-20
BP2,乙坡,{B},114.142,22.552,12,50,30,欠稳定,否,否,60,100,是,2025-01-01,否,,,郑三,13900000003,,,2025-05-02
BP3,丙坡,{B},114.125,22.553,约8米,50,,稳定,否,否,6,10,是,,是,离线,2026-03-01,,,,,
BP4,丁坡,{A},,,12,,,,,,600,100,,,,,,,,,,
BP5,戊坡,{A},114.113,22.549,500000,60,20,不稳定,是,是,90,100,,,,,,,,,,
"""
SPOTS = f"""编号,名称,街道,经度,纬度,历史最大水深,汇水面积,CN值,道路类型,联系人1,电话1,联系人2,电话2,一点一方案
NL1,桥下,{A},114.113,22.545,80cm,2公顷,90,下穿通道,孙一,13900000006,李二,13900000007,有
NL2,路口,{B},114.143,22.546,0.3,1公顷,85,主干道,,,,,无
NL3,小巷,{B},114.150,22.540,,,,,,,,,
"""
SPACES = """编号,名称,经度,纬度,曾受淹,十个有-一,十个有-二,十个有-三,十个有-四,十个有-五,物业公司
DX1,地下车库,114.143,22.545,是,有,无,有,,是,万家物业
DX2,地下商场,114.121,22.556,否,有,有,有,有,有,
DX3,地下通道,114.122,22.557,,,,,,,
"""
SHELTERS = f"""编号,名称,街道,经度,纬度,避难场所类别,容纳人数,面积,室内/室外类型,是否处于危险区,状态,床位数,供水
BN1,体育馆,{A},114.118,22.550,紧急,60,4000,室内,否,开放,40,有
BN2,广场,{B},114.148,22.550,紧急,900,300,室外,否,待命,,有
BN3,学校,{A},114.112,22.5512,固定短期,500,4000,室内,是,开放,500,无
BN4,仓库,{B},114.150,22.560,,,,,,关闭,,
"""
PEOPLE = """编号,人数,经度,纬度,危险区编号,行动不便人数
H1,40,114.1121,22.5511,,2
H2,50,114.11215,22.5511,,0
H3,9,114.1300,22.5600,,0
H4,5,,,BP2,1
"""
WARNINGS = """预警类型,颜色,发布时间(北京时间),解除时间(北京时间),区域
暴雨,橙色,2024-09-05 14:00,2024-09-06 08:00,全区
地质灾害,黄色,2024-09-05 15:00,,黄贝街道
"""
WEATHER = "month,day,temp,rh,ws,prec\n4,13,17,42,25,0\n4,14,20,21,25,2.4\n4,15,8.5,40,17,0\n4,16,6.5,25,6,0\n"


def small(world: World) -> None:
    """Make the workspace, keep what it says in each state, and let a storm come."""
    world.keep("init", "init", world.ws, "--name", "测试区", *WHO, alone=True)
    _prepared_files(world)
    _imports(world)
    world.keep("summary-unrated", "summary")
    world.keep("assess", "assess", *WHO)
    _corrections(world)
    _reads(world)
    later = "zip"  # younger than what follows, whose clock it would move
    for ending in export_formats():
        if ending != later:
            world.keep_files(f"export-{ending}", "export", "--to", world.folder / f"out/small.{ending}")
    _exports(world)
    _storm(world)
    _duty(world)
    _evacuations(world)
    _refusals(world)
    _upkeep(world)
    world.keep_files(f"export-{later}", "export", "--to", world.folder / f"out/small.{later}")


def _prepared_files(world: World) -> None:
    (world.folder / "out").mkdir()
    middle = (WEST + EAST) / 2
    halves = {A: _box(WEST, SOUTH, middle, NORTH), B: _box(middle, SOUTH, EAST, NORTH)}
    world.file("ws/data/subdistricts.geojson", _features([({"name": n}, g) for n, g in halves.items()]))
    settings = world.ws / "workspace.toml"
    text = settings.read_text(encoding="utf-8")
    stated = text.replace('subdistricts = ""', 'subdistricts = "data/subdistricts.geojson"')
    assert stated != text
    settings.write_text(stated.replace('approval_number = ""', 'approval_number = "粤S(2026)001号"'), "utf-8")
    world.file("ws/layers/dikes.toml", DIKE_LAYER)
    world.file("ws/models/dike_rank.toml", DIKE_MODEL)
    world.file("边坡.csv", SLOPES, "gb18030")
    world.file("内涝点.csv", SPOTS)
    world.file("地下空间.csv", SPACES)
    world.file("避难场所.csv", SHELTERS, "utf-8-sig")
    world.file("网格.geojson", _features(_grids()))
    world.file("堤防.geojson", _features(_dikes()))


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _features(parts: list[tuple[dict[str, Any], Any]]) -> str:
    features = [{"type": "Feature", "properties": p, "geometry": g} for p, g in parts]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _grids() -> list[tuple[dict[str, Any], Any]]:
    told = [
        ("很高", "很高", "无通路", 2, "甲", "13800138000"),
        ("高", "高", "一般", 2, "乙", "13800138001"),
        ("中", "低", "好", None, None, None),
        (None, "低", "好", 1, None, None),
    ]
    keys = ("可燃物等级", "火源等级", "道路通达", "护林员数", "护林队长", "联系电话")
    edges = (
        114.102,
        114.105,
        114.1079,
        114.1112,
    )  # the third begins inside the second, the fourth beyond a gap
    parts = []
    for i, (west, row) in enumerate(zip(edges, told, strict=True)):
        shape = None if i == 3 else _box(west, 22.533, west + 0.003, 22.539)
        names = {"网格编号": f"FG{i + 1}", "名称": f"网格{i + 1}", "街道": A}
        parts.append((names | dict(zip(keys, row, strict=True)), shape))
    return parts


def _dikes() -> list[tuple[dict[str, Any], Any]]:
    rows = [(8.5, 1200, "有", "有"), (6.0, 300, "无", ""), (12.0, 20, "", "无"), (None, 50, "有", "")]
    parts = []
    for i, (crest, people, pump, sandbags) in enumerate(rows):
        line = [[114.12 + 0.005 * i, 22.535], [114.122 + 0.005 * i, 22.5365], [114.124 + 0.005 * i, 22.536]]
        told = {"编号": f"DF{i + 1}", "名称": f"堤{i + 1}", "街道": A if i < 2 else B, "堤顶高程": crest}
        told |= {
            "保护人数": people,
            "有抽水泵": pump,
            "有沙袋": sandbags,
            "巡堤员": "冯九",
            "巡堤电话": "13700000001",
        }
        parts.append((told, {"type": "LineString", "coordinates": line}))
    return parts


def _imports(world: World) -> None:
    points = world.file("风险点.csv", POINTS)
    world.keep("import-dry-run", "import", "risk_points", points, "--crs", "cgcs2000", "--dry-run", *WHO)
    corrected = world.folder / "out/退回.xlsx"
    world.keep("import-risk_points", "import", "risk_points", points, "--crs", "cgcs2000", "--rejects", corrected, *WHO)  # fmt: skip
    for layer, name in (
        ("slopes", "边坡.csv"), ("waterlogging", "内涝点.csv"), ("underground_spaces", "地下空间.csv"),
        ("shelters", "避难场所.csv"), ("forest_fire_grids", "网格.geojson"), ("dikes", "堤防.geojson"),
    ):  # fmt: skip
        crs = () if name.endswith("geojson") else ("--crs", "wgs84")
        world.keep(f"import-{layer}", "import", layer, world.folder / name, *crs, *WHO)
    messy = CASES / "messy"
    for layer, name, crs in (
        ("risk_points", "risk_points_黄贝街道.xlsx", "bd09"), ("slopes", "slopes_边坡台账.xls", "cgcs2000"),
        ("underground_spaces", "underground_地下空间.xlsx", "gcj02"), ("shelters", "shelters_避难场所.shp", None),
        ("waterlogging", "waterlogging_内涝点.csv", "wgs84"),
    ):  # fmt: skip
        stated = ("--crs", crs) if crs else ()
        world.keep(f"import-messy-{layer}", "import", layer, messy / name, *stated, "--dry-run", *WHO)


def _corrections(world: World) -> None:
    """A day later: changed rows, stale rows, a wrong file that is undone, a retired record, a second run."""
    world.sleep(1)
    changed = world.file(
        "更新.csv", f"编号,名称,街道,L,E,C,责任人\nRP3,丙改,{B},6,6,15,何十\nRP4,丁,{A},0.5,6,7,\n"
    )
    world.keep("import-update", "import", "risk_points", changed, "--full-list", "--crs", "cgcs2000", *WHO)
    stale = world.file("旧表.csv", "编号,名称,L,记录版本\nRP3,丙旧,1,1\nRP1,甲旧,3,1\nRP2,乙旧,1,1\n")
    world.keep("import-unchanged", "import", "risk_points", changed, "--crs", "cgcs2000", *WHO)
    newer = world.file("再更新.csv", "编号,名称,L\nRP1,甲新,6\nRP2,乙新,6\n")
    world.keep("import-newer", "import", "risk_points", newer, "--crs", "cgcs2000", *WHO)
    world.keep("import-stale", "import", "risk_points", stale, "--crs", "cgcs2000", *WHO)
    waiting = world.keep("held", "held")["held"]
    world.hold("accept", _spoken(world, "accept", waiting[0]["id"], *WHO))
    world.hold("decline", _spoken(world, "decline", waiting[1]["id"], *WHO))
    world.keep("held-after", "held")
    wrong = world.file(
        "错表.csv",
        f"编号,名称,街道,经度,纬度,L,E,C\nRP1,错,{A},114.2,22.5,10,10,100\nRP4,丁,{A},114.111,22.552,10,6,15\nRP90,误,{A},114.12,22.55,3,3,3\n",
    )
    world.keep("import-wrong", "import", "risk_points", wrong, "--crs", "cgcs2000", *WHO)
    last = world.keep("changes-before-undo", "changes", "--limit", 2)["changesets"][
        1
    ]  # the newest are its tiers
    world.keep("undo", "undo", last["id"], *WHO)
    world.keep("retire", "retire", "risk_points", "RP7", *WHO)
    world.keep("assess-again", "assess", *WHO)
    world.sleep(1)


def _spoken(world: World, *words: object) -> dict[str, Any]:
    """What a command without --json says."""
    ran = world.run(*words)
    return {"status": ran.status, "out": ran.out.splitlines(), "said": ran.err.splitlines()}


def _reads(world: World) -> None:
    world.keep("summary", "summary")
    world.keep("summary-as-of", "summary", "--as-of", "2026-03-02")
    world.keep("summary-compare", "summary", "--compare", "2026-03-02")
    world.keep("changes", "changes", "--limit", 50)
    world.keep("tier-changes", "tier-changes")
    world.keep("rejected", "rejected")
    world.keep("uncertainty", "uncertainty", "--draws", 100, "--seed", 5)
    world.keep("residual", "residual", "--on", "2026-04-15", "--within", 90)
    world.keep("coverage", "coverage")
    forest = world.file("林区.geojson", _features([({}, _box(114.10, 22.532, 114.112, 22.54))]))
    world.keep("coverage-forest", "coverage", "--forest", forest)
    world.keep("sensitivity", "sensitivity", "risk_points", "--seed", 2)
    for layer in ("risk_points", "slopes", "waterlogging", "underground_spaces", "shelters", "forest_fire_grids", "dikes"):  # fmt: skip
        world.keep(f"select-{layer}", "select", layer)
    for layer, code in (
        ("risk_points", "RP1"), ("risk_points", "RP5"), ("risk_points", "RP7"), ("slopes", "BP1"), ("slopes", "BP4"),
        ("waterlogging", "NL1"), ("underground_spaces", "DX1"), ("shelters", "BN3"), ("forest_fire_grids", "FG1"),
        ("dikes", "DF1"),
    ):  # fmt: skip
        world.keep(f"explain-{code}", "explain", layer, code)
        world.keep(f"history-{code}", "history", layer, code)
    world.keep("select-where", "select", "--tier", "major,large", "--where", "L>=3", "--subdistrict", A)
    world.keep("select-as-of", "select", "risk_points", "--as-of", "2026-03-02")
    world.keep("select-within", "select", "--within", forest)
    world.keep("migrate-days", "migrate", "risk_points", "--from", "2026-03-02")
    harsher = (world.ws / "models/risk_points_lec.toml").read_text(encoding="utf-8")
    model = world.file("试行.toml", harsher.replace("major = 320", "major = 600"))
    world.keep("migrate-model", "migrate", "risk_points", "--from", "now", "--to", model)
    world.keep_picture("migrate-picture", "migrate", "risk_points", "--from", "2026-03-02", "--picture")


def _exports(world: World) -> None:
    out = world.folder / "out"
    world.keep_files("export-contacts", "export", "slopes", "--to", out / "c.csv", "--contacts", *WHO)
    world.keep_files("export-filtered", "export", "risk_points", "--tier", "major", "--to", out / "f.xlsx")
    world.keep_files("export-as-of", "export", "risk_points", "--as-of", "2026-03-02", "--to", out / "d.csv")
    world.keep("rejected-workbook-command", "rejected", "--to", out / "rejected.xlsx")
    world.hold_file("rejected-workbook", out / "rejected.xlsx")
    world.hold_file("import-rejects", out / "退回.xlsx")


def _storm(world: World) -> None:
    track, rains = world.file("苏拉.csv", bulletin()), world.file("雨量.csv", rain())
    people, warnings = world.file("人口.csv", PEOPLE), world.file("预警.csv", WARNINGS)
    weather = world.file("气象.csv", WEATHER)
    storm = ("--track", track, "--rain", rains, "--warning", f"台风:橙@{B}", "--warning", warnings)
    moved = ("--people", people, "--crs", "cgcs2000", "--response", "II", "--at", "2024-09-05 10:00")
    world.keep("prepare-dry-run", "prepare", *storm, "--dry-run", "--at", "2024-09-05 10:00", *WHO)
    paper = world.folder / "out/简报.docx"
    world.keep("prepare", "prepare", *storm, *moved, "--title", "苏拉", "--to", paper, *WHO)
    world.hold_file("prepare-paper", paper)
    world.keep("prepare-holland", "prepare", *storm, "--model", "holland1980", "--dry-run", "--at", "2024-09-05 10:00", *WHO)  # fmt: skip
    world.keep(
        "prepare-fire", "prepare", "--fire-weather", weather, "--warning", "森林火险:红色", "--dry-run", *WHO
    )
    world.keep("scenarios", "scenarios")


def _duty(world: World) -> None:
    scenario = "苏拉"
    slope = ("--record", "slopes:BP1")
    lines: tuple[tuple[object, ...], ...] = (
        ("warning", "--signal", f"台风:橙色@{B}", "--at", "2024-09-05 10:05"),
        ("response", "--level", "II", "--answers", "1", "--at", "2024-09-05 10:20"),
        ("call", *slope, "--contact", 1, "--at", "2024-09-05 10:30"),
        ("no_answer", *slope, "--contact", 1, "--at", "2024-09-05 10:32"),
        ("call", *slope, "--contact", 2, "--at", "2024-09-05 10:33"),
        ("acknowledgement", *slope, "--contact", 2, "--at", "2024-09-05 10:35"),
        ("action_done", *slope, "--text", "已设警戒", "--at", "2024-09-05 11:00"),
        ("opening", "--record", "shelters:BN1", "--at", "2024-09-05 11:10"),
        ("moved", *slope, "--people", 90, "--at", "2024-09-05 12:00"),
        ("note", "--subdistrict", A, "--text", "雨势加大", "--at", "2024-09-05 13:00"),
        ("correction", "--corrects", 9, "--text", "人数有误", "--at", "2024-09-05 13:10"),
        ("response_end", "--level", "II", "--at", "2024-09-06 09:00"),
    )
    for number, words in enumerate(lines, 1):
        world.keep(f"log-{number:02d}-{words[0]}", "log", scenario, *words, *WHO)
    world.keep("events", "events", scenario)
    world.keep("events-until", "events", scenario, "--until", "2024-09-05 10:33")
    out = world.folder / "out"
    now = ("--now", "2024-09-05 14:00", "--minutes", 5)
    world.keep("callout", "callout", scenario, *now)
    world.keep_files(
        "callout-contacts", "callout", scenario, *now, "--contacts", "--to", out / "叫应.xlsx", *WHO
    )
    world.keep_files("callout-paper", "callout", scenario, *now, "--to", out / "叫应.docx", *WHO)
    world.keep("after", "after", scenario, "--now", "2024-09-06 12:00")
    world.keep_files(
        "after-paper", "after", scenario, "--now", "2024-09-06 12:00", "--to", out / "总结.docx", *WHO[:2]
    )
    world.keep("message", "message", scenario, "--text", "请到岗", *slope, "--contact", 1, *WHO)
    world.keep("outbox", "outbox", scenario)


def _evacuations(world: World) -> None:
    people = world.folder / "人口.csv"
    words = ("--people", people, "--danger", "slopes:BP1,BP2", "--radius", 60, "--crs", "cgcs2000")
    world.keep("evacuate", "evacuate", *words)
    world.keep("evacuate-whole-typhoon", "evacuate", *words, "--whole", "--typhoon", "--close", "BN1")
    plan = world.file("方案.json", world.done("evacuate", *words, "--json").out)
    world.keep("evacuate-replan", "evacuate", *words, "--close", "BN1", "--replan", plan)
    streets = [
        [[114.110, 22.551], [114.118, 22.551], [114.118, 22.550]],
        [[114.118, 22.550], [114.148, 22.550]],
    ]
    roads = world.file(
        "道路.geojson", _features([({}, {"type": "LineString", "coordinates": s}) for s in streets])
    )
    world.keep("evacuate-roads", "evacuate", *words, "--roads", roads)
    lists = world.folder / "out/安置.xlsx"
    world.keep("evacuate-lists-command", "evacuate", *words, "--to", lists)
    world.hold_file("evacuate-lists", lists)
    nowhere = ("--people", people, "--danger", "X9", "--crs", "cgcs2000")
    world.keep("evacuate-unknown-zone", "evacuate", *nowhere)
    world.keep("reach", "reach", "--people", people, "--crs", "cgcs2000")
    world.keep("reach-radius", "reach", "--people", people, "--crs", "cgcs2000", "--radius", 800)


def _refusals(world: World) -> None:
    points = world.folder / "风险点.csv"
    world.refuse("refused-code", "explain", "slopes", "BP99")
    world.refuse("refused-layer", "select", "slope")
    world.refuse("refused-datum", "import", "risk_points", points, *WHO)
    world.refuse("refused-format", "export", "--to", world.folder / "a.pdf")
    world.refuse("refused-where", "select", "--where", "没有这列>3")
    world.refuse("refused-undo", "undo", 999, *WHO)
    world.refuse("refused-storm", "prepare", "--made-storm", *WHO)
    world.refuse("refused-track", "prepare", "--track", points, *WHO)
    world.refuse("refused-scenario", "callout", "不存在")


def _upkeep(world: World) -> None:
    copy = world.folder / "out/backup.sqlite"
    backup = world.done("backup", copy, "--json").json
    world.hold("backup", backup | {"bytes": backup["bytes"] > 0})  # pages of the store: SQLite's affair
    world.keep("restore", "restore", copy, *WHO)
    world.keep("summary-restored", "summary")


def science(world: World) -> None:
    """Commands that read tables and rasters: wind, fire weather, terrain, sampling, ponding, scoring, training."""
    world.done("init", world.ws, *WHO, alone=True)
    _weather(world)
    _terrain(world)
    _scores(world)
    _training(world)


def _weather(world: World) -> None:
    track = world.file("track.csv", bulletin())
    points = world.file("points.csv", "id,lon,lat\nA,114.12,22.55\nB,100,40\n001,114.3,22.2\n")
    for model in ("radii", "holland1980", "holland2008", "holland2010"):
        world.keep(
            f"wind-{model}", "wind", "--track", track, "--points", points, "--model", model, alone=True
        )
    ensemble = [world.file(f"member{i}.csv", bulletin(shift=0.3 * i, wind=40 + 5 * i)) for i in range(3)]
    members = [word for path in ensemble for word in ("--track", path)]
    world.keep("wind-ensemble", "wind", *members, "--points", points, "--model", "radii", alone=True)
    published = CASES / "fire_weather/published.csv"
    world.keep("fire-weather", "fire-weather", "--data", published, "--lat", 46, "--start", "85,6,15")
    days, state = world.file("days.csv", WEATHER), world.folder / "state.json"
    world.keep("fire-weather-state", "fire-weather", "--data", days, "--lat", 46, "--state", state)
    world.hold_file("fire-weather-state-file", state)


def _terrain(world: World) -> None:
    row, col = np.mgrid[0:41, 0:41]
    height = 20.0 + 0.2 * row + 0.1 * col - np.clip(3.0 - 0.5 * np.hypot(row - 12, col - 12), 0.0, None)
    dem = write_raster(world.folder / "dem.tif", height)
    spots = f"编号,名称,经度,纬度,汇水面积,CN值\nN1,洼,{_at(12, 12)},2公顷,90\nN2,外,113.9,22.5,1公顷,80\n"
    world.file("spots.csv", spots)
    world.done("import", "waterlogging", world.folder / "spots.csv", "--crs", "cgcs2000", *WHO)
    world.keep("pond", "pond", "--dem", dem, "--rain", 120, "--hours", 3)
    metric = write_raster(world.folder / "metric.tif", plane(0.5, 0.2, shape=(24, 26)))
    factors = world.folder / "factors"
    world.keep("terrain", "terrain", "--dem", metric, "--to", factors, "--factors", "slope,aspect,profile_curvature,plan_curvature,twi", alone=True)  # fmt: skip
    table = f"编号,名称,经度,纬度,坡度\nS1,甲,{_at(5, 5)},\nS2,乙,{_at(8, 20)},55\nS3,丙,,,\n"
    world.done("import", "slopes", world.file("s.csv", table), "--crs", "cgcs2000", *WHO)
    words = ("sample", "slopes", "--raster", dem, "--field", "slope_deg")
    world.keep("sample-dry-run", *words, "--dry-run", *WHO)
    world.keep("sample", *words, "--overwrite", *WHO)
    world.keep("history-sampled", "history", "slopes", "S2")


def _at(row: int, col: int) -> str:
    """Return "lon,lat" of the middle of a cell of the rasters."""
    lon, lat = METRES.transform(CORNER[0] + (col + 0.5) * 30, CORNER[1] - (row + 0.5) * 30)
    return f"{lon:.7f},{lat:.7f}"


def _scores(world: World) -> None:
    draw = np.random.default_rng(7)
    chances = draw.choice([0.1, 1, 3, 6, 10], 300)
    chances[::50] = np.nan
    columns = {
        "code": [f"P{i}" for i in range(300)], "lon": draw.uniform(114.0, 114.2, 300), "lat": draw.uniform(22.5, 22.6, 300),
        "likelihood": chances, "exposure": draw.choice([1.0, 2, 3, 6], 300), "consequence": draw.choice([1.0, 3, 7, 15, 40], 300),
    }  # fmt: skip
    points = world.folder / "points.parquet"
    pq.write_table(pa.table(columns), points)
    to = world.folder / "scored"
    world.keep("score", "score", "risk_points", "--points", points, "--to", to, "--crs", "cgcs2000")
    world.hold("score-files", {f.name: pq.read_table(f).to_pylist() for f in sorted(to.glob("*.parquet"))})


def _training(world: World) -> None:
    rows = [[*r[:2].tolist(), str(int(r[2])), *np.round(r[3:], 4).tolist()] for r in clustered(150)[1]]
    data = write(world.folder / "samples.csv", HEADER, rows)
    words = ("--target", "slid", "--x", "x", "--y", "y", "--crs", "EPSG:4547", "--repeats", 2, "--seed", 1)
    world.keep("train", "train", "susceptibility", "--data", data, *words)
