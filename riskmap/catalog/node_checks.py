"""What must hold of the steps of a node: bands, curve, normalising, rounding, what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final, cast

import numpy as np

from riskmap.catalog.model import Combination, Indicator, Node, Prediction, rises, table_key
from riskmap.catalog.model_direction import values_of
from riskmap.catalog.problems import TomlFile, closest, one_of
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text
from riskmap.formulas.domain import along_curve, through_bands
from riskmap.formulas.methods import Key as MethodKey
from riskmap.formulas.methods import methods
from riskmap.formulas.registry import FORMULAS


def step_problems(node: Node, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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


def missing_problems(leaf: Indicator, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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


def method_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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


def formula_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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


def learned_problems(node: Prediction, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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
