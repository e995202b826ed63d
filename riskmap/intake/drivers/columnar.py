"""Parquet: a plain table, or GeoParquet with its geometry and CRS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from riskmap.errors import UnreadableFileError
from riskmap.intake.drivers.tables import as_text, save


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
    texts = pa.table([as_text(table.column(n)) for n in names], names=[f"c{i}" for i in range(len(names))])
    title = Path(request["name"]).stem
    return [save(folder, 0, title, texts, header=names, shapes=shapes) | crs]


def _box(name: str, table: pa.Table) -> bool:
    """The bounding boxes that some writers keep beside the geometry."""
    return name == "bbox" and pa.types.is_struct(table.column(name).type)


def geo_of(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Return what a GeoParquet file says of its geometry, {} for a plain table."""
    try:
        found = json.loads((metadata or {}).get(b"geo", b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def crs_of(described: dict[str, Any]) -> dict[str, Any]:
    """Return {"crs", …} of a geometry column: an absent CRS means OGC:CRS84; null means that it is not known."""
    if "crs" not in described:
        return {"crs": "EPSG:4326", "crs_stated": False}
    if described["crs"] is None:
        return {"crs": None}
    from riskmap.intake.drivers.projections import epsg_of  # noqa: PLC0415 - only where there is one

    return epsg_of(json.dumps(described["crs"])) | {"crs_stated": True}
