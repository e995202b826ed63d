"""Files that name an address in every way their kind allows: whoever follows one gives himself away there."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
from pyproj import CRS
from rasterio import Affine
from shapely.geometry import Point

_CSV = "编号,名称,经度,纬度\n"
_PLACEMARK = (
    "<Placemark><name>甲</name>{}<ExtendedData><Data name='编号'><value>K1</value></Data></ExtendedData>"
    "<Point><coordinates>114.1,22.55</coordinates></Point></Placemark>"
)
_KML = "<kml xmlns='http://www.opengis.net/kml/2.2' {}><Document>{}</Document></kml>"


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Yield an address of this machine, and the first line of all that somebody sends there."""
    asked: list[str] = []

    def answer() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with closing(line):
                line.settimeout(2)
                asked.append(line.recv(200).decode(errors="replace").partition("\r\n")[0])

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@dataclass(frozen=True)
class Addressed:
    """A file, and what its reading says of it in Chinese: None where it is read and gives its record."""

    path: Path
    says: str | None


def addressed_files(folder: Path, address: str) -> list[Addressed]:
    """Write a file of every kind and way into a folder; `address` is http://host:port."""
    made: list[Addressed] = []
    for of_kind in (_geojson, _kml, _workbooks, _texts, _shapefiles, _geopackages, _parquet):
        made += [Addressed(path, says) for path, says in of_kind(folder, address).items()]
    return made


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _geojson(folder: Path, address: str) -> dict[Path, str | None]:
    def collection(crs: str, *, inside: str = "", more: str = "") -> str:
        geometry = '{"type": "Point", "coordinates": [114.1, 22.55]' + inside + "}"
        feature = (
            '{"type": "Feature", "properties": {"编号": "G1"' + more + '}, "geometry": ' + geometry + "}"
        )
        return '{"type": "FeatureCollection", ' + crs + '"features": [' + feature + "]}"

    def crs(kind: str, key: str, value: str) -> str:
        return json.dumps({"type": kind, "properties": {key: value, "type": "proj4"}})

    link = crs("link", "href", f"{address}/crs")
    files = {
        "link": collection(f'"crs": {link}, '),
        "user": collection(f'"crs": {crs("link", "href", address.replace("//", "//me:hidden-word@"))}, '),
        "escaped": collection(f'"\\u0063r\\u0073": {link}, '),
        "capitals": collection(f'"CRS" : {link}, '),
        "kind": collection(f'"crs": {crs("LINK", "HREF", f"{address}/crs")}, '),
        "url": collection(f'"crs": {crs("url", "url", f"{address}/crs")}, '),
        "named": collection(f'"crs": {crs("name", "name", f"{address}/crs")}, '),
        "geometry": collection("", inside=f', "crs": {link}'),
        "vsicurl": collection(f'"crs": {crs("name", "name", f"/vsicurl/{address}/crs")}, '),
    }
    said: dict[Path, str | None] = {
        _write(folder / f"crs-{name}.geojson", text): "坐标系写成了链接" for name, text in files.items()
    }
    said[_write(folder / "crs-comment.geojson", collection(f'"crs"/**/: {link}, '))] = (
        "crs（坐标系）一项读不懂"
    )
    said[_write(folder / "crs-quotes.geojson", collection(f"'crs': {link}, "))] = "坐标系写成了链接"
    named = {"type": "name", "properties": {"name": "http://www.opengis.net/def/crs/EPSG/0/4490"}}
    good = collection(
        f'"crs": {json.dumps(named)}, "$schema": "{address}/s", "links": [{{"href": "{address}/l"}}], ',
        more=f', "备注": "{address}/r", "crs": "{address}/c"',
    )
    said[_write(folder / "elsewhere.geojson", good)] = None
    place = {
        "type": "Point",
        "coordinates": [114.1, 22.55],
        "properties": {"编号": "T1", "备注": f"{address}/r"},
    }
    topology = {
        "type": "Topology",
        "crs": json.loads(link),
        "objects": {"一": place},
        "arcs": [],
        "href": f"{address}/t",
    }
    said[_write(folder / "crs.topojson", json.dumps(topology))] = "坐标系写成了链接"
    topology.pop("crs")
    said[_write(folder / "elsewhere.topojson", json.dumps(topology))] = None
    return said


