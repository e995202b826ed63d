"""Nodes read from a file → a `Track`, once they can be one: in order, in range, at a possible speed.

What the columns of wind radii are called, and the words for quadrants.

Times as track files write them, by the rules of `riskmap.moments`; their zone must be stated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.errors import RiskmapError, Text
from riskmap.formulas.wind import DEGREE, KNOT
from riskmap.moments import Zone, read_moment, seconds_of
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
class TrackNode:
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
    nodes: Sequence[TrackNode],
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


def _check_numbers(path: Path, node: TrackNode) -> None:
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


def _check_step(path: Path, before: TrackNode, after: TrackNode) -> None:
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


_REMEDY: Final = Text(
    "请在表头前加一行“# 时区: 北京时”或“# 时区: UTC”",
    "add a line “# timezone: UTC” (or 北京时) above the header",
)


def parse_time(path: Path, line: int, text: str, zone: Zone | None) -> np.datetime64:
    """Return a time in UTC; `zone` holds where the cell states none itself.

    Refused where it is no time, or no zone is stated anywhere.
    """
    place = Text(f"{path} › 第 {line} 行", f"{path} › line {line}")
    return seconds_of(read_moment(text, zone, place=place, remedy=_REMEDY))
