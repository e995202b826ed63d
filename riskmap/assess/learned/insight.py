"""What a fitted model has learned: calibration, the weight of each predictor, its shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from riskmap.assess.learned.folds import Folds
from riskmap.assess.learned.inventory import Bools, Floats, Inventory, known
from riskmap.assess.learned.validation import auroc, fitted, interval, probability, quietly

_BINS: Final = 10
_GRID: Final = 21
_BACKGROUND: Final = 300  # rows that a partial dependence averages over
_IMPORTANCE_REPEATS: Final = 5
_LARGE: Final = 2000  # rows; above, one repeat tells enough
_SHUFFLES: Final = 3


@dataclass(frozen=True, slots=True)
class Bin:
    """Held-out predictions of about one size: their mean, the share that occurred, how many rows a repeat."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class Importance:
    """By how much the AUROC of held-out blocks drops when a predictor's values are shuffled there.

    `low`, `high`: 2.5–97.5 percentiles over blocks and shuffles.
    """

    predictor: str
    drop: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dependence:
    """The mean prediction of the final model when a predictor is set to each of `values` everywhere."""

    predictor: str
    values: tuple[float, ...]
    probability: tuple[float, ...]


def calibration(held_out: Floats, occurred: Bools) -> tuple[Bin, ...]:
    """Return predicted against observed shares in ten classes of equal size (fewer for few rows).

    `held_out`: repeats × rows. Every repeat counts alike.
    """
    repeats, rows = held_out.shape
    predicted, truth = held_out.ravel(), np.tile(occurred, repeats)
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, min(_BINS, max(2, rows // 20)))
    return tuple(
        Bin(float(predicted[p].mean()), float(truth[p].mean()), round(len(p) / repeats))
        for p in parts
        if len(p)
    )


def permutation_importance(
    model: str, inventory: Inventory, folds: Folds, *, seed: int
) -> tuple[Importance, ...]:
    """Return the weight of each predictor on blocks that the model had not seen, the heaviest first.

    Predictors that go together share their weight: each alone then looks lighter than both.
    """
    repeats = _IMPORTANCE_REPEATS if len(inventory) <= _LARGE else 1
    rng = np.random.default_rng([seed, 2])
    drops: list[list[float]] = [[] for _ in inventory.predictors]
    with quietly(len(inventory)):
        for repeat, labels in enumerate(folds.labels[:repeats]):
            for fold in range(int(labels.max()) + 1):
                out = labels == fold
                truth, values = inventory.occurred[out], inventory.values[out]
                pipeline = fitted(model, inventory, ~out, seed=seed + repeat)
                whole = auroc(truth, probability(pipeline, values))
                for i, found in enumerate(drops):
                    stacked = np.tile(values, (_SHUFFLES, 1))
                    stacked[:, i] = np.concatenate([rng.permutation(values[:, i]) for _ in range(_SHUFFLES)])
                    shuffled = probability(pipeline, stacked).reshape(_SHUFFLES, -1)
                    found.extend(whole - auroc(truth, s) for s in shuffled)
    rows = [
        Importance(name, float(np.mean(found)), *interval(np.asarray(found)))
        for name, found in zip(inventory.predictors, drops, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -row.drop))


def partial_dependence(pipeline: Any, inventory: Inventory) -> tuple[Dependence, ...]:
    """Return how the prediction changes with each predictor, the others as they are in the inventory.

    Numbers run from their 2 to their 98 percentile; switches and codes take each of their values.
    """
    step = max(1, len(inventory) // _BACKGROUND)
    background = inventory.values[::step]
    found = []
    with quietly(len(inventory)):
        for i, name in enumerate(inventory.predictors):
            column = inventory.values[:, i]
            grid = known(column)
            if inventory.kinds[i] == "number" and len(grid) > _GRID:
                grid = np.unique(np.nanquantile(column, np.linspace(0.02, 0.98, _GRID)))
            table = np.tile(background, (len(grid), 1))
            table[:, i] = np.repeat(grid, len(background))
            mean = probability(pipeline, table).reshape(len(grid), -1).mean(axis=1)
            found.append(Dependence(name, tuple(grid.tolist()), tuple(mean.tolist())))
    return tuple(found)
