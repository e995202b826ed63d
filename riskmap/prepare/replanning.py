"""Planning again when a shelter closes: nobody who may stay is sent somewhere else.

First as many people as possible have a place, then as few as possible move, then the walks are
short. A move costs more than any saving of metres, an unplaced person more than any moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from riskmap.prepare.evacuation import Arcs, Demand, Distances, Ints, Places, Plan, check, solved


@dataclass(frozen=True, slots=True)
class Placement:
    """So many people of a demand were to go to a shelter."""

    demand: str
    shelter: str
    people: int


@dataclass(frozen=True, slots=True)
class Change:
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

    plan: Plan
    changes: tuple[Change, ...]
    moved: int
    stayed: int
    gone: tuple[Placement, ...] = ()


def placements(plan: Plan) -> tuple[Placement, ...]:
    """Return who goes where, by code."""
    rows = zip(plan.demand, plan.shelter, plan.people, strict=True)
    return tuple(Placement(plan.demands.code[int(d)], plan.places.code[int(s)], int(n)) for d, s, n in rows)


def replan(plan: Plan, *, closed: Collection[str] = ()) -> Replan:
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
    places: Places,
    distances: Distances,
    *,
    whole: bool = False,
) -> Replan:
    """Return the plan for these demands and places that changes `before` least.

    A placement in a shelter that is not among the places, or takes nobody, must change.
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
    found = solved(demands, places, distances, arcs, whole=whole)
    changes = tuple(_changes(before, found))
    moved = sum(c.people for c in changes if c.before is not None)
    kept = placements(found)
    newly = sum(c.people for c in changes if c.after is not None)
    return Replan(found, changes, moved, sum(p.people for p in kept) - newly, gone)


def known_pairs(before: Sequence[Placement], demands: Demand, places: Places) -> tuple[Ints, Ints]:
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


def _dearer_than_metres(demands: Demand, places: Places, distances: Distances, *, whole: bool) -> int:
    """Return what a move costs: more than metres can be saved by it.

    In a flow, exchanging one person's move for others' metres visits each shelter once; groups kept
    whole may exchange everything at once.
    """
    longest = int(distances.metres.max(initial=0))
    return longest * (int(demands.people.sum()) if whole else len(places) + 1) + 1


def _earlier(
    before: Sequence[Placement], demands: Demand, places: Places, distances: Distances
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


def _changes(before: Sequence[Placement], found: Plan) -> Iterator[Change]:
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
) -> Iterator[Change]:
    """Yield the changes of one demand; people who left the demand itself are no change."""
    leave, come = leave.copy(), come.copy()
    while leave and come:
        (old, gone), (new, came) = leave.pop(0), come.pop(0)
        people = min(gone, came)
        yield Change(code, old, new, people)
        if gone > people:
            leave.insert(0, (old, gone - people))
        if came > people:
            come.insert(0, (new, came - people))
    for new, came in come:
        yield Change(code, None, new, came)
    for old, gone in leave:
        people = min(gone, unplaced)
        unplaced -= people
        if people:
            yield Change(code, old, None, people)
