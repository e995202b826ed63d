"""How the sensors stand now: the newest reading of each indicator, how old it is, and the level that it has reached.

What is old, never came or cannot be is said as such: a silent sensor is not a calm one.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmap.actions.readings import readings_of, series_in, series_layers
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats, Ints
from riskmap.catalog.series import Series, SeriesIndicator
from riskmap.errors import LedgerError, RiskmapError, Text, UnknownNameError
from riskmap.json_documents import Document
from riskmap.ledger.series import SeriesStore
from riskmap.moments import iso_second, utc_now
from riskmap.response.thresholds import shown, worst_now
from riskmap.values.readings import STATE_TITLES, LatestReading, SensorState, SeriesKey
from riskmap.vocabulary import COLOURS

_WORST: Final[Sequence[SensorState]] = ("silent", "stale", "out_of_range", "fresh")


@dataclass(frozen=True, slots=True, eq=False)
class IndicatorReadings:
    """One indicator of a sensor: how it stands, and its readings in the time that was asked for."""

    indicator: SeriesIndicator
    latest: LatestReading
    ts: Ints
    value: Floats

    def rows(self) -> Iterator[tuple[str, float]]:
        """Yield moment (ISO, UTC) and value of each reading."""
        for ts, value in zip(self.ts.tolist(), self.value.tolist(), strict=True):
            yield iso_second(dt.datetime.fromtimestamp(ts, dt.UTC)), value


def latest_readings(
    ws: Workspace, layer: str, codes: Sequence[str], *, now: dt.datetime | None = None
) -> dict[str, tuple[LatestReading, ...]]:
    """Return for each of some sensors of a layer how its indicators stand, now or at a moment that is past.

    UnknownNameError where the layer measures nothing; LedgerError where the readings cannot be read.
    """
    series = series_in(ws, layer)
    with readings_of(ws) as store:
        one = codes[0] if len(codes) == 1 else None
        stand = _Standing(store, layer, series, now or utc_now(), one)
        return {code: tuple(stand.of(code)) for code in codes}


def sensor_readings(
    ws: Workspace,
    layer: str,
    code: str,
    indicator: str | None = None,
    *,
    start: dt.datetime | None = None,
    stop: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> list[IndicatorReadings]:
    """Return how a sensor stands and its readings from `start` to `stop`, by default of the last 24 hours.

    UnknownNameError for a layer, sensor or indicator that is not there.
    """
    series, now = series_in(ws, layer), now or utc_now()
    _check_sensor(ws, layer, code)
    named = [one for one in series.indicators if indicator in (None, one.id)]
    if not named:
        known = "、".join(one.id for one in series.indicators)
        raise UnknownNameError(
            f"图层 {layer} 没有指标 {indicator}；它有 {known}",
            f"layer {layer} has no indicator {indicator}; it has {known}",
        )
    stop = stop or now
    start = start or stop - dt.timedelta(hours=24)
    if start > stop:
        raise RiskmapError(
            f"起始时间 {start:%Y-%m-%dT%H:%MZ} 晚于结束时间 {stop:%Y-%m-%dT%H:%MZ}；请对调",
            f"{start:%Y-%m-%dT%H:%MZ} is after {stop:%Y-%m-%dT%H:%MZ}; swap them",
        )
    with readings_of(ws) as store:
        stand = {one.key.indicator: one for one in _Standing(store, layer, series, now, code).of(code)}
        return [
            IndicatorReadings(one, stand[one.id], *_between(store, stand[one.id].key, start, stop))
            for one in named
        ]


@dataclass(frozen=True, slots=True, eq=False)
class SensorChart:
    """One indicator and what was measured from `start` to `stop` (seconds, UTC), in at most PARTS spans.

    `ts`: where a span begins, `low` and `high` of it; between two spans that are more than `gap` seconds apart
    nothing came.
    """

    indicator: SeriesIndicator
    latest: LatestReading
    start: int
    stop: int
    gap: int
    ts: Ints
    low: Floats
    high: Floats


PARTS: Final = 96


_DAY: Final = 86_400


def sensor_charts(ws: Workspace, layer: str, code: str, *, now: dt.datetime) -> list[SensorChart]:
    """Return how the indicators of a sensor stand, with the 24 hours before `now` for a chart.

    UnknownNameError where the layer measures nothing; LedgerError where the readings cannot be read.
    """
    series = series_in(ws, layer)
    stop = int(now.timestamp())
    start = stop - _DAY
    gap = int(series.stale_after.total_seconds()) + _DAY // PARTS
    with readings_of(ws) as store:
        stand = {one.key.indicator: one for one in _Standing(store, layer, series, now, code).of(code)}
        return [
            SensorChart(one, latest, start, stop, gap, *_extremes(store, latest.key, one, start, stop))
            for one in series.indicators
            for latest in (stand[one.id],)
        ]


def _extremes(
    store: SeriesStore | None, key: SeriesKey, indicator: SeriesIndicator, start: int, stop: int
) -> tuple[Ints, Floats, Floats]:
    """Return the spans that hold readings, without what the instrument cannot have measured."""
    if store is None:
        return np.array([], np.int64), np.array([], np.float64), np.array([], np.float64)
    low, high = indicator.minimum, indicator.maximum
    within = (-math.inf if low is None else low, math.inf if high is None else high)
    return store.extremes(key, start=start, stop=stop, parts=PARTS, within=within)


def _between(
    store: SeriesStore | None, key: SeriesKey, start: dt.datetime, stop: dt.datetime
) -> tuple[Ints, Floats]:
    if store is None:
        return np.array([], np.int64), np.array([], np.float64)
    return store.readings(key, start=int(start.timestamp()), stop=int(stop.timestamp()))


def _check_sensor(ws: Workspace, layer: str, code: str) -> None:
    codes = set(ws.ledger.features(layer, codes=[code], include_retired=True).records.code)
    if code not in codes:
        raise UnknownNameError(
            f"图层 {layer} 没有传感器 {code}；请核对编号",
            f"layer {layer} has no sensor {code}; check the code",
        )


def worst_state(readings: Sequence[LatestReading]) -> SensorState:
    """Return the state of a sensor: the worst of the indicators that it has ever reported, silent where of none."""
    came = {one.state for one in readings if one.at is not None}
    worst: list[SensorState] = [state for state in _WORST if state in came]
    return worst[0] if worst else "silent"


def readings_json(found: Sequence[LatestReading]) -> Mapping[str, Document]:
    """Return the "readings" of a feature of `riskmap select --json`."""
    return {one.key.indicator: one.as_json() for one in found}


def with_readings(
    ws: Workspace, features: Sequence[dict[str, object]], *, now: dt.datetime | None = None
) -> None:
    """Give the features of a selection that are sensors their "readings"; None where their file cannot be read."""
    for layer in series_layers(ws):
        mine = {str(one["code"]): one for one in features if one["layer"] == layer}
        try:
            stand = latest_readings(ws, layer, list(mine), now=now) if mine else {}
        except LedgerError:  # `check` names it; the records themselves can be read
            stand = {}
        for code, one in mine.items():
            one["readings"] = readings_json(stand[code]) if code in stand else None


class _Standing:
    """The newest readings of a layer, or of one of its sensors, at a moment."""

    def __init__(
        self, store: SeriesStore | None, layer: str, series: Series, now: dt.datetime, code: str | None = None
    ) -> None:
        self._layer, self._series, self._now = layer, series, now
        over = [one.over.total_seconds() for one in series.thresholds if one.over]
        until = int((now + _AHEAD).timestamp())
        seconds = int(max(over, default=0.0))
        self._recent = store.recent(layer, seconds=seconds, until=until, code=code) if store else {}

    def of(self, code: str) -> list[LatestReading]:
        return [self._indicator(code, one) for one in self._series.indicators]

    def _indicator(self, code: str, indicator: SeriesIndicator) -> LatestReading:
        key = SeriesKey(self._layer, code, indicator.id)
        if key not in self._recent:
            return LatestReading(key, None, None, "silent")
        ts, values = self._recent[key]
        at, value = dt.datetime.fromtimestamp(int(ts[-1]), dt.UTC), float(values[-1])
        state: SensorState = "fresh"
        if not indicator.in_range(value):
            state = "out_of_range"
        if self._now - at > self._series.stale_after:
            state = "stale"
        level, threshold = worst_now(self._series.thresholds_of(indicator.id), ts, shown(indicator, values))
        named = None if threshold is None else f"{threshold.id} {threshold.version}"
        return LatestReading(key, at, value, state, level, named)


_AHEAD: Final = dt.timedelta(minutes=5)


def told_ago(at: dt.datetime, now: dt.datetime) -> Text:
    """Return how long ago something was, in words: 4 分钟前, 4 minutes ago."""
    seconds = max(int((now - at).total_seconds()), 0)
    for size, zh, en in ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute")):
        if (n := seconds // size) >= 1:
            return Text(f"{n} {zh}前", f"{n} {en}{'s' if n > 1 else ''} ago")
    return Text("刚刚", "just now")


def standing_text(one: IndicatorReadings, now: dt.datetime) -> Text:
    """Return how an indicator stands in one line: 倾角：0.31 °，4 分钟前，数据及时，达到蓝色（tilt_fast 1）."""
    last, title = one.latest, one.indicator.title
    if last.at is None or last.value is None:
        state = STATE_TITLES["silent"]
        return Text(
            f"{title.zh}：{state.zh}（从未收到读数）", f"{title.en}: {state.en} (no reading ever came)"
        )
    value, ago, state = (
        f"{last.value:g} {one.indicator.unit}".strip(),
        told_ago(last.at, now),
        STATE_TITLES[last.state],
    )
    level = Text("", "")
    if last.level is not None:
        name = COLOURS[last.level]
        level = Text(
            f"，达到{name.zh}（{last.threshold}）", f", {name.en.lower()} reached ({last.threshold})"
        )
    return Text(
        f"{title.zh}：{value}，{ago.zh}，{state.zh}{level.zh}",
        f"{title.en}: {value}, {ago.en}, {state.en}{level.en}",
    )


def sensor_json(layer: str, code: str, found: Sequence[IndicatorReadings], *, latest: bool) -> Document:
    """Return the document of `riskmap readings --json`."""
    return {
        "layer": layer,
        "code": code,
        "state": worst_state([one.latest for one in found]),
        "indicators": [_indicator_json(one, latest=latest) for one in found],
    }


def _indicator_json(one: IndicatorReadings, *, latest: bool) -> Document:
    last = {**one.latest.as_json(), "threshold": one.latest.threshold}
    document: Document = {"indicator": one.indicator.id, "unit": one.indicator.unit, "latest": last}
    if latest:
        return document
    return document | {"readings": [{"at": at, "value": value} for at, value in one.rows()]}
