"""Parts of an index, the dimensions of INFORM and the themes of SVI, are values of their own from every door."""

from __future__ import annotations

import math
from pathlib import Path

import pyogrio
import pytest
from openpyxl import load_workbook

import riskmap as library
from tests.cli import riskmap

LAYER = """
id = "blocks"
title = { zh = "街区", en = "Blocks" }
geometry = "point"
model = "blocks_index"
""" + "".join(
    f'[[fields]]\nid = "{key}"\ntitle = {{ zh = "{zh}", en = "{key}" }}\ntype = "number"\nmin = 0\n'
    for key, zh in (("quake", "地震"), ("flood", "洪水"), ("poverty", "贫困"), ("clinics", "诊所"))
)


def leaf(key: str, *more: str) -> str:
    return "\n".join([
        f'[[indicators]]\nid = "{key}"\ntitle = {{ zh = "{key}", en = "{key}" }}\nfield = "{key}"',
        'reference = 0\nsource = "t"', *more, "",
    ])  # fmt: skip


def node(key: str, zh: str, method: str, of: str, *more: str) -> str:
    return "\n".join([
        f'[[combinations]]\nid = "{key}"\ntitle = {{ zh = "{zh}", en = "{key}" }}\nmethod = "{method}"',
        f'of = {of}\nsource = "t"', *more, "",
    ])  # fmt: skip


HEAD = """
id = "blocks_index"
title = { zh = "街区指数", en = "Index of blocks" }
version = "1"
status = "draft"
source = "a test"
score = "risk"
[limits]
major = 8
large = 5
general = 2
"""

MODEL = (
    HEAD
    + leaf("quake", 'missing = "unrated"')
    + leaf("flood")
    + leaf("poverty")
    + leaf("clinics", 'worse = "lower"', "curve = [[0, 10], [10, 0]]")
    + node(
        "hazard",
        "危险性",
        "inverted_geometric",
        '["quake", "flood"]',
        "scale = [0, 10]",
        "round = 1",
        "part = true",
    )
    + node("risk", "风险", "geometric", '["hazard", "poverty"]', "round = 1")
    + node(
        "coping", "应对不足", "sum", '["clinics"]', 'part = true\nnormalise = { method = "percentile_rank" }'
    )
)

ROWS = """编号,名称,经度,纬度,地震,洪水,贫困,诊所
B1,甲,114.05,22.55,10,0,9,0
B2,乙,114.06,22.55,1,1,9,4
B3,丙,114.07,22.55,1,1,1,10
B4,丁,114.08,22.55,5,,2,
"""


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parts") / "ws"
    assert riskmap("init", root).status == 0
    (root / "layers" / "blocks.toml").write_text(LAYER, encoding="utf-8")
    (root / "models" / "blocks_index.toml").write_text(MODEL, encoding="utf-8")
    table = root / "blocks.csv"
    table.write_text(ROWS, encoding="utf-8")
    done = riskmap("import", "blocks", table, "--crs", "wgs84", "--workspace", root)
    assert done.status == 0, done.err
    done = riskmap("assess", "blocks", "--workspace", root)
    assert done.status == 0, done.err
    return root


def run(ws: Path, *words: object):
    return riskmap(*words, "--workspace", ws)


def test_an_explanation_says_the_parts_also_one_beside_the_score(ws: Path):
    told = run(ws, "explain", "blocks", "B1", "--json").json
    assert told["parts"] == [
        {"id": "hazard", "zh": "危险性", "en": "hazard", "value": 7.6},
        {"id": "coping", "zh": "应对不足", "en": "coping", "value": 1.0},
    ]
    assert [c["field"] for c in told["contributions"]] == ["quake", "flood", "poverty"]
    assert "分项 危险性：7.6" in run(ws, "explain", "blocks", "B1").out


def test_a_part_that_is_not_known_is_null_and_leaves_no_point_unrated(ws: Path):
    told = run(ws, "explain", "blocks", "B4", "--json").json
    assert (told["state"], told["missing"]) == ("unrated", ["flood"])
    assert [part["value"] for part in told["parts"]] == [None, None]


