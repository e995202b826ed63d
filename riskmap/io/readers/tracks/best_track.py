"""Best tracks in fixed lines below a header `66666`: CMA (2-minute wind) and RSMC Tokyo (10-minute, knots).

CMA, after its Tropical Cyclone Data Center: `YYYYMMDDHH grade lat×10 lon×10 hPa m/s`. RSMC Tokyo, by
columns: time 1–8, grade 14, lat×10 16–18, lon×10 20–23, hPa 25–28, knots 34–36, then for 50 kt and for
30 kt the direction of the longest radius (1), the longest (4) and the shortest radius (4), nautical miles.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.io.readers.tracks.nodes import NAN, TrackNode, parse_time, refused, track_of
from riskmap.values.hazards import Track

_CMA: Final = re.compile(r"^(\d{10})\s+(-?\d)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s+-?\d+)*\s*$")


_JMA: Final = re.compile(r"^(\d{8}) (\d{3}) (.) ([ \d]{3}) ([ \d]{4}) ([ \d]{4})\s+([ \d]{3})?")


_RADII: Final = ((50.0 * KNOT, 41), (30.0 * KNOT, 52))  # wind, column where the direction stands (from 0)


_SYMMETRIC: Final = 9


_CENTURY: Final = 51  # two-digit years: the series begins in 1951


def read(path: Path, text: str) -> tuple[Track, ...]:
    """Return the tracks; each begins with its header."""
    tracks: list[Track] = []
    nodes: list[TrackNode] = []
    header, began, source = "", 0, ""
    for line, row in enumerate([*text.splitlines(), "66666"], 1):
        if not row.strip():
            continue
        if not row.lstrip().startswith("66666"):
            source, node = _node(path, line, row.rstrip())
            nodes.append(node)
            continue
        if began:
            averaging = 2.0 if source == "cma" else 10.0
            name = _name(header)
            tracks.append(track_of(path, nodes, name=name, source=source, averaging=averaging, line=began))
        header, began, nodes = row, line, []
    return tuple(tracks)


def _name(header: str) -> str:
    """Return the storm's name, or else its number."""
    words = header.split()[1:]
    named = [word for word in words if re.match(r"^[A-Za-z(][A-Za-z()\-]*$", word)]
    return named[0] if named else (words[0] if words else "")


def _node(path: Path, line: int, row: str) -> tuple[str, TrackNode]:
    if cma := _CMA.match(row):
        time, _, lat, lon, pressure, wind = cma.groups()
        at = parse_time(path, line, time, "utc")
        return "cma", TrackNode(
            line, at, int(lat) / 10, int(lon) / 10, wind=_known(wind), pressure=_known(pressure)
        )
    jma = _JMA.match(row)
    if jma is None or jma[2] != "002":
        raise refused(
            path,
            line,
            f"{row[:40]!r} 不是最佳路径的行；应为 CMA 的 YYYYMMDDHH 等级 纬度 经度 气压 风速，或东京的 YYMMDDHH 002 …",
            f"{row[:40]!r} is no line of a best track; expected CMA's YYYYMMDDHH … or Tokyo's YYMMDDHH 002 …",
        )
    short, _, _, lat, lon, pressure, wind = jma.groups()
    if not lat.strip() or not lon.strip():
        raise refused(path, line, "没有经纬度；请补上", "no position; supply it")
    at = parse_time(path, line, ("19" if int(short[:2]) >= _CENTURY else "20") + short, "utc")
    knots = _known(wind or "")
    return "jma", TrackNode(
        line,
        at,
        int(lat) / 10,
        int(lon) / 10,
        wind=knots * KNOT,
        pressure=_known(pressure),
        radii={speed: _quadrants(path, line, row[column : column + 10]) for speed, column in _RADII},
    )


def _known(text: str) -> float:
    """Return a number of a best track, which writes 0 or 9999 where there is none."""
    value = int(text) if text.strip() else 0
    return float(value) if 0 < value < 9999 else NAN  # noqa: PLR2004


def _quadrants(path: Path, line: int, text: str) -> tuple[float, float, float, float]:
    """Return the radii, km, in NE, SE, SW, NW of `DLLLL SSSS`: the circle between longest and shortest.

    Direction 1 NE, 2 E … 8 N, 9 the same all round, 0 nowhere. The circle's middle is moved by half the
    difference towards the longest radius.
    """
    if not text.strip():
        return (NAN, NAN, NAN, NAN)
    if not re.match(r"^\d{5} \d{4}$", text):
        raise refused(
            path,
            line,
            f"大风半径 {text!r} 看不懂；应为方向 1 位、最长半径 4 位、最短半径 4 位",
            f"radii {text!r} cannot be understood; expected direction (1), longest (4) and shortest radius (4)",
        )
    direction, longest, shortest = int(text[0]), int(text[1:5]), int(text[6:])
    if shortest > longest:
        raise refused(
            path,
            line,
            f"最短半径 {shortest} 海里大于最长半径 {longest}；请核对",
            f"the shortest radius {shortest} nmi exceeds the longest {longest}; check it",
        )
    mean, moved = (longest + shortest) / 2 * NAUTICAL_MILE, (longest - shortest) / 2 * NAUTICAL_MILE
    if direction in {0, _SYMMETRIC}:
        return (mean, mean, mean, mean)
    away = [math.radians(bearing - 45.0 * direction) for bearing in (45.0, 135.0, 225.0, 315.0)]
    ne, se, sw, nw = (
        moved * math.cos(a) + math.sqrt(max(mean**2 - (moved * math.sin(a)) ** 2, 0.0)) for a in away
    )
    return (ne, se, sw, nw)
