"""Layers against models: the model exists, and what it scores is what the layer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.measures_part import measures_against_layer
from riskmap.catalog.model import CHECKLIST_PREFIX, Condition, Indicator, ScoringModel
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.uncertainty_part import doubts_against_layer
from riskmap.errors import CatalogProblem, Say

_TRUTH = ("true", "false")


def check_models(
    layers: Mapping[str, Layer],
    layer_files: Mapping[str, TomlFile],
    models: Mapping[str, ScoringModel],
    model_files: Mapping[str, TomlFile],
    *,
    broken: bool,
) -> list[CatalogProblem]:
    """Return every disagreement between layers and their models.

    `broken`: some model file could not be read, so a missing model may only be that one.
    """
    problems: list[CatalogProblem] = []
    for layer in layers.values():
        model = models.get(layer.model)
        if model is not None:
            problems += _check(layer, model, model_files[model.id])
        elif not broken:
            problems.append(
                layer_files[layer.id].problem(
                    ("model",), one_of(sorted(models)), hint=closest(layer.model, models)
                )
            )
    return list(dict.fromkeys(problems))


def _check(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    for node in model.nodes:
        if isinstance(node, Indicator):
            path = _path_of(source, node.id, node.field)
            yield from _check_field(layer, node.field, source, path)
            yield from _check_indicator(layer, node, source, path)
    yield from doubts_against_layer(layer, model, source)
    yield from measures_against_layer(layer, model, source)
    for rule in (*model.rules, *model.measures):
        for condition in rule.when:
            path = _path_of(source, rule.id, condition.field)
            yield from _check_field(layer, condition.field, source, path)
            yield from _check_condition(layer, condition, source, path)


def _check_field(layer: Layer, name: str, source: TomlFile, path: KeyPath) -> Iterator[CatalogProblem]:
    known = _known(layer)
    if name not in known:
        yield source.problem(
            (*path, "field"),
            Say(f"图层 {layer.id} 的字段", f"a field of layer {layer.id}"),
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
            Say(
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


def _check_condition(
    layer: Layer, condition: Condition, source: TomlFile, path: KeyPath
) -> Iterator[CatalogProblem]:
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
    return [*layer.field_ids, *(CHECKLIST_PREFIX + i.id for i in items)]


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
