"""The scoring kernel: one pure function of a table of columns.

Fitting a model to a whole layer, node by node in evaluation order.

One assessment of a layer from the assessments of its slices.

Score → tier, exact at the limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, Node, Prediction, ScoringModel
from riskmap.errors import FormulaError, Text
from riskmap.formulas.composite import entropy_weights
from riskmap.formulas.methods import Fitted
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.arrays import LayerArrays
from riskmap.rules.conditions import fired, held
from riskmap.scoring.fit import Fit, NodeFit, needed_fit
from riskmap.scoring.methods import Predictor, weights_of
from riskmap.scoring.nodes import (
    Learned,
    combined,
    comparable,
    evaluate,
    leaf_columns,
    leaf_values,
    refused,
    settled,
    subtree,
)
from riskmap.values.assessment import Assessment, PatternWriter, joined_patterns, mask_of
from riskmap.vocabulary import RANK_OF, UNRATED


def fit_model(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    learned: Mapping[str, Predictor] | None = None,
) -> Fit | None:
    """Return what the model takes from all rows of a snapshot table; None where it takes nothing.

    Only known values take part; the order of the rows changes nothing, to the last bit.
    FormulaError where the layer cannot be fitted (entropy weights of negative numbers).
    """
    if not model.fitted:
        return None
    nodes: dict[str, NodeFit] = {}
    values: dict[str, Floats] = {}
    columns = LayerArrays(table, layer)
    raw = leaf_columns(model, columns)
    for node in model.nodes:
        if isinstance(node, Combination):
            parts = [values[child] for child in node.of]
            start = _parts_fit(model, node, parts)
            predictor = (learned or {}).get(node.id)
            value = combined(node, parts, model.decimals, fit=start, predictor=predictor)
        else:
            start, value = None, raw[node.id].value
        one = _value_fit(node, value, start)
        if one is not None:
            nodes[node.id] = one
        value = settled(node, value, one)
        if not isinstance(node, Combination):
            value = raw[node.id].filled(value)
        values[node.id] = value
    return Fit(model.digest, table.num_rows, nodes)


def _value_fit(node: Node, value: Floats, start: NodeFit | None) -> NodeFit | None:
    """Return what `normalise` takes from a node's own values, beside what its parts gave."""
    how = node.normalise
    if how is None or not how.fitted:
        return start
    known = np.sort(_known(comparable(node, value)))
    base = start or NodeFit(rows=len(known))
    span = values = counts = None
    if how.method == "percentile_rank":
        values, counts = np.unique(known, return_counts=True)
    elif len(known):
        span = (float(known[0]), float(known[-1]))
    else:
        span = (0.0, 0.0)
    return replace(base, span=span, values=values, counts=counts)


def _known(value: Floats) -> Floats:
    flat = np.atleast_1d(np.asarray(value, dtype=np.float64))
    return flat[~np.isnan(flat)] + 0.0  # −0 and 0 are one number


def _parts_fit(model: ScoringModel, node: Combination, parts: Sequence[Floats]) -> NodeFit | None:
    """Return what a combination takes from its parts: entropy weights, and what its method fits."""
    how = None if isinstance(node, Prediction) else node.way.fit
    if node.weighting is None and how is None:
        return None
    stacked = np.stack(np.broadcast_arrays(*[np.atleast_1d(p) for p in parts]), axis=1)
    complete = stacked[~np.isnan(stacked).any(axis=1)]
    # Columns are judged one by one; sorted, their sums do not depend on the order of the rows.
    table = np.sort(complete, axis=0) + 0.0
    weights = _entropy(model, node, table) if node.weighting else weights_of(node, None)
    ends = Fitted() if how is None else how(node, table)
    return NodeFit(len(table), weights=weights, scale=ends.scale, least=ends.least, most=ends.most)


def _entropy(model: ScoringModel, node: Combination, table: Floats) -> tuple[float, ...]:
    """Return entropy weights, () where the rows are too few or too alike to give any."""
    negative = (table < 0).any(axis=0)
    if negative.any():
        part = node.of[int(np.argmax(negative))]
        raise FormulaError(
            f"评分模型 {model.id} › {node.id}：{part} 有负数，熵权法无从计算；请先归一化到 0 以上",
            f"scoring model {model.id} › {node.id}: {part} is negative somewhere, entropy weights cannot be "
            "computed; normalise it to 0 and above first",
        )
    try:
        return tuple(entropy_weights(table).tolist())
    except FormulaError:
        return ()


