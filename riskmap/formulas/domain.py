"""The range in which a formula means something: what lies outside is refused, what is unknown passes.

Rounding a number as people see it: by its decimal digits, not by the float's last bits.

Bands and curves: a number → its class, or a value between stated points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.errors import FormulaError, Text


def within(
    given: ArrayLike, low: float, high: float, title: Text, *, above: bool = False, below: bool = False
) -> Floats:
    """Return the numbers as float64; FormulaError names one outside low–high. NaN is let through.

    With `above`, `low` itself is outside; with `below`, `high` itself is.
    """
    x = np.asarray(given, dtype=np.float64)
    wrong = ((x <= low) if above else (x < low)) | ((x >= high) if below else (x > high))
    if bool(wrong.any()):
        found = float(x[wrong].flat[0])
        zh = f"{'大于' if above else '不小于'} {low:g}"
        en = f"{'above' if above else 'at least'} {low:g}"
        if high < np.inf:
            zh += f"、{'小于' if below else '不大于'} {high:g}"
            en += f" and {'below' if below else 'at most'} {high:g}"
        raise FormulaError(
            f"{title.zh}：{found:g} 不可能；应{zh}", f"{title.en}: {found:g} cannot be; it is {en}"
        )
    return x


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
