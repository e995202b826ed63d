"""Slope stability: the infinite slope, SINMAP and the states of GB 50330.

Rain that sets slopes moving: intensity–duration lines, warning thresholds, the antecedent index.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.errors import FormulaError, Text
from riskmap.formulas.domain import within

WATER: Final = 9.81


"""Unit weight of water, kN/m³."""


SINMAP_LIMITS: Final = (0.0, 0.5, 1.0, 1.25, 1.5)


"""Lower limits of the stability index classes. From memory (draft)."""


STATE_LIMITS: Final = (1.00, 1.05)


"""Below the first 不稳定, below the second 欠稳定. GB 50330, from memory (draft)."""


SAFETY_WANTED: Final = (1.35, 1.30, 1.25)


"""Fst by safety grade 1, 2, 3. GB 50330, from memory (draft); grade and case decide which one holds."""


_INF: Final = float("inf")


def infinite_slope_safety(
    *,
    cohesion: ArrayLike,
    friction: ArrayLike,
    weight: ArrayLike,
    depth: ArrayLike,
    angle: ArrayLike,
    wetness: ArrayLike,
) -> Floats:
    """Return FS of a planar slide parallel to the slope.

    FS = [c + (γ − m·γw)·z·cos²θ·tanφ] / (γ·z·sinθ·cosθ); cohesion kPa, friction and angle degrees, weight
    kN/m³, depth m, wetness m 0–1 (share of the depth under water). Level ground is ∞. Source: Skempton and
    DeLory (1957). c 8, φ 32, γ 19, z 2, θ 38 with m 0, .5, 1 → 1.2337, 1.0273, .8208.
    """
    c = within(cohesion, 0.0, _INF, Text("黏聚力（kPa）", "cohesion (kPa)"))
    g = within(weight, 0.0, _INF, Text("重度（kN/m³）", "unit weight (kN/m³)"), above=True)
    z = within(depth, 0.0, _INF, Text("滑面深度（m）", "depth (m)"), above=True)
    m = within(wetness, 0.0, 1.0, Text("饱水比", "wetness"))
    tan, sin, cos = _angles(friction, angle)
    return _over(c + (g - m * WATER) * z * cos**2 * tan, g * z * sin * cos)


def sinmap_wetness(
    *, recharge: ArrayLike, catchment: ArrayLike, transmissivity: ArrayLike, angle: ArrayLike
) -> Floats:
    """Return w = min(R·a/(T·sinθ), 1); R m/d, a m (area per contour length), T m²/d, θ degrees.

    Level ground with water flowing in is full, 1. Source: Pack, Tarboton and Goodwin (1998).
    R .1, a 50, T 20, θ 38 → .4061.
    """
    r = within(recharge, 0.0, _INF, Text("补给量（m/d）", "recharge (m/d)"))
    a = within(catchment, 0.0, _INF, Text("单位汇水面积（m）", "specific catchment (m)"))
    t = within(transmissivity, 0.0, _INF, Text("导水系数（m²/d）", "transmissivity (m²/d)"), above=True)
    _, sin, _ = _angles(0.0, angle)
    water = r * a
    full = np.minimum(_over(water, t * sin), 1.0)
    return np.asarray(np.where(water == 0.0, 0.0 * full, full), dtype=np.float64)


def sinmap_safety(
    *,
    cohesion: ArrayLike,
    friction: ArrayLike,
    angle: ArrayLike,
    wetness: ArrayLike,
    density_ratio: ArrayLike,
) -> Floats:
    """Return SINMAP's FS = [C + cosθ(1 − w·r)tanφ]/sinθ, C = c/(γ·z·cosθ) dimensionless, r = γw/γ.

    At the same wetness it is the infinite slope. Source: Pack, Tarboton and Goodwin (1998). The slope of
    `infinite_slope_safety` with w .4061 → 1.0661.
    """
    c = within(cohesion, 0.0, _INF, Text("无量纲黏聚力", "dimensionless cohesion"))
    w = within(wetness, 0.0, 1.0, Text("湿度", "wetness"))
    r = within(density_ratio, 0.0, 1.0, Text("水土密度比", "density ratio"))
    tan, sin, cos = _angles(friction, angle)
    return _over(c + cos * (1.0 - w * r) * tan, sin)


def sinmap_class(index: ArrayLike) -> Floats:
    """Return the class 1–6 of a stability index, 6 the worst: ≥ 1.5, ≥ 1.25, ≥ 1, ≥ .5, ≥ 0, below (from memory).

    Here ∞ is class 1. 1.6 → 1; 1.25 → 2; 1 → 3; .99 → 4; .2 → 5; −.1 → 6.
    """
    x = np.asarray(index, dtype=np.float64)
    place = np.searchsorted(np.array(SINMAP_LIMITS), x, side="right").astype(np.float64)
    return np.asarray(np.where(np.isnan(x), np.nan, 6.0 - place), dtype=np.float64)


def stability_state(safety: ArrayLike, wanted: ArrayLike) -> Floats:
    """Return 4 不稳定 (< 1), 3 欠稳定 (< 1.05), 2 基本稳定 (< Fst), 1 稳定; `wanted` is Fst.

    Source: GB 50330, from memory. With Fst 1.30: .99 → 4, 1 → 3, 1.05 → 2, 1.29 → 2, 1.30 → 1.
    """
    fs, fst = np.asarray(safety, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    # A computed 1.2999999999999998 is the 1.30 that everybody else sees.
    fs = np.round(fs, 9)
    fst = within(fst, STATE_LIMITS[1], _INF, Text("稳定安全系数 Fst", "wanted safety Fst"))
    state = np.where(
        fs < STATE_LIMITS[0], 4.0, np.where(fs < STATE_LIMITS[1], 3.0, np.where(fs < fst, 2.0, 1.0))
    )
    return np.asarray(np.where(np.isnan(fs) | np.isnan(fst), np.nan, state), dtype=np.float64)


def _angles(friction: ArrayLike, angle: ArrayLike) -> tuple[Floats, Floats, Floats]:
    phi = within(friction, 0.0, 90.0, Text("内摩擦角（°）", "friction angle (°)"), below=True)
    theta = np.radians(within(angle, 0.0, 90.0, Text("坡角（°）", "slope angle (°)"), below=True))
    tan: Floats = np.asarray(np.tan(np.radians(phi)), dtype=np.float64)
    return tan, np.asarray(np.sin(theta), dtype=np.float64), np.asarray(np.cos(theta), dtype=np.float64)


def _over(holding: Floats, driving: Floats) -> Floats:
    some = np.where(driving == 0.0, 1.0, driving)
    known = ~np.isnan(holding)
    return np.asarray(np.where((driving == 0.0) & known, np.inf, holding / some), dtype=np.float64)


CAINE: Final = (14.82, -0.39)


"""α and β of Caine (1980), the global line for shallow slides and debris flows."""


GUZZETTI: Final = (2.20, -0.44)


"""α and β of Guzzetti et al. (2008). A *minimum* line: in a wet climate it would alarm constantly."""


NO_ALERT, YELLOW, ORANGE, RED = 0.0, 1.0, 2.0, 3.0


_RAIN: Final = Text("降水量（mm）", "rain (mm)")


def threshold_intensity(hours: ArrayLike, line: tuple[float, float] = CAINE) -> Floats:
    """Return the threshold I = α·D^β in mm/h for a duration in hours. Caine at 1, 6, 24 h → 14.82, 7.368, 4.291."""
    duration = within(hours, 0.0, _INF, Text("历时（h）", "duration (h)"), above=True)
    return np.asarray(line[0] * duration ** line[1], dtype=np.float64)


def antecedent_index(daily: ArrayLike) -> Floats:
    """Return ARI = Σ p/(t + 1)² ÷ Σ 1/(t + 1)², mm, over the last axis: today first, then the days before.

    A day that is not known makes it unknown. 80, 30, 0, 10, 0, 5, 0 → 58.383.
    """
    rain = within(daily, 0.0, _INF, _RAIN)
    weight = 1.0 / (np.arange(rain.shape[-1], dtype=np.float64) + 1.0) ** 2
    index: Any = (rain * weight).sum(axis=-1) / weight.sum()
    return np.asarray(index, dtype=np.float64)


def slope_alert(
    rain_3h: ArrayLike,
    rain_24h: ArrayLike,
    susceptibility: ArrayLike,
    *,
    limits_3h: ArrayLike,
    limits_24h: ArrayLike,
    matrix: ArrayLike,
) -> Floats:
    """Return 0 none, 1 yellow, 2 orange, 3 red for slopes by class, 3-hour rain and 24-hour rain (mm).

    `susceptibility` is the class 1…n; row i − 1 of `limits_3h` and `limits_24h` (n, k) holds the ascending
    lower limits of that class (a limit belongs to the higher step, ∞ where a step does not exist).
    `matrix` (k + 1, k + 1): row the step of the 3-hour rain, column that of the 24-hour rain, values 0–3
    that never fall with more rain. There are no defaults: thresholds are local. Unknown rain leaves the
    alert unknown, unless what is known is red already.

    Pattern: Wei et al. (2018), Natural Hazards and Earth System Sciences 18, 1717. Class 1 with limits
    (60, 90) mm in 3 h and (200, 300) mm in 24 h and the matrix [[0, 1, 2], [1, 2, 3], [2, 3, 3]]:
    50 and 250 mm → 1; 60 and 250 → 2; 90 and 300 → 3.
    """
    short, long = within(rain_3h, 0.0, _INF, _RAIN), within(rain_24h, 0.0, _INF, _RAIN)
    first, second = _limits(limits_3h), _limits(limits_24h)
    table = np.asarray(matrix, dtype=np.float64)
    _check_matrix(table, first, second)
    of = within(susceptibility, 1.0, float(len(first)), Text("易发性等级", "susceptibility class"))
    short, long, of = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(short, long, of))
    row = np.where(np.isnan(of), 1.0, of).astype(np.intp) - 1
    # NaN reaches no limit: an unknown rain counts as none here, and what is then not red is unknown.
    step_short = (short[..., None] >= first[row]).sum(axis=-1)
    step_long = (long[..., None] >= second[row]).sum(axis=-1)
    alert = table[step_short, step_long]
    complete = ~(np.isnan(short) | np.isnan(long))
    certain = ~np.isnan(of) & (complete | (alert == RED))
    return np.asarray(np.where(certain, alert, np.nan), dtype=np.float64)


def _limits(given: ArrayLike) -> Floats:
    limits = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if bool(np.isnan(limits).any()) or bool((limits[:, 1:] < limits[:, :-1]).any()):
        raise FormulaError(
            "雨量阈值：每一级别一行、由小到大；没有的档位写无穷大",
            "rain thresholds: one row for each class, ascending; write infinity where a step does not exist",
        )
    return limits


def _check_matrix(table: Floats, first: Floats, second: Floats) -> None:
    shape = (first.shape[1] + 1, second.shape[1] + 1)
    falls = table.ndim == 2 and bool((np.diff(table, axis=0) < 0).any() or (np.diff(table, axis=1) < 0).any())
    if (
        table.shape != shape
        or len(first) != len(second)
        or falls
        or not bool(np.isin(table, (0, 1, 2, 3)).all())
    ):
        raise FormulaError(
            f"预警矩阵：应为 {shape[0]} × {shape[1]}，取值 0–3，雨量增大时级别不降低；两组阈值的行数应相同",
            f"alert matrix: expected {shape[0]} × {shape[1]} of 0–3, never falling with more rain; "
            "both tables of limits need one row for each class",
        )
