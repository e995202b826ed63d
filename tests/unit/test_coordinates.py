from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.coordinates import (
    from_cgcs2000,
    metric_crs,
    parse_angle,
    parse_datum,
    split_position,
    to_cgcs2000,
    wgs84_to_gcj02,
)
from riskmap.errors import DatumError

LON = st.floats(73.5, 134.5)
LAT = st.floats(18.2, 53.5)


def test_the_worked_example_of_gcj02_and_bd09_holds():
    assert np.allclose(wgs84_to_gcj02(114.12, 22.548), (114.125097604, 22.545309128), atol=1e-9)
    bd = from_cgcs2000(114.12, 22.548, parse_datum("bd09"))
    assert np.allclose(bd, (114.131518715, 22.551636683), atol=1e-9)


def test_the_worked_example_of_epsg_4547_holds():
    assert np.allclose(
        from_cgcs2000(114.12, 22.548, parse_datum("EPSG:4547")), (512343.292, 2494487.663), atol=1e-3
    )


@given(lon=LON, lat=LAT, datum=st.sampled_from(["wgs84", "cgcs2000", "gcj02", "bd09"]))
def test_a_position_comes_back_from_every_datum_to_a_millimetre(lon: float, lat: float, datum: str):
    there = from_cgcs2000([lon], [lat], parse_datum(datum))
    back = to_cgcs2000(*there, parse_datum(datum))
    assert abs(back[0][0] - lon) < 1e-8
    assert abs(back[1][0] - lat) < 1e-8


@given(lon=st.floats(112.6, 115.4), lat=LAT)
def test_a_position_comes_back_from_its_projected_zone(lon: float, lat: float):
    grid = parse_datum(metric_crs(lon))
    back = to_cgcs2000(*from_cgcs2000([lon], [lat], grid), grid)
    assert abs(back[0][0] - lon) < 1e-8
    assert abs(back[1][0] - lat) < 1e-8


def test_unlocated_stays_unlocated_in_every_datum():
    for datum in ("wgs84", "gcj02", "bd09", "EPSG:4547"):
        lon, lat = to_cgcs2000([np.nan, 114.1], [np.nan, 22.5], parse_datum(datum))
        assert np.isnan(lon[0])
        assert np.isnan(lat[0])


@pytest.mark.parametrize(
    ("text", "known"), [("BD-09", "bd09"), ("百度", "bd09"), ("epsg:4326", "wgs84"), ("国家2000", "cgcs2000")]
)
def test_a_datum_is_known_by_its_usual_names(text: str, known: str):
    assert parse_datum(text).id == known


@pytest.mark.parametrize("text", ["gcj2", "EPSG:999999", "", "EPSG:5703"])
def test_an_unknown_datum_is_refused_with_the_ones_that_exist(text: str):
    with pytest.raises(DatumError, match="EPSG"):
        parse_datum(text)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("114.186626°", 114.186626),
        ("２２．５８２９５７", 22.582957),
        ("114°06′21.11″", 114 + 6 / 60 + 21.11 / 3600),
        ("114°06'21.11\"E", 114 + 6 / 60 + 21.11 / 3600),
        ("22度32分51.11秒", 22 + 32 / 60 + 51.11 / 3600),
        ("东经114.5", 114.5),
        ("22°30′S", -22.5),
        ("114 06 21.1", 114 + 6 / 60 + 21.1 / 3600),
    ],
)
def test_an_angle_is_read_as_people_write_it(text: str, degrees: float):
    assert parse_angle(text) == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize("text", ["较高", "114°75′00″", "", "12米", "nan", "inf"])
def test_what_is_not_an_angle_is_not_one(text: str):
    assert parse_angle(text) is None


@given(degrees=st.integers(0, 179), minutes=st.integers(0, 59), seconds=st.integers(0, 5999))
def test_degrees_minutes_seconds_round_trip(degrees: int, minutes: int, seconds: int):
    text = f"{degrees}°{minutes:02d}′{seconds / 100:05.2f}″"
    assert parse_angle(text) == pytest.approx(degrees + minutes / 60 + seconds / 360000, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["114.096108，22.574136", "114.096108,22.574136", "(114.096108 22.574136)", "114.096108；22.574136"],
)
def test_a_pair_in_one_cell_is_split(text: str):
    assert split_position(text) == (114.096108, 22.574136)


def test_half_a_pair_is_not_a_position():
    assert split_position("114.1") is None
