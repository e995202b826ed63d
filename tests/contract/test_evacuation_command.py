"""Who moves where, through files, ledger and command: sums, reasons, closures, replanning, roads, the workbook."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from riskmap.coordinates import Datum, to_cgcs2000
from riskmap.io.readers.evacuation import declared, read_people
from tests.cli import Ran, riskmap

EAST, NORTH = 512_000.0, 2_495_000.0


def degrees(x: float, y: float = 0.0) -> tuple[float, float]:
    lon, lat = to_cgcs2000([EAST + x], [NORTH + y], Datum("EPSG:4547", "projected"))
    return float(lon[0]), float(lat[0])


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("evacuation")
    folder = home / "ws"
    assert riskmap("init", folder).status == 0
    rows = [  # code, metres east, capacity, indoor or outdoor, in a hazard, status, beds
        ("S1", 1000.0, 50, "室内", "否", "开放", 40),
        ("S2", 2000.0, 80, "室外", "否", "待命", ""),
        ("S3", 100.0, 500, "室内", "是", "开放", 500),
        ("S4", 120.0, 500, "室内", "", "开放", 500),
        ("S5", 3000.0, 30, "", "否", "开放", 0),
    ]
    text = "编号,名称,经度,纬度,容纳人数,室内/室外类型,是否处于危险区,状态,床位数,供水\n"
    for code, x, room, setting, hazard, state, beds in rows:
        lon, lat = degrees(x)
        text += f"{code},{code}场,{lon:.8f},{lat:.8f},{room},{setting},{hazard},{state},{beds},有\n"
    (home / "s.csv").write_text(text, encoding="utf-8")
    done = riskmap("import", "shelters", home / "s.csv", "--crs", "cgcs2000", "--workspace", folder)
    assert done.status == 0, done.err
    lon, lat = degrees(0.0)
    (home / "b.csv").write_text(f"编号,名称,经度,纬度\nB1,坡一,{lon:.8f},{lat:.8f}\n", encoding="utf-8")
    done = riskmap("import", "slopes", home / "b.csv", "--crs", "cgcs2000", "--workspace", folder)
    assert done.status == 0, done.err
    return folder


def people(tmp_path: Path, *rows: tuple[str, object, float | None, str]) -> Path:
    text = "编号,人数,经度,纬度,危险区编号,行动不便人数\n"
    for code, number, x, zone in rows:
        lon, lat = ("", "") if x is None else degrees(x)
        text += f"{code},{number},{lon},{lat},{zone},1\n"
    file = tmp_path / "人口.csv"
    file.write_text(text, encoding="utf-8-sig")
    return file


def evacuate(ws: Path, file: Path, *more: object, danger: object = "B1", radius: int = 60) -> Ran:
    words = ("--people", file, "--danger", danger, "--radius", radius, "--crs", "cgcs2000", "--workspace", ws)
    return riskmap("evacuate", *words, *more)


def test_people_around_a_slope_go_to_the_nearest_shelters_that_may_be_used(ws: Path, tmp_path: Path):
    file = people(
        tmp_path, ("H1", 40, 20, ""), ("H2", 30, -20, ""), ("H3", 9, 400, ""), ("H4", 5, None, "B1")
    )
    done = evacuate(ws, file, "--json")
    assert done.status == 0, done.err
    found = done.json
    assert (found["people"], found["placed"], found["unplaced"]) == (75, 75, 0)
    assert found["distance"] == "straight ×1.3"
    assert {a["shelter"] for a in found["assignments"]} == {"S1", "S2"}
    assert sum(a["people"] * a["metres"] for a in found["assignments"]) == found["person_metres"]
    assert found["zones"] == [{"code": "B1", "people": 75}]
    by = {s["code"]: s for s in found["shelters"]}
    assert (by["S1"]["used"], by["S1"]["free"], by["S1"]["beds_gap"]) == (50, 0, 10)
    assert (by["S2"]["beds"], by["S2"]["beds_gap"]) == (None, None)  # not stated: not known, and never 0
    assert by["S1"]["water_l_per_day"] == 750
    assert sum(a["help"] for a in found["assignments"]) == 3
    why = {one["code"]: one["en"] for one in found["closed_shelters"]}
    assert why["S3"] == "inside a hazard"
    assert "not known" in why["S4"]


def test_a_shelter_inside_the_danger_zone_closed_or_outdoor_in_a_typhoon_takes_nobody(
    ws: Path, tmp_path: Path
):
    file = people(tmp_path, ("H1", 40, 20, ""))
    why = {c["code"]: c["en"] for c in evacuate(ws, file, "--json", radius=1100).json["closed_shelters"]}
    assert why["S1"] == "inside the danger zone B1"
    done = evacuate(ws, file, "--json", "--typhoon", "--close", "S1")
    why = {c["code"]: c["en"] for c in done.json["closed_shelters"]}
    assert why["S1"] == "closed in this event"
    assert why["S2"] == "outdoor, closed in a typhoon"
    assert "indoor or outdoor" in why["S5"]
    assert (done.status, done.json["unplaced"], done.json["unplaced_groups"][0]["en"]) == (
        1,
        40,
        "there is no usable shelter",
    )
    assert evacuate(ws, file, "--close", "S99").status == 2


def test_households_stay_together_where_that_is_asked(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 40, 20, ""), ("H2", 30, -20, ""), ("H3", 60, 0, ""))
    loose, whole = evacuate(ws, file, "--json").json, evacuate(ws, file, "--whole", "--json").json
    assert len(loose["assignments"]) > 3
    assert sorted((a["group"], a["people"]) for a in whole["assignments"]) == [
        ("H1", 40),
        ("H2", 30),
        ("H3", 60),
    ]
    assert whole["optimal"] is True
    assert whole["at_least"] == {"unplaced": 0, "person_metres": whole["person_metres"]}


def test_what_is_not_known_is_named_and_ends_with_status_1(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 4, 20, ""), ("H2", "", 10, ""), ("H3", 3, None, ""), ("H4", 6, None, "G7"))
    done = evacuate(ws, file, "--json", danger="B1,G7,G8")
    assert done.status == 1
    assert {(one["code"], one["kind"]) for one in done.json["incomplete"]} == {
        ("H2", "people"),
        ("H3", "place"),
        ("H4", "position"),
        ("G8", "zone"),
    }
    assert (done.json["people"], done.json["unplaced"]) == (10, 6)
    assert done.json["zones"][2] == {"code": "G8", "people": None}
    shown = evacuate(ws, file, danger="B1,G7,G8")
    assert "应转移 10 人" in shown.out
    assert "G8" in shown.err


def test_a_household_listed_twice_counts_once_with_both_zones(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 4, 20, "B1"), ("H1", 4, 20, "G7"), ("H2", 2, 900, "G9"))
    found = evacuate(ws, file, "--json", danger="B1,G7").json
    assert found["people"] == 4
    assert found["assignments"][0]["zones"] == ["B1", "G7"]


def test_a_table_of_persons_counts_each_row(ws: Path, tmp_path: Path):
    lon, lat = degrees(10)
    file = tmp_path / "名单.csv"
    rows = "".join(f"P{i},H{i // 3},{lon},{lat}\n" for i in range(7))
    file.write_text("人员编号,户号,经度,纬度\n" + rows, encoding="utf-8")
    found = evacuate(ws, file, "--json", "--whole").json
    assert found["people"] == 7
    assert {a["household"] for a in found["assignments"]} == {"H0", "H1", "H2"}


def test_the_finest_identifier_of_a_table_is_its_code(tmp_path: Path):
    lon, lat = degrees(10)
    file = tmp_path / "户.csv"
    rows = f"H1,W1,3,{lon},{lat},\nH2,W1,2,{lon},{lat},Z1、Z2\nH1,W2,3,{lon + 0.01},{lat},Z3\n"
    file.write_text("户号,网格编号,人数,经度,纬度,危险区\n" + rows, encoding="utf-8")
    table, left = declared(read_people(file, crs="cgcs2000"))
    assert (table.code, table.people.tolist()) == (["H1", "H2"], [3, 2])
    assert table.zones == [("W1", "Z3", "W2"), ("Z1", "Z2", "W1")]
    assert table.named_zone == [True, True]
    assert [(one.code, one.kind) for one in left] == [("H1", "position")]  # its second address was not read
    file.write_text("网格编号,人数\nW1,20\n", encoding="utf-8")
    grids, _ = declared(read_people(file, crs="cgcs2000"))
    assert (grids.code, grids.zones) == (["W1"], [("W1",)])  # a grid in danger is named by its own code


def test_when_a_shelter_closes_the_others_keep_theirs(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 40, 20, ""), ("H2", 30, -20, ""))
    first = evacuate(ws, file, "--json")
    plan = tmp_path / "plan.json"
    plan.write_text(first.out, encoding="utf-8")
    same = evacuate(ws, file, "--json", "--replan", plan).json
    assert (same["moved"], same["stayed"], same["changes"]) == (0, 70, [])
    again = evacuate(ws, file, "--json", "--replan", plan, "--close", "S1").json
    assert (again["moved"], again["unplaced"]) == (50, 0)
    assert {c["from"] for c in again["changes"]} == {"S1"}
    stayed = sum(a["people"] for a in first.json["assignments"] if a["shelter"] != "S1")
    assert again["stayed"] == stayed
    (tmp_path / "x.json").write_text('{"assignments": [{"a": 1}]}', encoding="utf-8")
    refused = evacuate(ws, file, "--replan", tmp_path / "x.json")
    assert (refused.status, "assignments" in refused.err) == (2, True)


def test_zones_come_from_a_table_and_from_a_prepared_scenario(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 4, 20, ""), ("H2", 3, 600, ""))
    lon, lat = degrees(600)
    zones = tmp_path / "zones.csv"
    zones.write_text(f"编号,经度,纬度,半径\nQ1,{lon},{lat},50\n", encoding="utf-8")
    assert evacuate(ws, file, "--json", danger=zones).json["zones"] == [{"code": "Q1", "people": 3}]
    west, south = degrees(580, -50)
    east, north = degrees(620, 50)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    square = {
        "type": "Feature",
        "properties": {"编号": "Q2"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    shapes = tmp_path / "zones.geojson"
    shapes.write_text(json.dumps({"type": "FeatureCollection", "features": [square]}), encoding="utf-8")
    assert evacuate(ws, file, "--json", danger=shapes).json["zones"] == [{"code": "Q2", "people": 3}]
    scenario = tmp_path / "prepared.json"
    rows = [{"layer": "slopes", "code": "B1"}, {"layer": "shelters", "code": "S1"}]
    scenario.write_text(json.dumps({"escalations": rows}), encoding="utf-8")
    found = evacuate(ws, file, "--json", danger=scenario).json
    assert found["zones"] == [{"code": "B1", "people": 4}]
    assert {c["code"]: c["en"] for c in found["closed_shelters"]}["S1"] == "in danger in this event"
    for wrong in ("no.csv", "slopes:B9", ","):
        assert evacuate(ws, file, danger=wrong).status == 2


def test_along_roads_the_way_round_counts_and_who_is_cut_off_is_named(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("H1", 10, 20, ""), ("H2", 5, -40, ""))
    detour = [degrees(20), degrees(20, 900), degrees(1000, 900), degrees(1000)]
    line = {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": detour}}
    roads = tmp_path / "roads.geojson"
    roads.write_text(json.dumps({"type": "FeatureCollection", "features": [line]}), encoding="utf-8")
    found = evacuate(ws, file, "--roads", roads, "--json").json
    assert found["distance"] == "roads"
    far = {a["group"]: (a["shelter"], a["metres"]) for a in found["assignments"]}
    assert far == {"H1": ("S1", 2780), "H2": ("S1", 2840)}
    (x1, y1), (x2, y2) = degrees(20), degrees(1000)
    (tmp_path / "roads.csv").write_text(
        f"lon1,lat1,lon2,lat2,长度\n{x1},{y1},{x2},{y2},5000\n", encoding="utf-8"
    )
    found = evacuate(ws, file, "--roads", tmp_path / "roads.csv", "--json").json
    assert {a["metres"] for a in found["assignments"]} == {5000, 5060}
    far_road = {
        **line,
        "geometry": {"type": "LineString", "coordinates": [degrees(0, 5000), degrees(90, 5000)]},
    }
    roads.write_text(json.dumps({"type": "FeatureCollection", "features": [far_road]}), encoding="utf-8")
    done = evacuate(ws, file, "--roads", roads, "--json")
    assert (done.status, {one["en"] for one in done.json["unplaced_groups"]}) == (
        1,
        {"no road leads to a usable shelter"},
    )
    (tmp_path / "roads.csv").write_text("lon1,lat1,lon2,lat2\n114,22,x,22\n", encoding="utf-8")
    wrong = evacuate(ws, file, "--roads", tmp_path / "roads.csv")
    assert (wrong.status, "第 2 行" in wrong.err) == (2, True)


def test_the_workbook_holds_a_list_for_each_sub_district_and_nobody_is_missing(ws: Path, tmp_path: Path):
    text = "户号,人数,经度,纬度,街道,危险区编号\n"
    for i, street in enumerate(["桂园街道", "东门街道", "桂园街道", "=cmd()"]):
        lon, lat = degrees(10 * i)
        text += f"H{i},{50 + i},{lon},{lat},{street},B1\n"
    file = tmp_path / "人口.csv"
    file.write_text(text, encoding="utf-8-sig")
    out = tmp_path / "转移.xlsx"
    done = evacuate(ws, file, "--json", "--to", out)
    assert done.status == 1
    book = openpyxl.load_workbook(out)
    assert book.sheetnames[:2] == ["总览", "避难场所"]
    assert {"桂园街道", "东门街道", "没有去处", "不可用场所"} <= set(book.sheetnames)
    lists = [n for n in book.sheetnames if n.endswith("街道") or n.startswith("=")]
    rows = [row for name in lists for row in book[name].iter_rows(min_row=2, values_only=True)]
    assert sum(row[4] for row in rows) == done.json["placed"]
    left = list(book["没有去处"].iter_rows(min_row=2, values_only=True))
    assert sum(row[2] for row in left) == done.json["unplaced"]
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
