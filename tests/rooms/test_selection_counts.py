"""One selection serves all: rows, counts and objects agree, and the sums are checked."""

from __future__ import annotations

import dataclasses
import threading
from datetime import date

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import SelectionError
from riskmap.selection import (
    NOT_STATED,
    Selection,
    build_snapshot,
    counts,
    flag_ids,
    parse_where,
    reconcile,
    rows,
    select,
)
from riskmap.selection.masks import SelectionMask, Views
from riskmap.values.assessment import Makers
from riskmap.vocabulary import FLAGS, RANK_OF, RANKS, TIERS, UNRATED
from tests.selection_made import (
    CATALOG,
    EAST,
    GRIDS,
    HOUSES,
    NORTH,
    SOUTH,
    STREETS,
    WEST,
    condition,
    grids,
    houses,
    places,
)

TODAY = date(2025, 6, 1)
SNAP = build_snapshot({HOUSES.id: houses(600), GRIDS.id: grids(20)}, CATALOG, places(), state=1, today=TODAY)
KNOWN = {"catalog_layers": CATALOG, "makers": {layer: Makers(None, {}) for layer in CATALOG}, "stamps": {}}
RECORDS = {layer: rows(SNAP, select(SNAP, Selection(layers=(layer,))), **KNOWN) for layer in SNAP.layers}


def polygons():
    corner = st.tuples(st.floats(WEST - 0.02, EAST + 0.02), st.floats(SOUTH - 0.02, NORTH + 0.02))
    return st.tuples(corner, st.floats(0.001, 0.2)).map(
        lambda c: shapely.to_wkb(shapely.Point(*c[0]).buffer(c[1], quad_segs=3))
    )


def some(values):
    return st.lists(st.sampled_from(list(values)), max_size=3).map(tuple)


CONDITIONS = ["坡高 > 200", "people missing", "kind = gas", "tier >= general", "flags missing", "indoor = 是"]
selections = st.builds(
    Selection,
    layers=some(SNAP.layers),
    tiers=some((*TIERS, "unrated")),
    states=some(("rated", "unrated")),
    subdistricts=some((*STREETS, NOT_STATED)),
    where=some([parse_where(c, HOUSES) for c in CONDITIONS]),
    within=st.none() | polygons(),
    text=st.sampled_from(["", "", "厂房", "厂房a 桂园", "rp-00001", "深南", "zz"]),
    flags=some(FLAGS),
    codes=st.just(()) | some(["RP-0000001", "RP-0000002", "G-001", "none"]),
)


def passes(record, selection):
    """The selection, said again for one record in plain Python (conditions and area apart)."""
    texts = " ".join(t for t in (record["code"], record["name"], record["fields"].get("address")) if t)
    folded = texts.lower().replace("Ａ", "a").replace("ａ", "a")
    return all(
        [
            not selection.layers or record["layer"] in selection.layers,
            not selection.tiers or (record["tier"] or "unrated") in selection.tiers,
            not selection.states or record["state"] in selection.states,
            not selection.subdistricts or (record["subdistrict"] or NOT_STATED) in selection.subdistricts,
            not selection.flags or set(record["flags"]) & set(selection.flags),
            not selection.codes or record["code"] in selection.codes,
            all(word in folded for word in selection.text.split()),
        ]
    )


@given(selections)
@settings(max_examples=200)
def test_counts_rows_and_objects_of_a_selection_agree(selection):
    try:
        found = select(SNAP, selection)
    except SelectionError:
        assert selection.where  # of a field that no chosen layer has
        with pytest.raises(SelectionError):
            counts(SNAP, selection)
        return
    counted = counts(SNAP, selection)
    objects = rows(SNAP, found, **KNOWN)
    assert counted.total == found.total == len(objects)
    for i, layer in enumerate(SNAP.layers):
        mine = [o for o in objects if o["layer"] == layer]
        assert counted.array[i].sum() == len(found.rows.get(layer, ())) == len(mine)
        for rank, word in enumerate(RANKS):
            of_rank = [o for o in mine if (o["tier"] or "unrated") == word]
            assert counted.array[i, rank].sum() == len(of_rank)
            for k, name in enumerate((*SNAP.subdistricts, NOT_STATED)):
                assert counted.array[i, rank, k] == sum(
                    (o["subdistrict"] or NOT_STATED) == name for o in of_rank
                )


@given(selections)
@settings(max_examples=200)
def test_a_selection_lets_through_exactly_what_it_says(selection):
    plain = dataclasses.replace(selection, where=(), within=None)
    expected = [r["code"] for layer in SNAP.layers for r in RECORDS[layer] if passes(r, plain)]
    assert [r["code"] for r in rows(SNAP, select(SNAP, plain), **KNOWN)] == expected


