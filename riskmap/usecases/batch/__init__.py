"""Scores in bulk: point tables that are too large for one ledger (Parquet in, Parquet out), layers on a cluster."""

from riskmap.usecases.batch.layers import assess_layers_on
from riskmap.usecases.batch.scoring import score_points

__all__ = ["assess_layers_on", "score_points"]
