"""How an inventory is cut for cross-validation: into blocks of land, or at random.

Neighbouring places share soil, rock and rain. Where some of them train a model and others test it,
the test repeats the training: random folds flatter. Blocks ask what a district needs to know: how
good is the model where nobody has looked yet.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from riskmap.assess.learned.artefact import LearnedError
from riskmap.assess.learned.inventory import Bools, Floats, Ints, Inventory

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


def make_folds(inventory: Inventory, kind: FoldKind, *, repeats: int, seed: int, folds: int = FOLDS) -> Folds:
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


def check_enough(inventory: Inventory, *, folds: int = FOLDS) -> None:
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


def _random(inventory: Inventory, folds: int, rng: np.random.Generator) -> Ints:
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


def _spatial(inventory: Inventory, folds: int, rng: np.random.Generator) -> tuple[Ints, int, int]:
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


def _joined(labels: Ints, inventory: Inventory) -> tuple[Ints, int]:
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


def _centres(labels: Ints, inventory: Inventory) -> Floats:
    count = np.bincount(labels)
    return np.column_stack([np.bincount(labels, weights=c) / count for c in (inventory.x, inventory.y)])
