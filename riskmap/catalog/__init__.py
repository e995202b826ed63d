"""What a layer is and how it is scored: read from TOML, validated with every mistake at once."""

from __future__ import annotations

from riskmap.catalog.layer import (
    CORE_ROLES,
    Checklist,
    ChecklistItem,
    Choice,
    ContactRole,
    Field,
    Layer,
    Style,
)
from riskmap.catalog.loader import Catalog, Fault, defaults_dir, load_catalog
from riskmap.catalog.model import Combination, Condition, DirectRule, Gate, Indicator, Normalise, ScoringModel
from riskmap.catalog.plan import PHASES, PlanAction, RecordPlan

__all__ = [
    "CORE_ROLES",
    "PHASES",
    "Catalog",
    "Checklist",
    "ChecklistItem",
    "Choice",
    "Combination",
    "Condition",
    "ContactRole",
    "DirectRule",
    "Fault",
    "Field",
    "Gate",
    "Indicator",
    "Layer",
    "Normalise",
    "PlanAction",
    "RecordPlan",
    "ScoringModel",
    "Style",
    "defaults_dir",
    "load_catalog",
]
