"""The package to hand over: workbook and files, linked; pictures without what the camera wrote; home again unchanged."""

from __future__ import annotations

import io
import shutil
import zipfile
from urllib.parse import unquote

import openpyxl
import pytest
from PIL import Image

from tests.attached_files import document, photo, with_file_fields
from tests.cli import riskmap

ROWS = "编号,名称,经度,纬度\nA/1,甲,114.11,22.55\n..,乙,114.12,22.56\nC,=1+1,114.13,22.57\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    root, here = folder / "ws", ("--workspace", folder / "ws")
    riskmap("init", root, "--name", "测试区")
    with_file_fields(root)
    (folder / "点位.csv").write_text(ROWS, encoding="utf-8")
    assert riskmap("import", "risk_points", folder / "点位.csv", "--crs", "cgcs2000", *here).status == 0
    for name, content in (
        ("坡面.jpg", photo()),
        ("侧立.jpg", photo(turned=6, seed=3)),
        ("方案.docx", document()),
    ):
        (folder / name).write_bytes(content)
    assert (
        riskmap(
            "attach", "risk_points", "A/1", "photos", folder / "坡面.jpg", folder / "侧立.jpg", *here
        ).status
        == 0
    )
    (folder / "别").mkdir()
    (folder / "别" / "坡面.jpg").write_bytes(photo(seed=5))
    assert riskmap("attach", "risk_points", "A/1", "photos", folder / "别" / "坡面.jpg", *here).status == 0
    assert riskmap("attach", "risk_points", "..", "plan", folder / "方案.docx", *here).status == 0
    return folder


@pytest.fixture
def root(made, tmp_path):
    shutil.copytree(made / "ws", tmp_path / "ws")
    return tmp_path / "ws"


def export(root, *files):
    ran = riskmap(
        "export", *(word for file in files for word in ("--to", file)), "--json", "--workspace", root
    )
    assert ran.status in {0, 1}, ran.err
    return ran.json


def book_of(package):
    with zipfile.ZipFile(package) as archive:
        return openpyxl.load_workbook(io.BytesIO(archive.read("清单.xlsx")))


def test_the_package_holds_the_workbook_and_every_file_and_links_lead_to_them(root, tmp_path):
    done = export(root, tmp_path / "移交.zip")
    assert [(one["format"], one["rows"]) for one in done["files"]] == [("zip", 3)]
    with zipfile.ZipFile(tmp_path / "移交.zip") as archive:
        names = archive.namelist()
        assert names[0] == "清单.xlsx"
        assert sorted(names[1:]) == [
            "files/risk_points/A_1/侧立.jpg",
            "files/risk_points/A_1/坡面 (2).jpg",
            "files/risk_points/A_1/坡面.jpg",
            "files/risk_points/_/方案.docx",
        ]
        pictures = [archive.read(name) for name in names if name.endswith(".jpg")]
        assert zipfile.is_zipfile(io.BytesIO(archive.read("files/risk_points/_/方案.docx")))
    for content in pictures:
        with Image.open(io.BytesIO(content)) as image:
            assert not image.getexif()
        assert b"Telephone" not in content
    sheet = book_of(tmp_path / "移交.zip")["照片和文档"]
    links = {row[4].value: row[4].hyperlink.target for row in sheet.iter_rows(min_row=2)}
    assert set(links) == {"坡面.jpg", "侧立.jpg", "方案.docx"}
    assert {unquote(target.replace("\\", "/")) for target in links.values()} <= set(names)


def test_a_workbook_by_itself_names_the_files_and_links_to_nothing(root, tmp_path):
    export(root, tmp_path / "清单.xlsx")
    book = openpyxl.load_workbook(tmp_path / "清单.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.hyperlink or cell.data_type == "f"]
    header, *rows = book["风险点"].iter_rows(values_only=True)
    names = {row[header.index("编号")]: row[header.index("现场照片")] for row in rows}
    assert sorted(names["A/1"].split("；")) == ["侧立.jpg", "坡面.jpg", "坡面.jpg"]
    assert names["C"] is None
    assert len(list(book["照片和文档"].iter_rows(min_row=2))) == 4


@pytest.mark.parametrize("name", ["移交.zip", "清单.xlsx", "清单.csv"])
def test_an_export_with_files_comes_home_and_changes_nothing(root, tmp_path, name):
    export(root, tmp_path / name)
    before = riskmap("select", "risk_points", "--json", "--workspace", root).json
    ran = riskmap(
        "import", "risk_points", tmp_path / name, "--crs", "cgcs2000", "--json", "--workspace", root
    )
    assert ran.status == 0, ran.err
    (file,) = ran.json["files"]
    assert (file["unchanged"], file["accepted"], file["rejected"]) == (3, 3, 0)
    assert riskmap("select", "risk_points", "--json", "--workspace", root).json == before


def test_a_file_that_is_gone_is_named_and_the_rest_is_handed_over(root, tmp_path):
    gone = next((root / "data" / "files").rglob("*.docx"))
    gone.unlink()
    export(root, tmp_path / "移交.zip")
    with zipfile.ZipFile(tmp_path / "移交.zip") as archive:
        assert len([name for name in archive.namelist() if name.startswith("files/")]) == 3
    rows = list(book_of(tmp_path / "移交.zip")["照片和文档"].iter_rows(min_row=2, values_only=True))
    (note,) = [row[8] for row in rows if row[4] == "方案.docx"]
    assert "不在 data/files" in note


def test_a_package_of_a_past_day_has_the_files_of_then(root, tmp_path):
    ran = riskmap("export", "--to", tmp_path / "过去.zip", "--as-of", "2020-01-01", "--workspace", root)
    assert ran.status in {0, 1}
    with zipfile.ZipFile(tmp_path / "过去.zip") as archive:
        assert archive.namelist() == ["清单.xlsx"]


def test_an_archive_of_several_workbooks_is_no_package(root, tmp_path):
    export(root, tmp_path / "清单.xlsx")
    with zipfile.ZipFile(tmp_path / "两份.zip", "w") as archive:
        for name in ("一.xlsx", "二.xlsx"):
            archive.write(tmp_path / "清单.xlsx", name)
    ran = riskmap("import", "risk_points", tmp_path / "两份.zip", "--crs", "cgcs2000", "--workspace", root)
    assert ran.status == 2
    assert "2 个工作簿" in ran.err
