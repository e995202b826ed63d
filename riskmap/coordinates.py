"""Chinese coordinate systems: CGCS2000, WGS84, GCJ-02, BD-09, projected grids, axis order, DMS.

The ledger stores degrees in CGCS2000 (EPSG:4490). WGS84 and CGCS2000 agree to a decimetre and differ by
nothing here. GCJ-02 and BD-09 have no EPSG code; their inverses iterate (three
rounds reach .03 mm). A datum is declared, never guessed. Everything else goes by `riskmap.reprojection`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import DatumError, meant
from riskmap.reprojection import CGCS2000, WGS84, reprojection

# Ellipsoid of the GCJ-02 offset formula (Krasovsky 1940), as the public implementations use it.
_GCJ_A = 6378245.0


_GCJ_EE = 0.00669342162296594323


_BD_PI = np.pi * 3000.0 / 180.0


_ROUNDS = 4


Extent = tuple[float, float, float, float]  # west, south, east, north in degrees


CHINA: Extent = (73.0, 3.0, 136.0, 54.0)


_SLACK = (3.0, 2.0)  # degrees of longitude and latitude around a boundary's own extent


@dataclass(frozen=True, slots=True)
class Region:
    """Where records of a district may lie: around it, or anywhere in China.

    `extent` is what the district states itself, `boundary` that of its polygons; None where there is none.
    """

    extent: Extent | None = None
    boundary: Extent | None = None

    def near(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Tell which places lie in the district's extent or around its boundary; none where neither is known."""
        found = np.zeros(np.shape(lon), bool)
        for box in self._boxes():
            found |= inside(box, lon, lat)
        return found

    def holds(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Tell which places a record may have at all."""
        return self.near(lon, lat) | inside(CHINA, lon, lat)

    def far(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        """Tell which places lie outside the extent that the district states."""
        if self.extent is None:
            return np.zeros(np.shape(lon), bool)
        return np.isfinite(lon) & ~inside(self.extent, lon, lat)

    @property
    def around(self) -> Extent:
        """The smallest box around every place that a record may have."""
        boxes = (*self._boxes(), CHINA)
        west, south = (min(box[i] for box in boxes) for i in (0, 1))
        return west, south, max(box[2] for box in boxes), max(box[3] for box in boxes)

    def _boxes(self) -> tuple[Extent, ...]:
        around = self.boundary
        if around is not None:
            around = (
                around[0] - _SLACK[0],
                around[1] - _SLACK[1],
                around[2] + _SLACK[0],
                around[3] + _SLACK[1],
            )
        return tuple(box for box in (self.extent, around) if box is not None)


def inside(box: Extent, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Tell which places lie in a box of degrees; False where there is no place."""
    x, y = _arrays(lon, lat)
    with np.errstate(invalid="ignore"):
        return (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])


def are_degrees(west: float, south: float, east: float, north: float) -> bool:
    """Tell whether an extent can be longitudes and latitudes, in this order: not metres, and not turned round."""
    if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        return False
    corners = np.array([[west, south], [east, north]])
    straight, turned = (bool(inside(CHINA, corners[:, i], corners[:, 1 - i]).all()) for i in (0, 1))
    return straight or not turned


@dataclass(frozen=True, slots=True)
class Datum:
    """A declared coordinate system. `id` is wgs84, cgcs2000, gcj02, bd09 or EPSG:n."""

    id: str
    kind: Literal["geographic", "projected"]

    @property
    def offset(self) -> bool:
        """True for the two encrypted systems that PROJ does not know."""
        return self.id in {"gcj02", "bd09"}

    @property
    def base(self) -> str:
        """The name of the geodetic datum: its own id, or what EPSG calls it (Hong Kong 1980)."""
        if not self.id.startswith("EPSG:"):
            return self.id
        import pyproj  # noqa: PLC0415 (its database opens; most commands transform nothing)

        geodetic = pyproj.CRS.from_user_input(self.id).geodetic_crs
        return self.id if geodetic is None else geodetic.name

    @property
    def proj(self) -> str:
        """The CRS that PROJ knows; GCJ-02 and BD-09 numbers are degrees near WGS84."""
        if self.id == "cgcs2000":
            return CGCS2000
        return WGS84 if self.id in {"wgs84", "gcj02", "bd09"} else self.id


