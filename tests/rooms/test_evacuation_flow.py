"""Who walks to which shelter: worked values, laws, and the optimum that others find too."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import RiskmapError, Text
from riskmap.response.evacuation import Placement, plan, replan, revise
from riskmap.response.walking import StraightLines, widened
from riskmap.values.evacuation import Assignment, Demand, Distances, ShelterRoom

NONE = np.zeros(0, np.int64)
HOW = Text("直线", "straight")


def demand(*people: int, groups: list[str] | None = None) -> Demand:
    codes = [f"G{i}" for i in range(len(people))]
    nowhere = np.zeros(len(people))
    return Demand(codes, nowhere, nowhere, np.array(people, np.int64), groups or codes)


def places(*capacity: int) -> ShelterRoom:
    nowhere = np.zeros(len(capacity))
    return ShelterRoom(
        [f"S{i}" for i in range(len(capacity))], nowhere, nowhere, np.array(capacity, np.int64)
    )


def metres(table: list[list[int | None]]) -> Distances:
    pairs = [(i, j, m) for i, row in enumerate(table) for j, m in enumerate(row) if m is not None]
    columns = np.array(pairs, np.int64).reshape(-1, 3).T
    return Distances(columns[0], columns[1], columns[2], HOW)


WORKED = metres([[100, 110], [120, 1000]])


def test_the_worked_value_walks_11500_person_metres():
    found = plan(demand(50, 50), places(50, 80), WORKED)
    assert (found.placed, found.walked, found.unplaced.tolist()) == (100, 11_500, [0, 0])
    assert found.load.tolist() == [50, 50]
    assert found.free.tolist() == [0, 30]


def test_with_too_little_room_thirty_are_unplaced():
    found = plan(demand(50, 50), places(30, 40), WORKED)
    assert (found.placed, int(found.unplaced.sum())) == (70, 30)


def test_a_plan_without_anybody_or_any_shelter_is_empty_and_says_who_is_left():
    assert plan(demand(), places(5), metres([])).placed == 0
    assert plan(demand(0, 0), places(5), metres([[1], [2]])).placed == 0
    assert plan(demand(3), places(), metres([[]])).unplaced.tolist() == [3]


def test_numbers_that_cannot_be_are_refused_with_their_names():
    with pytest.raises(RiskmapError, match="G1.*-2"):
        plan(demand(1, -2), places(5), metres([[1], [2]]))
    with pytest.raises(RiskmapError, match="S0.*-5"):
        plan(demand(1), places(-5), metres([[1]]))
    with pytest.raises(RiskmapError, match="G0 → S0"):
        plan(demand(1), places(5), metres([[-1]]))
    twice = Distances(*(np.array([0, 0], np.int64),) * 3, HOW)
    with pytest.raises(RiskmapError, match="repeat"):
        plan(demand(1), places(5), twice)


def lists(low: int, high: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), min_size=least, max_size=most)


@st.composite
def cases(draw: st.DrawFn, most: int = 6) -> tuple[Demand, ShelterRoom, Distances]:
    people, room = draw(lists(0, 9, 1, most)), draw(lists(0, 20, 1, 4))
    metre = st.one_of(st.none(), st.integers(0, 2000))
    table = [[draw(metre) for _ in room] for _ in people]
    groups = [f"H{draw(st.integers(0, 3))}" if draw(st.booleans()) else f"G{i}" for i in range(len(people))]
    return demand(*people, groups=groups), places(*room), metres(table)


def obeys(found: Assignment) -> None:
    people = found.demands.people
    assert (found.people > 0).all()
    assert (found.load <= found.places.capacity).all()
    placed = np.bincount(found.demand, found.people, len(people))
    assert (placed + found.unplaced == people).all()
    assert (found.unplaced >= 0).all()
    assert (np.bincount(found.shelter, found.people, len(found.places)) == found.load).all()


def by_networkx(demands: Demand, shelters: ShelterRoom, far: Distances) -> tuple[int, int]:
    """Return unplaced people and person-metres of networkx's optimum."""
    graph = nx.DiGraph()
    over = 10_000_000
    graph.add_node("t", demand=int(demands.people.sum()))
    for i, people in enumerate(demands.people):
        graph.add_node(("d", i), demand=-int(people))
        graph.add_edge(("d", i), "t", capacity=int(people), weight=over)
    for j, room in enumerate(shelters.capacity):
        graph.add_edge(("s", j), "t", capacity=int(room), weight=0)
    for i, j, m in zip(far.demand, far.shelter, far.metres, strict=True):
        graph.add_edge(("d", int(i)), ("s", int(j)), weight=int(m))
    return divmod(nx.min_cost_flow_cost(graph), over)


