"""Water in the depressions of a terrain, and who else stands in it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import rasterio
from rasterio import Affine

from riskmap.actions.episode.ponding import standing_water
from riskmap.catalog import defaults_dir, load_catalog
from riskmap.coordinates import parse_datum, to_cgcs2000
from riskmap.rules.arrays import LayerArrays
from riskmap.values.hazards import Series

CELL = 10.0
WEST, NORTH = 500_000.0, 2_500_000.0
SIDE = 41


def place(row: float, col: float) -> tuple[float, float]:
    lon, lat = to_cgcs2000(
        np.array([WEST + (col + 0.5) * CELL]),
        np.array([NORTH - (row + 0.5) * CELL]),
        parse_datum("EPSG:4547"),
    )
    return float(lon[0]), float(lat[0])


@pytest.fixture(scope="module")
def dem(tmp_path_factory):
    """A tilted plane with two bowls of 2 m: one at (12, 12), one at (28, 28)."""
    row, col = np.mgrid[0:SIDE, 0:SIDE]
    height = 20.0 + 0.02 * (row + col)
    for centre in (12, 28):
        away = np.hypot(row - centre, col - centre)
        height = height - np.clip(2.0 - 0.4 * away, 0.0, None)
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=SIDE, width=SIDE, count=1, dtype="float32", crs="EPSG:4547",
        transform=Affine(CELL, 0, WEST, 0, -CELL, NORTH), nodata=-9999.0,
    ) as out:  # fmt: skip
        out.write(height.astype(np.float32), 1)
    return path


@pytest.fixture(scope="module")
def standing(dem):
    spots = pa.table(
        {
            "code": ["A"],
            "f:catchment_ha": [2.0],
            "f:curve_number": [90.0],
            "f:pump_capacity": [None],
            "f:backup_power": pa.array([None], pa.bool_()),
        }
    )
    lon, lat = place(12, 12)
    runoff = np.array([[0.0], [20.0], [40.0], [np.nan]], np.float32)
    columns = LayerArrays(spots, load_catalog(defaults_dir()).layer("waterlogging"))
    return standing_water(
        dem, columns, np.array([lon]), np.array([lat]), Series(runoff, runoff, runoff), hours=1.0
    )


def at(standing, *places):
    lon, lat = np.array(places).T
    return standing.at_places(lon, lat)


def test_a_spot_has_the_greatest_depth_of_its_depression_and_it_grows_with_the_rain(standing):
    depth = standing.at_spots(*(np.array([v]) for v in place(12, 12))).best[:, 0]
    assert depth[0] == 0.0
    assert 0.0 < depth[1] < depth[2]
    assert np.isnan(depth[3])


def test_who_stands_higher_in_the_same_depression_stands_in_less_water(standing):
    depth = at(standing, place(12, 12), place(12, 14)).best
    assert depth[2, 0] > depth[2, 1] >= 0.0


def test_ground_that_holds_no_water_is_dry_and_a_depression_that_nobody_described_is_unknown(standing):
    depth = at(standing, place(2, 2), place(28, 28)).best
    assert (depth[:, 0] == 0.0).all()
    assert np.isnan(depth[:, 1]).all()


def test_outside_the_terrain_and_without_a_position_nothing_is_known(standing):
    depth = at(standing, (100.0, 30.0), (np.nan, np.nan)).best
    assert np.isnan(depth).all()
