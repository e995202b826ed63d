"""What the triggers compare, for the records of a layer hour by hour: wind, gusts, rain, water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, get_args

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.errors import RiskmapError, Say
from riskmap.formulas.wind import GUST, averaging_factor
from riskmap.hazards import Rain, Series, Times, Track
from riskmap.prepare.vortex import Model
from riskmap.prepare.wind_field import wind_series
from riskmap.usecases.winds import exposure_at
from riskmap.usecases.workspace import Workspace

Floats = NDArray[np.float64]

_MEAN: Final = 10.0  # minutes of the mean that gust factors multiply
_FORCE: Final = 2.0  # minutes of the mean that forces are told by in China


@dataclass(frozen=True, slots=True, eq=False)
class Gauges:
    """Stations, degrees, with their rain."""

    names: tuple[str, ...]
    lon: Floats
    lat: Floats
    rain: Rain

    @classmethod
    def read(cls, path: Path) -> Gauges:
        """Read a station table or a raster stack. RiskmapError names line or band."""
        raise NotImplementedError(path)


class Weather:
    """The hours of a scenario over the records: made once, asked for layer after layer."""

    def __init__(
        self, ws: Workspace, times: Times, tracks: Sequence[Track], gauges: Gauges | None, *, model: str
    ) -> None:
        if model not in get_args(Model):
            raise RiskmapError(
                f"风场模型 {model}：没有这个；可用 {'、'.join(get_args(Model))}",
                f"wind model {model}: there is none; use one of {', '.join(get_args(Model))}",
            )
        self._ws, self._times, self._tracks, self._gauges = ws, times, tuple(tracks), gauges
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


def _times(series: Series, factor: float) -> Series:
    f = np.float32(factor)
    return Series(series.best * f, series.low * f, series.high * f)


def _spread(members: Sequence[Series]) -> Series:
    """Return the middle member at each hour and place, bounded by the least and the most of all bands."""
    return Series(
        np.median([one.best for one in members], axis=0).astype(np.float32),
        np.min([one.low for one in members], axis=0),
        np.max([one.high for one in members], axis=0),
    )
