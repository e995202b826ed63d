"""Composite indices: normalising, weighted means, percentile ranks, and how stable a ranking is."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import FormulaError, Say
from riskmap.formulas.domain import within
from riskmap.formulas.steps import Floats

DECIMALS: Final = 9
"""Scores are rounded to these before they are compared with a limit."""

_INF: Final = float("inf")


def score(x: ArrayLike) -> Floats:
    """Return a score as it is compared with a limit: without float noise.

    Weights .30/.05/.10/.55 with 3/3/4/1 sum to 1.9999999999999998 for a computer and to 2 for everybody
    else, a limit of 2 included.
    """
    return np.round(np.asarray(x, dtype=np.float64), DECIMALS)


def min_max(x: ArrayLike, low: float | None = None, high: float | None = None) -> Floats:
    """Return x mapped to 0–1 between `low` and `high` (by default the smallest and largest known), cut off outside.

    NaN where everything is alike. Fixed goalposts keep a score comparable between years; found ones make
    it a ranking. 2, 4, 10 → 0, .25, 1; with 0 and 8 → .25, .5, 1.
    """
    number = np.asarray(x, dtype=np.float64)
    known = number[np.isfinite(number)]
    bottom = low if low is not None else float(known.min()) if known.size else np.nan
    top = high if high is not None else float(known.max()) if known.size else np.nan
    if not bottom < top:
        return np.full_like(number, np.nan)
    return np.clip((number - bottom) / (top - bottom), 0.0, 1.0)


def percentile_rank(x: ArrayLike) -> Floats:
    """Return (rank − 1)/(n − 1) of each number among the known ones, 0–1; ties share the lowest rank.

    As CDC's social vulnerability index ranks. 10, 20, 20, 40 → 0, .3333, .3333, 1. NaN for a single number.
    """
    number = np.asarray(x, dtype=np.float64)
    known = np.sort(number[~np.isnan(number)])
    if known.size < 2:
        return np.full_like(number, np.nan)
    share = np.searchsorted(known, number, side="left").astype(np.float64) / (known.size - 1)
    return np.asarray(np.where(np.isnan(number), np.nan, share), dtype=np.float64)


def weighted_mean(table: ArrayLike, weights: ArrayLike) -> Floats:
    """Return Σ w·x over the last axis, weights scaled to sum 1. [3, 3, 4, 1] with .30, .05, .10, .55 → 2."""
    x, share = _table(table, weights)
    total: Any = (x * share).sum(axis=-1)
    return score(total)


def geometric_mean(table: ArrayLike, weights: ArrayLike) -> Floats:
    """Return Π x^w over the last axis, weights scaled to sum 1, x ≥ 0. [4, 9] with ½, ½ → 6. A 0 makes it 0."""
    x, share = _table(table, weights)
    within(x, 0.0, _INF, Say("几何平均的指标", "factor of a geometric mean"))
    product: Any = (x**share).prod(axis=-1)
    return score(product)


def inverted_geometric_mean(table: ArrayLike, weights: ArrayLike, *, top: float = 10.0) -> Floats:
    """Return the mean by which one high factor counts more: the geometric mean of what is missing to the top.

    x from 0 to `top` becomes y = 1 + 9·(top − x)/top (10 … 1, so that nothing multiplies by 0); the result is
    top·(10 − Π y^w)/9. As INFORM combines hazards; from memory. [9, 1] with ½, ½: y 1.9, 9.1 → 6.491 (the
    plain mean is 5).
    """
    x, share = _table(table, weights)
    within(x, 0.0, top, Say("指标", "factor"))
    product: Any = ((1.0 + 9.0 * (top - x) / top) ** share).prod(axis=-1)
    return score(top * (10.0 - np.asarray(product, dtype=np.float64)) / 9.0)


def rank_stability(
    table: ArrayLike, weights: ArrayLike, *, concentration: float = 50.0, draws: int = 20_000, seed: int = 0
) -> Floats:
    """Return P (rows, rows): the share of draws in which row i takes rank j + 1, the highest mean first.

    Weights are drawn from Dirichlet(concentration · w), the same for the same seed; ties go to the earlier
    row. A row with an unknown has no rank (NaN) and takes none from the others.
    [.9, .2, .5], [.5, .8, .4], [.3, .4, .9] with .5, .3, .2: P(rank 1) = .749, .250, .001.
    """
    x, share = _table(table, weights)
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


def _table(table: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    x = np.asarray(table, dtype=np.float64)
    share = within(weights, 0.0, _INF, Say("权重", "weight"), below=True)
    if x.ndim == 0 or share.shape != (x.shape[-1],) or not float(share.sum()) > 0:
        raise FormulaError(
            f"权重：表的最后一维是 {x.shape}，收到 {share.shape} 个权重；应一一对应，且和大于 0",
            f"weights: the table's shape is {x.shape}, the weights' {share.shape}; give one for each, not all 0",
        )
    return x, np.asarray(share / share.sum(), dtype=np.float64)
