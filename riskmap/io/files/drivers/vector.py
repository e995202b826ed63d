"""Vector files through GDAL, with the one driver that the file's ending names."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyogrio
import pyogrio.raw

from riskmap.errors import UnreadableFileError
from riskmap.io.files import UnexpectedDriversError
from riskmap.io.files.drivers.sheets import as_text, epsg_of, save
from riskmap.io.files.formats import file_formats
from riskmap.rules.arrays import pc

_COPY_BYTES = 1 << 20


_SAMPLED_RECORDS = 3000


_GUIDES = ("字段说明.csv", "Fields.csv")


_GUIDE_BYTES = 1 << 20


# Columns that the KML driver gives every feature, whatever the file holds.
_KML_DRAWING = frozenset({"altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon"})


_KML_OPTIONAL = frozenset({"id", "Name", "description", "timestamp", "begin", "end", "snippet"})


_TEMPORARY_NAME = "input"


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write every layer of the file: attributes as text, geometry as WKB, and the CRS by its code."""
    driver = request["driver"]
    extra = sorted(set(pyogrio.list_drivers()) - {driver})
    if extra:
        raise UnexpectedDriversError(extra)
    sheets: list[dict[str, Any]] = []
    guide = _guide(Path(request["path"])) if request["kind"] == "shp.zip" else {}
    for path, title in _files(request, folder):
        if driver == "GPKG":
            _check_geopackage(path)
        for layer in pyogrio.list_layers(path)[:, 0].tolist():
            if len(sheets) >= request["sheets"]:
                raise UnreadableFileError(
                    f"图层超过 {request['sheets']} 个；请分成几个文件",
                    f"more than {request['sheets']} layers; split the file",
                )
            entry = _layer(
                path,
                layer,
                folder,
                driver=driver,
                title=title or _title(layer, request),
                position=len(sheets),
            )
            names = guide.get(f"{entry['name']}.shp", {})
            entry["header"] = [names.get(header, header) for header in entry["header"]]
            sheets.append(entry)
    if not sheets:
        raise UnreadableFileError("文件里没有图层；请重新导出", "the file holds no layer; export it again")
    return sheets


