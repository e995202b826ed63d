"""Where people live: built-up ground, communities, streets, and places that lie on them.

Positions are metres (EPSG:4547) until they are handed out as degrees (EPSG:4490). A place belongs to the
sub-district whose polygon holds its final, rounded degrees, so no record can lie outside its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree
from shapely import Polygon

from riskmap.coordinates import to_cgcs2000
from riskmap.demo_district.land import (
    CELL,
    COLS,
    METRIC,
    ROWS,
    Field,
    Land,
    blurred,
    grown,
    labelled,
    smooth_noise,
)
from riskmap.demo_district.parcels import Parcels, spread_out
from riskmap.demo_district.people import (
    COMMUNITIES,
    ESTATES,
    ROAD_FIRST,
    ROAD_SECOND,
    SUBDISTRICTS,
    as_objects,
)

BLOCK_M = (240.0, 170.0)  # between parallel streets, either way


NO_STREET = -1


_ATTEMPTS = 60


_BORDER, _OUTSIDE = -2, -1


_DECIMALS = 7  # of a degree: one centimetre


_KM2_PER_COMMUNITY = 1.3  # of built-up ground, more or less


Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sites:
    """Places on the ground, column by column.

    `east`, `north` metres; `lon`, `lat` degrees; `subdistrict`, `community` numbers from 0 (community
    over the whole district); `street` number of the road or −1 inside an estate; `number` of the house;
    `height` of the ground, metres.
    """

    east: Field
    north: Field
    lon: Field
    lat: Field
    subdistrict: Ints
    community: Ints
    street: Ints
    number: Ints
    height: Field

    def __len__(self) -> int:
        return len(self.lon)

    def take(self, rows: Ints) -> Sites:
        """Return these rows, in this order."""
        return Sites(*(getattr(self, name)[rows] for name in Sites.__dataclass_fields__))


def joined(parts: Sequence[Sites]) -> Sites:
    """Return the places of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Sites(*(np.concatenate([getattr(p, name) for p in parts]) for name in Sites.__dataclass_fields__))


