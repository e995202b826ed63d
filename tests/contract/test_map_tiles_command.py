"""`riskmap map --to FILE.pmtiles`: tiles that readers which are not ours open, with each located record once."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import mapbox_vector_tile
import pyogrio
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader, all_tiles

import riskmap
from tests import cli
from tests.map_workspace import EAST, NORTH, SOUTH, UNLOCATED, WEST, make_workspace


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("tiles") / "ws")


@pytest.fixture(scope="module")
def file(ws, tmp_path_factory):
    made = tmp_path_factory.mktemp("file") / "map.pmtiles"
    found = cli.riskmap("map", "--to", made, "--json", "--workspace", ws.root)
    assert found.status == 0, found.err
    assert found.json["files"] == [
        {"path": str(made), "format": "pmtiles", "rows": 63 - UNLOCATED, "unlocated": UNLOCATED}
    ]
    return made


def tiles(file):
    """Yield each tile's place and its layers, read by others."""
    with file.open("rb") as opened:
        for place, body in all_tiles(MmapSource(opened)):
            yield (
                place,
                mapbox_vector_tile.decode(gzip.decompress(body), default_options={"y_coord_down": True}),
            )


def told(file):
    with file.open("rb") as opened:
        reader = Reader(MmapSource(opened))
        return reader.header(), reader.metadata()


def test_at_the_deepest_zoom_each_located_point_is_there_once(file):
    found = Counter(
        feature["properties"]["code"]
        for (zoom, *_), layers in tiles(file)
        for name in ("risk_points", "shelters")
        for feature in layers.get(name, {"features": []})["features"]
        if zoom == 14
    )
    assert set(found.values()) == {1}
    assert len(found) == 57 - UNLOCATED + 2


def test_another_program_counts_the_same(file):
    # Its driver reads the deepest zoom; a polygon comes in as many pieces as there are tiles under it.
    points = pyogrio.read_dataframe(file, layer="risk_points")
    assert len(points) == 57 - UNLOCATED
    assert Counter(points["tier"])["major"] == 1
    pieces = pyogrio.read_dataframe(file, layer="forest_fire_grids")
    assert set(pieces["code"]) == {"FG-0", "FG-1", "FG-2", "FG-3"}


def test_a_point_lies_where_the_record_does(file, ws):
    points = pyogrio.read_dataframe(file, layer="risk_points").to_crs(4326).set_index("code")
    frame = riskmap.open(ws.root)["risk_points"].frame()
    frame = frame[~frame.geometry.is_empty & frame.geometry.notna()]
    for code, place in frame.geometry.items():
        there = points.geometry[code]
        assert abs(there.x - place.x) < 1.1e-5  # half a step of .6 m, and the datum
        assert abs(there.y - place.y) < 1.1e-5


def test_the_pieces_of_a_polygon_make_the_polygon(file):
    pieces = pyogrio.read_dataframe(file, layer="forest_fire_grids").to_crs(4326)
    for i in range(4):
        whole = shapely.box(114.102 + 0.003 * i, 22.533, 114.105 + 0.003 * i, 22.539)
        mine = shapely.union_all(pieces.geometry[pieces["code"] == f"FG-{i}"])
        assert mine.symmetric_difference(whole).area < 0.01 * whole.area


def test_farther_out_one_point_stands_for_its_neighbours_and_the_worst_comes_last(file):
    counts: Counter[int] = Counter()
    for (zoom, *_), layers in tiles(file):
        features = layers.get("risk_points", {"features": []})["features"]
        counts[zoom] += len(features)
        order = ["low", "unrated", "general", "large", "major"]
        ranks = [order.index(one["properties"]["tier"]) for one in features]
        assert ranks == sorted(ranks)
        assert all(("code" in one["properties"]) == (zoom >= 13) for one in features)
    assert sorted(counts) == list(range(min(counts), 15))
    assert counts[9] < counts[14]
    assert all(counts[zoom] <= counts[zoom + 1] for zoom in range(min(counts), 14))


def test_the_file_says_what_it_is(file):
    header, metadata = told(file)
    west, south, east, north = (
        header[f"{edge}_e7"] / 1e7 for edge in ("min_lon", "min_lat", "max_lon", "max_lat")
    )
    assert WEST <= west < east <= EAST
    assert SOUTH <= south < north <= NORTH
    assert (header["max_zoom"], header["tile_type"].name, header["tile_compression"].name) == (
        14,
        "MVT",
        "GZIP",
    )
    assert {one["id"] for one in metadata["vector_layers"]} == {
        "risk_points",
        "forest_fire_grids",
        "shelters",
    }
    assert "测试区" in metadata["name"]
    assert metadata["riskmap"]["approval"] == "粤S(2026)001号"


def test_no_contact_is_in_a_tile(file):
    words = json.dumps([layers for _, layers in tiles(file)], ensure_ascii=False)
    assert "13800001234" not in words
    assert "张三丰" not in words
    assert "</script>" in words  # a name is a value like any other


def test_a_selection_without_a_position_is_refused(ws, tmp_path):
    found = cli.riskmap(
        "map", "--where", "name ~ 无坐标", "--to", tmp_path / "a.pmtiles", "--workspace", ws.root
    )
    assert found.status == 2
    assert "坐标" in found.err
    assert not (tmp_path / "a.pmtiles").exists()
