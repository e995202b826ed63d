"""Forest-fire risk of a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats


def grid_risk(fuel: ArrayLike, ignition: ArrayLike, access: ArrayLike, weather: ArrayLike = 1.0) -> Floats:
    """Return fire weather × fuel × ignition × access; classes rise with danger, weather 1 is "left out".

    3·4·2 = 24; with weather 2 it is 48. LY/T 1063 grades counties and is not meant for grids.
    """
    parts = (np.asarray(part, dtype=np.float64) for part in (fuel, ignition, access, weather))
    product = np.float64(1.0)
    for part in parts:
        product = product * part
    return np.asarray(product, dtype=np.float64)
