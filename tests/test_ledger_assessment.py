from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from riskmap.records import RANK_OF, UNRATED
from tests.ledger_files import LAYER, WHO, Clock, assessment, bring, point

LOW, GENERAL, LARGE, MAJOR = (RANK_OF[t] for t in ("low", "general", "large", "major"))


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=Clock()) as opened:
        bring(opened, [point("A"), point("B"), point("C")])
        yield opened
        assert opened.check() == []


def save(ledger, ranks, *, digest="m1", codes=None, run=None, layer=LAYER):
    found = ledger.features(layer, codes=codes)
    scored = assessment(found, ranks, digest=digest, layer=layer)
    return ledger.save_assessment(scored, found, model_text=f"text of {digest}", run=run, **WHO)


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
    before = ledger.state
    assert save(ledger, [LOW, LOW, LOW]).changed == 0
    assert ledger.state == before + 1
    assert save(ledger, [LOW, GENERAL, LOW]).changed == 1


def test_a_tier_change_names_data_model_or_both_as_its_cause(ledger):
    save(ledger, [LOW, LOW, LOW])
    assert {c[3] for c in changed(ledger)} == {"new"}
    ledger.edit(LAYER, "A", seen=1, changes={"likelihood": 6}, **WHO)
    data = save(ledger, [GENERAL, LOW, LOW])
    assert changed(ledger, run=data.run) == [("A", "low", "general", "data")]
    ledger.edit(LAYER, "B", seen=1, changes={"likelihood": 6}, **WHO)
    both = save(ledger, [LARGE, MAJOR, LOW], digest="m2")
    assert changed(ledger, run=both.run) == [
        ("A", "general", "large", "model"),
        ("B", "low", "major", "both"),
    ]
    assert changed(ledger, since=both.changeset - 1) == changed(ledger, run=both.run)
    assert len(ledger.tier_changes(limit=2)) == 2


def test_a_score_that_moves_within_its_tier_is_stored_and_is_no_tier_change(ledger):
    save(ledger, [LOW, LOW, LOW])
    found = ledger.features(LAYER)
    scored = assessment(found, [LOW, LOW, LOW])
    moved = dataclasses.replace(scored, score=np.array([1.0, 0.0, 0.0]))
    result = ledger.save_assessment(moved, found, model_text="", **WHO)
    assert result.changed == 1
    assert changed(ledger, run=result.run) == []


def test_scoring_one_record_alone_says_nothing_about_the_others(ledger):
    save(ledger, [LOW, LOW, LOW])
    for code in ("A", "B"):
        ledger.edit(LAYER, code, seen=1, changes={"likelihood": 6}, **WHO)
    alone = save(ledger, [GENERAL], codes=["A"], digest="m2")
    assert changed(ledger, run=alone.run) == [("A", "low", "general", "both")]
    assert ledger.assessed_digest(LAYER) == "m1"
    whole = save(ledger, [LARGE, GENERAL, GENERAL], digest="m2")
    assert {c[0]: c[3] for c in changed(ledger, run=whole.run)} == {"A": "model", "B": "both", "C": "model"}
    assert ledger.assessed_digest(LAYER) == "m2"


def test_a_result_is_not_kept_for_a_version_that_it_was_not_made_from(ledger):
    found = ledger.features(LAYER)
    ledger.edit(LAYER, "A", seen=1, changes={"likelihood": 6}, **WHO)
    result = ledger.save_assessment(assessment(found, [LOW, LOW, LOW]), found, model_text="", **WHO)
    assert (result.changed, result.skipped) == (2, 1)
    assert ledger.features(LAYER).rank.tolist() == [UNRATED, LOW, LOW]


def test_several_layers_share_one_run(ledger):
    bring(ledger, [point("S")], layer="slopes")
    first = save(ledger, [LOW, LOW, LOW])
    second = save(ledger, [LARGE], layer="slopes", run=first.run)
    assert second.run == first.run
    assert [(c.layer, c.code) for c in ledger.tier_changes(run=first.run)][-1] == ("slopes", "S")
    with pytest.raises(LedgerError, match="没有这次评估"):
        save(ledger, [LARGE], layer="slopes", run=77)
    with pytest.raises(LedgerError, match="不能撤销"):
        ledger.undo(second.changeset, **WHO)


def test_a_past_day_shows_the_tier_of_that_day(ledger):
    save(ledger, [LOW, LOW, LOW])
    then = ledger._store.clock.now
    save(ledger, [MAJOR, LOW, LOW])
    assert ledger.features(LAYER, as_of=then).rank.tolist() == [LOW, LOW, LOW]
    assert ledger.features(LAYER).rank.tolist() == [MAJOR, LOW, LOW]


def test_results_that_do_not_match_the_records_are_refused(ledger):
    found = ledger.features(LAYER)
    scored = assessment(ledger.features(LAYER, codes=["A"]), [LOW])
    with pytest.raises(LedgerError, match="对不上"):
        ledger.save_assessment(scored, found, model_text="", **WHO)
