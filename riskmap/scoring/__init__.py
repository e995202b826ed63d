"""Table + model → score, tier, missing factors, fired rules, and why. Pure: nothing is read or written."""

from __future__ import annotations

from riskmap.scoring.comparison import migration
from riskmap.scoring.explanation import contributions, explain
from riskmap.scoring.fit import Fit
from riskmap.scoring.kernel import assess_table, fit_model, joined, part_values
from riskmap.scoring.methods import Predictor
from riskmap.scoring.residual import completeness, residual
from riskmap.scoring.uncertainty import TierProbabilities, tier_probabilities

__all__ = [
    "Fit",
    "Predictor",
    "TierProbabilities",
    "assess_table",
    "completeness",
    "contributions",
    "explain",
    "fit_model",
    "joined",
    "migration",
    "part_values",
    "residual",
    "tier_probabilities",
]
