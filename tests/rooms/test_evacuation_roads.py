"""Walking along roads: the ways that networkx finds too, joints, gaps and people off the road."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.coordinates import metres
from riskmap.response.evacuation import plan
from riskmap.response.walking import RoadWays, including, widened
from riskmap.values.evacuation import Demand, ShelterRoom, roads_of_edges, roads_of_lines

LON, LAT, STEP = 114.1, 22.55, 0.001


def at(*cells: tuple[float, float]) -> np.ndarray:
    return np.array([(LON + x * STEP, LAT + y * STEP) for x, y in cells], np.float64).reshape(-1, 2)


def demands(where: np.ndarray) -> Demand:
    codes = [f"G{i}" for i in range(len(where))]
    return Demand(codes, where[:, 0], where[:, 1], np.full(len(where), 3), codes)


def shelters(where: np.ndarray, room: int = 100) -> ShelterRoom:
    return ShelterRoom(
        [f"S{i}" for i in range(len(where))], where[:, 0], where[:, 1], np.full(len(where), room)
    )


cell = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=15), st.lists(cell, min_size=1, max_size=4))
@settings(max_examples=60)
def test_the_shortest_ways_are_those_of_networkx(edges: list[tuple], where: list[tuple]):
    start, end = at(*(a for a, _ in edges)), at(*(b for _, b in edges))
    roads = roads_of_edges(start, end)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(roads.lon)))
    for a, b, m in zip(roads.start, roads.end, roads.length, strict=True):
        before = graph.get_edge_data(int(a), int(b), {"weight": np.inf})["weight"]
        graph.add_edge(int(a), int(b), weight=min(float(m), before))
    homes, room = demands(at(*where)), shelters(start[:1])
    found = RoadWays.of(roads, homes, room, snap=1e6).between(
        np.arange(len(where)), np.zeros(len(where), int)
    )
    x, y = metres(roads.lon, roads.lat, around=float(room.lon[0]))
    hx, hy = metres(homes.lon, homes.lat, around=float(room.lon[0]))
    far = nx.single_source_dijkstra_path_length(graph, _node(roads.lon, roads.lat, start[0]), weight="weight")
    for i in range(len(where)):
        off = np.hypot(x - hx[i], y - hy[i])
        # of nodes that are equally near any may be taken
        ways = [far.get(int(n), np.inf) + off[n] for n in np.flatnonzero(off < off.min() + 1e-3)]
        assert any(found[i] == pytest.approx(way, abs=0.01) or found[i] == way for way in ways)


def _node(lon: np.ndarray, lat: np.ndarray, where: np.ndarray) -> int:
    return int(np.hypot(lon - where[0], lat - where[1]).argmin())


def test_lines_join_at_common_vertices_and_not_where_they_merely_cross():
    joined = roads_of_lines([at((0, 0), (2, 0), (4, 0)), at((2, 0), (2, 2))])
    crossing = roads_of_lines([at((0, 0), (4, 0)), at((2, -2), (2, 2))])
    home, room = demands(at((0, 0))), shelters(at((2, 2)))
    assert np.isfinite(RoadWays.of(joined, home, room).metres).all()
    assert np.isinf(RoadWays.of(crossing, home, room, snap=100).metres).all()


def test_whoever_is_far_from_any_road_is_cut_off_and_named():
    roads = roads_of_lines([at((0, 0), (4, 0))])
    homes, room = demands(at((0, 1), (0, 30), (np.nan, 0))), shelters(at((4, 0), (4, 60)))
    ways = RoadWays.of(roads, homes, room)
    near = ways.nearest(25)
    assert (near.how.en, near.cut_off) == ("roads", (1, 2))
    assert near.shelter.tolist() == [0]  # the second shelter lies off the road
    x, y = metres(homes.lon[:1], homes.lat[:1])
    tx, ty = metres(room.lon[:1], room.lat[:1])
    assert near.metres[0] == pytest.approx(abs(tx[0] - x[0]) + abs(y[0] - ty[0]), abs=1)
    found = plan(homes, room, near)
    assert found.unplaced.tolist() == [0, 3, 3]
    assert widened(found, ways) is None
    both = np.array([0, 1])
    assert len(including(near, ways, both, both).metres) == 1
    # stated lengths count before straight ones, the shorter of two parallel edges before the longer
    start, end = at((0, 0), (0, 0)), at((4, 0), (4, 0))
    stated = roads_of_edges(start, end, np.array([9000.0, 7000.0]))
    assert RoadWays.of(stated, demands(at((0, 0))), shelters(at((4, 0)))).metres[0, 0] == pytest.approx(7000)
