"""The column snapshot: columns, order, flags, and the way to disk and back."""

from __future__ import annotations

import dataclasses
import os
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import SelectionError
from riskmap.selection import (
    Snapshot,
    build_snapshot,
    changed_table,
    flag_ids,
    layer_table,
    select,
    snapshot_key,
    tile,
)
from riskmap.selection.filters import Selection
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import Records
from riskmap.vocabulary import FLAGS, RANK_OF, UNRATED
from tests.selection_made import CATALOG, GRIDS, HOUSES, STREETS, features, grids, houses, places, shuffled

TODAY = date(2025, 6, 1)


def snapshot(n=200, *, where=None, seed=0):
    given_features = {HOUSES.id: houses(n, seed=seed), GRIDS.id: grids(12)}
    return build_snapshot(given_features, CATALOG, where, state=7, today=TODAY)


def same(a, b):
    assert a.layers == b.layers
    assert a.subdistricts == b.subdistricts
    assert (a.state, a.key) == (b.state, b.key)
    for layer in a.layers:
        assert a.table(layer).schema.equals(b.table(layer).schema)
        for column in a.table(layer).column_names:
            mine, other = a.table(layer)[column].combine_chunks(), b.table(layer)[column].combine_chunks()
            if pa.types.is_floating(mine.type):  # NaN equals NaN here, and null null
                assert mine.is_valid().equals(other.is_valid())
                assert np.array_equal(
                    mine.to_numpy(zero_copy_only=False), other.to_numpy(zero_copy_only=False), equal_nan=True
                )
            else:
                assert mine.equals(other), column
    for name in ("group", "flags", "code", "row", "point_group", "point_id"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert a.search.equals(b.search)
    assert np.array_equal(a.shapes.row, b.shapes.row)
    assert np.array_equal(a.shapes.bounds, b.shapes.bounds)


def one(**changes):
    """One record like a real one, with some columns changed."""
    base = {
        "code": ["A"], "name": ["甲"], "subdistrict": [STREETS[0]], "lon": np.array([114.06]), "lat": np.array([22.6]),
        "shapes": None, "values": {},
    }  # fmt: skip
    return Records(HOUSES.id, **(base | changes))


def flags_of(records, *, rank=0, where=None, updated="2025-05-01T00:00:00Z", layer=HOUSES):
    made = features(records, np.full(len(records), rank, np.uint8), updated=updated)
    snap = build_snapshot({layer.id: made}, {layer.id: layer}, where, state=1, today=TODAY)
    return [flag_ids(b) for b in snap.table(layer.id)["flags"].to_pylist()]


def test_the_table_has_the_documented_columns_and_types():
    table = layer_table(houses(30), HOUSES)
    core = [
        "feature_id", "code", "name", "subdistrict", "lon", "lat", "rank", "score", "version", "updated_at",
        "missing", "rules", "flags", "contacts", "checklist",
    ]  # fmt: skip
    assert table.column_names == core + [f"f:{f}" for f in HOUSES.field_ids]
    types = {name: table.schema.field(name).type for name in table.column_names}
    words = pa.dictionary(pa.int32(), pa.string())
    assert types["subdistrict"] == types["f:kind"] == words
    assert types["feature_id"] == types["version"] == types["contacts"] == types["f:people"] == pa.int64()
    assert types["lon"] == types["score"] == types["f:slope_height"] == pa.float64()
    assert (types["rank"], types["flags"]) == (pa.uint8(), pa.uint16())
    assert types["missing"] == types["rules"] == pa.list_(pa.string())
    assert types["checklist"] == pa.list_(pa.bool_())
    assert types["f:indoor"] == pa.bool_()
    assert types["f:surveyed_on"] == types["f:address"] == pa.string()
    assert layer_table(grids(3), GRIDS)["shape"].to_pylist() == list(grids(3).records.shapes)


def test_missing_is_null_and_a_column_that_the_source_lacks_is_all_null():
    table = layer_table(houses(60), HOUSES)
    assert table["f:slope_height"].to_pylist() == houses(60).records.values["slope_height"]
    assert table["f:odd a>=b, 'x' name"].null_count == 60
    assert set(map(tuple, table["checklist"].to_pylist())) <= {(True, None, False), (None, None, None)}


def test_retired_records_leave_the_snapshot():
    made = houses(5)
    made = dataclasses.replace(made, retired=[None, "拆除", None, None, "重复"])
    assert layer_table(made, HOUSES)["code"].to_pylist() == ["RP-0000000", "RP-0000002", "RP-0000003"]


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [("people", 12.0, 12), ("slope_height", "3.5", 3.5), ("address", 12, "12"), ("indoor", 1, True)],
)
def test_a_value_of_another_type_is_kept_where_nothing_is_lost(column, value, kept):
    table = layer_table(features(one(values={column: [value]}), np.zeros(1, np.uint8)), HOUSES)
    assert table[f"f:{column}"].to_pylist() == [kept]


