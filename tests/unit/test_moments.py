"""Moments: one set of rules for files and people; what is read is what was written; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import RiskmapError, Text
from riskmap.moments import (
    BEIJING,
    beijing_text,
    day_kept,
    iso_minute,
    lacks_zone,
    local_now,
    moment_of,
    no_moment,
    parse_moment,
    parse_zone,
    read_moment,
    seconds_of,
    utc_now,
)
from riskmap.moments import parse_beijing_moment as typed

PLACE = Text("甲.csv › 第 3 行", "甲.csv › line 3")
LIMITS = (dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001 - the strategy adds the zone
MOMENTS = st.datetimes(*LIMITS, timezones=st.just(dt.UTC))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
SECONDS = (
    "{0.year:04}-{0:%m-%d %H:%M:%S}",
    "{0.year:04}/{0.month}/{0.day} {0.hour}:{0:%M:%S}",
    "{0.year:04}{0:%m%d%H%M%S}",
    "{0.year:04}{0:%m%dT%H%M%S}",
    "{0.year:04}年{0.month}月{0.day}日{0.hour}时{0.minute}分{0.second}秒",
    "{0.year:04}．{0.month}．{0.day}　{0.hour}：{0:%M：%S}",
)
BEHIND = {
    "beijing": ("北京时间", "（北京时）", " BJT", "+08:00", "+0800", " UTC+8"),
    "utc": ("Z", " UTC", "世界时"),
}


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-08-31 14:00", "beijing", "2026-08-31T06:00:00"),
        ("2026-08-31 14:00", "utc", "2026-08-31T14:00:00"),
        ("2026-08-31T14:00:30+08:00", None, "2026-08-31T06:00:30"),
        ("2026-08-31T14:00Z", "beijing", "2026-08-31T14:00:00"),
        ("2026-08-31T14:00:30.250Z", None, "2026-08-31T14:00:30.250000"),
        ("2026-08-31 14:00-05", None, "2026-08-31T19:00:00"),
        ("2026-08-31 14:00 -0330", None, "2026-08-31T17:30:00"),
        ("2026-08-31 14", "utc", "2026-08-31T14:00:00"),
        ("2026年8月31日14时", "beijing", "2026-08-31T06:00:00"),
        ("2026年8月31日 14时30分（北京时）", None, "2026-08-31T06:30:00"),
        ("2024年9月5日8时北京时", None, "2024-09-05T00:00:00"),
        ("2026年8月31日14点30", "utc", "2026-08-31T14:30:00"),
        ("2026/8/31 24:00", "utc", "2026-09-01T00:00:00"),
        ("2026083124", "beijing", "2026-08-31T16:00:00"),
        ("2026083114", "beijing", "2026-08-31T06:00:00"),
        ("202608311430", "utc", "2026-08-31T14:30:00"),
        ("20260831T1430Z", None, "2026-08-31T14:30:00"),
        ("２０２６－０８－３１　１４：００", "utc", "2026-08-31T14:00:00"),
    ],
)
def test_a_moment_is_utc_inside(text: str, zone, utc: str):
    found = parse_moment(text, zone)
    assert found is not None
    assert found.isoformat() == f"{utc}+00:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "昨晚",
        "14:00",
        "2026-08-31",
        "20260831",
        "8/31/2026 14:00",
        "2026-13-01 00:00",
        "2026-02-29 00:00",
        "2026-08-31 25:00",
        "2026-08-31 24:01",
        "2026-08-31 14:60",
        "2026-08-31 14:5",  # 14:05, or 14:50 cut off
        "2026-08-31 14-05",  # 14:05, or 14 o'clock with an offset
        "2026-8-3114:00",  # the 3rd or the 31st
        "2026-08-31 2:30 PM",
        "2026-08-31 14:00 EST",
        "2026-08-31 14:00+25:00",
        "2026-08-31 14:00+08:75",
        "0001-01-01 00:00+08:00",  # before the first year
        "9999-12-31 24:00Z",  # after the last
    ],
)
def test_what_is_no_moment_is_none_in_every_zone(text: str):
    assert [parse_moment(text, zone) for zone in (None, "beijing", "utc")] == [None] * 3
    assert not lacks_zone(text)


@given(MOMENTS, st.sampled_from(SECONDS), st.sampled_from(["beijing", "utc"]))
def test_every_spelling_is_read_back_in_the_zone_around_it(moment: dt.datetime, spelling: str, zone):
    whole = moment.replace(microsecond=0)
    local = whole.astimezone(BEIJING if zone == "beijing" else dt.UTC)
    text = spelling.format(local)
    assert parse_moment(text, zone) == whole
    assert parse_moment(text, None) is None


@given(MOMENTS, OFFSETS, st.sampled_from([None, "beijing", "utc"]))
def test_iso_with_its_offset_is_read_back_whatever_the_zone_around_it(moment, offset, zone):
    assert parse_moment(moment.astimezone(offset).isoformat(), zone) == moment
    assert typed(moment.isoformat()) == moment


@given(MOMENTS, st.sampled_from(["beijing", "utc"]), st.data())
def test_a_zone_behind_a_time_goes_before_the_zone_around_it(moment, zone, data):
    behind = data.draw(st.sampled_from(BEHIND[zone]))
    whole = moment.replace(microsecond=0, second=0)
    local = whole.astimezone(BEIJING if zone == "beijing" else dt.UTC).replace(tzinfo=None)
    text = local.isoformat(sep=" ", timespec="minutes") + behind
    for around in (None, "beijing", "utc"):
        assert parse_moment(text, around) == whole


@given(MOMENTS)
def test_arrays_and_moments_hold_the_same_second(moment: dt.datetime):
    assert moment_of(seconds_of(moment)) == moment.replace(microsecond=0)
    assert seconds_of(moment).dtype == np.dtype("datetime64[s]")


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_a_message_that_names_it(text: str):
    found = parse_moment(text, "beijing")
    if found is None:
        with pytest.raises(RiskmapError, match="第 3 行"):
            read_moment(text, "beijing", place=PLACE)
    else:
        assert read_moment(text, "beijing", place=PLACE) == found


@pytest.mark.parametrize(
    ("word", "zone"),
    [("北京时间", "beijing"), ("Beijing time", "beijing"), ("ＵＴＣ＋８", "beijing"), ("utc", "utc"), ("z", "utc"), ("mm", None), ("", None)],
)  # fmt: skip
def test_a_zone_has_many_words(word: str, zone):
    assert parse_zone(word) == zone


@pytest.mark.parametrize(
    ("text", "zone", "zh", "en"),
    [
        ("昨天", None, "'昨天' 不是时间；请写成 2026-08-31T14:00+08:00", "is no time; write 2026-08-31T14:00+08:00"),
        ("昨天", "beijing", "2026-08-31 14:00（北京时间），或带时区", "2026-08-31 14:00 (Beijing time), or with"),
        ("昨天", "utc", "2026-08-31 14:00（UTC）", "2026-08-31 14:00 (UTC)"),
        ("", "utc", "（空） 不是时间", "(blank) is no time"),
        ("2026-08-31", "utc", "只有日期，没有钟点", "a day without its hour"),
        ("2026-08-31 14:00", None, "没有写明时区（北京时间或 UTC）", "states no time zone (Beijing time or UTC)"),
    ],
)  # fmt: skip
def test_a_message_names_place_find_and_remedy_in_both_languages(text: str, zone, zh: str, en: str):
    error = no_moment(text, zone, place=PLACE)
    assert error.text("zh").startswith(PLACE.zh)
    assert error.text("en").startswith(PLACE.en)
    assert zh in error.text("zh")
    assert en in error.text("en")


def test_how_a_zone_is_stated_is_for_the_file_to_say_and_long_texts_are_cut():
    remedy = Text("请在表头写 time(UTC)", "write time(UTC) in the header")
    said = no_moment("2026-08-31 14:00", None, place=PLACE, remedy=remedy)
    assert said.text("en").endswith("write time(UTC) in the header")
    assert len(no_moment("x" * 10_000, "utc", place=PLACE).text("en")) < 200


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2023-09-07T16:30", "2023-09-07T08:30:00+00:00"),
        ("2023-09-07 16:30", "2023-09-07T08:30:00+00:00"),
        ("2023-09-07T16:30+00:00", "2023-09-07T16:30:00+00:00"),
        ("2023-09-07T16:30Z", "2023-09-07T16:30:00+00:00"),
        ("2023年9月7日16时30分", "2023-09-07T08:30:00+00:00"),
    ],
)
def test_what_a_person_types_without_an_offset_is_beijing_time(text: str, utc: str):
    assert typed(text).isoformat() == utc


@pytest.mark.parametrize("text", ["2023-09-07", "昨晚", "", "20230907"])
def test_what_a_person_types_that_is_no_moment_is_refused(text: str):
    with pytest.raises(RiskmapError, match=re.escape("（北京时间）")):
        typed(text)


def test_a_datetime_that_does_not_say_its_offset_is_refused():
    with pytest.raises(RiskmapError, match="没有写明时区"):
        moment_of(dt.datetime(2023, 9, 7))  # noqa: DTZ001


def test_a_fixed_clock_is_the_present_and_one_without_its_offset_is_refused(monkeypatch):
    monkeypatch.setenv("RISKMAP_CLOCK", "2026-03-02T10:00:00+08:00")
    assert utc_now() == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    assert local_now() == utc_now()
    monkeypatch.setenv("RISKMAP_CLOCK", "2026-03-02T10:00:00")
    with pytest.raises(RiskmapError, match="RISKMAP_CLOCK"):
        utc_now()
    monkeypatch.delenv("RISKMAP_CLOCK")
    assert abs(utc_now() - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


@given(MOMENTS)
def test_the_day_of_a_kept_moment_is_that_of_beijing_and_a_day_is_itself(moment: dt.datetime):
    kept = iso_minute(moment)
    assert day_kept(kept) == beijing_text(kept)[:10]
    assert day_kept(kept[:10]) == kept[:10]