def _layer(path: Path, layer: str, folder: Path, *, driver: str, title: str, position: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if driver == "ESRI Shapefile":
        options["encoding"] = dbf_encoding(path)
        _mend_field_names(path.with_suffix(".dbf"), options["encoding"])
    meta, table = pyogrio.raw.read_arrow(path, layer=layer, datetime_as_string=True, **options)
    geometry = meta.get("geometry_name") or "wkb_geometry"
    has_geometry = meta.get("geometry_type") is not None and geometry in table.column_names
    attributes = [n for n in table.column_names if n != geometry and not _drivers_own(table, n, driver)]
    texts = pa.table(
        [_text_of(table, n) for n in attributes], names=[f"c{i}" for i in range(len(attributes))]
    )
    shapes = None
    if has_geometry:
        shapes = table.column(geometry).cast(pa.binary())
    entry = save(
        folder, position, title, _with_length(texts, table.num_rows), header=attributes, shapes=shapes
    )
    stated = meta.get("crs")
    if has_geometry:
        entry |= _crs(stated, path, driver)
    return entry


def _text_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column as text; of a moment, which comes as text because only so its zone survives, like in a table."""
    text = as_text(table.column(name))
    if (table.schema.field(name).metadata or {}).get(b"GDAL:OGR:type") != b"DateTime":
        return text
    return pc.replace_substring_regex(text, r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?", r"\1 \2")


def _title(layer: str, request: dict[str, Any]) -> str:
    """A layer without a name of its own is called like our copy: give it the file's name."""
    return Path(request["name"]).stem if layer == _TEMPORARY_NAME else layer


def _with_length(texts: pa.Table, rows: int) -> pa.Table:
    """A layer without attributes still has its features."""
    if texts.num_columns:
        return texts
    return pa.table({"c0": pa.nulls(rows, pa.string())})


def _drivers_own(table: pa.Table, column: str, driver: str) -> bool:
    """Tell a column that the KML driver made up from one that the file holds."""
    if driver != "LIBKML":
        return False
    values = table.column(column)
    return column in _KML_DRAWING or (column in _KML_OPTIONAL and values.null_count == len(values))


def _crs(stated: str | None, path: Path, driver: str) -> dict[str, Any]:
    """Return the CRS by EPSG code ("" where it has none), and whether the file itself states it."""
    if driver == "LIBKML":
        return {"crs": "EPSG:4326", "crs_stated": False}
    if driver == "GeoJSON" and not _names_crs(path):
        return {"crs": "EPSG:4326", "crs_stated": False}
    if not stated:
        return {"crs": None}
    return epsg_of(stated) | {"crs_stated": True}


def _names_crs(path: Path) -> bool:
    """Tell whether a GeoJSON has a crs member, which stands near its beginning or its end."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        text = stream.read(65_536)
        if size > len(text):
            stream.seek(max(len(text), size - 65_536))
            text += stream.read()
    return re.search(rb'"crs"\s*:\s*\{', text) is not None


def _files(request: dict[str, Any], folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files to open, copied into the worker's own folder, and the name of their layer.

    A copy, because GDAL writes beside what it opens (an index, a journal); "" leaves the layer's own name.
    """
    kind, path = request["kind"], Path(request["path"])
    if kind == "shp":
        inside = folder / "input"
        inside.mkdir()
        for ending, part in request["parts"].items():
            shutil.copyfile(part, inside / f"layer{ending}")
        _check_shapefile(inside / "layer.shp")
        yield inside / "layer.shp", Path(request["name"]).stem
    elif kind == "shp.zip":
        yield from _zipped_shapefiles(path, folder / "input", request["unpacked_bytes"])
    elif kind == "kmz":
        yield _kml_of(path, folder, request["unpacked_bytes"]), ""
    else:
        target = folder / f"{_TEMPORARY_NAME}{'.json' if kind == 'geojson' else '.' + kind}"
        shutil.copyfile(path, target)
        if kind == "kml":
            _refuse_entities(target)
        yield target, Path(request["name"]).stem if kind == "geojson" else ""


def _check_shapefile(path: Path) -> None:
    if not path.with_suffix(".dbf").exists():
        raise UnreadableFileError(
            "缺少同名的 .dbf（属性表）；请把 .shp .shx .dbf .prj 放在一起",
            "the .dbf (attributes) is missing; keep all parts together",
        )
    if not path.with_suffix(".shx").exists():
        # GDAL can rebuild it, in our own copy.
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
    with path.open("rb") as stream:
        head = stream.read(100)
    if len(head) < 100:  # noqa: PLR2004 - the header of a shapefile
        raise UnreadableFileError("文件不完整；请重新传送", "the file is cut off; send it again")
    announced = struct.unpack(">i", head[24:28])[0] * 2
    if announced > path.stat().st_size:
        raise UnreadableFileError(
            f"文件不完整：应有 {announced} 字节，只有 {path.stat().st_size} 字节；请重新传送",
            f"the file is cut off: {announced} bytes announced, {path.stat().st_size} there; send it again",
        )


def _zipped_shapefiles(path: Path, into: Path, most: int) -> Iterator[tuple[Path, str]]:
    into.mkdir()
    with zipfile.ZipFile(path) as archive:
        groups: dict[str, dict[str, zipfile.ZipInfo]] = {}
        for member in archive.infolist():
            name = PurePosixPath(_member_name(member))
            if (
                name.suffix.lower() in file_formats()["shp"].companions
                and "__MACOSX" not in name.parts
                and not name.name.startswith(".")
            ):
                groups.setdefault(str(name.with_suffix("")), {})[name.suffix.lower()] = member
        left = most
        for i, (stem, parts) in enumerate(sorted(groups.items())):
            if ".shp" not in parts:
                continue
            for ending, member in parts.items():
                left -= _extract(archive, member, into / f"{i}{ending}", left)
            _check_shapefile(into / f"{i}.shp")
            yield into / f"{i}.shp", PurePosixPath(stem).name


def _guide(path: Path) -> dict[str, dict[str, str]]:
    """Return shapefile → short field name → full one, from the table of names that an export of ours adds.

    Its rows are file, field, id, …; where the table is missing or odd, the short names stand.
    """
    names: dict[str, dict[str, str]] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if PurePosixPath(_member_name(member)).name not in _GUIDES or member.file_size > _GUIDE_BYTES:
                continue
            text = archive.read(member).decode("utf-8-sig", errors="replace")
            for row in csv.reader(io.StringIO(text, newline="")):
                if len(row) > 3 and row[0].endswith(".shp") and row[2]:  # noqa: PLR2004 - file, field, id, title
                    names.setdefault(row[0], {})[row[1]] = row[2]
    return names


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; Chinese Windows writes GB18030 without saying so."""
    name = member.filename.replace("\\", "/")
    if member.flag_bits & 0x800:
        return name
    try:
        raw = member.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding).replace("\\", "/")
        except UnicodeDecodeError:
            continue
    return name


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one member under a name of our own, counting what really comes out."""
    written = 0
    with archive.open(member) as source, target.open("wb") as sink:
        while block := source.read(_COPY_BYTES):
            written += len(block)
            if written > most:
                raise UnreadableFileError(
                    "压缩包解开后过大，为安全起见不读取", "the archive unpacks to too much; refused as unsafe"
                )
            sink.write(block)
    return written


def _kml_of(path: Path, folder: Path, most: int) -> Path:
    with zipfile.ZipFile(path) as archive:
        names = [m for m in archive.infolist() if m.filename.lower().endswith(".kml")]
        main = next((m for m in names if m.filename.lower() == "doc.kml"), names[0])
        target = folder / f"{_TEMPORARY_NAME}.kml"
        _extract(archive, main, target, most)
    _refuse_entities(target)
    return target


def _refuse_entities(path: Path) -> None:
    """GDAL refuses external and nested entities; we do not let any definition get that far."""
    data = path.read_bytes().replace(b"\x00", b"").lower()
    if b"<!doctype" in data or b"<!entity" in data:
        raise UnreadableFileError(
            "KML 里含有 DOCTYPE 或实体定义，为安全起见不读取；请重新导出",
            "the KML holds a DOCTYPE or entity definitions and is refused as unsafe; export it again",
        )
    if b"<kml" not in data and b":kml" not in data:
        raise UnreadableFileError("内容不是 KML；请重新导出", "the content is not KML; export it again")


def _check_geopackage(path: Path) -> None:
    """Tell a GeoPackage from any other SQLite file before GDAL looks at it."""
    try:
        with sqlite3.connect(f"file:{path.as_posix()}?mode=ro&immutable=1", uri=True) as database:
            found = database.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'gpkg_contents'"
            ).fetchone()
    except sqlite3.Error as problem:
        raise UnreadableFileError(
            "数据库文件损坏或不完整；请重新传送", "the database is damaged or cut off; send it again"
        ) from problem
    if not found[0]:
        raise UnreadableFileError(
            "是 SQLite 数据库，但不是 GeoPackage；请用 QGIS 另存为 gpkg",
            "a SQLite database but no GeoPackage; save it as gpkg in QGIS",
        )


