"""The demo district's boundary and terrain files, in the places that a demo workspace names."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import rasterio
from shapely import Polygon
from shapely.geometry import mapping

from riskmap.demo.district import DemoDistrict
from riskmap.demo.dwellers import HEADER

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
    district.parent.mkdir(parents=True, exist_ok=True)
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
