"""Rankings by weighted means: a score without float noise, and how stable the ranks are."""

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


def weighted_mean(table: ArrayLike, weights: ArrayLike) -> Floats:
    """Return Σ w·x over the last axis, weights scaled to sum 1. [3, 3, 4, 1] with .30, .05, .10, .55 → 2."""
    x, share = _table(table, weights)
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
