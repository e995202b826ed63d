"""Score point tables that are too large for one ledger: Parquet in, Parquet out, in one process or on Dask."""

from riskmap.usecases.batch.scoring import score_points

__all__ = ["score_points"]
