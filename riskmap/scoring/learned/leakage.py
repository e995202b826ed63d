"""Predictors that hold the answer: they separate the classes alone, were computed from them, or miss for one of them.

A class rate put in the place of a class (target mean, frequency ratio, certainty factor, weight of evidence) that was
computed over all rows knows the rows that it is tested on, in every fold. It shows: its values are few, and they agree
with the shares of occurrences better than the chance in these shares lets anything honest agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import chi2, rankdata

from riskmap.array_types import Bools, Floats, Ints
from riskmap.interface import option
from riskmap.scoring.learned.training_data import Folds, TrainingData
from riskmap.scoring.learned.validation import auroc, probability, quietly
from riskmap.values.assessment import Diagnostic, remark

LEAKAGE: Final = "leakage"  # the rule of both remarks about a predictor that holds the answer

SEPARATES: Final = 0.99  # AUROC of one predictor alone, on blocks that it was not fitted on

_TELLING_GAPS: Final = 0.75  # AUROC of "this value is missing"

_FEWEST_VALUES, _FEWEST_ROWS = 3, 5  # distinct values; rows of one that say something of its share

_FEWEST_RANKED: Final = 8  # distinct values whose order says something

_COVERED: Final = 0.5  # share of the rows, or values, that must show it

_AGREES: Final = 0.98  # of the differences between the shares that the predictor explains; rank correlation

_TOO_WELL: Final = 1e-5  # chance that an honest predictor agrees as well

_DRAWS: Final = 2000

_BESIDE: Final = 7  # values whose rows say how often it occurs thereabouts

_FAR: Final = 6.0  # standard deviations

_SMOOTHING: Final = (0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # rows that the overall share counts for


class _Groups(NamedTuple):
    """The distinct values of a predictor, how many rows have each, and in how many of these it occurred."""

    value: Floats
    rows: Ints
    occurred: Floats
    share: float  # over all rows


def leaks(inventory: TrainingData, folds: Folds) -> list[Diagnostic]:
    """Return a remark for each predictor that separates the outcomes alone, was computed from them, or misses for one.

    Separates (AUROC ≥ .99): a small tree of that one predictor is fitted outside each block of the first partition
    and tested on it, so that any shape of dependence shows. Such a column is usually another form of the target, or
    was filled in after the event. Computed from them: `computed_from_outcome`; a switch or a code is none.
    """
    found: list[Diagnostic] = []
    for i, name in enumerate(inventory.predictors):
        column = inventory.values[:, i]
        reached = _alone(column, inventory, folds.labels[0])
        if reached >= SEPARATES:
            found.append(_separates(name, reached))
        elif inventory.kinds[i] == "number" and computed_from_outcome(column, inventory.occurred):
            found.append(_computed(name))
        missing = np.isnan(column)
        telling = max(auroc(inventory.occurred, missing), auroc(inventory.occurred, ~missing))
        if telling >= _TELLING_GAPS:
            found.append(_telling(name, telling))
    return found


def computed_from_outcome(column: Floats, occurred: Bools) -> bool:
    """Return whether a predictor's values look computed from the outcomes of these very rows (NaN is left out).

    Any of: (1) a straight line through the shares of occurrences at its values, or their logarithm, logit or
    certainty factor, leaves less than chance would (χ² of the shares' binomial errors, p < 1e-5) and explains .98
    of them; (2) with eight values or more its order agrees with that of the shares (rank correlation ≥ .98) as in
    none of 2,000 samples drawn from the best monotone curve; (3) rows that share a value share the outcome far more
    often than their neighbours in value let expect (a rate computed without the row itself). Classes in a true order
    pass: their shares err by chance.
    """
    known = np.isfinite(column)
    groups = _groups(column[known], occurred[known])
    return _fits_too_well(_large(groups)) or _ordered_too_well(_large(groups)) or _one_outcome_each(groups)


def _groups(column: Floats, occurred: Bools) -> _Groups:
    value, number, rows = np.unique(column, return_inverse=True, return_counts=True)
    hits = np.bincount(number.reshape(-1), weights=occurred, minlength=len(value)).astype(np.float64)
    return _Groups(value, rows, hits, float(occurred.mean()) if len(occurred) else 0.0)


def _large(groups: _Groups) -> _Groups:
    """Return the values that enough rows share; none where they are too few to judge by."""
    kept = groups.rows >= _FEWEST_ROWS
    if kept.sum() < _FEWEST_VALUES or groups.rows[kept].sum() < _COVERED * groups.rows.sum():
        kept = np.zeros_like(kept)
    return _Groups(groups.value[kept], groups.rows[kept], groups.occurred[kept], groups.share)


def _fits_too_well(groups: _Groups) -> bool:
    if not len(groups.value):
        return False
    share = (groups.occurred + 1.0) / (groups.rows + 2.0)
    error = np.sqrt(share * (1.0 - share) / groups.rows)
    for weight in _SMOOTHING:
        smooth = (groups.occurred + weight * groups.share) / (groups.rows + weight)
        shrunk = error * groups.rows / (groups.rows + weight)
        for encoded, steepness in _encodings(smooth, groups.share):
            usable = np.isfinite(encoded) & np.isfinite(steepness) & (steepness > 0)
            if usable.sum() >= _FEWEST_VALUES and _line_fits_too_well(
                groups.value[usable], encoded[usable], (steepness * shrunk)[usable]
            ):
                return True
    return False


def _encodings(rate: Floats, share: float) -> Iterator[tuple[Floats, Floats]]:
    """Yield what is made of a class rate, and its steepness: mean and frequency ratio, logarithm, weight of evidence, CF."""
    yield rate, np.ones_like(rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        yield np.log(rate), 1.0 / rate
        yield np.log(rate / (1.0 - rate)), 1.0 / (rate * (1.0 - rate))
        above = rate >= share  # the certainty factor (Heckerman 1986)
        factor = (rate - share) / np.where(above, rate * (1.0 - share), share * (1.0 - rate))
        yield (
            factor,
            np.where(above, share / (rate**2 * (1.0 - share)), (1.0 - share) / (share * (1.0 - rate) ** 2)),
        )


def _line_fits_too_well(value: Floats, encoded: Floats, error: Floats) -> bool:
    design = np.column_stack([np.ones_like(value), value - value.mean()]) / error[:, None]
    line = np.linalg.lstsq(design, encoded / error, rcond=None)[0]
    left = float(((encoded / error - design @ line) ** 2).sum())
    middle = np.average(encoded, weights=error**-2)
    spread = float((((encoded - middle) / error) ** 2).sum())
    return (
        spread > 1.0
        and left <= (1.0 - _AGREES) * spread
        and float(chi2.cdf(left, len(value) - 2)) < _TOO_WELL
    )


def _ordered_too_well(groups: _Groups) -> bool:
    if len(groups.value) < _FEWEST_RANKED:
        return False
    from sklearn.isotonic import isotonic_regression  # noqa: PLC0415 - heavy

    share = groups.occurred / groups.rows
    order = np.arange(len(share), dtype=np.float64)
    agrees = float(_correlation(order, rankdata(share)[None], groups.rows)[0])
    if abs(agrees) < _AGREES:
        return False
    curve = isotonic_regression(share, sample_weight=groups.rows, increasing=agrees > 0)
    least = 0.5 / (groups.rows + 1.0)
    drawn = np.random.default_rng(0).binomial(
        groups.rows, np.clip(curve, least, 1.0 - least), size=(_DRAWS, len(share))
    )
    chance = np.abs(_correlation(order, rankdata(drawn / groups.rows, axis=1), groups.rows))
    return not (chance >= abs(agrees) - 1e-12).any()


def _correlation(order: Floats, ranks: Floats, weights: Ints) -> Floats:
    """Return the weighted correlation of one order with each row of ranks."""
    total = weights.sum()
    one = order - (order * weights).sum() / total
    many = ranks - (ranks * weights).sum(axis=1, keepdims=True) / total
    size = np.sqrt((one * one * weights).sum() * (many * many * weights).sum(axis=1))
    return np.divide((many * one * weights).sum(axis=1), size, out=np.zeros(len(ranks)), where=size > 0)


def _one_outcome_each(groups: _Groups) -> bool:
    """Several rows with one value share the outcome, though those with the values beside it do not."""
    shared = groups.rows >= 2  # noqa: PLR2004 - rows that could differ
    hits, rows = groups.occurred[shared], groups.rows[shared]
    if len(rows) < _FEWEST_RANKED or rows.sum() < _COVERED * groups.rows.sum():
        return False
    window = np.ones(_BESIDE)
    around = np.convolve(hits, window, "same") / np.convolve(rows, window, "same")
    chance = around**rows + (1.0 - around) ** rows
    alike = (hits == 0) | (hits == rows)
    beyond = float(alike.sum() - chance.sum())
    return alike.mean() >= _COVERED and beyond > _FAR * float(np.sqrt((chance * (1.0 - chance)).sum()))


def _alone(column: Floats, inventory: TrainingData, labels: Ints) -> float:
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415 - heavy

    filled = np.where(np.isnan(column), np.nanmedian(column), column)[:, None]
    reached = []
    with quietly(len(inventory)):
        for fold in range(int(labels.max()) + 1):
            out = labels == fold
            tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=2, random_state=0)
            tree.fit(filled[~out], inventory.occurred[~out])
            reached.append(auroc(inventory.occurred[out], probability(tree, filled[out])))
    return float(np.mean(reached))


def _separates(name: str, reached: float) -> Diagnostic:
    return remark(
        LEAKAGE,
        f"因子“{name}”单独就能分开两类（AUROC {reached:.3f}），疑似泄漏（目标的另一种写法，或事后填写）；"
        f"请核实，必要时用 {option('predictors')} 排除",
        f'predictor "{name}" alone separates the classes (AUROC {reached:.3f}): probably leakage (another form '
        f"of the target, or filled in after the event); check it and leave it out with {option('predictors', 'en')}",
        name,
    )


def _computed(name: str) -> Diagnostic:
    return remark(
        LEAKAGE,
        f"因子“{name}”的取值与各取值的发生比例吻合得超出偶然，像是用全部样本的目标算出的（频率比、确定性系数、信息量、"
        f"目标均值等），检验样本已泄漏，得分不可信；请改用原来的分类，用 {option('encode')} 在各折训练部分内计算，"
        f"或用 {option('predictors')} 排除",
        f'the values of predictor "{name}" agree with the share of occurrences at each of them better than chance allows, '
        "as if computed from the target over all rows (frequency ratio, certainty factor, weight of evidence, target "
        "mean): leakage, and no score can be trusted; give the classes themselves and let them be computed inside each "
        f"fold with {option('encode', 'en')}, or leave it out with {option('predictors', 'en')}",
        name,
    )


def _telling(name: str, telling: float) -> Diagnostic:
    return remark(
        "telling_gaps",
        f"因子“{name}”是否缺失与目标有关（AUROC {telling:.3f}），像是只对一类样本调查过；请补齐或排除",
        f'whether predictor "{name}" is missing tells the target (AUROC {telling:.3f}), as if one '
        "class only had been surveyed; complete it or leave it out",
        name,
    )
