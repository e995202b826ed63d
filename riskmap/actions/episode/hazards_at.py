"""What an officer loads before the storm: rain and warnings, read and tied to the ledger's names.

What the triggers compare, for the records of a layer hour by hour: wind, gusts, rain, water.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from riskmap.actions.episode.fire_weather import weather_of_grids
from riskmap.actions.episode.ponding import Standing, spot_cells, standing_water
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.array_types import Floats
from riskmap.catalog import Layer
from riskmap.catalog.drivers import trigger_drivers
from riskmap.coordinates import Region
from riskmap.errors import RiskmapError, Text
from riskmap.formulas.wind import GUST, averaging_factor
from riskmap.hazards.rain_field import (
    BAND,
    REACH_KM,
    Amounts,
    amounts,
    between_stations,
    rain_drivers,
    rain_of_track,
)
from riskmap.hazards.standing_water import margin_series, runoff_series
from riskmap.hazards.vortex import Model
from riskmap.hazards.wind_field import wind_series
from riskmap.io.readers.rain import ENDINGS, rain_of_rasters, read_station_rain
from riskmap.io.readers.warnings import parse_warning, read_notices, settled
from riskmap.moments import Zone
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.arrays import LayerArrays
from riskmap.terrain.sampling import exposure_at
from riskmap.values.hazards import FireWeatherDays, IssuedWarning, Rain, Series, Times, Track


@dataclass(frozen=True, slots=True, eq=False)
class RainAt:
    """Rain at places with its band: what `prepare.rain_field.rain_drivers` takes."""

    rain: Rain
    amounts: Amounts


def rain_at(
    path: Path,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    zone: Zone | None = None,
    unit: str | None = None,
    datum: str = "wgs84",
    missing: Collection[float] = (),
    step_hours: float | None = None,
    issued: np.datetime64 | None = None,
    band: float | None = None,
    region: Region = Region(),  # noqa: B008 - frozen
) -> RainAt:
    """Return the rain of a file at places (CGCS2000 degrees, NaN unlocated).

    A .tif, a .zip or a folder of them is a stack of rasters; anything else a table of stations, carried to
    the places by inverse distance squared with the nearest station as the other end of the band. `issued`:
    the rain is a forecast of that time; `band` its relative band (default: rain_field.FORECAST_BAND).
    `zone`, `unit`, `datum`, `missing`, `step_hours` hold where the file does not say. `region`: where stations
    may lie, as in `read_file`. Raises RiskmapError.
    """
    if path.is_dir() or path.suffix.lower() in {*ENDINGS, ".zip"}:
        raster = rain_of_rasters(path, lon, lat, zone=zone, unit=unit, step_hours=step_hours)
        rain = Rain(raster.time, raster.step, raster.amount, raster.how, issued)
        return RainAt(rain, amounts(rain, band=band))
    stations = read_station_rain(path, zone=zone, unit=unit, datum=datum, missing=missing, region=region)
    smooth, near = between_stations(stations.amount, (stations.lon, stations.lat), (lon, lat))
    n = len(stations.station)
    how = Text(
        f"{path.name}：{n} 个雨量站，反距离平方插值，{REACH_KM:g} km 以外未知",
        f"{path.name}: {n} stations, inverse distance squared, not known beyond {REACH_KM:g} km",
    )
    rain = Rain(stations.time, stations.step, smooth, how, issued)
    return RainAt(
        rain, amounts(rain, other=near) if band is None and issued is None else amounts(rain, band=band)
    )


def warnings_from(
    texts: Sequence[str],
    files: Sequence[Path],
    ws: Workspace,
    *,
    issued: np.datetime64,
    zone: Zone | None = None,
) -> list[IssuedWarning]:
    """Return the warnings of typed texts (issued at `issued`, UTC) and of files, liftings applied.

    Sub-districts are those of the workspace's boundaries and of the ledger's records; another name is an
    error that names the known ones. Nothing is taken where anything is wrong. Raises RiskmapError.
    """
    known = known_subdistricts(ws)
    notices = [parse_warning(text, issued=issued, subdistricts=known) for text in texts]
    for path in files:
        notices += read_notices(path, subdistricts=known, zone=zone, district=ws.config.district)
    return settled(notices)


def known_subdistricts(ws: Workspace) -> tuple[str, ...]:
    """Return the names of sub-districts: those of the boundaries first, then others that records carry."""
    names = list(ws.places.names) if ws.places is not None else []
    snapshot = current_snapshot(ws)
    for layer in ws.catalog.layers:
        column = snapshot.table(layer).column("subdistrict").unique().to_pylist()
        names += sorted(name for name in column if name and name not in names)
    return tuple(dict.fromkeys(names))


_WIND: Final = Text("台风风场", "wind field")


_RAIN: Final = Text("雨量", "rain")


_WATER: Final = Text("积水深度", "standing water")


_NOT_ASKED: Final = object()


_BEIJING: Final = np.timedelta64(8 * 3600, "s")


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
        fire: FireWeatherDays | None = None,
    ) -> None:
        if model not in get_args(Model):
            raise RiskmapError(
                f"风场模型 {model}：没有这个；可用 {'、'.join(get_args(Model))}",
                f"wind model {model}: there is none; use one of {', '.join(get_args(Model))}",
            )
        self._ws, self._times, self._tracks, self._rain = ws, times, tuple(tracks), rain
        self._model: Model = cast("Model", model)
        self._fire = fire
        self._standing: Standing | object | None = _NOT_ASKED
        self._notes: dict[Text, None] = {}
        dem = ws.path(ws.config.dem) if ws.config.dem else None
        self._dem = dem if dem is not None and dem.is_file() else None

    @property
    def notes(self) -> tuple[Text, ...]:
        """What was filled, assumed or left out, each once."""
        return tuple(self._notes)

    def drivers(self, layer: Layer, table: Any, progress: Progress = UNWATCHED) -> dict[str, Series]:
        """Return driver → Series for the rows of a layer's table; only what its triggers ask for."""
        wanted = {name for trigger in layer.triggers for name in trigger.drivers}
        asked = [one for name, one in trigger_drivers().items() if name in wanted]
        rain = {name for one in asked for name in one.rain}
        hours = _Hours(self, LayerArrays(table, layer), rain, progress)
        found = {one.id: one.series(hours) for one in asked}
        return {name: series for name, series in found.items() if series is not None}

    def winds(
        self, lon: Floats, lat: Floats, progress: Progress = UNWATCHED, what: Text = _WIND
    ) -> tuple[Series, Series] | None:
        """Return mean wind over 2 minutes and gust at places, None without a track.

        Terrain lowers the lower edge of the band alone (decision 25).
        """
        if not self._tracks:
            return None
        gain, shelter = None, np.ones(len(lon))
        if self._dem is not None:
            (gain, shelter), said = exposure_at(self._dem, lon, lat)
            self._notes |= dict.fromkeys(said)
        members: list[Series] = []
        for track, part in zip(self._tracks, progress.parts(*(1 for _ in self._tracks)), strict=True):
            part.step(0, 1, what)
            wind = wind_series(
                track,
                lon,
                lat,
                self._times,
                model=self._model,
                exposure=gain,
                averaging=_MEAN,
                each=lambda share, part=part: part.step(share, 1, what),
            )
            members.append(_sheltered(wind, shelter))
        mean = members[0] if len(members) == 1 else _spread(members)
        return _times(mean, averaging_factor(_MEAN, _FORCE)), _times(mean, GUST["coast"])

    def rains(
        self,
        lon: Floats,
        lat: Floats,
        wanted: Collection[str],
        progress: Progress = UNWATCHED,
        what: Text = _RAIN,
    ) -> dict[str, Series]:
        """Return quantities of rain at places; none where neither rain nor a track is given."""
        if not wanted or (self._rain is None and not self._tracks):
            return {}
        if self._rain is None:  # each member of an ensemble brings its own
            members: list[dict[str, Series]] = []
            for track in self._tracks:
                progress.step(len(members), len(self._tracks), what)
                members.append(self._driven(*self._of_track(track, lon, lat), wanted))
            if len(members) == 1:
                return members[0]
            return {name: _spread([one[name] for one in members]) for name in members[0]}
        progress.step(0, 1, what)
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
            found = rain_at(of, lon, lat, region=self._ws.region)
            return found.rain, found.amounts, "unknown"
        smooth, near = between_stations(of.rain.amount, (of.lon, of.lat), (lon, lat))
        rain = replace(of.rain, amount=smooth)
        return rain, amounts(rain, other=near), "dry"

    def water(self) -> Standing | None:
        """Return the water in the depressions of the terrain, None where terrain, rain or spots are missing."""
        if self._standing is _NOT_ASKED:
            self._standing = self._standing_water()
        return cast("Standing | None", self._standing)

    def _standing_water(self) -> Standing | None:
        layer = self._ws.catalog.by_role("waterlogging")
        if self._dem is None or layer is None:
            return None
        spots = current_snapshot(self._ws).table(layer.id)
        if not len(spots) or (self._rain is None and not self._tracks):
            return None
        lon, lat = (spots[axis].to_numpy() for axis in ("lon", "lat"))
        columns = LayerArrays(spots, layer)
        event = self.rains(lon, lat, {"event_mm"})["event_mm"]
        runoff = runoff_series(event, columns.of_role("curve_number"))
        try:
            return standing_water(self._dem, columns, lon, lat, runoff, hours=1.0)
        except RiskmapError as problem:  # its library is not there, or the file is not in metres
            self._notes[problem.say] = None
            return None

    @staticmethod
    def margins(columns: LayerArrays, water: Standing, depth: Series, lon: Floats, lat: Floats) -> Series:
        """Return the margin of openings: sill + barrier − (ground + depth), heights of the same terrain.

        Infinite while the ground is dry: there is no water to keep out. A barrier that nobody states is none.
        """
        ground = np.full(len(lon), np.nan)
        for i, cell in enumerate(spot_cells(water.dem, water.ground, lon, lat)):
            if cell is not None:
                ground[i] = water.ground.heights[cell]
        barrier = columns.of_role("barrier_height")
        found = margin_series(
            columns.of_role("entrance_elevation"), np.where(np.isnan(barrier), 0.0, barrier), ground, depth
        )
        dry = np.float32(np.inf)
        return Series(
            np.where(depth.best == 0.0, dry, found.best),
            np.where(depth.high == 0.0, dry, found.low),
            np.where(depth.low == 0.0, dry, found.high),
        )

    def fires(self, codes: Sequence[str]) -> Series | None:
        """Return the fire weather index of the local day of each hour, float32[times, grids]; None without weather."""
        if self._fire is None:
            return None
        index, calendar = weather_of_grids(codes, self._fire)
        local = (self._times + _BEIJING).astype("datetime64[D]")
        best = np.full((len(self._times), len(codes)), np.nan, np.float32)
        for j, day in enumerate(calendar):
            for i, moment in enumerate(local.astype(object)):
                same = (moment.month, moment.day) == (day.month, day.day)
                if same and day.year in (None, moment.year):
                    best[i] = index[:, j]
        return Series(best, best, best)