class Settlement:
    """The built-up district. `density` is relative, per cell of the land, 0 where nobody builds."""

    def __init__(
        self, rng: np.random.Generator, land: Land, parcels: Parcels, polygons: Sequence[Polygon]
    ) -> None:
        """`polygons`: the sub-districts in degrees, in the order of `parcels.subdistricts`."""
        self.land = land
        self.polygons = tuple(polygons)
        self.cells = label_cells(parcels.subdistricts, land)
        self.in_forest = label_cells(parcels.grids, land) != _OUTSIDE
        inside = self.cells != _OUTSIDE
        flat = np.clip(1.0 - land.slope / 14.0, 0.0, 1.0) * (land.river > 60.0)
        clumps = np.exp(
            0.8 * smooth_noise(rng, (ROWS, COLS), 55.0) + 0.45 * smooth_noise(rng, (ROWS, COLS), 14.0)
        )
        low = np.exp(-np.clip(land.height - 8.0, 0.0, None) / 45.0)
        wild = np.where(inside & ~self.in_forest & ~land.sea, flat * low * clumps, 0.0)
        self.density = wild * self._evened(wild)
        self._bend = np.stack([70.0 * smooth_noise(rng, (ROWS, COLS), 70.0) for _ in range(2)])
        self._turn = rng.uniform(0.0, np.pi / 2, len(self.polygons))
        self._place_communities(rng)
        self._name_streets(rng)

    def _evened(self, density: Field) -> Field:
        """Return what to multiply by, so that hilly sub-districts are peopled too (the root of the contrast)."""
        factor, known = np.zeros((ROWS, COLS)), (self.cells >= 0).astype(np.float64)
        for s in range(len(self.polygons)):
            mine = self.cells == s
            factor[mine] = 1.0 / np.sqrt(max(float(density[mine].sum()), 1.0))
        # Blurred, so that building does not stop short at a border.
        return blurred(factor, 8.0) / np.maximum(blurred(known, 8.0), 1e-6)

    def _place_communities(self, rng: np.random.Generator) -> None:
        """Give every sub-district between five and nine communities, spread over its built-up ground."""
        coarse = self.density.reshape(ROWS // 4, 4, COLS // 4, 4).sum(axis=(1, 3))
        owner = self.cells[2::4, 2::4]
        centres: list[Field] = []
        self.communities_of: list[range] = []
        total = 0
        for s in range(len(self.polygons)):
            weight = np.where(owner == s, coarse / coarse.max() + 1e-9, 0.0)
            built = float((weight > 0.01).sum()) * (4 * CELL / 1000.0) ** 2
            count = int(np.clip(round(built / _KM2_PER_COMMUNITY), 5, 9))
            rows, cols = np.divmod(spread_out(rng, weight, count), weight.shape[1])
            centres.append(
                np.column_stack(
                    (self.land.west + (cols + 0.5) * 4 * CELL, self.land.north - (rows + 0.5) * 4 * CELL)
                )
            )
            self.communities_of.append(range(total, total + count))
            total += count
        self._centres = centres
        words = rng.permutation(len(COMMUNITIES))[:total]
        self.community_names = as_objects([COMMUNITIES[w] + "社区" for w in words])
        self.subdistrict_names = as_objects(list(SUBDISTRICTS))

    def _name_streets(self, rng: np.random.Generator) -> None:
        words = [a + b for a in ROAD_FIRST for b in ROAD_SECOND]
        order = rng.permutation(len(words))
        half = len(words) // 2
        names = [words[i] + "路" for i in order[:half]] + [words[i] + "街" for i in order[half:]]
        self.street_names = as_objects(names)

    def sites(
        self, rng: np.random.Generator, count: int, *, weight: Field | None = None, on_streets: float = 0.82
    ) -> Sites:
        """Return `count` places, drawn by `weight` (per cell; the density of building where not given).

        `on_streets` is the share that stands along a street; the others stand inside their block.
        """
        wanted = self.density if weight is None else weight
        found: list[Sites] = []
        missing = count
        for _ in range(_ATTEMPTS):
            batch = self._draw(rng, missing + missing // 12 + 20, wanted, on_streets)
            found.append(batch.take(np.arange(min(missing, len(batch)))))
            missing -= len(found[-1])
            if not missing:
                return joined(found)
        message = f"{missing} of {count} places find no ground: nearly all of it lies outside the district"
        raise ValueError(message)

    def spaced_sites(
        self, rng: np.random.Generator, count: int, *, metres: float, weight: Field, on_streets: float
    ) -> Sites:
        """Return `count` places at least `metres` apart, by sub-district.

        Where the ground that `weight` allows is too small for that, half the distance, and so on.
        """
        while True:
            drawn = self.sites(rng, count * 8, weight=weight, on_streets=on_streets)
            rows = _apart(drawn, count, metres=metres)
            if len(rows) == count:
                return drawn.take(rows[np.argsort(drawn.subdistrict[rows], kind="stable")])
            metres /= 2.0

    def _draw(self, rng: np.random.Generator, count: int, weight: Field, on_streets: float) -> Sites:
        cells = np.flatnonzero(weight.ravel() > 0)
        total = np.cumsum(weight.ravel()[cells])
        chosen = cells[
            np.searchsorted(total, rng.random(count) * total[-1], side="right").clip(max=len(cells) - 1)
        ]
        rows, cols = np.divmod(chosen, COLS)
        east = self.land.west + (cols + rng.random(count)) * CELL
        north = self.land.north - (rows + rng.random(count)) * CELL
        owner = np.maximum(self.cells.ravel()[chosen], 0)
        east, north, street, number = self._onto_streets(
            rng, east, north, owner=owner, weight=weight, share=on_streets
        )

        lon, lat = to_cgcs2000(east, north, METRIC)
        lon, lat = np.round(lon, _DECIMALS), np.round(lat, _DECIMALS)
        owner = self._owners(east, north, lon, lat)
        kept = np.flatnonzero(owner >= 0)
        east, north, owner = east[kept], north[kept], owner[kept]
        r, c = self.land.cell_of(east, north)
        return Sites(
            east,
            north,
            lon[kept],
            lat[kept],
            owner,
            self._community(east, north, owner),
            street[kept],
            number[kept],
            self.land.height[r, c],
        )

    def _onto_streets(
        self,
        rng: np.random.Generator,
        east: Field,
        north: Field,
        *,
        owner: Ints,
        weight: Field,
        share: float,
    ) -> tuple[Field, Field, Ints, Ints]:
        """Move a share of the places beside the nearest street of one direction, drawn at random."""
        r, c = self.land.cell_of(east, north)
        turn = self._turn[owner]
        cos, sin = np.cos(turn), np.sin(turn)
        x, y = east - self.land.west, north - self.land.north
        along = np.stack((x * cos + y * sin + self._bend[0][r, c], y * cos - x * sin + self._bend[1][r, c]))
        family = (rng.random(len(east)) < BLOCK_M[0] / sum(BLOCK_M)).astype(np.intp)
        here = np.arange(len(east))
        gap = np.array(BLOCK_M)[family]
        line = np.round(along[family, here] / gap)
        side = rng.integers(0, 2, len(east))
        # 7 to 22 m from the middle of the street, on either side.
        offset = (7.0 + 15.0 * rng.random(len(east)) ** 2) * (2 * side - 1)
        move = line * gap + offset - along[family, here]
        to_east = east + move * np.where(family == 0, cos, -sin)
        to_north = north + move * np.where(family == 0, sin, cos)
        r, c = self.land.cell_of(to_east, to_north)
        moved = (rng.random(len(east)) < share) & (weight[r, c] > 0)
        half = len(self.street_names) // 2
        street = (owner * 131 + line.astype(np.intp) * 11) % half + family * half
        position = np.abs(along[1 - family, here]).astype(np.intp) // 9 % 480
        number = np.where(moved, 2 * position + side + 1, 1 + position % 36)
        return (
            np.where(moved, to_east, east),
            np.where(moved, to_north, north),
            np.where(moved, street, NO_STREET),
            number,
        )

    def _owners(self, east: Field, north: Field, lon: Field, lat: Field) -> Ints:
        """Return the sub-district of each place; exact near borders, by cell elsewhere, −1 outside."""
        r, c = self.land.cell_of(east, north)
        owner = self.cells[r, c].astype(np.intp)
        near = np.flatnonzero(owner == _BORDER)
        owner[near] = _OUTSIDE
        for number, polygon in enumerate(self.polygons):
            west, south, right, top = polygon.bounds
            x, y = lon[near], lat[near]
            there = near[(x >= west) & (x <= right) & (y >= south) & (y <= top)]
            mine = shapely.from_wkb(shapely.to_wkb(polygon))  # preparing must not reach other threads
            shapely.prepare(mine)
            owner[there[shapely.contains_xy(mine, lon[there], lat[there])]] = number
        return owner

    def _community(self, east: Field, north: Field, owner: Ints) -> Ints:
        community = np.zeros(len(east), np.intp)
        for number, centres in enumerate(self._centres):
            mine = np.flatnonzero(owner == number)
            if len(mine):
                nearest = KDTree(centres).query(np.column_stack((east[mine], north[mine])))[1]
                community[mine] = nearest + self.communities_of[number].start
        return community

    def communities(self, sites: Sites) -> NDArray[np.object_]:
        """Return the name of each place's community."""
        return self.community_names[sites.community]

    def addresses(self, sites: Sites) -> NDArray[np.object_]:
        """Return an address for each place: sub-district, community, road and number."""
        head = self.subdistrict_names[sites.subdistrict] + self.communities(sites)
        numbers = as_objects([f"{n}号" for n in range(1000)])
        blocks = as_objects([f"{name}{n}栋" for name in ESTATES for n in range(1, 37)])
        inside = blocks[sites.community % len(ESTATES) * 36 + (sites.number - 1) % 36]
        on_street = self.street_names[sites.street] + numbers[sites.number]
        return head + np.where(sites.street == NO_STREET, inside, on_street)


def _apart(sites: Sites, count: int, *, metres: float) -> Ints:
    """Return rows of at most `count` sites that keep this distance from those before them."""
    kept: list[int] = []
    for i in range(len(sites)):
        gap = np.hypot(sites.east[kept] - sites.east[i], sites.north[kept] - sites.north[i])
        if gap.min(initial=np.inf) >= metres:
            kept.append(i)
            if len(kept) == count:
                break
    return np.array(kept, np.intp)


def label_cells(polygons: Sequence[Polygon], land: Land) -> NDArray[np.int16]:
    """Return, per cell of the land, the polygon that holds all of it, −2 near an edge, −1 outside all."""
    edge = np.zeros((ROWS, COLS), bool)
    lines = shapely.segmentize(shapely.boundary(np.array(polygons, object)), CELL / 4)
    xy = shapely.get_coordinates(lines)
    edge[land.cell_of(xy[:, 0], xy[:, 1])] = True
    edge = grown(edge)
    parts, count = labelled(~edge)
    owner = np.full(count + 1, _OUTSIDE, np.int16)
    first = np.unique(parts.ravel(), return_index=True)
    for part, cell in zip(*first, strict=True):
        if part:
            r, c = divmod(int(cell), COLS)
            spot = shapely.points(land.west + (c + 0.5) * CELL, land.north - (r + 0.5) * CELL)
            holds = np.flatnonzero(shapely.contains(np.array(polygons, object), spot))
            owner[part] = holds[0] if len(holds) else _OUTSIDE
    return np.where(edge, _BORDER, owner[parts]).astype(np.int16)
