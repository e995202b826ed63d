"""Where the rows of a training table are: checked against their coordinate system, in degrees and metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj

from riskmap.assess.learned.inventory import Bools, Floats
from riskmap.assess.learned.remarks import Remark, remark
from riskmap.coordinates import CHINA, Datum, from_cgcs2000, metres, to_cgcs2000
from riskmap.errors import DatumError

_MARGIN = 1.0  # degrees around the area that a coordinate system is made for
_HALF = 0.5
_POLE, _DATE_LINE = 90.0, 180.0


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Parallel to the rows: metres in one projection, CGCS2000 degrees; NaN where not `known`."""

    x: Floats
    y: Floats
    lon: Floats
    lat: Floats
    known: Bools
    remarks: tuple[Remark, ...]


def located(x: Floats, y: Floats, datum: Datum, *, file: str, names: tuple[str, str]) -> Places:
    """Return the places of `x` (lon or easting) and `y` (lat or northing) in `datum`.

    DatumError where the numbers cannot be in that system: degrees in a projected one, metres in a
    geographic one, longitude and latitude exchanged.
    """
    _check_kind(x, y, datum, file, names)
    lon, lat = to_cgcs2000(x, y, datum)
    known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= _POLE) & (np.abs(lon) <= _DATE_LINE)
    if not known.any():
        raise DatumError(
            f"{file} › {names[0]}、{names[1]}：没有一行坐标可用；请核对列名和 --crs",
            f"{file} › {names[0]}, {names[1]}: no row has usable coordinates; check the columns and --crs",
        )
    lon, lat = np.where(known, lon, np.nan), np.where(known, lat, np.nan)
    east, north = _metres(lon, lat)
    known = known & np.isfinite(east) & np.isfinite(north)
    return Places(east, north, lon, lat, known, tuple(_doubts(lon, lat, datum, names)))


def _check_kind(x: Floats, y: Floats, datum: Datum, file: str, names: tuple[str, str]) -> None:
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return
    wide, high = np.abs(x[both]), np.abs(y[both])
    place = f"{file} › {names[0]}、{names[1]}"
    if datum.kind == "projected":
        if (wide <= _DATE_LINE).all() and (high <= _POLE).all():
            raise DatumError(
                f"{place}：数值像经纬度，而 {datum.id} 是平面坐标系；请改 --crs（如 wgs84、cgcs2000）",
                f"{place}: the numbers look like degrees but {datum.id} is projected; change --crs (wgs84, cgcs2000 …)",
            )
        return
    if np.median(high) > _POLE and np.median(wide) <= _POLE:
        raise DatumError(
            f"{place}：纬度超过 90°，经度和纬度像是写反了；请交换 --x 与 --y",
            f"{place}: latitudes beyond 90°, longitude and latitude seem exchanged; swap --x and --y",
        )
    if np.median(wide) > _DATE_LINE or np.median(high) > _POLE:
        raise DatumError(
            f"{place}：数值不是经纬度，而 {datum.id} 是经纬度坐标系；请改 --crs（如 EPSG:4547）",
            f"{place}: the numbers are no degrees but {datum.id} is geographic; change --crs (EPSG:4547 …)",
        )


def _metres(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Project to metres: CGCS2000 zones in China, UTM elsewhere."""
    centre, middle = float(np.nanmean(lon)), float(np.nanmean(lat))
    west, south, east, north = CHINA
    if west <= centre <= east and south <= middle <= north:
        return metres(lon, lat, around=centre)
    zone = int(np.clip(np.floor((centre + 180.0) / 6.0) + 1, 1, 60))
    return from_cgcs2000(lon, lat, Datum(f"EPSG:{(32600 if middle >= 0 else 32700) + zone}", "projected"))


def _doubts(lon: Floats, lat: Floats, datum: Datum, names: tuple[str, str]) -> list[Remark]:
    area = pyproj.CRS.from_user_input(datum.proj).area_of_use
    if area is None or area.west > area.east:
        return []
    seen = np.isfinite(lon)
    outside = (
        (lon[seen] < area.west - _MARGIN)
        | (lon[seen] > area.east + _MARGIN)
        | (lat[seen] < area.south - _MARGIN)
        | (lat[seen] > area.north + _MARGIN)
    )
    if outside.mean() <= _HALF:
        return []
    return [
        remark(
            "crs_doubtful",
            f"多数点落在 {datum.id} 的适用范围之外；请核对 --crs 以及 --x、--y 是否写反",
            f"most points lie outside the area that {datum.id} is made for; check --crs and whether --x and --y are exchanged",
            *names,
        )
    ]
