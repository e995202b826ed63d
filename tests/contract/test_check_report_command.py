"""`riskmap check-report`: one document, and a status that says whether something is wrong."""

from __future__ import annotations

import docx
import pytest

from riskmap.actions.records.editing import create_point
from riskmap.actions.workspace import create_workspace
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap

WRONG = "全区风险点42,336个，其中重大0个、较大8个、一般2,876个、低风险39,404个。"
FINE = "排查隐患200处，完成整改198处，2处正在整改。"
DOUBTED = "道路交通事故7起，同比下降45%。"
KEYS = {"text", "kind", "stated", "expected", "agrees", "verdict", "why", "place", "figure"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RISKMAP_WORKSPACE", raising=False)
    return tmp_path


def text(folder, *lines):
    (folder / "报告.txt").write_text("\n".join(lines), encoding="utf-8")
    return "报告.txt"


def test_what_is_wrong_leaves_status_1_and_is_in_the_document(here):
    ran = riskmap("check-report", text(here, FINE, "", WRONG, DOUBTED), "--json")
    assert ran.status == 1, ran.err
    document = ran.json
    assert list(document) == ["file", "numbers", "statements", "disagree", "suspicious", "unjudged"]
    assert (document["file"], document["numbers"]) == ("报告.txt", 10)
    assert (document["disagree"], document["suspicious"], document["unjudged"]) == (1, 1, 0)
    fine, wrong, doubted = document["statements"]
    assert set(fine) == set(wrong) == KEYS
    assert [one["agrees"] for one in (fine, wrong, doubted)] == [True, False, None]
    assert (wrong["kind"], wrong["stated"], wrong["expected"]) == ("parts", "42,336个", "42,288")
    assert wrong["place"] == {"paragraph": 3, "table": None, "row": None, "from": 0, "to": len(WRONG) - 1}


def test_what_is_only_suspicious_leaves_status_0(here):
    ran = riskmap("check-report", text(here, DOUBTED), "--json")
    assert (ran.status, ran.json["disagree"], ran.json["suspicious"]) == (0, 0, 1)


def test_a_word_document_is_read_and_a_person_reads_the_arithmetic(here):
    made = docx.Document()
    made.add_paragraph(WRONG)
    made.save("报告.docx")
    ran = riskmap("check-report", "报告.docx")
    assert ran.status == 1
    assert "0 + 8 + 2,876 + 39,404 = 42,288，文中 42,336，少 48" in ran.out
    assert "对不上 1 处" in ran.out


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdf", b"%PDF-1.7"), ("a.txt", b""), ("a.doc", bytes.fromhex("d0cf11e0a1b11ae1"))],
)
def test_what_cannot_be_read_leaves_status_2_and_says_so(here, name, content):
    (here / name).write_bytes(content)
    ran = riskmap("check-report", name, "--json")
    assert ran.status == 2
    assert name in ran.json["error"]["message"]
    assert ran.json["error"]["remedy"]


def test_a_workspace_that_is_named_must_be_one(here):
    ran = riskmap("check-report", text(here, FINE), "--workspace", here / "nowhere")
    assert ran.status == 2


def test_the_streets_of_the_workspace_are_known(here, tmp_path):
    home = tmp_path / "区"
    assert riskmap("init", home, "--demo", "--points", "400").status == 0
    found = riskmap("streets", "--json", "--workspace", home).json["streets"]
    names = [one["name"] for one in found]
    listed = "、".join(f"{name}{i + 1}个" for i, name in enumerate(names))
    total = sum(range(1, len(names) + 1)) + 1
    line = f"全区风险点{total}个，其中{listed}。"
    assert riskmap("check-report", text(here, line), "--json", "--workspace", home).json["disagree"] == 1
    assert riskmap("check-report", text(here, line), "--json").json["disagree"] == 0


def test_in_a_workspace_numbers_are_held_against_its_figures_and_what_happened_only_in_a_stated_period(here):
    ws = create_workspace(here / "ws")
    who = {"by": local_actor("测试员"), "why": "测试"}
    for code in "ABC":
        create_point(ws, "slopes", code, values={"name": code}, **who)
    file = text(here, "全区边坡3处，风险点1个。")
    alone = riskmap("check-report", file, "--json")
    assert alone.json["statements"] == []
    ran = riskmap("check-report", file, "--workspace", ws.root, "--json")
    said = {one["stated"]: (one["verdict"], one["expected"], one["figure"]) for one in ran.json["statements"]}
    assert ran.status == 0
    assert said == {
        "3处": ("agrees", "3处", "slopes.all"),
        "1个": ("suspicious", "0个", "points.points"),
    }
    refused = riskmap("check-report", file, "--period", "2026", "--json")
    assert refused.status == 2
