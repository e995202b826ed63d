"""Moments: a day with its hour and zone, read by one set of rules wherever one is written. UTC inside.

A time that states no offset needs a zone that the file, its column or the person states; none is guessed.

- Day, then hour: 2026-08-31 14:00, 2026/8/31 14:00:30, 2026.8.31T14, 2026年8月31日14时[30分[15秒]].
- In digits alone: 2026083114, 202608311430, 20260831T143015.
- Behind it, if anything, the zone: Z, +08:00, +0800, 北京时间, UTC, UTC+8; +08 only where minutes are given, so
  that 14-05 is not read as an hour with an offset. It goes before the zone that is stated around it.
- Minutes and seconds behind a colon have two digits: 14:5 may be 14:05 or a cut-off 14:50.
- 24:00 is the midnight that ends the day. A day without its hour is no moment.

Moments as people on duty type them: `riskmap.moments` in Beijing time, unless they state an offset.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from riskmap.errors import RiskmapError, Text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLOCK: Final = "RISKMAP_CLOCK"


CLOCK_IS_RIGHT: Final = "RISKMAP_CLOCK_IS_RIGHT"


BEIJING: Final = dt.timezone(dt.timedelta(hours=8), "UTC+8")


Zone = Literal["beijing", "utc"]


ZONES: Final[dict[str, Zone]] = {
    **dict.fromkeys(("北京", "北京时", "北京时间", "东八区", "beijing", "beijingtime"), "beijing"),
    **dict.fromkeys(("bjt", "cst", "hkt", "asia/shanghai", "+8", "+08:00", "+0800"), "beijing"),
    **dict.fromkeys(("utc+8", "utc+08", "utc+08:00", "gmt+8", "gmt+08:00"), "beijing"),
    **dict.fromkeys(("世界时", "协调世界时", "国际时", "国际标准时", "utc", "gmt", "z"), "utc"),
    **dict.fromkeys(("utc+0", "utc+00:00", "+00:00", "+0000"), "utc"),
}


"""Words for a zone, in small letters and without blanks; CST is that of China."""


_OFFSETS: Final[dict[Zone, dt.timedelta]] = {"beijing": dt.timedelta(hours=8), "utc": dt.timedelta(0)}


_FARTHEST: Final = dt.timedelta(hours=14)  # no clock on earth is farther from UTC


_DAY: Final = (
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})(?:\s*[日号]\s*|\s*T\s*|\s+)"
)


_SECOND: Final = r"(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?"


_TAIL: Final = r"\s*\(?\s*(?P<zone>[^()]*?)\s*\)?$"


_WRITTEN: Final = tuple(
    re.compile(f"^{text}{_TAIL}", re.IGNORECASE | re.ASCII)
    for text in (
        rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)[T\s]?(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?{_SECOND})?)?",
        rf"{_DAY}(?P<hour>\d{{1,2}})(?:\s*[时点]\s*(?:(?P<minute>\d{{1,2}})\s*(?:分\s*(?:(?P<second>\d{{1,2}})\s*秒)?)?)?)",
        rf"{_DAY}(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d)(?::{_SECOND})?)?",
    )
)


_DAY_ALONE: Final = re.compile(
    r"^(?:\d{8}|\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*[日号]?)$", re.ASCII
)


_OFFSET: Final = re.compile(r"^(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>[0-5]\d))?$", re.ASCII)


_SHOWN: Final = 40


_FIRST_RELEASE: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


_EXAMPLE: Final = "2026-08-31 14:00"


def utc_now() -> dt.datetime:
    """Return the present moment in UTC: the system's, or the ISO moment that RISKMAP_CLOCK fixes for tests.

    RiskmapError where RISKMAP_CLOCK is no moment with its offset.
    """
    fixed = os.environ.get(CLOCK)
    if not fixed:
        return dt.datetime.now(dt.UTC)
    place = Text(f"环境变量 {CLOCK}", f"the environment variable {CLOCK}")
    return read_moment(fixed, None, place=place)


def clock_vouched_for() -> bool:
    """Return whether somebody has said (RISKMAP_CLOCK_IS_RIGHT=1) that the clock is right however far ahead."""
    return os.environ.get(CLOCK_IS_RIGHT, "") not in {"", "0"}


def program_date() -> dt.datetime | None:
    """Return when this program was installed here, by the date of its file; None where that says nothing.

    Packages made to be reproducible carry dates of long before the program.
    """
    try:
        installed = dt.datetime.fromtimestamp(Path(__file__).stat().st_mtime, dt.UTC)
    except (OSError, OverflowError, ValueError):
        return None
    return installed if installed >= _FIRST_RELEASE else None


def local_now() -> dt.datetime:
    """Return the present moment in the zone of this machine."""
    return utc_now().astimezone()


def parse_zone(text: str) -> Zone | None:
    """Return the zone that a word names, None when it names none. "北京时间" → beijing; "Beijing time" too."""
    return ZONES.get(re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", text)).casefold())


def ahead_of_utc(zone: Zone) -> dt.timedelta:
    """Return how far the clocks of a zone are ahead of UTC."""
    return _OFFSETS[zone]


def parse_moment(text: str, zone: Zone | None) -> dt.datetime | None:
    """Return the moment, UTC; None where the text is none, or where neither it nor `zone` states its zone.

    "2026-08-31 14:00" in Beijing → 2026-08-31T06:00Z; "2026-08-31T14:00Z" → 14:00Z in either zone.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = next((match for form in _WRITTEN if (match := form.match(plain))), None)
    if found is None:
        return None
    given = found.groupdict()
    ahead = _ahead(given["zone"], zone, minutes=given["minute"] is not None)
    if ahead is None:
        return None
    year, month, day, hour = (int(given[part]) for part in ("year", "month", "day", "hour"))
    minute, second = int(given["minute"] or 0), int(given["second"] or 0)
    fraction = int(((given.get("fraction") or "") + "000000")[:6])
    whole = dt.timedelta(0)
    if (hour, minute, second, fraction) == (24, 0, 0, 0):
        hour, whole = 0, dt.timedelta(days=1)
    try:
        return dt.datetime(year, month, day, hour, minute, second, fraction, dt.UTC) + (whole - ahead)
    except (ValueError, OverflowError):
        return None


