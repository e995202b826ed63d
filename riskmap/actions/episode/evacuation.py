"""Which zones are in danger: codes of records, grids or communities, a table of zones, or a prepared scenario.

Who moves where: a table of people, zones in danger and the ledger's shelters → one document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.actions.episode.relief_stock import bed_stock
from riskmap.actions.terrain.reach import usable_shelters
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog.roles import FieldRole
from riskmap.errors import Lang, RiskmapError, Text, UnknownNameError
from riskmap.formulas.shelter import BEDS_A_PERSON, PEOPLE_A_TOILET, WATER_L_A_DAY, gap, toilets
from riskmap.interface import option
from riskmap.io.readers.evacuation import declared, read_people, read_roads
from riskmap.io.tables import read_file
from riskmap.io.tables.declared import declaration
from riskmap.moments import local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.response.evacuation import Placement, Replan, known_pairs, plan, revise
from riskmap.response.people import inside, threatened
from riskmap.response.walking import DETOUR, NEAREST, RoadWays, StraightLines, Walk, including, widened
from riskmap.rules.arrays import column_of
from riskmap.values.evacuation import (
    Assigned,
    Assignment,
    ClosedShelter,
    Demand,
    Differences,
    Distances,
    EvacuationPlan,
    Gone,
    GroupPlace,
    Incomplete,
    LeastPossible,
    Moved,
    Needs,
    Norm,
    ShelterLoad,
    ShelterRoom,
    Threatened,
    Unplaced,
    Zone,
    ZonePeople,
)
from riskmap.values.records import Records
from riskmap.values.scenario import RecordedScenario

_NORMS: Final[Mapping[str, Norm]] = {
    "beds_a_person": Norm(BEDS_A_PERSON, "our choice, where a group states no beds of its own"),
    "water_l_a_person_a_day": Norm(
        WATER_L_A_DAY,
        "Sphere Handbook 2018, water supply standard 2.1 (from memory)",
    ),
    "people_a_toilet": Norm(PEOPLE_A_TOILET, "Sphere Handbook 2018, excreta management (from memory)"),
}


_NO_POSITION: Final = Text("没有坐标，无法安排", "no position, no shelter can be found")


_CUT_OFF: Final = Text("没有道路通到任何可用场所", "no road leads to a usable shelter")


_FULL: Final = Text("可用场所已满", "the usable shelters are full")


_NO_ROOM: Final = Text("没有一处场所的余量容得下整户（组）", "no shelter has room for the whole group")


_NONE: Final = Text("没有可用的避难场所", "there is no usable shelter")


@dataclass(frozen=True, slots=True)
class Danger:
    """The zones, the shelters that are in danger themselves (codes), and what could not be read."""

    zones: tuple[Zone, ...]
    shelters: tuple[str, ...] = ()
    incomplete: tuple[Incomplete, ...] = field(default_factory=tuple)


def danger_zones(
    ws: Workspace,
    danger: Sequence[str] | Path,
    *,
    radius: float | None = None,
    crs: str | None = None,
) -> Danger:
    """Return the zones that `danger` names: codes ("S001", "slopes:S001"), or a file.

    A code of the ledger brings its record's polygon, or its position with `radius` metres where that
    is stated; any other code is a zone by name: a grid, a community, a zone of the table of people. A
    file is a table of zones, or the JSON of `riskmap prepare`, whose escalated records it means.
    """
    if not isinstance(danger, Path):
        return _by_code(ws, danger, radius)
    if danger.suffix.lower() == ".json":
        return _escalated(ws, danger, radius)
    intake = read_file(danger, declaration("zones"), datum=crs, region=ws.region)
    left = tuple(
        Incomplete(row.code or f"{row.sheet} › {row.row}", "rejected", issue.message)
        for row in intake.rejected
        for issue in row.issues
        if issue.severity == "error"
    )
    return Danger(tuple(_declared(intake.records, radius)), incomplete=left)


def _by_code(ws: Workspace, codes: Sequence[str], radius: float | None) -> Danger:
    zones: list[Zone] = []
    shelters: list[str] = []
    layers = ws.catalog.layers
    for text in dict.fromkeys(code.strip() for code in codes if code.strip()):
        layer, _, code = text.rpartition(":")
        found = _records(ws, code, layer, radius)
        if layer and not found:
            raise UnknownNameError(
                f"{option('danger')} {text}：图层 {layer} 中没有编号 {code}；见 riskmap select {layer}",
                f"{option('danger', 'en')} {text}: the layer {layer} has no code {code}; see riskmap select {layer}",
            )
        if any(layers[of].role == "shelter" for of, _ in found):
            shelters.append(code)
        zones += [zone for of, zone in found if layers[of].role != "shelter"] or (
            [] if found else [Zone(code)]
        )
    return Danger(tuple(zones), tuple(shelters))


def _records(ws: Workspace, code: str, layer: str, radius: float | None) -> list[tuple[str, Zone]]:
    """Return the records with this code, in one layer or in all."""
    snapshot = current_snapshot(ws)
    layers = [ws.catalog.layer(layer).id] if layer else list(snapshot.layers)
    found: list[tuple[str, Zone]] = []
    for each in layers:
        rows: Any = snapshot.table(each)
        codes: Any = rows["code"].combine_chunks()
        at = codes.index(code).as_py()
        if at < 0:
            continue
        row = rows.slice(at, 1).to_pylist()[0]
        shape = row.get("shape") if ws.catalog.layer(each).geometry == "polygon" else None
        found.append((each, Zone(code, _number(row["lon"]), _number(row["lat"]), _number(radius), shape)))
    return found


def _escalated(ws: Workspace, path: Path, radius: float | None) -> Danger:
    document = read_json(path)
    rows = document.get("escalations")
    try:
        codes = [f"{one['layer']}:{one['code']}" for one in rows or ()]
    except (TypeError, KeyError):
        rows = None
        codes = []
    if not isinstance(rows, list):
        raise RiskmapError(
            f"{path.name}：不是 riskmap prepare --json 的输出（没有 escalations）；面文件请用 .geojson 结尾",
            f"{path.name}: not what riskmap prepare --json prints (no escalations); polygons end in .geojson",
        )
    return _by_code(ws, codes, radius)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file. RiskmapError where there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise RiskmapError(
            f"{path}：读不出 JSON（{problem}）；请核对文件",
            f"{path}: no JSON can be read ({problem}); check the file",
        ) from problem
    return document if isinstance(document, dict) else {}


def _declared(records: Records, radius: float | None) -> list[Zone]:
    stated = records.values.get("radius_m", [None] * len(records))
    shapes = records.shapes or [None] * len(records)
    return [
        Zone(code, float(lon), float(lat), _number(own if own is not None else radius), shape)
        for code, lon, lat, own, shape in zip(
            records.code, records.lon, records.lat, stated, shapes, strict=True
        )
    ]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else float("nan")


_ZONES: Final = Text("危险区", "danger zones")


_PEOPLE: Final = Text("读取人口表", "reading the people")


_THREATENED: Final = Text("危险区内的人", "people in danger")


_REACH: Final = Text("避难场所和路程", "shelters and ways")


_FLOW: Final = Text("安排去处", "planning who goes where")


_TELLING: Final = Text("汇总转移方案", "summing the plan up")


_ANY_RADIUS: Final = 1e6  # how far people walk is the plan's affair, not the shelter's class


@dataclass(frozen=True, slots=True)
class _Planned:
    """Everything that a plan is told from. `row_of` is the row of each demand in `records`."""

    threatened: Threatened
    records: Records
    row_of: Sequence[int]
    plan: Assignment
    replan: Replan | None
    left_out: Mapping[str, Text]
    zones: Sequence[Zone]
    incomplete: Sequence[Incomplete]


def evacuation(
    ws: Workspace,
    people_file: Path,
    *,
    danger: Sequence[str] | Path | Danger,
    crs: str | None = None,
    radius: float | None = None,
    closed: Sequence[str] = (),
    endangered: Sequence[str] = (),
    typhoon: bool = False,
    roads: Path | None = None,
    roads_crs: str | None = None,
    whole: bool = False,
    detour: float = DETOUR,
    nearest: int = NEAREST,
    before: Path | EvacuationPlan | None = None,
    progress: Progress = UNWATCHED,
) -> EvacuationPlan:
    """Return who goes where, who is left and why, and what each shelter lacks. Unknown is None, never 0.

    `danger`: see `danger_zones`; `radius`, metres, is that of records that are points. Shelters that
    are `closed`, `endangered`, inside a zone, outdoor in a `typhoon`, or of which something is not
    known take nobody (`closed_shelters` says why). `roads`: see `read_roads`, in `roads_crs` (that of
    the people unless given); without it straight lines × `detour` count. `before` is a plan of this
    function, or the file that holds its JSON: the plan then changes it least, and says what is different.
    """
    reading, reaching, flowing, telling = progress.parts(2, 3, 4, 1)
    reading.step(0, 2, _ZONES)
    found = danger if isinstance(danger, Danger) else danger_zones(ws, danger, radius=radius, crs=crs)
    reading.step(1, 2, _PEOPLE)
    intake = read_people(people_file, crs=crs, region=ws.region)
    table, unread = declared(intake)
    if not len(table):
        raise RiskmapError(
            f"{people_file.name}：没有读到任何人口记录；需要编号、人数，以及坐标或危险区编号",
            f"{people_file.name}: no people were read; code, people, and a position or a zone are needed",
        )
    reaching.step(0, 2, _THREATENED)
    moving = threatened(table, found.zones)
    reaching.step(1, 2, _REACH)
    shelters, left_out = _shelters(
        ws, found.zones, closed=closed, endangered=(*endangered, *found.shelters), typhoon=typhoon
    )
    network = None
    if roads is None:
        walk: Walk = StraightLines.of(moving.demands, shelters, detour=detour)
    else:
        network = read_roads(roads, crs=roads_crs or crs, region=ws.region)
        walk = RoadWays.of(network, moving.demands, shelters)
    earlier = None if before is None else _placements(before)
    made, again = _planned(
        moving.demands, shelters, walk, nearest=nearest, whole=whole, before=earlier, progress=flowing
    )
    telling.step(0, 1, _TELLING)
    row_of = {code: i for i, code in reversed(list(enumerate(table.code)))}
    told = _document(
        ws,
        _Planned(
            moving,
            intake.records,
            [row_of[code] for code in moving.demands.code],
            made,
            again,
            left_out,
            found.zones,
            (*unread, *found.incomplete, *moving.incomplete),
        ),
    )
    return replace(told, stock=bed_stock(ws, told, roads=network))


def _planned(
    demands: Demand,
    places: ShelterRoom,
    walk: Walk,
    *,
    nearest: int,
    whole: bool,
    before: Sequence[Placement] | None,
    progress: Progress,
) -> tuple[Assignment, Replan | None]:
    """Plan over the nearest shelters, and once more over all for those whom they do not take."""

    def solve(pairs: Distances, part: Progress) -> tuple[Assignment, Replan | None]:
        def each() -> None:
            part.step(0, 1, _FLOW)

        each()
        if before is None:
            return plan(demands, places, pairs, whole=whole, each=each), None
        again = revise(before, demands, places, pairs, whole=whole, each=each)
        return again.plan, again

    near = walk.nearest(nearest)
    if before is not None:
        near = including(near, walk, *known_pairs(before, demands, places))
    first, then = progress.parts(1, 1)
    made, again = solve(near, first)
    wide = widened(made, walk)
    return (made, again) if wide is None else solve(wide, then)


def _shelters(
    ws: Workspace,
    zones: Sequence[Zone],
    *,
    closed: Sequence[str],
    endangered: Sequence[str],
    typhoon: bool,
) -> tuple[ShelterRoom, dict[str, Text]]:
    """Return the shelters that may be used, and why the others may not."""
    layer = ws.catalog.needed("shelter").id
    known = set(current_snapshot(ws).table(layer)["code"].to_pylist())
    for code in (*closed, *endangered):
        if code not in known:
            raise UnknownNameError(
                f"台账里没有编号为 {code} 的避难场所；见 riskmap select {layer}",
                f"the ledger has no shelter with the code {code}; see riskmap select {layer}",
            )
    usable = usable_shelters(ws, radius=_ANY_RADIUS, typhoon=typhoon)
    left_out = dict(usable.left_out)
    hit = inside(zones, usable.lon, usable.lat, [()] * len(usable.code))
    threatens = {usable.code[int(i)]: zones[int(j)].code for i, j in zip(hit.row, hit.zone, strict=True)}
    for code, zone in threatens.items():
        left_out[code] = Text(f"在危险区 {zone} 内", f"inside the danger zone {zone}")
    left_out |= dict.fromkeys(endangered, Text("本次受威胁", "in danger in this event"))
    left_out |= dict.fromkeys(closed, Text("本次关闭", "closed in this event"))
    keep = [i for i, code in enumerate(usable.code) if code not in left_out]
    room = np.floor(usable.places[keep]).astype(np.int64)
    return ShelterRoom([usable.code[i] for i in keep], usable.lon[keep], usable.lat[keep], room), left_out


def _document(ws: Workspace, made: _Planned) -> EvacuationPlan:
    found = made.plan
    places, needs = _places(ws, made), _needs(made)
    return EvacuationPlan(
        people=int(found.demands.people.sum()),
        placed=found.placed,
        unplaced=int(found.unplaced.sum()),
        distance=found.distances.how.en,
        distance_zh=found.distances.how.zh,
        person_metres=found.walked,
        whole=found.whole,
        optimal=found.exact,
        at_least=LeastPossible(found.unplaced_at_least, found.metres_at_least),
        zones=_zones(made),
        assignments=tuple(
            Assigned(
                found.demands.code[int(d)],
                int(people),
                found.places.code[int(s)],
                int(metres),
                places[int(d)],
                need,
            )
            for d, s, people, metres, need in zip(
                found.demand, found.shelter, found.people, found.metres, needs, strict=True
            )
        ),
        unplaced_groups=tuple(
            Unplaced(found.demands.code[i], int(found.unplaced[i]), places[i], why)
            for i, why in _reasons(found)
        ),
        shelters=_loads(ws, found, needs),
        closed_shelters=tuple(ClosedShelter(code, why) for code, why in sorted(made.left_out.items())),
        norms=_NORMS,
        incomplete=tuple(made.incomplete),
        differences=None
        if made.replan is None
        else _differences(ws, made.replan, dict(zip(found.demands.code, places, strict=True))),
    )


def _places(ws: Workspace, made: _Planned) -> list[GroupPlace]:
    demands, records = made.plan.demands, made.records
    communities = records.values.get("community", [None] * len(records))
    where = ws.places.locate(demands.lon, demands.lat) if ws.places else np.full(len(demands), -1)
    found: list[GroupPlace] = []
    for i, row in enumerate(made.row_of):
        stated, community, household = records.subdistrict[row], communities[row], demands.group[i]
        located = ws.subdistricts[int(where[i])] if where[i] >= 0 else None
        found.append(
            GroupPlace(
                household if household != demands.code[i] else None,
                stated if isinstance(stated, str) else located,
                community if isinstance(community, str) else None,
                tuple(made.threatened.zones[i]),
            )
        )
    return found


def _needs(made: _Planned) -> list[Needs]:
    """Return what each assignment needs. Of a group that is split, whoever needs help goes with its first part."""
    found, needs = made.plan, made.threatened
    left = {"help": needs.help.copy(), "vehicles": needs.vehicles.copy(), "beds": needs.beds.copy()}
    rest = found.demands.people - found.unplaced
    shares: list[Needs] = []
    for d, people in zip(found.demand, found.people, strict=True):
        rest[d] -= people
        share: dict[str, int | None] = {}
        for name, column in left.items():
            if np.isnan(column[d]):
                share[name] = None
                continue
            last = rest[d] == 0 and not found.unplaced[d]
            most = column[d] if last or name == "vehicles" else min(column[d], float(people))
            share[name] = int(most)
            column[d] -= most
        shares.append(Needs(**share))
    return shares


def _reasons(found: Assignment) -> list[tuple[int, Text]]:
    """Return the demands that are not wholly placed, and why."""
    cut_off = set(found.distances.cut_off)
    reasons: list[tuple[int, Text]] = []
    for i in map(int, np.flatnonzero(found.unplaced)):
        if not np.isfinite(found.demands.lon[i]):
            why = _NO_POSITION
        elif not (found.places.capacity > 0).any():
            why = _NONE
        elif i in cut_off:
            why = _CUT_OFF
        else:
            why = _NO_ROOM if found.whole and (found.free > 0).any() else _FULL
        reasons.append((i, why))
    return reasons


def _zones(made: _Planned) -> tuple[ZonePeople, ...]:
    """Return the people by zone; those in two zones appear in both, and once in the total."""
    people: dict[str, int] = {}
    for mine, number in zip(made.threatened.zones, made.plan.demands.people, strict=True):
        for code in mine:
            people[code] = people.get(code, 0) + int(number)
    return tuple(ZonePeople(code, people.get(code)) for code in dict.fromkeys(z.code for z in made.zones))


_FACTS: Final[tuple[FieldRole, ...]] = ("beds", "water_supply", "water_per_day", "toilets")


def _loads(ws: Workspace, found: Assignment, needs: Sequence[Needs]) -> tuple[ShelterLoad, ...]:
    """Return load and supply by shelter; what it does not state is None, and so is the gap."""
    layer = ws.catalog.needed("shelter")
    table = current_snapshot(ws).table(layer.id)
    fields = [layer.field_by_role(role) for role in _FACTS]
    columns = ["" if one is None else column_of(one.id) for one in fields]
    have = [name for name in columns if name in table.column_names]
    facts = {row["code"]: row for row in table.select(["code", "name", "subdistrict", *have]).to_pylist()}
    beds = np.zeros(len(found.places))
    helped = np.zeros(len(found.places), np.int64)
    for s, people, need in zip(found.shelter, found.people, needs, strict=True):
        beds[s] += need.beds if need.beds is not None else float(people) * BEDS_A_PERSON
        helped[s] += need.help or 0
    rows: list[ShelterLoad] = []
    for j, code in enumerate(found.places.code):
        fact, used = facts[code], int(found.load[j])
        has_beds, water_supply, has_water, has_toilets = (fact.get(name) for name in columns)
        water, lavatories = used * WATER_L_A_DAY, float(toilets(used))
        rows.append(
            ShelterLoad(
                code=code,
                name=fact["name"],
                subdistrict=fact["subdistrict"],
                lon=float(found.places.lon[j]),
                lat=float(found.places.lat[j]),
                capacity=int(found.places.capacity[j]),
                used=used,
                free=int(found.free[j]),
                help=int(helped[j]),
                beds_needed=int(beds[j]),
                beds=None if has_beds is None else int(has_beds),
                beds_gap=_gap(beds[j], has_beds),
                water_l_per_day=int(water),
                water_supply=water_supply,
                water_gap_l_per_day=_gap(water, has_water),
                toilets_needed=int(lavatories),
                toilets_gap=_gap(lavatories, has_toilets),
            )
        )
    return tuple(rows)


def _gap(needed: float, stated: float | None) -> int | None:
    return None if stated is None else int(np.ceil(float(gap(needed, stated))))


def _differences(ws: Workspace, again: Replan, places: Mapping[str, GroupPlace]) -> Differences:
    table = current_snapshot(ws).table(ws.catalog.needed("shelter").id)
    names = dict(zip(table["code"].to_pylist(), table["name"].to_pylist(), strict=True))
    return Differences(
        again.moved,
        again.stayed,
        tuple(
            Moved(
                one.demand,
                one.before,
                one.after,
                one.people,
                names.get(one.before or ""),
                names.get(one.after or ""),
                places[one.demand].subdistrict,
                places[one.demand].community,
            )
            for one in again.changes
        ),
        tuple(Gone(one.demand, one.shelter, one.people) for one in again.gone),
    )


def _placements(before: Path | EvacuationPlan) -> list[Placement]:
    if isinstance(before, EvacuationPlan):
        return [Placement(one.group, one.shelter, one.people) for one in before.assignments]
    rows = read_json(before).get("assignments")
    try:
        return [Placement(str(r["group"]), str(r["shelter"]), int(r["people"])) for r in rows or ()]
    except (TypeError, KeyError, ValueError) as problem:
        raise RiskmapError(
            f"{before.name}：不是 riskmap evacuate --json 的输出（assignments 读不懂）；请用上次保存的方案",
            f"{before.name}: not what riskmap evacuate --json prints (its assignments); give the plan that was saved",
        ) from problem


def write_lists(
    ws: Workspace,
    plan: EvacuationPlan,
    path: Path,
    *,
    scenario: RecordedScenario | None = None,
    lang: Lang = "zh",
) -> None:
    """Write a plan as a workbook for those who carry it out. ExportError where it cannot be written.

    Every sheet names the `scenario` that the plan was made for, and says so where that is a drill.
    """
    from riskmap.reports.evacuation import write_evacuation  # noqa: PLC0415 - only where it is asked for

    made_at = local_now().strftime("%Y-%m-%d %H:%M")
    write_evacuation(
        plan,
        path,
        district=ws.config.district,
        made_at=made_at,
        scenario=scenario.title if scenario else "",
        drill=bool(scenario and scenario.drill),
        demo=ws.demo,
        lang=lang,
    )
