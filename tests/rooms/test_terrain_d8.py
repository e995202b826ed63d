"""Where each cell drains, against a second D8 that is written here cell by cell and shares no line with the product."""

from __future__ import annotations

import heapq
import math
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from riskmap.terrain.d8 import drainage_directions
from riskmap.terrain.geotiff import metric_grid, opened, read_heights
from riskmap.terrain.hydrology import flow_of, height_above_drainage
from tests.cli import riskmap
from tests.terrain_files import read_raster

TILT = Path(__file__).parents[1] / "cases" / "field" / "tilt.tif"

CLOCKWISE = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
SIDES_THEN_CORNERS = CLOCKWISE[::2] + CLOCKWISE[1::2]


class SecondD8:
    """Fill, drain and count on a dict of cells: slow, and easy to read."""

    def __init__(self, ground: np.ndarray, *, width: float, height: float) -> None:
        self.ground = {(int(r), int(c)): float(ground[r, c]) for r, c in np.argwhere(np.isfinite(ground))}
        self.length = {(dr, dc): math.hypot(dr * height, dc * width) for dr, dc in CLOCKWISE}
        self.level = self.filled()
        self.to = self.drained()
        self.cells = self.counted()

    def around(self, cell, order=CLOCKWISE):
        for dr, dc in order:
            yield (dr, dc), (cell[0] + dr, cell[1] + dc)

    def at_edge(self, cell) -> bool:
        return any(beside not in self.ground for _, beside in self.around(cell))

    def filled(self):
        level: dict = {}
        waiting = [(z, cell) for cell, z in self.ground.items() if self.at_edge(cell)]
        heapq.heapify(waiting)
        while waiting:
            z, cell = heapq.heappop(waiting)
            if cell in level:
                continue
            level[cell] = z
            for _, beside in self.around(cell):
                if beside in self.ground and beside not in level:
                    heapq.heappush(waiting, (max(z, self.ground[beside]), beside))
        return level

    def drained(self):
        to: dict = {}
        for cell, z in self.level.items():
            falls = [
                ((z - self.level[beside]) / self.length[step], beside)
                for step, beside in self.around(cell)
                if beside in self.level
            ]
            steepest = max((fall for fall, _ in falls), default=0.0)
            if steepest > 0:
                to[cell] = next(beside for fall, beside in falls if fall == steepest)
            elif self.at_edge(cell):
                to[cell] = None
        steps = dict.fromkeys(to, 0)
        queue = deque(to)
        while queue:
            cell = queue.popleft()
            for _, beside in self.around(cell):
                if self.level.get(beside) == self.level[cell] and beside not in steps:
                    steps[beside] = steps[cell] + 1
                    queue.append(beside)
        for cell in self.level.keys() - to.keys():
            to[cell] = next(
                beside
                for _, beside in self.around(cell, SIDES_THEN_CORNERS)
                if self.level.get(beside) == self.level[cell] and steps[beside] == steps[cell] - 1
            )
        return to

    def counted(self):
        cells = dict.fromkeys(self.to, 1)
        above = dict.fromkeys(self.to, 0)
        for below in self.to.values():
            if below is not None:
                above[below] += 1
        ready = [cell for cell, n in above.items() if n == 0]
        while ready:
            cell = ready.pop()
            below = self.to[cell]
            if below is not None:
                cells[below] += cells[cell]
                above[below] -= 1
                if above[below] == 0:
                    ready.append(below)
        assert sum(cells[cell] for cell, below in self.to.items() if below is None) == len(cells)
        return cells

    def height_above(self, drainage: float):
        out = {}
        for start in self.to:
            cell = start
            while cell is not None and self.cells[cell] < drainage:
                cell = self.to[cell]
            out[start] = math.nan if cell is None else max(self.ground[start] - self.level[cell], 0.0)
        return out

    def grid(self, values: dict, shape) -> np.ndarray:
        out = np.full(shape, np.nan)
        for cell, value in values.items():
            out[cell] = value
        return out


