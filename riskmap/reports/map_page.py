"""The map as one file that a browser opens by itself, from a stick and without a network.

Its records travel as columns, gzip in base64; the same file says in both languages what they are. Layout of the
columns, little-endian:

| bytes | type       | what                                                                                |
|-------|------------|-------------------------------------------------------------------------------------|
| 4     | u32        | n                                                                                   |
| 8     | i32, i32   | the west and the south edge, in 1e-5 degree (1.1 m)                                 |
| then  | blocks     | each behind its length in bytes (u32)                                               |
|       | u16 or u32 | longitudes from the west edge, then latitudes from the south edge: as wide as the   |
|       |            | farthest needs; the largest number stands for no position                           |
|       | u8 or u16  | layer · 8 + rank, as in a map tile (`riskmap.selection.tiles`)                      |
|       | u8 or u16  | the sub-district's place in the list of them                                        |
|       | text       | names, then codes, then every further column of texts: UTF-8, a line a record       |

Rows come in drawing order: the worst last (`map_rows`), then by layer and code.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.browser_map import (
    ASSETS,
    classes_of,
    leaflet_script,
    legend_ranks,
    map_script,
    map_styles,
)
from riskmap.reports.map_drawing import Relief
from riskmap.reports.map_rows import Rows, map_rows
from riskmap.rules.extras import extra_keys, header_of
from riskmap.texts import keys, made_text, t
from riskmap.values.boundaries import Boundaries
from riskmap.values.inventory import Inventory, LayerInventory
from riskmap.values.records import Contact

ENDING: Final = ".html"


MOST: Final = 300_000  # records; above, a browser takes seconds to open the file and to zoom


_UNIT: Final = 1e5  # steps of a degree


_SIMPLIFY: Final = 3e-5  # degrees, 3 m: less than a pixel where a whole district is seen


_PAGE: Final = "page_"


# Of the words of the page with the map, those that this file says too.
_SHARED: Final = (
    *("legend", "legend_unlocated", "approval", "approval_none", "demo_mark", "close", "zoom_in", "zoom_out"),
)


_MARGIN: Final = 0.02  # of the width, around records without boundaries


_COLLECTING: Final = Text("整理记录", "preparing the records")


_LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


_LEGEND: Final = ("points.tiers.", "records.layer")  # the figures that its legend prints


_EXTERNAL: Final = re.compile(r"url\((?!data:)[^)]*\)")  # pictures beside Leaflet's style sheet; none is used


@dataclass(frozen=True, eq=False)
class MapPage:
    """What the file holds. Contacts and free text are in it only where the inventory is unmasked."""

    inventory: Inventory
    places: Boundaries | None = None
    relief: Relief | None = None
    publisher: str = ""

    @cached_property
    def rows(self) -> Rows:
        """Its records in drawing order."""
        return map_rows(self.inventory, self.places, _details(self.inventory))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """What is seen at first, degrees west, south, east, north: the district, else the records."""
        if self.places is not None:
            return self.places.district.bounds
        known = np.isfinite(self.rows.lon)
        if not known.any():
            return (73.5, 18.0, 135.1, 53.6)  # the country
        lon, lat = self.rows.lon[known], self.rows.lat[known]
        west, south, east, north = (float(edge) for edge in (lon.min(), lat.min(), lon.max(), lat.max()))
        pad = max(east - west, north - south, 0.01) * _MARGIN
        return (west - pad, south - pad, east + pad, north + pad)


def pack(
    lon: Floats, lat: Floats, kind: NDArray[Any], street: NDArray[Any], texts: Sequence[Sequence[str]]
) -> bytes:
    """Return the columns of a file (layout above), not yet compressed.

    (114.1, 22.5) and (114.2, 22.6) begin at (11410000, 2250000); the second is 10,000 steps away either way.
    """
    corner, steps = zip(*(_steps(axis) for axis in (lon, lat)), strict=True)
    wide = (
        np.uint16 if max((int(one.max(initial=0)) for one in steps), default=0) < _NOWHERE_16 else np.uint32
    )
    numbers = [
        *(np.where(one < 0, np.iinfo(wide).max, one).astype(f"<u{np.dtype(wide).itemsize}") for one in steps),
        *(one.astype("u1" if one.max(initial=0) < 256 else "<u2") for one in (kind, street)),
    ]
    blocks = [one.tobytes() for one in numbers] + ["\n".join(map(_line, one)).encode() for one in texts]
    head = struct.pack("<Iii", len(lon), *corner)
    return head + b"".join(struct.pack("<I", len(block)) + block for block in blocks)


_NOWHERE_16: Final = np.iinfo(np.uint16).max


def _steps(axis: Floats) -> tuple[int, NDArray[np.int64]]:
    """Return the least of an axis in units, and how many units each value is above it; −1 where there is none."""
    known = np.isfinite(axis)
    units = np.round(np.where(known, axis, 0.0) * _UNIT).astype(np.int64)
    least = int(units[known].min()) if known.any() else 0
    return least, np.where(known, units - least, -1)


def _line(text: str) -> str:
    return text.replace("\n", " ")


def write_map_page(page: MapPage, path: Path, progress: Progress = UNWATCHED) -> WrittenFile:
    """Write the map as one file, whole or not at all.

    ExportError for more than `MOST` records. Stopped by its `progress`, it raises Cancelled and nothing is written.
    """
    n = len(page.inventory)
    if n > MOST:
        raise ExportError(
            f"{path}：选中 {n:,} 条，单个网页文件最多 {MOST:,} 条；请只选部分街道或等级，或改写为 .pmtiles",
            f"{path}: {n:,} records are selected, {MOST:,} at most fit one page; select some sub-districts or tiers, "
            "or write .pmtiles",
        )
    progress.step(0, 2, _COLLECTING)
    parts = {
        "language": "zh-CN" if page.inventory.lang == "zh" else "en",
        "title": html.escape(_title(page, page.inventory.lang)),
        "styles": _EXTERNAL.sub("none", map_styles()) + (ASSETS / "map_page.css").read_text(encoding="utf-8"),
        "facts": _inert(orjson.dumps(_facts(page)).decode()),
        "points": _packed(_columns(page.rows)),
        "shapes": _packed(orjson.dumps(_outlines(page))),
        "relief": "" if page.relief is None else base64.b64encode(_webp(page.relief[0])).decode(),
        "leaflet": leaflet_script(),
        "script": map_script() + "\n" + (ASSETS / "map_page.js").read_text(encoding="utf-8"),
    }
    template = (ASSETS / "map_page.html").read_text(encoding="utf-8")
    body = re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], template)
    progress.step(1, 2, _COLLECTING)
    with replacing(path) as (room,):
        room.write_bytes(body.encode())
    return WrittenFile(path, "html", n)


def _inert(document: str) -> str:
    """Return JSON that can stand in a script element: nothing in it ends the element."""
    return document.replace("<", "\\u003c")


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode()


def _columns(rows: Rows) -> bytes:
    texts = [rows.name, rows.code, *(texts for _, texts in rows.details)]
    return pack(rows.lon, rows.lat, rows.kind, rows.street, texts)


def _webp(png: bytes) -> bytes:
    """Return a picture with its transparency at a third of the bytes; the first size is what a browser draws anyway."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGBA").save(out, "WEBP", quality=60, method=2)
    return out.getvalue()


