"""How open a place is to the wind: a factor on the wind over sea, from the heights around it.

Simple and stated, no flow model. Draft figures: a mean wind loses about a quarter from sea to open land
(Harper, Kepert and Ginger 2010, from memory); loss behind high ground and gain on crests are set so that
no place is thought safer than .5 of the wind over sea.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.formulas.steps import Floats

RINGS: Final = (500.0, 1000.0, 2000.0, 3000.0)  # m
BEARINGS: Final = tuple(range(0, 360, 45))
LAND_LOSS: Final = 0.25
SHELTER: Final = 2.0  # loss per tangent of the mean horizon
LEAST_BEHIND: Final = 0.65
CREST: Final = 0.3 / 300.0  # gain per metre above the ground within 1 km
MOST_ON_CREST: Final = 0.2
LAND: Final = 0.5  # m; lower is sea
_LEAST, _MOST = 0.5, 1.2


def exposure(height: ArrayLike, around: ArrayLike) -> Floats:
    """Return the factor, .5–1.2, from a place's height float[n] and those around, float[rings, bearings, n], metres.

    (1 − .25·land)·max(1 − 2·horizon, .65)·(1 + crest): land is the share of the heights around above .5 m (no
    data is sea, which shelters nobody), horizon the mean over the bearings of the steepest rise, crest .001 for
    each metre above the mean within 1 km, at most .2. NaN where the place's own height is.
    Flat land → .75; an islet of 40 m in the sea → 1.04.
    """
    own = np.asarray(height, np.float64)
    ground: NDArray[np.float64] = np.nan_to_num(np.asarray(around, np.float64), nan=0.0)
    land = np.mean(ground > LAND, axis=(0, 1))
    rise = (ground - own) / np.array(RINGS)[:, None, None]
    horizon = np.mean(np.maximum(rise.max(axis=0), 0.0), axis=0)
    above = own - ground[: sum(r <= 1000.0 for r in RINGS)].mean(axis=(0, 1))
    crest = np.clip(CREST * above, 0.0, MOST_ON_CREST)
    factor = (1.0 - LAND_LOSS * land) * np.maximum(1.0 - SHELTER * horizon, LEAST_BEHIND) * (1.0 + crest)
    return np.clip(factor, _LEAST, _MOST)
