"""The scoring kernel: one pure function of a table of columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.nodes import evaluate, leaf_values, subtree
from riskmap.assess.patterns import PatternWriter, mask_of
from riskmap.assess.rules import fired
from riskmap.assess.tiers import raised, ranks, rounded
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, ScoringModel
from riskmap.records import Assessment

# Rows per step. Bounds memory whatever the table's size, and keeps the working arrays in cache.
CHUNK = 65_536


def assess_table(model: ScoringModel, layer: Layer, table: pa.Table) -> Assessment:
    """Score every row of a snapshot table (columns `f:<field id>`, `checklist`).

    Returns arrays parallel to the rows: score NaN and rank UNRATED where a required factor is
    missing. A field that the table lacks is missing in every row. Other columns are not read.
    """
    rows = table.num_rows
    score = np.full(rows, np.nan)
    rank = np.zeros(rows, dtype=np.uint8)
    missing = PatternWriter(rows, [leaf.field for leaf in model.indicators])
    rules = PatternWriter(rows, [rule.id for rule in model.rules])
    for start in range(0, rows, CHUNK):
        columns = Columns(table.slice(start, CHUNK), layer)
        end = start + len(columns)
        score[start:end], lacking = _score(model, columns)
        missing.write(start, lacking)
        flags = fired(model, columns)
        rules.write(start, mask_of(len(columns), flags))
        rank[start:end] = raised(model, ranks(model, score[start:end]), flags)
    return Assessment(
        layer=layer.id,
        model=model.id,
        digest=model.digest,
        score=score,
        rank=rank,
        missing=missing.done(),
        rules=rules.done(),
    )


def _score(model: ScoringModel, columns: Columns) -> tuple[Floats, NDArray[np.uint64]]:
    leaves, lacking = leaf_values(model, columns)
    values = evaluate(model, leaves)
    score = np.broadcast_to(rounded(model, values[model.score]), len(columns))
    unrated = np.isnan(score)
    if not unrated.any():
        return score, np.zeros(len(columns), dtype=np.uint64)
    flags = [
        lacking[leaf.id] & unrated if leaf.missing == "unrated" and leaf.id in lacking else None
        for leaf in model.indicators
    ]
    mask = mask_of(len(columns), flags)
    return score, _unexplained(model, values, mask, unrated)


def _unexplained(
    model: ScoringModel, values: Mapping[str, Floats], mask: NDArray[np.uint64], unrated: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """Name fields for rows that are unrated although no leaf is missing (a division by zero).

    They are the fields of the first combination that could not be computed.
    """
    bit = {leaf.id: np.uint64(1 << i) for i, leaf in enumerate(model.indicators)}
    for node in model.nodes:
        open_rows = unrated & (mask == 0)
        if not open_rows.any():
            break
        if isinstance(node, Combination):
            below = subtree(model, node.id)
            bits = np.bitwise_or.reduce([bit[leaf] for leaf in bit if leaf in below])
            mask = np.where(open_rows & np.isnan(values[node.id]), mask | bits, mask)
    return mask
