"""Nodes read from a file → a `Track`, once they can be one: in order, in range, at a possible speed.

What the columns of track files are called, and the words for units and quadrants.

A track file as text and as a table whose lines keep their numbers.

Times as track files write them, by the rules of `riskmap.moments`; their zone must be stated.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.errors import RiskmapError, Say, UnreadableFileError
from riskmap.formulas.wind import DEGREE, KNOT, NAUTICAL_MILE
from riskmap.moments import Zone, parse_zone, read_moment, seconds_of
from riskmap.values.hazards import Track
from riskmap.vocabulary import FORCE_MS

FASTEST: Final = 80.0  # knots; lows of middle latitudes reach some 70, a slipped digit gives hundreds


LONGEST_GAP: Final = (
    72.0  # hours between nodes; forecasts have 6 to 24, a slipped digit of a year gives years
)


_HALF_TURN: Final = 180.0


NAN: Final = float("nan")


_LIMITS: Final[Mapping[str, tuple[float, float, str, str, str]]] = {
    "lat": (-80.0, 80.0, "纬度", "latitude", "°"),
    "lon": (-180.0, 360.0, "经度", "longitude", "°"),
    "wind": (0.0, 110.0, "最大风速", "maximum wind", " m/s"),
    "pressure": (850.0, 1050.0, "中心气压", "central pressure", " hPa"),
    "environment": (950.0, 1050.0, "环境气压", "environmental pressure", " hPa"),
    "radius": (1.0, 500.0, "最大风速半径", "radius of maximum wind", " km"),
}


_FARTHEST_RADIUS: Final = 2000.0


@dataclass(frozen=True, slots=True)
class Node:
    """One line of a track: SI-like units of `Track`, NaN where blank; radii in the quadrants NE, SE, SW, NW."""

    line: int
    time: np.datetime64
    lat: float
    lon: float
    wind: float = NAN
    pressure: float = NAN
    environment: float = NAN
    radius: float = NAN
    radii: Mapping[float, tuple[float, float, float, float]] = field(default_factory=dict)


def refused(path: Path, line: int, zh: str, en: str) -> RiskmapError:
    """Return the error that names file and line."""
    return RiskmapError(f"{path} › 第 {line} 行：{zh}", f"{path} › line {line}: {en}")


def number(path: Path, line: int, column: str, text: str) -> float:
    """Return a cell's number, NaN where it is blank; RiskmapError where it is none."""
    if not text or text.lower() in {"nan", "-", "--", "—", "na", "n/a", "null", "none", "////"}:
        return NAN
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise refused(
            path,
            line,
            f"{column} › {text!r} 不是数字；请只写数字",
            f"{column} › {text!r} is no number; write digits only",
        )
    return value


def one_averaging(path: Path, found: Sequence[tuple[int, float]]) -> float:
    """Return the averaging time, minutes, that all lines state; NaN where none does; refused where they differ."""
    first = NAN
    for line, minutes in found:
        if math.isnan(minutes):
            continue
        if minutes not in {1.0, 2.0, 10.0}:
            raise refused(
                path,
                line,
                f"风速的平均时段 {minutes:g} 分钟；应为 1、2 或 10",
                f"wind averaged over {minutes:g} minutes; expected 1, 2 or 10",
            )
        if not math.isnan(first) and minutes != first:
            raise refused(
                path,
                line,
                f"平均时段 {minutes:g} 分钟与前面的 {first:g} 分钟不一致；一条路径只能用一种，请分成两个文件或换算",
                f"wind over {minutes:g} minutes after wind over {first:g}; a track has one averaging time: split or convert it",
            )
        first = minutes
    return first


