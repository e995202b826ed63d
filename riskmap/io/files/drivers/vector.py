"""Vector files through GDAL, with the one driver that the file's ending names."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import mmap
import re
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyogrio
import pyogrio.errors
import pyogrio.raw

from riskmap.errors import Text, UnreadableFileError
from riskmap.interface import option
from riskmap.io.files import SEPARATOR, UnexpectedDriversError
from riskmap.io.files.drivers.dbf import DbfTable, prepared
from riskmap.io.files.drivers.encodings import decoded_columns, fixed_width
from riskmap.io.files.drivers.sheets import Fault, as_text, as_utf8, save
from riskmap.io.files.drivers.stated_crs import epsg_of
from riskmap.io.files.formats import file_formats
from riskmap.rules.arrays import pc

_COPY_BYTES = 1 << 20


_GUIDES = ("字段说明.csv", "Fields.csv")


_GUIDE_BYTES = 1 << 20


_DEEPEST_ARCHIVE = 2  # archives around a shapefile besides the file itself


_TEMPORARY_NAME = "input"


# The name of the member crs, its letters as they are or as \uXXXX, before a colon or a comment.
_CRS_NAME = re.compile(rb"""(?i)["'](?:c|\\u00[46]3)(?:r|\\u00[57]2)(?:s|\\u00[57]3)["'](?=\s*[:/])""")


_CRS_BYTES = 4096


# opengis.net names systems by addresses that GDAL knows without asking.
_ADDRESS = re.compile(r"(?i)\s*(?:[a-z][a-z0-9+.-]*://(?!(?:www\.)?opengis\.net/)|/vsi)")


_MOST_BROKEN = 200  # a layer with more of them is damaged as a whole


_BROKEN = Text(
    "这一行损坏，读不出来；请在原系统中改正后重新导出", "this row is damaged; correct it where it came from"
)


# What a read of the whole raises for the sake of one feature.
_REFUSALS = (
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.GeometryError,
    pa.ArrowException,
    RuntimeError,
)


_Read = tuple[dict[str, Any], pa.Table]


_DAYS = frozenset({b"DATE", b"DATETIME"})


_TYPED = _DAYS | {
    b"BOOLEAN",
    b"TINYINT",
    b"SMALLINT",
    b"MEDIUMINT",
    b"INT",
    b"INTEGER",
    b"FLOAT",
    b"DOUBLE",
    b"REAL",
}


def read(
    request: dict[str, Any], folder: Path, faults: Sequence[tuple[int, str, Text]] = ()
) -> list[dict[str, Any]]:
    """Write every layer of the file: attributes as text, geometry as WKB, and the CRS by its code.

    `faults`: row, attribute ("" for the whole) and what was found wrong before GDAL saw the file.
    """
    driver = request["driver"]
    extra = sorted(set(pyogrio.list_drivers()) - {driver})
    if extra:
        raise UnexpectedDriversError(extra)
    sheets: list[dict[str, Any]] = []
    guide: dict[str, dict[str, str]] = {}
    for path, title in _files(request, folder, guide):
        if driver == "GPKG":
            _check_geopackage(path)
        for layer in pyogrio.list_layers(path)[:, 0].tolist():
            if len(sheets) >= request["sheets"]:
                raise UnreadableFileError(
                    f"图层超过 {request['sheets']} 个；请分成几个文件",
                    f"more than {request['sheets']} layers; split the file",
                )
            found = _layer(path, layer, driver)
            found.faults += [(row, found.place(name), say) for row, name, say in faults]
            name = title or _title(layer, request)
            names = guide.get(f"{name.split(SEPARATOR)[-1]}.shp", {})
            header = [names.get(each, each) for each in found.header]
            entry = save(
                folder,
                len(sheets),
                name,
                found.texts(),
                header=header,
                shapes=found.shapes,
                faults=found.faults,
            )
            sheets.append(entry | found.crs)
    if not sheets:
        raise UnreadableFileError("文件里没有图层；请重新导出", "the file holds no layer; export it again")
    return sheets


@dataclass(slots=True)
class _Layer:
    """One layer: its attributes as text under their header, shapes as WKB, what is wrong with which row."""

    header: list[str]
    columns: list[pa.ChunkedArray]
    count: int
    shapes: pa.ChunkedArray | None
    crs: dict[str, Any]
    faults: list[Fault]

    def texts(self) -> pa.Table:
        """Return the attributes; a layer without any still has its features."""
        if not self.columns:
            return pa.table({"c0": pa.nulls(self.count, pa.string())})
        return pa.table(self.columns, names=[f"c{i}" for i in range(len(self.columns))])

    def place(self, name: str) -> int:
        """Return the column of an attribute, -1 where there is none."""
        return self.header.index(name) if name in self.header else -1

    def put(self, column: int, texts: Mapping[int, str]) -> None:
        """Put texts at some rows of a column."""
        if not texts:
            return
        values = self.columns[column].to_pylist()
        for row, text in texts.items():
            values[row] = text
        self.columns[column] = pa.chunked_array([pa.array(values, pa.string())])


def _layer(path: Path, layer: str, driver: str) -> _Layer:
    table_of_shapes = prepared(path.with_suffix(".dbf")) if driver == "ESRI Shapefile" else None
    options = (
        {"encoding": "UTF-8"} if table_of_shapes else {}
    )  # as it stands: what it is in is found out below
    meta, table, broken = _features(path, layer, options)
    fids, table = table.column(0).to_pylist(), table.remove_column(0)
    geometry = meta.get("geometry_name") or "wkb_geometry"
    has_geometry = meta.get("geometry_type") is not None and geometry in table.column_names
    added = {"id"} if driver == "TopoJSON" else set[str]()  # by GDAL, whether or not a shape has one
    attributes = [
        n
        for n in table.column_names
        if n != geometry and not (n in added and not any(table.column(n).to_pylist()))
    ]
    columns = [_text_of(table.column(n), table.schema.field(n)) for n in attributes]
    shapes = table.column(geometry).cast(pa.binary()) if has_geometry else None
    crs = _crs(meta.get("crs"), path, driver) if has_geometry else {}
    found = _Layer(attributes, columns, table.num_rows, shapes, crs, broken)
    rows = {fid: row for row, fid in enumerate(fids) if fid is not None}
    if table_of_shapes:
        _as_stated(found, table_of_shapes, path, rows)
    else:
        _as_utf8(found)
    if driver == "GPKG":
        _stated_otherwise(found, path, layer, rows)
    return found


def _features(
    path: Path, layer: str, options: dict[str, Any]
) -> tuple[dict[str, Any], pa.Table, list[Fault]]:
    """Return the features of a layer, their ids first; one that GDAL cannot read is an empty row with its fault."""
    read_some = partial(
        pyogrio.raw.read_arrow, path, layer=layer, datetime_as_string=True, return_fids=True, **options
    )
    try:
        meta, table = read_some()
    except _REFUSALS:
        count = pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"]
        pieces = list(_pieces(read_some, 0, count))
        broken = [start for start, piece in pieces if piece is None]
        whole = next((piece for _, piece in pieces if piece is not None), None)
        if whole is None or len(broken) > _MOST_BROKEN:
            raise
        meta, first = whole
        empty = pa.Table.from_arrays([pa.nulls(1, each.type) for each in first.schema], schema=first.schema)
        table = pa.concat_tables([empty if piece is None else piece[1] for _, piece in pieces])
        return meta, table, [(row, -1, _BROKEN) for row in broken]
    return meta, table, []


def _pieces(read_some: Callable[..., _Read], start: int, count: int) -> Iterator[tuple[int, _Read | None]]:
    """Yield the features from `start` on in pieces that GDAL can read, and None for a single one that it cannot."""
    try:
        yield start, read_some(skip_features=start, max_features=count)
    except _REFUSALS:
        if count <= 1:
            yield start, None
            return
        half = count // 2
        yield from _pieces(read_some, start, half)
        yield from _pieces(read_some, start + half, count - half)


def _as_stated(found: _Layer, table: DbfTable, path: Path, rows: Mapping[int, int]) -> None:
    """Put the texts, the field names and what is no number of a dBASE table, in the encoding that they are in."""
    cpg = path.with_suffix(".cpg")
    stated = [cpg.read_text("ascii", errors="ignore"), *table.stated] if cpg.exists() else table.stated
    texts = [i for i, column in enumerate(found.columns) if pa.types.is_binary(column.type)]
    names = pa.chunked_array([pa.array([*table.names, *table.texts.values()], pa.binary())])
    decoded, _ = decoded_columns([*(found.columns[i] for i in texts), names], stated)
    for i, column in zip(texts, decoded, strict=False):
        found.columns[i] = column
    words = [text.as_py() for text in decoded[-1]]
    titles, odd = words[: len(table.names)], words[len(table.names) :]
    place = {name: i for i, name in enumerate(found.header)}
    found.header = [titles[int(name[1:])] if name[1:].isdigit() else name for name in found.header]
    for (record, at), text in zip(table.texts, odd, strict=True):
        if record in rows and f"F{at}" in place:
            found.put(place[f"F{at}"], {rows[record]: text})
    found.faults += [(rows[record], -1, say) for record, say in table.faults if record in rows]


def _as_utf8(found: _Layer) -> None:
    """Put the texts of a layer that ought to be UTF-8; what is not is marked, or the whole is in another encoding."""
    found.columns = as_utf8(found.columns)


def _stated_otherwise(found: _Layer, path: Path, layer: str, rows: Mapping[int, int]) -> None:
    """Put what a GeoPackage holds that is no value of its column: SQLite keeps a text in a number, GDAL makes it 0."""
    quoted = layer.replace('"', '""')
    with closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro&immutable=1", uri=True)) as database:
        database.text_factory = bytes
        for _, name, kind, *_ in database.execute(f'PRAGMA table_info("{quoted}")').fetchall():
            at = found.place(name.decode(errors="replace"))
            if at < 0 or kind.split(b"(")[0].upper() not in _TYPED:
                continue
            temporal = kind.upper() in _DAYS
            if temporal and not found.columns[at].null_count:
                continue  # every one of them was a day to GDAL
            column = name.decode().replace('"', '""')
            held = database.execute(
                f'SELECT rowid, "{column}" FROM "{quoted}" WHERE typeof("{column}") = \'text\''  # noqa: S608 - quoted
            ).fetchall()
            present = found.columns[at].to_pylist()
            odd = {rows[fid]: fixed_width(text, "utf-8") for fid, text in held if fid in rows}
            found.put(at, {row: text for row, text in odd.items() if not temporal or present[row] is None})


def _text_of(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Return a column as text; texts stay bytes, since no driver looks at whether they are any."""
    if not pa.types.is_string(field.type) and not pa.types.is_large_string(field.type):
        return as_text(column)
    wide = pa.large_binary() if pa.types.is_large_string(field.type) else pa.binary()
    held = pa.chunked_array([chunk.view(wide) for chunk in column.chunks], wide).cast(pa.binary())
    moment = (field.metadata or {}).get(b"GDAL:OGR:type") == b"DateTime"
    return _moments(held.cast(pa.string())) if moment else held


def _moments(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return moments as a table writes them; they come as text because only so their zone survives."""
    return pc.replace_substring_regex(texts, r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?", r"\1 \2")


def _title(layer: str, request: dict[str, Any]) -> str:
    """A layer without a name of its own is called like our copy: give it the file's name."""
    return Path(request["name"]).stem if layer in {_TEMPORARY_NAME, "TopoJSON"} else layer


def _crs(stated: str | None, path: Path, driver: str) -> dict[str, Any]:
    """Return the CRS by EPSG code ("" where it has none), and whether the file itself states it."""
    if driver == "GeoJSON" and not _stated_crs(path):
        return {"crs": "EPSG:4326", "crs_stated": False}
    if not stated:
        return _unread_prj(path) if driver == "ESRI Shapefile" else {"crs": None}
    return epsg_of(stated) | {"crs_stated": True}


def _unread_prj(path: Path) -> dict[str, Any]:
    """Return what a .prj says that GDAL could not read: a system without a code, not none."""
    prj = path.with_suffix(".prj")
    text = prj.read_text("utf-8", errors="replace").strip() if prj.exists() else ""
    return {"crs": "", "crs_name": _printable(text), "crs_stated": True} if text else {"crs": None}


def _stated_crs(path: Path) -> list[dict[str, Any]]:
    """Return the crs members of a GeoJSON, of the whole and of its features, that are objects.

    Found as GDAL finds them: in any spelling of the name that JSON allows, capital letters and comments too.
    """
    found: list[dict[str, Any]] = []
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for match in _CRS_NAME.finditer(data):
            text = data[match.end() : match.end() + _CRS_BYTES].decode(errors="replace").lstrip(": \t\r\n")
            if not text.startswith(("{", "/")):
                continue  # a column of that name
            try:
                found.append(json.JSONDecoder().raw_decode(text)[0])
            except ValueError as problem:
                raise UnreadableFileError(
                    "crs（坐标系）一项读不懂；请重新导出",
                    "its member crs (the coordinate system) cannot be read; export it again",
                ) from problem
    return found


def _refuse_linked_crs(path: Path) -> None:
    """Refuse a GeoJSON or TopoJSON whose coordinate system lies at an address: GDAL would fetch it."""
    for stated in _stated_crs(path):
        inside = stated.get("properties")
        texts = [v for d in (stated, inside) if isinstance(d, dict) for v in d.values() if isinstance(v, str)]
        address = next(filter(_ADDRESS.match, texts), "")
        if address or any(text.lower() in {"link", "url"} for text in texts):
            raise UnreadableFileError(
                f"坐标系写成了链接（{_host(address)}），riskmap 不联网，读不到它；请导出为写明坐标系名称（如 EPSG:4547）的"
                f"文件，或删去 crs 一项并填 {option('crs')}",
                f"its coordinate system is a link ({_host(address)}), and riskmap asks no network for it; export it "
                f"with the system's name (such as EPSG:4547), or delete its crs and state {option('crs', 'en')}",
            )


def _host(address: str) -> str:
    """Return the part of an address that may be shown: no user, no password, no query."""
    with contextlib.suppress(ValueError):
        return _printable(urlsplit(address).hostname or "link")
    return "link"


def _printable(text: str) -> str:
    """Return the beginning of a text from a file as a message may show it: no line ends, no control characters."""
    return "".join(c if c.isprintable() else " " for c in text[:80]).strip()


def _files(
    request: dict[str, Any], folder: Path, guide: dict[str, dict[str, str]]
) -> Iterator[tuple[Path, str]]:
    """Yield the files to open, copied into the worker's own folder, and the name of their layer.

    A copy, because GDAL writes beside what it opens (an index, a journal); "" leaves the layer's own name. `guide`
    is filled with the names that the tables of names in an archive give.
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
        yield from _zipped_shapefiles(path, folder / "input", request["unpacked_bytes"], guide)
    else:
        target = folder / f"{_TEMPORARY_NAME}{'.json' if kind == 'geojson' else '.' + kind}"
        shutil.copyfile(path, target)
        if kind in {"geojson", "topojson"}:
            _refuse_linked_crs(target)
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


def _zipped_shapefiles(
    path: Path, into: Path, most: int, guide: dict[str, dict[str, str]]
) -> Iterator[tuple[Path, str]]:
    """Yield every shapefile of an archive and of the archives in it, named by the folders that it lies in."""
    into.mkdir()
    left, count, waiting = most, 0, [(path, 0)]
    for packed, depth in waiting:  # grows while it is gone through
        with _opened(packed) as archive:
            guide |= _guide(archive)
            groups, inner = _members(archive)
            for each in inner if depth < _DEEPEST_ARCHIVE else ():
                target = into / f"{len(waiting)}.zip"
                left -= _extract(archive, each, target, left)
                waiting.append((target, depth + 1))
            for stem, parts in sorted(groups.items()):
                if ".shp" not in parts:
                    continue
                for ending, member in parts.items():
                    left -= _extract(archive, member, into / f"{count}{ending}", left)
                _check_shapefile(into / f"{count}.shp")
                yield into / f"{count}.shp", SEPARATOR.join(PurePosixPath(stem).parts)
                count += 1
    if not count:
        raise UnreadableFileError(
            "压缩包和里面的压缩包都没有 .shp；请把 .shp .shx .dbf .prj 一起压缩",
            "neither the archive nor those in it hold a .shp; pack all its parts",
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            if any(member.flag_bits & 0x1 for member in archive.infolist()):
                raise UnreadableFileError(
                    "里面的压缩包设有密码；请去掉密码",
                    "an archive in it is protected by a password; remove it",
                )
            yield archive
    except (zipfile.BadZipFile, NotImplementedError) as problem:
        raise UnreadableFileError(
            "里面的压缩包损坏或不完整；请重新压缩", "an archive in it is damaged or cut off; pack it again"
        ) from problem


def _members(
    archive: zipfile.ZipFile,
) -> tuple[dict[str, dict[str, zipfile.ZipInfo]], list[zipfile.ZipInfo]]:
    """Return the parts of each shapefile by their endings, and the archives."""
    groups: dict[str, dict[str, zipfile.ZipInfo]] = {}
    inner: list[zipfile.ZipInfo] = []
    for member in archive.infolist():
        name = PurePosixPath(_member_name(member))
        ending = name.suffix.lower()
        if "__MACOSX" in name.parts or name.name.startswith("."):
            continue
        if ending in file_formats()["shp"].companions:
            groups.setdefault(str(name.with_suffix("")), {})[ending] = member
        elif ending == ".zip":
            inner.append(member)
    return groups, inner


def _guide(archive: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """Return shapefile → short field name → full one, from the table of names that an export of ours adds.

    Its rows are file, field, id, …; where the table is missing or odd, the short names stand.
    """
    names: dict[str, dict[str, str]] = {}
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


def _check_geopackage(path: Path) -> None:
    """Tell a GeoPackage from any other SQLite file before GDAL looks at it."""
    try:
        with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True) as database:
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
