"""Who must move: declared people against danger zones. Nobody counts twice, and no unknown is a zero.

Danger zones: who lies inside which, by position and by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.array_types import Floats
from riskmap.coordinates import metres
from riskmap.errors import Text
from riskmap.values.evacuation import Declared, Demand, Incomplete, Inside, Threatened, Zone


def inside(zones: Sequence[Zone], lon: Floats, lat: Floats, names: Sequence[Sequence[str]]) -> Inside:
    """Return which rows lie in which zones: by position (the border counts as inside) or because they name it."""
    pairs = {*_by_radius(zones, lon, lat), *_by_shape(zones, lon, lat), *_by_name(zones, names)}
    found = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return Inside(found[:, 0], found[:, 1])


def _by_radius(zones: Sequence[Zone], lon: Floats, lat: Floats) -> list[tuple[int, int]]:
    round_ones = [j for j, z in enumerate(zones) if z.shape is None and z.extends]
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if not round_ones or not len(known):
        return []
    centre = np.array([(zones[j].lon, zones[j].lat) for j in round_ones])
    middle = float(centre[:, 0].mean())
    tree = KDTree(np.column_stack(metres(lon[known], lat[known], around=middle)))
    middles = np.column_stack(metres(centre[:, 0], centre[:, 1], around=middle))
    near = tree.query_ball_point(middles, np.array([zones[j].radius for j in round_ones]))
    return [(int(known[i]), j) for j, rows in zip(round_ones, near, strict=True) for i in rows]


def _by_shape(zones: Sequence[Zone], lon: Floats, lat: Floats) -> list[tuple[int, int]]:
    shaped = [j for j, z in enumerate(zones) if z.shape is not None]
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if not shaped or not len(known):
        return []
    wkb = np.array([zones[j].shape for j in shaped], dtype=object)
    polygons: Any = shapely.make_valid(shapely.from_wkb(wkb))
    points: Any = shapely.points(np.column_stack([lon[known], lat[known]]))
    zone, row = shapely.STRtree(points).query(polygons, predicate="intersects")
    return [(int(known[i]), shaped[j]) for j, i in zip(zone, row, strict=True)]


def _by_name(zones: Sequence[Zone], names: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    called: dict[str, list[int]] = {}
    for j, zone in enumerate(zones):
        called.setdefault(zone.code, []).append(j)
    return [(i, j) for i, mine in enumerate(names) for name in mine for j in called.get(name, ())]


UNKNOWN_PEOPLE = Text(
    "人数没有填写，未计入；请补人数", "the number of people is not stated, not counted; state it"
)


NO_PLACE = Text(
    "既无坐标，也无危险区、网格或社区，不知道是否受威胁；请补其一",
    "neither position nor zone, grid or community: not known whether it is threatened; state one",
)


NOT_TELLING = Text(
    "没有坐标，所填网格或社区说明不了是否在危险区内；请补坐标或危险区编号",
    "no position, and its grid or community does not tell whether it lies inside; state a position or the zone",
)


NO_POSITION = Text("没有坐标，无法安排去处；请补坐标", "no position, so no shelter can be found; state one")


NO_FIGURE = Text(
    "没有任何一行给出其中的人数，不知道是否有人，不按 0 计；请核实并填报（确无人员填 0）",
    "no row states how many people are in it; that is not known and not zero: verify, and state 0 if nobody is there",
)


def threatened(declared: Declared, zones: Sequence[Zone]) -> Threatened:
    """Return the people inside any zone, and everything that is not known about them.

    A row inside two zones counts once, and so do a household's row and those of its members (the
    larger number, with a remark where they differ). Where only a zone is known, it lends its position.
    """
    found = inside(zones, declared.lon, declared.lat, declared.zones).zones_of(len(declared))
    once, zones_of, remarks = _merged(declared, found)
    hit = np.array([bool(mine) for mine in zones_of], dtype=np.bool_)
    known = hit & np.isfinite(once.people)
    counted = [int(i) for i in np.flatnonzero(known)]
    lon, lat = _positions(once, zones, zones_of)
    demands = Demand(
        [once.code[i] for i in counted],
        lon[counted],
        lat[counted],
        np.rint(once.people[counted]).astype(np.int64),
        [once.household[i] or once.code[i] for i in counted],
    )
    remarks += [Incomplete(once.code[int(i)], "people", UNKNOWN_PEOPLE) for i in np.flatnonzero(hit & ~known)]
    remarks += _unplaceable(once, zones, hit)
    remarks += [
        Incomplete(demands.code[int(i)], "position", NO_POSITION)
        for i in np.flatnonzero(~np.isfinite(demands.lon))
    ]
    stated = {zones[j].code for i in counted for j in zones_of[i]}
    silent = dict.fromkeys(z.code for z in zones if z.code not in stated)
    remarks += [Incomplete(code, "zone", NO_FIGURE) for code in silent]
    return Threatened(
        demands,
        tuple(tuple(dict.fromkeys(zones[j].code for j in zones_of[i])) for i in counted),
        once.help[counted],
        once.vehicles[counted],
        once.beds[counted],
        tuple(remarks),
    )


def _unplaceable(once: Declared, zones: Sequence[Zone], hit: NDArray[np.bool_]) -> Iterator[Incomplete]:
    """Yield the rows of which it is not known whether they are threatened."""
    extends = any(zone.extends for zone in zones)
    nowhere = ~(np.isfinite(once.lon) & np.isfinite(once.lat)) & ~hit
    for i in map(int, np.flatnonzero(nowhere)):
        if once.people[i] == 0:
            continue
        if not once.zones[i]:
            yield Incomplete(once.code[i], "place", NO_PLACE)
        elif extends and not once.named_zone[i]:
            yield Incomplete(once.code[i], "place", NOT_TELLING)


def _positions(
    once: Declared, zones: Sequence[Zone], zones_of: Sequence[Sequence[int]]
) -> tuple[Floats, Floats]:
    lon, lat = once.lon.copy(), once.lat.copy()
    for i in map(int, np.flatnonzero(~(np.isfinite(lon) & np.isfinite(lat)))):
        lon[i] = lat[i] = np.nan
        for j in zones_of[i]:
            if np.isfinite(zones[j].lon) and np.isfinite(zones[j].lat):
                lon[i], lat[i] = zones[j].lon, zones[j].lat
                break
    return lon, lat


def _merged(
    declared: Declared, zones_of: list[list[int]]
) -> tuple[Declared, list[list[int]], list[Incomplete]]:
    """Return the table in which each person or household stands once, with all its zones, and where its numbers disagree.

    A row without a household of its own, whose code others name as theirs, is that household's row.
    Of several positions the one inside a zone counts.
    """
    rows, members = _entities(declared)
    if len(rows) == len(declared):
        return declared, zones_of, []
    remarks: list[Incomplete] = []
    everyone = [[*mine, *members.get(code, ())] for code, mine in rows.items()]
    first = [mine[0] for mine in everyone]
    placed = np.isfinite(declared.lon) & np.isfinite(declared.lat)
    there = [
        next(iter(sorted((i for i in mine if placed[i]), key=lambda i: not zones_of[i])), mine[0])
        for mine in everyone
    ]

    def most(column: Floats, kind: str = "") -> Floats:
        out = np.full(len(first), np.nan)
        for at, (code, mine) in enumerate(rows.items()):
            numbers = [float(column[i]) for i in mine if np.isfinite(column[i])]
            persons = column[list({declared.code[i]: i for i in members.get(code, ())}.values())]
            if np.isfinite(persons).any():
                numbers.append(float(np.nansum(persons)))
            out[at] = max(numbers, default=np.nan)
            if kind and len(set(numbers)) > 1:
                remarks.append(Incomplete(code, kind, _differ(numbers)))
        return out

    once = Declared(
        list(rows),
        [declared.household[i] for i in first],
        declared.lon[there],
        declared.lat[there],
        most(declared.people, "numbers"),
        [tuple(dict.fromkeys(zone for i in mine for zone in declared.zones[i])) for mine in everyone],
        [any(declared.named_zone[i] for i in mine) for mine in everyone],
        most(declared.help),
        most(declared.vehicles),
        most(declared.beds),
    )
    return once, [sorted({j for i in mine for j in zones_of[i]}) for mine in everyone], remarks


def _entities(declared: Declared) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the rows of each person or household by its code, and the rows of a listed household's members."""
    listed = {code for code, home in zip(declared.code, declared.household, strict=True) if not home}
    rows: dict[str, list[int]] = {}
    members: dict[str, list[int]] = {}
    for i, (code, home) in enumerate(zip(declared.code, declared.household, strict=True)):
        if home and home != code and home in listed:
            members.setdefault(home, []).append(i)
        else:
            rows.setdefault(code, []).append(i)
    return rows, members


def _differ(numbers: Sequence[float]) -> Text:
    given = [f"{n:g}" for n in sorted(set(numbers))]
    return Text(
        f"各处人数不一致（{'、'.join(given)}），按最大的计；请核实",
        f"its numbers of people differ ({', '.join(given)}), the largest counts; verify",
    )
