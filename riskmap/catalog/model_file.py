"""Reading `models/*.toml`: from the shape of the file to the values that score, every mistake at once.

What a model may say is described for its authors in docs/models.md.

What must hold in a model file beyond its shape: the graph, the order of numbers, the direction.
What must hold of the steps of a node: bands, curve, normalising, rounding, what is missing.
Weights of a combination: stated, compared in pairs (AHP), or fitted; and what must hold of them.

Every check reports all it finds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, cast

import numpy as np

from riskmap.catalog.decision_checks import decision_problems, gate_directions, measure_problems
from riskmap.catalog.model import (
    Combination,
    Indicator,
    ModelFile,
    ModelHead,
    Node,
    Prediction,
    ScoringModel,
    rises,
    table_key,
)
from riskmap.catalog.model_direction import (
    direction_problems,
    in_order,
    matrix_problems,
    path_of,
    values_of,
    with_worst,
)
from riskmap.catalog.model_sources import statements_of
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.uncertainty_part import uncertainty_problems
from riskmap.errors import CatalogError, CatalogProblem, FormulaError, Text
from riskmap.formulas.composite import ahp_weights
from riskmap.formulas.domain import along_curve, through_bands
from riskmap.formulas.methods import Key as MethodKey
from riskmap.formulas.methods import Method, methods, named
from riskmap.formulas.registry import FORMULAS


def read_model(text: str, file: str) -> ScoringModel:
    """Return the scoring model that the text of a TOML file describes.

    `file` is named in messages. Raises CatalogError with every mistake of the file.
    """
    text = text.replace("\r\n", "\n")
    source = TomlFile.parse(text, file)
    stated, problems = source.check(ModelFile)
    if stated is None:
        raise CatalogError(tuple(problems))
    model = _model(stated, text)
    problems = _file_problems(model, source)
    problems += [*uncertainty_problems(model, source), *measure_problems(model, source)]
    if problems:
        raise CatalogError(tuple(sorted(problems, key=lambda p: p.line or 0)))
    return with_worst(in_order(model))


def _model(file: ModelFile, text: str) -> ScoringModel:
    """Return the model with its nodes in the order of the file."""
    return ScoringModel(
        **{name: getattr(file, name) for name in ModelHead.model_fields},
        nodes=(
            *file.indicators,
            *(leaf for table in file.learned for leaf in table.predictors()),
            *(table.node() for table in file.learned),
            *(_combined(node) for node in file.combinations),
        ),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


def _combined(node: Combination) -> Combination:
    """Return a combination with what its file states in another way: weights in pairs, nodes as inputs."""
    weights = _pairwise_weights(node.pairwise) if node.pairwise else node.weights
    of = tuple(node.inputs.values()) if node.method == "formula" else node.of
    return node.model_copy(update={"weights": weights, "of": of})


_MOST_FIELDS = 120


def _file_problems(model: ScoringModel, source: TomlFile) -> list[CatalogProblem]:
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
        yield from _step_problems(leaf, path, source)
        if (kinds or leaf.normalise or leaf.missing == "value") and source.at((*path, "source")) is None:
            yield source.problem((*path, "source"), Text("数值的出处", "where the numbers come from"))
        if leaf.table is not None:
            yield from _table(leaf, path, source)
        elif isinstance(leaf.reference, (str, bool)):
            yield source.problem(
                (*path, "reference"), Text("数字（没有 table）", "a number (there is no table)")
            )
        yield from _missing_problems(leaf, path, source)


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
        yield from _step_problems(node, path, source)
        if node.bands and node.curve:
            one = Text("bands、curve 至多一项", "at most one of bands, curve")
            yield source.problem((*path, "curve"), one, found="bands + curve")
        if isinstance(node, Prediction):
            yield from _learned_problems(node, path, source)
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
        yield from _weight_problems(node, path, source)
        yield from _method_problems(node, path, source)
        yield from _formula_problems(node, path, source)
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


def _step_problems(node: Node, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with what a node does to its number."""
    bands = source.at((*path, "bands"))
    if isinstance(bands, list):
        yield from _bands(node, cast("list[object]", bands), path, source)
    if source.at((*path, "curve")) is not None:
        knots = node.curve
        if len(knots) < 2 or any(math.isnan(x) for x, _ in knots):  # noqa: PLR2004 - a line has two ends
            yield source.problem((*path, "curve"), Text("至少两个 [x, y]", "at least two pairs [x, y]"))
        elif any(a[0] >= b[0] for a, b in pairwise(knots)):
            yield source.problem((*path, "curve"), Text("x 依次增大", "x in ascending order"))
    if isinstance(node, Indicator) and node.table is not None:
        for key in ("clip", "function", "power"):
            if getattr(node, key) is not None:
                expected = Text("不写：table 直接给出数值", "nothing: a table gives the number itself")
                yield source.problem((*path, key), expected)
    if node.clip is not None and not node.clip[0] < node.clip[1]:
        yield source.problem((*path, "clip"), Text("[最小, 最大]，依次增大", "[least, most], ascending"))
    if source.at((*path, "rounding")) is not None and node.round is None:
        yield source.problem(
            (*path, "round"), Text("小数位数（写了 rounding）", "the decimals (rounding is stated)")
        )
    if node.normalise is not None:
        yield from _normalise(node, path, source)


