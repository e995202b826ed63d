"""Shapefiles, GeoPackages, GeoJSON, KML and Parquet."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box

from tests.cases.unseen.making import Case, planar

ALL: list[Case] = []


def _points(
    codes: list[str], x: list[float], y: list[float], crs: str | None, **columns: list[object]
) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"编号": codes, **columns}, geometry=gpd.points_from_xy(x, y), crs=crs)


def _shapefile(
    folder: Path, name: str, frame: gpd.GeoDataFrame, encoding: str, *, drop: tuple[str, ...] = ()
) -> Path:
    pyogrio.write_dataframe(frame, folder / f"{name}.shp", driver="ESRI Shapefile", encoding=encoding)
    for ending in drop:
        (folder / f"{name}{ending}").unlink(missing_ok=True)
    return folder / f"{name}.shp"


def _shelters(crs: str | None, epsg: int | None = None) -> gpd.GeoDataFrame:
    lon, lat = [114.12, 114.13], [22.55, 22.56]
    if epsg:
        lon, lat = map(list, zip(*(planar(a, b, epsg) for a, b in zip(lon, lat, strict=True)), strict=True))
    return _points(
        ["S01", "S02"], lon, lat, crs, 名称=["甲小学", "乙公园"], 容纳人数=[1200, 300], 类别=["Ⅰ类", None]
    )


_TWO = {"S01": (114.12, 22.55), "S02": (114.13, 22.56)}
_NAMES = {"S01": {"name": "甲小学", "capacity": 1200}, "S02": {"name": "乙公园", "capacity": 300}}

ALL.append(
    Case("gbk_without_cpg", "shelters", lambda d: _shapefile(d, "避难场所", _shelters("EPSG:4490"), "gbk", drop=(".cpg",)),
         accepted=2, crs=None, wgs84=_TWO, values=_NAMES)
)  # fmt: skip
ALL.append(
    Case("gbk_without_prj", "shelters", lambda d: _shapefile(d, "避难场所", _shelters(None, 4547), "gbk", drop=(".cpg", ".prj")),
         accepted=2, crs="EPSG:4547", wgs84=_TWO, values=_NAMES)
)  # fmt: skip
ALL.append(
    Case("utf8_with_cpg", "shelters", lambda d: _shapefile(d, "避难", _shelters("EPSG:4547", 4547), "utf-8"),
         accepted=2, crs=None, wgs84=_TWO, values=_NAMES)
)  # fmt: skip


def _zipped(folder: Path) -> Path:
    inside = folder / "内"
    inside.mkdir()
    _shapefile(inside, "避难场所（二〇二四）", _shelters("EPSG:4490"), "gb18030", drop=(".cpg",))
    out = folder / "避难场所.zip"
    with zipfile.ZipFile(out, "w") as z:
        for part in inside.iterdir():
            z.write(part, f"台账/{part.name}")
    return out


ALL.append(Case("zipped_shapefile", "shelters", _zipped, accepted=2, crs=None, wgs84=_TWO, values=_NAMES))


def _zipped_gbk(folder: Path) -> Path:
    """A zip as old Windows tools make it: names in GBK without the UTF-8 flag."""
    made = _zipped(folder)
    data = made.read_bytes()
    for text in ("台账/避难场所（二〇二四）",):
        data = data.replace(text.encode(), text.encode())  # same bytes: lengths may not change inside a zip
    plain = folder / "ascii.zip"
    inside = folder / "内"
    with zipfile.ZipFile(plain, "w") as z:
        for part in inside.iterdir():
            z.write(part, "AAAA" + part.suffix)
    raw = plain.read_bytes().replace(b"AAAA.", "避难".encode("gbk") + b".")
    plain.write_bytes(raw)
    return plain


ALL.append(
    Case("zip_with_gbk_names", "shelters", _zipped_gbk, accepted=2, crs=None, wgs84=_TWO, values=_NAMES)
)


def _geojson(path: Path, features: list[tuple[dict | None, dict]], crs: str | None = None) -> Path:
    document: dict = {"type": "FeatureCollection"}
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    document["features"] = [{"type": "Feature", "properties": p, "geometry": g} for g, p in features]
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def _pt(*xy: float) -> dict:
    return {"type": "Point", "coordinates": list(xy)}


ALL.append(
    Case(
        "geojson_with_crs",
        "slopes",
        lambda d: _geojson(
            d / "边坡.geojson",
            [
                (
                    _pt(*planar(114.12, 22.55, 4547)),
                    {
                        "边坡编号": "G1",
                        "边坡名称": "甲",
                        "坡高": 12.5,
                        "是否治理": True,
                        "发现时间": "2023-09-08",
                    },
                ),
                (
                    _pt(*planar(114.13, 22.56, 4547)),
                    {
                        "边坡编号": "G2",
                        "边坡名称": "乙",
                        "坡高": "12米",
                        "是否治理": "否",
                        "发现时间": "2023年9月",
                    },
                ),
                (None, {"边坡编号": "G3", "边坡名称": "丙", "坡高": None}),
                (_pt(*planar(114.13, 22.57, 4547)), {"边坡编号": None, "边坡名称": "丁"}),
                (_pt(*planar(114.13, 22.57, 4547)), {"边坡编号": "G1", "边坡名称": "戊"}),
            ],
            crs="urn:ogc:def:crs:EPSG::4547",
        ),
        accepted=3,
        crs=None,
        rejected=["row:4", "row:5"],
        unlocated=["G3"],
        warned=["G2"],
        wgs84={"G1": (114.12, 22.55), "G2": (114.13, 22.56)},
        values={
            "G1": {"height_m": 12.5, "engineered": True, "found_on": "2023-09-08"},
            "G2": {"height_m": 12, "engineered": False, "found_on": "2023-09-01"},
        },
    )
)
ALL.append(
    Case(
        "geojson_plain",
        "waterlogging",
        lambda d: _geojson(
            d / "内涝.geojson",
            [
                (
                    _pt(114.12, 22.55, 7.5),
                    {"内涝点编号": "0001", "内涝点名称": "甲", "最大水深": 0.35, "多余": {"a": 1}},
                ),
                (
                    {"type": "MultiPoint", "coordinates": [[114.13, 22.56]]},
                    {"内涝点编号": 12, "内涝点名称": "乙", "最大水深": "35cm"},
                ),
                (_pt(0, 0), {"内涝点编号": "W3", "内涝点名称": "丙"}),
            ],
        ),
        accepted=2,
        crs=None,
        rejected=["W3"],
        wgs84={"0001": (114.12, 22.55), "12": (114.13, 22.56)},
        values={"0001": {"max_depth_m": 0.35}, "12": {"max_depth_m": 0.35}},
        left=["多余"],
    )
)

_SQUARE = Polygon(
    [(114.10, 22.55), (114.11, 22.55), (114.11, 22.56), (114.10, 22.56)],
    [[(114.104, 22.554), (114.106, 22.554), (114.106, 22.556), (114.104, 22.556)]],
)
_BOWTIE = Polygon([(114.12, 22.55), (114.13, 22.56), (114.13, 22.55), (114.12, 22.56)])


def _grids(path: Path) -> Path:
    shapes = [
        ("F1", _SQUARE), ("F2", MultiPolygon([box(114.13, 22.55, 114.14, 22.56), box(114.15, 22.55, 114.16, 22.56)])),
        ("F3", Point(114.12, 22.55)), ("F4", None), ("F5", box(114.17, 22.55, 114.18, 22.56)),
    ]  # fmt: skip
    return _geojson(
        path,
        [
            (
                None if s is None else json.loads(shapely.to_geojson(s)),
                {
                    "网格编号": c,
                    "网格名称": "网格" + c,
                    "面积（公顷）": "114.5",
                    "护林员": "3",
                    "可燃物": "高",
                },
            )
            for c, s in shapes
        ],
    )


ALL.append(
    Case(
        "grids",
        "forest_fire_grids",
        lambda d: _grids(d / "网格.geojson"),
        accepted=4,
        crs=None,
        rejected=["F3"],
        unlocated=["F4"],
        values={"F1": {"area_ha": 114.5, "fuel": "high"}},
    )
)


def _layers(path: Path) -> Path:
    pyogrio.write_dataframe(
        _points(["Y1"], [114.12], [22.55], "EPSG:4490", 名称=["甲"], 坡高=[5.0]), path, layer="东门街道"
    )
    east, north = planar(114.13, 22.56, 4547)
    pyogrio.write_dataframe(
        _points(["Y2"], [east], [north], "EPSG:4547", 名称=["乙"], 坡高=[6.0]),
        path,
        layer="南湖街道",
        append=True,
    )
    pyogrio.write_dataframe(pd.DataFrame({"说明": ["不是数据"], "x": [1]}), path, layer="说明", append=True)
    return path


ALL.append(
    Case(
        "gpkg_layers",
        "slopes",
        lambda d: _layers(d / "边坡.gpkg"),
        accepted=2,
        crs=None,
        wgs84={"Y1": (114.12, 22.55), "Y2": (114.13, 22.56)},
        values={"Y1": {"height_m": 5}, "Y2": {"height_m": 6}},
    )
)

_KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>避难场所</name>
<Placemark><name>甲小学</name><ExtendedData><Data name="场所编号"><value>S01</value></Data><Data name="容纳人数"><value>1200人</value></Data></ExtendedData>
<Point><coordinates>114.12,22.55,0</coordinates></Point></Placemark>
<Placemark><name>乙公园</name><ExtendedData><Data name="场所编号"><value>S02</value></Data><Data name="容纳人数"><value>300</value></Data></ExtendedData>
<Point><coordinates>114.13,22.56</coordinates></Point></Placemark>
</Folder></Document></kml>"""


