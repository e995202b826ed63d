"""A patched snapshot is the one that would be built anew, whatever changed in between."""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.selection import Selection, Snapshot, build_snapshot, counts, patched_snapshot, search, tile
from riskmap.values.records import Records
from tests.selection_made import CATALOG, GRIDS, HOUSES, SOUTH, STREETS, WEST, features, places

TODAY = date(2025, 6, 1)
STREET_NAMES = (*STREETS[:2], "别处街道", "远处街道", None)

# Everything about one record that can change: none where it is not in the ledger yet.
record = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["甲", "乙", "丙", "", None]),
        "street": st.sampled_from(STREET_NAMES),
        "x": st.integers(-1, 9),
        "rank": st.integers(0, 4),
        "kind": st.sampled_from(["fire", "gas", "odd", None]),
        "surveyed": st.sampled_from(["2024-06-01", "2025-05-01", None]),
        "declared": st.sampled_from(["major", "low", None]),
        "retired": st.booleans(),
    }
)


def made(layer, rows):
    """rows: number → record; the number gives feature id and, in another order, the code."""
    numbers, found = list(rows), list(rows.values())
    x = np.array([WEST + r["x"] * 1.4e-4 if r["x"] >= 0 else np.nan for r in found], float)
    values = {"kind": [r["kind"] for r in found], "surveyed_on": [r["surveyed"] for r in found], "declared_tier": [r["declared"] for r in found]}  # fmt: skip
    shapes = [shapely.to_wkb(shapely.Point(v, SOUTH).buffer(0.001)) if np.isfinite(v) else None for v in x]
    records = Records(
        layer.id,
        [f"R{n * 7 % 31:02d}" for n in numbers],
        [r["name"] for r in found],
        [r["street"] for r in found],
        x,
        np.where(np.isnan(x), np.nan, SOUTH + 0.001),
        None if layer is HOUSES else shapes,
        values if layer is HOUSES else {"area": [float(r["x"]) for r in found]},
    )
    plain = features(records, np.array([r["rank"] for r in found], np.uint8))
    first = 1 if layer is HOUSES else 1000
    return dataclasses.replace(
        plain,
        feature_id=np.array(numbers, np.int64) + first,
        contact_count=np.array([r["rank"] for r in found], np.int64),
        retired=["拆除" if r["retired"] else None for r in found],
    )


def built(rows, *, state=1, today=TODAY):
    return build_snapshot(
        {layer.id: made(layer, rows[layer.id]) for layer in (HOUSES, GRIDS)},
        CATALOG,
        places(),
        state=state,
        today=today,
    )


def in_one_piece(table):
    texts = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(dict(zip(table.column_names, texts, strict=True))).combine_chunks()


def agree(a: Snapshot, b: Snapshot):
    assert (a.state, a.key, a.layers, a.subdistricts) == (b.state, b.key, b.layers, b.subdistricts)
    for layer in a.layers:
        mine, other = in_one_piece(a.table(layer)), in_one_piece(b.table(layer))
        assert a.table(layer).schema.equals(b.table(layer).schema)
        # Printed, NaN equals NaN and nothing else does.
        assert mine.to_pydict() == other.to_pydict() or str(mine.to_pydict()) == str(other.to_pydict())
    for name in ("group", "flags", "code", "row", "point_group", "point_id"):
        mine, other = getattr(a, name), getattr(b, name)
        assert mine.tolist() == other.tolist(), name
        assert mine.dtype == other.dtype, name
    assert a.search.to_pylist() == b.search.to_pylist()
    assert a.shapes.row.tolist() == b.shapes.row.tolist()
    assert np.array_equal(a.shapes.bounds, b.shapes.bounds)


rows_before_and_after = st.fixed_dictionaries(
    {
        layer.id: st.dictionaries(st.integers(0, 30), st.tuples(st.none() | record, st.none() | record))
        for layer in (HOUSES, GRIDS)
    }
)


@given(rows_before_and_after, st.sampled_from([TODAY, date(2025, 6, 2), date(2026, 5, 1)]), st.booleans())
@settings(max_examples=200)
def test_a_patched_snapshot_is_the_one_built_anew(rows, today, on_disk):
    before = {k: {n: a for n, (a, _) in found.items() if a} for k, found in rows.items()}
    changed = {k: {n: b for n, (_, b) in found.items() if b} for k, found in rows.items()}
    after = {k: before[k] | changed[k] for k in rows}
    earlier = built(before)
    if on_disk:
        earlier = there_and_back(earlier)
    patched = patched_snapshot(
        earlier,
        {layer.id: made(layer, changed[layer.id]) for layer in (HOUSES, GRIDS)},
        CATALOG,
        places(),
        state=2,
        today=today,
    )
    anew = built(after, state=2, today=today)
    agree(patched, anew)
    everything = Selection()
    assert np.array_equal(counts(patched, everything).array, counts(anew, everything).array)
    assert tile(patched, everything, 12, 3346, 1782) == tile(anew, everything, 12, 3346, 1782)
    assert search(patched, "r1") == search(anew, "r1")


def there_and_back(snapshot):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:  # Windows keeps what is mapped
        snapshot.save(Path(home))
        found = Snapshot.load(Path(home))
    assert found is not None
    return found


def test_where_nothing_changed_the_columns_are_the_same_and_the_tiles_stay_known():
    earlier = built({HOUSES.id: {1: _one()}, GRIDS.id: {}})
    later = patched_snapshot(earlier, {}, CATALOG, places(), state=9, today=TODAY)
    assert later.state == 9
    assert later.key != earlier.key
    assert later.views is earlier.views
    assert later.tables is earlier.tables


def _one(**changes):
    plain = {"name": "甲", "street": STREETS[0], "x": 1, "rank": 2, "kind": None, "surveyed": None}
    return {**plain, "declared": None, "retired": False, **changes}


def test_an_edit_leaves_the_columns_of_all_others_where_they_are():
    rows = {n: _one(x=n % 9, name=f"点{n}") for n in range(31)}
    earlier = built({HOUSES.id: rows, GRIDS.id: {}})
    edit = {HOUSES.id: made(HOUSES, {5: _one(name="新名")})}
    patched = patched_snapshot(earlier, edit, CATALOG, places(), state=2, today=TODAY)
    old = earlier.table(HOUSES.id)["name"].chunk(0).buffers()[2].address
    pieces = patched.table(HOUSES.id)["name"].chunks
    assert [p.buffers()[2].address == old for p in pieces] == [True, False, True]
    assert patched.table(HOUSES.id)["name"].to_pylist().count("新名") == 1
