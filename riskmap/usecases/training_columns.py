"""Which columns of a training table are predictors, and why the others are not."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from riskmap.assess.learned.artefact import LearnedError
from riskmap.assess.learned.cells import Cells, numbers, plain, switch
from riskmap.assess.learned.inventory import Bools, Floats, known
from riskmap.assess.learned.remarks import Remark, remark
from riskmap.coordinates import parse_angle
from riskmap.usecases.training_places import Places

_NUMERIC: Final = 0.9  # share of filled cells that must be numbers
_ID_NAMES: Final = frozenset(
    {"id", "fid", "oid", "objectid", "index", "no", "序号", "编号", "unnamed: 0", "rowid"}
)
_FEWEST_IDS: Final = 20
_COPY: Final = 0.99999  # correlation with a coordinate


@dataclass(slots=True)
class Columns:
    """A table as read: columns of text by name, and what was noticed on the way. `comma`: numbers are written 3,14."""

    names: list[str]
    columns: list[Cells]
    comma: bool
    remarks: list[Remark] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def cells(self, name: str) -> Cells:
        """Return the cells of a column."""
        return self.columns[self.names.index(name)]


def find(header: Sequence[str], name: str) -> str | None:
    """Return the column that a person means: as written, else in any letter case; None where there is none."""
    wanted = plain(name)
    if wanted in header:
        return wanted
    alike = [h for h in header if h and h.lower() == wanted.lower()]
    return alike[0] if len(alike) == 1 else None


def named(header: Sequence[str], name: str, file: str) -> str:
    """Return the column of that name. LearnedError lists those that exist."""
    found = find(header, name)
    if found is None:
        raise no_column(name, header, file)
    return found


def no_column(name: str, header: Sequence[str], file: str) -> LearnedError:
    """Return the error for a column that is not there: what the table has, and the nearest name."""
    near = difflib.get_close_matches(name.lower(), [h.lower() for h in header], n=1)
    shown = "、".join(header[:30]) or "—"
    hint = f"；是否想写 {near[0]}？" if near else ""
    hint_en = f"; did you mean {near[0]}?" if near else ""
    return LearnedError(
        f"{file}：没有列“{name}”；表中有：{shown}{hint}",
        f'{file}: there is no column "{name}"; it has: {shown}{hint_en}',
    )


def coordinate(table: Columns, name: str) -> Floats:
    """Return a coordinate column as numbers; degrees, minutes and seconds count too."""
    cells = table.cells(name)
    values = numbers(cells, comma=table.comma).values
    for i in np.flatnonzero(np.isnan(values)).tolist():
        angle = parse_angle(cells[i] or "")
        if angle is not None:
            values[i] = angle
    return values


def choose_predictors(
    table: Columns, wanted: Sequence[str], *, taken: set[str], used: Bools, places: Places, file: str
) -> tuple[list[str], Floats]:
    """Return the predictors and their values in the rows that are used; remarks and reasons go to `table`.

    `wanted`: those that the person named, all numeric columns when empty. `taken`: target and coordinates.
    """
    asked = [named(table.names, name, file) for name in wanted]
    for name in asked:
        if name in taken:
            raise LearnedError(
                f"{file}：“{name}”是目标或坐标，不能作为因子；请从 --predictors 中去掉",
                f'{file}: "{name}" is the target or a coordinate and cannot be a predictor; take it out of --predictors',
            )
    names: list[str] = []
    columns: list[Floats] = []
    for name in asked or [n for n in table.names if n not in taken]:
        column = _column(table, name, asked=bool(asked), file=file)
        if column is None:
            continue
        column = column[used]
        why = _no_predictor(name, column, places, used, asked=bool(asked))
        if why is not None:
            table.remarks.append(why)
            table.left_out[name] = why.rule
            continue
        names.append(name)
        columns.append(column)
    if not names:
        raise LearnedError(
            f"{file}：没有可用的因子（数值列）；请检查列，或用 --predictors 指明",
            f"{file}: no usable predictor (numeric column); check the columns, or name them with --predictors",
        )
    if table.left_out and not asked:
        _name_texts(table)
    return names, np.column_stack(columns)


def _column(table: Columns, name: str, *, asked: bool, file: str) -> Floats | None:
    cells = table.cells(name)
    found = numbers(cells, comma=table.comma)
    if found.filled and found.words / found.filled > 1 - _NUMERIC:
        yes_no = switch(cells) if asked else None
        if yes_no is None and asked:
            raise LearnedError(
                f"{file} › {name}：不是数值列（如“{found.example}”）；请换成数值，或从 --predictors 中去掉",
                f'{file} › {name}: not a numeric column (such as "{found.example}"); turn it into numbers or take it out of '
                "--predictors",
            )
        if yes_no is None:
            table.left_out[name] = "text"
        return yes_no
    if found.words:
        table.remarks.append(
            remark(
                "not_numbers",
                f"因子“{name}”有 {found.words} 个单元格不是数字（如“{found.example}”），按缺失处理",
                f'predictor "{name}" has {found.words} cells that are no numbers ("{found.example}"); they count as missing',
                name,
            )
        )
    if found.no_data:
        table.remarks.append(
            remark(
                "no_data",
                f"因子“{name}”有 {found.no_data} 个 -9999 之类的无数据值，按缺失处理",
                f'predictor "{name}" has {found.no_data} no-data values such as -9999; they count as missing',
                name,
            )
        )
    return found.values


def _no_predictor(
    name: str,
    column: Floats,
    places: Places,
    used: Bools,
    *,
    asked: bool,
) -> Remark | None:
    """Return why a numeric column is no predictor: it says nothing, numbers the rows, or repeats the place."""
    values = known(column)
    if len(values) < 2:  # noqa: PLR2004 - one value, or none
        return remark(
            "constant",
            f"列“{name}”只有一个值或全空，不含信息，未使用",
            f'column "{name}" is constant or empty and is left out',
            name,
        )
    if asked:
        return None
    distinct = len(values) == len(column) and (values == np.round(values)).all()
    steps = np.diff(column)
    ordered = distinct and len(column) >= _FEWEST_IDS and ((steps > 0).all() or (steps < 0).all())
    if ordered or (distinct and name.lower() in _ID_NAMES):
        return remark(
            "id_column",
            f"列“{name}”像是序号（整数、各行不同），未作为因子；确需使用请写入 --predictors",
            f'column "{name}" numbers the rows (whole, all different) and is left out; name it in --predictors to use it',
            name,
        )
    filled = ~np.isnan(column)
    for axis in (places.x, places.y, places.lon, places.lat):
        place = axis[used][filled]
        if np.ptp(place) > 0 and abs(np.corrcoef(column[filled], place)[0, 1]) > _COPY:
            return remark(
                "coordinate_copy",
                f"列“{name}”与坐标相同，未作为因子（模型会记住位置而不是条件）；确需使用请写入 --predictors",
                f'column "{name}" repeats a coordinate and is left out (a model would learn places, not conditions); name it in '
                "--predictors to use it",
                name,
            )
    return None


def _name_texts(table: Columns) -> None:
    texts = [name for name, why in table.left_out.items() if why == "text"]
    if texts:
        table.remarks.append(
            remark(
                "text_ignored",
                f"文字列未作为因子：{'、'.join(texts)}",
                f"text columns are no predictors and were ignored: {', '.join(texts)}",
                *texts,
            )
        )