@pytest.mark.parametrize(
    ("column", "value"), [("people", 2.5), ("slope_height", "十二"), ("indoor", "maybe")]
)
def test_a_value_that_does_not_fit_its_field_is_missing_and_marked_and_not_cut(column, value):
    table = layer_table(features(one(values={column: [value]}), np.zeros(1, np.uint8)), HOUSES)
    assert table[f"f:{column}"].to_pylist() == [None]
    assert flag_ids(table["flags"][0].as_py()) == ["unreadable"]


@given(st.randoms(use_true_random=False), st.integers(0, 60))
@settings(max_examples=25)
def test_the_order_of_the_rows_changes_nothing(random, n):
    order = list(range(n))
    random.shuffle(order)
    made, mixed = houses(n), shuffled(houses(n), np.array(order, int))
    a, b = (
        build_snapshot({HOUSES.id: f, GRIDS.id: grids(3)}, CATALOG, places(), state=1, today=TODAY)
        for f in (made, mixed)
    )
    same(a, b)
    for z, x, y in ((8, 209, 111), (12, 3346, 1782)):
        assert tile(a, Selection(), z, x, y) == tile(b, Selection(), z, x, y)


@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)), st.integers(0, 5))
@settings(max_examples=40)
def test_changed_records_put_into_a_table_give_the_table_read_anew(edited, retired, new):
    after = houses(40 + new)
    before = shuffled(after, np.arange(40))
    values = {
        **after.records.values,
        "kind": ["gas" if i in edited else k for i, k in enumerate(after.records.values["kind"])],
    }
    after = dataclasses.replace(
        after,
        records=dataclasses.replace(after.records, values=values),
        retired=["拆除" if i in retired else None for i in range(40 + new)],
    )
    touched = np.array(sorted(edited | retired | set(range(40, 40 + new))), int)
    patched = changed_table(layer_table(before, HOUSES), shuffled(after, touched), HOUSES)
    a, b = (build_snapshot({HOUSES.id: x}, CATALOG, places(), state=1, today=TODAY) for x in (patched, after))
    same(a, b)


def test_a_layer_without_records_is_there_and_empty():
    snap = build_snapshot({}, CATALOG, places(), state=1, today=TODAY)
    assert snap.layers == (HOUSES.id, GRIDS.id)
    assert len(snap) == 0
    assert snap.subdistricts == STREETS
    assert snap.table(GRIDS.id).column_names[-1] == "f:area"
    assert select(snap, Selection()).total == 0


def test_records_of_a_layer_without_a_file_are_refused_with_a_hint():
    with pytest.raises(SelectionError, match="did you mean risk_points"):
        build_snapshot({"risk_point": houses(1)}, CATALOG, None, state=1, today=TODAY)


@pytest.mark.parametrize("n", [0, 1, 300])
def test_a_saved_snapshot_comes_back_equal(tmp_path, n):
    made = snapshot(n, where=places())
    made.save(tmp_path)
    back = Snapshot.load(tmp_path)
    assert back is not None
    same(made, back)
    assert not list(tmp_path.glob("*.part"))
    assert tile(made, Selection(), 9, 418, 222) == tile(back, Selection(), 9, 418, 222)


def test_a_snapshot_of_another_state_day_catalogue_or_place_is_ignored(tmp_path):
    made = snapshot(20)
    assert Snapshot.load(tmp_path) is None
    made.save(tmp_path)
    assert Snapshot.load(tmp_path, state=7) is not None
    assert Snapshot.load(tmp_path, state=8) is None
    keys = {
        snapshot_key(CATALOG, None, state=7, today=TODAY),
        snapshot_key(CATALOG, None, state=8, today=TODAY),
        snapshot_key(CATALOG, None, state=7, today=date(2025, 6, 2)),
        snapshot_key(CATALOG, places(), state=7, today=TODAY),
        snapshot_key({HOUSES.id: HOUSES}, None, state=7, today=TODAY),
        snapshot_key(
            CATALOG | {GRIDS.id: GRIDS.model_copy(update={"stale_after_days": 9})}, None, state=7, today=TODAY
        ),
    }
    assert len(keys) == 6
    assert [k for k in keys if Snapshot.load(tmp_path, key=k) is not None] == [made.key]


