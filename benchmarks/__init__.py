"""Performance claims, measured: `python -m benchmarks` prints one table, ratios within one run."""
