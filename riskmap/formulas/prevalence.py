"""From the share of occurrences in a sample to their share in the land: prior correction.

An inventory that holds as many places with as without a landslide (50/50) teaches a model that
every second place slides. Its ranking is right, its probabilities are not frequencies until the
true share is put in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats


def corrected(probability: ArrayLike, *, sample_share: float, prevalence: float) -> Floats:
    """Return the probability where occurrences have the share `prevalence` and not `sample_share`, all 0–1.

    The odds are multiplied by [π/(1 − π)]·[(1 − s)/s], which is the same as moving the intercept of a
    logistic regression. The order of the places does not change. NaN stays NaN.
    Source: King & Zeng (2001), Political Analysis 9(2), 137–163, prior correction; Elkan (2001), IJCAI,
    theorem 2 (both from memory). With s = .5 and π = .01: .5 → .01, .9 → .083333, 0 → 0, 1 → 1.
    ValueError where a share does not lie between 0 and 1.
    """
    for share in (sample_share, prevalence):
        if not 0.0 < share < 1.0:
            raise ValueError(f"a share lies between 0 and 1, not {share}")
    p = np.asarray(probability, dtype=np.float64)
    present, absent = prevalence / sample_share, (1.0 - prevalence) / (1.0 - sample_share)
    return p * present / (p * present + (1.0 - p) * absent)
