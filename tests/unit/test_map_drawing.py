"""Drawing on paper: places in millimetres, symbols, labels that do not overlap."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from riskmap.reports.map_drawing import (
    SCALES,
    Frame,
    Label,
    Look,
    Symbols,
    labels,
    path_of,
    points_svg,
    round_step,
    symbol_path,
    width_of,
)

FRAME = Frame((500_000, 2_500_000), 200, 170, 100_000)
LOOK = Look(("#111", "#222", "#333", "#444", "#555"), (0.3, 0.4, 0.5, 1.4, 1.9), 3, {})


def test_a_kilometre_at_one_to_a_hundred_thousand_is_a_centimetre():
    assert FRAME.place(500_000, 2_500_000) == (100, 85)
    assert FRAME.place(501_000, 2_501_000) == (110, 75)
    assert FRAME.bounds() == (490_000, 2_491_500, 510_000, 2_508_500)


@given(st.floats(-1e6, 1e6), st.floats(1e6, 5e6), st.floats(1.0, 300_000.0), st.floats(1.0, 300_000.0))
def test_what_must_be_seen_lies_within_the_frame_at_a_round_scale(west, south, wide, high):
    frame = Frame.around((west, south, west + wide, south + high), 205, 178)
    assert frame.holds([west, west + wide], [south, south + high]).all()
    assert frame.scale in SCALES or frame.scale % 50_000 == 0


def test_a_stated_scale_is_kept():
    assert Frame.around((0, 0, 50_000, 50_000), 200, 170, scale=25_000).scale == 25_000


def test_a_position_that_is_not_known_is_not_in_the_frame():
    assert not FRAME.holds([math.nan], [math.nan])[0]


@pytest.mark.parametrize(
    "name", ["circle", "triangle", "square", "diamond", "drop", "house", "hexagon", "pentagon"]
)
def test_every_symbol_of_a_layer_file_is_a_closed_path(name):
    (dx, dy), steps = symbol_path(name, 2.0)
    assert steps.endswith("z")
    assert math.hypot(dx, dy) <= 2.0 * 1.45


def test_the_worst_are_drawn_last_and_nothing_outside():
    x = np.array([500_000.0, 500_000.0, 600_000.0, math.nan])
    y = np.array([2_500_000.0, 2_500_000.0, 2_500_000.0, math.nan])
    rank = np.array([4, 0, 3, 4], np.uint8)
    drawn = points_svg(FRAME, Symbols(x, y, rank, np.zeros(4, np.int64), ["circle"]), LOOK)
    assert drawn.index("#111") < drawn.index("#555")
    assert "#444" not in drawn
    assert drawn.count("<path") == 3  # one low, and a major with its dark line


def test_of_very_many_points_those_with_a_rim_are_all_drawn_and_each_cell_of_paper_once():
    n = 210_000
    x, y = np.full(n, 500_000.0), np.full(n, 2_500_000.0)
    rank = np.zeros(n, np.uint8)
    rank[:3] = 4
    drawn = points_svg(FRAME, Symbols(x, y, rank, np.zeros(n, np.int64), ["circle"]), LOOK)
    low, _dark, major = (part.count("M") for part in drawn.split("<path")[1:])
    assert (low, major) == (1, 3)


def test_a_polygon_with_a_hole_and_a_line_become_paths():
    ring = shapely.Polygon(
        [(499_000, 2_499_000), (501_000, 2_499_000), (501_000, 2_501_000), (499_000, 2_501_000)],
        [[(499_500, 2_499_500), (500_500, 2_499_500), (500_500, 2_500_500)]],
    )
    assert path_of(FRAME, ring).count("Z") == 2
    assert "Z" not in path_of(FRAME, shapely.LineString([(499_000, 2_499_000), (501_000, 2_501_000)]))


spots = st.lists(
    st.tuples(st.floats(491_000, 509_000), st.floats(2_492_000, 2_508_000)), min_size=1, max_size=60
)


@given(spots)
def test_no_label_lies_over_another_or_over_a_symbol_or_beside_the_map(places):
    x, y = np.array(places).T
    found = labels(FRAME, x, y, [f"{i} 号" for i in range(len(x))], size=2.3, radius=1.9, taken=[])
    boxes = [_box(one) for one in found if one.shown]
    px, py = FRAME.place(x, y)
    symbols = [(a - 1.9, b - 1.9, a + 1.9, b + 1.9) for a, b in zip(px, py, strict=True)]
    for i, box in enumerate(boxes):
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= FRAME.width
        assert box[3] <= FRAME.height
        assert not any(_over(box, other) for other in [*boxes[:i], *symbols])


def test_a_label_without_room_is_not_shown():
    same = np.full(12, 500_000.0), np.full(12, 2_500_000.0)
    found = labels(FRAME, *same, ["演示"] * 12, size=2.3, radius=1.9, taken=[])
    assert 0 < sum(one.shown for one in found) < 12


def _box(label: Label) -> tuple[float, float, float, float]:
    return label.x, label.y, label.x + width_of(label.text, 2.3), label.y + 2.3 * 1.15


def _over(a, b) -> bool:
    less = 1e-9
    return a[0] < b[2] - less and a[2] > b[0] + less and a[1] < b[3] - less and a[3] > b[1] + less


@pytest.mark.parametrize(
    ("least", "step"), [(0.9, 1), (1, 1), (1.1, 2), (2.5, 5), (1375, 2000), (5001, 10_000)]
)
def test_steps_are_round(least, step):
    assert round_step(least) == step
