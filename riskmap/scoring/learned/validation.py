"""Cross-validation: every row is predicted by models that have not seen its block.

What a fitted model has learned: calibration, the weight of each predictor, its shape.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from riskmap.array_types import Bools, Floats
from riskmap.rules.arrays import known
from riskmap.scoring.learned.algorithms import build
from riskmap.scoring.learned.training_data import Folds, TrainingData, TrainingTable
from riskmap.values.assessment import Diagnostic

INTERVAL: Final = (2.5, 97.5)  # percentiles over the repeats


_ONE_THREAD: Final = 2000  # rows; below, starting threads costs more than they bring


_ONE_POOL: Final = 20_000  # the same for the pools inside the numerical libraries, which wait by spinning


_THREADS: Final = 4


Step = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What one model reached in one kind of folds.

    `auroc`: a row for each repeat, a column for each fold, NaN where a repeat has fewer folds.
    `held_out`: repeats × rows, the predicted probability of each row by models that had not seen it.
    """

    model: str
    auroc: Floats
    held_out: Floats
    occurred: Bools

    @property
    def auroc_by_repeat(self) -> Floats:
        """The mean over the folds of each repeat."""
        return np.nanmean(self.auroc, axis=1)

    @property
    def auroc_mean(self) -> float:
        """The mean over the repeats: what models are compared by."""
        return float(self.auroc_by_repeat.mean())

    @property
    def brier_by_repeat(self) -> Floats:
        """The mean squared error of the probabilities of each repeat; smaller is better."""
        return ((self.held_out - self.occurred) ** 2).mean(axis=1)


def auroc(occurred: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a place with an occurrence scores above one without.

    Ties count half (Mann–Whitney). NaN where one outcome is absent. ([0, 0, 1, 1], [.1, .4, .35, .8]) → .75.
    """
    truth = np.asarray(occurred, dtype=np.bool_)
    present = int(truth.sum())
    absent = len(truth) - present
    if not present or not absent:
        return float("nan")
    ranks = rankdata(np.asarray(score, dtype=np.float64))
    return float((ranks[truth].sum() - present * (present + 1) / 2) / (present * absent))


def threads_for(rows: int) -> int:
    """Return how many threads a training of `rows` rows is worth."""
    return 1 if rows <= _ONE_THREAD else min(_THREADS, os.cpu_count() or 1)


@contextmanager
def quietly(rows: int) -> Iterator[None]:
    """Switch off the checks that every fit repeats, and thread pools that small tables do not need."""
    from sklearn import config_context  # noqa: PLC0415 - heavy
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with scikit-learn

    with (
        config_context(assume_finite=True, skip_parameter_validation=True),
        threadpool_limits(1 if rows <= _ONE_POOL else threads_for(rows)),
    ):
        yield


def fitted(model: str, inventory: TrainingData, rows: Bools, *, seed: int) -> Any:
    """Return the pipeline of `model` fitted on those rows of the inventory."""
    count = int(rows.sum())
    pipeline = build(model, inventory, rows=count, seed=seed, threads=threads_for(count))
    return pipeline.fit(inventory.values[rows], inventory.occurred[rows])


def probability(pipeline: Any, values: Floats) -> Floats:
    """Return the probability of an occurrence for each row of `values`."""
    return np.asarray(pipeline.predict_proba(values)[:, 1], dtype=np.float64)


def validate(
    model: str, inventory: TrainingData, folds: Folds, *, seed: int, step: Step | None = None
) -> Validation:
    """Return what `model` reaches in `folds`. Deterministic by `seed`; `step` is called after each repeat."""
    scores = np.full((folds.repeats, int(folds.labels.max()) + 1), np.nan)
    held_out = np.empty((folds.repeats, len(inventory)))
    with quietly(len(inventory)):
        for repeat, labels in enumerate(folds.labels):
            for fold in range(int(labels.max()) + 1):
                out = labels == fold
                pipeline = fitted(model, inventory, ~out, seed=seed + repeat)
                held_out[repeat, out] = probability(pipeline, inventory.values[out])
                scores[repeat, fold] = auroc(inventory.occurred[out], held_out[repeat, out])
            if step is not None:
                step()
    return Validation(model, scores, held_out, inventory.occurred)


def interval(values: Floats) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles."""
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


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
    model: str, inventory: TrainingData, folds: Folds, *, seed: int
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


def partial_dependence(pipeline: Any, inventory: TrainingData) -> tuple[Dependence, ...]:
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


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Everything that one training found. `main` in `folds`, `other` in the other kind of folds, or empty.

    `in_sample`: model → AUROC on the rows that it was fitted on, which says nothing about quality.
    `chosen`: the model that goes into the file; `pipeline`: it, fitted on all rows.
    """

    table: TrainingTable
    prevalence: float | None
    seed: int
    folds: Folds
    main: tuple[Validation, ...]
    others: Folds | None
    other: tuple[Validation, ...]
    in_sample: dict[str, float]
    chosen: str
    pipeline: Any
    bins: tuple[Bin, ...]
    importance: tuple[Importance, ...]
    dependence: tuple[Dependence, ...]
    remarks: tuple[Diagnostic, ...]

    @property
    def best(self) -> Validation:
        """The validation of the chosen model."""
        return next(v for v in self.main if v.model == self.chosen)