def greedy(demands: Demand, shelters: ShelterRoom, far: Distances) -> tuple[int, int]:
    """Everybody in turn takes the nearest room that is left."""
    free, walked, left = shelters.capacity.copy(), 0, 0
    for i, people in enumerate(demands.people):
        rest = int(people)
        mine = np.flatnonzero(far.demand == i)
        for k in mine[np.argsort(far.metres[mine], kind="stable")]:
            n = min(rest, int(free[far.shelter[k]]))
            free[far.shelter[k]] -= n
            walked, rest = walked + n * int(far.metres[k]), rest - n
        left += rest
    return left, walked


@given(cases())
@settings(max_examples=150)
def test_the_optimum_is_that_of_networkx_and_greedy_is_never_cheaper(
    case: tuple[Demand, ShelterRoom, Distances],
):
    found = plan(*case)
    obeys(found)
    ours = int(found.unplaced.sum()), found.walked
    assert ours == by_networkx(*case)
    assert ours <= greedy(*case)


def every_whole_plan(demands: Demand, shelters: ShelterRoom, far: Distances) -> tuple[int, int]:
    """Return the best of all plans that keep groups whole, by trying each."""
    far_of = {(int(i), int(j)): int(m) for i, j, m in zip(far.demand, far.shelter, far.metres, strict=True)}
    names = sorted(set(demands.group))
    members = [[i for i, g in enumerate(demands.group) if g == name] for name in names]
    best = None
    for choice in itertools.product([None, *range(len(shelters))], repeat=len(names)):
        free, left, walked, possible = shelters.capacity.copy(), 0, 0, True
        for mine, j in zip(members, choice, strict=True):
            size = int(demands.people[mine].sum())
            if j is None:
                left += size
            elif any((i, j) not in far_of for i in mine if demands.people[i]):
                possible = False
            else:
                free[j] -= size
                walked += sum(int(demands.people[i]) * far_of[i, j] for i in mine if demands.people[i])
        if possible and (free >= 0).all():
            best = min(best or (left, walked), (left, walked))
    assert best is not None
    return best


@given(cases(most=4))
@settings(max_examples=40)
def test_small_cases_that_keep_households_whole_are_exact(case: tuple[Demand, ShelterRoom, Distances]):
    found = plan(*case, whole=True)
    obeys(found)
    assert found.exact
    assert (int(found.unplaced.sum()), found.walked) == every_whole_plan(*case)
    together(found)


def together(found: Assignment) -> None:
    homes: dict[str, set[int]] = {}
    for d, s in zip(found.demand, found.shelter, strict=True):
        homes.setdefault(found.demands.group[d], set()).add(int(s))
    left = {found.demands.group[d] for d in np.flatnonzero(found.unplaced)}
    assert all(len(where) == 1 for where in homes.values())
    assert not left & set(homes)


@given(st.integers(0, 2**32 - 1), st.floats(0.7, 1.3))
@settings(max_examples=15)
def test_large_cases_keep_households_whole_within_stated_bounds(seed: int, tightness: float):
    draw = np.random.default_rng(seed)
    n, m = 500, 12
    people = draw.integers(1, 8, n)
    room = draw.multinomial(int(people.sum() * tightness), np.full(m, 1 / m))
    case = demand(*people.tolist()), places(*room.tolist()), metres(draw.integers(10, 3000, (n, m)).tolist())
    found, loose = plan(*case, whole=True), plan(*case)
    obeys(found)
    together(found)
    assert found.unplaced_at_least == int(loose.unplaced.sum()) <= int(found.unplaced.sum())
    assert found.metres_at_least == loose.walked
    if found.unplaced.sum() == loose.unplaced.sum():
        assert found.walked >= found.metres_at_least
    # No household waits beside a shelter that has room for it.
    for d in np.flatnonzero(found.unplaced):
        assert found.unplaced[d] > found.free.max()


def test_closing_a_shelter_moves_only_those_who_were_in_it():
    before = plan(demand(50, 50), places(50, 80), WORKED)
    found = replan(before, closed={"S0"})
    assert [(c.demand, c.before, c.after, c.people) for c in found.changes] == [
        ("G1", "S0", "S1", 30),
        ("G1", "S0", None, 20),
    ]
    assert (found.moved, found.stayed, found.plan.load.tolist()) == (50, 50, [0, 80])
    assert replan(before, closed=()).changes == ()
    roomy = plan(demand(50, 50), places(100, 120), WORKED)
    assert (replan(roomy, closed={"S0"}).moved, replan(roomy, closed={"S1"}).moved) == (100, 0)


