"""Bands and curves: a number → its class, or a value between stated points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def through_bands(x: ArrayLike, lower: Sequence[float], values: Sequence[float]) -> Floats:
    """Return for each x the value of the band it lies in; a lower limit belongs to its band.

    `lower` ascending, `values` as long. x below the first limit, NaN and infinity are in no band
    (NaN). Bands from 0, .15 and .27 with values 1, 2, 3: .1 → 1, .15 → 2, 5 → 3.
    """
    number = np.asarray(x, dtype=np.float64)
    of_place = np.array([np.nan, *values])
    place = np.searchsorted(np.asarray(lower, dtype=np.float64), number, side="right")
    return np.where(np.isfinite(number), of_place[place], np.nan)


def along_curve(x: ArrayLike, knots: Sequence[float], values: Sequence[float]) -> Floats:
    """Return values linear between knots (ascending) and flat outside; NaN stays NaN.

    Knots 0 and 10 with values 0 and 100: 2.5 → 25, −1 → 0, 11 → 100.
    """
    number: Any = np.interp(np.asarray(x, dtype=np.float64), knots, values)
    return np.asarray(number, dtype=np.float64)
