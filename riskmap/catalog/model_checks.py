"""What must hold in a model file beyond its shape: the graph, the order of numbers, the direction.

Every check reports all it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from riskmap.catalog.decision_checks import decision_problems, gate_directions
from riskmap.catalog.model import Combination, Indicator, Prediction, ScoringModel
from riskmap.catalog.model_direction import (
    direction_problems,
    in_order,
    matrix_problems,
    path_of,
    polarities,
    values_of,
    with_worst,
)
from riskmap.catalog.model_sources import statements_of
from riskmap.catalog.model_weights import weight_problems
from riskmap.catalog.node_checks import (
    formula_problems,
    learned_problems,
    method_problems,
    missing_problems,
    step_problems,
)
from riskmap.catalog.problems import TomlFile, closest, one_of
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text
from riskmap.formulas.methods import named

__all__ = [
    "file_problems",
    "in_order",
    "polarities",
    "values_of",
    "with_worst",
]

_MOST_FIELDS = 120


def file_problems(model: ScoringModel, source: TomlFile) -> list[CatalogProblem]:
    """Return everything that is wrong inside one model file, without knowing its layer."""
    checks: Sequence[Callable[[ScoringModel, TomlFile], Iterable[CatalogProblem]]] = (
        _names,
        _leaves,
        _inner,
        _limits,
        _statements,
        decision_problems,
    )
    found = [problem for check in checks for problem in check(model, source)]
    # Direction and matrix sizes make sense only in a graph that holds together.
    return found or [
        *matrix_problems(model, source),
        *direction_problems(model, source),
        *gate_directions(model, source),
    ]


def _names(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    ids = [node.id for node in model.nodes]
    seen: set[str] = set()
    for node in model.nodes:
        if node.id in seen and "." not in node.id:
            expected = Text("未用过的标识", "an id not used before")
            yield source.problem((*path_of(model, node), "id"), expected)
        seen.add(node.id)
    if model.score not in ids:
        yield source.problem(("score",), one_of(ids), hint=closest(model.score, ids))
    for node in model.nodes:
        if isinstance(node, Combination):
            for i, child in enumerate(node.of):
                if child not in ids:
                    here: KeyPath = ("of", i)
                    if node.method == "formula":
                        here = ("inputs", tuple(node.inputs)[i])
                    yield source.problem(
                        (*path_of(model, node), *here), one_of(ids), hint=closest(child, ids)
                    )
                elif node.of.index(child) != i:
                    once = Text("每个名称只列一次", "each name only once")
                    yield source.problem((*path_of(model, node), "of", i), once)
    yield from _cycles(model, source)
    used = _reachable(model)
    if model.score in ids and used is not None:
        for node in model.nodes:
            if node.id not in used and "." not in node.id:
                expected = Text(
                    "参与总分的节点（或删去，或写 part = true）",
                    "a node that the score uses (or leave it out, or say part = true)",
                )
                yield source.problem(path_of(model, node), expected, found=node.id)
    if len(model.fields) > _MOST_FIELDS:
        most = Text(f"最多 {_MOST_FIELDS} 个字段", f"at most {_MOST_FIELDS} fields")
        yield source.problem(("indicators",), most, found=str(len(model.fields)))
    if not model.indicators:
        expected = Text(
            "至少一个 [[indicators]] 或 [[learned]]", "at least one of [[indicators]], [[learned]]"
        )
        yield source.problem(("indicators",), expected)


def _children(model: ScoringModel) -> dict[str, tuple[str, ...]]:
    return {node.id: node.of if isinstance(node, Combination) else () for node in model.nodes}


def _cycles(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    children = _children(model)
    resolved: set[str] = set()
    while True:
        ready = {
            k
            for k, of in children.items()
            if k not in resolved and all(c in resolved or c not in children for c in of)
        }
        if not ready:
            break
        resolved |= ready
    for node in model.nodes:
        if node.id not in resolved:
            expected = Text("不绕回自身的组合", "a combination that does not lead back to itself")
            yield source.problem((*path_of(model, node), "of"), expected)


def _reachable(model: ScoringModel) -> set[str] | None:
    children = _children(model)
    seen: set[str] = set()
    todo = [model.score, *(node.id for node in model.parts)]
    while todo:
        key = todo.pop()
        if key not in seen and key in children:
            seen.add(key)
            todo.extend(children[key])
    return seen or None


def _leaves(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    for leaf in model.indicators:
        if "." in leaf.id:
            continue  # an input of a learned node, reported with it
        path = path_of(model, leaf)
        kinds = [k for k in ("table", "bands", "curve") if source.at((*path, k)) is not None]
        if len(kinds) > 1:
            one = Text("table、bands、curve 至多一项", "at most one of table, bands, curve")
            yield source.problem((*path, kinds[1]), one, found=" + ".join(kinds))
        yield from step_problems(leaf, path, source)
        if (kinds or leaf.normalise or leaf.missing == "value") and source.at((*path, "source")) is None:
            yield source.problem((*path, "source"), Text("数值的出处", "where the numbers come from"))
        if leaf.table is not None:
            yield from _table(leaf, path, source)
        elif isinstance(leaf.reference, (str, bool)):
            yield source.problem(
                (*path, "reference"), Text("数字（没有 table）", "a number (there is no table)")
            )
        yield from missing_problems(leaf, path, source)


def _statements(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    """What is adopted has a source for every number, and only what is adopted says by whom."""
    if model.adopted and model.status != "adopted":
        yield source.problem(("adopted",), Text('status = "adopted"', 'status = "adopted"'))
    for part in statements_of(source.data).parts.values():
        if not part.source and part.source is not None and "adopted" in (model.status, part.status):
            expected = Text(
                "数值的出处（已采用的都要有；没有的先用 draft）",
                "where the numbers come from (all that is adopted says it; draft until then)",
            )
            yield source.problem((*part.path, "source"), expected)


def _table(leaf: Indicator, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    keys = list(leaf.table or {})
    if not keys:
        yield source.problem((*path, "table"), Text("至少一项", "at least one entry"))
        return
    if leaf.reference_key not in keys:
        yield source.problem((*path, "reference"), one_of(keys), hint=closest(leaf.reference_key, keys))
    for i, word in enumerate(leaf.unknown):
        if word in keys:
            expected = Text("不在 table 中的选项", "a choice that the table does not hold")
            yield source.problem((*path, "unknown", i), expected)


def _inner(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    for node in model.nodes:
        if not isinstance(node, Combination):
            continue
        path = path_of(model, node)
        yield from step_problems(node, path, source)
        if node.bands and node.curve:
            one = Text("bands、curve 至多一项", "at most one of bands, curve")
            yield source.problem((*path, "curve"), one, found="bands + curve")
        if isinstance(node, Prediction):
            yield from learned_problems(node, path, source)
            continue
        if (node.bands or node.curve or node.matrix or node.normalise) and source.at(
            (*path, "source")
        ) is None:
            expected = Text("数值的出处", "where the numbers come from")
            yield source.problem((*path, "source"), expected)
        if node.known_only and not node.way.known_only:
            names = named(lambda method: method.known_only)
            expected = Text(f"仅用于 {names}", f"used only with {names}")
            yield source.problem((*path, "known_only"), expected)
        yield from weight_problems(node, path, source)
        yield from method_problems(node, path, source)
        yield from formula_problems(node, path, source)
        yield from _matrix(node, path, source)
        least = node.way.parts_at_least
        if len(node.of) < least > 1:
            yield source.problem((*path, "of"), Text(f"至少 {least} 个节点", f"at least {least} nodes"))


def _matrix(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    if not node.matrix or "matrix" not in node.way.keys:
        return
    if len(node.of) != 2:  # noqa: PLR2004 - a matrix has two sides
        yield source.problem((*path, "of"), Text("恰好两个节点", "exactly two nodes"))
    if len({len(row) for row in node.matrix}) != 1 or not node.matrix[0]:
        yield source.problem((*path, "matrix"), Text("各行等长", "rows of one length"))
        return
    columns = list(zip(*node.matrix, strict=True))
    if any(a > b for line in (*node.matrix, *columns) for a, b in pairwise(line)):
        expected = Text("沿行、沿列都不减小的矩阵", "a matrix that never decreases along a row or column")
        yield source.problem((*path, "matrix"), expected)


def _limits(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    major, large, general = (model.limits.lower[t] for t in ("major", "large", "general"))
    if not major > large > general:
        found = f"major {major:g}, large {large:g}, general {general:g}"
        yield source.problem(
            ("limits",), Text("major > large > general", "major > large > general"), found=found
        )
