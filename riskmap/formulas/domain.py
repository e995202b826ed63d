"""The range in which a formula means something: what lies outside is refused, what is unknown passes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import FormulaError, Say
from riskmap.formulas.steps import Floats


def within(
    given: ArrayLike, low: float, high: float, title: Say, *, above: bool = False, below: bool = False
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
