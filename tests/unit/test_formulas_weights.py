"""Weights from comparisons and tables, and TOPSIS. Worked values: computed and cross-checked for this project."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskmap.errors import FormulaError
from riskmap.formulas.composite import ahp_weights, entropy_weights, topsis

NAN = float("nan")
TABLE = [[0.8, 0.6, 0.2], [0.4, 0.9, 0.5], [0.6, 0.3, 0.9], [0.2, 0.2, 0.1]]
WEIGHTS = [0.5, 0.3, 0.2]
positive = st.floats(0.1, 10)


def test_ahp_gives_its_worked_value():
    found = ahp_weights([[1, 3, 5], [1 / 3, 1, 2], [1 / 5, 1 / 2, 1]])
    assert found.weights == pytest.approx([0.6483, 0.2297, 0.1220], abs=5e-5)
    assert found.eigenvalue == pytest.approx(3.0037, abs=5e-5)
    assert found.consistency_ratio == pytest.approx(0.0032, abs=5e-5)


def test_comparisons_that_contradict_one_another_are_refused_with_their_ratio():
    with pytest.raises(FormulaError, match=r"CR = \d\.\d{4}"):
        ahp_weights([[1, 9, 1 / 9], [1 / 9, 1, 9], [9, 1 / 9, 1]])


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        ([[1, 2, 3]], "方阵"),
        ([[1, 0], [2, 1]], "第 1 行第 2 列"),
        ([[1, NAN], [2, 1]], "第 1 行第 2 列"),
        ([[1, 3], [3, 1]], "倒数"),
    ],
)
def test_a_matrix_that_is_no_comparison_is_refused_by_its_place(matrix, says):
    with pytest.raises(FormulaError, match=says):
        ahp_weights(matrix)


def test_rounded_reciprocals_as_people_write_them_are_taken():
    assert ahp_weights([[1, 3, 9], [0.33, 1, 3], [0.11, 0.33, 1]]).weights.sum() == pytest.approx(1)


@given(arrays(np.float64, st.integers(2, 8), elements=positive))
def test_consistent_comparisons_give_back_the_weights_they_were_made_of(weights):
    found = ahp_weights(weights[:, None] / weights[None, :])
    assert found.weights == pytest.approx(weights / weights.sum(), rel=1e-6)
    assert found.consistency_ratio == pytest.approx(0, abs=1e-6)


def test_entropy_weights_give_their_worked_value():
    assert entropy_weights(TABLE) == pytest.approx([0.201356, 0.285552, 0.513091], abs=5e-7)


def test_a_criterion_that_is_the_same_everywhere_weighs_nothing():
    assert entropy_weights([[1, 3, 0], [2, 3, 0], [4, 3, 0]]).tolist() == [1, 0, 0]


def test_entropy_weights_of_an_unknown_are_unknown():
    assert np.isnan(entropy_weights([[1, NAN], [2, 3]])).all()


@pytest.mark.parametrize(
    "table", [[[1, 2]], [[1, -2], [2, 1]], [[3, 3], [3, 3]], [1, 2], [[1, float("inf")], [1, 2]]]
)
def test_a_table_without_weights_in_it_is_refused(table):
    with pytest.raises(FormulaError):
        entropy_weights(table)


def test_topsis_gives_its_worked_value_with_the_vector_norm():
    closeness = topsis(TABLE, WEIGHTS, norm="vector")
    assert closeness == pytest.approx([0.655434, 0.525673, 0.567137, 0], abs=5e-7)
    assert np.argsort(-closeness).tolist() == [0, 2, 1, 3]


def test_topsis_by_minmax_is_another_number():
    # By hand: normed rows (1, 4/7, 1/8), (1/3, 1, 1/2), (2/3, 1/7, 1), (0, 0, 0).
    normed = np.array([[1, 4 / 7, 1 / 8], [1 / 3, 1, 1 / 2], [2 / 3, 1 / 7, 1], [0, 0, 0]])
    v = normed * WEIGHTS
    far, near = np.linalg.norm(v, axis=1), np.linalg.norm(v - WEIGHTS, axis=1)
    assert topsis(TABLE, WEIGHTS, norm="minmax") == pytest.approx(far / (far + near))


def test_a_cost_criterion_turns_the_ranking_round():
    assert topsis([[1], [2]], [1], benefit=[False]).tolist() == [1, 0]


def test_a_row_with_an_unknown_is_unknown_and_sets_no_ideal():
    with_unknown = topsis([*TABLE, [9, NAN, 9]], WEIGHTS)
    assert np.isnan(with_unknown[4])
    assert with_unknown[:4] == pytest.approx(topsis(TABLE, WEIGHTS))
    assert np.isnan(topsis([[1, 2], [1, 2]], [1, 1])).all()
    assert np.isnan(topsis([[NAN, 2]], [1, 1])).all()


@pytest.mark.parametrize("weights", [[1, 1], [1, 1, -1], [0, 0, 0], [1, NAN, 1]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(FormulaError, match="权重"):
        topsis(TABLE, weights)


@given(arrays(np.float64, (5, 3), elements=positive), st.sampled_from(["vector", "minmax"]))
def test_closeness_lies_between_0_and_1(table, norm):
    closeness = topsis(table, WEIGHTS, norm=norm)
    known = closeness[~np.isnan(closeness)]
    assert ((known >= 0) & (known <= 1)).all()
