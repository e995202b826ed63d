"""Formulas of a cyclone's wind: worked values and what always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.formulas import wind
from riskmap.formulas import wind as exposure
from riskmap.formulas import wind as wind_radii

EXAMPLE = {"radius": 40.0, "drop": 65.0, "b": 1.5, "lat": 22.0}


def test_the_gradient_wind_of_the_worked_example():
    found = wind.gradient_wind([40.0, 80.0, 120.0, 200.0, 300.0], **EXAMPLE)
    assert found == pytest.approx([54.766, 43.746, 33.557, 21.432, 13.262], abs=5e-4)
    single = wind.gradient_wind(np.array([40, 300], np.float32), **EXAMPLE)
    assert single.dtype == np.float32
    assert single == pytest.approx([54.766, 13.262], abs=1e-3)


def test_the_worked_values_of_the_docstrings():
    assert wind.coriolis(22) == pytest.approx(5.4618e-5, abs=1e-9)
    assert wind.b_1980(50, 5, 65) == pytest.approx(1.2023, abs=5e-5)
    assert wind.b_2008(drop=65, tendency=0, lat=22, motion=5) == pytest.approx(1.4503, abs=5e-5)
    assert wind.wind_2008(1.4, 65) == pytest.approx(53.954, abs=5e-4)
    assert wind.periphery_exponent(strongest=50, b=1.4, radius=40) == pytest.approx(0.5737, abs=5e-5)
    assert wind.missing_pressure(22, 114, 100 * wind.KNOT) == pytest.approx(947.528, abs=5e-4)
    assert wind.missing_wind(22, 114, 950) == pytest.approx(46.368, abs=5e-4)
    assert wind.missing_radius(960) == pytest.approx(38.4, abs=5e-4)
    assert wind.averaging_factor(1, 10) == 0.93
    assert [wind.averaging_factor(m, 1) for m in (1, 2, 10)] == pytest.approx([1, 1.0430, 1.0753], abs=5e-5)
    assert np.isnan(wind.averaging_factor(np.nan, 10))
    assert wind.gust(40, averaging=10, where="sea") == pytest.approx(49.2)
    assert wind.beaufort([13.9, 24.4, 60, np.nan]) == pytest.approx([7, 9, 17, np.nan], nan_ok=True)
    assert wind_radii.inferred_radius(38.6, 25.7, 167) == pytest.approx(74.0, abs=0.05)


def test_limits_of_b_and_of_missing_values():
    assert wind.b_1980([5, 200], 0, 65).tolist() == [1.0, 2.5]
    assert wind.b_2008(drop=[0, 140], tendency=[-20, 40], lat=22, motion=0) == pytest.approx([0.81, 2.025])
    assert wind.missing_radius([800, 872, 940, 980, 1021, 1100]) / wind.NAUTICAL_MILE == pytest.approx(
        [14.907, 14.907, 15.727, 25.742, 56.857, 56.857], abs=5e-4
    )
    assert wind.missing_wind(22, 114, 1040) == 0


def test_holland_2010_meets_its_maximum_and_its_periphery():
    x = float(wind.periphery_exponent(strongest=50, b=1.4, radius=40))
    found = wind.holland2010_wind([40.0, 300.0], radius=40, strongest=50, b=1.4, periphery=x)
    assert found == pytest.approx([50, 17])


def test_a_profile_through_radii_meets_every_one():
    distance = np.array([25.0, 50.0, 100.0, 200.0, 400.0])
    found = wind_radii.radii_wind(distance, radius=50.0, strongest=40.0, anchors=[(25.0, np.full(5, 200.0))])
    assert found[1:4] == pytest.approx([40, 31.623, 25], abs=5e-4)
    assert found[4] < 25
    assert found[0] < 40


def test_an_issued_radius_inside_the_maximum_is_passed_over():
    distance = np.array([100.0, 200.0])
    anchors = [(25.0, np.full(2, 30.0)), (15.0, np.full(2, 200.0))]
    found = wind_radii.radii_wind(distance, radius=50.0, strongest=40.0, anchors=anchors)
    assert found[1] == pytest.approx(15)
    assert 15 < found[0] < 40


@given(
    four=st.lists(st.floats(0, 500), min_size=4, max_size=4),
    bearing=st.floats(0, 360),
)
def test_between_quadrants_nothing_overshoots(four: list[float], bearing: float):
    towards = np.radians(bearing - 45.0)
    found = float(wind_radii.in_quadrants(four, np.cos([towards]), np.sin([towards]))[0])
    assert min(four) - 1e-3 <= found <= max(four) + 1e-3


@given(
    radius=st.floats(10, 100),
    strongest=st.floats(18, 80),
    outer=st.floats(20, 700),
    first=st.floats(1, 900),
    second=st.floats(1, 900),
)
def test_through_radii_the_wind_only_falls_outside_its_maximum(
    radius: float, strongest: float, outer: float, first: float, second: float
):
    near, far = sorted((max(first, radius), max(second, radius)))
    place = np.full(2, outer)
    found = wind_radii.radii_wind(
        np.array([near, far]), radius=radius, strongest=strongest, anchors=[(15.4, place)]
    )
    assert 0 <= found[1] <= found[0] * (1 + 1e-9)
    assert found[0] <= strongest * (1 + 1e-9)


def test_exposure_of_flat_land_an_islet_and_a_valley():
    flat = np.full((4, 8, 1), 10.0)
    assert exposure.exposure([10.0], flat) == pytest.approx([0.75])
    assert exposure.exposure([40.0], np.full((4, 8, 1), np.nan)) == pytest.approx([1.04])
    assert exposure.exposure([10.0], np.full((4, 8, 1), 400.0)) == pytest.approx([0.5])
    assert np.isnan(exposure.exposure([np.nan], flat)).all()


def test_each_force_begins_at_its_published_wind():
    """GB/T 28591: the least mean wind of forces 1 to 17, m/s; a hundredth below belongs to the force before."""
    least = np.array(
        [0.3, 1.6, 3.4, 5.5, 8, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7, 37, 41.5, 46.2, 51, 56.1]
    )
    assert wind.beaufort(least).tolist() == list(range(1, 18))
    assert wind.beaufort(least - 0.01).tolist() == list(range(17))
