"""Parquet: a plain table, or GeoParquet with its geometry and CRS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers.sheets import as_text, as_utf8, save
from riskmap.io.files.drivers.stated_crs import crs_of, geo_of


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the table as one layer with stated columns."""
    file = pq.ParquetFile(request["path"])
    schema = file.schema_arrow
    if len(schema.names) > request["columns"]:
        raise UnreadableFileError(
            f"有 {len(schema.names)} 列，超过上限 {request['columns']}",
            f"{len(schema.names)} columns, more than {request['columns']}",
        )
    table = file.read()
    geo = geo_of(schema.metadata)
    primary = geo.get("primary_column") if geo else None
    shapes, crs = None, {}
    if primary in table.column_names:
        described = geo.get("columns", {}).get(primary, {})
        if described.get("encoding") != "WKB":
            raise UnreadableFileError(
                f"GeoParquet 的图形编码 {described.get('encoding')} 不支持；请用 WKB 重新导出",
                f"the geometry encoding {described.get('encoding')} is not supported; export it as WKB",
            )
        shapes = table.column(primary).cast(pa.binary())
        crs = crs_of(described)
    names = [n for n in table.column_names if n != primary and not _box(n, table)]
    columns = as_utf8([as_text(table.column(n)) for n in names])
    texts = pa.table(columns, names=[f"c{i}" for i in range(len(names))])
    title = Path(request["name"]).stem
    return [save(folder, 0, title, texts, header=names, shapes=shapes) | crs]


def _box(name: str, table: pa.Table) -> bool:
    """The bounding boxes that some writers keep beside the geometry."""
    return name == "bbox" and pa.types.is_struct(table.column(name).type)
