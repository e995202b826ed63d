"""Direct rules and gates on columns: data from the model file, compared and never executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmap.catalog.model import ScoringModel
from riskmap.columns import Columns
from riskmap.conditions import Flags, Reader, all_hold, holds, where_all_hold

__all__ = ["Flags", "fired", "held", "holds", "where_all_hold"]


def fired(model: ScoringModel, columns: Columns) -> list[Flags | None]:
    """Return, for each rule of the model, the rows where all its conditions hold; None for nowhere."""
    return where_all_hold([rule.when for rule in model.rules], columns)


def held(model: ScoringModel, columns: Columns, values: Mapping[str, Any]) -> list[Flags | None]:
    """Return, for each gate, the rows where all its conditions hold; None for nowhere.

    `values`: the value of every node. A node's number is compared as the score is, without the
    noise of its sums.
    """
    if not model.gates:
        return []
    read = Reader(columns, values, model.decimals)
    return [all_hold(gate.when, read) for gate in model.gates]
