"""The shaded relief of a workspace, computed once per terrain file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from riskmap.errors import WorkspaceError
from riskmap.terrain import hillshade_png
from riskmap.usecases.workspace import Workspace

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
        bounds = json.loads((cache / f"relief-{tag}.json").read_text(encoding="ascii"))
        west, south, east, north = (float(v) for v in bounds)
        return Relief((cache / f"relief-{tag}.png").read_bytes(), (west, south, east, north), tag)
    except (OSError, ValueError, TypeError):
        return None


def _keep(relief: Relief, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    # The bounds come last: without them there is no kept picture.
    for ending, body in (("png", relief.png), ("json", json.dumps(relief.bounds).encode("ascii"))):
        beside = cache / f"relief-{relief.digest}.{ending}.{os.getpid()}.tmp"
        beside.write_bytes(body)
        beside.replace(cache / f"relief-{relief.digest}.{ending}")