def track_of(
    path: Path,
    nodes: Sequence[Node],
    *,
    name: str,
    source: str,
    averaging: float,
    issued: np.datetime64 | None = None,
    member: str = "",
    line: int = 1,
) -> Track:
    """Return the track of these nodes; RiskmapError where they cannot be one."""
    if not nodes:
        raise refused(
            path,
            line,
            "没有路径点；每个时次写一行",
            "no node; write one line a time",
        )
    for node in nodes:
        _check_numbers(path, node)
    for before, after in pairwise(nodes):
        _check_step(path, before, after)
    speeds = sorted({speed for node in nodes for speed in node.radii})
    none = (NAN, NAN, NAN, NAN)
    return Track(
        name=name,
        source=source,
        time=np.array([node.time for node in nodes], "datetime64[s]"),
        lat=np.array([node.lat for node in nodes]),
        lon=np.array([_wrapped(node.lon) for node in nodes]),
        pressure=np.array([node.pressure for node in nodes]),
        wind=np.array([node.wind for node in nodes]),
        averaging=averaging,
        environment=np.array([node.environment for node in nodes]),
        radius=np.array([node.radius for node in nodes]),
        radii={speed: np.array([node.radii.get(speed, none) for node in nodes]) for speed in speeds},
        issued=issued,
        member=member,
    )


def _check_numbers(path: Path, node: Node) -> None:
    for key, (low, high, zh, en, unit) in _LIMITS.items():
        value = float(getattr(node, key))
        if key in {"lat", "lon"} and math.isnan(value):
            raise refused(
                path,
                node.line,
                f"{zh}是空的；请补上，或删去这一行",
                f"{en} is blank; supply it or remove the line",
            )
        if value < low or value > high:
            raise refused(
                path,
                node.line,
                f"{zh} {value:g}{unit} 不可能；应在 {low:g} 到 {high:g} 之间，请核对单位和记录",
                f"{en} {value:g}{unit} cannot be; it lies between {low:g} and {high:g}, check unit and record",
            )
    for speed, radii in node.radii.items():
        wrong = [r for r in radii if r < 0 or r > _FARTHEST_RADIUS]
        if wrong:
            raise refused(
                path,
                node.line,
                f"{speed:.1f} m/s 风圈半径 {wrong[0]:g} km 不可能；应在 0 到 {_FARTHEST_RADIUS:g} 之间",
                f"radius {wrong[0]:g} km of {speed:.1f} m/s cannot be; it lies between 0 and {_FARTHEST_RADIUS:g}",
            )


def _check_step(path: Path, before: Node, after: Node) -> None:
    hours = float((after.time - before.time) / np.timedelta64(1, "s")) / 3600.0
    if not hours > 0:
        zh = "重复出现" if hours == 0 else "早于上一行"
        en = "is there twice" if hours == 0 else "is before the line above"
        raise refused(
            path,
            after.line,
            f"时间 {after.time}Z {zh}（{before.time}Z，第 {before.line} 行）；请按时间先后排列，每个时次一行",
            f"the time {after.time}Z {en} ({before.time}Z, line {before.line}); sort by time, one line a time",
        )
    if hours > LONGEST_GAP:
        raise refused(
            path,
            after.line,
            f"与上一时次（{before.time}Z）相隔 {hours:,.0f} 小时，超过 {LONGEST_GAP:g}；请核对或补上中间时次",
            f"{hours:,.0f} h after the line above ({before.time}Z), more than {LONGEST_GAP:g}; check it or fill the gap",
        )
    east = _wrapped(after.lon - before.lon) * math.cos(math.radians((after.lat + before.lat) / 2))
    distance = math.hypot(after.lat - before.lat, east) * DEGREE
    speed = distance / hours / 3.6 / KNOT
    if speed > FASTEST:
        raise refused(
            path,
            after.line,
            f"{hours:g} 小时移动 {distance:,.0f} km（{speed:,.0f} 节），不可能超过 {FASTEST:g} 节；请核对经纬度和时间",
            f"it moves {distance:,.0f} km in {hours:g} h ({speed:,.0f} kt), above {FASTEST:g} kt; check place and time",
        )


