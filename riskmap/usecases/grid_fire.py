"""The risk of every forest-fire grid on a day: fire weather class × fuel × ignition × access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns
from riskmap.assess.fit import needed_fit
from riskmap.assess.nodes import leaf_values
from riskmap.errors import RiskmapError
from riskmap.formulas.fire import grid_risk
from riskmap.selection import layer_table
from riskmap.usecases.assessing import kept_fit
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
    fwi, calendar = weather_of_grids(codes, days)
    classes = settings.weather_class(fwi)
    risk = grid_risk(*(factors[name][:, None] for name in _FACTORS), weather=classes)
    lacking = [[name for name in _FACTORS if np.isnan(factors[name][i])] for i in range(len(codes))]
    entries: list[dict[str, Any]] = []
    for i, code in enumerate(codes):
        for j, day in enumerate(calendar):
            of, value = float(classes[i, j]), float(risk[i, j])
            tier = settings.tier(value)
            entries.append(
                {
                    "code": code,
                    "name": names[i],
                    **({"year": day.year} if day.year is not None else {}),
                    "month": day.month,
                    "day": day.day,
                    "fwi": known_or_none(round(float(fwi[i, j]), 6)),
                    "weather_class": None if np.isnan(of) else int(of),
                    "risk": known_or_none(value),
                    "tier": tier,
                    "state": "unrated" if tier is None else "rated",
                    "missing": [*lacking[i], *(["fwi"] if np.isnan(of) else [])],
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
    placed = any(leaf.fitted for leaf in model.indicators)
    fit = needed_fit(model, kept_fit(ws, LAYER)) if placed else None
    values, missing = leaf_values(model, columns, fit=fit)
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


def weather_of_grids(codes: Sequence[str], days: FireWeatherDays) -> tuple[NDArray[np.float64], list[Day]]:
    """Return the FWI (grids, days) of the ledger's codes, NaN unknown, and the days in the order of the file."""
    calendar: dict[Day, int] = {}
    rows: dict[str, list[tuple[int, float]]] = {}
    for i, grid in enumerate(days.table.grid):
        at = calendar.setdefault(days.day(i), len(calendar))
        rows.setdefault(grid, []).append((at, float(days.codes["fwi"][i])))
    fwi = np.full((len(codes), len(calendar)), np.nan)
    for i, code in enumerate(codes):
        for at, value in rows.get(code if days.table.gridded else _NO_GRID, ()):
            fwi[i, at] = value
    return fwi, list(calendar)
