"""`riskmap fill-form`: a superior's form of `forms/`, filled from the ledger, and what it says of it."""

from __future__ import annotations

import pytest
from openpyxl import Workbook, load_workbook

import riskmap
from tests import cli


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("form") / "ws"
    with riskmap.demo(folder, points=60, seed=7) as d:
        d.assess(by="王五", why="首次评估")
    return folder


def ran(home, *words) -> cli.Ran:
    return cli.riskmap("fill-form", *words, "--workspace", home)


def test_the_demo_has_a_form_that_is_filled_and_says_which_cell_holds_which_figure(home, tmp_path):
    done = ran(home, "slopes_quarterly", "--to", tmp_path / "季报.xlsx", "--json")
    assert done.status == 0, done.err
    with riskmap.open(home) as d:
        frame = d["slopes"].frame(tier=["major", "large"])
        figure = d.figures("points.layer_tier.slopes.large")["points.layer_tier.slopes.large"]
    document = done.json
    assert document["files"] == [{"path": str(tmp_path / "季报.xlsx"), "format": "xlsx", "rows": len(frame)}]
    assert (document["form"], document["sheet"], document["count"]) == (
        "slopes_quarterly",
        "季报表",
        len(frame),
    )
    assert (document["first_row"], document["room"], document["added_rows"]) == (5, 8, max(0, len(frame) - 8))
    (cell,) = document["cells"]
    assert cell["cell"] == "K2"
    assert (cell["id"], cell["value"], cell["query"]) == (figure.id, figure.count, str(figure.query))
    assert cell["period"] is None
    sheet = load_workbook(tmp_path / "季报.xlsx")["季报表"]
    assert sheet["K2"].value == figure.count
    codes = [sheet[f"B{row}"].value for row in range(5, 5 + len(frame))]
    assert sorted(codes) == list(frame.index)
    assert sheet.oddHeader.right.text == "演示数据 demo data"


def test_options_narrow_what_the_mapping_selects(home, tmp_path):
    done = ran(home, "slopes_quarterly", "--to", tmp_path / "a.xlsx", "--where", "坡高 >= 1000", "--json")
    assert done.status == 0, done.err
    assert done.json["count"] == 0
    sheet = load_workbook(tmp_path / "a.xlsx")["季报表"]
    assert [sheet[f"B{row}"].value for row in range(5, 13)] == [None] * 8
    assert sheet["I13"].value == "=SUM(I5:I12)"


def test_forms_are_listed_with_what_is_wrong_in_their_mappings(home, tmp_path):
    broken = home / "forms" / "坏.toml"
    broken.write_text(
        'file = "没有.xlsx"\nfirst_row = 1\nrows = 1\nof = ["slope"]\n[columns]\nA = "code"\n',
        encoding="utf-8",
    )
    try:
        done = ran(home, "--list", "--json")
        assert done.status == 0
        good, bad = done.json["forms"]
        assert (good["id"], good["rows"], good["problems"]) == ("slopes_quarterly", 8, [])
        assert good["form"] == "forms/slopes_quarterly.xlsx"
        assert bad["id"] == "坏"
        assert "forms/坏.toml:1 › file" in bad["problems"][0]
        assert "slopes" in bad["problems"][1]
        checked = cli.riskmap("check", "--workspace", home, "--json")
        assert any(one["where"].startswith("forms/坏.toml") for one in checked.json["findings"])
    finally:
        broken.unlink()


def test_an_unknown_form_and_a_missing_target_are_told(home, tmp_path):
    done = ran(home, "slopes_quartely", "--to", tmp_path / "a.xlsx", "--json")
    assert done.status == 2
    assert "slopes_quarterly" in done.json["error"]["message"] + done.err
    done = ran(home, "slopes_quarterly")
    assert done.status == 2
    assert "--to" in done.err


def test_full_contacts_are_recorded_with_person_and_reason(home, tmp_path):
    done = ran(
        home,
        "slopes_quarterly",
        "--to",
        tmp_path / "a.xlsx",
        "--contacts",
        "--by",
        "李四",
        "--why",
        "市局季报",
    )
    assert done.status == 0, done.err
    with riskmap.open(home) as d:
        last = d._ws.ledger.exports()[0]
    assert (last.who, last.why, last.unmasked) == ("李四", "市局季报", True)


def test_a_mapping_is_drafted_from_the_form_itself_and_fills_it(home, tmp_path):
    form = home / "forms" / "slopes_quarterly.xlsx"
    done = ran(home, form, "--draft", "月报", "--json")
    assert done.status == 0, done.err
    try:
        document = done.json
        assert (document["layer"], document["sheet"]) == ("slopes", "季报表")
        assert (document["first_row"], document["rows"]) == (5, 8)
        filled = {one["column"]: one["filled_with"] for one in document["columns"]}
        assert filled == {
            "A": "running", "B": "code", "C": "name", "E": "subdistrict", "F": "height_m", "G": "stability", "H": "tier",
            "I": "threatened_people", "J": "contact.prevention.name", "K": "contact.prevention.phone",
        }  # fmt: skip
        text = (home / "forms" / "月报.toml").read_text(encoding="utf-8")
        assert 'unit = "cm"' in text
        assert 'less_stable = "较差"' in text  # the word of the form's own list
        assert (home / "forms" / "月报.xlsx").read_bytes() == form.read_bytes()
        again = ran(home, form, "--draft", "月报")
        assert again.status == 2
        assert "已经有了" in again.err
        assert ran(home, "月报", "--to", tmp_path / "月报.xlsx").status == 0
    finally:
        for ending in ("toml", "xlsx"):
            (home / "forms" / f"月报.{ending}").unlink(missing_ok=True)


def test_a_sheet_whose_headers_nobody_knows_is_not_drafted(home, tmp_path):
    book = Workbook()
    book.active.append(["甲", "乙"])
    book.save(tmp_path / "空.xlsx")
    done = ran(home, tmp_path / "空.xlsx", "--draft", "空")
    assert done.status == 2
    assert "认不出哪一行是表头" in done.err
    assert not (home / "forms" / "空.toml").exists()


def test_what_is_said_of_a_filled_form_is_said_in_english_too(home, tmp_path, monkeypatch):
    monkeypatch.setattr("riskmap.cli.forms.LANG", "en")
    monkeypatch.setattr("riskmap.cli.common.LANG", "en")
    done = ran(home, "slopes_quarterly", "--to", tmp_path / "a.xlsx")
    assert "records on sheet 季报表" in done.out
    assert "read back and compared" in done.out
