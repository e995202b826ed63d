"""Readings of sensors from a table or JSON lines (`readings.toml`), each judged by the indicator it is of.

A row for each reading, or a column for each indicator. What cannot be kept is refused with its reason: an unknown
sensor or indicator, a value that is no number or in another unit, a moment without zone or ahead of our clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.series import Series, SeriesIndicator
from riskmap.errors import TableFileError, Text
from riskmap.io.tables import declared
from riskmap.io.tables.headers import Match, bracketed
from riskmap.rules.cell import Judge, judge_field, shown
from riskmap.units import convertible
from riskmap.values.import_plan import RejectedRow
from riskmap.values.readings import IngestIssue, ReadFile, Reading, SeriesKey

AHEAD: Final = dt.timedelta(minutes=5)


"""How far a clock of a sensor may be ahead of ours."""


_COLUMN: Final = "series_"  # in front of the indicators that have a column of their own


Sensors = Mapping[str, Sequence[str]]  # code → the layers that have such a sensor


def read_readings(
    path: Path, layers: Mapping[str, Layer], sensors: Sensors, *, now: dt.datetime, name: str | None = None
) -> ReadFile:
    """Return the readings of a file, and why others of it are refused.

    `layers`: those with a `[series]`; `name`: the file's name as the person knows it. UnreadableFileError where
    the file is none or lacks a column, TableFileError where it states neither values nor indicators.
    """
    series = {layer.id: layer.series for layer in layers.values() if layer.series}
    table = declared.read(path, _declaration(series), name=name, units=_zone(series))
    return _Judge(table, series, sensors, name or path.name, int(now.timestamp())).judged()


def _zone(series: Mapping[str, Series]) -> Mapping[str, str]:
    """Return the zone of moments that state none, where all layers agree on one."""
    zones = {one.default_zone for one in series.values()}
    zone = zones.pop() if len(zones) == 1 else None
    return {"at": zone} if zone else {}


def _declaration(series: Mapping[str, Series]) -> Layer:
    """Return the declaration of readings with a column for each indicator that the layers know."""
    table = declared.declaration("readings")
    words: dict[str, list[str]] = {}
    for one in series.values():
        for indicator in one.indicators:
            words.setdefault(indicator.id, []).extend(indicator.words)
    columns = tuple(
        Field.model_construct(
            id=_COLUMN + each, title=Text(named[0], named[0]), type="text", aliases=tuple(named)
        )
        for each, named in words.items()
    )
    return table.model_copy(update={"fields": (*table.fields, *columns)})


@dataclass(frozen=True, slots=True)
class _Stated:
    """One reading as the file has it: `named` the indicator's word or id, `unit` what stands around the value."""

    at: int  # in the table
    named: str
    text: str | None
    unit: str


