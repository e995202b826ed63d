"""Triggers: which weather, water or warning raises a record's tier, closes a shelter, and for how long.

A trigger is data. It raises a tier and never lowers one; where what it looks at is not known the
record is *unknown*, never safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field as Key

from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.model import FieldCondition, Status
from riskmap.catalog.problems import Items, Part, Slug, Title, Words, stated_in

WarningKind = Literal["typhoon", "rainstorm", "waterlogging", "geological", "forest_fire", "gale"]


WarningColour = Literal["white", "blue", "yellow", "orange", "red"]


Unknown = Literal["unknown", "worst"]


Side = Literal["from", "above", "upto", "below"]


RaisedTier = Literal["general", "large", "major"]  # low raises nothing


_MOST_HOURS = 24 * 31


SIDES: Final[tuple[Side, ...]] = get_args(Side)


WARNING: Final = "warning"


"""What a trigger names as its driver when it looks at issued warnings instead of numbers."""


class Limit(Part):
    """A number to compare with: "from" ≥, "above" >, "upto" ≤, "below" <, in the driver's unit.

    A file states exactly one of the four.
    """

    from_: float | None = Key(default=None, validation_alias="from")
    above: float | None = None
    upto: float | None = None
    below: float | None = None

    @property
    def stated(self) -> Mapping[Side, float]:
        """What the file states, by side."""
        given = zip(SIDES, (self.from_, self.above, self.upto, self.below), strict=True)
        return {side: number for side, number in given if number is not None}

    @property
    def side(self) -> Side:
        """On which side of the number the limit is met."""
        return next(iter(self.stated))

    @property
    def value(self) -> float:
        """The number."""
        return next(iter(self.stated.values()))


class DriverLimit(Limit):
    """`{ driver = "r24_mm", from = 100 }`: a limit of another driver."""

    driver: Annotated[str, stated_in(trigger_drivers)]


class TriggerLevel(Limit):
    """`{ from = 50, tier = "large" }`: where this limit of the trigger's driver and all of `also` are met
    the tier is at least `tier` (None: only what closes).

    In a trigger on warnings `{ colour = "orange", tier = "large" }`: under a warning of this colour or
    a worse one.
    """

    colour: WarningColour | None = None
    tier: RaisedTier | None = None
    also: Items[DriverLimit] = ()


class Trigger(Part):
    """One of [[triggers]].

    It concerns the records where all conditions of `when` hold. `levels` apply to all of them, from the
    mildest to the worst; with `by`, a field, `classes` holds the levels of each of its values, and
    `levels` those of the values that `classes` does not name. A trigger whose driver is "warning" looks
    at warnings of `kinds`, and its levels are colours. `hold_hours`: how long a level lasts after its
    last exceedance; a shorter gap does not end it. `closes`: a record that reaches any level is closed
    (shelters). `missing` says what a field of `when` or `by` that is not known means: "unknown" lists
    the record as unknown where its tier may depend on it, "worst" takes the conditions as met and the
    strictest class. A driver that is not known always leaves the record unknown.
    """

    id: Slug
    title: Title
    driver: Annotated[str, stated_in(lambda: (*trigger_drivers(), WARNING))]
    hold_hours: float = Key(ge=1, le=_MOST_HOURS)
    status: Status
    source: str = Key(min_length=1, max_length=600)
    levels: Items[TriggerLevel] = ()
    by: Words | None = None
    classes: Mapping[str, Items[TriggerLevel]] = Key(default_factory=dict[str, tuple[TriggerLevel, ...]])
    kinds: Items[WarningKind] = ()
    when: Items[FieldCondition] = ()
    closes: bool = False
    missing: Unknown = "unknown"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the trigger reads, each once."""
        read = [c.field for c in self.when]
        return tuple(dict.fromkeys([*read, self.by] if self.by else read))

    @property
    def drivers(self) -> tuple[str, ...]:
        """Drivers that the trigger compares, each once; none for warnings."""
        if self.driver == WARNING:
            return ()
        others = (
            limit.driver for _, levels in self.level_lists() for level in levels for limit in level.also
        )
        return tuple(dict.fromkeys((self.driver, *others)))

    def level_lists(self) -> Iterator[tuple[tuple[str, ...], tuple[TriggerLevel, ...]]]:
        """Yield the lists of levels with their place in the trigger: `("classes", "crane")`."""
        if self.levels:
            yield ("levels",), self.levels
        for name, levels in self.classes.items():
            yield ("classes", name), levels
