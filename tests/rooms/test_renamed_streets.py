"""A street or a community renamed or merged: all records at once, later files read under either name, the past unchanged."""

from __future__ import annotations

import json

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, register_workspace, table

WEST, EAST, MIDDLE = "西城街道", "东城街道", "中城街道"
SQUARE = '{"type":"Feature","properties":{"name":"%s"},"geometry":{"type":"Polygon","coordinates":[[[%s,22.5],[%s,22.5],[%s,22.7],[%s,22.7],[%s,22.5]]]}}'


def square(name, west, east):
    return SQUARE % (name, west, east, east, west, west)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-20T02:00:00Z")
    home = register_workspace(tmp_path / "w")
    parts = [square(WEST, 114.0, 114.15), square(EAST, 114.15, 114.3), square(MIDDLE, 114.3, 114.4)]
    (home / "streets.geojson").write_text(
        '{"type":"FeatureCollection","features":[' + ",".join(parts) + "]}", encoding="utf-8"
    )
    settings = home / "workspace.toml"
    text = settings.read_text(encoding="utf-8")
    lines = [
        'subdistricts = "streets.geojson"' if one.startswith("subdistricts") else one
        for one in text.splitlines()
    ]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = ("空洞编号,街道,社区,经度,纬度", f"KD1,{WEST},甲社区,114.1,22.6", f"KD2,{EAST},乙社区,114.2,22.6")
    bring(home, "cavities", table(home, *rows))
    bring(home, "slopes", table(home, "边坡编号,街道,经度,纬度,坡高", f"BP1,{WEST},114.1,22.61,10"))
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    return home


def streets(home, *words):
    return riskmap("streets", *words, "--json", "--workspace", home)


def where(home, *more):
    return {
        code: one["subdistrict"]
        for layer in ("cavities", "slopes")
        for code, one in chosen(home, layer, *more).items()
    }


BEFORE = {"KD1": WEST, "KD2": EAST, "KD3": None, "BP1": WEST}


def test_a_street_is_renamed_in_every_layer_and_the_preview_says_how_many_records(home):
    assert where(home) == BEFORE
    told = streets(home, "rename", "西城", "西湖街道", "--dry-run").json
    assert (told["records"], told["changeset"]) == (2, None)
    assert told["counts"] == {WEST: {"cavities": 1, "slopes": 1}}
    assert where(home) == BEFORE
    assert streets(home, "rename", WEST, "西湖街道").refused, "no reason"
    done = streets(home, "rename", WEST, "西湖街道", "--why", "区划调整").json
    assert where(home) == BEFORE | {"KD1": "西湖街道", "BP1": "西湖街道"}
    listed = {one["name"]: one for one in streets(home).json["streets"]}
    assert listed["西湖街道"] == {
        "name": "西湖街道",
        "layers": {"cavities": 1, "slopes": 1},
        "former": [WEST],
    }
    assert WEST not in listed
    riskmap("undo", done["changeset"], "--why", "撤回", "--workspace", home)
    assert where(home) == BEFORE
    assert {one["name"] for one in streets(home).json["streets"]} == {WEST, EAST, MIDDLE}


def test_a_later_file_with_the_old_name_is_read_as_the_new_one_and_says_so(home):
    streets(home, "rename", WEST, "西湖街道", "--why", "区划调整")
    path = table(home, "空洞编号,街道,经度,纬度", f"KD1,{WEST}办事处,114.1,22.6", "KD8,西城,114.11,22.6")
    said = bring(home, "cavities", path)
    assert (said["unchanged"], said["inserted"], said["held"]) == (1, 1, 0)
    told = [one for one in said["issues"] if one["rule"] == "renamed_street"]
    assert len(told) == 2
    assert "按 西湖街道 读入" in told[0]["message"]
    titled = table(home, "空洞编号,经度,纬度", "KD9,114.12,22.6", name=f"{WEST}空洞")
    said = bring(home, "cavities", titled)
    assert [one["rule"] for one in said["issues"]] == ["renamed_street"]
    assert where(home)["KD9"] == where(home)["KD8"] == "西湖街道"


def test_boundaries_bear_the_new_name_and_nobody_is_found_outside_the_street(home):
    before = {code: one["flags"] for code, one in chosen(home, "cavities").items()}
    streets(home, "rename", WEST, "西湖街道", "--why", "区划调整")
    assert {code: one["flags"] for code, one in chosen(home, "cavities").items()} == before
    then = chosen(home, "cavities", "--as-of", "2026-11-20")
    assert {code: one["flags"] for code, one in then.items()} == before
    assert open_workspace(home).subdistricts == ("西湖街道", EAST, MIDDLE)


