"""The wind of a track at places: strongest wind and when, first and last hour of each force, series, ensembles.

Winds are means over as many minutes as the result's `averaging` says, at 10 m over sea; `exposure` turns
them into those of a place. Beyond 300 km of a node it brings no wind (with `radii`: beyond the farthest
issued radius, where that is more). Places are taken in chunks that stay in the cache, and a node is passed
over where a whole chunk lies out of its reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import RiskmapError, Text
from riskmap.formulas import wind
from riskmap.hazards.track import Nodes, lead_hours, position_error, prepared, strength_error
from riskmap.hazards.vortex import Model, Singles, Vortex
from riskmap.values.hazards import Series, Times, Track
from riskmap.vocabulary import FORCE_MS

FORCES: Final = (7, 10, 12)


_CHUNK: Final = 8192  # places; some ten float32 columns of them fit a core's cache


_NEVER: Final = np.datetime64("NaT", "s")


@dataclass(frozen=True, slots=True, eq=False)
class WindField:
    """What a track brings to each place; arrays as long as the places.

    `max_wind` m/s (NaN: the place is not known), mean over `averaging` minutes (NaN: the track does not say);
    `max_at` datetime64[s] UTC, NaT where no wind comes; `low` and `high` bound `max_wind` where a band was
    asked for. `arrival` and `departure`: force → first and last node at which it blows, NaT where never.
    `notes` says what was filled.
    """

    model: Model
    averaging: float
    max_wind: Floats
    max_at: Times
    low: Floats
    high: Floats
    arrival: Mapping[int, Times]
    departure: Mapping[int, Times]
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleField:
    """The strongest wind at each place over the members of an ensemble, m/s: middle, least and most."""

    model: Model
    averaging: float
    members: int
    median: Floats
    least: Floats
    most: Floats
    notes: tuple[Text, ...] = field(default=())


class _Places(NamedTuple):
    """Places in degrees from the middle of their box, float32; the origin (lon, lat); which are known."""

    x: Singles
    y: Singles
    origin: tuple[float, float]
    known: NDArray[np.bool_]


class _Piece(NamedTuple):
    """A node within reach of a chunk of places, and their squared winds: best, low, high (low = high = best: no band)."""

    chunk: slice
    node: int
    best: Singles
    low: Singles
    high: Singles


def wind_field(
    track: Track,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    model: Model,
    step_minutes: float = 30.0,
    exposure: ArrayLike | None = None,
    gust: float = 1.0,
    averaging: float | None = None,
    band: bool = False,
    chunk: int = _CHUNK,
) -> WindField:
    """Return the strongest wind at places (degrees, WGS84) with the hours of forces 7, 10 and 12.

    `exposure` multiplies the wind of each place (1 over sea), `gust` that of all (`formulas.wind.GUST`: the
    hours of force are then those of gusts); `averaging` asks for means over other minutes
    than the model's own. The places may come in any order, and `chunk` changes no figure.
    """
    vortex = Vortex(prepared(track, step_minutes=step_minutes), model)
    places = _places(lon, lat)
    factor, minutes, said = _factor(vortex, averaging, exposure, gust, len(places.x))
    size = len(places.x)
    best, at = np.zeros(size, np.float32), np.full(size, -1, np.int32)
    low, high = (np.zeros(size, np.float32), np.zeros(size, np.float32)) if band else (best, best)
    first = {force: np.full(size, -1, np.int32) for force in FORCES}
    last = {force: np.full(size, -1, np.int32) for force in FORCES}
    with np.errstate(divide="ignore"):
        limits = {f: np.square(np.float32(FORCE_MS[f]) / factor.astype(np.float32)) for f in FORCES}
    least = {f: float(np.nanmin(limits[f], initial=np.inf)) for f in FORCES}
    for piece in _pieces(track, vortex, places, band=band, chunk=chunk):
        here = piece.chunk
        np.copyto(at[here], piece.node, where=piece.best > best[here])
        np.maximum(best[here], piece.best, out=best[here])
        if band:
            np.maximum(low[here], piece.low, out=low[here])
            np.maximum(high[here], piece.high, out=high[here])
        strongest = float(piece.best.max())
        for force in FORCES:
            if strongest < least[force]:
                break
            blows = piece.best >= limits[force][here]
            np.copyto(last[force][here], piece.node, where=blows)
            np.copyto(first[force][here], piece.node, where=blows & (first[force][here] < 0))
    time = vortex.nodes.time
    unknown = ~places.known | np.isnan(factor)

    def wind_of(squared: Singles) -> Floats:
        return np.where(unknown, np.nan, np.sqrt(squared.astype(np.float64)) * factor)

    max_wind = wind_of(best)
    return WindField(
        model=model,
        averaging=minutes,
        max_wind=max_wind,
        max_at=_times(time, np.where(unknown, -1, at)),
        low=wind_of(low) if band else max_wind,
        high=wind_of(high) if band else max_wind,
        arrival={force: _times(time, index) for force, index in first.items()},
        departure={force: _times(time, index) for force, index in last.items()},
        notes=(*vortex.notes(), *said),
    )


def wind_series(
    track: Track,
    lon: ArrayLike,
    lat: ArrayLike,
    times: Times,
    *,
    model: Model,
    step_minutes: float = 30.0,
    exposure: ArrayLike | None = None,
    gust: float = 1.0,
    averaging: float | None = None,
    band: bool = True,
    each: Callable[[float], object] = lambda _share: None,
) -> Series:
    """Return the strongest wind since the time before, at each of `times` (ascending) and place: float32[times, places].

    At the first of `times` it is that of as long before as the second follows it (one hour where there is
    only one). NaN before the track's first node and after its last: not known. `low` and `high` as in `wind_error`.
    `each` is told the share of places that is done before each piece of them: there it may stop.
    """
    asked = np.asarray(times, "datetime64[s]")
    gaps = np.diff(asked) / np.timedelta64(60, "s")
    if len(gaps) and not (gaps > 0).all():
        raise RiskmapError("时间没有按先后排列", "the times do not ascend")
    finest = float(gaps.min()) if len(gaps) else 60.0
    nodes = prepared(track, step_minutes=min(step_minutes, finest), exactly=False)
    vortex = Vortex(nodes, model)
    places = _places(lon, lat)
    factor, _, _ = _factor(vortex, averaging, exposure, gust, len(places.x))
    slot = np.searchsorted(asked, nodes.time, side="left")
    before = asked[0] - np.timedelta64(round((float(gaps[0]) if len(gaps) else 60.0) * 60), "s")
    slot[nodes.time <= before] = len(asked)
    shape = (len(asked), len(places.x))
    best = np.full(shape, np.nan, np.float32)
    best[np.unique(slot[slot < len(asked)])] = 0.0
    low, high = (best.copy(), best.copy()) if band else (best, best)
    wanted = np.flatnonzero(slot < len(asked))
    for piece in _pieces(track, vortex, places, band=band, chunk=_CHUNK, only=wanted):
        each(piece.chunk.start / len(places.x))
        row = slot[piece.node]
        for out, squared in ((best, piece.best), (low, piece.low), (high, piece.high))[: 3 if band else 1]:
            np.maximum(out[row, piece.chunk], squared, out=out[row, piece.chunk])
    multiplier = np.where(places.known, factor, np.nan).astype(np.float32)
    for out in (best, low, high) if band else (best,):
        np.sqrt(out, out=out)
        np.multiply(out, multiplier, out=out)
    return Series(best=best, low=low, high=high)


def ensemble(
    tracks: Sequence[Track],
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    model: Model,
    step_minutes: float = 30.0,
    exposure: ArrayLike | None = None,
    gust: float = 1.0,
    averaging: float | None = None,
) -> EnsembleField:
    """Return median, least and most of the members' strongest winds at each place."""
    if not tracks:
        raise RiskmapError("没有集合成员", "no member in the ensemble")
    fields = [
        wind_field(
            t,
            lon,
            lat,
            model=model,
            step_minutes=step_minutes,
            exposure=exposure,
            gust=gust,
            averaging=averaging,
        )
        for t in tracks
    ]
    minutes = {f.averaging for f in fields if not np.isnan(f.averaging)}
    if len(minutes) > 1:
        raise RiskmapError(
            "集合成员的风速平均时段不一致；请换算为同一种",
            "the members' winds differ in averaging time; convert them to one",
        )
    winds = np.stack([f.max_wind for f in fields])
    return EnsembleField(
        model=model,
        averaging=minutes.pop() if minutes else float("nan"),
        members=len(tracks),
        median=np.asarray(np.median(winds, axis=0)),
        least=winds.min(axis=0),
        most=winds.max(axis=0),
        notes=tuple(dict.fromkeys(note for f in fields for note in f.notes)),
    )


