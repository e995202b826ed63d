"""Triggers: their shape, the fields that they read, and the classes that are choices of their layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from riskmap.catalog.cross_checks import check_condition, check_field
from riskmap.catalog.decision_checks import condition_problems
from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.layer import Layer
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.triggers import SIDES, WARNING, Limit, RaisedTier, Trigger, TriggerLevel, WarningColour
from riskmap.errors import CatalogProblem, Text

_COLOURS: tuple[str, ...] = get_args(WarningColour)  # the mildest first


def trigger_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return every mistake in the triggers of a layer file that their types do not show."""
    ids = [trigger.id for trigger in layer.triggers]
    for i, trigger in enumerate(layer.triggers):
        place: KeyPath = ("triggers", i)
        if ids.index(trigger.id) != i:
            yield source.problem((*place, "id"), Text("不重复的触发条件标识", "a trigger id used only once"))
        yield from _shape(trigger, place, source)
        for j, condition in enumerate(trigger.when):
            here = (*place, "when", j)
            yield from check_field(layer, condition.field, source, (*here, "field"))
            yield from check_condition(layer, condition, source, here)
            yield from condition_problems(condition, here, source)
        if trigger.by is not None:
            yield from _classes(layer, trigger, trigger.by, place, source)


def _classes(
    layer: Layer, trigger: Trigger, by: str, place: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Check that `by` is a choice of the layer, its classes are choices, and none is left without levels."""
    choices = {f.id: [c.id for c in f.choices] for f in layer.fields if f.type == "choice"}
    if by not in choices:
        expected = Text(f"图层 {layer.id} 的选项字段", f"a choice field of layer {layer.id}")
        yield source.problem((*place, "by"), expected, found=shown(by), hint=closest(by, choices))
        return
    for name in trigger.classes:
        if name not in choices[by]:
            near = closest(name, choices[by])
            yield source.problem((*place, "classes", name), one_of(choices[by]), found=shown(name), hint=near)
    left = [name for name in choices[by] if name not in trigger.classes]
    if left and not trigger.levels:
        expected = Text(
            f"{by} 的每个选项都有一行（还缺 {'、'.join(left)}），不升级的写 []；或用 levels 写其余选项的档",
            f"a line for every choice of {by} (still missing: {', '.join(left)}), [] where nothing is raised; "
            "or levels for the others",
        )
        yield source.problem((*place, "classes"), expected)


def _shape(trigger: Trigger, place: KeyPath, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in a trigger without knowing its layer."""
    warned = trigger.driver == WARNING
    if not any(levels for _, levels in trigger.level_lists()):
        yield source.problem((*place, "levels"), Text("至少一档", "at least one level"))
    if bool(trigger.classes) != (trigger.by is not None):
        expected = Text("by 和 classes 同时写或都不写", "both by and classes, or neither")
        yield source.problem((*place, "by" if trigger.by else "classes"), expected)
    if warned and trigger.by is not None:
        expected = Text("没有 by（预警不分类）", "no by: warnings are not told apart by class")
        yield source.problem((*place, "by"), expected)
    if warned != bool(trigger.kinds):
        expected = (
            Text("至少一种预警，如 ['typhoon']", 'at least one kind of warning, such as ["typhoon"]')
            if warned
            else Text(
                '没有 kinds（只用于 driver = "warning"）', 'no kinds (they belong to driver = "warning")'
            )
        )
        yield source.problem((*place, "kinds"), expected)
    for inner, levels in trigger.level_lists():
        for j, level in enumerate(levels):
            yield from _level(trigger, level, (*place, *inner, j), source)
        yield from _order(trigger, levels, (*place, *inner), source)


def _level(
    trigger: Trigger, level: TriggerLevel, here: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    if trigger.driver == WARNING:
        if level.stated or level.also or level.colour is None:
            expected = Text("colour（预警颜色），没有 from 等限值", "a colour, and no limit")
            yield source.problem(here, expected)
    elif level.colour is not None:
        expected = Text(
            '没有 colour（只用于 driver = "warning"）', 'no colour (it belongs to driver = "warning")'
        )
        yield source.problem((*here, "colour"), expected)
    else:
        yield from _sides(level, trigger.driver, here, source)
    for k, other in enumerate(level.also):
        yield from _sides(other, other.driver, (*here, "also", k), source, free=True)
    if level.tier is None and not trigger.closes:
        yield source.problem((*here, "tier"), one_of(get_args(RaisedTier)))


def _sides(
    limit: Limit, driver: str, here: KeyPath, source: TomlFile, *, free: bool = False
) -> Iterator[CatalogProblem]:
    """Check that one limit is stated; a level's own must lie on the worse side of its driver."""
    lower = trigger_drivers()[driver].worse == "lower"
    allowed = SIDES if free else (SIDES[2:] if lower else SIDES[:2])
    stated = list(limit.stated)
    if len(stated) != 1 or stated[0] not in allowed:
        words = one_of(allowed)
        expected = Text(f"恰好一个限值，{words.zh}", f"exactly one limit, {words.en}")
        yield source.problem(here, expected, found=" + ".join(stated) or "{ }")


def _order(
    trigger: Trigger, levels: tuple[TriggerLevel, ...], here: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Levels stand from the mildest to the worst; with `also` two of them may share a limit."""
    tiers = [get_args(RaisedTier).index(level.tier) if level.tier else -1 for level in levels]
    if trigger.driver == WARNING:
        limits = [float(_COLOURS.index(level.colour)) if level.colour else 0.0 for level in levels]
    else:
        sign = -1.0 if trigger_drivers()[trigger.driver].worse == "lower" else 1.0
        limits = [sign * next(iter(level.stated.values()), 0.0) for level in levels]
    for j in range(1, len(levels)):
        equal = limits[j] == limits[j - 1] and bool(levels[j].also or levels[j - 1].also)
        if tiers[j] <= tiers[j - 1] or not (limits[j] > limits[j - 1] or equal or levels[j].also):
            expected = Text(
                "由轻到重的各档：限值和等级都比上一档更严重",
                "levels from the mildest to the worst: limit and tier both worse than those before",
            )
            yield source.problem((*here, j), expected)
