"""Who walks to which shelter: people of demands to shelters by minimum-cost flow, capacity never exceeded.

A demand is a household, building, grid or zone with people in it; a unit of flow is one person and
costs the metres to walk. People whom no shelter takes leave by an overflow arc that is dearer than
any detour could be: as many as possible are placed first, then the metres walked are least.

Planning again when a shelter closes: nobody who may stay is sent somewhere else.

First as many people as possible have a place, then as few as possible move, then the walks are
short. A move costs more than any saving of metres, an unplaced person more than any moves.

Keeping households together: each group goes to one shelter, or is named as unplaced.

The flow, in which groups may be split, bounds every plan that keeps them whole. Groups that it left
whole stay where they are; those that it split are placed again, the largest first, one other group
moved aside where that makes room. Small cases are then solved exactly (CP-SAT over integers, the
repaired plan its first guess). Capacity is never exceeded on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from riskmap.array_types import Ints
from riskmap.errors import RiskmapError
from riskmap.values.evacuation import Arcs, Assignment, Demand, Distances, ShelterRoom, settled

FARTHEST_M: Final = 1_000_000  # a walk beyond 1000 km is a slip in the numbers


def plan(
    demands: Demand,
    places: ShelterRoom,
    distances: Distances,
    *,
    whole: bool = False,
    each: Callable[[], object] = lambda: None,
) -> Assignment:
    """Return the plan that places most people and, among those, lets them walk least.

    With `whole` every group stays together (see `keep_together`): the best plan found, with
    the bounds that tell how far it may be from the optimum. RiskmapError for numbers that no plan
    can mean: negative people, a pair that names no demand, a distance that is none.
    Demand (50, 50), capacity (50, 80), metres [[100, 110], [120, 1000]] → 11,500 person-metres;
    capacity (30, 40) → 30 unplaced. `each` is called between the parts of the work: there it may stop.
    """
    check(demands, places, distances)
    arcs = Arcs(np.arange(len(distances.metres)), demands.people[distances.demand], distances.metres)
    return solved(demands, places, distances, arcs, whole=whole, each=each)


def solved(
    demands: Demand,
    places: ShelterRoom,
    distances: Distances,
    arcs: Arcs,
    *,
    whole: bool,
    each: Callable[[], object],
) -> Assignment:
    """Return the plan of least cost over these arcs, with groups kept whole where that is asked."""
    loose = settled(demands, places, distances, _cheapest(demands, places, distances, arcs, each))
    each()
    return keep_together(loose, arcs, each) if whole else loose


def dearer_than_any_detour(cost: Ints, places: ShelterRoom) -> int:
    """Return what an unplaced person costs, so that placing one more is always worth it.

    Placing a person may shift others along a chain that visits each shelter at most once, so it
    costs at most (shelters + 1) · the dearest arc.
    """
    return int(cost.max(initial=0)) * (len(places) + 1) + 1


def _cheapest(
    demands: Demand, places: ShelterRoom, distances: Distances, arcs: Arcs, each: Callable[[], object]
) -> Ints:
    """Return the people on each pair, int64[pairs], of a flow of least cost with an overflow arc.

    A cheap overflow is solved much faster. Where it leaves nobody over, or no place free, no dearer
    one could place more people, and the flow is the optimum; else it is solved again.
    """
    dearest = dearer_than_any_detour(arcs.cost, places)
    flow = _flow(demands, places, distances, arcs, over=min(2 * int(arcs.cost.max(initial=0)) + 1, dearest))
    left = int(demands.people.sum()) - int(flow.sum())
    if left and int(flow.sum()) < int(places.capacity.sum()):
        each()
        flow = _flow(demands, places, distances, arcs, over=dearest)
    return flow


def _flow(demands: Demand, places: ShelterRoom, distances: Distances, arcs: Arcs, *, over: int) -> Ints:
    n, m = len(demands), len(places)
    total = int(demands.people.sum())
    if not total:
        return np.zeros(len(distances.metres), np.int64)
    groups, shelters = np.arange(n), np.arange(n, n + m)
    sink, overflow = n + m, n + m + 1
    ends = np.concatenate([np.full(n, overflow), np.full(m, sink), [sink]])
    tails = np.concatenate([distances.demand[arcs.pair], groups, shelters, [overflow]]).astype(np.int32)
    heads = np.concatenate([distances.shelter[arcs.pair] + n, ends]).astype(np.int32)
    most = np.concatenate([arcs.most, demands.people, np.minimum(places.capacity, total), [total]])
    cost = np.concatenate([arcs.cost, np.full(n, over), np.zeros(m + 1, np.int64)])
    network: Any = SimpleMinCostFlow()  # its stubs take the type of an array's cells for its shape
    made = network.add_arcs_with_capacity_and_unit_cost(
        tails, heads, most.astype(np.int64), cost.astype(np.int64)
    )
    supply = np.append(demands.people, -total).astype(np.int64)
    network.set_nodes_supplies(np.append(groups, sink).astype(np.int32), supply)
    status = network.solve()
    if status != network.OPTIMAL:
        raise RiskmapError(
            f"转移方案无法计算（{status.name}）：{n} 组、{total} 人、{m} 处场所；请核对人数和距离是否过大",
            f"the evacuation cannot be solved ({status.name}): {n} groups, {total} people, {m} shelters; "
            "check whether people or distances are far too large",
        )
    flow = np.asarray(network.flows(np.asarray(made, np.int32)[: len(arcs.pair)]))
    return np.bincount(arcs.pair, flow, len(distances.metres)).astype(np.int64)


def check(demands: Demand, places: ShelterRoom, distances: Distances) -> None:
    """Raise RiskmapError for numbers that no plan can mean anything for."""
    for codes, numbers, zh, en in (
        (demands.code, demands.people, "人数", "people"),
        (places.code, places.capacity, "容量", "capacity"),
    ):
        for i in np.flatnonzero(np.asarray(numbers) < 0)[:1]:
            raise RiskmapError(
                f"{codes[i]}：{zh} {numbers[i]} 不可能；应为 0 或正整数",
                f"{codes[i]}: {en} {numbers[i]} cannot be; write 0 or a positive whole number",
            )
    pairs = distances.demand * max(len(places), 1) + distances.shelter
    inside = (
        (distances.demand >= 0)
        & (distances.demand < len(demands))
        & (distances.shelter >= 0)
        & (distances.shelter < len(places))
    )
    if not inside.all() or len(np.unique(pairs)) != len(pairs):
        raise RiskmapError(
            "候选的人口与场所配对有重复或超出范围；每对只写一次，下标从 0 起",
            "the candidate pairs repeat or name no demand or shelter; state each pair once, counted from 0",
        )
    wrong = (distances.metres < 0) | (distances.metres > FARTHEST_M)
    for i in np.flatnonzero(wrong)[:1]:
        who, where = demands.code[int(distances.demand[i])], places.code[int(distances.shelter[i])]
        raise RiskmapError(
            f"{who} → {where}：{distances.metres[i]} 米不可能；应在 0 到 {FARTHEST_M} 米之间，请核对坐标",
            f"{who} → {where}: {distances.metres[i]} m cannot be; expected 0 to {FARTHEST_M}, check the positions",
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """So many people of a demand were to go to a shelter."""

    demand: str
    shelter: str
    people: int


@dataclass(frozen=True, slots=True)
class MovedPeople:
    """So many people of a demand go elsewhere. `before` None: had no place; `after` None: have none now."""

    demand: str
    before: str | None
    after: str | None
    people: int


@dataclass(frozen=True, slots=True)
class Replan:
    """The new plan, and everything that differs from the old one.

    `moved` people had a place and get another, or none; `stayed` keep theirs. `gone` names the
    placements whose demand is no longer among the demands.
    """

    plan: Assignment
    changes: tuple[MovedPeople, ...]
    moved: int
    stayed: int
    gone: tuple[Placement, ...] = ()


def placements(plan: Assignment) -> tuple[Placement, ...]:
    """Return who goes where, by code."""
    rows = zip(plan.demand, plan.shelter, plan.people, strict=True)
    return tuple(Placement(plan.demands.code[int(d)], plan.places.code[int(s)], int(n)) for d, s, n in rows)


def replan(plan: Assignment, *, closed: Collection[str] = ()) -> Replan:
    """Return the plan without the closed (or endangered) shelters that changes least.

    Two groups of 50 with metres [[100, 110], [120, 1000]] and room for 100 and 120: all 100 people
    in the first; it closes, and all 100 move; the second closes, and nobody does.
    """
    return revise(
        placements(plan), plan.demands, plan.places.without(closed), plan.distances, whole=plan.whole
    )


def revise(
    before: Sequence[Placement],
    demands: Demand,
    places: ShelterRoom,
    distances: Distances,
    *,
    whole: bool = False,
    each: Callable[[], object] = lambda: None,
) -> Replan:
    """Return the plan for these demands and places that changes `before` least.

    A placement in a shelter that is not among the places, or takes nobody, must change. `each`: see `plan`.
    """
    check(demands, places, distances)
    earlier, gone = _earlier(before, demands, places, distances)
    stay = np.minimum(earlier, demands.people[distances.demand])
    pairs = np.arange(len(distances.metres))
    rest = demands.people[distances.demand] - stay
    move = _dearer_than_metres(demands, places, distances, whole=whole)
    arcs = Arcs(
        np.concatenate([pairs, pairs]),
        np.concatenate([stay, rest]),
        np.concatenate([distances.metres, distances.metres + move]),
    )
    found = solved(demands, places, distances, arcs, whole=whole, each=each)
    changes = tuple(_changes(before, found))
    moved = sum(c.people for c in changes if c.before is not None)
    kept = placements(found)
    newly = sum(c.people for c in changes if c.after is not None)
    return Replan(found, changes, moved, sum(p.people for p in kept) - newly, gone)


def known_pairs(before: Sequence[Placement], demands: Demand, places: ShelterRoom) -> tuple[Ints, Ints]:
    """Return demand and shelter, by index, of the placements that both still exist for and may stay."""
    demand = {code: i for i, code in enumerate(demands.code)}
    shelter = {code: i for i, code in enumerate(places.code) if places.capacity[i] > 0}
    pairs = {
        (demand[one.demand], shelter[one.shelter])
        for one in before
        if one.demand in demand and one.shelter in shelter
    }
    found = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _dearer_than_metres(demands: Demand, places: ShelterRoom, distances: Distances, *, whole: bool) -> int:
    """Return what a move costs: more than metres can be saved by it.

    In a flow, exchanging one person's move for others' metres visits each shelter once; groups kept
    whole may exchange everything at once.
    """
    longest = int(distances.metres.max(initial=0))
    return longest * (int(demands.people.sum()) if whole else len(places) + 1) + 1


def _earlier(
    before: Sequence[Placement], demands: Demand, places: ShelterRoom, distances: Distances
) -> tuple[Ints, tuple[Placement, ...]]:
    """Return the people who already go along each pair, int64[pairs], and the placements of nobody's."""
    demand = {code: i for i, code in enumerate(demands.code)}
    shelter = {code: i for i, code in enumerate(places.code)}
    pair = {
        key: i
        for i, key in enumerate(zip(distances.demand.tolist(), distances.shelter.tolist(), strict=True))
    }
    people = np.zeros(len(distances.metres), np.int64)
    gone: list[Placement] = []
    for one in before:
        if one.demand not in demand:
            gone.append(one)
            continue
        at = pair.get((demand[one.demand], shelter.get(one.shelter, -1)))
        if at is not None:
            people[at] += one.people
    return people, tuple(gone)


