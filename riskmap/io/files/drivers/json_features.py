"""GeoJSON through GDAL; what GDAL refuses as a whole (one number, one byte, lines, Esri's JSON) put in order first."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyogrio.errors
import shapely
import shapely.geometry

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.drivers import vector
from riskmap.io.files.drivers.encodings import decode
from riskmap.io.files.drivers.stated_crs import epsg_of

_ENDLESS: Final = re.compile(rb"[:\[,]\s*-?(?:NaN|Infinity)\b")


_QUOTED_PLACE: Final = re.compile(rb'"coordinates"\s*:\s*[\[\s]*"')  # ["114.05", "22.54"]: GDAL leaves it out


_HALF: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
)  # of a character beyond U+FFFF


_HALF_LEFT: Final = re.compile("[\ud800-\udfff]")


_NO_TEXT: Final = Text(
    "有半个字符，文字已损坏；请改正", "holds half a character, its text is damaged; correct it"
)


_RECORD: Final = "\x1e"  # in front of each line of a JSON text sequence


_NOT_FINITE: Final = Text("不是有限的数；请改正", "is no finite number; correct it")


_BAD_PLACE: Final = Text("坐标不是有限的数；请改正", "its coordinates are no finite numbers; correct them")


_BAD_LINE: Final = Text(
    "这一行不是完整的 JSON；请改正或删去", "this line is no whole JSON; correct or delete it"
)


_BAD_SHAPE: Final = Text(
    "图形读不懂（曲线或坐标有误）；请转成折线后重新导出", "its shape cannot be read; export it without curves"
)


_Shape = Any  # shapely states no types


_Faults = list[tuple[int, str, Text]]  # row, property ("": the whole), what is wrong


_SHORTEST_RING: Final = 4  # positions


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the features of a JSON file as one layer. UnreadableFileError names the place where it is no JSON."""
    path = Path(request["path"])
    data = path.read_bytes()
    if not _needs_order(data):
        try:
            return vector.read(request, folder)
        except pyogrio.errors.DataSourceError:
            pass  # it says of the whole file what is wrong with one number
    text, _ = decode(data)
    collection, faults = _collection(text)
    ordered = folder / "ordered.json"
    ordered.write_text(json.dumps(collection, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return vector.read(request | {"path": str(ordered)}, folder, faults=faults)


def _needs_order(data: bytes) -> bool:
    """Tell what GDAL's driver would not read, or only the beginning of."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    first = start.split(b"\n", 1)[0].rstrip(b"\r ,")
    lines = first.endswith(b"}") and len(first) + 2 < len(start.rstrip())
    if not start.startswith(b"{") or lines or _is_esri(start[:4096]):
        return True
    if _QUOTED_PLACE.search(data):
        return True
    return b"\\u0000" in data or any(odd.search(data) for odd in (_ENDLESS, _HALF))


def _is_esri(head: bytes) -> bool:
    esri = any(
        word in head for word in (b"esriGeometry", b"esriFieldType", b'"spatialReference"', b'"attributes"')
    )
    return esri and b"FeatureCollection" not in head


def _collection(text: str) -> tuple[dict[str, Any], _Faults]:
    """Return a clean collection of features, and what had to be left out of which."""
    text = text.lstrip("\ufeff")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as problem:
        features, faults = _lines(text, problem)
        found = {"type": "FeatureCollection", "features": features}
    else:
        faults: _Faults = []
    if (rows := _plain_rows(found)) is not None:
        found = [{"type": "Feature", "properties": row, "geometry": None} for row in rows]
    if isinstance(found, list):
        found = {"type": "FeatureCollection", "features": found}
    if "features" not in found and found.get("type") == "Feature":
        found = {"type": "FeatureCollection", "features": [found]}
    if found.get("type") == "Topology":
        raise UnreadableFileError(
            "这是 TopoJSON；请把后缀改为 .topojson 后再导入",
            "this is TopoJSON; give it the ending .topojson and import it again",
        )
    features = found.get("features")
    if not isinstance(features, list) or (features and not any(isinstance(f, dict) for f in features)):
        raise UnreadableFileError(
            "JSON 里没有要素（features）；请用 QGIS 或 ArcGIS 另存为 GeoJSON",
            "the JSON holds no features; save it as GeoJSON in QGIS or ArcGIS",
        )
    if "attributes" in next((f for f in found["features"] if isinstance(f, dict)), {}):
        found = _of_esri(found, faults)
    found["features"] = [_clean(row, each, faults) for row, each in enumerate(found["features"])]
    return found, faults


def _plain_rows(found: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a document that is a plain list of records, or holds one (data, rows …); None of any other."""
    if isinstance(found, dict) and "type" not in found and "features" not in found:
        # {"code": 0, "data": {"rows": […]}}: what systems answer with.
        inside = [value for value in found.values() if isinstance(value, list | dict)]
        return _plain_rows(inside[0]) if len(inside) == 1 else None
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        return None
    spatial = {"geometry", "properties", "attributes"}
    return None if any(spatial & row.keys() for row in found) else found


def _lines(text: str, problem: json.JSONDecodeError) -> tuple[list[Any], _Faults]:
    """Return the features of a file of one a line. UnreadableFileError where it is no such file either."""
    features: list[Any] = []
    faults: _Faults = []
    for line in text.replace(_RECORD, "\n").split("\n"):
        plain = line.strip().rstrip(",")
        if not plain:
            continue
        try:
            features.append(json.loads(plain))
        except ValueError:
            faults.append((len(features), "", _BAD_LINE))
            features.append({})
    # Of a single document that breaks off, single lines may well be whole: the first one is not.
    if not features or not features[0] or len(faults) * 2 > len(features):
        line, column = problem.lineno, problem.colno
        raise UnreadableFileError(
            f"第 {line} 行第 {column} 个字符处 JSON 断开或有误，可能没有传完；请重新导出或传送",
            f"the JSON breaks at line {line}, character {column}; it may be cut off: export or send it again",
        ) from problem
    return features, faults


def _clean(row: int, feature: Any, faults: _Faults) -> dict[str, Any]:
    """Return a feature without numbers that no JSON may hold; each is told as a fault of its row."""
    given: Mapping[str, Any] = feature if isinstance(feature, dict) else {}
    stated = given.get("properties")
    properties: dict[str, Any] = {}
    for name, value in (stated if isinstance(stated, dict) else {}).items():
        if isinstance(value, float) and not math.isfinite(value):
            faults.append((row, name, _NOT_FINITE))
            properties[name] = None
        elif isinstance(value, str) and "\0" in value:
            properties[name] = value.replace(
                "\0", "\u200b"
            )  # what GDAL would end the text at; the judge says it
        elif isinstance(value, str) and _HALF_LEFT.search(value):
            faults.append((row, name, _NO_TEXT))
            properties[name] = _HALF_LEFT.sub("\ufffd", value)
        else:
            properties[name] = value if all(map(math.isfinite, _floats(value))) else str(value)
    geometry = _with_numbers(given.get("geometry"))
    if not all(map(math.isfinite, _floats(geometry))):
        faults.append((row, "", _BAD_PLACE))
        geometry = None
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _with_numbers(geometry: Any) -> Any:
    """Return a geometry with the numbers that its coordinates state as text; what is none is not finite."""
    if not isinstance(geometry, dict) or "coordinates" not in geometry:
        return geometry

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(each) for each in value]
        if not isinstance(value, str):
            return value
        try:
            return float(value)
        except ValueError:
            return math.nan

    return geometry | {"coordinates": number(geometry["coordinates"])}


def _floats(value: Any) -> Iterator[float]:
    open_: list[Any] = [value]
    while open_:
        each = open_.pop()
        if isinstance(each, float):
            yield each
        elif isinstance(each, list | tuple):
            open_ += each
        elif isinstance(each, dict):
            open_ += each.values()


def _of_esri(found: Mapping[str, Any], faults: _Faults) -> dict[str, Any]:
    """Return Esri's JSON as GeoJSON: by the titles of its fields, its coded values spelt out, in its own CRS."""
    titles, words = _fields(found)
    features = []
    for row, each in enumerate(found["features"]):
        attributes = each.get("attributes") if isinstance(each, dict) else None
        properties = {
            titles.get(name, name): words.get(name, {}).get(value, value)
            if not isinstance(value, list | dict)
            else value
            for name, value in (attributes or {}).items()
        }
        try:
            shape = _esri_shape(each.get("geometry") or {})
        except (TypeError, ValueError, KeyError, IndexError, shapely.GEOSException):
            faults.append((row, "", _BAD_SHAPE))
            shape = None
        features.append({"properties": properties, "geometry": shape and shapely.geometry.mapping(shape)})
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs := _esri_crs(found.get("spatialReference") or {}):
        collection["crs"] = {"type": "name", "properties": {"name": crs}}
    return collection


def _fields(found: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, dict[Any, str]]]:
    """Return field → its title where that is Chinese, and field → code → word."""
    titles = {k: v for k, v in (found.get("fieldAliases") or {}).items() if v and not str(v).isascii()}
    words: dict[str, dict[Any, str]] = {}
    for each in found.get("fields") or ():
        name, alias = each.get("name", ""), each.get("alias") or ""
        if alias and not alias.isascii():
            titles.setdefault(name, alias)
        coded = (each.get("domain") or {}).get("codedValues") or ()
        words[name] = {one.get("code"): one.get("name") for one in coded}
    return titles, words


