"""Exports hold every selected record exactly, whatever library reads them back."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import zipfile
from pathlib import Path

import geopandas
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from riskmap.errors import ExportError
from riskmap.io.files.short_names import short_names
from riskmap.io.writers import export, export_formats
from riskmap.io.writers.formats.csv_file import guard, unguard
from riskmap.io.writers.formats.shapefile import fit
from riskmap.values.inventory import DEMO_MARK, PRINTED
from riskmap.vocabulary import TIER_COLOURS, TIER_TITLES
from tests.present_samples import GRIDS, HOSTILE, grids, inventory, slopes

TITLES = {t: s.zh for t, s in TIER_TITLES.items()}


def table_of(sheet: Worksheet) -> list[dict]:
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def text_of(sheet: Worksheet) -> str:
    return "\n".join(str(c) for row in sheet.iter_rows(values_only=True) for c in row if c is not None)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    for ending in export_formats():
        written = export(inventory(), folder / f"清单.{ending}")
        assert sum(w.rows for w in written) == 46
        assert all(w.path.is_file() and w.format == ending for w in written)
    return folder


# --- every format


def workbook_in(path: Path) -> openpyxl.Workbook:
    """Return a workbook, or the one in a package."""
    if path.suffix != ".zip":
        return openpyxl.load_workbook(path)
    with zipfile.ZipFile(path) as package:
        return openpyxl.load_workbook(io.BytesIO(package.read("清单.xlsx")))


def rows_in(folder: Path, ending: str) -> int:
    path = folder / f"清单.{ending}"
    if ending in {"xlsx", "zip"}:
        book = workbook_in(path)
        return sum(book[title].max_row - 1 for title in ("边坡", "森林防火网格"))
    if ending == "csv":
        return sum(len(read_csv(p)) for p in folder.glob("*.csv"))
    if ending == "parquet":
        return sum(len(geopandas.read_parquet(p)) for p in folder.glob("*.parquet"))
    layers = [name for name, _ in pyogrio.list_layers(path) if name != "layer_styles"]
    return sum(len(pyogrio.read_dataframe(path, layer=name)) for name in layers)


def read_csv(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [{unguard(k): unguard(v) for k, v in row.items()} for row in csv.DictReader(lines)]


@pytest.mark.parametrize("ending", export_formats())
def test_every_format_holds_every_record_also_those_without_a_position(files: Path, ending: str):
    assert rows_in(files, ending) == 46


@pytest.mark.parametrize("ending", export_formats())
def test_an_inventory_of_nothing_is_still_a_file(tmp_path: Path, ending: str):
    empty = slopes(1)
    empty = dataclasses.replace(empty, table=empty.table.slice(0, 0), contacts=[])
    written = export(inventory(empty), tmp_path / f"空.{ending}")
    assert [w.rows for w in written] == [0]
    assert written[0].path.stat().st_size > 0


@pytest.mark.parametrize("ending", export_formats())
def test_hostile_names_come_back_as_they_are(files: Path, ending: str):
    path = files / f"清单.{ending}"
    if ending in {"xlsx", "zip"}:
        names = [row["名称"] for row in table_of(workbook_in(path)["边坡"])]
    elif ending == "csv":
        names = [row["名称"] for row in read_csv(files / "清单_slopes.csv")]
    elif ending == "parquet":
        names = geopandas.read_parquet(files / "清单_slopes.parquet")["name"].tolist()
    elif ending == "kml":
        names = pyogrio.read_dataframe(path, layer="边坡")["Name"].tolist()
    elif ending == "geojson":
        names = [f["properties"]["name"] for f in json.loads(path.read_text("utf-8"))["features"]]
    else:
        names = pyogrio.read_dataframe(path, layer="slopes")["name"].tolist()
    expected = list(HOSTILE)
    if ending in {"xlsx", "zip"}:  # openpyxl leaves Excel's spelling of a literal _x0041_ as it stands
        expected = [n.replace("_x0041_", "_x005F_x0041_") for n in expected]
    if ending in {"shp.zip", "kml"}:  # readers of either take white space at the ends for padding
        expected, names = [n.strip() for n in expected], [n.strip() for n in names]
    assert names[: len(HOSTILE)] == expected


@pytest.mark.parametrize("ending", export_formats())
def test_every_format_says_that_its_data_are_a_demonstration(files: Path, ending: str):
    path = files / f"清单.{ending}"
    if ending in {"xlsx", "zip"}:
        said = text_of(workbook_in(path)["封面"])
    elif ending == "csv":
        said = (files / "清单_slopes.csv").read_text("utf-8-sig")
    elif ending == "parquet":
        said = pa.parquet.read_schema(files / "清单_slopes.parquet").metadata[b"riskmap"].decode()
    elif ending == "gpkg":
        said = str(pyogrio.read_info(path, layer="slopes")["layer_metadata"])
    elif ending == "shp.zip":
        said = zipfile.ZipFile(path).read("字段说明.csv").decode("utf-8-sig")
    else:
        said = path.read_text("utf-8")
    assert DEMO_MARK in said


def test_an_ending_that_is_no_format_is_refused_with_the_list(tmp_path: Path):
    with pytest.raises(ExportError, match=r"xlsx csv geojson gpkg shp\.zip kml parquet"):
        export(inventory(), tmp_path / "a.dwg")
    with pytest.raises(ExportError, match="尚不能导出 pdf"):
        export(inventory(), tmp_path / "a.pdf")
    with pytest.raises(ExportError, match="文件夹"):
        export(inventory(), tmp_path / "none" / "a.csv")
    assert list(tmp_path.iterdir()) == []


# --- xlsx


def test_the_cover_says_what_it_is_and_counts_the_rows_it_comes_with(files: Path):
    book = openpyxl.load_workbook(files / "清单.xlsx")
    cover = text_of(book["封面"])
    for word in ("演示区", "等级：全部", "2026-05-05 08:00", "值班员", "CGCS2000", "草案", "一致", "已脱敏"):
        assert word in cover
    counts = {row[0]: row[1:] for row in book["封面"].iter_rows(values_only=True)}
    assert counts["边坡"] == (8, 8, 8, 8, 8, 40)
    assert counts["合计"] == (9, 9, 9, 9, 10, 46)
    assert counts["南湖街道"][-1] + counts["桂园街道"][-1] + counts["（未填街道）"][-1] == 40
    assert "分街道合计：森林防火网格" in text_of(book["分街道统计"])


def test_sums_that_do_not_agree_are_red_on_the_cover_and_every_code_is_named(tmp_path: Path):
    many = [f"MISSING-{i}" for i in range(48)]
    gaps = (
        {"what": "风险点等级合计", "expected": 42337, "found": 42288, "codes": many},
        {"what": "边坡", "expected": 2, "found": 0, "codes": ["S-1"]},
    )
    export(inventory(adds_up=False, differences=gaps), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cover = book["封面"]
    said = next(c for row in cover.iter_rows() for c in row if c.value and "42288" in str(c.value))
    assert said.font.color.rgb == "FFD7191C"
    assert "S-1" in text_of(cover)
    assert all(code in text_of(book["差异清单"]) for code in many)


@pytest.mark.parametrize(("new", "colour"), [(0, "FF1B7A3D"), (2, "FFD7191C")])
def test_the_usual_unrated_are_a_calm_line_on_the_cover_and_new_ones_an_alarm(tmp_path: Path, new, colour):
    gaps = ({"what": "边坡", "expected": 40, "found": 32, "codes": [f"S-{i}" for i in range(8)]},)
    said = "四级 32 + 未评 8 = 总数 40"
    made = inventory(adds_up=False, differences=gaps, unrated=said, newly_unrated=new)
    export(made, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cell = next(c for row in book["封面"].iter_rows() for c in row if c.value == said)
    assert cell.font.color.rgb == colour
    assert "合计不一致" not in text_of(book["封面"])
    assert "差异清单" not in book.sheetnames


def test_a_sheet_has_frozen_headers_filter_tier_colours_and_a_printed_page(files: Path):
    sheet = openpyxl.load_workbook(files / "清单.xlsx")["边坡"]
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == "A1:Z41"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    assert "&P" in sheet.oddFooter.right.text
    header = [c.value for c in sheet[1]]
    at = header.index("评估等级") + 1
    for row in range(2, 7):
        cell = sheet.cell(row, at)
        tier = next(t for t, title in TITLES.items() if title == cell.value)
        assert cell.fill.fgColor.rgb == "FF" + TIER_COLOURS[tier][1:].upper()
    assert sheet.column_dimensions["B"].width > 20


def test_headers_are_those_that_an_import_reads_back(files: Path):
    rows = table_of(openpyxl.load_workbook(files / "清单.xlsx")["边坡"])
    for header in (
        "编号",
        "名称",
        "所属街道",
        "经度",
        "纬度",
        "坡高(m)",
        "申报等级",
        "有预案",
        "责任人电话",
        "记录版本",
    ):
        assert header in rows[0]
    first, later = rows[0], rows[4]
    assert (first["编号"], first["坡高(m)"], first["申报等级"]) == ("000000", 10.25, "重大")
    assert (later["评估等级"], later["评估得分"], later["坡高(m)"]) == ("未评", None, None)
    assert later["评估缺项"] == "坡高；unknown"
    assert first["责任人电话"] == "138****0000"
    assert f"{first['排查日期']:%Y-%m-%d}" == "2025-11-01"
    assert rows[1]["纬度"] == 22.55 + 1 / 3000  # every digit
    assert rows[1]["责任人"] == "张*、王*"  # both holders of a role, in their order


def test_a_boundary_travels_in_the_sheet_unless_it_does_not_fit(tmp_path: Path):
    part = grids()
    big = shapely.Point(114, 22.5).buffer(0.01, quad_segs=400)
    shapes = [shapely.to_wkb(big), *part.table["shape"].to_pylist()[1:]]
    at = part.table.column_names.index("shape")
    part = dataclasses.replace(part, table=part.table.set_column(at, "shape", pa.array(shapes, pa.binary())))
    export(inventory(part), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    rows = table_of(book["森林防火网格"])
    assert rows[0]["边界WKT"] is None
    assert shapely.equals_exact(shapely.from_wkt(rows[1]["边界WKT"]), shapely.from_wkb(shapes[1]))
    assert "1 个边界" in text_of(book["封面"])


def test_a_text_longer_than_a_cell_is_cut_and_the_cover_says_so(tmp_path: Path):
    part = slopes(3)
    at = part.table.column_names.index("f:remarks")
    long = "🏚" * 20_000
    part = dataclasses.replace(
        part, table=part.table.set_column(at, "f:remarks", pa.array([long, "a", None]))
    )
    export(inventory(part), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert table_of(book["边坡"])[0]["备注"] == "🏚" * 16_383
    assert "1 个单元格" in text_of(book["封面"])


def test_more_rows_than_a_sheet_holds_go_on_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("riskmap.io.writers.formats.workbook.ROWS_PER_SHEET", 15)
    export(inventory(slopes()), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert [n for n in book.sheetnames if n.startswith("边坡")] == ["边坡", "边坡 (2)", "边坡 (3)"]
    assert [book[n].max_row for n in book.sheetnames if n.startswith("边坡")] == [16, 16, 11]
    codes = [r["编号"] for n in ("边坡", "边坡 (2)", "边坡 (3)") for r in table_of(book[n])]
    assert codes == [f"00{i:04d}" for i in range(40)]


def test_the_hidden_sheet_tells_an_import_which_sheet_is_which_layer(files: Path):
    book = openpyxl.load_workbook(files / "清单.xlsx")
    assert book["_riskmap"].sheet_state == "veryHidden"
    marks = dict(book["_riskmap"].iter_rows(values_only=True))
    assert marks == {
        "kind": "inventory",
        "datum": "cgcs2000",
        "sheet:边坡": "slopes",
        "sheet:森林防火网格": "forest_fire_grids",
        "sheet:打印·边坡": PRINTED,
        "sheet:打印·森林防火网格": PRINTED,
        "sheet:指标": PRINTED,
    }


def test_english_is_one_switch(tmp_path: Path):
    export(inventory(lang="en"), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames[0] == "Cover"
    row = table_of(book["Slopes"])[0]
    assert (row["Code"], row["Assessed tier"], row["Slope height(m)"]) == ("000000", "Major", 10.25)


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8))
def test_any_text_survives_the_workbook(tmp_path_factory: pytest.TempPathFactory, names: list[str]):
    part = slopes(len(names))
    at = part.table.column_names.index("name")
    part = dataclasses.replace(part, table=part.table.set_column(at, "name", pa.array(names, pa.string())))
    path = tmp_path_factory.mktemp("any") / "a.xlsx"
    export(inventory(part), path)
    found = [row["名称"] or "" for row in table_of(openpyxl.load_workbook(path)["边坡"])]
    assert [openpyxl_text(n) for n in found] == names


def openpyxl_text(text: str) -> str:
    """Undo ST_Xstring escapes, which openpyxl leaves in in-line strings."""
    import re

    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text)


# --- csv


@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["'", "''", "'=1", "=1", "\t", "-", None]), min_size=1)
)
def test_the_guard_of_csv_cells_can_be_undone(texts: list[str | None]):
    guarded = guard(pa.array(texts, pa.string())).to_pylist()
    assert [None if g is None else unguard(g) for g in guarded] == texts
    assert all(g is None or not g.startswith(("=", "+", "-", "@", "\t", "\r")) for g in guarded)


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=6))
def test_any_text_survives_the_csv(tmp_path_factory: pytest.TempPathFactory, names: list[str]):
    part = slopes(len(names))
    at = part.table.column_names.index("name")
    part = dataclasses.replace(part, table=part.table.set_column(at, "name", pa.array(names, pa.string())))
    path = tmp_path_factory.mktemp("any") / "a.csv"
    export(inventory(part), path)
    assert [row["名称"] for row in read_csv(path)] == names


def test_a_csv_begins_with_a_bom_and_names_its_datum(files: Path, tmp_path: Path):
    assert (files / "清单_slopes.csv").read_bytes().startswith(b"\xef\xbb\xbf\xe7\xbc\x96\xe5\x8f\xb7,")
    row = read_csv(files / "清单_slopes.csv")[1]
    assert (row["经度(CGCS2000)"], row["纬度(CGCS2000)"]) == ("114.101", repr(22.55 + 1 / 3000))
    assert (row["评估得分"], row["受威胁人数(人)"]) == ("1.5", "1")
    assert [w.path.name for w in export(inventory(slopes()), tmp_path / "一.csv")] == ["一.csv"]


# --- GIS formats


def test_geojson_is_wgs84_with_ids_titles_and_null_geometry(files: Path):
    found = json.loads((files / "清单.geojson").read_text("utf-8"))
    assert found["titles"]["slopes"]["slope_height"] == "坡高(m)"
    assert "WGS84" in found["datum"]
    features = found["features"]
    assert features[1]["geometry"] == {"type": "Point", "coordinates": [114.101, 22.5503333]}
    assert features[39]["geometry"] is None
    assert features[39]["properties"]["flags"] == ["unlocated"]
    assert features[0]["properties"]["declared_tier"] == "major"
    assert (features[4]["properties"]["tier"], features[4]["properties"]["state"]) == (None, "unrated")
    assert features[41]["geometry"]["type"] == "MultiPolygon"
    assert pyogrio.read_dataframe(files / "清单.geojson").crs.to_epsg() == 4326


def test_a_geopackage_has_types_aliases_its_datum_and_opens_coloured(files: Path):
    import sqlite3
    from contextlib import closing
    from xml.etree import ElementTree as ET

    path = files / "清单.gpkg"
    frame = pyogrio.read_dataframe(path, layer="slopes")
    assert frame.crs.to_epsg() == 4490
    assert [str(frame[c].dtype)[:5] for c in ("slope_height", "version")] == ["float", "int64"]
    assert str(frame["surveyed_on"].dtype).startswith("datetime64")
    assert frame.geometry.isna().sum() == 1
    info = pyogrio.read_info(path, layer="forest_fire_grids")
    assert (info["geometry_type"], info["features"]) == ("MultiPolygon", 6)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        aliases = dict(
            db.execute("SELECT column_name, name FROM gpkg_data_columns WHERE table_name = 'slopes'")
        )
        styles = dict(db.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault = 1"))
    assert (aliases["slope_height"], aliases["code"]) == ("坡高(m)", "编号")
    for table in ("slopes", "forest_fire_grids"):
        root = ET.fromstring(styles[table])
        renderer = root.find("renderer-v2")
        assert renderer.get("attr") == "tier"
        drawn = {c.get("value") or "unrated": c.get("symbol") for c in renderer.iter("category")}
        assert list(drawn) == ["major", "large", "general", "low", "unrated"]
        for tier, symbol in drawn.items():
            node = renderer.find(f"symbols/symbol[@name='{symbol}']/layer/prop[@k='color']")
            rgb = [int(TIER_COLOURS[tier][i : i + 2], 16) for i in (1, 3, 5)]
            assert [int(v) for v in node.get("v").split(",")[:3]] == rgb


@pytest.mark.parametrize(("model", "drawn"), [("some", ("poor", "weak", "fair", "good", "")), (None, ("",))])
def test_what_is_no_risk_is_coloured_by_its_grade_or_in_one_colour(model: str | None, drawn: tuple[str, ...]):
    from xml.etree import ElementTree as ET

    from riskmap.io.writers.qgis import style_of, style_qml
    from riskmap.io.writers.record_columns import attributes

    part = slopes(5)
    layer = part.layer.model_copy(update={"stated_counts": "resource", "model": model})
    ranks = pa.array([5, 6, 7, 8, 9], pa.uint8())
    at = part.table.column_names.index("rank")
    part = dataclasses.replace(part, layer=layer, table=part.table.set_column(at, "rank", ranks))
    columns = attributes(part, "zh", words=True)
    root = ET.fromstring(style_qml(style_of(part, [(c, c.name) for c in columns], "point", "zh")))
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == ("grade" if model else "code")
    categories = list(renderer.iter("category"))
    assert tuple(c.get("value") or "" for c in categories) == drawn
    passes = [
        int(renderer.find(f"symbols/symbol[@name='{c.get('symbol')}']/layer").get("pass")) for c in categories
    ]
    assert passes[:4] == sorted(passes[:4], reverse=True)  # the worst on top


def test_records_of_another_geometry_kind_get_a_table_of_their_own(tmp_path: Path):
    part = grids()
    at = part.table.column_names.index("shape")
    shapes = part.table["shape"].to_pylist()
    shapes[2] = shapely.to_wkb(shapely.LineString([(114, 22.5), (114.1, 22.6)]))
    part = dataclasses.replace(part, table=part.table.set_column(at, "shape", pa.array(shapes, pa.binary())))
    for ending in ("gpkg", "shp.zip"):
        export(inventory(part), tmp_path / f"a.{ending}")
        counts = {
            name: len(pyogrio.read_dataframe(tmp_path / f"a.{ending}", layer=name))
            for name, _ in pyogrio.list_layers(tmp_path / f"a.{ending}")
            if name != "layer_styles"
        }
        assert counts == {"forest_fire_grids": 5, "forest_fire_grids_line": 1}


def test_a_layer_may_call_its_fields_what_the_formats_call_theirs(tmp_path: Path):
    from riskmap.catalog.layer import Field
    from riskmap.errors import Text

    ids = ("fid", "geom", "geometry", "tier", "score", "state", "version")
    fields = tuple(Field(id=i, title=Text(f"字段{i}", i), type="number") for i in ids)
    layer = GRIDS.model_copy(update={"geometry": "point", "fields": fields})
    table = grids().table.drop_columns(["f:area_ha", "shape"])
    for i in ids:
        table = table.append_column(f"f:{i}", pa.array([7.5] * 6))
    part = dataclasses.replace(grids(), layer=layer, table=table)
    for ending in export_formats():
        export(inventory(part), tmp_path / f"a.{ending}")
    frame = pyogrio.read_dataframe(tmp_path / "a.gpkg", layer=GRIDS.id)
    assert (frame[["fid", "geom", "tier", "score"]] == 7.5).all(axis=None)
    assert frame["riskmap_tier"].tolist()[:2] == ["major", "large"]
    assert (
        'attr="riskmap_tier"'
        in pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="layer_styles")["styleQML"][0]
    )
    features = json.loads((tmp_path / "a.geojson").read_text("utf-8"))["features"]
    assert features[0]["properties"]["riskmap_tier"] == "major"
    assert len(geopandas.read_parquet(tmp_path / "a.parquet")) == 6


def test_a_shapefile_explains_its_short_names_and_cuts_between_characters(files: Path):
    archive = zipfile.ZipFile(files / "清单.shp.zip")
    assert {"slopes.shp", "slopes.dbf", "slopes.shx", "slopes.prj", "slopes.cpg"} <= set(archive.namelist())
    assert archive.read("slopes.cpg").decode().strip() == "UTF-8"
    assert "China_2000" in archive.read("slopes.prj").decode()
    lines = list(csv.reader(archive.read("字段说明.csv").decode("utf-8-sig").splitlines()))
    explained = {line[1]: line for line in lines if len(line) == 7 and line[0] == "slopes.shp"}
    frame = pyogrio.read_dataframe(files / "清单.shp.zip", layer="slopes")
    assert set(explained) == set(frame.columns) - {"geometry"}
    assert all(name.isascii() and len(name) <= 10 for name in explained)
    height = next(line for line in explained.values() if line[3] == "坡高(m)")
    assert (height[2], frame[height[1]][0]) == ("slope_height", 10.25)
    remarks = next(line for line in explained.values() if line[3] == "备注")
    assert frame[remarks[1]][0] == "备注" * 42  # 252 bytes of 254
    assert remarks[6].split("；")[:2] == ["000000", "000002"]
    assert frame.crs.to_epsg() == 4490


@given(st.text(max_size=200))
def test_a_text_is_never_cut_within_a_character(text: str):
    if any("\ud800" <= c <= "\udfff" for c in text):
        return
    assert text.startswith(fit(text))
    assert len(fit(text).encode()) <= 254


@given(st.lists(st.from_regex(r"[a-z_0-9坡高]{1,20}", fullmatch=True), max_size=40))
def test_short_names_are_ascii_and_unique(names: list[str]):
    short = short_names(names)
    assert len({s.casefold() for s in short}) == len(names)
    assert all(s.isascii() and 1 <= len(s) <= 10 and s[0].isalpha() for s in short)


def test_geoparquet_states_its_datum_and_keeps_lists(files: Path):
    frame = geopandas.read_parquet(files / "清单_slopes.parquet")
    assert frame.crs.to_epsg() == 4490
    assert frame.geometry.isna().sum() == 1
    assert list(frame["flags"].iloc[-1]) == ["unlocated"]
    meta = json.loads(pa.parquet.read_schema(files / "清单_slopes.parquet").metadata[b"geo"])
    assert (meta["version"], meta["columns"]["geometry"]["encoding"]) == ("1.1.0", "WKB")


def test_kml_is_coloured_by_tier_and_lists_what_has_no_position(files: Path):
    from xml.etree import ElementTree as ET

    ns = {"k": "http://www.opengis.net/kml/2.2"}
    root = ET.parse(files / "清单.kml").getroot()
    styles = {s.get("id"): s.find("k:IconStyle/k:color", ns).text for s in root.iter(f"{{{ns['k']}}}Style")}
    assert styles["major"] == "ff1c19d7"  # aabbggrr
    folders = {f.find("k:name", ns).text: f for f in root.iter(f"{{{ns['k']}}}Folder")}
    assert len(folders["边坡"].findall("k:Placemark", ns)) == 39
    alone = folders["边坡 无坐标记录"].findall("k:Placemark", ns)
    assert len(alone) == 1
    assert alone[0].find("k:Point", ns) is None
    titles = {f.get("name"): f.find("k:displayName", ns).text for f in root.iter(f"{{{ns['k']}}}SimpleField")}
    assert titles["slope_height"] == "坡高(m)"
    assert "http://www.w3" not in (files / "清单.kml").read_text("utf-8")
