"""Hostile text stays text: from file to ledger to selection to every export and back, unchanged and harmless."""

from __future__ import annotations

import csv
import warnings
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyogrio
import pytest

from riskmap.io.writers import export_formats
from tests.cases.unseen import spreadsheets, vectors
from tests.cli import riskmap

LAYERS = ("risk_points", "slopes", "underground_spaces", "waterlogging", "forest_fire_grids", "shelters")
HOSTILE = (
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "{{7*7}}", "{% raw %}", "${7*7}", "'; DROP TABLE feature;--",
    "=cmd|' /C calc'!A0", "'+86", "@SUM(1)", "-1+2", "+1", "=1+1", "第一行\n第二行", "../../etc/passwd", "%s%n", "''quoted''",
    'a"b,c;d', "TRUE", "1e5", "007", "2023-09-08", "㙓嘢𠮷🌊", "\\N", "]]>&lt;&amp;", "x" * 1500, "`id`", "C:\\x\\", "无",
)  # fmt: skip
CODES = tuple(h for h in HOSTILE if "\n" not in h and len(h) <= 60 and h not in {"1e5", "无"})


def _table(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    return path


def _import(ws: Path, layer: str, path: Path, crs: str | None) -> dict:
    ran = riskmap("import", layer, path, *(["--crs", crs] if crs else []), "--json", "--workspace", ws)
    assert ran.status in {0, 1}, ran.err
    return ran.json["files"][0]


def _select(ws: Path, *words: object) -> dict:
    return riskmap("select", *words, "--json", "--workspace", ws).json


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with all six layers: hostile texts, polygons, checklists, contacts, unlocated records."""
    root = tmp_path_factory.mktemp("hostile")
    folder = root / "ws"
    assert riskmap("init", folder).status == 0
    header = [
        "编号",
        "名称",
        "街道",
        "经度",
        "纬度",
        "L",
        "E",
        "C",
        "地址",
        "责任人",
        "联系电话",
        "类型",
        "备注",
        "所属单位",
    ]
    rows = [
        [
            f"{i:04}", text, "东门街道" if i % 2 else "<b>南湖</b>", 114.1 + i / 1000 if i % 5 else "", 22.55 if i % 5 else "",
            10, 6, 15, text, f"张{i}" if i % 3 else "", f"1380013{i:04}" if i % 3 else "", text if len(text) < 100 else "", text, text,
        ]
        for i, text in enumerate(t for t in HOSTILE if len(t) < 1000)
    ]  # fmt: skip
    done = _import(folder, "risk_points", _table(root / "点.csv", [header, *rows]), "wgs84")
    assert done["accepted"] == len(rows)
    coded = [
        [code, "坡" + code, 114.1 + i / 1000, 22.55, 12.5 + i, i]
        for i, code in enumerate((*CODES, "0001", "1", "01"))
    ]
    coded[0].append(HOSTILE[-4])
    head = ["边坡编号", "边坡名称", "经度", "纬度", "坡高", "威胁人数", "威胁对象"]
    assert _import(folder, "slopes", _table(root / "坡.csv", [head, *coded]), "wgs84")["accepted"] == len(
        coded
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in (*spreadsheets.ALL, *vectors.ALL):
            if case.name in {"sheets", "texts", "street_template", "grids"}:
                _import(folder, case.layer, case.make(root), case.crs)
    assert riskmap("assess", "--workspace", folder).status == 0
    return folder


def test_hostile_text_reaches_the_selection_as_it_was_written(ws: Path):
    points = {f["code"]: f for f in _select(ws, "risk_points")["features"]}
    for i, text in enumerate(t for t in HOSTILE if len(t) < 1000):
        assert points[f"{i:04}"]["name"] == text
        assert points[f"{i:04}"]["fields"]["address"] == text
    assert set(CODES) <= {f["code"] for f in _select(ws, "slopes")["features"]}
    found = _select(ws, "risk_points", "--subdistrict", "<b>南湖</b>")
    assert found["count"] == len([t for t in HOSTILE if len(t) < 1000][::2])


def test_hostile_conditions_find_text_and_run_nothing(ws: Path):
    before = _select(ws)["count"]
    ran = riskmap(
        "select", "risk_points", "--where", "name = '; DROP TABLE feature;--", "--json", "--workspace", ws
    )
    assert [f["name"] for f in ran.json["features"]] == ["'; DROP TABLE feature;--"]
    assert _select(ws)["count"] == before


def _known(document: dict) -> dict[str, dict]:
    """Return what an export carries of every record: its statement, not its assessment or version."""
    records = {}
    for f in document["features"]:
        kept = {
            k: v for k, v in f.items() if k not in {"version", "flags", "score", "tier", "model", "state"}
        }
        if kept["lon"] is not None:
            kept["lon"], kept["lat"] = round(kept["lon"], 7), round(kept["lat"], 7)
        records[f["code"]] = kept
    return records


@pytest.fixture(scope="module")
def exported(ws: Path) -> dict[str, list[Path]]:
    """Every format of one export of all layers."""
    out: dict[str, list[Path]] = {}
    for ending in export_formats():
        ran = riskmap(
            "export", "--to", ws.parent / f"全部.{ending}", "--contacts", "--json", "--workspace", ws
        )
        assert ran.status == 1, ran.err  # some records are unrated
        assert ran.json["count"] == sum(f["rows"] for f in ran.json["files"]) == _select(ws)["count"]
        out[ending] = [Path(f["path"]) for f in ran.json["files"]]
    return out


def _rows(ending: str, paths: list[Path], room: Path) -> int:
    """Count records with another library than the one that wrote them."""
    if ending == "zip":
        with zipfile.ZipFile(paths[0]) as archive:
            paths = [Path(archive.extract("清单.xlsx", room))]
    if ending in {"xlsx", "zip"}:
        book = openpyxl.load_workbook(paths[0])
        sheets = [s for s in book if s.sheet_state == "visible" and "编号" in [c.value for c in s[1]]]
        return sum(s.max_row - 1 for s in sheets)
    if ending == "csv":
        return sum(len(pd.read_csv(p, dtype=str, encoding="utf-8-sig")) for p in paths)
    if ending == "parquet":
        return sum(len(pd.read_parquet(p)) for p in paths)
    if ending == "shp.zip":
        with zipfile.ZipFile(paths[0]) as archive:
            archive.extractall(room)
        paths = sorted(room.rglob("*.shp"))
    layers = [(p, name) for p in paths for name in pyogrio.list_layers(p)[:, 0] if name != "layer_styles"]
    return sum(pyogrio.read_info(p, layer=name, force_feature_count=True)["features"] for p, name in layers)


@pytest.mark.parametrize("ending", export_formats())
def test_other_programs_count_the_records_that_select_counts(ending: str, ws: Path, exported, tmp_path: Path):
    assert _rows(ending, exported[ending], tmp_path) == _select(ws)["count"]


@pytest.mark.parametrize("ending", export_formats())
def test_an_inventory_of_all_layers_fills_an_empty_workspace_with_the_same_records(
    ending: str, ws: Path, exported, tmp_path: Path
):
    fresh = tmp_path / "fresh"
    riskmap("init", fresh)
    for layer in LAYERS:
        wanted = _known(_select(ws, layer))
        files = exported[ending]
        for path in files if len(files) == 1 else [p for p in files if p.stem.endswith(layer)]:
            done = _import(fresh, layer, path, None)
            assert done["rows"] == done["accepted"] + done["rejected"] + done["skipped_non_data"]
            assert done["accepted"] == len(wanted), (layer, [i["message"] for i in done["issues"]])
        found = _known(_select(fresh, layer))
        assert found.keys() == wanted.keys()
        for code, record in wanted.items():
            if ending == "shp.zip":  # its texts end at 254 bytes, which the side file says
                for key, value in record["fields"].items():
                    if isinstance(value, str) and len(value.encode()) > 254:
                        record["fields"][key] = value.encode()[:254].decode(errors="ignore")
            assert found[code] == record, code


@pytest.mark.parametrize("ending", export_formats())
def test_an_inventory_that_comes_home_changes_nothing(ending: str, ws: Path, exported):
    for layer in LAYERS:
        files = exported[ending]
        for path in files if len(files) == 1 else [p for p in files if p.stem.endswith(layer)]:
            done = _import(ws, layer, path, None)
            assert done["unchanged"] == done["accepted"] == _select(ws, layer)["count"], layer


def test_a_workbook_holds_no_live_formula_and_no_link(exported):
    book = openpyxl.load_workbook(exported["xlsx"][0])
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert not [c.coordinate for c in cells if c.data_type == "f" or c.hyperlink]
    assert "=1+1" in {c.value for c in cells}


def test_a_csv_disarms_what_a_spreadsheet_would_run(exported):
    for path in exported["csv"]:
        for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()):
            assert not [cell for cell in row if cell[:1] in {"=", "@", "\t"}]


def test_an_export_with_masked_contacts_fills_an_empty_workspace_without_them(ws: Path, tmp_path: Path):
    riskmap("export", "risk_points", "--to", tmp_path / "点.xlsx", "--workspace", ws)
    fresh = tmp_path / "fresh"
    riskmap("init", fresh)
    done = _import(fresh, "risk_points", tmp_path / "点.xlsx", None)
    assert (done["held"], done["inserted"]) == (0, _select(ws, "risk_points")["count"])
    assert {i["severity"] for i in done["issues"] if i["rule"] == "masked"} == {"warning"}
    assert all(f["contacts"] == 0 for f in _select(fresh, "risk_points")["features"])


def test_an_inventory_of_another_layer_is_refused_by_name(ws: Path, exported):
    riskmap("export", "shelters", "--to", ws.parent / "避难.xlsx", "--workspace", ws)
    ran = riskmap("import", "slopes", ws.parent / "避难.xlsx", "--workspace", ws)
    assert ran.status == 2
    assert "shelters" in ran.err


def test_a_default_datum_does_not_move_an_inventory_of_ours(ws: Path, exported, tmp_path: Path):
    fresh = tmp_path / "fresh"
    riskmap("init", fresh)
    settings = fresh / "workspace.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('datum = ""', 'datum = "gcj02"'), encoding="utf-8")
    for ending in ("xlsx", "csv", "gpkg"):
        paths = exported[ending]
        path = paths[0] if len(paths) == 1 else next(p for p in paths if p.stem.endswith("slopes"))
        _import(fresh, "slopes", path, None)
        assert _known(_select(fresh, "slopes")) == _known(_select(ws, "slopes"))
    wrong = riskmap("import", "slopes", exported["xlsx"][0], "--crs", "bd09", "--workspace", fresh)
    assert wrong.status == 2
    assert "cgcs2000" in wrong.err