def _kml(folder: Path, address: str) -> dict[Path, str | None]:
    link = f"<NetworkLink><Link><href>{address}/k.kml</href></Link></NetworkLink>"
    style = f"<Style id='s'><IconStyle><Icon><href>{address}/i.png</href></Icon></IconStyle></Style>"
    overlay = f"<GroundOverlay><Icon><href>{address}/o.png</href></Icon></GroundOverlay>"
    model = (
        f"<Placemark><Model><Link><href>{address}/m.dae</href></Link><Location><longitude>114</longitude>"
        "<latitude>22.5</latitude></Location></Model></Placemark>"
    )
    schema = f"xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='{address} {address}/k.xsd'"
    styled = _PLACEMARK.format(
        f"<styleUrl>{address}/s.kml#s</styleUrl><description><![CDATA[<img src='{address}/d.png'>]]></description>"
    )
    plain = _PLACEMARK.format("")
    texts = {
        "link": (_KML.format("", link), "网络链接"),
        "bare-link": (f"<kml xmlns='http://www.opengis.net/kml/2.2'>{link}</kml>", "网络链接"),
        "link-and-place": (_KML.format("", link + plain), None),
        "style": (_KML.format("", style + styled), None),
        "overlay": (_KML.format("", overlay + plain), None),
        "model": (_KML.format("", model + plain), None),
        "schema": (_KML.format(schema, plain), None),
        "update": (
            _KML.format(
                "",
                f"<NetworkLinkControl><Update><targetHref>{address}/u</targetHref></Update></NetworkLinkControl>{plain}",
            ),
            None,
        ),
        "gml": (
            (
                f"<gml:FeatureCollection xmlns:gml='http://www.opengis.net/gml' {schema}><gml:featureMember "
                f"xlink:href='{address}/f'/></gml:FeatureCollection>"
            ),
            "内容却是别的 XML",
        ),
    }
    said: dict[Path, str | None] = {}
    for name, (text, says) in texts.items():
        said[_write(folder / f"{name}.kml", text)] = says
    for name in ("link", "style"):
        path = folder / f"{name}.kmz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("doc.kml", texts[name][0])
        said[path] = texts[name][1]
    return said


_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def _workbooks(folder: Path, address: str) -> dict[Path, str | None]:
    mode = ' TargetMode="External"'

    def relations(*targets: tuple[str, str]) -> str:
        inside = "".join(
            f'<Relationship Id="r{i}" Type="{_OFFICE}/{kind}" Target="{target}"'
            f"{mode if '://' in target else ''}/>"
            for i, (kind, target) in enumerate(targets, 1)
        )
        return f'<Relationships xmlns="{_RELATIONS}">{inside}</Relationships>'

    cells = "".join(
        f'<row r="{r}">'
        + "".join(
            f'<c r="{c}{r}" t="inlineStr"><is><t>{t}</t></is></c>' for c, t in zip("ABCD", row, strict=True)
        )
        + "</row>"
        for r, row in enumerate([("编号", "名称", "经度", "纬度"), ("X1", "甲", "114.1", "22.55")], 1)
    )
    cells += f'<row r="3"><c r="A3"><f>WEBSERVICE("{address}/w")</f></c><c r="B3"><f>[1]S!A1</f></c></row>'
    path = folder / "external.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_OFFICE}"><sheets><sheet name="S" sheetId="1" '
            'r:id="r1"/></sheets><externalReferences><externalReference r:id="r2"/></externalReferences></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                ("worksheet", "worksheets/sheet1.xml"),
                ("externalLink", "externalLinks/externalLink1.xml"),
                ("attachedTemplate", f"{address}/t.dotx"),
                ("connections", "connections.xml"),
            ),
            "xl/connections.xml": f'<connections xmlns="{_SPREADSHEET}"><connection id="1" refreshOnLoad="1" type="4">'
            f'<webPr url="{address}/q"/></connection></connections>',
            "xl/externalLinks/externalLink1.xml": f'<externalLink xmlns="{_SPREADSHEET}" xmlns:r="{_OFFICE}">'
            '<externalBook r:id="r1"/></externalLink>',
            "xl/externalLinks/_rels/externalLink1.xml.rels": relations(
                ("externalLinkPath", f"{address}/b.xlsx")
            ),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>{cells}</sheetData></worksheet>',
            "xl/worksheets/_rels/sheet1.xml.rels": relations(
                ("hyperlink", f"{address}/h"), ("image", f"{address}/i.png")
            ),
        }.items():
            archive.writestr(name, text)
    return {path: None}


