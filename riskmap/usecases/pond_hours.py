"""How deep water stands at waterlogging spots hour by hour: runoff, pumps, the real depression of the terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from riskmap.columns import Columns
from riskmap.hazards import Floats, Series
from riskmap.prepare.water_field import ponded_series
from riskmap.usecases.design_storm import drain_of, read_ground, spot_cells


def depth_series(
    dem: Path, columns: Columns, lon: Floats, lat: Floats, runoff: Series, *, hours: float
) -> Series:
    """Return depth_m at spots, float32[times, records]; `runoff` as `runoff_series` gives it, in steps of `hours`.

    `columns`: the waterlogging layer's rows. A spot without a position, a catchment, a curve number or a
    depression nearby has no depth: unknown is never dry. Raises as `read_ground` does.
    """
    ground = read_ground(dem)
    water = ponded_series(runoff, columns.numbers("catchment_ha"), drain_of(columns), hours=hours)
    best, low, high = (np.full(water.best.shape, np.nan, dtype=np.float32) for _ in range(3))
    low[:] = 0.0
    for i, cell in enumerate(spot_cells(dem, ground, lon, lat)):
        number = 0 if cell is None else ground.nearest(*cell)
        if number:
            curve = ground.depressions.curve(number)
            for out, volume in ((best, water.best), (low, water.low), (high, water.high)):
                known = np.isfinite(volume[:, i])
                out[known, i] = curve.depth(volume[known, i].astype(np.float64))
    return Series(best, low, high)
