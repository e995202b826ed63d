"""What the triggers compare, for the records of a layer hour by hour: wind, gusts, rain, water."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.columns import Columns
from riskmap.errors import RiskmapError, Say
from riskmap.formulas.wind import GUST, averaging_factor
from riskmap.hazards import Rain, Series, Times, Track
from riskmap.prepare.rain_at import between_stations
from riskmap.prepare.rain_field import Amounts, amounts, rain_drivers
from riskmap.prepare.track_rain import BAND, rain_of_track
from riskmap.prepare.vortex import Model
from riskmap.prepare.water_field import runoff_series
from riskmap.prepare.wind_field import wind_series
from riskmap.usecases.design_storm import LAYER as WATERLOGGING
from riskmap.usecases.hazard_input import rain_at
from riskmap.usecases.pond_hours import depth_series
from riskmap.usecases.winds import exposure_at
from riskmap.usecases.workspace import Workspace

Floats = NDArray[np.float64]

_OF_RAIN: Final = frozenset(
    ("i1_mm", "i3_mm", "r24_mm", "antecedent_mm", "event_mm", "event_hours", "runoff_mm", "depth_m")
)
_MEAN: Final = 10.0  # minutes of the mean that gust factors multiply
_FORCE: Final = 2.0  # minutes of the mean that forces are told by in China


@dataclass(frozen=True, slots=True, eq=False)
class Gauges:
    """Stations, degrees, with their rain."""

    names: tuple[str, ...]
    lon: Floats
    lat: Floats
    rain: Rain


class Weather:
    """The hours of a scenario over the records: made once, asked for layer after layer."""

    def __init__(
        self,
        ws: Workspace,
        times: Times,
        tracks: Sequence[Track],
        rain: Gauges | Path | None,
        *,
        model: str,
    ) -> None:
        if model not in get_args(Model):
            raise RiskmapError(
                f"风场模型 {model}：没有这个；可用 {'、'.join(get_args(Model))}",
                f"wind model {model}: there is none; use one of {', '.join(get_args(Model))}",
            )
        self._ws, self._times, self._tracks, self._rain = ws, times, tuple(tracks), rain
        self._model: Model = cast("Model", model)
        self._notes: dict[Say, None] = {}
        dem = ws.path(ws.config.dem) if ws.config.dem else None
        self._dem = dem if dem is not None and dem.is_file() else None

    @property
    def notes(self) -> tuple[Say, ...]:
        """What was filled, assumed or left out, each once."""
        return tuple(self._notes)

    def drivers(self, layer: Layer, table: Any) -> dict[str, Series]:
        """Return driver → Series for the rows of a layer's table; only what its triggers ask for."""
        wanted = {name for trigger in layer.triggers for name in trigger.drivers}
        lon, lat = (table[axis].to_numpy() for axis in ("lon", "lat"))
        found: dict[str, Series] = {}
        if self._tracks and wanted & {"wind_ms", "gust_ms"}:
            found |= self._winds(lon, lat)
        if wanted & _OF_RAIN and (self._rain is not None or self._tracks):
            deep = "depth_m" in wanted and layer.id == WATERLOGGING
            found |= self._rains(lon, lat, wanted | ({"event_mm"} if deep else set()))
            if deep:
                found |= self._depths(layer, table, found["event_mm"])
        return {name: series for name, series in found.items() if name in wanted}

    def _winds(self, lon: Floats, lat: Floats) -> dict[str, Series]:
        exposure, gust = None, GUST["coast"]
        if self._dem is not None:
            exposure, said = exposure_at(self._dem, lon, lat)
            gust = GUST["built"]
            self._notes |= dict.fromkeys(said)
        members = [
            wind_series(track, lon, lat, self._times, model=self._model, exposure=exposure, averaging=_MEAN)
            for track in self._tracks
        ]
        mean = members[0] if len(members) == 1 else _spread(members)
        return {"wind_ms": _times(mean, averaging_factor(_MEAN, _FORCE)), "gust_ms": _times(mean, gust)}

    def _rains(self, lon: Floats, lat: Floats, wanted: Collection[str]) -> dict[str, Series]:
        if self._rain is None:  # each member of an ensemble brings its own
            members = [self._driven(*self._of_track(track, lon, lat), wanted) for track in self._tracks]
            if len(members) == 1:
                return members[0]
            return {name: _spread([one[name] for one in members]) for name in members[0]}
        return self._driven(*self._fallen(self._rain, lon, lat), wanted)

    def _driven(
        self, rain: Rain, given: Amounts, before: Literal["unknown", "dry"], wanted: Collection[str]
    ) -> dict[str, Series]:
        self._notes[rain.how] = None
        return rain_drivers(rain, given, times=self._times, before=before, only=wanted)

    def _of_track(self, track: Track, lon: Floats, lat: Floats) -> tuple[Rain, Amounts, Literal["unknown"]]:
        rain = rain_of_track(track, lon, lat, self._times)
        return rain, amounts(rain, band=BAND), "unknown"

    def _fallen(
        self, of: Gauges | Path, lon: Floats, lat: Floats
    ) -> tuple[Rain, Amounts, Literal["unknown", "dry"]]:
        if isinstance(of, Path):
            found = rain_at(of, lon, lat)
            return found.rain, found.amounts, "unknown"
        smooth, near = between_stations(of.rain.amount, (of.lon, of.lat), (lon, lat))
        rain = replace(of.rain, amount=smooth)
        return rain, amounts(rain, other=near), "dry"

    def _depths(self, layer: Layer, table: Any, event: Series) -> dict[str, Series]:
        """Return the depth at waterlogging spots: SCS-CN, the drain, the real depression of the terrain."""
        if self._dem is None:
            return {}
        try:
            columns = Columns(table, layer)
            runoff = runoff_series(event, columns.numbers("curve_number"))
            lon, lat = (table[axis].to_numpy() for axis in ("lon", "lat"))
            return {"depth_m": depth_series(self._dem, columns, lon, lat, runoff, hours=1.0)}
        except RiskmapError as problem:
            self._notes[problem.say] = None
            return {}


def _times(series: Series, factor: float) -> Series:
    f = np.float32(factor)
    return Series(series.best * f, series.low * f, series.high * f)


def _spread(members: Sequence[Series]) -> Series:
    """Return the middle member at each hour and place, bounded by the least and the most of all bands.

    A member that does not reach an hour says nothing of it: those that do count; where none does, NaN. Two
    members of 20 and 30 m/s → 25, of 20 and NaN → 20.
    """
    best = np.stack([one.best for one in members])
    count = (~np.isnan(best)).sum(axis=0)
    best.sort(axis=0)  # NaN last: the known ones come first
    middle = [
        np.take_along_axis(best, at[None], axis=0)[0] for at in (np.maximum(count - 1, 0) // 2, count // 2)
    ]
    return Series(
        ((middle[0] + middle[1]) / np.float32(2)).astype(np.float32),
        np.fmin.reduce([one.low for one in members]),
        np.fmax.reduce([one.high for one in members]),
    )
