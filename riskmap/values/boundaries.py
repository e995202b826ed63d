"""Where a point lies: the district, its sub-districts, and points that stand on one another.

Polygons and points are CGCS2000 degrees (EPSG:4490). Prepared geometries are made per call and
never shared between threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Bools
from riskmap.coordinates import Datum, from_cgcs2000, metres, parse_datum, to_cgcs2000

DUPLICATE_M: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Boundaries:
    """The district and its sub-districts.

    `names[i]` is the name of `polygons[i]`; `district` covers them all. `source` says where they
    came from (shown where a flag is explained).
    """

    district: BaseGeometry
    names: tuple[str, ...] = ()
    polygons: tuple[BaseGeometry, ...] = ()
    source: str = ""
    _index: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        district: BaseGeometry,
        subdistricts: Mapping[str, BaseGeometry] | None = None,
        *,
        source: str = "",
    ) -> Boundaries:
        """Return the places made of one district polygon and named sub-district polygons."""
        named = dict(subdistricts or {})
        names = tuple(named)
        return cls(district, names, tuple(named.values()), source, {n: i for i, n in enumerate(names)})

    def renamed(self, former: Mapping[str, str]) -> Boundaries:
        """Return the same places under other names, old → new; polygons that get one name are one."""
        parts: dict[str, list[BaseGeometry]] = {}
        for name, polygon in zip(self.names, self.polygons, strict=True):
            parts.setdefault(former.get(name, name), []).append(polygon)
        whole = {name: some[0] if len(some) == 1 else shapely.union_all(some) for name, some in parts.items()}
        return Boundaries.of(self.district, whole, source=self.source)

    def index(self, name: str | None) -> int:
        """Return the index of a sub-district by name, −1 when it is not one of ours."""
        return self._index.get(name, -1) if name else -1

    def locate(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """Return the index of the sub-district that holds each point, −1 outside all or unlocated."""
        x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        found = np.full(len(x), -1, np.int32)
        for i, polygon in enumerate(self.polygons):
            found[_inside(polygon, x, y) & (found < 0)] = i
        return found

    def in_district(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each point lies in the district (border included); False where unlocated."""
        return _inside(self.district, np.asarray(lon, np.float64), np.asarray(lat, np.float64))


def _inside(polygon: BaseGeometry, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    west, south, east, north = polygon.bounds
    near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    inside = np.zeros(len(x), bool)
    if len(near):
        mine = shapely.from_wkb(shapely.to_wkb(polygon))  # a copy: preparing must not reach other threads
        shapely.prepare(mine)
        inside[near] = shapely.intersects_xy(mine, x[near], y[near])
    return inside


def duplicates(
    names: Sequence[str | None], lon: ArrayLike, lat: ArrayLike, *, within_m: float = DUPLICATE_M
) -> Bools:
    """Return which points share their name with another one at most `within_m` metres away."""
    number: dict[str, int] = {}
    group = np.fromiter(
        (number.setdefault(n, len(number)) if n else -1 for n in names), np.int64, count=len(names)
    )
    return near_duplicates(group, lon, lat, within_m=within_m)


def near_duplicates(
    group: NDArray[np.integer], lon: ArrayLike, lat: ArrayLike, *, within_m: float = DUPLICATE_M
) -> Bools:
    """Return which points are at most `within_m` metres from another one of their group (−1: none).

    Points are put into cells whose diagonal is `within_m`, so two in one cell are near, and only a
    point that is alone in its cell has to look into the cells around. Time is linear however large
    a group is.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    found = np.zeros(len(x), bool)
    used = (group >= 0) & np.isfinite(x) & np.isfinite(y)
    often = np.bincount(group[used], minlength=int(group.max(initial=-1)) + 2) > 1
    rows = np.flatnonzero(used & often[group])
    if len(rows):
        east, north = metres(x[rows], y[rows], around=float(np.mean(x[np.isfinite(x)])))
        fine = np.isfinite(east) & np.isfinite(north)
        rows, east, north = rows[fine], east[fine], north[fine]
        found[rows[_near(group[rows].astype(np.int64), east, north, within_m)]] = True
    return found


def _near(
    group: NDArray[np.int64], east: NDArray[np.float64], north: NDArray[np.float64], within: float
) -> Bools:
    if not len(group):
        return np.zeros(0, bool)
    side = within / np.sqrt(2.0) * (1.0 - 1e-9)
    gx, gy = (_close_up(np.floor(v / side).astype(np.int64)) for v in (east, north))
    wide, high = int(gx.max()) + 3, int(gy.max()) + 3
    key = (group * wide + gx) * high + gy
    order = np.argsort(key, kind="stable")
    return _scan(key[order], order, (east, north), within, high)


def _close_up(axis: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the used columns of a grid from 2 on; a gap stays wide enough to part its sides."""
    used, inverse = np.unique(axis, return_inverse=True)
    steps = np.minimum(np.diff(used, prepend=used[0] - 2), 3)
    return np.cumsum(steps)[inverse]


def _scan(
    key: NDArray[np.int64],
    order: NDArray[np.int64],
    position: tuple[NDArray[np.float64], NDArray[np.float64]],
    within: float,
    high: int,
) -> Bools:
    """`key` ascending, `order` the row of each key, `high` what one step to the east adds to a key."""
    east, north = position
    found = np.zeros(len(key), bool)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    size = np.diff(np.append(first, len(key)))
    found[order[np.repeat(size > 1, size)]] = True
    alone = first[size == 1]
    for dx in range(-2, 3):
        for dy in range(-2, 3):
            if dx or dy:
                near = key[alone] + dx * high + dy
                lo, hi = np.searchsorted(key, near), np.searchsorted(key, near, side="right")
                n = hi - lo
                a = np.repeat(order[alone], n)
                b = order[np.repeat(lo - np.cumsum(n) + n, n) + np.arange(n.sum())]
                close = np.hypot(east[a] - east[b], north[a] - north[b]) <= within
                found[a[close]] = True
                found[b[close]] = True
    return found


def fitting_datum(lon: ArrayLike, lat: ArrayLike, declared: Datum, places: Boundaries) -> str | None:
    """Return the datum id that would bring most points into the district when the declared one does not.

    `lon`, `lat` are CGCS2000 degrees as the declared datum made them. None when the declared one
    serves at least as well as any other, or when fewer than half would lie inside either way.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    located = np.isfinite(x) & np.isfinite(y)
    if not located.any() or declared.kind != "geographic":
        return None
    x, y = x[located], y[located]
    raw_x, raw_y = _as_written(x, y, declared)
    share = {declared.id: float(places.in_district(x, y).mean())}
    for other in ("cgcs2000", "gcj02", "bd09"):
        if other != declared.id and not {other, declared.id} <= {"wgs84", "cgcs2000"}:
            share[other] = float(places.in_district(*to_cgcs2000(raw_x, raw_y, parse_datum(other))).mean())
    best = max(share, key=lambda key: share[key])
    worth = share[best] >= 0.5 and share[best] > share[declared.id] + 0.05
    return best if best != declared.id and worth else None


def _as_written(
    x: NDArray[np.float64], y: NDArray[np.float64], declared: Datum
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return from_cgcs2000(x, y, declared)