_NAMES = {
    "wgs84": "wgs84",
    "wgs-84": "wgs84",
    "gps": "wgs84",
    "epsg:4326": "wgs84",
    "cgcs2000": "cgcs2000",
    "2000": "cgcs2000",
    "国家2000": "cgcs2000",
    "大地2000": "cgcs2000",
    "epsg:4490": "cgcs2000",
    "gcj02": "gcj02",
    "gcj-02": "gcj02",
    "火星": "gcj02",
    "高德": "gcj02",
    "腾讯": "gcj02",
    "amap": "gcj02",
    "bd09": "bd09",
    "bd-09": "bd09",
    "bd09ll": "bd09",
    "百度": "bd09",
}


# Older datums as people call them; what becomes of them is for the published operations to say.
_CODES = {
    "西安80": "epsg:4610",
    "xian80": "epsg:4610",
    "北京54": "epsg:4214",
    "beijing54": "epsg:4214",
    "香港1980": "epsg:2326",
    "hk80": "epsg:2326",
    "hk1980": "epsg:2326",
}


@lru_cache(maxsize=256)
def parse_datum(text: str) -> Datum:
    """Return the datum that `text` names: wgs84, cgcs2000, gcj02, bd09 or EPSG:n.

    Raises DatumError naming the text and the nearest known name, or why nothing leads from it to CGCS2000.
    """
    key = unicodedata.normalize("NFKC", text).strip().lower().replace(" ", "").replace("_", "")
    known = _NAMES.get(key)
    if known:
        return Datum(known, "geographic")
    match = re.fullmatch(r"epsg:?(\d{4,6})", _CODES.get(key, key))
    if match:
        import pyproj  # noqa: PLC0415 (its database opens; most commands transform nothing)
        from pyproj.exceptions import CRSError  # noqa: PLC0415

        code = f"EPSG:{match[1]}"
        try:
            crs = pyproj.CRS.from_user_input(code)
        except CRSError as problem:
            raise DatumError(
                f"坐标系 {text}：EPSG 库中没有这个编号；深圳一带常用 EPSG:4547（CGCS2000 / 114°E）",
                f"coordinate system {text}: EPSG has no such code; around Shenzhen EPSG:4547 is usual",
            ) from problem
        if not (crs.is_geographic or crs.is_projected) or crs.is_vertical or crs.is_geocentric:
            raise DatumError(
                f"坐标系 {text}：不是平面或经纬度坐标系；请用 EPSG:4490 或 EPSG:4547 这样的坐标系",
                f"coordinate system {text}: neither geographic nor projected; use one like EPSG:4490 or EPSG:4547",
            )
        reprojection(code)  # refused where it is declared, not where the first number comes
        return Datum(code, "geographic" if crs.is_geographic else "projected")
    near = difflib.get_close_matches(key, _NAMES, n=1)
    end = meant(_NAMES[near[0]] if near else "")
    raise DatumError(
        f"坐标系 {text!r} 不认识；可写 wgs84、cgcs2000、gcj02、bd09 或 EPSG:4547 这样的编号{end.zh}",
        f"unknown coordinate system {text!r}; write wgs84, cgcs2000, gcj02, bd09 or a code like EPSG:4547{end.en}",
    )


