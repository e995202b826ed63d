"""Which zones are in danger: codes of records, grids or communities, a table of zones, or a prepared scenario.

Who moves where: a table of people, zones in danger and the ledger's shelters → one document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.actions.episode.documents import document
from riskmap.actions.terrain.reach import LAYER, usable_shelters
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang, RiskmapError, Say, UnknownNameError
from riskmap.io.readers.evacuation import declared, read_people, read_roads, table
from riskmap.io.tables import read_file
from riskmap.moments import local_now
from riskmap.response.evacuation import Placement, Replan, known_pairs, plan, revise
from riskmap.response.people import inside, threatened
from riskmap.response.walking import DETOUR, NEAREST, RoadWays, StraightLines, Walk, including, widened
from riskmap.values.evacuation import Assignment, Demand, Distances, Incomplete, ShelterRoom, Threatened, Zone
from riskmap.values.records import Records
from riskmap.values.scenario import Scenario

_SHELTERS = "shelters"


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
    intake = read_file(danger, table("zones"), datum=crs)
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
    for text in dict.fromkeys(code.strip() for code in codes if code.strip()):
        layer, _, code = text.rpartition(":")
        found = _records(ws, code, layer, radius)
        if layer and not found:
            raise UnknownNameError(
                f"--danger {text}：图层 {layer} 中没有编号 {code}；见 riskmap select {layer}",
                f"--danger {text}: the layer {layer} has no code {code}; see riskmap select {layer}",
            )
        if any(of == _SHELTERS for of, _ in found):
            shelters.append(code)
        zones += [zone for of, zone in found if of != _SHELTERS] or ([] if found else [Zone(code)])
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


_ANY_RADIUS: Final = 1e6  # how far people walk is the plan's affair, not the shelter's class


@dataclass(frozen=True, slots=True)
class Evacuation:
    """Everything that the document is made of. `row_of` is the row of each demand in `records`."""

    threatened: Threatened
    records: Records
    row_of: Sequence[int]
    plan: Assignment
    replan: Replan | None
    left_out: Mapping[str, Say]
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
    before: Path | Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document of `riskmap evacuate --json`.

    `danger`: see `danger_zones`; `radius`, metres, is that of records that are points. Shelters that
    are `closed`, `endangered`, inside a zone, outdoor in a `typhoon`, or of which something is not
    known take nobody (`closed_shelters` says why). `roads`: see `read_roads`, in `roads_crs` (that of
    the people unless given); without it straight lines × `detour` count. `before` is a document of
    this function, or the file that holds one: the plan then changes it least, and `changes` says what
    is different.
    """
    found = danger if isinstance(danger, Danger) else danger_zones(ws, danger, radius=radius, crs=crs)
    intake = read_people(people_file, crs=crs)
    table, unread = declared(intake)
    if not len(table):
        raise RiskmapError(
            f"{people_file.name}：没有读到任何人口记录；需要编号、人数，以及坐标或危险区编号",
            f"{people_file.name}: no people were read; code, people, and a position or a zone are needed",
        )
    moving = threatened(table, found.zones)
    shelters, left_out = _shelters(
        ws, found.zones, closed=closed, endangered=(*endangered, *found.shelters), typhoon=typhoon
    )
    walk = _walk(moving.demands, shelters, roads, roads_crs or crs, detour)
    earlier = None if before is None else _placements(before)
    made, again = _planned(moving.demands, shelters, walk, nearest=nearest, whole=whole, before=earlier)
    row_of = {code: i for i, code in reversed(list(enumerate(table.code)))}
    return document(
        ws,
        Evacuation(
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


def _walk(demands: Demand, places: ShelterRoom, roads: Path | None, crs: str | None, detour: float) -> Walk:
    if roads is None:
        return StraightLines.of(demands, places, detour=detour)
    return RoadWays.of(read_roads(roads, crs=crs), demands, places)


def _planned(
    demands: Demand,
    places: ShelterRoom,
    walk: Walk,
    *,
    nearest: int,
    whole: bool,
    before: Sequence[Placement] | None,
) -> tuple[Assignment, Replan | None]:
    """Plan over the nearest shelters, and once more over all for those whom they do not take."""

    def solve(pairs: Distances) -> tuple[Assignment, Replan | None]:
        if before is None:
            return plan(demands, places, pairs, whole=whole), None
        again = revise(before, demands, places, pairs, whole=whole)
        return again.plan, again

    near = walk.nearest(nearest)
    if before is not None:
        near = including(near, walk, *known_pairs(before, demands, places))
    made, again = solve(near)
    wide = widened(made, walk)
    return (made, again) if wide is None else solve(wide)


def _shelters(
    ws: Workspace,
    zones: Sequence[Zone],
    *,
    closed: Sequence[str],
    endangered: Sequence[str],
    typhoon: bool,
) -> tuple[ShelterRoom, dict[str, Say]]:
    """Return the shelters that may be used, and why the others may not."""
    known = set(current_snapshot(ws).table(LAYER)["code"].to_pylist())
    for code in (*closed, *endangered):
        if code not in known:
            raise UnknownNameError(
                f"台账里没有编号为 {code} 的避难场所；见 riskmap select {LAYER}",
                f"the ledger has no shelter with the code {code}; see riskmap select {LAYER}",
            )
    usable = usable_shelters(ws, radius=_ANY_RADIUS, typhoon=typhoon)
    left_out = dict(usable.left_out)
    hit = inside(zones, usable.lon, usable.lat, [()] * len(usable.code))
    threatens = {usable.code[int(i)]: zones[int(j)].code for i, j in zip(hit.row, hit.zone, strict=True)}
    for code, zone in threatens.items():
        left_out[code] = Say(f"在危险区 {zone} 内", f"inside the danger zone {zone}")
    left_out |= dict.fromkeys(endangered, Say("本次受威胁", "in danger in this event"))
    left_out |= dict.fromkeys(closed, Say("本次关闭", "closed in this event"))
    keep = [i for i, code in enumerate(usable.code) if code not in left_out]
    room = np.floor(usable.places[keep]).astype(np.int64)
    return ShelterRoom([usable.code[i] for i in keep], usable.lon[keep], usable.lat[keep], room), left_out


def _placements(before: Path | Mapping[str, Any]) -> list[Placement]:
    document = read_json(before) if isinstance(before, Path) else before
    rows = document.get("assignments")
    try:
        return [Placement(str(r["group"]), str(r["shelter"]), int(r["people"])) for r in rows or ()]
    except (TypeError, KeyError, ValueError) as problem:
        name = before.name if isinstance(before, Path) else "--replan"
        raise RiskmapError(
            f"{name}：不是 riskmap evacuate --json 的输出（assignments 读不懂）；请用上次保存的方案",
            f"{name}: not what riskmap evacuate --json prints (its assignments); give the plan that was saved",
        ) from problem


def write_lists(
    ws: Workspace,
    document: Mapping[str, Any],
    path: Path,
    *,
    scenario: Scenario | None = None,
    lang: Lang = "zh",
) -> None:
    """Write the document as a workbook for those who carry it out. ExportError where it cannot be written.

    Every sheet names the `scenario` that the plan was made for, and says so where that is a drill.
    """
    from riskmap.reports.evacuation import write_evacuation  # noqa: PLC0415 - only where it is asked for

    made_at = local_now().strftime("%Y-%m-%d %H:%M")
    write_evacuation(
        document,
        path,
        district=ws.config.district,
        made_at=made_at,
        scenario=scenario.title if scenario else "",
        drill=bool(scenario and scenario.drill),
        demo=ws.demo,
        lang=lang,
    )
