"""Fire weather day by day: each grid's moisture codes carried on, from a start or from a saved state.

The risk of every forest-fire grid on a day: fire weather class × fuel × ignition × access.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.records.scoring import kept_fit
from riskmap.actions.workspace import Workspace
from riskmap.catalog.roles import FieldRole
from riskmap.errors import RiskmapError, TableFileError, Text
from riskmap.formulas.domain import within
from riskmap.formulas.fire_weather import HIGHEST_FFMC, START, Codes, Edition, grid_risk, next_day
from riskmap.interface import option
from riskmap.io.readers.weather import (
    FireState,
    LastDay,
    check_latitude,
    read_state,
    read_weather,
    write_state,
)
from riskmap.json_documents import Document
from riskmap.rules.arrays import LayerArrays
from riskmap.scoring.fit import needed_fit
from riskmap.scoring.nodes import leaf_values
from riskmap.selection import layer_table
from riskmap.values.hazards import (
    WEATHER,
    Day,
    FireWeatherDays,
    MissingDays,
    WeatherTable,
    day_of,
    known_or_none,
    step,
)

INDICES: Final = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")


_DECIMALS: Final = 6


def fire_weather(
    data: Path,
    *,
    lat: float,
    start: Codes = START,
    edition: Edition = "1985",
    state: Path | None = None,
    restart: bool = False,
) -> FireWeatherDays:
    """Return the fire weather of a CSV file (see `read_weather`) at a latitude, day by day for each grid.

    A grid starts from its last day in `state` where the file holds it, else from `start`; afterwards the
    new last days are written there, or nothing at all when anything is refused. With a state the first
    day must be the one after the last. `restart` lets the grids of this file begin anew from `start`.

    A gap inside the file makes that grid unknown from there on, state included, until it is restarted:
    without the days between, no code is known, and a guess might be too low. `edition`: of the FFMC's constant
    (`formulas.fire_weather.FFMC_CONSTANT`).
    """
    _check_latitude(lat)
    table = read_weather(data)
    before = read_state(state) if state is not None else None
    if before is not None and state is not None and not (restart and set(before.grids) <= set(table.grid)):
        check_latitude(before, lat, state)
    rows = _rows_of_grids(table)
    carried = {} if before is None or restart else dict(before.grids)
    _check_first_days(table, rows, carried)
    gaps = _gaps(table, rows)
    codes = _carried_on(table, rows, carried, gaps, lat=lat, start=start, edition=edition)
    if state is not None:
        ends = {
            grid: LastDay(day_of(table, at[-1]), *(float(codes[c][at[-1]]) for c in INDICES[:3]))
            for grid, at in rows.items()
        }
        write_state(state, FireState(lat, {**(before.grids if before else {}), **ends}))
    return FireWeatherDays(table, codes, tuple(gaps.values()))


def fire_weather_json(days: FireWeatherDays) -> Document:
    """Return the document of `riskmap fire-weather --json`: unknown is null; rows in the order of the file."""
    table = days.table
    columns = {name: np.round(days.codes[name], _DECIMALS).tolist() for name in INDICES}
    return {
        "days": [
            {
                **({"grid": table.grid[i]} if table.gridded else {}),
                **({"year": table.year[i]} if table.year is not None else {}),
                "month": int(table.month[i]),
                "day": int(table.day[i]),
                **{name: known_or_none(columns[name][i]) for name in INDICES},
            }
            for i in range(len(table))
        ],
        "gaps": [
            {"grid": gap.grid if table.gridded else None, "after": str(gap.after), "before": str(gap.before)}
            for gap in days.gaps
        ],
    }


def parse_start(text: str) -> Codes:
    """Return the start codes of "FFMC,DMC,DC". RiskmapError names what is wrong with them."""
    parts = [part.strip() for part in text.replace("，", ",").split(",")]
    try:
        ffmc, dmc, dc = (float(part) for part in parts)
    except ValueError:
        ffmc = dmc = dc = math.nan
    if not (0 <= ffmc <= HIGHEST_FFMC and 0 <= dmc < math.inf and 0 <= dc < math.inf):
        raise RiskmapError(
            f"{option('start')} {text}：应为三个数 FFMC,DMC,DC（FFMC 0–101，其余不小于 0），如 85,6,15",
            f"{option('start', 'en')} {text}: expected FFMC,DMC,DC (FFMC 0–101, the others 0 or more), such as 85,6,15",
        )
    return Codes(ffmc, dmc, dc)


def _check_latitude(lat: float) -> None:
    if math.isnan(lat):
        raise RiskmapError(
            f"{option('lat')}：不是纬度；请写 -90 到 90",
            f"{option('lat', 'en')}: not a latitude; write -90 to 90",
        )
    within(lat, -90.0, 90.0, Text("纬度（°）", "latitude (°)"))


def _rows_of_grids(table: WeatherTable) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for i, grid in enumerate(table.grid):
        rows.setdefault(grid, []).append(i)
    return rows


def _check_first_days(
    table: WeatherTable, rows: Mapping[str, Sequence[int]], carried: Mapping[str, LastDay]
) -> None:
    """Refuse a file that does not go on the day after the state."""
    problems: list[Text] = []
    for grid, at in rows.items():
        if grid not in carried:
            continue
        last, first = carried[grid].day, day_of(table, at[0])
        if step(last, first) != "next":
            zh, en = _place(table, grid, at[0])
            problems.append(
                Text(
                    f"{zh}：第一天是 {first}，状态文件停在 {last}；请从它的下一天接起，或用 {option('restart')} 重新起算",
                    f"{en}: starts on {first} but the state ends on {last}; go on with the day after, or use "
                    f"{option('restart', 'en')}",
                )
            )
    if problems:
        raise _refused(table, problems)


def _gaps(table: WeatherTable, rows: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], MissingDays]:
    """Return the gaps by grid and row; a day twice or out of order is a mistake in the file."""
    gaps: dict[tuple[str, int], MissingDays] = {}
    problems: list[Text] = []
    for grid, at in rows.items():
        for earlier, later in pairwise(at):
            before, after = day_of(table, earlier), day_of(table, later)
            kind = step(before, after)
            zh, en = _place(table, grid, later)
            if kind == "same":
                problems.append(
                    Text(f"{zh}：{after} 出现两次；请只留一行", f"{en}: {after} is there twice; keep one row")
                )
            elif kind == "back":
                problems.append(
                    Text(
                        f"{zh}：{after} 排在 {before} 之后；请按日期排序",
                        f"{en}: {after} comes after {before}; sort the rows by date",
                    )
                )
            elif kind == "gap":
                gaps[grid, later] = MissingDays(grid, before, after, table.row[later])
    if problems:
        raise _refused(table, problems)
    return gaps


def _refused(table: WeatherTable, problems: Sequence[Text]) -> TableFileError:
    return TableFileError(tuple(Text(f"{table.file} › {p.zh}", f"{table.file} › {p.en}") for p in problems))


def _place(table: WeatherTable, grid: str, row: int) -> tuple[str, str]:
    of = (f" › 网格 {grid}", f" › grid {grid}") if table.gridded else ("", "")
    return f"第 {table.row[row]} 行{of[0]}", f"row {table.row[row]}{of[1]}"


def _carried_on(
    table: WeatherTable,
    rows: Mapping[str, Sequence[int]],
    carried: Mapping[str, LastDay],
    gaps: Mapping[tuple[str, int], MissingDays],
    *,
    lat: float,
    start: Codes,
    edition: Edition,
) -> dict[str, NDArray[np.float64]]:
    """Return the codes of every row: the n-th days of all grids together, then the next."""
    out = {name: np.full(len(table), np.nan) for name in INDICES}
    grids = sorted(rows, key=lambda grid: -len(rows[grid]))  # those that still go on stay in front
    before = np.array([_start_of(carried.get(grid), start) for grid in grids], np.float64)
    broken = {row for _, row in gaps}
    for n in range(len(rows[grids[0]])):
        at = np.array([rows[grid][n] for grid in grids if len(rows[grid]) > n])
        before = before[: len(at)]
        before[[i for i, row in enumerate(at.tolist()) if row in broken]] = np.nan
        today = next_day(
            Codes(before[:, 0], before[:, 1], before[:, 2]),
            month=table.month[at],
            lat=lat,
            edition=edition,
            **{name: table.weather[name][at] for name in WEATHER},
        )
        for name in INDICES:
            out[name][at] = cast("NDArray[np.float64]", getattr(today, name))
        before = np.column_stack([today.ffmc, today.dmc, today.dc])
    return out


def _start_of(last: LastDay | None, start: Codes) -> tuple[Any, Any, Any]:
    return (start.ffmc, start.dmc, start.dc) if last is None else (last.ffmc, last.dmc, last.dc)


_FACTORS: Final[tuple[FieldRole, ...]] = ("fuel", "ignition", "access")


_NO_GRID: Final = ""  # weather of a file without a grid column holds for every grid


@dataclass(frozen=True, slots=True)
class GridFireRisk:
    """The fire risk of grids day by day; `unmatched` are grids of the weather that the ledger does not have."""

    grids: list[Document]
    unmatched: list[str]
    settings: Document


def grid_fire_risk(ws: Workspace, days: FireWeatherDays) -> GridFireRisk:
    """Return one entry for each grid of the ledger and each day of the weather.

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
    entries: list[Document] = []
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
    return GridFireRisk(
        entries,
        sorted({g for g in days.table.grid if g not in known}) if days.table.gridded else [],
        {
            "fwi_classes": list(settings.classes),
            "major": settings.major,
            "large": settings.large,
            "general": settings.general,
            "status": settings.status,
            "source": settings.source,
        },
    )


def _factors(ws: Workspace) -> tuple[Sequence[str], Sequence[str | None], dict[str, NDArray[np.float64]]]:
    """Return codes, names and the number of every factor by the layer's model, NaN unknown."""
    layer = ws.catalog.needed("fire_grid")
    model = ws.catalog.model_of(layer.id)
    roles = {field.id: field.role for field in layer.fields if field.role in _FACTORS}
    leaves = {roles[leaf.field]: leaf.id for leaf in model.indicators if leaf.field in roles}
    lacking = [name for name in _FACTORS if name not in leaves]
    if lacking:
        raise RiskmapError(
            f"models/{model.id}.toml：没有角色为 {'、'.join(lacking)} 的字段的指标，算不出网格当日风险；请补上",
            f"models/{model.id}.toml: no indicator of a field with the role {', '.join(lacking)}, so no risk of a day; add it",
        )
    table = layer_table(ws.ledger.features(layer.id), layer)
    columns = LayerArrays(table, layer)
    placed = any(leaf.fitted for leaf in model.indicators)
    fit = needed_fit(model, kept_fit(ws, layer.id)) if placed else None
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
