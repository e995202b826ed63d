"""What triggers may look at, hour by hour: a module here that states `DRIVERS` adds to what layer files may name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

from riskmap.errors import Text
from riskmap.registries import members


class Hours(Protocol):
    """The hours of a scenario at the rows of one table; each answer is a `values.hazards.Series`.

    None where nothing that was given tells it.
    """

    def wind(self, *, gust: bool = False) -> Any:
        """Return the mean wind over 2 minutes, or the gust, m/s."""
        ...

    def rain(self, name: str) -> Any:
        """Return one of the quantities of `hazards.rain_field.rain_drivers` that the driver says it needs."""
        ...

    def depth(self) -> Any:
        """Return the depth of standing water, m."""
        ...

    def runoff(self) -> Any:
        """Return the depth of rain that runs off by the curve number of each record, mm."""
        ...

    def margin(self) -> Any:
        """Return by how much openings stay above the water, m."""
        ...

    def fire(self) -> Any:
        """Return the fire weather index."""
        ...


@dataclass(frozen=True, slots=True)
class Driver:
    """One quantity: its title, the `unit` of its numbers, the decimals worth showing, which way is worse.

    `series` takes its hours; `rain`: the quantities of rain that it asks them for.
    """

    id: str
    title: Text
    unit: str
    series: Callable[[Hours], Any]
    decimals: int = 1
    worse: Literal["higher", "lower"] = "higher"
    rain: tuple[str, ...] = ()


@cache
def trigger_drivers() -> dict[str, Driver]:
    """Return every driver by its id, as triggers name it."""
    return {one.id: one for _, some in members(__name__, "DRIVERS") for one in some}