def test_somebody_moves_aside_only_where_that_places_somebody_else():
    # G1 reaches S0 alone; G0 sits there and can go to S1 as well.
    far = metres([[10, 20], [10, None]])
    found = revise((), demand(5, 5), places(5, 5), far)
    assert found.plan.placed == 10
    again = revise((Placement("G0", "S0", 5),), demand(5, 5), places(5, 5), far)
    assert again.plan.placed == 10
    assert {(c.demand, c.before, c.after) for c in again.changes} == {("G0", "S0", "S1"), ("G1", None, "S0")}
    gone = revise((Placement("X", "S0", 5),), demand(5, 5), places(5, 5), far)
    assert [p.demand for p in gone.gone] == ["X"]


@given(cases(most=4), st.integers(0, 3), st.booleans())
@settings(max_examples=80)
def test_a_replan_never_uses_what_is_closed_and_accounts_for_everybody(
    case: tuple[Demand, ShelterRoom, Distances], shut: int, whole: bool
):
    before = plan(*case, whole=whole)
    code = f"S{shut}"
    found = replan(before, closed={code})
    obeys(found.plan)
    assert all(found.plan.load[j] == 0 for j, c in enumerate(found.plan.places.code) if c == code)
    # As many have a place as in a plan made anew, and no fewer stay than had no reason to go.
    anew = plan(case[0], case[1].without({code}), case[2], whole=whole)
    assert found.plan.placed == anew.placed
    assert found.stayed + found.moved == before.placed
    evicted = sum(int(n) for s, n in zip(before.shelter, before.people, strict=True) if s == shut)
    assert found.moved >= evicted
    if whole:
        together(found.plan)


@given(cases(most=3), st.integers(0, 3))
@settings(max_examples=40)
def test_no_plan_that_places_as_many_moves_fewer(case: tuple[Demand, ShelterRoom, Distances], shut: int):
    before = plan(*case, whole=True)
    found = replan(before, closed={f"S{shut}"})
    was = {case[0].group[d]: int(s) for d, s in zip(before.demand, before.shelter, strict=True)}
    names = sorted(set(case[0].group))
    pairs = set(zip(case[2].demand.tolist(), case[2].shelter.tolist(), strict=True))
    best = None
    for choice in itertools.product([None, *range(len(case[1]))], repeat=len(names)):
        free, left, moved = case[1].without({f"S{shut}"}).capacity.copy(), 0, 0
        for name, j in zip(names, choice, strict=True):
            mine = [i for i, g in enumerate(case[0].group) if g == name]
            size = int(case[0].people[mine].sum())
            if j is not None and all((i, j) in pairs for i in mine if case[0].people[i]):
                free[j] -= size
            else:
                left += size
            goes = j is not None and all((i, j) in pairs for i in mine if case[0].people[i])
            moved += size if name in was and (not goes or was[name] != j) else 0
        if (free >= 0).all():
            best = min(best or (left, moved), (left, moved))
    assert (int(found.plan.unplaced.sum()), found.moved) == best


def located(lon: list[float], people: int = 10) -> Demand:
    codes = [f"G{i}" for i in range(len(lon))]
    return Demand(codes, np.array(lon), np.full(len(lon), 22.55), np.full(len(lon), people), codes)


def shelters_at(lon: list[float], room: list[int]) -> ShelterRoom:
    return ShelterRoom(
        [f"S{i}" for i in range(len(lon))], np.array(lon), np.full(len(lon), 22.55), np.array(room)
    )


def test_straight_lines_are_measured_in_the_metric_zone_and_lengthened_by_the_detour():
    far = StraightLines.of(located([114.10]), shelters_at([114.10, 114.11], [5, 5]), detour=1.3).nearest()
    # a hundredth of a degree at 22.55° N: 6378137·cos φ/√(1 − e² sin² φ)·π/18000 = 1028.6 m
    assert far.metres.tolist() == [0, pytest.approx(1028.6 * 1.3, abs=1)]
    assert far.how.en == "straight ×1.3"
    with pytest.raises(RiskmapError, match="绕行"):
        StraightLines.of(located([114.10]), shelters_at([114.10], [5]), detour=0.9)


def test_only_the_nearest_are_candidates_until_somebody_is_left_who_could_walk_farther():
    demands, room = located([114.10, 114.10]), shelters_at([114.10, 114.12, 114.14], [5, 5, 50])
    walk = StraightLines.of(demands, room)
    near = walk.nearest(2)
    first = plan(demands, room, near)
    assert (len(near.metres), first.placed) == (4, 10)
    wide = widened(first, walk)
    assert wide is not None
    assert plan(demands, room, wide).placed == 20
    assert widened(plan(demands, room, wide), walk) is None


def test_a_demand_without_a_position_is_cut_off_and_stays_in_the_sums():
    demands, room = located([114.10, np.nan]), shelters_at([114.10], [50])
    far = StraightLines.of(demands, room).nearest()
    found = plan(demands, room, far)
    assert (far.cut_off, found.unplaced.tolist()) == ((1,), [0, 10])
    assert widened(found, StraightLines.of(demands, room)) is None
