"""How deep water stands hour by hour: runoff, pumps, the real depressions of the terrain.

The waterlogging layer says how much water comes together where; the terrain says how far it reaches,
so other records in the same depression stand in the same water.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from riskmap.columns import Columns
from riskmap.errors import RiskmapError
from riskmap.hazards import Floats, Series
from riskmap.prepare.water_field import ponded_series
from riskmap.usecases.design_storm import Ground, drain_of, read_ground, spot_cells


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Water in depressions: their number → volumes, m³, float32[times, 1]. `hours`: how many times."""

    dem: Path
    ground: Ground
    water: Mapping[int, Series]
    hours: int

    def at_spots(self, lon: Floats, lat: Floats) -> Series:
        """Return the greatest depth, m, of the depression at or near each spot, float32[times, spots].

        NaN for a spot without a position, a catchment, a curve number or a depression nearby.
        """
        return self._depths(lon, lat, near=True)

    def at_places(self, lon: Floats, lat: Floats) -> Series:
        """Return the depth over the ground at places, m, float32[times, places].

        Nought where the terrain holds no water; NaN in a depression of which nobody says what runs in,
        outside the terrain and without a position: unknown is never dry.
        """
        return self._depths(lon, lat, near=False)

    def _depths(self, lon: Floats, lat: Floats, *, near: bool) -> Series:
        found = [np.full((self.hours, len(lon)), np.nan, np.float32) for _ in range(3)]
        if near:
            found[1][:] = 0.0  # less than nothing never stands
        wet: dict[
            int, list[tuple[int, float]]
        ] = {}  # depression → places in it with the height of their ground
        dry: list[int] = []
        for i, cell in enumerate(spot_cells(self.dem, self.ground, lon, lat)):
            if cell is None:
                continue
            number = self.ground.nearest(*cell) if near else int(self.ground.depressions.labels[cell])
            if number in self.water:
                wet.setdefault(number, []).append((i, float(self.ground.heights[cell])))
            elif not number and not near:
                dry.append(i)
        for number, places in wet.items():
            curve, volumes = self.ground.depressions.curve(number), self.water[number]
            columns = np.array([i for i, _ in places])
            ground = (
                np.full(len(places), curve.bottom) if near else np.array([height for _, height in places])
            )
            for out, volume in zip(found, (volumes.best, volumes.low, volumes.high), strict=True):
                known = np.flatnonzero(np.isfinite(volume[:, 0]))
                level = curve.level(volume[known, 0].astype(np.float64))
                out[np.ix_(known, columns)] = np.maximum(level[:, None] - ground, 0.0)
        for out in found:
            out[:, dry] = 0.0
        return Series(*found)


def standing_water(
    dem: Path, spots: Columns, lon: Floats, lat: Floats, runoff: Series, *, hours: float
) -> Standing:
    """Return the water of the waterlogging spots; `runoff` as `runoff_series` gives it, in steps of `hours`.

    `spots`: rows of the waterlogging layer at `lon`, `lat` (CGCS2000 degrees). Where several lie in one
    depression the one with the most water counts. Raises as `read_ground` does.
    """
    ground = _ground(dem, dem.stat().st_mtime_ns)
    volumes = ponded_series(runoff, spots.numbers("catchment_ha"), drain_of(spots), hours=hours)
    water: dict[int, Series] = {}
    for i, cell in enumerate(spot_cells(dem, ground, lon, lat)):
        number = 0 if cell is None else ground.nearest(*cell)
        if not number:
            continue
        mine = Series(*(part[:, i : i + 1] for part in (volumes.best, volumes.low, volumes.high)))
        water[number] = _more(water[number], mine) if number in water else mine
    return Standing(dem, ground, water, len(volumes.best))


def _more(one: Series, other: Series) -> Series:
    """Return the greater of two at each time; what one of them does not know stays open at the top."""
    return Series(
        np.maximum(one.best, other.best), np.fmax(one.low, other.low), np.maximum(one.high, other.high)
    )


def warm(dem: Path) -> None:
    """Find the depressions of a terrain before somebody waits for them; what is wrong is said when they are asked for."""
    with suppress(RiskmapError, OSError):
        _ground(dem, dem.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _ground(dem: Path, _changed: int) -> Ground:
    return read_ground(dem)