def test_records_are_filtered_by_a_part_and_carry_all_of_them(ws: Path):
    found = run(ws, "select", "--where", "part.hazard >= 5", "--json").json["features"]
    assert [(f["code"], f["parts"]) for f in found] == [("B1", {"hazard": 7.6, "coping": 1.0})]
    by_coping = run(ws, "select", "blocks", "--where", "part.coping < 0.5", "--json").json
    assert [f["code"] for f in by_coping["features"]] == ["B3"]
    missing = run(ws, "select", "blocks", "--where", "part.hazard missing", "--json").json
    assert [f["code"] for f in missing["features"]] == ["B4"]
    refused = run(ws, "select", "--where", "part.hazrd >= 5")
    assert refused.status == 2
    assert "part.hazard" in refused.err


def test_every_export_has_a_column_for_each_part_and_reads_back_unchanged(ws: Path, tmp_path: Path):
    files = [tmp_path / name for name in ("o.xlsx", "o.gpkg", "o.csv")]
    done = run(ws, "export", "blocks", *(word for file in files for word in ("--to", file)))
    assert done.status in {0, 1}, done.err  # B4 is unrated
    headers = [
        [cell.value for cell in row]
        for sheet in load_workbook(files[0], read_only=True)
        for row in sheet.iter_rows(max_row=8)
    ]
    assert any({"评估分项：危险性", "评估分项：应对不足"} <= set(row) for row in headers)
    frame = pyogrio.read_dataframe(files[1], layer="blocks").set_index("code")
    assert frame.loc["B1", "part_hazard"] == 7.6
    assert math.isnan(frame.loc["B4", "part_hazard"])
    assert "评估分项：危险性" in files[2].read_text(encoding="utf-8-sig")
    for file in files:
        again = run(ws, "import", "blocks", file, "--crs", "cgcs2000", "--dry-run", "--json").json["files"][0]
        assert (again["unchanged"], again["updated"], again["inserted"], again["rejected"]) == (4, 0, 0, 0), (
            file
        )


def test_a_frame_has_a_column_for_each_part_where_they_are_asked_for(ws: Path):
    view = library.open(ws)["blocks"]
    frame = view.frame(parts=True)
    assert frame["part.hazard"].dtype == frame["part.coping"].dtype == "float64"
    assert frame.loc["B1", ["part.hazard", "part.coping"]].tolist() == [7.6, 1.0]
    assert frame.loc["B4", ["part.hazard", "part.coping"]].isna().all()
    plain = view.frame()
    assert list(frame.drop(columns=["part.hazard", "part.coping"])) == list(plain)
    assert view.edit(plain, by="测试", why="原样").empty
    with pytest.raises(library.RiskmapError, match=r"part\.hazard"):
        view.edit(frame, by="测试", why="原样")


def test_a_changed_record_has_its_new_part(ws: Path):
    table = ws / "one.csv"
    table.write_text(
        "编号,名称,经度,纬度,地震,洪水,贫困,诊所\nB3,丙,114.07,22.55,10,10,1,10\n", encoding="utf-8"
    )
    assert run(ws, "import", "blocks", table, "--crs", "wgs84").status == 0
    found = run(ws, "select", "--where", "part.hazard >= 9", "--json").json["features"]
    assert [f["code"] for f in found] == ["B3"]


def test_a_node_that_nothing_uses_is_still_a_mistake_unless_it_is_a_part(ws: Path):
    path = ws / "models" / "blocks_index.toml"
    path.write_text(MODEL.replace("part = true\nnormalise", "normalise"), encoding="utf-8")
    try:
        refused = run(ws, "assess", "blocks")
        listed = run(ws, "select", "blocks", "--json").json
    finally:
        path.write_text(MODEL, encoding="utf-8")
    assert refused.status in {1, 2}
    assert "part = true" in refused.err
    assert listed["count"] == 4  # a model that cannot be used costs its parts alone
    assert all("parts" not in one for one in listed["features"])
