"""Hostile and broken files end in one clear message, and nothing of them is executed or followed."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas
import psutil
import pytest
from shapely.geometry import Point

from riskmap.errors import UnreadableFileError
from riskmap.io.files.file_checks import FileLimits
from tests.intake_files import ROOT, read, workbook

KML = (
    '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
    '<name>甲</name><ExtendedData><Data name="编号"><value>A1</value></Data></ExtendedData>'
    "<Point><coordinates>114.1,22.55</coordinates></Point></Placemark></Document></kml>"
)
ROWS = [["编号", "名称", "经度", "纬度"], ["A1", "甲", 114.1, 22.55]]


def refused(path: Path, **options) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read(path, **options)
    text = caught.value.text("zh")
    assert text.startswith(path.name)
    assert caught.value.text("en").startswith(path.name)
    return text


def test_a_virtual_dataset_disguised_as_kml_does_not_open_the_file_it_names(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("编号,经度,纬度\nS1,114.1,22.5\n", encoding="utf-8")
    disguised = tmp_path / "点位.kml"
    disguised.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
        "</OGRVRTDataSource>",
        encoding="utf-8",
    )
    assert "内容却是别的 XML" in refused(disguised)


def test_a_virtual_dataset_that_mentions_kml_is_still_not_followed(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("编号,经度,纬度\nS1,114.1,22.5\n", encoding="utf-8")
    disguised = tmp_path / "点位.kml"
    disguised.write_text(
        f'<OGRVRTDataSource><!-- <kml --><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>",
        encoding="utf-8",
    )
    refused(disguised)


@pytest.mark.parametrize("wanted", ["ESRI Shapefile", "GPKG", "GeoJSON", "TopoJSON"])
def test_the_worker_knows_no_driver_but_the_one_of_the_ending(wanted):
    program = (
        "from riskmap.io.files.worker import limit_gdal\n"
        f"wanted = {wanted!r}\n"
        "limit_gdal(wanted)\n"
        "import pyogrio\n"
        "assert list(pyogrio.list_drivers()) == [wanted], pyogrio.list_drivers()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_a_workbook_that_unpacks_to_hundreds_of_megabytes_is_refused_before_it_is_parsed(tmp_path):
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(200):
                sheet.write(b" " * (1 << 20))
    used = sum(os.times()[:4])
    assert "压缩炸弹" in refused(bomb)
    assert sum(os.times()[:4]) - used < 5  # seconds of this process and its children, however busy others are


def test_a_workbook_that_lies_about_its_size_is_stopped_by_the_memory_limit(tmp_path):
    """The directory says little; the sheet itself holds a million cells of one long shared text."""
    book = tmp_path / "hungry.xlsx"
    honest = workbook(tmp_path / "honest.xlsx", {"S": ROWS})
    text = "字" * 8000
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            data = source.read(member)
            if member == "xl/worksheets/sheet1.xml":
                row = "".join(f'<c r="{c}{{0}}" t="s"><v>0</v></c>' for c in "ABCDEFGH")
                rows = "".join(f'<row r="{r}">{row.format(r)}</row>' for r in range(1, 12_000))
                data = (
                    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
                    f"{rows}</sheetData></worksheet>"
                ).encode()
            target.writestr(member, data)
        target.writestr(
            "xl/sharedStrings.xml",
            '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="1" uniqueCount="1">'
            f"<si><t>{text}</t></si></sst>",
        )
    message = refused(book, limits=FileLimits(memory_bytes=300 << 20))
    assert "内存" in message


def test_a_geopackage_with_a_recursive_view_is_stopped_by_the_time_limit(tmp_path):
    file = tmp_path / "recursive.gpkg"
    geopandas.GeoDataFrame({"编号": ["A1"]}, geometry=[Point(114.1, 22.5)], crs="EPSG:4326").to_file(file)
    with sqlite3.connect(file) as database:
        database.executescript(
            """
            CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS 编号 FROM n;
            INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('endless', 'attributes', 'endless', 0);
            """
        )
    message = refused(file, limits=FileLimits(seconds=4))
    assert "4 秒" in message or "内存" in message


def test_the_stopped_worker_is_gone(tmp_path):
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    file = workbook(tmp_path / "a.xlsx", {"S": ROWS})
    with pytest.raises(UnreadableFileError):
        read(file, limits=FileLimits(seconds=0.0, memory_bytes=1 << 20))
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize(
    "member", ["../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "C:\\evil.shp", "..\\evil.shp"]
)
def test_an_archive_whose_paths_leave_the_folder_is_refused(tmp_path, member):
    file = tmp_path / "点.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("ok.shp", b"\x00\x00\x27\x0a")
        info = zipfile.ZipInfo("x")
        info.filename = member
        archive.writestr(info, b"evil")
    assert "越出目录" in refused(file)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["点.zip"]


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        (".xlsx", "编号,名称\n1,a\n".encode()),
        (".xls", b"PK\x03\x04" + bytes(60)),
        (".xls", b"<html><table><tr><td>1</td></tr></table></html>"),
        (".csv", b"PK\x03\x04" + bytes(60)),
        (".csv", b"%PDF-1.7\n" + bytes(60)),
        (".gpkg", b"hello, this is no database"),
        (".geojson", b"<html></html>"),
        (".geojson", "编号,名称".encode()),
        (".kml", "编号,名称".encode()),
        (".parquet", b"PK\x03\x04" + bytes(60)),
        (".shp", b"SQLite format 3\x00" + bytes(200)),
        (".zip", b"Rar!\x1a\x07" + bytes(60)),
        (".exe", b"MZ"),
        (".docx", b"PK\x03\x04"),
    ],
)
def test_content_of_another_kind_than_the_ending_is_refused(tmp_path, ending, content):
    file = tmp_path / f"文件{ending}"
    file.write_bytes(content)
    refused(file)


def test_a_zip_renamed_to_xlsx_is_refused(tmp_path):
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "没有工作簿" in refused(file)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("padding", [0, 10_000])
def test_kml_with_entities_is_refused_wherever_they_stand(tmp_path, doctype, padding):
    file = tmp_path / "a.kml"
    head, rest = KML.split("<kml", 1)
    file.write_text(
        f"{head}<!-- <kml {' ' * padding} -->{doctype}<kml{rest.replace('甲', '&x;')}", encoding="utf-8"
    )
    assert "实体" in refused(file)


def test_kml_in_utf16_cannot_smuggle_entities(tmp_path):
    file = tmp_path / "a.kmz"
    text = KML.replace("UTF-8", "UTF-16").replace(
        "<kml", '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml', 1
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("doc.kml", text.encode("utf-16"))
    refused(file)


@pytest.mark.parametrize(
    "ending", [".xlsx", ".xls", ".csv", ".shp", ".zip", ".gpkg", ".geojson", ".kml", ".kmz", ".parquet"]
)
def test_an_empty_file_is_refused(tmp_path, ending):
    file = tmp_path / f"empty{ending}"
    file.touch()
    assert "空的" in refused(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "nothing.xlsx")
    (tmp_path / "folder.xlsx").mkdir()
    refused(tmp_path / "folder.xlsx")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_truncated_workbook_is_refused(tmp_path, share):
    whole = workbook(tmp_path / "whole.xlsx", {"S": ROWS}).read_bytes()
    file = tmp_path / "cut.xlsx"
    file.write_bytes(whole[: int(len(whole) * share)])
    refused(file)


@pytest.mark.parametrize("name", ["slopes_边坡台账.xls", "shelters_避难场所.shp"])
def test_a_truncated_binary_file_is_refused(tmp_path, name):
    source = ROOT / "tests" / "cases" / "messy" / name
    for part in source.parent.glob(f"{source.stem}.*"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[:300])
    refused(file, name="slopes")


def test_a_truncated_text_of_two_byte_letters_is_refused(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("编号,名称\n1,甲\n".encode("gb18030")[:-2])
    assert "编码" in refused(file, datum=None)


def test_a_truncated_geopackage_geojson_and_parquet_are_refused(tmp_path):
    frame = geopandas.GeoDataFrame(
        {"编号": [f"A{i}" for i in range(500)]}, geometry=[Point(114.1, 22.5)] * 500, crs="EPSG:4326"
    )
    frame.to_file(tmp_path / "a.gpkg")
    frame.to_file(tmp_path / "a.geojson")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.gpkg", "a.geojson", "a.parquet"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        refused(tmp_path / name, datum=None)


def test_a_workbook_with_a_password_says_so(tmp_path):
    file = tmp_path / "locked.xlsx"
    # The container of an encrypted workbook: an OLE file whose directory names EncryptedPackage.
    entry = "EncryptedPackage".encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 34) + bytes(62)
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + bytes(128) + entry)
    assert "密码" in refused(file)


def test_a_file_over_the_size_limit_is_refused(tmp_path):
    file = workbook(tmp_path / "a.xlsx", {"S": ROWS})
    assert "上限" in refused(file, limits=FileLimits(file_bytes=1000))


def test_an_archive_with_too_many_members_is_refused(tmp_path):
    file = tmp_path / "many.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(30):
            archive.writestr(f"{i}.shp", b"")
    assert "30 个文件" in refused(file, limits=FileLimits(members=20))


def test_more_columns_than_the_limit_are_refused(tmp_path):
    file = workbook(tmp_path / "wide.xlsx", {"S": [[*ROWS[0], *range(60)], ROWS[1]]})
    assert "列" in refused(file, limits=FileLimits(columns=50))


def test_gdal_settings_of_the_user_do_not_reach_the_worker(tmp_path, monkeypatch):
    monkeypatch.setenv("OGR_SKIP", "GeoJSON")
    monkeypatch.setenv("GDAL_DRIVER_PATH", str(tmp_path))
    file = tmp_path / "a.geojson"
    point = {"type": "Point", "coordinates": [114.1, 22.55]}
    file.write_text(
        json.dumps({"type": "Feature", "properties": {"编号": "A1"}, "geometry": point}), encoding="utf-8"
    )
    assert read(file, datum=None).records.code == ["A1"]
    assert os.environ["OGR_SKIP"] == "GeoJSON"


def test_what_a_parser_writes_stays_in_the_workers_own_folder(tmp_path):
    source = ROOT / "tests" / "cases" / "messy" / "shelters_避难场所.shp"
    for ending in (".shp", ".dbf", ".prj"):
        (tmp_path / f"a{ending}").write_bytes(source.with_suffix(ending).read_bytes())
    assert len(read(tmp_path / "a.shp", "shelters", None).records) == 12
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dbf", "a.prj", "a.shp"]