def _details(inventory: Inventory) -> list[tuple[Text, list[str]]]:
    """Return what may be in the file only by right: persons, and what people wrote into fields; [] where masked."""
    found: dict[Text, list[str]] = {}
    total = len(inventory)
    start = 0
    for part in inventory.layers if inventory.unmasked else ():
        for title, texts in (*_persons(part), *_written(part)):
            column = found.setdefault(title, [""] * total)
            for i, text in enumerate(texts, start):
                column[i] = (text or "").replace("\n", "\u2028")  # the page turns it back into a line
        start += len(part)
    return [(title, texts) for title, texts in found.items() if any(texts)]


def _persons(part: LayerInventory) -> list[tuple[Text, list[str]]]:
    roles = {role.id: role.title for role in part.layer.contacts}
    found: dict[Text, list[str]] = {title: [""] * len(part) for title in roles.values()}
    for i, people in enumerate(part.contacts or ()):
        for person in people or ():
            title = roles.get(person.role, Text(t("page_contact", "zh"), t("page_contact", "en")))
            column = found.setdefault(title, [""] * len(part))
            column[i] = "\n".join(one for one in (column[i], _person(person)) if one)
    return list(found.items())


def _person(person: Contact) -> str:
    return " ".join(word for word in (person.name, person.phone, person.post) if word)


