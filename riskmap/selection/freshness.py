"""How old the knowledge of a record is: days since it was surveyed, or else since it was written."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.selection.flags import stale, surveyed


def age_days(table: pa.Table, layer: Layer, *, today: date) -> NDArray[np.float64]:
    """Return float64 days since each row was surveyed (else updated); NaN where no date is known.

    Counted from the same date as the flag 超期未更新: surveyed on 2026-11-01 and asked on
    2026-11-25, 24.
    """
    when = surveyed(table, layer).to_pylist()
    return np.array([_age(text, today) for text in when], dtype=np.float64)


def fresh(table: pa.Table, layer: Layer, *, today: date) -> NDArray[np.bool_]:
    """Return which rows are within the layer's limit; a record whose date is not known is not."""
    return ~stale(table, layer, today)


def _age(text: str | None, today: date) -> float:
    try:
        return float((today - date.fromisoformat((text or "")[:10])).days)
    except ValueError:
        return float("nan")
