"""What the numbers of a report say of one another: worked by hand, each sentence made up for the test."""

from __future__ import annotations

from decimal import Decimal

import pytest

from riskmap.reports.checking import check
from riskmap.values.report_check import CheckedReport, KnownFigure, Passage, Tag
from tests.report_sentences import RIGHT, SUSPICIOUS, TRAPS, UNJUDGED, WRONG
from tests.whole_reports import CHANGED, REPORTS


def checked(text: str, **more) -> CheckedReport:
    return check([Passage(line, i) for i, line in enumerate(text.split("\n"), 1)], **more)


def verdicts(text: str, kind: str) -> list[str]:
    return [one.verdict for one in checked(text).statements if one.kind == kind]


@pytest.mark.parametrize("text", RIGHT)
def test_nothing_that_is_right_is_called_wrong_or_suspicious(text):
    report = checked(text)
    assert not report.of("wrong")
    assert not report.of("suspicious")


def test_most_of_what_is_right_is_seen_to_agree():
    assert sum(bool(checked(text).of("agrees")) for text in RIGHT) >= 40


@pytest.mark.parametrize("text", TRAPS)
def test_nothing_that_is_easily_misread_is_called_wrong(text):
    assert not checked(text).of("wrong")


@pytest.mark.parametrize(("text", "kind"), WRONG)
def test_a_planted_fault_is_proven_and_nothing_else_is_said(text, kind):
    report = checked(text)
    assert [one.kind for one in report.of("wrong")] == [kind]
    assert not report.of("suspicious")


@pytest.mark.parametrize(("text", "kind"), SUSPICIOUS)
def test_what_text_cannot_prove_is_suspicious_and_no_more(text, kind):
    report = checked(text)
    assert kind in {one.kind for one in report.of("suspicious")}
    assert not report.of("wrong")


@pytest.mark.parametrize("text", UNJUDGED)
def test_what_has_nothing_to_be_held_against_is_listed_as_not_judged(text):
    report = checked(text)
    assert report.of("unjudged")
    assert not report.of("wrong")
    assert not report.of("suspicious")


@pytest.mark.parametrize("text", REPORTS.values(), ids=REPORTS)
def test_a_whole_report_that_is_right_raises_no_doubt(text):
    report = checked(text)
    assert not report.of("wrong")
    assert not report.of("suspicious")
    assert report.of("agrees")


@pytest.mark.parametrize(("name", "stands", "instead"), CHANGED)
def test_a_number_that_is_changed_in_a_whole_report_is_found(name, stands, instead):
    assert REPORTS[name].count(stands) == 1
    report = checked(REPORTS[name].replace(stands, instead))
    assert [*report.of("wrong"), *report.of("suspicious")]


# Values worked by hand


@pytest.mark.parametrize(
    ("text", "kind", "verdict", "expected"),
    [
        ("风险点42,336个，其中重大0个、较大8个、一般2,876个、低风险39,404个。", "parts", "wrong", "42,288"),
        ("风险点42,288个，其中重大0个、较大8个、一般2,876个、低风险39,404个。", "parts", "agrees", "42,288"),
        ("发现隐患200处，整改198处，3处正在整改。", "state", "wrong", "201"),
        ("发现隐患16,834处，已整改12,341处，整改率83.31%。", "rate", "wrong", "73.31%"),
        ("发现隐患16,834处，已整改12,341处，整改率73.31%。", "rate", "agrees", "73.31%"),
        ("发现隐患16,834处，已整改12,341处，整改率73.3%。", "rate", "agrees", "73.31%"),
        ("发现隐患351处，已整改349处，整改率100%。", "rate", "wrong", "99.43%"),
        ("事故18起，去年同期26起，同比下降25%。", "change", "wrong", "-30.8%"),
        ("事故18起，去年同期26起，同比下降31%。", "change", "agrees", "-30.8%"),
        ("事故18起，去年同期26起，同比下降30.7%。", "change", "agrees", "-30.8%"),
        ("事故18起，去年同期26起，同比下降30.8%。", "change", "agrees", "-30.8%"),
        ("事故37起，同比减少8起，下降27.8%。", "change", "wrong", "-17.8%"),
        ("接警332起（去年368起），同比上升9.78%。", "change", "wrong", "-9.78%"),
        ("储备1.25万件，其中区级6,500件、街道4,000件、社区3,000件、其他500件。", "parts", "wrong", "14,000"),
        ("储备1.40万件，其中区级6,500件、街道4,000件、社区3,000件、其他500件。", "parts", "agrees", "14,000"),
        ("会议二十一次，其中区级会议十五次、街道会议七次。", "parts", "wrong", "22"),
        ("投入1.2亿元，其中区级5,000万元、街道9,000万元。", "parts", "wrong", "140,000,000"),
        ("火警54起，其中成灾4起，成灾率47‰。", "rate", "wrong", "74.07‰"),
        ("火警54起，其中成灾4起，成灾率74‰。", "rate", "agrees", "74.07‰"),
        ("参与率由93%提高到97%，提高5个百分点。", "change", "suspicious", "+4个百分点"),
        ("排查近3,000处，已整改2,931处，整改率97.7%。", "rate", "unjudged", "97.7%"),
        ("死亡人数同比下降150%。", "change", "wrong", "≤ 100%"),
    ],
)
def test_a_statement_is_judged_and_what_it_should_be_is_said(text, kind, verdict, expected):
    found = [(one.verdict, one.expected) for one in checked(text).statements if one.kind == kind]
    assert found == [(verdict, expected)]


