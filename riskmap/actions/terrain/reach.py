"""Do the grids cover the ground once, and has each somebody who walks it?

Areas are planar, in the metric CRS of the layer (CGCS2000, 3-degree zone of its middle).

How many shelter places people can reach on foot, and who reaches none: two-step floating catchment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree
from shapely.geometry.base import BaseGeometry

from riskmap.actions.records.scoring import known
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.array_types import Floats
from riskmap.catalog import Layer
from riskmap.coordinates import Datum, from_cgcs2000, metres, metric_crs, to_cgcs2000
from riskmap.errors import RiskmapError, Text
from riskmap.formulas.shelter import capacity, two_step_catchment
from riskmap.interface import option
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.io.readers.evacuation import read_people
from riskmap.rules.arrays import LayerArrays
from riskmap.values.evacuation import ClosedShelter
from riskmap.values.records import Records

LEAST_M2: Final = 1.0


LEAST_WIDTH_M: Final = 0.05


"""What is smaller, or narrower on average, is the rounding of coordinates and no gap: our choice."""


_EDGE_DEGREES: Final = 0.001  # edges are straight in degrees: long ones get points before they are projected


_HECTARE: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class GapPart:
    """One gap, with a point inside it, CGCS2000 degrees."""

    area_ha: float
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Gaps:
    """Ground that no grid covers."""

    area_ha: float
    parts: tuple[GapPart, ...]


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """Two grids that cover the same ground."""

    a: str
    b: str
    area_ha: float


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Ground that several grids cover."""

    area_ha: float
    pairs: tuple[OverlapPair, ...]