def joined(parts: Sequence[Assessment]) -> Assessment:
    """Return the assessment of all rows of the parts, in their order.

    As if the rows had been scored at once: the kernel looks at one row at a time, what it compares
    with is in the fit. ValueError for no parts, and for parts of different layers or models.
    """
    if len({(part.layer, part.model, part.digest) for part in parts}) != 1:
        named = ", ".join(sorted({f"{part.layer}/{part.model}/{part.digest[:12]}" for part in parts}))
        raise ValueError(f"parts of one layer by one model are joined, not of {named or 'nothing'}")
    first = parts[0]
    return Assessment(
        layer=first.layer,
        model=first.model,
        digest=first.digest,
        score=np.concatenate([part.score for part in parts]),
        rank=np.concatenate([part.rank for part in parts]),
        missing=joined_patterns([part.missing for part in parts]),
        rules=joined_patterns([part.rules for part in parts]),
    )


_WORST = RANK_OF["major"]


def rounded(model: ScoringModel, score: Floats) -> Floats:
    """Return scores as they are compared and stored: rounded to the model's decimals.

    Weights .30/.05/.10/.55 with 3/3/4/1 sum to 1.9999999999999998, which is 2.
    """
    return np.round(score, model.decimals)


def ranks(model: ScoringModel, score: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the rank (records.RANKS) of rounded scores, of any shape; UNRATED where the score is NaN."""
    rank = np.full(score.shape, RANK_OF["low"], dtype=np.uint8)
    lower, above = model.limits.lower, model.limits.above
    for tier in ("general", "large", "major"):
        reached = score > lower[tier] if tier in above else score >= lower[tier]
        rank[reached] = RANK_OF[tier]
    rank[np.isnan(score)] = UNRATED
    return rank


def demanded(model: ScoringModel, fired: Sequence[NDArray[np.bool_] | None], rows: int) -> NDArray[np.uint8]:
    """Return the rank that the fired rules demand of each row at least, 0 (low) where none fired."""
    floor = np.zeros(rows, dtype=np.uint8)
    for rule, flags in zip(model.rules, fired, strict=True):
        if flags is not None:
            np.maximum(floor, RANK_OF[rule.tier], out=floor, where=flags)
    return floor


def lifted(rank: NDArray[np.uint8], floor: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ranks, of any shape, after the direct rules: at least what they demand (`floor`, 0: nothing).

    An unrated point follows only a rule for the worst tier. With a lesser one the point might still
    be worse than the rule says, so it stays unrated, with the rule named beside it.
    """
    follows = (rank != UNRATED) | (floor == _WORST)
    return np.where(follows, np.maximum(rank, floor), rank)


def capped(
    model: ScoringModel, rank: NDArray[np.uint8], held: Sequence[NDArray[np.bool_] | None]
) -> NDArray[np.uint8]:
    """Return ranks after the gates: at most the tier of every gate that held; unrated stays unrated."""
    out = rank.copy()
    for gate, flags in zip(model.gates, held, strict=True):
        if flags is not None:
            out[flags & (rank != UNRATED) & (out > RANK_OF[gate.at_most])] = RANK_OF[gate.at_most]
    return out


def decided(
    model: ScoringModel,
    score: NDArray[np.float64],
    fired: Sequence[NDArray[np.bool_] | None],
    held: Sequence[NDArray[np.bool_] | None],
) -> NDArray[np.uint8]:
    """Return the ranks of rounded scores: by the limits, then the gates, then the direct rules."""
    return lifted(capped(model, ranks(model, score), held), demanded(model, fired, len(score)))


def scoring_of(layer: Layer) -> Text:
    """Return what is being done while a layer is scored."""
    return Text(f"评分：{layer.title.zh}", f"scoring: {layer.title.en}")


# Rows per step. Bounds memory whatever the table's size, and keeps the working arrays in cache.
CHUNK = 65_536


def assess_table(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
    progress: Progress = UNWATCHED,
) -> Assessment:
    """Score every row of a snapshot table (columns `f:<field id>`, `checklist`).

    Returns arrays parallel to the rows: score NaN and rank UNRATED where a required factor is
    missing. A field that the table lacks is missing in every row. Other columns are not read.
    `rules` names the direct rules that fired and the gates that held. A model that compares with
    the whole layer needs its `fit` (`fitting.fit_model`), one with learned nodes the loaded
    artefacts by node id; NotFittedError, ArtefactError where they are not given.
    """
    fit = needed_fit(model, fit)
    rows = table.num_rows
    score = np.full(rows, np.nan)
    rank = np.zeros(rows, dtype=np.uint8)
    missing = PatternWriter(rows, model.fields)
    rules = PatternWriter(rows, [one.id for one in (*model.rules, *model.gates)])
    what = scoring_of(layer)
    for start in range(0, rows, CHUNK):
        progress.step(start, rows, what)
        columns = LayerArrays(table.slice(start, CHUNK), layer)
        end = start + len(columns)
        score[start:end], lacking, values = _score(model, columns, fit, learned)
        missing.write(start, lacking)
        flags, gates = fired(model, columns), held(model, columns, values)
        rules.write(start, mask_of(len(columns), [*flags, *gates]))
        rank[start:end] = decided(model, score[start:end], flags, gates)
    return Assessment(
        layer=layer.id,
        model=model.id,
        digest=model.digest,
        score=score,
        rank=rank,
        missing=missing.done(),
        rules=rules.done(),
    )


def part_values(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> dict[str, Floats]:
    """Return part id → float64 per row of a snapshot table: the values of the model's parts, NaN where unknown.

    A part is known where what it needs is known, also of a point that is unrated. Needs what `assess_table` does.
    """
    fit = needed_fit(model, fit)
    out = {part.id: np.full(table.num_rows, np.nan) for part in model.parts}
    for start in range(0, table.num_rows if out else 0, CHUNK):
        columns = LayerArrays(table.slice(start, CHUNK), layer)
        leaves, _ = leaf_values(model, columns, fit=fit)
        values = evaluate(model, leaves, fit=fit, learned=learned)
        for key, column in out.items():
            column[start : start + len(columns)] = np.broadcast_to(rounded(model, values[key]), len(columns))
    return out


def _score(
    model: ScoringModel, columns: LayerArrays, fit: Fit | None, learned: Learned | None
) -> tuple[Floats, NDArray[np.uint64], Mapping[str, Floats]]:
    leaves, lacking = leaf_values(model, columns, fit=fit)
    values = evaluate(model, leaves, fit=fit, learned=learned)
    score = np.broadcast_to(rounded(model, values[model.score]), len(columns))
    unrated = np.isnan(score)
    if not unrated.any():
        return score, mask_of(len(columns), []), values
    flags: list[NDArray[np.bool_] | None] = [None] * len(model.fields)
    place = {field: i for i, field in enumerate(model.fields)}
    for leaf in model.scoring_leaves:
        if leaf.id in lacking and leaf.missing not in {"worst", "value"}:
            i, flag = place[leaf.field], lacking[leaf.id] & unrated
            known = flags[i]
            flags[i] = flag if known is None else known | flag
    named = np.logical_or.reduce([flag for flag in flags if flag is not None] or [~unrated])
    open_rows = unrated & ~named
    if open_rows.any():
        for field, rows in _unexplained(model, values, open_rows).items():
            known = flags[place[field]]
            flags[place[field]] = rows if known is None else known | rows
    return score, mask_of(len(columns), flags), values


def _unexplained(
    model: ScoringModel, values: Mapping[str, Floats], open_rows: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Return field → rows for rows that are unrated although no leaf is missing.

    They are the fields of the parts that the first combination without a value refuses (a negative factor, a divisor
    of 0), or of all its parts where it refuses none.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    used = subtree(model, model.score)
    for node in model.nodes:
        if not open_rows.any():
            break
        if not isinstance(node, Combination) or node.id not in used:
            continue
        lost = open_rows & np.isnan(values[node.id])
        blamed = [lost & flag for flag in refused(node, values)]
        spared = lost & ~np.logical_or.reduce(blamed)
        for child, rows in zip(node.of, blamed, strict=True):
            below = subtree(model, child)
            for field in {leaf.field for leaf in model.indicators if leaf.id in below}:
                found[field] = found.get(field, np.zeros_like(lost)) | rows | spared
        open_rows = open_rows & ~lost
    return found
