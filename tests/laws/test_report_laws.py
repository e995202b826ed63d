"""Whatever the numbers of a report are: a changed one is found, formatting changes nothing, neighbours change nothing."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from riskmap.reports.checking import check
from riskmap.values.report_check import Passage
from tests.report_sentences import RIGHT, SUSPICIOUS, TRAPS, UNJUDGED, WRONG

EVERY = (*RIGHT, *TRAPS, *UNJUDGED, *(text for text, _ in (*WRONG, *SUSPICIOUS)))
COUNT = st.integers(0, 99_999)
LAWS = settings(max_examples=60, deadline=None)


def verdicts(*lines: str) -> list[tuple[str, str]]:
    found = check([Passage(line, i) for i, line in enumerate(lines, 1)]).statements
    return [(one.kind, one.verdict) for one in found]


def said(text: str) -> list[tuple[str, str]]:
    return verdicts(*text.split("\n"))


@LAWS
@given(tiers=st.lists(COUNT, min_size=4, max_size=4), off=st.integers(-500, 500))
def test_four_tiers_agree_with_their_sum_and_with_nothing_else(tiers, off):
    total = sum(tiers)
    assume(total + off > 0 and total / 3 <= total + off <= total * 3)
    names = ("重大", "较大", "一般", "低风险")
    listed = "、".join(f"{name}{n}个" for name, n in zip(names, tiers, strict=True))
    # Some of them may add up to another total; nothing is proven then.
    assume(off == 0 or all(sum(tiers[:k]) != total + off for k in (2, 3)))
    (found,) = verdicts(f"全区共有风险点{total + off}个，其中{listed}。")
    assert found == ("parts", "wrong" if off else "agrees")


@LAWS
@given(
    columns=st.lists(st.lists(COUNT, min_size=4, max_size=4), min_size=3, max_size=5),
    at=st.tuples(st.integers(0, 4), st.integers(0, 2)),
    off=st.integers(-900, 900),
)
def test_the_totals_of_a_table_agree_and_a_changed_cell_is_found_where_it_counts(columns, at, off):
    row, column = at
    rows = [["街道", *(f"第{n}项" for n in range(len(columns)))]]
    rows += [[f"{name}街道", *(one[i] for one in columns)] for i, name in enumerate("甲乙丙丁")]
    rows.append(["合计", *map(sum, columns)])

    def found() -> list[str]:
        cells = [(i, j, str(cell)) for i, line in enumerate(rows, 1) for j, cell in enumerate(line, 1)]
        passages = [Passage(text, n, 1, i, j) for n, (i, j, text) in enumerate(cells, 1)]
        return [one.verdict for one in check(passages).statements]

    assert found() == ["agrees"] * len(columns)
    rows[1 + row][1 + column] += off
    assume(off and rows[1 + row][1 + column] >= 0)
    assert sorted(found())[:-1] == ["agrees"] * (len(columns) - 1)
    assert found()[column] in {"wrong", "suspicious"}


@LAWS
@given(found=st.integers(2, 50_000), done=st.integers(1, 50_000), off=st.integers(1, 40))
def test_found_is_done_and_open_or_it_is_wrong(found, done, off):
    assume(done < found)
    text = "排查隐患{}处，已整改{}处，剩余{}处。"
    assert verdicts(text.format(found, done, found - done)) == [("state", "agrees")]
    assert ("state", "wrong") in verdicts(text.format(found, done, found - done + off))


@LAWS
@given(found=st.integers(10, 50_000), done=st.integers(1, 50_000), places=st.integers(0, 2))
def test_a_rate_that_is_rounded_or_cut_off_agrees_and_one_that_is_two_units_off_does_not(found, done, places):
    assume(done < found)
    unit = 10**places
    scaled = 100 * unit * done
    cut, rounded = scaled // found, (2 * scaled + found) // (2 * found)
    for printed in (cut, rounded):
        assume(printed < 100 * unit)
        assert verdicts(f"发现隐患{found}处，已整改{done}处，整改率{printed / unit:.{places}f}%。")[-1] == (
            "rate",
            "agrees",
        )
    wrong = verdicts(f"发现隐患{found}处，已整改{done}处，整改率{(rounded + 2) / unit:.{places}f}%。")
    assert wrong[-1][1] != "agrees"


@LAWS
@given(now=st.integers(1, 5000), then=st.integers(1, 5000))
def test_a_change_agrees_with_its_two_counts_and_its_opposite_never_does(now, then):
    assume(now != then and abs(now / then - 1) > 0.005 and now < 9 * then)
    size = abs(1000 * (now - then) / then)
    assume(abs(size - int(size) - 0.5) > 1e-6)
    word, other = ("下降", "上升") if now < then else ("上升", "下降")
    text = "今年事故{}起，去年同期{}起，同比{}{:.1f}%。"
    assert verdicts(text.format(now, then, word, round(size) / 10)) == [("change", "agrees")]
    assert verdicts(text.format(now, then, other, round(size) / 10))[0][1] in {"wrong", "unjudged"}


FORMS = {
    "full width": lambda text: text.translate(
        str.maketrans("0123456789%.+=()", "０１２３４５６７８９％．＋＝（）")
    ),
    "no separators": lambda text: re.sub(r"(?<=\d),(?=\d{3})", "", text),
    "blanks around": lambda text: re.sub(r"(\d[\d,.]*)", r" \1 ", text).replace(" .", "."),
    "ideographic blanks": lambda text: text.replace("，", "，　").replace("、", "、 "),
    "half-width stops": lambda text: text.replace("（", "(").replace("）", ")").replace("；", ";"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", EVERY)
def test_formatting_changes_no_verdict(text, form):
    assert said(FORMS[form](text)) == said(text)


def judged(*lines: str) -> list[tuple[str, str]]:
    return [(kind, verdict) for kind, verdict in verdicts(*lines) if kind != "name" and verdict != "unjudged"]


@LAWS
@given(text=st.sampled_from(EVERY), around=st.tuples(*[st.sampled_from(EVERY)] * 2))
def test_a_paragraph_is_judged_by_itself_but_for_names(text, around):
    lines = [one.replace("\n", "") for one in (around[0], text, around[1])]
    assert judged(*lines) == [one for line in lines for one in judged(line)]


@LAWS
@given(
    text=st.text(
        alphabet="0123456789,.%（）()，。、；共其中合计占率由至去年同比下降已整改发现处个人起万亿约余第一二十“”《》=+ \n",
        max_size=300,
    )
)
def test_whatever_stands_there_is_read_without_an_error(text):
    lines = text.split("\n")
    report = check([Passage(line, i) for i, line in enumerate(lines, 1)])
    for one in report.statements:
        assert one.text == lines[one.place.paragraph - 1][one.place.start : one.place.end]


def seconds(text: str) -> float:
    started = time.process_time()
    check([Passage(text, 1)])
    return time.process_time() - started


@pytest.mark.parametrize(
    "piece",
    [
        "全区风险点42,336个，其中重大0个、较大8个、一般2,876个、低39,404个，整改率73.31%，同比下降31%，",
        "1",
        "12个、",
        "(12个",
        "二十一",
        "1+",
        "12%、占",
        "“第3条",
    ],
)
def test_the_time_grows_with_the_length_and_not_with_its_square(piece):
    short, long = piece * 400, piece * 3200
    first = min(seconds(short) for _ in range(3))
    assert seconds(long) < 30 * max(first, 0.005)  # eight times as long; its square would be 64
