"""Factors of the LEC method that give wanted totals: D = L·E·C, drawn band by band with exact numbers.

No tier is stored. Each record gets one of the 252 combinations of the published values; how many fall into
each band is fixed beforehand, so the totals come out of the real model and follow it when it changes.
The shares are those of a published work report (42,336 points; 8, 2,876, 39,404 and 48 that no tier holds).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

REPORTED: Final = {"large": 8, "general": 2_876, "unrated": 48}
REPORTED_POINTS: Final = 42_336

LIKELIHOOD: Final = (0.1, 0.2, 0.5, 1.0, 3.0, 6.0, 10.0)
EXPOSURE: Final = (0.5, 1.0, 2.0, 3.0, 6.0, 10.0)
CONSEQUENCE: Final = (1.0, 3.0, 7.0, 15.0, 40.0, 100.0)
# How often each value is met in a district's ledger: rough weights, only for a believable spread.
_OFTEN: Final = (
    dict(zip(LIKELIHOOD, (0.4, 1.0, 3.0, 4.0, 2.0, 0.5, 0.05), strict=True)),
    dict(zip(EXPOSURE, (0.5, 1.0, 1.6, 2.4, 3.2, 1.2), strict=True)),
    dict(zip(CONSEQUENCE, (3.0, 4.0, 3.0, 1.5, 0.35, 0.08), strict=True)),
)
_BANDS: Final = {"low": (0.0, 70.0), "general": (70.0, 160.0), "large": (160.0, 320.0)}
# Which factors an unrated record lacks: columns L, E, C.
_ABSENT: Final = ((True, False, False), (False, True, False), (False, False, True), (False, True, True))


@dataclass(frozen=True, slots=True)
class Quota:
    """How many records of each kind; they sum to all points. There are no major ones."""

    large: int
    general: int
    low: int
    unrated: int

    @classmethod
    def of(cls, points: int) -> Quota:
        """Scale the reported figures to `points`, each rounded; low takes what is left."""
        large, general, unrated = (
            round(REPORTED[band] * points / REPORTED_POINTS) for band in ("large", "general", "unrated")
        )
        return cls(large, general, points - large - general - unrated, unrated)


def combinations(band: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the L, E, C combinations (n × 3) of a band and how often each is drawn.

    Bands are lower limit inclusive, upper exclusive; products are rounded before they are compared.
    """
    low, high = _BANDS[band]
    kept = [lec for lec in product(LIKELIHOOD, EXPOSURE, CONSEQUENCE) if low <= round(np.prod(lec), 6) < high]
    weight = np.array([np.prod([often[v] for often, v in zip(_OFTEN, lec, strict=True)]) for lec in kept])
    return np.array(kept), weight / weight.sum()


def draw_factors(
    rng: np.random.Generator,
    quota: Quota,
    *,
    suits_large: NDArray[np.float64],
    suits_general: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return L, E, C of every record (n × 3, NaN where absent), in the records' order.

    `suits_large`, `suits_general`: how readily each record (by its kind) takes that band, positive.
    """
    count = len(suits_large)
    lec = np.empty((count, 3))
    free = np.ones(count, bool)
    for band, number, suits in (
        ("large", quota.large, suits_large),
        ("general", quota.general, suits_general),
        ("unrated", quota.unrated, np.ones(count)),
    ):
        # Weighted drawing without replacement (Efraimidis and Spirakis 2006): the smallest −ln(u)/w.
        key = np.where(free, rng.exponential(size=count) / suits, np.inf)
        rows = np.argpartition(key, number)[:number] if number < count else np.arange(count)
        free[rows] = False
        values = _drawn(rng, "low" if band == "unrated" else band, len(rows))
        if band == "unrated":
            values[np.array(_ABSENT)[np.arange(len(rows)) % len(_ABSENT)]] = np.nan
        lec[rows] = values
    lec[free] = _drawn(rng, "low", int(free.sum()))
    return lec


def _drawn(rng: np.random.Generator, band: str, count: int) -> NDArray[np.float64]:
    table, weight = combinations(band)
    return table[rng.choice(len(table), count, p=weight)]
