"""How high water stands in a depression before it spills, and how deep a volume makes it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskmap.terrain.hydrology import StageVolume, find_depressions

K = 100.0  # a 1:100 cone: 1 m deeper for every 100 m inwards


def cone(cell: float) -> StageVolume:
    half = np.arange(-150.0 + cell / 2, 150.0, cell)
    distance = np.hypot(*np.meshgrid(half, half))
    return StageVolume.of_cells(distance / K, spill=1.5, cell_area=cell * cell)


@pytest.mark.parametrize(("cell", "within"), [(5.0, 0.01), (1.0, 0.001)])
def test_a_net_volume_in_a_gridded_cone_stands_as_deep_as_in_the_cone(cell, within):
    # 12 ha, CN 92, 100 mm in 3 h, drain .4 m³/s: 9317 − 4320 m³ stay; h = (3V/πk²)^⅓.
    expected = (3 * 4997 / (math.pi * K**2)) ** (1 / 3)
    assert expected == pytest.approx(0.781, abs=5e-4)
    curve = cone(cell)
    assert float(curve.level(4997.0)) == pytest.approx(expected, rel=within)
    assert float(curve.depth(4997.0)) == pytest.approx(expected, rel=max(within, cell / K))


def test_the_worked_curve_of_two_cells():
    curve = StageVolume.of_cells([1.0, 2.0], spill=3.0, cell_area=100.0)
    assert curve.stage.tolist() == [1.0, 2.0, 3.0]
    assert curve.volume.tolist() == [0.0, 100.0, 300.0]
    assert (curve.bottom, curve.spill, curve.capacity) == (1.0, 3.0, 300.0)
    volumes = np.array([[-5.0, 0.0, 50.0], [200.0, 300.0, 900.0]])
    assert curve.depth(volumes).tolist() == [[0.0, 0.0, 0.5], [1.5, 2.0, 2.0]]
    assert curve.spilled(volumes).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 600.0]]
    assert curve.depth_at([1.5, 2.9], 200.0) == pytest.approx([1.0, 0.0])


def test_an_unknown_volume_gives_an_unknown_depth():
    curve = StageVolume.of_cells([1.0], spill=2.0, cell_area=1.0)
    assert np.isnan(curve.depth(np.nan))
    assert np.isnan(curve.depth_at(np.nan, 1.0))
    assert np.isnan(curve.spilled(np.nan))


def test_a_curve_needs_ground_below_its_spill_height():
    with pytest.raises(ValueError, match="spill"):
        StageVolume.of_cells([3.0, np.nan], spill=3.0, cell_area=1.0)


@settings(max_examples=40)
@given(
    ground=arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 9)),
    spill=st.floats(9.5, 20), share=st.floats(0, 1),
)  # fmt: skip
def test_the_depth_of_a_volume_holds_exactly_that_volume(ground, spill, share):
    curve = StageVolume.of_cells(ground, spill=spill, cell_area=4.0)
    assert (np.diff(curve.stage) > 0).all()
    assert (np.diff(curve.volume) >= 0).all()
    level = float(curve.level(share * curve.capacity))
    held = 4.0 * np.maximum(level - ground, 0).sum()
    assert held == pytest.approx(share * curve.capacity, rel=1e-9, abs=1e-6)


@settings(max_examples=40)
@given(low=st.floats(0, 500), more=st.floats(0, 500))
def test_more_water_is_never_shallower(low, more):
    curve = cone(5.0)
    assert curve.depth(low + more) >= curve.depth(low)


def test_depressions_take_their_level_from_the_rim_and_not_from_the_fill():
    ground = np.full((5, 9), 10.0, np.float32)
    ground[1:4, 1:4] = 5.0
    ground[2, 6] = 9.0
    ground[2, 0] = np.float32(7.1)
    filled = ground.copy()
    filled[1:4, 1:4] = np.nextafter(np.float32(7.1), np.float32(8))  # a rounded sum
    filled[2, 6] = 10.0
    found = find_depressions(ground, filled, cell_area=2.0)
    assert len(found) == 2
    assert found.spill.tolist() == [float(np.float32(7.1)), 10.0]
    assert found.bottom.tolist() == [5.0, 9.0]
    assert found.area.tolist() == [18.0, 2.0]
    assert found.volume == pytest.approx([9 * 2.1 * 2, 2.0], rel=1e-6)
    assert found.curve(1).capacity == pytest.approx(found.volume[0])
    assert found.labels[2, 6] == 2
    with pytest.raises(IndexError, match="depression 3 of 2"):
        found.curve(3)


def test_ground_without_depressions_has_none():
    ground = np.arange(12.0).reshape(3, 4)
    found = find_depressions(ground, ground, cell_area=1.0)
    assert len(found) == 0
    assert (found.labels == 0).all()
