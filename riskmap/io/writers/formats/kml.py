"""KML: always WGS84, coloured by tier, records without a position in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely

from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.formats.geojson import DECIMALS, wgs84_shapes
from riskmap.io.writers.record_columns import Attribute, attributes, flat, statements
from riskmap.rules.arrays import pc
from riskmap.texts import t
from riskmap.values.inventory import Inventory, LayerInventory
from riskmap.vocabulary import STANDINGS, TIER_COLOURS

_CHUNK: Final = 8192


_TEXT: Final = pa.large_string()


_NOT_XML: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"


_TYPES: Final = {"number": "double", "integer": "int", "boolean": "bool"}


def write_kml(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write one document: a folder per layer, and one more for its records without a position."""
    facts = "\n".join(f"{key}: {value}" for key, value in statements(inventory, "WGS84 (EPSG:4326)").items())
    with replacing(path) as (room,), room.open("w", encoding="utf-8", newline="\n") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        )
        out.write(f"<name>{_plain(t('export_title', inventory.lang, district=inventory.district))}</name>")
        out.write(f"<description>{_plain(facts)}</description>\n")
        out.writelines(_style(state) for state in STANDINGS)
        tables = [(part, _columns(part, inventory)) for part in inventory.layers]
        out.writelines(_schema(part, columns) for part, columns in tables)
        for part, columns in tables:
            out.writelines(_folders(part, columns, inventory))
        out.write("</Document></kml>\n")
    return [WrittenFile(path, "kml", len(inventory))]


def _columns(part: LayerInventory, inventory: Inventory) -> list[Attribute]:
    # A placemark has a name of its own; a second one would be read back as another column.
    return [c for c in attributes(part, inventory.lang, words=True) if c.name != "name"]


def _style(state: str) -> str:
    red, green, blue = (TIER_COLOURS[state][i : i + 2] for i in (1, 3, 5))
    colour = f"{blue}{green}{red}"
    return (
        f'<Style id="{state}"><IconStyle><color>ff{colour}</color><scale>0.9</scale></IconStyle>'
        f"<LabelStyle><scale>0.7</scale></LabelStyle><LineStyle><color>ff{colour}</color><width>1.5</width></LineStyle>"
        f"<PolyStyle><color>80{colour}</color></PolyStyle></Style>\n"
    )


def _schema(part: LayerInventory, columns: list[Attribute]) -> str:
    fields = "".join(
        f"<SimpleField type={quoteattr(_TYPES.get(c.type, 'string'))} name={quoteattr(c.name)}>"
        f"<displayName>{_plain(c.title)}</displayName></SimpleField>"
        for c in columns
    )
    return f'<Schema name="{part.layer.id}" id="{part.layer.id}">{fields}</Schema>\n'


def _folders(part: LayerInventory, columns: list[Attribute], inventory: Inventory) -> Iterator[str]:
    inventory.wrote(part, 0)
    shapes = wgs84_shapes(part)
    placeless = shapely.is_missing(shapes)
    title = part.layer.title.text(inventory.lang)
    done = 0
    for where, name in (
        (~placeless, title),
        (placeless, f"{title} {t('export_unlocated', inventory.lang)}"),
    ):
        rows = np.flatnonzero(where)
        if not len(rows) and name != title:
            continue
        yield f"<Folder><name>{_plain(name)}</name>\n"
        for start in range(0, len(rows), _CHUNK):
            inventory.wrote(part, done + start)
            yield _placemarks(part, columns, shapes, rows[start : start + _CHUNK])
        yield "</Folder>\n"
        done += len(rows)


def _placemarks(
    part: LayerInventory, columns: list[Attribute], shapes: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]
) -> str:
    at = pa.array(rows)
    table = part.table
    states = pa.array(list(STANDINGS), _TEXT).take(flat(table["rank"]).take(at))
    names = _join("<name>", _texts(flat(table["name"]).take(at)), "</name>")
    data = [
        pc.fill_null(
            _join(f"<SimpleData name={quoteattr(c.name)}>", _texts(c.values.take(at)), "</SimpleData>"),
            pa.scalar("", _TEXT),
        )
        for c in columns
    ]
    marks = _join(
        "<Placemark>",
        pc.fill_null(names, pa.scalar("", _TEXT)),
        "<styleUrl>#",
        states,
        f'</styleUrl><ExtendedData><SchemaData schemaUrl="#{part.layer.id}">',
        *data,
        "</SchemaData></ExtendedData>",
        pa.array([_place(shape) for shape in shapes[rows]], _TEXT),
        "</Placemark>\n",
    )
    return "".join(marks.to_pylist())


def _texts(values: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())  # GDAL before 3.7 reads "true" as 0; a bool of KML is also 1 or 0
    texts = values.cast(_TEXT)
    if not pa.types.is_string(values.type):
        return texts
    # XML 1.0 has no way to write these.
    texts = pc.replace_substring_regex(texts, _NOT_XML, "\ufffd")
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        texts = pc.replace_substring(texts, plain, entity)
    return texts


def _plain(text: str) -> str:
    return _texts(pa.array([text], pa.string()))[0].as_py() if text else escape(text)


def _join(*parts: Any) -> pa.Array:
    return pc.binary_join_element_wise(
        *(pa.scalar(p, _TEXT) if isinstance(p, str) else p for p in parts), pa.scalar("", _TEXT)
    )


def _place(shape: Any) -> str:
    if shape is None:
        return ""
    kind = shape.geom_type
    if kind == "Point":
        return f"<Point><coordinates>{shape.x:.{DECIMALS}f},{shape.y:.{DECIMALS}f}</coordinates></Point>"
    if kind in {"LineString", "LinearRing"}:
        return f"<LineString><coordinates>{_line(shape)}</coordinates></LineString>"
    if kind == "Polygon":
        inner = "".join(f"<innerBoundaryIs>{_ring(r)}</innerBoundaryIs>" for r in shape.interiors)
        return f"<Polygon><outerBoundaryIs>{_ring(shape.exterior)}</outerBoundaryIs>{inner}</Polygon>"
    return f"<MultiGeometry>{''.join(_place(part) for part in shape.geoms)}</MultiGeometry>"


def _ring(ring: Any) -> str:
    return f"<LinearRing><coordinates>{_line(ring)}</coordinates></LinearRing>"


def _line(line: Any) -> str:
    return " ".join(f"{x:.{DECIMALS}f},{y:.{DECIMALS}f}" for x, y in shapely.get_coordinates(line))


FORMAT: Final = ExportFormat(
    ending="kml",
    title="KML",
    help=Text("KML，WGS84 坐标", "KML, WGS84"),
    order=60,
    write=write_kml,
)
