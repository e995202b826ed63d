"""Shaded relief: brightness on planes of known slope, and the picture that goes under the map."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine
from rasterio.errors import NotGeoreferencedWarning

from riskmap.errors import WorkspaceError
from riskmap.terrain.derivatives import hillshade, hillshade_png


def plane(east=0.0, north=0.0, *, cell=30.0, size=9):
    """Heights that rise by `east` m per metre to the east and `north` to the north."""
    steps = np.arange(size) * cell
    return east * steps[None, :] - north * steps[:, None] + 100.0


def write_dem(path, heights, *, crs="EPSG:4547", transform=None, nodata=-9999.0, driver="GTiff"):
    place = transform or Affine(30.0, 0, 512_000.0, 0, -30.0, 2_496_000.0)
    with rasterio.open(
        path, "w", driver=driver, height=heights.shape[0], width=heights.shape[1], count=1,
        dtype="float32", crs=crs, transform=place, nodata=nodata,
    ) as raster:  # fmt: skip
        raster.write(heights.astype("float32"), 1)
    return path


def read_png(body):
    """Decode with another library than the one that wrote it: grey and alpha."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.MemoryFile(body) as file, file.open(driver="PNG") as picture:
            return picture.read(1), picture.read(2)


def test_level_ground_has_the_sine_of_the_suns_altitude():
    assert (hillshade(plane(), 30.0) == round(255 * math.sin(math.radians(45)))).all()
    assert (hillshade(plane(), 30.0, altitude=90) == 255).all()


def test_a_plane_that_faces_the_sun_squarely_is_fully_lit():
    # The sun stands north-west at 45°: a slope of 45° that falls to the north-west looks straight at it.
    falling_north_west = plane(math.sqrt(0.5), -math.sqrt(0.5))
    assert (hillshade(falling_north_west, 30.0) == 255).all()
    assert (hillshade(plane(-math.sqrt(0.5), math.sqrt(0.5)), 30.0) == 1).all()


def test_a_plane_of_known_slope_has_the_worked_value():
    # Rises to the east by 0.5: normal (−.5, 0, 1)/√1.25; sun in the west at 30°: (−cos 30°, 0, sin 30°).
    expected = 255 * (0.5 * math.cos(math.radians(30)) + math.sin(math.radians(30))) / math.sqrt(1.25)
    assert (hillshade(plane(0.5), 30.0, azimuth=270, altitude=30) == round(expected)).all()


@given(
    east=st.floats(-2, 2), north=st.floats(-2, 2), azimuth=st.floats(0, 360), altitude=st.floats(5, 90),
    cell=st.tuples(st.floats(5, 60), st.floats(5, 60)),
)  # fmt: skip
def test_any_plane_follows_lamberts_cosine_up_to_the_border(east, north, azimuth, altitude, cell):
    across, down = cell
    heights = east * np.arange(6)[None, :] * across - north * np.arange(5)[:, None] * down
    turn, rise = math.radians(azimuth), math.radians(altitude)
    cosine = (
        math.sin(rise) - east * math.sin(turn) * math.cos(rise) - north * math.cos(turn) * math.cos(rise)
    ) / math.sqrt(1 + east**2 + north**2)
    shade = hillshade(heights, (across, down), azimuth=azimuth, altitude=altitude)
    assert np.abs(shade.astype(float) - np.clip(255 * cosine, 1, 255)).max() <= 0.51


def test_unknown_heights_stay_unknown_and_do_not_darken_their_neighbours():
    heights = plane(0.3, 0.2)
    whole = hillshade(heights, 30.0)
    holed = heights.copy()
    holed[4, 4] = np.nan
    shade = hillshade(holed, 30.0)
    assert shade[4, 4] == 0
    assert np.array_equal(np.delete(shade.ravel(), 4 * 9 + 4), np.delete(whole.ravel(), 4 * 9 + 4))
    assert np.array_equal(hillshade(np.ma.masked_invalid(holed), 30.0), shade)
    assert (hillshade(np.full((3, 3), np.nan), 30.0) == 0).all()


def test_the_heights_are_left_as_they_were():
    heights = plane(0.3)
    before = heights.copy()
    hillshade(heights, 30.0)
    assert np.array_equal(heights, before)


def test_a_grid_that_is_none_is_refused():
    with pytest.raises(ValueError, match="two dimensions"):
        hillshade(np.zeros(4), 30.0)
    with pytest.raises(ValueError, match="positive"):
        hillshade(np.zeros((4, 4)), 0.0)


