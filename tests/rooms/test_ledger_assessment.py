from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger, Scored
from riskmap.vocabulary import RANK_OF, UNRATED
from tests.ledger_files import LAYER, WHO, Clock, assessment, bring, judged, point

LOW, GENERAL, LARGE, MAJOR = (RANK_OF[t] for t in ("low", "general", "large", "major"))


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=Clock()) as opened:
        bring(opened, [point("A"), point("B"), point("C")])
        yield opened
        assert opened.check() == []


def scored(ledger, ranks, *, digest="m1", codes=None, layer=LAYER):
    found = ledger.features(layer, codes=codes)
    made = assessment(found, ranks, digest=digest, layer=layer)
    return Scored(made, found.feature_id, found.version, f"text of {digest}")


def save(ledger, ranks, **which):
    return store(ledger, scored(ledger, ranks, **which))


def store(ledger, one):
    return ledger.save_assessments([one], **WHO)[0]


def changed(ledger, **which):
    return [(c.code, c.before, c.after, c.cause) for c in ledger.tier_changes(**which)]


def test_a_record_never_assessed_is_unrated(ledger):
    found = ledger.features(LAYER)
    assert found.rank.tolist() == [UNRATED] * 3
    assert np.isnan(found.score).all()


def test_results_come_back_with_the_features(ledger):
    result = save(ledger, [LOW, UNRATED, MAJOR])
    assert (result.assessed, result.unrated, result.changed, result.skipped) == (3, 1, 3, 0)
    found = ledger.features(LAYER)
    assert found.rank.tolist() == [LOW, UNRATED, MAJOR]
    assert found.score.tolist()[::2] == [0.0, 40.0]
    assert np.isnan(found.score[1])
    assert found.missing == [(), ("likelihood",), ()]
    assert found.rules == [(), (), ("rule",)]
    assert ledger.assessed_digest(LAYER) == "m1"
    assert ledger.model_text("m1") == "text of m1"
    assert ledger.model_text("m2") is None
    assert ledger.assessed_digest("slopes") is None


def test_only_what_changed_is_stored(ledger):
    save(ledger, [LOW, LOW, LOW])
    assert save(ledger, [LOW, GENERAL, LOW]).changed == 1


def test_a_run_that_tells_nothing_new_leaves_the_ledger_in_its_state(ledger):
    save(ledger, [LOW, LOW, LOW])
    before = ledger.state
    again = save(ledger, [LOW, LOW, LOW])
    assert (again.run, again.changeset, again.assessed, again.changed) == (None, None, 3, 0)
    assert save(ledger, [LOW], codes=["B"]).changeset is None
    assert save(ledger, [], layer="slopes").changeset is None
    assert ledger.state == before


def test_a_run_over_new_data_or_with_a_new_model_is_noted_even_where_no_result_changes(ledger):
    save(ledger, [LOW, LOW, LOW])
    save(ledger, [LOW, LOW, LOW], digest="m2")
    assert ledger.assessed_digest(LAYER) == "m2"
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    assert save(ledger, [LOW, LOW, LOW], digest="m2").changeset == ledger.state
    later = save(ledger, [GENERAL, LOW, LOW], digest="m3")
    assert changed(ledger, run=later.run) == [("A", "low", "general", "model")]


def test_a_tier_change_names_data_model_or_both_as_its_cause(ledger):
    save(ledger, [LOW, LOW, LOW])
    assert {c[3] for c in changed(ledger)} == {"new"}
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    data = save(ledger, [GENERAL, LOW, LOW])
    assert changed(ledger, run=data.run) == [("A", "low", "general", "data")]
    ledger.edit(LAYER, "B", seen=1, changes=judged({"likelihood": 6}), **WHO)
    both = save(ledger, [LARGE, MAJOR, LOW], digest="m2")
    assert changed(ledger, run=both.run) == [
        ("A", "general", "large", "model"),
        ("B", "low", "major", "both"),
    ]
    assert changed(ledger, since=both.changeset - 1) == changed(ledger, run=both.run)
    assert len(ledger.tier_changes(limit=2)) == 2


def test_a_score_that_moves_within_its_tier_is_stored_and_is_no_tier_change(ledger):
    save(ledger, [LOW, LOW, LOW])
    one = scored(ledger, [LOW, LOW, LOW])
    moved = dataclasses.replace(one.assessment, score=np.array([1.0, 0.0, 0.0]))
    result = store(ledger, dataclasses.replace(one, assessment=moved))
    assert result.changed == 1
    assert changed(ledger, run=result.run) == []


def test_scoring_one_record_alone_says_nothing_about_the_others(ledger):
    save(ledger, [LOW, LOW, LOW])
    for code in ("A", "B"):
        ledger.edit(LAYER, code, seen=1, changes=judged({"likelihood": 6}), **WHO)
    alone = save(ledger, [GENERAL], codes=["A"], digest="m2")
    assert changed(ledger, run=alone.run) == [("A", "low", "general", "both")]
    assert ledger.assessed_digest(LAYER) == "m1"
    whole = save(ledger, [LARGE, GENERAL, GENERAL], digest="m2")
    assert {c[0]: c[3] for c in changed(ledger, run=whole.run)} == {"A": "model", "B": "both", "C": "model"}
    assert ledger.assessed_digest(LAYER) == "m2"


def test_a_result_is_not_kept_for_a_version_that_it_was_not_made_from(ledger):
    one = scored(ledger, [LOW, LOW, LOW])
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    result = store(ledger, one)
    assert (result.changed, result.skipped) == (2, 1)
    assert ledger.features(LAYER).rank.tolist() == [UNRATED, LOW, LOW]


def test_several_layers_are_one_run_and_one_changeset(ledger):
    bring(ledger, [point("S")], layer="slopes")
    before = ledger.state
    both = [scored(ledger, [LOW, LOW, LOW]), scored(ledger, [LARGE], layer="slopes")]
    first, second = ledger.save_assessments(both, **WHO)
    assert (first.run, first.changeset) == (second.run, second.changeset)
    assert ledger.state == before + 1 == first.changeset
    assert [(c.layer, c.code) for c in ledger.tier_changes(run=first.run)][-1] == ("slopes", "S")
    assert ledger.changesets(limit=1)[0].counts == {"assessed": 4, "unrated": 0, "changed": 4}
    with pytest.raises(LedgerError, match="不能撤销"):
        ledger.undo(second.changeset, **WHO)
    alone = save(ledger, [MAJOR], layer="slopes", codes=["S"], digest="m2")
    assert [c[3] for c in changed(ledger, run=alone.run)] == ["model"]


def test_a_past_day_shows_the_tier_of_that_day(ledger):
    save(ledger, [LOW, LOW, LOW])
    then = ledger._store.clock.now
    save(ledger, [MAJOR, LOW, LOW])
    assert ledger.features(LAYER, as_of=then).rank.tolist() == [LOW, LOW, LOW]
    assert ledger.features(LAYER).rank.tolist() == [MAJOR, LOW, LOW]


def test_results_that_do_not_match_the_records_are_refused(ledger):
    one = scored(ledger, [LOW], codes=["A"])
    every = ledger.features(LAYER)
    with pytest.raises(LedgerError, match="对不上"):
        store(ledger, dataclasses.replace(one, feature_id=every.feature_id, version=every.version))
