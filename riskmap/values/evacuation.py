"""Who must move, where there is room, how far it is, and who was sent where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from riskmap.array_types import Floats, Ints
from riskmap.coordinates import metres
from riskmap.errors import Text
from riskmap.json_documents import INLINE, named


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
class ShelterRoom:
    """Shelters that may be used: parallel arrays. `capacity` int64 ≥ 0 people."""

    code: Sequence[str]
    lon: Floats
    lat: Floats
    capacity: Ints

    def __len__(self) -> int:
        return len(self.code)

    def without(self, closed: Collection[str]) -> ShelterRoom:
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
    how: Text
    cut_off: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who goes where. Assignments are parallel arrays in order of demand, then shelter.

    `people[i]` > 0 people of demand `demand[i]` walk `metres[i]` to shelter `shelter[i]`; `unplaced`
    and `load` are people by demand and by shelter. `metres_at_least`: no plan that places as many
    walks fewer person-metres in all; `unplaced_at_least` likewise for people (both are reached
    exactly unless groups are kept whole). `exact`: the plan is proven to be the optimum.
    """

    demands: Demand
    places: ShelterRoom
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


def settled(demands: Demand, places: ShelterRoom, distances: Distances, flow: Ints) -> Assignment:
    """Return the plan of a flow over the candidate pairs, int64[pairs]; it counts as optimal."""
    used = np.flatnonzero(flow)
    used = used[np.lexsort((distances.shelter[used], distances.demand[used]))]
    demand, shelter, people = distances.demand[used], distances.shelter[used], flow[used]
    placed = np.bincount(demand, people, len(demands)).astype(np.int64)
    load = np.bincount(shelter, people, len(places)).astype(np.int64)
    unplaced = demands.people - placed
    metres = distances.metres[used]
    return Assignment(
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


@dataclass(frozen=True, slots=True)
class Declared:
    """Households, people, buildings or grids as a table declares them: parallel arrays.

    `code` is the person's or household's id; rows of one id are one. `household` names whom a row
    belongs to, None where it is not stated. `zones` are the danger zones, responsibility grids and
    communities that a row names; `named_zone` tells whether a danger zone is among them. `people`,
    `help` (who cannot walk alone), `vehicles`, `beds`: NaN where not stated.
    """

    code: Sequence[str]
    household: Sequence[str | None]
    lon: Floats
    lat: Floats
    people: Floats
    zones: Sequence[tuple[str, ...]]
    named_zone: Sequence[bool]
    help: Floats
    vehicles: Floats
    beds: Floats

    def __len__(self) -> int:
        return len(self.code)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Something that is not known, by name. `kind` is an id for programs."""

    code: str
    kind: str
    why: Text = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class Threatened:
    """Those inside any zone: `demands` with what each needs (NaN: not stated) and the zones that threaten it.

    A demand without any position has NaN there: its people count, and no shelter can be found for it.
    """

    demands: Demand
    zones: tuple[tuple[str, ...], ...]
    help: Floats
    vehicles: Floats
    beds: Floats
    incomplete: tuple[Incomplete, ...]


_SAME_PLACE: Final = 8  # decimals of a degree: about a millimetre, so that lines that touch share a node


@dataclass(frozen=True, slots=True)
class Roads:
    """A road graph: nodes in CGCS2000 degrees; edges between nodes, walked both ways, in metres."""

    lon: Floats
    lat: Floats
    start: Ints
    end: Ints
    length: Floats


def roads_of_edges(start: Floats, end: Floats, length: Floats | None = None) -> Roads:
    """Return the graph of edges from `start` to `end`, both float64[edges, 2] degrees, CGCS2000.

    Edges meet where their ends coincide. `length` in metres; where it is NaN, or None, the straight line counts.
    """
    nodes, node = np.unique(np.round(np.concatenate([start, end]), _SAME_PLACE), axis=0, return_inverse=True)
    node = node.ravel().astype(np.int64)
    first, last = node[: len(start)], node[len(start) :]
    x, y = metres(nodes[:, 0], nodes[:, 1])
    line = np.hypot(x[first] - x[last], y[first] - y[last])
    stated = np.full(len(start), np.nan) if length is None else length
    return Roads(nodes[:, 0], nodes[:, 1], first, last, np.where(np.isfinite(stated), stated, line))


def roads_of_lines(lines: Sequence[Floats]) -> Roads:
    """Return the graph of lines, each float64[vertices, 2] degrees: every vertex is a node where lines may join."""
    xy = np.concatenate(lines) if lines else np.zeros((0, 2))
    of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    along = np.flatnonzero(of[1:] == of[:-1])
    return roads_of_edges(xy[along], xy[along + 1])


@dataclass(frozen=True, slots=True)
class Zone:
    """One danger zone: a polygon (`shape`, WKB in EPSG:4490), or `radius` metres around a point, or a name alone.

    `lon`, `lat`: a point on it, CGCS2000 degrees, NaN where not known; `radius` NaN where not stated:
    then only those belong to it who name it.
    """

    code: str
    lon: float = float("nan")
    lat: float = float("nan")
    radius: float = float("nan")
    shape: bytes | None = None

    @property
    def extends(self) -> bool:
        """Whether a position alone tells who lies inside."""
        return self.shape is not None or bool(np.isfinite([self.lon, self.lat, self.radius]).all())


@dataclass(frozen=True, slots=True)
class Inside:
    """Pairs of row and zone: parallel arrays, each pair once, in order of row."""

    row: Ints
    zone: Ints

    def zones_of(self, rows: int) -> list[list[int]]:
        """Return the zones of each row."""
        found: list[list[int]] = [[] for _ in range(rows)]
        for row, zone in zip(self.row, self.zone, strict=True):
            found[int(row)].append(int(zone))
        return found


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """What is known of a demand beside its number: household, place, the zones that threaten it."""

    household: str | None
    subdistrict: str | None
    community: str | None
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What those who go need; None where it is not known."""

    help: int | None
    vehicles: int | None
    beds: int | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """So many people of a group go to a shelter, so many metres away."""

    group: str
    people: int
    shelter: str
    metres: int
    place: GroupPlace = field(metadata=INLINE)
    needs: Needs = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """So many people of a group have no place, and why."""

    group: str
    people: int
    place: GroupPlace = field(metadata=INLINE)
    why: Text = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class ShelterLoad:
    """Who comes to a shelter, and what it lacks; None where it does not state what it has."""

    code: str
    name: str | None
    subdistrict: str | None
    lon: float
    lat: float
    capacity: int
    used: int
    free: int
    help: int
    beds_needed: int
    beds: int | None
    beds_gap: int | None
    water_l_per_day: int
    water_supply: bool | str | None
    water_gap_l_per_day: int | None
    toilets_needed: int
    toilets_gap: int | None


@dataclass(frozen=True, slots=True)
class ClosedShelter:
    """A shelter that takes nobody, and why."""

    code: str
    why: Text = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class ZonePeople:
    """How many people a danger zone holds; None where nobody states to be in it."""

    code: str
    people: int | None


@dataclass(frozen=True, slots=True)
class Norm:
    """What somebody who is moved needs, and who says so."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class LeastPossible:
    """What no plan goes below: people without a place, and how far all walk together."""

    unplaced: int
    person_metres: int


@dataclass(frozen=True, slots=True)
class Moved:
    """So many people of a group go elsewhere than in the plan before; None: they have no place."""

    group: str
    before: str | None = field(metadata=named("from"))
    after: str | None = field(metadata=named("to"))
    people: int
    before_name: str | None = field(metadata=named("from_name"))
    after_name: str | None = field(metadata=named("to_name"))
    subdistrict: str | None
    community: str | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A placement of the plan before whose group is no longer among those who must move."""

    group: str
    shelter: str
    people: int


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs from the plan before: `moved` people go elsewhere, `stayed` do not."""

    moved: int
    stayed: int
    changes: tuple[Moved, ...]
    gone: tuple[Gone, ...]


@dataclass(frozen=True, slots=True)
class BedOffer:
    """So many beds of a stock line for a shelter: `beds` of the `there` that it has then, so many metres away.

    `warehouse`: the name of where the line stands.
    """

    shelter: str
    line: str
    warehouse: str | None
    beds: int
    there: int
    metres: int


@dataclass(frozen=True, slots=True)
class BedStock:
    """What warehouses can give to the shelters of a plan. `beds_short` − `beds_offered` is left without a bed.

    `beds_by`: what was measured by. `beds_sent`: what went to a shelter since its record was changed, and is counted.
    `beds_not_stated`: shelters that state no beds, so that nobody knows what they are short of; `beds_unknown`: stock
    lines of which balance or position is not known.
    """

    beds_short: int
    beds_offered: int
    beds_by: str
    bed_offers: tuple[BedOffer, ...]
    beds_sent: Mapping[str, int]
    beds_not_stated: tuple[str, ...]
    beds_unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvacuationPlan:
    """Who goes where, who is left and why, and what each shelter lacks: `riskmap evacuate --json`.

    `people` = `placed` + `unplaced`. `optimal`: proven to be so; `at_least` what no plan goes below. `stock`: None where
    the workspace keeps no book of stock.
    """

    people: int
    placed: int
    unplaced: int
    distance: str
    distance_zh: str
    person_metres: int
    whole: bool
    optimal: bool
    at_least: LeastPossible
    zones: tuple[ZonePeople, ...]
    assignments: tuple[Assigned, ...]
    unplaced_groups: tuple[Unplaced, ...]
    shelters: tuple[ShelterLoad, ...]
    closed_shelters: tuple[ClosedShelter, ...]
    norms: Mapping[str, Norm]
    incomplete: tuple[Incomplete, ...]
    differences: Differences | None = field(default=None, metadata=INLINE)
    stock: BedStock | None = field(default=None, metadata=INLINE)

    @property
    def complete(self) -> bool:
        """Whether everybody has a place and nothing is unknown about who must move."""
        return not (self.unplaced or self.incomplete)
