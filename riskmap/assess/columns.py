"""The columns that scoring reads: `riskmap.columns`, which conditions of other stages read too."""

from __future__ import annotations

from riskmap.columns import Columns, Floats, Words

__all__ = ["Columns", "Floats", "Words"]