def _ahead(stated: str, zone: Zone | None, *, minutes: bool) -> dt.timedelta | None:
    """Return how far a clock is ahead of UTC: as stated behind the time, or else by the zone around it."""
    if not stated:
        return None if zone is None else _OFFSETS[zone]
    if (word := parse_zone(stated)) is not None:
        return _OFFSETS[word]
    offset = _OFFSET.match(stated)
    if offset is None or (offset["minutes"] is None and not minutes):
        return None
    ahead = dt.timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    if ahead > _FARTHEST:
        return None
    return -ahead if offset["sign"] == "-" else ahead


def lacks_zone(text: str) -> bool:
    """Return whether a text is a moment but for its zone."""
    return parse_moment(text, None) is None and parse_moment(text, "utc") is not None


def read_moment(text: str, zone: Zone | None, *, place: Text, remedy: Text | None = None) -> dt.datetime:
    """Return the moment, UTC, of a text that has to be one. RiskmapError as `no_moment`."""
    moment = parse_moment(text, zone)
    if moment is None:
        raise no_moment(text, zone, place=place, remedy=remedy)
    return moment


def no_moment(text: str, zone: Zone | None, *, place: Text, remedy: Text | None = None) -> RiskmapError:
    """Return the error for a text that is no moment: its place, what was found, what to write.

    `remedy` says how a zone is stated there, for a time that lacks nothing but its zone.
    """
    why = why_no_moment(text, zone, remedy=remedy)
    return RiskmapError(f"{place.zh}：{why.zh}", f"{place.en}: {why.en}")


def why_no_moment(text: str, zone: Zone | None, *, remedy: Text | None = None) -> Text:
    """Return what was found and what to write, as `no_moment` says it behind the place."""
    plain = unicodedata.normalize("NFKC", text).strip()
    find = Text(repr(plain[:_SHOWN]), repr(plain[:_SHOWN])) if plain else Text("（空）", "(blank)")
    offset = _EXAMPLE.replace(" ", "T") + "+08:00"
    if zone is None and lacks_zone(text):
        how = remedy or Text(f"请写成 {offset}", f"write {offset}")
        return Text(
            f"{find.zh} 没有写明时区（北京时间或 UTC）；{how.zh}",
            f"{find.en} states no time zone (Beijing time or UTC); {how.en}",
        )
    wrong = Text("不是时间", "is no time")
    if _DAY_ALONE.match(plain):
        wrong = Text("只有日期，没有钟点", "is a day without its hour")
    like = Text(offset, offset)
    if zone is not None:
        name = Text("北京时间", "Beijing time") if zone == "beijing" else Text("UTC", "UTC")
        like = Text(
            f"{_EXAMPLE}（{name.zh}），或带时区 {offset}",
            f"{_EXAMPLE} ({name.en}), or with its offset {offset}",
        )
    return Text(f"{find.zh} {wrong.zh}；请写成 {like.zh}", f"{find.en} {wrong.en}; write {like.en}")


def seconds_of(moment: dt.datetime) -> np.datetime64:
    """Return an aware moment as arrays hold it, datetime64[s] in UTC; what is less than a second is dropped."""
    import numpy as np  # noqa: PLC0415 - whoever reads moments of one cell has no use for arrays

    return np.datetime64(moment_of(moment).replace(tzinfo=None), "s")


