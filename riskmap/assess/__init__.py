"""Table + model → score, tier, missing factors, fired rules, and why. Pure: nothing is read or written."""

from riskmap.assess.completeness import completeness
from riskmap.assess.explaining import explain
from riskmap.assess.fit import Fit
from riskmap.assess.fitting import fit_model
from riskmap.assess.joining import joined
from riskmap.assess.kernel import assess_table
from riskmap.assess.methods import Predictor
from riskmap.assess.migration import Migration, migration
from riskmap.assess.patterns import Patterns
from riskmap.assess.residual import Residual, residual
from riskmap.assess.shapley import contributions
from riskmap.assess.uncertainty import TierProbabilities, tier_probabilities

__all__ = [
    "Fit",
    "Migration",
    "Patterns",
    "Predictor",
    "Residual",
    "TierProbabilities",
    "assess_table",
    "completeness",
    "contributions",
    "explain",
    "fit_model",
    "joined",
    "migration",
    "residual",
    "tier_probabilities",
]
