"""Moments as people on duty type them: `riskmap.moments` in Beijing time, unless they state an offset."""

from __future__ import annotations

import datetime as dt

from riskmap.errors import Say
from riskmap.moments import read_moment


def parse_moment(text: str) -> dt.datetime:
    """Return a moment in UTC. RiskmapError where the text is none, and for a day without its hour.

    "2023-09-07T16:30" → 08:30 UTC; "2023-09-07T16:30Z" → 16:30 UTC.
    """
    return read_moment(text, "beijing", place=Say("时间", "moment"))