def moment_of(value: dt.datetime | np.datetime64) -> dt.datetime:
    """Return a moment in UTC; a numpy one is UTC, a datetime says its offset or is refused."""
    if not isinstance(value, dt.datetime):
        return value.astype("datetime64[s]").item().replace(tzinfo=dt.UTC)
    if value.tzinfo is None:
        raise RiskmapError(
            f"时间 {value}：没有写明时区；请用带时区的时间",
            f"moment {value}: it does not say its offset; give one with an offset",
        )
    return value.astimezone(dt.UTC)


def moments_of(times: NDArray[np.datetime64]) -> list[dt.datetime]:
    """Return the moments of an array, which are UTC, to the second."""
    return [one.replace(tzinfo=dt.UTC) for one in times.astype("datetime64[s]").tolist()]


def iso_second(moment: dt.datetime) -> str:
    """Return a moment as JSON states it, UTC to the second: 2026-08-31T06:00:00Z."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def iso_minute(moment: dt.datetime) -> str:
    """Return a moment in UTC to the minute, 2026-08-31T06:00Z; with its second where that is not 0."""
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='seconds' if utc.second else 'minutes')}Z"


def beijing_text(kept: str) -> str:
    """Return a moment as a record keeps it (`iso_minute`, or a day) in Beijing time: 2026-08-31 14:00."""
    if not kept.endswith("Z"):
        return kept
    there = dt.datetime.fromisoformat(kept).astimezone(BEIJING).replace(tzinfo=None)
    return there.isoformat(" ", "seconds").removesuffix(":00")


def day_kept(kept: str) -> str:
    """Return the day in Beijing of a moment as a record keeps it, 2026-08-31; of a day, that day."""
    day = kept[:10]
    if kept[11:13] < "16":  # until then Beijing has the day of UTC
        return day
    return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()


def minutes_kept(kept: str) -> tuple[str, str]:
    """Return the first and the last minute, UTC, that a moment or day as a record keeps it may mean.

    2026-08-31T02:20Z is one minute, 2026-08-31T02:20; the day 2026-08-31 that of Beijing, 2026-08-30T16:00 to
    2026-08-31T15:59. They compare as texts.
    """
    if len(kept) > len("2026-08-31"):
        return kept[:16], kept[:16]
    before = dt.date.fromisoformat(kept) - dt.timedelta(days=1)
    return f"{before.isoformat()}T16:00", f"{kept}T15:59"


def parse_day(text: str) -> dt.date:
    """Return the day that ISO text names, 2024-12-31. RiskmapError when it is none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as problem:
        raise RiskmapError(
            f"日期 {text!r} 不对；请写成 2024-12-31", f"not a date: {text!r}; write it like 2024-12-31"
        ) from problem


def parse_as_of(text: str) -> dt.date:
    """Return the day, or the moment (a datetime in UTC), of whose ledger a text speaks.

    "2026-05-01" is that day at its end; "2026-05-01T14:00" is this machine's time, as days are, unless it states
    its offset. RiskmapError where the text is neither.
    """
    plain = text.strip()
    with suppress(ValueError):
        return dt.date.fromisoformat(plain)
    if (stated := parse_moment(plain, None)) is not None:
        return stated
    if (local := parse_moment(plain, "utc")) is not None:
        return local.replace(tzinfo=None).astimezone(dt.UTC)
    raise RiskmapError(
        f"日期 {plain[:_SHOWN]!r} 不对；请写成 2024-12-31 或 2024-12-31T14:00",
        f"not a date: {plain[:_SHOWN]!r}; write it like 2024-12-31 or 2024-12-31T14:00",
    )


def last_moment(as_of: dt.date) -> dt.datetime:
    """Return the moment (UTC) whose ledger is meant: a moment itself, of a local day the last one."""
    if isinstance(as_of, dt.datetime):
        return moment_of(as_of)
    return dt.datetime.combine(as_of, dt.time.max).astimezone().astimezone(dt.UTC)


def local_day(as_of: dt.date) -> dt.date:
    """Return the local day of a day or a moment."""
    return as_of.astimezone().date() if isinstance(as_of, dt.datetime) else as_of


def as_of_text(as_of: dt.date) -> str:
    """Return a day, or the local time of a moment, as people read it: 2026-05-01, 2026-05-01 14:00."""
    return f"{as_of.astimezone():%Y-%m-%d %H:%M}" if isinstance(as_of, dt.datetime) else as_of.isoformat()


def as_of_json(as_of: dt.date | None) -> str | None:
    """Return a day, or a moment in UTC, as JSON states it; None for now."""
    if as_of is None:
        return None
    return iso_second(as_of) if isinstance(as_of, dt.datetime) else as_of.isoformat()


def parse_beijing_moment(text: str) -> dt.datetime:
    """Return a moment in UTC. RiskmapError where the text is none, and for a day without its hour.

    "2023-09-07T16:30" → 08:30 UTC; "2023-09-07T16:30Z" → 16:30 UTC.
    """
    return read_moment(text, "beijing", place=Text("时间", "moment"))
