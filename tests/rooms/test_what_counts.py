"""Only risks enter tiers and sums; what is none is listed, and graded where a model scores it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import defaults_dir
from riskmap.catalog.layer_file import read_layer
from riskmap.district import open as open_district
from riskmap.errors import CatalogError, RiskmapError
from riskmap.selection import Selection, counts, search, tile
from riskmap.selection.lookup import nearest
from riskmap.values.inventory import tier_counts
from riskmap.vocabulary import GRADES, RANKS, STANDINGS, TIERS, state_of, weight
from riskmap.web.widgets.map import card, frame_settings
from tests.cli import riskmap

POINTS = """编号,名称,经度,纬度,L,E,C
R1,气站,114.050,22.540,10,6,40
R2,仓库,114.051,22.541,1,3,15
R3,厂房,114.052,22.542,,3,15
"""
SHELTERS = """编号,名称,经度,纬度,容纳人数,占地面积(m2),是否处于危险区
S1,险处,114.050,22.540,100,900,是
S2,宽敞,114.060,22.550,100,900,否
S3,不明,114.070,22.560,100,900,
"""
POSTS = """
id = "posts"
title = { zh = "救援哨点", en = "Rescue posts" }
geometry = "point"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("counts") / "w"
    assert riskmap("init", where).status == 0
    (where / "layers" / "posts.toml").write_text(POSTS, encoding="utf-8")
    rows = {
        "risk_points": POINTS,
        "shelters": SHELTERS,
        "posts": "编号,名称,经度,纬度\nP1,东哨,114.05,22.55\n",
    }
    for layer, text in rows.items():
        file = where / f"{layer}.csv"
        file.write_text(text, encoding="utf-8")
        assert riskmap("import", layer, file, "--crs", "wgs84", "--workspace", where).status == 0
    assert riskmap("assess", "--workspace", where).status == 0
    return where


def asked(root: Path, *words: object) -> Any:
    return riskmap(*words, "--json", "--workspace", root).json


def test_a_summary_sums_risks_alone_and_lists_the_others(root):
    found = asked(root, "summary")
    assert (found["total"], found["tiers"]["major"], found["unrated"]) == (3, 1, 1)
    assert set(found["others"]) == {"shelters", "posts"}
    assert found["others"]["shelters"] == {"count": 3, "counts": "resource"}
    assert not set(found["layers"]) & set(found["others"])
    assert sum(part["total"] for part in found["subdistricts"].values()) == found["total"]
    assert [gap["layer"] for gap in found["differences"]] == ["risk_points"]  # R3, unrated: a shelter is none
    assert "应急避难场所\t3" in riskmap("summary", "--workspace", root).out


@pytest.mark.parametrize(("code", "grade"), [("S1", "poor"), ("S2", "fair"), ("S3", None)])
def test_a_shelter_has_a_grade_and_neither_tier_nor_state(root, code, grade):
    shelters = {one["code"]: one for one in asked(root, "select", "shelters")["features"]}
    one = shelters[code]
    assert (one["tier"], one["state"], one["grade"]) == (None, None, grade)
    assert (one["score"] is None) == (grade is None)
    told = asked(root, "explain", "shelters", code)
    assert (told["tier"], told["state"], told["grade"]) == (None, None, grade)
    assert {step["tier"] for step in told["nearest"]} <= set(GRADES.values())


def test_what_has_no_model_has_no_grade_either(root):
    (post,) = asked(root, "select", "posts")["features"]
    assert (post["tier"], post["state"], post["grade"], post["score"]) == (None, None, None, None)


@pytest.mark.parametrize("words", [("--tier", "major"), ("--tier", "unrated"), ("--state", "unrated"), ("--state", "rated"), ("--where", "tier >= low"), ("--where", "state != rated")])  # fmt: skip
def test_no_filter_by_tier_or_state_finds_a_resource(root, words):
    layers = {one["layer"] for one in asked(root, "select", *words)["features"]}
    assert layers == {"risk_points"}


@pytest.mark.parametrize("words", [("--tier", "poor"), ("--tier", "差"), ("--where", "tier == poor")])
def test_a_grade_can_be_asked_for(root, words):
    assert [one["code"] for one in asked(root, "select", *words)["features"]] == ["S1"]


def test_assess_gives_no_tier_to_a_resource_and_tells_its_grades(root):
    layers = {one["layer"]: one for one in asked(root, "assess")["layers"]}
    shelters = layers["shelters"]
    assert (set(shelters["tiers"].values()), shelters["unrated"], shelters["assessed"]) == ({0}, 1, 2)
    told = riskmap("assess", "--workspace", root).out
    assert "应急避难场所（不计入等级）：差 1、较差 0、尚可 1、良好 0、未评档 1" in told


