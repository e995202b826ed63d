"""Coordinates of a table → degrees in CGCS2000, with every oddity named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.coordinates import (
    CHINA,
    Datum,
    Region,
    inside,
    parse_angle,
    parse_datum,
    plain_text,
    split_position,
    to_cgcs2000,
)
from riskmap.errors import RiskmapError, Text
from riskmap.interface import option
from riskmap.reprojection import reprojection
from riskmap.rules import vocabulary
from riskmap.rules.cell import Severity, shortest, shown
from riskmap.rules.column import Distinct, numbers
from riskmap.values.boundaries import Boundaries, duplicates, fitting_datum
from riskmap.values.import_plan import Intake, Issue

Mask = NDArray[np.bool_]


_PROJECTED_SIZE = 1000.0  # degrees never get this large, metres in China are never this small


_AREA_SLACK = (3.0, 2.0)  # degrees of longitude and latitude around a projection's area of use


_FALSE_EASTING = 500_000.0  # of a zone without its number in front


_WHOLE_SHARE = 0.8


_WHOLE_ROWS = 3


# WKT and EWKT, also of a multipoint of one; heights and measures behind the two numbers are left.
_POINT = re.compile(
    r"^\s*(?:SRID=\d+;)?\s*(?:MULTI)?POINT\s*(?:ZM|Z|M)?\s*\(\s*\(?\s*([-\d.eE+]+)[\s,]+([-\d.eE+]+)"
    r"(?:[\s,]+[-\d.eE+]+|[\s,]+NAN){0,2}\s*\)?\s*\)\s*$",
    re.IGNORECASE,
)


_GEOJSON = re.compile(
    r"""^\{(?=.*"type"\s*:\s*"Point").*"coordinates"\s*:\s*\[\s*([-\d.eE+]+)\s*,\s*([-\d.eE+]+)\s*[,\]].*\}$""",
    re.DOTALL,
)


_WKB = re.compile(r"^(?:\\x|0x)?(0[01][0-9a-f]{40,})$", re.IGNORECASE)


# What survey apps write into one cell: latitude, longitude, height, accuracy, in this order.
_GEOPOINT = re.compile(r"^(-?\d{1,2}\.\d+)\s+(-?\d{1,3}\.\d+)\s+-?\d+(?:\.\d+)?(?:\s+\d+(?:\.\d+)?)?$")


_LABELLED = re.compile(
    r"^(?P<a>东经|北纬|经度|纬度|[ENXY经纬])\s*[:：=]?\s*(?P<av>[^a-zA-Z经纬东北]+?)[\s,，;；、]*"
    r"(?P<b>东经|北纬|经度|纬度|[ENXY经纬])\s*[:：=]?\s*(?P<bv>[^a-zA-Z经纬东北]+?)\s*$",
    re.IGNORECASE,
)


_TAILED = re.compile(
    r"^(?P<av>[^a-zA-Z]+?)(?P<a>[EN])[\s,，;；、]*(?P<bv>[^a-zA-Z]+?)(?P<b>[EN])$", re.IGNORECASE
)


_LONGITUDE = re.compile(r"longitude|lng|lon", re.IGNORECASE)


_LATITUDE = re.compile(r"latitude|lat", re.IGNORECASE)


_EAST = ("东经", "经度", "经", "e", "x")


@dataclass(frozen=True, slots=True)
class PositionNote:
    """What was said about the position of one row (its index in the block)."""

    at: int
    target: str
    severity: Severity
    rule: str
    say: Text
    value: str | None = None


@dataclass(slots=True)
class Stated:
    """Positions as the cells state them: x is longitude or easting, y latitude or northing.

    NaN with `has` True is a cell that could not be read. `text` gives a row's cells for messages.
    """

    x: Floats
    y: Floats
    has_x: Mask
    has_y: Mask
    text: Callable[[int], str | None]
    labelled: Mask  # the cell itself says which number is which
    target: str = "position"


@dataclass(slots=True)
class Placed:
    """Degrees in CGCS2000, NaN where unlocated or refused, and the remarks."""

    lon: Floats
    lat: Floats
    remarks: list[PositionNote] = field(default_factory=list)


@lru_cache(maxsize=65_536)
def parse_number(text: str) -> float:
    """Return one coordinate cell as a number (degrees or metres), NaN when it is none."""
    plain = plain_text(text).rstrip("。.,，;；")
    plain = re.sub(r"^(?:经度|纬度|东经|北纬|lon|lat|[xyXY])\s*[:：=]\s*", "", plain)
    plain = re.sub(r"\s*(?:米|m)$", "", plain)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    value = parse_angle(plain)
    return float("nan") if value is None or not np.isfinite(value) else value


def parse_pair(text: str) -> tuple[float, float, bool] | None:
    """Return (first, second, labelled) of a cell with both numbers; labelled pairs come x first."""
    plain = plain_text(text)
    if match := _POINT.match(plain) or _GEOJSON.match(plain):
        return float(match[1]), float(match[2]), True
    if match := _GEOPOINT.match(plain):
        return float(match[2]), float(match[1]), True
    if match := _WKB.match(plain):
        return _of_wkb(match[1])
    plain = _LATITUDE.sub("N", _LONGITUDE.sub("E", plain)).strip("{}").replace('"E"', "E").replace('"N"', "N")
    for pattern in (_LABELLED, _TAILED):
        match = pattern.match(plain)
        if not match:
            continue
        a_east, b_east = match["a"].lower() in _EAST, match["b"].lower() in _EAST
        first, second = parse_number(match["av"]), parse_number(match["bv"])
        if a_east == b_east or not (np.isfinite(first) and np.isfinite(second)):
            return None
        return (first, second, True) if a_east else (second, first, True)
    pair = split_position(plain)
    return (*pair, False) if pair else None


def _of_wkb(digits: str) -> tuple[float, float, bool] | None:
    """Return the position of a point as databases write it in hexadecimal."""
    import shapely  # noqa: PLC0415 - such cells are rare

    found = shapely.from_wkb(digits, on_invalid="ignore")
    if not isinstance(found, shapely.Point) or found.is_empty:
        return None
    return float(found.x), float(found.y), True


def in_two_cells(first: Distinct | None, second: Distinct | None, count: int) -> Stated:
    """Return the positions of two columns, x and y; None for a column that a table lacks."""
    x, has_x = _numbers(first, count)
    y, has_y = _numbers(second, count)
    labelled = np.zeros(count, bool)

    def text(row: int) -> str | None:
        return ", ".join(t for t in (_cell(first, row), _cell(second, row)) if t) or None

    # Both numbers in one of the two cells: the other is empty or repeats it.
    for i in np.flatnonzero((has_x & np.isnan(x)) | (has_y & np.isnan(y))):
        texts = {t for c, h in ((first, has_x[i]), (second, has_y[i])) if h and (t := _cell(c, int(i)))}
        pair = parse_pair(texts.pop()) if len(texts) == 1 else None
        if pair:
            x[i], y[i], labelled[i] = pair
            has_x[i] = has_y[i] = True
    return Stated(x, y, has_x, has_y, text, labelled)


def _numbers(cells: Distinct | None, count: int) -> tuple[Floats, Mask]:
    if cells is None:
        return np.full(count, np.nan), np.zeros(count, bool)
    return numbers(cells, parse_number, is_empty)


def _cell(cells: Distinct | None, row: int) -> str | None:
    at = -1 if cells is None else int(cells.index[row])
    return None if cells is None or at < 0 else shortest(cells.texts[at].as_py())


def in_one_cell(cells: Distinct) -> Stated:
    """Return the positions of a column that holds both numbers in one cell."""
    texts = cells.texts.to_pylist()
    count = len(texts) + 1
    x, y = np.full(count, np.nan), np.full(count, np.nan)
    has_x, has_y, labelled = (np.zeros(count, bool) for _ in range(3))
    for at, text in enumerate(texts):
        if is_empty(text):
            continue
        pair = parse_pair(text)
        has_x[at] = True
        if pair:
            x[at], y[at], labelled[at] = pair
            has_y[at] = True
        else:
            x[at] = parse_number(text)
            # A lone number is half a position; anything else is a whole one that cannot be read.
            has_y[at] = not np.isfinite(x[at])
    index = cells.index
    spread: list[Any] = cells.spread(texts)
    return Stated(x[index], y[index], has_x[index], has_y[index], lambda i: spread[i], labelled[index])


def place(stated: Stated, datum: Datum, region: Region = Region()) -> Placed:  # noqa: B008 - frozen
    """Return where the rows are, in CGCS2000, and what is wrong with the rest.

    Half a position, 0,0, text and places outside China and the district's `region` are errors; numbers
    that make sense, or lie in the district, only the other way round are turned, with a warning, unless
    the cell itself labelled them.
    """
    count = len(stated.x)
    placed = Placed(np.full(count, np.nan), np.full(count, np.nan))
    both = stated.has_x & stated.has_y
    readable = both & np.isfinite(stated.x) & np.isfinite(stated.y)
    zero = readable & (stated.x == 0) & (stated.y == 0)
    placed.remarks += _unreadable(stated, both, readable, zero)
    x, y = _without_zone(stated, datum, placed)
    lon, lat, fits = _fit(x, y, datum, region)
    turned_lon, turned_lat, turned_fits = _fit(y, x, datum, region)
    good = readable & ~zero
    nearer = turned_fits & region.near(turned_lon, turned_lat) & ~region.near(lon, lat)
    straight = good & fits & ~nearer
    turned = good & turned_fits & (~fits | nearer)
    placed.lon[straight], placed.lat[straight] = lon[straight], lat[straight]
    placed.lon[turned], placed.lat[turned] = turned_lon[turned], turned_lat[turned]
    placed.remarks += list(_turned(stated, turned & ~stated.labelled))
    placed.remarks += list(_far(stated, region.far(placed.lon, placed.lat)))
    outside = good & ~fits & ~turned_fits
    placed.remarks += [_outside(stated, int(i), datum) for i in np.flatnonzero(outside)]
    return placed


def mostly_turned(placed: Placed) -> bool:
    """Tell whether the two columns as a whole are the other way round."""
    turned = sum(1 for r in placed.remarks if r.rule == "swapped_axes")
    located = int(np.isfinite(placed.lon).sum())
    return turned >= _WHOLE_ROWS and turned >= _WHOLE_SHARE * located


def _fit(x: Floats, y: Floats, datum: Datum, region: Region) -> tuple[Floats, Floats, Mask]:
    """Return degrees in CGCS2000 and whether such numbers make sense in the datum and the region."""
    if datum.kind == "geographic":
        # Out-of-range numbers would only make the inverses of GCJ-02 and BD-09 diverge.
        fits = region.holds(x, y)
        lon, lat = to_cgcs2000(np.where(fits, x, np.nan), np.where(fits, y, np.nan), datum)
        return lon, lat, fits & np.isfinite(lon)
    bounds = area_of_use(datum.proj)
    usable = (np.abs(x) >= _PROJECTED_SIZE) & (np.abs(y) >= _PROJECTED_SIZE)
    lon, lat = to_cgcs2000(np.where(usable, x, np.nan), np.where(usable, y, np.nan), datum)
    with np.errstate(invalid="ignore"):
        fits = usable & inside(bounds, lon, lat) & region.holds(lon, lat)
    return lon, lat, fits


@lru_cache(maxsize=64)
def area_of_use(crs: str) -> tuple[float, float, float, float]:
    """Return west, south, east, north of where a projection is meant for, a little widened."""
    import pyproj  # noqa: PLC0415 (its database opens; most commands transform nothing)

    area = pyproj.CRS.from_user_input(crs).area_of_use
    if area is None or area.west > area.east:
        return CHINA
    east, north = _AREA_SLACK
    return area.west - east, area.south - north, area.east + east, area.north + north


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone of a transverse Mercator projection, and whether the eastings of the declared one begin with its number."""

    number: int
    in_eastings: bool


