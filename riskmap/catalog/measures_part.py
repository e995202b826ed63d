"""What must hold of the `[[measures]]` of a model file, and of the fields of the layer that they read."""

from __future__ import annotations

from collections.abc import Iterator

from riskmap.catalog.decision_checks import condition_problems
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import ScoringModel
from riskmap.catalog.problems import TomlFile, closest, shown
from riskmap.errors import CatalogProblem, Text

_PAIR = 2


def measure_problems(model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in the measures without knowing the layer."""
    ids = [measure.id for measure in model.measures]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        if ids.index(measure.id) != i:
            yield source.problem((*place, "id"), Text("不重复的措施标识", "a measure id used only once"))
        if (measure.valid_days is None) == (measure.expires is None):
            found = "—" if measure.expires is None else "valid_days + expires"
            expected = Text("valid_days 或 expires，恰好一项", "exactly one of valid_days and expires")
            yield source.problem((*place, "valid_days"), expected, found=found)
        stated = sorted(measure.effect.model_fields_set)
        if len(stated) != 1:
            expected = Text("factor 或 tiers，恰好一项", "exactly one of factor and tiers")
            yield source.problem((*place, "effect"), expected, found=" + ".join(stated) or "{ }")
        if measure.rules and not measure.effect.tiers:
            expected = Text(
                "tiers：直接判定的等级没有分值，factor 对它不起作用",
                "tiers: a tier that a rule set has no score for a factor to act on",
            )
            yield source.problem((*place, "rules"), expected)
        for j, condition in enumerate(measure.when):
            yield from condition_problems(condition, (*place, "when", j), source)
        for j, pair in enumerate(measure.exceeds):
            if len(pair) != _PAIR:
                expected = Text('一对字段 ["大的", "小的"]', 'a pair of fields ["greater", "smaller"]')
                yield source.problem((*place, "exceeds", j), expected)


def measures_against_layer(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return the dates and numbers of measures that the layer does not have."""
    dates = [f.id for f in layer.fields if f.type == "date"]
    numbers = [f.id for f in layer.fields if f.type in {"integer", "number"}]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        for key, name in (("verified", measure.verified), ("expires", measure.expires)):
            if name is not None and name not in dates:
                expected = Text(f"图层 {layer.id} 的日期字段", f"a date field of layer {layer.id}")
                yield source.problem((*place, key), expected, found=shown(name), hint=closest(name, dates))
        for j, pair in enumerate(measure.exceeds):
            for k, name in enumerate(pair):
                if name not in numbers:
                    expected = Text(f"图层 {layer.id} 的数字字段", f"a number field of layer {layer.id}")
                    near = closest(name, numbers)
                    yield source.problem((*place, "exceeds", j, k), expected, found=shown(name), hint=near)
