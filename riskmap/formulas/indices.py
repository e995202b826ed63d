"""Composite indices for one row at a time, against what was fitted to a whole column before.

Normalising against stored ends or ranks, means that punish one bad part, TOPSIS against stored norms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.formulas.steps import Floats

Ties = Literal["low", "mean"]


def min_max(x: ArrayLike, least: float, most: float) -> Floats:
    """Return (x − least)/(most − least): 0 at `least`, 1 at `most`, beyond them outside 0–1.

    NaN where `least` = `most`: a column without differences places nothing. OECD & JRC, Handbook on
    Constructing Composite Indicators (2008), 5.3. (7, 2, 12) → .5.
    """
    number = np.asarray(x, dtype=np.float64)
    return (number - least) / (most - least) if most > least else np.full(number.shape, np.nan)


def percentile_rank(
    x: ArrayLike,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    ties: Ties = "low",
    greater: bool = False,
) -> Floats:
    """Return the place of x among a column's values: how many are smaller, divided by n − 1.

    `values` are the column's different values, ascending, `counts` how often each occurs (together
    n). `ties` "low" counts the strictly smaller, so the least value is 0 and equal values share the
    lowest place: PERCENTRANK.INC of Excel, (rank − 1)/(n − 1) of the CDC's SVI. "mean" counts half
    of the other equal ones too. `greater` counts the greater instead (for columns in which less is
    worse). A number that is not in the column takes the place it would be inserted at; never less
    than 0, never more than 1. NaN where n < 2. Column 1, 2, 2, 5: 1 → 0; 2 → ⅓ (mean ½); 5 → 1.
    """
    number = np.asarray(x, dtype=np.float64)
    total = int(counts.sum())
    if total < 2:
        return np.full(number.shape, np.nan)
    up_to = np.concatenate([[0], np.cumsum(counts)])
    below = up_to[np.searchsorted(values, number, side="left")]
    not_above = up_to[np.searchsorted(values, number, side="right")]
    if greater:
        below, not_above = total - not_above, total - below
    place: Any = below if ties == "low" else (below + not_above - 1) / 2
    return np.where(np.isnan(number), np.nan, np.clip(place / (total - 1), 0.0, 1.0))


def geometric_mean(parts: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Return Π part^weight. (2, 8) with ½, ½ → 4. A part that is 0 makes it 0; negative parts are NaN.

    An unknown part or weight leaves it unknown, although for a float NaN⁰ and 1^NaN are 1.
    """
    total: Any = 1.0
    for part, weight in zip(parts, weights, strict=True):
        power = _not_negative(part) ** weight
        total = total * np.where(np.isnan(part) | np.isnan(weight), np.nan, power)
    return total


def inverted_geometric_mean(parts: Sequence[Any], weights: Sequence[Any], *, low: float, high: float) -> Any:
    """Return the geometric mean taken from the top of a scale: one part near `high` pulls it up.

    Every part becomes (high − x)/(high − low)·9 + 1, so 10 at `low` and 1 at `high`; g is their
    geometric mean, and the result is high − (g − 1)/9·(high − low). All `low` → `low`, all `high` →
    `high`; never below the arithmetic mean. Parts beyond the scale count as its end. Source: INFORM Risk
    Index methodology (JRC, 2017), where the scale is 0–10. (0, 10), equal weights: g = √10 → 7.5975.
    """
    span = high - low
    turned = [(high - np.clip(part, low, high)) / span * 9.0 + 1.0 for part in parts]
    return high - (geometric_mean(turned, weights) - 1.0) / 9.0 * span


def closeness(
    parts: Sequence[Any],
    weights: Sequence[float],
    *,
    scale: Sequence[float],
    least: Sequence[float],
    most: Sequence[float],
) -> Any:
    """Return TOPSIS closeness, 0–1, to the point that has the most of every part.

    Per part: `scale` divides it (root of squares, or most − least, of the column it was fitted to;
    0 leaves it out), `least` and `most` are that column's ends, beyond which it counts as them. The
    distances to the two ends are d⁻ and d⁺; the result is d⁻/(d⁻ + d⁺), NaN where nothing differs.
    Source: Hwang and Yoon (1981). See `weights.topsis`, which fits and ranks one table at once.
    """
    to_least: Any = 0.0
    to_most: Any = 0.0
    for part, weight, size, low, high in zip(parts, weights, scale, least, most, strict=True):
        factor = weight / size if size > 0 and high > low else 0.0
        inside = np.clip(part, low, high)
        to_least = to_least + (factor * (inside - low)) ** 2
        to_most = to_most + (factor * (high - inside)) ** 2
    near: Any = np.sqrt(to_least)
    far: Any = np.sqrt(to_most)
    with np.errstate(invalid="ignore"):
        return near / (near + far)


def _not_negative(part: Any) -> Any:
    # Below zero a product turns its direction, and a root has no meaning.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)
