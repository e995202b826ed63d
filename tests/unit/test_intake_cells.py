"""What the cells of real spreadsheets mean."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.catalog import Choice, Field, defaults_dir, load_catalog
from riskmap.errors import Text
from riskmap.rules import vocabulary
from riskmap.rules.cell import (
    callable_phone,
    judge_boolean,
    judge_code,
    judge_field,
    judge_phone,
    judge_text,
    shortest,
)
from riskmap.rules.dates import parse_date
from riskmap.rules.people import as_cells, people_of
from riskmap.rules.position import parse_number, parse_pair
from riskmap.values.records import CLEAR, Contact


def judged(kind: str, text: str, *, header_unit: str = "", **options):
    field = Field(id="f", title=Text("某项", "Something"), type=kind, **options)
    value, problem = judge_field(field, header_unit=header_unit)(text)
    return value, problem.rule if problem else None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2023年9月8日", "2023-09-08"),
        ("2023 年 09 月 08 日", "2023-09-08"),
        ("2023年9月8号", "2023-09-08"),
        ("2023.9.8", "2023-09-08"),
        ("2023.09.08.", "2023-09-08"),
        ("2023-09-08", "2023-09-08"),
        ("2023/9/8", "2023-09-08"),
        ("2023、9、8", "2023-09-08"),
        ("20230908", "2023-09-08"),
        ("20230908.0", "2023-09-08"),
        ("２０２３－０９－０８", "2023-09-08"),
        ("2023-09-08 00:00:00", "2023-09-08"),
        ("2023年9月8日（星期五）", "2023-09-08"),
        ("45177", "2023-09-08"),
        ("23年9月8日", "2023-09-08"),
        ("二〇二三年九月八日", "2023-09-08"),
        ("二零二三年十二月二十九日", "2023-12-29"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_a_date_is_read_however_an_office_writes_it(text, iso):
    assert judged("date", text) == (iso, None)


@pytest.mark.parametrize(
    "text", ["2023-09-08T12:30:00Z", "2023年9月8日 上午9时", "45177.5", "2023-09-08 05:00:00"]
)
def test_a_time_of_day_in_a_date_is_dropped_and_said(text):
    assert judged("date", text) == ("2023-09-08", "time_dropped")


@pytest.mark.parametrize(
    "text",
    [
        "2023年13月8日",
        "2023-02-29",
        "2023-9-31",
        "31/31/2023",
        "2023-09-08 10:00 EST",
        "1.7145E+12",
        "2026050112300",
        "昨天",
        "2023年9月上旬",
        "1234",
        "99999",
        "3023-01-01",
        "0",
        "12.5",
    ],
)
def test_what_is_no_date_is_refused(text):
    assert judged("date", text) == (None, "not_a_date")


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("28.06.2021", "2021-06-28"),
        ("28/06/2021", "2021-06-28"),
        ("28-6-2021", "2021-06-28"),
        ("06/28/2021", "2021-06-28"),
        ("6/28/21", "2021-06-28"),
        ("5/5/2021", "2021-05-05"),
        ("6/28/2021 0:00", "2021-06-28"),
        ("6/28/2021 12:00:00 AM", "2021-06-28"),
        ("28-Jun-2021", "2021-06-28"),
        ("June 28, 2021", "2021-06-28"),
        ("1714521600000", "2024-05-01"),
        ("1714521600", "2024-05-01"),
        ("1714521600000.0", "2024-05-01"),
        ("946684800000", "2000-01-01"),
        ("2026-05-01T16:00:00Z", "2026-05-02"),
        ("2026-05-02+08:00", "2026-05-02"),
    ],
)
def test_a_date_is_read_in_the_order_and_count_of_foreign_programs(text, iso):
    assert judged("date", text) == (iso, None)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T23:30:00Z",
        "2026-05-01 23:30:00+00",
        "2026-05-01T23:30:00.000+0000",
        "2026-05-01 23:30 UTC",
        "2026-05-01T18:30:00-05:00",
        "20260501T233000Z",
        "Fri, 01 May 2026 23:30:00 GMT",
        "Sat May 02 2026 07:30:00 GMT+0800 (中国标准时间)",
        "05/13/2026 11:30 PM +00:00",
        "1777678200000",
        "1777678200",
    ],
)
def test_a_time_with_a_zone_falls_on_the_day_that_it_is_in_beijing(text):
    day = "2026-05-14" if "/13/" in text else "2026-05-02"
    assert judged("date", text) == (day, "time_dropped")


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("05/06/2021", ("2021-05-06", "2021-06-05")),
        ("9/8/2023", ("2023-09-08", "2023-08-09")),
        ("05.06.2021 10:00", ("2021-05-06", "2021-06-05")),
        ("21/6/28", ("2028-06-21", "2021-06-28")),
    ],
)
def test_a_date_with_two_readings_names_both_and_is_left_to_a_person(text, readings):
    field = Field(id="f", title=Text("某项", "Something"), type="date")
    value, finding = judge_field(field, header_unit="")(text)
    assert value is None
    assert (finding.rule, finding.severity, finding.holds) == ("ambiguous_date", "error", True)
    assert all(one in finding.message.zh and one in finding.message.en for one in readings)


@given(st.dates(dt.date(1954, 11, 1), dt.date(2099, 12, 31)))
def test_a_swapped_order_is_that_day_or_is_held_with_it(day):
    for text in (f"{day:%d/%m/%Y}", f"{day:%m/%d/%Y}", f"{day:%d.%m.%Y}", f"{day:%m-%d-%Y}"):
        found = parse_date(text)
        assert found is not None
        assert day.isoformat() in (found.readings or (found.iso,))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2023年9月", "2023-09-01"),
        ("2023", "2023-01-01"),
        ("2023.9", "2023-09-01"),
        ("二〇二三年九月", "2023-09-01"),
    ],
)
def test_a_date_without_a_day_is_its_first_and_says_so(text, iso):
    assert judged("date", text) == (iso, "partial_date")


@given(st.dates(dt.date(1954, 11, 1), dt.date(2099, 12, 31)))
def test_every_spelling_of_a_day_is_that_day(day):
    serial = (day - dt.date(1899, 12, 30)).days
    for text in (
        day.isoformat(),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        f"{day.year}.{day.month}.{day.day}",
        str(serial),
    ):
        found = parse_date(text)
        assert found is not None
        assert found.iso == day.isoformat()
        assert not found.partial


@pytest.mark.parametrize(
    "text",
    [
        "有",
        "是",
        "Y",
        "y",
        "YES",
        "√",
        "✔",
        "1",
        "1.0",
        "true",
        "TRUE",
        "已",
        "已完成",
        "已工程治理",
        "对",
        "有（见附件）",
        " 有 ",
        "Ｙ",
        "具备",
    ],
)
def test_a_yes_is_a_yes(text):
    assert judged("boolean", text) == (True, None)


@pytest.mark.parametrize(
    "text",
    ["无", "否", "N", "no", "×", "✗", "x", "0", "0.0", "false", "未", "未治理", "尚未完成", "没有", "不具备"],
)
def test_a_no_is_a_no(text):
    assert judged("boolean", text) == (False, None)


@pytest.mark.parametrize("text", ["也许", "在建", "部分", "2", "已拆除", "已停用", "未核实过", "未统计"])
def test_what_is_neither_rejects_its_row(text):
    assert judged("boolean", text) == (None, "not_yes_or_no")


@pytest.mark.parametrize("kind", ["boolean", "number", "date", "integer", "text"])
@pytest.mark.parametrize(
    "text", ["/", "-", "—", "——", "无数据", "不详", "未知", "N/A", "暂无", "／", " / ", "未填"]
)
def test_a_blank_word_states_nothing(kind, text):
    assert judged(kind, text) == (None, None)


def test_wu_is_no_for_a_question_a_real_text_and_else_states_nothing():
    assert judged("boolean", "无") == (False, None)
    assert judged("text", "无") == ("无", None)
    assert judged("number", "无") == (None, None)
    assert judged("date", "无") == (None, None)


@pytest.mark.parametrize("kind", ["boolean", "number", "date", "integer", "text", "choice"])
def test_the_word_for_clearing_clears(kind):
    assert judged(kind, "清空") == (CLEAR, None)


@pytest.mark.parametrize("kind", ["boolean", "number", "date", "integer", "text", "choice"])
@pytest.mark.parametrize("text", ["#REF!", "#DIV/0!", "#N/A", "#VALUE!"])
def test_a_failed_formula_is_a_bad_cell_and_never_a_blank(kind, text):
    assert judged(kind, text) == (None, "formula_error")


@pytest.mark.parametrize(
    ("text", "unit", "header", "value"),
    [
        ("12", "m", "", 12.0),
        ("12米", "m", "", 12.0),
        ("5660cm", "m", "", 56.6),
        ("350毫米", "m", "", 0.35),
        ("35", "m", "cm", 0.35),
        ("35米", "m", "cm", 35.0),
        ("１２．５", "m", "", 12.5),
        ("1,234.5", "m", "", 1234.5),
        ("1.2公顷", "m2", "", 12000.0),
        ("3亩", "m2", "", 2000.0),
        ("120万元", "万元", "", 120.0),
        ("5000元", "万元", "", 0.5),
        ("45度", "°", "", 45.0),
        ("2小时", "分钟", "", 120.0),
    ],
)
def test_a_quantity_is_read_with_its_unit(text, unit, header, value):
    found, rule = judged("number", text, unit=unit, header_unit=header)
    assert rule is None
    assert math.isclose(found, value)


@pytest.mark.parametrize(
    "text", ["12米左右", "约12", "10-20", "≥12", "较高", "12kg", "一二", "1e999", "12米5"]
)
def test_an_uncertain_quantity_is_refused_and_not_guessed(text):
    assert judged("number", text, unit="m") == (None, "not_a_number")


def test_a_count_is_a_whole_number():
    assert judged("integer", "453个", unit="个") == (453, None)
    assert judged("integer", "12.0", unit="人") == (12, None)
    assert judged("integer", "12.5", unit="人") == (None, "not_whole")


def test_limits_are_inclusive_and_outside_is_an_error_but_a_foreign_step_is_a_warning():
    options = {"minimum": 0.1, "maximum": 10, "standard_values": (0.1, 0.2, 0.5, 1, 3, 6, 10)}
    assert judged("number", "0.1", **options) == (0.1, None)
    assert judged("number", "10", **options) == (10.0, None)
    assert judged("number", "10.01", **options) == (None, "above_maximum")
    assert judged("number", "-7", **options) == (None, "below_minimum")
    assert judged("number", "0.7", **options) == (0.7, "not_standard")


CHOICES = (
    Choice(id="major", title=Text("重大", "Major"), aliases=("重大风险", "红", "Ⅰ级", "重大(红色)")),
    Choice(id="low", title=Text("低", "Low"), aliases=("低风险", "蓝色")),
)


@pytest.mark.parametrize(
    "text",
    ["重大", "重大风险", "Major", "major", "Ⅰ级", "I级", "重大（红色）", "重 大", "重大（一级）", "红"],
)
def test_a_choice_is_known_by_id_title_and_alias(text):
    assert judged("choice", text, choices=CHOICES) == ("major", None)


def test_an_unknown_choice_rejects_its_row_unless_the_field_is_open():
    assert judged("choice", "特大", choices=CHOICES) == (None, "not_a_choice")
    assert judged("choice", "特大", choices=CHOICES, open=True) == ("特大", "unknown_choice")
    assert judged("choice", "无", choices=CHOICES) == (None, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("007", "007"),
        ("1001.0", "1001"),
        ("ＬＨ－０１", "LH-01"),
        (" A 1 ", "A 1"),
        ("A\n1", "A 1"),
        ("1e5x", "1e5x"),
        ("=1+1", "=1+1"),
        ("/", None),
        ("清空", None),
    ],
)
def test_a_code_is_text(text, code):
    assert judge_code(text) == (code, None)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("1.38E+10", "code_lost_digits"), ("x" * 101, "code_too_long"), ("#N/A", "formula_error")],
)
def test_a_code_that_lost_its_digits_is_refused(text, rule):
    value, problem = judge_code(text)
    assert value is None
    assert problem.rule == rule
    assert problem.severity == "error"


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("013800138000", "013800138000"),
        ("13800138000.0", "13800138000"),
        ("138****0000", "138****0000"),
        ("0755-12345678", "0755-12345678"),
        ("１３８００１３８０００", "13800138000"),
        ("+86 138-0013-8000", "+86 138-0013-8000"),
        ("(0755)25500000转8001", "(0755)25500000转8001"),
        ("0755-25500000-801", "0755-25500000-801"),
        ("25500000", "25500000"),
        ("25500000/13800138000", "25500000/13800138000"),
        ("无", None),
    ],
)
def test_a_phone_number_is_text_and_a_mask_stays(text, phone):
    assert judge_phone(text) == (phone, None)
    assert callable_phone(phone) is (phone is not None)


@pytest.mark.parametrize("text", ["张三、李四", "张三，李四", "张三/李四", "张三\n李四"])
def test_several_persons_in_a_cell_are_several_and_the_numbers_theirs_in_order(text):
    people, said = people_of(Contact("leader", text, "13800000001，13800000002", "主任", "2026-05-01"))
    assert people == (
        Contact("leader", "张三", "13800000001", "主任", "2026-05-01"),
        Contact("leader", "李四", "13800000002"),
    )
    assert said is None


def test_who_has_no_number_is_said_and_never_gets_that_of_another():
    people, said = people_of(Contact("leader", "张三、李四、王五", "13800000001、13800000002"))
    assert [(one.name, one.phone) for one in people] == [
        ("张三", "13800000001"),
        ("李四", "13800000002"),
        ("王五", None),
    ]
    assert (said.rule, said.severity) == ("several_people", "warning")
    assert "第 3 人 王* 没有号码" in said.message.zh
    assert "王五" not in said.message.zh + said.message.en
    people, said = people_of(Contact("leader", "张三、李四", "无、13800000002"))
    assert ([one.phone for one in people], said) == ([None, "13800000002"], None)


def test_each_has_a_post_and_a_day_where_each_is_stated():
    people, _ = people_of(Contact("leader", "张三、李四", None, "主任、科员", "2026-05-01、无"))
    assert [(one.post, one.verified_on) for one in people] == [("主任", "2026-05-01"), ("科员", None)]


@pytest.mark.parametrize(
    ("name", "phone"),
    [("张三、李四", "1380000001、13800000002、13800000003"), ("李四（水务局、街道办）", "13800000001")],
)
def test_what_cannot_be_told_apart_stays_one_and_that_is_said(name, phone):
    one = Contact("leader", name, phone)
    people, said = people_of(one)
    assert (people, said.rule) == ((one,), "several_people")


@pytest.mark.parametrize("name", ["张三", "张三、", "无", "Anna-Maria", "清空"])
def test_one_person_in_a_cell_is_no_matter(name):
    one = Contact("leader", name, "13800000001/13800000002")
    assert people_of(one) == ((one,), None)


def test_a_number_behind_each_name_is_theirs():
    people, said = people_of(Contact("leader", "张三13800138000、李四13900139000"))
    assert [(p.name, p.phone) for p in people] == [("张三", "13800138000"), ("李四", "13900139000")]
    assert said is None


PERSONS = st.lists(
    st.builds(
        Contact,
        st.just("leader"),
        st.sampled_from(["张三", "李四", "王五", "赵六"]),
        st.sampled_from([None, "13800000001", "138****0002", "0755-25500000"]),
        st.sampled_from([None, "主任", "科员"]),
        st.sampled_from([None, "2026-05-01", "2026-11-02"]),
    ),
    min_size=1,
    max_size=4,
)


@given(PERSONS)
def test_the_cells_of_a_role_mean_the_persons_that_made_them(people):
    (cells,) = as_cells(people).values()
    assert people_of(cells) == (tuple(people), None)


@pytest.mark.parametrize(
    "text", ["12345", "1380013800", "2550000", "23800138000", "张三", "138", "0755 2550"]
)
def test_a_phone_number_that_nobody_can_dial_is_kept_and_said(text):
    value, finding = judge_phone(text)
    assert value == text
    assert (finding.rule, finding.severity) == ("phone_unusual", "warning")
    assert not callable_phone(value)


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "{{7*7}}{% raw %}",
        "'; DROP TABLE x",
        "=cmd|' /C calc'!A0",
        "+86",
        "'+86",
        "@x",
        "a\nb",
        "㙓嘢",
    ],
)
def test_a_hostile_name_stays_what_it_is(text):
    assert judge_text(300)(text) == (text, None)


def test_invisible_characters_are_removed_with_a_warning():
    for text in ("甲\u202e乙", "甲\x00乙", "甲\u200b乙", "甲\x1b乙"):
        value, problem = judge_text(300)(text)
        assert value == "甲乙"
        assert problem.rule == "control_characters"
    assert judge_text(300)("a\r\nb\tc") == ("a\nb c", None)


def test_a_text_over_the_limit_is_refused():
    value, problem = judge_text(10)("字" * 11)
    assert value is None
    assert problem.rule == "text_too_long"


def test_nine_decimals_are_put_back_only_where_they_hide_a_shorter_number():
    assert shortest("38512225.899999999") == "38512225.9"
    assert shortest("1234567.123456789") == "1234567.123456789"
    assert shortest("0.1") == "0.1"


@given(st.integers(0, 10**12), st.integers(0, 6))
def test_a_number_of_fifteen_digits_survives_nine_decimals(whole, places):
    number = whole / 10**places
    written = f"{number:.9f}"
    assert float(shortest(written)) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("114.1061", 114.1061),
        ("１１４．１０６１", 114.1061),
        ("114.1061°", 114.1061),
        ("114°06′21.96″", 114.1061),
        ("114°06'21.96\"", 114.1061),
        ('114º06´21.96"', 114.1061),
        ("114度6分21.96秒", 114.1061),
        ("114 06 21.96", 114.1061),
        ("114-06-21.96", 114.1061),
        ("114:06:21.96", 114.1061),
        ("114°06.366′", 114.1061),
        ("E114.1061", 114.1061),
        ("东经114°06′21.96″", 114.1061),
        ("114。1061", 114.1061),
        ("2,495,299.5", 2495299.5),
        ("2495299.5米", 2495299.5),
    ],
)
def test_a_coordinate_is_read_in_every_notation(text, number):
    assert parse_number(text) == pytest.approx(number, abs=1e-9)


@pytest.mark.parametrize("text", ["东边", "114.10.6", "114°61′00″", "约114", "1e999", "inf"])
def test_what_is_no_coordinate_is_nan(text):
    assert math.isnan(parse_number(text))


@pytest.mark.parametrize(
    "text",
    [
        "114.1,22.5",
        "114.1，22.5",
        "114.1、22.5",
        "114.1 22.5",
        "114.1\n22.5",
        "（114.1，22.5）",
        "[114.1, 22.5]",
        "114.1/22.5",
        "东经114.1，北纬22.5",
        "北纬22.5东经114.1",
        "经度:114.1 纬度:22.5",
        "N22.5 E114.1",
        "22.5°N, 114.1°E",
        "POINT (114.1 22.5)",
        '{"lng":114.1,"lat":22.5}',
        "114°06′00″，22°30′00″",
    ],
)
def test_two_coordinates_in_one_cell_are_taken_apart(text):
    first, second, _ = parse_pair(text)
    assert (first, second) == pytest.approx((114.1, 22.5))


@pytest.mark.parametrize("text", ["114.1", "114.1,22.5,35,2,7", "甲,乙", "", "114.1,"])
def test_what_is_not_two_coordinates_is_none(text):
    assert parse_pair(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "合计",
        "合 计",
        "总计：",
        "小计(3处)",
        "共计20处",
        "填表人：李四",
        "审核人:",
        "制表单位（盖章）：",
        "备注：以上为准",
        "注：1.",
        "说明：",
        "以下空白",
        "（以下无正文）",
        "第1页 共3页",
        "合计 20",
    ],
)
def test_totals_signatures_and_notes_are_known(text):
    assert vocabulary.is_non_data(text)


@pytest.mark.parametrize(
    "text",
    [
        "合计大厦",
        "备注山边坡",
        "注塑厂",
        "审核局办公楼",
        "小计算机公司",
        "说明书印刷厂",
        "总计划展厅",
        "LH-01-0001",
        "第1工业区",
    ],
)
def test_names_that_begin_like_them_are_data(text):
    assert not vocabulary.is_non_data(text)


def test_yes_and_no_share_no_word():
    assert not vocabulary.YES & vocabulary.NO
    assert not (vocabulary.YES | vocabulary.NO) & vocabulary.BLANKS
    assert judge_boolean("") == (None, None)


@pytest.mark.parametrize(
    ("cell", "value"), [("不涉及", "none"), ("无", "none"), ("none", "none"), ("/", None), ("不详", None)]
)
def test_a_word_that_a_choice_lists_is_its_value_even_where_it_says_nothing_elsewhere(
    cell: str, value: str | None
):
    field = load_catalog(defaults_dir()).layer("risk_points").field("wind_kind")
    assert judge_field(field, header_unit="")(cell)[0] == value
