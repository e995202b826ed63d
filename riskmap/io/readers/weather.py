"""The moisture codes of the last day, kept in a JSON file from one run to the next.

Which day follows which, with a year or without one.

A table of daily weather (`weather.toml`) → columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import orjson

from riskmap.errors import RiskmapError, TableFileError, Text, UnreadableFileError
from riskmap.formulas.fire_weather import HIGHEST_FFMC
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.io.tables import declared
from riskmap.values.hazards import WEATHER, Day, WeatherTable

_FORMAT: Final = "riskmap fire weather 1"


_CODES: Final = ("ffmc", "dmc", "dc")


_SAME_PLACE: Final = 1e-6  # degrees


@dataclass(frozen=True, slots=True)
class LastDay:
    """Where a grid stands: its last day and the codes of its evening, NaN unknown."""

    day: Day
    ffmc: float
    dmc: float
    dc: float


@dataclass(frozen=True, slots=True)
class FireState:
    """Grid → its last day; `lat` is the latitude that the codes were computed for."""

    lat: float
    grids: Mapping[str, LastDay]


def read_state(path: Path) -> FireState | None:
    """Return the state in a file, None where there is no file. UnreadableFileError where it is none of ours."""
    try:
        document: Any = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise _unreadable(path) from problem
    try:
        if document["format"] != _FORMAT:
            raise _unreadable(path)
        grids = {str(grid): _last_day(entry) for grid, entry in document["grids"].items()}
        return FireState(_state_number(document["lat"]), grids)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _unreadable(path) from problem


def write_state(path: Path, state: FireState) -> None:
    """Write the state; the file appears whole or stays as it was. ExportError where it cannot be written."""
    document = {
        "format": _FORMAT,
        "lat": state.lat,
        "grids": {
            grid: {
                "year": last.day.year,
                "month": last.day.month,
                "day": last.day.day,
                **{c: None if math.isnan(v := cast("float", getattr(last, c))) else v for c in _CODES},
            }
            for grid, last in state.grids.items()
        },
    }
    with replacing(path.resolve()) as (beside,):
        beside.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def check_latitude(state: FireState, lat: float, path: Path) -> None:
    """Refuse to carry codes on under another latitude: they would belong to another place."""
    if abs(state.lat - lat) > _SAME_PLACE:
        raise RiskmapError(
            f"{path}：这份状态是按纬度 {state.lat:g} 算的，本次是 {lat:g}；请用同一纬度，或换一个 {option('state')} 文件",
            f"{path}: this state was made for latitude {state.lat:g}, not {lat:g}; use the same, or another "
            f"{option('state', 'en')} file",
        )


def _last_day(entry: Any) -> LastDay:
    year = entry.get("year")
    day = Day(int(entry["month"]), int(entry["day"]), None if year is None else int(year))
    date(day.year or 2000, day.month, day.day)
    codes = [math.nan if entry[c] is None else _state_number(entry[c]) for c in _CODES]
    if any(code < 0 for code in codes) or codes[0] > HIGHEST_FFMC:
        raise ValueError(codes)
    return LastDay(day, *codes)


def _state_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return float(value)


def _unreadable(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path}：不是 riskmap 的火险天气状态文件；请换一个 {option('state')} 文件名，或用备份恢复",
        f"{path}: not a fire weather state of riskmap; name another {option('state', 'en')} file, or restore a backup",
    )


_LEAP: Final = 2000  # a year in which every day of the calendar exists


def read_weather(path: Path) -> WeatherTable:
    """Read a weather file, `weather.toml` in a CSV or a workbook.

    A blank or impossible cell is a mistake, never a zero, and wind in m/s is converted where the header says
    so. TableFileError names every bad cell; UnreadableFileError where the file is none or lacks a column.
    """
    table = declared.read(path, declared.declaration("weather"))
    cells = cast("Mapping[str, Sequence[Any]]", table.columns)
    grids = cells.get("code", [""] * len(table.row))
    problems = [
        Text(f"第 {row} 行：没有网格编号；请填写", f"row {row}: no code of its grid; write it")
        for row, grid in zip(table.row, grids, strict=True)
        if grid is None
    ]
    problems += _impossible_dates(table.row, cells)
    if problems:
        raise TableFileError(tuple(Text(f"{path.name} › {p.zh}", f"{path.name} › {p.en}") for p in problems))
    return WeatherTable(
        file=path.name,
        gridded="code" in cells,
        row=table.row,
        grid=grids,
        year=cells.get("year"),
        month=np.array(cells["month"], np.int64),
        day=np.array(cells["day"], np.int64),
        weather={name: table.numbers(name) for name in WEATHER},
    )


def _impossible_dates(rows: Sequence[int], cells: Mapping[str, Sequence[int]]) -> list[Text]:
    problems: list[Text] = []
    years = cells.get("year", [_LEAP] * len(rows))
    for row, year, month, day in zip(rows, years, cells["month"], cells["day"], strict=True):
        try:
            date(year or _LEAP, month, day)
        except ValueError:
            problems.append(
                Text(
                    f"第 {row} 行 › 月、日：{month}/{day} 不是日期；请改正",
                    f"row {row} › month, day: {month}/{day} is no date; correct it",
                )
            )
    return problems
