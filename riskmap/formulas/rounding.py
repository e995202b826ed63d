"""Rounding a number as people see it: by its decimal digits, not by the float's last bits."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats

Rounding = Literal["half_away", "half_even", "down"]

_DIGITS: Final = 15  # what a float surely holds, and what spreadsheets compute with
_LEAST: Final = 1e-12  # far below half of any last place that may be asked for
_POWERS: Final = 10.0 ** np.arange(_DIGITS + 12)
_WHOLE: Final = 10 ** np.arange(18, dtype=np.int64)
_MOST_DECIMALS: Final = 9


def round_decimals(x: ArrayLike, decimals: int, *, how: Rounding = "half_away") -> Floats:
    """Return x rounded to `decimals` (0–9) as a spreadsheet rounds it: by its first 15 digits.

    `how`: "half_away" from zero (ROUND of Excel), "half_even" (R, IEEE 754), "down" towards zero
    (ROUNDDOWN; how PERCENTRANK.INC cuts its digits). Float noise decides nothing: 2.675, which is
    2.67499999999999982…, → 2.68; .1 + .2 cut to one decimal → .3; 1.0049999999 → 1.0 at two; −2.5 →
    −3 at none. NaN stays NaN.
    """
    number = np.asarray(x, dtype=np.float64)
    size = np.abs(number)
    usable = (size >= _LEAST) & (size < 10.0**_DIGITS)
    safe = np.where(usable, size, 1.0)
    place = np.floor(np.log10(safe)).astype(np.int64)
    digits = np.rint(safe * _POWERS[_DIGITS - 1 - place]).astype(np.int64)
    dropped = _DIGITS - 1 - place - decimals  # decimal digits after the last one that is kept
    unit = _WHOLE[np.clip(dropped, 0, len(_WHOLE) - 1)]
    kept, rest = np.divmod(digits, unit)
    if how == "half_away":
        kept = kept + (2 * rest >= unit)
    elif how == "half_even":
        kept = kept + ((2 * rest > unit) | ((2 * rest == unit) & (kept % 2 == 1)))
    rounded = np.copysign(kept / 10.0**decimals, number)
    rounded = np.where(size < _LEAST, 0.0, rounded)
    return (
        np.where(np.isnan(number) | (size >= 10.0**_DIGITS) | (usable & (dropped <= 0)), number, rounded)
        + 0.0
    )


def significant(x: ArrayLike, digits: int) -> Floats:
    """Return x rounded to so many significant digits: .1 + .2 and .3 become one number.

    Sums that are equal on paper differ in their last bits by the order of their terms; they must
    not get different ranks. 12 digits: .30000000000000004 → .3. NaN and infinity stay.
    """
    number: Any = np.asarray(x, dtype=np.float64)
    usable = np.isfinite(number) & (np.abs(number) > 1e-280) & (np.abs(number) < 1e280)
    safe = np.where(usable, number, 1.0)
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(safe))))
    return np.where(usable, np.rint(safe * scale) / scale, number)
