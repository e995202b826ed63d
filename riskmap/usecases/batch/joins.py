"""What a place adds to a point: the distance to the nearest of some points, a polygon's name, a raster's value.

A join travels to worker processes, so it holds plain arrays and texts; what must be built from them (a
tree, prepared polygons) is built once in each process and thread that uses it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.coordinates import metres
from riskmap.errors import RiskmapError
from riskmap.places import Places
from riskmap.terrain.sampling import sample_points
from riskmap.usecases.digests import file_digest

Floats = NDArray[np.float64]

_FAR_FROM_ZONE = 10.0  # degrees from the targets: there a Gauss-Kruger zone measures nothing
_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Nearest:
    """Metres to the nearest target, in the CGCS2000 zone of the targets. `targets`: float64[n, 2], lon, lat."""

    column: str
    targets: bytes

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the distance of each point, null where the point is unlocated."""
        around, tree = _tree(self.targets)
        found = np.full(len(lon), np.nan)
        with np.errstate(invalid="ignore"):
            near = np.isfinite(lat) & (np.abs(lon - around) < _FAR_FROM_ZONE)
        east, north = metres(lon[near], lat[near], around=around)
        fine = np.isfinite(east) & np.isfinite(north)
        found[np.flatnonzero(near)[fine]] = tree.query(np.column_stack([east[fine], north[fine]]))[0]
        return pa.array(found, from_pandas=True)


@lru_cache(maxsize=8)
def _tree(targets: bytes) -> tuple[float, KDTree]:
    degrees = np.frombuffer(targets).reshape(-1, 2)
    around = float(degrees[:, 0].mean())
    return around, KDTree(np.column_stack(metres(degrees[:, 0], degrees[:, 1], around=around)))


@dataclass(frozen=True, slots=True)
class Within:
    """The name of the polygon that holds the point; of several the first. `polygons`: name, WKB in EPSG:4490."""

    column: str
    polygons: tuple[tuple[str, bytes], ...]

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the name for each point, null where no polygon holds it."""
        found = self._places().locate(lon, lat)
        names = pa.array([name for name, _ in self.polygons], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(found, pa.int32(), mask=found < 0), names)

    def _places(self) -> Places:
        # Geometries of one thread only: preparing them must not reach another.
        kept: dict[Any, Places] = _thread.__dict__.setdefault("places", {})
        if self.polygons not in kept:
            shapes = {name: shapely.from_wkb(wkb) for name, wkb in self.polygons}
            kept.clear()
            kept[self.polygons] = Places.of(shapely.union_all(list(shapes.values())), shapes)
        return kept[self.polygons]


@dataclass(frozen=True, slots=True)
class Raster:
    """A raster's value at the point. `digest`: SHA-256 of the file, so that every worker reads the same one."""

    column: str
    path: str
    digest: str
    band: int = 1

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the value at each point, null where the raster does not cover it. Never zero instead."""
        _same_file(self.path, self.digest)
        return pa.array(sample_points(Path(self.path), lon, lat, band=self.band), from_pandas=True)


@lru_cache(maxsize=64)
def _same_file(path: str, digest: str) -> None:
    """Raise RiskmapError where this machine's file is another one than the plan was made with."""
    try:
        found = file_digest(Path(path))
    except OSError as problem:
        raise RiskmapError(
            f"{path}：这台机器上打不开（{problem.strerror}）；计算节点要能以同样的路径读到它",
            f"{path}: cannot be opened on this machine ({problem.strerror}); workers must see it under the same path",
        ) from problem
    if found != digest:
        raise RiskmapError(
            f"{path}：与开始计算时的文件不是同一个；请让各节点读同一份文件",
            f"{path}: not the file that the run started with; let all workers read the same one",
        )


Join = Nearest | Within | Raster