def _changes(before: Sequence[Placement], found: Assignment) -> Iterator[MovedPeople]:
    """Yield by demand who leaves a shelter and where they go, in order of code of the shelters left."""
    old: dict[str, dict[str, int]] = {}
    for one in before:
        mine = old.setdefault(one.demand, {})
        mine[one.shelter] = mine.get(one.shelter, 0) + one.people
    new: dict[str, dict[str, int]] = {}
    for one in placements(found):
        new.setdefault(one.demand, {})[one.shelter] = one.people
    for i, code in enumerate(found.demands.code):
        was, now = old.get(code, {}), new.get(code, {})
        leave = [(s, n - now.get(s, 0)) for s, n in sorted(was.items()) if n > now.get(s, 0)]
        come = [(s, n - was.get(s, 0)) for s, n in sorted(now.items()) if n > was.get(s, 0)]
        yield from _matched(code, leave, come, unplaced=int(found.unplaced[i]))


def _matched(
    code: str, leave: list[tuple[str, int]], come: list[tuple[str, int]], *, unplaced: int
) -> Iterator[MovedPeople]:
    """Yield the changes of one demand; people who left the demand itself are no change."""
    leave, come = leave.copy(), come.copy()
    while leave and come:
        (old, gone), (new, came) = leave.pop(0), come.pop(0)
        people = min(gone, came)
        yield MovedPeople(code, old, new, people)
        if gone > people:
            leave.insert(0, (old, gone - people))
        if came > people:
            come.insert(0, (new, came - people))
    for new, came in come:
        yield MovedPeople(code, None, new, came)
    for old, gone in leave:
        people = min(gone, unplaced)
        unplaced -= people
        if people:
            yield MovedPeople(code, old, None, people)


