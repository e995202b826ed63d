"""Headers of position columns: the axis that they name, and the datum that they or a note speak of."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from riskmap.catalog.headers import normalise_header
from riskmap.letters import simplified

# A datum as headers and notes name it. Of two that match, the first counts.
_HINTS: Final = (
    ("bd09", r"百度|bd[-_]?09(?:ll)?|baidu|(?<![a-z])bd(?![a-z0-9])"),
    ("gcj02", r"高德|火星|腾讯|gcj(?:[-_]?02)?|amap"),
    (
        "xian80",
        r"西安80|西安八[〇零○]|80西安|1980(?:年)?西安|西安1980|xi'?an[-_]?(?:19)?80|1980(?:年)?国家大地",
    ),
    ("beijing54", r"北京54|北京五四|54北京|1954(?:年)?北京|北京1954|beijing[-_]?(?:19)?54|bj[-_]?54"),
    ("hk80", r"hk[-_]?(?:19)?80|香港(?:19)?80|hong[-_]?kong[-_]?(?:19)?80"),
    ("twd67", r"twd[-_]?67"),
    ("twd97", r"twd[-_]?97"),
    ("local", r"独立坐标|深圳坐标|地方坐标|独立(?:平面)?系"),
    ("wgs84", r"wgs[-_]?(?:19)?84|gps|(?<!\d)84坐标"),
    ("cgcs2000", r"cgcs[-_]?(?:2000)?|国家?2000|2000(?:国家|坐标|大地)|(?<!\d)2000(?!\d)"),
)


# A bare number at the end or the beginning of a position's header: 经度_84, X80, 84经度.
_SHORT: Final = {"84": "wgs84", "80": "xian80", "54": "beijing54"}


_SHORT_FORM: Final = re.compile(r"^(84|80|54)(?=\D)|(?<=\D)(84|80|54)(?:坐标系?|系)?(?=[)\]）】_\-]|$)")


_DATUM_WORDS: Final = re.compile(
    "|".join(pattern for _, pattern in _HINTS) + r"|大地坐标系?|坐标系统?|地图(?=\W|经|纬|坐)"
)


# A surveyor's X坐标 runs north; a bare x comes from a GIS table and runs east.
_AXES: Final = {
    "longitude": {
        "lon", "lng", "long", "longitude", "longtitude", "lone", "经度", "东经", "经", "经度e", "东经e", "e经度", "jd", "jingdu",
    },
    "latitude": {
        "lat", "latitude", "lattitude", "latitute", "latn", "纬度", "北纬", "纬", "纬度n", "北纬n", "n纬度", "wd", "weidu",
    },
    "easting": {"x", "easting", "xcoord", "xcoordinate", "coordx", "pointx", "y坐标", "坐标y", "横坐标", "东坐标"},
    "northing": {"y", "northing", "ycoord", "ycoordinate", "coordy", "pointy", "x坐标", "坐标x", "纵坐标", "北坐标"},
    "position": {
        "经纬度", "经纬", "坐标", "坐标点", "lonlat", "lnglat", "latlon", "latlng", "longlat", "latlong", "xy", "coord",
        "coords", "coordinate", "coordinates", "geopoint", "wkt", "geom", "geometry", "geojson", "wkb", "ewkb", "ewkt", "几何",
    },
}  # fmt: skip


# Words beside the axis that say nothing of where it lies on the table: gps_lng, decimalLatitude, 点位经度值.
_FILLERS: Final = re.compile(
    r"^(?:gps|geo|map|loc|location|pos|position|coord|coords|coordinate|coordinates|center|centre|centroid|point|pt|site"
    r"|decimal|dec|deg|degree|degrees|dd|wgs|num|value|val|my|the|wkt|field)$"
)


_HEADS: Final = re.compile(
    r"^(?:大地坐标|地理坐标|点位坐标|位置坐标|大地|地理|点位|所在|所处|实际|现场|中心点?|中心|设施|场所|位置|定位|地图|单位|采集|空间|平面|测点|点)+(?=经|纬|东经|北纬|坐标)"
)


_TAILS: Final = re.compile(r"(?:坐标值|坐标|数值|值|信息|数据|位置|十进制|小数|dd|度)$")


# What every such header has somewhere; most cells that are looked at for a header have none of it.
_CLUE: Final = re.compile(
    r"[经經経纬緯坐座縱纵橫横]|北|东|東|几何|lon|lng|lat|coord|geo|wk[tb]|east|north|jd|wd|jing|wei|[xy]\b|[xy][^a-z]|[xy]coord",
    re.IGNORECASE,
)


_UNITS: Final = re.compile(r"[(\[（【][^()\[\]（）【】]*[)\]）】]|[°º′\"']")


def datum_hints(text: str) -> tuple[str, ...]:
    """Return the datums that a header or a note speaks of."""
    words = normalise_header(text)
    return tuple(datum for datum, pattern in _HINTS if re.search(pattern, words))


def datum_hint(text: str) -> str | None:
    """Return the datum that a header or a note speaks of, the first of several, None where it names none."""
    return next(iter(datum_hints(text)), None)


def header_datum(text: str) -> str | None:
    """Return the datum that the header of a position names, also by a bare number: 经度_84."""
    words = normalise_header(text)
    short = _SHORT_FORM.search(words)
    return datum_hint(text) or (_SHORT[short[1] or short[2]] if short else None)


def position_axis(text: str) -> str | None:
    """Return longitude, latitude, easting, northing or position for a header that names one in its own way.

    What stands around the axis is taken off: datum, brackets, fillers. None where anything else is left.
    """
    if not _CLUE.search(text):
        return None
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", unicodedata.normalize("NFKC", text).strip())
    words = simplified("_".join(split.split()).casefold()).replace("座标", "坐标")
    words = _SHORT_FORM.sub("", _DATUM_WORDS.sub("", _UNITS.sub("", words)))
    parts = [part for part in re.split(r"[\s_\-.:/,，、]+", words) if part]
    left = [part for part in parts if not _FILLERS.match(part)] or parts[-1:]
    return _axis("".join(left)) or (_axis("".join(parts)) if len(parts) > 1 else None)


def _axis(word: str) -> str | None:
    for candidate in (word, _HEADS.sub("", word), _TAILS.sub("", word), _TAILS.sub("", _HEADS.sub("", word))):
        for axis, names in _AXES.items():
            if candidate in names:
                return axis
    return None
