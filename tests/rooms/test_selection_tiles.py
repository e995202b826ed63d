"""Tiles: every point is in one, the worst one shows, and nothing is cut or counted twice."""

from __future__ import annotations

import struct
from datetime import date

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.selection import Selection, build_snapshot, counts, find, nearest, point, search, shapes_in, tile
from riskmap.selection.snapshot import BITS, encode, interleave, separate
from riskmap.values.records import Records
from riskmap.vocabulary import RANK_OF, RANKS
from tests.selection_made import CATALOG, GRIDS, HOUSES, STREETS, features, grids, houses, places

TODAY = date(2025, 6, 1)
SNAP = build_snapshot({HOUSES.id: houses(1500), GRIDS.id: grids(30)}, CATALOG, places(), state=1, today=TODAY)


def read(data):
    (n,) = struct.unpack_from("<I", data)
    at = 4
    parts = {}
    for name, kind in (("id", "<u4"), ("count", "<u4"), ("x", "<i2"), ("y", "<i2"), ("code", "u1")):
        parts[name] = np.frombuffer(data, kind, n, at)
        at += parts[name].nbytes
    assert at == len(data)
    return parts


def own(parts):
    """What lies in the tile itself, not in the ring around it."""
    inside = (parts["x"] >= 0) & (parts["x"] < 4096) & (parts["y"] >= 0) & (parts["y"] < 4096)
    return {k: v[inside] for k, v in parts.items()}


def tiles_of(snap, z):
    x, y = (v >> (BITS - z) for v in separate(snap.code))
    return sorted(set(zip(x.tolist(), y.tolist(), strict=True)))


def at(lon, lat, rank, *, first_id=1):
    """Points at given places, as a snapshot of one layer."""
    n = len(lon)
    records = Records(HOUSES.id, [f"P{i:05d}" for i in range(n)], [None] * n, [None] * n, np.array(lon, float), np.array(lat, float), None, {})  # fmt: skip
    made = features(records, np.array(rank, np.uint8), first_id=first_id)
    return build_snapshot({HOUSES.id: made}, CATALOG, None, state=1, today=TODAY)


SOME = st.sampled_from([
    Selection(), Selection(tiers=("major", "unrated")), Selection(layers=(GRIDS.id,)), Selection(text="厂房"),
    Selection(tiers=("low",), within=shapely.to_wkb(shapely.Point(114.12, 22.58).buffer(0.04))),
])  # fmt: skip


@pytest.mark.parametrize("z", [0, 5, 8, 10, 12, 13, 14, 15])
@pytest.mark.parametrize(
    "selection", [Selection(), Selection(tiers=("major", "general")), Selection(text="厂房")]
)
def test_every_located_point_is_counted_in_exactly_one_tile(z, selection):
    located = counts(SNAP, selection).total - counts(
        SNAP, Selection(tiers=selection.tiers, text=selection.text, flags=("unlocated",))
    ).total  # fmt: skip
    assert (
        sum(int(own(read(tile(SNAP, selection, z, x, y)))["count"].sum()) for x, y in tiles_of(SNAP, z))
        == located
    )


@given(st.integers(8, 19), st.integers(0, SNAP.located - 1), SOME)
@settings(max_examples=150)
def test_a_symbol_is_the_worst_of_its_cell_and_counts_all_of_it(z, index, selection):
    x, y = (int(v[0]) >> (BITS - z) for v in separate(SNAP.code[index : index + 1]))
    parts = own(read(tile(SNAP, selection, z, x, y)))
    px, py = separate(SNAP.code)
    rows = {(layer, r) for layer, rs in _rows(selection).items() for r in rs}
    mine = [
        i
        for i in np.flatnonzero((px >> (BITS - z) == x) & (py >> (BITS - z) == y))
        if SNAP.where_is(int(SNAP.row[i])) in rows
    ]
    cells = {}
    for i in mine:
        cells.setdefault((int(px[i]) >> (BITS - z - 6), int(py[i]) >> (BITS - z - 6)), []).append(i)
    ranks = SNAP.point_group // SNAP.shape[2] % len(RANKS)
    assert len(cells) == len(parts["id"])
    assert sorted((int(max(ranks[i] for i in c)), len(c)) for c in cells.values()) == sorted(zip((parts["code"] & 7).tolist(), parts["count"].tolist(), strict=True))  # fmt: skip
    for feature_id, code in zip(parts["id"].tolist(), parts["code"].tolist(), strict=True):
        hit = point(SNAP, feature_id)
        assert hit is not None
        assert (hit.layer, hit.rank) == (SNAP.layers[code >> 3], code & 7)


def _rows(selection):
    from riskmap.selection import select

    return {layer: r.tolist() for layer, r in select(SNAP, selection).rows.items()}


