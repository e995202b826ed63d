"""Triggers against their layer: the fields they read are there, and the classes are its choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from riskmap.catalog.cross_checks import check_condition, check_field
from riskmap.catalog.decision_checks import condition_expected
from riskmap.catalog.layer import Layer
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.triggers_part import TriggerPart, shape_problems
from riskmap.errors import CatalogProblem, Say


def trigger_problems(
    layer: Layer, parts: Sequence[TriggerPart], source: TomlFile
) -> Iterator[CatalogProblem]:
    """Return every mistake in the triggers of a layer file that their types do not show."""
    ids = [part.id for part in parts]
    for i, part in enumerate(parts):
        place: KeyPath = ("triggers", i)
        if ids.index(part.id) != i:
            yield source.problem((*place, "id"), Say("不重复的触发条件标识", "a trigger id used only once"))
        yield from shape_problems(part, place, source)
        for j, one in enumerate(part.when):
            here, condition = (*place, "when", j), one.condition()
            yield from check_field(layer, condition.field, source, (*here, "field"))
            yield from check_condition(layer, condition, source, here)
            expected = condition_expected(condition)
            if expected is not None:
                yield source.problem(here, expected, found=shown(condition.value))
        if part.by is not None:
            yield from _classes(layer, part, part.by, place, source)


def _classes(
    layer: Layer, part: TriggerPart, by: str, place: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Check that `by` is a choice of the layer, its classes are choices, and none is left without levels."""
    choices = {f.id: [c.id for c in f.choices] for f in layer.fields if f.type == "choice"}
    if by not in choices:
        expected = Say(f"图层 {layer.id} 的选项字段", f"a choice field of layer {layer.id}")
        yield source.problem((*place, "by"), expected, found=shown(by), hint=closest(by, choices))
        return
    for name in part.classes:
        if name not in choices[by]:
            near = closest(name, choices[by])
            yield source.problem((*place, "classes", name), one_of(choices[by]), found=shown(name), hint=near)
    left = [name for name in choices[by] if name not in part.classes]
    if left and not part.levels:
        expected = Say(
            f"{by} 的每个选项都有一行（还缺 {'、'.join(left)}），不升级的写 []；或用 levels 写其余选项的档",
            f"a line for every choice of {by} (still missing: {', '.join(left)}), [] where nothing is raised; "
            "or levels for the others",
        )
        yield source.problem((*place, "classes"), expected)
