"""Rain that sets slopes moving: intensity–duration lines, warning thresholds, the antecedent index."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import FormulaError, Say
from riskmap.formulas.domain import within
from riskmap.formulas.steps import Floats

CAINE: Final = (14.82, -0.39)
"""α and β of Caine (1980), the global line for shallow slides and debris flows."""

GUZZETTI: Final = (2.20, -0.44)
"""α and β of Guzzetti et al. (2008). A *minimum* line: in a wet climate it would alarm constantly."""

NO_ALERT, YELLOW, ORANGE, RED = 0.0, 1.0, 2.0, 3.0

_INF: Final = float("inf")
_RAIN: Final = Say("降水量（mm）", "rain (mm)")


def threshold_intensity(hours: ArrayLike, line: tuple[float, float] = CAINE) -> Floats:
    """Return the threshold I = α·D^β in mm/h for a duration in hours. Caine at 1, 6, 24 h → 14.82, 7.368, 4.291."""
    duration = within(hours, 0.0, _INF, Say("历时（h）", "duration (h)"), above=True)
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
    of = within(susceptibility, 1.0, float(len(first)), Say("易发性等级", "susceptibility class"))
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