@given(polygons())
@settings(max_examples=60)
def test_an_area_holds_what_shapely_says_it_holds(wkb):
    area = shapely.from_wkb(wkb)
    found = select(SNAP, Selection(within=wkb))
    for layer in SNAP.layers:
        table = SNAP.table(layer)
        points = shapely.points(table["lon"].to_numpy(), table["lat"].to_numpy())
        assert found.rows[layer].tolist() == np.flatnonzero(shapely.intersects(area, points)).tolist()


def test_the_border_of_an_area_belongs_to_it():
    table = SNAP.table(GRIDS.id)
    x, y = table["lon"][0].as_py(), table["lat"][0].as_py()
    area = shapely.to_wkb(shapely.box(x, y, x + 0.001, y + 0.001))
    assert select(SNAP, Selection(layers=(GRIDS.id,), within=area)).total == 1


@given(selections)
@settings(max_examples=100)
def test_a_selection_survives_its_text_and_equal_ones_have_one_text(selection):
    text = selection.to_text()
    back = Selection.from_text(text)
    assert back == selection
    assert hash(back) == hash(selection)
    assert back.to_text() == text
    assert back.digest() == selection.digest()


def test_the_order_and_the_language_of_words_do_not_matter():
    one = Selection(
        tiers=("重大", "low"), layers=("b", "a"), states=("未评",), flags=("疑似重复",), text=" a  b "
    )
    assert one == Selection(tiers=("low", "major", "low"), layers=("a", "b", "a"), states=("unrated",), flags=("possible_duplicate",), text="a b")  # fmt: skip
    assert Selection().to_text() == "{}"
    assert Selection().empty
    assert not one.empty


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"x":[]}', '{"t":["purple"]}', '{"t":"major"}', '{"t":[1]}', '{"w":[["a",1]]}', '{"w":[["a","like",[1]]]}', '{"w":[["a","==",[[]]]]}', '{"w":[["a","==",[NaN]]]}', '{"g":"////"}', '{"g":"AAAA"}', '{"g":3}', '{"q":3}', '{"c":{"a":1}}', "[" * 5000, '{"q":"' + "a" * 300 + '"}'],
)  # fmt: skip
def test_a_damaged_text_is_refused_with_one_message(text):
    with pytest.raises(SelectionError):
        Selection.from_text(text)


@given(st.text(max_size=60))
def test_any_text_is_a_selection_or_refused(text):
    try:
        found = Selection.from_text(text)
    except SelectionError:
        return
    assert isinstance(found, Selection)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: Selection(tiers=("majr",)), "did you mean major"),
        (lambda: Selection(states=("rate",)), "did you mean rated"),
        (lambda: Selection(flags=("stael",)), "did you mean stale"),
        (lambda: select(SNAP, Selection(layers=("slops",))), "known: risk_points"),
        (lambda: select(SNAP, Selection(layers=("riskpoints",))), "did you mean risk_points"),
        (lambda: select(SNAP, Selection(subdistricts=("桂圆街道",))), "did you mean 桂园街道"),
        (lambda: select(SNAP, Selection(where=(condition("f:peple", "missing"),))), "did you mean people"),
        (lambda: Selection(within=b"nothing"), "no polygon"),
        (lambda: Selection(within=shapely.to_wkb(shapely.Point(1, 2))), "no polygon"),
        (lambda: Selection(text="a" * 201), "shorten"),
    ],
)
def test_names_that_do_not_exist_are_refused_with_the_nearest_one(make, hint):
    with pytest.raises(SelectionError, match=hint):
        make()


def test_a_drawn_polygon_that_crosses_itself_still_selects():
    bow_tie = shapely.Polygon([(WEST, SOUTH), (EAST, NORTH), (EAST, SOUTH), (WEST, NORTH)])
    found = select(SNAP, Selection(within=shapely.to_wkb(bow_tie)))
    assert 0 < found.total < SNAP.located


def test_an_object_has_what_the_command_line_promises():
    record = RECORDS[HOUSES.id][3]
    table = SNAP.table(HOUSES.id).slice(3, 1).to_pylist()[0]
    assert list(record) == [
        "layer", "code", "name", "lon", "lat", "subdistrict", "score", "tier", "state", "fields", "checklist",
        "contacts", "flags", "version", "extra", "model",
    ]  # fmt: skip
    assert list(record["fields"]) == list(HOUSES.field_ids)
    assert record["fields"]["slope_height"] == table["f:slope_height"]
    assert record["lon"] == round(table["lon"], 7)
    assert record["flags"] == flag_ids(table["flags"])
    assert "checklist" not in RECORDS[GRIDS.id][0]
    unrated = next(r for r in RECORDS[HOUSES.id] if r["state"] == "unrated")
    assert (unrated["tier"], unrated["score"]) == (None, None)
    unlocated = next(r for r in RECORDS[HOUSES.id] if "unlocated" in r["flags"])
    assert (unlocated["lon"], unlocated["lat"]) == (None, None)


