"""Wind."""

from __future__ import annotations

from typing import Final

from riskmap.catalog.drivers import Driver
from riskmap.errors import Text

DRIVERS: Final = (
    Driver("wind_ms", Text("平均风速", "Mean wind"), "m/s", lambda hours: hours.wind()),
    Driver("gust_ms", Text("阵风风速", "Gust"), "m/s", lambda hours: hours.wind(gust=True)),
)
