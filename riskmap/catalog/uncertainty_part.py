"""What must hold of the `[uncertainty]` of a model file, and of the fields that its doubts are about."""

from __future__ import annotations

from collections.abc import Iterator

from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import Indicator, ScoringModel
from riskmap.catalog.problems import TomlFile, closest, one_of
from riskmap.catalog.uncertainty import Doubt
from riskmap.errors import CatalogProblem, Text

_PLACE = ("uncertainty", "indicators")


def uncertainty_problems(model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in the section without knowing the layer."""
    if model.uncertainty is None:
        return
    leaves = {leaf.id: leaf for leaf in model.indicators}
    for key, doubt in model.uncertainty.indicators.items():
        place = (*_PLACE, key)
        if key not in leaves:
            yield source.problem(place, one_of(leaves), found=key, hint=closest(key, leaves))
            continue
        total = doubt.class_up + doubt.class_down
        if total > 1:
            expected = Text("class_up + class_down 不大于 1", "class_up + class_down of at most 1")
            yield source.problem((*place, "class_up"), expected, found=f"{total:g}")
        stated = [key for key in Doubt.model_fields if key in doubt.model_fields_set]
        numbers = [k for k in stated if k.endswith("sd")]
        if not stated or (numbers and len(numbers) < len(stated)):
            expected = Text(
                "class_up、class_down（分档）或 sd、relative_sd（数字），二者取一",
                "class_up, class_down (classes) or sd, relative_sd (numbers), one kind of the two",
            )
            yield source.problem(place, expected, found=" + ".join(stated) or "{ }")
        elif numbers and leaves[key].table is not None:
            expected = Text(
                "class_up、class_down：这个指标用 table 分档，没有测量误差",
                "class_up, class_down: this indicator is a table of classes, not a number",
            )
            yield source.problem((*place, numbers[0]), expected)


def doubts_against_layer(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return doubts that do not fit the fields: classes that nothing lists, errors of what is no number."""
    if model.uncertainty is None:
        return
    leaves = {leaf.id: leaf for leaf in model.indicators}
    for key, doubt in model.uncertainty.indicators.items():
        leaf = leaves[key]
        field = next((f for f in layer.fields if f.id == leaf.field), None)
        if doubt.moves and not listed_values(leaf, field):
            expected = Text(
                f"sd 或 relative_sd：{leaf.field} 没有 table、bands，图层也没有 standard_values",
                f"sd or relative_sd: {leaf.field} has no table or bands, and its field no standard_values",
            )
            yield source.problem((*_PLACE, key, "class_up" if doubt.class_up else "class_down"), expected)
        if (
            doubt.spreads
            and leaf.table is None
            and (field is None or field.type not in {"integer", "number"})
        ):
            expected = Text(
                f"整数或数字字段（{leaf.field} 不是）",
                f"an integer or number field ({leaf.field} is not one)",
            )
            yield source.problem((*_PLACE, key, "sd" if doubt.sd else "relative_sd"), expected)


def listed_values(leaf: Indicator, field: Field | None) -> tuple[float, ...]:
    """Return the numbers that an indicator can give where they form a list of classes, ascending.

    Those of its table or bands, else the standard values of its field: LEC's L → .1, .2, .5 … 10.
    Empty for a free number and for a curve.
    """
    if leaf.table is not None:
        return tuple(sorted(set(leaf.table.values())))
    if leaf.bands:
        return tuple(sorted({value for _, value in leaf.bands}))
    if leaf.curve or field is None:
        return ()
    return tuple(sorted(set(field.standard_values)))
