"""An area and its text are one thing in two forms, and no text is another area than it says."""

from __future__ import annotations

import contextlib
import math

import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from riskmap.errors import SelectionError
from riskmap.selection import Selection, area_of, area_text, polygon_of, ring_of
from riskmap.selection.area import MOST_CORNERS

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LON, LAT = st.floats(-180, 180), st.floats(-90, 90)
SQUARE = ((114.1, 22.53), (114.16, 22.53), (114.16, 22.58), (114.1, 22.58))


@st.composite
def rings(draw):
    corners = draw(st.lists(st.tuples(LON, LAT), min_size=3, max_size=30))
    with contextlib.suppress(SelectionError):
        return ring_of(corners)
    return ring_of([*corners, *SQUARE])


@given(rings())
@example(ring_of([(-180, -90), (180, 90), (-180, 90)]))
def test_an_area_comes_back_from_its_text(ring):
    text = area_text(ring)
    assert area_of(text) == ring
    assert set(text) <= set(LETTERS)
    assert len(text) <= 12 * len(ring) + 3


@given(st.text(LETTERS, max_size=60) | st.text(max_size=20))
@example("")
@example("A" * 6)
@example("_" * 60)
@example("gA" * 6)
def test_a_text_is_refused_or_is_the_one_text_of_its_area(text):
    try:
        ring = area_of(text)
    except SelectionError:
        return
    assert area_text(ring) == text


@pytest.mark.parametrize("text", ["", "x", "北", "A" * 6, "gAgAgAgAgAgA"])
def test_a_refused_text_is_shown_with_what_to_do(text):
    with pytest.raises(SelectionError) as refused:
        area_of(text)
    assert "重新圈选" in refused.value.text("zh")
    assert "draw it" in refused.value.text("en")


@pytest.mark.parametrize("end", range(1, len(area_text(SQUARE))))
def test_a_text_that_lost_its_end_is_no_smaller_area(end):
    with pytest.raises(SelectionError, match="不完整"):
        area_of(area_text(SQUARE)[:end])


@given(st.lists(st.tuples(LON, LAT), min_size=3, max_size=12))
def test_an_area_is_a_polygon_that_a_selection_takes(corners):
    try:
        ring = ring_of(corners)
    except SelectionError:
        return
    shape = polygon_of(ring)
    assert shape.is_valid
    assert shape.area > 0
    assert Selection(within=shapely.to_wkb(shape)).within is not None


@pytest.mark.parametrize(
    "corners",
    [
        [],
        [(114, 22), (115, 22)],
        [(114, 22)] * 5,
        [(114, 22), (115, 22), (116, 22)],
        [(114, 22), (115, 22), (math.nan, 23)],
        [(114, 22), (115, 22), (math.inf, 23)],
        [(114, 22), (115, 22), (181, 23)],
        [(114, 22), (115, 22), (114, 91)],
        [(114, 22), (115, 22), (114, 23, 5)],
        [("114", "北"), (115, 22), (114, 23)],
        None,
        7,
    ],
)
def test_corners_that_enclose_nothing_are_refused(corners):
    with pytest.raises(SelectionError, match="不成面"):
        ring_of(corners)


def test_an_area_with_more_corners_than_a_hand_draws_is_refused_whole():
    circle = [
        (114 + math.cos(i / 500 * math.tau) / 10, 22 + math.sin(i / 500 * math.tau) / 10)
        for i in range(MOST_CORNERS + 1)
    ]
    assert len(ring_of(circle[:-1])) == MOST_CORNERS
    with pytest.raises(SelectionError, match=f"{MOST_CORNERS + 1} 个角点"):
        ring_of(circle)


def test_both_sides_of_a_bow_tie_are_inside():
    tie = polygon_of(ring_of([(0, 0), (1, 1), (1, 0), (0, 1)]))
    assert shapely.intersects_xy(tie, [0.1, 0.9, 0.5], [0.5, 0.5, 0.1]).tolist() == [True, True, False]
