"""How deep a rain of so many hours would stand at every waterlogging spot: SCS-CN, the drain, the real depression.

How deep water stands hour by hour: runoff, pumps, the real depressions of the terrain.

The waterlogging layer says how much water comes together where; the terrain says how far it reaches,
so other records in the same depression stand in the same water.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.array_types import Floats
from riskmap.errors import RiskmapError, Text
from riskmap.formulas.water import depression_balance
from riskmap.hazards.standing_water import ponded_series
from riskmap.io.files.text_files import digest_of
from riskmap.json_documents import INLINE
from riskmap.rules.arrays import LayerArrays
from riskmap.terrain.factors import read_whole
from riskmap.terrain.geotiff import RasterGrid, metric_grid, opened
from riskmap.terrain.hydrology import Depressions, depressions_of, need_room
from riskmap.terrain.sampling import own_cells, places_in
from riskmap.values.hazards import Series

NEAR_M: Final = 60.0


"""How far from a spot its depression may lie: two cells of a 30 m grid, our working value."""


_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Ground:
    """A terrain with its depressions. `heights` float32 metres, NaN unknown."""

    grid: RasterGrid
    heights: NDArray[np.float32]
    depressions: Depressions

    def nearest(self, row: int, col: int) -> int:
        """Return the number of the depression at a cell or within NEAR_M of it, 0 where there is none."""
        labels, reach = self.depressions.labels, int(np.ceil(NEAR_M / min(self.grid.cell)))
        top, left = max(row - reach, 0), max(col - reach, 0)
        window = labels[top : row + reach + 1, left : col + reach + 1]
        rows, cols = np.nonzero(window)
        if not len(rows):
            return 0
        away = np.hypot((rows + top - row) * self.grid.cell[1], (cols + left - col) * self.grid.cell[0])
        closest = int(np.argmin(away))
        return int(window[rows[closest], cols[closest]]) if away[closest] <= NEAR_M else 0


def read_ground(dem: Path) -> Ground:
    """Fill a terrain and find its depressions. Raises as `riskmap.terrain.hydrology.depressions_of` does."""
    with opened(dem) as raster:
        grid = metric_grid(raster)
        need_room(grid.shape[0] * grid.shape[1])
        heights = read_whole(raster, grid)
    return Ground(grid, heights, depressions_of(heights, cell_area=grid.cell_area))


@dataclass(frozen=True, slots=True)
class SpotDepth:
    """How deep a rain stands at a spot, and how much of it runs off, comes in, stays and spills."""

    code: str
    runoff_mm: float
    inflow_m3: float
    left_m3: float
    depth_m: float
    capacity_m3: float
    spilled_m3: float


@dataclass(frozen=True, slots=True)
class UntoldSpot:
    """A spot whose depth cannot be told, and why: unknown is never dry."""

    code: str
    why: Text = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class StormDepths:
    """How deep a rain stands at the waterlogging spots: `riskmap pond --json`."""

    rain_mm: float
    hours: float
    dem: str
    digest: str
    spots: tuple[SpotDepth, ...]
    missing: tuple[UntoldSpot, ...]


def storm_depths(ws: Workspace, dem: Path, *, rain: float, hours: float) -> StormDepths:
    """Return the depth by spot for `rain` mm in `hours` h. Nothing is written.

    A pump counts only with backup power (unknown: it does not count). A spot without a position, a
    catchment, a curve number or a depression nearby has no depth and is named: unknown is never dry.
    """
    if not (rain >= 0 and hours > 0 and np.isfinite([rain, hours]).all()):
        raise RiskmapError(
            f"降水 {rain:g} mm、历时 {hours:g} h 不对；请写成不小于 0 的毫米数和大于 0 的小时数",
            f"a rain of {rain:g} mm in {hours:g} h cannot be; write millimetres from 0 and hours above 0",
        )
    digest = digest_of(dem)
    ground = read_ground(dem)
    layer = ws.catalog.needed("waterlogging")
    table = current_snapshot(ws).table(layer.id)
    columns = LayerArrays(table, layer)
    lon, lat = (table[name].to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    area, curve = columns.of_role("catchment_area"), columns.of_role("curve_number")
    drain = drain_of(columns)
    balance = depression_balance(area_ha=area, curve_number=curve, rain=rain, hours=hours, drain=drain)
    places = spot_cells(dem, ground, lon, lat)
    spots: list[SpotDepth] = []
    missing: list[UntoldSpot] = []
    for i, code in enumerate(table["code"].to_pylist()):
        place = places[i]
        why = _why_not(place, known=bool(np.isfinite(balance.left[i])))
        number = 0 if why is not None or place is None else ground.nearest(*place)
        if why is None and number == 0:
            why = Text(
                f"{NEAR_M:g} 米内没有洼地，水不在此滞留或地形太粗", f"no depression within {NEAR_M:g} m"
            )
        if why is not None:
            missing.append(UntoldSpot(code, why))
            continue
        held, volume = ground.depressions.curve(number), float(balance.left[i])
        spots.append(
            SpotDepth(
                code,
                round(float(balance.runoff[i]), 3),
                round(float(balance.inflow[i]), 1),
                round(volume, 1),
                round(float(held.depth(volume)), 3),
                round(held.capacity, 1),
                round(float(held.spilled(volume)), 1),
            )
        )
    return StormDepths(rain, hours, dem.name, digest, tuple(spots), tuple(missing))


def drain_of(columns: LayerArrays) -> Floats:
    """Return what the pumps of spots take, m³/s; a pump without backup power, or not known, takes nothing."""
    pump, power = columns.of_role("pump_capacity"), columns.of_role("backup_power")
    return np.where((power == 1.0) & np.isfinite(pump), pump, 0.0) / _HOUR_S


def _why_not(place: tuple[int, int] | None, *, known: bool) -> Text | None:
    if place is None:
        return Text("无坐标，或地形没有覆盖", "unlocated, or not covered by the terrain")
    return None if known else Text("汇水面积或 CN 值未填", "catchment or curve number is not known")


def spot_cells(dem: Path, ground: Ground, lon: Floats, lat: Floats) -> list[tuple[int, int] | None]:
    """Return the cell of each spot, None where it is unlocated, outside, or the height is unknown."""
    with opened(dem) as raster:
        which, row, col = places_in(raster, lon, lat)
    out: list[tuple[int, int] | None] = [None] * len(lon)
    for i, *cell in zip(
        which.tolist(), *(at.tolist() for at in own_cells(row, col, ground.grid.shape)), strict=True
    ):
        if np.isfinite(ground.heights[cell[0], cell[1]]):
            out[i] = (cell[0], cell[1])
    return out


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
    dem: Path, spots: LayerArrays, lon: Floats, lat: Floats, runoff: Series, *, hours: float
) -> Standing:
    """Return the water of the waterlogging spots; `runoff` as `runoff_series` gives it, in steps of `hours`.

    `spots`: rows of the waterlogging layer at `lon`, `lat` (CGCS2000 degrees). Where several lie in one
    depression the one with the most water counts. Raises as `read_ground` does.
    """
    ground = _ground(dem, dem.stat().st_mtime_ns)
    volumes = ponded_series(runoff, spots.of_role("catchment_area"), drain_of(spots), hours=hours)
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
