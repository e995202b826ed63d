"""From rain to water: runoff, what a depression holds hour by hour, the margin of openings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.formulas.water import opening_margin, scs_runoff
from riskmap.values.hazards import Series

Singles = NDArray[np.float32]


def runoff_series(event: Series, curve_number: ArrayLike) -> Series:
    """Return the runoff of the event so far, mm, float32[times, records]: SCS-CN of `event_mm`.

    `curve_number` (records,), NaN not known. 100 mm on CN 75 → 41.137; 50 on 90 → 27.108; 20 on 70 → 0.
    """
    curve = np.asarray(curve_number, dtype=np.float64)[None, :]
    return _each(event, lambda rain: scs_runoff(rain, curve))


def ponded_series(runoff: Series, area_ha: ArrayLike, drain: ArrayLike, *, hours: float) -> Series:
    """Return the water that stands in depressions, m³, float32[times, records], steps of `hours`.

    What runs in during a step less what the drain (m³/s) can take in it, never below nothing: a drain does not
    save up capacity. `area_ha`: catchments, NaN not known. An event that ends keeps its water until it drains.
    """
    area, out = (np.asarray(part, dtype=np.float64) for part in (area_ha, drain))

    def volume(depth: Floats) -> Floats:
        gained = np.diff(depth, axis=0, prepend=np.zeros((1, depth.shape[1])))
        gained = np.where(gained < 0.0, depth, gained)  # a new event counts from nothing
        held = np.zeros(depth.shape[1])
        found = np.empty_like(depth)
        for i in range(len(depth)):
            held = np.maximum(held + gained[i] * area * 10.0 - out * hours * 3600.0, 0.0)
            found[i] = held
        return found

    # The bound that is certain counts what is known to have run in: an unknown step brings nothing there.
    low = volume(np.nan_to_num(runoff.low.astype(np.float64), nan=0.0))
    low = np.where(np.isfinite(area), low, 0.0)
    return Series(
        _single(volume(runoff.best.astype(np.float64))),
        _single(low),
        _single(volume(runoff.high.astype(np.float64))),
    )


def margin_series(sill: ArrayLike, barrier: ArrayLike, ground: ArrayLike, depth: Series) -> Series:
    """Return the margin of openings, m: sill + barrier − (ground + depth), float32[times, records].

    `sill`, `ground` heights in the same datum, `barrier` m, each (records,), NaN not known. The deeper the
    water the less: `low` comes from the high depth. Sill 3.60, ground 3.20, depth .30 → .10.
    """
    own, height, base = (
        np.asarray(part, dtype=np.float64)[None, :, None] for part in (sill, barrier, ground)
    )

    def margin(water: Singles) -> Singles:
        return _single(opening_margin(own, height, base + water.astype(np.float64)[:, :, None]))

    return Series(margin(depth.best), margin(depth.high), margin(depth.low))


def _each(series: Series, of: Callable[[Floats], Floats]) -> Series:
    best, low, high = (
        _single(of(part.astype(np.float64))) for part in (series.best, series.low, series.high)
    )
    return Series(best, low, high)


def _single(values: Floats) -> Singles:
    return np.asarray(values, dtype=np.float32)