def _in_china(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    # The offset exists only inside this box, as published implementations have it.
    return (lon > 72.004) & (lon < 137.8347) & (lat > 0.8293) & (lat < 55.8271)


def _offset(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 105.0, lat - 35.0
    pi = np.pi
    root = np.sqrt(np.abs(x))
    wave = (20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    dlat += (20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    dlat += (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    dlon += (20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    dlon += (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    radlat = np.radians(lat)
    magic = 1.0 - _GCJ_EE * np.sin(radlat) ** 2
    dlat = dlat * 180.0 / ((_GCJ_A * (1.0 - _GCJ_EE)) / (magic * np.sqrt(magic)) * pi)
    dlon = dlon * 180.0 / (_GCJ_A / np.sqrt(magic) * np.cos(radlat) * pi)
    inside = _in_china(lon, lat)
    return np.where(inside, dlon, 0.0), np.where(inside, dlat, 0.0)


def _arrays(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS84 degrees to GCJ-02. (114.12, 22.548) → (114.125097604, 22.545309128)."""
    x, y = _arrays(lon, lat)
    dx, dy = _offset(x, y)
    return x + dx, y + dy


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Invert GCJ-02 by iteration, to less than a millimetre."""
    x, y = _arrays(lon, lat)
    gx, gy = x.copy(), y.copy()
    for _ in range(_ROUNDS):
        dx, dy = _offset(gx, gy)
        gx, gy = x - dx, y - dy
    return gx, gy


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift GCJ-02 degrees to BD-09."""
    x, y = _arrays(lon, lat)
    z = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_PI)
    theta = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_PI)
    return z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Invert BD-09 by iteration."""
    x, y = _arrays(lon, lat)
    gx, gy = x - 0.0065, y - 0.006
    for _ in range(_ROUNDS + 1):
        bx, by = gcj02_to_bd09(gx, gy)
        gx, gy = gx + (x - bx), gy + (y - by)
    return gx, gy


def to_cgcs2000(x: ArrayLike, y: ArrayLike, datum: Datum) -> tuple[Floats, Floats]:
    """Return CGCS2000 degrees for x (lon or easting) and y (lat or northing), in `datum`.

    NaN stays NaN; a point that no operation reaches comes back as NaN. DatumError where there is none at all.
    """
    px, py = _arrays(x, y)
    if datum.id == "bd09":
        px, py = bd09_to_gcj02(px, py)
    if datum.offset:
        return gcj02_to_wgs84(px, py)
    if datum.id in {"wgs84", "cgcs2000"}:
        return px.copy(), py.copy()
    return reprojection(datum.proj).to_cgcs2000(px, py)


def from_cgcs2000(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[Floats, Floats]:
    """Return x, y in `datum` for CGCS2000 degrees, NaN where no operation reaches."""
    x, y = _arrays(lon, lat)
    if datum.offset:
        x, y = wgs84_to_gcj02(x, y)
        return gcj02_to_bd09(x, y) if datum.id == "bd09" else (x, y)
    if datum.id in {"wgs84", "cgcs2000"}:
        return x.copy(), y.copy()
    return reprojection(datum.proj).from_cgcs2000(x, y)


def metric_crs(lon: float) -> str:
    """Return the CGCS2000 3-degree Gauss-Kruger zone (by central meridian) for a longitude.

    EPSG:4534 is 75° E and the codes run on by 3 degrees to EPSG:4554, 135° E; 114° E is EPSG:4547.
    """
    zone = int(np.clip(np.floor((lon - 73.5) / 3.0), 0, 20))
    return f"EPSG:{4534 + zone}"


def metres(lon: ArrayLike, lat: ArrayLike, *, around: float | None = None) -> tuple[Floats, Floats]:
    """Project CGCS2000 degrees to metres (easting, northing) in the zone of `around` or of the mean."""
    x, y = _arrays(lon, lat)
    centre = around if around is not None else float(np.nanmean(x)) if np.isfinite(x).any() else 114.0
    return from_cgcs2000(x, y, Datum(metric_crs(centre), "projected"))


_DMS = re.compile(
    r"""^\s*(?P<head>[NSEWnsew东西南北]?)(?:[经纬])?\s*[:：]?\s*
    (?P<d>-?\d{1,3}(?:\.\d+)?)\s*(?:°|º|度|d|:|\s)\s*
    (?:(?P<m>\d{1,2}(?:\.\d+)?)\s*(?:′|'|’|‘|´|分|m|:|\s)\s*)?
    (?:(?P<s>\d{1,2}(?:\.\d+)?)\s*(?:″|"|”|“|''|′′|秒|s)?\s*)?
    (?P<tail>[NSEWnsew东西南北]?)\s*$""",
    re.VERBOSE,
)


_PLAIN = re.compile(
    r"^\s*(?P<head>[NSEWnsew]|东经|西经|北纬|南纬|[东西南北])?\s*[:：]?\s*"
    r"(?P<v>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*(?:°|º|度)?\s*(?P<tail>[NSEWnsew东西南北])?\s*$"
)


# NFKC would turn these look-alikes of °, ′ and ″ into letters and combining marks.
_MARKS = str.maketrans(
    {
        "º": "°",
        "˚": "°",
        "゜": "°",
        "´": "′",
        "ˊ": "′",
        "`": "′",
        "〃": "″",
        "〞": "″",
        "〝": "″",
        "‶": "″",
        "。": ".",
    }
)


# 114。09′00″, 114^09'00": what stands for the sign of degrees where minutes follow.
_ODD_DEGREE = re.compile(r"^(\D{0,6}\d{1,3})\s*[.^˙·*]\s*(?=\d{1,2}\s*[′'’‘分]\s*\d)")


_HYPHENATED = re.compile(r"^(\d{1,3})-(\d{1,2})-(\d{1,2}(?:\.\d+)?)$")


_SOUTH_WEST = frozenset("SWsw南西")


def plain_text(text: str) -> str:
    """Return a coordinate cell in half-width letters, with the look-alikes of °, ′ and ″ put right."""
    put_right = _ODD_DEGREE.sub(r"\1°", text.translate(_MARKS))
    return unicodedata.normalize("NFKC", put_right).strip()


def parse_angle(text: str) -> float | None:
    """Return decimal degrees (or a plain number) for one coordinate cell, None if it is not one.

    Takes full-width digits, a trailing °, hemisphere letters, 东经/北纬, and degrees-minutes-seconds
    ("114°06′21.11″", "22度32分51.11秒", "114:06:21.11").
    """
    plain = plain_text(text)
    plain = _HYPHENATED.sub(r"\1:\2:\3", plain)
    match = _PLAIN.match(plain)
    if match:
        value = float(match["v"])
        sign = (match["head"] or "")[:1] in _SOUTH_WEST or (match["tail"] or "") in _SOUTH_WEST
        return -abs(value) if sign and (match["head"] or match["tail"]) else value
    # NFKC turns ″ into two ′: put them back together before looking for seconds.
    match = _DMS.match(plain.replace("′′", "″").replace("''", "″"))
    if not match or match["m"] is None or "." in match["d"]:
        return None  # 114.05 22.54 31 is no angle: whole degrees come before minutes
    degrees, minutes, seconds = float(match["d"]), float(match["m"]), float(match["s"] or 0)
    if minutes >= 60 or seconds >= 60:
        return None
    value = abs(degrees) + minutes / 60.0 + seconds / 3600.0
    negative = degrees < 0 or any(match[k] and match[k] in _SOUTH_WEST for k in ("head", "tail"))
    return -value if negative else value


def split_position(text: str) -> tuple[float, float] | None:
    """Return the two numbers of a "lon, lat" cell in the order written, None if there are not two.

    A height and an accuracy may follow: "114.05,22.54,31", "22.54 114.05 31.2 4.5".
    """
    plain = plain_text(text).strip("()[]（）【】")
    for separator in (",", "，", ";", "、", "/", "|", "\t"):
        if separator in plain:
            parts = [p for p in plain.split(separator) if p.strip()]
            break
    else:
        parts = plain.split()
    if not 2 <= len(parts) <= 4:
        return None
    if len(parts) > 2 and parse_angle(plain) is not None:
        return None
    first, second, *more = (parse_angle(re.sub(r"\s*(?:米|m)$", "", part)) for part in parts)
    return None if first is None or second is None or None in more else (first, second)