EXACT_PAIRS: Final = 1500  # group × shelter pairs up to which the optimum is looked for


_EFFORT: Final = 2.0  # CP-SAT's deterministic seconds: the same answer on every machine


_ROUNDS: Final = 4


_NOWHERE: Final = -1


_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups, their people, and what each costs as a whole by shelter, int64[groups, shelters].

    `cost` is _NEVER where a shelter is no candidate for every demand of the group. `of` is the
    group of each demand.
    """

    of: Ints
    size: Ints
    cost: Ints


def keep_together(loose: Assignment, arcs: Arcs, each: Callable[[], object]) -> Assignment:
    """Return the plan in which no group is split, from the one in which they may be.

    `exact` where the optimum is proven; else the bounds of `loose` say how far it may be from it.
    """
    groups, capacity = _grouped(loose, arcs), loose.places.capacity
    chosen = _repaired(groups, capacity, _already_whole(groups, loose), each)
    proven = False
    each()
    if int((groups.cost != _NEVER).sum()) <= EXACT_PAIRS:
        chosen, proven = _exactly(groups, capacity, chosen)
    pairs = loose.distances
    there = chosen[groups.of[pairs.demand]] == pairs.shelter
    flow = np.where(there, loose.demands.people[pairs.demand], 0)
    found = settled(loose.demands, loose.places, pairs, flow)
    if proven:
        return replace(found, whole=True)
    reached = bool((found.unplaced.sum(), found.walked) == (loose.unplaced.sum(), loose.walked))
    return replace(
        found,
        whole=True,
        exact=reached,
        metres_at_least=loose.walked,
        unplaced_at_least=int(loose.unplaced.sum()),
    )


def _grouped(loose: Assignment, arcs: Arcs) -> _Groups:
    demands, pairs, m = loose.demands, loose.distances, len(loose.places)
    names, of = np.unique(np.asarray(demands.group, dtype=np.str_), return_inverse=True)
    n = len(names)
    of = of.astype(np.int64)
    total = np.zeros(len(pairs.metres), np.int64)
    np.add.at(total, arcs.pair, arcs.most * arcs.cost)
    cell = of[pairs.demand] * m + pairs.shelter
    anybody = loose.demands.people > 0  # a member that stands for nobody rules no shelter out
    cost, known = np.zeros(n * m, np.int64), np.bincount(cell, anybody[pairs.demand], n * m)
    np.add.at(cost, cell, total)
    size = np.bincount(of, demands.people, n).astype(np.int64)
    complete = (known.reshape(n, m) == np.bincount(of, anybody, n)[:, None]) & (size > 0)[:, None]
    return _Groups(of, size, np.where(complete, cost.reshape(n, m), _NEVER))


def _already_whole(groups: _Groups, loose: Assignment) -> Ints:
    """Return the shelter that has all people of a group, int64[groups], _NOWHERE where it is split."""
    n, m = groups.cost.shape
    here = np.bincount(groups.of[loose.demand] * m + loose.shelter, loose.people, n * m).reshape(n, m)
    if not m:
        return np.full(n, _NOWHERE)
    where = here.argmax(axis=1)
    whole = (here[np.arange(n), where] == groups.size) & (groups.size > 0)
    return np.where(whole, where, _NOWHERE)


def _repaired(groups: _Groups, capacity: Ints, chosen: Ints, each: Callable[[], object]) -> Ints:
    """Place the groups that have no shelter, the largest first; then try once more what did not fit."""
    work = _Repair(groups, chosen.copy(), capacity - _load(groups, chosen, len(capacity)))
    for _ in range(_ROUNDS):
        waiting = np.flatnonzero((work.chosen == _NOWHERE) & (groups.size > 0))
        waiting = waiting[np.argsort(-groups.size[waiting], kind="stable")]
        placed = 0
        for group in waiting:
            each()
            placed += work.place(int(group))
        if not placed:
            break
    return work.chosen


def _load(groups: _Groups, chosen: Ints, shelters: int) -> Ints:
    placed = chosen != _NOWHERE
    return np.bincount(chosen[placed], groups.size[placed], shelters).astype(np.int64)


@dataclass(slots=True)
class _Repair:
    groups: _Groups
    chosen: Ints
    free: Ints

    def place(self, group: int) -> bool:
        """Find the group a shelter: one with room, one where a group moves aside, one where a smaller
        group gives way; return whether it has one.
        """
        cost, size = self.groups.cost[group], int(self.groups.size[group])
        candidates = np.flatnonzero(cost != _NEVER)
        roomy = candidates[self.free[candidates] >= size]
        if len(roomy):
            self._put(group, int(roomy[cost[roomy].argmin()]))
            return True
        return self._moving_aside(group, candidates) or self._instead(group, candidates)

    def _put(self, group: int, shelter: int) -> None:
        size, before = self.groups.size[group], self.chosen[group]
        if before != _NOWHERE:
            self.free[before] += size
        if shelter != _NOWHERE:
            self.free[shelter] -= size
        self.chosen[group] = shelter

    def _moving_aside(self, group: int, candidates: Ints) -> bool:
        """Move one other group to a shelter with room, where that lets the group in most cheaply."""
        size, cost = self.groups.size, self.groups.cost
        best: tuple[int, int, int, int] | None = None
        if not (self.free > 0).any():
            return False
        for shelter in candidates:
            inside = np.flatnonzero(self.chosen == shelter)
            inside = inside[size[inside] + self.free[shelter] >= size[group]]
            if not len(inside) or self.free.max() < size[inside].min():
                continue
            open_to = (cost[inside] != _NEVER) & (self.free >= size[inside, None])
            open_to[:, shelter] = False
            extra = np.where(open_to, cost[inside] - cost[inside, shelter][:, None], _NEVER)
            at = int(extra.argmin())
            if extra.flat[at] == _NEVER:
                continue
            other, target = divmod(at, cost.shape[1])
            total = int(extra.flat[at]) + int(cost[group, shelter])
            if best is None or total < best[0]:
                best = total, int(inside[other]), target, int(shelter)
        if best is None:
            return False
        self._put(best[1], best[2])
        self._put(group, best[3])
        return True

    def _instead(self, group: int, candidates: Ints) -> bool:
        """Take the place of a smaller group, which waits again: more people have a place than before."""
        size = self.groups.size
        best: tuple[int, int, int] | None = None
        for shelter in candidates[self.free[candidates] > 0]:
            inside = np.flatnonzero(self.chosen == shelter)
            fits = inside[(size[inside] < size[group]) & (size[inside] + self.free[shelter] >= size[group])]
            if len(fits):
                other = int(fits[size[fits].argmin()])
                best = min(
                    best or (int(size[other]), other, int(shelter)), (int(size[other]), other, int(shelter))
                )
        if best is None:
            return False
        self._put(best[1], _NOWHERE)
        self._put(group, best[2])
        return True


def _exactly(groups: _Groups, capacity: Ints, guess: Ints) -> tuple[Ints, bool]:
    """Return the best plan found from `guess` on, and whether it is proven to be the best there is."""
    from ortools.sat.python import cp_model  # noqa: PLC0415 - slow to import, and rarely needed

    possible = groups.cost != _NEVER
    over = int(np.where(possible, groups.cost, 0).max(axis=1, initial=0).sum()) + 1
    model = cp_model.CpModel()
    takes: list[list[tuple[int, cp_model.IntVar]]] = [[] for _ in capacity]
    picks: list[tuple[int, int, cp_model.IntVar]] = []
    terms: list[tuple[int, cp_model.IntVar]] = []
    for g in np.flatnonzero(groups.size > 0):
        nowhere = model.new_bool_var("")
        model.add_hint(nowhere, bool(guess[g] == _NOWHERE))
        terms.append((over * int(groups.size[g]), nowhere))
        options = [nowhere]
        for s in np.flatnonzero(possible[g]):
            goes = model.new_bool_var("")
            model.add_hint(goes, bool(guess[g] == s))
            options.append(goes)
            picks.append((int(g), int(s), goes))
            takes[s].append((int(groups.size[g]), goes))
            terms.append((int(groups.cost[g, s]), goes))
        model.add_exactly_one(options)
    for room, taken in zip(capacity, takes, strict=True):
        model.add(sum(size * goes for size, goes in taken) <= int(room))
    model.minimize(sum(cost * goes for cost, goes in terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = _EFFORT
    status = solver.solve(model)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return guess, False
    found = np.full(len(groups.size), _NOWHERE)
    for g, s, goes in picks:
        if solver.boolean_value(goes):
            found[g] = s
    return (found if _worth(groups, found, over) <= _worth(groups, guess, over) else guess), bool(
        status == cp_model.OPTIMAL
    )


def _worth(groups: _Groups, chosen: NDArray[np.int64], over: int) -> int:
    placed = np.flatnonzero(chosen != _NOWHERE)
    missing = int(groups.size.sum() - groups.size[placed].sum())
    return int(groups.cost[placed, chosen[placed]].sum()) + over * missing
