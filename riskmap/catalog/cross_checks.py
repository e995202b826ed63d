"""Layers against models: the model exists, and what it scores is what the layer has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from riskmap.catalog.decision_checks import measures_against_layer
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, Condition, Indicator, ScoringModel
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.uncertainty_part import doubts_against_layer
from riskmap.errors import CatalogProblem, Text

_TRUTH = ("true", "false")


def model_faults(
    layers: Mapping[str, Layer],
    layer_files: Mapping[str, TomlFile],
    models: Mapping[str, ScoringModel],
    model_files: Mapping[str, TomlFile],
    broken: Collection[str],
) -> Iterator[tuple[str, str, tuple[CatalogProblem, ...]]]:
    """Yield (layer id, model id, problems) wherever a layer and its model disagree.

    `broken` holds the ids of models that could not be read: their own mistakes are told already.
    """
    for layer in layers.values():
        if layer.model is None:
            continue
        model = models.get(layer.model)
        if model is not None:
            problems = tuple(dict.fromkeys(model_problems(layer, model, model_files[model.id])))
        elif layer.model in broken:
            continue
        else:
            known, hint = one_of(sorted(models)), closest(layer.model, models)
            problems = (layer_files[layer.id].problem(("model",), known, hint=hint),)
        if problems:
            yield layer.id, layer.model, problems


def model_problems(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return every field, choice and limit of a model that its layer does not have."""
    for node in model.nodes:
        if isinstance(node, Indicator) and "." in node.id:
            yield from _check_input(layer, node, source)
        elif isinstance(node, Indicator):
            path = _path_of(source, node.id, node.field)
            yield from check_field(layer, node.field, source, (*path, "field"))
            yield from _check_indicator(layer, node, source, path)
            yield from _check_imputed(layer, node, source, path)
    yield from doubts_against_layer(layer, model, source)
    yield from measures_against_layer(layer, model, source)
    for decision in (*model.rules, *model.gates, *model.measures):
        for condition in decision.when:
            if condition.field:
                path = _path_of(source, decision.id, condition.field)
                yield from check_field(layer, condition.field, source, (*path, "field"))
                yield from check_condition(layer, condition, source, path)


def _check_input(layer: Layer, leaf: Indicator, source: TomlFile) -> Iterator[CatalogProblem]:
    """Check a leaf that feeds a learned node: an artefact predicts from numbers."""
    owner, _, predictor = leaf.id.partition(".")
    place = next(p for p, table in source.tables("learned") if table.get("id") == owner)
    path = (*place, "inputs", predictor)
    yield from check_field(layer, leaf.field, source, path)
    field = _field(layer, leaf.field)
    if field is not None and field.type not in {"integer", "number", "boolean"}:
        yield source.problem(
            path, Text("整数、数字或是否字段", "an integer, number or boolean field"), found=shown(leaf.field)
        )


def _check_imputed(
    layer: Layer, leaf: Indicator, source: TomlFile, path: KeyPath
) -> Iterator[CatalogProblem]:
    """Check that what stands for an unknown number is not the best one that the field can have."""
    field, value = _field(layer, leaf.field), leaf.missing_value
    if field is None or isinstance(value, (bool, str)) or value is None:
        return
    best = field.minimum if leaf.worse == "higher" else field.maximum
    if best is not None and (value <= best if leaf.worse == "higher" else value >= best):
        yield source.problem(
            (*path, "missing_value"),
            Text(
                f"比字段最有利的值 {best:g} 差的值：未知不等于安全",
                f"something worse than {best:g}, the field's least bad value: an unknown is never the safest",
            ),
        )


def check_field(layer: Layer, name: str, source: TomlFile, path: KeyPath) -> Iterator[CatalogProblem]:
    """Return a problem where the layer has no such field or checklist item."""
    known = _known(layer)
    if name not in known:
        yield source.problem(
            path,
            Text(f"图层 {layer.id} 的字段", f"a field of layer {layer.id}"),
            found=shown(name),
            hint=closest(name, known),
        )


def _check_indicator(
    layer: Layer, node: Indicator, source: TomlFile, path: KeyPath
) -> Iterator[CatalogProblem]:
    field = _field(layer, node.field)
    if field is None and not node.field.startswith(CHECKLIST_PREFIX):
        return
    if (node.bands or node.curve) and (field is None or field.type not in {"integer", "number"}):
        yield source.problem(
            (*path, "bands" if node.bands else "curve"),
            Text(
                f"整数或数字字段（{node.field} 不是）",
                f"an integer or number field ({node.field} is not one)",
            ),
        )
    words = _words(field)
    stated: list[tuple[str, str | int, str]] = [("table", word, word) for word in node.table or {}]
    stated += [("unknown", index, word) for index, word in enumerate(node.unknown)]
    for key, place, word in stated:
        if words and word not in words:
            near = closest(word, words)
            yield source.problem((*path, key, place), one_of(words), found=shown(word), hint=near)


def check_condition(
    layer: Layer, condition: Condition, source: TomlFile, path: KeyPath
) -> Iterator[CatalogProblem]:
    """Return the words of a condition that are no choices of its field."""
    field = _field(layer, condition.field)
    if field is None or field.type != "choice" or field.open or condition.op not in {"==", "!=", "in"}:
        return
    words = _words(field)
    value = condition.value
    for word in cast("list[object]", list(value)) if isinstance(value, (list, tuple)) else [value]:  # pyright: ignore[reportUnknownArgumentType]
        if word not in words:
            yield source.problem(
                (*path, "value"), one_of(words), found=shown(word), hint=closest(str(word), words)
            )


def _known(layer: Layer) -> list[str]:
    items = layer.checklist.items if layer.checklist else ()
    # Nothing that scores, raises or refuses reads what is told of an item beside its mark: it hangs on the day.
    plain = (field.id for field in layer.fields if not field.item)
    return [*plain, *(CHECKLIST_PREFIX + i.id for i in items)]


def _field(layer: Layer, name: str) -> Field | None:
    return next((f for f in layer.fields if f.id == name), None)


def _words(field: Field | None) -> tuple[str, ...]:
    """Return what a table may name; empty where the field's values are not a closed list."""
    if field is None or field.type == "boolean":
        return _TRUTH
    if field.type == "choice" and not field.open:
        return tuple(c.id for c in field.choices)
    return ()


def _path_of(source: TomlFile, owner: str, field: str) -> KeyPath:
    """Return where a model file speaks of a field inside the node or rule with this id."""
    for path, table in _tables(source.data, ()):
        if table.get("id") == owner or owner in path:
            inner = [p for p, t in _tables(table, path) if t.get("field") == field]
            if inner:
                return inner[0]
    return ()


def _tables(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        yield path, table
        for key, inner in table.items():
            yield from _tables(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(cast("list[Any]", value)):
            yield from _tables(inner, (*path, i))
