"""Whatever is changed of a selection: the preview is what happens, the undo is what was; retired and back is the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.inventory.retired import how_retired, retired_snapshot
from riskmap.actions.records.bulk_editing import commit_bulk_edit, plan_bulk_edit
from riskmap.actions.records.editing import edit_point, reinstate_points, retire_point, undo_changeset
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RiskmapError
from riskmap.selection import Selection, counts
from riskmap.values.records import CLEAR, Contact
from tests.ledger_files import ACTS, LAYER, WHO, bring, point

GENTLY = settings(max_examples=12, suppress_health_check=list(HealthCheck))
FACTORS = st.sampled_from([None, 0.5, 1.0, 3.0, 6.0, 10.0])
TEXTS = st.sampled_from(
    ["", "清空", "12", "较高", "0.5", "<b>", "{{7*7}}", "=1+1", "张三", "13800001234", "138****1234"]
)
CHANGES = st.dictionaries(
    st.sampled_from(
        ["name", "subdistrict", "likelihood", "exposure", "kind", "people_500m", "contact:responsible:phone"]
    ),
    st.one_of(st.just(CLEAR), TEXTS, st.sampled_from([0.5, 3, 6.0, 10])),
    min_size=1,
    max_size=3,
)
FILTERS = st.sampled_from(
    [
        {},
        {"where": ["likelihood >= 3"]},
        {"tiers": ["major", "unrated"]},
        {"where": ["name ~ 甲"]},
        {"text": "R1"},
    ]
)


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    made = create_workspace(tmp_path_factory.mktemp("laws") / "ws")
    random = np.random.default_rng(7)
    steps = [None, 0.5, 1.0, 3.0, 6.0, 10.0]
    rows = [
        point(
            f"R{i}",
            name=["甲", "乙", None][i % 3],
            likelihood=steps[random.integers(6)],
            exposure=steps[random.integers(1, 6)],
            consequence=15.0,
            contacts=(Contact("responsible", "张三", "13800001234"),) if i % 2 else None,
        )
        for i in range(12)
    ]
    bring(made.ledger, rows)
    assess_layers(made, [LAYER], **ACTS)
    yield made
    assert made.ledger.check() == []


def held(ws, codes=None):
    """Return code → everything that a record holds, its tier and score."""
    found = ws.ledger.features(LAYER, codes=codes, contacts=True, include_retired=True)
    records = found.records
    return {
        code: (
            records.name[i],
            records.subdistrict[i],
            (float(records.lon[i]), float(records.lat[i])),
            {k: column[i] for k, column in records.values.items() if column[i] is not None},
            records.contacts[i] if records.contacts else (),
            int(found.rank[i]),
            found.score[i].tobytes(),
            found.missing[i],
            found.retired[i],
        )
        for i, code in enumerate(records.code)
    }


@GENTLY
@given(stated=CHANGES, chosen=FILTERS)
def test_a_preview_is_what_happens_one_by_one_it_would_be_the_same_and_undo_is_what_was(ws, stated, chosen):
    before = held(ws)
    selection = make_selection(ws, layers=[LAYER], **chosen)
    try:
        plan = plan_bulk_edit(ws, LAYER, selection, stated)
    except RiskmapError:
        assert any(value != CLEAR and not str(value).strip() for value in stated.values())
        return
    total = counts(current_snapshot(ws), selection).everything
    assert plan.selected == total == len(plan.rows) + plan.already + len(plan.refused)
    if not plan.rows:
        assert commit_bulk_edit(ws, plan, leave_out_refused=True, **ACTS).changeset is None
        assert held(ws) == before
        return
    done = commit_bulk_edit(ws, plan, leave_out_refused=True, **ACTS)
    after = held(ws)
    assert {code for code in after if after[code][:5] != before[code][:5]} == {row.code for row in plan.rows}
    ranks = {code: one[5] for code, one in after.items()}
    assert {code: (b, a) for code, b, a in plan.worst} == {
        code: (_tier(before[code][5]), _tier(ranks[code])) for code in after if ranks[code] != before[code][5]
    }
    undo_changeset(ws, done.changeset, **ACTS)
    assert held(ws) == before
    single = [
        edit_point(ws, LAYER, row.code, seen=_version(ws, row.code), changes=stated, **ACTS)
        for row in plan.rows
    ]
    assert held(ws) == after
    for one in reversed(single):
        undo_changeset(ws, one.changeset, **ACTS)
    assert held(ws) == before


@GENTLY
@given(
    factors=st.tuples(FACTORS, FACTORS),
    name=st.one_of(st.none(), st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)),
    retired=st.sets(st.sampled_from([f"R{i}" for i in range(12)]), min_size=1, max_size=4),
)
def test_withdrawn_and_restored_a_record_holds_what_it_held_and_has_its_tier(ws, factors, name, retired):
    changes = {"likelihood": factors[0] or CLEAR, "exposure": factors[1] or CLEAR, "name": name or CLEAR}
    some = sorted(retired)
    edit_point(ws, LAYER, some[0], seen=_version(ws, some[0]), changes=_judgeable(ws, changes), **ACTS)
    before, total = held(ws), counts(current_snapshot(ws), Selection()).everything
    for code in some:
        retire_point(ws, LAYER, code, **ACTS)
    gone = retired_snapshot(ws)
    assert gone.table(LAYER)["code"].to_pylist() == some
    assert counts(current_snapshot(ws), Selection()).everything == total - len(some)
    left = how_retired(ws, [(LAYER, code) for code in some])
    assert {(one.who, one.why, one.how) for one in left.values()} == {(WHO["by"], WHO["why"], "retired")}
    back = reinstate_points(ws, LAYER, some, **ACTS)
    assert held(ws) == before
    assert retired_snapshot(ws).n == 0
    undo_changeset(ws, back.changeset, **ACTS)
    assert retired_snapshot(ws).n == len(some)
    reinstate_points(ws, LAYER, some, **ACTS)
    assert held(ws) == before


def _judgeable(ws, changes):
    from riskmap.rules.judge import rules_of

    rules = rules_of(ws.catalog.layer(LAYER))
    refused = {target for target, _ in rules.record(changes).errors}
    return {key: value for key, value in changes.items() if key not in refused}


def _tier(rank):
    from riskmap.vocabulary import RANKS

    return RANKS[rank]


def _version(ws, code):
    return int(ws.ledger.features(LAYER, codes=[code], include_retired=True).version[0])
