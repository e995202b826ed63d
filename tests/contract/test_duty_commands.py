"""The commands of a duty over a small workspace: log, events, callout, after; contacts masked and recorded."""

from __future__ import annotations

import json
import re

import docx
import openpyxl
import pytest
from docx.oxml.ns import qn
from pypdf import PdfReader

from riskmap.actions.episode.duty import callout_view, find_scenario, overdue, review_of
from riskmap.actions.episode.events import Entry, log_event
from riskmap.actions.reports import export_after_report, export_callout
from riskmap.actions.workspace import open_workspace
from riskmap.cli.duty_documents import callout_json, event_json
from riskmap.errors import ExportError, RiskmapError, UnknownNameError
from riskmap.io.writers import paper_pdf, write_paper
from riskmap.io.writers.paper import Paper
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import local_actor
from riskmap.vocabulary import TIERS
from tests import cli
from tests.duty_workspace import ACTS, AT, ESCALATIONS, WHO, copied, duty_workspace, hours, minutes

PERSON = ("--by", "值班员", "--why", "测试")


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A workspace with a real scenario (1), a drill (2) and two of one title (3, 4); not to be written to."""
    ws = duty_workspace(tmp_path_factory.mktemp("duty") / "ws")
    given = {"body": {"track": "t.csv"}, "at": AT, "by": "值班员", "why": "测试"}
    ws.ledger.open_scenario(title="苏拉", drill=False, escalations=ESCALATIONS, **given)
    ws.ledger.open_scenario(title="演练", drill=True, escalations=ESCALATIONS, **given)
    for _ in range(2):
        ws.ledger.open_scenario(title="暴雨", drill=False, escalations=[], **given)
    return ws


@pytest.fixture
def ws(ready, tmp_path):
    """A copy of it to write to."""
    return copied(ready, tmp_path / "ws")


def run(ws, *words):
    return cli.riskmap(*words, "--workspace", ws.root)


def logged(ws, kind, at=0, **entry):
    """Write one line of the log of 苏拉 without the detour over the command line."""
    return event_json(log_event(ws, "苏拉", Entry(kind, at=minutes(at), **entry), **ACTS))


def called(ws, now=0, **more):
    return callout_json(callout_view(ws, 1, now=minutes(now), **more))


def states(document):
    return {r["code"]: r["state"] for g in document["callout"] for r in g["records"]}


def test_a_callout_is_ranked_masked_and_says_what_is_missing(ready):
    document = called(ready)
    assert [(g["subdistrict"], [r["code"] for r in g["records"]]) for g in document["callout"]] == [
        ("桂园街道", ["BP1", "NL1"]),
        ("黄贝街道", ["BP3", "BP2"]),
    ]
    assert (document["count"], document["masked"], document["minutes"]) == (4, True, 15)
    first = document["callout"][0]["records"][0]
    assert (first["from"], first["to"], first["start"]) == ("low", "major", "2023-09-07T14:00:00+00:00")
    assert [(c["number"], c["role"], c["name"], c["phone"]) for c in first["contacts"]] == [
        (1, "prevention", "李*", "139****0001"),
        (2, "monitoring", "张*", "139****0002"),
        (3, "leader", "王*", "139****0003"),
    ]
    assert [m["kind"] for m in first["missing"]] == ["verification_expired"]
    assert document["missing"]["no_contacts"] == 1
    assert "13900000001" not in json.dumps(document)


def test_unmasked_contacts_are_shown_only_after_it_is_on_record(ws):
    document = called(ws, unmasked=True, **ACTS)
    assert document["callout"][0]["records"][0]["contacts"][0]["phone"] == "13900000001"
    (noted,) = ws.ledger.exports()
    assert (noted.who, noted.unmasked) == ("值班员", True)
    assert "苏拉" in noted.what
    with pytest.raises(RiskmapError):
        callout_view(ws, 1, unmasked=True, by=local_actor(""), why="x")


def test_the_clock_moves_to_the_next_contact_with_no_page_open(ws):
    made = logged(ws, "call", record="slopes:BP1", at=1)
    assert made["body"] == {"contact": 1, "role": "prevention", "name": "李*"}
    assert made["subdistrict"] == "桂园街道"
    assert states(called(ws, 10))["BP1"]["status"] == "called"
    late = called(ws, 16)
    assert (states(late)["BP1"]["status"], states(late)["BP1"]["next"]) == ("overdue", 2)
    assert late["overdue"] == ["slopes:BP1", "waterlogging:NL1", "slopes:BP3", "slopes:BP2"]
    assert logged(ws, "call", record="slopes:BP1", at=17)["body"]["contact"] == 2
    logged(ws, "acknowledgement", record="slopes:BP1", at=20)
    answered = states(called(ws, 60))["BP1"]
    assert (answered["status"], answered["contact"], answered["after_minutes"]) == ("answered", 2, 19)
    assert states(called(ws, 60, minutes=90))["NL1"]["overdue"] is False


def test_a_wrong_entry_is_taken_back_and_stays_readable(ws):
    logged(ws, "call", record="slopes:BP1", at=1)
    wrong = logged(ws, "acknowledgement", record="slopes:BP1", at=2)
    logged(ws, "correction", corrects=wrong["event"], text="记错点位", at=3)
    assert states(called(ws, 5))["BP1"]["status"] == "called"
    found = ws.ledger.events(1)
    assert [e.kind for e in found] == ["call", "acknowledgement", "correction"]
    assert len(run(ws, "events", "1", "--until", minutes(2).isoformat(), "--json").json["events"]) == 2


@pytest.mark.parametrize(
    ("kind", "entry", "expected"),
    [
        ("call", {}, "record"),
        ("call", {"record": "slopes"}, "slopes:BP0012"),
        ("call", {"record": "slopes:NOPE"}, "NOPE"),
        ("call", {"record": "shelters:BN1"}, "叫应单"),
        ("call", {"record": "slopes:BP3"}, "没有可叫应"),
        ("call", {"record": "slopes:BP1", "contact": 9}, "第 9 位"),
        ("cal", {"record": "slopes:BP1"}, "call"),
        ("warning", {}, "signal"),
        ("warning", {"signal": "暴雨:紫色"}, "颜色"),
        ("response", {}, "level"),
        ("response", {"level": "V"}, "IV"),
        ("moved", {}, "people"),
        ("moved", {"people": -1}, "people"),
        ("correction", {}, "corrects"),
        ("correction", {"corrects": 77}, "77"),
        ("new_spot", {"text": " "}, "text"),
        ("opening", {}, "record"),
        ("message", {"text": "x"}, "riskmap message"),
        ("note", {"text": "x", "at": hours(9_000_000)}, "还没有到"),
    ],
)
def test_an_entry_that_lacks_something_is_refused_with_the_remedy(ready, kind, entry, expected):
    with pytest.raises(RiskmapError, match=re.escape(expected)):
        log_event(ready, 1, Entry(kind, **entry), **ACTS)
    assert ready.ledger.events(1) == []


def test_the_log_takes_what_a_person_types(ws):
    typed = ("--signal", "暴雨:橙色@桂园街道,黄贝街道", "--at", "2023-09-07T16:30", *PERSON)
    made = run(ws, "log", "苏拉", "warning", *typed, "--json").json
    assert made["body"] == {
        "hazard": "rainstorm",
        "colour": "orange",
        "subdistricts": ["桂园街道", "黄贝街道"],
    }
    assert (made["at"], made["who"], made["why"]) == ("2023-09-07T08:30:00+00:00", "值班员", "测试")
    assert run(ws, "log", "苏拉", "response", "--level", "II", "--answers", "x").status == 2
    assert "启动应急响应" in run(ws, "log", "苏拉", "response", "--level", "II", "--answers", "1").out
    assert run(ws, "log", "苏拉", "note", "--text", "x", "--at", "2023-09-07").status == 2
    assert len(run(ws, "events", "苏拉", "--json").json["events"]) == 2
    assert run(ws, "callout", "苏拉", "--minutes", "5", "--json").json["minutes"] == 5


def test_a_drill_may_speak_of_what_is_to_come(ws):
    found = run(ws, "log", "演练", "note", "--text", "x", "--at", "2999-01-01T00:00", "--json")
    assert found.json["at"] == "2998-12-31T16:00:00+00:00"


def test_a_scenario_is_found_by_number_or_title_and_two_of_one_title_are_told_apart(ready):
    assert find_scenario(ready, "苏拉").id == find_scenario(ready, "1").id == 1
    with pytest.raises(UnknownNameError, match="3"):
        find_scenario(ready, "暴雨")
    with pytest.raises(UnknownNameError, match="苏拉"):
        find_scenario(ready, "海葵")
    listed = run(ready, "scenarios", "--json").json["scenarios"]
    assert [(s["id"], s["drill"]) for s in listed] == [(4, False), (3, False), (2, True), (1, False)]


def storm(ws):
    """Log a whole storm."""
    first = logged(ws, "warning", signal="暴雨:橙色@桂园街道", at=0)
    logged(ws, "response", level="Ⅲ级", answers=(first["event"],), at=3)
    logged(ws, "warning", signal="rainstorm:red", at=60)
    for code, layer, at in (("BP1", "slopes", 4), ("NL1", "waterlogging", 9)):
        logged(ws, "call", record=f"{layer}:{code}", at=1)
        logged(ws, "acknowledgement", record=f"{layer}:{code}", at=at)
    logged(ws, "moved", people=120, subdistrict="桂园街道", at=70)
    logged(ws, "moved", people=30, subdistrict="黄贝街道", at=80)
    logged(ws, "opening", record="shelters:BN1", at=50)
    logged(ws, "closure", record="shelters:BN1", at=500)
    logged(ws, "new_spot", text="新秀路口积水40厘米", subdistrict="黄贝街道", at=90)
    logged(ws, "action_done", record="slopes:BP1", text="已拉警戒线", at=95)


def test_the_figures_after_a_storm_come_from_the_log_and_agree(ws, tmp_path):
    storm(ws)
    report = tmp_path / "总结.docx"
    found = run(ws, "after", "苏拉", "--now", minutes(900).isoformat(), "--to", report, "--json")
    assert found.status == 0, found.err
    figures = found.json
    assert (figures["warnings"], figures["responses"], figures["tied"]) == (2, 1, 1)
    assert len(figures["unmatched_warnings"]) == 1
    assert figures["moved"] == {"people": 150, "subdistricts": {"桂园街道": 120, "黄贝街道": 30}}
    assert [s["name"] for s in figures["shelters"]] == ["体育馆"]
    ack = figures["acknowledgement"]
    assert (ack["records"], ack["answered"], ack["median_minutes"], ack["p90_minutes"]) == (4, 2, 5.5, 8)
    assert {a["code"] for a in ack["never_answered"]} == {"BP2", "BP3"}
    assert (figures["adds_up"], figures["actions_done"], len(figures["new_spots"])) == (True, 1, 1)
    text = words(report)
    for part in (
        "发布预警 2 次，启动响应 1 次",
        "转移人员 150 人",
        "没有对应的响应",
        "体育馆",
        "新秀路口",
        "BP3",
        "III级",
    ):
        assert part in text
    assert "演习" not in text


def pages(path):
    """The text of every page of a PDF, without the blanks that a line break leaves."""
    return ["".join(page.extract_text().split()) for page in PdfReader(path).pages]


def test_a_report_as_pdf_says_what_the_one_for_word_says(ws, tmp_path):
    storm(ws)
    for name in ("总结.docx", "总结.pdf"):
        assert (
            run(ws, "after", "苏拉", "--now", minutes(900).isoformat(), "--to", tmp_path / name).status == 0
        )
    printed = "".join(pages(tmp_path / "总结.pdf"))
    lines = {"".join(line.split()) for line in words(tmp_path / "总结.docx").splitlines()}
    assert [line for line in lines if line not in printed] == []
    view = callout_view(ws, 1, now=minutes(30))
    assert [f["format"] for f in export_callout(view, tmp_path / "简报.pdf")] == ["pdf"]
    assert len(pages(tmp_path / "简报.pdf")) == 1


def test_no_page_of_a_pdf_goes_without_its_mark_nor_a_table_without_its_header(tmp_path):
    paper = Paper(title="总结", author="", marks=("演习",))
    paper.table(["街道", "点位"], [["桂园街道", f"边坡{i}"] for i in range(150)])
    assert write_paper(paper, tmp_path / "a.pdf") == "pdf"
    found = pages(tmp_path / "a.pdf")
    assert len(found) > 2
    assert all("演习" in page and "街道点位" in page for page in found)
    assert [i for i in range(150) if not any(f"边坡{i}" in page for page in found)] == []


def test_texts_are_no_markup_of_a_pdf(tmp_path):
    hostile = "#panic() $x^2$ *粗* _斜_ <标> @引 \\ `码` [x] // 注 \x07"
    paper = Paper(title=hostile, author=hostile, marks=(hostile,))
    paper.heading(hostile)
    paper.text(hostile)
    paper.bullets([hostile])
    paper.table([hostile], [[hostile]])
    write_paper(paper, tmp_path / "a.pdf")
    (page,) = pages(tmp_path / "a.pdf")
    assert (
        page.count("#panic()$x^2$*粗*_斜_<标>@引") == 8
    )  # head, title, mark, heading, text, item, two cells


def test_a_pdf_without_chinese_letters_is_refused_and_nothing_is_written(ready, tmp_path, monkeypatch):
    monkeypatch.setattr(paper_pdf, "_installed", lambda: (None, frozenset({"Times New Roman"})))
    with pytest.raises(ExportError, match=r"字体.*\.docx"):
        export_after_report(review_of(ready, 1), tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def words(path):
    """All text of a Word file, its tables and its header."""
    document = docx.Document(str(path))
    cells = [c.text for table in document.tables for row in table.rows for c in row.cells]
    head = [p.text for section in document.sections for p in section.header.paragraphs]
    return "\n".join([p.text for p in document.paragraphs] + cells + head)


def test_every_style_of_a_report_names_a_chinese_font_and_no_theme(ready, tmp_path):
    export_after_report(review_of(ready, 1), tmp_path / "a.docx")
    styles = docx.Document(str(tmp_path / "a.docx")).styles
    for name, font in (("Normal", "宋体"), ("Title", "黑体"), ("Heading 1", "黑体")):
        fonts = styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == font
        assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_a_figure_that_is_missing_is_named_and_the_status_says_so(ws):
    logged(ws, "closure", text="从未开放的场所")
    assert run(ws, "after", "1", "--json").status == 1


def test_the_callout_prints_one_workbook_per_sub_district_with_boxes_to_tick(ws, tmp_path):
    storm(ws)
    folder = tmp_path / "叫应"
    folder.mkdir()
    view = callout_view(ws, 1, now=minutes(30))
    files = export_callout(view, folder)
    assert [(f["path"].rsplit("_", 1)[1], f["rows"]) for f in files] == [
        ("桂园街道.xlsx", 2),
        ("黄贝街道.xlsx", 2),
    ]
    sheet = openpyxl.load_workbook(files[0]["path"]).active
    cells = [str(c.value) for row in sheet.iter_rows() for c in row if c.value]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.print_title_rows == "$4:$4"
    assert any("李* 主任" in c for c in cells)
    assert "139****0001" in cells
    assert cells.count("☑") == 2
    assert any("脱敏" in c for c in cells)
    assert not any("演习" in c for c in cells)
    book = export_callout(view, tmp_path / "all.xlsx")
    assert book[0]["rows"] == 4
    assert openpyxl.load_workbook(tmp_path / "all.xlsx").sheetnames == ["桂园街道", "黄贝街道"]


def test_a_drill_and_made_up_data_are_marked_on_every_paper(ws, tmp_path):
    settings = ws.root / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace("demo = false", "demo = true"), "utf-8")
    marked = open_workspace(ws.root)
    view = callout_view(marked, "演练")
    for name in ("a.xlsx", "b.docx"):
        export_callout(view, tmp_path / name)
    export_after_report(review_of(marked, "演练"), tmp_path / "c.docx")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]
    for place in (
        sheet["A3"].value,
        sheet.oddHeader.center.text,
        words(tmp_path / "b.docx"),
        words(tmp_path / "c.docx"),
    ):
        assert "演习" in place
        assert "演示数据" in place


def test_hostile_names_stay_text_and_stay_in_their_folder(ws, tmp_path):
    hostile = "../../etc/=cmd|'<r>&\x07{x}</r>"
    seen = ws.ledger.features("slopes", codes=["BP1"]).version[0]
    ws.ledger.edit(
        "slopes",
        "BP1",
        seen=int(seen),
        changes=rules_of(ws.catalog.layer("slopes")).record({"name": hostile, "subdistrict": hostile}),
        **WHO,
    )
    ws.ledger.open_scenario(
        title=hostile, drill=False, body={}, at=AT, escalations=ESCALATIONS, by="x", why="x"
    )
    folder = tmp_path / "out"
    folder.mkdir()
    targets = (folder, folder / "a.xlsx", folder / "b.docx")
    assert run(ws, "callout", "5", *(w for target in targets for w in ("--to", target))).status == 0
    export_after_report(review_of(ws, 5), folder / "c.docx")
    assert len(list(folder.iterdir())) == 6  # three sub-districts, a, b, c
    assert {p.parent for p in tmp_path.rglob("*.xlsx")} == {folder}
    assert "&" in words(folder / "b.docx")
    for path in folder.glob("*.xlsx"):
        for sheet in openpyxl.load_workbook(path).worksheets:
            assert all(c.data_type != "f" for row in sheet.iter_rows() for c in row)


def test_a_file_of_another_kind_is_refused_before_anything_is_recorded(ws, tmp_path):
    found = run(ws, "callout", "1", "--to", tmp_path / "a.odt", "--contacts", *PERSON)
    assert found.status == 2
    assert ".docx" in found.err
    assert ws.ledger.exports() == []
    assert run(ws, "after", "1", "--to", tmp_path / "a.xlsx").status == 2


def test_the_callout_reads_well_without_json_too(ready):
    found = run(ready, "callout", "1", "--now", minutes(16).isoformat())
    assert "桂园街道（2）" in found.out
    assert "! 重大" in found.out
    assert "没有任何联系人" in found.out


def test_what_is_overdue_comes_in_the_order_of_calling(ready):
    view = callout_view(ready, 1, now=minutes(20))
    assert [line.code for line, _ in overdue(view)] == ["BP1", "NL1", "BP3", "BP2"]
    assert callout_json(view, "en")["callout"][0]["records"][0]["missing"][0]["text"].startswith("Monitoring")
    assert review_of(ready, 1, until=minutes(20)).adds_up


def test_plans_of_every_layer_say_what_to_do_in_every_phase(ready):
    for layer in ready.catalog.layers.values():
        assert layer.plan is not None, layer.id
        assert layer.plan.status == "draft"
        assert "本系统" in layer.plan.source
        phases = {a.phase for a in layer.plan.actions if "major" in a.tiers or not a.tiers}
        assert len(phases) == 6, layer.id
        assert all(set(a.tiers) <= set(TIERS) for a in layer.plan.actions)
