"""The value of a raster at points and in polygons: exact inside, missing outside, never zero for unknown."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine

from riskmap.errors import DatumError, RiskmapError, UnknownNameError
from riskmap.terrain import sampling
from riskmap.terrain.sampling import sample_points, summarise
from tests.terrain_files import CORNER, plane, write_raster

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("exactextract") is None,
    reason='optional part: exactextract is not installed (pip install "riskmap[terrain]")',
)
BACK = pyproj.Transformer.from_crs("EPSG:4547", "EPSG:4490", always_xy=True)


def degrees(col, row, cell=30.0):
    """Return (lon, lat) of positions in cells from the upper left corner."""
    return BACK.transform(CORNER[0] + np.asarray(col) * cell, CORNER[1] - np.asarray(row) * cell)


def box(left, top, right, bottom):
    """Return the WKB of a rectangle in cells from the upper left corner."""
    lon, lat = degrees([left, right, right, left], [top, top, bottom, bottom])
    return shapely.to_wkb(shapely.polygons(np.column_stack([lon, lat])))


@pytest.fixture(scope="module")
def sloping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raster(tmp_path_factory.mktemp("raster") / "plane.tif", plane(0.1, 0.05, shape=(40, 50)))


@settings(max_examples=60)
@given(points=st.lists(st.tuples(st.floats(0.5, 49.5), st.floats(0.5, 39.5)), min_size=1, max_size=20))
def test_bilinear_sampling_is_exact_on_a_plane(sloping: Path, points):
    col, row = np.array(points).T
    expected = 100.0 + 0.1 * (col - 0.5) * 30 - 0.05 * (row - 0.5) * 30
    assert sample_points(sloping, *degrees(col, row)) == pytest.approx(expected, abs=2e-4)


def test_nearest_takes_the_cell_in_which_the_point_lies(tmp_path: Path):
    path = write_raster(tmp_path / "a.tif", np.arange(12).reshape(3, 4))
    col, row = np.meshgrid(np.arange(4) + 0.99, np.arange(3) + 0.01)
    assert (
        sample_points(path, *degrees(col, row), method="nearest").tolist()
        == np.arange(12.0).reshape(3, 4).tolist()
    )


def test_outside_nodata_and_unlocated_are_missing_and_not_zero(tmp_path: Path):
    values = np.ones((3, 4))
    values[1, 1] = -9999.0
    path = write_raster(tmp_path / "a.tif", values)
    lon, lat = degrees([1.5, -0.01, 4.01, 2.0, 2.0, 0.0], [1.5, 1.0, 1.0, -0.01, 3.01, 0.0])
    for method in ("bilinear", "nearest"):
        found = sample_points(path, [*lon, np.nan, 10.0, 1e300], [*lat, 22.5, 80.0, 22.5], method=method)
        assert np.isnan(np.delete(found, 5)).all()
        assert found[5] == 1.0  # the corner itself is covered


def test_an_unknown_neighbour_is_left_out_and_not_counted_as_zero(tmp_path: Path):
    values = np.full((3, 4), 8.0)
    values[1, 1] = -9999.0
    path = write_raster(tmp_path / "a.tif", values)
    assert sample_points(path, *degrees([2.1, 0.1], [1.5, 0.1])).tolist() == [8.0, 8.0]


def test_a_raster_in_degrees_of_another_datum_is_met_where_it_lies(tmp_path: Path):
    utm = write_raster(
        tmp_path / "utm.tif",
        plane(shape=(2, 2)),
        crs="EPSG:32650",
        transform=Affine(30, 0, 204_000, 0, -30, 2_496_000),
    )
    inverse = pyproj.Transformer.from_crs("EPSG:32650", "EPSG:4490", always_xy=True)
    assert sample_points(utm, *inverse.transform(204_030, 2_495_970)) == 100.0
    turned = write_raster(
        tmp_path / "t.tif", np.arange(16).reshape(4, 4), transform=Affine(0, 30, CORNER[0], -30, 0, CORNER[1])
    )
    assert sample_points(turned, *degrees(1.5, 0.5)) == pytest.approx(4.0)  # its columns run south


def test_bands_scale_and_offset_are_obeyed(tmp_path: Path):
    bands = np.stack([np.full((2, 2), 5), np.full((2, 2), 7)])
    path = write_raster(tmp_path / "a.tif", bands, dtype="int16", nodata=-1)
    assert sample_points(path, *degrees([1.0], [1.0]), band=2).tolist() == [7.0]
    with pytest.raises(UnknownNameError, match="共 2 个"):
        sample_points(path, 114.0, 22.0, band=3)
    scaled = write_raster(tmp_path / "b.tif", np.full((2, 2), 5), dtype="int16", scale=(0.5, 10.0))
    assert sample_points(scaled, *degrees([1.0], [1.0])).tolist() == [12.5]


def test_reading_in_bands_of_rows_changes_nothing(sloping: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(1)
    lon, lat = degrees(rng.uniform(-2, 52, 500), rng.uniform(-2, 42, 500))
    whole = sample_points(sloping, lon, lat)
    assert np.isnan(whole).any()
    monkeypatch.setattr(sampling, "MOST_CELLS", 120)
    assert np.array_equal(sample_points(sloping, lon, lat), whole, equal_nan=True)


def test_a_raster_that_no_way_leads_to_is_refused(tmp_path: Path):
    local = 'LOCAL_CS["Shenzhen independent",UNIT["metre",1],AXIS["East",EAST],AXIS["North",NORTH]]'
    path = write_raster(tmp_path / "a.tif", plane(), crs=local)
    with pytest.raises(DatumError, match="CGCS2000"):
        sample_points(path, 114.0, 22.0)


@needs_extra
def test_a_polygon_has_the_mean_by_share_of_cells_and_the_largest_it_touches(tmp_path: Path):
    path = write_raster(tmp_path / "a.tif", np.arange(100).reshape(10, 10))
    found = summarise(path, [box(0.5, 8, 2, 9.5), None], statistic="mean")
    # Rows 8 (whole) and 9 (half), columns 0 (half) and 1 (whole).
    expected = (80 * 0.5 + 81 + 90 * 0.25 + 91 * 0.5) / (0.5 + 1 + 0.25 + 0.5)
    assert found.values[0] == pytest.approx(expected, abs=1e-3)
    assert found.share.tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert np.isnan(found.values[1])
    assert summarise(path, [box(0.5, 8, 1.9, 9.5)], statistic="max").values.tolist() == [91.0]


@needs_extra
def test_a_polygon_of_which_too_little_is_known_is_missing_and_says_how_much(tmp_path: Path):
    values = np.full((10, 10), 4.0)
    values[:, 0] = -9999.0
    path = write_raster(tmp_path / "a.tif", values)
    shapes = [box(0, 0, 2, 2), box(0, 0, 10, 10), box(-5, 2, -1, 4), box(8, 2, 12, 4)]
    found = summarise(path, shapes, statistic="mean")
    assert found.share == pytest.approx([0.5, 0.9, 0.0, 0.5], abs=1e-4)
    assert np.isnan(found.values[[0, 2, 3]]).all()
    assert np.isnan(found.values[1]) or found.values[1] == 4.0
    assert summarise(path, shapes, statistic="mean", least_share=0.4).values[[0, 3]].tolist() == [4.0, 4.0]


@needs_extra
def test_a_turned_raster_and_shapes_without_area_are_not_summarised(tmp_path: Path):
    turned = write_raster(tmp_path / "t.tif", plane(), transform=Affine(30, 3, CORNER[0], 3, -30, CORNER[1]))
    with pytest.raises(DatumError, match="正北"):
        summarise(turned, [box(0, 0, 1, 1)], statistic="mean")
    path = write_raster(tmp_path / "a.tif", plane())
    line = shapely.to_wkb(shapely.linestrings([[114.0, 22.0], [114.1, 22.0]]))
    assert np.isnan(summarise(path, [line], statistic="mean").values).all()


def test_without_the_extra_summaries_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "exactextract", None)
    with pytest.raises(RiskmapError, match=r'pip install "riskmap\[terrain\]"'):
        summarise(tmp_path / "a.tif", [], statistic="mean")


def test_points_on_the_real_terrain_have_the_heights_of_their_cells(test_data: Path):
    import rasterio

    path = test_data / "dem_shenzhen_hongkong_30m.tif"
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(113.85, 114.4, 2000), rng.uniform(22.15, 22.65, 2000)
    found = sample_points(path, lon, lat, method="nearest")
    with rasterio.open(path) as raster:
        x, y = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True).transform(lon, lat)
        theirs = np.ma.stack(list(raster.sample(zip(x, y, strict=True), masked=True)))[:, 0]
    assert np.array_equal(found, np.ma.filled(theirs.astype(float), np.nan), equal_nan=True)
    assert np.isnan(found).any()
