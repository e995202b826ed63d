"""The shaded relief of a workspace, computed once per terrain file.

Terrain file → factor rasters: each says which terrain, which method, which program made it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.workspace import Workspace
from riskmap.catalog.problems import no_such
from riskmap.errors import RiskmapError, Text, WorkspaceError
from riskmap.io.files.atomic import digest_of_content, private_folder, replacing, sealed, unsealed
from riskmap.io.files.leftovers import mark
from riskmap.io.files.text_files import digest_of
from riskmap.json_documents import Document
from riskmap.terrain.derivatives import LOCAL, hillshade_png
from riskmap.terrain.factors import (
    DIGEST_TAG,
    FACTORS,
    SOURCE_TAG,
    blocks,
    local_block,
    read_whole,
    resample,
    write_local,
    write_whole,
)
from riskmap.terrain.geotiff import RasterGrid, metric_grid, opened
from riskmap.terrain.hydrology import flow_of, height_above_drainage, need_room, topographic_wetness

_WIDTH = 1600  # pixels; a district of 20 km gets 12 m each, as fine as its terrain file


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Relief:
    """A PNG in Web Mercator and what it covers: west, south, east, north in degrees."""

    png: bytes
    bounds: tuple[float, float, float, float]
    digest: str


def shaded_relief(ws: Workspace) -> Relief | None:
    """Return the relief of the terrain that workspace.toml names.

    None where it names none or the file cannot be used: a map without relief is still a map.
    """
    dem = ws.path(ws.config.dem)
    if not ws.config.dem or not dem.is_file():
        return None
    stat = dem.stat()
    tag = hashlib.sha256(f"{dem}|{stat.st_size}|{stat.st_mtime_ns}|{_WIDTH}".encode()).hexdigest()[:12]
    return _relief(dem, ws.cache_dir, tag)


@lru_cache(maxsize=2)
def _relief(dem: Path, cache: Path, tag: str) -> Relief | None:
    kept = _kept(cache, tag)
    if kept is not None:
        return kept
    try:
        png, (south, west, north, east) = hillshade_png(dem, width=_WIDTH)
    except WorkspaceError as problem:
        _log.warning("%s", problem)
        return None
    made = Relief(png, (west, south, east, north), tag)
    try:
        _keep(made, cache)
    except OSError:  # a full or read-only disk costs the shelf, not the picture
        _log.info("relief not kept in %s", cache)
    return made


def _kept(cache: Path, tag: str) -> Relief | None:
    try:
        return read_relief(cache / f"relief-{tag}.json")
    except OSError:
        return None
    except ValueError:
        _log.warning("%s: the relief was altered or cut off, made anew", cache)
        return None


def read_relief(bounds: Path) -> Relief:
    """Return a kept relief by the file of its bounds. ValueError where it is not what was kept."""
    about = unsealed(bounds.read_bytes())
    west, south, east, north = (float(v) for v in about["bounds"])
    png = bounds.with_suffix(".png").read_bytes()
    if digest_of_content(png) != about["png"]:
        raise ValueError("altered")
    return Relief(png, (west, south, east, north), bounds.stem.removeprefix("relief-"))


def _keep(relief: Relief, cache: Path) -> None:
    private_folder(cache)
    # The bounds come last: without them there is no kept picture.
    about = sealed({"bounds": relief.bounds, "png": digest_of_content(relief.png)})
    for ending, body in (("png", relief.png), ("json", about)):
        beside = cache / f"relief-{relief.digest}.{ending}{mark()}.tmp"
        beside.touch(mode=0o600)
        beside.write_bytes(body)
        beside.replace(cache / f"relief-{relief.digest}.{ending}")


DRAINAGE_HA: Final = 10.0  # where a stream is taken to begin; a working default, no standard


_LIBRARIES: Final = ("riskmap", "rasterio", "numpy", "scipy", "pyflwdir")


@dataclass(frozen=True, slots=True)
class FactorFiles:
    """What was written: factor id → file. `crs`, `cell` and `shape` of the grid; `resampled` when it was made."""

    dem: Path
    digest: str
    crs: str
    cell: tuple[float, float]
    shape: tuple[int, int]
    resampled: bool
    files: dict[str, Path]

    def as_json(self) -> Document:
        """Return the document of `riskmap terrain --json`."""
        return {
            "dem": str(self.dem),
            "digest": self.digest,
            "crs": self.crs,
            "cell": list(self.cell),
            "shape": list(self.shape),
            "resampled": self.resampled,
            "files": [
                {"factor": f, "path": str(p), "unit": FACTORS[f].unit, "method": FACTORS[f].method}
                for f, p in self.files.items()
            ],
        }


def factor_names(given: Sequence[str]) -> tuple[str, ...]:
    """Return the factors meant: the local ones where none is given, every one for `all`.

    UnknownNameError names what is unknown and what was probably meant.
    """
    if not given:
        return LOCAL
    if "all" in given:
        return tuple(FACTORS)
    for name in given:
        if name not in FACTORS:
            raise no_such(Text("地形因子", "terrain factor"), name, FACTORS)
    return tuple(f for f in FACTORS if f in given)


def write_factors(
    dem: Path,
    to: Path,
    *,
    factors: Sequence[str] = (),
    resolution: float | None = None,
    drainage_ha: float = DRAINAGE_HA,
) -> FactorFiles:
    """Write `to/<factor>.tif` for each factor; all of them appear, or none.

    `resolution` (m) resamples a terrain that is not in metres; without it such a file is refused. `drainage_ha`: the
    catchment from which on water counts as drainage for `hand`. Raises UnreadableFileError, DatumError,
    UnknownNameError, ExportError, and RiskmapError where a grid is too large for flow or the extra is missing.
    """
    names = factor_names(factors)
    if not drainage_ha > 0:
        raise RiskmapError(
            f"水系汇水面积 {drainage_ha} 不对；请写成正数（公顷）",
            f"a catchment of {drainage_ha} ha is none; write a positive number",
        )
    digest = digest_of(dem)
    with ExitStack() as stack:
        used = dem
        if resolution is not None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"riskmap-terrain{mark()}"))
            used = Path(folder) / "dem.tif"
            resample(dem, used, resolution=resolution)
        with opened(used) as raster:
            grid = metric_grid(raster)
        flowing = tuple(n for n in names if not FACTORS[n].local)
        if flowing:
            need_room(grid.shape[0] * grid.shape[1])
        try:
            to.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise RiskmapError(
                f"{to}：不能建立文件夹（{problem.strerror}）；请换一个位置",
                f"{to}: cannot make this folder ({problem.strerror}); choose another place",
            ) from problem
        targets = {name: to / f"{name}.tif" for name in names}
        written = dict(zip(names, stack.enter_context(replacing(*targets.values())), strict=True))
        tags = _tags(dem, digest, resolution, drainage_ha)
        local = {n: written[n] for n in names if FACTORS[n].local}
        if local:
            write_local(used, local, tags=tags)
        if flowing:
            _write_flowing(used, grid, {n: written[n] for n in flowing}, tags=tags, drainage_ha=drainage_ha)
    crs = grid.crs.to_string() if grid.crs.to_epsg() is None else f"EPSG:{grid.crs.to_epsg()}"
    return FactorFiles(dem, digest, crs, grid.cell, grid.shape, resolution is not None, targets)


def _tags(dem: Path, digest: str, resolution: float | None, drainage_ha: float) -> dict[str, str]:
    tags = {
        SOURCE_TAG: dem.name,
        DIGEST_TAG: digest,
        "LIBRARIES": ", ".join(_versions()),
        "DRAINAGE_HA": f"{drainage_ha:g}",
        "TIFFTAG_SOFTWARE": f"riskmap {version('riskmap')}",
    }
    return tags if resolution is None else tags | {"RESAMPLED_M": f"{resolution:g}"}


def _versions() -> list[str]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _write_flowing(
    dem: Path, grid: RasterGrid, targets: dict[str, Path], *, tags: dict[str, str], drainage_ha: float
) -> None:
    with opened(dem) as raster:
        heights = read_whole(raster, grid)
        flow = flow_of(heights, cell=grid.cell)

        def write(name: str, values: NDArray[Any]) -> None:
            if name in targets:
                write_whole(targets[name], FACTORS[name], grid, values, tags=tags)

        write("filled", flow.filled)
        if "depression_depth" in targets:
            write("depression_depth", flow.filled - heights)
        if "accumulation" in targets:
            write("accumulation", np.where(flow.cells > 0, flow.cells, np.float64(np.nan)))
        if "twi" in targets:
            wetness = np.empty(grid.shape, np.float32)
            width = float(np.sqrt(grid.cell_area))  # of the contour through a cell
            for place in blocks(grid.shape):
                steep = local_block(raster, grid, place, ("slope",))["slope"]
                wetness[place] = topographic_wetness(flow.cells[place] * (grid.cell_area / width), steep)
            write("twi", wetness)
        if "hand" in targets:
            drained = height_above_drainage(
                heights, flow, cell_area=grid.cell_area, drainage_m2=drainage_ha * 10_000.0
            )
            write("hand", drained)