def _wrapped(lon: float) -> float:
    inside = -_HALF_TURN <= lon < _HALF_TURN
    return lon if inside else (lon + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN


NODE_COLUMNS: Final = frozenset(
    {
        "time", "lat", "lon", "max_wind_ms", "central_pressure_hpa", "environmental_pressure_hpa", "radius_max_wind_km",
    }
)  # fmt: skip


COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("time", "datetime", "date_time", "valid_time", "valid", "时间", "预报时间", "日期时间", "时次", "时刻", "日期"),
    "lead": ("lead", "lead_hours", "lead_time", "forecast_hour", "tau", "时效", "预报时效"),
    "lat": ("lat", "latitude", "纬度", "北纬", "中心纬度"),
    "lon": ("lon", "lng", "long", "longitude", "经度", "东经", "中心经度"),
    "pressure": ("pressure", "central_pressure", "centralpressure", "pres", "mslp", "中心气压", "气压", "中心最低气压"),
    "environment": ("environmental_pressure", "environment", "penv", "环境气压", "外围气压"),
    "wind": (
        "wind", "max_wind", "maxwind", "vmax", "maximum_wind", "wind_speed", "最大风速", "风速", "近中心最大风速", "中心风速",
        "中心最大风速",
    ),
    "radius": ("rmw", "radius_max_wind", "最大风速半径"),
    "averaging": (
        "averaging", "averaging_minutes", "averaging_time", "wind_averaging", "平均时段", "平均时间", "风速时段", "风速平均时段",
    ),
    "zone": ("timezone", "time_zone", "tz", "zone", "时区", "时制"),
    "issued": ("issued", "issue_time", "issued_at", "base_time", "init", "起报时间", "发布时间", "起报时次", "预报起始时间"),
    "member": ("member", "ensemble_member", "成员", "集合成员", "集合预报成员"),
    "name": ("name", "storm", "storm_name", "台风", "台风名称", "名称", "编号"),
}  # fmt: skip


UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "wind": {"m/s": 1.0, "ms": 1.0, "mps": 1.0, "米/秒": 1.0, "米每秒": 1.0, "kt": KNOT, "kn": KNOT, "kts": KNOT, "knot": KNOT,
             "knots": KNOT, "节": KNOT, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "公里/小时": 1 / 3.6},
    "pressure": {"hpa": 1.0, "mb": 1.0, "mbar": 1.0, "百帕": 1.0, "毫巴": 1.0},
    "length": {"km": 1.0, "公里": 1.0, "千米": 1.0, "nm": NAUTICAL_MILE, "nmi": NAUTICAL_MILE, "海里": NAUTICAL_MILE},
}  # fmt: skip


QUADRANTS: Final[tuple[tuple[str, ...], ...]] = (
    ("ne", "东北"), ("se", "东南"), ("sw", "西南"), ("nw", "西北"),
)  # fmt: skip


_CHINESE: Final = {"七": 7, "十二": 12, "十": 10, "八": 8}


_RADIUS: Final = re.compile(
    r"^(?:radius_?|r)?(?P<digits>7|8|10|12|30|34|50|64)(?P<unit>级|kt|kts|_?force|节)?_?"
    r"(?:大?风圈)?(?:半径)?_?(?P<quadrant>ne|se|sw|nw|东北|东南|西南|西北)?_?(?:象限|方向)?(?:大?风圈)?(?:半径)?$"
)


_BRACKETS: Final = re.compile(r"[(\[【]([^)\]】]*)[)\]】]")


def normal(header: str) -> str:
    """Return a header as it is compared: lower case, no brackets, spaces and hyphens as underscores."""
    return re.sub(r"[\s\-]+", "_", _BRACKETS.sub("", header).strip().lower())


def bracketed(header: str) -> list[str]:
    """Return the words in a header's brackets: "最大风速(m/s, 2分钟)" → m/s, 2分钟."""
    return [w.strip().lower() for found in _BRACKETS.findall(header) for w in re.split(r"[,，;；、]", found)]


