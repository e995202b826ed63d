"""A blank template guards what is written into it, and what is written into it is read column by column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter, range_boundaries

from riskmap.catalog import load_catalog
from riskmap.catalog.layer import Layer
from tests.cli import riskmap
from tests.office import saved_as

ROOT = Path(__file__).resolve().parents[2]
LAYERS = sorted(path.stem for path in (ROOT / "layers").glob("*.toml"))
DRAFTED = "pumps"
SHAPE = "POLYGON ((114.1 22.5, 114.11 22.5, 114.11 22.51, 114.1 22.5))"
LIST = "编号,名称,经度,纬度,所属街道,设计流量(m3/h),水泵台数,是否有人值守,建成日期,运行状况,值班电话"
ROWS = (
    "P1,东站,114.05,22.54,甲街道,1200.5,3,是,2012-05-01,良好,13800138000",
    "P2,西站,114.06,22.55,甲街道,800,2,否,2015-06-01,待修,13900139000",
    "P3,南站,114.07,22.56,乙街道,640,2,否,2018-07-01,良好,13700137000",
    "P4,北站,114.08,22.57,乙街道,90,1,是,2020-08-01,待修,13600136000",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A workspace of the shipped layers and one that was drafted from a list."""
    where = tmp_path_factory.mktemp("templates") / "w"
    assert riskmap("init", where).status == 0
    file = where / f"{DRAFTED}.csv"
    file.write_text("\n".join((LIST, *ROWS)) + "\n", encoding="utf-8-sig")
    assert riskmap("layer", "new", file, "--workspace", where).status == 0
    return where


def template(root: Path, layer: str, to: Path) -> dict[str, Any]:
    ran = riskmap("layer", "template", layer, "--to", to, "--json", "--workspace", root)
    assert ran.status == 0, ran.err
    return ran.json


def answer(layer: Layer, target: str, row: int) -> Any:
    """What a person writes into a cell: the last choice, a number within the limits, a day."""
    plain = {
        "code": f"0012-{row}",
        "name": f"第{row}处",
        "subdistrict": "甲街道",
        "longitude": 114.1 + row / 100,
        "latitude": 22.5 + row / 100,
        "shape": SHAPE,
    }
    if target in plain:
        return plain[target]
    if target.startswith("checklist:"):
        return "是"
    if target.startswith("contact:"):
        part = target.rsplit(":", 1)[1]
        return {"phone": f"1380013800{row}", "verified": dt.date(2026, 5, row)}.get(part, "张三")
    field = layer.field(target)
    match field.type:
        case "choice":
            return field.choices[-row].title.zh
        case "boolean":
            return "否"
        case "date":
            return dt.date(2026, 4, row)
        case "text":
            return f"写明{row}"
    if field.standard_values:
        return field.standard_values[-row]
    low = field.minimum or 0
    return int(low + row) if field.type == "integer" else min(low + row / 4, field.maximum or 1e9)


def filled(root: Path, layer_id: str, folder: Path) -> tuple[Path, dict[str, str]]:
    """Fill two rows of a template; return it, and header → target of its columns."""
    file = folder / f"{layer_id}.xlsx"
    columns = template(root, layer_id, file)["columns"]
    layer = load_catalog(root).layer(layer_id)
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    for row in (1, 2):
        for at, column in enumerate(columns, start=1):
            sheet.cell(row + 1, at).value = answer(layer, column["target"], row)
    book.save(file)
    return file, {column["header"]: column["target"] for column in columns}


def imported(root: Path, layer: str, file: Path, *more: object) -> dict[str, Any]:
    ran = riskmap("import", layer, file, "--dry-run", "--json", *more, "--workspace", root)
    assert ran.status == 0, f"{ran.out}{ran.err}"
    return ran.json["files"][0]


def read_as(done: dict[str, Any]) -> dict[str, tuple[str, str]]:
    (sheet,) = [one for one in done["sheets"] if one["headers"]]
    return {h["header"]: (h["target"], h["how"]) for h in sheet["headers"]}


