"""A street is judged alike wherever it comes from, and a record without a known one says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.cli import riskmap

HEAD = ["编号", "名称", "经度", "纬度", "容纳人数"]
A, B = "甲水街道", "乙山街道"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    squares = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, 22.5], [x + 0.1, 22.5], [x + 0.1, 22.6], [x, 22.6], [x, 22.5]]],
            },
        }
        for name, x in ((A, 114.0), (B, 114.1))
    ]
    (where / "streets.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": squares}), "utf-8"
    )
    file = where / "workspace.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('subdistricts = ""', 'subdistricts = "streets.geojson"'), "utf-8")
    return where


def flags(root: Path) -> dict[str, set[str]]:
    found = riskmap("select", "shelters", "--json", "--workspace", root).json["features"]
    streets = {"unknown_subdistrict", "no_subdistrict", "outside_subdistrict"}
    return {one["code"]: streets & set(one["flags"]) for one in found}


def imported(root: Path, file: Path) -> Any:
    done = riskmap("import", "shelters", file, "--crs", "wgs84", "--json", "--workspace", root)
    assert "files" in done.json, done.err
    return done.json["files"][0]


def column(root: Path, street: str) -> Path:
    file = root / "list.csv"
    file.write_text(f"{','.join(HEAD)},所属街道\nS1,东湖,114.05,22.54,10,{street}\n", encoding="utf-8-sig")
    return file


def title(root: Path, street: str) -> Path:
    file = root / "list.csv"
    file.write_text(
        f"{street}避难场所台账\n{','.join(HEAD)}\nS1,东湖,114.05,22.54,10\n", encoding="utf-8-sig"
    )
    return file


def sheet(root: Path, street: str) -> Path:
    book = Workbook()
    book.active.title = street
    book.active.append(HEAD)
    book.active.append(["S1", "东湖", "114.05", "22.54", "10"])
    book.save(root / "list.xlsx")
    return root / "list.xlsx"


def section(root: Path, street: str) -> Path:
    file = root / "list.csv"
    rows = "S1,东湖,114.05,22.54,10\n"
    file.write_text(f"{','.join(HEAD)}\n一、{street}（1处）,,,,\n{rows}", encoding="utf-8-sig")
    return file


def name(root: Path, street: str) -> Path:
    file = root / f"避难场所_{street}.csv"
    file.write_text(f"{','.join(HEAD)}\nS1,东湖,114.05,22.54,10\n", encoding="utf-8-sig")
    return file


@pytest.mark.parametrize("place", [column, title, sheet, section, name])
@pytest.mark.parametrize(
    ("street", "kept", "flag"), [(A, A, set()), ("丙田街道", "丙田街道", {"unknown_subdistrict"})]
)
def test_a_street_gets_one_verdict_from_wherever_it_comes(root, place, street, kept, flag):
    done = imported(root, place(root, street))
    said = [one for one in done["issues"] if one["rule"] == "unknown_subdistrict"]
    assert (done["inserted"], len(said)) == (1, len(flag))
    assert all((one["row"], one["code"], one["value"]) != (None, None, None) for one in said)
    (record,) = riskmap("select", "shelters", "--json", "--workspace", root).json["features"]
    assert record["subdistrict"] == kept
    assert flags(root) == {"S1": flag}


def test_a_missing_street_and_one_that_does_not_hold_are_flagged_each_as_what_it_is(root):
    file = root / "list.csv"
    rows = f"S1,东,114.05,22.54,1,\nS2,西,114.05,22.55,1,{B}\nS3,南,114.05,22.56,1,{A}\nS4,北,114.05,22.57,1,无名镇\n"
    file.write_text(f"{','.join(HEAD)},所属街道\n{rows}", encoding="utf-8-sig")
    imported(root, file)
    assert flags(root) == {
        "S1": {"no_subdistrict"},
        "S2": {"outside_subdistrict"},
        "S3": set(),
        "S4": {"unknown_subdistrict"},
    }
    listed = riskmap("export", "shelters", "--to", root / "o.csv", "--json", "--workspace", root)
    assert listed.status == 0
    text = (root / "o.csv").read_text(encoding="utf-8-sig")
    assert "未填街道" in text
    assert "街道不在本区" in text


def test_a_district_that_knows_no_streets_flags_none(tmp_path):
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    imported(where, column(where, "丙田街道"))
    assert flags(where) == {"S1": set()}
