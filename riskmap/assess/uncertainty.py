"""How sure a tier is: the probability of each tier beside the tier itself.

The doubt in weights and measurements is stated in the model file (`[uncertainty]`). Where all its
outcomes can be listed their chances are summed exactly; elsewhere they are sampled from a seed.
Gates hold or fail with what is drawn; direct rules raise the tier in every case. An unrated point has
no probabilities, and never "low".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.decisions import Decisions, Drawn, decisions
from riskmap.assess.doubts import Factor, factors
from riskmap.assess.draws import sampled
from riskmap.assess.fit import Fit, needed_fit
from riskmap.assess.kernel import CHUNK, assess_table
from riskmap.assess.nodes import Learned
from riskmap.assess.outcomes import MOST_OUTCOMES, all_outcomes, outcome_count
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import ScoringModel
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.records import RANK_OF, RANKS, TIERS, UNRATED

Method = Literal["exact", "sampled"]
_CELLS = 2_000_000  # outcomes held at once


@dataclass(frozen=True, slots=True)
class TierProbabilities:
    """The probability of each tier, row by row.

    `share`: float64, rows × 4 in the order of `records.TIERS` (worst first); a row sums to 1, or is
    NaN throughout where nothing can be said (an unrated point). `rank`: uint8, the tier without any
    doubt. `draws`: how many were made, 0 where the probabilities are exact.
    """

    method: Method
    draws: int
    share: Floats
    rank: NDArray[np.uint8]

    def stays(self) -> Floats:
        """Return for each row the probability of the tier that it has; NaN where unrated."""
        out = np.full(len(self.rank), np.nan)
        for column, tier in enumerate(TIERS):
            here = self.rank == RANK_OF[tier]
            out[here] = self.share[here, column]
        return out

    def expected(self) -> dict[str, float]:
        """Return how many points of each tier are to be expected; they sum to the rated points."""
        return dict(zip(TIERS, np.nansum(self.share, axis=0).tolist(), strict=True))

    def of(self, row: int) -> dict[str, float] | None:
        """Return tier → probability of one row, None where nothing can be said."""
        share = self.share[row]
        return None if np.isnan(share).any() else dict(zip(TIERS, share.tolist(), strict=True))


def probability_method(model: ScoringModel, uncertainty: Uncertainty) -> Method:
    """Return how probabilities are found; it depends on the model alone, not on the points."""
    return "exact" if outcome_count(model, uncertainty) <= MOST_OUTCOMES else "sampled"


@dataclass(frozen=True, slots=True)
class _Question:
    """What every row is asked against: the model with its doubt and what it was fitted to."""

    model: ScoringModel
    layer: Layer
    doubt: Uncertainty
    method: Method
    fit: Fit | None
    learned: Learned | None


def tier_probabilities(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    uncertainty: Uncertainty | None = None,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> TierProbabilities | None:
    """Return P(tier) of every row of a snapshot table; None where the model states no uncertainty.

    `uncertainty` stands in for the model's own; `fit` and `learned` as in `assess_table`, with the same
    errors. L·E·C = 3·6·15 = 270 (large), where each factor is one class worse with probability .1 and
    one better with .1, is major with .228, large .544, general .203, low .025.
    Points with equal factors share a result.
    """
    doubt = uncertainty or model.uncertainty
    if doubt is None:
        return None
    method, fit = probability_method(model, doubt), needed_fit(model, fit)
    rank = assess_table(model, layer, table, fit=fit, learned=learned).rank
    question = _Question(model, layer, doubt, method, fit, learned)
    share = np.full((table.num_rows, len(TIERS)), np.nan)
    for start in range(0, table.num_rows, CHUNK):
        columns = Columns(table.slice(start, CHUNK), layer)
        end = start + len(columns)
        share[start:end] = _chunk(question, columns, rank[start:end])
    return TierProbabilities(method, doubt.draws if method == "sampled" else 0, share, rank)


def _chunk(question: _Question, columns: Columns, rank: NDArray[np.uint8]) -> Floats:
    model, doubt = question.model, question.doubt
    every = factors(model, question.layer, columns, doubt, fit=question.fit)
    decided = decisions(model, columns, doubt)
    first, group = _alike(every, decided, rank)
    found = np.full((len(first), len(RANKS)), np.nan)
    exact = question.method == "exact"
    size = int(_CELLS // outcome_count(model, doubt)) + 1 if exact else max(len(first), 1)
    for start in range(0, len(first), size):
        part = first[start : start + size]
        some = [factor.rows(part) for factor in every]
        ask = _exact if exact else _sampled
        found[start : start + size] = ask(question, some, decided.rows(part))
    # A chance of an outcome that has no score leaves the whole row unknown.
    unknown = (rank[first] == UNRATED) | (found[:, UNRATED] > 0)
    out = np.stack([found[:, RANK_OF[tier]] for tier in TIERS], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = out / out.sum(axis=1, keepdims=True)
    out[unknown] = np.nan
    return out[group]


def _alike(
    every: Sequence[Factor], decided: Decisions, rank: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first row of each group of rows that nothing tells apart, and each row's group."""
    group = np.zeros(len(rank), dtype=np.intp)
    columns: list[NDArray[np.generic]] = [decided.floor, rank, *decided.stated]
    for factor in every:
        columns += [factor.value]
        columns += [factor.worse, factor.better] if factor.doubt.moves else []
        columns += [] if factor.raw is None else [factor.raw]
    first = np.zeros(0, dtype=np.intp)
    for column in columns:
        different, code = np.unique(column, return_inverse=True)
        _, first, group = np.unique(group * len(different) + code, return_index=True, return_inverse=True)
    return first, group


def _exact(question: _Question, some: Sequence[Factor], decided: Decisions) -> Floats:
    found = all_outcomes(question.model, some, fit=question.fit, learned=question.learned)
    scores, rows = found[question.model.score], len(decided.floor)
    values = np.broadcast_to(scores.values, (rows, scores.values.shape[1]))
    # Of the nodes that gates name, all but the score itself have one outcome.
    nodes = {c.node: found[c.node].values for conditions in decided.drawn for c in conditions}
    rank = decided.ranks(values, Drawn(nodes), rows_first=True)
    return np.stack([np.where(rank == r, scores.chances, 0.0).sum(axis=1) for r in range(len(RANKS))], axis=1)


def _sampled(question: _Question, some: Sequence[Factor], decided: Decisions) -> Floats:
    return sampled(
        question.model,
        some,
        question.doubt,
        decided.ranks,
        len(RANKS),
        fit=question.fit,
        learned=question.learned,
    )
