"""The moisture codes of the last day, kept in a JSON file from one run to the next.

Which day follows which, with a year or without one.

A daily weather table (CSV) → columns, every mistake at once with its row and column.

Columns month, day, temp, rh, ws, prec in any order, optionally year and grid; °C, %, km/h, mm. Names
are matched without regard to capitals; a unit in brackets is checked, because wind in m/s would be
believed otherwise. A blank or impossible cell is a mistake, never a zero.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import orjson

from riskmap.errors import RiskmapError, Say, UnreadableFileError, WeatherFileError
from riskmap.formulas.fire_weather import HIGHEST_FFMC, POSSIBLE
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.io.files.text_files import text_of
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


_REQUIRED: Final = ("month", "day", *WEATHER)


_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "grid": ("grid", "网格", "网格编号", "网格编码"),
    "year": ("year", "yr", "年", "年份"),
    "month": ("month", "mon", "月", "月份"),
    "day": ("day", "日", "日期"),
    "temp": ("temp", "temperature", "气温", "温度"),
    "rh": ("rh", "humidity", "相对湿度", "湿度"),
    "ws": ("ws", "wind", "风速"),
    "prec": ("prec", "precipitation", "rain", "降水量", "降水", "雨量", "降雨量"),
}


_UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "temp": ("°c", "c", "摄氏度"),
    "rh": ("%",),
    "ws": ("km/h", "kmh", "km/hr", "公里/小时", "千米/小时"),
    "prec": ("mm", "毫米"),
}


_WHOLE: Final[Mapping[str, tuple[int, int]]] = {"year": (1900, 2200), "month": (1, 12), "day": (1, 31)}


_BRACKETED: Final = re.compile(r"^(?P<name>[^(\[]*?)\s*[(\[](?P<unit>[^)\]]*)[)\]]\s*$")


_PLAIN_NUMBER: Final = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?$", re.ASCII)


_LEAP: Final = 2000  # a year in which every day of the calendar exists


_LARGEST: Final = 200 << 20  # bytes; a year of some 15,000 grids


def read_weather(path: Path) -> WeatherTable:
    """Read a weather file. UnreadableFileError where it is no text; WeatherFileError lists every bad cell."""
    lines = csv.reader(io.StringIO(text_of(path, _LARGEST), newline=""))
    problems: list[Say] = []
    columns: dict[str, int] | None = None
    width = 0
    rows: list[int] = []
    cells: dict[str, list[float]] = {}
    grids: list[str] = []
    try:
        for cells_of_line in lines:
            line = [_plain(cell) for cell in cells_of_line]
            if not any(line):
                continue
            if columns is None:
                columns, width = _header(line, problems), len(line)
                if problems:
                    break
                cells = {name: [] for name in columns if name != "grid"}
                continue
            at = lines.line_num
            rows.append(at)
            if any(line[width:]):
                problems.append(
                    Say(
                        f"第 {at} 行：有 {len(line)} 格，表头只有 {width} 格；小数点请用“.”，多余的格请删去",
                        f"row {at}: {len(line)} cells below {width} headers; use a decimal point, remove what is extra",
                    )
                )
            for name, column in columns.items():
                text = line[column] if column < len(line) else ""
                if name == "grid":
                    grids.append(text)
                    if not text:
                        problems.append(
                            _problem(
                                at, name, text, "是空的；请填写网格编号", "is blank; write the grid's code"
                            )
                        )
                else:
                    cells[name].append(_number(at, name, text, problems))
    except csv.Error as problem:
        raise UnreadableFileError(
            f"{path}：第 {lines.line_num} 行的引号或换行有误（{problem}）；请另存为 CSV",
            f"{path}: broken quoting on row {lines.line_num} ({problem}); save it as CSV again",
        ) from problem
    if not problems and not rows:
        problems.append(Say("没有数据行；表头下面每天一行", "no rows; write one row a day below the header"))
    if columns is not None and {"month", "day"} <= set(cells):
        problems += _impossible_dates(rows, cells)
    if problems or columns is None:
        raise WeatherFileError(str(path), tuple(problems))
    return WeatherTable(
        file=str(path),
        gridded="grid" in columns,
        row=rows,
        grid=grids or [""] * len(rows),
        year=[int(y) for y in cells["year"]] if "year" in columns else None,
        month=np.array(cells["month"], np.int64),
        day=np.array(cells["day"], np.int64),
        weather={name: np.array(cells[name], np.float64) for name in WEATHER},
    )


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


def _header(line: Sequence[str], problems: list[Say]) -> dict[str, int]:
    """Return column name → place; what is missing, twice there or in another unit is a problem."""
    found: dict[str, int] = {}
    for place, header in enumerate(line):
        split = _BRACKETED.match(header)
        word, unit = (split["name"], split["unit"].strip().lower()) if split else (header, "")
        name = next((n for n, words in _NAMES.items() if word.strip().lower() in words), None)
        if name is None:
            continue
        if name in found:
            problems.append(
                Say(f"表头：{header!r} 与 {line[found[name]]!r} 是同一列；请只留一列",
                    f"header: {header!r} and {line[found[name]]!r} are the same column; keep one")
            )  # fmt: skip
        if unit and name in _UNITS and unit not in _UNITS[name]:
            wanted = POSSIBLE[name][2]
            remedy = ("（m/s × 3.6 = km/h）", " (m/s × 3.6 = km/h)") if name == "ws" else ("", "")
            problems.append(
                Say(f"表头 {header!r}：单位是 {unit}；应为{wanted.zh}，请换算后再用{remedy[0]}",
                    f"header {header!r}: the unit is {unit}; expected {wanted.en}, convert it{remedy[1]}")
            )  # fmt: skip
        found[name] = place
    lacking = [name for name in _REQUIRED if name not in found]
    if lacking:
        seen = ", ".join(line) or "—"
        problems.append(
            Say(f"表头：缺少 {'、'.join(lacking)} 列，找到 {seen}；需要 {','.join(_REQUIRED)}",
                f"header: no column {', '.join(lacking)}, found {seen}; {','.join(_REQUIRED)} are needed")
        )  # fmt: skip
    return found


def _number(row: int, name: str, text: str, problems: list[Say]) -> float:
    """Return a cell's number; NaN and a problem where there is none or it cannot be."""
    if not text or text.lower() in {"nan", "na", "n/a", "null", "none", "-", "--", "—"}:
        problems.append(
            _problem(row, name, text, "是空的；缺测请补上，补不上就删去整行（此后为未知）",
                     "is blank; supply it, or delete the whole row (what follows is then unknown)")
        )  # fmt: skip
        return math.nan
    if not _PLAIN_NUMBER.match(text):
        problems.append(_problem(row, name, text, "不是数字；请只写数字", "is no number; write digits only"))
        return math.nan
    value = float(text)
    if name in _WHOLE:
        low, high = _WHOLE[name]
        if not value.is_integer():
            problems.append(_problem(row, name, text, "不是整数", "is no whole number"))
            return math.nan
    else:
        low, high = POSSIBLE[name][:2]
    if not low <= value <= high:
        problems.append(
            _problem(row, name, text, f"不可能；应在 {low:g} 到 {high:g} 之间，请核对单位和记录",
                     f"cannot be; it lies between {low:g} and {high:g}, check unit and record")
        )  # fmt: skip
    return value


def _problem(row: int, name: str, text: str, zh: str, en: str) -> Say:
    title = POSSIBLE[name][2] if name in POSSIBLE else Say(name, name)
    label = Say(f"{name} {title.zh}", f"{name}, {title.en}") if name in POSSIBLE else title
    return Say(f"第 {row} 行 › {label.zh}：{text!r} {zh}", f"row {row} › {label.en}: {text!r} {en}")


def _impossible_dates(rows: Sequence[int], cells: Mapping[str, Sequence[float]]) -> list[Say]:
    problems: list[Say] = []
    years = cells.get("year")
    for i, (row, month, day) in enumerate(zip(rows, cells["month"], cells["day"], strict=True)):
        year = years[i] if years is not None else _LEAP
        if not all(
            low <= x <= high for x, (low, high) in zip((year, month, day), _WHOLE.values(), strict=True)
        ):
            continue  # told already
        try:
            date(int(year), int(month), int(day))
        except ValueError:
            text = f"{int(month)}/{int(day)}"
            problems.append(
                Say(
                    f"第 {row} 行 › month, day：{text} 不是日期；请改正",
                    f"row {row} › month, day: {text} is no date; correct it",
                )
            )
    return problems