def _bands(node: Node, bands: list[object], path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    last = len(bands) - 1
    if last < 0:
        yield source.problem((*path, "bands"), Text("至少一档", "at least one band"))
    for i, band in enumerate(bands):
        limits = [k for k in ("below", "upto") if isinstance(band, dict) and k in band]
        if i == last and limits:
            expected = Text("最后一档只写 value，向上不封口", "the last band with value alone, open upwards")
            yield source.problem((*path, "bands", i), expected)
        elif i != last and len(limits) != 1:
            expected = Text("below（不含）或 upto（含）之一", "one of below (exclusive) or upto (inclusive)")
            yield source.problem((*path, "bands", i), expected)
    lower = [edge for edge, _ in node.bands]
    for i, (a, b) in enumerate(pairwise(lower)):
        if not a < b:
            expected = Text("分档界限依次增大", "limits in ascending order")
            yield source.problem((*path, "bands", i), expected)


def _normalise(node: Node, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    n, here = node.normalise, (*path, "normalise")
    assert n is not None
    if not n.low < n.high:
        expected = Text(
            "low 小于 high（反向请用 worse 或 reverse）",
            "low below high (to turn it round use worse or reverse)",
        )
        yield source.problem((*here, "high"), expected, found=f"low {n.low:g}, high {n.high:g}")
    if n.span is not None and not n.span[0] < n.span[1]:
        yield source.problem((*here, "from"), Text("[最小, 最大]，依次增大", "[least, most], ascending"))
    ranked = n.method == "percentile_rank"
    stray = ("from", "clip") if ranked else ("ties",)
    for key in stray:
        if source.at((*here, key)) is not None:
            other = "min_max" if ranked else "percentile_rank"
            yield source.problem((*here, key), Text(f"仅用于 {other}", f"used only with {other}"))
    if source.at((*here, "reverse")) is not None and isinstance(node, (Indicator, Prediction)):
        expected = Text(
            '仅用于组合；指标请写 worse = "lower"',
            'used only in combinations; an indicator says worse = "lower"',
        )
        yield source.problem((*here, "reverse"), expected)


def _missing_problems(leaf: Indicator, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with the policy for a missing value: unknown is never the safest."""
    bounded = bool(values_of(leaf))
    if leaf.missing == "worst" and not bounded and leaf.worst is None:
        expected = Text("worst = 缺失时采用的最不利数值", "worst = the number a missing value counts as")
        yield source.problem((*path, "worst"), expected)
    if leaf.worst is not None and (bounded or leaf.missing != "worst"):
        expected = Text(
            '不写：只在 missing = "worst" 且没有 table、bands、curve、normalise 时需要',
            'nothing: needed only with missing = "worst" and without table, bands, curve, normalise',
        )
        yield source.problem((*path, "worst"), expected)
    stated = leaf.missing_value is not None
    here = (*path, "missing_value")
    if stated != (leaf.missing == "value"):
        expected = Text(
            'missing = "value" 与 missing_value 同时写', 'missing = "value" together with missing_value'
        )
        yield source.problem(here, expected)
    elif stated:
        yield from _imputed(leaf, here, source)


def _imputed(leaf: Indicator, here: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Check that a value that stands for the unknown is not the least bad one."""
    never = Text(
        "比最有利的值差的值：未知不等于安全",
        "something worse than the least bad value: an unknown is never the safest",
    )
    if leaf.table is not None:
        key = table_key(leaf.missing_value)
        if key not in leaf.table:
            yield source.problem(here, one_of(leaf.table), hint=closest(key, leaf.table))
        elif leaf.table[key] <= min(leaf.table.values()):
            yield source.problem(here, never)
        return
    value, reference = leaf.missing_value, leaf.reference
    if isinstance(value, (bool, str)) or value is None:
        yield source.problem(here, Text("数字（没有 table）", "a number (there is no table)"))
        return
    worse = 1 if leaf.worse == "higher" else -1
    if not isinstance(reference, (bool, str)) and worse * value < worse * reference:
        expected = Text("不比 reference 有利的值", "a value that is not better than the reference")
        yield source.problem(here, expected)
        return
    steps = leaf.bands or leaf.curve
    if steps and rises(steps) and not leaf.shaped:
        ends = [v for _, v in steps]
        best = min(ends) if rises(steps) * worse > 0 else max(ends)
        if _through(leaf, float(value)) == best:
            yield source.problem(here, never)
    elif leaf.normalise is not None and leaf.normalise.span is not None and not leaf.shaped:
        low, high = leaf.normalise.span
        if worse * value <= worse * (low if worse > 0 else high):
            yield source.problem(here, never)


def _through(leaf: Indicator, value: float) -> float:
    places, values = zip(*(leaf.bands or leaf.curve), strict=True)
    return float((through_bands if leaf.bands else along_curve)(value, places, values))


_KEYS: Final[Mapping[MethodKey, Text]] = {
    "scale": Text("scale = [最小, 最大]", "scale = [least, most]"),
    "norm": Text(
        'norm = "vector" 或 "min_max"（两种排序不同）', 'norm = "vector" or "min_max" (they rank differently)'
    ),
    "matrix": Text("matrix", "matrix"),
    "exponent": Text("exponent = 指数（不为 0）", "exponent = any number but 0"),
}


def _method_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with the keys that belong to some methods: `scale`, `norm`, `matrix`."""
    for key, form in _KEYS.items():
        if (key in node.way.keys) != (getattr(node, key) not in (None, ())):
            names = " / ".join(f'"{one.id}"' for one in methods().values() if key in one.keys)
            expected = Text(
                f"method = {names} 与 {form.zh} 同时写", f"method = {names} together with {form.en}"
            )
            yield source.problem((*path, key), expected)
        elif key == "exponent" and node.exponent == 0:
            expected = Text(
                '不为 0 的数；指数 0 即 method = "geometric"', 'a number but 0, which is method = "geometric"'
            )
            yield source.problem((*path, key), expected)
        elif key == "scale" and node.scale is not None:
            stated = cast("list[float]", source.at((*path, "scale")))
            if len(stated) != 2 or not stated[0] < stated[1]:  # noqa: PLR2004 - two ends
                yield source.problem(
                    (*path, "scale"), Text("[最小, 最大]，依次增大", "[least, most], ascending")
                )


def _formula_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with a formula node, or with the keys of one in another node."""
    if node.method != "formula":
        for key in ("formula", "inputs", "constants"):
            if source.at((*path, key)) is not None:
                expected = Text(
                    '不写：仅用于 method = "formula"', 'nothing: used only with method = "formula"'
                )
                yield source.problem((*path, key), expected)
        if not node.of:
            yield source.problem((*path, "of"), Text("至少一个节点", "at least one node"))
        return
    if source.at((*path, "of")) is not None:
        expected = Text(
            "不写：请用 inputs 说明每个参数取哪个节点", "nothing: inputs say which node each parameter is"
        )
        yield source.problem((*path, "of"), expected)
    known = FORMULAS.get(node.formula or "")
    if known is None:
        names = list(FORMULAS)
        yield source.problem((*path, "formula"), one_of(names), hint=closest(node.formula or "", names))
        return
    parameters = list(known.parameters)
    stated = [("inputs", name) for name in node.inputs]
    stated += [("constants", name) for name in node.constants]
    for key, name in stated:
        if name not in parameters:
            yield source.problem(
                (*path, key, name), one_of(parameters), found=name, hint=closest(name, parameters)
            )
        elif key == "constants" and name in node.inputs:
            yield source.problem((*path, key, name), Text("inputs 中已有", "only one: inputs state it too"))
        elif key == "constants":
            number = node.constants[name]
            if math.isnan(float(known.parameters[name].possible(np.asarray(number)))):
                title = known.parameters[name].label
                expected = Text(f"可能的{title.zh}", f"a possible {title.en}")
                yield source.problem((*path, key, name), expected, found=f"{number:g}")
    for name in parameters:
        if name not in {n for _, n in stated}:
            title = known.parameters[name].label
            expected = Text(
                f"{name}（{title.zh}）：写在 inputs 或 constants 中",
                f"{name}, {title.en}, in inputs or constants",
            )
            yield source.problem((*path, "inputs"), expected)


def _learned_problems(node: Prediction, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with a learned node: its reference, its policy for what is missing."""
    inputs, names = list(node.learned.inputs), list(node.learned.reference)
    for name in inputs:
        if name not in names:
            expected = Text("每个 inputs 的基准值", "a value for each of the inputs")
            yield source.problem((*path, "reference", name), expected)
    for name in names:
        if name not in inputs:
            yield source.problem(
                (*path, "reference", name), one_of(inputs), found=name, hint=closest(name, inputs)
            )
    if node.learned.worst is not None and node.learned.missing != "worst":
        expected = Text('不写：只在 missing = "worst" 时需要', 'nothing: needed only with missing = "worst"')
        yield source.problem((*path, "worst"), expected)


_WEIGHTS_SUM = 1e-9


_RECIPROCAL = 0.1  # people write .33 for ⅓: their product with 3 may miss 1 by this much


Comparisons = Sequence[Sequence[float | str]]


def _pairwise_weights(pairwise: Comparisons) -> tuple[float, ...]:
    """Return the AHP weights of comparisons, () where they give none (`_weight_problems` says why).

    Of each pair the number of 1 or more counts and its mirror is taken as the exact reciprocal, so
    that .33 for ⅓ does no harm. [[1, 3, 5], [.33, 1, 2], [.2, .5, 1]] → .6483, .2297, .1220.
    """
    try:
        return tuple(ahp_weights(_exact(pairwise)).weights.tolist())
    except (FormulaError, ValueError):
        return ()


def _exact(pairwise: Comparisons) -> list[list[float]]:
    """Return the comparisons as numbers, every pair exactly reciprocal; ValueError for no square."""
    rows = [[_number(cell) for cell in row] for row in pairwise]
    n = len(rows)
    if any(len(row) != n for row in rows):
        raise ValueError(n)
    out = [[1.0] * n for _ in rows]
    for i in range(n):
        for j in range(i + 1, n):
            stated = rows[i][j] if rows[i][j] >= 1 else 1 / rows[j][i] if rows[j][i] > 0 else math.nan
            out[i][j], out[j][i] = stated, 1 / stated
    return out


def _number(cell: object) -> float:
    if isinstance(cell, str):
        above, _, below = cell.partition("/")
        return float(above) / float(below)
    return float(cast("float", cell))


def _weight_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with the weights of a combination."""
    stated = [k for k in ("weights", "pairwise", "weighting") if source.at((*path, k)) is not None]
    if len(stated) > 1:
        one = Text("weights、pairwise、weighting 至多一项", "at most one of weights, pairwise, weighting")
        yield source.problem((*path, stated[1]), one, found=" + ".join(stated))
        return
    key = stated[0] if stated else ""

    def takes(method: Method) -> bool:
        return method.weights == "shared" or (method.weights == "free" and key != "weighting")

    if key and not takes(node.way):
        names = named(takes)
        yield source.problem((*path, key), Text(f"仅用于 {names}", f"used only with {names}"))
    if key == "weights":
        yield from _stated(node, path, source)
    if key == "pairwise":
        yield from _compared(node, path, source)
    if key in {"pairwise", "weighting"} and not node.source:
        yield source.problem((*path, "source"), Text("数值的出处", "where the numbers come from"))


def _stated(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    if len(node.weights) != len(node.of):
        n = len(node.of)
        yield source.problem(
            (*path, "weights"), Text(f"{n} 个权重，与 of 对应", f"{n} weights, one for each of `of`")
        )
    if node.way.weights == "shared":
        if any(w <= 0 for w in node.weights):
            yield source.problem((*path, "weights"), Text("正数", "positive numbers"))
        if abs(math.fsum(node.weights) - 1) > _WEIGHTS_SUM:
            total = f"Σ = {math.fsum(node.weights):.9g}"
            yield source.problem(
                (*path, "weights"), Text("合计为 1 的权重", "weights that sum to 1"), found=total
            )


def _compared(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
    rows = cast("list[list[float | str]]", source.at((*path, "pairwise")))
    n, here = len(node.of), (*path, "pairwise")
    if len(rows) != n or any(len(row) != n for row in rows):
        sizes = f"{len(rows)} × {'/'.join(dict.fromkeys(str(len(row)) for row in rows))}"
        yield source.problem(
            here,
            Text(f"{n} 行 {n} 列，与 of 对应", f"{n} rows of {n} numbers, in the order of `of`"),
            found=sizes,
        )
        return
    numbers = [[_number(cell) for cell in row] for row in rows]
    sound = True
    for i in range(n):
        for j in range(i, n):
            one, other = numbers[i][j], numbers[j][i]
            if one <= 0 or other <= 0 or abs(one * other - 1) > _RECIPROCAL:
                sound = False
                expected = Text(
                    f"第 {j + 1} 行第 {i + 1} 列为其倒数（对角线为 1）",
                    f"the reciprocal of it in row {j + 1}, column {i + 1} (1 on the diagonal)",
                )
                yield source.problem(
                    (*here, i, j), expected, found=f"{shown(rows[i][j])}, {shown(rows[j][i])}"
                )
    if sound:
        try:
            ahp_weights(_exact(rows))
        except FormulaError as problem:
            expected = Text(
                f"前后一致的两两比较（CR ≤ 0.1）：{problem.text('zh')}",
                f"comparisons that agree with one another (CR ≤ 0.1): {problem.text('en')}",
            )
            yield source.problem(here, expected, found=f"{n} × {n}")
