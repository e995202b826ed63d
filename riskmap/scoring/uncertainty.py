"""How sure a tier is: the probability of each tier beside the tier itself.

The doubt in weights and measurements is stated in the model file (`[uncertainty]`). Where all its
outcomes can be listed their chances are summed exactly; elsewhere they are sampled from a seed.
Gates hold or fail with what is drawn; direct rules raise the tier in every case. An unrated point has
no probabilities, and never "low".

From scores to tiers in every draw and outcome: limits, then gates, then direct rules, as the kernel decides.
What rules read is taken as stated. A gate lowers a tier, so it follows the doubt: its conditions on
nodes hold or fail by the nodes of the draw, those on a number with an error by the drawn number,
and where a class moved to a worse one no gate holds that reads its field.

What may stand behind the stated value of a factor: neighbouring classes, or a number with an error.

Exact probabilities: every outcome of every factor, carried through the model's graph.
Each node of a tree has finitely many outcomes with a chance each. Those of a combination are all
combinations of its parts' outcomes, their chances multiplied; outcomes of a matrix or of bands are
merged into the few numbers these can give. Nothing is sampled.

Sampled probabilities: the model scored again and again with weights and measurements moved.
The same draws serve every point, and each stream of random numbers belongs to a name (a field, a
weight) and the seed: a point's probabilities depend on its own values and on nothing else, not on
its neighbours, their order or their number. Draws are stratified (one in each of as many equal
slices of the distribution), which keeps the spread of 500 of them below that of plain ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import Combination, Condition, Indicator, Node, ScoringModel
from riskmap.catalog.model_direction import polarities, values_of
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.catalog.uncertainty_part import listed_values
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.rules.conditions import Flags, fired, holds, where_all_hold
from riskmap.scoring.fit import Fit, NodeFit, needed_fit
from riskmap.scoring.kernel import CHUNK, assess_table, capped, demanded, lifted, ranks, rounded
from riskmap.scoring.methods import Predictor, weighted, with_weights
from riskmap.scoring.nodes import (
    LeafColumn,
    Learned,
    applied,
    before_settling,
    combine,
    evaluate,
    leaf_columns,
    settled,
    steps,
)
from riskmap.vocabulary import RANK_OF, RANKS, TIERS, UNRATED


@dataclass(frozen=True, slots=True)
class Drawn:
    """What some draws (or outcomes) of some rows gave, arrays of the scores' shape or broadcast to it.

    `nodes`: node id → value. `numbers`: field → drawn number, of fields with an error. `worse`: field →
    where its class moved to a worse one.
    """

    nodes: Mapping[str, Any]
    numbers: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    worse: Mapping[str, Flags] = field(default_factory=dict[str, Flags])


@dataclass(frozen=True, slots=True)
class Decisions:
    """What decides the tiers of some rows beside their scores.

    `floor`: uint8 per row, the rank that the fired rules demand at least. Per gate: `stated`, bool per
    row, whether its conditions that no draw decides hold as stated; `drawn`, the conditions that the
    draws decide; `classes`, the fields it reads whose class may move.
    """

    model: ScoringModel
    floor: NDArray[np.uint8]
    stated: tuple[Flags, ...]
    drawn: tuple[tuple[Condition, ...], ...]
    classes: tuple[tuple[str, ...], ...]

    def rows(self, index: NDArray[Any]) -> Decisions:
        """Return the decisions about some of the rows."""
        stated = tuple(flags[index] for flags in self.stated)
        return Decisions(self.model, self.floor[index], stated, self.drawn, self.classes)

    def ranks(self, score: Floats, drawn: Drawn, *, rows_first: bool = False) -> NDArray[np.uint8]:
        """Return the rank of every score, not yet rounded: draws × rows, or (`rows_first`) rows × outcomes."""
        across = (slice(None), None) if rows_first else (slice(None),)
        held: list[Flags] = []
        for stated, conditions, classes in zip(self.stated, self.drawn, self.classes, strict=True):
            flags = stated[across]
            for condition in conditions:
                flags = flags & holds(condition, self._read(condition, drawn))
            for name in classes:
                flags = flags & ~drawn.worse[name]
            held.append(np.broadcast_to(flags, score.shape))
        rank = capped(self.model, ranks(self.model, rounded(self.model, score)), held)
        return lifted(rank, self.floor[across])

    def _read(self, condition: Condition, drawn: Drawn) -> Floats:
        if condition.node:
            return np.asarray(rounded(self.model, drawn.nodes[condition.node]))
        return drawn.numbers[condition.field]


def decisions(model: ScoringModel, columns: LayerArrays, uncertainty: Uncertainty) -> Decisions:
    """Return what decides the tiers of the rows beside their scores."""
    spreads, moves = doubtful_fields(model, uncertainty)
    drawn = tuple(tuple(c for c in gate.when if c.node or c.field in spreads) for gate in model.gates)
    rest = [
        [c for c in gate.when if c not in open_ones]
        for gate, open_ones in zip(model.gates, drawn, strict=True)
    ]
    nothing, everything = np.zeros(len(columns), dtype=bool), np.ones(len(columns), dtype=bool)
    stated = tuple(
        everything if not conditions else nothing if flags is None else flags
        for conditions, flags in zip(rest, where_all_hold(rest, columns), strict=True)
    )
    classes = tuple(
        tuple(dict.fromkeys(c.field for c in gate.when if c.field in moves)) for gate in model.gates
    )
    floor = demanded(model, fired(model, columns), len(columns))
    return Decisions(model, floor, stated, drawn, classes)


def doubtful_fields(model: ScoringModel, uncertainty: Uncertainty) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields whose number carries an error, and those whose class may be another one."""
    doubts = [(leaf.field, uncertainty.indicators.get(leaf.id)) for leaf in model.indicators]
    spreads = frozenset(name for name, doubt in doubts if doubt is not None and doubt.spreads)
    return spreads, frozenset(name for name, doubt in doubts if doubt is not None and doubt.moves)


