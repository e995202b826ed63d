"""The alerts that readings make: one for each window in which a sensor meets a threshold of its layer.

An alert is worked out from the readings, and its code from sensor, threshold and the window's start: its record is made
once, also after a crash. Of a sensor and a threshold one record is open: what is worse raises it, what is milder changes
nothing, and only a person ends it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np

from riskmap.actions.readings import readings_of, series_layers
from riskmap.actions.records.scoring import one_commit
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats, Ints
from riskmap.catalog import Layer
from riskmap.catalog.flow import STATE
from riskmap.catalog.layer import named_by
from riskmap.catalog.roles import FieldRole
from riskmap.catalog.series import LEVELS, Threshold
from riskmap.errors import LedgerError, RiskmapError, Text
from riskmap.ledger import NewRecord, RecordEdit
from riskmap.ledger.series import SeriesStore, Unjudged
from riskmap.moments import iso_second
from riskmap.response.thresholds import Window, alert_code, alert_start, shown, windows
from riskmap.rules.judge import Judged, rules_of
from riskmap.rules.permissions import Actor
from riskmap.values.readings import IngestIssue, SeriesKey

_BACK: Final = 7 * 86_400  # seconds before a reading in which the start of its window is looked for at first


_EVER: Final = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Alert:
    """A window in which a sensor met a threshold. `late`: only readings that came late told of it."""

    code: str
    key: SeriesKey
    threshold: Threshold
    window: Window
    late: bool = False


def alerts(ws: Workspace, *, since: dt.datetime) -> list[Alert]:
    """Return the alerts whose window has readings since a moment, the earliest first."""
    layers = series_layers(ws)
    with readings_of(ws) as store:
        keys = store.series() if store else []
        found = [
            one for key in keys if store for one in alerts_since(store, layers, key, int(since.timestamp()))
        ]
    return sorted(found, key=lambda one: (one.window.start, one.code))


def alerts_since(store: SeriesStore, layers: Mapping[str, Layer], key: SeriesKey, ts: int) -> Iterator[Alert]:
    """Yield the alerts of a series whose window has readings from `ts` (seconds, UTC) on."""
    layer = layers.get(key.layer)
    if layer is None or layer.series is None:
        return
    if key.indicator not in {one.id for one in layer.series.indicators}:
        return
    for threshold in layer.series.thresholds_of(key.indicator):
        for window in _windows(store, layer, key, threshold, ts):
            if window.last >= ts:
                yield Alert(alert_code(key.code, threshold, window.start), key, threshold, window)


@dataclass(frozen=True, slots=True)
class Alerted:
    """What became of the windows of a batch: the code of the alert that stands for each, and why some have none."""

    codes: tuple[str, ...] = ()
    issues: tuple[IngestIssue, ...] = ()


def make_alerts(
    ws: Workspace, store: SeriesStore, batch: int, first: Mapping[SeriesKey, int], *, by: Actor, why: str
) -> Alerted:
    """Judge a batch whose first readings are `first`, and what no earlier run judged; make the records of its alerts.

    All new ones are one changeset, all that are raised another, in one commit with the tiers that follow. What a
    layer refuses stays to be judged, and is named. LedgerError where nothing can be written; the next run makes them.
    """
    layers = series_layers(ws)
    found: list[Alert] = []
    for key, pending in store.unjudged(batch, first).items():
        found += (_told_late(one, pending) for one in alerts_since(store, layers, key, pending.first))
    found.sort(key=lambda one: (one.window.start, one.code))
    made = [one for one in found if one.threshold.makes]
    codes = [one.code for one in found if not one.threshold.makes]
    told = Alerted()
    if made:
        try:
            told = _made(ws, layers, made, by=by, why=why)
        except LedgerError:
            raise
        except RiskmapError as problem:
            return Alerted(tuple(dict.fromkeys(codes)), (IngestIssue(None, "alert", problem.say),))
    store.judge(batch)
    return Alerted(tuple(dict.fromkeys((*codes, *told.codes))), told.issues)


def _told_late(one: Alert, pending: Unjudged) -> Alert:
    return replace(one, late=pending.late(one.window.start))


def _made(
    ws: Workspace, layers: Mapping[str, Layer], found: Sequence[Alert], *, by: Actor, why: str
) -> Alerted:
    """Make and raise the records of alerts, read and written under the writers' lock so that nobody else makes them."""
    codes: list[str] = []
    issues: list[IngestIssue] = []
    with one_commit(ws, by=by, why=why):
        new: list[NewRecord] = []
        raised: dict[str, list[RecordEdit]] = {}
        for (key, threshold), some in groupby(
            sorted(found, key=lambda one: (one.key, one.threshold.id)), lambda one: (one.key, one.threshold)
        ):
            sensor = layers[key.layer]
            if lack := cannot_make(ws, sensor, threshold):
                codes += [one.code for one in some]
                issues.append(IngestIssue(None, "alert", lack))
                continue
            layer = ws.catalog.layer(threshold.makes or "")
            kept = _Kept(ws, sensor, layer, key, threshold)
            codes += [code for one in some if (code := kept.take(one))]
            new += kept.new_records()
            if edits := kept.edits():
                raised.setdefault(layer.id, []).extend(edits)
        if new:
            ws.ledger.create_records(new, by=by.name, why=why)
        for layer_id, edits in raised.items():
            ws.ledger.edit_many(layer_id, edits, by=by.name, why=why)
    return Alerted(tuple(codes), tuple(dict.fromkeys(issues)))