def test_streets_are_merged_and_their_areas_are_one(home):
    done = streets(home, "merge", WEST, EAST, "--into", "新城街道", "--why", "合并").json
    assert done["records"] == 3
    assert where(home) == {"KD1": "新城街道", "KD2": "新城街道", "KD3": None, "BP1": "新城街道"}
    places = open_workspace(home).places
    assert places.names == ("新城街道", MIDDLE)
    assert places.polygons[0].bounds == (114.0, 22.5, 114.3, 22.7)
    assert bring(home, "cavities", table(home, "空洞编号,街道", f"KD2,{EAST}"))["unchanged"] == 1


def test_a_street_is_merged_into_one_that_stays_and_renamed_again_later(home):
    streets(home, "merge", EAST, "--into", WEST, "--why", "并入")
    streets(home, "rename", WEST, "西湖街道", "--why", "改名")
    assert set(where(home).values()) == {"西湖街道", None}
    assert bring(home, "cavities", table(home, "空洞编号,街道", f"KD2,{EAST}"))["unchanged"] == 1
    streets(home, "rename", "西湖街道", EAST, "--why", "改回旧名")
    assert set(where(home).values()) == {EAST, None}
    said = bring(home, "cavities", table(home, "空洞编号,街道", f"KD2,{EAST}"))
    assert (said["unchanged"], said["issues"]) == (1, []), "a name that is in use again is no name of before"


def test_figures_of_an_earlier_day_keep_the_old_name(home):
    before = riskmap("summary", "--as-of", "2026-11-20", "--json", "--workspace", home).json["subdistricts"]
    streets(home, "rename", WEST, "西湖街道", "--why", "区划调整")
    assert where(home, "--as-of", "2026-11-20") == BEFORE
    after = riskmap("summary", "--as-of", "2026-11-20", "--json", "--workspace", home).json["subdistricts"]
    assert after == before
    assert WEST in before
    now = riskmap("summary", "--json", "--workspace", home).json["subdistricts"]
    assert ("西湖街道" in now, WEST in now) == (True, False)


def test_a_row_that_waited_and_a_record_that_was_retired_come_back_under_the_new_name(home):
    bring(home, "cavities", table(home, "空洞编号,街道,路段", f"KD7,{WEST},LD999"))
    riskmap("retire", "cavities", "KD1", "--why", "填实", "--workspace", home)
    streets(home, "rename", WEST, "西湖街道", "--why", "区划调整")
    road = json.loads((home / "roads.geojson").read_text(encoding="utf-8"))
    road["features"][0]["properties"] |= {"路段编号": "LD999", "道路名称": "新路"}
    (home / "more.geojson").write_text(json.dumps(road, ensure_ascii=False), encoding="utf-8")
    bring(home, "roads", home / "more.geojson")
    ws = open_workspace(home)
    (held,) = ws.ledger.held()
    assert riskmap("accept", held.id, "--why", "路已登记", "--workspace", home).status == 0
    assert riskmap("reinstate", "cavities", "KD1", "--why", "又塌", "--workspace", home).status == 0
    assert (where(home)["KD7"], where(home)["KD1"]) == ("西湖街道", "西湖街道")


def test_a_community_is_renamed_and_read_under_either_name(home):
    done = streets(home, "rename", "甲社区", "丙社区", "--community", "--why", "改名").json
    assert done["counts"] == {"甲社区": {"cavities": 1}}
    said = bring(home, "cavities", table(home, "空洞编号,社区", "KD1,甲社区", "KD3,甲社区"))
    assert (said["unchanged"], said["updated"]) == (1, 1)
    assert [one["rule"] for one in said["issues"]] == ["renamed_street"] * 2
    fields = {code: one["fields"]["community"] for code, one in chosen(home, "cavities").items()}
    assert fields == {"KD1": "丙社区", "KD2": "乙社区", "KD3": "丙社区"}


def test_a_name_that_nobody_has_is_refused_with_the_one_that_was_meant(home):
    ran = streets(home, "rename", "西成街道", "西湖街道", "--why", "改名")
    assert ran.refused
    assert f"是否想写 {WEST}" in ran.err
    assert streets(home, "rename", WEST, WEST, "--why", "改名").refused
    assert streets(home, "merge", WEST, EAST, "--why", "改名").refused
