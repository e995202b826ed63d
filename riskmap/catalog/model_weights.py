"""Weights of a combination: stated, compared in pairs (AHP), or fitted; and what must hold of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import cast

from riskmap.catalog.model import Combination
from riskmap.catalog.problems import TomlFile, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, FormulaError, Text
from riskmap.formulas.composite import ahp_weights
from riskmap.formulas.methods import Method, named

_WEIGHTS_SUM = 1e-9


_RECIPROCAL = 0.1  # people write .33 for ⅓: their product with 3 may miss 1 by this much


Comparisons = Sequence[Sequence[float | str]]


def pairwise_weights(pairwise: Comparisons) -> tuple[float, ...]:
    """Return the AHP weights of comparisons, () where they give none (`weight_problems` says why).

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


def weight_problems(node: Combination, path: KeyPath, source: TomlFile) -> Iterable[CatalogProblem]:
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