@given(st.permutations(range(5)))
def test_a_red_point_is_never_hidden_and_unrated_stands_above_low(order):
    ranks = [RANKS.index(n) for n in ("low", "unrated", "general", "large", "major")]
    for top in range(1, 6):
        chosen = [ranks[i] for i in order if i < top]
        snap = at([114.1] * len(chosen), [22.6] * len(chosen), chosen)
        for z in (9, 19, 24):
            x, y = tiles_of(snap, z)[0]
            parts = read(tile(snap, Selection(), z, x, y))
            assert (parts["code"].tolist(), parts["count"].tolist()) == ([top - 1], [top])


def test_symbols_are_drawn_worst_last():
    parts = read(tile(SNAP, Selection(), 12, *tiles_of(SNAP, 12)[0]))
    ranks = parts["code"] & 7
    assert (np.diff(ranks.astype(int)) >= 0).all()
    assert len(set(ranks.tolist())) == 5


@pytest.mark.parametrize("z", [8, 11, 13, 14, 16])
def test_the_ring_shows_what_the_neighbours_show(z):
    for x, y in tiles_of(SNAP, z)[:6]:
        mine = read(tile(SNAP, Selection(), z, x, y))
        ring = {
            (int(i), int(c), int(a), int(b))
            for i, c, a, b in zip(mine["id"], mine["count"], mine["x"], mine["y"], strict=True)
        }
        expected = set()
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                other = own(read(tile(SNAP, Selection(), z, x + dx, y + dy)))
                for i, c, a, b in zip(other["id"], other["count"], other["x"], other["y"], strict=True):
                    ax, by = int(a) + dx * 4096, int(b) + dy * 4096
                    if -256 <= ax < 4096 + 256 and -256 <= by < 4096 + 256:
                        expected.add((int(i), int(c), ax, by))
        assert ring == expected


def test_a_tile_where_nothing_is_has_four_bytes():
    assert tile(SNAP, Selection(), 15, 0, 0) == b"\0\0\0\0"
    for z, x, y in ((-1, 0, 0), (25, 0, 0), (3, 8, 0), (3, 0, -1), (3, 0, 8)):
        assert tile(SNAP, Selection(), z, x, y) == b"\0\0\0\0"
    empty = build_snapshot({}, CATALOG, None, state=1, today=TODAY)
    assert tile(empty, Selection(), 0, 0, 0) == tile(empty, Selection(), 15, 0, 0) == b"\0\0\0\0"


def test_points_beyond_the_square_world_are_at_its_edge():
    snap = at([-180.0, 180.0, 0.0, 0.0], [90.0, -90.0, 86.0, -86.0], [0, 0, 0, 0])
    for z in (0, 1, 14):
        assert (
            sum(int(own(read(tile(snap, Selection(), z, x, y)))["count"].sum()) for x, y in tiles_of(snap, z))
            == 4
        )


def test_a_position_is_where_web_mercator_puts_it():
    snap = at([114.12], [22.548], [3])
    parts = read(tile(snap, Selection(), 15, 26771, 14276))  # by the formula of slippy-map tiles
    lon = (26771 + parts["x"][0] / 4096) / 2**15 * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (14276 + parts["y"][0] / 4096) / 2**15))))
    assert (lon, lat) == (pytest.approx(114.12, abs=4e-6), pytest.approx(22.548, abs=4e-6))


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), min_size=1, max_size=20))
def test_interleaved_coordinates_come_apart_again(pairs):
    x, y = np.array(pairs).T
    back = separate(interleave(x, y))
    assert back[0].tolist() == x.tolist()
    assert back[1].tolist() == y.tolist()


def test_codes_sort_by_tile_at_every_zoom():
    codes = np.sort(encode(*np.random.default_rng(1).uniform([[113], [22]], [[115], [23]], (2, 500))))
    for z in range(20):
        tiles = (codes >> np.uint64(2 * (BITS - z))).tolist()
        assert tiles == sorted(tiles)


def test_a_record_is_found_by_id_and_by_code():
    hit = find(SNAP, HOUSES.id, "RP-0000007")
    assert hit is not None
    assert point(SNAP, hit.feature_id) == hit
    assert find(SNAP, HOUSES.id, "none") is None
    assert point(SNAP, 10**9) is None


@given(st.floats(114.0, 114.3), st.floats(22.5, 22.7), st.integers(1, 8))
@settings(max_examples=40)
def test_the_nearest_are_nearest(lon, lat, limit):
    hits = nearest(SNAP, lon, lat, limit=limit, selection=Selection(tiers=("low",)))
    everything = nearest(SNAP, lon, lat, limit=10**6, selection=Selection(tiers=("low",)))
    assert hits == everything[:limit]
    assert [h.metres for h in everything] == sorted(h.metres for h in everything)
    assert {h.tier for h in hits} == {"low"}
    assert len(everything) == counts(SNAP, Selection(tiers=("low",))).total - counts(SNAP, Selection(tiers=("low",), flags=("unlocated",))).total  # fmt: skip


