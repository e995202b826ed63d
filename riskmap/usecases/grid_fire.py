"""The risk of every forest-fire grid on a day: fire weather class × fuel × ignition × access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns
from riskmap.assess.nodes import leaf_values
from riskmap.errors import RiskmapError
from riskmap.formulas.fire import grid_risk
from riskmap.selection import layer_table
from riskmap.usecases.fire_weather import FireWeatherDays, known_or_none
from riskmap.usecases.weather_days import Day
from riskmap.usecases.workspace import Workspace

LAYER: Final = "forest_fire_grids"
_FACTORS: Final = ("fuel", "ignition", "access")
_NO_GRID: Final = ""  # weather of a file without a grid column holds for every grid


def grid_fire_risk(ws: Workspace, days: FireWeatherDays) -> dict[str, Any]:
    """Return `grids`: one entry for each grid of the ledger and each day of the weather.

    The factors come through the tables of the layer's scoring model, the classes and limits from
    [fire] of workspace.toml. Where a factor or the weather is unknown the risk is None and the state
    unrated, `missing` says why; a grid is never low for want of knowledge. Weather with a grid column
    belongs to the grids of those codes; `unmatched` names the codes that the ledger does not have.
    The tier is the day's, beside the static one of the ledger, which it neither changes nor lowers.
    """
    codes, names, factors = _factors(ws)
    settings = ws.config.fire
    weather = days.codes["fwi"]
    classes = settings.weather_class(weather)
    weather_of, calendar = _by_grid_and_day(days)
    entries: list[dict[str, Any]] = []
    for i, code in enumerate(codes):
        own = code if days.table.gridded else _NO_GRID
        for day in calendar:
            row = weather_of.get((own, day))
            fwi = float(weather[row]) if row is not None else np.nan
            of = float(classes[row]) if row is not None else np.nan
            risk = float(grid_risk(*(factors[name][i] for name in _FACTORS), weather=of))
            tier = settings.tier(risk)
            lacking = [name for name in _FACTORS if np.isnan(factors[name][i])]
            entries.append(
                {
                    "code": code,
                    "name": names[i],
                    **({"year": day.year} if day.year is not None else {}),
                    "month": day.month,
                    "day": day.day,
                    "fwi": known_or_none(round(fwi, 6)),
                    "weather_class": None if np.isnan(of) else int(of),
                    "risk": known_or_none(risk),
                    "tier": tier,
                    "state": "unrated" if tier is None else "rated",
                    "missing": [*lacking, *(["fwi"] if np.isnan(of) else [])],
                }
            )
    known = set(codes)
    return {
        "grids": entries,
        "unmatched": sorted({g for g in days.table.grid if g not in known}) if days.table.gridded else [],
        "settings": {
            "fwi_classes": list(settings.classes),
            "major": settings.major,
            "large": settings.large,
            "general": settings.general,
            "status": settings.status,
            "source": settings.source,
        },
    }


def _factors(ws: Workspace) -> tuple[Sequence[str], Sequence[str | None], dict[str, NDArray[np.float64]]]:
    """Return codes, names and the number of every factor by the layer's model, NaN unknown."""
    layer, model = ws.catalog.layer(LAYER), ws.catalog.model_of(LAYER)
    leaves = {leaf.field: leaf.id for leaf in model.indicators if leaf.field in _FACTORS}
    lacking = [name for name in _FACTORS if name not in leaves]
    if lacking:
        raise RiskmapError(
            f"models/{model.id}.toml：没有 {'、'.join(lacking)} 的指标，算不出网格当日风险；请补上",
            f"models/{model.id}.toml: no indicator for {', '.join(lacking)}, so grids have no risk of the day; add them",
        )
    table = layer_table(ws.ledger.features(LAYER), layer)
    columns = Columns(table, layer)
    values, missing = leaf_values(model, columns)
    factors = {
        # A model may count a missing factor as its worst; the risk of a day does not guess.
        name: np.where(missing.get(leaf, np.zeros(len(columns), bool)), np.nan, values[leaf])
        for name, leaf in leaves.items()
    }
    return (
        cast("list[str]", table["code"].to_pylist()),
        cast("list[str | None]", table["name"].to_pylist()),
        factors,
    )


def _by_grid_and_day(days: FireWeatherDays) -> tuple[dict[tuple[str, Day], int], list[Day]]:
    """Return the row of each grid and day, and the days in the order of the file."""
    rows: dict[tuple[str, Day], int] = {}
    calendar: dict[Day, None] = {}
    for i, grid in enumerate(days.table.grid):
        day = days.day(i)
        rows[grid, day] = i
        calendar[day] = None
    return rows, list(calendar)