SURE = Doubt()


@dataclass(frozen=True, slots=True)
class UncertainField:
    """One leaf of some rows, with what its true value may be.

    `value`: the leaf's finished number (normalised, rounded), NaN unknown; `worse`, `better`: that of
    the next class either way, `value` itself at the end of the list. `raw`: the field's number where it
    carries an error, else None. A value that is missing, or counts as its worst or as a stated one
    because it is missing, has no neighbours and no error: nothing is known that could be off.
    `low`, `high`: limits of the field, ±∞ where it has none. `fit`: what the leaf is compared with.
    """

    leaf: Indicator
    doubt: Doubt
    value: Floats
    worse: Floats
    better: Floats
    raw: Floats | None
    low: float
    high: float
    fit: NodeFit | None = None

    def rows(self, index: NDArray[Any]) -> UncertainField:
        """Return the factor of some of the rows."""
        raw = None if self.raw is None else self.raw[index]
        value, worse, better = self.value[index], self.worse[index], self.better[index]
        return replace(self, value=value, worse=worse, better=better, raw=raw)

    def deviation(self) -> Floats:
        """Return the standard deviation of each row's number, in the field's unit; NaN where unknown."""
        assert self.raw is not None, self.leaf.id
        return np.hypot(self.doubt.sd, self.doubt.relative_sd * self.raw)

    def drawn(self, value: Floats) -> Floats:
        """Return numbers of the field as they can be: kept inside the field's limits."""
        return np.clip(value, self.low, self.high)

    def number(self, value: Floats) -> Floats:
        """Return the leaf's finished number for numbers of the field inside its limits.

        Where they give none (the logarithm of 0) it is what the leaf's policy for the missing says,
        as for a stated value.
        """
        leaf = self.leaf
        found = np.asarray(steps(applied(leaf, value), leaf.bands, leaf.curve))
        unknown = np.isnan(found)
        if leaf.missing == "value" and unknown.any():
            found = np.where(unknown, before_settling(leaf, leaf.missing_value), found)
        return LeafColumn(leaf, found, unknown).filled(settled(leaf, found, self.fit))