class _Hours:
    """The weather at the rows of one table, as drivers ask for it; what several ask for is made once."""

    def __init__(
        self, weather: Weather, columns: LayerArrays, rain: Collection[str], progress: Progress
    ) -> None:
        self._weather, self._columns, self._wanted = weather, columns, rain
        self._at = columns.table["lon"].to_numpy(), columns.table["lat"].to_numpy()
        self._wind_part, self._rain_part, self._water_part = progress.parts(5, 3, 2)

    def _what(self, what: Text) -> Text:
        title = self._columns.layer.title
        return Text(f"{what.zh}：{title.zh}", f"{what.en}: {title.en}")

    @cached_property
    def _winds(self) -> tuple[Series, Series] | None:
        return self._weather.winds(*self._at, self._wind_part, self._what(_WIND))

    @cached_property
    def _rains(self) -> dict[str, Series]:
        return self._weather.rains(*self._at, self._wanted, self._rain_part, self._what(_RAIN))

    @cached_property
    def _depth(self) -> Series | None:
        self._water_part.step(0, 1, self._what(_WATER))
        water = self._weather.water()
        if water is None:
            return None
        spots = self._columns.layer.role == "waterlogging"
        return water.at_spots(*self._at) if spots else water.at_places(*self._at)

    def wind(self, *, gust: bool = False) -> Series | None:
        return self._winds[gust] if self._winds else None

    def rain(self, name: str) -> Series | None:
        return self._rains.get(name)

    def runoff(self) -> Series | None:
        event = self.rain("event_mm")
        return event and runoff_series(event, self._columns.of_role("curve_number"))

    def depth(self) -> Series | None:
        return self._depth

    def margin(self) -> Series | None:
        water, depth = self._weather.water(), self._depth
        if water is None or depth is None:
            return None
        return self._weather.margins(self._columns, water, depth, *self._at)

    def fire(self) -> Series | None:
        return self._weather.fires(self._columns.table["code"].to_pylist())


def _times(series: Series, factor: float) -> Series:
    f = np.float32(factor)
    return Series(series.best * f, series.low * f, series.high * f)


def _sheltered(series: Series, shelter: Floats) -> Series:
    return Series(series.best, series.low * shelter.astype(np.float32), series.high)


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
