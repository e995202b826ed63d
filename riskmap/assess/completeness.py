"""How much of what a point should state is known: a share, beside the tier and never part of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats, Words
from riskmap.assess.nodes import subtree
from riskmap.assess.rows import touched
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Combination, ScoringModel

CORE = ("position", "subdistrict")  # what every record of every layer should state


def completeness(model: ScoringModel, layer: Layer, table: pa.Table) -> Floats:
    """Return for each row of a snapshot table the share of the expected values that are known, 0 to 1.

    Expected are the fields that the model's score and direct rules read, the position and the
    sub-district. A choice that the model lists as "unknown" is not known. Of several measurements
    of one thing (`known_only`), those without which the value is known all the same are not
    expected. Three factors of LEC and the rules' 5 fields: a point with L, E, C and a place has 5 of 10.
    """
    columns = Columns(table, layer)
    known = {field: _known(model, columns, field) for field in touched(model)}
    expected = {field: np.ones(len(columns), dtype=bool) for field in known}
    for field, spare in _spared(model, known).items():
        expected[field] &= ~spare
    have, want = np.zeros(len(columns)), np.zeros(len(columns))
    for field, is_known in known.items():
        have += is_known & expected[field]
        want += expected[field]
    for is_known in (_located(table), _placed(table)):
        have += is_known
        want += 1
    return have / want


def _known(model: ScoringModel, columns: Columns, field: str) -> NDArray[np.bool_]:
    column = columns.read(field)
    if not isinstance(column, Words):
        return ~np.isnan(column)
    unknown = {word for leaf in model.indicators if leaf.field == field for word in leaf.unknown}
    return np.array([*(word not in unknown and word != "" for word in column.words), False])[column.codes]


def _spared(model: ScoringModel, known: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Return the rows in which a field is not asked for, because another measurement is there."""
    out: dict[str, NDArray[np.bool_]] = {}
    for node in model.nodes:
        if not isinstance(node, Combination) or not node.known_only:
            continue
        ways = [[f.field for f in model.indicators if f.id in subtree(model, child)] for child in node.of]
        complete = [np.logical_and.reduce([known[field] for field in way]) for way in ways]
        some = np.logical_or.reduce(complete)
        for way, done in zip(ways, complete, strict=True):
            for field in way:
                out[field] = out.get(field, np.ones_like(some)) & some & ~done
    return out


def _located(table: pa.Table) -> NDArray[np.bool_]:
    if "lon" not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    lon, lat = (table[name].to_numpy() for name in ("lon", "lat"))
    return np.isfinite(lon) & np.isfinite(lat)


def _placed(table: pa.Table) -> NDArray[np.bool_]:
    if "subdistrict" not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    return np.array([bool(word) for word in table["subdistrict"].to_pylist()], dtype=bool)
