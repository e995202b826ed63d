"""What must hold in a model file beyond its shape: the graph, the order of numbers, the direction.

Every check reports all it finds. The direction check is what makes "a worse factor never lowers a
score" a property of every model file instead of a hope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

from riskmap.catalog.model import Combination, Condition, Indicator, Node, ScoringModel
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.errors import CatalogProblem, Say

_WEIGHTS_SUM = 1e-9
_ORDERED = frozenset({"<", "<=", ">", ">="})
_MOST_REQUIRED = 60  # missing fields travel as the bits of one integer


def file_problems(model: ScoringModel, source: TomlFile) -> list[CatalogProblem]:
    """Return everything that is wrong inside one model file, without knowing its layer."""
    checks: Sequence[Callable[[ScoringModel, TomlFile], Iterable[CatalogProblem]]] = (
        _names,
        _leaves,
        _inner,
        _limits,
        _conditions,
    )
    found = [problem for check in checks for problem in check(model, source)]
    # Direction and matrix sizes make sense only in a graph that holds together.
    return found or [*_matrix_values(model, source), *_directions(model, source)]


def _path(model: ScoringModel, node: Node) -> tuple[str, int]:
    """Return where the file speaks of a node; `model` is still in file order here."""
    if isinstance(node, Indicator):
        return ("indicators", next(i for i, other in enumerate(model.indicators) if other is node))
    inner = (other for other in model.nodes if isinstance(other, Combination))
    return ("combinations", next(i for i, other in enumerate(inner) if other is node))


def _names(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    ids = [node.id for node in model.nodes]
    for node in model.nodes:
        if next(other for other in model.nodes if other.id == node.id) is not node:
            expected = Say("未用过的标识", "an id not used before")
            yield source.problem((*_path(model, node), "id"), expected)
    if model.score not in ids:
        yield source.problem(("score",), one_of(ids), hint=closest(model.score, ids))
    for node in model.nodes:
        if isinstance(node, Combination):
            for i, child in enumerate(node.of):
                if child not in ids:
                    yield source.problem(
                        (*_path(model, node), "of", i), one_of(ids), hint=closest(child, ids)
                    )
                elif node.of.index(child) != i:
                    once = Say("每个名称只列一次", "each name only once")
                    yield source.problem((*_path(model, node), "of", i), once)
    yield from _cycles(model, source)
    used = _reachable(model)
    if model.score in ids and used is not None:
        for node in model.nodes:
            if node.id not in used:
                expected = Say("参与总分的节点（或删去）", "a node that the score uses (or leave it out)")
                yield source.problem(_path(model, node), expected, found=node.id)
    if len(model.required) > _MOST_REQUIRED:
        most = Say(f"最多 {_MOST_REQUIRED} 个必填字段", f"at most {_MOST_REQUIRED} required fields")
        yield source.problem(("indicators",), most, found=str(len(model.required)))


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
            expected = Say("不绕回自身的组合", "a combination that does not lead back to itself")
            yield source.problem((*_path(model, node), "of"), expected)


def _reachable(model: ScoringModel) -> set[str] | None:
    children = _children(model)
    seen: set[str] = set()
    todo = [model.score]
    while todo:
        key = todo.pop()
        if key not in seen and key in children:
            seen.add(key)
            todo.extend(children[key])
    return seen or None


def _leaves(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    for leaf in model.indicators:
        path = _path(model, leaf)
        kinds = [k for k in ("table", "bands", "curve") if source.at((*path, k)) is not None]
        if len(kinds) > 1:
            one = Say("table、bands、curve 至多一项", "at most one of table, bands, curve")
            yield source.problem((*path, kinds[1]), one, found=" + ".join(kinds))
        yield from _transform(leaf, path, source)
        if kinds and not leaf.source:
            yield source.problem((*path, "source"), Say("数值的出处", "where the numbers come from"))
        if leaf.table is not None:
            yield from _table(leaf, path, source)
        elif isinstance(leaf.reference, (str, bool)):
            yield source.problem(
                (*path, "reference"), Say("数字（没有 table）", "a number (there is no table)")
            )
        if leaf.missing == "worst" and not kinds and leaf.worst is None:
            expected = Say("worst = 缺失时采用的最不利数值", "worst = the number a missing value counts as")
            yield source.problem((*path, "worst"), expected)
        if leaf.worst is not None and (kinds or leaf.missing != "worst"):
            expected = Say(
                '不写：只在 missing = "worst" 且没有 table、bands、curve 时需要',
                'nothing: needed only with missing = "worst" and without table, bands, curve',
            )
            yield source.problem((*path, "worst"), expected)


def _table(leaf: Indicator, path: tuple[str, int], source: TomlFile) -> Iterable[CatalogProblem]:
    keys = list(leaf.table or {})
    if not keys:
        yield source.problem((*path, "table"), Say("至少一项", "at least one entry"))
        return
    if leaf.reference_key not in keys:
        yield source.problem((*path, "reference"), one_of(keys), hint=closest(leaf.reference_key, keys))
    for i, word in enumerate(leaf.unknown):
        if word in keys:
            expected = Say("不在 table 中的选项", "a choice that the table does not hold")
            yield source.problem((*path, "unknown", i), expected)


def _transform(node: Node, path: tuple[str, int], source: TomlFile) -> Iterable[CatalogProblem]:
    bands = source.at((*path, "bands"))
    if isinstance(bands, list):
        yield from _bands(node, cast("list[object]", bands), path, source)
    if source.at((*path, "curve")) is not None:
        knots = node.curve
        if len(knots) < 2 or any(math.isnan(x) for x, _ in knots):  # noqa: PLR2004 - a line has two ends
            yield source.problem((*path, "curve"), Say("至少两个 [x, y]", "at least two pairs [x, y]"))
        elif any(a[0] >= b[0] for a, b in pairwise(knots)):
            yield source.problem((*path, "curve"), Say("x 依次增大", "x in ascending order"))


def _bands(
    node: Node, bands: list[object], path: tuple[str, int], source: TomlFile
) -> Iterable[CatalogProblem]:
    last = len(bands) - 1
    if last < 0:
        yield source.problem((*path, "bands"), Say("至少一档", "at least one band"))
    for i, band in enumerate(bands):
        limits = [k for k in ("below", "upto") if isinstance(band, dict) and k in band]
        if i == last and limits:
            expected = Say("最后一档只写 value，向上不封口", "the last band with value alone, open upwards")
            yield source.problem((*path, "bands", i), expected)
        elif i != last and len(limits) != 1:
            expected = Say("below（不含）或 upto（含）之一", "one of below (exclusive) or upto (inclusive)")
            yield source.problem((*path, "bands", i), expected)
    lower = [edge for edge, _ in node.bands]
    for i, (a, b) in enumerate(pairwise(lower)):
        if not a < b:
            expected = Say("分档界限依次增大", "limits in ascending order")
            yield source.problem((*path, "bands", i), expected)


def _inner(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    for node in model.nodes:
        if not isinstance(node, Combination):
            continue
        path = _path(model, node)
        yield from _transform(node, path, source)
        if node.bands and node.curve:
            one = Say("bands、curve 至多一项", "at most one of bands, curve")
            yield source.problem((*path, "curve"), one, found="bands + curve")
        if (node.bands or node.curve or node.matrix) and not node.source:
            expected = Say("数值的出处", "where the numbers come from")
            yield source.problem((*path, "source"), expected)
        if node.known_only and node.method not in {"max", "min", "mean"}:
            expected = Say("仅用于 max、min、mean", "used only with max, min, mean")
            yield source.problem((*path, "known_only"), expected)
        yield from _weights(node, path, source)
        yield from _matrix(node, path, source)
        if node.method in {"matrix", "quotient"} and len(node.of) < 2:  # noqa: PLR2004 - needs a pair
            yield source.problem((*path, "of"), Say("至少两个节点", "at least two nodes"))


def _weights(node: Combination, path: tuple[str, int], source: TomlFile) -> Iterable[CatalogProblem]:
    if not node.weights:
        return
    if node.method not in {"sum", "mean", "geometric"}:
        yield source.problem(
            (*path, "weights"), Say("仅用于 sum、mean、geometric", "used only with sum, mean, geometric")
        )
    if len(node.weights) != len(node.of):
        n = len(node.of)
        yield source.problem(
            (*path, "weights"), Say(f"{n} 个权重，与 of 对应", f"{n} weights, one for each of `of`")
        )
    if node.method in {"mean", "geometric"}:
        if any(w <= 0 for w in node.weights):
            yield source.problem((*path, "weights"), Say("正数", "positive numbers"))
        if abs(math.fsum(node.weights) - 1) > _WEIGHTS_SUM:
            total = f"Σ = {math.fsum(node.weights):.9g}"
            yield source.problem(
                (*path, "weights"), Say("合计为 1 的权重", "weights that sum to 1"), found=total
            )


def _matrix(node: Combination, path: tuple[str, int], source: TomlFile) -> Iterable[CatalogProblem]:
    if (node.method == "matrix") != bool(node.matrix):
        expected = Say('method = "matrix" 与 matrix 同时写', 'method = "matrix" together with matrix')
        yield source.problem((*path, "matrix"), expected)
        return
    if not node.matrix:
        return
    if len(node.of) != 2:  # noqa: PLR2004 - a matrix has two sides
        yield source.problem((*path, "of"), Say("恰好两个节点", "exactly two nodes"))
    if len({len(row) for row in node.matrix}) != 1 or not node.matrix[0]:
        yield source.problem((*path, "matrix"), Say("各行等长", "rows of one length"))
        return
    columns = list(zip(*node.matrix, strict=True))
    if any(a > b for line in (*node.matrix, *columns) for a, b in pairwise(line)):
        expected = Say("沿行、沿列都不减小的矩阵", "a matrix that never decreases along a row or column")
        yield source.problem((*path, "matrix"), expected)


def _limits(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    major, large, general = (model.limits[t] for t in ("major", "large", "general"))
    if not major > large > general:
        found = f"major {major:g}, large {large:g}, general {general:g}"
        yield source.problem(
            ("limits",), Say("major > large > general", "major > large > general"), found=found
        )


def _conditions(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    ids = [rule.id for rule in model.rules]
    for i, rule in enumerate(model.rules):
        if ids.index(rule.id) != i:
            yield source.problem(("rules", i, "id"), Say("不重复的规则标识", "a rule id used only once"))
        for j, condition in enumerate(rule.when):
            expected = condition_expected(condition)
            if expected is not None:
                yield source.problem(("rules", i, "when", j), expected, found=shown(condition.value))


def condition_expected(condition: Condition) -> Say | None:
    """Return what the value of a condition must be for its operator, None where it is right."""
    op, value = condition.op, condition.value
    if op in {"present", "missing"}:
        return None if value is None else Say("不写 value", "no value")
    if op == "in":
        return None if isinstance(value, tuple) and value else Say("value 为列表", "value as a list")
    if value is None or isinstance(value, tuple):
        return Say("value 为一个值", "one value")
    if op in _ORDERED and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return Say("value 为数字", "value as a number")
    return None


# ----------------------------------------------------------------- order, direction, worst value


def in_order(model: ScoringModel) -> ScoringModel:
    """Return the model with its nodes in evaluation order: a node after everything it uses."""
    nodes = {node.id: node for node in model.nodes}
    done: dict[str, Node] = {}

    def visit(key: str) -> None:
        node = nodes[key]
        for child in node.of if isinstance(node, Combination) else ():
            if child not in done:
                visit(child)
        done[key] = node

    for key in nodes:
        if key not in done:
            visit(key)
    return replace(model, nodes=tuple(done.values()))


def values_of(node: Node) -> tuple[float, ...]:
    """Return the numbers that a node's table, bands, curve or matrix can give, in file order."""
    if isinstance(node, Indicator) and node.table is not None:
        return tuple(node.table.values())
    steps = node.bands or node.curve
    if steps:
        return tuple(value for _, value in steps)
    return tuple(v for row in node.matrix for v in row) if isinstance(node, Combination) else ()


