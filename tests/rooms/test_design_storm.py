"""A design storm over the waterlogging spots: the worked value through DEM, ledger and command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from riskmap.coordinates import Datum, to_cgcs2000
from tests.cli import riskmap

EAST, NORTH, CELL, SIDE = 512_000.0, 2_495_000.0, 10.0, 141


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    """A 1:100 cone of 600 m radius, sunk 6 m into level ground, and level ground around it."""
    at = (np.arange(SIDE) - SIDE // 2) * CELL
    away = np.hypot(*np.meshgrid(at, at))
    heights = np.minimum(away / 100.0, 6.0).astype(np.float32) + 20
    kind = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "float32", "nodata": -9999}
    half = SIDE * CELL / 2
    transform = rasterio.Affine(CELL, 0, EAST - half, 0, -CELL, NORTH + half)
    with rasterio.open(tmp_path / "dem.tif", "w", crs="EPSG:4547", transform=transform, **kind) as out:
        out.write(heights, 1)
    return tmp_path / "dem.tif"


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    assert riskmap("init", folder).status == 0
    text = "编号,名称,经度,纬度,汇水面积,CN值,抽排能力,备用电源\n"
    for code, x, area, cn, pump, power in (
        ("N1", 0, 12, 92, 1440, "是"),  # STANDARDS: .4 m³/s
        ("N2", 0, 12, 92, 1440, ""),  # not known to have power of its own: the pump does not count
        ("N3", 0, "", 92, 1440, "是"),
        ("N4", 680, 12, 92, 1440, "是"),  # on level ground, beyond the rim
        ("N5", 5000, 12, 92, 1440, "是"),  # outside the terrain
    ):
        lon, lat = to_cgcs2000([EAST + x], [NORTH], Datum("EPSG:4547", "projected"))
        text += f"{code},{code},{lon[0]:.8f},{lat[0]:.8f},{area},{cn},{pump},{power}\n"
    text += "N6,N6,,,12,92,1440,是\n"
    (tmp_path / "n.csv").write_text(text, encoding="utf-8")
    done = riskmap("import", "waterlogging", tmp_path / "n.csv", "--crs", "cgcs2000", "--workspace", folder)
    assert done.status == 0, done.err
    return folder


def test_the_worked_value_stands_in_the_real_depression(ws: Path, dem: Path):
    done = riskmap("pond", "--dem", dem, "--rain", 100, "--hours", 3, "--workspace", ws, "--json")
    assert done.status == 1
    found = {s["code"]: s for s in done.json["spots"]}
    first = found["N1"]
    assert (first["runoff_mm"], first["inflow_m3"], first["left_m3"]) == (
        pytest.approx(77.64, abs=5e-3),
        pytest.approx(9317, abs=1),
        pytest.approx(4997, abs=1),
    )
    assert first["depth_m"] == pytest.approx(0.781, abs=0.02)  # cells of a tenth of the pool
    assert first["spilled_m3"] == 0
    assert found["N2"]["left_m3"] == found["N2"]["inflow_m3"]
    assert found["N2"]["depth_m"] > first["depth_m"]


def test_a_spot_of_which_something_is_not_known_is_named_and_never_dry(ws: Path, dem: Path):
    document = riskmap("pond", "--dem", dem, "--rain", 100, "--hours", 3, "--workspace", ws, "--json").json
    assert {m["code"]: m["en"].split(",")[0][:22] for m in document["missing"]} == {
        "N3": "catchment or curve num",
        "N4": "no depression within 6",
        "N5": "unlocated",
        "N6": "unlocated",
    }


def test_more_rain_stands_deeper_until_it_spills(ws: Path, dem: Path):
    depths = []
    for rain in (0, 60, 200, 2000):
        document = riskmap(
            "pond", "--dem", dem, "--rain", rain, "--hours", 3, "--workspace", ws, "--json"
        ).json
        depths.append(next(s["depth_m"] for s in document["spots"] if s["code"] == "N2"))
    assert depths == sorted(depths)
    assert depths[0] == 0
    assert depths[-1] < 6.01


def test_a_rain_that_cannot_be_is_refused(ws: Path, dem: Path):
    done = riskmap("pond", "--dem", dem, "--rain", -5, "--hours", 3, "--workspace", ws)
    assert done.refused
    assert "毫米" in done.err
