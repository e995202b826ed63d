"""Fire weather."""

from __future__ import annotations

from typing import Final

from riskmap.catalog.drivers import Driver
from riskmap.errors import Text

DRIVERS: Final = (
    Driver("fire_weather", Text("火险天气指数", "Fire weather index"), "", lambda hours: hours.fire()),
)
