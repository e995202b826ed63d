"""Rain in rasters: bands and files with their times; each thing that cannot be used is named."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from riskmap.errors import RiskmapError
from riskmap.io.readers.rain import rain_of_rasters

LON, LAT = np.array([114.05, 114.15, 116.0, np.nan]), np.array([22.55, 22.45, 22.5, 22.5])


def write(path: Path, bands, *, names=None, unit="mm", crs="EPSG:4326", tags=None, nodata=-9.0) -> Path:
    data = np.asarray(bands, dtype=np.float32)
    place = Affine(0.1, 0.0, 114.0, 0.0, -0.1, 22.6)
    if crs == "EPSG:4547":
        place = Affine(10_000.0, 0.0, 499_000.0, 0.0, -12_000.0, 2_500_000.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", width=data.shape[2], height=data.shape[1], count=len(data), dtype="float32",
            crs=crs, transform=place, nodata=nodata,
        ) as out:  # fmt: skip
            out.write(data)
            for i in range(len(data)):
                out.set_band_unit(i + 1, unit)
                if names:
                    out.set_band_description(i + 1, names[i])
            out.update_tags(**(tags or {}))
    return path


def grid(value: float):
    return [[value, value + 1], [value + 2, value + 3]]


def refused(*args, **more) -> str:
    with pytest.raises(RiskmapError) as caught:
        rain_of_rasters(*args, LON, LAT, **more)
    return caught.value.text("zh")


NAMES = ["2026083114", "2026083115"]


def test_bands_that_say_their_time_are_rain_at_points_and_outside_is_unknown(tmp_path):
    path = write(tmp_path / "r.tif", [grid(0), grid(10)], names=NAMES)
    rain = rain_of_rasters(path, LON, LAT, zone="beijing")
    assert [str(t) for t in rain.time] == ["2026-08-31T06:00:00", "2026-08-31T07:00:00"]
    assert rain.step == np.timedelta64(3600, "s")
    np.testing.assert_allclose(rain.amount, [[0, 3, np.nan, np.nan], [10, 13, np.nan, np.nan]], atol=1e-5)
    assert "r.tif" in rain.how.zh


def test_the_zone_may_stand_in_a_tag_and_tenths_are_converted(tmp_path):
    path = write(
        tmp_path / "r.tif", [grid(10), grid(20)], names=NAMES, unit="0.1 mm", tags={"timezone": "UTC"}
    )
    rain = rain_of_rasters(path, LON, LAT)
    assert str(rain.time[0]) == "2026-08-31T14:00:00"
    assert rain.amount[0, 0] == pytest.approx(1.0)


def test_files_with_their_time_in_the_name_in_a_folder_or_an_archive(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(3):
        write(folder / f"QPE_20260831{14 + i}00.tif", [grid(i)])
    (folder / "readme.txt").write_text("x")
    apart = rain_of_rasters(folder, LON, LAT, zone="beijing")
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.iterdir()):
            out.write(path, f"../../evil/{path.name}")
    packed = rain_of_rasters(archive, LON, LAT, zone="beijing")
    np.testing.assert_array_equal(apart.amount, packed.amount)
    assert apart.amount[:, 0].tolist() == pytest.approx([0, 1, 2], abs=1e-5)
    assert not (tmp_path.parent / "evil").exists()


def test_any_coordinate_system_is_related_and_none_is_refused(tmp_path):
    path = write(tmp_path / "p.tif", [[[5, 5], [5, 5]]], names=NAMES[:1], crs="EPSG:4547")
    rain = rain_of_rasters(path, LON[:1], LAT[:1], zone="utc", step_hours=1)
    assert rain.amount[0, 0] == pytest.approx(5)
    path = write(tmp_path / "n.tif", [grid(1)], names=NAMES[:1], crs=None)
    assert "坐标系" in refused(path, zone="utc", step_hours=1)


def test_cells_without_a_value_are_unknown(tmp_path):
    path = write(tmp_path / "r.tif", [[[-9, 1], [1, 1]]], names=NAMES[:1])
    rain = rain_of_rasters(path, LON, LAT, zone="utc", step_hours=1)
    assert np.isnan(rain.amount[0, 0])
    assert rain.amount[0, 1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("more", "given", "said"),
    [
        ({"unit": "mm/h"}, {"zone": "utc"}, ("第 1 波段", "雨强")),
        ({"unit": ""}, {"zone": "utc"}, ("第 1 波段", "没有写明单位")),
        ({"unit": "m"}, {"zone": "utc"}, ("第 1 波段", "不是毫米")),
        ({}, {}, ("第 1 波段", "时区")),
        ({"names": ["a", "b"]}, {"zone": "utc"}, ("第 1 波段", "没有时间")),
        ({"names": ["2026083125", "2026083126"]}, {"zone": "utc"}, ("第 1 波段", "没有时间")),
        ({"names": ["2026083114", "2026083114"]}, {"zone": "utc"}, ("第 2 波段", "重复")),
        ({"names": ["2026083114", "2026083116"]}, {"zone": "utc", "step_hours": 1}, ("第 2 波段", "60 分钟")),
    ],
)
def test_a_raster_that_does_not_say_what_it_holds_is_refused(tmp_path, more, given, said):
    path = write(tmp_path / "雨.tif", [grid(0), grid(1)], **({"names": NAMES} | more))
    message = refused(path, **given)
    for word in ("雨.tif", *said):
        assert word in message


@pytest.mark.parametrize("value", [-1.0, 9999.0, 900.0])
def test_values_that_cannot_be_rain_are_named_with_their_band(tmp_path, value):
    path = write(tmp_path / "雨.tif", [grid(0), [[value, value], [value, value]]], names=NAMES)
    message = refused(path, zone="utc")
    assert "第 2 波段" in message
    assert "nodata" in message


def test_times_out_of_step_between_files_a_single_time_and_no_raster_are_refused(tmp_path):
    for name in ("2026083114", "2026083115", "2026083117"):
        write(tmp_path / f"{name}.tif", [grid(0)])
    assert "2026083117.tif" in refused(tmp_path, zone="utc")
    assert "几小时" in refused(tmp_path / "2026083114.tif", zone="utc")
    empty = tmp_path / "e"
    empty.mkdir()
    assert "没有 .tif" in refused(empty, zone="utc")


def test_an_archive_that_is_none_and_a_raster_that_is_none_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04nothing")
    assert "压缩包" in refused(tmp_path / "a.zip", zone="utc")
    (tmp_path / "2026083114.tif").write_text("<VRTDataset/>")
    assert "GeoTIFF" in refused(tmp_path / "2026083114.tif", zone="utc")
