"""What is to be looked at in the readings: the file itself, conflicts, clocks, and sensors that say nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Literal, NamedTuple

from riskmap.actions.readings import readings_of, series_file, series_layers
from riskmap.actions.readings.alerts import cannot_make
from riskmap.actions.readings.standing import latest_readings, worst_state
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import Text
from riskmap.io.readers.readings import AHEAD
from riskmap.ledger.series import SeriesStore
from riskmap.moments import iso_second, utc_now
from riskmap.values.readings import STATE_TITLES, SensorState

_LISTED = 5


class ReadingsFinding(NamedTuple):
    """Something to look at, as `actions.workspace.check.CheckFinding` has it."""

    severity: Literal["note", "warning", "error"]
    what: str
    where: str
    message: Text
    remedy: Text


def readings_findings(ws: Workspace) -> Iterator[ReadingsFinding]:
    """Yield all that is to be looked at; nothing where no layer says what its sensors measure and nothing is kept."""
    with readings_of(ws) as store:
        if store is not None:
            yield from _file(ws, store)
    for layer in series_layers(ws).values():
        yield from _sensors(ws, layer)
        yield from _makes(ws, layer)


def _file(ws: Workspace, store: SeriesStore) -> Iterator[ReadingsFinding]:
    where = series_file(ws).relative_to(ws.root).as_posix()
    for line in store.check():
        yield ReadingsFinding(
            "error",
            "readings",
            where,
            Text(f"读数文件不完好：{line}", f"the file of readings is not sound: {line}"),
            Text("用 riskmap restore 从备份恢复", "bring a backup back with riskmap restore"),
        )
    conflicts = store.conflicts()
    if conflicts:
        first = conflicts[0]
        at = iso_second(dt.datetime.fromtimestamp(first.ts, dt.UTC))
        yield ReadingsFinding(
            "warning",
            "readings",
            f"{first.key.layer} › {first.key.code} › {first.key.indicator}",
            Text(
                f"{len(conflicts)} 条读数与先到的不同，如 {at}：先到 {first.kept:g}，后到 {first.value:g}",
                f"{len(conflicts)} readings differ from the first that came, such as {at}: {first.kept:g}, then {first.value:g}",
            ),
            Text("查明哪个值对；先到的仍在用", "find out which is right; the first one stands"),
        )
    if waiting := store.waiting():
        yield ReadingsFinding(
            "warning",
            "readings",
            where,
            Text(
                f"{waiting} 批读数还没有按阈值建预警",
                f"no threshold has made alerts of {waiting} batches yet",
            ),
            Text(
                "再取入一次任意读数文件（riskmap ingest），即补建；不能建的，回答里写明原因",
                "take in any file of readings once more (riskmap ingest); what cannot be made is named in its answer",
            ),
        )
    newest, now = store.newest(), utc_now()
    if newest is not None and newest > (now + AHEAD).timestamp():
        at = iso_second(dt.datetime.fromtimestamp(newest, dt.UTC))
        yield ReadingsFinding(
            "error",
            "clock",
            where,
            Text(
                f"最新读数在 {at}，本机时钟为 {iso_second(now)}：其中一个不对",
                f"the newest reading is of {at}, this machine's clock says {iso_second(now)}: one is wrong",
            ),
            Text("校准本机时钟", "set this machine's clock right"),
        )


def _sensors(ws: Workspace, layer: Layer) -> Iterator[ReadingsFinding]:
    codes = ws.ledger.layer_columns(layer).table["code"].to_pylist()
    stand: dict[SensorState, list[str]] = {}
    for code, readings in latest_readings(ws, layer.id, codes).items():
        stand.setdefault(worst_state(readings), []).append(code)
    for state, some in stand.items():
        if state == "fresh":
            continue
        listed = "、".join(some[:_LISTED]) + ("…" if len(some) > _LISTED else "")
        title = STATE_TITLES[state]
        yield ReadingsFinding(
            "warning",
            "sensors",
            f"{layer.id} › {some[0]}",
            Text(
                f"{layer.title.zh}：{len(some)} 个传感器{title.zh}（{listed}），不等于平安",
                f"{layer.title.en}: {len(some)} sensors {title.en} ({listed}), which does not mean calm",
            ),
            Text("检查传感器、网关和收件文件夹", "look at the sensors, their gateway and the inbox"),
        )


def _makes(ws: Workspace, layer: Layer) -> Iterator[ReadingsFinding]:
    for threshold in layer.series.thresholds if layer.series else ():
        if threshold.makes and (lack := cannot_make(ws, layer, threshold)):
            yield ReadingsFinding(
                "warning",
                "catalog",
                f"{layer.id} › series.thresholds[{threshold.id}].makes",
                lack,
                Text("在此之前，这个阈值不建预警", "until then this threshold makes no alerts"),
            )
