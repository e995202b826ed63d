"""Files from the field that once went wrong, each for its kind: `tests/cases/field`, and the same in other formats."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from riskmap.actions.importing import import_files, settle_held
from riskmap.actions.training_table import Request, read_training_table
from riskmap.actions.workspace import create_workspace
from riskmap.errors import UnreadableFileError
from riskmap.rules import column
from riskmap.rules.permissions import local_actor
from tests.intake_files import ROOT, codes, read, rules, targets, value, workbook

FIELD = ROOT / "tests" / "cases" / "field"
WHO = local_actor("测试员")
PLACE = {"经度": 114.05, "纬度": 22.54}


def one_by_one(path: Path, ending: str, rows: list[dict[str, object]]) -> Path:
    """Write rows of points to a file of some format."""
    frame = pd.DataFrame(rows)
    if ending == ".csv":
        frame.assign(**PLACE).to_csv(path.with_suffix(ending), index=False)
    elif ending == ".xlsx":
        titles = list(frame.assign(**PLACE).columns)
        workbook(path.with_suffix(ending), {"Sheet": [titles, *frame.assign(**PLACE).to_numpy().tolist()]})
    elif ending == ".geojson":
        point = {"type": "Point", "coordinates": list(PLACE.values())}
        features = [{"type": "Feature", "properties": row, "geometry": point} for row in rows]
        path.with_suffix(ending).write_text(
            json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
        )
    else:
        places = gpd.points_from_xy(*([each] * len(rows) for each in PLACE.values()))
        made = gpd.GeoDataFrame(frame, geometry=places, crs=4326)
        if ending == ".parquet":
            made.to_parquet(path.with_suffix(ending))
        else:
            made.to_file(path.with_suffix(ending))
    return path.with_suffix(ending)


def test_a_time_with_a_zone_is_the_day_in_beijing():
    intake = read(FIELD / "zoned_times.csv", "shelters")
    days = {code: value(intake, code, "surveyed_on") for code in codes(intake)}
    assert days["K1"] == days["K2"] == days["K3"] == "2026-05-02"
    assert days["K4"] == days["K5"] == "2026-05-01"
    assert (days["K6"], days["K7"], days["K8"]) == ("2021-06-28", "2024-05-01", "2024-05-01")
    assert len(intake.rejected) == 0


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize(
    "stated", ["2026-05-01T23:30:00Z", "2026-05-01T18:30:00-05:00", 1777678200000, 1777678200]
)
def test_a_zone_counts_in_every_format(tmp_path, ending, stated):
    file = one_by_one(tmp_path / "a", ending, [{"编号": "A", "名称": "一", "排查日期": stated}])
    assert value(read(file, "shelters"), "A", "surveyed_on") == "2026-05-02"


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".parquet"])
def test_a_typed_moment_keeps_its_zone(tmp_path, ending):
    moments = pd.to_datetime(["2026-05-01T23:30:00Z", "2026-05-01T10:00:00Z"])
    rows = [{"编号": c, "名称": c, "排查日期": m} for c, m in zip("AB", moments, strict=True)]
    if ending == ".geojson":
        rows = [row | {"排查日期": str(row["排查日期"])} for row in rows]
    intake = read(one_by_one(tmp_path / "a", ending, rows), "shelters")
    assert [value(intake, c, "surveyed_on") for c in "AB"] == ["2026-05-02", "2026-05-01"]


def test_mixed_zones_of_one_column_are_each_taken_at_their_word(tmp_path):
    stated = ["2026-05-01T23:30:00Z", "2026-05-01T23:30:00+08:00", "2026-05-01T23:30:00"]
    rows = [{"编号": c, "名称": c, "排查日期": m} for c, m in zip("ABC", stated, strict=True)]
    intake = read(one_by_one(tmp_path / "a", ".geojson", rows), "shelters")
    assert [value(intake, c, "surveyed_on") for c in "ABC"] == ["2026-05-02", "2026-05-01", "2026-05-01"]


def test_a_day_written_first_is_that_day():
    assert value(read(FIELD / "day_first_date.csv", "shelters"), "A1", "surveyed_on") == "2021-06-28"


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_a_day_that_may_be_a_month_is_held_with_both_readings(tmp_path, ending):
    rows = [
        {"编号": "A", "名称": "一", "排查日期": "05/06/2021"},
        {"编号": "B", "名称": "二", "排查日期": "06/28/2021"},
        {"编号": "C", "名称": "三", "排查日期": "05/05/2021"},
    ]
    file = one_by_one(tmp_path / "a", ending, rows)
    ws = create_workspace(tmp_path / "ws", name="区")
    (done,) = import_files(ws, "shelters", [file], by=WHO, why="试", datum="wgs84").files
    document = done.as_json()
    assert (document["accepted"], document["held"], document["rejected"]) == (3, 1, 0)
    (said,) = [i for i in document["issues"] if i["rule"] == "ambiguous_date"]
    assert (said["code"], said["severity"]) == ("A", "warning")
    assert "2021-06-05" in said["message"]
    assert "2021-05-06" in said["message"]
    (waiting,) = ws.ledger.held(layer="shelters")
    settle_held(ws, [waiting.id], accept=True, by=WHO, why="核对过")
    kept = ws.ledger.features("shelters")
    assert [value(kept, c, "surveyed_on") for c in codes(kept)] == [None, "2021-06-28", "2021-05-05"]


def test_a_row_with_two_readings_and_a_mistake_is_rejected_for_both(tmp_path):
    rows = [{"编号": "A", "名称": "一", "排查日期": "05/06/2021", "容纳人数": "很多"}]
    intake = read(one_by_one(tmp_path / "a", ".csv", rows), "shelters")
    assert rules(intake, "error") == {"A": {"ambiguous_date", "not_a_number"}}
    assert not intake.holds
    assert np.isnan(intake.records.lon).sum() == 0


def kml(
    path: Path, *placemarks: str, encoding: str = "utf-8", around: str = "{}", declared: str | None = None
) -> Path:
    """Write a KML, or a KMZ where the path ends like one."""
    head = f'<?xml version="1.0" encoding="{declared or encoding}"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    content = (head + around.replace("{}", "".join(placemarks)) + "</Document></kml>").encode(encoding)
    if path.suffix == ".kmz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("doc.kml", content)
    else:
        path.write_bytes(content)
    return path


NESTED = (
    "<html><head><style>td{x:1}</style></head><table><tr><td>甲</td></tr><tr><td><table><tr><td>编号</td><td>M1</td></tr>"
    "<tr bgcolor='#D4E4F3'><td>容纳人数</td><td>75</td></tr></table></td></tr></table></html>"
)
POINT = "<Point><coordinates>114.05, 22.54, 0</coordinates></Point>"


def as_kmz(source: Path, into: Path) -> Path:
    with zipfile.ZipFile(into, "w") as archive:
        archive.write(source, "doc.kml")
    return into


def both_packings(name: str, folder: Path) -> list[Path]:
    return [FIELD / name, as_kmz(FIELD / name, folder / "packed.kmz")]


def test_a_field_of_a_kml_wins_over_the_attribute_that_is_called_like_it(tmp_path):
    for file in both_packings("kml_id_field.kml", tmp_path):
        assert codes(read(file, "shelters", None)) == ["K-001", "K-002"]


@pytest.mark.parametrize("named", ["id", "ID", "Id", "编号"])
def test_a_running_xml_id_is_never_a_code(tmp_path, named):
    marks = [
        f'<Placemark id="layer.{i}"><name>点{i}</name><ExtendedData><Data name="{named}"><value>S-{i * 7}</value></Data>'
        f"</ExtendedData>{POINT}</Placemark>"
        for i in (1, 2, 3)
    ]
    assert codes(read(kml(tmp_path / "a.kml", *marks), "shelters", None)) == ["S-7", "S-14", "S-21"]


def test_without_another_code_a_running_xml_id_is_no_code_either(tmp_path):
    marks = [f'<Placemark id="ID_0000{i}"><name>点{i}</name>{POINT}</Placemark>' for i in range(3)]
    intake = read(kml(tmp_path / "a.kml", *marks), "shelters", None)
    said = {issue.rule for row in intake.rejected for issue in row.issues}
    assert (len(intake.records), len(intake.rejected), said) == (0, 3, {"missing_code"})


def test_a_field_called_name_is_kept_and_filled_by_the_name_of_the_placemark(tmp_path):
    def mark(code: str, stated: str) -> str:
        return (
            f"<Placemark><name>标签{code}</name><ExtendedData><Data name='编号'><value>{code}</value></Data>"
            f"<Data name='name'><value>{stated}</value></Data></ExtendedData>{POINT}</Placemark>"
        )

    intake = read(kml(tmp_path / "a.kml", mark("A", "一号"), mark("B", "")), "shelters", None)
    assert list(intake.records.name) == ["一号", "标签B"]


def test_the_table_of_a_description_is_read(tmp_path):
    for file in both_packings("kml_description_table.kml", tmp_path):
        intake = read(file, "shelters", None)
        assert (codes(intake), value(intake, "M1", "capacity")) == (["M1"], 75)


@pytest.mark.parametrize(
    "description",
    [
        "编号：M1<br>容纳人数：75<br/>常年开放",
        "编号: M1\n容纳人数: 75",
        "<b>编号</b>: M1 <br> <b>容纳人数</b>: 75 人",
        "<ul><li>编号=M1</li><li>容纳人数=75</li></ul>",
        "<table><tr><th>编号</th><th>容纳人数</th><th>备注</th></tr><tr><td>M1</td><td>75</td><td></td></tr></table>",
        NESTED,
    ],
)
def test_a_description_states_attributes_in_many_forms(tmp_path, description):
    mark = (
        f"<Placemark><name>甲</name><description><![CDATA[{description}]]></description>{POINT}</Placemark>"
    )
    intake = read(kml(tmp_path / "a.kml", mark), "shelters", None)
    assert (codes(intake), value(intake, "M1", "capacity"), value(intake, "M1", "name")) == (["M1"], 75, "甲")


def test_nested_folders_give_the_street(tmp_path):
    for file in both_packings("kml_nested_folder.kml", tmp_path):
        intake = read(file, "shelters", None)
        assert [value(intake, c, "subdistrict") for c in ("N1", "N2", "N3")] == [
            "东门街道",
            "东门街道",
            "南湖街道",
        ]


def test_of_two_streets_the_folder_that_is_nearer_counts(tmp_path):
    mark = f"<Placemark><name>甲</name><ExtendedData><Data name='编号'><value>A</value></Data></ExtendedData>{POINT}</Placemark>"
    around = "<Folder><name>东门街道</name><Folder><name>南湖街道</name><Folder><name>学校</name>{}</Folder></Folder></Folder>"
    assert (
        value(read(kml(tmp_path / "a.kml", mark, around=around), "shelters", None), "A", "subdistrict")
        == "南湖街道"
    )


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("gb2312", "GB2312"), ("gb18030", "GBK"), ("gb18030", "UTF-8"), ("utf-16", "UTF-16"), ("big5", "Big5")],
)
def test_a_kml_is_read_in_the_encoding_that_it_is_in(tmp_path, encoding, declared):
    mark = f"<Placemark><name>東湖</name><ExtendedData><Data name='code'><value>K1</value></Data></ExtendedData>{POINT}</Placemark>"
    mark = mark if encoding != "gb2312" else mark.replace("東", "东")
    intake = read(kml(tmp_path / "a.kml", mark, encoding=encoding, declared=declared), "shelters", None)
    assert intake.records.name[0] in {"東湖", "东湖"}
    assert value(read(FIELD / "kml_gb2312.kml", "shelters", None), "K1", "name") == "东湖"


def test_a_placemark_with_a_broken_place_or_name_costs_its_row_only(tmp_path):
    def mark(code: str, name: str = "甲", place: str = "114.05,22.54") -> str:
        return (
            f"<Placemark><name>{name}</name><ExtendedData><Data name='编号'><value>{code}</value></Data></ExtendedData>"
            f"<Point><coordinates>{place}</coordinates></Point></Placemark>"
        )

    file = kml(
        tmp_path / "a.kml",
        mark("A"),
        mark("B", place="1e400,22"),
        mark("C", name="乙@"),
        mark("D", place="x,y"),
    )
    file.write_bytes(file.read_bytes().replace(b"@", b"\xff"))
    intake = read(file, "shelters", None)
    assert codes(intake) == ["A"]
    assert {(r.row, r.code) for r in intake.rejected} == {(2, "B"), (3, "C"), (4, "D")}
    (said,) = rules(intake, "error")["C"]
    assert said == "damaged"


def test_a_kml_that_breaks_off_says_where(tmp_path):
    file = kml(tmp_path / "a.kml", f"<Placemark><name>A</name>{POINT}</Placemark>")
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(UnreadableFileError, match="第 1 行第"):
        read(file, "shelters", None)


def test_a_kml_with_bare_ampersands_is_read(tmp_path):
    mark = (
        "<Placemark><name>A & B&nbsp;&amp; C</name><description><![CDATA[编号：K&1]]></description>"
        + POINT
        + "</Placemark>"
    )
    assert value(read(kml(tmp_path / "a.kml", mark), "shelters", None), "K&1", "name") == "A & B\xa0& C"


def test_a_web_archive_under_the_name_of_a_workbook_says_what_it_is(tmp_path):
    file = tmp_path / "a.xls"
    file.write_text("MIME-Version: 1.0\nContent-Type: multipart/related", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="mht"):
        read(file, "shelters")


@pytest.mark.parametrize(
    ("cell", "rule"), [(b"abc", "not_a_number"), (b"1e400", "not_a_number"), (b"\xff", "damaged")]
)
def test_a_bad_cell_of_a_workbook_costs_its_row_only(tmp_path, cell, rule):
    rows = [["编号", "名称", "容纳人数"], ["A", "一", 1], ["B", "二", 2], ["C", "三", 3]]
    good, bad = workbook(tmp_path / "good.xlsx", {"S": rows}), tmp_path / "a.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for member in source.namelist():
            target.writestr(
                member, source.read(member).replace(b"<v>2</v></c></row>", b"<v>" + cell + b"</v></c></row>")
            )
    intake = read(bad, "shelters")
    assert codes(intake) == ["A", "C"]
    assert {(i.row, i.code, i.field) for i in intake.issues} == {(3, "B", "capacity")}
    assert rule in rules(intake)["B"]


def points(count: int) -> np.ndarray:
    return gpd.points_from_xy(114.1 + np.arange(count) * 1e-5, np.full(count, 22.55))


def shapefile(path: Path, texts: list[str], encoding: str, *, cpg: str | None = None) -> Path:
    """Write a packed shapefile whose names are in an encoding; `cpg`: what it states, None without."""
    frame = gpd.GeoDataFrame(
        {"CODE": [f"N{i}" for i in range(len(texts))], "NAME": texts}, geometry=points(len(texts)), crs=4490
    )
    frame.to_file(path.with_suffix(".shp"), encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for ending in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            if path.with_suffix(ending).exists():
                archive.write(path.with_suffix(ending), f"s{ending}")
    return packed


@pytest.mark.parametrize(
    ("encoding", "cpg"),
    [("GBK", "GBK"), ("GBK", "UTF-8"), ("GBK", None), ("UTF-8", "GBK"), ("UTF-8", None), ("BIG5", "950")],
)
def test_an_encoding_that_shows_late_is_found_in_all_records(tmp_path, encoding, cpg):
    late = [f"A{i}" for i in range(3100)] + ["甲村坡" if encoding == "BIG5" else "甲村边坡"] * 100
    intake = read(shapefile(tmp_path / "s", late, encoding, cpg=cpg), "risk_points", None)
    assert len(intake.records) == 3200
    assert intake.records.name[-1] == late[-1]
    assert not intake.issues


def test_a_bad_byte_of_a_shapefile_costs_its_row_only():
    intake = read(FIELD / "bad_dbf_byte.shp.zip", "waterlogging", "cgcs2000")
    assert (intake.rows, len(intake.records)) == (95, 57)
    assert {(r.sheet, r.row) for r in intake.rejected if r.sheet == "waterlogging"} == {
        ("waterlogging", 5),
        ("waterlogging", 27),
        ("waterlogging", 41),
    }
    (said,) = [i for i in intake.issues if i.row == 27 and i.rule == "damaged"]
    assert said.message.zh.startswith("bad_dbf_byte.shp.zip › waterlogging › 第 27 行")
    assert (
        len(
            read(
                FIELD / "bad_dbf_byte.shp.zip",
                "forest_fire_grids",
                "cgcs2000",
                others={"waterlogging": "waterlogging"},
            ).records
        )
        >= 35
    )


def test_what_is_no_number_in_a_number_of_a_shapefile_is_not_0(tmp_path):
    frame = gpd.GeoDataFrame({"CODE": ["A", "B", "C"], "容量": [120, 7, 9]}, geometry=points(3), crs=4490)
    file = tmp_path / "s.shp"
    frame.to_file(file, encoding="UTF-8")
    table = file.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b" 120", "约12".encode("gbk")[:4]))
    intake = read(file, "shelters", None)
    assert codes(intake) == ["B", "C"]
    assert "not_a_number" in rules(intake, "error")["A"]


def geopackage(path: Path, change: str, *values: object) -> Path:
    frame = gpd.GeoDataFrame(
        {
            "code": list("ABC"),
            "name": ["演示·凌霄", "南湖公园", "体育馆"],
            "capacity": [1, 2, 3],
            "surveyed_on": [dt.date(2026, 5, 1)] * 3,
        },
        geometry=points(3),
        crs=4490,
    )
    frame.to_file(path, layer="s")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for trigger in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger[0]}"')
        database.execute(change, values)
    return path


@pytest.mark.parametrize(
    ("change", "given", "field", "rule"),
    [
        ("UPDATE s SET name = CAST(? AS TEXT) WHERE code = 'B'", b"\xe5\x8d\x97e\x8c", "name", "damaged"),
        ("UPDATE s SET capacity = ? WHERE code = 'B'", "约120", "capacity", "not_a_number"),
        ("UPDATE s SET surveyed_on = ? WHERE code = 'B'", "2026-13-41", "surveyed_on", "not_a_date"),
    ],
)
def test_a_bad_cell_of_a_geopackage_costs_its_row_only(tmp_path, change, given, field, rule):
    intake = read(geopackage(tmp_path / "a.gpkg", change, given), "shelters", None)
    assert codes(intake) == ["A", "C"]
    (said,) = [i for i in intake.issues if i.severity == "error"]
    assert (said.code, said.row, said.field, said.rule) == ("B", 2, field, rule)


@pytest.mark.parametrize("ending", [".gpkg", ".parquet"])
def test_a_place_or_number_without_end_costs_its_row_in_every_format(tmp_path, ending):
    places = shapely.points([[114.1, 22.5], [np.inf, 22.5], [np.inf, np.inf], [114.1, 22.5]])
    rows = {"编号": list("ABCD"), "容纳人数": [1.0, 2.0, 3.0, np.inf]}
    frame = gpd.GeoDataFrame(rows, geometry=places, crs=4490)
    file = tmp_path / f"a{ending}"
    (frame.to_parquet if ending == ".parquet" else frame.to_file)(file)
    intake = read(file, "shelters", None)
    assert codes(intake) == ["A"]
    assert rules(intake) == {"B": {"damaged"}, "C": {"damaged"}, "D": {"not_a_number"}}


def test_bad_bytes_of_a_parquet_cost_their_row_only(tmp_path):
    raw = pa.array(["南湖".encode(), b"\xe5\x8d\xff", "一二".encode()], pa.binary())
    names = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"编号": list("ABC"), "名称": names}), tmp_path / "a.parquet")
    intake = read(tmp_path / "a.parquet", "shelters", None)
    assert list(intake.records.name) == ["南湖", "一二"]
    assert rules(intake) == {"B": {"damaged"}}


def test_a_number_without_end_costs_its_row_only(tmp_path):
    intake = read(FIELD / "inf.geojson", "forest_fire_grids", "cgcs2000")
    assert [(r.row, r.code) for r in intake.rejected] == [(1, "NG1")]
    good = {
        "type": "Feature",
        "properties": {"编号": "A", "容纳人数": 5},
        "geometry": {"type": "Point", "coordinates": [114.05, 22.54]},
    }
    bad = good | {"properties": {"编号": "B", "容纳人数": float("inf")}}
    nowhere = good | {
        "properties": {"编号": "C"},
        "geometry": {"type": "Point", "coordinates": [float("nan"), 22.54]},
    }
    file = tmp_path / "a.geojson"
    file.write_text(
        json.dumps({"type": "FeatureCollection", "features": [good, bad, nowhere]}), encoding="utf-8"
    )
    intake = read(file, "shelters", None)
    assert codes(intake) == ["A"]
    assert {(i.code, i.field, i.rule) for i in intake.issues} == {
        ("B", "capacity", "damaged"),
        ("C", None, "damaged"),
    }


def test_half_a_character_costs_its_row_and_a_zero_byte_is_said(tmp_path):
    def named(code: str, name: str) -> str:
        point = '{"type":"Point","coordinates":[114.05,22.54]}'
        return f'{{"type":"Feature","properties":{{"编号":"{code}","名称":"{name}"}},"geometry":{point}}}'

    features = ",".join([named("A", r"x\ud800y"), named("B", r"甲\u0000乙"), named("C", r"\ud83c\udf0a")])
    file = tmp_path / "a.geojson"
    file.write_text(f'{{"type":"FeatureCollection","features":[{features}]}}', encoding="utf-8")
    intake = read(file, "shelters", None)
    assert list(intake.records.name) == ["甲乙", "🌊"]
    assert rules(intake) == {"A": {"damaged"}, "B": {"control_characters"}}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_bad_byte_of_a_csv_costs_its_row_only(tmp_path, encoding):
    rows = [f"S{i},避难场所{i},114.05,22.54" for i in range(40)]
    rows[7] = "S7,避难@场所,114.05,22.54"
    text = "\n".join(["编号,名称,经度,纬度", *rows])
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode(encoding).replace(b"@", b"\xff"))
    intake = read(file, "shelters")
    assert len(intake.records) == 39
    (said,) = [i for i in intake.issues if i.severity == "error"]
    assert (said.row, said.code, said.field, said.rule) == (9, "S7", "name", "damaged")
    assert value(intake, "S8", "name") == "避难场所8"


def test_a_csv_in_another_encoding_is_refused_as_a_whole(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("\n".join(["code,name", *(f"S{i},café\x81\xff" for i in range(40))]).encode("latin-1"))
    with pytest.raises(UnreadableFileError, match="编码"):
        read(file, "shelters")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_geojson_in_another_encoding_is_read(tmp_path, encoding):
    good = {
        "type": "Feature",
        "properties": {"编号": "A", "名称": "东湖"},
        "geometry": {"type": "Point", "coordinates": [114.05, 22.54]},
    }
    file = tmp_path / "a.geojson"
    file.write_bytes(
        json.dumps({"type": "FeatureCollection", "features": [good]}, ensure_ascii=False).encode(encoding)
    )
    assert value(read(file, "shelters", None), "A", "name") == "东湖"


GOOD = {
    "type": "Feature",
    "properties": {"编号": "A", "名称": "东湖", "容纳人数": 5, "排查日期": "2026-05-01T23:30:00Z"},
    "geometry": {"type": "Point", "coordinates": [114.05, 22.54]},
}


@pytest.mark.parametrize("ending", [".geojson", ".json", ".ndjson", ".geojsonl"])
@pytest.mark.parametrize("mark", ["", "\x1e"])
def test_geojson_of_one_feature_a_line_is_read_whole(tmp_path, ending, mark):
    lines = [mark + json.dumps(GOOD | {"properties": GOOD["properties"] | {"编号": c}}) for c in "ABC"]
    file = tmp_path / f"a{ending}"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    intake = read(file, "shelters", None)
    assert codes(intake) == ["A", "B", "C"]
    assert value(intake, "C", "surveyed_on") == "2026-05-02"


def test_a_broken_line_of_geojson_costs_its_row_only(tmp_path):
    lines = [json.dumps(GOOD | {"properties": GOOD["properties"] | {"编号": c}}) for c in "ABC"]
    lines[1] = lines[1][:40]
    file = tmp_path / "a.ndjson"
    file.write_text("\n".join(lines), encoding="utf-8")
    intake = read(file, "shelters", None)
    assert codes(intake) == ["A", "C"]
    assert [r.row for r in intake.rejected] == [2]


def test_a_geojson_that_is_cut_off_says_where(tmp_path):
    file = tmp_path / "a.geojson"
    file.write_text(
        json.dumps({"type": "FeatureCollection", "features": [GOOD]}, indent=1)[:-40], encoding="utf-8"
    )
    with pytest.raises(UnreadableFileError, match=r"第 \d+ 行第 \d+ 个字符处 JSON 断开"):
        read(file, "shelters", None)


def test_the_json_of_esri_is_read_by_its_aliases_domains_and_reference(tmp_path):
    document = {
        "displayFieldName": "",
        "fieldAliases": {"BH": "编号", "MC": "名称", "NUM": "容纳人数", "SNW": "室内外", "RQ": "排查日期"},
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 4547, "latestWkid": 4547},
        "fields": [
            {
                "name": "SNW",
                "type": "esriFieldTypeInteger",
                "alias": "室内外",
                "domain": {
                    "type": "codedValue",
                    "codedValues": [{"name": "室内", "code": 1}, {"name": "室外", "code": 2}],
                },
            },
        ],
        "features": [
            {
                "attributes": {"BH": "E1", "MC": "东湖", "NUM": 30, "SNW": 2, "RQ": 1777678200000},
                "geometry": {"x": 505143.335, "y": 2493598.827},
            },
        ],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    intake = read(file, "shelters", None)
    assert [value(intake, "E1", f) for f in ("name", "capacity", "setting", "surveyed_on")] == [
        "东湖",
        30,
        "outdoor",
        "2026-05-02",
    ]
    assert abs(value(intake, "E1", "lon") - 114.05) < 1e-6
    assert abs(value(intake, "E1", "lat") - 22.54) < 1e-3


def test_rings_of_esri_keep_their_holes(tmp_path):
    outer = [[114.0, 22.5], [114.0, 22.6], [114.1, 22.6], [114.1, 22.5], [114.0, 22.5]]
    hole = [[114.02, 22.52], [114.08, 22.52], [114.08, 22.58], [114.02, 22.58], [114.02, 22.52]]
    document = {
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": 4490},
        "features": [
            {"attributes": {"网格编号": "G1"}, "geometry": {"rings": [outer, hole]}},
            {"attributes": {"网格编号": "G2"}, "geometry": {"curveRings": [[[1, 2], {"c": []}]]}},
        ],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    intake = read(file, "forest_fire_grids", None)
    assert codes(intake) == ["G1"]
    assert abs(shapely.from_wkb(intake.records.shapes[0]).area - (0.01 - 0.0036)) < 1e-9
    assert [(r.row, r.code) for r in intake.rejected] == [(2, "G2")]


TABLE = [
    ["编号", "名称", "经度", "纬度", "容纳人数"],
    ["A1", "东湖 & 西湖", "114.05", "22.54", "10"],
    ["A2", "南湖", "114.06", "22.55", "20"],
]


def html(rows: list[list[str]], tag: str = "td") -> str:
    body = "".join(
        "<tr>" + "".join(f"<{tag}>{c.replace('&', '&amp;')}</{tag}>" for c in row) + "</tr>" for row in rows
    )
    return f"<table border=1><tr><td colspan=5>避难场所一览表</td></tr>{body}</table>"


def workbook_2003(rows: list[list[str]], *, hidden: list[list[str]] | None = None) -> str:
    def cells(row: list[str]) -> str:
        return "".join(f'<Cell><Data ss:Type="String">{c.replace("&", "&amp;")}</Data></Cell>' for c in row)

    def sheet(name: str, lines: list[list[str]], options: str = "") -> str:
        body = "".join(f"<Row>{cells(line)}</Row>" for line in lines)
        return f'<Worksheet ss:Name="{name}"><Table>{body}</Table>{options}</Worksheet>'

    secret = '<WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel"><Visible>SheetHidden</Visible></WorksheetOptions>'
    return (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        + sheet("清单", rows)
        + (sheet("旧", hidden, secret) if hidden else "")
        + "</Workbook>"
    )


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".xls", f"<html><head><meta charset='utf-8'></head><body>{html(TABLE)}</body></html>".encode()),
        (
            ".xls",
            f"<meta http-equiv='Content-Type' content='text/html; charset=gb2312'>{html(TABLE, 'th')}".encode(
                "gb18030"
            ),
        ),
        (".xls", html(TABLE).encode("utf-16")),
        (".html", f"<!DOCTYPE html><html><body>{html(TABLE)}</body></html>".encode()),
        (".xls", workbook_2003(TABLE).encode()),
        (".xlsx", workbook_2003(TABLE).encode()),
        (".xls", "\n".join("\t".join(row) for row in TABLE).encode("utf-16")),
        (".xls", "\n".join("\t".join(row) for row in TABLE).encode("gb18030")),
    ],
)
def test_what_is_only_named_like_a_workbook_is_read_as_what_it_is(tmp_path, ending, content):
    file = tmp_path / f"a{ending}"
    file.write_bytes(content)
    intake = read(file, "shelters")
    assert codes(intake) == ["A1", "A2"]
    assert value(intake, "A1", "name") == "东湖 & 西湖"
    assert value(intake, "A2", "capacity") == 20


def test_a_new_workbook_under_the_old_ending_is_read(tmp_path):
    file = workbook(tmp_path / "a.xlsx", {"Sheet": TABLE}).rename(tmp_path / "a.xls")
    assert codes(read(file, "shelters")) == ["A1", "A2"]


def test_a_page_without_a_table_says_what_it_is(tmp_path):
    file = tmp_path / "a.xls"
    file.write_text("<html><body>请先登录</body></html>", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="网页"):
        read(file, "shelters")


def ods(path: Path, sheets: dict[str, list[list[str]]], hidden: tuple[str, ...] = ()) -> Path:
    """Write an OpenDocument spreadsheet of texts."""

    def table(name: str, rows: list[list[str]]) -> str:
        lines = "".join(
            "<table:table-row>"
            + "".join(
                f'<table:table-cell office:value-type="string"><text:p>{c.replace("&", "&amp;")}</text:p></table:table-cell>'
                for c in row
            )
            + "</table:table-row>"
            for row in rows
        )
        return f'<table:table table:name="{name}" table:style-name="{"no" if name in hidden else "yes"}">{lines}</table:table>'

    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text", "style")
    )
    styles = "".join(
        f'<style:style style:name="{name}" style:family="table"><style:table-properties table:display="{shown}"/></style:style>'
        for name, shown in (("yes", "true"), ("no", "false"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:automatic-styles>{styles}'
        "</office:automatic-styles><office:body><office:spreadsheet>"
        + "".join(table(name, rows) for name, rows in sheets.items())
        + "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    listed = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{listed}"><manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return path


def test_an_opendocument_spreadsheet_is_read(tmp_path):
    intake = read(ods(tmp_path / "a.ods", {"清单": TABLE}), "shelters")
    assert codes(intake) == ["A1", "A2"]
    assert (intake.sheets[0].sheet, value(intake, "A2", "capacity")) == ("清单", 20)


def test_an_archive_named_ods_that_is_none_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(UnreadableFileError, match="没有表格内容"):
        read(tmp_path / "a.ods", "shelters")


def test_a_hidden_sheet_is_left_out_unless_asked_for():
    file = FIELD / "hidden_sheet.xlsx"
    intake = read(file, "shelters")
    assert codes(intake) == ["V1", "V2"]
    assert {(i.sheet, i.rule) for i in intake.issues} == {
        ("备份旧", "hidden_sheet"),
        ("Sheet", "hidden_rows"),
    }
    assert "V9" in codes(read(file, "shelters", hidden=True))


OLD = [TABLE[0], ["V9", "已拆除", "114.05", "22.55", "9"]]


@pytest.mark.parametrize("kind", ["veryHidden", "ods", "xml"])
def test_hidden_sheets_of_every_kind_of_workbook_are_left_out(tmp_path, kind):
    if kind == "ods":
        file = ods(tmp_path / "a.ods", {"清单": TABLE, "旧": OLD}, hidden=("旧",))
    elif kind == "xml":
        file = tmp_path / "a.xls"
        file.write_text(workbook_2003(TABLE, hidden=OLD), encoding="utf-8")
    else:
        file = workbook(tmp_path / "a.xlsx", {"清单": TABLE, "旧": OLD})
        book = openpyxl.load_workbook(file)
        book["旧"].sheet_state = kind
        book.save(file)
    intake = read(file, "shelters")
    assert codes(intake) == ["A1", "A2"]
    assert [(i.sheet, i.rule) for i in intake.issues] == [("旧", "hidden_sheet")]
    assert codes(read(file, "shelters", hidden=True)) == ["A1", "A2", "V9"]


def test_a_file_with_hidden_lists_only_says_so(tmp_path):
    file = ods(tmp_path / "a.ods", {"封面": [["避难场所"]], "旧": OLD}, hidden=("旧",))
    with pytest.raises(UnreadableFileError, match="只有隐藏的工作表"):
        read(file, "shelters")


def totals(intake) -> dict[str | None, str]:
    return {i.value: i.message.zh for i in intake.issues if i.rule == "stated_total"}


def test_the_totals_that_a_list_states_are_compared_with_its_rows():
    said = totals(read(FIELD / "stated_total.xlsx", "shelters"))
    assert set(said) == {"3家", "10", "9"}
    assert "合计写的是 10，各行之和是 8" in said["10"]
    assert "合计写的是 9，各行之和是 3" in said["9"]
    assert "合计写的是 3，行数是 2" in said["3家"]
    assert said["10"].startswith("stated_total.xlsx › Sheet › 第 4 行 › 隐患数")


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".ods", ".xls"])
@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([["A1", "甲", "10"], ["A2", "乙", "20"], ["合计", "2处", "30"]], set()),
        ([["A1", "甲", "10"], ["A2", "乙", "20"], ["合计", "", "35"]], {"35"}),
        ([["合计", "3处", "30"], ["A1", "甲", "10"], ["A2", "乙", "20"]], {"3处"}),
        (
            [
                ["A1", "甲", "10"],
                ["小计", "1", "10"],
                ["A2", "乙", "20"],
                ["小计", "1", "20"],
                ["总计", "2", "30"],
            ],
            set(),
        ),
        (
            [
                ["A1", "甲", "10"],
                ["小计", "1", "11"],
                ["A2", "乙", "20"],
                ["小计", "1", "20"],
                ["总计", "2", "30"],
            ],
            {"11"},
        ),
        ([["A1", "甲", "10人"], ["A2", "乙", "1,020"], ["共计", "", "1,030人"]], set()),
        ([["A1", "甲", "10"], ["A2", "乙", "20"], ["平均", "", "15"]], set()),
    ],
)
def test_a_total_agrees_or_is_named_in_every_format(tmp_path, ending, rows, wrong):
    table = [["编号", "名称", "容纳人数"], *rows]
    file = tmp_path / f"a{ending}"
    if ending == ".xlsx":
        workbook(file, {"清单": table})
    elif ending == ".ods":
        ods(file, {"清单": table})
    elif ending == ".csv":
        file.write_text("\n".join(",".join(f'"{c}"' for c in row) for row in table), encoding="utf-8")
    else:
        file.write_text(html(table), encoding="utf-8")
    intake = read(file, "shelters")
    assert codes(intake) == ["A1", "A2"]
    assert set(totals(intake)) == wrong


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("Ⅰ级", "grade_1"),
        ("II级", "grade_2"),
        ("三类", "grade_3"),
        ("Ⅲ类应急避难场所", "grade_3"),
        ("固定避难场所", "fixed"),
        ("紧急", "emergency"),
        ("中心避难场所", "central"),
        ("长期固定", "fixed_long"),
        ("中期固定避难场所", "fixed_medium"),
        ("短期", "fixed_short"),
        ("固定避难场所（短期）", "fixed_short"),
    ],
)
def test_every_class_of_shelter_in_use_is_accepted(tmp_path, stated, meant):
    rows = [{"编号": "A", "名称": "一", "避难场所级别": stated}]
    intake = read(one_by_one(tmp_path / "a", ".csv", rows), "shelters")
    assert value(intake, "A", "shelter_class") == meant
    assert not intake.issues


def test_a_class_that_no_list_of_ours_knows_is_kept_with_a_warning():
    intake = read(FIELD / "shelter_classes.xlsx", "shelters", subdistricts=["演示云渡街道"])
    assert [value(intake, c, "shelter_class") for c in codes(intake)] == ["grade_2", "fixed"]
    assert not intake.issues


def test_headers_of_one_family_are_read_together():
    intake = read(FIELD / "hazard_headers.xlsx", "risk_points")
    assert list(intake.records.name) == ["围墙开裂", "行道树"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["企业编号", "企业名称", "企业地址"], ["code", "name", "address"]),
        (["隐患点编码", "隐患点名称", "隐患点位置", "隐患点社区"], ["code", "name", "address", "community"]),
        (["场所编号", "场所名称", "场所地址"], ["code", "name", "address"]),
        (
            ["编号", "名称", "街道编号", "街道名称", "责任单位名称"],
            ["code", "name", None, "subdistrict", None],
        ),
        (["企业编号", "企业名称", "街道编号", "街道名称"], ["code", "name", None, "subdistrict"]),
    ],
)
def test_a_subject_before_the_words_is_understood(tmp_path, headers, expected):
    file = workbook(
        tmp_path / "a.xlsx",
        {"清单": [[*headers, "容纳人数", "面积"], [*(f"x{i}" for i in range(len(headers))), 5, 6]]},
    )
    found = targets(read(file, "shelters"))
    assert [found[h] for h in headers] == expected


def test_what_the_judge_cannot_even_look_at_costs_its_row_and_is_named(tmp_path, monkeypatch):
    def fail(texts, limit=None):
        if any(t == "乙" for t in texts.texts.to_pylist()):
            raise pa.ArrowInvalid("no")
        return plain(texts, limit)

    plain = column.plain_texts
    monkeypatch.setattr(column, "plain_texts", fail)
    rows = [{"编号": c, "名称": n} for c, n in zip("ABCDE", "甲乙丙丁戊", strict=True)]
    intake = read(one_by_one(tmp_path / "a", ".csv", rows), "shelters")
    assert codes(intake) == ["A", "C", "D", "E"]
    said = [i for i in intake.issues if i.rule == "damaged"]
    assert [(i.row, i.field) for i in said] == [(3, "name")]
    assert said[0].message.zh.startswith("a.csv › a › 第 3 行 › 名称")


def test_what_fails_for_every_row_names_file_and_sheet(tmp_path, monkeypatch):
    def fail(*_):
        raise pa.ArrowInvalid("no")

    monkeypatch.setattr(column, "plain_texts", fail)
    rows = [{"编号": f"A{i}", "名称": f"名{i}"} for i in range(60)]
    with pytest.raises(UnreadableFileError, match="a.csv › a"):
        read(one_by_one(tmp_path / "a", ".csv", rows), "shelters")


def test_a_training_table_leaves_hidden_sheets_and_damaged_rows_out_and_says_so(tmp_path):
    rows = [f"{605000 + 7 * i * i % 9000},{2516000 + 11 * i % 7000},{i % 2},{i % 9}.5" for i in range(40)]
    rows[4] = rows[4] + "@"
    file = tmp_path / "t.csv"
    file.write_bytes("\n".join(["x,y,滑坡,坡度", *rows]).encode().replace(b"@", b"\xff"))
    table = read_training_table(file, Request(target="滑坡", x="x", y="y", crs="EPSG:4547"))
    assert table.rows == 39
    assert any("第 6 行" in said.say.zh for said in table.remarks if said.rule == "damaged_rows")
