"""Times as track files write them, by the rules of `riskmap.moments`; their zone must be stated."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from riskmap.errors import Say
from riskmap.intake.tracks.names import bracketed, normal
from riskmap.moments import Zone, parse_zone, read_moment, seconds_of

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
