"""Who reaches how many shelter places: the worked value, through files, ledger and command."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskmap.coordinates import Datum, to_cgcs2000
from tests.cli import riskmap

EAST, NORTH = 512_000.0, 2_495_000.0


def degrees(x: float) -> tuple[float, float]:
    lon, lat = to_cgcs2000([EAST + x], [NORTH], Datum("EPSG:4547", "projected"))
    return float(lon[0]), float(lat[0])


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    assert riskmap("init", folder).status == 0
    rows = [
        ("S1", 0.0, "紧急", 100, 4000, "否", "开放"),
        ("S2", 1500.0, "紧急", 900, 30, "否", "待命"),  # 30 m² at .5 m² a person: 60 places
        ("S3", 0.0, "紧急", 100, 4000, "是", "开放"),
        ("S4", 0.0, "紧急", 100, 4000, "否", "关闭"),
        ("S5", 0.0, "紧急", "", "", "否", "开放"),
        ("S6", 0.0, "紧急", 100, 4000, "", "开放"),
        ("S7", 0.0, "", 100, 4000, "否", "开放"),
    ]
    text = "编号,名称,经度,纬度,避难场所类别,容纳人数,面积,是否处于危险区,状态\n"
    for code, x, kind, places, area, hazard, state in rows:
        lon, lat = degrees(x)
        text += f"{code},{code},{lon:.8f},{lat:.8f},{kind},{places},{area},{hazard},{state}\n"
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    done = riskmap("import", "shelters", tmp_path / "s.csv", "--crs", "cgcs2000", "--workspace", folder)
    assert done.status == 0, done.err
    return folder


def people(tmp_path: Path, *rows: tuple[str, object, float | None]) -> Path:
    text = "编号,人口,经度,纬度\n"
    for code, number, x in rows:
        lon, lat = ("", "") if x is None else degrees(x)
        text += f"{code},{number},{lon},{lat}\n"
    file = tmp_path / "人口.csv"
    file.write_text(text, encoding="utf-8-sig")
    return file


def test_the_worked_value_comes_out_of_files(ws: Path, tmp_path: Path):
    # Shelter 1 reaches groups 1 and 2, shelter 2 groups 2 and 3.
    file = people(tmp_path, ("G1", 200, -700.0), ("G2", 100, 750.0), ("G3", 50, 2200.0))
    done = riskmap(
        "reach", "--people", file, "--crs", "cgcs2000", "--radius", 800, "--workspace", ws, "--json"
    )
    assert done.status == 0, done.err
    found = done.json
    by = {s["code"]: (s["places"], s["people_in_reach"], s["places_per_person"]) for s in found["shelters"]}
    assert by["S1"] == (100, 300, pytest.approx(0.333333))
    assert by["S2"] == (60, 150, pytest.approx(0.4))
    shared = by["S7"][2] if "S7" in by else 0.0  # with a radius stated, no class is needed
    groups = {g["code"]: g["places_per_person"] for g in found["groups"]}
    assert groups["G1"] == pytest.approx(0.3333 + shared, abs=1e-4)
    assert groups["G2"] == pytest.approx(0.7333 + shared, abs=1e-4)
    assert groups["G3"] == pytest.approx(0.4, abs=1e-4)
    assert (found["people"], found["people_unserved"]) == (350, 0)


def test_a_shelter_of_which_something_is_not_known_is_left_out_and_named(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("G1", 200, 0.0))
    found = riskmap("reach", "--people", file, "--crs", "cgcs2000", "--workspace", ws, "--json").json
    assert [s["code"] for s in found["shelters"]] == ["S1", "S2"]
    why = {one["code"]: one["en"] for one in found["left_out"]}
    assert set(why) == {"S3", "S4", "S5", "S6", "S7"}
    assert why["S3"] == "inside a hazard"
    assert "not known" in why["S6"]
    assert "class" in why["S7"]


def test_people_without_a_shelter_a_position_or_a_number_are_named(ws: Path, tmp_path: Path):
    file = people(tmp_path, ("G1", 200, 0.0), ("G2", 80, 9000.0), ("G3", "", 0.0), ("G4", 7, None))
    done = riskmap("reach", "--people", file, "--crs", "cgcs2000", "--workspace", ws, "--json")
    assert done.status == 1
    found = done.json
    assert (found["people"], found["people_unserved"]) == (280, 80)
    assert (found["unserved"], found["incomplete"]) == (["G2"], ["G3", "G4"])
    shown = riskmap("reach", "--people", file, "--crs", "cgcs2000", "--workspace", ws)
    assert "80 人" in shown.out
    assert "G2" in shown.err


def test_nobody_and_no_shelter_are_one_clear_message(ws: Path, tmp_path: Path):
    nobody = riskmap(
        "reach", "--people", people(tmp_path, ("G1", "", 0.0)), "--crs", "cgcs2000", "--workspace", ws
    )
    assert nobody.refused
    assert "人口" in nobody.err
    empty = tmp_path / "empty"
    assert riskmap("init", empty).status == 0
    none = riskmap(
        "reach", "--people", people(tmp_path, ("G1", 5, 0.0)), "--crs", "cgcs2000", "--workspace", empty
    )
    assert none.status == 2
    assert "避难场所" in none.err