def _written(part: LayerInventory) -> list[tuple[Text, list[str | None]]]:
    texts = [field for field in part.layer.fields if field.type == "text" and not field.item]
    found = [(field.title, part.table[f"f:{field.id}"].to_pylist()) for field in texts]
    found += [
        (Text(header_of(key), header_of(key)), part.table[key].to_pylist())
        for key in extra_keys(part.table.column_names)
    ]
    return found


def _title(page: MapPage, lang: Lang) -> str:
    return t("sheet_title", lang, district=page.inventory.district, place="").strip()


def _both(key: str) -> dict[Lang, str]:
    return {lang: t(key, lang) for lang in _LANGS}


def _told(text: Text) -> dict[Lang, str]:
    return {lang: text.text(lang) for lang in _LANGS}


def _words(lang: Lang) -> dict[str, str]:
    shared = {key: t(f"js_{key}", lang) for key in _SHARED}
    return shared | {key.removeprefix(_PAGE): t(key, lang) for key in keys(_PAGE)}


def _facts(page: MapPage) -> Mapping[str, Any]:
    """Return everything that the page says of itself and its records but the columns."""
    found, rows = page.inventory, page.rows
    models = list({one.digest: one for part in found.layers for one in part.models}.values())
    zh, en = (legend_ranks(lang) for lang in _LANGS)
    return {
        "lang": found.lang,
        "texts": {lang: _words(lang) for lang in _LANGS},
        "title": {lang: _title(page, lang) for lang in _LANGS},
        "filter": _told(found.filter),
        "as_of": found.as_of,
        "made_at": found.made_at,
        "made_by": found.made_by,
        "publisher": page.publisher,
        "demo": found.demo,
        "approval": found.approval,
        "models": {lang: made_text(models, lang) if models else "" for lang in _LANGS},
        "differences": [_what(difference["what"]) for difference in found.unexplained],
        "bounds": page.bounds,
        "relief": None if page.relief is None else [float(edge) for edge in page.relief[1]],
        "ranks": [
            one | {"title": {"zh": one["title"], "en": other["title"]}}
            for one, other in zip(zh, en, strict=True)
        ],
        "layers": [_layer(part.layer) for part in found.layers],
        "addresses": {one.id: one.query for one in found.printed if one.query and one.id.startswith(_LEGEND)},
        "streets": rows.streets,
        "none": _both("not_stated"),
        "details": [{"title": _told(title)} for title, _ in rows.details],
    }


def _what(what: object) -> dict[Lang, str]:
    return _told(what if isinstance(what, Text) else Text(str(what), str(what)))


def _layer(layer: Layer) -> dict[str, Any]:
    zh, en = (classes_of(layer, lang) for lang in _LANGS)
    return {
        "id": layer.id,
        "title": _told(layer.title),
        "symbol": layer.style.symbol,
        "geometry": layer.shape_kind,
        "risk": layer.counts == "risk",
        "standing": layer.counts == "risk" or layer.model is not None,
        "classes": [
            one | {"title": {"zh": one["title"], "en": other["title"]}}
            for one, other in zip(zh, en, strict=True)
        ],
    }


def _outlines(page: MapPage) -> dict[str, Any]:
    """Return the district, its sub-districts with a place for each name, and the records with a shape.

    A ring or line is a flat list of steps of 1e-5 degree from corner to corner, the first from (0, 0).
    """
    places = page.places
    number = {name: i for i, name in enumerate(page.rows.streets)}
    streets = [] if places is None else zip(places.names, places.polygons, strict=True)
    return {
        "district": [] if places is None else _lines(places.district),
        "streets": [
            (
                number[name],
                shapely.get_coordinates(shapely.point_on_surface(polygon))[0].tolist(),
                _lines(polygon),
            )
            for name, polygon in streets
        ],
        "records": [
            (row, int("Polygon" in shape.geom_type), _lines(shape)) for row, shape in page.rows.shapes
        ],
    }


def _lines(shape: BaseGeometry) -> list[list[int]]:
    found: list[list[int]] = []
    for part in shapely.get_parts(shapely.simplify(shape, _SIMPLIFY)).tolist():
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for ring in rings:
            units = np.round(shapely.get_coordinates(ring) * _UNIT).astype(np.int64)
            found.append(np.diff(units, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel().tolist())
    return found