@lru_cache(maxsize=64)
def _zone(crs: str) -> _Zone | None:
    """Return the zone of a projection of 3 or 6 degrees with the usual false easting; None of any other."""
    import pyproj  # noqa: PLC0415 (its database opens; most commands transform nothing)

    operation = pyproj.CRS.from_user_input(crs).coordinate_operation
    parameters = {p.name: float(p.value) for p in operation.params} if operation else {}
    meridian = parameters.get("Longitude of natural origin")
    number, easting = divmod(parameters.get("False easting", 0.0), 1e6)
    if easting != _FALSE_EASTING or meridian is None:
        return None
    if number:
        return _Zone(int(number), in_eastings=True)
    return None if meridian % 3 else _Zone(round(meridian / 3), in_eastings=False)


def _without_zone(stated: Stated, datum: Datum, placed: Placed) -> tuple[Floats, Floats]:
    """38512343 is zone 38, 512343 m: the zone's number goes, or comes, as the declared projection of that zone has it."""
    x, y = stated.x, stated.y
    zone = _zone(datum.proj) if datum.kind == "projected" else None
    if zone is None:
        return x, y
    prefix = zone.number * 1e6
    if zone.in_eastings:
        # A northing has seven digits in China: six are an easting without its number.
        other_x, other_y = _six_digits(x) & ~_six_digits(y), _six_digits(y) & ~_six_digits(x)
        zh, en, prefix = "没有带号 {0}，已补上", "lacks the zone number {0}, which was put in front", -prefix
    else:
        with np.errstate(invalid="ignore"):
            other_x, other_y = np.floor(x / 1e6) == zone.number, np.floor(y / 1e6) == zone.number
        zh, en = "带有带号 {0}，已去掉", "carries the zone number {0}, which was taken off"
    for i in map(int, np.flatnonzero(other_x | other_y)):
        text = stated.text(i)
        cell = shown(text or "")
        say = Text(f"{cell} {zh.format(zone.number)}", f"{cell} {en.format(zone.number)}")
        placed.remarks.append(PositionNote(i, stated.target, "warning", "zone_prefix", say, text))
    return np.where(other_x, x - prefix, x), np.where(other_y, y - prefix, y)


