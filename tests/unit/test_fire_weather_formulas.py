"""The Canadian fire weather index against the published series, and its laws.

Published series: Van Wagner and Pickett (1985), inputs from 13 April on, start 85/6/15; outputs to one
decimal as in Wang, Anderson and Suddaby (2015), Information Report NOR-X-424.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import FormulaError
from riskmap.formulas.fire_weather import (
    FFMC_CONSTANT,
    START,
    Codes,
    buildup,
    dc_day_factor,
    dmc_day_length,
    drought,
    duff_moisture,
    fine_fuel_moisture,
    fire_weather_index,
    htz,
    htz_level,
    initial_spread,
    next_day,
)

PUBLISHED = Path(__file__).parents[1] / "cases" / "fire_weather" / "published.csv"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")
WEATHER = ("temp", "rh", "ws", "prec")
NAN = float("nan")

weather = st.fixed_dictionaries(
    {
        "month": st.integers(1, 12),
        "temp": st.floats(-40, 50),
        "rh": st.floats(0, 100),
        "ws": st.floats(0, 150),
        "prec": st.floats(0, 500),
        "lat": st.floats(-90, 90),
    }
)
codes = st.builds(Codes, st.floats(0, 101), st.floats(0, 400), st.floats(0, 1500))


def published():
    with PUBLISHED.open(encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_all_six_codes_give_back_the_published_series_to_its_last_digit():
    before, days = START, published()
    assert len(days) == 49
    for day in days:
        today = next_day(before, month=day["month"], lat=46.0, **{k: day[k] for k in WEATHER})
        found = {k: round(float(getattr(today, k)), 1) for k in CODES}
        assert found == {k: day[k] for k in CODES}, (day["month"], day["day"])
        before = today.codes


def test_the_first_day_of_the_series():
    day = next_day(START, month=4, temp=17, rh=42, ws=25, prec=0, lat=40)
    assert [round(float(getattr(day, k)), 1) for k in CODES] == [87.7, 8.5, 19.0, 10.9, 8.5, 10.1]


def test_many_sites_at_once_are_each_as_if_alone():
    days = published()
    before = Codes([80, 85, NAN], [5, 6, 7], [10, 15, 20])
    columns = {k: np.array([d[k] for d in days[8:11]]) for k in WEATHER}
    lat = np.array([46.0, 22.5, -33.0])
    together = next_day(before, month=5, lat=lat, **columns)
    for i in range(3):
        alone = Codes(*(np.asarray(c)[i] for c in (before.ffmc, before.dmc, before.dc)))
        one = next_day(alone, month=5, lat=lat[i], **{k: v[i] for k, v in columns.items()})
        assert np.array_equal(
            [getattr(together, k)[i] for k in CODES], [getattr(one, k) for k in CODES], equal_nan=True
        )


def test_day_lengths_follow_the_latitude():
    april = [40, 30, 22.5, 10, 0, -10, -20, -30, -40]
    assert dmc_day_length(4, april).tolist() == [12.8, 9.5, 9.5, 9, 9, 8.5, 8.5, 7.9, 7.9]
    assert dc_day_factor(4, april).tolist() == [0.9, 0.9, 0.9, 1.4, 1.4, 1.4, 0.4, 0.4, 0.4]
    assert dmc_day_length(range(1, 13), 22.5).tolist() == [
        7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8,
    ]  # fmt: skip
    assert dc_day_factor(7, [20, 20.01]).tolist() == [1.4, 6.4]
    assert np.isnan(dmc_day_length(NAN, 22.5))
    assert np.isnan(dc_day_factor(5, NAN))


def test_shenzhen_dries_its_duff_by_the_low_latitude_table():
    assert duff_moisture(6, month=4, temp=17, rh=42, prec=0, lat=22.5) == pytest.approx(7.88890514)
    assert duff_moisture(6, month=4, temp=17, rh=42, prec=0, lat=40) == pytest.approx(8.545051136)
    assert drought(15, month=4, temp=17, prec=0, lat=22.5) == pytest.approx(19.014)


def test_saturated_and_bone_dry_air_are_possible():
    wet, dry = fine_fuel_moisture(85, temp=20, rh=[100, 0], ws=10, prec=0)
    assert 0 < wet < 85 < dry <= 101


def test_rain_below_the_published_thresholds_wets_nothing():
    air = {"temp": 20, "rh": 50}
    assert fine_fuel_moisture(85, ws=10, prec=0.5, **air) == fine_fuel_moisture(85, ws=10, prec=0, **air)
    assert duff_moisture(30, month=5, prec=1.5, lat=22.5, **air) == duff_moisture(
        30, month=5, prec=0, lat=22.5, **air
    )
    assert drought(100, month=5, temp=20, prec=2.8, lat=22.5) == drought(
        100, month=5, temp=20, prec=0, lat=22.5
    )


def test_indices_of_nothing_are_nothing():
    assert buildup(0, 0) == 0
    assert buildup(6, 15) == pytest.approx(6)
    assert fire_weather_index(0, 50) == 0
    assert initial_spread(0, ws=0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rh": 100.5}, "相对湿度（%）：100.5"),
        ({"rh": -1}, "相对湿度（%）：-1"),
        ({"ws": -0.1}, "风速（km/h）：-0.1"),
        ({"prec": -3}, "降水量（mm）：-3"),
        ({"temp": 290}, "气温（°C）：290"),
        ({"temp": float("inf")}, "气温（°C）：inf"),
        ({"month": 13}, "月份：13"),
        ({"month": 0}, "月份：0"),
        ({"month": 4.5}, "月份：4.5"),
        ({"lat": 114}, "纬度：114"),
    ],
)
def test_weather_that_cannot_be_is_refused_and_not_clamped(wrong, says):
    day = {"month": 4, "temp": 17, "rh": 42, "ws": 25, "prec": 0, "lat": 22.5} | wrong
    with pytest.raises(FormulaError) as refusal:
        next_day(START, **day)
    assert says in refusal.value.text("zh")


@pytest.mark.parametrize("start", [Codes(102, 6, 15), Codes(85, -1, 15), Codes(85, 6, float("inf"))])
def test_start_values_that_no_code_can_have_are_refused(start):
    with pytest.raises(FormulaError):
        next_day(start, month=4, temp=17, rh=42, ws=25, prec=0, lat=22.5)


@pytest.mark.parametrize(
    ("blank", "unknown"),
    [
        ("temp", {"ffmc", "dmc", "dc", "isi", "bui", "fwi"}),
        ("rh", {"ffmc", "dmc", "isi", "bui", "fwi"}),
        ("ws", {"ffmc", "isi", "fwi"}),
        ("prec", {"ffmc", "dmc", "dc", "isi", "bui", "fwi"}),
    ],
)
def test_what_needs_a_missing_reading_is_unknown_that_day_and_after(blank, unknown):
    day = {"month": 4, "temp": 17, "rh": 42, "ws": 25, "prec": 5}
    first = next_day(START, lat=22.5, **(day | {blank: NAN}))
    assert {k for k in CODES if np.isnan(getattr(first, k))} == unknown
    second = next_day(first.codes, lat=22.5, **day)
    assert {k for k in CODES if np.isnan(getattr(second, k))} == unknown


@given(weather, codes)
def test_every_possible_day_gives_codes_that_the_next_day_can_start_from(day, before):
    today = next_day(before, **day)
    for name in CODES:
        assert np.isfinite(getattr(today, name))
        assert getattr(today, name) >= 0
    assert today.ffmc <= 101
    next_day(today.codes, **day)


@given(weather, codes, st.floats(0, 150))
def test_more_wind_never_lowers_the_spread(day, before, gust):
    calm, windy = sorted([day["ws"], gust])
    ffmc = before.ffmc
    assert initial_spread(ffmc, ws=windy) >= initial_spread(ffmc, ws=calm)


@given(weather, codes)
def test_rain_never_raises_the_duff_and_drought_codes(day, before):
    wet, dry = next_day(before, **day), next_day(before, **(day | {"prec": 0.0}))
    assert wet.dmc <= dry.dmc + 1e-2  # the published constants turn DMC 0 into .0002 less than it was
    assert wet.dc <= dry.dc + 1e-9


def test_the_national_index_has_the_sums_of_its_tables():
    assert htz(26, 24, 10, 8) == 130
    assert htz(25, 30, 10, 6) == 16 + 16 + 50 + 30
    assert htz(5, 70, 0, 1) == 5
    assert htz(5.1, 64, 0, 1) == 4 + 4 + 5
    assert htz(20, 44, 3, 4, season=10) == 12 + 12 + 15 + 20 - 10
    assert htz_level([25, 26, 50, 51, 72, 73, 90, 91]).tolist() == [1, 2, 2, 3, 3, 4, 4, 5]
    assert htz_level([96, 91, 16, 130]).tolist() == [5, 5, 1, 5]


@given(
    air=st.tuples(st.floats(-20, 45), st.floats(0, 100), st.integers(0, 60), st.floats(0, 12)),
    more=st.tuples(st.floats(0, 15), st.floats(0, 100), st.integers(0, 20), st.floats(0, 5)),
)
def test_hotter_drier_longer_dry_and_windier_never_lower_the_national_index(air, more):
    t, h, dry, wind = air
    worse = htz(t + more[0], max(h - more[1], 0), dry + more[2], wind + more[3])
    assert 5 <= htz(*air) <= worse <= 130


def test_what_the_national_index_lacks_leaves_it_unknown():
    for lacking in range(4):
        weather = [26.0, 24.0, 10.0, 8.0]
        weather[lacking] = NAN
        assert np.isnan(htz_level(htz(*weather)))


def test_both_editions_of_the_ffmc_constant_are_offered_and_differ_by_a_quarter_at_most():
    assert {"1985": 147.2, "later": pytest.approx(147.27723, abs=1e-5)} == FFMC_CONSTANT
    start = np.linspace(0, 101, 203)
    air = {"temp": 25, "rh": 40, "ws": 15, "prec": 0}
    old, new = (fine_fuel_moisture(start, edition=e, **air) for e in ("1985", "later"))
    assert 0 < np.abs(old - new).max() <= 0.25
    assert fine_fuel_moisture(85, temp=17, rh=42, ws=25, prec=0, edition="later") == pytest.approx(
        87.65, abs=0.005
    )
    assert initial_spread(87.693, ws=25, edition="later") == pytest.approx(10.85, abs=0.02)
