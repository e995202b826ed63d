"""Totals of tables: what adds up, what the other lines prove wrong, and what no total can be told of."""

from __future__ import annotations

import pytest

from riskmap.reports.checking import check
from riskmap.values.report_check import CheckedReport, Passage

BY_STREET = """
街道     | 风险点 | 重大 | 较大 | 一般 | 低
桂园街道 | 410    | 0    | 2    | 40   | 368
东门街道 | 305    | 0    | 1    | 28   | 276
南湖街道 | 285    | 0    | 0    | 32   | 253
合计     | 1,000  | 0    | 3    | 100  | 897
"""


def table(text: str) -> list[Passage]:
    """Return the passages of a table drawn with bars; a cell "<" is part of the one before it."""
    passages = []
    for row, line in enumerate(text.strip().split("\n"), 1):
        for column, cell in enumerate(line.split("|"), 1):
            if cell.strip() != "<":
                passages.append(Passage(cell.strip(), len(passages) + 1, 1, row, column))
    return passages


def checked(text: str) -> CheckedReport:
    return check(table(text))


def said(text: str) -> list[tuple[str, str, str]]:
    report = checked(text)
    return [(one.verdict, one.stated, one.expected) for one in report.statements if one.verdict != "agrees"]


def test_a_table_whose_totals_add_up_agrees_cell_by_cell():
    report = checked(BY_STREET)
    assert {one.verdict for one in report.statements} == {"agrees"}
    assert len(report.of("agrees")) == 5


@pytest.mark.parametrize(
    ("stands", "instead", "stated", "expected"),
    [
        ("| 100  | 897", "| 120  | 897", "120", "100"),
        ("32   | 253", "32   | 235", "897", "879"),
        ("1,000", "1,010", "1,010", "1,000"),
    ],
)
def test_a_cell_that_breaks_one_total_of_many_is_wrong_there(stands, instead, stated, expected):
    assert said(BY_STREET.replace(stands, instead)) == [("wrong", stated, expected)]


def test_the_finding_stands_at_the_total_and_spells_the_sum_out():
    (one,) = checked(BY_STREET.replace("| 100  |", "| 120  |")).of("wrong")
    assert one.kind == "total"
    assert one.why.zh == "40 + 28 + 32 = 100，表中 120，少 20"
    assert (one.place.row, one.text) == (5, "120")


def test_a_total_that_stands_first_is_one_of_what_stands_behind():
    text = "单位|检查|隐患\n合计|60|15\n甲|10|3\n乙|20|4\n丙|30|{}\n"
    assert said(text.format(8)) == []
    assert said(text.format(9)) == [("suspicious", "15", "16")]  # the other column alone does not prove it


def test_a_column_of_totals_is_proven_by_its_other_rows():
    text = "街道|重大|较大|一般|合计\n甲|1|2|30|33\n乙|0|4|50|54\n丙|2|1|20|{}\n"
    assert said(text.format(23)) == []
    assert said(text.format(32)) == [("wrong", "32", "23")]


def test_a_table_of_one_column_proves_nothing_and_is_suspicious():
    text = "项目|数量\n甲类|12\n乙类|30\n丙类|41\n合计|{}\n"
    assert said(text.format(83)) == []
    assert said(text.format(93)) == [("suspicious", "93", "83")]


def test_a_line_that_the_total_leaves_out_is_suspicious_not_wrong():
    text = "街道|点位|人口\n甲|10|5\n乙|20|6\n丙|30|7\n合计|{}|18\n"
    assert said(text.format(60)) == []
    assert said(text.format(30)) == [("suspicious", "30", "60")]


@pytest.mark.parametrize(
    "text",
    [
        "街道|发现|整改|整改率\n甲|10|5|50%\n乙|20|20|100%\n合计|30|25|83.3%\n",  # rates have no sum
        "序号|街道|数量\n1|甲|10\n2|乙|20\n3|丙|30\n合计|<|60\n",  # numbers of rows count nothing
        "类别|数量\n一、自然灾害|30\n其中：边坡|20\n二、事故灾难|40\n合计|70\n",  # parts of parts
        "街道|社区|数量\n甲|东|10\n<|西|20\n<|小计|30\n乙|南|5\n<|北|6\n<|小计|11\n合计|<|41\n",
        "项目|2024年|2025年|增减\n事故|26|18|-8\n死亡|9|7|-2\n",  # no total
        "街道|数量|金额（万元）\n甲|10|1.23\n乙|20|2.34\n丙|5|3.45\n合计|35|7.0\n",  # rounded
        "街道|户数|人数\n甲|10|—\n乙|20|30\n丙|5|10\n合计|35|40\n",  # none
        "月份|火灾|同比\n1月|10|-5%\n2月|12|3%\n合计|22|-1%\n",
        "指标|甲|乙|合计\n平均分|90|80|85\n最高分|99|98|99\n",  # what no total is a sum of
        "合计\n",
        "|\n|\n",
    ],
)
def test_what_is_no_sum_is_not_taken_for_one(text):
    assert said(text) == [] or {one for one, _, _ in said(text)} == {"unjudged"}


def test_heads_of_two_rows_are_read_over_the_columns_that_they_span():
    text = "街道|风险点|<|<|<\n<|重大|较大|一般|合计\n甲|1|2|30|33\n乙|0|4|50|54\n丙|2|1|20|32\n合计|3|7|100|119\n"
    assert ("suspicious", "32", "23") in said(
        text
    )  # it is in the total of its column, too: either may be meant


def test_a_table_of_thousands_of_rows_is_added_up_as_it_is_long():
    rows = "".join(f"第{n}村|{n % 97}|{n % 89}|{n % 7}\n" for n in range(6000))
    sums = [sum(n % of for n in range(6000)) for of in (97, 89, 7)]
    text = f"村|甲|乙|丙\n{rows}合计|{sums[0]}|{sums[1]}|{sums[2] + 100}\n"
    assert said(text) == [("wrong", str(sums[2] + 100), f"{sums[2]:,}")]


def test_two_tables_are_not_mixed():
    first = table("街道|数量|户数\n甲|10|1\n乙|20|2\n合计|30|3\n")
    second = [
        Passage(one.text, one.paragraph + 20, 2, one.row, one.column)
        for one in table("街道|数量\n丙|1\n丁|2\n合计|3\n")
    ]
    assert not [one for one in check([*first, *second]).statements if one.verdict != "agrees"]