def _six_digits(values: Floats) -> Mask:
    with np.errstate(invalid="ignore"):
        return (values >= 1e5) & (values < 1e6)  # noqa: PLR2004 - six digits


def _unreadable(stated: Stated, both: Mask, readable: Mask, zero: Mask) -> Iterator[PositionNote]:
    for i in np.flatnonzero(stated.has_x ^ stated.has_y):
        text = stated.text(int(i))
        missing = ("纬度或 Y", "latitude or y") if stated.has_x[i] else ("经度或 X", "longitude or x")
        yield PositionNote(
            int(i),
            stated.target,
            "error",
            "half_position",
            Text(
                f"坐标只有一半（{shown(text or '')}），缺{missing[0]}；请补全或两格都留空",
                f"only half a position ({shown(text or '')}), without {missing[1]}; complete it or leave both empty",
            ),
            text,
        )
    for i in np.flatnonzero(both & ~readable):
        text = stated.text(int(i))
        yield PositionNote(
            int(i),
            stated.target,
            "error",
            "not_a_coordinate",
            Text(
                f"{shown(text or '')} 不是坐标；请填 114.106 或 114°06′21.1″ 这样的内容",
                f"{shown(text or '')} is not a coordinate; write 114.106 or 114°06′21.1″",
            ),
            text,
        )
    for i in np.flatnonzero(zero):
        yield PositionNote(
            int(i),
            stated.target,
            "error",
            "zero_position",
            Text(
                "坐标是 0,0；请填真实坐标，没有坐标就留空",
                "the position is 0,0; give the real one, or leave it empty",
            ),
            stated.text(int(i)),
        )


