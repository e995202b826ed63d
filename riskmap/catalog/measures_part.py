"""Reading the `[[measures]]` of a model file, and every mistake in them at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

from pydantic import Field as Key

from riskmap.catalog.decision_checks import condition_expected
from riskmap.catalog.layer import Layer
from riskmap.catalog.measures import Measure
from riskmap.catalog.model import Condition, ScoringModel, Status
from riskmap.catalog.problems import Part, Slug, TitlePart, TomlFile, Words, closest, shown
from riskmap.errors import CatalogProblem, Say

_PAIR = 2
_MOST_DAYS = 36_525


class EvidencePart(Part):
    """A condition of a measure. There is no `missing`: what is not known is no evidence."""

    field: Words
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "present"]
    value: bool | float | str | list[bool | float | str] | None = None

    def condition(self) -> Condition:
        """Return the condition as the value that travels."""
        value = tuple(self.value) if isinstance(self.value, list) else self.value
        return Condition(self.field, self.op, value)


class EffectPart(Part):
    """`{ factor = 0.5 }` on the score, or `{ tiers = 1 }`."""

    factor: float | None = Key(default=None, gt=0, le=1)
    tiers: int | None = Key(default=None, ge=1, le=3)


class MeasurePart(Part):
    """One of [[measures]]."""

    id: Slug
    title: TitlePart
    when: list[EvidencePart] = Key(min_length=1)
    exceeds: list[list[Words]] = Key(default_factory=list[list[str]])
    verified: Words
    valid_days: int | None = Key(default=None, ge=0, le=_MOST_DAYS)
    expires: Words | None = None
    effect: EffectPart
    floor: Literal["large", "general", "low"]
    rules: bool = False
    status: Status
    source: str = Key(min_length=1, max_length=600)

    def value(self) -> Measure:
        """Return the measure as the value that travels."""
        return Measure(
            id=self.id,
            title=self.title.say(),
            when=tuple(part.condition() for part in self.when),
            exceeds=tuple((pair[0], pair[-1]) for pair in self.exceeds if pair),
            verified=self.verified,
            valid_days=self.valid_days,
            expires=self.expires,
            factor=1.0 if self.effect.factor is None else self.effect.factor,
            tiers=self.effect.tiers or 0,
            floor=self.floor,
            rules=self.rules,
            source=self.source,
            status=self.status,
        )


def measure_problems(model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in the measures without knowing the layer."""
    ids = [measure.id for measure in model.measures]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        if ids.index(measure.id) != i:
            yield source.problem((*place, "id"), Say("不重复的措施标识", "a measure id used only once"))
        if (measure.valid_days is None) == (measure.expires is None):
            found = "—" if measure.expires is None else "valid_days + expires"
            expected = Say("valid_days 或 expires，恰好一项", "exactly one of valid_days and expires")
            yield source.problem((*place, "valid_days"), expected, found=found)
        effect = source.at((*place, "effect"))
        stated = list(cast("dict[str, object]", effect)) if isinstance(effect, dict) else []
        if len(stated) != 1:
            expected = Say("factor 或 tiers，恰好一项", "exactly one of factor and tiers")
            yield source.problem((*place, "effect"), expected, found=" + ".join(stated) or "{ }")
        if measure.rules and not measure.tiers:
            expected = Say(
                "tiers：直接判定的等级没有分值，factor 对它不起作用",
                "tiers: a tier that a rule set has no score for a factor to act on",
            )
            yield source.problem((*place, "rules"), expected)
        for j, condition in enumerate(measure.when):
            expected = condition_expected(condition)
            if expected is not None:
                yield source.problem((*place, "when", j), expected, found=shown(condition.value))
        pairs = source.at((*place, "exceeds"))
        for j, pair in enumerate(cast("list[object]", pairs) if isinstance(pairs, list) else []):
            if not isinstance(pair, list) or len(cast("list[object]", pair)) != _PAIR:
                expected = Say('一对字段 ["大的", "小的"]', 'a pair of fields ["greater", "smaller"]')
                yield source.problem((*place, "exceeds", j), expected, found=shown(cast("object", pair)))


def measures_against_layer(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return the dates and numbers of measures that the layer does not have."""
    dates = [f.id for f in layer.fields if f.type == "date"]
    numbers = [f.id for f in layer.fields if f.type in {"integer", "number"}]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        for key, name in (("verified", measure.verified), ("expires", measure.expires)):
            if name is not None and name not in dates:
                expected = Say(f"图层 {layer.id} 的日期字段", f"a date field of layer {layer.id}")
                yield source.problem((*place, key), expected, found=shown(name), hint=closest(name, dates))
        for j, pair in enumerate(measure.exceeds):
            for k, name in enumerate(pair):
                if name not in numbers:
                    expected = Say(f"图层 {layer.id} 的数字字段", f"a number field of layer {layer.id}")
                    near = closest(name, numbers)
                    yield source.problem((*place, "exceeds", j, k), expected, found=shown(name), hint=near)
