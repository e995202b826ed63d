"""Rows for the scoring tests: the default layers and models, and random rows of any layer."""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from riskmap.catalog import Catalog, Layer, ScoringModel, defaults_dir, load_catalog
from riskmap.scoring import assess_table
from riskmap.scoring.nearest import table_of, touched
from riskmap.values.assessment import Assessment
from riskmap.vocabulary import RANKS

LAYERS = ("risk_points", "slopes", "underground_spaces", "waterlogging", "forest_fire_grids", "shelters")


@cache
def catalog() -> Catalog:
    return load_catalog(defaults_dir())


def scoring(layer: str) -> tuple[ScoringModel, Layer]:
    return catalog().model_of(layer), catalog().layer(layer)


def table(layer: str, *rows: dict[str, Any]) -> pa.Table:
    return table_of(*scoring(layer), rows)


def assessed(layer: str, *rows: dict[str, Any]) -> Assessment:
    model, definition = scoring(layer)
    return assess_table(model, definition, table_of(model, definition, rows))


def tiers(result: Assessment) -> list[str]:
    return [RANKS[rank] for rank in result.rank]


def values(layer: str, field: str) -> st.SearchStrategy[Any]:
    """Values that a field can have, without "missing"."""
    definition = catalog().layer(layer).field(field)
    if definition.type == "boolean":
        return st.booleans()
    if definition.type == "choice":
        return st.sampled_from([c.id for c in definition.choices])
    if definition.standard_values:
        return st.sampled_from(definition.standard_values)
    low = definition.minimum if definition.minimum is not None else -50
    low, high = max(low, -50), min(definition.maximum or 20000, 20000)
    if definition.type == "integer":
        return st.integers(int(low), int(high)) | st.integers(int(low), 200)
    # Decimals as people write them, often near the limits of the models.
    fine = st.integers(int(low * 100), int(min(high, 20) * 100)).map(lambda n: n / 100)
    return fine | st.floats(low, high, allow_nan=False).map(lambda x: round(x, 2))


def rows(layer: str, *, missing: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of the fields that the layer's model reads."""
    model, _ = scoring(layer)
    nothing = st.none() if missing else st.nothing()
    return st.fixed_dictionaries({f: values(layer, f) | nothing for f in touched(model)})