def _esri_crs(stated: Mapping[str, Any]) -> str:
    code = stated.get("latestWkid") or stated.get("wkid")
    for authority in ("EPSG", "ESRI") if code else ():
        if crs := epsg_of(f"{authority}:{code}")["crs"]:
            return crs
    return epsg_of(stated["wkt"])["crs"] if stated.get("wkt") else ""


def _esri_shape(stated: Mapping[str, Any]) -> _Shape | None:
    if "x" in stated:
        x, y = stated["x"], stated["y"]
        return None if x in {None, "NaN"} or y in {None, "NaN"} else shapely.Point(float(x), float(y))
    if "points" in stated:
        return shapely.MultiPoint([p[:2] for p in stated["points"]])
    if "paths" in stated:
        return shapely.MultiLineString([[p[:2] for p in path] for path in stated["paths"]])
    if "rings" in stated:
        return _polygons([[p[:2] for p in ring] for ring in stated["rings"] if len(ring) >= _SHORTEST_RING])
    if stated:
        raise ValueError(stated)
    return None


def _polygons(rings: list[list[list[float]]]) -> _Shape | None:
    """Return what rings draw: one that lies inside an odd number of others is a hole."""
    drawn = [shapely.Polygon(ring) for ring in rings]
    whole: _Shape | None = None
    for each in sorted(drawn, key=lambda one: -one.area):
        whole = each if whole is None else shapely.symmetric_difference(whole, each)
    return whole
