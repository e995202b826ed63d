"""Files as strangers make them, `tests/cases/field`: what was wrong in silence, refused for a false reason, or lost."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from riskmap.errors import DatumError, UnreadableFileError
from riskmap.io.files.drivers.encodings import wide_without_mark
from riskmap.letters import simplified
from riskmap.rules.subdistricts import naming
from tests.cli import riskmap
from tests.intake_files import ROOT, codes, read, rules, targets, value, workbook

FIELD = ROOT / "tests" / "cases" / "field"
STREETS = [
    f"演示{name}街道" for name in ("云渡", "松涧", "梅坳", "砚湾", "禾岗", "稻溪", "竹桥", "青榕", "鹭汀")
]
HEAD = ["编号", "名称", "经度", "纬度"]
PLACE = [114.15, 22.53]


def test_a_line_of_units_holds_for_the_column_also_where_positions_have_theirs():
    intake = read(FIELD / "units_row.xlsx", "shelters")
    assert codes(intake) == ["T1"]
    assert value(intake, "T1", "area_m2") == 15000  # 1.5 hectares
    assert not intake.rejected


def test_a_record_with_words_in_brackets_is_no_line_of_units(tmp_path):
    rows = [[*HEAD, "容纳人数", "占地面积"], ["(新)", "(一)", *PLACE, 5, 6], ["T2", "二", *PLACE, 5, 6]]
    intake = read(workbook(tmp_path / "a.xlsx", {"S": rows}), "shelters")
    assert value(intake, "T2", "area_m2") == 6
    assert len(intake.records) == 2


def test_an_example_row_of_a_form_is_no_record():
    intake = read(FIELD / "example_row.xlsx", "shelters")
    assert codes(intake) == ["T1"]
    assert intake.skipped_non_data == 1


@pytest.mark.parametrize("code", ["示例路1号", "样例-1", "例一"])
def test_a_code_that_only_begins_like_an_example_is_a_record(tmp_path, code):
    file = workbook(tmp_path / "a.xlsx", {"S": [HEAD, [code, "一", *PLACE]]})
    assert codes(read(file, "shelters")) == [code]


def test_totals_add_ten_thousands_as_such():
    intake = read(FIELD / "totals_in_wan.xlsx", "shelters")
    said = {(i.row, i.field) for i in intake.issues if i.rule == "stated_total"}
    assert said == {
        (6, "capacity"),
        (7, "code"),
    }  # 160 of 150, and 4 of 3 records; 3000 and 3500 m² are right


def test_a_note_below_the_table_that_names_a_datum_contradicts_another():
    with pytest.raises(DatumError, match="百度"):
        read(FIELD / "datum_in_a_note.xlsx", "shelters", "wgs84")
    assert len(read(FIELD / "datum_in_a_note.xlsx", "shelters", "bd09").records) == 2


@pytest.mark.parametrize("name", ["kml_table_with_header.kml", "kml_own_names.kml"])
def test_a_kml_is_read_whatever_its_attributes_stand_in(name):
    intake = read(FIELD / name, "shelters", None)
    assert codes(intake) == ["T1"]
    assert value(intake, "T1", "capacity") == 50


def test_a_json_of_plain_records_is_a_table():
    intake = read(FIELD / "json_rows.json", "shelters")
    assert codes(intake) == ["T1", "T2"]
    assert list(intake.records.lon) == [114.15, 114.16]


@pytest.mark.parametrize("document", [[1, 2], {"rows": []}, {"a": [{"x": 1}], "b": [{"x": 1}]}])
def test_a_json_that_holds_no_list_of_records_is_refused_with_the_reason(tmp_path, document):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="没有要素"):
        read(file, "shelters")


def test_a_shapefile_in_an_archive_in_an_archive_is_read():
    intake = read(FIELD / "nested_archive.zip", "shelters", None)
    assert codes(intake) == ["T1", "T2"]


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    points = gpd.points_from_xy([114.15, 114.16], [22.53, 22.54])
    frame = gpd.GeoDataFrame({"编号": ["T1", "T2"], "名称": ["一", "二"]}, geometry=points, crs=4490)
    frame.to_file(tmp_path / "避难.shp", encoding="utf-8")
    return {path.name: path.read_bytes() for path in tmp_path.glob("避难.*")}


def packed(path: Path, files: dict[str, bytes], folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{folder}{name}", data)
    return path


def test_archives_are_opened_three_deep_and_no_further(tmp_path, parts):
    file = packed(tmp_path / "1.zip", parts)
    for depth in range(2, 5):
        file = packed(tmp_path / f"{depth}.zip", {file.name: file.read_bytes()})
        if depth <= 3:
            assert codes(read(file, "shelters", None)) == ["T1", "T2"]
        else:
            with pytest.raises(UnreadableFileError, match="都没有 .shp"):
                read(file, "shelters", None)


def test_a_broken_archive_in_an_archive_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="里面的压缩包损坏"):
        read(packed(tmp_path / "a.zip", {"数据.zip": b"PK\x03\x04nothing"}), "shelters", None)


def test_the_folder_of_a_shapefile_in_an_archive_names_its_street(tmp_path, parts):
    file = packed(tmp_path / "a.zip", parts, "材料/演示禾岗街道/")
    intake = read(file, "shelters", None, subdistricts=STREETS)
    assert intake.records.subdistrict == ["演示禾岗街道"] * 2


def test_an_archive_with_a_workbook_is_read_and_one_of_several_says_what_to_do(tmp_path):
    book = workbook(tmp_path / "台账.xlsx", {"S": [HEAD, ["T1", "一", *PLACE]]}).read_bytes()
    assert codes(read(packed(tmp_path / "a.zip", {"台账.xlsx": book}), "shelters")) == ["T1"]
    with pytest.raises(UnreadableFileError, match="2 个工作簿.*逐个导入"):
        read(packed(tmp_path / "b.zip", {"台账.xlsx": book, "另一份.xlsx": book}), "shelters")
    with pytest.raises(UnreadableFileError, match=r"台账.xlsx.*解压后导入"):
        read(packed(tmp_path / "c.zip", {"街道/台账.xlsx": book}), "shelters")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(tmp_path, encoding):
    text = (FIELD / "utf16_without_mark.csv").read_bytes().decode("utf-16-le")
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert codes(read(tmp_path / "a.csv", "shelters")) == ["T1", "T2"]


@pytest.mark.parametrize(
    "data", [b"a,b\x00c\n1,2\n", b"MZ\x90\x00\x03\x00\x00\x00", b"\x00\x01" * 100, b"", b"a,b\n"]
)
def test_bytes_with_zeros_are_no_utf_16(data):
    assert wide_without_mark(data) is None


def test_streets_in_traditional_letters_are_those_of_the_district():
    intake = read(FIELD / "traditional_streets.csv", "shelters", subdistricts=STREETS)
    assert set(intake.records.subdistrict) <= set(STREETS)
    assert "unknown_subdistrict" not in {rule for said in rules(intake).values() for rule in said}
    assert None not in set(targets(intake).values())  # 聯繫電話 too


@pytest.mark.parametrize(
    "stated", ["演示青榕街办", "演示区演示青榕街道办事处", "演示青榕", "演示青榕街道辦事處"]
)
def test_an_office_is_its_street(stated):
    assert naming(STREETS).canonical(stated) == ("演示青榕街道", True)


def test_a_street_that_is_unknown_is_kept_as_it_is_written():
    assert naming(STREETS).canonical("羅湖橋街道") == ("羅湖橋街道", False)


def test_the_letters_of_the_mainland_stay_as_they_are():
    common = "".join(bytes([a, b]).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF))
    assert simplified(common) == common


def test_a_name_is_read_with_or_without_saying_that_it_is_a_place(tmp_path):
    rows = [["隐患编号", "隐患点名称", "隐患源类型", "经度", "纬度"], ["R1", "边坡", "坡", *PLACE]]
    intake = read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert value(intake, "R1", "name") == "边坡"


@pytest.mark.filterwarnings(
    "ignore:Column names longer:UserWarning", "ignore:.*ormalized/laundered:RuntimeWarning"
)
def test_what_another_shapefile_has_cut_is_named_and_kept(tmp_path):
    points = gpd.points_from_xy([114.15], [22.53])
    told = {"编号": ["T1"], "应急避难场所名称": ["东湖"], "应急避难场所占地总面积": [100.0]}
    gpd.GeoDataFrame(told, geometry=points, crs=4490).to_file(tmp_path / "a.shp", encoding="utf-8")
    (tmp_path / "a.cpg").unlink()
    intake = read(tmp_path / "a.shp", "shelters", None)
    kept = {text for values in intake.records.values.values() for text in map(str, values)}
    assert {"东湖", "100"} <= kept
    assert list(targets(intake).values()).count(None) == 2


def test_a_folder_of_the_computer_is_no_street(tmp_path):
    (tmp_path / "演示禾岗街道").mkdir()
    file = shutil.copy(FIELD / "utf16_without_mark.csv", tmp_path / "演示禾岗街道" / "a.csv")
    intake = read(Path(file), "shelters", subdistricts=STREETS)
    assert set(intake.records.subdistrict) == {"演示青榕街道"}  # what the rows say
    assert np.isfinite(intake.records.lon).all()


@pytest.mark.parametrize("name", ["angles_in_columns.csv", "angles_under_one_header.xlsx"])
def test_degrees_minutes_and_seconds_in_columns_of_their_own_are_one_angle(name):
    intake = read(FIELD / name, "shelters")
    assert (intake.records.lon[0], intake.records.lat[0]) == (pytest.approx(114.15), pytest.approx(22.53))
    assert not [i for i in intake.issues if i.rule == "two_columns_for_one"]


def test_minutes_that_are_missing_are_none_and_a_wrong_one_is_named(tmp_path):
    head = ["编号", "名称", "经度", "经度分", "纬度", "纬度分"]
    rows = [head, ["T1", "一", 114, 9, 22, None], ["T2", "二", 114, 61, 22, 31]]
    intake = read(workbook(tmp_path / "a.xlsx", {"S": rows}), "shelters")
    assert codes(intake) == ["T1"]
    assert (intake.records.lon[0], intake.records.lat[0]) == (pytest.approx(114.15), 22)
    assert rules(intake)["T2"] == {"not_a_coordinate"}


def test_two_columns_of_one_axis_without_minutes_are_named_as_before(tmp_path):
    rows = [[*HEAD, "经度"], ["T1", "一", *PLACE, 114.2]]
    intake = read(workbook(tmp_path / "a.xlsx", {"S": rows}), "shelters")
    assert intake.records.lon[0] == 114.15
    assert "two_columns_for_one" in rules(intake)[None]


def point(lon: object, lat: object) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


def features(path: Path, *rows: tuple[dict[str, object], object]) -> Path:
    made = [{"type": "Feature", "properties": given, "geometry": place} for given, place in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}), encoding="utf-8")
    return path


def test_a_feature_without_a_shape_has_the_place_that_its_columns_state(tmp_path):
    bare = {"编号": "T1", "名称": "一", "经度": 114.15, "纬度": 22.53}
    file = features(
        tmp_path / "a.geojson", (bare, None), ({"编号": "T2", "名称": "二"}, point(114.16, 22.54))
    )
    intake = read(file, "shelters", None)
    assert list(intake.records.lon) == [114.15, 114.16]


def test_columns_of_another_datum_are_no_place_of_a_feature(tmp_path):
    bare = {"编号": "T1", "名称": "一", "高德经度": 114.15, "高德纬度": 22.53}
    file = features(
        tmp_path / "a.geojson", (bare, None), ({"编号": "T2", "名称": "二"}, point(114.16, 22.54))
    )
    assert np.isnan(read(file, "shelters", "wgs84").records.lon[0])


def test_coordinates_that_a_geojson_states_as_text_are_numbers_and_what_is_none_costs_its_row(tmp_path):
    file = features(
        tmp_path / "a.geojson",
        ({"编号": "T1", "名称": "一"}, point("114.15", "22.53")),
        ({"编号": "T2", "名称": "二"}, point("abc", "22.53")),
        ({"编号": "T3", "名称": "三"}, point(114.16, 22.54)),
    )
    intake = read(file, "shelters", None)
    assert codes(intake) == ["T1", "T3"]
    assert list(intake.records.lon) == [114.15, 114.16]
    assert "T2" in rules(intake, "error")


def test_a_code_that_became_a_date_is_said(tmp_path):
    rows = [HEAD, [dt.date(2026, 2, 1), "一", *PLACE], ["2-2", "二", *PLACE]]
    intake = read(workbook(tmp_path / "a.xlsx", {"S": rows}), "shelters")
    assert [i.row for i in intake.issues if i.rule == "code_is_a_date"] == [2]


MARKS = """<kml xmlns="http://www.opengis.net/kml/2.2"><Folder><name>避难场所</name>
<Placemark><name>东湖</name><Point><coordinates>114.15,22.53</coordinates></Point></Placemark>
<Placemark><name>西湖</name><Point><coordinates>114.16,22.54</coordinates></Point></Placemark></Folder></kml>"""


def test_marks_of_a_map_with_names_only_can_be_numbered(tmp_path):
    (tmp_path / "a.kml").write_text(MARKS, encoding="utf-8")
    assert riskmap("init", tmp_path / "w").status == 0
    ask = ("import", "shelters", tmp_path / "a.kml", "--json", "--workspace", tmp_path / "w")
    told = riskmap(*ask)
    assert told.refused
    assert "2 行都没有编号" in told.err
    done = riskmap(*ask, "--number", "BN-")
    assert done.status == 0, done.err
    found = riskmap("select", "shelters", "--json", "--workspace", tmp_path / "w").json["features"]
    assert [(one["code"], one["name"], one["lon"]) for one in found] == [
        ("BN-0001", "东湖", 114.15),
        ("BN-0002", "西湖", 114.16),
    ]
