"""What a layer of sensors measures: the indicators of its readings, when one is silent, and which limits raise an alert.

`[series]` of a layer that counts readings. A limit is data: its version, status and source stand beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal, get_args

from pydantic import Field as Key

from riskmap.catalog.model import Status
from riskmap.catalog.problems import (
    Duration,
    Items,
    Part,
    Slug,
    Title,
    TomlFile,
    Words,
    closest,
    one_of,
    shown,
)
from riskmap.catalog.triggers import SIDES, Limit
from riskmap.errors import CatalogProblem, Text
from riskmap.moments import Zone, parse_zone

SeriesZone = Literal["+08:00", "+00:00", "beijing", "utc"]


AlertLevel = Literal["blue", "yellow", "orange", "red"]  # the mildest first


Of = Literal["value", "rise", "fall"]


LEVELS: Final[tuple[AlertLevel, ...]] = get_args(AlertLevel)


class SeriesIndicator(Part):
    """One of `indicators`: what a sensor measures, in `unit`.

    `minimum` and `maximum`, inclusive: what the instrument can show. A value outside is kept as it came and
    makes the sensor *out of range*. `aliases`: how files call it.
    """

    id: Slug
    title: Title
    unit: str = ""
    minimum: float | None = Key(default=None, validation_alias="min")
    maximum: float | None = Key(default=None, validation_alias="max")
    aliases: Items[Words] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that names the indicator in a file."""
        return tuple(dict.fromkeys((self.title.zh, *self.aliases, self.title.en, self.id)))

    def in_range(self, value: float) -> bool:
        """Return whether the instrument can show this value."""
        low, high = self.minimum, self.maximum
        return not ((low is not None and value < low) or (high is not None and value > high))


class ThresholdLevel(Limit):
    """`{ from = 0.2, level = "blue" }`: where this limit is met the reading is at this level or a worse one."""

    level: AlertLevel


class Threshold(Part):
    """One of `thresholds`: a limit on the value itself, or on its `rise` or `fall` within the time `over`.

    `levels` stand from the mildest to the worst. A window of exceedance ends where no level was met for
    `clear_after`. `makes`: the layer in which it makes a record.
    """

    id: Slug
    version: Words
    status: Status
    source: str = Key(min_length=1, max_length=600)
    indicator: Slug
    of: Of
    over: Duration | None = None
    levels: Items[ThresholdLevel] = Key(min_length=1)
    clear_after: Duration = dt.timedelta(0)
    makes: Slug | None = None


class Series(Part):
    """The `[series]` of a layer.

    `zone` holds for readings whose time states none; without it they are refused. `every`: how often a sensor
    reports. `stale_after`: a newest reading older than this is *stale*.
    """

    zone: SeriesZone | None = None
    every: Duration
    stale_after: Duration
    indicators: Items[SeriesIndicator] = Key(min_length=1)
    thresholds: Items[Threshold] = ()

    @property
    def default_zone(self) -> Zone | None:
        """The zone of readings that state none."""
        return None if self.zone is None else parse_zone(self.zone)

    def indicator(self, indicator_id: str) -> SeriesIndicator:
        """Return an indicator by its id; KeyError when there is none."""
        for one in self.indicators:
            if one.id == indicator_id:
                return one
        raise KeyError(indicator_id)

    def thresholds_of(self, indicator_id: str) -> tuple[Threshold, ...]:
        """Return the thresholds of an indicator, in the order of the file."""
        return tuple(one for one in self.thresholds if one.indicator == indicator_id)


_PLACE: Final = "series"


def series_problems(source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what no type can say of the readings of a layer: whose they are, limits in order, words of one thing."""
    if source.at((_PLACE,)) is None:
        return
    if source.at(("counts",)) != "reading" or source.at(("table",)) is True:
        expected = Text(
            '只在 counts = "reading" 的图层里（读数不是风险点）',
            'only in a layer with counts = "reading" (a reading is no risk)',
        )
        yield source.problem((_PLACE,), expected)
    ids = [str(one.get("id")) for _, one in source.tables(_PLACE, "indicators")]
    yield from _limits_crossed(source)
    for place, threshold in source.tables(_PLACE, "thresholds"):
        name = threshold.get("indicator")
        if isinstance(name, str) and name not in ids:
            yield source.problem(
                (*place, "indicator"), one_of(ids), found=shown(name), hint=closest(name, ids)
            )


def _limits_crossed(source: TomlFile) -> Iterator[CatalogProblem]:
    for place, indicator in source.tables(_PLACE, "indicators"):
        low, high = indicator.get("min"), indicator.get("max")
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            expected = Text(f"不大于 max（{high:g}）的数字", f"a number not above max ({high:g})")
            yield source.problem((*place, "min"), expected)


def threshold_problems(series: Series, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong with times and limits that could be read."""
    if series.stale_after < series.every:
        expected = Text("不短于 every 的时间", "a time not shorter than every")
        yield source.problem((_PLACE, "stale_after"), expected)
    for i, threshold in enumerate(series.thresholds):
        place = (_PLACE, "thresholds", i)
        if threshold.of == "value" and threshold.over is not None:
            expected = Text(
                '没有 over（of = "value" 看每个读数）', 'no over (of = "value" looks at each reading)'
            )
            yield source.problem((*place, "over"), expected)
        if threshold.of != "value" and threshold.over is None:
            expected = Text(
                '一段时间，如 "24 h"（rise、fall 是这段时间里的变化）',
                'a time, such as "24 h" (rise and fall are the change within it)',
            )
            yield source.problem((*place, "over"), expected, found="—")
        yield from _levels(threshold, source, (*place, "levels"))


def _levels(threshold: Threshold, source: TomlFile, place: tuple[str | int, ...]) -> Iterator[CatalogProblem]:
    for j, level in enumerate(threshold.levels):
        if len(level.stated) != 1:
            words = one_of(SIDES)
            expected = Text(f"恰好一个限值，{words.zh}", f"exactly one limit, {words.en}")
            yield source.problem((*place, j), expected, found=" + ".join(level.stated) or "{ }")
            return
    below = [level.side in SIDES[2:] for level in threshold.levels]
    wrong_side = threshold.of != "value" and any(below)
    if wrong_side or len(set(below)) > 1:
        expected = Text(
            "同一方向的限值：from、above，或（只对 value）upto、below",
            "limits of one direction: from and above, or, of a value, upto and below",
        )
        yield source.problem(place, expected)
        return
    worse = -1.0 if below[0] else 1.0
    for j, (mild, bad) in enumerate(zip(threshold.levels, threshold.levels[1:], strict=False), 1):
        milder = LEVELS.index(mild.level) < LEVELS.index(bad.level)
        if not milder or worse * mild.value >= worse * bad.value:
            expected = Text(
                "由轻到重的各级：限值和级别都比上一级更严重",
                "levels from the mildest to the worst: limit and level both worse than those before",
            )
            yield source.problem((*place, j), expected)