def _places(lon: ArrayLike, lat: ArrayLike) -> _Places:
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        zero = np.zeros(len(x), np.float32)
        return _Places(zero, zero, (0.0, 0.0), known)
    origin = float((x[known].min() + x[known].max()) / 2), float((y[known].min() + y[known].max()) / 2)
    east, north = np.where(known, x - origin[0], 0.0), np.where(known, y - origin[1], 0.0)
    return _Places(east.astype(np.float32), north.astype(np.float32), origin, known)


def _pieces(
    track: Track,
    vortex: Vortex,
    places: _Places,
    *,
    band: bool,
    chunk: int,
    only: NDArray[np.intp] | None = None,
) -> Iterator[_Piece]:
    """Yield every chunk with every node within reach of it, nodes in the order of time."""
    nodes = vortex.nodes
    error = share = np.zeros(len(nodes))
    if band:
        lead = lead_hours(track, nodes.time)
        error, share = position_error(lead), strength_error(lead)
    for start in range(0, len(places.x), chunk):
        here = slice(start, min(start + chunk, len(places.x)))
        x, y = places.x[here], places.y[here]
        near = _within_reach(vortex, x, y, places.origin, error)
        for node in near if only is None else np.intersect1d(near, only):
            at = int(node)
            east, north = vortex.offsets(at, x, y, places.origin)
            best = vortex.squared(at, east, north)
            if not band:
                yield _Piece(here, at, best, best, best)
                continue
            stronger, weaker = np.float32((1 + share[at]) ** 2), np.float32((1 - share[at]) ** 2)
            high = np.maximum(vortex.squared(at, east, north, moved=float(error[at])), best)
            low = np.minimum(vortex.squared(at, east, north, moved=-float(error[at])), best)
            yield _Piece(here, at, best, low * weaker, high * stronger)


