"""What a long action tells, and how it is stopped."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import Text
from riskmap.progress import UNWATCHED, Cancelled, Progress

WHAT = Text("评分", "scoring")
SIZES = st.lists(st.floats(0, 1e6), min_size=1, max_size=8)


def test_nobody_who_watches_is_told_nothing_and_stops_nothing():
    UNWATCHED.step(1, 2, WHAT)
    first, second = UNWATCHED.parts(1, 1)
    assert (first.tell, second.stop) == (None, None)
    assert not UNWATCHED.watched


def test_a_step_after_the_wish_to_stop_raises_and_tells_nothing():
    told = []
    asked = False
    progress = Progress(lambda share, what: told.append((share, what)), lambda: asked)
    progress.step(1, 4, WHAT)
    asked = True
    with pytest.raises(Cancelled):
        progress.step(2, 4, WHAT)
    assert told == [(0.25, WHAT)]


def test_what_goes_on_with_the_rest_after_an_error_does_not_go_on_after_a_stop():
    with pytest.raises(Cancelled), contextlib.suppress(Exception):
        Progress(stop=lambda: True).step(0, 1, WHAT)


def test_once_something_is_written_it_is_told_and_no_longer_asked():
    told = []
    (part,) = Progress(lambda share, _: told.append(share), lambda: True).written.parts(1)
    part.step(1, 2, WHAT)
    assert told == [0.5]


@given(SIZES)
def test_parts_follow_one_another_and_fill_the_whole(sizes):
    told = []
    whole = Progress(lambda share, _: told.append(share))
    for part in whole.parts(*sizes):
        part.step(0, 1, WHAT)
        part.step(1, 1, WHAT)
    assert told == pytest.approx(sorted(told))
    assert told[0] == 0
    assert told[-1] == pytest.approx(1 if sum(sizes) else 0)
    assert all(0 <= share <= 1 + 1e-9 for share in told)


@given(st.floats(-10, 10), st.floats(0, 10))
def test_a_share_never_leaves_the_whole(done, of):
    told = []
    Progress(lambda share, _: told.append(share)).step(done, of, WHAT)
    assert 0 <= told[0] <= 1
