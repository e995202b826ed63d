"""A year of 26 sensors, a reading every five minutes: taken in, the latest of all, a month of one, limits over a year."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from benchmarks.measure import Line, say, spent
from riskmap.actions.readings import series_file
from riskmap.actions.readings.alerts import alerts
from riskmap.actions.readings.standing import latest_readings, sensor_charts
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.ledger.series import SeriesStore
from riskmap.values.readings import ReadFile, Reading, SeriesKey

SENSORS, EVERY_S, DAYS = 26, 300, 365
LATEST_MS, MONTH_MS = 50.0, 100.0
START = int(dt.datetime(2025, 11, 29, tzinfo=dt.UTC).timestamp())
END = dt.datetime.fromtimestamp(START + DAYS * 86_400, dt.UTC)
LAYER = """id = "sensors"
title = { zh = "传感器", en = "Sensors" }
counts = "reading"
geometry = "point"
[series]
zone = "+08:00"
every = "5 min"
stale_after = "30 min"
indicators = [{ id = "tilt", title = { zh = "倾角", en = "Tilt" }, unit = "°", min = -90, max = 90 }]
[[series.thresholds]]
id = "fast"
version = "1"
status = "draft"
source = "made up"
indicator = "tilt"
of = "rise"
over = "24 h"
levels = [{ from = 0.2, level = "blue" }, { from = 1.0, level = "red" }]
clear_after = "2 h"
"""


def sensing(home: Path, _: int) -> list[Line]:
    """Fill a year month by month, then ask what pages and duty officers ask."""
    ws = _workspace(home / "sensing")
    store = SeriesStore.open(series_file(ws))
    rows = SENSORS * DAYS * 86_400 // EVERY_S
    what = f"{rows:,} readings"
    lines: list[Line] = []
    if not store.series():
        say(f"  {what}")
        filled = spent(lambda: _fill(store), runs=1)
        lines.append(Line(f"readings taken in, {what}, month by month", filled.wall, "s", None, str(filled)))
    lines.append(Line(f"size of the file, {what}", series_file(ws).stat().st_size / 1e6, "MB"))
    codes = [f"QJ-{n}" for n in range(SENSORS)]
    month = END - dt.timedelta(days=30)
    key = SeriesKey("sensors", codes[7], "tilt")
    asked = {
        "the latest of all sensors": (store.latest, LATEST_MS),
        "the latest of all sensors with state and level": (
            lambda: latest_readings(ws, "sensors", codes, now=END),
            LATEST_MS,
        ),
        "a month of one sensor": (lambda: store.readings(key, start=int(month.timestamp())), MONTH_MS),
        "a day of one sensor for its card": (
            lambda: sensor_charts(ws, "sensors", codes[7], now=END),
            MONTH_MS,
        ),
        "a year of one sensor in 600 parts": (lambda: _year(store, key), None),
        "alerts of the last day, all sensors": (lambda: alerts(ws, since=END - dt.timedelta(days=1)), None),
    }
    for name, (ask, limit) in asked.items():
        took = spent(ask, runs=9)
        lines.append(
            Line(
                f"{name}, {what}",
                1000 * took.wall,
                "ms",
                limit,
                f"wall; {1000 * min(took.walls):.3g} at best",
            )
        )
    appended = iter(range(1, 10_000))
    took = spent(lambda: _append(store, codes, next(appended)), runs=9)
    lines.append(Line("a batch of 26 readings, on the disk", 1000 * took.wall, "ms", None, "wall"))
    store.close()
    return lines


def _workspace(root: Path) -> Workspace:
    if not root.exists():
        create_workspace(root)
        (root / "layers" / "sensors.toml").write_text(LAYER, encoding="utf-8")
    return open_workspace(root)


def _fill(store: SeriesStore) -> None:
    draw = np.random.default_rng(0)
    ts = np.arange(START, START + DAYS * 86_400, EVERY_S)
    for part in np.array_split(ts, 12):
        batch: list[Reading] = []
        for n in range(SENSORS):
            key = SeriesKey("sensors", f"QJ-{n}", "tilt")
            value = np.round(0.3 * np.sin(part / 4e5 + n) + draw.normal(0, 0.01, len(part)), 3)
            batch += [Reading(key, at, v) for at, v in zip(part.tolist(), value.tolist(), strict=True)]
        store.take(ReadFile(batch, 0, ()), source="made up", digest=str(part[0]), now=END)


def _year(store: SeriesStore, key: SeriesKey) -> object:
    end = int(END.timestamp())
    return store.extremes(key, start=START, stop=end, parts=600, within=(-90.0, 90.0))


def _append(store: SeriesStore, codes: list[str], n: int) -> None:
    newest = store.newest() or 0
    batch = [Reading(SeriesKey("sensors", code, "tilt"), newest + 1, 0.1) for code in codes]
    store.take(ReadFile(batch, 0, ()), source="made up", digest=f"append {n} {newest}", now=END)