def doubt_of(uncertainty: Uncertainty, leaf: Indicator) -> Doubt:
    """Return how far an indicator may be off; `SURE` where nothing is stated."""
    return uncertainty.indicators.get(leaf.id, SURE)


def factors(
    model: ScoringModel,
    layer: Layer,
    columns: LayerArrays,
    uncertainty: Uncertainty,
    *,
    fit: Fit | None = None,
) -> list[UncertainField]:
    """Return every leaf of the rows with its doubt, in the model's order.

    Leaves that compare with the whole layer take their places in `fit`; moving one point's class
    moves no other point.
    """
    read, signs = leaf_columns(model, columns), polarities(model)
    fits = {} if fit is None else fit.nodes
    out: list[UncertainField] = []
    for leaf in model.indicators:
        doubt, column, own = doubt_of(uncertainty, leaf), read[leaf.id], fits.get(leaf.id)
        value = column.filled(settled(leaf, column.value, own))
        known = ~np.isnan(value)
        if column.unknown is not None:
            known &= ~column.unknown
        worse = better = value
        field = next((f for f in layer.fields if f.id == leaf.field), None)
        listed = _classes(leaf, field)
        if doubt.moves and listed:
            lower, higher = (
                np.where(known, settled(leaf, one, own), value) for one in _neighbours(column.value, listed)
            )
            worse, better = (higher, lower) if _rises(leaf, signs[leaf.id]) else (lower, higher)
        raw = None
        if doubt.spreads:
            column = columns.read(leaf.field)
            raw = (
                np.full(len(columns), np.nan)
                if isinstance(column, Words)
                else np.where(known, column, np.nan)
            )
        low = -np.inf if field is None or field.minimum is None else field.minimum
        high = np.inf if field is None or field.maximum is None else field.maximum
        out.append(UncertainField(leaf, doubt, value, worse, better, raw, low, high, own))
    return out


def _classes(leaf: Indicator, field: Field | None) -> tuple[float, ...]:
    """Return the classes of a leaf before they are normalised and rounded, ascending."""
    listed = listed_values(leaf, field)
    if not leaf.shaped or leaf.bands:  # bands give their numbers after the function
        return listed
    values = applied(leaf, np.array(listed))
    return tuple(np.unique(values[~np.isnan(values)]).tolist())


def _rises(leaf: Indicator, signs: set[int]) -> bool:
    """Return whether a higher class, before it is normalised, is a worse one.

    What a learned node makes of its inputs nobody has promised: there the field's `worse` says it.
    """
    if not signs & {1, -1}:
        return leaf.worse == "higher"
    turned = leaf.flip
    return (1 in signs) != turned


