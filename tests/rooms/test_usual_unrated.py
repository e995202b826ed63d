"""The unrated that are always there are a calm line; those that are new, and sums that disagree, are not."""

from __future__ import annotations

import pytest

from riskmap.actions.inventory.listing import make_selection, summarise
from riskmap.actions.inventory.unrated import disagreeing, newly_unrated, unrated_text
from riskmap.actions.records.editing import create_point, edit_point
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.values.records import CLEAR
from tests.cli import riskmap
from tests.ledger_files import ACTS, LAYER, bring, point

FACTORS = {"exposure": 6.0, "consequence": 15.0}


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(made.ledger, [point("A", likelihood=1.0, **FACTORS), point("B", likelihood=None, **FACTORS)])
    assess_layers(made, [LAYER], **ACTS)
    return made


def new(ws, **narrowed):
    return newly_unrated(ws, current_snapshot(ws), make_selection(ws, **narrowed) if narrowed else None)


def test_what_the_first_assessment_left_unrated_is_usual(ws):
    assert summarise(ws)["unrated"] == 1
    assert new(ws) == []
    assert disagreeing(summarise(ws)) == []


def test_what_was_never_assessed_is_new(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    bring(ws.ledger, [point("A", likelihood=1.0, **FACTORS)])
    assert new(ws) == ["A"]


def test_a_record_that_loses_its_tier_is_new_until_the_layer_was_assessed_with_it(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": CLEAR}, **ACTS)
    assert new(ws) == ["A"]
    assess_layers(ws, [LAYER], **ACTS)
    assert new(ws) == []


def test_an_edit_that_leaves_a_usual_one_unrated_makes_nothing_new(ws):
    edit_point(ws, LAYER, "B", seen=1, changes={"exposure": CLEAR, "name": "乙"}, **ACTS)
    assert new(ws) == []


def test_a_new_record_without_a_tier_is_new_and_only_where_it_is_selected(ws):
    create_point(ws, LAYER, "C", values={"name": "丙", **FACTORS}, **ACTS)
    assert new(ws) == ["C"]
    assert new(ws, text="丙") == ["C"]
    assert new(ws, text="甲") == []


def test_a_run_that_takes_tiers_away_is_an_alarm_and_the_next_one_is_not(ws):
    bring(ws.ledger, [point("A", name="甲", likelihood=CLEAR)])
    assess_layers(ws, [LAYER], **ACTS)
    assert new(ws) == ["A"]
    bring(ws.ledger, [point("A", name="甲乙")])
    assess_layers(ws, [LAYER], **ACTS)
    assert new(ws) == []


def test_the_terminal_says_it_calmly_and_alarms_of_what_is_new(ws):
    usual = riskmap("summary", "--workspace", str(ws.root))
    assert usual.status == 1  # the contract: programs ask whether the tiers hold everything
    assert "四级 1 + 未评 1 = 总数 2" in usual.out
    assert "没有新增" in usual.out
    assert "不一致" not in usual.err + usual.out
    create_point(ws, LAYER, "C", values=FACTORS, **ACTS)
    alarm = riskmap("summary", "--workspace", str(ws.root))
    assert "注意：新出现 1 处未评" in alarm.err
    assert "：C。" in alarm.err


def test_a_sum_that_unrated_records_do_not_explain_disagrees():
    gap = {"what": "甲", "layer": "x", "expected": 5, "found": 4, "codes": ["A"]}
    wrong = {"what": "乙", "expected": 5, "found": 3, "codes": []}
    assert disagreeing({"differences": [gap, wrong]}) == [wrong]


def test_a_long_list_of_codes_is_cut():
    text = unrated_text([f"A{i}" for i in range(30)], total=40, unrated=30, lang="en")
    assert "A19…" in text
    assert "A20" not in text
