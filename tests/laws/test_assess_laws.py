"""Laws that every default model obeys, on random rows of its layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog.model import Combination, ScoringModel
from riskmap.catalog.model_direction import polarities
from riskmap.scoring import assess_table, contributions, explain
from riskmap.scoring.explanation import reference_score
from riskmap.vocabulary import RANK_OF, RANKS, UNRATED
from tests.assess_rows import LAYERS, assessed, rows, scoring, table, tiers, values

FEW = settings(max_examples=60)


def measurements(model: ScoringModel) -> set[str]:
    """Fields of which another may take the place (several measurements of one thing)."""
    below: set[str] = set()
    for node in reversed(model.nodes):
        if isinstance(node, Combination) and (node.known_only or node.id in below):
            below.update(node.of)
    return {leaf.field for leaf in model.indicators if leaf.id in below and leaf.missing == "unrated"}


@st.composite
def sparse_rows(draw: st.DrawFn, layer: str) -> dict[str, Any]:
    """Complete rows, some of which have lost what their model does not require."""
    model, _ = scoring(layer)
    row = draw(rows(layer, missing=False))
    optional = sorted(set(row) - set(model.required))
    return row | dict.fromkeys(draw(st.sets(st.sampled_from(optional)))) if optional else row


def is_worse(model: ScoringModel, field: str, a: Any, b: Any) -> bool:
    """Whether b is worse than a in a scoring field, as the model declares it."""
    leaf = next(x for x in model.indicators if x.field == field)
    if leaf.table is None:
        return b > a if leaf.worse == "higher" else b < a
    key = {True: "true", False: "false"}
    sign = next(iter(polarities(model)[leaf.id]))
    worst = max(sign * value for value in leaf.table.values())  # of a word that the table does not have
    steps = {word: sign * value for word, value in leaf.table.items()}
    return steps.get(key.get(b, b), worst) >= steps.get(key.get(a, a), worst)


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@FEW
def test_a_worse_factor_never_lowers_a_score_or_a_tier(layer: str, data: st.DataObject):
    model, _ = scoring(layer)
    row = data.draw(sparse_rows(layer))
    field = data.draw(st.sampled_from(model.fields))
    one, other = data.draw(values(layer, field)), data.draw(values(layer, field))
    better, worse = (one, other) if is_worse(model, field, one, other) else (other, one)
    result = assessed(layer, row | {field: better}, row | {field: worse})
    if np.isnan(result.score).any():
        return
    assert result.score[1] >= result.score[0]
    # "stability is missing" and the like never depend on a value that both rows state.
    assert result.rank[1] >= result.rank[0]


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@FEW
def test_a_value_that_becomes_unknown_never_makes_a_point_safer(layer: str, data: st.DataObject):
    model, _ = scoring(layer)
    row = data.draw(rows(layer))
    alternatives = measurements(model)
    lost = data.draw(st.sets(st.sampled_from(model.fields), min_size=1))
    if lost & alternatives:
        lost |= alternatives
    before, after = assessed(layer, row, row | dict.fromkeys(lost)).rank.tolist()
    assert after == UNRATED or after >= before
    assert not (before > RANK_OF["low"] and after == RANK_OF["low"])


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=30)
def test_row_order_changes_nothing(layer: str, data: st.DataObject):
    drawn = data.draw(st.lists(rows(layer), min_size=1, max_size=8))
    order = data.draw(st.permutations(range(len(drawn))))
    straight, shuffled = assessed(layer, *drawn), assessed(layer, *[drawn[i] for i in order])
    np.testing.assert_array_equal(straight.score[order], shuffled.score)
    assert straight.rank[order].tolist() == shuffled.rank.tolist()
    assert [straight.missing[i] for i in order] == list(shuffled.missing)
    assert [straight.rules[i] for i in order] == list(shuffled.rules)


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@FEW
def test_reference_and_contributions_sum_to_the_score(layer: str, data: st.DataObject):
    model, definition = scoring(layer)
    drawn = data.draw(st.lists(rows(layer), min_size=1, max_size=6))
    columns = table(layer, *drawn)
    score = assess_table(model, definition, columns).score
    shares = contributions(model, definition, columns)
    assert set(shares) == set(model.fields)
    total = reference_score(model) + np.sum(list(shares.values()), axis=0)
    np.testing.assert_array_equal(np.isnan(total), np.isnan(score))
    known = ~np.isnan(score)
    assert (np.abs(total - score)[known] <= 1e-9 * np.maximum(1, np.abs(score[known]))).all()


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=25)
def test_every_change_that_is_offered_moves_the_tier_as_stated(layer: str, data: st.DataObject):
    row = data.draw(sparse_rows(layer))
    model, definition = scoring(layer)
    explanation = explain(model, definition, "X", row)
    if not explanation.nearest:
        return
    standings = [definition.standing(tier) for tier in RANKS]  # of shelters the grades
    now = standings.index(explanation.tier or explanation.grade)
    moved = assessed(layer, *[row | {change.field: change.to} for change in explanation.nearest])
    for change, tier, rank in zip(explanation.nearest, tiers(moved), moved.rank, strict=True):
        assert definition.standing(tier) == change.tier
        assert change.value == row[change.field]
        assert rank > now if change.direction == "worse" else rank < now


@pytest.mark.parametrize("layer", LAYERS)
@given(data=st.data())
@settings(max_examples=40)
def test_an_unrated_point_turns_out_within_its_possible_tiers(layer: str, data: st.DataObject):
    model, definition = scoring(layer)
    gone = data.draw(st.sets(st.sampled_from(model.required), min_size=1))
    row = data.draw(sparse_rows(layer)) | dict.fromkeys(gone)
    explanation = explain(model, definition, "X", row)
    if not explanation.possible:
        return
    assert not explanation.judged
    filled = row | {field: data.draw(values(layer, field)) for field in explanation.missing}
    turned_out = tiers(assessed(layer, filled))[0]
    assert turned_out == "unrated" or definition.standing(turned_out) in explanation.possible