def _texts(folder: Path, address: str) -> dict[Path, str | None]:
    """CSV that a spreadsheet would follow, and virtual datasets under other endings."""
    vrt = (
        f'<OGRVRTDataSource><OGRVRTLayer name="s"><SrcDataSource>/vsicurl/{address}/s.none</SrcDataSource>'
        f"<LayerSRS>{address}/crs</LayerSRS></OGRVRTLayer></OGRVRTDataSource>"
    )
    said: dict[Path, str | None] = {
        _write(folder / "web.csv", f'{_CSV}C1,"=WEBSERVICE(""{address}/c"")",114.1,22.55\n'): None,
        _write(folder / "address.csv", f"{address}/c.csv\n"): "表头",
        _write(folder / "here.json", f'{{"type": "HTTP", "url": "{address}/j"}}'): "",
    }
    for ending in ("kml", "geojson", "csv", "shp", "gpkg", "txt", "json", "parquet", "xlsx"):
        said[_write(folder / f"virtual.{ending}", vrt)] = "内容"
    return said


def _frame(code: str) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"编号": [code]}, geometry=[Point(114.1, 22.55)], crs="EPSG:4326")


def _grid_wkt(address: str) -> str:
    """Return a coordinate system whose way to WGS84 is a file at the address."""
    base = 'GEOGCS["x",DATUM["x",SPHEROID["k",6378245,298.3],EXTENSION["PROJ4_GRIDS","{}"]],PRIMEM["g",0],UNIT["degree",0.0174532925199433]]'
    return base.format(f"{address}/g.gsb")


def _shapefiles(folder: Path, address: str) -> dict[Path, str | None]:
    said: dict[Path, str | None] = {}
    for name, prj in (
        ("prj-address", f"{address}/crs"),
        ("prj-grid", _grid_wkt(address)),
        ("beside", CRS("EPSG:4490").to_wkt("WKT1_ESRI")),
    ):
        path = folder / f"{name}.shp"
        _frame("S1").to_file(path, encoding="utf-8")
        for ending in (".qpj", ".shp.xml", ".qml", ".aux.xml", ".qix", ".sbn"):
            _write(path.with_suffix(ending), f"<x href='{address}{ending}'/>")
        _write(path.with_suffix(".prj"), prj)
        said[path] = None
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for part in folder.glob(f"{name}.*"):
                if part.suffix != ".zip":
                    archive.write(part, part.name)
        said[folder / f"{name}.zip"] = None
    return said


