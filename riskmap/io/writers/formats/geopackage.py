"""GeoPackage: a table per layer in CGCS2000, titles as column aliases, opens in QGIS coloured by tier."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from riskmap.catalog.layer import GeometryKind
from riskmap.coordinates import CGCS2000
from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.record_columns import (
    Attribute,
    ColumnGroup,
    attributes,
    dated,
    groups,
    standing_kind,
    statements,
)
from riskmap.progress import Cancelled
from riskmap.values.inventory import STATES, Inventory, LayerInventory, tier_title
from riskmap.vocabulary import GRADES, TIER_COLOURS, WEIGHT_OF

DATUM: Final = "CGCS2000 (EPSG:4490)"


_STYLES: Final = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)"""


# QGIS's names for our symbols.
_MARKERS: Final = {"drop": "diamond", "house": "pentagon"}


_NAMED: Final = ("major", "large")  # tiers that are seen first, and by name


_VERSION: Final = "1.2"  # GDAL before 3.7 warns of a later one at every opening


def write_gpkg(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write the GeoPackage. A layer's records of another geometry kind get a table of their own."""
    with replacing(path) as (room,):
        tables: list[tuple[str, str, int, str]] = []
        for part in inventory.layers:
            inventory.wrote(part, 0)
            columns = attributes(part, inventory.lang, words=True, each=partial(inventory.wrote, part, 0))
            for group in groups(part):
                name = (
                    part.layer.id if group.kind == part.layer.shape_kind else f"{part.layer.id}_{group.kind}"
                )
                place = _write_table(inventory, part, columns, group, path=room, name=name)
                qml = style_qml(part, [(c, c.name) for c in columns], group.kind, inventory.lang)
                tables.append((name, place, len(group.rows), qml))
        _finish(room, tables)
    return [WrittenFile(path, "gpkg", len(inventory))]


def _write_table(
    inventory: Inventory,
    part: LayerInventory,
    columns: list[Attribute],
    group: ColumnGroup,
    *,
    path: Path,
    name: str,
) -> str:
    taken = {c.name.casefold() for c in columns}
    place = next(word for word in ("geom", "riskmap_geom") if word not in taken)
    key = next(word for word in ("fid", "riskmap_fid") if word not in taken)
    fields = [_typed(c, group.rows) for c in columns]
    table = pa.table(
        [*(values for _, values in fields), group.wkb],
        schema=pa.schema([*(field for field, _ in fields), pa.field(place, pa.binary())]),
    )
    facts = statements(inventory, DATUM)
    write_table(
        table,
        path,
        told=partial(inventory.wrote, part),
        layer=name,
        driver="GPKG",
        geometry_name=place,
        geometry_type=group.type,
        append=path.exists(),
        dataset_options={"VERSION": _VERSION},
        layer_metadata=facts,
        layer_options={
            "FID": key,
            "GEOMETRY_NAME": place,
            "IDENTIFIER": name if name != part.layer.id else part.layer.title.text(inventory.lang),
            "DESCRIPTION": "；".join(facts.values()),
        },
    )
    return place


_CHUNK: Final = 8192


def write_table(table: pa.Table, path: Path, *, told: Callable[[int], None], **options: Any) -> None:
    """Hand a table with a WKB column to GDAL; what it refuses becomes an ExportError.

    `told`: how many rows were handed over so far. Cancelled from it ends the writing.
    """
    stopped: list[Cancelled] = []

    def handed_over() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in table.to_batches(_CHUNK):
            try:
                told(done)
            except Cancelled as stop:  # GDAL would make an error of it, and only an end passes through
                stopped.append(stop)
                return
            yield batch
            done += batch.num_rows

    stream = pa.RecordBatchReader.from_batches(table.schema, handed_over())
    try:
        pyogrio.write_arrow(stream, path, crs=CGCS2000, **options)
    except (DataSourceError, DataLayerError) as problem:
        raise ExportError(
            f"{path.name}：无法写入（{problem}）；请检查磁盘空间或换一个位置",
            f"{path.name}: cannot be written ({problem}); check the disk or choose another place",
        ) from problem
    if stopped:
        raise stopped[0]


def _typed(column: Attribute, rows: pa.Array) -> tuple[pa.Field, pa.Array]:
    values = dated(replace(column, values=column.values.take(rows)))
    return pa.field(column.name, values.type, metadata={"GDAL:OGR:alternative_name": column.title}), values


def _finish(path: Path, tables: list[tuple[str, str, int, str]]) -> None:
    """Add the styles, and count: a full disk must not leave fewer records than were selected."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(_STYLES)
        for name, place, rows, qml in tables:
            quoted = '"' + name.replace('"', '""') + '"'
            found = db.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]  # noqa: S608 - quoted, an id of ours
            if found != rows:
                raise ExportError(
                    f"{path.name} › {name}：应有 {rows} 条，只写入 {found} 条；请检查磁盘空间后重试",
                    f"{path.name} › {name}: {found} of {rows} records were written; check the disk and try again",
                )
            db.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
                " styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, ?, ?, ?, '', 1, '', '')",
                (name, place, name[:30], qml),
            )
        db.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles')"
        )


_BLANK: Final = frozenset({"unrated", "ungraded"})  # categories of the records whose column is empty


def style_qml(
    part: LayerInventory, written: Sequence[tuple[Attribute, str]], kind: GeometryKind, lang: Lang
) -> str:
    """Return the QGIS style of a table: a colour per tier or grade, the worst on top, titles for field names.

    `written`: each column with the name that it has in the table, in their order. The worst tiers are named
    on the map; the records of a layer that has neither tiers nor grades are of one colour.
    """
    drawn = standing_kind(part.layer)
    states = STATES if drawn == "tier" else tuple(GRADES[state] for state in STATES)
    standing = next(
        (name for c, name in written if c.derived and c.name.removeprefix("riskmap_") == drawn), None
    )
    if standing is None:
        states = ("ungraded",)
    column = standing or next(name for c, name in written if c.name == "code")
    label = next(name for c, name in written if c.name == "name")
    symbols = "".join(_symbol(i, state, kind, part.layer.style.symbol) for i, state in enumerate(states))
    categories = "".join(
        f'<category render="true" type="string" symbol="{i}" value="{"" if state in _BLANK else state}" '
        f"label={quoteattr(tier_title(state, lang))}/>"
        for i, state in enumerate(states)
    )
    shape = {"point": 0, "line": 1, "polygon": 2}[kind]
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">'
        '<qgis version="3.22.0" labelsEnabled="1" styleCategories="AllStyleCategories">'
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(column)} symbollevels="1" enableorderby="0" forceraster="0">'
        f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
        f"{_labels(column, label)}{_standing_words(standing, states, lang)}{_aliases(written)}"
        f"<layerGeometryType>{shape}</layerGeometryType></qgis>"
    )


def _labels(column: str, label: str) -> str:
    """Return labels for the two worst tiers: forty thousand names would hide the map."""
    worst = ", ".join(f"'{state}'" for state in _NAMED)
    expression = f"""CASE WHEN "{column}" IN ({worst}) THEN "{label}" END"""
    return (
        f'<labeling type="simple"><settings calloutType="simple"><text-style fieldName={quoteattr(expression)} '
        'isExpression="1" fontSize="9" fontSizeUnit="Point" textColor="28,39,51,255">'
        '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255"/></text-style>'
        '<placement placement="6" dist="1" distUnits="MM"/><rendering obstacle="0"/></settings></labeling>'
    )


def _standing_words(column: str | None, states: Sequence[str], lang: Lang) -> str:
    """Return the list of values of tier or grade, so that its form and table say 重大 for major."""
    if column is None:
        return ""
    words = "".join(
        f'<Option type="Map"><Option type="QString" name={quoteattr(tier_title(state, lang))} value="{state}"/></Option>'
        for state in states
        if state not in _BLANK
    )
    return (
        f'<fieldConfiguration><field name={quoteattr(column)} configurationFlags="None"><editWidget type="ValueMap"><config>'
        f'<Option type="Map"><Option type="List" name="map">{words}</Option></Option>'
        "</config></editWidget></field></fieldConfiguration>"
    )


def _aliases(written: Sequence[tuple[Attribute, str]]) -> str:
    rows = "".join(
        f'<alias field={quoteattr(name)} index="{i}" name={quoteattr(column.title)}/>'
        for i, (column, name) in enumerate(written, start=1)  # 0 is the running number
    )
    return f"<aliases>{rows}</aliases>"


def _symbol(number: int, state: str, kind: GeometryKind, marker: str) -> str:
    colour = TIER_COLOURS[state]
    rgb = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    worst = state in _NAMED
    kinds = {
        "point": (
            "marker",
            "SimpleMarker",
            {
                "name": _MARKERS.get(marker, marker),
                "color": f"{rgb},255",
                # Of small symbols a line, however thin, would be all that is seen.
                "outline_style": "solid" if worst else "no",
                "outline_color": "34,34,34,255",
                "outline_width": "0.3",
                "size": "3.4" if worst else "1.6",
                "size_unit": "MM",
            },
        ),
        "line": (
            "line",
            "SimpleLine",
            {"line_color": f"{rgb},255", "line_width": "0.8", "line_width_unit": "MM"},
        ),
        "polygon": (
            "fill",
            "SimpleFill",
            {"color": f"{rgb},128", "style": "solid", "outline_color": f"{rgb},255", "outline_width": "0.4"},
        ),
    }
    type_, class_, options = kinds[kind]
    # QGIS up to 3.24 reads <prop>, later ones read both. A higher pass is drawn later.
    properties = "".join(f'<prop k="{k}" v="{v}"/>' for k, v in options.items())
    return (
        f'<symbol name="{number}" type="{type_}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f'<layer class="{class_}" enabled="1" locked="0" pass="{WEIGHT_OF[state]}">{properties}</layer></symbol>'
    )


FORMAT: Final = ExportFormat(
    ending="gpkg",
    title="GPKG",
    help=Text("GeoPackage，QGIS 打开即按等级着色", "GeoPackage, opens coloured by tier in QGIS"),
    order=40,
    write=write_gpkg,
)