def test_nothing_is_near_beyond_the_radius():
    snap = at([114.1], [22.6], [0])
    assert [h.metres for h in nearest(snap, 114.1, 22.601, within_m=112.0)] == [
        pytest.approx(111.19, abs=0.01)
    ]
    assert nearest(snap, 114.1, 22.601, within_m=111.0) == []
    assert nearest(snap, 114.1, 22.601, limit=0) == []


def words(names, codes=None, rank=None):
    n = len(names)
    records = Records(HOUSES.id, codes or [f"P{i}" for i in range(n)], names, [None] * n, np.full(n, 114.1), np.full(n, 22.6), None, {"address": ["深南东路５号"] + [None] * (n - 1)})  # fmt: skip
    return build_snapshot(
        {HOUSES.id: features(records, np.array(rank or [0] * n, np.uint8))},
        CATALOG,
        None,
        state=1,
        today=TODAY,
    )


def test_search_finds_code_name_and_address_whatever_their_width_or_case():
    snap = words(["ＡＢＣ大厦", "abc", None, "x.y", "<img src=x onerror=alert(1)>", "{{7*7}}"])
    found = lambda text: [h.code for h in search(snap, text)]  # noqa: E731
    assert found("abc") == ["P1", "P0"]  # the name itself first
    assert found("ABC 大厦") == ["P0"]
    assert found("路5号") == ["P0"]
    assert found("p2") == ["P2"]
    assert found("x.y") == ["P3"]
    assert found("7*7") == ["P5"]
    assert found("ONERROR") == ["P4"]
    assert found("  ") == found("zz") == found(".*") == []


def test_search_puts_the_code_first_and_stops_at_the_limit():
    snap = words(["7", "P7", "aP7", None], codes=["A", "B", "C", "P7"])
    assert [h.code for h in search(snap, "p7")] == ["P7", "B", "C"]
    assert [h.code for h in search(snap, "p7", 1)] == ["P7"]
    assert search(snap, "p7", 0) == []


def test_search_comes_worst_first_then_by_how_well_the_name_fits():
    low, unrated, general, large, major = range(5)
    snap = words(
        ["南坡", "南坡东", "北南坡", "南坡西", "旧南坡", "南坡"],
        rank=[low, major, major, general, unrated, large],
    )
    assert [h.code for h in search(snap, "南坡")] == ["P1", "P2", "P5", "P3", "P4", "P0"]
    assert [h.code for h in search(snap, "南坡", 2)] == ["P1", "P2"]
    assert [h.code for h in search(snap, "p0")] == ["P0"]


def test_the_code_itself_is_found_before_worse_records_that_hold_it():
    snap = words(["甲", "乙", "丙"], codes=["P1", "P10", "P11"], rank=[0, 4, 4])
    assert [h.code for h in search(snap, "p1")] == ["P1", "P10", "P11"]


def test_shapes_in_a_window_come_worst_first():
    everything = shapes_in(SNAP, Selection(), (114.0, 22.0, 115.0, 23.0))
    assert len(everything) == 30
    assert [o.rank for o in everything] == sorted((o.rank for o in everything), reverse=True)
    first = find(SNAP, GRIDS.id, "G-000")
    window = shapely.from_wkb(SNAP.table(GRIDS.id)["shape"][0].as_py()).buffer(-0.001).bounds
    assert [o.feature_id for o in shapes_in(SNAP, Selection(), window)] == [first.feature_id]
    assert shapes_in(SNAP, Selection(layers=(HOUSES.id,)), (114.0, 22.0, 115.0, 23.0)) == []
    assert len(shapes_in(SNAP, Selection(), (114.0, 22.0, 115.0, 23.0), 4)) == 4
    assert {o.rank for o in shapes_in(SNAP, Selection(), (114.0, 22.0, 115.0, 23.0), 4)} == {RANK_OF["major"]}


def test_a_shape_that_cannot_be_read_is_left_out_of_the_drawing_and_not_of_the_list():
    made = grids(3)
    made.records.shapes[1] = b"rubbish"
    made.records.shapes[2] = None
    snap = build_snapshot({GRIDS.id: made}, CATALOG, None, state=1, today=TODAY)
    assert len(shapes_in(snap, Selection(), (0, 0, 180, 80))) == 1
    assert counts(snap, Selection()).total == 3
    assert snap.subdistricts == (STREETS[3],)
