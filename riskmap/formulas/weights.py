"""Weights from comparisons (AHP) or from a table (entropy), and TOPSIS closeness.

An unknown never becomes a weight: a comparison or a criterion that is not known leaves no weights
at all (NaN), because every weight depends on all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.errors import FormulaError
from riskmap.formulas.indices import closeness
from riskmap.formulas.steps import Floats

RANDOM_INDEX: Final = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49)
"""Saaty's random index for 1–10 criteria. .58 checked with a worked value, the others from memory."""

MOST_INCONSISTENT: Final = 0.1
"""Saaty's limit of the consistency ratio; .1 itself is accepted."""

_RECIPROCAL: Final = 0.1  # people write .33 for ⅓ and .11 for 1/9: their product may miss 1 by this much

Norm = Literal["vector", "minmax"]


@dataclass(frozen=True, slots=True, eq=False)
class AHP:
    """Weights of the analytic hierarchy process.

    `weights` float64 (n,), sums to 1; `eigenvalue` the largest of the matrix; `consistency_ratio`
    (λ − n)/(n − 1)/RI, 0 for one or two criteria.
    """

    weights: Floats
    eigenvalue: float
    consistency_ratio: float


def ahp_weights(pairwise: ArrayLike) -> AHP:
    """Return the weights of pairwise comparisons, (n, n); row i, column j: how much more i matters than j.

    Source: Saaty (1980), principal eigenvector. FormulaError where the matrix is not square, has more
    than 10 criteria, holds something that is not a positive number, is not reciprocal, or has a
    consistency ratio above .1. [[1, 3, 5], [⅓, 1, 2], [⅕, ½, 1]] → .6483, .2297, .1220; λ 3.0037;
    CR .0032.
    """
    matrix = np.asarray(pairwise, dtype=np.float64)
    _check_pairwise(matrix)
    values: Any
    vectors: Any
    values, vectors = np.linalg.eig(matrix)
    first = int(np.argmax(values.real))
    eigenvalue = float(values[first].real)
    weights = np.abs(vectors[:, first].real)
    count = len(matrix)
    random = RANDOM_INDEX[count - 1]
    ratio = max(0.0, (eigenvalue - count) / (count - 1) / random) if random else 0.0
    if round(ratio, 9) > MOST_INCONSISTENT:
        raise FormulaError(
            f"AHP 判断矩阵：一致性比率 CR = {ratio:.4f}，大于 0.1，判断互相矛盾；请重新比较后再用",
            f"AHP comparisons: consistency ratio {ratio:.4f} is above 0.1, they contradict one another; "
            "compare again",
        )
    return AHP(weights / weights.sum(), eigenvalue, ratio)


def entropy_weights(table: ArrayLike) -> Floats:
    """Return the weight of each criterion (column) by how much it tells the rows apart, sum 1.

    `table` (rows, criteria), benefit-type and not negative. With shares p = x/Σx of a column, its
    entropy is E = −Σ p·ln p / ln n and its weight (1 − E)/Σ(1 − E). A column that is the same everywhere
    weighs 0. NaN anywhere leaves every weight NaN. FormulaError for fewer than two rows, a negative
    number, or columns that are all the same everywhere. Source: Shannon (1948), as used in
    multi-criteria ranking. [[.8, .6, .2], [.4, .9, .5], [.6, .3, .9], [.2, .2, .1]] →
    .201356, .285552, .513091.
    """
    x = _table(table, "熵权法", "entropy weights")
    if len(x) < 2:
        raise FormulaError(
            f"熵权法：只有 {len(x)} 行，无法比较；至少需要 2 行",
            f"entropy weights: {len(x)} rows cannot be compared; at least 2 are needed",
        )
    if bool((x < 0).any()):
        row, column = (int(i) for i in np.argwhere(x < 0)[0])
        raise FormulaError(
            f"熵权法：第 {row + 1} 行第 {column + 1} 列为负数 {x[row, column]:g}；请先归一化到 0 以上",
            f"entropy weights: row {row + 1}, column {column + 1} is negative ({x[row, column]:g}); "
            "normalise to 0 and above first",
        )
    if bool(np.isnan(x).any()):
        return _floats([np.nan] * x.shape[1])
    total: Any = x.sum(axis=0)
    share = np.full_like(x, 1.0 / len(x))
    np.divide(x, total, out=share, where=total > 0)
    logs = np.zeros_like(share)
    np.log(share, out=logs, where=share > 0)
    # Equal shares miss entropy 1 by float noise, which would then be shared out as if it were a weight.
    spread = np.round(_floats(1.0 + (share * logs).sum(axis=0) / np.log(len(x))), 12)
    if not bool((spread > 0).any()):
        raise FormulaError(
            "熵权法：每一列都没有差别，得不出权重；请换指标或直接给定权重",
            "entropy weights: no column differs between rows; choose other criteria or state the weights",
        )
    return spread / float(spread.sum())