def _turned(stated: Stated, turned: Mask) -> Iterator[PositionNote]:
    for i in np.flatnonzero(turned):
        yield PositionNote(
            int(i),
            stated.target,
            "warning",
            "swapped_axes",
            Text(
                f"{shown(stated.text(int(i)) or '')} 两个坐标填反了，已对调",
                f"{shown(stated.text(int(i)) or '')}: the two coordinates were the wrong way round and were turned",
            ),
            stated.text(int(i)),
        )


def _far(stated: Stated, far: Mask) -> Iterator[PositionNote]:
    for i in np.flatnonzero(far):
        text = stated.text(int(i))
        say = Text(
            f"{shown(text or '')} 不在 workspace.toml 写明的本区范围（extent）内；请核对坐标和坐标系",
            f"{shown(text or '')} lies outside the extent that workspace.toml states; check the position and its datum",
        )
        yield PositionNote(int(i), stated.target, "warning", "outside_extent", say, text)


def _outside(stated: Stated, i: int, datum: Datum) -> PositionNote:
    x, y, text = stated.x[i], stated.y[i], shown(stated.text(int(i)) or "")
    metres = abs(x) >= _PROJECTED_SIZE and abs(y) >= _PROJECTED_SIZE
    if datum.kind == "geographic" and metres:
        say = Text(
            f"{text} 是平面坐标（米），声明的却是经纬度 {datum.id}；请改填经纬度，或按 EPSG:4547 这样的平面坐标系导入",
            f"{text} is in metres but the declared system {datum.id} is in degrees; write degrees, or import it as a "
            "projected system such as EPSG:4547",
        )
    elif datum.kind == "projected" and not metres:
        say = Text(
            f"{text} 是经纬度（度），声明的却是平面坐标系 {datum.id}；请改填平面坐标，或另按经纬度导入",
            f"{text} is in degrees but the declared system {datum.id} is projected; write metres, or import it apart",
        )
    elif datum.id.startswith("EPSG:") and reprojection(datum.proj).local:
        say = Text(
            f"{text} 一带没有公开的换算从 {datum.id} 到 CGCS2000，也可能是数字不对；需要本地的七参数或格网改正文件，"
            "请由测绘部门换算成 CGCS2000 后再导入",
            f"no published operation from {datum.id} to CGCS2000 reaches {text}, or the numbers are wrong; it needs local "
            "7 parameters or a grid file: have the data converted to CGCS2000 first",
        )
    else:
        say = Text(
            f"{text} 不在中国范围、本区范围或 {datum.id} 的适用范围内；请核对数字和坐标系（本区若在别处，"
            "请在 workspace.toml 的 [district] 写 extent）",
            f"{text} lies outside China, the district or the area of {datum.id}; check the numbers and the coordinate "
            "system (a district elsewhere states its extent in [district] of workspace.toml)",
        )
    return PositionNote(i, stated.target, "error", "out_of_range", say, stated.text(int(i)))


