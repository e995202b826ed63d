"""Rain between stations, by inverse distance: with a bound on how far a station speaks for a place."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.coordinates import metres

Floats = NDArray[np.float64]

REACH_KM: Final = 30.0
"""How far a station speaks for a place, km: our working value (draft). Beyond it the rain is not known."""
POWER: Final = 2.0
_NEAREST_M: Final = 1.0  # a place at a station: closer than this weighs no more
_CHUNK: Final = 8192


def between_stations(
    amount: ArrayLike,
    station: tuple[ArrayLike, ArrayLike],
    place: tuple[ArrayLike, ArrayLike],
    *,
    reach_km: float = REACH_KM,
) -> tuple[Floats, Floats]:
    """Return rain at places, float64[times, places], mm: by inverse distance squared, and of the nearest station.

    `amount` (times, stations), NaN where a station does not report; `station`, `place`: (lon, lat), CGCS2000
    degrees. Only stations that report at that time within `reach_km` count; where there is none, or the
    place is not known, NaN: unknown is never dry. The two fields tell how far one number can be trusted.
    Two stations at 10 km and 20 km with 10 and 40 mm: weights 4 : 1 → 16 mm; the nearest → 10 mm.
    """
    rain = np.asarray(amount, dtype=np.float64)
    lon, lat = (np.asarray(v, dtype=np.float64) for v in place)
    around = float(np.mean(np.asarray(station[0], dtype=np.float64)))
    sx, sy = metres(*station, around=around)
    located = np.isfinite(lon) & np.isfinite(lat)
    px, py = (np.full(len(lon), np.nan) for _ in range(2))
    px[located], py[located] = metres(lon[located], lat[located], around=around)
    reports, which = np.unique(~np.isnan(rain), axis=0, return_inverse=True)
    smooth, near = (np.full((len(rain), len(lon)), np.nan) for _ in range(2))
    for start in range(0, len(lon), _CHUNK):
        part = slice(start, start + _CHUNK)
        away = np.hypot(px[part, None] - sx[None, :], py[part, None] - sy[None, :])
        for i, reporting in enumerate(reports):
            times = np.flatnonzero(which.ravel() == i)
            if reporting.any():
                found = _weighed(rain[np.ix_(times, reporting)], away[:, reporting], reach_km * 1000.0)
                smooth[times, part], near[times, part] = found
    return smooth, near


def _weighed(rain: Floats, away: Floats, reach: float) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(away <= reach, np.maximum(away, _NEAREST_M) ** -POWER, 0.0)
        total = weight.sum(axis=1)
        smooth: Any = (rain @ weight.T) / total
    closest = np.argmin(np.where(np.isnan(away), np.inf, away), axis=1)
    near = np.where(total > 0, rain[:, closest], np.nan)
    return np.where(total > 0, smooth, np.nan), near
