from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from riskmap.coordinates import from_cgcs2000, metres, parse_datum
from riskmap.errors import WorkspaceError
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.values.boundaries import Boundaries, duplicates, fitting_datum

WEST, EAST = box(114.0, 22.5, 114.1, 22.6), box(114.1, 22.5, 114.2, 22.6)
PLACES = Boundaries.of(box(114.0, 22.5, 114.2, 22.6), {"甲街道": WEST, "乙街道": EAST})


def test_every_point_is_found_in_its_subdistrict_and_unlocated_ones_in_none():
    found = PLACES.locate([114.05, 114.15, 115.0, np.nan], [22.55, 22.55, 22.55, np.nan])
    assert found.tolist() == [0, 1, -1, -1]
    assert PLACES.in_district([114.2, 115.0, np.nan], [22.55, 22.55, np.nan]).tolist() == [True, False, False]


def test_the_same_name_within_thirty_metres_is_a_likely_duplicate():
    degrees = 1 / 111_320
    lat = [22.55, 22.55 + 29 * degrees, 22.55 + 100 * degrees, 22.55]
    assert duplicates(["甲", "甲", "甲", "乙"], [114.1] * 4, lat).tolist() == [True, True, False, False]


def test_points_without_a_name_are_never_duplicates():
    assert not duplicates([None, None], [114.1, 114.1], [22.5, 22.5]).any()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["甲", "乙", "", None]), st.integers(0, 12), st.integers(0, 12), st.booleans()
        ),
        max_size=25,
    ),
    st.sampled_from([3e-5, 1e-4, 2.6e-4]),
)
@settings(max_examples=150)
def test_duplicates_are_those_that_comparing_every_pair_finds(points, step):
    names = [p[0] for p in points]
    lon = np.array([114.1 + p[1] * step + 3.0 * p[3] for p in points], np.float64)
    lat = np.array([22.6 + p[2] * step for p in points], np.float64)
    found = duplicates(names, lon, lat)
    named = np.array([bool(n) for n in names], bool)
    same = np.array([[a == b for b in names] for a in names], bool).reshape(len(names), len(names))
    pairs = same & named & ~np.eye(len(names), dtype=bool)
    east, north = metres(lon, lat) if names else (lon, lat)
    gap = np.hypot(east[:, None] - east, north[:, None] - north)
    for near in (29.99, 30.01):  # at the very limit either answer will do
        expected = (pairs & (gap <= near)).any(axis=1)
        if np.array_equal(found, expected):
            return
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("true_datum", ["gcj02", "bd09"])
def test_the_datum_that_would_bring_the_points_inside_is_named(true_datum: str):
    edge = Boundaries.of(
        box(114.0, 22.5, 114.004, 22.6)
    )  # a strip some 400 m wide: an offset of 600 m leaves it
    lon, lat = np.full(50, 114.002), np.linspace(22.51, 22.59, 50)
    as_written = from_cgcs2000(lon, lat, parse_datum(true_datum))
    assert fitting_datum(*as_written, parse_datum("wgs84"), edge) == true_datum
    assert fitting_datum(lon, lat, parse_datum("wgs84"), edge) is None


def test_a_boundary_file_with_a_mistake_is_refused_by_name(tmp_path):
    path = tmp_path / "街道.geojson"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="街道.geojson"):
        read_boundaries(path)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="Polygon"):
        read_boundaries(path)
    with pytest.raises(WorkspaceError, match="打不开"):
        read_boundaries(tmp_path / "none.geojson")