@given(st.integers(0, 700), st.integers(0, 700))
@settings(max_examples=60)
def test_a_page_of_rows_is_a_part_of_all_of_them(start, stop):
    found = select(SNAP, Selection(tiers=("low", "unrated")))
    everything = rows(SNAP, found, **KNOWN)
    assert rows(SNAP, found, start=start, stop=stop, **KNOWN) == everything[start:stop]


def test_selected_rows_come_as_a_table_too():
    found = select(SNAP, Selection(tiers=("major",)))
    table = found.table(SNAP, HOUSES.id)
    assert set(table["rank"].to_pylist()) == {RANK_OF["major"]}
    assert len(found.table(SNAP, HOUSES.id)) + len(found.table(SNAP, GRIDS.id)) == found.total
    assert select(SNAP, Selection()).table(SNAP, GRIDS.id) is SNAP.table(GRIDS.id)


def test_the_summary_names_the_records_that_are_missing_from_the_tiers():
    summary = reconcile(SNAP, rejected_rows=3, as_of="2025-06-01", catalog_layers=CATALOG)
    unrated = [r["code"] for r in RECORDS[HOUSES.id] if r["state"] == "unrated"]
    assert summary["total"] == 620
    assert summary["rejected_rows"] == 3
    assert summary["as_of"] == "2025-06-01"
    assert not summary["adds_up"]
    gap = summary["differences"][0]
    assert (gap["expected"], gap["found"], gap["codes"]) == (600, 600 - len(unrated), unrated)
    assert [d["layer"] for d in summary["differences"]] == [HOUSES.id, GRIDS.id]
    for part in (summary["layers"], summary["subdistricts"]):
        assert sum(p["total"] for p in part.values()) == 620
        assert sum(p["unrated"] for p in part.values()) == summary["unrated"]
        for tier in TIERS:
            assert sum(p["tiers"][tier] for p in part.values()) == summary["tiers"][tier]
    assert summary["layers"][HOUSES.id]["title"] == "风险点"
    assert summary["layers"][HOUSES.id]["unlocated"] == sum(r["lon"] is None for r in RECORDS[HOUSES.id])
    assert summary["subdistricts"][NOT_STATED]["total"] == sum(
        r["subdistrict"] is None for r in RECORDS[HOUSES.id]
    )


def test_sums_add_up_when_every_record_has_a_tier():
    made = houses(50)
    rated = dataclasses.replace(made, rank=np.where(made.rank == UNRATED, 0, made.rank).astype(np.uint8))
    snap = build_snapshot({HOUSES.id: rated}, CATALOG, None, state=1, today=TODAY)
    summary = reconcile(snap, rejected_rows=0, as_of=None, catalog_layers=CATALOG)
    assert summary["adds_up"]
    assert summary["differences"] == []
    assert summary["layers"][GRIDS.id]["total"] == 0


def test_sums_that_do_not_agree_are_shown_whatever_broke_them():
    broken = dataclasses.replace(SNAP, group=SNAP.group[:-5], views=Views())
    spoken = [
        d["what"]
        for d in reconcile(broken, rejected_rows=0, catalog_layers=CATALOG, lang="en")["differences"]
    ]
    assert "the sum of the layers is not the total" in spoken


def test_records_stating_the_word_for_not_stated_are_counted_once():
    made = houses(4)
    records = dataclasses.replace(made.records, subdistrict=[NOT_STATED, None, "", STREETS[0]])
    snap = build_snapshot(
        {HOUSES.id: dataclasses.replace(made, records=records)}, CATALOG, None, state=1, today=TODAY
    )
    summary = reconcile(snap, rejected_rows=0, catalog_layers=CATALOG)
    assert {k: v["total"] for k, v in summary["subdistricts"].items()} == {STREETS[0]: 1, NOT_STATED: 3}
    assert select(snap, Selection(subdistricts=(NOT_STATED,))).total == 3


def test_many_threads_get_the_same_answers():
    snap = build_snapshot({HOUSES.id: houses(2000)}, CATALOG, None, state=1, today=TODAY)
    area = shapely.to_wkb(shapely.Point(114.12, 22.58).buffer(0.03))
    wanted = [Selection(within=area), Selection(tiers=("low",)), Selection(within=area, text="厂房")] * 8
    found = {}

    def work(i, selection):
        found[i] = counts(snap, selection).total

    threads = [threading.Thread(target=work, args=(i, s)) for i, s in enumerate(wanted)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == len(wanted)
    assert all(found[i] == found[i % 3] for i in range(len(wanted)))


def test_resolved_selections_are_kept_within_their_bytes():
    views = Views(most_bytes=2500)
    made = []

    def get(name):
        return views.get(
            Selection(text=name), lambda: made.append(name) or SelectionMask(np.ones(1000, bool), None)
        )

    assert get("a") is get("a")
    get("b")
    get("a")
    get("c")  # b was used longest ago
    get("a")
    get("b")
    assert made == ["a", "b", "c", "b"]