def _slope(node: Node) -> int:
    """Return +1, −1 or 0 (both ways) for how the node's bands or curve turn its input."""
    values = [value for _, value in node.bands or node.curve]
    if all(a <= b for a, b in pairwise(values)):
        return 1
    return -1 if all(a >= b for a, b in pairwise(values)) else 0


def polarities(model: ScoringModel) -> dict[str, set[int]]:
    """Return how each node moves the score: {+1}, {−1}, both, or empty where it is not used.

    The sign of a leaf is that of its number, after its own table, bands or curve.
    """
    signs: dict[str, set[int]] = {node.id: set() for node in model.nodes}
    signs[model.score].add(1)
    for node in reversed(in_order(model).nodes):
        if not isinstance(node, Combination):
            continue
        slope = _slope(node)
        for i, child in enumerate(node.of):
            sign = 1
            if node.method == "quotient":
                sign = 1 if i == 0 else -1
            elif node.method == "sum" and node.weights:
                sign = -1 if node.weights[i] < 0 else 1
            signs[child] |= {s * sign * slope for s in signs[node.id]}
    return signs


def _matrix_values(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    for node in model.nodes:
        if not isinstance(node, Combination) or not node.matrix:
            continue
        for child, size in zip(node.of, (len(node.matrix), len(node.matrix[0])), strict=True):
            odd = [v for v in values_of(model.node(child)) if v != int(v) or not 1 <= v <= size]
            if odd:
                expected = Say(
                    f"{child} 只取 1 到 {size} 的整数", f"{child} giving whole numbers from 1 to {size}"
                )
                yield source.problem((*_path(model, node), "matrix"), expected, found=f"{child} = {odd[0]:g}")


def _directions(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    signs = polarities(model)
    for node in model.nodes:
        turns = _slope(node) if node.bands or node.curve else 1
        if turns == 0:
            expected = Say("只增或只减的 value", "values that only rise or only fall")
            yield source.problem((*_path(model, node), "bands" if node.bands else "curve"), expected)
        elif len(signs[node.id] - {0}) > 1:
            expected = Say("只朝一个方向影响总分", "one direction in which it moves the score")
            yield source.problem(_path(model, node), expected, found=node.id)
        elif isinstance(node, Indicator) and node.table is None and signs[node.id] <= {1, -1}:
            rises = all(sign * turns > 0 for sign in signs[node.id])
            if rises != (node.worse == "higher"):
                word = "higher" if rises else "lower"
                expected = Say(
                    f"与数值方向一致：这里字段{'越大' if rises else '越小'}得分越高",
                    f'worse = "{word}", as the numbers say, or numbers that turn the other way',
                )
                yield source.problem((*_path(model, node), "worse"), expected, found=node.worse)


def with_worst(model: ScoringModel) -> ScoringModel:
    """Return the model with the worst number filled in for leaves whose missing value counts as it."""
    signs = polarities(model)

    def filled(node: Node) -> Node:
        if not isinstance(node, Indicator) or node.missing != "worst" or node.worst is not None:
            return node
        worst = max if signs[node.id] == {1} else min
        return replace(node, worst=worst(values_of(node)))

    return replace(model, nodes=tuple(filled(node) for node in model.nodes))