def test_the_arithmetic_is_spelt_out_in_both_languages():
    text = "全区风险点42,336个，其中重大0个、较大8个、一般2,876个、低风险39,404个。"
    (one,) = checked(text).of("wrong")
    assert one.why.zh == "0 + 8 + 2,876 + 39,404 = 42,288，文中 42,336，少 48"
    assert one.why.en == "0 + 8 + 2,876 + 39,404 = 42,288, stated 42,336, 48 less"


def test_two_percentages_of_one_pair_are_told_apart():
    text = "2024年事故18起，2023年事故26起，同比下降31%。全年事故起数由26起降至18起，下降25%。"
    assert verdicts(text, "change") == ["agrees", "wrong"]


# Classes of mistakes that a reader of such texts makes


@pytest.mark.parametrize(
    ("text", "kind", "verdict"),
    [
        # 1 brackets inside a bracketed list
        ("受理案件12起（电气5起、其他（吸烟）7起）。", "parts", "agrees"),
        # 4 其中 whose total stands two sentences back
        ("在册隐患点94处。涉及13个镇街。其中中型1处，小型93处。", "parts", None),
        # 5 a list with several units that sums over all of them
        ("检查单位111家，其中学校52家、景区4家、医院55家。", "parts", "agrees"),
        # 9 an average is no whole number of last year
        ("事故18起，与近三年均值相比下降7.3%。", "integer", None),
        # 14 家 and 家次 are two units
        ("检查企业4,847家次，其中重点企业5,200家。", "parts", None),
        # 15 parts that overlap
        ("受损边坡104处，其中7处监测、38处治理、19处历史遗留。", "parts", "unjudged"),
        # 17 a share of a yearly target
        ("完成投资1.2亿元，占年度计划的85%；其中区级8,000万元，占90%。", "share", "unjudged"),
        # 18 what is done must be what was found
        ("排查重大隐患9项，督促整改一般隐患4,630项。", "state", None),
        # 20 two years, two things
        ("2024年新增企业120家，2023年关闭企业80家，同比增长20%。", "change", None),
    ],
)
def test_a_known_class_of_misreading_does_not_happen(text, kind, verdict):
    assert verdicts(text, kind) == ([] if verdict is None else [verdict] * len(verdicts(text, kind)))
    assert verdict is None or verdicts(text, kind)
    assert not checked(text).of("wrong")


@pytest.mark.parametrize(
    "text",
    [
        "全年减少事故45起、35人和4人，其中道路20起、18人。",  # 2 a change carries along its list
        "威胁100人以上500人以下中型隐患1处，100人以下小型隐患93处。",  # 3 limits are no counts
        "火灾54起，火灾发生率为2.3%，受害率0.1%。",  # 6 rates of another denominator
        "事故18起，去年22起，比去年减少4起，下降18.2%。",  # 7 last year's number is the nearer one
        "事故8起、死亡6人，同比下降11.1%、14.3%。",  # 8 percentages in the order of the counts
        "火灾39.1万起、亡645人，占总数的59.1%和48.7%。",  # 10 shares of two totals
        "在册风险点20个（经核查，2个已消除），其中重大0个、较大2个、一般8个、低风险10个。",  # 11 a remark inside
        "发现隐患351处，已整改349处，均已达到序时要求，整改率100%。",  # 12 as far as it was due
        "一月自查整改率35.21%，二月自查整改率50.92%。",  # 13 another month
        "道路事故12起，其中较大1起；火灾5起；其他事故3起。",  # 16 其中 inside one item of a list
        "全年检查40次，其中市级12次、街道检查30次。",  # 19 one inspection of two levels
    ],
)
def test_a_known_class_of_misreading_is_never_called_wrong(text):
    assert not checked(text).of("wrong")


# One name, and figures of the ledger


def test_a_name_of_four_letters_is_a_name():
    (one,) = checked("全区巡查完成率35.21%。\n会议室改造。\n目前，巡查完成率达50.92%。").of("wrong")
    assert (one.kind, one.stated, one.expected, one.place.paragraph) == ("name", "50.92%", "35.21%", 3)


