"""GeoPackage: a table per layer in CGCS2000, titles as column aliases, opens in QGIS coloured by tier."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from riskmap.coordinates import CGCS2000
from riskmap.errors import ExportError, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.qgis import ProjectLayer, is_own_project, project_of, style_of, style_qml
from riskmap.io.writers.record_columns import (
    Attribute,
    ColumnGroup,
    attributes,
    dated,
    groups,
    statements,
)
from riskmap.progress import Cancelled
from riskmap.values.inventory import Inventory, LayerInventory

DATUM: Final = "CGCS2000 (EPSG:4490)"


_STYLES: Final = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)"""


_VERSION: Final = "1.2"  # GDAL before 3.7 warns of a later one at every opening


def write_gpkg(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write the GeoPackage and, beside it, the QGIS project that shows it (.qgz).

    A layer's records of another geometry kind get a table of their own. A project of that name that somebody has
    made or saved in QGIS stays as it is.
    """
    project = path.with_suffix(".qgz")
    targets = (path, project) if is_own_project(project) else (path,)
    with replacing(*targets) as rooms:
        room = rooms[0]
        tables: list[tuple[str, str, int, str]] = []
        shown: list[ProjectLayer] = []
        for part in inventory.layers:
            inventory.wrote(part, 0)
            columns = attributes(part, inventory.lang, words=True, each=partial(inventory.wrote, part, 0))
            for group in groups(part):
                own = group.kind == part.layer.shape_kind
                name = part.layer.id if own else f"{part.layer.id}_{group.kind}"
                place = _write_table(inventory, part, columns, group, path=room, name=name)
                written = [(c, c.name) for c in columns]
                style = style_of(part, written, group.kind, inventory.lang)
                tables.append((name, place, len(group.rows), style_qml(style)))
                shown.append(ProjectLayer(name, part.layer.title.text(inventory.lang), group, style))
        _finish(room, tables)
        for one in rooms[1:]:
            one.write_bytes(project_of(inventory, path.name, shown))
    return [WrittenFile(path, "gpkg", len(inventory))]  # the project shows records and holds none


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


FORMAT: Final = ExportFormat(
    ending="gpkg",
    title="GPKG",
    help=Text("GeoPackage，QGIS 打开即按等级着色", "GeoPackage, opens coloured by tier in QGIS"),
    order=40,
    write=write_gpkg,
)
