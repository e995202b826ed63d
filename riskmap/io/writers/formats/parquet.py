"""GeoParquet 1.1: one file per layer, WKB in CGCS2000, columns by id, titles in the schema."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from riskmap.coordinates import CGCS2000
from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.writers.formats import ExportFormat, file_each
from riskmap.io.writers.record_columns import attributes, choice_words, dated, geometries, statements
from riskmap.values.inventory import Inventory, LayerInventory

_DATUM = "CGCS2000 (EPSG:4490)"


def write_parquet(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write `path` itself for one layer, `<stem>_<layer id>.parquet` for several."""
    return file_each(inventory, path, "parquet", _write)


def _write(inventory: Inventory, part: LayerInventory, path: Path) -> None:
    with path.open("wb") as out:
        pq.write_table(_table(part, inventory), out, compression="zstd")


def _table(part: LayerInventory, inventory: Inventory) -> pa.Table:
    columns = attributes(part, inventory.lang, words=False, each=partial(inventory.wrote, part, 0))
    taken = {c.name for c in columns}
    place = "geometry" if "geometry" not in taken else "riskmap_geometry"
    wkb = geometries(part)
    values = [dated(c) for c in columns]
    schema = pa.schema(
        [
            *(
                pa.field(c.name, column.type, metadata={"title": c.title, "unit": c.unit})
                for c, column in zip(columns, values, strict=True)
            ),
            pa.field(place, pa.binary()),
        ],
        metadata={
            "geo": json.dumps(_geo(place, wkb)),
            "riskmap": json.dumps(
                {
                    "layer": part.layer.id,
                    **statements(inventory, _DATUM),
                    "titles": {c.name: c.title for c in columns},
                    "choices": choice_words(part.layer, inventory.lang),
                },
                ensure_ascii=False,
            ),
        },
    )
    return pa.table([*values, wkb], schema=schema)


def _geo(place: str, wkb: pa.Array) -> dict[str, Any]:
    shapes = shapely.from_wkb(np.array(wkb.drop_null().to_pylist(), object))
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted({shape.geom_type for shape in shapes}),
        "crs": pyproj.CRS.from_user_input(CGCS2000).to_json_dict(),
    }
    if len(shapes):
        column["bbox"] = [float(v) for v in shapely.total_bounds(shapes)]
    return {"version": "1.1.0", "primary_column": place, "columns": {place: column}}


FORMAT: Final = ExportFormat(
    ending="parquet",
    title="Parquet",
    help=Text("GeoParquet，供数据分析使用", "GeoParquet, for data analysis"),
    order=70,
    write=write_parquet,
)
