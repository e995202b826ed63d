"""Water on hand-made ground: it fills to the spill height, none gets lost, and drainage lies lowest."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskmap.errors import RiskmapError
from riskmap.terrain.hydrology import (
    BYTES_PER_CELL,
    LEAST_TANGENT,
    flow_of,
    height_above_drainage,
    need_room,
    topographic_wetness,
)

heights = arrays(
    np.float32,
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    elements=st.one_of(st.integers(0, 6).map(float), st.sampled_from([0.1, 2.3, 5.1, math.nan])),
)


def test_the_worked_value_of_topographic_wetness():
    assert float(topographic_wetness(500.0, 2.0)) == pytest.approx(9.5693, abs=5e-5)


def test_level_ground_is_wet_but_not_infinitely_and_unknown_stays_unknown():
    assert float(topographic_wetness(100.0, 0.0)) == pytest.approx(math.log(100.0 / LEAST_TANGENT))
    assert np.isnan(topographic_wetness([100.0, np.nan, 0.0], [np.nan, 3.0, 3.0])).all()


def test_too_many_cells_are_refused_with_the_memory_they_would_take():
    with pytest.raises(RiskmapError, match=f"{BYTES_PER_CELL} 字节"):
        need_room(60_000_000)
    with pytest.raises(RiskmapError, match="resolution"):
        flow_of(np.zeros((10, 10)), most=99)


def test_without_its_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyflwdir", None)
    with pytest.raises(RiskmapError, match="pip install pyflwdir"):
        flow_of(np.zeros((3, 3)))


def test_depressions_fill_to_the_height_at_which_they_spill():
    ground = np.full((9, 9), 10.0)
    ground[3:6, 3:6] = [[5, 4, 5], [5, 3.5, 6], [5, 5, 5]]
    ground[4, 6:] = 7.25  # the outlet
    flow = flow_of(ground, cell=(2.0, 2.0))
    expected = ground.copy()
    expected[3:6, 3:6] = 7.25
    assert np.array_equal(flow.filled, expected.astype("float32"))
    assert flow.depressions.spill.tolist() == [7.25]
    assert flow.depressions.volume.tolist() == [4.0 * (9 * 7.25 - ground[3:6, 3:6].sum())]
    assert flow.depressions.curve(1).depth(1e9) == 3.75


def test_a_hollow_within_a_hollow_fills_to_the_outer_rim():
    ground = np.full((9, 9), 8.0)
    ground[1:8, 1:8] = 4.0
    ground[3:6, 3:6] = 6.0
    ground[4, 4] = 1.0
    ground[0, 4] = 7.0
    flow = flow_of(ground)
    assert (flow.filled[1:8, 1:8] == 7.0).all()
    assert len(flow.depressions) == 1


def test_water_runs_down_a_valley_to_its_mouth():
    rows, cols = np.mgrid[0:20, 0:11]
    ground = np.abs(cols - 5) * 3.0 + (20 - rows) * 1.0  # falls to the south, a valley in the middle
    flow = flow_of(ground, cell=(30.0, 30.0))
    assert flow.cells.argmax() == np.ravel_multi_index((19, 5), ground.shape)
    assert (np.diff(flow.cells[:, 5]) > 0).all()
    drained = height_above_drainage(ground, flow, cell_area=900.0, drainage_m2=900.0 * 12)
    assert (drained[flow.cells >= 12] == 0).all()
    assert drained[15, 8] > drained[15, 6] > 0


@settings(max_examples=80)
@given(ground=heights)
def test_laws_of_flow_on_any_ground(ground):
    before = ground.copy()
    flow = flow_of(ground, cell=(2.0, 1.0))
    known = np.isfinite(ground)
    assert np.array_equal(ground, before, equal_nan=True)
    assert flow.cells.ravel()[flow.outlets].sum() == known.sum()  # no water gets lost
    assert np.array_equal(flow.cells > 0, known)
    assert np.array_equal(np.isfinite(flow.filled), known)
    assert (flow.filled[known] >= ground[known]).all()
    assert set(flow.filled[known].tolist()) <= set(
        ground[known].tolist()
    )  # every level is a height of the terrain
    again = flow_of(flow.filled, cell=(2.0, 1.0))
    assert np.array_equal(again.filled, flow.filled, equal_nan=True)
    assert len(again.depressions) == 0
    assert flow.depressions.volume.sum() == pytest.approx(2.0 * (flow.filled - ground)[known].sum(), abs=1e-4)
    drained = height_above_drainage(ground, flow, cell_area=2.0, drainage_m2=6.0)
    on = flow.cells >= 3
    assert (drained[on] == 0).all()
    assert not (drained[np.isfinite(drained)] < 0).any()
    assert np.isnan(drained[~known]).all()
    if not on.any():
        assert np.isnan(drained).all()


def test_every_spill_is_the_lowest_way_out():
    rng = np.random.default_rng(3)
    ground = rng.integers(0, 60, (25, 25)).astype("float32")
    flow = flow_of(ground)
    # Another way to the same: raise everything but the border and let water go down until nothing changes.
    level = np.full(ground.shape, np.inf)
    level[[0, -1]], level[:, [0, -1]] = ground[[0, -1]], ground[:, [0, -1]]
    while True:
        wide = np.pad(level, 1, constant_values=np.inf)
        lowest = np.min([wide[r : r + 25, c : c + 25] for r in range(3) for c in range(3)], axis=0)
        lower = np.minimum(level, np.maximum(ground, lowest))
        if np.array_equal(lower, level):
            break
        level = lower
    assert np.array_equal(flow.filled, level)


def test_the_real_terrain_loses_no_cell(test_data: Path):
    from riskmap.terrain.geotiff import metric_grid, opened, read_heights

    with opened(test_data / "dem_shenzhen_hongkong_30m.tif") as raster:
        grid = metric_grid(raster)
        ground = read_heights(raster, slice(400, 900), slice(900, 1500))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow = flow_of(ground, cell=grid.cell)
    assert grid.cell == (30.0, 30.0)
    assert flow.cells.ravel()[flow.outlets].sum() == np.isfinite(ground).sum()
    assert len(flow.depressions) > 10
    assert np.nanmin(height_above_drainage(ground, flow, cell_area=900.0, drainage_m2=1e5)) == 0
