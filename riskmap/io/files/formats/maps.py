"""Files of geometries: KML, and what GDAL reads."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from riskmap.errors import Text
from riskmap.io.files.formats import FileFormat


def _kml_faults(_: Path, head: bytes, found: str) -> Text | None:
    lowered = head.replace(b"\0", b"").lower()  # UTF-16 has them between
    if found != "xml":
        return None
    if b"<kml" not in lowered and b":kml" not in lowered:
        return Text(
            "后缀是 .kml，内容却是别的 XML；请用原来的软件另存为 KML",
            "the ending is .kml but the content is another kind of XML; save it as KML",
        )
    if b"<!doctype" in lowered or b"<!entity" in lowered:
        return Text(
            "KML 里含有 DOCTYPE 或实体定义，为安全起见不读取；请重新导出",
            "the KML holds a DOCTYPE or entity definitions and is refused as unsafe; export it again",
        )
    return None


def _json_faults(path: Path, head: bytes, found: str) -> Text | None:
    if found != "text" or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"[", b"\x1e"}:
        return None
    return Text(
        f"内容不是 JSON（应以 {{ 开头）；请确认文件是否与 {path.suffix.lower()} 相符",
        f"the content is not JSON (it should start with {{); check that it fits {path.suffix.lower()}",
    )


def _no_features(head: bytes, found: str) -> str | None:
    """TopoJSON is often saved under the ending of any JSON, and so are lines of plain values."""
    if found != "text":
        return None
    if _TOPOLOGY.search(head):
        return "topojson"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    plain = _PLAIN_LIST.match(start) or _PLAIN_LINE.fullmatch(start.split(b"\n", 1)[0].strip())
    return "jsonl" if plain and not _OF_A_MAP.search(plain[0]) else None


_TOPOLOGY: Final = re.compile(rb'"type"\s*:\s*"Topology"')


# An object without another in it, whole on its line.
_PLAIN_LINE: Final = re.compile(rb"\{[^{}\[\]]*\}")


_PLAIN_LIST: Final = re.compile(rb"\[\s*\{[^{}\[\]]*\}")


_OF_A_MAP: Final = re.compile(rb'"(?:type|features|geometry|properties|attributes)"\s*:')


def _package(head: bytes, found: str) -> str | None:
    """A package of ours begins with its workbook."""
    length = int.from_bytes(head[26:28], "little") if found == "zip" else 0
    name = head[30 : 30 + length]
    return "xlsx.zip" if name.lower().endswith(b".xlsx") and b"/" not in name else None


_SHP: Final = (
    "压缩包里没有 .shp；请把 .shp .shx .dbf .prj 一起压缩",
    "no .shp in the archive; pack all its parts",
)
_KML: Final = "kmz 里没有 .kml；请重新导出", "no .kml in the kmz; export it again"


# pyogrio and Arrow would import them for frames that nobody asks for.
_NO_FRAMES: Final = ("geopandas", "pandas")


_PLACEMARKS: Final = "riskmap.io.files.drivers.kml"


_map = partial(FileFormat, reader="riskmap.io.files.drivers.vector", without=_NO_FRAMES)


FORMATS: Final = (
    _map(
        "shp",
        (".shp",),
        "shp",
        gdal="ESRI Shapefile",
        companions=(".shp", ".shx", ".dbf", ".prj", ".cpg"),
    ),
    _map(
        "shp.zip",
        (".zip",),
        "zip",
        gdal="ESRI Shapefile",
        member=((".shp", ".zip"), Text(*_SHP)),
        instead=_package,
    ),
    _map("gpkg", (".gpkg",), "sqlite", gdal="GPKG"),
    FileFormat(
        "geojson",
        (".geojson", ".json", ".ndjson", ".geojsonl", ".geojsons"),
        "text",
        "riskmap.io.files.drivers.json_features",
        gdal="GeoJSON",
        without=_NO_FRAMES,
        faults=_json_faults,
        instead=_no_features,
    ),
    _map("topojson", (".topojson",), "text", gdal="TopoJSON", faults=_json_faults),
    FileFormat("kml", (".kml",), "xml", _PLACEMARKS, without=_NO_FRAMES, faults=_kml_faults),
    FileFormat("kmz", (".kmz",), "zip", _PLACEMARKS, without=_NO_FRAMES, member=(".kml", Text(*_KML))),
)
