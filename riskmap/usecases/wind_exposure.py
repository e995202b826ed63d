"""How the terrain around places shelters them from the wind."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from riskmap.errors import Say
from riskmap.formulas.exposure import BEARINGS, RINGS, exposure
from riskmap.formulas.wind import DEGREE
from riskmap.hazards import Floats
from riskmap.terrain.geotiff import (
    horizontal,
    metric_grid,
    need_metre_heights,
    opened,
    read_heights,
)
from riskmap.terrain.sampling import own_cells, places_in


def exposure_at(terrain: Path, lon: Floats, lat: Floats) -> tuple[Floats, tuple[Say, ...]]:
    """Return the exposure of places from a terrain model; 1, and said so, where it does not cover a place."""
    factor = _factor(terrain, terrain.stat().st_mtime_ns, lon.tobytes(), lat.tobytes())
    outside = np.isnan(factor)
    notes = [Say("已按地形估计各点的遮蔽（草案系数）", "sites sheltered by terrain (draft factors)")]
    if outside.any():
        count = int(outside.sum())
        notes.append(
            Say(f"{count} 个点在地形之外，按海面计", f"{count} points outside the terrain, taken as over sea")
        )
    return np.where(outside, 1.0, factor), tuple(notes)


@lru_cache(maxsize=8)  # places hardly move from one bulletin to the next
def _factor(terrain: Path, _changed: int, lon: bytes, lat: bytes) -> Floats:
    """Return the exposure of places given as the bytes of float64; not to be written to."""
    own, around = _heights_around(terrain, np.frombuffer(lon), np.frombuffer(lat))
    return exposure(own, around)


def _heights_around(terrain: Path, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return the height at places, float[n], and on the rings around them, float[rings, bearings, n]; metres.

    The nearest cell counts: what shelters is wider than one. NaN where nothing is known.
    """
    own = np.full(len(lon), np.nan)
    around = np.full((len(RINGS), len(BEARINGS), len(lon)), np.nan)
    with opened(terrain) as raster:
        shape = (int(raster.height), int(raster.width))
        which, row, col = places_in(raster, lon, lat)
        if not len(which):
            return own, around
        wide, tall = _cell_metres(raster, float(np.mean(lat[which])))
        i, j = own_cells(row, col, shape)
        margin = [math.ceil(max(RINGS) / side) for side in (tall, wide)]
        rows = slice(max(int(i.min()) - margin[0], 0), min(int(i.max()) + margin[0] + 1, shape[0]))
        cols = slice(max(int(j.min()) - margin[1], 0), min(int(j.max()) + margin[1] + 1, shape[1]))
        heights = read_heights(raster, rows, cols)
    i, j = i - rows.start, j - cols.start
    own[which] = heights[i, j]
    for r, ring in enumerate(RINGS):
        for b, bearing in enumerate(BEARINGS):
            north, east = (ring * f(math.radians(bearing)) for f in (math.cos, math.sin))
            y, x = i - round(north / tall), j + round(east / wide)
            inside = (y >= 0) & (y < heights.shape[0]) & (x >= 0) & (x < heights.shape[1])
            around[r, b, which[inside]] = heights[y[inside], x[inside]]
    return own, around


def _cell_metres(raster: Any, lat: float) -> tuple[float, float]:
    """Return the sides of a cell, metres, east–west and north–south; of degrees at a latitude."""
    if not horizontal(raster).is_geographic:
        return metric_grid(raster).cell
    need_metre_heights(raster)
    metre = DEGREE * 1000.0
    return abs(raster.transform.a) * metre * math.cos(math.radians(lat)), abs(raster.transform.e) * metre
