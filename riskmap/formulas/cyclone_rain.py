"""R-CLIPER: rain of a tropical cyclone from its wind alone. Axisymmetric and weak: a fallback only."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import Say
from riskmap.formulas.domain import within
from riskmap.formulas.steps import Floats

_INCH_A_DAY: Final = 25.4 / 24.0  # → mm/h
_STRONGEST: Final = 160.0  # knots; near 166 the radius of the strongest rain would vanish


def cyclone_rain(distance: ArrayLike, wind: ArrayLike) -> Floats:
    """Return the rain rate, mm/h, at a distance (km) from the centre of a cyclone with this wind (knots, 1 minute).

    U = 1 + (v − 35)/33; T0 = −1.10 + 3.96U and Tm = −1.60 + 4.80U inch/day; rm = 64.5 − 13U and
    re = 150 − 16U km; linear inside rm, exponential outside. Source: Tuleya, DeMaria and Kuligowski (2007).
    80 kt at 0, 20, 33.77, 100, 200 km → 8.742, 9.673, 10.314, 5.715, 2.344.
    """
    r = within(distance, 0.0, float("inf"), Say("距离（km）", "distance (km)"))
    v = within(wind, 0.0, _STRONGEST, Say("风速（节）", "wind (knots)"))
    u = 1.0 + (v - 35.0) / 33.0
    centre, most = np.maximum(-1.10 + 3.96 * u, 0.0), np.maximum(-1.60 + 4.80 * u, 0.0)
    radius, reach = 64.5 - 13.0 * u, 150.0 - 16.0 * u
    inside = centre + (most - centre) * r / radius
    outside = most * np.exp(-(r - radius) / reach)
    return np.asarray(np.where(r < radius, inside, outside) * _INCH_A_DAY, dtype=np.float64)
