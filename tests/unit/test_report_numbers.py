"""Numbers of a paragraph: what each may be, what it counts, and what looks like a number and is none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from riskmap.reports.checking.numbers import Paragraph, han_number


def numbers(text: str) -> list[tuple[Fraction, str]]:
    return [(one.value, one.unit) for one in Paragraph(text).numbers]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("风险点42,336个", 42336, "个"),
        ("风险点４２，３３６个", 42336, "个"),
        ("风险点 42 336 个", 42336, "个"),
        ("投入1.2亿元", 120_000_000, "元"),
        ("投入1亿2,000万元", 120_000_000, "元"),
        ("出动3万5千人", 35_000, "人"),
        ("召开会议二十一次", 21, "次"),
        ("储备物资一万二千三百件", 12_300, "件"),
        ("整改两处", 2, "处"),
        ("演练一百零五场", 105, "场"),
        ("任务12名", 12, "人"),
        ("案件79宗", 79, "起"),
    ],
)
def test_a_number_is_read_however_it_is_written(text, value, unit):
    assert numbers(text) == [(value, unit)]


def test_a_percentage_in_words_is_one():
    assert numbers("整改率百分之七十三点三")[0][0] == Fraction("73.3")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("124.2万件", 1_241_500, 1_242_500),
        ("5,000万元", 49_995_000, 50_005_000),
        ("42,336个", 42_336, 42_336),
        ("12.5公里", Fraction("12.45"), Fraction("12.55")),
        ("73.31%", Fraction("73.305"), Fraction("73.315")),
        ("31%", Fraction("30.5"), Fraction("31.5")),
    ],
)
def test_a_number_is_what_its_printed_places_leave_open(text, low, high):
    (one,) = Paragraph(text).numbers
    assert (one.low, one.high, one.exact) == (low, high, True)


@pytest.mark.parametrize(
    "text", ["约300人", "近3,000处", "10余处", "20多人", "50人左右", "1.2万余项", "超过80家", "不少于6次"]
)
def test_a_number_that_says_about_is_not_exact(text):
    (one,) = Paragraph(text).numbers
    assert not one.exact


@pytest.mark.parametrize(
    "text",
    [
        "2024年11月29日24时",
        "1—9月",
        "2024年1月至2024年11月",
        "二〇二四年",
        "《2023年处置12起》",
        "“4·29”",
        "“1+25+10”方案",
        "1+25+10工作机制",
        "应急〔2024〕5号",
        "第三季度",
        "一是排查",
        "（一）基本情况",
        "附件3",
        "12345热线",
        "每日巡查2-3次",
        "每10万人",
        "三年行动",
        "GB 50016",
        "7×24小时",
        "3、4号楼",
        "3个清单"[1:],
        "1.严格落实",
        "2024-11-29",
    ],
)
def test_what_counts_nothing_is_no_number(text):
    assert numbers(text) == []


def test_a_list_of_bare_numbers_has_the_unit_at_its_end():
    assert numbers("分别为0、8、2,876、39,404个") == [(0, "个"), (8, "个"), (2876, "个"), (39404, "个")]


def test_labels_before_respectively_go_to_their_numbers_in_order():
    read = Paragraph("重大、较大、一般分别为1个、8个、20个").numbers
    assert [one.before for one in read] == ["重大", "较大", "一般"]


def test_a_second_number_behind_a_comma_of_lists_has_the_same_subject():
    assert [one.before for one in Paragraph("专业队13支、1,200人").numbers] == ["专业队", "专业队"]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("事故18起，去年同期26起", ["count", "before"]),
        ("同比减少45起、35人和4人", ["change", "change", "change"]),
        ("提高4个百分点，是去年的3倍，整改率95%", ["points", "times", "rate"]),
        ("威胁100人以上中型1处", ["limit", "count"]),
        ("比去年减少8起", ["change"]),
    ],
)
def test_a_number_has_the_part_that_the_words_before_it_give_it(text, roles):
    assert [one.role for one in Paragraph(text).numbers] == roles


@pytest.mark.parametrize(
    ("digits", "value"),
    [("十", 10), ("二十一", 21), ("一百零五", 105), ("三千二百", 3200), ("一万二千", 12000), ("十五", 15)],
)
def test_chinese_numerals_have_their_value(digits, value):
    assert han_number(digits) == value


@pytest.mark.parametrize("digits", ["三五", "七八", "二三"])
def test_chinese_numerals_that_say_about_are_none(digits):
    assert han_number(digits) is None


def test_a_place_in_the_plain_words_is_one_in_the_text_as_it_was_written():
    text = "共 42 336 个　，其中"
    read = Paragraph(text)
    start, end = read.place(read.numbers[0].start, read.numbers[0].end)
    assert text[start:end] == "42 336 个"


def test_traditional_letters_are_read_as_simplified_ones():
    (_, last, _) = Paragraph("發生事故18起，去年同期26起，下降31%").numbers
    assert last.role == "before"