def cannot_make(ws: Workspace, sensor: Layer, threshold: Threshold) -> Text | None:
    """Return why the layer that a threshold names cannot hold the alerts of its sensors, None where it can."""
    layer = ws.catalog.layers.get(threshold.makes or "")
    if layer is None:
        return Text(
            f"阈值 {threshold.id} 要在图层 {threshold.makes} 里建预警，没有这个图层；请放上该图层文件，或改 makes",
            f"threshold {threshold.id} makes records in {threshold.makes}, and there is no such layer; add that layer's "
            "file, or change makes",
        )
    field = layer.field_by_role("sensor")
    if field is not None and sensor.id in named_by(field, ws.catalog.layers):
        return None
    return Text(
        f"阈值 {threshold.id} 要在图层 {layer.id} 里建预警，它没有能指向 {sensor.id} 的字段；"
        '请在该图层文件里加上（role = "sensor"）',
        f"threshold {threshold.id} makes records in {layer.id}, which has no field that may name records of {sensor.id}; "
        'add one to its file (role = "sensor")',
    )


@dataclass(slots=True)
class _Standing:
    """An alert of one sensor and threshold: `level` is its place among LEVELS, -1 where it is not known."""

    code: str
    start: int
    open: bool
    level: int
    version: int | None = None
    shown: Alert | None = None  # what it is to show, where that is new


