"""Who walks to which shelter: a district's households by the flow, and against networkx in the same run."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np

from benchmarks.measure import Line, spent
from riskmap.response.evacuation import plan, replan
from riskmap.response.walking import StraightLines
from riskmap.values.evacuation import Assignment, Demand, Distances, ShelterRoom

DEMANDS, SHELTERS, NEAREST = 20_000, 151, 25
COMPARED = 3_000
LIMIT_S = 2.0
ROOM = 1.2  # places for each person who must move


def evacuating(_home: Path, _: int) -> list[Line]:
    """Plan for 20,000 households, keep them whole, close a shelter; compare 3,000 with networkx and with greed."""
    demands, places = _case(DEMANDS)
    made = _planned(demands, places)
    busiest = places.code[int(made.load.argmax())]
    work = {
        "flow": (lambda: _planned(demands, places), LIMIT_S),
        "flow, households kept whole": (lambda: plan(demands, places, made.distances, whole=True), None),
        "the fullest shelter closes": (lambda: replan(made, closed={busiest}), None),
    }
    what = f"{DEMANDS:,} demands × {SHELTERS} shelters × {NEAREST} nearest"
    lines = []
    for name, (run, limit) in work.items():
        ours = spent(run)
        lines.append(Line(f"evacuation, {name}, {what}", ours.cpu, "s", limit, str(ours)))
    whole = plan(demands, places, made.distances, whole=True)
    share = whole.walked / whole.metres_at_least - 1
    lines.append(Line("evacuation, whole households: metres above the bound", 100 * share, "%"))
    return [*lines, *_compared()]


def _compared() -> list[Line]:
    demands, places = _case(COMPARED)
    far = StraightLines.of(demands, places).nearest(NEAREST)
    ours = spent(lambda: plan(demands, places, far))
    graph = _graph(demands, places, far)
    theirs = spent(lambda: nx.network_simplex(graph), runs=1)
    made, cost = plan(demands, places, far), nx.network_simplex(graph)[0]
    assert made.walked == cost, "both must find the optimum"
    what = f"{COMPARED:,} demands × {NEAREST} nearest"
    return [
        Line(f"evacuation, {what}", ours.cpu, "s", None, str(ours)),
        Line(
            f"evacuation, {what}: networkx ÷ ours",
            theirs.wall / ours.wall,
            "×",
            None,
            f"networkx {theirs.wall:.3g} s",
        ),
        Line(f"evacuation, {what}: greedy ÷ flow, metres", _greedy(made) / made.walked, "×"),
    ]


def _case(n: int) -> tuple[Demand, ShelterRoom]:
    draw = np.random.default_rng(1)
    homes = [f"H{i}" for i in range(n)]
    people = draw.integers(1, 7, n)
    demands = Demand(homes, draw.uniform(114.05, 114.2, n), draw.uniform(22.5, 22.6, n), people, homes)
    sizes = draw.integers(100, 2000, SHELTERS)
    room = np.ceil(sizes * people.sum() * ROOM / sizes.sum()).astype(np.int64)
    codes = [f"S{i}" for i in range(SHELTERS)]
    return demands, ShelterRoom(
        codes, draw.uniform(114.05, 114.2, SHELTERS), draw.uniform(22.5, 22.6, SHELTERS), room
    )


def _planned(demands: Demand, places: ShelterRoom) -> Assignment:
    return plan(demands, places, StraightLines.of(demands, places).nearest(NEAREST))


def _graph(demands: Demand, places: ShelterRoom, far: Distances) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node("t", demand=int(demands.people.sum()))
    for i, people in enumerate(demands.people):
        graph.add_node(i, demand=-int(people))
    for j, room in enumerate(places.capacity):
        graph.add_edge(-j - 1, "t", capacity=int(room), weight=0)
    for i, j, m in zip(far.demand, far.shelter, far.metres, strict=True):
        graph.add_edge(int(i), -int(j) - 1, weight=int(m))
    return graph


def _greedy(made: Assignment) -> int:
    """Return the metres walked where each group in turn takes the nearest room that is left."""
    free, walked, far = made.places.capacity.copy(), 0, made.distances
    for i, people in enumerate(made.demands.people):
        rest, mine = int(people), np.flatnonzero(far.demand == i)
        for k in mine[np.argsort(far.metres[mine], kind="stable")]:
            goes = min(rest, int(free[far.shelter[k]]))
            free[far.shelter[k]] -= goes
            walked, rest = walked + goes * int(far.metres[k]), rest - goes
    return walked