@pytest.mark.parametrize("layer", [*LAYERS, DRAFTED])
def test_every_column_of_a_filled_template_is_read_and_none_is_guessed(root, layer, tmp_path):
    file, targets = filled(root, layer, tmp_path)
    done = imported(root, layer, file)
    assert (done["inserted"], done["rejected"], done["issues"]) == (2, 0, [])
    found = read_as(done)
    assert {header: target for header, (target, _) in found.items()} == targets
    assert {how for _, how in found.values()} <= {"alias", "normalised"}


def test_what_is_written_into_a_template_comes_into_the_ledger(root, tmp_path):
    file, targets = filled(root, "shelters", tmp_path)
    assert riskmap("import", "shelters", file, "--workspace", root).status == 0
    layer = load_catalog(root).layer("shelters")
    one = {
        f["code"]: f for f in riskmap("select", "shelters", "--json", "--workspace", root).json["features"]
    }["0012-1"]
    assert (one["name"], round(one["lon"], 6), round(one["lat"], 6)) == ("第1处", 114.11, 22.51)
    assert set(one["fields"]) == {target for target in targets.values() if target in layer.field_ids}
    assert one["fields"]["setting"] == layer.field("setting").choices[-1].id
    assert one["extra"] == {}


def test_a_template_in_english_is_read_column_by_column_too(root, tmp_path):
    from riskmap.actions.layer_files import layer_template
    from riskmap.actions.workspace import open_workspace

    ws = open_workspace(root)
    for layer in (*LAYERS, DRAFTED):
        made = layer_template(ws, layer, tmp_path / f"{layer}.xlsx", lang="en")
        book = openpyxl.load_workbook(made.file)
        book.worksheets[0].append(
            [
                answer(ws.catalog.layer(layer), c.target, 1) if c.target in {"code", "name"} else None
                for c in made.columns
            ]
        )
        book.save(made.file)
        assert {h: t for h, (t, _) in read_as(imported(root, layer, made.file)).items()} == {
            c.header: c.target for c in made.columns
        }


@pytest.mark.parametrize("ending", ["ods", "xlsx", "csv"])
def test_a_template_that_libreoffice_has_saved_is_read_all_the_same(root, soffice, ending, tmp_path):
    file, targets = filled(root, "slopes", tmp_path)
    done = imported(
        root,
        "slopes",
        saved_as(soffice, file, ending, tmp_path / "saved"),
        *(("--crs", "cgcs2000") if ending == "csv" else ()),
    )
    assert (done["inserted"], done["rejected"], done["issues"]) == (2, 0, [])
    assert {h: t for h, (t, _) in read_as(done).items()} == targets


def rules(file: Path) -> tuple[Any, dict[str, Any]]:
    """Return the workbook, and header → the rule of its column."""
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    found = {}
    for one in sheet.data_validations.dataValidation:
        left, top, right, bottom = range_boundaries(str(one.sqref))
        assert (left, top, bottom) == (right, 2, 2001)
        found[sheet.cell(1, left).value] = one
    return book, found


def listed(book: Any, rule: Any) -> list[Any]:
    """Return the words of the list that a rule names."""
    sheet, cells = next(book.defined_names[rule.formula1].destinations)
    return [row[0].value for row in book[sheet][cells.replace("$", "")]]


def test_the_rules_of_a_template_are_those_of_the_layer_file(root, tmp_path):
    template(root, "slopes", tmp_path / "t.xlsx")
    book, found = rules(tmp_path / "t.xlsx")
    layer = load_catalog(root).layer("slopes")
    height = found["坡高(m)"]
    assert (height.type, height.operator or "between", height.errorStyle or "stop") == (
        "decimal",
        "between",
        "stop",
    )
    assert (float(height.formula1), float(height.formula2)) == (0, 500)
    assert found["威胁人数(人)"].type == "whole"
    closed, opened = found["稳定状态"], found["边坡类型"]
    assert (closed.type, closed.errorStyle or "stop", opened.errorStyle) == ("list", "stop", "warning")
    assert listed(book, closed) == [c.title.zh for c in layer.field("stability").choices]
    assert listed(book, opened) == [c.title.zh for c in layer.field("slope_kind").choices]
    assert listed(book, found["变形迹象"]) == ["是", "否"]
    assert found["发现时间"].type == "date"
    assert float(found["经度(CGCS2000)"].formula1) == 73
    assert "编号" not in found
    texts = {"编号", "防灾责任人电话"}
    sheet = book.worksheets[0]
    heads = {cell.value: cell for cell in sheet[1]}
    for header in texts & set(heads):
        column = sheet.column_dimensions[get_column_letter(heads[header].column)]
        assert column.number_format == "@", header
    assert book["_riskmap"].sheet_state == "veryHidden"


