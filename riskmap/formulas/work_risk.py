"""Published classes of accidents and of geological hazards; 以上 includes the number itself.

Classes are 4 特别重大/特大型, 3 重大/大型, 2 较大/中型, 1 一般/小型. Where one of two facts is
unknown the class is unknown, unless the other alone already makes it the worst.

Major hazard sources (危险化学品重大危险源): the quantity ratio, R and its level.

Source: 危险化学品重大危险源监督管理暂行规定 (2011), annex 1. Values of β are those of the annex;
GB 18218-2018 restates them, so compare before use.

LEC: the danger of work in a hazardous place, D = L·E·C (Graham and Kinney).

MES: the risk of a hazard, R = M·E·S (control measures, exposure, consequence).

From the share of occurrences in a sample to their share in the land: prior correction.

An inventory that holds as many places with as without a landslide (50/50) teaches a model that
every second place slides. Its ranking is right, its probabilities are not frequencies until the
true share is put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.formulas.domain import through_bands

_CLASSES: Final = (1.0, 2.0, 3.0, 4.0)


_WORST: Final = 4.0


def accident_class(deaths: ArrayLike, loss: ArrayLike) -> Floats:
    """Return the class of an accident: deaths ≥ 30/10/3, or direct loss ≥ 1亿/5000万/1000万 (`loss` in 万元).

    Source: 生产安全事故报告和调查处理条例, article 3. (10, 0) → 3; (2, 1000) → 2; (0, 0) → 1.
    """
    return _worse((deaths, (0.0, 3.0, 10.0, 30.0)), (loss, (0.0, 1000.0, 5000.0, 10000.0)))


def geological_danger_class(people: ArrayLike, loss: ArrayLike) -> Floats:
    """Return the class of a geological 险情: threatened people ≥ 1000/500/100, or potential loss ≥ 1亿/5000万/500万.

    `loss` in 万元. Source: 国家突发地质灾害应急预案. (500, 0) → 3; (99, 500) → 2; (99, 499) → 1.
    """
    return _worse((people, (0.0, 100.0, 500.0, 1000.0)), (loss, (0.0, 500.0, 5000.0, 10000.0)))


def geological_disaster_class(deaths: ArrayLike) -> Floats:
    """Return the class of a geological 灾情 by deaths ≥ 30/10/3. Source as above. 3 → 2; 30 → 4."""
    return through_bands(deaths, (0.0, 3.0, 10.0, 30.0), _CLASSES)


def _worse(*facts: tuple[ArrayLike, Sequence[float]]) -> Floats:
    classes = [through_bands(number, lower, _CLASSES) for number, lower in facts]
    known = np.fmax(classes[0], classes[1])
    complete = ~np.isnan(classes[0]) & ~np.isnan(classes[1])
    return np.where(complete | (known == _WORST), known, np.nan)


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


def people_factor(people_500m: ArrayLike) -> Floats:
    """Return α by the people within 500 m: 0 → .5, 1–29 → 1, 30–49 → 1.2, 50–99 → 1.5, ≥ 100 → 2."""
    return through_bands(people_500m, _PEOPLE, _ALPHA)


def hazard_source_r(
    stored: ArrayLike, threshold: ArrayLike, beta: ArrayLike, people_500m: ArrayLike
) -> Floats:
    """Return R = α·Σ(β·q/Q) over the last axis; NaN where Σ q/Q < 1 (no major source, so no R is given).

    Cl2 5 t (Q 5, β 4) and NH3 20 t (Q 10, β 2), 50–99 people: 1.5·(4·1 + 2·2) = 12, level 3.
    """
    share = np.asarray(stored, dtype=np.float64) / np.asarray(threshold, dtype=np.float64)
    total = people_factor(people_500m) * (np.asarray(beta, dtype=np.float64) * share).sum(axis=-1)
    # Ratios are decimal fractions: .7 + .3 must reach 1 whatever order they are added in.
    ratio = np.round(np.asarray(share.sum(axis=-1), dtype=np.float64), 9)
    return np.where(ratio >= 1.0, total, np.nan)


def hazard_source_level(r: ArrayLike) -> Floats:
    """Return the level 1–4 (1 the worst): R ≥ 100, ≥ 50, ≥ 10, below. R 12 → 3."""
    return through_bands(r, _LEVEL_FROM, _LEVELS)


LIKELIHOOD: Final = (10.0, 6.0, 3.0, 1.0, 0.5, 0.2, 0.1)


EXPOSURE: Final = (10.0, 6.0, 3.0, 2.0, 1.0, 0.5)


CONSEQUENCE: Final = (100.0, 40.0, 15.0, 7.0, 3.0, 1.0)


def lec(likelihood: ArrayLike, exposure: ArrayLike, consequence: ArrayLike) -> Floats:
    """Return D = L·E·C. 3·6·15 = 270, 6·6·15 = 540, 1·6·15 = 90, .5·6·7 = 21."""
    factors = (np.asarray(f, dtype=np.float64) for f in (likelihood, exposure, consequence))
    product = np.float64(1.0)
    for factor in factors:
        product = product * factor
    return np.asarray(product, dtype=np.float64)


HIGHEST_OF_LEVEL: Final = (18.0, 48.0, 80.0, 150.0)


"""Highest R of levels 5, 4, 3 and 2. From memory (draft): compare with the text that the district adopts."""


def mes(measures: ArrayLike, exposure: ArrayLike, consequence: ArrayLike) -> Floats:
    """Return R = M·E·S. 3·6·8 = 144; 5·10·4 = 200; 1·2·8 = 16."""
    m, e, s = (np.asarray(x, dtype=np.float64) for x in (measures, exposure, consequence))
    return np.asarray(m * e * s, dtype=np.float64)


def mes_level(r: ArrayLike) -> Floats:
    """Return the level 1–5, 1 the worst: ≥ 180, 90–150, 50–80, 20–48, ≤ 18 (from memory).

    The published bands name only products that occur; a number between two bands belongs to the worse.
    180 → 1, 160 → 1, 150 → 2, 80 → 3, 48 → 4, 19 → 4, 18 → 5.
    """
    number = np.asarray(r, dtype=np.float64)
    known = np.isfinite(number) & (number >= 0.0)
    place = np.searchsorted(np.array(HIGHEST_OF_LEVEL), number, side="left").astype(np.float64)
    return np.asarray(np.where(known, 5.0 - place, np.nan), dtype=np.float64)


def prevalence_corrected(probability: ArrayLike, *, sample_share: float, prevalence: float) -> Floats:
    """Return the probability where occurrences have the share `prevalence` and not `sample_share`, all 0–1.

    The odds are multiplied by [π/(1 − π)]·[(1 − s)/s], which is the same as moving the intercept of a
    logistic regression. The order of the places does not change. NaN stays NaN.
    Source: King & Zeng (2001), Political Analysis 9(2), 137–163, prior correction; Elkan (2001), IJCAI,
    theorem 2 (both from memory). With s = .5 and π = .01: .5 → .01, .9 → .083333, 0 → 0, 1 → 1.
    ValueError where a share does not lie between 0 and 1.
    """
    for share in (sample_share, prevalence):
        if not 0.0 < share < 1.0:
            raise ValueError(f"a share lies between 0 and 1, not {share}")
    p = np.asarray(probability, dtype=np.float64)
    present, absent = prevalence / sample_share, (1.0 - prevalence) / (1.0 - sample_share)
    return p * present / (p * present + (1.0 - p) * absent)
