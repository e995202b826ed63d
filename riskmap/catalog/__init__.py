"""What a layer is and how it is scored: read from TOML, validated with every mistake at once."""

from __future__ import annotations

from riskmap.catalog.layer import CORE_ROLES, Choice, ContactRole, Field, Layer
from riskmap.catalog.loader import Catalog, defaults_dir, load_catalog
from riskmap.catalog.model import Condition, Indicator, ScoringModel
from riskmap.catalog.plan import PHASES, PlanAction, RecordPlan

__all__ = [
    "CORE_ROLES",
    "PHASES",
    "Catalog",
    "Choice",
    "Condition",
    "ContactRole",
    "Field",
    "Indicator",
    "Layer",
    "PlanAction",
    "RecordPlan",
    "ScoringModel",
    "defaults_dir",
    "load_catalog",
]