def _kml(path: Path) -> Path:
    path.write_text(_KML, encoding="utf-8")
    return path


def _kmz(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("doc.kml", _KML)
        z.writestr("files/icon.png", b"\x89PNG")
    return path


ALL.append(
    Case("kml", "shelters", lambda d: _kml(d / "避难.kml"), accepted=2, crs=None, wgs84=_TWO, values=_NAMES)
)
ALL.append(
    Case("kmz", "shelters", lambda d: _kmz(d / "避难.kmz"), accepted=2, crs=None, wgs84=_TWO, values=_NAMES)
)


def _geoparquet(path: Path) -> Path:
    frame = _shelters("EPSG:4547", 4547)
    frame["是否无障碍"] = [True, False]
    frame["开放日期"] = np.array(["2023-09-08", "2023-09-09"], "datetime64[ns]")
    frame.to_parquet(path)
    return path


ALL.append(
    Case("geoparquet", "shelters", lambda d: _geoparquet(d / "避难.parquet"), accepted=2, crs=None, wgs84=_TWO,
         values={"S01": {"name": "甲小学", "capacity": 1200, "accessible": True}, "S02": {"accessible": False}}, left=["开放日期"])
)  # fmt: skip


def _parquet(path: Path) -> Path:
    pd.DataFrame(
        {
            "场所编号": ["S01", "S02"],
            "避难场所名称": ["甲小学", "乙公园"],
            "经度": [114.12, 114.13],
            "纬度": [22.55, 22.56],
            "容纳人数": [1200.0, 300.0],
            "联系电话": [13800138000, 13800138001],
        }
    ).to_parquet(path)
    return path


ALL.append(
    Case("parquet", "shelters", lambda d: _parquet(d / "避难.parquet"), accepted=2, wgs84=_TWO, values=_NAMES)
)
