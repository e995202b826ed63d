"""Times as track files write them, and the zone that they are in, which must be stated."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.intake.tracks.names import ZONES, bracketed, normal
from riskmap.intake.tracks.nodes import refused

_COMPACT: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})[\sT]?(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?$")
_WRITTEN: Final = re.compile(
    r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?[\sT]*(\d{1,2})\s*(?:[:时点]\s*(?:(\d{1,2})(?:\s*分)?(?::(\d{1,2})(?:\.0+)?)?)?)?$"
)
_ZONED: Final = re.compile(r"^(?P<time>.*?\d\S*?)\s*(?P<zone>Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
_TAILS: Final = ("北京时间", "北京时", "世界时", "UTC", "BJT", "GMT")


def zone_of(text: str) -> int | None:
    """Return the hours ahead of UTC that a word states, None where it is none. 北京时 → 8."""
    return ZONES.get(re.sub(r"\s+", " ", text.strip().lower()))


def zone_in_header(header: str) -> int | None:
    """Return the zone that a header states: "时间(北京时)", "time_utc", "北京时间"."""
    for word in bracketed(header):
        if (found := zone_of(word)) is not None:
            return found
    name = normal(header)
    for tail, hours in (("_utc", 0), ("_bjt", 8), ("_z", 0)):
        if name.endswith(tail):
            return hours
    return ZONES.get(name)


def parse_time(path: Path, line: int, text: str, zone: int | None) -> np.datetime64:
    """Return a time in UTC; `zone` is hours ahead of UTC where the cell states none itself.

    Refused where it is no time, or no zone is stated anywhere.
    """
    plain = text.strip()
    if (zoned := _ZONED.match(plain)) and ("T" in plain.upper() or ":" in zoned["time"]):
        plain = zoned["time"]
        mark = zoned["zone"].upper().replace(":", "")
        zone = 0 if mark == "Z" else int(mark[:3])
        minutes = 0 if mark == "Z" else int(mark[3:]) * (-1 if mark[0] == "-" else 1)
    else:
        minutes = 0
        for tail in _TAILS:
            if plain.upper().endswith(tail):
                plain, zone = plain[: -len(tail)].strip(" ()（）"), zone_of(tail)
                break
    found = _COMPACT.match(plain) or _WRITTEN.match(plain)
    try:
        parts = [int(part or 0) for part in found.groups()] if found else [0] * 6
        year, month, day, hour, minute, second = parts
        time = dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows
    except ValueError:
        raise refused(
            path,
            line,
            f"{text!r} 不是时间；请写成 2018-09-16 08:00",
            f"{text!r} is no time; write it as 2018-09-16 08:00",
        ) from None
    if zone is None:
        raise refused(
            path,
            line,
            f"时间 {text!r} 没有说明是北京时还是世界时（UTC）；请在表头前加一行“# 时区: 北京时”或“# 时区: UTC”",
            f"the time {text!r} is not said to be Beijing time or UTC; add a line “# timezone: UTC” (or 北京时) above the header",
        )
    return np.datetime64(time - dt.timedelta(hours=zone, minutes=minutes), "s")
