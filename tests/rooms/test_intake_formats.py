"""Every format arrives with the same records, whatever wrote it."""

from __future__ import annotations

import datetime as dt
import json
import struct
import zipfile

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon

from riskmap.coordinates import from_cgcs2000, parse_datum
from riskmap.errors import DatumError, UnreadableFileError
from tests.intake_files import MESSY, catalog, codes, layer, read, rules, targets, value, workbook

TABLE = '编号,名称,经度,纬度,备注\n001,甲,114.1,22.55,"有,逗号"\n002,乙,114.2,22.56,\n'


NIGHT = dt.datetime.fromisoformat("2023-09-08")


class NameInGB18030(zipfile.ZipInfo):
    """A member as Chinese Windows packs it: its name is GB18030, and nothing says so."""

    def _encodeFilenameFlags(self):  # noqa: N802 - the standard library's name
        return self.filename.encode("gb18030"), self.flag_bits & ~0x800


POINTS = [Point(114.1, 22.55), Point(114.2, 22.56)]


def frame(crs: str | None = "EPSG:4326", **columns: object) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"编号": ["001", "002"], "名称": ["甲", "乙"], **columns}, geometry=POINTS, crs=crs
    )


def is_the_table(intake) -> bool:
    records = intake.records
    return (
        list(records.code) == ["001", "002"]
        and list(records.name) == ["甲", "乙"]
        and np.allclose(records.lon, [114.1, 114.2])
        and np.allclose(records.lat, [22.55, 22.56])
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_text_table_in_any_encoding_and_separator(tmp_path, encoding, separator):
    file = tmp_path / "a.csv"
    file.write_bytes(TABLE.replace('"有,逗号"', "备").replace(",", separator).encode(encoding))
    assert is_the_table(read(file))


TRADITIONAL = """編號,名稱,經度,緯度,地址,主管部門
001,甲,114.1,22.55,九龍觀塘道一百號地下,應急管理局
002,乙,114.2,22.56,新界沙田車公廟路,住房建設局
合計,,,,,
"""


@pytest.mark.parametrize("encoding", ["big5", "cp950", "big5hkscs", "utf-8", "gb18030"])
def test_a_list_in_traditional_letters_is_read_in_whatever_encoding_it_is(tmp_path, encoding):
    file = tmp_path / "a.csv"
    file.write_bytes(TRADITIONAL.encode(encoding))
    intake = read(file)
    assert is_the_table(intake)
    assert value(intake, "001", "address") == "九龍觀塘道一百號地下"
    assert value(intake, "002", "managing_department") == "住房建設局"
    assert intake.skipped_non_data == 1


def test_a_list_of_a_bureau_here_is_never_taken_for_big5():
    from riskmap.io.files.drivers.encodings import likeliest

    texts = {
        word for one in catalog().layers.values() for f in one.fields for word in (f.title.zh, *f.aliases)
    }
    lines = [word.encode("gb18030") for word in sorted(texts) if not word.isascii()]
    assert len(lines) > 300
    assert {likeliest([line]) for line in lines} <= {"gb18030", "utf-8"}
    assert likeliest(lines) == "gb18030"


def biff(kind: int, *parts: bytes) -> bytes:
    """Return a record of a binary workbook."""
    body = b"".join(parts)
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, left = b"", len(body)
    while left > 0x7F:
        size, left = size + bytes([left & 0x7F | 0x80]), left >> 7
    return head + size + bytes([left]) + body


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(path, sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()):
    """Write a binary workbook of texts and numbers, as Excel lays it out."""

    def cell(at: int, content: object) -> bytes:
        place = struct.pack("<II", at, 0)
        if isinstance(content, str):
            return biff(6, place, wide(content))
        return biff(5, place, struct.pack("<d", content))

    def sheet(rows: list[list[object]]) -> bytes:
        size = biff(0x94, struct.pack("<IIII", 0, len(rows) - 1, 0, len(rows[0]) - 1))
        lines = [
            biff(0, struct.pack("<II", r, 0), bytes(9))
            + b"".join(cell(c, v) for c, v in enumerate(row) if v != "")
            for r, row in enumerate(rows)
        ]
        return biff(0x81) + size + biff(0x91) + b"".join(lines) + biff(0x92) + biff(0x82)

    listed = b"".join(
        biff(0x9C, struct.pack("<II", int(name in hidden), i), wide(f"rId{i}"), wide(name))
        for i, name in enumerate(sheets, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{i}" Type="worksheet" Target="worksheets/sheet{i}.bin"/>'
        for i in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", biff(0x83) + biff(0x8F) + listed + biff(0x90) + biff(0x84))
        archive.writestr("xl/_rels/workbook.bin.rels", f"<Relationships>{relations}</Relationships>")
        for i, rows in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{i}.bin", sheet(rows))
    return path


def test_a_binary_workbook_is_read(tmp_path):
    rows = [["编号", "名称", "经度", "纬度"], ["001", "甲", 114.1, 22.55], ["002", "乙", 114.2, 22.56]]
    old = [["编号", "名称", "经度", "纬度"], ["009", "已拆除", 114.1, 22.55]]
    intake = read(xlsb(tmp_path / "台账.xlsb", {"清单": rows, "旧": old}, hidden=("旧",)))
    assert is_the_table(intake)
    assert [i.rule for i in intake.issues] == ["hidden_sheet"]


def test_an_archive_named_xlsb_that_is_none_is_refused(tmp_path):
    workbook(tmp_path / "a.xlsx", {"清单": [["编号", "名称"], ["1", "甲"]]})
    (tmp_path / "a.xlsx").rename(tmp_path / "a.xlsb")
    with pytest.raises(UnreadableFileError, match="没有二进制工作簿"):
        read(tmp_path / "a.xlsb")


def topology(**more: object) -> dict:
    """Return a TopoJSON of the two points, in steps of a ten-thousandth of a degree."""
    points = [
        {
            "type": "Point",
            "coordinates": [1000 * i, 100 * i],
            "properties": {"编号": f"00{i + 1}", "名称": name},
        }
        for i, name in enumerate("甲乙")
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [1e-4, 1e-4], "translate": [114.1, 22.55]},
        "objects": {"清单": {"type": "GeometryCollection", "geometries": points}},
        "arcs": [],
        **more,
    }


@pytest.mark.parametrize("ending", ["topojson", "json", "geojson"])
def test_a_topojson_is_read_under_every_ending_that_it_comes_with(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    file.write_text(json.dumps(topology(), ensure_ascii=False), encoding="utf-8")
    intake = read(file)
    assert is_the_table(intake)
    assert intake.issues == ()
    with pytest.raises(DatumError, match="没有说明坐标系"):
        read(file, datum=None)


def test_a_topojson_that_says_so_at_its_end_only_is_told_by_its_own_name(tmp_path):
    long = {"objects": {"一": {"type": "GeometryCollection", "geometries": [], "x": "一" * 5000}}, "arcs": []}
    (tmp_path / "a.json").write_text(json.dumps({**long, "type": "Topology"}), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="TopoJSON"):
        read(tmp_path / "a.json")


def test_quoted_separators_line_breaks_and_blank_lines_keep_the_row_numbers(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('标题\n\n编号,名称,备注\n1,甲,"一\n二,三"\n\n2,乙,x\n', encoding="utf-8")
    intake = read(file, datum=None)
    assert list(intake.row) == [4, 6]
    assert value(intake, "1", "remarks") == "一\n二,三"


def test_excels_separator_line_and_text_formulas_are_understood(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('sep=;\n编号;名称;联系电话\n="0012";甲;="013800138000"\n', encoding="utf-8-sig")
    intake = read(file, datum=None)
    assert codes(intake) == ["0012"]
    assert intake.records.contacts[0][0].phone == "013800138000"
    assert list(intake.row) == [3]


def test_a_csv_of_ours_gets_its_apostrophes_back_and_another_keeps_them(tmp_path):
    rows = "'=cmd|' /C calc'!A0,''+86,'-5"
    ours = tmp_path / "ours.csv"
    ours.write_text(f"编号,名称,备注,地址,记录版本\n1,{rows},3\n", encoding="utf-8-sig")
    intake = read(ours, datum=None)
    assert value(intake, "1", "name") == "=cmd|' /C calc'!A0"
    assert value(intake, "1", "remarks") == "'+86"
    assert value(intake, "1", "address") == "-5"
    assert intake.stated_version == [3]
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(f"编号,名称,备注,地址\n1,{rows}\n", encoding="utf-8-sig")
    intake = read(theirs, datum=None)
    assert value(intake, "1", "name") == "'=cmd|' /C calc'!A0"
    assert value(intake, "1", "remarks") == "''+86"
    assert intake.stated_version is None


def test_numbers_of_a_workbook_come_as_they_were_typed(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["编号", "名称", "备注", "临界量比值Σq/Q"],
                [13800138000, 38512225.9, 0.1, 1.2345678901e-7],
                ["007", 12, True, 3],
            ]
        },
    )
    intake = read(file, datum=None)
    assert codes(intake) == ["13800138000", "007"]
    assert [value(intake, "13800138000", f) for f in ("name", "remarks", "hazard_ratio")] == [
        "38512225.9",
        "0.1",
        1.2345678901e-7,
    ]
    assert value(intake, "007", "name") == "12"


def test_dates_of_a_workbook_are_dates_in_a_date_column_and_text_elsewhere(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["编号", "发现时间", "备注"],
                ["1", NIGHT, NIGHT],
                ["2", NIGHT.replace(hour=13, minute=5), None],
            ]
        },
    )
    intake = read(file, "slopes", None)
    assert [value(intake, c, "found_on") for c in "12"] == ["2023-09-08", "2023-09-08"]
    assert value(intake, "1", "remarks") == "2023-09-08"


def test_blank_rows_and_columns_before_the_table_do_not_shift_its_row_numbers(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {"S": [[], [], [None, None, "编号", "名称"], [None, None, "1", "甲"], [], [None, None, None, "乙"]]},
    )
    intake = read(file, datum=None)
    assert list(intake.row) == [4]
    assert [r.row for r in intake.rejected] == [6]
    assert [h.column for h in intake.sheets[0].headers] == [2, 3]


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.shp"])
def test_vector_files_carry_their_own_datum(tmp_path, name):
    file = tmp_path / name
    if name.endswith(".parquet"):
        frame().to_parquet(file)
    elif name.endswith(".shp"):
        frame().to_file(file, encoding="utf-8")
    else:
        frame().to_file(file)
    intake = read(file, datum=None)
    assert is_the_table(intake)
    assert intake.datum in {"wgs84", "EPSG:4326"}
    assert list(intake.row) == [1, 2]


@pytest.mark.parametrize("packed", [False, True])
def test_kml_of_a_map_app_with_folders_and_extended_data(tmp_path, packed):
    places = "".join(
        f"<Placemark><name>{n}</name><ExtendedData><Data name='编号'><value>{c}</value></Data>"
        "<Data name='备注'><value>&lt;b&gt;</value></Data></ExtendedData>"
        f"<Point><coordinates>{x},{y},12.5</coordinates></Point></Placemark>"
        for c, n, x, y in (("001", "甲", 114.1, 22.55), ("002", "乙", 114.2, 22.56))
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<Folder><name>黄贝街道</name>{places}</Folder></Document></kml>"
    )
    file = tmp_path / ("a.kmz" if packed else "a.kml")
    if packed:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("doc.kml", text)
            archive.writestr("files/icon.png", b"\x89PNG")
    else:
        file.write_text(text, encoding="utf-8")
    intake = read(file, datum=None)
    assert is_the_table(intake)
    assert set(intake.records.subdistrict) == {"黄贝街道"}


def test_a_kml_without_a_crs_follows_the_declaration(tmp_path):
    file = tmp_path / "a.geojson"
    frame().to_file(file)
    shifted = read(file, datum="bd09").records
    plain = read(file, datum=None).records
    assert np.hypot(shifted.lon - plain.lon, shifted.lat - plain.lat).min() > 0.005


def test_shapefiles_are_read_without_cpg_in_the_encoding_that_their_texts_are_in(tmp_path):
    for encoding in ("gb18030", "utf-8"):
        file = tmp_path / f"{encoding}.shp"
        frame(备注=["㙓嘢" if encoding == "gb18030" else "嘢", "x"]).to_file(file, encoding=encoding)
        file.with_suffix(".cpg").unlink(missing_ok=True)
        intake = read(file, datum=None)
        assert is_the_table(intake)
        assert value(intake, "001", "remarks") in {"㙓嘢", "嘢"}


def test_a_cpg_that_lies_is_not_believed(tmp_path):
    file = tmp_path / "a.shp"
    frame().to_file(file, encoding="gb18030")
    file.with_suffix(".cpg").write_text("UTF-8")
    assert is_the_table(read(file, datum=None))


def test_a_shapefile_without_prj_asks_for_its_datum(tmp_path):
    file = tmp_path / "a.shp"
    frame().to_file(file, encoding="utf-8")
    file.with_suffix(".prj").unlink()
    with pytest.raises(DatumError, match="坐标系"):
        read(file, datum=None)
    assert is_the_table(read(file, datum="wgs84"))


def test_a_shapefile_without_its_attributes_says_which_part_is_missing(tmp_path):
    file = tmp_path / "a.shp"
    frame().to_file(file, encoding="utf-8")
    file.with_suffix(".dbf").unlink()
    with pytest.raises(Exception, match=r"\.dbf"):
        read(file, datum=None)


@pytest.mark.parametrize("ending", [".zip", ".shp.zip"])
@pytest.mark.parametrize("chinese", [False, True])
def test_zipped_shapefiles_with_folders_and_chinese_names(tmp_path, ending, chinese):
    frame().to_file(tmp_path / "a.shp", encoding="gb18030")
    file = tmp_path / f"pack{ending}"
    folder = "黄贝街道/点" if chinese else "folder/points"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in tmp_path.glob("a.*"):
            info = NameInGB18030(f"{folder}{part.suffix}")
            archive.writestr(info, part.read_bytes())
        archive.writestr("__MACOSX/._a.shp", b"junk")
    intake = read(file, datum=None)
    assert is_the_table(intake)
    assert intake.sheets[0].sheet.split(" › ")[-1] == ("点" if chinese else "points")


def test_short_field_names_are_explained_by_the_table_that_our_export_adds(tmp_path):
    frame().rename(columns={"编号": "c1", "名称": "c2"}).to_file(
        tmp_path / "risk_points.shp", encoding="utf-8"
    )
    file = tmp_path / "a.shp.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for part in tmp_path.glob("risk_points.*"):
            archive.write(part, part.name)
        archive.writestr(
            "字段说明.csv",
            "坐标系,CGCS2000\n\n文件,字段,标识,名称\nrisk_points.shp,c1,code,编号\nrisk_points.shp,c2,name,名称\n",
        )
    intake = read(file, datum=None)
    assert is_the_table(intake)
    assert targets(intake) == {"code": "code", "name": "name"}


def test_a_plain_parquet_table_is_read_like_a_sheet(tmp_path):
    file = tmp_path / "a.parquet"
    pd.DataFrame(
        {
            "编号": ["001", "002"],
            "名称": ["甲", "乙"],
            "经度": [114.1, 114.2],
            "纬度": [22.55, 22.56],
            "L": pd.array([3, None], dtype="Int64"),
            "曾发生事故": pd.array([True, None], dtype="boolean"),
            "排查日期": [dt.date(2024, 1, 2), None],
            "更新": pd.to_datetime(["2024-01-02 03:04", None]),
        }
    ).to_parquet(file)
    intake = read(file, datum="wgs84")
    assert is_the_table(intake)
    assert [value(intake, c, "likelihood") for c in ("001", "002")] == [3.0, None]
    assert [value(intake, c, "past_accident") for c in ("001", "002")] == [True, None]
    assert [value(intake, c, "surveyed_on") for c in ("001", "002")] == ["2024-01-02", None]
    with pytest.raises(DatumError):
        read(file, datum=None)


def test_a_projected_geoparquet_and_geopackage_land_in_the_same_place(tmp_path):
    projected = frame("EPSG:4490").to_crs("EPSG:4547")
    projected.to_parquet(tmp_path / "a.parquet")
    projected.to_file(tmp_path / "a.gpkg")
    assert is_the_table(read(tmp_path / "a.parquet", datum=None))
    assert is_the_table(read(tmp_path / "a.gpkg", datum=None))


def test_every_layer_of_a_geopackage_is_read_and_its_styles_are_not(tmp_path):
    file = tmp_path / "a.gpkg"
    frame().iloc[:1].to_file(file, layer="黄贝街道")
    frame().iloc[1:].to_file(file, layer="东门街道")
    geopandas.pd.DataFrame({"styleName": ["x"], "styleQML": ["<qml/>"]})
    intake = read(file, datum=None)
    assert sorted(intake.records.subdistrict) == ["东门街道", "黄贝街道"]


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_a_declared_shift_wins_over_a_geographic_label_with_a_warning(tmp_path, datum):
    file = tmp_path / "a.gpkg"
    frame().to_file(file)
    intake = read(file, datum=datum)
    assert "datum_overrides_file" in rules(intake)[None]
    x, y = from_cgcs2000(intake.records.lon, intake.records.lat, parse_datum(datum))
    assert np.allclose(x, [114.1, 114.2])
    assert np.allclose(y, [22.55, 22.56])


def test_a_declared_grid_that_contradicts_the_file_is_refused(tmp_path):
    file = tmp_path / "a.gpkg"
    frame().to_file(file)
    for wrong in ("EPSG:4547", "EPSG:4611"):
        with pytest.raises(DatumError, match="自带坐标系"):
            read(file, datum=wrong)
    assert is_the_table(read(file, datum="cgcs2000"))


def test_esri_names_of_chinese_systems_resolve(tmp_path):
    for part in MESSY.glob("shelters*.*"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    prj = next(tmp_path.glob("*.prj"))
    geographic = prj.read_text()
    prj.write_text(
        f'PROJCS["CGCS2000_3_Degree_GK_CM_114E",{geographic},PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],'
        'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",114.0],PARAMETER["Scale_Factor",1.0],'
        'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
    )
    with pytest.raises(DatumError):
        read(next(tmp_path.glob("*.shp")), "shelters", "EPSG:4490")
    prj.write_text('LOCAL_CS["深圳独立坐标系",UNIT["Meter",1.0]]', encoding="utf-8")
    with pytest.raises(DatumError):
        read(next(tmp_path.glob("*.shp")), "shelters", None)


def test_points_with_height_multipoints_of_one_and_empty_ones(tmp_path):
    file = tmp_path / "a.geojson"
    features = [
        {"type": "Point", "coordinates": [114.1, 22.55, 30]},
        {"type": "MultiPoint", "coordinates": [[114.1, 22.55]]},
        {"type": "MultiPoint", "coordinates": [[114.1, 22.55], [114.2, 22.6]]},
        {"type": "Polygon", "coordinates": [[[114, 22], [114.1, 22], [114.1, 22.1], [114, 22]]]},
        None,
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Point", "coordinates": [22.55, 114.1]},
    ]
    file.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "properties": {"编号": f"{i}", "名称": "x"}, "geometry": g}
                    for i, g in enumerate(features)
                ],
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    intake = read(file, datum=None)
    assert codes(intake) == ["0", "1", "4", "5", "7"]
    assert np.isnan(intake.records.lon).tolist() == [False, False, True, True, False]
    found = rules(intake)
    assert found["2"] == found["3"] == {"geometry_kind"}
    assert found["6"] == {"zero_position"}
    assert found["7"] == {"swapped_axes"}


