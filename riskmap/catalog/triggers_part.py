"""Reading the `[[triggers]]` of a layer file, and every mistake in them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from pydantic import Field as Key

from riskmap.catalog.model import Condition, Operator, Status
from riskmap.catalog.problems import Items, Part, Slug, TitlePart, TomlFile, Words, one_of
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.triggers import (
    DRIVERS,
    WARNING,
    Driver,
    Level,
    Limit,
    Side,
    Trigger,
    Unknown,
    WarningColour,
    WarningKind,
    WarningLevel,
)
from riskmap.errors import CatalogProblem, Say

SIDES: tuple[Side, ...] = get_args(Side)
COLOURS: tuple[str, ...] = get_args(WarningColour)  # the mildest first
_MOST_HOURS = 24 * 31
_Tier = Literal["general", "large", "major"]  # low raises nothing


class LimitPart(Part):
    """`{ driver = "r24_mm", from = 100 }`."""

    driver: Driver
    from_: float | None = Key(default=None, alias="from")
    above: float | None = None
    upto: float | None = None
    below: float | None = None

    def value(self) -> Limit:
        """Return the limit as the value that travels."""
        return _limit(self, self.driver)


class LevelPart(Part):
    """`{ from = 50, tier = "large" }`, or with `colour` in a trigger on warnings."""

    from_: float | None = Key(default=None, alias="from")
    above: float | None = None
    upto: float | None = None
    below: float | None = None
    colour: WarningColour | None = None
    tier: _Tier | None = None
    also: Items[LimitPart] = ()

    def value(self, driver: str) -> Level:
        """Return the level as the value that travels."""
        return Level(_limit(self, driver), self.tier, tuple(part.value() for part in self.also))


class WhenPart(Part):
    """`{ field = "kind", op = "in", value = ["gas"] }`."""

    field: Words
    op: Operator
    value: bool | float | str | list[bool | float | str] | None = None

    def condition(self) -> Condition:
        """Return the condition as the value that travels."""
        value = tuple(self.value) if isinstance(self.value, list) else self.value
        return Condition(self.field, self.op, value)


class TriggerPart(Part):
    """One of [[triggers]]."""

    id: Slug
    title: TitlePart
    driver: Driver | Literal["warning"]
    hold_hours: float = Key(ge=1, le=_MOST_HOURS)
    status: Status
    source: str = Key(min_length=1, max_length=600)
    levels: Items[LevelPart] = ()
    by: Words | None = None
    classes: Mapping[str, Items[LevelPart]] = Key(default_factory=dict[str, tuple[LevelPart, ...]])
    kinds: Items[WarningKind] = ()
    when: Items[WhenPart] = ()
    closes: bool = False
    missing: Unknown = "unknown"

    def value(self) -> Trigger:
        """Return the trigger as the value that travels."""
        warned = self.driver == WARNING
        return Trigger(
            id=self.id,
            title=self.title.say(),
            driver=self.driver,
            hold_hours=self.hold_hours,
            status=self.status,
            source=self.source,
            levels=() if warned else tuple(part.value(self.driver) for part in self.levels),
            by=self.by,
            classes={}
            if warned
            else {name: tuple(p.value(self.driver) for p in parts) for name, parts in self.classes.items()},
            kinds=tuple(self.kinds),
            colours=tuple(WarningLevel(part.colour or "", part.tier) for part in self.levels)
            if warned
            else (),
            when=tuple(part.condition() for part in self.when),
            closes=self.closes,
            missing=self.missing,
        )


def stated_sides(part: LimitPart | LevelPart) -> dict[Side, float]:
    """Return the limits that a part states, by their side."""
    given = {"from": part.from_, "above": part.above, "upto": part.upto, "below": part.below}
    return {side: number for side in SIDES if (number := given[side]) is not None}


def level_lists(part: TriggerPart) -> Iterator[tuple[KeyPath, tuple[LevelPart, ...]]]:
    """Yield the lists of levels of a trigger with their place in it."""
    if part.levels:
        yield ("levels",), part.levels
    for name, levels in part.classes.items():
        yield ("classes", name), levels


def shape_problems(part: TriggerPart, place: KeyPath, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in a trigger without knowing its layer."""
    warned = part.driver == WARNING
    if not any(levels for _, levels in level_lists(part)):
        yield source.problem((*place, "levels"), Say("至少一档", "at least one level"))
    if bool(part.classes) != (part.by is not None):
        expected = Say("by 和 classes 同时写或都不写", "both by and classes, or neither")
        yield source.problem((*place, "by" if part.by else "classes"), expected)
    if warned and part.by is not None:
        expected = Say("没有 by（预警不分类）", "no by: warnings are not told apart by class")
        yield source.problem((*place, "by"), expected)
    if warned != bool(part.kinds):
        expected = (
            Say("至少一种预警，如 ['typhoon']", 'at least one kind of warning, such as ["typhoon"]')
            if warned
            else Say(
                '没有 kinds（只用于 driver = "warning"）', 'no kinds (they belong to driver = "warning")'
            )
        )
        yield source.problem((*place, "kinds"), expected)
    for inner, levels in level_lists(part):
        for j, level in enumerate(levels):
            yield from _level(part, level, (*place, *inner, j), source)
        yield from _order(part, levels, (*place, *inner), source)


