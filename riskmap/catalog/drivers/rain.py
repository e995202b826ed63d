"""Rain, as sums, index and event."""

from __future__ import annotations

from typing import Final

from riskmap.catalog.drivers import Driver
from riskmap.errors import Text


def _rain(name: str, title: Text, unit: str = "mm", decimals: int = 1) -> Driver:
    return Driver(name, title, unit, lambda hours: hours.rain(name), decimals, rain=(name,))


DRIVERS: Final = (
    _rain("i1_mm", Text("1 小时雨量", "Rain in 1 h")),
    _rain("i3_mm", Text("3 小时雨量", "Rain in 3 h")),
    _rain("r24_mm", Text("24 小时雨量", "Rain in 24 h")),
    _rain("antecedent_mm", Text("前期雨量指数", "Antecedent rain index")),
    _rain("event_mm", Text("过程累计雨量", "Rain of the event")),
    _rain("event_hours", Text("过程历时", "Duration of the event"), "h", 0),
)
