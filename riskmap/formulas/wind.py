"""Wind of a tropical cyclone from its centre, pressure and size: Holland 1980, 2008 and 2010.

Distances and radii in km, pressures and pressure drops in hPa, wind in m/s, latitude in degrees.
The functions of a distance keep its precision (float32 stays float32), because a field of millions
of pairs needs no more than that. Conventions of numbers (limits of B, the exponent's floor) follow
Holland's papers as CLIMADA 6 reads them.

R-CLIPER: rain of a tropical cyclone from its wind alone. Axisymmetric and weak: a fallback only.

How open a place is to the wind: a factor on the wind over sea, from the heights around it.

Simple and stated, no flow model. Draft figures: a mean wind loses about a quarter from sea to open land
(Harper, Kepert and Ginger 2010, from memory); loss behind high ground and gain on crests are set so that
no place is thought safer than .5 of the wind over sea.

Wind through the radii that a service issues: a profile in every direction, nothing assumed of pressure.

Issued radii say how far a wind blows in each quadrant. Through them and the maximum wind goes a curve that
is straight in the logarithms of distance and wind (a modified Rankine vortex whose exponent changes at
every radius). Nothing here is fitted to observations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.domain import along_curve, within

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


_INCH_A_DAY: Final = 25.4 / 24.0  # → mm/h


_STRONGEST: Final = 160.0  # knots; near 166 the radius of the strongest rain would vanish


def cyclone_rain(distance: ArrayLike, wind: ArrayLike) -> Floats:
    """Return the rain rate, mm/h, at a distance (km) from the centre of a cyclone with this wind (knots, 1 minute).

    U = 1 + (v − 35)/33; T0 = −1.10 + 3.96U and Tm = −1.60 + 4.80U inch/day; rm = 64.5 − 13U and
    re = 150 − 16U km; linear inside rm, exponential outside. Source: Tuleya, DeMaria and Kuligowski (2007).
    80 kt at 0, 20, 33.77, 100, 200 km → 8.742, 9.673, 10.314, 5.715, 2.344.
    """
    r = within(distance, 0.0, float("inf"), Text("距离（km）", "distance (km)"))
    v = within(wind, 0.0, _STRONGEST, Text("风速（节）", "wind (knots)"))
    u = 1.0 + (v - 35.0) / 33.0
    centre, most = np.maximum(-1.10 + 3.96 * u, 0.0), np.maximum(-1.60 + 4.80 * u, 0.0)
    radius, reach = 64.5 - 13.0 * u, 150.0 - 16.0 * u
    inside = centre + (most - centre) * r / radius
    outside = most * np.exp(-(r - radius) / reach)
    return np.asarray(np.where(r < radius, inside, outside) * _INCH_A_DAY, dtype=np.float64)


RINGS: Final = (500.0, 1000.0, 2000.0, 3000.0)  # m


BEARINGS: Final = tuple(range(0, 360, 45))


LAND_LOSS: Final = 0.25


SHELTER: Final = 2.0  # loss per tangent of the mean horizon


LEAST_BEHIND: Final = 0.65


CREST: Final = 0.3 / 300.0  # gain per metre above the ground within 1 km


MOST_ON_CREST: Final = 0.2


LAND: Final = 0.5  # m; lower is sea


_LEAST_EXPOSURE, _MOST = 0.5, 1.2


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
    return np.clip(factor, _LEAST_EXPOSURE, _MOST)


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


_NEAREST_RADIUS, _NO_WIND = 1e-3, 1e-6  # km, m/s: what a logarithm begins at


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
    far: Any = np.log(np.maximum(distance, _NEAREST_RADIUS))
    middle = math.log(radius)
    level: Any = np.log(np.maximum(strongest, _NO_WIND))
    at: Any = middle
    out: Any = level + np.zeros_like(far)
    last: Any = OUTER
    for speed, where in anchors:
        place: Any = np.log(np.maximum(where, _NEAREST_RADIUS))
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
