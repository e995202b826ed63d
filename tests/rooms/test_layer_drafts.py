"""A layer file drafted from a file loads as it is written, and takes that very file in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from riskmap.catalog import load_catalog
from tests.cli import riskmap

HEAD = ["序号", "泵站编号", "泵站名称", "经度", "纬度", "所属街道", "设计流量(m3/h)", "水泵台数", "是否有人值守", "建成日期", "运行状况", "值班电话", "容纳人数", "备注说明栏"]  # fmt: skip
ROWS = [
    ["1", "P1", "东站", "114.05", "22.54", "甲街道", "1200.5", "3", "是", "2012-05-01", "良好", "13800138000", "100", "沿河"],
    ["2", "P2", "西站", "114.06", "22.55", "甲街道", "800", "2", "否", "2015-06-01", "待修", "13900139000", "50", "靠近学校门口"],
    ["3", "P3", "南站", "114.07", "22.56", "乙街道", "640", "2", "否", "2018-07-01", "良好", "13700137000", "20", ""],
    ["4", "P4", "北站", "114.08", "22.57", "乙街道", "90", "1", "是", "2020-08-01", "良好", "13600136000", "10", "老旧"],
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    return where


def csv(root: Path, name: str = "pumps.csv") -> Path:
    file = root / name
    file.write_text("\n".join(",".join(row) for row in (HEAD, *ROWS)) + "\n", encoding="utf-8-sig")
    return file


def xlsx(root: Path, name: str = "pumps.xlsx") -> Path:
    book = Workbook()
    for row in (["全区泵站台账"], [], HEAD, *ROWS):
        book.active.append(row)
    book.save(root / name)
    return root / name


def drafted(root: Path, file: Path, *words: object) -> Any:
    done = riskmap("layer", "new", file, *words, "--json", "--workspace", root)
    assert done.status == 0, done.err
    return done.json


@pytest.mark.parametrize("make", [csv, xlsx])
def test_a_draft_loads_and_reads_its_own_file(root, make):
    file = make(root)
    done = drafted(root, file)
    assert (done["layer"], done["model"]) == ("pumps", None)
    types = {one["header"]: one["type"] for one in done["fields"]}
    assert types == {
        "设计流量(m3/h)": "number",
        "水泵台数": "integer",
        "是否有人值守": "boolean",
        "建成日期": "date",
        "运行状况": "choice",
        "值班电话": "text",
        "容纳人数": "integer",
        "备注说明栏": "text",
    }
    catalog = load_catalog(root)
    assert not catalog.faults
    layer = catalog.layer("pumps")
    flow = next(f for f in layer.fields if f.title.zh == "设计流量")
    assert (layer.counts, flow.unit) == ("resource", "m3/h")
    assert next(f for f in layer.fields if f.title.zh == "值班电话").personal
    read = riskmap("import", "pumps", file, "--crs", "wgs84", "--json", "--workspace", root).json["files"][0]
    assert (read["inserted"], read["rejected"], read["issues"]) == (4, 0, [])
    (one, *_) = riskmap("select", "pumps", "--json", "--workspace", root).json["features"]
    assert (one["code"], one["name"], one["subdistrict"]) == ("P1", "东站", "甲街道")
    assert one["fields"][flow.id] == 1200.5
    assert one["extra"] == {}


def test_a_header_that_another_layer_knows_brings_its_field_along(root):
    done = drafted(root, csv(root))
    assert {one["header"]: one["id"] for one in done["fields"]}["容纳人数"] == "capacity"
    assert load_catalog(root).layer("pumps").field("capacity").unit == "人"


def test_risks_get_a_model_that_scores_them_and_says_that_it_is_a_draft(root):
    file = csv(root)
    done = drafted(root, file, "--counts", "risk", "--id", "pump_risks")
    assert done["model"].endswith("pump_risks.toml")
    catalog = load_catalog(root)
    assert not catalog.faults
    assert (catalog.layer("pump_risks").counts, catalog.model("pump_risks").status) == ("risk", "draft")
    riskmap("import", "pump_risks", file, "--crs", "wgs84", "--workspace", root)
    scored = riskmap("assess", "pump_risks", "--json", "--workspace", root).json["layers"][0]
    assert (scored["assessed"], scored["unrated"], sum(scored["tiers"].values())) == (4, 0, 4)


@pytest.mark.parametrize("kind", ["work", "event", "reading"])
def test_what_a_record_is_stands_in_the_file(root, kind):
    drafted(root, csv(root), "--counts", kind)
    assert load_catalog(root).layer("pumps").counts == kind


def test_a_file_with_a_chinese_name_and_a_map_file_are_drafted_too(root):
    assert drafted(root, csv(root, "泵站.csv"))["layer"] == "layer"
    assert load_catalog(root).layer("layer").title.zh == "泵站"
    shape = '{"type":"Polygon","coordinates":[[[114,22],[114.1,22],[114.1,22.1],[114,22]]]}'
    text = f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"编号":"Z1","名称":"片区","面积数":12}},"geometry":{shape}}}]}}'
    (root / "zones.geojson").write_text(text, encoding="utf-8")
    drafted(root, root / "zones.geojson")
    layer = load_catalog(root).layer("zones")
    assert layer.geometry == "polygon"


def test_a_used_or_wrong_id_is_refused_and_nothing_is_written(root):
    file = csv(root)
    before = sorted(path.name for path in (root / "layers").iterdir())
    for name in ("slopes", "Pumps!", "9x"):
        assert riskmap("layer", "new", file, "--id", name, "--json", "--workspace", root).refused
    bare = root / "bare.csv"
    bare.write_text("编号,名称,经度,纬度,说明文字\nA,甲,114,22,无规律的话\n", encoding="utf-8-sig")
    assert riskmap("layer", "new", bare, "--counts", "risk", "--json", "--workspace", root).refused
    assert sorted(path.name for path in (root / "layers").iterdir()) == before


def test_hostile_headers_and_words_stay_texts_in_the_file(root):
    file = root / "odd.csv"
    file.write_text(
        '编号,名称,经度,纬度,"引""号\\n=1+1",空 白\nA,甲,114,22,"x""]\\",1\nB,乙,114.1,22,"x""]\\",2\n',
        encoding="utf-8-sig",
    )
    drafted(root, file)
    assert not load_catalog(root).faults
