"""Statements over small ledgers: what holds, what does not, and the records that break it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from riskmap.reports.statements import (
    agrees_as_printed,
    bind_statements,
    default_statements,
    judge,
    read_printed,
)
from riskmap.reports.statements.definition import terms_of
from tests.figures_made import engine, figures, shipped

POINTS = [{"tier": "major"}] * 2 + [{"tier": "low"}] * 3 + [{"code": "U1"}, {"code": "U2"}]
POINTS = [{"code": f"P{i}", **one} for i, one in enumerate(POINTS)]
FIRM = [{"found": 16_834, "rectified": 12_341}]


def bound(text: str, own_figures: str = ""):
    files = [("reports/statements/own.toml", text, True)]
    return bind_statements(files, figures(own_figures), list(shipped()))


def verdict(text: str, *, own_figures: str = "", **given):
    statements = bound(f"[x]\n{text}", own_figures)
    assert not statements.failed, statements.failed[0].message.en
    (found,) = judge(statements, engine(own_figures, **given))
    return found


def test_a_total_is_the_sum_of_its_groups():
    found = verdict('equal = ["points.points", "sum(points.tier)"]', risk_points=POINTS)
    assert (found.agrees, found.left, found.right) == (True, 7, 7)
    assert found.why.zh == "7 = 7（2 + 0 + 0 + 3 + 2）"


def test_the_records_that_one_side_does_not_count_are_named():
    found = verdict(
        'equal = ["points.points", "points.tier.major + points.tier.large + points.tier.general + points.tier.low"]\nnames = "records"',
        risk_points=POINTS,
    )
    assert (found.agrees, found.left, found.right) == (False, 7, 5)
    assert found.missing == ("U1", "U2")
    assert "U1、U2" in found.why.zh
    assert found.blocks


def test_a_record_that_is_counted_twice_is_named():
    own = 'over = "risk_points"\nperiod = "none"\nunit = "个"\n[all]\ncount = "records"\n[high]\nwhere = ["tier >= general"]\ncount = "records"\n[bad]\nwhere = ["tier == major"]\ncount = "records"\n[rest]\nwhere = ["tier in low,unrated"]\ncount = "records"'
    found = verdict(
        'equal = ["own.all", "own.high + own.bad + own.rest"]\nnames = "records"',
        own_figures=own,
        risk_points=POINTS,
    )
    assert (found.agrees, found.left, found.right) == (False, 7, 9)
    assert found.doubled == ("P0", "P1")


def test_a_stated_number_is_held_against_the_ledger():
    found = verdict(
        'equal = [169, "stores.sites"]\nsource = "2024年度工作总结"', warehouses=[{"level": "district"}] * 3
    )
    assert (found.agrees, found.left, found.right, found.source) == (False, 169, 3, "2024年度工作总结")
    assert "左边多 166" in found.why.zh


def test_numbers_of_a_report_add_up_or_not():
    assert verdict('equal = [159, "10 + 149"]').agrees is True
    assert verdict('equal = [160, "10 + 149"]').agrees is False
    assert verdict('equal = ["100 - 7", 93]').agrees is True


def test_at_most_holds_also_where_both_sides_are_equal():
    assert (
        verdict('at_most = ["firms.done", "firms.found"]', enterprises=[{"found": 3, "rectified": 3}]).agrees
        is True
    )
    assert (
        verdict('at_most = ["firms.done", "firms.found"]', enterprises=[{"found": 3, "rectified": 4}]).agrees
        is False
    )


@pytest.mark.parametrize(
    ("numbers", "holds"), [("100 93 39 31", True), ("7 54 8 31", False), ("5 5 5 5", True)]
)
def test_figures_in_an_order_do_not_rise(numbers, holds):
    own = "".join(
        f'[n{i}]\ngiven = {n}\nunit = "个"\nsource = "年报"\non = 2024-12-31\n'
        for i, n in enumerate(numbers.split())
    )
    words = ", ".join(f'"own.n{i}"' for i in range(4))
    assert verdict(f"falling = [{words}]", own_figures=own).agrees is holds


def test_the_steps_of_a_funnel_never_rise():
    stages = ["sited"] * 7 + ["scheme"] * 54 + ["built"] * 8 + ["open"] * 31
    found = verdict('falling = ["stations.steps"]', stations=[{"stage": one} for one in stages])
    assert found.agrees is True
    assert "100 ≥ 完成方案 93 ≥ 完成硬件 39 ≥ 投入使用 31" in found.why.zh


@pytest.mark.parametrize(
    ("printed", "agrees"),
    [
        ("73.31%", True),
        ("73.3%", True),
        ("73%", True),
        ("83.31%", False),
        ("73.32%", False),
        ("73.31‰", False),
    ],
)
def test_a_printed_rate_is_compared_at_its_printed_places(printed, agrees):
    assert verdict(f'printed = "{printed}"\nis = "firms.rate"', enterprises=FIRM).agrees is agrees


@pytest.mark.parametrize(
    ("printed", "agrees"),
    [("-31%", True), ("-30.8%", True), ("-30.7%", True), ("-25%", False), ("31%", False)],
)
def test_a_printed_change_is_held_against_both_years(printed, agrees):
    rows = [
        {"kind": "accident", "at": f"{year}-05-01"} for year, n in ((2026, 18), (2025, 26)) for _ in range(n)
    ]
    found = verdict(
        f'change = "events.accidents"\nagainst = "-1y"\nprinted = "{printed}"', period="2026", incidents=rows
    )
    assert found.agrees is agrees


def test_one_name_has_one_value():
    own = '[a]\ngiven = 35.21\nunit = "%"\nsource = "一"\non = 2024-12-31\n[b]\ngiven = 50.92\nunit = "%"\nsource = "二"\non = 2024-12-31'
    found = verdict('one_name = "巡查完成率"\nfigures = ["own.a", "own.b"]', own_figures=own)
    assert found.agrees is False
    assert "35.21" in found.why.zh
    assert "50.92" in found.why.zh


def test_the_stock_of_before_and_what_came_and_went_make_the_stock_of_now():
    rows = [
        {"kind": "accident", "at": f"{year}-05-01"} for year, n in ((2026, 18), (2025, 26)) for _ in range(n)
    ]
    found = verdict('equal = ["events.accidents", "events.accidents@-1y - 8"]', period="2026", incidents=rows)
    assert found.agrees is True


def test_sides_are_compared_in_each_group():
    own = 'over = "incidents"\nunit = "起"\n[all]\ncount = "records"\nby = "kind"\n[real]\nwhere = ["confirmed == true"]\ncount = "records"\nby = "kind"'
    rows = [{"kind": "fire", "confirmed": True}, {"kind": "accident", "confirmed": False}]
    found = verdict('equal = ["own.all", "own.real"]\nby = "kind"', own_figures=own, incidents=rows)
    assert found.agrees is False
    assert "accident：1 = 0" in found.why.zh


def test_each_record_is_in_exactly_one_group():
    rows = [{"code": "H1", "kind": "wall"}, {"code": "H2", "kind": "wall\nslope"}, {"code": "H3"}]
    found = verdict('partition = ["hazards", "kind"]', hazards=rows)
    assert (found.agrees, found.missing, found.doubled) == (False, ("H3",), ("H2",))
    assert verdict('partition = ["risk_points", "tier"]', risk_points=POINTS).agrees is True


def test_what_cannot_be_told_is_not_agreed_and_blocks():
    found = verdict('printed = "73.31%"\nis = "firms.rate"', enterprises=[])
    assert found.agrees is None
    assert found.blocks


def test_a_warning_does_not_block():
    found = verdict('equal = [1, 2.5]\nseverity = "warn"')
    assert (found.agrees, found.blocks) == (False, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('equal = ["points.points", "points.points"]', "always equal to itself"),
        ('equal = ["sum(points.tier)", "sum(points.tier)"]', "always equal to itself"),
        ('equal = ["points.points", "points.pointz"]', "did you mean points.points"),
        ('equal = ["points.points", "points.points * 2"]', "with + and -"),
        ('equal = ["points.points", "sum(points.points)"]', "a figure with groups"),
        ('equal = ["firms.found", "firms.done"]\nnames = "records"', "count records"),
        ('falling = ["points.points"]', "a figure with groups, or several"),
        ('partition = ["risk_pionts", "tier"]', "did you mean risk_points"),
        ('printed = "3%"', "one of is and change"),
        ('one_name = "率"\nfigures = ["firms.rate"]', "two figures"),
        ('title = "空"', "one of equal"),
        ("equals = [1, 2]", "did you mean equal"),
    ],
)
def test_a_statement_that_cannot_be_judged_is_named_with_place_and_remedy(text, said):
    found = bound(f"[good]\nequal = [1, 1.5]\n[x]\n{text}")
    assert [one.id for one in found.failed] == ["own.x"]
    assert said in f"{found.failed[0].message.en} {found.failed[0].remedy.en}"
    assert "own.toml" in found.failed[0].message.en
    assert "own.good" in found.usable


def test_a_statement_that_cannot_be_read_has_not_been_checked_and_blocks():
    (found,) = judge(bound("[x]\nequals = [1, 2]"), engine(""))
    assert found.agrees is None
    assert found.blocks


def test_every_shipped_statement_can_be_judged_over_the_shipped_figures():
    files = [(name, text, True) for name, text in default_statements().items()]
    found = bind_statements(files, figures(""), list(shipped()))
    assert not found.failed


@pytest.mark.parametrize(
    ("exact", "printed", "agrees"),
    [
        (Fraction(1777, 100) + Fraction(6, 1000), "17.77%", True),  # cut off
        (Fraction(1777, 100) + Fraction(6, 1000), "17.78%", True),  # rounded
        (Fraction(1777, 100) + Fraction(6, 1000), "17.79%", False),
        (Fraction(0), "0", True),
        (Fraction(-25, 10), "-3", True),
        (Fraction(-25, 10), "3", False),
        (Fraction(42_336), "42,336", True),
    ],
)
def test_a_number_may_be_printed_rounded_or_cut_off(exact, printed, agrees):
    number, _ = read_printed(printed)
    assert agrees_as_printed(exact, number) is agrees


def test_an_expression_is_read_term_by_term():
    assert [str(one) for one in terms_of("a.b + sum(c.d) - e.f@-1y - 12 + g.month.2026-11")] == [
        "a.b", "sum(c.d)", "e.f@-1y", "12", "g.month.2026-11",
    ]  # fmt: skip
    assert [one.sign for one in terms_of("a.b - c.d + 3")] == [1, -1, 1]
    for wrong in ("", "a.b +", "+ a.b", "a.b c.d", "a.b+c.d", "a.b ** 2", "__import__('os')"):
        with pytest.raises(ValueError):  # noqa: PT011 - what could not be read
            terms_of(wrong)


def test_a_shipped_statement_about_a_figure_whose_layer_cannot_be_read_is_not_left_out_in_silence():
    from riskmap.errors import CatalogProblem, Text
    from riskmap.reports.figures import bind_figures, default_figures

    layers = {key: value for key, value in shipped().items() if key != "alerts"}
    problem = CatalogProblem("layers/alerts.toml", "title", "—", Text("有值", "a value"))
    found = bind_figures([(n, t, False) for n, t in default_figures().items()], layers, {"alerts": problem})
    assert "events.alerts" in {one.id for one in found.failed}
    stated = bind_statements([(n, t, False) for n, t in default_statements().items()], found, list(layers))
    assert "registers.alerts" in {one.id for one in stated.failed}
    assert "registers.hazards" in stated.usable
