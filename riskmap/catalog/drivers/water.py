"""Water that stands where rain gathers."""

from __future__ import annotations

from typing import Final

from riskmap.catalog.drivers import Driver
from riskmap.errors import Text

DRIVERS: Final = (
    Driver("runoff_mm", Text("产流深", "Runoff"), "mm", lambda hours: hours.runoff(), rain=("event_mm",)),
    Driver("depth_m", Text("积水深度", "Water depth"), "m", lambda hours: hours.depth(), 2),
    Driver("margin_m", Text("开口富余高度", "Opening margin"), "m", lambda hours: hours.margin(), 2, "lower"),
)
