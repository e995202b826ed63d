"""What the map needs to play a storm: one JSON document and one block of bytes.

The document: `times` (seconds since 1970, UTC, hourly), `now` (index of the moment that the storm
was computed for), `tracks` (time, lat, lon, wind m/s, pressure hPa by node; `radii` force → km by
node and quadrant NE SE SW NW; the first one is the main one), `cone` (ring of lat, lon) or null,
`rain` (stations with mm by hour), `counts` (raised records by rank and hour).

The bytes, little-endian: n uint32, then n each of id uint32, lon and lat float32 (degrees), start
and stop int16 (hour indexes, stop excluded), rank, rank before, layer index uint8; worst first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.formulas.wind import DEGREE
from riskmap.json_documents import Document
from riskmap.values.hazards import Rain, Track
from riskmap.vocabulary import FORCE_MS, RANKS

_RINGS = (7, 10, 12)  # forces whose radii services issue


_DECIMALS = 4


_HOUR = np.timedelta64(3600, "s")


_RECORDS_AT_ONCE = 65_536


def seconds(times: NDArray[np.datetime64]) -> list[int]:
    """Return times as seconds since 1970, UTC."""
    return [int(t) for t in times.astype("datetime64[s]").astype(np.int64)]


def track_document(track: Track, rings: Mapping[int, NDArray[np.float64]] | None = None) -> Document:
    """Return a track as the map reads it; unknown numbers are null.

    `rings`: force → float[nodes, 4] km, where the issued radii are not wanted as they are.
    """
    given = rings or {
        force: found for force in _RINGS for speed, found in track.radii.items() if _force_of(speed) == force
    }
    return {
        "name": track.name,
        "member": track.member,
        "time": seconds(track.time),
        "lat": _listed(track.lat),
        "lon": _listed(track.lon),
        "wind": _listed(track.wind, 1),
        "pressure": _listed(track.pressure, 1),
        "radii": {str(force): [_listed(row, 1) for row in radii] for force, radii in given.items()},
    }


def _force_of(speed: float) -> int:
    """Return the force whose least wind is nearest below: 30 kt counts as 7, 50 kt as 10."""
    return max((force for force in _RINGS if FORCE_MS[force] <= speed * 1.06), default=_RINGS[0])


def _listed(values: NDArray[np.float64], decimals: int = _DECIMALS) -> list[float | None]:
    return [None if not np.isfinite(v) else round(float(v), decimals) for v in values]


def cone(track: Track, spread_km: NDArray[np.float64]) -> list[list[float]] | None:
    """Return the ring (lat, lon) that holds the centre within `spread_km` of each node; None without any.

    A union of circles' outer edge is not needed at this scale: the two sides of the path and a
    round end are.
    """
    if len(track) < 2 or not (spread_km > 0).any():
        return None
    scale = np.cos(np.radians(track.lat))
    east, north = np.gradient(track.lon) * scale, np.gradient(track.lat)
    length = np.maximum(np.hypot(east, north), 1e-9)
    ahead = np.array([east / length, north / length])
    reach = spread_km / DEGREE
    left = np.array([track.lat + ahead[0] * reach, track.lon - ahead[1] * reach / scale])
    right = np.array([track.lat - ahead[0] * reach, track.lon + ahead[1] * reach / scale])
    turn = np.linspace(np.pi / 2, -np.pi / 2, 13)[1:-1]
    course = np.arctan2(ahead[1][-1], ahead[0][-1])
    end = np.array(
        [
            track.lat[-1] + np.sin(course + turn) * reach[-1],
            track.lon[-1] + np.cos(course + turn) * reach[-1] / scale[-1],
        ]
    )
    ring = np.concatenate([left, end, right[:, ::-1]], axis=1)
    return [[round(float(a), _DECIMALS), round(float(b), _DECIMALS)] for a, b in ring.T]


def rain_document(
    rain: Rain | None,
    names: Sequence[str],
    lon: Sequence[float],
    lat: Sequence[float],
    times: NDArray[np.datetime64],
) -> list[Document]:
    """Return stations with mm of the hour before each of `times`; null where some of it was not reported.

    Rain in longer steps stands whole at the hour in which its step ends.
    """
    if rain is None:
        return []
    mm = np.array([_fallen(rain, t) for t in times])
    return [
        {
            "name": name,
            "lon": round(float(lon[j]), _DECIMALS),
            "lat": round(float(lat[j]), _DECIMALS),
            "mm": _listed(mm[:, j], 1),
        }
        for j, name in enumerate(names)
    ]


def _fallen(rain: Rain, hour: np.datetime64) -> NDArray[np.float64]:
    """Return the rain of the steps that end in the hour before `hour`, NaN where one of them is missing."""
    ended = (rain.time <= hour) & (rain.time > hour - _HOUR)
    if ended.sum() < max(round(_HOUR / rain.step), 1):
        return np.full(rain.amount.shape[1], np.nan)
    return rain.amount[ended].sum(axis=0)


def raised_bytes(
    *,
    ids: NDArray[np.uint32],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    rank: NDArray[np.uint8],
    before: NDArray[np.uint8],
    layer: NDArray[np.uint8],
) -> bytes:
    """Return the raised records as bytes, worst first; those without a position are left out."""
    order = np.lexsort((ids, -rank.astype(np.int64)))
    order = order[np.isfinite(lon[order]) & np.isfinite(lat[order])]
    parts: list[tuple[NDArray[Any], str]] = [
        (ids, "<u4"), (lon, "<f4"), (lat, "<f4"), (np.clip(start, -1, 32000), "<i2"), (np.clip(stop, -1, 32000), "<i2"),
        (rank, "u1"), (before, "u1"), (layer, "u1"),
    ]  # fmt: skip
    return np.uint32(len(order)).tobytes() + b"".join(
        column[order].astype(kind).tobytes() for column, kind in parts
    )


def counts_by_hour(
    record: NDArray[np.int64],
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    rank: NDArray[np.uint8],
    hours: int,
) -> list[list[int]]:
    """Return int[hours][ranks]: how many records stand raised to each rank in each hour.

    `record` numbers the records; one that several causes raise counts once, at its worst.
    """
    found = np.zeros((hours, len(RANKS)), np.int64)
    names, numbered = np.unique(record, return_inverse=True)
    for first in range(0, len(names), _RECORDS_AT_ONCE):
        some = (numbered >= first) & (numbered < first + _RECORDS_AT_ONCE)
        worst = np.zeros((hours + 1, min(_RECORDS_AT_ONCE, len(names) - first)), np.int8)
        for r in np.unique(rank[some]):  # ascending: the worse one overwrites
            mine = some & (rank == r)
            steps = np.zeros(worst.shape, np.int16)
            where = numbered[mine] - first
            np.add.at(steps, (np.clip(start[mine], 0, hours), where), 1)
            np.add.at(steps, (np.clip(stop[mine], 0, hours), where), -1)
            worst[np.cumsum(steps, axis=0) > 0] = r + 1
        for r in np.unique(rank[some]):
            found[:, r] += np.count_nonzero(worst[:hours] == r + 1, axis=1)
    return found.tolist()
