"""The scoring kernel: one pure function of a table of columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.fit import Fit, needed_fit
from riskmap.assess.nodes import Learned, evaluate, leaf_values, subtree
from riskmap.assess.patterns import PatternWriter, mask_of
from riskmap.assess.rules import fired, held
from riskmap.assess.tiers import decided, rounded
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, ScoringModel
from riskmap.records import Assessment

# Rows per step. Bounds memory whatever the table's size, and keeps the working arrays in cache.
CHUNK = 65_536


def assess_table(
    model: ScoringModel,
    layer: Layer,
    table: pa.Table,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
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
    for start in range(0, rows, CHUNK):
        columns = Columns(table.slice(start, CHUNK), layer)
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


def _score(
    model: ScoringModel, columns: Columns, fit: Fit | None, learned: Learned | None
) -> tuple[Floats, NDArray[np.uint64], Mapping[str, Floats]]:
    leaves, lacking = leaf_values(model, columns, fit=fit)
    values = evaluate(model, leaves, fit=fit, learned=learned)
    score = np.broadcast_to(rounded(model, values[model.score]), len(columns))
    unrated = np.isnan(score)
    if not unrated.any():
        return score, np.zeros(len(columns), dtype=np.uint64), values
    flags: list[NDArray[np.bool_] | None] = [None] * len(model.fields)
    place = {field: i for i, field in enumerate(model.fields)}
    for leaf in model.indicators:
        if leaf.id in lacking and leaf.missing not in {"worst", "value"}:
            i, flag = place[leaf.field], lacking[leaf.id] & unrated
            known = flags[i]
            flags[i] = flag if known is None else known | flag
    mask = mask_of(len(columns), flags)
    return score, _unexplained(model, values, mask, unrated), values


def _unexplained(
    model: ScoringModel, values: Mapping[str, Floats], mask: NDArray[np.uint64], unrated: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """Name fields for rows that are unrated although no leaf is missing (a division by zero).

    They are the fields of the first combination that could not be computed.
    """
    bit_of = {field: np.uint64(1 << i) for i, field in enumerate(model.fields)}
    bit = {leaf.id: bit_of[leaf.field] for leaf in model.indicators}
    for node in model.nodes:
        open_rows = unrated & (mask == 0)
        if not open_rows.any():
            break
        if isinstance(node, Combination):
            below = subtree(model, node.id)
            bits = np.bitwise_or.reduce([bit[leaf] for leaf in bit if leaf in below])
            mask = np.where(open_rows & np.isnan(values[node.id]), mask | bits, mask)
    return mask
