"""What an officer loads before the storm: rain and warnings, read and tied to the ledger's names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import Say
from riskmap.hazards import IssuedWarning, Rain
from riskmap.intake.issued import parse_warning, read_notices
from riskmap.intake.notice import settled
from riskmap.intake.rain import read_station_rain
from riskmap.moments import Zone
from riskmap.prepare.rain_at import REACH_KM, between_stations
from riskmap.prepare.rain_field import Amounts, amounts
from riskmap.usecases.rain_rasters import ENDINGS, rain_of_rasters
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace


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
) -> RainAt:
    """Return the rain of a file at places (CGCS2000 degrees, NaN unlocated).

    A .tif, a .zip or a folder of them is a stack of rasters; anything else a table of stations, carried to
    the places by inverse distance squared with the nearest station as the other end of the band. `issued`:
    the rain is a forecast of that time; `band` its relative band (default: rain_field.FORECAST_BAND).
    `zone`, `unit`, `datum`, `missing`, `step_hours` hold where the file does not say. Raises RiskmapError.
    """
    if path.is_dir() or path.suffix.lower() in {*ENDINGS, ".zip"}:
        raster = rain_of_rasters(path, lon, lat, zone=zone, unit=unit, step_hours=step_hours)
        rain = Rain(raster.time, raster.step, raster.amount, raster.how, issued)
        return RainAt(rain, amounts(rain, band=band))
    stations = read_station_rain(path, zone=zone, unit=unit, datum=datum, missing=missing)
    smooth, near = between_stations(stations.amount, (stations.lon, stations.lat), (lon, lat))
    n = len(stations.station)
    how = Say(
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
