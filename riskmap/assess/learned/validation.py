"""Cross-validation: every row is predicted by models that have not seen its block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from riskmap.assess.learned.folds import Folds
from riskmap.assess.learned.inventory import Bools, Floats, Inventory
from riskmap.assess.learned.models import build

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


def fitted(model: str, inventory: Inventory, rows: Bools, *, seed: int) -> Any:
    """Return the pipeline of `model` fitted on those rows of the inventory."""
    count = int(rows.sum())
    pipeline = build(model, inventory, rows=count, seed=seed, threads=threads_for(count))
    return pipeline.fit(inventory.values[rows], inventory.occurred[rows])


def probability(pipeline: Any, values: Floats) -> Floats:
    """Return the probability of an occurrence for each row of `values`."""
    return np.asarray(pipeline.predict_proba(values)[:, 1], dtype=np.float64)


def validate(
    model: str, inventory: Inventory, folds: Folds, *, seed: int, step: Step | None = None
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
