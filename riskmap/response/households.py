"""Keeping households together: each group goes to one shelter, or is named as unplaced.

The flow, in which groups may be split, bounds every plan that keeps them whole. Groups that it left
whole stay where they are; those that it split are placed again, the largest first, one other group
moved aside where that makes room. Small cases are then solved exactly (CP-SAT over integers, the
repaired plan its first guess). Capacity is never exceeded on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Ints
from riskmap.values.evacuation import Arcs, Assignment, settled

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


def keep_together(loose: Assignment, arcs: Arcs) -> Assignment:
    """Return the plan in which no group is split, from the one in which they may be.

    `exact` where the optimum is proven; else the bounds of `loose` say how far it may be from it.
    """
    groups, capacity = _grouped(loose, arcs), loose.places.capacity
    chosen = _repaired(groups, capacity, _already_whole(groups, loose))
    proven = False
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


def _repaired(groups: _Groups, capacity: Ints, chosen: Ints) -> Ints:
    """Place the groups that have no shelter, the largest first; then try once more what did not fit."""
    work = _Repair(groups, chosen.copy(), capacity - _load(groups, chosen, len(capacity)))
    for _ in range(_ROUNDS):
        waiting = np.flatnonzero((work.chosen == _NOWHERE) & (groups.size > 0))
        waiting = waiting[np.argsort(-groups.size[waiting], kind="stable")]
        if not sum(work.place(int(g)) for g in waiting):
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
