"""Files of geometries, which GDAL reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from riskmap.errors import Text
from riskmap.io.files.formats import FileFormat


def _kml_faults(_: Path, head: bytes, found: str) -> Text | None:
    lowered = head.lower()
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
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return None
    return Text(
        f"内容不是 GeoJSON（应以 {{ 开头）；请确认文件是否与 {path.suffix.lower()} 相符",
        f"the content is not GeoJSON (it should start with {{); check that it fits {path.suffix.lower()}",
    )


_SHP: Final = (
    "压缩包里没有 .shp；请把 .shp .shx .dbf .prj 一起压缩",
    "no .shp in the archive; pack all its parts",
)
_KML: Final = "kmz 里没有 .kml；请重新导出", "no .kml in the kmz; export it again"


# pyogrio and Arrow would import them for frames that nobody asks for.
_map = partial(FileFormat, reader="riskmap.io.files.drivers.vector", without=("geopandas", "pandas"))


FORMATS: Final = (
    _map(
        "shp",
        (".shp",),
        "shp",
        gdal="ESRI Shapefile",
        companions=(".shp", ".shx", ".dbf", ".prj", ".cpg"),
    ),
    _map("shp.zip", (".zip",), "zip", gdal="ESRI Shapefile", member=(".shp", Text(*_SHP))),
    _map("gpkg", (".gpkg",), "sqlite", gdal="GPKG"),
    _map("geojson", (".geojson", ".json"), "text", gdal="GeoJSON", faults=_json_faults),
    _map("kml", (".kml",), "xml", gdal="LIBKML", faults=_kml_faults),
    _map("kmz", (".kmz",), "zip", gdal="LIBKML", member=(".kml", Text(*_KML))),
)
