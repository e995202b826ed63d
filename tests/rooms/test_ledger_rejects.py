from __future__ import annotations

import dataclasses

import pytest

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from tests.ledger_files import LAYER, WHO, Clock, bring, point, rejected


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=Clock()) as opened:
        yield opened
        assert opened.check() == []


def outstanding(ledger):
    return [(e.row.code, e.row.cells[1][1]) for e in ledger.rejected()]


def test_a_rejected_row_is_kept_as_it_came_with_its_issues(ledger):
    done = bring(ledger, [point("A")], bad=[rejected("B", "很高", row=7)])
    (entry,) = ledger.rejected(layer=LAYER, batch=done.batch)
    assert entry.row == rejected("B", "很高", row=7)
    assert (entry.file, entry.closed) == ("台账.xlsx", None)
    assert ledger.batches()[0].rejected == 1


def test_the_same_bad_file_twice_does_not_double_the_count(ledger):
    bad = [rejected("B", "很高"), rejected(None, "无编号", row=3), rejected(None, "无编号", row=4)]
    bring(ledger, [point("A")], bad=bad, file="/home/x/台账.xlsx")
    done = bring(ledger, [point("A")], bad=bad, file="C:\\y\\台账.xlsx")
    assert len(ledger.rejected()) == 3
    assert {e.batch for e in ledger.rejected()} == {done.batch}
    assert len(ledger.rejected(open_only=False)) == 6


def test_a_row_still_bad_after_a_correction_counts_once(ledger):
    bring(ledger, [], bad=[rejected("B", "很高")])
    bring(ledger, [], bad=[rejected("B", "高", row=9)])
    assert outstanding(ledger) == [("B", "高")]


def test_the_same_text_in_another_file_or_sheet_is_another_row(ledger):
    bring(ledger, [], bad=[rejected(None, "坏")], file="一.xlsx")
    bring(ledger, [], bad=[rejected(None, "坏")], file="二.xlsx")
    bring(ledger, [], bad=[rejected(None, "坏", sheet="Sheet2")], file="二.xlsx")
    assert len(ledger.rejected()) == 3


def test_a_row_closes_when_its_code_is_accepted_later_even_unchanged(ledger):
    # A code twice in one file: the first goes in, the second is rejected and must not close itself.
    bring(ledger, [point("A")], bad=[rejected("A", "重复")])
    assert outstanding(ledger) == [("A", "重复")]
    bring(ledger, [point("A")], file="改正.xlsx")
    assert outstanding(ledger) == []
    assert [e.closed for e in ledger.rejected(open_only=False)] == ["accepted"]


def test_a_row_of_another_layer_stays_open(ledger):
    bring(ledger, [], bad=[rejected("A", "坏")])
    bring(ledger, [point("A")], layer="slopes")
    assert outstanding(ledger) == [("A", "坏")]


def test_a_held_row_does_not_close_a_rejected_one(ledger):
    bring(ledger, [point("A")])
    bring(ledger, [], bad=[rejected("A", "坏")])
    bring(ledger, [point("A", subdistrict="黄贝街道")], file="别处.xlsx")
    assert outstanding(ledger) == [("A", "坏")]


def test_a_workbook_of_rejected_rows_settles_those_it_brings_back_and_no_others(ledger):
    bad = [
        rejected("B", "坏"),
        rejected("C", "坏", row=3),
        rejected("D", "坏", row=4),
        rejected(None, "缺编号甲", row=5),
        rejected(None, "缺编号乙", row=6),
        rejected(None, "缺编号丙", row=7),
    ]
    first = bring(ledger, [point("A")], bad=bad)
    # B corrected, C still bad, D deleted; two of the three without a code came back with one.
    bring(
        ledger,
        [point("B"), point("X1"), point("X2")],
        bad=[rejected("C", "还坏", row=2)],
        file="退回.xlsx",
        from_batch=first.batch,
    )
    assert outstanding(ledger) == [("D", "坏"), (None, "缺编号丙"), ("C", "还坏")]


def test_a_row_without_a_code_that_comes_back_unchanged_stays_one_row(ledger):
    first = bring(ledger, [], bad=[rejected(None, "甲"), rejected(None, "乙", row=3)])
    bring(ledger, [point("X")], bad=[rejected(None, "乙")], file="退回.xlsx", from_batch=first.batch)
    assert outstanding(ledger) == [(None, "乙")]
    assert [e.closed for e in ledger.rejected(open_only=False)] == ["superseded", "superseded", None]


def test_rejected_rows_can_be_dismissed_with_a_reason_and_stay_readable(ledger):
    bring(ledger, [], bad=[rejected(None, "小计")])
    (entry,) = ledger.rejected()
    ledger.dismiss_rejected([entry.id], **WHO)
    assert ledger.rejected() == []
    assert [e.closed for e in ledger.rejected(open_only=False)] == ["dismissed"]
    with pytest.raises(LedgerError, match="已处理"):
        ledger.dismiss_rejected([entry.id], **WHO)


def test_undoing_an_import_takes_its_rejected_and_held_rows_back_and_opens_what_it_had_closed(ledger):
    bring(ledger, [point("A")], bad=[rejected("B", "坏")])
    done = bring(
        ledger, [point("B"), point("A", subdistrict="黄贝街道")], bad=[rejected("C", "坏")], file="二.xlsx"
    )
    assert outstanding(ledger) == [("C", "坏")]
    ledger.undo(done.changeset, **WHO)
    assert outstanding(ledger) == [("B", "坏")]
    assert ledger.held() == []
    assert list(ledger.features(LAYER).records.code) == ["A"]


def test_every_row_of_a_file_has_exactly_one_fate(ledger):
    bring(ledger, [point("A"), point("B")])
    rows = [point("A"), point("B", likelihood=9), point("N"), point("A", name="x")]
    done = bring(ledger, rows, bad=[rejected("Z", "坏")])
    batch = ledger.batches()[0]
    assert (batch.inserted, batch.updated, batch.unchanged, batch.held, batch.rejected) == (1, 1, 1, 1, 1)
    assert batch.rows == 5
    assert dataclasses.asdict(done)["rejected"] == 1
