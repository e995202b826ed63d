"""Rounding and composite indices against the decimal module, plain Python and the papers' values."""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.formulas.composite import (
    closeness,
    geometric_mean,
    inverted_geometric_mean,
    min_max,
    percentile_rank,
    topsis,
)
from riskmap.formulas.domain import round_decimals, significant

HOW = {"half_away": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
decimals = st.decimals(-(10**7), 10**7, allow_nan=False, places=6)


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [(2.675, 2, 2.68), (1.005, 2, 1.01), (1.0049999999, 2, 1.0), (-2.5, 0, -3.0), (2.5, 0, 3.0), (0.285, 2, 0.29),
     (5.55, 1, 5.6), (0.1 + 0.2, 1, 0.3), (1e16, 3, 1e16), (4.35, 1, 4.4), (-0.04, 1, 0.0), (0.0, 2, 0.0)],
)  # fmt: skip
def test_numbers_are_rounded_as_a_spreadsheet_shows_them(number, places, expected):
    assert round_decimals(number, places) == expected


@pytest.mark.parametrize("how", HOW)
@given(number=decimals, places=st.integers(0, 5), ulps=st.integers(-2, 2))
@settings(max_examples=150)
def test_rounding_follows_the_decimal_and_not_the_noise_of_the_float(how, number, places, ulps):
    noisy = float(number)
    for _ in range(abs(ulps)):
        noisy = math.nextafter(noisy, math.inf * ulps)
    expected = number.quantize(Decimal(1).scaleb(-places), rounding=HOW[how])
    assert round_decimals(noisy, places, how=how) == float(expected)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20), st.integers(0, 9))
@settings(max_examples=100)
def test_rounding_never_moves_a_number_further_than_half_its_last_place(numbers, places):
    x = np.array(numbers)
    rounded = round_decimals(x, places)
    np.testing.assert_array_equal(np.isnan(rounded), np.isnan(x))
    known = np.isfinite(x)
    limit = 0.5 * 10.0**-places * (1 + 1e-9) + np.abs(x[known]) * 1e-14
    assert (np.abs(rounded[known] - x[known]) <= limit).all()
    np.testing.assert_array_equal(round_decimals(rounded, places), rounded)


def test_sums_that_are_equal_on_paper_are_equal_when_they_are_ranked():
    x = significant([0.1 + 0.2, 0.3, 0.7 + 0.1, 0.8, 0.0, np.nan, -1e-9], 12)
    assert x[0] == x[1]
    assert x[2] == x[3]
    assert x[4] == 0
    assert np.isnan(x[5])


def ranked(column, x, **how):
    values, counts = np.unique(np.array(column, dtype=float), return_counts=True)
    return percentile_rank(np.array(x, dtype=float), values, counts, **how)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=15))
@settings(max_examples=100)
def test_a_percentile_rank_is_the_share_of_the_others_that_are_smaller(column):
    n = len(column)
    smaller = [sum(y < x for y in column) for x in column]
    equal = [sum(y == x for y in column) - 1 for x in column]
    greater = [sum(y > x for y in column) for x in column]
    assert ranked(column, column).tolist() == [s / (n - 1) for s in smaller]
    assert ranked(column, column, greater=True).tolist() == [g / (n - 1) for g in greater]
    middle = [(s + e / 2) / (n - 1) for s, e in zip(smaller, equal, strict=True)]
    assert ranked(column, column, ties="mean").tolist() == pytest.approx(middle)


def test_a_newcomer_takes_the_place_where_it_would_be_inserted():
    assert ranked([1, 2, 2, 5], [0, 1, 1.5, 2, 3, 5, 9]).tolist() == pytest.approx(
        [0, 0, 1 / 3, 1 / 3, 1, 1, 1]
    )
    assert ranked([1, 2, 2, 5], [0, 9], ties="mean").tolist() == [0, 1]
    assert np.isnan(ranked([1, 2], [np.nan])).all()
    assert np.isnan(ranked([1], [1, 2])).all()
    assert np.isnan(ranked([], [1])).all()


def test_min_max_needs_a_difference():
    assert min_max([7.0, 2.0, 12.0, 17.0], 2, 12).tolist() == [0.5, 0, 1, 1.5]
    assert np.isnan(min_max([2.0], 2, 2)).all()


def test_the_inverted_geometric_mean_is_that_of_inform():
    # (10 − geomean((10 − x)/10·9 + 1))/9·10 with x = 2, 7, 5: 8.2, 3.7, 5.5 → g = 5.5056 → 4.9938.
    g = (8.2 * 3.7 * 5.5) ** (1 / 3)
    third = [1 / 3] * 3
    assert inverted_geometric_mean([2.0, 7.0, 5.0], third, low=0, high=10) == pytest.approx((10 - g) / 9 * 10)
    for end in (0.0, 10.0):
        assert inverted_geometric_mean([end] * 3, third, low=0, high=10) == pytest.approx(end, abs=1e-12)
    assert inverted_geometric_mean([0.0, 10.0], [0.5, 0.5], low=0, high=10) == pytest.approx(7.5974692665)
    assert geometric_mean([2.0, 8.0], [0.5, 0.5]) == pytest.approx(4)
    assert np.isnan(geometric_mean([np.array([-1.0])], [1.0])).all()


parts = st.lists(st.floats(0, 10), min_size=2, max_size=5)


@given(parts, st.data())
@settings(max_examples=100)
def test_one_bad_part_pulls_the_inverted_mean_above_the_arithmetic_one(values, data):
    weights = [1 / len(values)] * len(values)
    mean = inverted_geometric_mean(values, weights, low=0, high=10)
    assert mean >= sum(values) / len(values) - 1e-9
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9
    i = data.draw(st.integers(0, len(values) - 1))
    worse = [*values[:i], min(10, values[i] + data.draw(st.floats(0, 5))), *values[i + 1 :]]
    assert inverted_geometric_mean(worse, weights, low=0, high=10) >= mean - 1e-12


@pytest.mark.parametrize("norm", ["vector", "minmax"])
def test_closeness_to_a_fitted_table_is_topsis_of_that_table(norm):
    x = np.array([[0.8, 0.6, 0.2], [0.4, 0.9, 0.5], [0.6, 0.3, 0.9], [0.2, 0.2, 0.1]])
    scale = np.sqrt((x**2).sum(axis=0)) if norm == "vector" else np.ptp(x, axis=0)
    found = closeness(list(x.T), [0.5, 0.3, 0.2], scale=scale, least=x.min(axis=0), most=x.max(axis=0))
    assert found == pytest.approx(topsis(x, [0.5, 0.3, 0.2], norm=norm))
    if norm == "vector":
        assert found.round(6).tolist() == [0.655434, 0.525673, 0.567137, 0.0]


def test_a_point_beyond_a_fitted_table_is_as_close_as_its_end():
    ends = {"scale": [1.0, 1.0], "least": [0.0, 0.0], "most": [1.0, 1.0]}
    found = closeness([np.array([5.0, 1.0]), np.array([1.0, 1.0])], [0.5, 0.5], **ends)
    assert found.tolist() == [1, 1]
    assert np.isnan(closeness([np.array([0.0])], [1.0], scale=[0.0], least=[0.0], most=[0.0])).all()
