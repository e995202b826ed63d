"""The training table as the models see it: predictors, outcome, places; the same for any order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Kind = Literal["number", "switch", "code"]

_SAME_PLACE: Final = 0.1  # metres


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """Places where something occurred or not. All arrays are parallel to the rows.

    `values`: rows × predictors, NaN where not known. `kinds`: a number; a switch (two values); a
    code (its size means nothing). `occurred`: the outcome. `x`, `y`: metres in one projection;
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
            if self.kinds[i] == "code"
        }


def known(column: Floats) -> Floats:
    """Return the distinct known values of a column, ascending."""
    return np.unique(column[~np.isnan(column)])


def kind_of(column: Floats, *, code: bool) -> Kind:
    """Return what a column is: a code where it is said to be one, a switch where it has two values."""
    if code:
        return "code"
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
) -> Inventory:
    """Return the inventory, its rows sorted by place, outcome and values.

    A file saved in another order is the same inventory and gives the same models.
    """
    east, north = np.round(x / _SAME_PLACE), np.round(y / _SAME_PLACE)
    keys = [*(np.nan_to_num(v, nan=np.inf) for v in values.T[::-1]), occurred, north, east]
    order = np.lexsort(keys)
    _, place = np.unique(np.column_stack([east, north])[order], axis=0, return_inverse=True)
    return Inventory(
        predictors=tuple(predictors),
        kinds=tuple(kind_of(values[:, i], code=name in codes) for i, name in enumerate(predictors)),
        values=np.ascontiguousarray(values[order]),
        occurred=occurred[order],
        x=x[order],
        y=y[order],
        lon=lon[order],
        lat=lat[order],
        place=np.asarray(place, dtype=np.int64).reshape(-1),
    )
