"""Danger zones: who lies inside which, by position and by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.coordinates import metres

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