@dataclass(frozen=True, slots=True)
class Patrollers:
    """How many walk the grids; None where that is not known."""

    total: int
    per_grid: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the polygons of a layer cover: `riskmap coverage --json`.


    Without `layer` it is the one of fire grids. `basis` says where gaps are looked for: inside the
    polygons of `forest` (GeoJSON), else in the holes that the grids leave open among them ("holes").
    `unassigned`: codes that have no patroller by their own word, or of which neither a patroller nor a
    contact is known; `without_contact`: codes with nobody to call. `unlocated`: codes without a polygon,
    which cover nothing. `complete` is False where a grid is unassigned or unlocated, where there is none
    at all, or where a gap or an overlap above 1 m² exists.
    """

    layer: str
    grids: int
    area_ha: float
    basis: str
    crs: str
    gaps: Gaps
    overlaps: Overlaps
    unassigned: tuple[str, ...]
    without_contact: tuple[str, ...]
    unlocated: tuple[str, ...]
    patrollers: Patrollers
    complete: bool


def coverage(ws: Workspace, layer: str | None = None, *, forest: Path | None = None) -> Coverage:
    """Return what a polygon layer of the ledger covers; `forest` (GeoJSON) is what it should cover."""
    definition = ws.catalog.needed("fire_grid") if layer is None else ws.catalog.layer(layer)
    if definition.geometry != "polygon":
        raise RiskmapError(
            f"{definition.title.zh}：不是面图层，没有覆盖可言；请用 {option('layer')} 指明面图层",
            f"{definition.title.en}: not a layer of polygons; name one with {option('layer', 'en')}",
        )
    features = ws.ledger.features(definition.id)
    records = features.records
    shapes = list(records.shapes or [None] * len(records))
    located = [i for i, shape in enumerate(shapes) if shape is not None]
    degrees = [shapely.make_valid(shapely.from_wkb(cast("bytes", shapes[i]))) for i in located]
    wanted = _forest(forest)
    metric = Datum(metric_crs(_middle(degrees or wanted)), "projected")
    grids = [_projected(shape, metric) for shape in degrees]
    codes: list[str] = [records.code[i] for i in located]
    union = shapely.union_all(grids)
    gaps = _parts(_gap(union, [_projected(shape, metric) for shape in wanted] if forest else None))
    pairs = _overlaps(grids, codes)
    patrollers = _patrollers(definition, records)
    nobody_to_call = features.contact_count == 0
    unassigned = [
        code
        for code, walkers, silent in zip(records.code, patrollers, nobody_to_call.tolist(), strict=True)
        if walkers == 0 or (walkers is None and silent)
    ]
    unlocated = [code for code, shape in zip(records.code, shapes, strict=True) if shape is None]
    return Coverage(
        layer=definition.id,
        grids=len(records),
        area_ha=_hectares(sum(_projected(shape, metric, edge=None).area for shape in degrees)),
        basis="forest" if forest else "holes",
        crs=metric.id,
        gaps=Gaps(
            _hectares(sum(part.area for part in gaps)), tuple(_gap_part(part, metric) for part in gaps)
        ),
        overlaps=Overlaps(
            _hectares(sum(area for _, _, area in pairs)),
            tuple(OverlapPair(a, b, _hectares(area)) for a, b, area in pairs),
        ),
        unassigned=tuple(unassigned),
        without_contact=tuple(c for c, silent in zip(records.code, nobody_to_call, strict=True) if silent),
        unlocated=tuple(unlocated),
        patrollers=Patrollers(
            sum(n for n in patrollers if n is not None), dict(zip(records.code, patrollers, strict=True))
        ),
        complete=not (gaps or pairs or unassigned or unlocated) and len(records) > 0,
    )


def _forest(path: Path | None) -> list[BaseGeometry]:
    if path is None:
        return []
    return list(
        read_boundaries(
            path, named=Text(f"{option('forest', 'en')} ", f"given with {option('forest', 'en')}")
        ).values()
    )


def _middle(shapes: Sequence[BaseGeometry]) -> float:
    if not shapes:
        return 114.0
    west, _, east, _ = shapely.total_bounds(cast("Any", shapes)).tolist()
    return (west + east) / 2.0


def _projected(shape: BaseGeometry, metric: Datum, *, edge: float | None = _EDGE_DEGREES) -> BaseGeometry:
    """Return a shape in metres; its edges first get points every `edge` degrees (None: as they are)."""

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(from_cgcs2000(xy[:, 0], xy[:, 1], metric))

    flat = shapely.force_2d(shape)
    fine = flat if edge is None else shapely.segmentize(flat, edge)
    return shapely.make_valid(shapely.transform(fine, move))


def _gap(union: BaseGeometry, wanted: Sequence[BaseGeometry] | None) -> BaseGeometry:
    """Return what the grids leave open: of the forest, or inside their own outlines."""
    if wanted is not None:
        return shapely.difference(shapely.union_all(list(wanted)), union)
    outlines = [shapely.Polygon(part.exterior) for part in _polygons(union)]
    return shapely.difference(shapely.union_all(outlines), union)


def _polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    parts = [part for part in shapely.get_parts(shape).tolist() if not part.is_empty]
    flat = [inner for part in parts for inner in (part.geoms if hasattr(part, "geoms") else (part,))]
    return [part for part in flat if isinstance(part, shapely.Polygon)]


def _parts(gap: BaseGeometry) -> list[shapely.Polygon]:
    return sorted((part for part in _polygons(gap) if _counts(part)), key=lambda part: -part.area)


def _counts(part: shapely.Polygon) -> bool:
    return part.area > LEAST_M2 and 2.0 * part.area / part.length > LEAST_WIDTH_M


def _overlaps(grids: Sequence[BaseGeometry], codes: Sequence[str]) -> list[tuple[str, str, float]]:
    """Return the pairs of grids that share more than LEAST_M2, the largest first."""
    if not grids:
        return []
    first, second = shapely.STRtree(grids).query(cast("Any", grids), predicate="intersects")
    found: list[tuple[str, str, float]] = []
    pairs: list[tuple[int, int]] = list(zip(first.tolist(), second.tolist(), strict=True))
    for i, j in pairs:
        if i < j:
            area = sum(part.area for part in _parts(shapely.intersection(grids[i], grids[j])))
            if area > 0:
                found.append((codes[i], codes[j], area))
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def _patrollers(layer: Layer, records: Records) -> list[int | None]:
    """Return how many patrollers each grid has, None where that is not known."""
    field = layer.field_by_role("patrollers")
    column = None if field is None else records.values.get(field.id)
    cells = [None] * len(records) if column is None else [known(cell) for cell in column]
    return [int(cell) if isinstance(cell, int | float) else None for cell in cells]


def _gap_part(part: shapely.Polygon, metric: Datum) -> GapPart:
    spot = shapely.point_on_surface(part)
    lon, lat = to_cgcs2000([spot.x], [spot.y], metric)
    return GapPart(_hectares(part.area), round(float(lon[0]), 7), round(float(lat[0]), 7))


def _hectares(square_metres: float) -> float:
    return round(square_metres / _HECTARE, 4)


RADIUS_M: Final[Mapping[str, float]] = {
    "emergency": 500.0,
    "fixed_short": 1000.0,
    "fixed_medium": 1500.0,
    "fixed_long": 2500.0,
    "central": 2500.0,
}


"""Service radius by class, metres. From memory (draft): a district states its own with `radius`."""


_AREA_CLASS: Final = {"central": "fixed_long"}  # a centre takes people for as long


_NAMED: Final = 200  # groups without a shelter that the document lists


@dataclass(frozen=True, slots=True)
class Shelters:
    """Shelters that may be used, parallel arrays, and why the others may not (code → reason)."""

    code: tuple[str, ...]
    lon: Floats
    lat: Floats
    places: Floats
    radius: Floats
    left_out: dict[str, Text]


def usable_shelters(ws: Workspace, *, radius: float | None = None, typhoon: bool = False) -> Shelters:
    """Return the shelters that may be counted on: located, not closed, known to lie in no hazard, of known size.

    Places are the stated capacity or what the area takes by its class, the smaller where both are
    known. In a typhoon outdoor shelters are closed, and of one that is both only the indoor area counts.
    What is not known about a shelter leaves it out, and says so.
    """
    layer = ws.catalog.needed("shelter")
    table = current_snapshot(ws).table(layer.id)
    columns = LayerArrays(table, layer)
    words = columns.words_of_role
    kinds = words("shelter_class")
    classes = [_AREA_CLASS.get(k, k) if k else None for k in kinds]
    places = np.fmin(capacity(columns.of_role("area"), classes), columns.of_role("capacity"))
    settings = words("setting") if typhoon else ["indoor"] * len(table)
    indoors = capacity(columns.of_role("indoor_area"), classes)
    places = np.where([kind == "both" for kind in settings], np.minimum(places, indoors), places)
    reach = np.array([radius or RADIUS_M.get(k or "", np.nan) for k in kinds], dtype=np.float64)
    lon, lat = (table[name].to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    located = np.isfinite(lon) & np.isfinite(lat)
    codes: list[str] = table["code"].to_pylist()
    reasons = [
        _unusable(
            located=bool(here),
            status=status,
            in_hazard=float(hazard),
            setting=setting,
            places=float(size),
            radius=float(far),
        )
        for here, status, hazard, setting, size, far in zip(
            located, words("status"), columns.of_role("in_hazard"), settings, places, reach, strict=True
        )
    ]
    keep = [i for i, why in enumerate(reasons) if why is None]
    left_out = {code: why for code, why in zip(codes, reasons, strict=True) if why is not None}
    return Shelters(tuple(codes[i] for i in keep), lon[keep], lat[keep], places[keep], reach[keep], left_out)


def _unusable(
    *, located: bool, status: str | None, in_hazard: float, setting: str | None, places: float, radius: float
) -> Text | None:
    if not located:
        return Text("无坐标", "unlocated")
    if status == "closed":
        return Text("已关闭", "closed")
    if np.isnan(in_hazard):
        return Text("不知道是否处在危险区", "not known whether it lies in a hazard")
    if in_hazard:
        return Text("处在危险区", "inside a hazard")
    if setting is None:
        return Text("台风期间，不知道是室内还是室外", "in a typhoon, not known whether indoor or outdoor")
    if setting == "outdoor":
        return Text("台风期间室外场所不开放", "outdoor, closed in a typhoon")
    if np.isnan(places) and setting == "both":
        return Text(
            "台风期间只能用室内部分，室内面积或类别不清楚",
            "in a typhoon only its indoor part counts, which is not known",
        )
    if np.isnan(places):
        return Text("容量和面积都不清楚", "neither capacity nor area is known")
    if np.isnan(radius):
        return Text("类别不清楚，没有服务半径", "its class is not known, so it has no radius")
    return None


@dataclass(frozen=True, slots=True)
class ReachingGroup:
    """How many shelters a group reaches, and how many places each of its people then has."""

    code: str
    people: int
    shelters: int
    places_per_person: float


@dataclass(frozen=True, slots=True)
class ReachedShelter:
    """How many people reach a shelter; None where nobody does and no share can be told."""

    code: str
    places: int
    radius_m: float
    people_in_reach: int
    places_per_person: float | None


@dataclass(frozen=True, slots=True)
class ShelterReach:
    """Who reaches how many places: `riskmap reach --json`. `unserved` groups reach none.

    `left_out` shelters take nobody; `incomplete` groups lack a position or a number and are not counted.
    """

    file: str
    people: int
    people_unserved: int
    places: int
    groups: tuple[ReachingGroup, ...]
    unserved: tuple[str, ...]
    shelters: tuple[ReachedShelter, ...]
    left_out: tuple[ClosedShelter, ...]
    incomplete: tuple[str, ...]
    rejected: int
    distance: str = "straight"

    @property
    def complete(self) -> bool:
        """Whether everybody is counted and reaches a shelter."""
        return not (self.people_unserved or self.incomplete or self.rejected)


def shelter_reach(
    ws: Workspace, people_file: Path, *, crs: str | None = None, radius: float | None = None
) -> ShelterReach:
    """Return accessibility by group and by shelter, and who is left.

    Straight-line distances in the CGCS2000 zone. Groups without a position or a number are named and
    make the sums incomplete. RiskmapError where no shelter can be used or nobody was read.
    """
    intake = read_people(people_file, crs=crs, region=ws.region)
    shelters = usable_shelters(ws, radius=radius)
    records = intake.records
    numbers = np.array(
        [np.nan if v is None else v for v in records.values.get("people", [None] * len(records))], np.float64
    )
    known = np.isfinite(records.lon) & np.isfinite(records.lat) & np.isfinite(numbers)
    if not known.any():
        raise RiskmapError(
            f"{people_file.name}：没有一行同时有坐标和人口；需要编号、人口、经度、纬度几列",
            f"{people_file.name}: no row has a position and a number of people; columns code, people, lon, lat are needed",
        )
    if not len(shelters.code):
        raise RiskmapError(
            "没有可用的避难场所：需要坐标、容量，且明确不在危险区；"
            f"见 riskmap select {ws.catalog.needed('shelter').id}",
            "no shelter can be used: each needs a position, a capacity, and to be known to lie in no hazard",
        )
    rows = np.flatnonzero(known)
    near = _near(shelters, records.lon[rows], records.lat[rows])
    people = numbers[rows]
    found = two_step_catchment(shelters.places, people, near)
    stranded = np.flatnonzero(~near.any(axis=0))
    return ShelterReach(
        file=people_file.name,
        people=int(people.sum()),
        people_unserved=int(found.unserved_people),
        places=int(shelters.places.sum()),
        groups=tuple(
            ReachingGroup(
                records.code[int(row)],
                int(people[i]),
                int(near[:, i].sum()),
                round(float(found.access[i]), 6),
            )
            for i, row in enumerate(rows)
        ),
        unserved=tuple(records.code[int(rows[i])] for i in stranded[:_NAMED]),
        shelters=tuple(
            ReachedShelter(
                code,
                int(shelters.places[j]),
                float(shelters.radius[j]),
                int(people[near[j]].sum()),
                None if np.isnan(found.ratio[j]) else round(float(found.ratio[j]), 6),
            )
            for j, code in enumerate(shelters.code)
        ),
        left_out=tuple(ClosedShelter(code, why) for code, why in shelters.left_out.items()),
        incomplete=tuple(records.code[int(i)] for i in np.flatnonzero(~known)),
        rejected=len(intake.rejected),
    )


def _near(shelters: Shelters, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Return bool[shelters, groups]: whether the group lies in the shelter's radius."""
    around = float(shelters.lon.mean())
    groups = KDTree(np.column_stack(metres(lon, lat, around=around)))
    places = np.column_stack(metres(shelters.lon, shelters.lat, around=around))
    near = np.zeros((len(shelters.code), len(lon)), dtype=np.bool_)
    for j, found in enumerate(groups.query_ball_point(places, shelters.radius)):
        near[j, found] = True
    return near
