"""Moments of weather files: a time with its zone, never without. UTC inside.

A time that states no offset needs a zone that the file (a header, a column) or the person states.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np

Zone = Literal["beijing", "utc"]
ZONES: Final[dict[str, Zone]] = {
    "beijing": "beijing",
    "bjt": "beijing",
    "cst": "beijing",
    "utc+8": "beijing",
    "gmt+8": "beijing",
    "+08:00": "beijing",
    "+0800": "beijing",
    "asia/shanghai": "beijing",
    "北京": "beijing",
    "北京时": "beijing",
    "北京时间": "beijing",
    "utc": "utc",
    "gmt": "utc",
    "z": "utc",
    "世界时": "utc",
    "协调世界时": "utc",
    "国际时": "utc",
}
_HOURS: Final = {"beijing": 8, "utc": 0}
_COMPACT: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?$")
_PLAIN: Final = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T\s]*(\d{1,2})(?:[:时点](\d{1,2})?)?(?:[:分](\d{1,2}(?:\.0+)?)?)?秒?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)


def parse_zone(text: str) -> Zone | None:
    """Return the zone that a word names, None when it names none."""
    return ZONES.get(unicodedata.normalize("NFKC", text).strip().casefold().replace(" ", ""))


def has_zone(text: str) -> bool:
    """Return whether a time states its offset itself."""
    match = _PLAIN.match(unicodedata.normalize("NFKC", text).strip())
    return match is not None and match[7] is not None


def parse_moment(text: str, zone: Zone | None) -> np.datetime64 | None:
    """Return the moment in UTC, datetime64[s]; None where the text is none or no zone is stated.

    Takes 2026-08-31 14:00, 2026/8/31 14时, 2026年8月31日14时30分, 2026083114[30], with or without Z or
    +08:00; 24:00 is the midnight that ends the day. "2026-08-31 14:00" in Beijing → 2026-08-31T06:00:00.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    match = _COMPACT.match(plain) or _PLAIN.match(plain)
    if match is None:
        return None
    offset = match[7] if match.re is _PLAIN else None
    if offset is None and zone is None:
        return None
    year, month, day, hour = (int(match[i]) for i in range(1, 5))
    minute, second = int(match[5] or 0), int(float(match[6] or 0))
    whole = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta(0)
    try:
        moment = datetime(year, month, day, 0 if whole else hour, minute, second, tzinfo=UTC) + whole
    except ValueError:
        return None
    return np.datetime64((moment - _ahead(offset, zone)).replace(tzinfo=None), "s")


def _ahead(offset: str | None, zone: Zone | None) -> timedelta:
    if offset is None:
        return timedelta(hours=_HOURS[zone or "utc"])
    if offset.upper() == "Z":
        return timedelta(0)
    digits = offset[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -ahead if offset[0] == "-" else ahead
