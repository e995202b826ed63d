"""Slope, aspect and curvature: exact on planes and quadrics, the same in blocks as in one piece."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine

from riskmap.errors import DatumError, UnreadableFileError
from riskmap.terrain.derivatives import LOCAL, local_factors
from riskmap.terrain.factors import BLOCK, TILE, blocks, write_local
from riskmap.terrain.geotiff import metric_grid, opened, read_heights
from tests.terrain_files import plane, read_raster, write_raster

SQUARE = (30.0, 30.0)


def of(heights, name, cell=SQUARE):
    return local_factors(heights, cell, (name,))[name]


@settings(max_examples=40)
@given(
    east=st.floats(-2, 2), north=st.floats(-2, 2), across=st.floats(1, 60), down=st.floats(1, 60),
    shape=st.tuples(st.integers(2, 7), st.integers(2, 7)),
)  # fmt: skip
def test_a_plane_has_its_slope_and_aspect_everywhere_the_border_included(east, north, across, down, shape):
    heights = east * np.arange(shape[1])[None, :] * across - north * np.arange(shape[0])[:, None] * down
    expected = math.degrees(math.atan(math.hypot(east, north)))
    assert of(heights, "slope", (across, down)) == pytest.approx(np.full(shape, expected), abs=1e-6)
    if math.hypot(east, north) > 1e-3:
        facing = math.degrees(math.atan2(-east, -north))
        off = (of(heights, "aspect", (across, down)) - facing + 180.0) % 360.0 - 180.0
        assert np.abs(off).max() < 1e-6


def test_worked_values_of_slope_and_aspect():
    assert of(plane(0.3, 0.4), "slope") == pytest.approx(np.full((9, 9), 26.565051), abs=1e-6)
    assert of(plane(1.0), "aspect") == pytest.approx(np.full((9, 9), 270.0))
    assert of(plane(0, 1.0), "aspect") == pytest.approx(np.full((9, 9), 180.0))
    assert of(plane(0, -1.0), "aspect") == pytest.approx(np.zeros((9, 9)))


def test_level_ground_has_no_slope_and_faces_nowhere():
    assert (of(plane(), "slope") == 0).all()
    assert np.isnan(of(plane(), "aspect")).all()
    assert (of(plane(), "profile_curvature")[1:-1, 1:-1] == 0).all()


@settings(max_examples=40)
@given(
    xx=st.floats(-0.01, 0.01),
    yy=st.floats(-0.01, 0.01),
    xy=st.floats(-0.01, 0.01),
    p=st.floats(0.1, 1.0),
    q=st.floats(-1.0, 1.0),
)
def test_a_quadric_has_its_exact_curvatures(xx, yy, xy, p, q):
    x, y = np.meshgrid((np.arange(3) - 1) * 20.0, (1 - np.arange(3)) * 10.0)
    z = p * x + q * y + xx * x**2 / 2 + yy * y**2 / 2 + xy * x * y
    steep = p * p + q * q
    profile = (xx * p * p + 2 * xy * p * q + yy * q * q) / steep
    plan = (xx * q * q - 2 * xy * p * q + yy * p * p) / steep
    assert of(z, "profile_curvature", (20.0, 10.0))[1, 1] == pytest.approx(profile, abs=1e-9)
    assert of(z, "plan_curvature", (20.0, 10.0))[1, 1] == pytest.approx(plan, abs=1e-9)


def test_hollows_are_positive_ridges_negative_and_pits_have_no_fall_line():
    x, y = np.meshgrid(np.arange(-4.0, 5.0), np.arange(-4.0, 5.0))
    bowl = 0.01 * (x**2 + y**2)
    assert of(bowl, "plan_curvature", (1.0, 1.0))[2, 2] == pytest.approx(0.02)
    assert of(bowl, "profile_curvature", (1.0, 1.0))[2, 2] == pytest.approx(0.02)
    assert of(-bowl, "plan_curvature", (1.0, 1.0))[2, 2] == pytest.approx(-0.02)
    assert np.isnan(of(bowl, "plan_curvature", (1.0, 1.0))[4, 4])
    assert np.isnan(of(bowl, "profile_curvature", (1.0, 1.0))[0]).all()  # not all nine are known


def test_unknown_heights_stay_unknown_and_never_become_level():
    heights = plane(0.3, 0.2)
    heights[4, 4] = np.nan
    slope = of(heights, "slope")
    assert np.isnan(slope[4, 4])
    assert np.nanmax(np.abs(slope - math.degrees(math.atan(math.hypot(0.3, 0.2))))) < 1e-9
    alone = np.full((5, 5), np.nan)
    alone[2, 2] = 7.0
    assert np.isnan(of(alone, "slope")).all()
    assert np.isnan(of(np.full((1, 4), 5.0), "slope")).all()  # no difference to the north is known


def test_blocks_tile_a_grid_and_outputs():
    assert BLOCK % TILE == 0
    seen = np.zeros((50, 33), int)
    for place in blocks(seen.shape, 16):
        seen[place] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("side", [5, 16, 64])
def test_blocks_give_the_same_as_the_whole_grid(tmp_path: Path, side: int):
    rng = np.random.default_rng(side)
    heights = rng.normal(100, 20, (45, 38)).astype("float32")
    heights[rng.random(heights.shape) < 0.1] = -9999.0
    dem = write_raster(tmp_path / "dem.tif", heights)
    targets = {name: tmp_path / f"{name}.tif" for name in LOCAL}
    write_local(dem, targets, tags={"DEM_SHA256": "abc"}, side=side)
    whole = local_factors(np.where(heights == -9999.0, np.nan, heights.astype(float)), SQUARE, LOCAL)
    for name, path in targets.items():
        band, profile, tags = read_raster(path)
        assert np.array_equal(band, whole[name].astype("float32").astype(float), equal_nan=True)
        assert (profile["nodata"], profile["tiled"], profile["compress"]) == (-9999.0, True, "deflate")
        assert tags["RISKMAP_FACTOR"] == name
        assert tags["DEM_SHA256"] == "abc"
        assert tags["METHOD"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["dem.tif", *(f"{n}.tif" for n in LOCAL)])


def test_scale_offset_and_impossible_heights_are_understood(tmp_path: Path):
    stored = np.array([[10, 20], [-32768, 30]], dtype="int16")  # nodata that the file does not declare
    dem = write_raster(tmp_path / "dem.tif", stored, dtype="int16", nodata=None, scale=(0.1, 100.0))
    with opened(dem) as raster:
        heights = read_heights(raster, slice(0, 2), slice(0, 2))
    assert heights.tolist()[0] == pytest.approx([101.0, 102.0])
    assert np.isnan(heights[1, 0])


@pytest.mark.parametrize(
    ("crs", "transform", "unit", "match"),
    [
        ("EPSG:4490", Affine(0.001, 0, 114, 0, -0.001, 22.6), None, "resolution"),
        ("EPSG:3857", Affine(30, 0, 12_700_000, 0, -30, 2_580_000), None, r"1\.08"),
        ("EPSG:2263", Affine(30, 0, 300_000, 0, -30, 100_000), None, "不以米为单位"),
        ("EPSG:4547", Affine(30, 3, 512_000, 3, -30, 2_496_000), None, "正北"),
        ("EPSG:4547", Affine(30, 0, 512_000, 0, 30, 2_496_000), None, "正北"),
        ("EPSG:4547", None, "ft", "ft"),
    ],
)
def test_a_grid_that_would_give_wrong_slopes_is_refused(tmp_path: Path, crs, transform, unit, match):
    dem = write_raster(tmp_path / "dem.tif", plane(), crs=crs, transform=transform, unit=unit)
    with opened(dem) as raster, pytest.raises(DatumError, match=match):
        metric_grid(raster)


def test_a_raster_without_a_coordinate_system_and_other_files_are_refused(tmp_path: Path):
    with (
        pytest.raises(DatumError, match="没有坐标系"),
        opened(write_raster(tmp_path / "a.tif", plane(), crs=None)),
    ):
        pass
    disguised = tmp_path / "b.tif"
    disguised.write_bytes(b"<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>")
    renamed = (tmp_path / "a.tif").rename(tmp_path / "a.img")
    for path in (disguised, renamed):
        with pytest.raises(UnreadableFileError, match="GeoTIFF"), opened(path):
            pass
    with pytest.raises(UnreadableFileError, match="nowhere"), opened(tmp_path / "nowhere.tif"):
        pass
