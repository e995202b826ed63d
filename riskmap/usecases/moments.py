"""Moments as people on duty write them: with an offset, or else in Beijing time."""

from __future__ import annotations

import datetime as dt

import numpy as np

from riskmap.duty import BEIJING
from riskmap.errors import RiskmapError


def parse_moment(text: str) -> dt.datetime:
    """Return a moment in UTC: ISO with an offset, or without one as Beijing time (UTC+8).

    A day without its hour is refused. "2023-09-07T16:30" → 08:30 UTC; "2023-09-07T16:30Z" → 16:30 UTC.
    """
    plain = text.strip()
    try:
        moment = dt.datetime.fromisoformat(plain)
    except ValueError as problem:
        raise _refuse(text) from problem
    if ":" not in plain and "T" not in plain.upper():
        raise _refuse(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)).astimezone(dt.UTC)


def moment_of(value: dt.datetime | np.datetime64) -> dt.datetime:
    """Return a moment in UTC; a numpy one is UTC, a datetime says its offset or is refused."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[s]").item().replace(tzinfo=dt.UTC)
    if value.tzinfo is None:
        raise RiskmapError(
            f"时间 {value}：没有写明时区；请用带时区的时间",
            f"moment {value}: it does not say its offset; give one with an offset",
        )
    return value.astimezone(dt.UTC)


def _refuse(text: str) -> RiskmapError:
    return RiskmapError(
        f"时间 {text!r} 不对；请写成 2023-09-07T16:30（北京时间），或带时区 2023-09-07T16:30+08:00",
        f"not a moment: {text!r}; write it like 2023-09-07T16:30 (Beijing time) or with an offset",
    )
