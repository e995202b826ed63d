"""Read exported files back with ordinary libraries, as rows that JSON can hold."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pyarrow.parquet as pq
import pyogrio
import shapely
from docx.oxml.ns import qn


def read_back(path: Path | str) -> Any:
    """Return what a written file holds: rows by layer or sheet, paragraphs, places."""
    path = Path(path)
    ending = "shp.zip" if path.name.endswith(".shp.zip") else path.suffix[1:]
    return _READERS[ending](path)


def _xlsx(path: Path | io.BytesIO) -> Any:
    book = openpyxl.load_workbook(path)
    return {
        sheet.title: {
            "rows": [[_cell(c) for c in row] for row in sheet.iter_rows(values_only=True)],
            "merged": sorted(str(r) for r in sheet.merged_cells.ranges),
            "frozen": sheet.freeze_panes,
            "filter": sheet.auto_filter.ref,
        }
        for sheet in book.worksheets
    }


def _zip(path: Path) -> Any:
    """Return what a package holds: the names of its files, and the workbook among them."""
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        return {"files": names, "book": _xlsx(io.BytesIO(package.read(names[0])))}


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _csv(path: Path) -> Any:
    raw = path.read_bytes()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {"head": raw[:3].hex(), "rows": list(csv.reader(file))}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _vector(path: Path | str) -> Any:
    found = {}
    for name, kind in pyogrio.list_layers(path):
        meta, table = pyogrio.read_arrow(path, layer=name)
        rows = table.to_pylist()
        shape = meta["geometry_name"] or "wkb_geometry"
        for row in rows:
            wkb = row.pop(shape, None)
            row["shape"] = None if wkb is None else _wkt(wkb)
            row.pop("update_time", None)  # of a style in a GeoPackage: SQLite's own clock
        types = {f.name: str(f.type) for f in table.schema}
        found[name] = {"kind": kind, "crs": meta["crs"], "types": types, "rows": rows}
    return found


def _wkt(wkb: bytes) -> str:
    return shapely.to_wkt(shapely.from_wkb(wkb), rounding_precision=7)


def _shp(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
    shapes = [n for n in names if n.lower().endswith(".shp")]
    return {"files": names, "layers": {n: _vector(f"/vsizip/{path}/{n}") for n in shapes}}


def _kml(path: Path) -> Any:
    return _element(ET.parse(path).getroot())


def _element(node: ET.Element) -> Any:
    tag = node.tag.rpartition("}")[2]
    told = {"attributes": dict(node.attrib), "text": (node.text or "").strip()}
    inside = [_element(child) for child in node]
    return {"tag": tag} | {k: v for k, v in (told | {"inside": inside}).items() if v}


def _parquet(path: Path) -> Any:
    table = pq.read_table(path)
    meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if k != b"ARROW:schema"}
    rows = [{k: _wkt(v) if isinstance(v, bytes) else v for k, v in row.items()} for row in table.to_pylist()]
    plain = {k: json.loads(v) if v.startswith("{") else v for k, v in meta.items()}
    return {"types": {f.name: str(f.type) for f in table.schema}, "metadata": plain, "rows": rows}


def _docx(path: Path) -> Any:
    paper = docx.Document(str(path))
    tables = [[[_said(cell) for cell in row.cells] for row in table.rows] for table in paper.tables]
    return {"paragraphs": [text for p in paper.paragraphs if (text := _said(p))], "tables": tables}


def _said(part: Any) -> str:
    """Return the text of a paragraph or cell with what stands in content controls, which python-docx leaves out."""
    whole = part._element
    if whole.find(f".//{qn('w:sdt')}") is None:
        return part.text
    return "".join(one.text or "" for one in whole.iter(qn("w:t")))


def _svg(path: Path) -> Any:
    """Return what a picture says; where its words stand hangs on the fonts of the machine."""
    nodes = ET.parse(path).iter()
    return [node.text for node in nodes if node.tag.endswith(("text", "tspan")) and node.text]


def _text(path: Path) -> Any:
    return path.read_text(encoding="utf-8").splitlines()


_READERS = {
    "xlsx": _xlsx, "csv": _csv, "geojson": _json, "json": _json, "gpkg": _vector, "shp.zip": _shp, "kml": _kml,
    "zip": _zip, "parquet": _parquet, "docx": _docx, "svg": _svg, "md": _text, "html": _text,
}  # fmt: skip