def test_the_picture_lies_where_the_terrain_lies_and_is_transparent_elsewhere(tmp_path):
    heights = plane(size=60)
    heights[:30, 30:] = -9999.0
    body, (south, west, north, east) = hillshade_png(write_dem(tmp_path / "dem.tif", heights), width=120)
    grey, alpha = read_png(body)
    assert grey.shape[1] == 120
    back = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)
    corners = back.transform(
        [512_000, 512_000 + 1800, 512_000, 512_000 + 1800], [2_496_000, 2_496_000, 2_494_200, 2_494_200]
    )
    assert (west, east) == pytest.approx((min(corners[0]), max(corners[0])), abs=1e-6)
    assert north == pytest.approx(max(corners[1]), abs=1e-6)
    assert south == pytest.approx(min(corners[1]), abs=2e-4)  # whole pixels
    rows, cols = grey.shape
    assert set(np.unique(alpha)) == {0, 255}
    assert (alpha[4 : rows // 2 - 3, cols // 2 + 3 : -4] == 0).all()
    assert (alpha[rows // 2 + 3 : -5, 4:-4] == 255).all()
    assert set(np.unique(grey[alpha == 255])) == {180}  # level ground, not darkened beside the hole


def test_a_mark_on_the_terrain_appears_at_its_place_on_the_picture(tmp_path):
    heights = plane(size=101)
    heights[70, 20] += 400.0
    body, (south, west, north, east) = hillshade_png(write_dem(tmp_path / "dem.tif", heights), width=404)
    grey, alpha = read_png(body)
    peak = Transformer.from_crs("EPSG:4547", "EPSG:3857", always_xy=True).transform(
        512_000 + 20.5 * 30, 2_496_000 - 70.5 * 30
    )
    mercator = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
    left, bottom = mercator.transform(west, south)
    right, top = mercator.transform(east, north)
    col = (peak[0] - left) / (right - left) * grey.shape[1]
    row = (top - peak[1]) / (top - bottom) * grey.shape[0]
    rows, cols = np.nonzero((grey != 180) & (alpha == 255))
    assert (rows.mean() + 0.5, cols.mean() + 0.5) == pytest.approx((row, col), abs=1.5)


def test_degrees_are_shaded_like_metres(tmp_path):
    # 0.001° is about 103 m east–west and 111 m north–south here; a plane that rises 20 m per cell.
    heights = plane(20 / 30.0, size=40)
    path = write_dem(
        tmp_path / "dem.tif", heights, crs="EPSG:4490", transform=Affine(0.001, 0, 114.1, 0, -0.001, 22.6)
    )
    grey, alpha = read_png(hillshade_png(path)[0])
    across = 0.001 * 111_320 * math.cos(math.radians(22.58))
    expected = hillshade(plane(20 / across, cell=across), across)[4, 4]
    assert abs(int(np.median(grey[alpha == 255])) - int(expected)) <= 1


def test_a_huge_raster_is_thinned_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("riskmap.terrain.derivatives.LARGEST_SIDE", 25)
    body, _ = hillshade_png(write_dem(tmp_path / "dem.tif", plane(size=100)))
    assert read_png(body)[0].shape[1] == 25


def test_a_raster_without_a_coordinate_system_is_refused(tmp_path):
    path = write_dem(tmp_path / "dem.tif", plane(), crs=None)
    with pytest.raises(WorkspaceError, match="没有坐标系"):
        hillshade_png(path)


@pytest.mark.parametrize(
    "body",
    [
        b"<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>",
        b"<GDAL_WMS><Service name='TMS'></Service></GDAL_WMS>",
        b"II*\x00but nothing more",
        b"",
    ],
)
def test_another_file_under_a_terrain_name_is_refused_with_one_message(tmp_path, body):
    path = tmp_path / "dem.tif"
    path.write_bytes(body)
    with pytest.raises(WorkspaceError, match="GeoTIFF"):
        hillshade_png(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WorkspaceError, match=r"nowhere\.tif"):
        hillshade_png(tmp_path / "nowhere.tif")


def test_the_drivers_that_follow_other_files_are_switched_off():
    with rasterio.Env() as env:
        assert not {"VRT", "WMS", "WCS", "HTTP", "DERIVED"} & set(env.drivers())


def test_the_picture_is_a_png():
    from riskmap.terrain.derivatives import png

    body = png(np.full((2, 3), 7, np.uint8), np.full((2, 3), 255, np.uint8))
    assert io.BytesIO(body).read(8) == b"\x89PNG\r\n\x1a\n"
    grey, alpha = read_png(body)
    assert grey.tolist() == [[7, 7, 7], [7, 7, 7]]
    assert (alpha == 255).all()
