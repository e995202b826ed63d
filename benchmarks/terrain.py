"""Terrain: factors in time and memory, each in a process of its own; sampling against rasterio's own.

Where the terrain drains to, against pysheds' D8 where that is installed (`pip install pysheds`; no part of riskmap).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyproj
import rasterio

from benchmarks.measure import Line, say, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.terrain.factors import write_factors
from riskmap.terrain.d8 import drainage_directions
from riskmap.terrain.derivatives import LOCAL
from riskmap.terrain.factors import read_whole
from riskmap.terrain.geotiff import metric_grid, opened
from riskmap.terrain.hydrology import flow_of
from riskmap.terrain.sampling import sample_points

POINTS = 200_000
RUNS = 1
ESRI = (1, 2, 4, 8, 16, 32, 64, 128)  # clockwise from east
FLOWING = ("filled", "depression_depth", "accumulation", "twi", "hand")


def terrain(home: Path, _large: int) -> list[Line]:
    """The 30 m terrain of RISKMAP_TEST_DATA, or else the demo district's."""
    dem = _dem(home)
    with opened(dem) as raster:
        cells = metric_grid(raster).shape[0] * metric_grid(raster).shape[1]
    lines = []
    idle = _alone(dem, home, ())
    for what, names in (("slope, aspect, curvatures", LOCAL), ("fill, flow, wetness, drainage", FLOWING)):
        first, again = _alone(dem, home, names), _alone(dem, home, names)
        peak = (again["peak"] - idle["peak"]) / 1e6
        note = (
            f"first time {first['wall']:.3g} s wall; {again['wall']:.3g} s wall; {cells:,} cells to GeoTIFF"
        )
        lines += [
            Line(what, again["cpu"], "s", None, note),
            Line(f"memory for {what}", peak, "MB", None, f"{peak * 1e6 / cells:.3g} bytes a cell"),
        ]
    return lines + _sampling(dem) + _directions(dem)


def _dem(home: Path) -> Path:
    named = os.environ.get("RISKMAP_TEST_DATA", "")
    real = Path(named) / "dem_shenzhen_hongkong_30m.tif"
    return real if named and real.is_file() else workspace(home, DISTRICT).root / "data" / "dem.tif"


def _alone(dem: Path, home: Path, names: tuple[str, ...]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.terrain", str(dem), str(home / "factors"), ",".join(names)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _sampling(dem: Path) -> list[Line]:
    with rasterio.open(dem) as raster:
        west, south, east, north = raster.bounds
        rng = np.random.default_rng(0)
        x, y = rng.uniform(west, east, POINTS), rng.uniform(south, north, POINTS)
        lon, lat = pyproj.Transformer.from_crs(raster.crs, "EPSG:4490", always_xy=True).transform(x, y)

        def theirs() -> object:
            return np.array(list(raster.sample(zip(x, y, strict=True))))

        # In turns: what else the machine does meets both.
        turns = [
            (
                spent(theirs, runs=1),
                spent(lambda: sample_points(dem, lon, lat, method="nearest"), runs=1),
                spent(lambda: sample_points(dem, lon, lat), runs=1),
            )
            for _ in range(RUNS)
        ]
    sample, nearest, bilinear = (min(s.cpu for s in column) for column in zip(*turns, strict=True))
    return [
        Line(
            f"rasterio.sample, {POINTS:,} points",
            sample,
            "s",
            None,
            "CPU at best; places in the raster's system",
        ),
        Line(f"ours, nearest, {POINTS:,} points", nearest, "s", None, "CPU at best; from degrees"),
        Line("ours, nearest ÷ rasterio.sample", nearest / sample, "×", 0.25),
        Line("ours, bilinear ÷ rasterio.sample", bilinear / sample, "×", 0.25),
    ]


def _directions(dem: Path) -> list[Line]:
    """The steepest neighbours of one filled surface, ours and pysheds'; equally steep ones have an order of their own."""
    try:
        from pysheds.grid import Grid
        from pysheds.sview import Raster, ViewFinder
    except ImportError:
        say("pysheds is not installed: no second D8")
        return []
    with opened(dem) as raster:
        grid = metric_grid(raster)
        level = flow_of(read_whole(raster, grid), cell=grid.cell).filled
    nodata = np.float64(-9999.0)
    stated = np.where(np.isnan(level), nodata, level.astype(np.float64))
    theirs = Raster(stated, viewfinder=ViewFinder(affine=grid.transform, shape=level.shape, nodata=nodata))
    router = Grid.from_raster(theirs)
    router.flowdir(theirs)  # compiles
    found: list[np.ndarray] = []
    other = spent(lambda: found.append(np.asarray(router.flowdir(theirs))), runs=1)
    own = spent(lambda: found.append(drainage_directions(level, cell=grid.cell)), runs=1)
    falls = np.stack([_falls(level, code, grid.cell) for code in (found[0], found[1])])
    decided = np.isin(found[0], ESRI)
    unlike = float((falls[0] != falls[1])[decided].mean())
    note = f"{int(decided.sum()):,} cells with a lower neighbour; another one of equally steep ones counts as equal"
    return [
        Line("cells less steep or steeper than pysheds' D8", unlike * 100, "%", 0.1, note),
        Line("directions, pysheds", other.cpu, "s", None, str(other)),
        Line("directions, ours, level ground too", own.cpu, "s", None, str(own)),
    ]


def _falls(level: np.ndarray, codes: np.ndarray, cell: tuple[float, float]) -> np.ndarray:
    """The fall of each cell towards the neighbour that its code names; 0 where it names none."""
    out = np.zeros(level.shape)
    rows, cols = np.indices(level.shape, dtype=np.int32)
    for number, code in enumerate(ESRI):
        down, right = round(np.sin(number * np.pi / 4)), round(np.cos(number * np.pi / 4))
        here = codes == code
        there = level[rows[here] + down, cols[here] + right].astype(np.float64)
        out[here] = (level[here] - there) / np.hypot(down * cell[1], right * cell[0])
    return out


def _child(dem: str, to: str, names: str) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    if names:
        write_factors(Path(dem), Path(to), factors=names.split(","))
    unit = 1 if sys.platform == "darwin" else 1024
    figures = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    _child(*sys.argv[1:])