def radius_column(header: str) -> tuple[float, int | None] | None:
    """Return (wind, m/s, quadrant 0–3 or None for all four) of a column of wind radii, None where it is none.

    "7级风圈半径东北" → (13.9, 0); "r34_se" → (17.49, 1); "十级风圈" → (24.5, None).
    """
    name = normal(header)
    for word, force in _CHINESE.items():
        name = re.sub(rf"^{word}级", f"{force}级", name)
    front = next((q for q, words in enumerate(QUADRANTS) for w in words if name.startswith(w)), None)
    if front is not None:  # 东北7级风圈
        name = re.sub(r"^(?:ne|se|sw|nw|东北|东南|西南|西北)_?(?:象限|方向)?_?", "", name)
    if name.endswith(("_km", "_nm", "_nmi")):
        name = name.rpartition("_")[0]
    found = _RADIUS.match(name)
    if found is None:
        return None
    number = int(found["digits"])
    if name == found["digits"]:  # a bare number names nothing
        return None
    force = number in FORCE_MS and found["unit"] not in {"kt", "kts", "节"}
    quadrant = front
    if found["quadrant"]:
        quadrant = next(q for q, words in enumerate(QUADRANTS) if found["quadrant"] in words)
    return (FORCE_MS[number] if force else number * KNOT), quadrant


_SEPARATORS: Final = (",", "\t", ";", "，")


_COMMENT: Final = re.compile(r"^[#＃]\s*(?P<key>[^:：]+?)\s*[:：]\s*(?P<value>.+?)[\s,;，；]*$")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a header with their lines in the file; `stated` is what `# key: value` lines say."""

    header: Sequence[str]
    line: int
    rows: Sequence[tuple[int, Sequence[str]]]
    stated: Mapping[str, str] = field(default_factory=dict)


def table_of(path: Path, text: str) -> Table:
    """Return the table of a text; lines that begin with # are statements about it."""
    stated: dict[str, str] = {}
    header: list[str] | None = None
    header_line = 1
    rows: list[tuple[int, Sequence[str]]] = []
    for number, cells in _cells(path, text, stated):
        if header is None:
            header, header_line = cells, number
        elif any(cells):
            rows.append((number, cells))
    if header is None:
        raise UnreadableFileError(
            f"{path}：没有表头；第一行应为列名", f"{path}: no header; the first line names the columns"
        )
    return Table(header, header_line, rows, stated)


def _cells(path: Path, text: str, stated: dict[str, str]) -> Iterator[tuple[int, list[str]]]:
    separator = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.lstrip().startswith(("#", "＃")):
            if found := _COMMENT.match(line.strip()):
                stated[_plain(found["key"]).lower()] = _plain(found["value"])
            continue
        separator = separator or max(_SEPARATORS, key=line.count)
        yield number, [_plain(cell) for cell in _split(path, number, line, separator)]


def _split(path: Path, number: int, line: str, separator: str) -> Sequence[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as problem:
        raise UnreadableFileError(
            f"{path} › 第 {number} 行：引号有误（{problem}）；请另存为 CSV",
            f"{path} › line {number}: broken quoting ({problem}); save it as CSV again",
        ) from problem


def _plain(cell: str) -> str:
    return (cell if cell.isascii() else unicodedata.normalize("NFKC", cell)).strip()


def columns_of(table: Table) -> Sequence[str]:
    """Return the headers as written."""
    return table.header


_TAILS: Final[dict[str, Zone]] = {"_utc": "utc", "_bjt": "beijing", "_z": "utc"}


_REMEDY: Final = Say(
    "请在表头前加一行“# 时区: 北京时”或“# 时区: UTC”",
    "add a line “# timezone: UTC” (or 北京时) above the header",
)


def zone_in_header(header: str) -> Zone | None:
    """Return the zone that a header states: "时间(北京时)", "time_utc", "北京时间"."""
    for word in bracketed(header):
        if (found := parse_zone(word)) is not None:
            return found
    name = normal(header)
    for tail, zone in _TAILS.items():
        if name.endswith(tail):
            return zone
    return parse_zone(name)


def parse_time(path: Path, line: int, text: str, zone: Zone | None) -> np.datetime64:
    """Return a time in UTC; `zone` holds where the cell states none itself.

    Refused where it is no time, or no zone is stated anywhere.
    """
    place = Say(f"{path} › 第 {line} 行", f"{path} › line {line}")
    return seconds_of(read_moment(text, zone, place=place, remedy=_REMEDY))
