"""How deep a rain of so many hours would stand at every waterlogging spot: SCS-CN, the drain, the real depression."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns
from riskmap.errors import RiskmapError, Say
from riskmap.formulas.runoff import depression_balance
from riskmap.terrain.depressions import Depressions
from riskmap.terrain.factors import read_whole
from riskmap.terrain.geotiff import Grid, metric_grid, opened
from riskmap.terrain.hydrology import flow_of, need_room
from riskmap.terrain.sampling import own_cells, places_in
from riskmap.usecases.digests import digest_of
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

LAYER: Final = "waterlogging"
NEAR_M: Final = 60.0
"""How far from a spot its depression may lie: two cells of a 30 m grid, our working value."""
_HOUR_S: Final = 3600.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """A terrain with its depressions. `heights` float32 metres, NaN unknown."""

    grid: Grid
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
    """Fill a terrain and find its depressions. Raises as `riskmap.terrain.hydrology.flow_of` does."""
    with opened(dem) as raster:
        grid = metric_grid(raster)
        need_room(grid.shape[0] * grid.shape[1])
        heights = read_whole(raster, grid)
    return Ground(grid, heights, flow_of(heights, cell_area=grid.cell_area).depressions)


def storm_depths(ws: Workspace, dem: Path, *, rain: float, hours: float) -> dict[str, Any]:
    """Return the document of `riskmap pond --json`: depth by spot for `rain` mm in `hours` h. Nothing is written.

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
    table = current_snapshot(ws).table(LAYER)
    columns = Columns(table, ws.catalog.layer(LAYER))
    lon, lat = (table[name].to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    area, curve = columns.numbers("catchment_ha"), columns.numbers("curve_number")
    drain = drain_of(columns)
    balance = depression_balance(area_ha=area, curve_number=curve, rain=rain, hours=hours, drain=drain)
    places = spot_cells(dem, ground, lon, lat)
    spots, missing = [], []
    for i, code in enumerate(table["code"].to_pylist()):
        place = places[i]
        why = _why_not(place, known=bool(np.isfinite(balance.left[i])))
        number = 0 if why is not None or place is None else ground.nearest(*place)
        if why is None and number == 0:
            why = Say(
                f"{NEAR_M:g} 米内没有洼地，水不在此滞留或地形太粗", f"no depression within {NEAR_M:g} m"
            )
        if why is not None:
            missing.append({"code": code, "zh": why.zh, "en": why.en})
            continue
        held, volume = ground.depressions.curve(number), float(balance.left[i])
        spots.append(
            {
                "code": code,
                "runoff_mm": round(float(balance.runoff[i]), 3),
                "inflow_m3": round(float(balance.inflow[i]), 1),
                "left_m3": round(volume, 1),
                "depth_m": round(float(held.depth(volume)), 3),
                "capacity_m3": round(held.capacity, 1),
                "spilled_m3": round(float(held.spilled(volume)), 1),
            }
        )
    return {
        "rain_mm": rain,
        "hours": hours,
        "dem": dem.name,
        "digest": digest,
        "spots": spots,
        "missing": missing,
    }


def drain_of(columns: Columns) -> Floats:
    """Return what the pumps of spots take, m³/s; a pump without backup power, or not known, takes nothing."""
    pump, power = columns.numbers("pump_capacity"), columns.numbers("backup_power")
    return np.where((power == 1.0) & np.isfinite(pump), pump, 0.0) / _HOUR_S


def _why_not(place: tuple[int, int] | None, *, known: bool) -> Say | None:
    if place is None:
        return Say("无坐标，或地形没有覆盖", "unlocated, or not covered by the terrain")
    return None if known else Say("汇水面积或 CN 值未填", "catchment or curve number is not known")


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