def dbf_encoding(path: Path) -> str:
    """Return the encoding of a shapefile's attributes, judged by its texts: .cpg files often lie.

    UTF-8 where every text is valid UTF-8 (a last character may be cut), else GB18030.
    """
    texts = list(_dbf_texts(path.with_suffix(".dbf")))
    for encoding in ("utf-8", "gb18030"):
        if all(_decodes(text, encoding) for text in texts):
            return encoding
    stated = path.with_suffix(".cpg")
    name = stated.read_text("ascii", errors="ignore").strip() if stated.exists() else ""
    return name or "gb18030"


def _mend_field_names(path: Path, encoding: str) -> None:
    """Take the half character off field names that a writer cut after ten bytes (容纳人数 in UTF-8).

    Done in our own copy: GDAL hands such a name on as it is, and it cannot be read as text.
    """
    with path.open("r+b") as stream:
        size = struct.unpack("<H", stream.read(32)[8:10])[0]
        for at in range(32, size - 32, 32):
            stream.seek(at)
            name = stream.read(11).split(b"\0")[0]
            if name[:1] == b"\r":
                break
            try:
                whole = name.decode(encoding, "ignore").encode(encoding)
            except LookupError:
                return
            if whole and whole != name:
                stream.seek(at)
                stream.write(whole.ljust(11, b"\0"))


def _decodes(text: bytes, encoding: str) -> bool:
    for cut in range(4):
        try:
            text[: len(text) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _dbf_texts(path: Path) -> Iterator[bytes]:
    """Yield the non-ASCII field names and texts of a dBASE table's first records."""
    with path.open("rb") as stream:
        head = stream.read(32)
        if len(head) < 32:  # noqa: PLR2004 - the header of a dBASE table
            return
        count, header_size, record_size = struct.unpack_from("<IHH", head, 4)
        fields: list[tuple[int, int]] = []
        at = 1
        descriptors = stream.read(max(0, header_size - 32))
        for i in range(0, len(descriptors) - 31, 32):
            if descriptors[i] == 0x0D:  # noqa: PLR2004 - ends the list
                break
            name, kind, width = (
                descriptors[i : i + 11].split(b"\0")[0],
                descriptors[i + 11 : i + 12],
                descriptors[i + 16],
            )
            if not name.isascii():
                yield name
            if kind == b"C":
                fields.append((at, width))
            at += width
        stream.seek(header_size)
        for _ in range(min(count, _SAMPLED_RECORDS)):
            record = stream.read(record_size)
            for start, width in fields:
                text = record[start : start + width].rstrip(b" \0")
                if not text.isascii():
                    yield text