def test_the_published_values_of_a_method_are_offered_and_others_are_warned_of(root, tmp_path):
    template(root, "risk_points", tmp_path / "t.xlsx")
    book, found = rules(tmp_path / "t.xlsx")
    rule = found["可能性L"]
    assert (rule.type, rule.errorStyle) == ("list", "warning")
    assert listed(book, rule) == [0.1, 0.2, 0.5, 1, 3, 6, 10]


def test_a_header_says_what_must_be_filled_in_what_is_taken_and_where_that_comes_from(root, tmp_path):
    done = template(root, "slopes", tmp_path / "t.xlsx")
    needs = {column["target"]: column["need"] for column in done["columns"]}
    assert needs["code"] == "required"
    catalog = load_catalog(root)
    assert {t for t, need in needs.items() if need == "scored"} == set(catalog.model_of("slopes").required)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0]
    heads = {cell.value: cell for cell in sheet[1]}
    tints = {need: heads[c["header"]].fill.fgColor.rgb for c in done["columns"] for need in [c["need"]]}
    assert len(set(tints.values())) == len(tints)
    for column in done["columns"]:
        note = heads[column["header"]].comment.text
        assert note.startswith({"required": "必填", "scored": "评级必需", "optional": "可空"}[column["need"]])
        assert "依据：" in note
    assert "0 至 500，单位 m" in heads["坡高(m)"].comment.text
    assert "欠稳定" in heads["稳定状态"].comment.text
    assert "最近一次确认监测设备正常工作的日期" in heads["监测核验日期"].comment.text


def test_a_template_goes_on_a4_landscape_with_its_header_on_every_page(root, tmp_path):
    template(root, "slopes", tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.print_title_rows, sheet.print_title_cols) == ("$1:$1", "$A:$B")
    assert sheet.freeze_panes == "C2"


def test_the_streets_and_the_extent_of_the_district_are_in_the_rules(tmp_path):
    where = tmp_path / "w"
    assert riskmap("init", where, "--demo", "--points", 50).status == 0
    text = (where / "workspace.toml").read_text("utf-8")
    (where / "workspace.toml").write_text(
        text.replace("[district]\n", "[district]\nextent = [-10, -5, 0, 5]\n", 1), "utf-8"
    )
    template(where, "waterlogging", tmp_path / "t.xlsx")
    book, found = rules(tmp_path / "t.xlsx")
    street = found["所属街道"]
    assert (street.type, street.errorStyle) == ("list", "warning")
    assert len(listed(book, street)) == 10
    assert (float(found["经度(CGCS2000)"].formula1), float(found["纬度(CGCS2000)"].formula1)) == (-10, -5)


def test_a_template_is_of_its_layer_and_of_its_datum(root, tmp_path):
    file, _ = filled(root, "slopes", tmp_path)
    other = riskmap("import", "shelters", file, "--dry-run", "--json", "--workspace", root)
    assert other.refused
    assert "slopes" in other.err
    assert riskmap(
        "import", "slopes", file, "--crs", "gcj02", "--dry-run", "--json", "--workspace", root
    ).refused


def test_a_blank_template_has_no_rows(root, tmp_path):
    template(root, "slopes", tmp_path / "t.xlsx")
    done = imported(root, "slopes", tmp_path / "t.xlsx")
    assert (done["rows"], done["issues"]) == (0, [])


@pytest.mark.parametrize(
    "words",
    [
        ("template", "slopes"),
        ("template", "slopes", "--to", "t.csv"),
        ("template", "slope", "--to", "t.xlsx"),
        ("template", "slopes", "--to", "nowhere/t.xlsx"),
    ],
)
def test_what_cannot_be_made_is_refused(root, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert riskmap("layer", *words, "--json", "--workspace", root).refused
    assert list(tmp_path.iterdir()) == []