def _neighbours(value: Floats, listed: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return the next lower and next higher listed number, the value itself where there is none."""
    classes = np.array(listed)
    below = np.searchsorted(classes, value, side="left") - 1
    above = np.searchsorted(classes, value, side="right")
    lower = np.where(below >= 0, classes[np.maximum(below, 0)], value)
    higher = np.where(above < len(classes), classes[np.minimum(above, len(classes) - 1)], value)
    return lower, higher


MOST_OUTCOMES = 4096  # of one node; beyond that sampling is the cheaper answer


_CLASSES = 3  # a class, the worse and the better one


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Possible values of a node and their chances, both (rows or 1) × outcomes; rows of chances sum to 1."""

    values: Floats
    chances: Floats


def _outcome_count(model: ScoringModel, uncertainty: Uncertainty) -> float:
    """Return the largest number of outcomes that a node can have, infinite where they cannot be listed.

    They cannot where a number with an error meets no bands, or a function before them, where weights
    are in doubt, where one doubtful factor reaches the score by two ways, which would have to be
    followed together, and where a gate reads a doubtful field or a doubtful node beside the score.
    What compares with the whole layer compares with a fit, which no outcome of a point moves.
    """
    if uncertainty.weights > 0 and any(weighted(node) for node in model.nodes):
        return math.inf
    counts: dict[str, int] = {}
    fields: set[str] = set()
    most = 1
    for node in model.nodes:
        if not isinstance(node, Combination):
            doubt = doubt_of(uncertainty, node)
            if doubt.spreads and (not node.bands or node.shaped):
                return math.inf
            counts[node.id] = len(node.bands) + 1 if doubt.spreads else _CLASSES if doubt.moves else 1
            if counts[node.id] > 1:
                if node.field in fields:
                    return math.inf
                fields.add(node.field)
        else:
            grid = math.prod(counts[child] for child in node.of)
            most = max(most, grid)
            counts[node.id] = min(grid, len(_finite(node)) + 1) if _finite(node) else grid
    parents = [child for node in model.nodes if isinstance(node, Combination) for child in node.of]
    twice = {child for child in parents if parents.count(child) > 1 and counts[child] > 1}
    return math.inf if twice or _gate_follows(model, uncertainty, counts) else most


def _gate_follows(model: ScoringModel, uncertainty: Uncertainty, counts: Mapping[str, int]) -> bool:
    """Return whether a gate hangs on something doubtful that would have to be followed with the score."""
    doubtful = frozenset.union(*doubtful_fields(model, uncertainty))
    read = [condition for gate in model.gates for condition in gate.when]
    return any(counts[c.node] > 1 and c.node != model.score if c.node else c.field in doubtful for c in read)


def _all_outcomes(
    model: ScoringModel,
    factors: Sequence[UncertainField],
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> dict[str, Outcomes]:
    """Return the possible values of every node of the rows, not yet rounded, with their chances."""
    fits, artefacts = {} if fit is None else fit.nodes, learned or {}
    found: dict[str, Outcomes] = {factor.leaf.id: _of_leaf(factor) for factor in factors}
    for node in model.nodes:
        if isinstance(node, Combination):
            parts = [found[child] for child in node.of]
            found[node.id] = _combined(node, parts, model.decimals, fits.get(node.id), artefacts.get(node.id))
    return found


def _of_leaf(factor: UncertainField) -> Outcomes:
    doubt = factor.doubt
    if factor.raw is not None:
        return _of_bands(factor)
    if not doubt.moves:
        return Outcomes(factor.value[:, None], np.ones((1, 1)))
    values = np.stack([factor.value, factor.worse, factor.better], axis=1)
    return Outcomes(
        values, np.array([[1 - doubt.class_up - doubt.class_down, doubt.class_up, doubt.class_down]])
    )


def _of_bands(factor: UncertainField) -> Outcomes:
    """Return the chance of each band for a number with a normal error; beyond the field's limits counts as there."""
    from scipy.special import ndtr  # noqa: PLC0415 (whatever only counts would load scipy for nothing)

    assert factor.raw is not None
    lower = np.array([limit for limit, _ in factor.leaf.bands])
    numbers = settled(factor.leaf, np.array([value for _, value in factor.leaf.bands]), factor.fit)
    known = ~np.isnan(factor.raw)
    raw, deviation = np.where(known, factor.raw, 0.0), np.where(known, factor.deviation(), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = 1 - ndtr((lower[None, :] - raw[:, None]) / deviation[:, None])
    exact = deviation == 0
    reached[exact] = raw[exact, None] >= lower
    reached[:, lower <= factor.low] = 1.0
    reached[:, lower > factor.high] = 0.0
    reached[:, lower == -np.inf] = 1.0
    chances = reached - np.concatenate([reached[:, 1:], np.zeros((len(raw), 1))], axis=1)
    # A number that is not known has one outcome: NaN, or the worst one that it counts as.
    chances = np.concatenate([np.where(known[:, None], chances, 0.0), ~known[:, None]], axis=1)
    values = np.concatenate(
        [np.broadcast_to(numbers, (len(raw), len(numbers))), factor.value[:, None]], axis=1
    )
    return Outcomes(values, chances)


def _combined(
    node: Combination,
    parts: Sequence[Outcomes],
    decimals: int,
    fit: NodeFit | None,
    predictor: Predictor | None,
) -> Outcomes:
    grid = np.indices([part.values.shape[1] for part in parts]).reshape(len(parts), -1)
    numbers = [part.values[:, i] for part, i in zip(parts, grid, strict=True)]
    value = combine(node, numbers, decimals, fit=fit, predictor=predictor)
    chance = parts[0].chances[:, grid[0]]
    for part, i in zip(parts[1:], grid[1:], strict=True):
        chance = chance * part.chances[:, i]
    return _merged(np.asarray(value, dtype=np.float64), chance, _finite(node))


def _merged(value: Floats, chance: Floats, finite: tuple[float, ...]) -> Outcomes:
    if not finite or value.shape[1] <= len(finite) + 1:
        return Outcomes(value, chance)
    columns = [np.where(value == one, chance, 0.0).sum(axis=1) for one in finite]
    columns.append(np.where(np.isnan(value), chance, 0.0).sum(axis=1))
    return Outcomes(np.array([[*finite, np.nan]]), np.stack(np.broadcast_arrays(*columns), axis=1))


def _finite(node: Node) -> tuple[float, ...]:
    """Return the numbers that a node can give, empty where they are not a short list."""
    if node.curve or node.normalise is not None:
        return ()
    cells = isinstance(node, Combination) and node.matrix and not node.shaped
    return tuple(sorted(set(values_of(node)))) if node.bands or cells else ()


_DRAWN_CELLS = 500_000  # scores computed in one step


def stream(name: str, uncertainty: Uncertainty) -> Floats:
    """Return `draws` numbers of (0, 1), one in each of as many equal slices, in random order."""
    random = np.random.default_rng([uncertainty.seed, crc32(name.encode())])
    slices = random.permutation(uncertainty.draws)
    # Never 0 or 1, whose normal quantile is infinite.
    return (slices + np.clip(random.random(uncertainty.draws), 1e-9, 1 - 1e-9)) / uncertainty.draws


def sampled(
    model: ScoringModel,
    factors: Sequence[UncertainField],
    uncertainty: Uncertainty,
    tier: Callable[[Floats, Drawn], NDArray[np.uint8]],
    ranks: int,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> Floats:
    """Return rows × ranks: in which share of the draws a row has each rank.

    `tier` turns scores (draws × rows, not yet rounded) and what was drawn into ranks of the same
    shape. Nodes that nothing doubtful reaches are computed once (a trained artefact may be slow).
    """
    rows = len(factors[0].value)
    doubtful = [factor for factor in factors if factor.doubt.moves or factor.doubt.spreads]
    uniform = {factor.leaf.field: stream(factor.leaf.field, uncertainty) for factor in doubtful}
    judged = _weights(model, uncertainty)
    still = _still(model, factors, {*(f.leaf.id for f in doubtful), *judged}, fit, learned)
    step = 1 if judged else max(1, _DRAWN_CELLS // max(rows, 1))
    counts = np.zeros((ranks, rows))
    for start in range(0, uncertainty.draws, step):
        end = min(start + step, uncertainty.draws)
        weighed = {key: part[start] for key, part in judged.items()}
        drawn = with_weights(model, weighed, fit=fit) if weighed else model
        leaves, moved = _draw(doubtful, {key: one[start:end] for key, one in uniform.items()})
        nodes = evaluate(drawn, {**still, **leaves}, fit=fit, learned=learned)
        score = np.broadcast_to(nodes[model.score], (end - start, rows))
        found = tier(score, Drawn(nodes, moved.numbers, moved.worse))
        for rank in range(ranks):
            counts[rank] += (found == rank).sum(axis=0)
    return counts.T / uncertainty.draws


def _weights(model: ScoringModel, uncertainty: Uncertainty) -> dict[str, Floats]:
    """Return node id → draws × parts: the factors of its weights. Empty where none is in doubt."""
    if not uncertainty.weights:
        return {}
    width = uncertainty.weights
    return {
        node.id: np.stack(
            [1 + width * (2 * stream(f"{node.id}/{part}", uncertainty) - 1) for part in node.of], axis=1
        )
        for node in model.nodes
        if isinstance(node, Combination) and weighted(node)
    }


def _still(
    model: ScoringModel,
    factors: Sequence[UncertainField],
    moving: set[str],
    fit: Fit | None,
    learned: Learned | None,
) -> dict[str, Floats]:
    """Return the value of every node that no draw moves; `moving`: the doubtful leaves and weights."""
    for node in model.nodes:
        if isinstance(node, Combination) and moving.intersection(node.of):
            moving.add(node.id)
    values = evaluate(model, {f.leaf.id: f.value for f in factors}, fit=fit, learned=learned)
    return {key: value for key, value in values.items() if key not in moving}


def _draw(
    doubtful: Sequence[UncertainField], uniform: Mapping[str, Floats]
) -> tuple[dict[str, Floats], Drawn]:
    """Return draws × rows: the numbers of the doubtful leaves, and what gates ask of their fields."""
    from scipy.special import ndtri  # noqa: PLC0415 (as above)

    leaves: dict[str, Floats] = {}
    numbers: dict[str, Floats] = {}
    moved: dict[str, NDArray[np.bool_]] = {}
    for factor in doubtful:
        u, field = uniform[factor.leaf.field][:, None], factor.leaf.field
        if factor.raw is not None:
            number = factor.drawn(factor.raw + factor.deviation() * ndtri(u))
            leaves[factor.leaf.id] = np.where(np.isnan(factor.raw), factor.value, factor.number(number))
            numbers.setdefault(field, number)
            continue
        worse, better = u > 1 - factor.doubt.class_up, u < factor.doubt.class_down
        leaves[factor.leaf.id] = np.where(worse, factor.worse, np.where(better, factor.better, factor.value))
        moved[field] = moved[field] | worse if field in moved else worse
    return leaves, Drawn({}, numbers, moved)


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
    return "exact" if _outcome_count(model, uncertainty) <= MOST_OUTCOMES else "sampled"


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
        columns = LayerArrays(table.slice(start, CHUNK), layer)
        end = start + len(columns)
        share[start:end] = _chunk(question, columns, rank[start:end])
    return TierProbabilities(method, doubt.draws if method == "sampled" else 0, share, rank)


def _chunk(question: _Question, columns: LayerArrays, rank: NDArray[np.uint8]) -> Floats:
    model, doubt = question.model, question.doubt
    every = factors(model, question.layer, columns, doubt, fit=question.fit)
    decided = decisions(model, columns, doubt)
    first, group = _alike(every, decided, rank)
    found = np.full((len(first), len(RANKS)), np.nan)
    exact = question.method == "exact"
    size = int(_CELLS // _outcome_count(model, doubt)) + 1 if exact else max(len(first), 1)
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
    every: Sequence[UncertainField], decided: Decisions, rank: NDArray[np.uint8]
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


def _exact(question: _Question, some: Sequence[UncertainField], decided: Decisions) -> Floats:
    found = _all_outcomes(question.model, some, fit=question.fit, learned=question.learned)
    scores, rows = found[question.model.score], len(decided.floor)
    values = np.broadcast_to(scores.values, (rows, scores.values.shape[1]))
    # Of the nodes that gates name, all but the score itself have one outcome.
    nodes = {c.node: found[c.node].values for conditions in decided.drawn for c in conditions}
    rank = decided.ranks(values, Drawn(nodes), rows_first=True)
    return np.stack([np.where(rank == r, scores.chances, 0.0).sum(axis=1) for r in range(len(RANKS))], axis=1)


def _sampled(question: _Question, some: Sequence[UncertainField], decided: Decisions) -> Floats:
    return sampled(
        question.model,
        some,
        question.doubt,
        decided.ranks,
        len(RANKS),
        fit=question.fit,
        learned=question.learned,
    )
