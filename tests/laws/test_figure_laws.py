"""Laws of figures: each leads to its records, and counting those by another way gives the same number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.actions.figures import addressed, engine_of, figures_of, period_of
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.reports.figures import default_figures, rounded
from riskmap.reports.figures.engine import sums_by
from riskmap.reports.figures.values import NOTHING
from riskmap.reports.periods import SHIFTS, parse_period, shifted
from riskmap.rules.arrays import column_of, floats_of
from riskmap.selection import NOT_STATED, select
from tests.cli import riskmap
from tests.figures_made import figures as bound_figures

FIGURES = sorted(bound_figures("").usable)
PERIODS = (None, "2026", "2026-11", "2026-W40")


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """A small demo district with its registers, assessed."""
    home = tmp_path_factory.mktemp("figures") / "区"
    assert riskmap("init", home, "--demo", "--registers", "--points", 300, "--seed", 5).status == 0
    assert riskmap("assess", "--workspace", home).status == 0
    return open_workspace(home)


@pytest.fixture(scope="module")
def engines(ws):
    return {period: engine_of(ws, period=period_of(ws, period)) for period in PERIODS}


def records(ws, query):
    """The records that an address leads to, by the way that commands and pages go: layer → table."""
    selection, as_of = addressed(ws, str(query))
    snapshot = current_snapshot(ws, as_of=as_of)
    found = select(snapshot, selection)
    return {layer: found.table(snapshot, layer) for layer in found.rows}


def measured(ws, bound, tables, exact):
    """What a figure measures, counted from its records row by row."""
    n = sum(len(table) for table in tables.values())
    name, measure = bound.measured, bound.figure.measure
    if not name:
        return Fraction(n)
    cells = [
        cell
        for table in tables.values()
        if column_of(name) in table.column_names
        for cell in table[column_of(name)].to_pylist()
        if cell not in {None, ""} and not (isinstance(cell, float) and np.isnan(cell))
    ]
    if measure == "distinct":
        return Fraction(len(set(cells)))
    numbers = [Fraction(repr(cell)) for cell in cells]
    if measure in {"sum", "balance"}:
        return sum(numbers, Fraction(0)) if numbers or not n else None
    if measure == "mean":
        return sum(numbers, Fraction(0)) / len(numbers) if numbers else None
    return min(numbers) if measure == "min" else max(numbers)


def test_every_shipped_figure_can_be_told_of_a_district_with_all_registers(ws):
    assert sorted(figures_of(ws).usable) == FIGURES
    assert not figures_of(ws).failed
    assert not figures_of(ws).idle


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("figure_id", FIGURES)
def test_the_records_of_a_figure_give_its_value(ws, engines, figure_id, period):
    engine = engines[period]
    value, bound = engine.value(figure_id), engine.figures.usable[figure_id]
    figure = bound.figure
    if figure.of:
        assert value.query is None
        assert all(engine.figures.usable[one.partition("@")[0]] for one in value.of)
        return
    if figure.count == "moves" or figure.tally:
        assert value.query is None
        assert figure.count or value.exact is None or value.exact == sum(one.exact for one in value.groups)
        return
    tables = records(ws, value.query)
    n = sum(len(table) for table in tables.values())
    if figure.measure == "checklist":
        if not figure.keys:
            assert value.exact == Fraction(n * 100, value.count)
        return
    if figure.measure == "nearest":
        located = sum(int(np.isfinite(floats_of(t["lon"])).sum()) for t in tables.values())
        assert value.count == located
        return
    assert value.exact == measured(ws, bound, tables, value.exact)
    assert value.count + (value.missing if bound.measured and bound.stock else 0) <= n


@pytest.mark.parametrize("period", [None, "2026-11"])
@pytest.mark.parametrize("figure_id", [one for one in FIGURES if bound_figures("").usable[one].figure.keys or bound_figures("").usable[one].figure.funnel])  # fmt: skip
def test_the_records_of_a_group_give_its_value(ws, engines, figure_id, period):
    value, bound = engines[period].value(figure_id), engines[period].figures.usable[figure_id]
    assert value.groups or not value.value
    some = [one for one in value.groups if one.count][:40]
    for group in some:
        if group.query is None:
            assert bound.figure.count == "moves" or bound.figure.tally
            continue
        tables = records(ws, group.query)
        if bound.figure.measure == "checklist":
            n = sum(len(table) for table in tables.values())
            if "subdistrict" not in bound.figure.keys:
                assert group.exact == Fraction(n * 100, group.count), group.member
            continue
        assert group.exact == measured(ws, bound, tables, group.exact), group.member


@pytest.mark.parametrize("figure_id", FIGURES)
def test_groups_of_one_word_each_sum_to_the_whole(ws, engines, figure_id):
    value, bound = engines[None].value(figure_id), engines[None].figures.usable[figure_id]
    several = {f.id for layer in ws.catalog.layers.values() for f in layer.fields if f.several}
    if bound.figure.count != "records" or not bound.figure.keys or several & set(bound.figure.keys):
        return
    assert sum(group.count for group in value.groups) == value.count


def test_a_month_is_the_sum_of_its_days_and_a_year_of_its_months(ws):
    def told(period):
        return engine_of(ws, period=period_of(ws, period)).value("events.patrols").value

    days = [f"2026-11-{day:02d}" for day in range(1, 31)]
    assert told("2026-11") == sum(map(told, days))
    assert told("2026") == sum(told(f"2026-{month:02d}") for month in range(1, 13))
    assert told("2026") == told("2026-H1") + told("2026-H2") == sum(told(f"2026-Q{q}") for q in range(1, 5))


def test_a_figure_follows_when_one_record_changes(ws):
    before = engine_of(ws).value("people.shelters").value
    code = current_snapshot(ws).table("shelters")["code"][0].as_py()
    assert riskmap("retire", "shelters", code, "--why", "拆除", "--workspace", ws.root).status == 0
    assert engine_of(open_workspace(ws.root)).value("people.shelters").value == before - 1
    assert riskmap("reinstate", "shelters", code, "--why", "误拆", "--workspace", ws.root).status == 0


@given(st.fractions(min_value=-(10**6), max_value=10**6), st.integers(0, 6))
def test_rounding_is_half_up_and_never_further_than_half_a_unit(exact, decimals):
    value = Fraction(rounded(exact, decimals))
    unit = Fraction(1, 10**decimals)
    assert abs(value - exact) <= unit / 2
    if abs(value - exact) == unit / 2:
        assert abs(value) > abs(exact)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(10**7), 10**7), st.integers(0, 4)), max_size=60))
def test_sums_by_group_are_exact(rows):
    values = np.array([n / 10**places for _, n, places in rows], float)
    codes = np.array([code for code, _, _ in rows], np.int64)
    expected = [sum((Fraction(repr(float(v))) for v, c in zip(values, codes, strict=True) if c == k), Fraction(0)) for k in range(4)]  # fmt: skip
    assert sums_by(values, codes, 4) == expected


@given(st.dates(min_value=parse_period("1990").first, max_value=parse_period("2090").first), st.sampled_from(["mon", "fri", "sun"]))  # fmt: skip
def test_every_day_lies_in_exactly_one_week_and_the_week_before_ends_where_it_begins(day, starts):
    weeks = [
        parse_period(f"{day.year + k}-W{w:02d}", week_starts=starts) for k in (-1, 0, 1) for w in range(1, 53)
    ]
    holding = [week for week in weeks if day in week]
    assert len(holding) <= 1
    for week in holding:
        assert shifted(week, "-1w", week_starts=starts).until == week.first


@given(
    st.sampled_from(["2026", "2026-H1", "2026-Q3", "2026-02", "2026-W09", "2026-01..2026-06"]),
    st.sampled_from(SHIFTS),
)
def test_a_period_before_ends_no_later(text, shift):
    period = parse_period(text)
    before = shifted(period, shift)
    assert before.until < period.until or before.first < period.first
    assert before.first < before.until


def test_what_is_not_stated_has_one_name_everywhere():
    assert NOT_STATED != NOTHING
    assert default_figures()