def _geopackages(folder: Path, address: str) -> dict[Path, str | None]:
    def content(table: str) -> str:
        return (
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            f"VALUES ('{table}', 'attributes', '{table}', 0);"
        )

    curl = f"/vsicurl/{address}/x.none"
    ways: Mapping[str, tuple[str, str | None]] = {
        "geocode": (f"CREATE VIEW v AS SELECT ogr_geocode('深圳') AS 编号; {content('v')}", "损坏"),
        "options": (
            f"CREATE VIEW v AS SELECT ogr_set_config_option('GDAL_HTTP_PROXY', '') AS 编号; {content('v')}",
            "损坏",
        ),
        "pixel": (
            f"CREATE VIEW v AS SELECT gdal_get_pixel_value('{curl}', 1, 'georef', 1, 2) AS 编号; {content('v')}",
            "损坏",
        ),
        "name": (f"CREATE TABLE '{curl}' (编号 TEXT); {content(curl)}", None),
        "extension": (
            f"INSERT INTO gpkg_extensions VALUES (NULL, NULL, 'x', '{address}/e', 'read-write');",
            None,
        ),
        "system": (
            f"UPDATE gpkg_spatial_ref_sys SET definition = '{address}/crs' WHERE srs_id = 4326;",
            None,
        ),
        "grid": (
            f"UPDATE gpkg_spatial_ref_sys SET organization = 'x', definition = '{_grid_wkt(address)}' WHERE srs_id = 4326;",
            None,
        ),
    }
    said: dict[Path, str | None] = {}
    for name, (statements, says) in ways.items():
        path = folder / f"{name}.gpkg"
        _frame("P1").to_file(path)
        with closing(sqlite3.connect(path)) as database:
            database.executescript(statements)
        said[path] = says
    return said


def _parquet(folder: Path, address: str) -> dict[Path, str | None]:
    said: dict[Path, str | None] = {}
    for name, crs in {
        "text": f"{address}/crs",
        "link": {"type": "link", "properties": {"href": f"{address}/crs"}},
        "schema": {**CRS("EPSG:4490").to_json_dict(), "$schema": f"{address}/projjson"},
    }.items():
        geo = {
            "version": "1.0.0",
            "primary_column": "geometry",
            "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": crs}},
        }
        table = pa.table({"编号": ["Q1"], "geometry": [Point(114.1, 22.55).wkb]})
        path = folder / f"crs-{name}.parquet"
        pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
        said[path] = None
    return said


def addressed_rasters(folder: Path, address: str) -> list[Path]:
    """Write GeoTIFFs that name an address as their overviews, in a tag or beside them."""
    curl = f"/vsicurl/{address}/x"
    named = {
        "ending": f"{curl}.tif",
        "none": f"{curl}.none",  # an ending that a list of allowed ones might let through
        "options": f"/vsicurl?url={address}/x.none",
        "streaming": f"/vsicurl_streaming/{address}/x.none",
        "plain": f"{address}/x.tif",
        "bucket": "/vsis3/bucket/x.none",
        "cloud": "/vsigs/bucket/x.none",
        "inside": f"/vsisubfile/0_100,{curl}.none",
        "zipped": f"/vsizip/{curl}.none/a.tif",
        "tiles": f"WMTS:{address}/wmts",
        "catalogue": f'STACIT:"{address}/s.json"',
        "assets": f'STACTA:"{address}/s.json"',
        "cube": f'ZARR:"{curl}.none"',
        "map": f"<GDAL_WMS><Service name='TMS'><ServerUrl>{address}/m</ServerUrl></Service></GDAL_WMS>",
        "virtual": f"<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand><SimpleSource><SourceFilename>{curl}.none"
        "</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
    }
    made = []
    for name, overviews in named.items():
        path = folder / f"{name}.tif"
        _raster(path, OVERVIEW_FILE=overviews)
        made.append(path)
    beside = folder / "beside.tif"
    _raster(beside)
    _write(
        folder / "beside.tif.aux.xml",
        f"<PAMDataset><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>{curl}.none</MDI></Metadata></PAMDataset>",
    )
    masked = folder / "masked.tif"
    _raster(masked)
    _write(folder / "masked.tif.msk", named["map"])
    _write(folder / "masked.tif.ovr", named["map"])
    return [*made, beside, masked]


def _raster(path: Path, **overviews: str) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=64,
        height=64,
        count=1,
        dtype="float32",
        crs="EPSG:4547",
        transform=Affine(30, 0, 500_000, 0, -30, 2_500_000),
    ) as raster:
        raster.write(np.ones((1, 64, 64), "float32"))
        if overviews:
            raster.update_tags(ns="OVERVIEWS", **overviews)