@pytest.mark.parametrize("name", ["rows.arrow", "points.arrow", "layer-0.arrow", "snapshot.json"])
@pytest.mark.parametrize("damage", [None, b"", b"ARROW1\0\0 nothing of use", b"{}"])
def test_a_damaged_snapshot_is_ignored_and_can_be_written_again(tmp_path, name, damage):
    made = snapshot(20)
    made.save(tmp_path)
    (tmp_path / name).unlink()
    if damage is not None:
        (tmp_path / name).write_bytes(damage)
    assert Snapshot.load(tmp_path) is None
    made.save(tmp_path)
    same(made, Snapshot.load(tmp_path))


def test_files_of_two_snapshots_are_never_taken_for_one(tmp_path):
    snapshot(20, seed=1).save(tmp_path / "old")
    build_snapshot(
        {HOUSES.id: houses(20, seed=2), GRIDS.id: grids(12)}, CATALOG, None, state=8, today=TODAY
    ).save(tmp_path / "new")
    (tmp_path / "old" / "points.arrow").replace(tmp_path / "new" / "points.arrow")
    assert Snapshot.load(tmp_path / "new") is None


@pytest.mark.skipif(
    os.name == "nt", reason="Windows does not replace a mapped file; save then raises OSError"
)
def test_a_snapshot_can_be_replaced_while_the_old_one_is_read(tmp_path):
    old = snapshot(300)
    old.save(tmp_path)
    mapped = Snapshot.load(tmp_path)
    snapshot(10, seed=5).save(tmp_path)
    same(old, mapped)


def test_an_unlocated_record_is_flagged_and_counts_but_is_not_on_the_map():
    snap = build_snapshot(
        {HOUSES.id: features(one(lon=np.array([np.nan])), np.zeros(1, np.uint8))},
        CATALOG,
        places(),
        state=1,
        today=TODAY,
    )
    assert (snap.n, snap.located) == (1, 0)
    assert flag_ids(int(snap.flags[0])) == ["unlocated"]
    assert np.isnan(snap.table(HOUSES.id)["lat"][0].as_py())


def test_a_point_outside_the_district_or_in_another_subdistrict_is_flagged():
    assert flags_of(one(), where=places()) == [[]]
    assert flags_of(one(lon=np.array([115.0])), where=places()) == [["outside_district"]]
    assert flags_of(one(subdistrict=["翠竹街道"]), where=places()) == [["outside_subdistrict"]]
    assert flags_of(one(subdistrict=["别处街道"]), where=places()) == [["unknown_subdistrict"]]
    assert flags_of(one(subdistrict=[None]), where=places()) == [["no_subdistrict"]]
    assert flags_of(one(lon=np.array([115.0]))) == [[]]


def test_a_declared_tier_differs_only_where_both_are_known():
    declared = lambda word, rank: flags_of(one(values={"declared_tier": [word]}), rank=RANK_OF[rank])  # noqa: E731
    assert declared("major", "low") == [["declared_differs"]]
    assert declared("重大", "major") == declared("major", "unrated") == declared(None, "major") == [[]]
    assert declared("large", "large") == declared("不详", "low") == [[]]


def test_a_survey_date_decides_over_the_date_of_the_record():
    day = lambda surveyed, updated: flags_of(one(values={"surveyed_on": [surveyed]}), updated=updated)  # noqa: E731
    assert day(None, "2024-06-01T00:00:00Z") == [[]]  # 365 days old: not older than allowed
    assert day(None, "2024-05-31T23:59:59Z") == [["stale"]]
    assert day("2024-05-31", "2025-05-31T00:00:00Z") == [["stale"]]
    assert day("2025-05-31", "2020-01-01T00:00:00Z") == [[]]


def test_the_same_name_within_thirty_metres_is_a_possible_duplicate():
    near = one(code=["A", "B", "C"], name=["甲", "甲", "乙"], subdistrict=[None] * 3, lon=np.array([114.1, 114.1002, 114.1]), lat=np.full(3, 22.6))  # fmt: skip
    assert flags_of(near) == [["possible_duplicate"], ["possible_duplicate"], []]


def test_flags_of_the_records_are_bits_in_the_order_of_the_list():
    assert flag_ids(0) == []
    assert flag_ids(0b100001) == ["possible_duplicate", "stale"]
    assert flag_ids(2 ** len(FLAGS) - 1) == list(FLAGS)


def test_subdistricts_are_the_districts_own_and_then_whatever_records_state():
    snap = build_snapshot(
        {HOUSES.id: features(one(subdistrict=["别处街道"]), np.array([UNRATED], np.uint8))},
        CATALOG,
        places(),
        state=1,
        today=TODAY,
    )
    assert snap.subdistricts == (*STREETS, "别处街道")


def test_gaps_between_subdistricts_belong_to_none():
    gap = Boundaries.of(
        shapely.box(114.0, 22.5, 114.3, 22.7), {STREETS[0]: shapely.box(114.2, 22.5, 114.3, 22.7)}
    )
    assert flags_of(one(), where=gap) == [[]]
