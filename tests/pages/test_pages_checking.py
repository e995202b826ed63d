"""The page that checks a report: marks, arithmetic, what a person found right; nothing of the text is markup."""

from __future__ import annotations

import json
import stat

import pytest

from riskmap.actions.report_checking import confirmed
from riskmap.actions.workspace import open_workspace
from riskmap.reports.checking import check
from riskmap.values.report_check import Passage
from tests.pages_running import html, open_page, use_workspace
from tests.register_workspace import register_workspace
from tests.rooms.test_hostile_texts import HOSTILE

WRONG = "全区老旧点42,336个，其中重大0个、较大8个、一般2,876个、低风险39,404个。"
DOUBTED = "道路交通事故7起，同比下降45%。"
FINE = "排查隐患200处，完成整改198处，2处正在整改。"


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = register_workspace(tmp_path / "w")
    use_workspace(monkeypatch, home)
    return home


def press(at, label):
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, at.exception


def checked(text, **query):
    at = open_page("checking", **query)
    at.text_area[0].set_value(text)
    press(at, "核对")
    return at


def test_the_text_is_shown_with_its_marks_and_the_arithmetic(home):
    at = checked(f"{WRONG}\n{FINE}\n{DOUBTED}")
    shown = html(at)
    assert f'<sup>✗1</sup><mark class="rm-said-wrong">{WRONG[:-1]}</mark>。' in shown
    assert '<sup>?2</sup><mark class="rm-said-suspicious">' in shown
    assert '<mark class="rm-said-agrees">' in shown
    assert "0 + 8 + 2,876 + 39,404 = 42,288，文中 42,336，少 48" in shown
    assert any("对不上 1 处，存疑 1 处，相符 1 处" in one.value.replace("\\", "") for one in at.warning)


def test_nothing_of_a_hostile_text_is_markup(home):
    text = "\n".join(f"{hostile} {WRONG} {hostile}" for hostile in HOSTILE if len(hostile) < 1000)
    shown = said(checked(text))
    for evil in ("<img", "<script", "onerror=alert(1)>"):
        assert evil not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_a_table_of_a_document_is_shown_as_a_table_with_its_marks_in_the_cells(home):
    rows = (
        ("街道", "发现", "", "整改"),
        ("甲", "10", "8", "<b>7"),
        ("乙", "20", "9", "8"),
        ("合计", "30", "17", "15"),
    )
    cells = [(i, j, cell) for i, row in enumerate(rows, 1) for j, cell in enumerate(row, 1) if cell]
    passages = [Passage(cell, n, 1, i, j) for n, (i, j, cell) in enumerate(cells, 1)]
    at = open_page("checking")
    at.session_state["checking-found"] = ("表.docx", check(passages))
    shown = said(at.run())
    assert '<td colspan="2">发现</td><td colspan="1">整改</td></tr>' in shown
    assert '<td colspan="1"><mark class="rm-said-agrees">30</mark></td>' in shown
    assert '<td colspan="1">&lt;b&gt;7</td>' in shown


def test_without_a_text_nothing_is_checked(home):
    at = open_page("checking")
    press(at, "核对")
    assert [one.value for one in at.warning] == ["请粘贴文字，或上传一个文件。"]


def said(at):
    """Return what the page shows of the text, and its list."""
    return html(at).partition('<div class="rm-said" data-field="text">')[2].partition("<style")[0]


def sign(at, by, why):
    for one in at.text_input:
        if str(one.key) == "checking-sign-by":
            one.set_value(by)
        if str(one.key) == "checking-sign-why":
            one.set_value(why)


def test_what_a_person_found_right_is_kept_with_name_reason_and_day_and_can_be_taken_back(home):
    at = checked(DOUBTED)
    press(at, "确认无误")
    assert not (home / "data" / "checked_statements.jsonl").exists(), "nobody has signed"
    sign(at, "甲", "上年为 12.7 起的均值")
    press(at, "确认无误")
    file = home / "data" / "checked_statements.jsonl"
    (line,) = [json.loads(one) for one in file.read_text(encoding="utf-8").splitlines()]
    assert (line["by"], line["why"], line["right"]) == ("甲", "上年为 12.7 起的均值", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "已确认无误：上年为 12.7 起的均值（甲" in html(at)
    assert "rm-said-suspicious" not in said(at)
    sign(at, "甲", "看错了")
    press(at, "收回确认")
    assert not confirmed(open_workspace(home))
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2, "lines are added, none is changed"


def test_a_damaged_line_takes_no_other_with_it(home):
    at = checked(DOUBTED)
    sign(at, "甲", "核过")
    press(at, "确认无误")
    file = home / "data" / "checked_statements.jsonl"
    file.write_text("{broken\n[]\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert [one.why for one in confirmed(open_workspace(home)).values()] == ["核过"]


def test_the_page_speaks_english(home):
    at = open_page("checking", lang="en")
    assert not at.exception
