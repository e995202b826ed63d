"""LEC: the danger of work in a hazardous place, D = L·E·C (Graham and Kinney)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats

LIKELIHOOD: Final = (10.0, 6.0, 3.0, 1.0, 0.5, 0.2, 0.1)
EXPOSURE: Final = (10.0, 6.0, 3.0, 2.0, 1.0, 0.5)
CONSEQUENCE: Final = (100.0, 40.0, 15.0, 7.0, 3.0, 1.0)


def danger(likelihood: ArrayLike, exposure: ArrayLike, consequence: ArrayLike) -> Floats:
    """Return D = L·E·C. 3·6·15 = 270, 6·6·15 = 540, 1·6·15 = 90, .5·6·7 = 21."""
    factors = (np.asarray(f, dtype=np.float64) for f in (likelihood, exposure, consequence))
    product = np.float64(1.0)
    for factor in factors:
        product = product * factor
    return np.asarray(product, dtype=np.float64)
