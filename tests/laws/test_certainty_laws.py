"""Laws of P(tier) and of residual risk over models that use the whole model language."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.scoring import contributions, residual, tier_probabilities
from riskmap.scoring import uncertainty as uncertainty_module
from riskmap.scoring.explanation import reference_score
from riskmap.scoring.uncertainty import probability_method
from riskmap.vocabulary import RANK_OF, TIERS, UNRATED
from tests.language_models import Case, cases

FEW = settings(max_examples=60)
ON = date(2026, 7, 1)


def shares(case: Case, **changed: object):
    doubt = case.doubt.model_copy(update=changed)
    return tier_probabilities(case.model, case.layer, case.table, uncertainty=doubt, fit=case.fit)


def sampled(case: Case, **changed: object):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty_module, "probability_method", lambda *_: "sampled")
        return shares(case, **changed)


@given(cases())
@FEW
def test_probabilities_sum_to_one_or_nothing_is_said(case: Case):
    found, inherent = shares(case), case.inherent
    assert found is not None
    assert found.method == probability_method(case.model, case.doubt)
    np.testing.assert_array_equal(found.rank, inherent.rank)
    assert np.isnan(found.share[inherent.rank == UNRATED]).all()
    said = ~np.isnan(found.share).any(axis=1)
    assert (found.share[said] >= 0).all()
    np.testing.assert_allclose(found.share[said].sum(axis=1), 1, atol=1e-9)
    assert np.isnan(found.share[~said]).all()


@given(cases())
@FEW
def test_without_doubt_both_ways_give_the_tier_of_the_kernel_for_certain(case: Case):
    rank = case.inherent.rank
    expect = np.array([[float(r == RANK_OF[t]) for t in TIERS] for r in rank])
    expect[rank == UNRATED] = np.nan
    exact = shares(case, indicators={}, weights=0.0)
    assert exact.method == "exact"
    np.testing.assert_array_equal(exact.share, expect)
    np.testing.assert_array_equal(sampled(case, indicators={}, weights=0.0, draws=3).share, expect)


@given(cases(listed_only=True, weights=False))
@settings(max_examples=50)
def test_sampling_agrees_with_the_listed_outcomes(case: Case):
    exact = shares(case)
    if exact.method != "exact":
        return
    drawn = sampled(case, draws=2000)
    both = ~np.isnan(exact.share) & ~np.isnan(drawn.share)
    assert np.abs(drawn.share - exact.share)[both].max(initial=0) < 0.05


@given(cases(), st.data())
@FEW
def test_a_point_depends_neither_on_the_order_nor_on_the_other_points(case: Case, data: st.DataObject):
    order = data.draw(st.permutations(range(case.table.num_rows)))
    straight = shares(case).share
    shuffled = shares(replace_table(case, case.table.take(pa.array(order)))).share
    alone = shares(replace_table(case, case.table.slice(0, 1))).share
    np.testing.assert_allclose(straight[order], shuffled, atol=1e-9)
    np.testing.assert_allclose(straight[:1], alone, atol=1e-9)


def replace_table(case: Case, table: pa.Table) -> Case:
    return replace(case, table=table)


def measure(name: str, effect: str, floor: str, more: str = "") -> str:
    return (
        f'[[measures]]\nid = "{name}"\ntitle = {{ zh = "措施", en = "Measure" }}\n'
        f'when = [{{ field = "d", op = ">=", value = 1 }}]\nverified = "checked"\neffect = {effect}\n'
        f'floor = "{floor}"\nstatus = "draft"\nsource = "t"\nvalid_days = 30\n{more}'
    )


MEASURES = (
    measure("half", "{ factor = 0.5 }", "low")
    + measure("step", "{ tiers = 1 }", "general", "rules = true\n")
    + measure("tenth", "{ factor = 0.1 }", "large")
)


@given(cases(measures=MEASURES), st.data())
@FEW
def test_residual_is_never_above_inherent_and_an_expired_measure_lowers_nothing(
    case: Case, data: st.DataObject
):
    days = st.sampled_from([None, "2026-06-20", "2026-05-01", "2026-07-02"])
    checked = [data.draw(days) for _ in range(case.table.num_rows)]
    table = case.table.append_column("f:checked", pa.array(checked, pa.string()))
    inherent = case.inherent
    left = residual(case.model, case.layer, table, inherent, on=ON)
    assert (left.rank <= inherent.rank).all()
    known = ~np.isnan(inherent.score)
    assert (left.score[known] <= inherent.score[known]).all()
    off = np.array([day != "2026-06-20" for day in checked])
    np.testing.assert_array_equal(left.rank[off], inherent.rank[off])
    np.testing.assert_array_equal(left.score[off & known], inherent.score[off & known])
    after = residual(case.model, case.layer, table, inherent, on=date(2026, 12, 1))
    np.testing.assert_array_equal(after.rank, inherent.rank)


@given(cases())
@settings(max_examples=25)
def test_reference_and_contributions_sum_to_the_score(case: Case):
    score = case.inherent.score
    added = contributions(case.model, case.layer, case.table, fit=case.fit)
    total = reference_score(case.model, fit=case.fit) + np.sum(list(added.values()), axis=0)
    known = ~np.isnan(score) & ~np.isnan(total)
    np.testing.assert_allclose(total[known], score[known], rtol=1e-9, atol=1e-9)
