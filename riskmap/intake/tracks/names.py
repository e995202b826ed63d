"""What the columns of track files are called, and the words for units and quadrants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.hazards import FORCE_MS

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