def test_a_major_point_is_drawn_over_a_poor_shelter_at_the_same_place(root):
    now = current_snapshot(open_workspace(root))
    here = [hit.code for hit in nearest(now, 114.05, 22.54, limit=2)]
    assert set(here) == {"R1", "S1"}
    drawn = tile(now, Selection(codes=("R1", "S1")), 8, 209, 111)
    assert int.from_bytes(drawn[:4], "little") == 1
    layer, rank = divmod(drawn[-1], 8)
    assert (now.layers[layer], RANKS[rank]) == ("risk_points", "major")


def test_a_card_and_the_legend_speak_of_grades(root):
    ws = open_workspace(root)
    now = current_snapshot(ws)
    (hit,) = search(now, "S1")
    assert STANDINGS[hit.rank] == hit.tier == "poor"
    shown = card(ws, now, hit, "zh")
    assert (shown["rank"], bool(shown["why"])) == (hit.rank, True)
    from riskmap.web.widgets.map import Bounds, Frame

    settings = frame_settings(Frame("zh", list(ws.catalog.layers.values()), Bounds(114, 22, 115, 23), ()))
    assert [settings["ranks"][i]["title"] for i in settings["grades"]] == [
        "差",
        "较差",
        "尚可",
        "良好",
        "未评档",
    ]
    assert {one["id"]: one["risk"] for one in settings["layers"]}["shelters"] is False


def test_a_cover_sums_risks_and_counts_the_others_below(root, tmp_path):
    done = asked(root, "export", "--to", tmp_path / "all.xlsx")
    assert (done["count"], done["adds_up"]) == (7, False)
    book = load_workbook(tmp_path / "all.xlsx")
    cover = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    sums = [row for row in cover if row[0] == "合计"]
    assert [row[6] for row in sums] == [3, 3]
    assert ["应急避难场所", 3] in [row[:2] for row in cover]
    headers = [cell.value for cell in book["应急避难场所"][1]]
    assert "评估档次" in headers
    assert "评估等级" not in headers
    assert "评估得分" not in [cell.value for cell in book["救援哨点"][1]]


def test_only_shelters_still_make_a_file_that_adds_up(root, tmp_path):
    names = [
        tmp_path / f"s.{ending}" for ending in ("xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet")
    ]
    done = asked(root, "export", "shelters", *(word for name in names for word in ("--to", name)))
    assert (done["count"], done["adds_up"]) == (3, True)
    again = asked(root, "import", "shelters", names[0])["files"][0]
    assert (again["unchanged"], again["rejected"]) == (3, 0)


def test_a_frame_has_a_grade_column_and_a_changed_one_is_refused(root):
    shelters = open_district(root)["shelters"].frame()
    assert list(shelters["grade"].astype(str)) == ["poor", "fair", "ungraded"]
    assert shelters["grade"].cat.ordered
    assert "tier" not in shelters.columns
    better = shelters.assign(grade="good")[["grade", "version"]]
    with pytest.raises(RiskmapError, match="grade"):
        open_district(root)["shelters"].edit(better, by="张三", why="改评")


def test_counts_of_one_snapshot_agree_with_the_tables(root):
    now = current_snapshot(open_workspace(root))
    found = counts(now, Selection())
    assert (found.total, found.everything, found.others) == (3, 7, {"shelters": 3, "posts": 1})
    assert sum(tier_counts(now.table("shelters")).values()) == 0
    assert now.others == {"shelters", "posts"}


def test_changing_the_file_changes_what_is_counted_at_once(root):
    file = root / "layers" / "shelters.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace('counts = "resource"', 'counts = "risk"'), encoding="utf-8")
    try:
        found = asked(root, "summary")
        assert (found["total"], found["tiers"]["major"], set(found["others"])) == (6, 2, {"posts"})
    finally:
        file.write_text(before, encoding="utf-8")
    assert asked(root, "summary")["total"] == 3


@pytest.mark.parametrize("kind", ["resource", "work", "event", "reading"])
def test_every_kind_but_risk_does_without_a_model(kind):
    assert read_layer(f'{POSTS}counts = "{kind}"\n', "layers/posts.toml").counts == kind
    with pytest.raises(CatalogError, match="model"):
        read_layer(f'{POSTS}counts = "risk"\n', "layers/posts.toml")


def test_every_grade_weighs_less_than_every_tier_and_has_no_state():
    import numpy as np

    order = [STANDINGS[i] for i in np.argsort(weight(np.arange(len(STANDINGS))))]
    assert order == [*(GRADES[tier] for tier in RANKS), *RANKS]
    assert {state_of(one) for one in GRADES.values()} == {None}
    assert {state_of(one) for one in TIERS} == {"rated"}


def test_the_shipped_shelters_are_a_resource():
    text = (defaults_dir() / "layers" / "shelters.toml").read_text(encoding="utf-8")
    layer = read_layer(text, "layers/shelters.toml")
    assert (layer.counts, layer.role, layer.model) == ("resource", "shelter", "shelter_fitness")
