"""Worked values and laws of slopes, rain, water, cyclone rain, shelters and composites.

Values marked "computed" were computed by hand or twice for this project; the docstrings of the formulas
name the sources.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskmap.errors import FormulaError
from riskmap.formulas import work_risk
from riskmap.formulas.composite import rank_stability, score, weighted_mean
from riskmap.formulas.shelter import available, capacity, two_step_catchment
from riskmap.formulas.slope import (
    CAINE,
    GUZZETTI,
    antecedent_index,
    infinite_slope_safety,
    sinmap_class,
    sinmap_safety,
    sinmap_wetness,
    slope_alert,
    stability_state,
    threshold_intensity,
)
from riskmap.formulas.water import cone_depth, depression_balance, scs_runoff, topographic_wetness
from riskmap.formulas.wind import cyclone_rain

NAN, INF = float("nan"), float("inf")
SLOPE = {"cohesion": 8, "friction": 32, "weight": 19, "depth": 2, "angle": 38}


def test_mes_levels_give_a_number_between_two_bands_to_the_worse():
    assert work_risk.mes([3, 5, 1], [6, 10, 2], [8, 4, 8]).tolist() == [144, 200, 16]
    assert work_risk.mes_level([180, 160, 150, 90, 80, 50, 48, 20, 19, 18, 0]).tolist() == [
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
        4,
        5,
        5,
    ]
    assert np.isnan(work_risk.mes_level([NAN, INF, -1])).all()


def test_the_infinite_slope_loses_safety_as_it_fills():
    found = infinite_slope_safety(**SLOPE, wetness=[0, 0.5, 1])
    assert found == pytest.approx([1.2337, 1.0273, 0.8208], abs=5e-5)


def test_sinmap_gives_its_worked_value():
    w = sinmap_wetness(recharge=0.1, catchment=50, transmissivity=20, angle=38)
    assert w == pytest.approx(0.4061, abs=5e-5)
    c = 8 / (19 * 2 * np.cos(np.radians(38)))
    fs = sinmap_safety(cohesion=c, friction=32, angle=38, wetness=w, density_ratio=9.81 / 19)
    assert fs == pytest.approx(1.0661, abs=5e-5)


soils = st.tuples(st.floats(0, 50), st.floats(0, 45), st.floats(12, 25), st.floats(0.5, 10))


@given(soils, st.floats(1, 60), st.floats(0, 1))
def test_sinmap_is_the_infinite_slope_at_the_same_wetness(soil, theta, w):
    c, phi, weight, z = soil
    infinite = infinite_slope_safety(cohesion=c, friction=phi, weight=weight, depth=z, angle=theta, wetness=w)
    dimensionless = c / (weight * z * np.cos(np.radians(theta)))
    sinmap = sinmap_safety(
        cohesion=dimensionless, friction=phi, angle=theta, wetness=w, density_ratio=9.81 / weight
    )
    assert sinmap == pytest.approx(infinite, rel=1e-9, abs=1e-12)


def test_level_ground_never_slides_and_fills_when_water_comes():
    assert infinite_slope_safety(**(SLOPE | {"angle": 0}), wetness=1) == INF
    flat = sinmap_wetness(recharge=[0.1, 0, NAN], catchment=50, transmissivity=20, angle=0)
    assert flat[:2].tolist() == [1, 0]
    assert np.isnan(flat[2])
    assert np.isnan(infinite_slope_safety(**(SLOPE | {"cohesion": NAN}), wetness=1))


def test_stability_states_begin_at_their_limits():
    assert stability_state([0.99, 1, 1.05, 1.29, 1.30], 1.30).tolist() == [4, 3, 2, 2, 1]
    assert stability_state(0.1 * 13 - 2e-16, 1.3) == 1
    assert np.isnan(stability_state([NAN, 1], [1.3, NAN])).all()
    assert sinmap_class([1.6, 1.5, 1.25, 1, 0.99, 0.2, -0.1, INF]).tolist() == [1, 1, 2, 3, 4, 5, 6, 1]
    assert np.isnan(sinmap_class(NAN))


@pytest.mark.parametrize(
    "wrong", [{"angle": 90}, {"friction": -1}, {"depth": 0}, {"weight": 0}, {"cohesion": -2}]
)
def test_a_slope_that_cannot_be_is_refused(wrong):
    with pytest.raises(FormulaError):
        infinite_slope_safety(**(SLOPE | wrong), wetness=0.5)
    with pytest.raises(FormulaError):
        infinite_slope_safety(**SLOPE, wetness=1.1)


def test_threshold_lines_give_their_worked_values():
    assert threshold_intensity([1, 6, 24], CAINE) == pytest.approx([14.82, 7.368, 4.291], abs=5e-4)
    assert threshold_intensity(1, GUZZETTI) == pytest.approx(2.20)
    with pytest.raises(FormulaError, match="历时"):
        threshold_intensity(0)


def test_the_antecedent_index_weighs_today_most():
    assert antecedent_index([80, 30, 0, 10, 0, 5, 0]) == pytest.approx(58.383, abs=5e-4)
    assert np.isnan(antecedent_index([80, NAN, 0, 10, 0, 5, 0]))


ALERT = {
    "limits_3h": [[60, 90], [45, 70]],
    "limits_24h": [[200, 300], [150, 220]],
    "matrix": [[0, 1, 2], [1, 2, 3], [2, 3, 3]],
}


def test_short_and_long_rain_raise_the_alert_by_class():
    assert slope_alert([50, 60, 90, 0], [250, 250, 300, 0], 1, **ALERT).tolist() == [1, 2, 3, 0]
    assert slope_alert([50, 50], [160, 160], [1, 2], **ALERT).tolist() == [0, 2]


def test_unknown_rain_is_no_alert_unless_what_is_known_is_red_already():
    assert np.isnan(slope_alert([NAN, 90, 50], [250, NAN, 250], [1, 1, NAN], **ALERT)).all()
    worse = ALERT | {"matrix": [[0, 1, 3], [1, 2, 3], [3, 3, 3]]}
    assert slope_alert(NAN, 320, 1, **worse) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"matrix": [[0, 1, 0], [1, 2, 3], [2, 3, 3]]},
        {"matrix": [[0, 1], [1, 2]]},
        {"matrix": [[0, 1, 2], [1, 2, 3], [2, 3, 4]]},
        {"limits_3h": [[90, 60], [45, 70]]},
        {"limits_3h": [[60, 90]]},
    ],
)
def test_an_alert_matrix_that_would_calm_down_in_more_rain_is_refused(wrong):
    with pytest.raises(FormulaError):
        slope_alert(50, 250, 1, **(ALERT | wrong))


@given(st.floats(0, 400), st.floats(0, 800), st.floats(0, 100), st.sampled_from([1, 2]))
def test_more_rain_never_lowers_the_alert(short, long, more, of):
    assert slope_alert(short + more, long + more, of, **ALERT) >= slope_alert(short, long, of, **ALERT)


def test_runoff_gives_its_worked_values():
    found = scs_runoff([100, 50, 180, 20], [75, 90, 92, 70])
    assert found == pytest.approx([41.137, 27.108, 155.964, 0], abs=5e-4)
    assert scs_runoff([0, 30], 100).tolist() == [0, 30]
    assert np.isnan(scs_runoff([NAN, 10], [75, NAN])).all()
    with pytest.raises(FormulaError, match="CN"):
        scs_runoff(10, 101)


@given(st.floats(0, 1000), st.floats(1, 100))
def test_no_more_water_runs_off_than_falls(rain, cn):
    assert 0 <= scs_runoff(rain, cn) <= rain + 1e-9


def test_a_depression_keeps_what_the_drain_leaves():
    found = depression_balance(area_ha=12, curve_number=92, rain=100, hours=3, drain=0.4)
    assert [found.runoff, found.inflow, found.left] == pytest.approx([77.64, 9317, 4997], rel=1e-4)
    assert cone_depth(found.left, 100) == pytest.approx(0.781, abs=5e-4)
    assert depression_balance(area_ha=12, curve_number=92, rain=100, hours=3, drain=2).left == 0


def test_topographic_wetness_gives_its_worked_value_and_stays_finite_on_level_ground():
    assert topographic_wetness(500, 2) == pytest.approx(9.5693, abs=5e-5)
    assert np.isfinite(topographic_wetness(500, 0))


def test_cyclone_rain_gives_its_worked_values():
    found = cyclone_rain([0, 20, 33.77, 100, 200], 80)
    assert found == pytest.approx([8.742, 9.673, 10.314, 5.715, 2.344], abs=6e-4)
    assert (cyclone_rain([0, 100, 400], 5) >= 0).all()
    with pytest.raises(FormulaError, match="风速"):
        cyclone_rain(10, 200)


def test_a_shelter_takes_people_by_its_class():
    found = capacity([3600, 3600, 3600, 3600], ["fixed_short", "emergency", None, "unheard of"])
    assert found[:2].tolist() == [1800, 7200]
    assert np.isnan(found[2:]).all()


def test_only_shelters_known_to_be_safe_are_available():
    assert available([0, 1, NAN, 0], [0, 0, 0, 1]).tolist() == [True, False, False, False]
    assert available([0, NAN], 0).tolist() == [True, False]


def test_floating_catchment_gives_its_worked_value():
    found = two_step_catchment([100, 60], [200, 100, 50], [[1, 1, 0], [0, 1, 1]])
    assert found.ratio == pytest.approx([1 / 3, 0.4])
    assert found.access == pytest.approx([1 / 3, 11 / 15, 0.4])
    assert found.served == pytest.approx(160)
    assert found.unserved_people == 0


def test_people_without_a_shelter_in_reach_are_counted():
    found = two_step_catchment([100, 60], [200, 100, 50], [[1, 0, 0], [0, 0, 0]])
    assert found.access.tolist() == [0.5, 0, 0]
    assert found.unserved.tolist() == [0, 100, 50]
    assert found.unserved_people == 150
    assert np.isnan(found.ratio[1])
    with pytest.raises(FormulaError, match="可达矩阵"):
        two_step_catchment([100], [1, 2], [[1]])


@given(
    arrays(np.float64, 4, elements=st.integers(1, 500).map(float)),
    arrays(np.float64, 6, elements=st.integers(1, 500).map(float)),
    arrays(np.float64, (4, 6), elements=st.sampled_from([0.0, 1.0])),
)
def test_what_people_reach_is_the_places_of_the_shelters_that_somebody_reaches(places, people, reach):
    found = two_step_catchment(places, people, reach)
    assert found.served == pytest.approx(places[reach.any(axis=1)].sum())


def test_a_float_sum_reaches_its_limit():
    weights, scores = [0.30, 0.05, 0.10, 0.55], [3, 3, 4, 1]
    assert sum(w * s for w, s in zip(weights, scores, strict=True)) < 2
    assert weighted_mean(scores, weights) == 2
    assert score(1.9999999999999998) == 2


def test_a_weighted_mean_needs_every_part_and_as_many_weights():
    assert np.isnan(weighted_mean([NAN, 1], [1, 1]))
    with pytest.raises(FormulaError):
        weighted_mean([1, 2, 3], [1, 1])


def test_rank_stability_gives_its_worked_value():
    chances = rank_stability([[0.9, 0.2, 0.5], [0.5, 0.8, 0.4], [0.3, 0.4, 0.9]], [0.5, 0.3, 0.2])
    assert chances[:, 0] == pytest.approx([0.749, 0.250, 0.001], abs=0.01)
    assert chances.sum(axis=0) == pytest.approx([1, 1, 1])
    assert chances.sum(axis=1) == pytest.approx([1, 1, 1])


def test_a_row_with_an_unknown_has_no_rank():
    chances = rank_stability([[2, 2], [NAN, 9], [1, 1]], [0.5, 0.5], draws=50)
    assert chances[[0, 2]].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert np.isnan(chances[1]).all()
    with pytest.raises(FormulaError):
        rank_stability([[1, 2]], [1, 0])