def _within_reach(
    vortex: Vortex, x: Singles, y: Singles, origin: tuple[float, float], error: Floats
) -> NDArray[np.intp]:
    """Return the nodes whose reach touches the box of some places."""
    nodes: Nodes = vortex.nodes
    west, east, south, north = float(x.min()), float(x.max()), float(y.min()), float(y.max())
    lon = (nodes.lon - origin[0] + 180.0) % 360.0 - 180.0
    lat = nodes.lat - origin[1]
    beside = np.maximum(np.maximum(west - lon, lon - east), 0.0) * np.cos(np.radians(nodes.lat))
    above = np.maximum(np.maximum(south - lat, lat - north), 0.0)
    return np.flatnonzero(np.hypot(beside, above) * wind.DEGREE <= vortex.reach + error + 0.1)


def _factor(
    vortex: Vortex, averaging: float | None, exposure: ArrayLike | None, gust: float, size: int
) -> tuple[Floats, float, tuple[Text, ...]]:
    """Return what multiplies the wind of each place, the minutes that it is then a mean over, and notes."""
    site = 1.0 if exposure is None else np.asarray(exposure, np.float64)
    factor: Any = np.ones(size) * site * gust
    if averaging is None:
        return factor, vortex.averaging, ()
    change = wind.averaging_factor(vortex.averaging, averaging)
    if np.isnan(change):
        note = Text(
            f"路径没有说明风速的平均时段，按 {averaging:g} 分钟平均用",
            f"the track does not state its averaging time; taken as {averaging:g} minutes",
        )
        return factor, averaging, (note,)
    return factor * change, averaging, ()


def _times(time: Times, index: NDArray[np.int32]) -> Times:
    return np.where(index < 0, _NEVER, time[np.maximum(index, 0)])