def smoothed_land(test_data: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """A piece of the real terrain with hills and a shore, smoothed as a finer survey is."""
    with opened(test_data / "dem_shenzhen_hongkong_30m.tif") as raster:
        ground = read_heights(raster, slice(700, 950), slice(1100, 1400))
        cell = metric_grid(raster).cell
    assert np.isfinite(ground).all()
    return ndimage.gaussian_filter(ground.astype(np.float64), 2.0).astype(np.float32), cell


def share_equal(found: np.ndarray, expected: np.ndarray) -> float:
    known = np.isfinite(expected)
    assert np.array_equal(np.isfinite(found), known)
    return float((found[known] == expected[known]).mean())


def test_a_tilted_plane_drains_to_its_steepest_neighbours_in_every_factor(tmp_path: Path):
    done = riskmap("terrain", "--dem", TILT, "--to", tmp_path, "--factors", "accumulation,twi,hand,slope",
                   "--drainage-ha", "1", "--json")  # fmt: skip
    assert done.status == 0, done.err
    found = {f["factor"]: read_raster(Path(f["path"]))[0] for f in done.json["files"]}
    ground = read_raster(TILT)[0].astype(np.float32)
    other = SecondD8(ground, width=30.0, height=30.0)
    cells = other.grid(other.cells, ground.shape)
    assert share_equal(found["accumulation"], cells) == 1.0
    wet = np.log(cells * 30.0 / np.maximum(np.tan(np.radians(found["slope"])), 1e-3))
    assert found["twi"] == pytest.approx(wet, abs=1e-4)
    above = other.grid(other.height_above(10_000 / 900), ground.shape)
    assert np.isfinite(above).any()
    assert np.allclose(found["hand"], above, atol=1e-4, equal_nan=True)


def test_a_smoothed_real_terrain_drains_as_a_second_d8_says(test_data: Path):
    ground, cell = smoothed_land(test_data)
    flow = flow_of(ground, cell=cell)
    other = SecondD8(ground, width=cell[0], height=cell[1])
    assert share_equal(flow.cells.astype(float), other.grid(other.cells, ground.shape)) >= 0.999
    above = height_above_drainage(ground, flow, cell_area=900.0, drainage_m2=1e5)
    expected = other.grid(other.height_above(1e5 / 900), ground.shape)
    # What is shallower than a millimetre is no depression: the product lets water through it, and leaves its height.
    assert share_equal(np.where(np.abs(above - expected) <= 1e-3, expected, above), expected) >= 0.999


@settings(max_examples=80)
@given(
    ground=arrays(
        np.float32,
        st.tuples(st.integers(2, 9), st.integers(2, 9)),
        elements=st.one_of(st.integers(0, 4).map(float), st.sampled_from([0.1, 2.3, 5.1, math.nan])),
    ),
    width=st.sampled_from([1.0, 2.0, 30.0]),
)
def test_any_ground_with_ties_flats_and_gaps_drains_as_the_stated_rule_says(ground, width):
    flow = flow_of(ground, cell=(width, 30.0))
    other = SecondD8(ground, width=width, height=30.0)
    assert np.array_equal(flow.cells, np.nan_to_num(other.grid(other.cells, ground.shape)))


def test_of_equally_steep_neighbours_the_first_clockwise_from_east_is_taken():
    ground = np.full((3, 3), 5.0, np.float32)
    ground[1, 0] = ground[2, 1] = ground[0, 1] = 4.0
    assert drainage_directions(ground)[1, 1] == 4  # south


def test_level_ground_takes_the_shortest_way_out_and_sides_before_corners():
    ground = np.full((5, 7), 9.0, np.float32)
    ground[1:4, 1:6] = 3.0
    ground[2, 6] = 3.0  # the way out, at the border
    codes = drainage_directions(ground)
    assert codes[2].tolist()[1:] == [1, 1, 1, 1, 1, 0]
    assert codes[1, 5] == 2  # one step across a corner, not two across sides
    assert codes[1, 4] == 1


def test_heights_that_were_not_filled_are_no_ground_for_directions():
    ground = np.full((3, 3), 5.0, np.float32)
    ground[1, 1] = 1.0
    with pytest.raises(ValueError, match="not filled"):
        drainage_directions(ground)
