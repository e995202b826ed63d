"""What needs no judge of its own in a column gets the verdict that the judge would give."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from riskmap.catalog.layer import Field
from riskmap.errors import Text
from riskmap.rules import cell, column
from riskmap.rules.column import distinct

MOMENT = Field(id="at", title=Text("时间", "At"), type="moment", zone="beijing")
WRITTEN = st.one_of(
    st.datetimes().map(lambda at: f"{at:%Y-%m-%d %H:%M}"),
    st.tuples(*[st.integers(0, 99)] * 4).map(lambda n: "20{:02d}-{:02d}-{:02d} {:02d}:00".format(*n)),
    st.text("0123456789-: ", max_size=17),
)
NAMES = st.one_of(
    st.text("张王李四五、，/;或 无*·0139\u200b\n", max_size=6),
    st.sampled_from(["无", "张三", "张三、李四", "/"]),
)


@given(st.lists(WRITTEN, min_size=1, max_size=8), st.sampled_from(["", "北京时间", "UTC"]))
@example(["2026-02-30 10:00", "2026-02-28 24:00", "2024-02-29 07:59", "2099-12-31 23:59"], "")
@example(["1900-01-01 00:00", "2026-11-29 08:00"], "UTC")
def test_a_plain_moment_is_what_its_judge_says(texts, unit):
    source = distinct(pa.array(texts, pa.string()))
    values, good = column.plain_moments(source, cell.zone_of(MOMENT, unit) or "beijing")
    judge = cell.judge_field(MOMENT, header_unit=unit, kept=True)
    for text, value, plain in zip(source.texts.to_pylist(), values, good, strict=True):
        if plain:
            assert judge(text) == cell.Verdict(value), text


def test_an_ordinary_moment_needs_no_judge_and_an_odd_one_does():
    texts = [
        "2023-05-16 10:20",
        "2023-03-23 01:40",
        "2026-02-30 10:00",
        "2023-05-16 10:20:30",
        "2023年5月16日",
    ]
    values, good = column.plain_moments(distinct(pa.array(texts)), "beijing")
    assert good.tolist() == [True, True, False, False, False]
    assert values[:2] == ["2023-05-16T02:20Z", "2023-03-22T17:40Z"]


@given(st.lists(NAMES, min_size=1, max_size=8))
def test_a_plain_name_is_what_its_judge_says(texts):
    source = distinct(pa.array(texts, pa.string()))
    values, good = column.plain_persons(source, cell.PERSON_CHARS)
    for text, value, plain in zip(source.texts.to_pylist(), values, good, strict=True):
        if plain:
            assert cell.judge_person(text) == cell.Verdict(value), text


def test_whoever_is_named_needs_no_judge_and_nobody_does():
    texts = ["张三", "张*", "张三、李四", "无", "王五或赵六"]
    assert column.plain_persons(distinct(pa.array(texts)), 200)[1].tolist() == [True, True, True, False, True]
