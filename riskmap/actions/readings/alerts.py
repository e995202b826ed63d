"""The alerts that readings make: one for each window in which a sensor meets a threshold of its layer.

An alert is worked out from the readings, and its code from sensor, threshold and the window's start: whoever makes a
record of it makes it once, also after a crash.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmap.actions.readings import readings_of, series_layers
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats, Ints
from riskmap.catalog import Layer
from riskmap.catalog.series import Threshold
from riskmap.ledger.series import SeriesStore
from riskmap.response.thresholds import Window, alert_code, shown, windows
from riskmap.values.readings import SeriesKey

_BACK: Final = 7 * 86_400  # seconds before a reading in which the start of its window is looked for at first


_EVER: Final = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Alert:
    """A window in which a sensor met a threshold."""

    code: str
    key: SeriesKey
    threshold: Threshold
    window: Window


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
                yield Alert(alert_code(key.code, threshold, window), key, threshold, window)


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
