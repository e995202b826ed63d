"""The order in which nodes are computed, the numbers that they can give, and the direction of each.

The direction check is what makes "a worse factor never lowers a score" a property of every model
file instead of a hope.
"""

from __future__ import annotations

from collections.abc import Iterable

from riskmap.catalog.model import Combination, Indicator, Node, Prediction, ScoringModel, rises
from riskmap.catalog.problems import TomlFile
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text
from riskmap.formulas.domain import round_decimals


def path_of(model: ScoringModel, node: Node) -> KeyPath:
    """Return where the file speaks of a node; `model` is still in file order here."""
    if isinstance(node, Indicator):
        owner, _, predictor = node.id.partition(".")
        if predictor:
            return (*path_of(model, model.node(owner)), "inputs", predictor)
        stated = (leaf for leaf in model.indicators if "." not in leaf.id)
        return ("indicators", next(i for i, other in enumerate(stated) if other is node))
    learned = isinstance(node, Prediction)
    same = (n for n in model.nodes if isinstance(n, Combination) and isinstance(n, Prediction) == learned)
    return (
        "learned" if learned else "combinations",
        next(i for i, other in enumerate(same) if other is node),
    )


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
    return model.model_copy(update={"nodes": tuple(done.values())})


def values_of(node: Node) -> tuple[float, ...]:
    """Return the numbers that a node's table, bands, curve or matrix can give, in file order.

    For a normalised node the two ends of its range, () where it may go beyond them.
    """
    values = _before_rounding(node)
    if node.round is None or not values:
        return values
    return tuple(round_decimals(values, node.round, how=node.rounding).tolist())


def _before_rounding(node: Node) -> tuple[float, ...]:
    if node.normalise is not None:
        return (node.normalise.low, node.normalise.high) if node.normalise.clip else ()
    if isinstance(node, Indicator) and node.table is not None:
        return tuple(node.table.values())
    steps = node.bands or node.curve
    if steps:
        return tuple(value for _, value in steps)
    return tuple(v for row in node.matrix for v in row) if isinstance(node, Combination) else ()


def _slope(node: Node) -> int:
    """Return +1, −1 or 0 (both ways) for how the node's steps turn its input."""
    return rises(node.bands or node.curve) * (-1 if node.flip else 1)


def polarities(model: ScoringModel) -> dict[str, set[int]]:
    """Return how each node moves the score: {+1}, {−1}, both, or empty where it is not used.

    The sign of a leaf is that of its number, after its own steps. What feeds a learned node has the
    sign 0: the artefact decides, and nobody has promised that it goes one way. So has a parameter of
    a formula that pulls both ways.
    """
    signs = _pulls(model, {model.score})
    # A part beside the score has a direction of its own: higher is worse. What the score uses follows the score.
    beside = _pulls(model, {node.id for node in model.parts if not signs[node.id]})
    return {key: found or beside[key] for key, found in signs.items()}


def _pulls(model: ScoringModel, tops: set[str]) -> dict[str, set[int]]:
    signs: dict[str, set[int]] = {node.id: {1} if node.id in tops else set() for node in model.nodes}
    for node in reversed(in_order(model).nodes):
        if not isinstance(node, Combination):
            continue
        slope = _slope(node)
        for i, child in enumerate(node.of):
            sign = 0 if isinstance(node, Prediction) else node.way.polarity(node, i)
            signs[child] |= {s * sign * slope for s in signs[node.id]}
    return signs


def matrix_problems(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return the nodes that give a matrix something else than its rows and columns."""
    for node in model.nodes:
        if not isinstance(node, Combination) or not node.matrix:
            continue
        for child, size in zip(node.of, (len(node.matrix), len(node.matrix[0])), strict=True):
            below = model.node(child)
            odd = [v for v in values_of(below) if v != int(v) or not 1 <= v <= size]
            if not odd and below.round != 0 and (below.normalise or below.curve):
                odd = [min(values_of(below), default=1.0) + 0.5]  # what lies between the ends
            if odd:
                expected = Text(
                    f"{child} 只取 1 到 {size} 的整数", f"{child} giving whole numbers from 1 to {size}"
                )
                yield source.problem(
                    (*path_of(model, node), "matrix"), expected, found=f"{child} = {odd[0]:g}"
                )


def direction_problems(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return the nodes that pull a score both ways, or another way than the file says."""
    signs = polarities(model)
    for node in model.nodes:
        turns = _slope(node)
        if turns == 0:
            expected = Text("只增或只减的 value", "values that only rise or only fall")
            yield source.problem((*path_of(model, node), "bands" if node.bands else "curve"), expected)
        elif 0 in signs[node.id] and isinstance(node, Indicator) and node.missing == "worst":
            expected = Text(
                '"unrated" 或 "value"：这个参数没有一定的方向，说不出哪个值最不利',
                '"unrated" or "value": this parameter pulls both ways, so no value is the worst',
            )
            yield source.problem((*path_of(model, node), "missing"), expected)
        elif len(signs[node.id] - {0}) > 1:
            expected = Text("只朝一个方向影响总分", "one direction in which it moves the score")
            yield source.problem(path_of(model, node), expected, found=node.id)
        elif isinstance(node, Indicator) and node.normalise is not None and signs[node.id] == {-1}:
            expected = Text(
                "归一化后“越高越不利”的用法（这里却使总分降低）；若要反向，请改 worse",
                "a use in which a higher normalised number is worse (here it lowers the score); to turn it, change worse",
            )
            yield source.problem((*path_of(model, node), "normalise"), expected)
        elif isinstance(node, Indicator) and node.table is None and signs[node.id] <= {1, -1}:
            higher = all(sign * turns > 0 for sign in signs[node.id])
            if higher != (node.worse == "higher"):
                word = "higher" if higher else "lower"
                expected = Text(
                    f"与数值方向一致：这里字段{'越大' if higher else '越小'}得分越高",
                    f'worse = "{word}", as the numbers say, or numbers that turn the other way',
                )
                yield source.problem((*path_of(model, node), "worse"), expected, found=node.worse)


def with_worst(model: ScoringModel) -> ScoringModel:
    """Return the model with the worst number filled in for leaves whose missing value counts as it."""
    signs = polarities(model)

    def filled(node: Node) -> Node:
        if not isinstance(node, Indicator) or node.missing != "worst" or node.worst is not None:
            return node
        worst = max if signs[node.id] == {1} else min
        return node.model_copy(update={"worst": worst(values_of(node))})

    return model.model_copy(update={"nodes": tuple(filled(node) for node in model.nodes)})
