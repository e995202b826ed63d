"""GeoJSON (RFC 7946): always WGS84, seven decimals, one collection of all layers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import shapely

from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.record_columns import attributes, choice_words, geometries, statements
from riskmap.values.inventory import Inventory, LayerInventory

DECIMALS: Final = 7  # a centimetre


_CHUNK: Final = 4096


def write_geojson(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write one FeatureCollection; `titles` holds layer id → property → title, `choices` also → id → title."""
    head = {
        "type": "FeatureCollection",
        "name": path.stem,
        **statements(inventory, "WGS84 (EPSG:4326)"),
        "titles": {
            part.layer.id: {a.name: a.title for a in attributes(part, inventory.lang, words=False)}
            for part in inventory.layers
        },
        "choices": {part.layer.id: choice_words(part.layer, inventory.lang) for part in inventory.layers},
    }
    with replacing(path) as (room,), room.open("wb") as out:
        out.write(orjson.dumps(head)[:-1] + b',"features":[')
        separator = b"\n"
        for part in inventory.layers:
            for lines in _features(part, inventory):
                out.write(separator + lines)
                separator = b",\n"
        out.write(b"\n]}\n")
    return [WrittenFile(path, "geojson", len(inventory))]


def wgs84_shapes(part: LayerInventory, *, decimals: int | None = DECIMALS) -> np.ndarray[Any, Any]:
    """Return shapes in WGS84 degrees (PROJ holds CGCS2000 → WGS84 to be the identity), None where unlocated."""
    shapes = shapely.from_wkb(np.array(geometries(part).to_pylist(), object))
    if decimals is None:
        return shapes
    return shapely.transform(shapes, lambda points: np.round(points, decimals))


def _features(part: LayerInventory, inventory: Inventory) -> Iterator[bytes]:
    inventory.wrote(part, 0)
    columns = attributes(part, inventory.lang, words=False, each=partial(inventory.wrote, part, 0))
    names = ("layer", *(c.name for c in columns))
    shapes = wgs84_shapes(part)
    if part.layer.geometry == "polygon":
        shapes = shapely.orient_polygons(shapes)
    places = shapely.to_geojson(shapes)
    for start in range(0, len(part), _CHUNK):
        inventory.wrote(part, start)
        rows = zip(*(c.values.slice(start, _CHUNK).to_pylist() for c in columns), strict=True)
        yield b",\n".join(
            orjson.dumps(
                {
                    "type": "Feature",
                    "geometry": None if place is None else orjson.Fragment(place),
                    "properties": dict(zip(names, (part.layer.id, *row), strict=True)),
                }
            )
            for place, row in zip(places[start : start + _CHUNK], rows, strict=True)
        )


FORMAT: Final = ExportFormat(
    ending="geojson",
    title="GeoJSON",
    help=Text("GeoJSON，WGS84 坐标", "GeoJSON, WGS84"),
    order=30,
    write=write_geojson,
)
