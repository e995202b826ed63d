"""The training table as the models see it: predictors, outcome, places; the same for any order of rows.

How an inventory is cut for cross-validation: into blocks of land, or at random.

Neighbouring places share soil, rock and rain. Where some of them train a model and others test it,
the test repeats the training: random folds flatter. Blocks ask what a district needs to know: how
good is the model where nobody has looked yet.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from riskmap.array_types import Bools, Floats, Ints
from riskmap.errors import LearnedError
from riskmap.rules.arrays import known
from riskmap.values.assessment import Diagnostic

Kind = Literal["number", "switch", "code", "rate"]


_SAME_PLACE: Final = 0.1  # metres


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Places where something occurred or not. All arrays are parallel to the rows.

    `values`: rows × predictors, NaN where not known. `kinds`: a number; a switch (two values); a
    code (its size means nothing); a rate (a code in whose place stands how often it occurred there, learned in
    each fold from the fold's own rows). `occurred`: the outcome. `x`, `y`: metres in one projection;
    `lon`, `lat`: CGCS2000 degrees. `place`: the same number for rows of the same place (to .1 m).
    """

    predictors: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: Floats
    occurred: Bools
    x: Floats
    y: Floats
    lon: Floats
    lat: Floats
    place: Ints

    def __len__(self) -> int:
        return len(self.occurred)

    @property
    def share(self) -> float:
        """Share of rows where it occurred, 0–1."""
        return float(self.occurred.mean())

    @property
    def rarer(self) -> int:
        """How many rows the rarer of the two outcomes has."""
        return int(min(self.occurred.sum(), (~self.occurred).sum()))

    @property
    def area(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the places, CGCS2000 degrees."""
        return (
            float(self.lon.min()),
            float(self.lat.min()),
            float(self.lon.max()),
            float(self.lat.max()),
        )

    @property
    def categories(self) -> dict[str, tuple[float, ...]]:
        """The codes that occur, of each predictor that is a code."""
        return {
            name: tuple(known(self.values[:, i]).tolist())
            for i, name in enumerate(self.predictors)
            if self.kinds[i] in {"code", "rate"}
        }


def kind_of(column: Floats, *, code: bool, rate: bool = False) -> Kind:
    """Return what a column is: a rate or a code where it is said to be one, a switch where it has two values."""
    if rate or code:
        return "rate" if rate else "code"
    return "switch" if len(known(column)) <= 2 else "number"  # noqa: PLR2004 - that is a switch


def inventory_of(
    predictors: Sequence[str],
    values: Floats,
    occurred: Bools,
    *,
    x: Floats,
    y: Floats,
    lon: Floats,
    lat: Floats,
    codes: Sequence[str] = (),
    rates: Sequence[str] = (),
) -> TrainingData:
    """Return the inventory, its rows sorted by place, outcome and values.

    A file saved in another order is the same inventory and gives the same models.
    """
    east, north = np.round(x / _SAME_PLACE), np.round(y / _SAME_PLACE)
    keys = [*(np.nan_to_num(v, nan=np.inf) for v in values.T[::-1]), occurred, north, east]
    order = np.lexsort(keys)
    _, place = np.unique(np.column_stack([east, north])[order], axis=0, return_inverse=True)
    return TrainingData(
        predictors=tuple(predictors),
        kinds=tuple(
            kind_of(values[:, i], code=name in codes, rate=name in rates) for i, name in enumerate(predictors)
        ),
        values=np.ascontiguousarray(values[order]),
        occurred=occurred[order],
        x=x[order],
        y=y[order],
        lon=lon[order],
        lat=lat[order],
        place=np.asarray(place, dtype=np.int64).reshape(-1),
    )


FoldKind = Literal["spatial", "random"]


FOLDS: Final = 5


FEWEST: Final = 10  # rows of each outcome, two for each fold


_DRAWS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """`labels`: repeats × rows, the fold (0, 1, …) of each row in each repeat.

    `redrawn`: partitions that were drawn again because a block held one outcome only; `merged`:
    blocks that were joined with their neighbour after 20 draws in vain.
    """

    kind: FoldKind
    labels: Ints
    redrawn: int = 0
    merged: int = 0

    @property
    def repeats(self) -> int:
        """How many partitions there are."""
        return len(self.labels)


def make_folds(
    inventory: TrainingData, kind: FoldKind, *, repeats: int, seed: int, folds: int = FOLDS
) -> Folds:
    """Return `repeats` partitions; rows of one place are always in one fold, every fold has both outcomes.

    LearnedError where there are too few rows or places, or the outcomes lie apart in space.
    """
    check_enough(inventory, folds=folds)
    rng = np.random.default_rng([seed, 0 if kind == "spatial" else 1])
    if kind == "random":
        return Folds("random", np.stack([_random(inventory, folds, rng) for _ in range(repeats)]))
    labels, redrawn, merged = [], 0, 0
    for _ in range(repeats):
        one, again, joined = _spatial(inventory, folds, rng)
        labels.append(one)
        redrawn, merged = redrawn + again, merged + joined
    return Folds("spatial", np.stack(labels), redrawn, merged)


def check_enough(inventory: TrainingData, *, folds: int = FOLDS) -> None:
    """Raise LearnedError where an inventory is too small to be cut into folds."""
    present, absent = int(inventory.occurred.sum()), int((~inventory.occurred).sum())
    places = len(np.unique(inventory.place))
    if min(present, absent) < FEWEST or places < 2 * folds:
        raise LearnedError(
            f"可用的样本太少：发生 {present} 行，未发生 {absent} 行，不同位置 {places} 处；{folds} 折交叉验证至少需要"
            f"两类各 {FEWEST} 行、{2 * folds} 处不同位置。请补充样本",
            f"too few usable rows: {present} with and {absent} without an occurrence at {places} places; {folds} folds need "
            f"at least {FEWEST} of each and {2 * folds} places. Add samples",
        )


def _random(inventory: TrainingData, folds: int, rng: np.random.Generator) -> Ints:
    """Deal the places out, those with an occurrence first, so that every fold has both outcomes."""
    places = int(inventory.place.max()) + 1
    with_one = np.zeros(places, dtype=np.bool_)
    with_one[inventory.place[inventory.occurred]] = True
    dealt = np.empty(places, dtype=np.int64)
    order = np.concatenate(
        [rng.permutation(np.flatnonzero(with_one)), rng.permutation(np.flatnonzero(~with_one))]
    )
    dealt[order] = np.arange(places) % folds
    labels = dealt[inventory.place]
    return labels if _both(labels, inventory.occurred).all() else _joined(labels, inventory)[0]


def _spatial(inventory: TrainingData, folds: int, rng: np.random.Generator) -> tuple[Ints, int, int]:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - heavy
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - heavy

    places = np.column_stack([inventory.x - inventory.x.mean(), inventory.y - inventory.y.mean()]) / 1000.0
    labels = np.zeros(len(inventory), dtype=np.int64)
    for draw in range(_DRAWS):
        once: Any = 1
        cutter = KMeans(folds, n_init=once, random_state=int(rng.integers(2**31)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer blocks are merged ones, below
            drawn = np.asarray(cutter.fit_predict(places), dtype=np.int64)
        labels = _by_place(drawn, inventory.place)
        both = _both(labels, inventory.occurred)
        if both.all() and len(both) == folds:
            return labels, draw, 0
    labels, joined = _joined(labels, inventory)
    return labels, _DRAWS, joined


def _by_place(labels: Ints, place: Ints) -> Ints:
    """Rows that are the same place to .1 m follow the first of them."""
    first = np.unique(place, return_index=True)[1]
    _, packed = np.unique(labels[first][place], return_inverse=True)
    return np.asarray(packed, dtype=np.int64).reshape(-1)


def _both(labels: Ints, occurred: Bools) -> Bools:
    """Return for each fold whether it holds both outcomes."""
    size = int(labels.max()) + 1
    present = np.bincount(labels, weights=occurred, minlength=size)
    return (present > 0) & (present < np.bincount(labels, minlength=size))


def _joined(labels: Ints, inventory: TrainingData) -> tuple[Ints, int]:
    """Join each block of one outcome with the nearest block until none is left."""
    labels, joined = labels.copy(), 0
    while not (both := _both(labels, inventory.occurred)).all():
        if len(both) <= 2:  # noqa: PLR2004 - one fold is none
            raise LearnedError(
                "发生与未发生的样本在空间上完全分开，分不出两块都含两类样本的区域，无法做空间交叉验证；"
                "请在同一片区域内补充两类样本",
                "places with and without an occurrence lie apart, so that no two blocks hold both outcomes and spatial "
                "folds cannot be made; add samples of both kinds in the same area",
            )
        one = int(np.flatnonzero(~both)[0])
        centres = _centres(labels, inventory)
        away = np.hypot(*(centres - centres[one]).T)
        away[one] = np.inf
        labels[labels == one] = int(np.argmin(away))
        labels = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)
        joined += 1
    return labels, joined


def _centres(labels: Ints, inventory: TrainingData) -> Floats:
    count = np.bincount(labels)
    return np.column_stack([np.bincount(labels, weights=c) / count for c in (inventory.x, inventory.y)])


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """A table ready to train on. `rows` below the header = used + without a target + without a place.

    `left_out`: column → why it is no predictor. `units`: predictor → the unit in its header, or "". `words`:
    predictor whose classes are words → the words, whose codes are 1, 2, …
    """

    file: str
    digest: str
    rows: int
    without_target: int
    without_place: int
    positive: str
    negative: str
    crs: str
    inventory: TrainingData
    left_out: dict[str, str]
    units: dict[str, str]
    remarks: tuple[Diagnostic, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
