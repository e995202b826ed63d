"""The records of a selection as vector tiles in one file (PMTiles), for maps of other programs.

A layer of the ledger is a layer of the tiles, under its id. At the deepest zoom each located record is in them once
(a line or polygon in every tile that it touches); farther out one point stands for those of its layer and tier within
1/512 of a tile. The worst comes last, so that drawing in their order leaves it on top.

Tiles are encoded here: the vector tile specification, version 2.1, whose messages are protocol buffers.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.errors import ExportError, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.record_columns import standing_kind, statements
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_rows import Rows, map_rows
from riskmap.values.inventory import Inventory
from riskmap.vocabulary import GRADES, RANKS

ENDING: Final = ".pmtiles"


DEEPEST: Final = 14  # .6 m a step: browsers draw deeper zooms from these tiles


_LEAST: Final = 9


_NAMED_FROM: Final = 13  # names and codes take most of a tile, and nobody reads them farther out


EXTENT: Final = 4096  # steps along a tile


_CELLS: Final = 512  # along a tile, below the deepest zoom


_AROUND: Final = 64  # steps of a tile's neighbours that belong to its lines and polygons


_DATUM: Final = "CGCS2000 (EPSG:4490)"


_ENCODING: Final = Text("写入切片", "writing tiles")


POINT, LINE, POLYGON = 1, 2, 3  # of a feature


_MOVE, _CLOSE = b"\x09", b"\x0f"  # to one place; back to it


@cache
def varint(number: int) -> bytes:
    """Return a whole number in groups of seven bits, the lowest first. 300 is ac 02."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def _field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def _step(number: int) -> bytes:
    """Return a step: small whatever its sign."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


@dataclass(frozen=True, slots=True)
class Feature:
    """What is drawn in a tile: its type, its encoded geometry, and a value for each key of its layer ("" for none)."""

    type: int
    geometry: bytes
    values: Sequence[str]


def point(x: int, y: int) -> bytes:
    """Return a place in steps from the upper left corner as geometry. (1, 2) is 09 02 04."""
    return _MOVE + _step(x) + _step(y)


def mvt_layer(name: str, keys: Sequence[str], features: Iterable[Feature]) -> bytes:
    """Return a layer of a tile; a tile is its layers, one after another."""
    known: dict[str, int] = {}
    body: list[bytes] = []
    for one in features:
        tags = b"".join(
            varint(key) + varint(known.setdefault(value, len(known)))
            for key, value in enumerate(one.values)
            if value
        )
        body.append(_field(2, _field(2, tags) + b"\x18" + varint(one.type) + _field(4, one.geometry)))
    return _field(
        3,
        _field(1, name.encode())
        + b"".join(body)
        + b"".join(_field(3, key.encode()) for key in keys)
        + b"".join(_field(4, _field(1, value.encode())) for value in known)
        + b"\x28"
        + varint(EXTENT)
        + b"\x78\x02",
    )


def _paths(shape: BaseGeometry) -> bytes:
    """Return lines or polygons, whose corners are whole steps, as geometry."""
    out: list[bytes] = []
    x = y = 0
    for corners, closed in _corners(shape):
        ring = corners[:-1] if closed else corners
        steps = np.diff(ring, axis=0, prepend=[[x, y]]).tolist()
        out += [_MOVE, *map(_step, steps[0]), varint(len(steps) - 1 << 3 | 2)]
        out += [_step(value) for step in steps[1:] for value in step]
        if closed:
            out.append(_CLOSE)
        x, y = ring[-1].tolist()
    return b"".join(out)


def _corners(shape: BaseGeometry) -> Iterator[tuple[NDArray[np.int64], bool]]:
    """Yield the corners of each line or ring, and which it is: an outer ring clockwise as it is seen, a hole not."""
    for part in shapely.get_parts(
        shapely.get_parts(shape)
    ).tolist():  # what was repaired may be several of several
        if part.is_empty:
            continue
        if part.geom_type == "LineString":
            yield shapely.get_coordinates(part).astype(np.int64), False
        elif part.geom_type == "Polygon":
            # As y grows downwards, counter-clockwise in the plane is clockwise to the eye.
            for i, ring in enumerate((part.exterior, *part.interiors)):
                corners = shapely.get_coordinates(ring).astype(np.int64)
                turned = bool(ring.is_ccw) is (i > 0)
                yield (corners[::-1] if turned else corners), True


def write_map_tiles(inventory: Inventory, path: Path, progress: Progress = UNWATCHED) -> WrittenFile:
    """Write the located records as tiles, whole or not at all; return how many there are and how many have no place.

    ExportError where none has a position. Stopped by its `progress`, it raises Cancelled and nothing is written.
    """
    tiles = _Tiles(inventory, map_rows(inventory))
    located = int(np.count_nonzero(np.isfinite(tiles.x)))
    if not located:
        raise ExportError(
            f"{path}：选中的 {len(inventory)} 条都没有坐标，切片里没有可画的；请改选有坐标的记录",
            f"{path}: none of the {len(inventory)} selected records has a position, there is nothing to draw; "
            "select others",
        )
    zooms = range(tiles.least, DEEPEST + 1)
    with replacing(path) as (room,), room.open("wb") as out:
        writer = Writer(out)
        for done, zoom in enumerate(zooms):
            progress.step(done, len(zooms), _ENCODING)
            made = {zxy_to_tileid(zoom, x, y): body for (x, y), body in tiles.of_zoom(zoom)}
            for tile in sorted(made):
                writer.write_tile(tile, gzip.compress(made[tile], compresslevel=6, mtime=0))
        writer.finalize(tiles.header(), tiles.metadata())
    return WrittenFile(path, "pmtiles", located, len(inventory) - located)


class _Tiles:
    """The records in Web Mercator, 0 … 1 from the north-west corner of the world."""

    def __init__(self, inventory: Inventory, rows: Rows) -> None:
        self._inventory, self._rows = inventory, rows
        self._layers = [part.layer for part in inventory.layers]
        self._layer = rows.kind // 8
        self._standing = [_words(layer) for layer in self._layers]
        self.x, self.y = _mercator(rows.lon, rows.lat)
        self._shapes = [(row, shapely.transform(shape, _projected)) for row, shape in rows.shapes]
        self._drawn = np.isfinite(self.x)
        self._drawn[[row for row, _ in rows.shapes]] = False

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        known = np.isfinite(self._rows.lon)
        lon, lat = self._rows.lon[known], self._rows.lat[known]
        boxes = [shape.bounds for _, shape in self._rows.shapes]
        box = np.array([(lon.min(), lat.min(), lon.max(), lat.max()), *boxes])
        west, south, east, north = (*box[:, :2].min(axis=0), *box[:, 2:].max(axis=0))
        return float(west), float(south), float(east), float(north)

    @property
    def least(self) -> int:
        """The zoom at which all records about fill a tile, and never deeper than a district does."""
        west, _, east, _ = self.bounds
        return int(np.clip(np.floor(np.log2(360.0 / max(east - west, 1e-9))), 0, _LEAST))

    def header(self) -> dict[str, Any]:
        """Return what a PMTiles header says beside what the writer knows."""
        west, south, east, north = (round(edge * 1e7) for edge in self.bounds)
        return {
            "tile_type": TileType.MVT,
            "tile_compression": Compression.GZIP,
            "min_lon_e7": west,
            "min_lat_e7": south,
            "max_lon_e7": east,
            "max_lat_e7": north,
            "center_zoom": min(self.least + 2, DEEPEST),
            "center_lon_e7": (west + east) // 2,
            "center_lat_e7": (south + north) // 2,
        }

    def metadata(self) -> Mapping[str, Any]:
        """Return what a reader is told: the layers, and what every file of an inventory says of itself."""
        lang = self._inventory.lang
        facts = statements(self._inventory, _DATUM)
        return {
            "name": facts["title"],
            "description": "；".join(facts.values()),
            "type": "overlay",
            "riskmap": facts,
            "vector_layers": [
                {
                    "id": layer.id,
                    "description": layer.title.text(lang),
                    "minzoom": self.least,
                    "maxzoom": DEEPEST,
                    "fields": dict.fromkeys(_keys(layer, DEEPEST), "String"),
                }
                for layer in self._layers
            ],
        }

    def of_zoom(self, zoom: int) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Yield the tiles of a zoom, not yet compressed, by their column and row."""
        found: dict[tuple[int, int], list[tuple[int, Feature]]] = {}
        self._add_points(zoom, found)
        self._add_shapes(zoom, found)
        for place, features in found.items():
            by_layer = sorted(
                features, key=lambda one: self._layer[one[0]]
            )  # each in drawing order, as they came
            yield (
                place,
                b"".join(
                    mvt_layer(
                        self._layers[layer].id, _keys(self._layers[layer], zoom), [one for _, one in some]
                    )
                    for layer, some in groupby(by_layer, key=lambda one: self._layer[one[0]])
                ),
            )

    def _add_points(self, zoom: int, found: dict[tuple[int, int], list[tuple[int, Feature]]]) -> None:
        rows = np.flatnonzero(self._drawn)
        if zoom < DEEPEST:
            rows = rows[self._first_of_cell(rows, zoom)]
        size = 1 << zoom
        tile_x, px = _within(self.x[rows], size)
        tile_y, py = _within(self.y[rows], size)
        for row, tx, ty, x, y in zip(*(one.tolist() for one in (rows, tile_x, tile_y, px, py)), strict=True):
            one = Feature(POINT, point(x, y), self._values(row, zoom))
            found.setdefault((tx, ty), []).append((row, one))

    def _first_of_cell(self, rows: NDArray[np.int64], zoom: int) -> NDArray[np.int64]:
        """Return which of the rows are the first of their layer and tier in a cell, in their order."""
        cells = np.int64(_CELLS << zoom)
        across, down = ((axis[rows] * cells).astype(np.int64) for axis in (self.x, self.y))
        key = np.stack([self._rows.kind[rows], across * cells + down])
        return np.sort(np.unique(key, axis=1, return_index=True)[1])

    def _add_shapes(self, zoom: int, found: dict[tuple[int, int], list[tuple[int, Feature]]]) -> None:
        steps = float(EXTENT << zoom)
        for row, shape in self._shapes:
            whole = shapely.transform(shape, lambda xy: xy * steps)
            drawn = False
            for tx, ty in _touched(whole.bounds):
                west, north = tx * EXTENT, ty * EXTENT
                edges = (
                    west - _AROUND,
                    north - _AROUND,
                    west + EXTENT + _AROUND,
                    north + EXTENT + _AROUND,
                )
                part = shapely.transform(
                    shapely.clip_by_rect(whole, *edges), lambda xy, at=(west, north): xy - at
                )
                part = shapely.set_precision(shapely.make_valid(part), 1.0)
                if geometry := _paths(part):
                    kind = POLYGON if "Polygon" in shape.geom_type else LINE
                    one = Feature(kind, geometry, self._values(row, zoom))
                    found.setdefault((tx, ty), []).append((row, one))
                    drawn = True
            if not drawn and zoom == DEEPEST:  # smaller than a step: what is in the ledger is in the tiles
                x, y = (int(v) for v in shapely.get_coordinates(whole)[0])
                one = Feature(POINT, point(x % EXTENT, y % EXTENT), self._values(row, zoom))
                found.setdefault((x // EXTENT, y // EXTENT), []).append((row, one))

    def _values(self, row: int, zoom: int) -> tuple[str, ...]:
        kind = int(self._rows.kind[row])
        words = self._standing[kind // 8]
        standing = (words[kind % 8],) if words else ()
        return standing if zoom < _NAMED_FROM else (*standing, self._rows.name[row], self._rows.code[row])


def _keys(layer: Layer, zoom: int) -> tuple[str, ...]:
    standing = "class" if layer.classes else standing_kind(layer)
    first = () if standing is None else (standing,)
    return first if zoom < _NAMED_FROM else (*first, "name", "code")


def _words(layer: Layer) -> tuple[str, ...]:
    """Return the class, tier or grade that stands behind each number of `Rows.kind`; () where there is none."""
    if layer.classes:
        return (*(choice.id for choice in layer.classes), "")
    kind = standing_kind(layer)
    if kind is None:
        return ()
    return RANKS if kind == "tier" else tuple(GRADES[rank] for rank in RANKS)


def _within(axis: Floats, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tile and the step in it of places, 0 … 1 along `size` tiles."""
    steps = np.clip((axis * (size * EXTENT)).astype(np.int64), 0, size * EXTENT - 1)
    return steps // EXTENT, steps % EXTENT


def _touched(bounds: tuple[float, float, float, float]) -> Iterator[tuple[int, int]]:
    west, north, east, south = (int(edge // EXTENT) for edge in bounds)
    yield from ((x, y) for x in range(west, east + 1) for y in range(north, south + 1))


def _mercator(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return degrees in Web Mercator, 0 … 1. (0, 0) is (.5, .5)."""
    sine = np.sin(np.radians(lat))
    return lon / 360.0 + 0.5, 0.5 - np.log((1.0 + sine) / (1.0 - sine)) / (4.0 * np.pi)


def _projected(degrees: Floats) -> Floats:
    return np.column_stack(_mercator(degrees[:, 0], degrees[:, 1]))