def _level(part: TriggerPart, level: LevelPart, here: KeyPath, source: TomlFile) -> Iterator[CatalogProblem]:
    if part.driver == WARNING:
        if stated_sides(level) or level.also or level.colour is None:
            expected = Say("colour（预警颜色），没有 from 等限值", "a colour, and no limit")
            yield source.problem(here, expected)
    elif level.colour is not None:
        expected = Say(
            '没有 colour（只用于 driver = "warning"）', 'no colour (it belongs to driver = "warning")'
        )
        yield source.problem((*here, "colour"), expected)
    else:
        yield from _sides(level, part.driver, here, source)
    for k, other in enumerate(level.also):
        yield from _sides(other, other.driver, (*here, "also", k), source, free=True)
    if level.tier is None and not part.closes:
        yield source.problem((*here, "tier"), one_of(get_args(_Tier)))


def _sides(
    part: LimitPart | LevelPart, driver: str, here: KeyPath, source: TomlFile, *, free: bool = False
) -> Iterator[CatalogProblem]:
    """Check that one limit is stated; a level's own must lie on the worse side of its driver."""
    lower = DRIVERS[driver].worse == "lower"
    allowed = SIDES if free else (SIDES[2:] if lower else SIDES[:2])
    stated = list(stated_sides(part))
    if len(stated) != 1 or stated[0] not in allowed:
        words = one_of(allowed)
        expected = Say(f"恰好一个限值，{words.zh}", f"exactly one limit, {words.en}")
        yield source.problem(here, expected, found=" + ".join(stated) or "{ }")


def _order(
    part: TriggerPart, levels: tuple[LevelPart, ...], here: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Levels stand from the mildest to the worst; with `also` two of them may share a limit."""
    tiers = [get_args(_Tier).index(level.tier) if level.tier else -1 for level in levels]
    if part.driver == WARNING:
        limits = [float(COLOURS.index(level.colour)) if level.colour else 0.0 for level in levels]
    else:
        sign = -1.0 if DRIVERS[part.driver].worse == "lower" else 1.0
        limits = [sign * next(iter(stated_sides(level).values()), 0.0) for level in levels]
    for j in range(1, len(levels)):
        equal = limits[j] == limits[j - 1] and bool(levels[j].also or levels[j - 1].also)
        if tiers[j] <= tiers[j - 1] or not (limits[j] > limits[j - 1] or equal or levels[j].also):
            expected = Say(
                "由轻到重的各档：限值和等级都比上一档更严重",
                "levels from the mildest to the worst: limit and tier both worse than those before",
            )
            yield source.problem((*here, j), expected)


def _limit(part: LimitPart | LevelPart, driver: str) -> Limit:
    side, number = next(iter(stated_sides(part).items()), ("from", float("nan")))
    return Limit(driver, side, float(number))
