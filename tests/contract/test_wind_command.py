"""`riskmap wind`: from a track file and a table of points to the wind there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.cli import riskmap
from tests.unit.test_tracks import BULLETIN, JMA, NODES, written

POINTS = "id,lon,lat\nA,114.3033,22.1822\nB,100,40\n001,115.0,20.9\n"


def test_the_document_holds_every_point_in_its_order(tmp_path: Path):
    track, points = written(tmp_path, NODES), written(tmp_path, POINTS, name="p.csv")
    done = riskmap("wind", "--track", track, "--points", points, "--model", "holland1980", "--json")
    assert done.status == 0, done.err
    assert done.json["model"] == "holland1980"
    assert done.json["averaging_minutes"] is None
    assert done.json["filled"] == []
    a, b, c = done.json["points"]
    assert set(a) == {"id", "lon", "lat", "max_wind_ms", "max_wind_at"}
    assert (b["max_wind_ms"], b["max_wind_at"]) == (0, None)
    assert c["id"] == "001"
    assert c["max_wind_at"] in {"2018-09-16T00:00:00Z", "2018-09-16T00:30:00Z"}
    assert c["max_wind_ms"] > 30


def test_the_table_is_for_people_and_says_what_was_filled(tmp_path: Path):
    track, points = written(tmp_path, JMA, name="j.txt"), written(tmp_path, POINTS, name="p.csv")
    done = riskmap("wind", "--track", track, "--points", points, "--model", "radii")
    assert done.status == 0
    assert "m/s" in done.out
    assert "MANGKHUT" in done.out
    assert "风圈" in done.err


def test_an_ensemble_gives_the_median_of_its_members(tmp_path: Path):
    head = "time (UTC),lat,lon,pressure,wind,averaging,member\n"
    rows = [
        f"2018-09-16 0{h}:00,20.9,{115.3 - h / 5},960,{w},10,m{w}\n" for w in (30, 40, 50) for h in (0, 1)
    ]
    points = written(tmp_path, POINTS, name="p.csv")
    winds = []
    for which in (rows, rows[2:4]):
        track = written(tmp_path, head + "".join(which))
        done = riskmap("wind", "--track", track, "--points", points, "--model", "holland1980", "--json")
        winds.append(done.json["points"][2]["max_wind_ms"])
    assert winds[0] == pytest.approx(winds[1])


def test_terrain_lowers_no_wind_but_says_what_shelter_would_leave(tmp_path: Path):
    dem = tmp_path / "dem.tif"
    kind = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "float32"}
    transform = rasterio.Affine(0.001, 0, 114.25, 0, -0.001, 22.23)
    with rasterio.open(dem, "w", crs="EPSG:4490", transform=transform, **kind) as out:
        out.write(np.full((100, 100), 20, np.float32), 1)
    track, points = written(tmp_path, JMA, name="j.txt"), written(tmp_path, POINTS, name="p.csv")
    words = ("wind", "--track", track, "--points", points, "--model", "radii", "--json")
    sea, land = riskmap(*words), riskmap(*words, "--terrain", dem)
    assert land.status == 0, land.err
    before, after = (r.json["points"][0] for r in (sea, land))
    assert after["max_wind_ms"] == before["max_wind_ms"]
    assert after["sheltered_wind_ms"] == pytest.approx(0.75 * before["max_wind_ms"], rel=1e-3)
    assert "sheltered_wind_ms" not in before
    far = land.json["points"][2]
    assert far.pop("sheltered_wind_ms") == far["max_wind_ms"]
    assert far == sea.json["points"][2]
    assert any("2 points outside the terrain" in note["en"] for note in land.json["filled"])


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("id,name\n1,x\n", "经度、纬度"),
        ("id,lon,lat\n1,114,222\n", "222"),
        ("id,lon,lat\n1,,22\n", "第 2 行 › lon：是空的"),
        ("id,lon,lat\n", "没有数据行"),
        ("id,lon,lat\n1,,\n", "第 2 行 › lat：是空的"),
        ("id,lon,lat\n1,400,22\n", "400"),
    ],
)
def test_points_that_are_none_are_refused_with_their_line(tmp_path: Path, points: str, words: str):
    track = written(tmp_path, NODES)
    done = riskmap(
        "wind", "--track", track, "--points", written(tmp_path, points, name="p.csv"), "--model", "radii"
    )
    assert done.status == 2
    assert "p.csv" in done.err
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_bad_track_and_two_storms_are_one_clear_message(tmp_path: Path):
    points = written(tmp_path, POINTS, name="p.csv")
    bare = written(tmp_path, BULLETIN.replace("# 时区: 北京时\n", ""))
    done = riskmap("wind", "--track", bare, "--points", points, "--model", "radii", "--json")
    assert done.refused
    assert "北京时" in done.err
    two = written(tmp_path, JMA + JMA.replace("MANGKHUT", "HATO    "), name="two.txt")
    done = riskmap("wind", "--track", two, "--points", points, "--model", "radii")
    assert done.status == 2
    assert "HATO" in done.err
    words = ("wind", "--track", two, "--points", points, "--model", "radii", "--json")
    assert riskmap(*words, "--storm", "hato").json["track"] == "HATO"
    assert riskmap(*words, "--storm", "x").status == 2
    twice = written(tmp_path, JMA + JMA, name="twice.txt")  # two storms of one name are no ensemble
    assert riskmap("wind", "--track", twice, "--points", points, "--model", "radii").status == 2
