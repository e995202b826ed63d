"""Wind of a tropical cyclone from its centre, pressure and size: Holland 1980, 2008 and 2010.

Distances and radii in km, pressures and pressure drops in hPa, wind in m/s, latitude in degrees.
The functions of a distance keep its precision (float32 stays float32), because a field of millions
of pairs needs no more than that. Conventions of numbers (limits of B, the exponent's floor) follow
Holland's papers as CLIMADA 6 reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.formulas.steps import Floats, along_curve

Reals = NDArray[np.floating[Any]]

KNOT: Final = 1852.0 / 3600.0  # m/s
NAUTICAL_MILE: Final = 1.852  # km
DEGREE: Final = 111.12  # km
OMEGA: Final = 7.29e-5  # rad/s
DENSITY: Final = 1.15  # kg/m³, Holland 1980
SURFACE: Final = 0.9  # wind at the surface ÷ gradient wind; Franklin, Black and Valde 2003
B_LIMITS: Final = (1.0, 2.5)  # Holland 1980, of the gradient wind
B_SURFACE_LIMITS: Final = (B_LIMITS[0] * SURFACE**2, B_LIMITS[1] * SURFACE**2)
FARTHEST: Final = 300.0  # km; nothing is computed beyond
PERIPHERY: Final = (17.0, 300.0)  # Holland 2010: the wind, m/s, that is assumed at this distance, km
_INNER, _LEAST = 0.5, 0.4  # Holland 2010: the exponent inside the radius of maximum wind, and its floor
_NEAREST: Final = 1e-3  # km

_TO_TEN_MINUTES: Final[Mapping[float, float]] = {1.0: 0.93, 2.0: 0.97, 10.0: 1.0}
"""Mean wind over 1 or 2 minutes → over 10, at sea. Draft: 1 minute as in Harper, Kepert and Ginger
(2010), WMO/TD-1555, table 1.2, from memory; 2 minutes between the two. The .88 that agencies used before
goes with the way in which they estimate a maximum, not with wind: docs/decisions/0014."""

GUST: Final[Mapping[str, float]] = {"sea": 1.23, "coast": 1.38, "open": 1.52, "built": 1.66}
"""3-second gust ÷ 10-minute mean by exposure. Draft: Harper, Kepert and Ginger (2010), table 1.1
(at-sea, off-sea, off-land, in-land), from memory."""

BEAUFORT: Final = (
    0.0,
    0.3,
    1.6,
    3.4,
    5.5,
    8.0,
    10.8,
    13.9,
    17.2,
    20.8,
    24.5,
    28.5,
    32.7,
    37.0,
    41.5,
    46.2,
    51.0,
    56.1,
)
"""Force → least mean wind, m/s, forces 0–17 (GB/T 28591)."""

_PRESSURES: Final = (872.0, 940.0, 980.0, 1021.0)
_RADII_NMI: Final = (14.907318, 15.726927, 25.742142, 56.856522)


def coriolis(lat: ArrayLike) -> Floats:
    """Return the Coriolis parameter, 1/s, without its sign. 22° → 5.4618e−5."""
    return np.asarray(2.0 * OMEGA * np.sin(np.radians(np.abs(np.asarray(lat, np.float64)))), np.float64)


def gradient_wind(
    distance: ArrayLike, *, radius: float, drop: float, b: float, lat: float, density: float = DENSITY
) -> Reals:
    """Return Holland's gradient wind, m/s, at a distance from the centre.

    V = √[(B/ρ)(R/r)^B·Δp·e^(−(R/r)^B) + (rf/2)²] − rf/2. Source: Holland (1980), Mon. Weather Rev. 108,
    eq. 4. Δp 65, B 1.5, R 40, 22° N at 40, 80, 120, 200, 300 km → 54.766, 43.746, 33.557, 21.432, 13.262.
    """
    r = np.maximum(_reals(distance), _NEAREST)
    turning = r * (0.5 * float(coriolis(lat)) * 1000.0)
    power = np.exp(b * np.log(radius / r))
    return np.sqrt(power * np.exp(-power) * (b / density * drop * 100.0) + turning * turning) - turning


def holland2010_wind(
    distance: ArrayLike, *, radius: float, strongest: float, b: float, periphery: float
) -> Reals:
    """Return the surface wind, m/s, by Holland, Belanger and Fritz (2010), eq. 6 and 10.

    V = vm·[(R/r)^b·e^(1 − (R/r)^b)]^x; x is .5 inside R and goes linearly to `periphery` (see
    `periphery_exponent`) at 300 km, never below .4. At r = R the wind is `strongest`.
    """
    r = np.maximum(_reals(distance), _NEAREST)
    slope = (periphery - _INNER) / (PERIPHERY[1] - radius)
    x = np.maximum(_INNER + np.maximum(r - radius, 0.0) * slope, _LEAST)
    logarithm = b * np.log(radius / r)
    return strongest * np.exp(x * (logarithm + 1.0 - np.exp(logarithm)))


def b_1980(wind: ArrayLike, motion: ArrayLike, drop: ArrayLike) -> Floats:
    """Return B = vg²·e·ρ/Δp within 1–2.5, vg = max(vmax − vt, 0)/.9 (Holland 1980, eq. 5 and 6).

    50 m/s, moving at 5, Δp 65 → 1.2023.
    """
    still = np.maximum(_floats(wind) - _floats(motion), 0.0) / SURFACE
    return np.clip(still**2 * np.e * DENSITY / (_floats(drop) * 100.0), *B_LIMITS)


def b_2008(*, drop: ArrayLike, tendency: ArrayLike, lat: ArrayLike, motion: ArrayLike) -> Floats:
    """Return b of the surface wind within .81–2.025; `tendency` is that of the central pressure, hPa/h.

    b = −4.4e−5Δp² + .01Δp + .03dp/dt − .014|lat| + .15vt^x + 1, x = .6(1 − Δp/215). Source: Holland
    (2008), Mon. Weather Rev. 136, eq. 11. Δp 65, steady, 22° N, 5 m/s → 1.4503.
    """
    dp = _floats(drop)
    moving = 0.15 * _floats(motion) ** (0.6 * (1.0 - dp / 215.0))
    b = -4.4e-5 * dp**2 + 0.01 * dp + 0.03 * _floats(tendency) - 0.014 * np.abs(_floats(lat)) + moving + 1.0
    return np.clip(b, *B_SURFACE_LIMITS)


def wind_2008(b: ArrayLike, drop: ArrayLike) -> Floats:
    """Return the strongest surface wind, m/s over 1 minute, from pressure: √(b/(ρe)·Δp) (Holland 2008).

    b 1.4, Δp 65 → 53.954.
    """
    return np.sqrt(_floats(b) / (DENSITY * np.e) * _floats(drop) * 100.0)


def periphery_exponent(*, strongest: ArrayLike, b: ArrayLike, radius: ArrayLike) -> Floats:
    """Return the exponent at 300 km with which the wind there is 17 m/s (Holland et al. 2010, eq. 10).

    50 m/s, b 1.4, R 40 km → .5737.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (_floats(radius) / PERIPHERY[1]) ** _floats(b)
        return np.log(PERIPHERY[0] / _floats(strongest)) / (np.log(share) + 1.0 - share)


