"""Periods of reports: half-open runs of local days, and the same one before."""

from __future__ import annotations

import datetime as dt

import pytest

from riskmap.errors import RiskmapError
from riskmap.reports.periods import earlier, parse_period, shifted


def day(text):
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-H1", "2026-01-01", "2026-06-30"),
        ("2026-H2", "2026-07-01", "2026-12-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2026-11", "2026-11-01", "2026-11-30"),
        ("2026-W48", "2026-11-23", "2026-11-29"),
        ("2026-W53", "2026-12-28", "2027-01-03"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-11-30", "2026-11-30", "2026-11-30"),
        ("2026-01..2026-06", "2026-01-01", "2026-06-30"),
        ("2026-w48", "2026-11-23", "2026-11-29"),
    ],
)
def test_a_period_begins_and_ends_on_the_days_that_its_form_says(text, first, last):
    period = parse_period(text)
    assert (period.first, period.last) == (day(first), day(last))
    assert period.first in period
    assert period.until not in period


def test_new_years_day_2027_lies_in_the_last_week_of_2026():
    assert day("2027-01-01") in parse_period("2026-W53")


def test_a_week_of_an_office_that_begins_on_friday_begins_three_days_before_its_monday():
    period = parse_period("2026-W48", week_starts="fri")
    assert (period.first, period.last) == (day("2026-11-20"), day("2026-11-26"))


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-Q5", "26", "2026-W54", "2026-06..2026-01", "去年", "2026-02-30"]
)
def test_what_is_no_period_is_refused_with_the_forms_there_are(text):
    with pytest.raises(RiskmapError, match="2026-Q4"):
        parse_period(text)


@pytest.mark.parametrize(
    ("text", "shift", "expected"),
    [
        ("2026", "-1y", "2025"),
        ("2026-Q1", "-1y", "2025-Q1"),
        ("2026-11", "-1y", "2025-11"),
        ("2026-11", "-1m", "2026-10"),
        ("2026-01", "-1m", "2025-12"),
        ("2026-W48", "-1w", "2026-W47"),
        ("2027-W01", "-1w", "2026-W53"),
        ("2026-W48", "-1y", "2025-W48"),
        ("2026-W53", "-1y", "2025-W52"),
        ("2024-02-29", "-1y", "2023-02-28"),
    ],
)
def test_the_period_before_keeps_its_form(text, shift, expected):
    assert shifted(parse_period(text), shift) == parse_period(expected)


def test_a_run_of_months_is_moved_day_by_day():
    before = shifted(parse_period("2026-01..2026-06"), "-1y")
    assert (before.first, before.last) == (day("2025-01-01"), day("2025-06-30"))


@pytest.mark.parametrize(
    ("before", "shift", "after"),
    [
        ("2024-02-29", "-1y", "2023-02-28"),
        ("2026-03-31", "-1m", "2026-02-28"),
        ("2026-01-03", "-1w", "2025-12-27"),
    ],
)
def test_a_day_before_is_a_day_that_there_is(before, shift, after):
    assert earlier(day(before), shift) == day(after)


def test_the_workspace_says_on_which_day_its_weeks_begin(tmp_path):
    from riskmap.actions.workspace.settings import read_workspace_file
    from riskmap.errors import CatalogError

    file = tmp_path / "workspace.toml"
    file.write_text('[district]\nname = "区"\n', encoding="utf-8")
    assert read_workspace_file(file).week_starts == "mon"
    file.write_text('[district]\nname = "区"\n[reports]\nweek_starts = "fri"\n', encoding="utf-8")
    assert read_workspace_file(file).week_starts == "fri"
    file.write_text('[district]\nname = "区"\n[reports]\nweek_starts = "friday"\n', encoding="utf-8")
    with pytest.raises(CatalogError, match="week_starts"):
        read_workspace_file(file)