@dataclass
class _Judge:
    table: declared.DeclaredTable
    series: Mapping[str, Series]
    sensors: Sensors
    file: str
    now: int
    _kept: list[Reading] = field(default_factory=list)
    _refused: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _said: dict[tuple[str, str], Text] = field(default_factory=dict)

    def judged(self) -> ReadFile:
        if not (self._columns or {"indicator", "value"} <= self.table.columns.keys()):
            raise TableFileError((self._no_values(),))
        for stated in self._stated():
            self._judge(stated)
        issues = [*self._of_rows(), *self._issues()]
        refused = len(self._rows) + sum(map(len, self._refused.values()))
        return ReadFile(self._kept, refused, tuple(sorted(issues, key=lambda one: one.row or 0)))

    @cached_property
    def _columns(self) -> list[str]:
        """Ids of the indicators that have a column of their own."""
        return [name for name in self.table.columns if name.startswith(_COLUMN)]

    def _no_values(self) -> Text:
        known = "、".join(dict.fromkeys(i.title.zh for one in self.series.values() for i in one.indicators))
        return Text(
            f"{self.file} › 表头：没有“监测指标”和“监测值”两列，也没有以指标命名的列（{known}）；请补上",
            f"{self.file} › header: neither columns Indicator and Value, nor one named by an indicator ({known}); add them",
        )

    def _stated(self) -> Iterator[_Stated]:
        """Yield the readings that the rows state; a blank cell of an indicator's own column states none."""
        blank = [None] * len(self.table.row)
        if {"indicator", "value"} <= self.table.columns.keys():
            words, values = self.table.columns["indicator"], self.table.columns["value"]
            units = self.table.columns.get("unit", blank)
            for at, (word, value, unit) in enumerate(zip(words, values, units, strict=True)):
                around = str(unit) if unit else _unit_around(self.table.matched[at].get("value"))
                if word is not None or value is not None:
                    yield _Stated(at, str(word or ""), _text(value), around)
        for name in self._columns:
            for at, value in enumerate(self.table.columns[name]):
                if value is not None:
                    around = _unit_around(self.table.matched[at].get(name))
                    yield _Stated(at, name.removeprefix(_COLUMN), _text(value), around)

    def _judge(self, stated: _Stated) -> None:
        code = self.table.columns.get("code", [])[stated.at] if "code" in self.table.columns else None
        found = self._indicator(stated, str(code or ""))
        if found is None:
            return
        layer, indicator = found
        value = self._value(stated, indicator)
        ts = self._ts(stated)
        if value is not None and ts is not None:
            key = SeriesKey(layer, str(code), indicator.id)
            self._kept.append(Reading(key, ts, value, self.table.row[stated.at]))

    def _indicator(self, stated: _Stated, code: str) -> tuple[str, SeriesIndicator] | None:
        """Return the layer and the indicator that a reading is of, or note why there is none."""
        layers = self._layers(stated, code)
        if layers is None:
            return None
        named = normalise_header(stated.named)
        found = [(layer, one) for layer in layers if (one := self._words[layer].get(named)) is not None]
        if len(found) == 1:
            return found[0]
        if found:
            self._refuse(stated, "ambiguous_sensor", code, _several(code, [layer for layer, _ in found]))
        else:
            known = "、".join(i.title.zh for layer in layers for i in self.series[layer].indicators)
            word = shown(stated.named)
            text = Text(
                f"传感器 {code} 的图层没有指标“{word}”；已知的是 {known}",
                f"the layer of sensor {code} has no indicator “{word}”; it knows {known}",
            )
            self._refuse(stated, "unknown_indicator", f"{layers}{named}", text)
        return None

    def _layers(self, stated: _Stated, code: str) -> Sequence[str] | None:
        if not code:
            self._refuse(
                stated, "no_code", "", Text("没有传感器编号；请填写", "no code of the sensor; write it")
            )
            return None
        layers = self.sensors.get(code, ())
        named = self.table.columns.get("sensor_layer")
        if named is not None and (word := named[stated.at]):
            layers = [layer for layer in layers if layer == word]
        if not layers:
            text = Text(
                f"台账里没有传感器 {shown(code)}（或已注销）；请先登记，或改正编号",
                f"no sensor {shown(code)} in the ledger (or it is retired); register it, or correct the code",
            )
            self._refuse(stated, "unknown_sensor", code, text)
            return None
        return layers

    @cached_property
    def _words(self) -> Mapping[str, Mapping[str, SeriesIndicator]]:
        """Layer → word, as it is compared → indicator."""
        return {
            layer: {normalise_header(word): one for one in series.indicators for word in one.words}
            for layer, series in self.series.items()
        }

    def _value(self, stated: _Stated, indicator: SeriesIndicator) -> float | None:
        if stated.unit and convertible(stated.unit, indicator.unit) is None:
            text = Text(
                f"{indicator.title.zh} 的单位写的是 {shown(stated.unit)}，应为 {indicator.unit or '（无单位）'}；请换算",
                f"{indicator.title.en} is stated in {shown(stated.unit)}, not in {indicator.unit or '(no unit)'}; convert it",
            )
            self._refuse(stated, "wrong_unit", f"{indicator.id}{stated.unit}", text)
            return None
        value, finding = self._judges(indicator, stated.unit)(stated.text or "")
        if isinstance(value, int | float) and finding is None:
            return float(value)
        message = finding.message if finding else Text("没有监测值；请填写", "no value; write it")
        self._refuse(stated, finding.rule if finding else "no_value", message.zh, message)
        return None

    def _judges(self, indicator: SeriesIndicator, unit: str) -> Judge:
        known = self._judge_of.get((indicator.id, indicator.unit, unit))
        if known is None:
            number = Field.model_construct(
                id=indicator.id, title=indicator.title, type="number", unit=indicator.unit
            )
            known = self._judge_of[indicator.id, indicator.unit, unit] = judge_field(number, header_unit=unit)
        return known

    @cached_property
    def _judge_of(self) -> dict[tuple[str, str, str], Judge]:
        return {}

    def _ts(self, stated: _Stated) -> int | None:
        moment = str(self.table.columns["at"][stated.at])
        ts = int(dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp())
        if ts <= self.now + AHEAD.total_seconds():
            return ts
        text = Text(
            f"时间 {moment}Z 比本机时钟晚 5 分钟以上；请校准传感器或本机的时钟",
            f"its time {moment}Z is more than 5 minutes ahead of this machine's clock; set one of the clocks right",
        )
        self._refuse(stated, "ahead_of_clock", "", text)
        return None

    def _refuse(self, stated: _Stated, rule: str, subject: str, text: Text) -> None:
        self._refused.setdefault((rule, subject), []).append(self.table.row[stated.at])
        self._said.setdefault((rule, subject), text)

    @cached_property
    def _rows(self) -> list[RejectedRow]:
        """The rows that cannot be read; a blank line between lines of JSON is none."""
        return [
            row
            for row in self.table.rejected
            if row.issues[0].rule == "damaged" or any(text for _, text in row.cells)
        ]

    def _of_rows(self) -> Iterator[IngestIssue]:
        for row in self._rows:
            first = row.issues[0]
            yield IngestIssue(row.row, first.rule, first.message)

    def _issues(self) -> Iterator[IngestIssue]:
        for (rule, subject), rows in self._refused.items():
            text, n = self._said[rule, subject], len(rows)
            zh, en = (f"（共 {n} 条）", f" ({n} readings)") if n > 1 else ("", "")
            message = Text(
                f"{self.file} › 第 {rows[0]} 行：{text.zh}{zh}", f"{self.file} › row {rows[0]}: {text.en}{en}"
            )
            yield IngestIssue(rows[0], rule, message)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _unit_around(match: Match | None) -> str:
    """Return the unit that a header states in brackets, "" where it states none."""
    return "" if match is None else next(iter(bracketed(normalise_header(match.heading.text))), "")


def _several(code: str, layers: Sequence[str]) -> Text:
    listed = ", ".join(layers)
    return Text(
        f"传感器 {code} 在几个图层里都有（{listed}）；请加一列“图层”写明",
        f"several layers have a sensor {code} ({listed}); add a column Layer",
    )
