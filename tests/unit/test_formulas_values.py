"""Worked values of the formulas."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap.formulas.domain import along_curve, through_bands
from riskmap.formulas.fire_weather import grid_risk
from riskmap.formulas.shelter import AREA_A_PERSON, places
from riskmap.formulas.water import depth_class, opening_margin, pump_counts
from riskmap.formulas.work_risk import (
    BETA,
    accident_class,
    geological_danger_class,
    geological_disaster_class,
    hazard_source_level,
    hazard_source_r,
    lec,
    people_factor,
    quantity_ratio,
)

NAN = float("nan")


def test_lec_gives_its_worked_values():
    assert lec([3, 6, 1, 0.5, 6, 6], 6, [15, 15, 15, 7, 3, 7]).tolist() == [270, 540, 90, 21, 108, 252]


def test_an_unknown_factor_makes_the_danger_unknown():
    assert np.isnan(lec([3, NAN], [6, 6], [NAN, 15])).all()


def test_chlorine_and_ammonia_are_a_level_3_source():
    stored, threshold, beta = [5, 20], [5, 10], [BETA["Cl2"], BETA["NH3"]]
    assert quantity_ratio(stored, threshold) == 3
    r = hazard_source_r(stored, threshold, beta, 60)
    assert r == 12
    assert hazard_source_level(r) == 3


def test_below_a_ratio_of_one_no_r_is_given():
    assert np.isnan(hazard_source_r([0.5, 0.4], [1, 1], [4, 4], 200))
    assert hazard_source_r([0.7, 0.2, 0.1], [1, 1, 1], [1, 1, 1], 0) == pytest.approx(0.5)


def test_alpha_changes_at_the_published_numbers_of_people():
    assert people_factor([0, 1, 29, 30, 49, 50, 99, 100]).tolist() == [0.5, 1, 1, 1.2, 1.2, 1.5, 1.5, 2]
    assert np.isnan(people_factor(NAN))


def test_source_levels_include_their_limits():
    assert hazard_source_level([100, 99.9, 50, 10, 9.9]).tolist() == [1, 2, 2, 3, 4]


def test_accident_classes_include_the_number_itself():
    assert accident_class([30, 29, 10, 3, 2, 0], [0, 0, 0, 0, 999, 1000]).tolist() == [4, 3, 3, 2, 1, 2]
    assert accident_class(0, [10000, 5000, 9999]).tolist() == [4, 3, 3]


def test_geological_classes_include_the_number_itself():
    assert geological_danger_class([1000, 999, 500, 100, 99], 0).tolist() == [4, 3, 3, 2, 1]
    assert geological_danger_class(0, [10000, 5000, 500, 499]).tolist() == [4, 3, 2, 1]
    assert geological_disaster_class([30, 10, 3, 2]).tolist() == [4, 3, 2, 1]


def test_a_class_with_half_its_facts_is_unknown_unless_it_is_the_worst_already():
    assert np.isnan(geological_danger_class([999], [NAN])).all()
    assert geological_danger_class([1000], [NAN]).tolist() == [4]


def test_the_lowest_opening_rules_the_margin():
    assert opening_margin([3.45, 3.60], [0.30, 0.0], 3.50) == pytest.approx(0.10)
    assert np.isnan(opening_margin([3.45, NAN], [0.30, 0.0], 3.50))


def test_a_pump_counts_only_with_surplus_and_backup_power():
    counted = pump_counts([100, 80, 100, NAN], [80, 80, 80, 80], [True, True, False, True])
    assert counted.tolist() == [True, False, False, False]


def test_depth_bands_begin_at_their_limits():
    assert depth_class([0, 0.149, 0.15, 0.27, 0.399, 0.4, 0.6]).tolist() == [1, 1, 2, 3, 3, 4, 5]
    assert np.isnan(depth_class([NAN, float("inf"), -0.1])).all()


def test_grid_risk_is_a_product():
    assert grid_risk(3, 4, 2) == 24
    assert grid_risk(3, 4, 2, 2) == 48


def test_3600_square_metres_take_1800_people_for_a_short_stay():
    assert places(3600, AREA_A_PERSON["fixed_short"]) == 1800
    assert places(4.5 * 807, 4.5) == 807


def test_bands_and_curves_hold_at_their_limits():
    assert through_bands([0.1, 0.15, 5], (0, 0.15, 0.27), (1, 2, 3)).tolist() == [1, 2, 3]
    assert along_curve([2.5, -1, 11], (0, 10), (0, 100)).tolist() == [25, 0, 100]
    assert np.isnan(along_curve(NAN, (0, 1), (0, 1)))


def test_the_values_that_lec_allows_are_the_published_ones():
    from riskmap.formulas import work_risk

    assert work_risk.LIKELIHOOD == (10, 6, 3, 1, 0.5, 0.2, 0.1)
    assert work_risk.EXPOSURE == (10, 6, 3, 2, 1, 0.5)
    assert work_risk.CONSEQUENCE == (100, 40, 15, 7, 3, 1)
