"""Read a training table: find its columns, say what was left out and why, give an inventory.

Every row of the file is used, or counted with the reason why it is not; every column is a
predictor, or named with the reason why it is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riskmap.coordinates import parse_datum
from riskmap.interface import option
from riskmap.io.files import RawSheet, file_checks
from riskmap.io.files.file_checks import FileLimits
from riskmap.io.files.sandbox import parse
from riskmap.io.readers.training import (
    PredictorColumns,
    choose_predictors,
    coordinate,
    decimal_commas,
    find,
    located,
    named,
    no_column,
    outcome,
    plain,
)
from riskmap.scoring.learned.training_data import TrainingTable, inventory_of
from riskmap.values.assessment import Diagnostic, remark

_SEARCHED: Final = 60  # rows in which the header is looked for


_SHOWN_ROWS: Final = 5


_UNIT: Final = re.compile(r"[(（\[]([^()（）\[\]]{1,12})[)）\]]\s*$")


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for: columns by name, the coordinate system, the class that is the occurrence.

    `categorical`: predictors that are codes, or classes in words; `encode`: such that become class rates, learned
    inside each fold.
    """

    target: str
    x: str
    y: str
    crs: str
    predictors: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    encode: tuple[str, ...] = ()
    positive: str | None = None


def read_training_table(path: Path, request: Request) -> TrainingTable:
    """Return the table of a csv (UTF-8, GBK, any separator), xlsx, parquet or gpkg file.

    Raises UnreadableFileError for a file that cannot be read, LearnedError for columns that it lacks,
    a target without exactly two classes, or no usable predictor; DatumError for the coordinates.
    """
    limits = FileLimits()
    datum = parse_datum(request.crs)
    kind = file_checks.check(path, path.name, limits)
    reading = _table(parse(path, kind, path.name, limits), path.name, request.target)
    target, x, y = (named(reading.names, name, path.name) for name in (request.target, request.x, request.y))
    found = outcome(reading.cells(target), field=target, positive=request.positive)
    places = located(coordinate(reading, x), coordinate(reading, y), datum, file=path.name, names=(x, y))
    if found.how in {"size", "rarer"}:
        reading.remarks.append(_guessed(target, found.positive, found.negative, found.how))
    used = found.known & places.known
    without_target, without_place = int((~found.known).sum()), int((found.known & ~places.known).sum())
    reading.remarks.extend(places.remarks)
    reading.remarks.extend(_uncounted(target, without_target, x, y, without_place))
    codes = [named(reading.names, name, path.name) for name in request.categorical]
    rates = [named(reading.names, name, path.name) for name in request.encode]
    names, values = choose_predictors(
        reading,
        request.predictors,
        taken={target, x, y},
        used=used,
        places=places,
        file=path.name,
        classes={*codes, *rates},
    )
    inventory = inventory_of(
        names,
        values,
        found.occurred[used],
        x=places.x[used],
        y=places.y[used],
        lon=places.lon[used],
        lat=places.lat[used],
        codes=codes,
        rates=rates,
    )
    return TrainingTable(
        file=path.name,
        digest=file_checks.digest(path, kind),
        rows=len(used),
        without_target=without_target,
        without_place=without_place,
        positive=found.positive,
        negative=found.negative,
        crs=datum.id,
        inventory=inventory,
        left_out=reading.left_out,
        words={name: reading.words[name] for name in names if name in reading.words},
        units={name: (m[1].strip() if (m := _UNIT.search(name)) else "") for name in names},
        remarks=tuple(reading.remarks),
    )


def _table(sheets: Sequence[RawSheet], file: str, target: str) -> PredictorColumns:
    """Return the first visible sheet with a header that names the target, blank and damaged rows left away."""
    seen: list[str] = []
    for sheet in sheets:
        if sheet.hidden:
            continue
        damaged = {row for row, _, _ in sheet.faults}
        columns = [
            [None if i in damaged else text for i, text in enumerate(c.to_pylist())]
            for c in sheet.table.columns
        ]
        if sheet.header is not None:
            header, start = [plain(name) for name in sheet.header], 0
        else:
            rows = [[plain(c[i]) for c in columns] for i in range(min(_SEARCHED, sheet.table.num_rows))]
            at = next((i for i, row in enumerate(rows) if _same(row, target)), None)
            first = next((i for i, row in enumerate(rows) if any(row)), None)
            if first is None:
                continue
            header, start = rows[first if at is None else at], (first if at is None else at) + 1
        seen.extend(name for name in header if name)
        if _same(header, target):
            delimiter = str(sheet.meta.get("delimiter", ""))
            reading = _reading(header, [c[start:] for c in columns], delimiter=delimiter)
            if damaged:
                reading.remarks.append(_damaged(sheet.name, sorted(row + 1 for row in damaged)))
            return reading
    raise no_column(target, seen, file)


def _damaged(sheet: str, rows: Sequence[int]) -> Diagnostic:
    some = "、".join(map(str, rows[:_SHOWN_ROWS])) + ("…" if len(rows) > _SHOWN_ROWS else "")
    return remark(
        "damaged_rows",
        f"{sheet}：有 {len(rows)} 行损坏，未使用（第 {some} 行）；请改正后重新导出",
        f"{sheet}: {len(rows)} rows are damaged and were not used ({some}); correct them and export again",
    )


def _reading(header: list[str], columns: list[list[str | None]], *, delimiter: str) -> PredictorColumns:
    filled = [any(cell is not None and cell.strip() for cell in row) for row in zip(*columns, strict=True)]
    columns = [[cell for cell, keep in zip(c, filled, strict=True) if keep] for c in columns]
    comma = delimiter not in {"", ","} and decimal_commas(columns)
    reading = PredictorColumns([], [], comma)
    for name, column in zip(header, columns, strict=True):
        if not name:
            continue
        if name in reading.names:
            reading.left_out[name] = "duplicate"
            reading.remarks.append(
                remark(
                    "duplicate_column",
                    f"有两列都叫“{name}”，只用前一列；请改名",
                    f'two columns are named "{name}", only the first is used; rename one',
                    name,
                )
            )
            continue
        reading.names.append(name)
        reading.columns.append(column)
    if comma:
        reading.remarks.append(
            remark(
                "decimal_comma",
                "数字以逗号作小数点（3,14），已按小数读取",
                "numbers are written with a decimal comma (3,14) and were read so",
            )
        )
    return reading


def _same(header: Sequence[str], name: str) -> bool:
    return find(header, name) is not None


def _guessed(target: str, positive: str, negative: str, how: str) -> Diagnostic:
    zh, en = ("数值较大", "the larger number") if how == "size" else ("行数较少", "the rarer class")
    return remark(
        "positive_class",
        f"目标列“{target}”以“{positive}”为发生（{zh}），“{negative}”为未发生；若相反请用 {option('positive')} 指定",
        f'target "{target}": "{positive}" is taken as the occurrence ({en}), "{negative}" as none; if it is the other way '
        f"round, say so with {option('positive', 'en')}",
        target,
    )


def _uncounted(target: str, without_target: int, x: str, y: str, without_place: int) -> list[Diagnostic]:
    found = []
    if without_target:
        found.append(
            remark(
                "without_target",
                f"{without_target} 行没有目标值（{target}），未使用",
                f"{without_target} rows have no target ({target}) and are not used",
                target,
            )
        )
    if without_place:
        found.append(
            remark(
                "without_place",
                f"{without_place} 行没有可用坐标（{x}、{y}），未使用",
                f"{without_place} rows have no usable coordinates ({x}, {y}) and are not used",
                x,
                y,
            )
        )
    return found
