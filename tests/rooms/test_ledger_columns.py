"""A layer's columns straight from the ledger: the same as its records say, and a fault stays in its record."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger, Scored
from riskmap.rules.judge import rules_of
from riskmap.selection import finished_table, flag_ids, layer_table
from riskmap.vocabulary import RANK_OF, UNRATED
from tests.ledger_files import LAYER, WHO, Clock, assessment, bring, judged
from tests.selection_made import GRIDS, HOUSES

VALUES = {
    "likelihood": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
    "slope_height": st.floats(0, 99),
    "people": st.integers(-(2**63), 2**63 - 1),
    "indoor": st.booleans(),
    "kind": st.sampled_from(["fire", "gas", "不在表中"]),
    "surveyed_on": st.just("2024-05-01"),
    "address": st.text(st.characters(codec="utf-8"), max_size=9),
    "odd a>=b, 'x' name": st.floats(-1, 1),
}
ODD = {"people": 12.0, "slope_height": "3.5", "address": 12, "indoor": 1}  # kept: nothing is lost by it
ROW = st.fixed_dictionaries(
    {},
    optional={
        **VALUES,
        "name": st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
        "subdistrict": st.sampled_from(["桂园街道", "黄贝街道"]),
        "checklist": st.lists(st.sampled_from([True, False, None]), max_size=4).map(tuple),
    },
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=Clock()) as made:
        yield made


def same(a: pa.Table, b: pa.Table):
    assert a.schema.equals(b.schema)
    for name in a.column_names:
        mine, other = a[name].combine_chunks(), b[name].combine_chunks()
        if pa.types.is_floating(mine.type):  # NaN equals NaN here, and null null
            assert mine.is_valid().equals(other.is_valid()), name
            assert np.array_equal(*(np.array(c.to_pylist(), float) for c in (mine, other)), equal_nan=True)
        else:
            assert mine.equals(other), name


def same_by_both_ways(ledger, layer, **when):
    found = ledger.layer_columns(layer, **when)
    assert found.broken == ()
    same(finished_table(found.whole(), layer), layer_table(ledger.features(layer.id, **when), layer))


@given(st.lists(ROW, max_size=6), st.booleans())
@settings(max_examples=40)
def test_the_columns_of_a_layer_say_what_its_records_say(tmp_path_factory, rows, odd):
    place = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with Ledger.create(f"sqlite:///{place}", clock=Clock()) as ledger:
        same_by_both_ways(ledger, HOUSES)
        given_rows = [{"code": f"{9 - i}号", **row} for i, row in enumerate(rows)]
        bring(ledger, [*given_rows, {"code": "L", "lon": 114.1, "lat": 22.6, **(ODD if odd else {})}])
        found = ledger.features(LAYER)
        made = assessment(found, [RANK_OF["major"], *[UNRATED] * (len(found) - 1)])
        ledger.save_assessments([Scored(made, found.feature_id, found.version, "text")], **WHO)
        same_by_both_ways(ledger, HOUSES)


def test_a_past_moment_shows_the_records_and_tiers_of_that_moment(ledger):
    clock = ledger._store.clock
    bring(ledger, [{"code": code, "likelihood": 1.0} for code in "ABC"])
    then = clock()
    found = ledger.features(LAYER)
    ledger.save_assessments(
        [Scored(assessment(found, [4, 0, 0]), found.feature_id, found.version, "")], **WHO
    )
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 9.0}), **WHO)
    ledger.retire(LAYER, "B", **WHO)
    same_by_both_ways(ledger, HOUSES)
    same_by_both_ways(ledger, HOUSES, as_of=then)
    past = ledger.layer_columns(HOUSES, as_of=then).table
    assert past["code"].to_pylist() == ["A", "B", "C"]
    assert set(past["rank"].to_pylist()) == {UNRATED}


def test_polygons_come_with_their_shapes(ledger):
    box = shapely.to_wkb(shapely.box(114.1, 22.5, 114.2, 22.6))
    rows = [{"code": "A", "lon": 114.1, "lat": 22.5, "shape": box, "area": 1}, {"code": "B", "area": None}]
    bring(ledger, rows, layer=GRIDS.id)
    same_by_both_ways(ledger, GRIDS)


def test_a_value_that_does_not_fit_is_named_and_costs_no_other_record(ledger):
    good = {"people": 3, "slope_height": 2.0, "kind": "gas", "indoor": True}
    rows = [{"code": code, **good} for code in "ABCD"]
    rows[1]["people"], rows[2]["indoor"] = 2.5, "也许"
    bring(ledger, rows)
    found = ledger.layer_columns(HOUSES)
    assert [(m.code, m.field.id, m.value) for m in found.broken] == [
        ("B", "people", 2.5),
        ("C", "indoor", "也许"),
    ]
    assert found.table["code"].to_pylist() == list("ABCD")
    assert found.table["f:people"].to_pylist() == [3, None, 3, 3]
    assert found.table["f:indoor"].to_pylist() == [True, True, None, True]
    by_columns = finished_table(found.table, HOUSES, found.broken)
    same(by_columns, layer_table(ledger.features(LAYER), HOUSES))
    assert [flag_ids(bits) for bits in by_columns["flags"].to_pylist()] == [
        [],
        ["unreadable"],
        ["unreadable"],
        [],
    ]
    with pytest.raises(LedgerError, match="risk_points › B › people: the ledger holds 2.5") as caught:
        found.whole()
    assert "风险点 › B › 人数" in caught.value.text("zh")


def test_a_number_that_no_column_can_hold_is_named(ledger):
    bring(ledger, [{"code": "A", "people": 2**63}, {"code": "B", "people": 1e300}, {"code": "C"}])
    found = ledger.layer_columns(HOUSES)
    assert [m.code for m in found.broken] == ["A", "B"]
    assert found.table["f:people"].to_pylist() == [None, None, None]


def test_a_record_whose_content_is_damaged_is_named_as_a_whole(ledger):
    bring(ledger, [{"code": code, "people": 1} for code in "ABC"])
    with ledger._store.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER revision_fixed")
        for code, body in (("A", '{"people": 1'), ("C", "[1]")):
            connection.exec_driver_sql(
                "UPDATE revision SET body = ? WHERE feature_id = (SELECT id FROM feature WHERE code = ?)",
                (body, code),
            )
    found = ledger.layer_columns(HOUSES)
    assert [(m.code, m.field) for m in found.broken] == [("A", None), ("C", None)]
    assert found.table["f:people"].to_pylist() == [None, 1, None]
    same(finished_table(found.table, HOUSES, found.broken), layer_table(ledger.features(LAYER), HOUSES))
    with pytest.raises(
        LedgerError, match="risk_points › A: what the ledger holds cannot be read, nothing was written"
    ):
        ledger.edit(LAYER, "A", seen=1, changes=rules_of(HOUSES).record({"people": 2}), **WHO)
    with pytest.raises(LedgerError, match="risk_points › A: what the ledger holds cannot be read"):
        found.whole()


def test_a_body_over_several_lines_is_read_all_the_same(ledger):
    bring(ledger, [{"code": "A", "people": 1, "address": "甲\n乙"}])
    with ledger._store.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER revision_fixed")
        body = json.dumps({"people": 1, "address": "甲\n乙"}, indent=1)
        connection.exec_driver_sql("UPDATE revision SET body = ?", (body,))
    same_by_both_ways(ledger, HOUSES)


def test_scoring_reads_what_it_asks_for_and_stumbles_over_nothing_else(ledger):
    rows = [{"code": code, "likelihood": 1.0, "people": "很多", "checklist": (True,)} for code in "ABC"]
    bring(ledger, rows)
    ledger.retire(LAYER, "A", **WHO)
    table = ledger.scoring_columns(HOUSES, ["likelihood"]).whole()
    assert table.column_names == ["feature_id", "version", "f:likelihood"]
    assert table["f:likelihood"].to_pylist() == [1.0, 1.0]
    table = ledger.scoring_columns(HOUSES, ["checklist.i1"], codes=["C", "A"]).whole()
    assert table["checklist"].to_pylist() == [[True, None, None]]
    assert len(ledger.scoring_columns(HOUSES, ["people"]).broken) == 2
    assert ledger.scoring_columns(GRIDS, ["area"]).whole().num_rows == 0
