"""Vector tiles: bytes worked by hand, and the same shapes back through a reader that is not ours."""

from __future__ import annotations

import mapbox_vector_tile
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from riskmap.reports.map_tiles import LINE, POINT, POLYGON, Feature, _paths, mvt_layer, point, varint


def read(*layers: bytes, upwards: bool = False):
    return mapbox_vector_tile.decode(b"".join(layers), default_options={"y_coord_down": not upwards})


@pytest.mark.parametrize(
    ("number", "bytes_"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")]
)
def test_a_number_is_written_in_groups_of_seven_bits(number, bytes_):
    assert varint(number).hex() == bytes_


def test_a_point_is_a_step_from_the_corner():
    assert point(1, 2).hex() == "090204"
    assert point(-1, 4095).hex() == "0901fe3f"


def test_two_points_come_back_where_they_were():
    layer = mvt_layer(
        "risks",
        ("tier",),
        [Feature(POINT, point(1, 2), ("low",)), Feature(POINT, point(4095, 300), ("major",))],
    )
    found = read(layer, upwards=True)["risks"]
    assert (found["extent"], found["version"]) == (4096, 2)
    places = [(one["geometry"]["coordinates"], one["properties"]) for one in found["features"]]
    assert places == [([1, 4094], {"tier": "low"}), ([4095, 3796], {"tier": "major"})]


def test_a_tile_is_its_layers_one_after_another_and_what_is_not_stated_has_no_key():
    one = mvt_layer("a", ("tier", "name"), [Feature(POINT, point(5, 6), ("low", ""))])
    other = mvt_layer("b", ("name",), [Feature(POINT, point(7, 8), ("</script>",))])
    found = read(one, other)
    assert found["a"]["features"][0]["properties"] == {"tier": "low"}
    assert found["b"]["features"][0]["properties"] == {"name": "</script>"}


def test_a_square_with_a_hole_is_these_steps():
    # The specification's rule: the outer ring clockwise to the eye, the hole the other way round.
    square = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 4), (4, 4), (4, 2)]])
    found = read(mvt_layer("p", (), [Feature(POLYGON, _paths(shapely.set_precision(square, 1.0)), ())]))["p"]
    shape = shapely.geometry.shape(found["features"][0]["geometry"])
    assert shape.equals(square)
    assert shape.area == 96


def test_what_is_smaller_than_a_step_has_no_geometry():
    assert _paths(shapely.set_precision(shapely.box(0.1, 0.1, 0.3, 0.3), 1.0)) == b""
    assert _paths(shapely.clip_by_rect(shapely.box(0, 0, 5, 5), 10, 10, 20, 20)) == b""


STEPS = st.integers(-64, 4160)


@given(st.lists(st.tuples(STEPS, STEPS), min_size=2, max_size=20, unique=True))
def test_a_line_comes_back_corner_by_corner(corners):
    found = read(mvt_layer("l", (), [Feature(LINE, _paths(shapely.LineString(corners)), ())]))["l"]
    assert [tuple(one) for one in found["features"][0]["geometry"]["coordinates"]] == corners


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 4000)), min_size=3, max_size=12),
    st.integers(1, 80),
)
def test_a_polygon_comes_back_with_its_area(centres, radius):
    shape = shapely.set_precision(
        shapely.union_all([shapely.box(x, y, x + radius, y + radius) for x, y in centres]), 1.0
    )
    found = read(mvt_layer("p", (), [Feature(POLYGON, _paths(shape), ())]))["p"]
    back = shapely.geometry.shape(found["features"][0]["geometry"])
    assert back.area == pytest.approx(shape.area)
    assert shapely.make_valid(back).symmetric_difference(shape).area == pytest.approx(0)


@given(
    st.lists(
        st.tuples(st.integers(0, 4095), st.integers(0, 4095), st.text("a中<'\n", max_size=4)), max_size=40
    )
)
def test_points_come_back_in_their_order_with_their_names(points):
    features = [Feature(POINT, point(x, y), (name,)) for x, y, name in points]
    found = read(mvt_layer("p", ("name",), features)).get("p", {"features": []})["features"]
    back = [(*one["geometry"]["coordinates"], one["properties"].get("name", "")) for one in found]
    assert back == points
