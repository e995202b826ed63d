"""The demo district's boundary and terrain files, in the places that a demo workspace names.

A made-up storm for drills: a track past a district, and the rain of its stations.

Everything follows from the place and the moment, so a drill can be repeated. The storm is no
forecast and no real one: a strong typhoon from the south-east that passes some 40 km south-west of
the district, which then lies in its dangerous right half.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import rasterio
from shapely import Polygon
from shapely.geometry import mapping

from riskmap.array_types import Floats
from riskmap.demo_district.district import HEADER, DemoDistrict
from riskmap.errors import Text
from riskmap.formulas.wind import DEGREE
from riskmap.io.files.atomic import private_folder
from riskmap.values.hazards import Rain, Track
from riskmap.vocabulary import FORCE_MS

NODATA = -9999.0


def write_boundaries(demo: DemoDistrict, directory: Path) -> Mapping[str, Path]:
    """Write the boundaries and the terrain below `directory`; return what lies where.

    `district`: boundaries/district.geojson and `subdistricts`: boundaries/subdistricts.geojson (degrees,
    EPSG:4490, property `name`); `dem`: dem.tif (EPSG:4547, metres, no-data −9999); `people`: people.csv,
    who lives where (UTF-8 with BOM). Each is written
    beside its place and then moved there.
    """
    district, subdistricts, dem = (
        directory / "boundaries" / "district.geojson",
        directory / "boundaries" / "subdistricts.geojson",
        directory / "dem.tif",
    )
    private_folder(district.parent)
    for path, polygons in ((district, {demo.name: demo.district}), (subdistricts, demo.subdistricts)):
        text = _geojson(polygons, mark=demo.mark)
        _moved_in(path, lambda beside, text=text: _write_bytes(beside, text))
    _moved_in(dem, lambda beside: _write_dem(beside, demo))
    people = directory / "people.csv"
    _moved_in(people, lambda beside: _write_people(beside, demo))
    return {"district": district, "subdistricts": subdistricts, "dem": dem, "people": people}


def _write_people(path: Path, demo: DemoDistrict) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*HEADER, "备注"))
        rows.writerows((*row, demo.mark) for row in demo.dwellers)


def _geojson(polygons: Mapping[str, Polygon], *, mark: str) -> bytes:
    features: list[dict[str, Any]] = [
        {"type": "Feature", "properties": {"name": name, "remark": mark}, "geometry": mapping(polygon)}
        for name, polygon in polygons.items()
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _moved_in(path: Path, write: Callable[[Path], None]) -> None:
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        beside.touch(mode=0o600)
        write(beside)
        os.replace(beside, path)  # noqa: PTH105 - the atomic one on every system
    finally:
        beside.unlink(missing_ok=True)


def _write_bytes(path: Path, text: bytes) -> None:
    with path.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _write_dem(path: Path, demo: DemoDistrict) -> None:
    heights, transform, crs = demo.dem
    # Decimetres are all that made-up terrain is worth, and compress to a third.
    filled = np.where(np.isnan(heights), NODATA, np.round(heights, 1)).astype(np.float32)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=filled.shape[1],
        height=filled.shape[0],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform,
        nodata=NODATA,
        compress="deflate",
        predictor=3,
    ) as raster:
        raster.write(filled, 1)
        raster.update_tags(REMARK=demo.mark)


NAME: Final = "演习台风 DRILL"


_PASSES_KM: Final = 40.0


_COURSE_DEG: Final = 305.0  # towards the north-west


_SPEED_KMH: Final = 22.0


_NODE_H: Final = 6


_BEFORE_H, _AFTER_H = 60, 24


_ENVIRONMENT: Final = 1008.0


# Hours from the closest approach → mean wind, m/s (10 minutes): grows over the sea, fades over land.
_WIND: Final = ((-60.0, 26.0), (-36.0, 38.0), (-12.0, 46.0), (0.0, 42.0), (12.0, 25.0), (24.0, 17.0))


_RADII_KM: Final = {7: 260.0, 10: 120.0, 12: 65.0}  # where the wind is 45 m/s


_QUADRANTS: Final = np.array([1.15, 1.05, 0.85, 0.95])  # NE, SE, SW, NW


_TOTAL_MM: Final = 260.0


_SHOWER_H: Final = 7.0  # how many hours around the closest approach most of the rain falls in


_LATER_H: Final = 2.0  # the rain comes after the wind


def drill_track(lon: float, lat: float, passes: np.datetime64) -> Track:
    """Return the storm that passes a place (degrees) at a moment (UTC)."""
    hours = np.arange(-_BEFORE_H, _AFTER_H + 1, _NODE_H, dtype=np.float64)
    course, left = np.radians(_COURSE_DEG), np.radians(_COURSE_DEG - 90.0)
    along = hours * _SPEED_KMH
    north = along * np.cos(course) + _PASSES_KM * np.cos(left)
    east = along * np.sin(course) + _PASSES_KM * np.sin(left)
    node_lat = lat + north / DEGREE
    node_lon = lon + east / (DEGREE * np.cos(np.radians(lat)))
    wind = np.interp(hours, *np.array(_WIND).T)
    radii = {}
    for force, reach in _RADII_KM.items():
        found = reach * wind / 45.0 * _QUADRANTS[:, None]
        radii[FORCE_MS[force]] = np.where(wind > FORCE_MS[force] * 1.1, found, 0.0).T
    return Track(
        name=NAME,
        source="drill",
        time=passes.astype("datetime64[s]") + (hours * 3600).astype("timedelta64[s]"),
        lat=np.round(node_lat, 2),
        lon=np.round(node_lon, 2),
        pressure=np.round(_ENVIRONMENT - (wind / 3.4) ** (1 / 0.644)),
        wind=np.round(wind, 1),
        averaging=10.0,
        environment=np.full(len(hours), _ENVIRONMENT),
        radius=np.round(60.0 - 0.6 * wind, 1),
        radii=radii,
    )


def drill_rain(lon: Floats, lat: Floats, passes: np.datetime64) -> Rain:
    """Return hourly rain at stations (degrees): most of it in the hours after the storm has passed.

    Each station gets between 70 and 130 % of the middle one, more in the north-east, by its place alone.
    """
    hours = np.arange(-24, 25, dtype=np.float64)
    share = np.exp(-0.5 * ((hours - _LATER_H) / _SHOWER_H) ** 2)
    share /= share.sum()
    spread = np.ptp(lon) + np.ptp(lat)
    place = (lon - lon.mean() + lat - lat.mean()) / max(float(spread), 1e-9)
    grain = np.sin(lon * 977.0 + lat * 1409.0) * 0.12
    total = _TOTAL_MM * np.clip(1.0 + 0.5 * place + grain, 0.7, 1.3)
    return Rain(
        time=passes.astype("datetime64[s]") + (hours * 3600).astype("timedelta64[s]"),
        step=np.timedelta64(3600, "s"),
        amount=np.round(share[:, None] * total[None, :], 1),
        how=Text("演习用的虚构雨量站", "made-up stations for the drill"),
    )
