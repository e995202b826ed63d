"""Who walks to which shelter: people of demands to shelters by minimum-cost flow, capacity never exceeded.

A demand is a household, building, grid or zone with people in it; a unit of flow is one person and
costs the metres to walk. People whom no shelter takes leave by an overflow arc that is dearer than
any detour could be: as many as possible are placed first, then the metres walked are least.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from riskmap.errors import RiskmapError, Say

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FARTHEST_M: Final = 1_000_000  # a walk beyond 1000 km is a slip in the numbers


@dataclass(frozen=True, slots=True)
class Demand:
    """Who must move: parallel arrays. `people` int64 ≥ 0; `lon`, `lat` CGCS2000 degrees.

    `group` names the household (or grid) that a demand belongs to; demands of one group stay
    together where a plan keeps groups whole.
    """

    code: Sequence[str]
    lon: Floats
    lat: Floats
    people: Ints
    group: Sequence[str]

    def __len__(self) -> int:
        return len(self.code)


@dataclass(frozen=True, slots=True)
class Places:
    """Shelters that may be used: parallel arrays. `capacity` int64 ≥ 0 people."""

    code: Sequence[str]
    lon: Floats
    lat: Floats
    capacity: Ints

    def __len__(self) -> int:
        return len(self.code)

    def without(self, closed: Collection[str]) -> Places:
        """Return the same shelters in which the closed ones take nobody."""
        shut = np.array([code in closed for code in self.code], dtype=np.bool_)
        return replace(self, capacity=np.where(shut, 0, self.capacity))


@dataclass(frozen=True, slots=True)
class Distances:
    """Candidate pairs: who could walk where and how far, whole metres; each pair once.

    `how` says in both languages what was measured; `cut_off` are indexes of demands without any
    candidate.
    """

    demand: Ints
    shelter: Ints
    metres: Ints
    how: Say
    cut_off: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Who goes where. Assignments are parallel arrays in order of demand, then shelter.

    `people[i]` > 0 people of demand `demand[i]` walk `metres[i]` to shelter `shelter[i]`; `unplaced`
    and `load` are people by demand and by shelter. `metres_at_least`: no plan that places as many
    walks fewer person-metres in all; `unplaced_at_least` likewise for people (both are reached
    exactly unless groups are kept whole). `exact`: the plan is proven to be the optimum.
    """

    demands: Demand
    places: Places
    distances: Distances
    demand: Ints
    shelter: Ints
    people: Ints
    metres: Ints
    unplaced: Ints
    load: Ints
    metres_at_least: int
    unplaced_at_least: int
    whole: bool = False
    exact: bool = True

    @property
    def placed(self) -> int:
        """People who have a place."""
        return int(self.people.sum())

    @property
    def walked(self) -> int:
        """Person-metres in all."""
        return int(self.people @ self.metres)

    @property
    def free(self) -> Ints:
        """Places left by shelter."""
        return self.places.capacity - self.load


@dataclass(frozen=True, slots=True)
class Arcs:
    """What a flow may use: along candidate pair `pair` at most `most` people at `cost` a person.

    A pair may have several arcs (who stays there costs less than who comes); together they take all
    people of its demand.
    """

    pair: Ints
    most: Ints
    cost: Ints


def plan(demands: Demand, places: Places, distances: Distances, *, whole: bool = False) -> Plan:
    """Return the plan that places most people and, among those, lets them walk least.

    With `whole` every group stays together (see `riskmap.prepare.whole`): the best plan found, with
    the bounds that tell how far it may be from the optimum. RiskmapError for numbers that no plan
    can mean: negative people, a pair that names no demand, a distance that is none.
    Demand (50, 50), capacity (50, 80), metres [[100, 110], [120, 1000]] → 11,500 person-metres;
    capacity (30, 40) → 30 unplaced.
    """
    check(demands, places, distances)
    arcs = Arcs(np.arange(len(distances.metres)), demands.people[distances.demand], distances.metres)
    return solved(demands, places, distances, arcs, whole=whole)


def solved(demands: Demand, places: Places, distances: Distances, arcs: Arcs, *, whole: bool) -> Plan:
    """Return the plan of least cost over these arcs, with groups kept whole where that is asked."""
    loose = settled(demands, places, distances, _cheapest(demands, places, distances, arcs))
    if not whole:
        return loose
    from riskmap.prepare.whole import keep_together  # noqa: PLC0415 - it builds on this module

    return keep_together(loose, arcs)


def dearer_than_any_detour(cost: Ints, places: Places) -> int:
    """Return what an unplaced person costs, so that placing one more is always worth it.

    Placing a person may shift others along a chain that visits each shelter at most once, so it
    costs at most (shelters + 1) · the dearest arc.
    """
    return int(cost.max(initial=0)) * (len(places) + 1) + 1


def _cheapest(demands: Demand, places: Places, distances: Distances, arcs: Arcs) -> Ints:
    """Return the people on each pair, int64[pairs], of a flow of least cost with an overflow arc.

    A cheap overflow is solved much faster. Where it leaves nobody over, or no place free, no dearer
    one could place more people, and the flow is the optimum; else it is solved again.
    """
    dearest = dearer_than_any_detour(arcs.cost, places)
    flow = _flow(demands, places, distances, arcs, over=min(2 * int(arcs.cost.max(initial=0)) + 1, dearest))
    left = int(demands.people.sum()) - int(flow.sum())
    if left and int(flow.sum()) < int(places.capacity.sum()):
        flow = _flow(demands, places, distances, arcs, over=dearest)
    return flow


def _flow(demands: Demand, places: Places, distances: Distances, arcs: Arcs, *, over: int) -> Ints:
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


def settled(demands: Demand, places: Places, distances: Distances, flow: Ints) -> Plan:
    """Return the plan of a flow over the candidate pairs, int64[pairs]; it counts as optimal."""
    used = np.flatnonzero(flow)
    used = used[np.lexsort((distances.shelter[used], distances.demand[used]))]
    demand, shelter, people = distances.demand[used], distances.shelter[used], flow[used]
    placed = np.bincount(demand, people, len(demands)).astype(np.int64)
    load = np.bincount(shelter, people, len(places)).astype(np.int64)
    unplaced = demands.people - placed
    metres = distances.metres[used]
    return Plan(
        demands,
        places,
        distances,
        demand,
        shelter,
        people,
        metres,
        unplaced,
        load,
        metres_at_least=int(people @ metres),
        unplaced_at_least=int(unplaced.sum()),
    )


def check(demands: Demand, places: Places, distances: Distances) -> None:
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