def is_empty(text: str) -> bool:
    """Tell whether a coordinate cell states nothing."""
    return (
        vocabulary.is_blank(text)
        or text.upper().endswith("POINT EMPTY")
        or vocabulary.plain(text) in {vocabulary.CLEAR_WORD, "无"}
    )


_OUTSIDE_DISTRICT = Text(
    "位置不在本区范围内；请核对坐标和坐标系",
    "lies outside the district; check the coordinates and their datum",
)


_DATUM_TITLES = {"wgs84": "WGS84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}


def place_issues(intake: Intake, places: Boundaries | None) -> tuple[Issue, ...]:
    """Return warnings about where rows lie: near duplicates, outside, and the datum that would fit."""
    records = intake.records
    if not len(records):
        return ()
    issues: list[Issue] = []

    def warn(i: int, field: str, rule: str, message: Text) -> None:
        issues.append(
            Issue(intake.sheet[i], intake.row[i], records.code[i], field, None, "warning", rule, message)
        )

    names = [n if isinstance(n, str) else None for n in records.name]
    for i in np.flatnonzero(duplicates(names, records.lon, records.lat)).tolist():
        warn(
            int(i),
            "name",
            "possible_duplicate",
            Text(
                f"{records.code[i]}：30 米内有同名的点“{names[i]}”；请核对是否重复登记",
                f"{records.code[i]}: another point named “{names[i]}” lies within 30 m; check whether it is the same",
            ),
        )
    if places is None:
        return tuple(issues)
    astray = astray_rows(records.lon, records.lat, records.subdistrict, places)
    if any(rule == "outside_district" for _, rule, _ in astray):
        _suggest_datum(intake, places, issues)
    for i, rule, say in astray:
        code = records.code[i]
        warn(i, "position", rule, Text(f"{code}：{say.zh}", f"{code}: {say.en}"))
    return tuple(issues)


def astray_rows(
    lon: Floats, lat: Floats, subdistricts: Sequence[object], places: Boundaries
) -> list[tuple[int, str, Text]]:
    """Return (row, rule, what to check) for located rows outside the district, then outside their sub-district."""
    located = np.isfinite(lon)
    outside = located & ~places.in_district(lon, lat)
    found = places.locate(lon, lat)
    stated = np.array([places.index(s if isinstance(s, str) else None) for s in subdistricts], np.int32)
    elsewhere = located & ~outside & (stated >= 0) & (found >= 0) & (found != stated)
    rows = [(i, "outside_district", _OUTSIDE_DISTRICT) for i in np.flatnonzero(outside).tolist()]
    for i in np.flatnonzero(elsewhere).tolist():
        named, actual = subdistricts[i], places.names[found[i]]
        say = Text(
            f"填报为{named}，位置却在{actual}；请核对坐标或所属街道",
            f"stated in {named} but lies in {actual}; check the position or the sub-district",
        )
        rows.append((i, "outside_subdistrict", say))
    return rows


def _suggest_datum(intake: Intake, places: Boundaries, issues: list[Issue]) -> None:
    try:
        declared = parse_datum(intake.datum)
    except RiskmapError:
        return
    best = fitting_datum(intake.records.lon, intake.records.lat, declared, places)
    if best is None:
        return
    title, now = _DATUM_TITLES[best], _DATUM_TITLES.get(declared.id, declared.id)
    issues.append(
        Issue(
            None,
            None,
            None,
            "position",
            intake.datum,
            "warning",
            "other_datum_fits",
            Text(
                f"{intake.file}：按声明的 {now}，多数点不在本区；若坐标其实是 {title}，则落在本区内。"
                f"请核实后用 {option('crs')} {best} 重新导入",
                f"{intake.file}: as declared ({now}) most points lie outside the district; as {title} they would lie "
                f"inside. Check, and import again with {option('crs', 'en')} {best}",
            ),
        )
    )