class _Kept:
    """The alerts of one sensor and one threshold that a layer holds, and what some windows add to them."""

    def __init__(
        self, ws: Workspace, sensor: Layer, layer: Layer, key: SeriesKey, threshold: Threshold
    ) -> None:
        self._ws, self._sensor, self._layer, self._key, self._threshold = ws, sensor, layer, key, threshold
        self._leveled = layer.field_by_role("level")
        self._standing = sorted(self._read(), key=lambda one: one.start)

    def _read(self) -> Iterator[_Standing]:
        codes = self._ws.ledger.naming(self._layer.id, self._sensor.id, [self._key.code])
        mine = {
            code: start
            for code in codes.get(self._key.code, ())
            if (start := alert_start(code, self._key.code, self._threshold)) is not None
        }
        held = self._ws.ledger.features(self._layer.id, codes=list(mine)) if mine else None
        if held is None:
            return
        flow, values = self._layer.flow, held.records.values
        for at, code in enumerate(held.records.code):
            state = values[STATE][at] if STATE in values else None
            level = None if self._leveled is None else values[self._leveled.id][at]
            yield _Standing(
                code,
                mine[code],
                flow is not None and not flow.is_closed(str(state or flow.start)),
                LEVELS.index(level) if level in LEVELS else -1,
                int(held.version[at]),
            )

    def take(self, one: Alert) -> str | None:
        """Return the code of the alert that stands for a window, one that is to be made if need be.

        None where a person has taken it off the lists.
        """
        worst = LEVELS.index(one.window.level)
        current = next((s for s in reversed(self._standing) if s.open), None)
        within = [s for s in self._standing if one.window.start <= s.start <= one.window.last]
        if current is None and within and (self._leveled is None or worst <= max(s.level for s in within)):
            return within[-1].code
        if current is not None:
            if self._leveled is not None and worst > current.level:
                current.level, current.shown = worst, one
            return current.code
        # A window that got worse after a person ended its alert is one more, from when it did.
        start = one.window.level_at if within else one.window.start
        code = alert_code(self._key.code, self._threshold, start)
        if self._retired(code):
            return None
        self._standing.append(_Standing(code, start, self._layer.flow is not None, worst, None, one))
        return code

    def _retired(self, code: str) -> bool:
        """Tell whether a person has taken this alert off the lists; one that was undone is made again."""
        held = self._ws.ledger.features(self._layer.id, codes=[code], include_retired=True)
        if not len(held) or held.retired[0] is None:
            return False
        turned = self._ws.ledger.retirements(self._layer.id)
        return any(one.code == code and one.how == "retired" for one in turned)

    def new_records(self) -> list[NewRecord]:
        """Return the records that are to be made."""
        return [
            NewRecord(self._layer.id, one.code, self._judged(self._whole(one, one.shown)))
            for one in self._standing
            if one.version is None and one.shown is not None
        ]

    def edits(self) -> list[RecordEdit]:
        """Return what is to be changed in alerts that got worse."""
        return [
            RecordEdit(one.code, one.version, self._judged(self._level(one.shown)))
            for one in self._standing
            if one.version is not None and one.shown is not None
        ]

    def _judged(self, values: Mapping[str, object]) -> Judged:
        return rules_of(self._layer, self._ws.subdistricts, self._ws.region).record(
            values, places=self._ws.places
        )

    def _whole(self, one: _Standing, alert: Alert) -> dict[str, object]:
        assert self._sensor.series is not None
        indicator = self._sensor.series.indicator(self._key.indicator)
        held = self._ws.ledger.features(self._sensor.id, codes=[self._key.code]).records
        name = next(iter(held.name), None) or self._key.code
        values = self._of_roles(
            {
                "sensor": f"{self._sensor.id}:{self._key.code}",
                "system": self._sensor.title.zh,
                "indicator": indicator.title.zh,
            }
        )
        values |= {"name": f"{name} {indicator.title.zh}"}
        if self._layer.moment:
            values[self._layer.moment] = iso_second(dt.datetime.fromtimestamp(one.start, dt.UTC))
        return values | self._level(alert)

    def _level(self, alert: Alert) -> dict[str, object]:
        """Return how bad it is. A limit from below is no limit to be above of, and is left out."""
        met = next(one for one in alert.threshold.levels if one.level == alert.window.level)
        limit = met.value if met.side in {"from", "above"} else None
        values: dict[FieldRole, object] = {
            "measured": round(alert.window.peak, 9),
            "limit": limit,
            "level": alert.window.level,
        }
        if alert.late:
            values["late"] = True
        return self._of_roles({role: value for role, value in values.items() if value is not None})

    def _of_roles(self, values: Mapping[FieldRole, object]) -> dict[str, object]:
        """Return field → value of those roles that a field of the layer has."""
        found = ((self._layer.field_by_role(role), value) for role, value in values.items())
        return {field.id: value for field, value in found if field is not None}


def _windows(store: SeriesStore, layer: Layer, key: SeriesKey, threshold: Threshold, ts: int) -> list[Window]:
    """Return the windows around and after a moment, read back far enough to see where the first of them began."""
    clear, back = int(threshold.clear_after.total_seconds()), _BACK
    while True:
        from_ts = ts - back
        at, value = _shown(store, layer, key, threshold, from_ts)
        found = [one for one in windows(threshold, at, value) if one.last >= ts]
        if not found or found[0].start > from_ts + clear or back > _EVER:
            return found
        back *= 8


def _shown(
    store: SeriesStore, layer: Layer, key: SeriesKey, threshold: Threshold, from_ts: int
) -> tuple[Ints, Floats]:
    assert layer.series is not None
    over = threshold.over or dt.timedelta(0)
    at, value = store.readings(key, start=from_ts - int(over.total_seconds()))
    return at, np.asarray(shown(layer.series.indicator(key.indicator), value))
