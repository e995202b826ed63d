"""Wind through the radii that a service issues: a profile in every direction, nothing assumed of pressure.

Issued radii say how far a wind blows in each quadrant. Through them and the maximum wind goes a curve that
is straight in the logarithms of distance and wind (a modified Rankine vortex whose exponent changes at
every radius). Nothing here is fitted to observations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats
from riskmap.formulas.wind import Reals

OUTER: Final = 0.5
"""Decay exponent of the wind outside its maximum, V ~ r^−x. Draft: cyclones have .4–.6 (Anthes 1982, from memory)."""
RADIUS_LIMITS: Final = (
    10.0,
    100.0,
)  # km; where the maximum wind may lie when only outer radii are known. Draft
ASYMMETRY: Final = (
    0.55  # share of the motion in the wind at the surface. Draft: Lin and Chavas 2012, from memory
)
_FLATTEST, _STEEPEST = 0.25, 2.0  # limits of an exponent beyond the last radius
_APART: Final = 0.02  # of logarithms: radii nearer to each other than 2 % are one
_NEAREST, _NO_WIND = 1e-3, 1e-6  # km, m/s: what a logarithm begins at
_CORE: Final = 1.5  # Holland's b inside the maximum


def inferred_radius(strongest: ArrayLike, speed: ArrayLike, radius: ArrayLike) -> Floats:
    """Return the radius of maximum wind, km, from which V ~ r^−.5 meets `speed` (m/s) at `radius` (km).

    Within 10–100 km. 38.6 m/s and 25.7 m/s at 167 km → 74.0.
    """
    ratio = np.asarray(speed, np.float64) / np.asarray(strongest, np.float64)
    return np.clip(np.asarray(radius, np.float64) * ratio ** (1.0 / OUTER), *RADIUS_LIMITS)


def in_quadrants(four: Sequence[float] | Floats, northeast: Reals, southeast: Reals) -> Reals:
    """Return a value that goes smoothly round the centre and is NE, SE, SW, NW in the quadrants' middles.

    `northeast` and `southeast` are the components, −1 to 1, of the unit vector towards a place. Between the
    middles of two quadrants their shares are cos² and sin² of the angle, so nothing overshoots.
    """
    ne, se, sw, nw = (np.float32(x) for x in four)  # single: doubles would widen single places
    across: Any = np.where(northeast > 0, ne, sw)
    along: Any = np.where(southeast > 0, se, nw)
    return northeast * northeast * across + southeast * southeast * along


def radii_wind(
    distance: Reals,
    *,
    radius: float,
    strongest: Reals | float,
    anchors: Sequence[tuple[float, Reals | float]],
) -> Reals:
    """Return the wind, m/s, at a distance (km): `strongest` at `radius`, and each anchor's at its own radius.

    `anchors`: (wind, radii at the same places), strongest first; one that lies inside the one before, or is
    not weaker, is passed over. Beyond the last the curve goes on with its exponent, within .25–2; without
    any it is .5. Inside `radius` the wind falls as in Holland's profile (b 1.5).
    40 m/s at 50 km, 25 at 200 km: 100 km → 31.623, 50 → 40, 25 → 26.965.
    """
    far: Any = np.log(np.maximum(distance, _NEAREST))
    middle = math.log(radius)
    level: Any = np.log(np.maximum(strongest, _NO_WIND))
    at: Any = middle
    out: Any = level + np.zeros_like(far)
    last: Any = OUTER
    for speed, where in anchors:
        place: Any = np.log(np.maximum(where, _NEAREST))
        value = math.log(speed)
        gap: Any = place - at
        fall: Any = level - value
        good: Any = (gap > _APART) & (fall > 0)
        slope: Any = fall / np.maximum(gap, _APART)
        if good.all():
            out -= slope * np.minimum(np.maximum(far - at, 0.0), gap)
            at, level, last = place, value, slope
        elif good.any():
            out -= _either(good, slope, 0.0) * np.minimum(np.maximum(far - at, 0.0), np.maximum(gap, 0.0))
            at, level = _either(good, place, at), _either(good, value, level)
            last = _either(good, slope, last)
    out -= np.minimum(np.maximum(last, _FLATTEST), _STEEPEST) * np.maximum(far - at, 0.0)
    if far.min() < middle:
        inner: Any = _CORE * np.maximum(middle - far, 0.0)
        out += 0.5 * (inner + 1.0 - np.exp(inner))
    np.exp(out, out=out)
    return out


def _either(condition: Any, one: Any, other: Any) -> Any:
    return cast("Any", np.where(condition, one, other))