@pytest.mark.parametrize(
    "text",
    [
        "隐患整改率95%。\n隐患整改率98%。",
        "东门街道巡查完成率35.21%。\n南湖街道巡查完成率50.92%。",
        "上半年巡查完成率35.21%。\n全年巡查完成率50.92%。",
        "巡查完成率由35.21%提高到50.92%。\n全年巡查完成率50.92%。",
    ],
)
def test_a_general_name_another_place_and_another_time_are_never_wrong(text):
    assert not checked(text).of("wrong")


_TOTAL = KnownFigure(
    "points.total", "风险点", Decimal(42336), "个", names=("风险点", "风险点位"), as_of="2024-12-31"
)


def test_a_number_with_the_name_of_a_figure_is_held_against_the_ledger():
    (same,) = checked("在册风险点42,336处。", figures=[_TOTAL]).statements
    assert (same.verdict, same.kind, same.figure) == ("agrees", "figure", "points.total")
    (other,) = checked("在册风险点42,288处。", figures=[_TOTAL]).statements
    assert (other.verdict, other.expected) == ("suspicious", "42,336个")
    assert "2024-12-31" in other.why.zh


@pytest.mark.parametrize(
    "text",
    [
        "巡查风险点42,288处。",
        "新增风险点13个。",
        "整治42,288处风险点。",
        "重点风险点120个。",
        "风险点长度3公里。",
    ],
)
def test_what_is_only_a_part_of_what_a_figure_counts_is_not_held_against_it(text):
    assert not [one for one in checked(text, figures=[_TOTAL]).statements if one.kind == "figure"]


@pytest.mark.parametrize(
    "text",
    ["全区现有42,336个风险点。", "截至目前，共登记风险点42,336个。", "我区风险点总数为42,336个。"],
)
def test_the_whole_is_called_by_its_name_in_several_ways(text):
    (one,) = [one for one in checked(text, figures=[_TOTAL]).statements if one.kind == "figure"]
    assert one.verdict == "agrees"


def test_a_number_that_a_content_control_binds_is_wrong_when_it_was_changed_by_hand():
    figure = KnownFigure("hazards.found", "排查隐患", Decimal(200), "处", period="2024")
    passage = Passage("共排查隐患201处。", 1, tags=(Tag(5, 8, "hazards.found@2024"),))
    (one,) = check([passage], figures=[figure]).statements
    assert (one.verdict, one.kind, one.figure, one.text) == (
        "wrong",
        "figure",
        "hazards.found",
        "共排查隐患201处",
    )
    unknown = Passage("共排查隐患201处。", 1, tags=(Tag(5, 8, "hazards.found@2023"),))
    assert not check([unknown], figures=[figure]).statements


def test_streets_of_the_district_do_not_overlap_and_are_all_of_it():
    text = "全区风险点100个，其中东门30个、南湖40个、桂园31个。"
    assert [one.verdict for one in checked(text, places=["东门", "南湖", "桂园"]).statements] == ["wrong"]
    less = "全区风险点100个，其中东门30个、南湖40个、桂园20个。"
    assert [one.verdict for one in checked(less, places=["东门", "南湖", "桂园"]).statements] == ["wrong"]
    assert [one.verdict for one in checked(less, places=["东门", "南湖", "桂园", "黄贝"]).statements] == [
        "suspicious"
    ]


# What is handed on


def test_a_statement_says_where_it_stands():
    lines = [Passage("序言。", 1), Passage("  排查出隐患24处， 已整改26处。", 7, table=2, row=3)]
    (one,) = check(lines).of("wrong")
    document = one.as_json("zh")
    place = document["place"]
    assert place == {"paragraph": 7, "table": 2, "row": 3, "from": 2, "to": 18}
    assert one.text == "排查出隐患24处， 已整改26处" == lines[1].text[2:18]
    assert (document["agrees"], document["verdict"]) == (False, "wrong")


def test_the_document_counts_only_what_is_wrong_as_disagreeing():
    text = "发现隐患24处，已整改26处。\n事故7起，同比下降45%。\n火灾起数下降12%。\n共2起（2=1+1）。"
    document = checked(text).as_json("报告.docx")
    assert [document[key] for key in ("file", "disagree", "suspicious", "unjudged")] == ["报告.docx", 1, 1, 1]
    assert document["numbers"] == 6
    assert [one["agrees"] for one in document["statements"]] == [False, None, None, True]


def test_the_digest_of_a_statement_is_that_of_its_words_wherever_it_stands():
    first, second = checked("发现隐患24处，已整改26处。\n前言\n发现隐患24处，已整改 26处。").of("wrong")
    assert first.digest == second.digest
    (other,) = checked("发现隐患24处，已整改27处。").of("wrong")
    assert other.digest != first.digest