SQUARE = Polygon([(114.1, 22.5), (114.2, 22.5), (114.2, 22.6), (114.1, 22.6)])
BOW = Polygon([(114.1, 22.5), (114.2, 22.6), (114.2, 22.5), (114.1, 22.6)])


def test_polygons_become_shapes_with_a_point_inside_and_broken_ones_are_repaired(tmp_path):
    file = tmp_path / "a.gpkg"
    geopandas.GeoDataFrame(
        {"网格编号": ["G1", "G2", "G3"], "网格名称": ["一", "二", "三"]},
        geometry=[SQUARE, BOW, None],
        crs="EPSG:4490",
    ).to_crs("EPSG:4547").to_file(file)
    intake = read(file, "forest_fire_grids", None)
    shapes = [None if s is None else shapely.from_wkb(s) for s in intake.records.shapes]
    assert shapes[0].equals_exact(SQUARE, 1e-7) or shapes[0].normalize().equals_exact(
        SQUARE.normalize(), 1e-7
    )
    assert shapes[1].is_valid
    assert shapes[2] is None
    assert shapes[0].contains(Point(intake.records.lon[0], intake.records.lat[0]))
    assert rules(intake)["G2"] == {"repaired_shape"}
    assert np.isnan(intake.records.lon[2])


def test_wrong_kinds_and_far_shapes_are_rejected_from_a_polygon_layer(tmp_path):
    file = tmp_path / "a.geojson"
    geopandas.GeoDataFrame(
        {"网格编号": ["L", "F", "P"]},
        geometry=[
            LineString([(114, 22), (114.1, 22)]),
            shapely.affinity.translate(SQUARE, -100, 0),
            MultiPoint([(114, 22)]),
        ],
        crs="EPSG:4326",
    ).to_file(file)
    intake = read(file, "forest_fire_grids", None)
    assert {r.code: r.issues[0].rule for r in intake.rejected} == {
        "L": "geometry_kind",
        "F": "out_of_range",
        "P": "geometry_kind",
    }


def test_a_spreadsheet_may_hold_boundaries_as_wkt(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["网格编号", "边界WKT", "经度", "纬度"],
                ["G1", SQUARE.wkt, None, None],
                ["G2", "SRID=4490;" + SQUARE.wkt, None, None],
                ["G3", "POLYGON((1 2", None, None],
                ["G4", None, 114.1, 22.5],
                ["G5", "POINT(114 22)", None, None],
            ]
        },
    )
    intake = read(file, "forest_fire_grids", "cgcs2000")
    assert codes(intake) == ["G1", "G2", "G4"]
    assert [s is None for s in intake.records.shapes] == [False, False, True]
    assert {r.code: r.issues[0].rule for r in intake.rejected} == {"G3": "not_a_shape", "G5": "geometry_kind"}
    assert value(intake, "G4", "lon") == 114.1


def test_headers_of_the_file_are_reported_also_for_vector_files():
    intake = read(MESSY / "shelters_避难场所.shp", "shelters", None)
    assert targets(intake) == {
        "编号": "code",
        "名称": "name",
        "面积": "area_m2",
        "容纳人数": "capacity",
        "室内外": "setting",
    }
    assert intake.sheets[0].header_row is None
    assert layer("shelters").id == intake.layer
