"""The command line keeps its contract: names, documents, exit statuses, one clear message on failure."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from pathlib import Path

import pyproj
import pytest

from riskmap.selection import area_text, ring_of
from tests.cli import Ran, riskmap

IMPORT_KEYS = {
    "file", "layer", "sheets", "rows", "accepted", "inserted", "updated", "unchanged", "rejected", "skipped_non_data",
    "unlocated", "held", "issues",
}  # fmt: skip
SELECT_KEYS = {
    "layer", "code", "name", "lon", "lat", "subdistrict", "score", "tier", "state", "fields", "contacts", "flags", "version",
    "extra", "model",
}  # fmt: skip
TABLE = """编号,名称,街道,经度,纬度,L,E,C,申报等级,责任人,联系电话
A1,甲,东门街道,114.12,22.55,10,10,100,低风险,张三,13800138000
A2,乙,南湖街道,114.13,22.55,1,1,1,低风险,李四,13800138001
A3,丙,南湖街道,114.14,22.55,3,6,15,,,
A4,丁,东门街道,114.15,22.55,,1,1,,,
A5,戊,东门街道,,,3,3,3,,,
A6,己,东门街道,114.16,,3,3,3,,,
合计,6,,,,,,,,,
"""
BAD = ["A6"]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract") / "ws"
    assert riskmap("init", folder).status == 0
    table = folder.parent / "风险点.csv"
    table.write_text(TABLE, encoding="utf-8")
    done = riskmap(
        "import",
        "risk_points",
        table,
        "--crs",
        "wgs84",
        "--json",
        "--by",
        "王五",
        "--why",
        "首批",
        "--workspace",
        folder,
    )
    assert done.status == 1, done.err
    document = done.json
    (file,) = document["files"]
    assert set(file) >= IMPORT_KEYS
    assert file["rows"] == file["accepted"] + file["rejected"] + file["skipped_non_data"] == 7
    assert file["accepted"] == file["inserted"] + file["updated"] + file["unchanged"] + file["held"] == 5
    assert [i["code"] for i in file["issues"] if i["severity"] == "error"] == BAD
    assert set(file["issues"][0]) == {"sheet", "row", "code", "field", "value", "severity", "rule", "message"}
    assert riskmap("assess", "--workspace", folder).status == 0
    return folder


def run(ws: Path, *words: object) -> Ran:
    return riskmap(*words, "--workspace", ws)


def test_assess_names_its_run_and_every_layer_with_its_model(ws: Path):
    document = run(ws, "assess", "--json").json
    assert set(document) == {"run", "layers"}
    assert {x["layer"] for x in document["layers"]} >= {"risk_points", "shelters"}
    for layer in document["layers"]:
        assert set(layer) == {"layer", "model", "digest", "assessed", "unrated", "tiers", "changed"}
        assert set(layer["tiers"]) == {"major", "large", "general", "low"}
    points = next(x for x in document["layers"] if x["layer"] == "risk_points")
    assert (points["assessed"], points["unrated"], points["changed"]) == (4, 1, 0)


def test_select_gives_the_documented_keys_and_null_where_nothing_is_known(ws: Path):
    ran = run(ws, "select", "--json")
    assert ran.err == ""
    document = ran.json
    assert set(document) == {"count", "features"}
    assert document["count"] == len(document["features"]) == 5
    by_code = {f["code"]: f for f in document["features"]}
    assert all(set(f) == SELECT_KEYS for f in document["features"])
    assert by_code["A5"]["lon"] is by_code["A5"]["lat"] is None
    assert (by_code["A4"]["state"], by_code["A4"]["tier"], by_code["A4"]["score"]) == ("unrated", None, None)
    assert by_code["A1"]["fields"]["declared_tier"] == "low"
    assert by_code["A1"]["tier"] == "major"
    assert "declared_differs" in by_code["A1"]["flags"]
    assert "13800138000" not in ran.out


def test_summary_exits_1_and_names_the_records_that_are_missing_from_the_tiers(ws: Path):
    ran = run(ws, "summary", "--json")
    assert ran.status == 1
    document = ran.json
    assert set(document) >= {
        "as_of", "total", "tiers", "unrated", "rejected_rows", "adds_up", "differences", "layers", "subdistricts",
    }  # fmt: skip
    assert document["total"] == sum(document["tiers"].values()) + document["unrated"] == 5
    assert document["rejected_rows"] == 1
    assert document["adds_up"] is False
    assert any("A4" in d["codes"] for d in document["differences"])
    assert sum(s["total"] for s in document["subdistricts"].values()) == 5


def test_explain_contributions_sum_to_the_score(ws: Path):
    document = run(ws, "explain", "risk_points", "A3", "--json").json
    assert set(document) >= {
        "layer", "code", "score", "tier", "state", "model", "digest", "reference", "contributions", "rules", "missing", "nearest",
    }  # fmt: skip
    total = document["reference"]["score"] + sum(c["contribution"] for c in document["contributions"])
    assert total == pytest.approx(document["score"])
    assert all(set(c) == {"field", "value", "score", "contribution"} for c in document["contributions"])
    assert run(ws, "explain", "risk_points", "A4", "--json").json["missing"] == ["likelihood"]


def test_history_says_who_and_why(ws: Path):
    document = run(ws, "history", "risk_points", "A1", "--json").json
    assert set(document) == {"layer", "code", "revisions"}
    first = document["revisions"][0]
    assert set(first) >= {"version", "at", "who", "why", "kind", "changes"}
    assert (first["version"], first["who"], first["why"]) == (1, "王五", "首批")
    assert first["changes"]["likelihood"] == [None, 10]


def test_export_counts_what_select_counts_and_exits_1_where_sums_do_not_agree(ws: Path, tmp_path: Path):
    ran = run(ws, "export", "--to", tmp_path / "a.xlsx", "--to", tmp_path / "a.csv", "--json")
    assert ran.status == 1
    document = ran.json
    assert set(document) == {"files", "count", "adds_up", "figures"}
    assert [(f["format"], f["rows"]) for f in document["files"]] == [("xlsx", 5), ("csv", 5)]
    assert all(Path(f["path"]).is_file() for f in document["files"])


def test_a_document_is_all_that_json_prints(ws: Path, tmp_path: Path):
    for words in (
        ("select", "--json"),
        ("summary", "--json"),
        ("assess", "--json"),
        ("changes", "--json"),
        ("backup", tmp_path / "b.sqlite", "--json"),
        ("export", "--to", tmp_path / "x.geojson", "--json"),
    ):
        ran = run(ws, *words)
        json.loads(ran.out)
        assert ran.err == "", words


REFUSED = {
    "a layer that does not exist": ("select", "risk_pionts"),
    "a layer to import into that does not exist": ("import", "slope", "a.csv", "--crs", "wgs84"),
    "a field that does not exist": ("select", "--where", "likelihod > 3"),
    "a condition that is SQL": ("select", "--where", "1=1; DROP TABLE feature"),
    "a number that is none": ("select", "--where", "likelihood > abc"),
    "a tier that does not exist": ("select", "--tier", "maajor"),
    "a state that does not exist": ("select", "--state", "ratd"),
    "a sub-district that does not exist": ("select", "--subdistrict", "东门"),
    "a coordinate system that does not exist": ("import", "risk_points", "a.csv", "--crs", "wsg84"),
    "an EPSG code that does not exist": ("import", "risk_points", "a.csv", "--crs", "EPSG:99999"),
    "a vertical coordinate system": ("import", "risk_points", "a.csv", "--crs", "EPSG:5773"),
    "no coordinate system": ("import", "risk_points", "a.csv"),
    "a missing file": ("import", "risk_points", "none.csv", "--crs", "wgs84"),
    "one missing file of two": ("import", "risk_points", "a.csv", "none.csv", "--crs", "wgs84"),
    "a directory": ("import", "risk_points", ".", "--crs", "wgs84"),
    "an ending that nobody reads": ("import", "risk_points", "a.docx", "--crs", "wgs84"),
    "rejected rows into a folder that is not there": (
        "import", "risk_points", "a.csv", "--crs", "wgs84", "--rejects", "none/r.xlsx",
    ),
    "an unknown code": ("explain", "risk_points", "A99"),
    "the history of an unknown code": ("history", "risk_points", "A99"),
    "to retire an unknown code": ("retire", "risk_points", "A99", "--why", "拆除"),
    "to retire without a reason": ("retire", "risk_points", "A1", "--why", ""),
    "an unknown changeset": ("undo", "999", "--why", "错"),
    "a day that does not exist": ("select", "--as-of", "2024-13-01"),
    "a day in words": ("summary", "--as-of", "yesterday"),
    "a comparison with no day": ("summary", "--compare", "x"),
    "an ending that nobody writes": ("export", "--to", "o.docm"),
    "an export into a folder that is not there": ("export", "--to", "none/o.xlsx"),
    "an export onto a folder": ("export", "--to", "."),
    "a polygon that is not there": ("select", "--within", "none.geojson"),
    "a polygon that is none": ("select", "--within", "a.csv"),
    "a backup onto a folder": ("backup", "."),
    "a backup that is not there": ("restore", "none.sqlite"),
    "a backup that is none": ("restore", "a.csv"),
    "a store of another kind": ("select", "--store", "mysql://x/y"),
    "a command that does not exist": ("selectt",),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_command_that_cannot_be_done_says_so_once_and_writes_nothing(
    what: str, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a.csv").write_text("编号,名称,经度,纬度\nNEW,新,114.1,22.5\n", encoding="utf-8")
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    before = run(ws, "changes", "--json").out
    files = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    ran = riskmap(*REFUSED[what]) if what.startswith("a command") else run(ws, *REFUSED[what])
    assert ran.refused, ran.out
    assert ran.err.strip()
    assert "Traceback" not in ran.err
    if what != "a command that does not exist":
        assert len(ran.err.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == files
    assert run(ws, "changes", "--json").out == before


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("select", "risk_pionts"), "risk_points"),
        (("select", "--where", "likelihod > 3"), "likelihood"),
        (("select", "--tier", "maajor"), "major"),
        (("select", "--subdistrict", "东门"), "东门街道"),
        (("import", "risk_points", "a.csv", "--crs", "wsg84"), "wgs84"),
        (("selectt",), "select"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(words, meant, ws: Path):
    assert meant in run(ws, *words).err


def test_a_directory_without_a_workspace_is_refused_with_the_remedy(tmp_path: Path):
    ran = riskmap("select", "--workspace", tmp_path)
    assert ran.status == 2
    assert "riskmap init" in ran.err


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"", None])
def test_a_ledger_that_cannot_be_read_is_refused_by_every_command(content: bytes | None, tmp_path: Path):
    ws = tmp_path / "ws"
    assert riskmap("init", ws).status == 0
    ledger = ws / "data" / "ledger.sqlite"
    for part in ledger.parent.glob("ledger.sqlite*"):
        part.unlink()
    if content is None:
        with sqlite3.connect(ledger) as other:
            other.execute("CREATE TABLE other (x)")
        other.close()
    else:
        ledger.write_bytes(content)
    for words in (("select", "--json"), ("summary",), ("assess",), ("changes",), ("history", "slopes", "A1")):
        ran = run(ws, *words)
        assert ran.refused, words
        assert len(ran.err.strip().splitlines()) == 1


def test_the_past_is_read_back_by_every_command_that_takes_a_day(ws: Path, tmp_path: Path):
    today = dt.datetime.now(dt.UTC).date()
    for day, count in ((today - dt.timedelta(2), 0), (today + dt.timedelta(2), 5)):
        assert run(ws, "select", "--as-of", day, "--json").json["count"] == count
        assert run(ws, "summary", "--as-of", day, "--json").json["total"] == count
        assert (
            run(ws, "export", "risk_points", "--as-of", day, "--to", tmp_path / "o.csv", "--json").json[
                "count"
            ]
            == count
        )


def test_a_backup_brings_everything_back_and_never_lands_on_the_ledger_itself(tmp_path: Path):
    ws = tmp_path / "ws"
    riskmap("init", ws)
    (tmp_path / "a.csv").write_text("编号,名称\nA1,甲\nA2,乙\n", encoding="utf-8")
    assert run(ws, "import", "slopes", tmp_path / "a.csv").status == 0
    before = run(ws, "select", "--json").json
    assert run(ws, "backup", ws / "data" / "ledger.sqlite").status == 2
    assert run(ws, "backup", tmp_path / "b.sqlite").status == 0
    assert run(ws, "retire", "slopes", "A1", "--why", "拆除").status == 0
    assert run(ws, "select", "--json").json["count"] == 1
    assert run(ws, "restore", tmp_path / "b.sqlite", "--by", "甲", "--why", "误删").status == 0
    assert run(ws, "select", "--json").json == before


def test_a_column_that_was_not_read_is_named_to_the_person_who_imports(tmp_path: Path):
    ws = tmp_path / "ws"
    riskmap("init", ws)
    (tmp_path / "a.csv").write_text("边坡编号,边坡名称,整改情况,\nA1,甲,已整改,没有表头\n", encoding="utf-8")
    ran = run(ws, "import", "slopes", tmp_path / "a.csv")
    assert "整改情况" in ran.err
    assert "第 4 列" in ran.err


FILTERS = {
    "a layer": ("risk_points",),
    "a tier": ("--tier", "major,low"),
    "the unrated": ("--state", "unrated"),
    "a sub-district": ("--subdistrict", "东门街道"),
    "a condition": ("--where", "likelihood >= 3"),
    "two conditions": ("--where", "likelihood >= 3", "--where", "exposure < 10"),
    "a polygon": ("--within", "area.geojson"),
    "everything at once": (
        "risk_points",
        "--state",
        "rated",
        "--subdistrict",
        "东门街道",
        "--within",
        "area.geojson",
    ),
    "nothing": ("risk_points", "--where", "likelihood > 9", "--tier", "low"),
}


@pytest.mark.parametrize("what", FILTERS)
def test_an_export_holds_exactly_what_select_lists_for_the_same_filter(
    what: str, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    ring = [[114.115, 22.5], [114.135, 22.5], [114.135, 22.6], [114.115, 22.6], [114.115, 22.5]]
    area = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "area.geojson").write_text(json.dumps(area), encoding="utf-8")
    wanted = run(ws, "select", *FILTERS[what], "--json").json
    ran = run(ws, "export", *FILTERS[what], "--to", "o.csv", "--to", "o.geojson", "--json")
    assert ran.json["count"] == wanted["count"]
    codes = [f["code"] for f in wanted["features"]]
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as table:
        assert [row["编号"] for row in csv.DictReader(table)] == codes
    drawn = json.loads((tmp_path / "o.geojson").read_text(encoding="utf-8"))["features"]
    assert sorted(f["properties"]["code"] for f in drawn) == sorted(codes)
    assert all(f["rows"] == wanted["count"] for f in ran.json["files"])


def test_a_csv_whose_quotation_mark_is_never_closed_is_refused_with_its_line(ws: Path, tmp_path: Path):
    table = tmp_path / "a.csv"
    table.write_text('编号,名称\nA1,甲\n"A2,乙\nA3,丙\n', encoding="utf-8")
    ran = run(ws, "import", "slopes", table, "--crs", "wgs84")
    assert ran.status == 2
    assert "第 3 行" in ran.err
    table.write_text('编号,名称\nA1,5" 管\nA2,"乙\n二"\n', encoding="utf-8")
    done = run(ws, "import", "slopes", table, "--crs", "wgs84", "--dry-run", "--json").json["files"][0]
    assert done["accepted"] == 2


SQUARE = [[114.115, 22.5], [114.135, 22.5], [114.135, 22.6], [114.115, 22.6], [114.115, 22.5]]


def _polygon_file(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_polygon_may_be_a_collection_a_feature_bare_or_in_metres_that_it_names(ws: Path, tmp_path: Path):
    to_metres = pyproj.Transformer.from_crs(4490, 4547, always_xy=True).transform
    bare = {"type": "Polygon", "coordinates": [SQUARE]}
    planar = {"type": "Polygon", "coordinates": [[list(to_metres(*xy)) for xy in SQUARE]]}
    feature = {"type": "Feature", "properties": {}, "geometry": bare}
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    for document in (
        bare,
        feature,
        {"type": "FeatureCollection", "features": [feature]},
        {"type": "FeatureCollection", "crs": named, "features": [{**feature, "geometry": planar}]},
    ):
        area = _polygon_file(tmp_path / "area.geojson", document)
        found = run(ws, "select", "risk_points", "--within", area, "--json").json
        assert [f["code"] for f in found["features"]] == ["A1", "A2"]
    for document in (
        planar,
        {"type": "FeatureCollection", "features": [1]},
        [],
        {"type": "Polygon", "coordinates": [[1]]},
    ):
        ran = run(ws, "select", "--within", _polygon_file(tmp_path / "area.geojson", document))
        assert ran.status == 2
        assert len(ran.err.strip().splitlines()) == 1
        assert "没有完成" not in ran.err


def test_an_area_out_of_a_maps_address_selects_what_its_polygon_does(ws: Path, tmp_path: Path):
    every = json.loads(run(ws, "select", "--json").out)["features"]
    lon, lat = next((one["lon"], one["lat"]) for one in every if one["lon"] is not None)
    ring = [
        (lon - 0.005, lat - 0.005),
        (lon + 0.005, lat - 0.005),
        (lon + 0.005, lat + 0.005),
        (lon - 0.005, lat + 0.005),
    ]
    file = _polygon_file(tmp_path / "p.geojson", {"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    by_file = run(ws, "select", "--within", file, "--json").json
    area = area_text(ring_of(ring))
    by_area = run(ws, "select", "--within", f"area={area}", "--json").json
    assert 0 < by_area["count"] == by_file["count"] <= len(every)
    refused = run(ws, "select", "--within", f"area={area[:-1]}", "--json")
    assert refused.status == 2
    assert "重新圈选" in refused.err