def topsis(
    table: ArrayLike,
    weights: ArrayLike,
    *,
    norm: Norm = "vector",
    benefit: Sequence[bool] | None = None,
) -> Floats:
    """Return each row's closeness to the ideal, 0–1, 1 where it is best in every criterion.

    `table` (rows, criteria), `weights` (criteria,) not negative, scaled to sum 1. `norm` divides a
    column by its root of squares ("vector") or maps it to 0–1 ("minmax"): the two rank differently, so
    always name it. `benefit[j]` is False where a small number is the better one (all True by default).
    A row with an unknown is NaN and is no part of the ideal; rows that are all alike are NaN too.
    Source: Hwang and Yoon (1981). [[.8, .6, .2], [.4, .9, .5], [.6, .3, .9], [.2, .2, .1]] with weights
    .5, .3, .2, vector norm → .655434, .525673, .567137, 0.
    """
    x = _table(table, "TOPSIS", "TOPSIS")
    share = _shares(weights, x.shape[1])
    rises = np.ones(x.shape[1], dtype=np.bool_) if benefit is None else np.asarray(benefit, dtype=np.bool_)
    if rises.shape != share.shape:
        raise FormulaError(
            f"TOPSIS：{x.shape[1]} 个指标，benefit 却有 {rises.size} 个；请逐个指标说明",
            f"TOPSIS: {x.shape[1]} criteria but {rises.size} values of benefit; state one for each",
        )
    found = np.full(len(x), np.nan)
    complete = ~np.isnan(x).any(axis=1)
    if not bool(complete.any()):
        return found
    # A criterion in which less is better is turned round: the ends change places, the distances stay.
    v = np.where(rises, x[complete], -x[complete])
    least, most = _floats(v.min(axis=0)), _floats(v.max(axis=0))
    scale = np.sqrt(_floats((v**2).sum(axis=0))) if norm == "vector" else most - least
    found[complete] = closeness(
        list(v.T), share.tolist(), scale=_floats(scale).tolist(), least=least.tolist(), most=most.tolist()
    )
    return found


def _floats(x: ArrayLike) -> Floats:
    return np.asarray(x, dtype=np.float64)


def _table(table: ArrayLike, zh: str, en: str) -> Floats:
    x = np.asarray(table, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise FormulaError(
            f"{zh}：应为“行 × 指标”的二维表，收到的形状是 {x.shape}",
            f"{en}: expected a table of rows × criteria, got the shape {x.shape}",
        )
    if bool(np.isinf(x).any()):
        raise FormulaError(
            f"{zh}：表中有无穷大；请改为数字或留空",
            f"{en}: the table holds infinity; write a number or leave it blank",
        )
    return x


def _shares(weights: ArrayLike, count: int) -> Floats:
    share = np.asarray(weights, dtype=np.float64)
    if share.shape != (count,) or not bool((share >= 0).all()) or not 0 < float(share.sum()) < np.inf:
        raise FormulaError(
            f"权重：应有 {count} 个不小于 0、和大于 0 的数，收到 {share.tolist()}",
            f"weights: expected {count} numbers, none negative and not all 0, got {share.tolist()}",
        )
    return np.asarray(share / share.sum(), dtype=np.float64)


def _check_pairwise(matrix: NDArray[np.float64]) -> None:
    size = matrix.shape
    if matrix.ndim != 2 or size[0] != size[1] or not 1 <= size[0] <= len(RANDOM_INDEX):
        raise FormulaError(
            f"AHP 判断矩阵：应为 1–{len(RANDOM_INDEX)} 阶方阵，收到的形状是 {size}",
            f"AHP comparisons: expected a square matrix of 1–{len(RANDOM_INDEX)} criteria, got the shape {size}",
        )
    if not bool((np.isfinite(matrix) & (matrix > 0)).all()):
        row, column = (int(i) for i in np.argwhere(~(np.isfinite(matrix) & (matrix > 0)))[0])
        raise FormulaError(
            f"AHP 判断矩阵：第 {row + 1} 行第 {column + 1} 列是 {matrix[row, column]:g}；应为大于 0 的数",
            f"AHP comparisons: row {row + 1}, column {column + 1} is {matrix[row, column]:g}; "
            "write a number above 0",
        )
    off = np.abs(matrix * matrix.T - 1.0) > _RECIPROCAL
    if bool(off.any()):
        row, column = (int(i) for i in np.argwhere(off)[0])
        raise FormulaError(
            f"AHP 判断矩阵：第 {row + 1} 行第 {column + 1} 列是 {matrix[row, column]:g}，对称位置却是 "
            f"{matrix[column, row]:g}；两者应互为倒数",
            f"AHP comparisons: row {row + 1}, column {column + 1} is {matrix[row, column]:g} but its mirror is "
            f"{matrix[column, row]:g}; one must be 1 divided by the other",
        )