def missing_pressure(lat: ArrayLike, lon: ArrayLike, wind: ArrayLike) -> Floats:
    """Return the central pressure, hPa, that goes with a wind (m/s over 1 minute): a linear fit to IBTrACS.

    1026.3401 − .05504lat − .03536lon − .7357kt. Source: Gettelman et al. (2017) and CLIMADA, 1980–2020.
    22° N, 114° E, 100 kt → 947.528.
    """
    return 1026.3401 - 0.05504 * _floats(lat) - 0.03536 * _floats(lon) - 0.7357 * (_floats(wind) / KNOT)


def missing_wind(lat: ArrayLike, lon: ArrayLike, pressure: ArrayLike) -> Floats:
    """Return the maximum wind, m/s over 1 minute, that goes with a central pressure; never below 0.

    1216.5223 − .04086lat − .0419lon − 1.1797p knots, a linear fit to IBTrACS 1980–2020. Source: CLIMADA.
    22° N, 114° E, 950 hPa → 46.368.
    """
    knots = 1216.5223 - 0.04086 * _floats(lat) - 0.0419 * _floats(lon) - 1.1797 * _floats(pressure)
    return np.maximum(knots, 0.0) * KNOT


def missing_radius(pressure: ArrayLike) -> Floats:
    """Return the radius of maximum wind, km, that goes with a central pressure; flat outside 872–1021 hPa.

    Linear through 872/940/980/1021 hPa → 14.907/15.727/25.742/56.857 nmi. Source: fit to IBTrACS
    1980–2019, CLIMADA. 960 hPa → 38.400 km.
    """
    return along_curve(pressure, _PRESSURES, _RADII_NMI) * NAUTICAL_MILE


def averaging_factor(given: float, wanted: float) -> float:
    """Return by what a mean wind over `given` minutes is multiplied to be one over `wanted`; NaN: unknown.

    1 → 10: .93; 10 → 1: 1.0753; 2 → 1: 1.0430; 10 → 10: 1; NaN → 10: NaN; the draft factors hold at sea.
    The only place where averaging times are converted.
    """
    if given == wanted:
        return 1.0
    return _TO_TEN_MINUTES.get(given, np.nan) / _TO_TEN_MINUTES.get(wanted, np.nan)


def gust(wind: ArrayLike, *, averaging: float, where: str) -> Floats:
    """Return the 3-second gust, m/s, that goes with a mean wind over `averaging` minutes; `where` is a key of `GUST`.

    40 m/s over 10 minutes at sea → 49.2; NaN where the averaging time is not known.
    """
    return _floats(wind) * (averaging_factor(averaging, 10.0) * GUST[where])


def beaufort(wind: ArrayLike) -> Floats:
    """Return the force, 0–17, of a mean wind; a limit belongs to the higher force, NaN stays NaN.

    13.9 → 7; 24.4 → 9; 60 → 17.
    """
    v = _floats(wind)
    return np.where(np.isfinite(v), np.searchsorted(np.array(BEAUFORT), v, side="right") - 1.0, np.nan)


def _floats(given: ArrayLike) -> Floats:
    return np.asarray(given, dtype=np.float64)


def _reals(given: ArrayLike) -> Reals:
    """Return the numbers in their own precision, float64 where they are no floats."""
    found: Any = np.asarray(given)
    return found if np.issubdtype(found.dtype, np.floating) else np.asarray(found, dtype=np.float64)
