"""Composite indices for one row at a time, against what was fitted to a whole column before.

Normalising against stored ends or ranks, means that punish one bad part, TOPSIS against stored norms.

Rankings by weighted means: a score without float noise, and how stable the ranks are.

Weights from comparisons (AHP) or from a table (entropy), and TOPSIS closeness.

An unknown never becomes a weight: a comparison or a criterion that is not known leaves no weights
at all (NaN), because every weight depends on all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import FormulaError, Text
from riskmap.formulas.domain import within

Ties = Literal["low", "mean"]


def min_max(x: ArrayLike, least: float, most: float) -> Floats:
    """Return (x − least)/(most − least): 0 at `least`, 1 at `most`, beyond them outside 0–1.

    NaN where `least` = `most`: a column without differences places nothing. OECD & JRC, Handbook on
    Constructing Composite Indicators (2008), 5.3. (7, 2, 12) → .5.
    """
    number = np.asarray(x, dtype=np.float64)
    return (number - least) / (most - least) if most > least else np.full(number.shape, np.nan)


def percentile_rank(
    x: ArrayLike,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    ties: Ties = "low",
    greater: bool = False,
) -> Floats:
    """Return the place of x among a column's values: how many are smaller, divided by n − 1.

    `values` are the column's different values, ascending, `counts` how often each occurs (together
    n). `ties` "low" counts the strictly smaller, so the least value is 0 and equal values share the
    lowest place: PERCENTRANK.INC of Excel, (rank − 1)/(n − 1) of the CDC's SVI. "mean" counts half
    of the other equal ones too. `greater` counts the greater instead (for columns in which less is
    worse). A number that is not in the column takes the place it would be inserted at; never less
    than 0, never more than 1. NaN where n < 2. Column 1, 2, 2, 5: 1 → 0; 2 → ⅓ (mean ½); 5 → 1.
    """
    number = np.asarray(x, dtype=np.float64)
    total = int(counts.sum())
    if total < 2:
        return np.full(number.shape, np.nan)
    up_to = np.concatenate([[0], np.cumsum(counts)])
    below = up_to[np.searchsorted(values, number, side="left")]
    not_above = up_to[np.searchsorted(values, number, side="right")]
    if greater:
        below, not_above = total - not_above, total - below
    place: Any = below if ties == "low" else (below + not_above - 1) / 2
    return np.where(np.isnan(number), np.nan, np.clip(place / (total - 1), 0.0, 1.0))


def geometric_mean(parts: Sequence[Floats], weights: Sequence[Floats | float]) -> Floats:
    """Return Π part^weight. (2, 8) with ½, ½ → 4. A part that is 0 makes it 0; negative parts are NaN.

    An unknown part or weight leaves it unknown, although for a float NaN⁰ and 1^NaN are 1.
    """
    total: Any = 1.0
    for part, weight in zip(parts, weights, strict=True):
        power = _not_negative(part) ** weight
        total = total * np.where(np.isnan(part) | np.isnan(weight), np.nan, power)
    return total


def power_mean(parts: Sequence[Floats], weights: Sequence[Floats | float], *, exponent: float) -> Floats:
    """Return (Σ weight·partᵖ)^(1/p): 1 is the arithmetic mean, larger ones lean to the greatest, −1 is the harmonic mean.

    (2, 8) with ½, ½: p 2 → 5.8310, p −1 → 3.2. Negative parts are NaN; a part of 0 with p < 0 makes it 0.
    """
    total: Any = 0.0
    with np.errstate(divide="ignore"):
        for part, weight in zip(parts, weights, strict=True):
            total = total + weight * np.asarray(_not_negative(part), dtype=np.float64) ** exponent
        return np.asarray(total ** (1.0 / exponent), dtype=np.float64)


def inverted_geometric_mean(
    parts: Sequence[Floats], weights: Sequence[Floats | float], *, low: float, high: float
) -> Floats:
    """Return the geometric mean taken from the top of a scale: one part near `high` pulls it up.

    Every part becomes (high − x)/(high − low)·9 + 1, so 10 at `low` and 1 at `high`; g is their
    geometric mean, and the result is high − (g − 1)/9·(high − low). All `low` → `low`, all `high` →
    `high`; never below the arithmetic mean. Parts beyond the scale count as its end. Source: INFORM Risk
    Index methodology (JRC, 2017), where the scale is 0–10. (0, 10), equal weights: g = √10 → 7.5975.
    """
    span = high - low
    turned = [(high - np.clip(part, low, high)) / span * 9.0 + 1.0 for part in parts]
    return high - (geometric_mean(turned, weights) - 1.0) / 9.0 * span


def closeness(
    parts: Sequence[Floats],
    weights: Sequence[float],
    *,
    scale: Sequence[float],
    least: Sequence[float],
    most: Sequence[float],
) -> Floats:
    """Return TOPSIS closeness, 0–1, to the point that has the most of every part.

    Per part: `scale` divides it (root of squares, or most − least, of the column it was fitted to;
    0 leaves it out), `least` and `most` are that column's ends, beyond which it counts as them. The
    distances to the two ends are d⁻ and d⁺; the result is d⁻/(d⁻ + d⁺), NaN where nothing differs.
    Source: Hwang and Yoon (1981). See `weights.topsis`, which fits and ranks one table at once.
    """
    to_least: Any = 0.0
    to_most: Any = 0.0
    for part, weight, size, low, high in zip(parts, weights, scale, least, most, strict=True):
        factor = weight / size if size > 0 and high > low else 0.0
        inside = np.clip(part, low, high)
        to_least = to_least + (factor * (inside - low)) ** 2
        to_most = to_most + (factor * (high - inside)) ** 2
    near: Any = np.sqrt(to_least)
    far: Any = np.sqrt(to_most)
    with np.errstate(invalid="ignore"):
        return near / (near + far)


def _not_negative(part: Floats) -> Floats:
    # Below zero a product turns its direction, and a root has no meaning.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)


DECIMALS: Final = 9


"""Scores are rounded to these before they are compared with a limit."""


_INF: Final = float("inf")


def score(x: ArrayLike) -> Floats:
    """Return a score as it is compared with a limit: without float noise.

    Weights .30/.05/.10/.55 with 3/3/4/1 sum to 1.9999999999999998 for a computer and to 2 for everybody
    else, a limit of 2 included.
    """
    return np.round(np.asarray(x, dtype=np.float64), DECIMALS)


def weighted_mean(table: ArrayLike, weights: ArrayLike) -> Floats:
    """Return Σ w·x over the last axis, weights scaled to sum 1. [3, 3, 4, 1] with .30, .05, .10, .55 → 2."""
    x, share = _ranking_table(table, weights)
    total: Any = (x * share).sum(axis=-1)
    return score(total)


def rank_stability(
    table: ArrayLike, weights: ArrayLike, *, concentration: float = 50.0, draws: int = 20_000, seed: int = 0
) -> Floats:
    """Return P (rows, rows): the share of draws in which row i takes rank j + 1, the highest mean first.

    Weights are drawn from Dirichlet(concentration · w), the same for the same seed; ties go to the earlier
    row. A row with an unknown has no rank (NaN) and takes none from the others.
    [.9, .2, .5], [.5, .8, .4], [.3, .4, .9] with .5, .3, .2: P(rank 1) = .749, .250, .001.
    """
    x, share = _ranking_table(table, weights)
    if x.ndim != 2 or not bool((share > 0).all()):
        raise FormulaError(
            "排序稳定性：应为“行 × 指标”的表，权重都大于 0",
            "rank stability: expected a table of rows × criteria and weights above 0",
        )
    complete = ~np.isnan(x).any(axis=1)
    found = np.full((len(x), len(x)), np.nan)
    count = int(complete.sum())
    if not count:
        return found
    drawn = np.random.default_rng(seed).dirichlet(concentration * share, draws)
    order = np.argsort(-score(drawn @ x[complete].T), axis=1, kind="stable")
    chances = np.stack(
        [np.bincount(order[:, rank], minlength=count) / draws for rank in range(count)], axis=1
    )
    rows = np.flatnonzero(complete)
    found[rows] = 0.0
    found[np.ix_(rows, np.arange(count))] = chances
    return found


def _ranking_table(table: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    x = np.asarray(table, dtype=np.float64)
    share = within(weights, 0.0, _INF, Text("权重", "weight"), below=True)
    if x.ndim == 0 or share.shape != (x.shape[-1],) or not float(share.sum()) > 0:
        raise FormulaError(
            f"权重：表的最后一维是 {x.shape}，收到 {share.shape} 个权重；应一一对应，且和大于 0",
            f"weights: the table's shape is {x.shape}, the weights' {share.shape}; give one for each, not all 0",
        )
    return x, np.asarray(share / share.sum(), dtype=np.float64)


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
    values: Floats
    vectors: Floats
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
