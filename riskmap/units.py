"""Quantities with their units inside the cell: "12米" is 12 m, "350毫米" is .35 m.

Canonical units are the ones a layer file names; everything else converts to them exactly or is
refused. No unit is ever guessed from the size of a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction

from riskmap.errors import Text

# Each family maps unit spellings to their size in the family's base unit.
_FAMILIES: tuple[dict[str, Fraction], ...] = (
    {  # length, metres
        "m": Fraction(1),
        "米": Fraction(1),
        "公尺": Fraction(1),
        "cm": Fraction(1, 100),
        "厘米": Fraction(1, 100),
        "公分": Fraction(1, 100),
        "mm": Fraction(1, 1000),
        "毫米": Fraction(1, 1000),
        "0.1mm": Fraction(1, 10_000),
        "0.1毫米": Fraction(1, 10_000),
        "dm": Fraction(1, 10),
        "分米": Fraction(1, 10),
        "km": Fraction(1000),
        "公里": Fraction(1000),
        "千米": Fraction(1000),
        "nm": Fraction(1852),
        "nmi": Fraction(1852),
        "海里": Fraction(1852),
        "metre": Fraction(1),
        "metres": Fraction(1),
        "meter": Fraction(1),
        "meters": Fraction(1),
        "kilometre": Fraction(1000),
        "kilometres": Fraction(1000),
        "kilometer": Fraction(1000),
        "kilometers": Fraction(1000),
    },
    {  # area, square metres
        "m2": Fraction(1),
        "m^2": Fraction(1),
        "㎡": Fraction(1),
        "平方米": Fraction(1),
        "平米": Fraction(1),
        "平方": Fraction(1),
        "ha": Fraction(10000),
        "公顷": Fraction(10000),
        "hm2": Fraction(10000),
        "亩": Fraction(20000, 30),
        "km2": Fraction(1000000),
        "平方公里": Fraction(1000000),
        "平方千米": Fraction(1000000),
        "万平方米": Fraction(10000),
        "万m2": Fraction(10000),
    },
    {  # volume, cubic metres
        "m3": Fraction(1),
        "m^3": Fraction(1),
        "立方米": Fraction(1),
        "方": Fraction(1),
        "立方": Fraction(1),
        "万立方米": Fraction(10000),
        "万方": Fraction(10000),
        "l": Fraction(1, 1000),
        "升": Fraction(1, 1000),
    },
    {  # mass, tonnes
        "t": Fraction(1),
        "吨": Fraction(1),
        "kg": Fraction(1, 1000),
        "公斤": Fraction(1, 1000),
        "千克": Fraction(1, 1000),
        "g": Fraction(1, 1000000),
    },
    {  # flow, cubic metres per hour
        "m3/h": Fraction(1),
        "立方米/小时": Fraction(1),
        "m3/s": Fraction(3600),
        "立方米/秒": Fraction(3600),
        "l/s": Fraction(36, 10),
        "升/秒": Fraction(36, 10),
    },
    {  # money, ten thousand yuan
        "万元": Fraction(1),
        "万": Fraction(1),
        "元": Fraction(1, 10000),
        "亿元": Fraction(10000),
        "亿": Fraction(10000),
    },
    {  # angle, degrees
        "°": Fraction(1),
        "度": Fraction(1),
        "deg": Fraction(1),
    },
    {  # share, per cent
        "%": Fraction(1),
        "％": Fraction(1),
    },
    {  # temperature, degrees Celsius
        "°c": Fraction(1),
        "c": Fraction(1),
        "摄氏度": Fraction(1),
    },
    dict.fromkeys(("hpa", "百帕", "mb", "mbar", "毫巴"), Fraction(1)),  # pressure
    {  # speed, km/h
        "km/h": Fraction(1),
        "kmh": Fraction(1),
        "km/hr": Fraction(1),
        "公里/小时": Fraction(1),
        "千米/小时": Fraction(1),
        "公里/时": Fraction(1),
        "千米/时": Fraction(1),
        **dict.fromkeys(("kt", "kn", "kts", "knot", "knots", "节"), Fraction(1852, 1000)),
        "ms": Fraction(36, 10),
        "m/s": Fraction(36, 10),
        "m/sec": Fraction(36, 10),
        "mps": Fraction(36, 10),
        "ms-1": Fraction(36, 10),
        "m·s-1": Fraction(36, 10),
        "米/秒": Fraction(36, 10),
        "米每秒": Fraction(36, 10),
    },
    {  # time, minutes
        "min": Fraction(1),
        "分钟": Fraction(1),
        "分": Fraction(1),
        "h": Fraction(60),
        "小时": Fraction(60),
        "时": Fraction(60),
    },
)


# Counting words say what is counted, not how much; every count unit takes any of them.
_COUNTERS = frozenset(
    (
        *(
            "人",
            "名",
            "个",
            "户",
            "家",
            "处",
            "座",
            "栋",
            "间",
            "台",
            "辆",
            "位",
            "次",
            "张",
            "套",
            "件",
            "具",
            "只",
        ),
        *("床", "层", "口", "条", "支", "队", "起", "宗", "天", "年", "车位", "人次", "泊位", "persons"),
    )
)


_QUANTITY = re.compile(
    r"^(?P<number>[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(?P<unit>.*)$"
)


def normalise_unit(text: str) -> str:
    """Return the spelling under which a unit is looked up: NFKC, no blanks, lower-case Latin."""
    return (
        unicodedata.normalize("NFKC", text)
        .strip()
        .replace(" ", "")
        .replace("²", "2")
        .replace("³", "3")
        .lower()
    )


def convertible(unit: str, to: str) -> Fraction | None:
    """Return how many `to` one `unit` is, None when one cannot become the other."""
    source, target = normalise_unit(unit), normalise_unit(to)
    if source == target:
        return Fraction(1)
    for family in _FAMILIES:
        if source in family and target in family:
            return family[source] / family[target]
    counters = _COUNTERS | {""}
    return Fraction(1) if source in counters and target in counters else None


def parse_quantity(text: str, unit: str = "", *, header_unit: str = "") -> float | None:
    """Return the number that a cell states, in `unit`, or None when it is not such a quantity.

    A unit written in the cell wins over `header_unit` (the one a column's header states), which
    wins over `unit`. "21.4米" → 21.4; "5660cm" → 56.6; "453个" → 453; "1,234.5" → 1234.5.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    match = _QUANTITY.match(plain)
    if not match or not any(c.isdigit() for c in match["number"]):
        return None
    number = match["number"].replace(",", "")
    stated = match["unit"].strip() or header_unit
    if not stated:
        return float(number)
    factor = convertible(stated, unit)
    if factor is None:
        return None
    if factor == 1:
        return float(number)
    return float(Fraction(number) * factor)


# How the units of layer files are shown; anything else is shown as it is written.
_SHOWN: Mapping[str, Text] = {
    "m2": Text("m²", "m²"),
    "m3": Text("m³", "m³"),
    "m3/h": Text("m³/h", "m³/h"),
    "km2": Text("km²", "km²"),
    "万元": Text("万元", "×10⁴ CNY"),
    "人": Text("人", "people"),
    "人次": Text("人次", "people"),
    "户": Text("户", "households"),
    "层": Text("层", "floors"),
    "张": Text("张", "beds"),
    "个": Text("个", ""),
    "次": Text("次", "times"),
    "分钟": Text("分钟", "min"),
}


def unit_title(unit: str) -> Text:
    """Return how a unit reads on a page, in both languages."""
    return _SHOWN.get(unit, Text(unit, unit))
