"""The moisture codes of the last day, kept in a JSON file from one run to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import orjson

from riskmap.errors import RiskmapError, UnreadableFileError
from riskmap.formulas.fire_weather import HIGHEST_FFMC
from riskmap.present.export.atomic import replacing
from riskmap.usecases.weather_days import Day

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
        return FireState(_number(document["lat"]), grids)
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
            f"{path}：这份状态是按纬度 {state.lat:g} 算的，本次是 {lat:g}；请用同一纬度，或换一个 --state 文件",
            f"{path}: this state was made for latitude {state.lat:g}, not {lat:g}; use the same, or another --state file",
        )


def _last_day(entry: Any) -> LastDay:
    year = entry.get("year")
    day = Day(int(entry["month"]), int(entry["day"]), None if year is None else int(year))
    date(day.year or 2000, day.month, day.day)
    codes = [math.nan if entry[c] is None else _number(entry[c]) for c in _CODES]
    if any(code < 0 for code in codes) or codes[0] > HIGHEST_FFMC:
        raise ValueError(codes)
    return LastDay(day, *codes)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return float(value)


def _unreadable(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path}：不是 riskmap 的火险天气状态文件；请换一个 --state 文件名，或用备份恢复",
        f"{path}: not a fire weather state of riskmap; name another --state file, or restore a backup",
    )
