"""Major hazard sources (危险化学品重大危险源): the quantity ratio, R and its level.

Source: 危险化学品重大危险源监督管理暂行规定 (2011), annex 1. Values of β are those of the annex;
GB 18218-2018 restates them, so compare before use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats, through_bands

BETA: Final[Mapping[str, float]] = {
    "CO": 2.0,
    "SO2": 2.0,
    "NH3": 2.0,
    "C2H4O": 2.0,
    "HCl": 3.0,
    "CH3Br": 3.0,
    "Cl2": 4.0,
    "H2S": 5.0,
    "HF": 5.0,
    "NO2": 10.0,
    "HCN": 10.0,
    "COCl2": 20.0,
    "PH3": 20.0,
    "MIC": 20.0,
    "explosive": 2.0,
    "flammable gas": 1.5,
    "other": 1.0,
}
_PEOPLE: Final = (0.0, 1.0, 30.0, 50.0, 100.0)
_ALPHA: Final = (0.5, 1.0, 1.2, 1.5, 2.0)
_LEVEL_FROM: Final = (0.0, 10.0, 50.0, 100.0)
_LEVELS: Final = (4.0, 3.0, 2.0, 1.0)


def quantity_ratio(stored: ArrayLike, threshold: ArrayLike) -> Floats:
    """Return Σ q/Q over the substances (last axis); q and Q in tonnes. From 1 on it is a major source.

    Cl2 5 t (Q 5) and NH3 20 t (Q 10): 1 + 2 = 3.
    """
    ratio = np.asarray(stored, dtype=np.float64) / np.asarray(threshold, dtype=np.float64)
    return np.asarray(ratio.sum(axis=-1), dtype=np.float64)


def alpha(people_500m: ArrayLike) -> Floats:
    """Return α by the people within 500 m: 0 → .5, 1–29 → 1, 30–49 → 1.2, 50–99 → 1.5, ≥ 100 → 2."""
    return through_bands(people_500m, _PEOPLE, _ALPHA)


def r_value(stored: ArrayLike, threshold: ArrayLike, beta: ArrayLike, people_500m: ArrayLike) -> Floats:
    """Return R = α·Σ(β·q/Q) over the last axis; NaN where Σ q/Q < 1 (no major source, so no R is given).

    Cl2 5 t (Q 5, β 4) and NH3 20 t (Q 10, β 2), 50–99 people: 1.5·(4·1 + 2·2) = 12, level 3.
    """
    share = np.asarray(stored, dtype=np.float64) / np.asarray(threshold, dtype=np.float64)
    total = alpha(people_500m) * (np.asarray(beta, dtype=np.float64) * share).sum(axis=-1)
    # Ratios are decimal fractions: .7 + .3 must reach 1 whatever order they are added in.
    ratio = np.round(np.asarray(share.sum(axis=-1), dtype=np.float64), 9)
    return np.where(ratio >= 1.0, total, np.nan)


def level(r: ArrayLike) -> Floats:
    """Return the level 1–4 (1 the worst): R ≥ 100, ≥ 50, ≥ 10, below. R 12 → 3."""
    return through_bands(r, _LEVEL_FROM, _LEVELS)
