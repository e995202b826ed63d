"""The workbook on paper: a cover on one page, a list that can be read, and an import that reads each record once."""

from __future__ import annotations

import statistics
from pathlib import Path

import openpyxl
import pytest
from pypdf import PdfReader

import riskmap
from riskmap.catalog.layer_file import read_layer
from riskmap.errors import CatalogError
from tests import cli
from tests.office import saved_as

TIERS = ("重大", "较大", "一般", "低", "未评")


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("printed") / "ws"
    riskmap.demo(folder, points=1500, seed=1).assess(by="测试", why="测试")
    return folder


@pytest.fixture(scope="module")
def book(ws, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("book") / "清单.xlsx"
    assert cli.riskmap("export", "slopes", "risk_points", "--to", path, "--workspace", ws).status in {0, 1}
    return path


def test_the_columns_of_the_layer_file_are_printed_the_worst_first(book):
    sheet = openpyxl.load_workbook(book)["打印·边坡"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)]
    assert rows[0][:4] == ["序号", "评估等级", "编号", "名称"]
    assert [row[0] for row in rows[1:]] == [str(i + 1) for i in range(len(rows) - 1)]
    order = [TIERS.index(row[1]) for row in rows[1:] if row[1] != "未评"]
    assert order == sorted(order)
    assert sheet.print_title_rows == "$3:$3"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)


def test_contacts_are_printed_as_they_may_be_shown(ws, book, tmp_path):
    masked = openpyxl.load_workbook(book)["打印·边坡"]
    assert "*" in masked.cell(4, 10).value
    full = tmp_path / "全.xlsx"
    asked = ("--contacts", "--by", "测试", "--why", "测试")
    assert cli.riskmap("export", "slopes", "--to", full, *asked, "--workspace", ws).status == 0
    assert "*" not in openpyxl.load_workbook(full)["打印·边坡"].cell(4, 10).value


def test_the_printed_list_is_not_read_as_records(ws, book):
    found = cli.riskmap("import", "slopes", book, "--dry-run", "--json", "--workspace", ws)
    assert found.status == 0, found.err
    (file,) = found.json["files"]
    assert (file["inserted"], file["updated"], file["held"], file["rejected"]) == (0, 0, 0, 0)
    assert file["rows"] == file["unchanged"] == 123
    assert not [issue for issue in file["issues"] if "打印" in issue["message"]]


def test_more_records_than_anybody_prints_have_no_printed_list(ws, tmp_path, monkeypatch):
    from riskmap.io.writers import printed_list

    monkeypatch.setattr(printed_list, "MOST", 100)
    path = tmp_path / "多.xlsx"
    assert cli.riskmap("export", "slopes", "waterlogging", "--to", path, "--workspace", ws).status == 0
    names = openpyxl.load_workbook(path).sheetnames
    assert "打印·边坡" not in names
    assert "打印·内涝积水点" in names


def test_a_printed_column_that_there_is_not_and_a_page_too_narrow_are_named():
    text = Path("layers/slopes.toml").read_text("utf-8")
    start, end = text.index("columns = [["), text.index("\n", text.index("columns = [["))
    wrong = text[:start] + 'columns = [["code", 100], ["hight_m", 60]]' + text[end:]
    with pytest.raises(CatalogError) as caught:
        read_layer(wrong, "slopes.toml")
    said = str(caught.value)
    assert "print.columns" in said
    assert "height_m" in said
    assert "126" in said


def sizes(page) -> list[float]:
    """The height of each piece of text as printed, in points."""
    found: list[float] = []

    def see(text, matrix, at, _font, size):
        if text.strip():
            found.append(abs(size * at[3] * matrix[3]))

    page.extract_text(visitor_text=see)
    return found


def test_printed_by_libreoffice_without_our_fonts_the_list_can_be_read(ws, soffice, tmp_path):
    path = tmp_path / "边坡.xlsx"
    cli.riskmap("export", "slopes", "--to", path, "--workspace", ws)
    pages = PdfReader(saved_as(soffice, path, "pdf", tmp_path / "saved")).pages
    first = next(i for i, page in enumerate(pages) if "序号" in page.extract_text())
    assert first == 1, "the cover is one page"
    assert "导出人" in pages[0].extract_text()
    printed = [page for page in pages if "序号" in page.extract_text()]
    assert len(printed) >= 2, "the header is repeated"
    assert statistics.median(sizes(printed[0])) >= 9.0


def test_no_table_of_counts_goes_on_over_a_page_that_has_not_its_header(ws, soffice, tmp_path):
    path = tmp_path / "三类.xlsx"
    layers = ("slopes", "underground_spaces", "waterlogging", "forest_fire_grids")
    assert cli.riskmap("export", *layers, "--to", path, "--workspace", ws).status in {0, 1}
    pages = [
        page.extract_text() for page in PdfReader(saved_as(soffice, path, "pdf", tmp_path / "saved")).pages
    ]
    counts = [page for page in pages if "· 分街道统计" in page]
    assert len(counts) > 1, "the tables need more than a page"
    assert sum(page.count("分街道合计：") for page in counts) == len(layers)
    for page in counts:
        body = page.partition("demo data")[2]
        assert body.index("分街道合计：") < body.index("演示"), "a street stands above the header"
