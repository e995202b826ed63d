"""Shares add up, and nothing that is there is shown as nothing: the laws of `riskmap.percentages`."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.percentages import percentage, percentages

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=120).filter(any)
CHANCES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=8).filter(any)
DIGITS = st.integers(0, 2)


def units(text: str, digits: int) -> int:
    """What a text counts for in whole units; what is less than one counts for nothing here."""
    return 0 if text.startswith("<") else int(Fraction(text.removesuffix("%")) * 10**digits)


@given(COUNTS, DIGITS)
def test_the_shown_shares_sum_to_a_hundred_and_make_room_for_what_is_too_small_to_show(parts, digits):
    told, full = percentages(parts, digits=digits), 100 * 10**digits
    quotas = [Fraction(part, sum(parts)) * full for part in parts]
    small = sum((q for q, text in zip(quotas, told, strict=True) if text.startswith("<")), Fraction(0))
    room = full - sum(units(text, digits) for text in told)
    assert room == 0 if small == 0 else 1 <= room <= small + 1


@given(COUNTS | CHANCES, DIGITS)
def test_nothing_that_is_there_is_nothing_and_only_what_is_alone_is_all(parts, digits):
    for part, text in zip(parts, percentages(parts, digits=digits), strict=True):
        assert (part == 0) == (not text.startswith("<") and units(text, digits) == 0)
        assert (units(text, digits) == 100 * 10**digits) == (sum(1 for one in parts if one) == 1 and part > 0)


@given(COUNTS, DIGITS)
def test_a_shown_share_is_less_than_a_unit_from_the_true_one_and_keeps_the_order(parts, digits):
    told = percentages(parts, digits=digits)
    for part, text in zip(parts, told, strict=True):
        true = Fraction(part, sum(parts)) * 100 * 10**digits
        assert true < 1 if text.startswith("<") else abs(units(text, digits) - true) < 1
    ordered = sorted(range(len(parts)), key=lambda i: parts[i])
    for less, more in itertools.pairwise(ordered):
        if parts[less] < parts[more]:
            assert units(told[less], digits) <= units(told[more], digits)


@pytest.mark.parametrize(
    ("parts", "digits", "told"),
    [
        ([2, 1, 1], 0, ["50%", "25%", "25%"]),
        ([1, 1, 1], 0, ["34%", "33%", "33%"]),
        ([1, 1, 4], 0, ["17%", "17%", "66%"]),
        ([42_288, 48], 0, ["99%", "<1%"]),
        ([42_288, 48], 1, ["99.9%", "0.1%"]),
        ([0.996, 0.001, 0.001, 0.001, 0.001], 0, ["99%", "<1%", "<1%", "<1%", "<1%"]),
        ([0.01, 0.99], 0, ["1%", "99%"]),
        ([7, 0], 0, ["100%", "0%"]),
        ([0, 0], 0, ["—", "—"]),
    ],
)
def test_these_shares_read_so(parts, digits, told):
    assert percentages(parts, digits=digits) == told


def test_one_share_reads_as_it_does_beside_the_rest():
    assert [percentage(one) for one in (0.0, 0.004, 0.5, 0.996, 1.0)] == ["0%", "<1%", "50%", "99%", "100%"]
    assert percentage(1, 3, digits=1) == "33.3%"
    assert percentage(0, 0) == "—"


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_what_is_no_part_of_a_whole_is_refused(wrong):
    with pytest.raises(ValueError, match=str(wrong)):
        percentages([1, wrong])
