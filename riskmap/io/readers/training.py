"""Cells of a training table → numbers and outcomes. What is not a number is missing, never zero.

Where the rows of a training table are: checked against their coordinate system, in degrees and metres.

Which columns of a training table are predictors, and why the others are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyproj

from riskmap.array_types import Bools, Floats
from riskmap.catalog.problems import closest
from riskmap.coordinates import CHINA, Datum, from_cgcs2000, metres, parse_angle, to_cgcs2000
from riskmap.errors import DatumError, LearnedError, meant
from riskmap.interface import option
from riskmap.rules.arrays import known
from riskmap.rules.vocabulary import BLANKS, NO_NUMBER
from riskmap.values.assessment import Diagnostic, remark

Cells = Sequence[str | None]


_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")


_BLANK: Final = BLANKS | NO_NUMBER | {"inf", "-inf"}


_YES: Final = frozenset(
    {
        "true",
        "t",
        "yes",
        "y",
        "1",
        "present",
        "presence",
        "positive",
        "occurred",
        "event",
        "landslide",
        "slide",
    }
    | {"有", "是", "真", "发生", "已发生", "滑坡", "正", "阳性", "存在", "不稳定", "失稳"}
)


_NO: Final = frozenset(
    {"false", "f", "no", "n", "0", "absent", "absence", "negative", "none", "background", "stable"}
    | {"无", "否", "假", "未发生", "没有", "非滑坡", "负", "阴性", "不存在", "稳定"}
)


_NO_PREFIX: Final = re.compile(r"(?:non|not|no)[-_ ]|non(?=[a-z])|(?:非|未|无|不|没)")


# Values that rasters write where they know nothing.
_NO_DATA: Final = frozenset({-9999.0, -99999.0, -32768.0})


_HUGE: Final = 1e30


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A column as numbers, NaN where missing. `words`: cells that are no numbers; `no_data`: -9999 and the like."""

    values: Floats
    filled: int
    words: int
    example: str
    no_data: int


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The target. `known` says which rows have one; `how`: words, size, asked or rarer."""

    occurred: Bools
    known: Bools
    positive: str
    negative: str
    how: str


def plain(text: str | None) -> str:
    """Return a cell half-width, without outer blanks and the ' that keeps a text a text."""
    return unicodedata.normalize("NFKC", text or "").strip().removeprefix("'").strip()


def decimal_commas(columns: Sequence[Cells]) -> bool:
    """Return whether numbers are written 3,14: some are, and no cell is written 3.14."""
    seen = False
    for column in columns:
        for cell in column:
            text = plain(cell)
            if re.fullmatch(r"[-+]?\d*\.\d+", text):
                return False
            seen = seen or _DECIMAL_COMMA.fullmatch(text) is not None
    return seen


def numbers(cells: Cells, *, comma: bool = False) -> Numbers:
    """Return a column as numbers. `comma`: 3,14 is a decimal number; else 1,234 is a thousand."""
    values = np.full(len(cells), np.nan)
    judged: dict[str | None, tuple[float, bool]] = {}
    filled = words = no_data = 0
    example = ""
    for i, cell in enumerate(cells):
        if cell not in judged:
            judged[cell] = _number(plain(cell), comma=comma)
        value, blank = judged[cell]
        if blank:
            continue
        filled += 1
        if np.isnan(value):
            words += 1
            example = example or plain(cell)
        elif value in _NO_DATA or abs(value) > _HUGE:
            no_data += 1
        else:
            values[i] = value
    return Numbers(values, filled, words, example[:40], no_data)


def _number(text: str, *, comma: bool) -> tuple[float, bool]:
    if text.lower() in _BLANK:
        return float("nan"), True
    if comma and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if "_" in text:
        return float("nan"), False
    try:
        value = float(text)
    except ValueError:
        return float("nan"), False
    return value, bool(np.isnan(value))


def switch(cells: Cells) -> Floats | None:
    """Return a yes/no column as 1 and 0 (NaN where blank), None where it holds other words."""
    found = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        text = plain(cell).lower()
        if text in _YES or text in _NO:
            found[i] = float(text in _YES)
        elif text not in _BLANK:
            return None
    return found


def outcome(cells: Cells, *, field: str, positive: str | None = None) -> Outcome:
    """Return which rows had an occurrence. Takes TRUE/FALSE, 0/1, yes/no, 有/无, 是/否 and any two classes.

    `positive` names the class that is the occurrence; without it the words decide, else the larger
    number, else the rarer class. LearnedError where there are not exactly two classes, or
    `positive` is none of them.
    """
    texts = [_class(plain(cell)) for cell in cells]
    counts = Counter(t for t in texts if t.lower() not in BLANKS - _NO)
    classes: dict[str, int] = {}
    for text, count in counts.items():
        classes[text.lower()] = classes.get(text.lower(), 0) + count
    if len(classes) != 2:  # noqa: PLR2004 - a yes and a no
        shown = "、".join(f"{k}×{n}" for k, n in Counter(classes).most_common(6)) or "—"
        raise LearnedError(
            f"目标列“{field}”有 {len(classes)} 种取值（{shown}），应恰好两种（如 TRUE/FALSE、0/1、有/无）；请整理后再训练",
            f'target "{field}" has {len(classes)} values ({shown}); exactly two are needed (TRUE/FALSE, 0/1, yes/no …): tidy '
            "the column and train again",
        )
    yes, how = _positive(classes, field, positive)
    no = next(name for name in classes if name != yes)
    lowered = np.array([t.lower() for t in texts], dtype=object)
    known = np.isin(lowered, list(classes))
    return Outcome(
        np.asarray(lowered == yes, dtype=np.bool_), known, _written(counts, yes), _written(counts, no), how
    )


def _class(text: str) -> str:
    """1.0 and 1 are one class."""
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _written(counts: Counter[str], lowered: str) -> str:
    return next(text for text, _ in counts.most_common() if text.lower() == lowered)


def _positive(classes: dict[str, int], field: str, asked: str | None) -> tuple[str, str]:
    first, second = sorted(classes)
    if asked is not None:
        wanted = _class(plain(asked)).lower()
        if wanted not in classes:
            raise LearnedError(
                f"目标列“{field}”的取值是 {first} 和 {second}，没有 {option('positive')} 指定的“{asked}”；请改为其中之一",
                f'target "{field}" holds {first} and {second}, not "{asked}" of --positive; name one of them',
            )
        return wanted, "asked"
    signs = {name: _sign(name) for name in classes}
    if signs[first] != signs[second]:
        return max(classes, key=lambda name: signs[name]), "words"
    values = [_number(name, comma=False)[0] for name in (first, second)]
    if not np.isnan(values).any():
        return (second if values[1] > values[0] else first), "size"
    return min(sorted(classes), key=lambda name: classes[name]), "rarer"


def _sign(name: str) -> int:
    if name in _YES:
        return 1
    return -1 if name in _NO or _NO_PREFIX.match(name) else 0


_MARGIN = 1.0  # degrees around the area that a coordinate system is made for


_HALF = 0.5


_POLE, _DATE_LINE = 90.0, 180.0


@dataclass(frozen=True, slots=True, eq=False)
class RowPositions:
    """Parallel to the rows: metres in one projection, CGCS2000 degrees; NaN where not `known`."""

    x: Floats
    y: Floats
    lon: Floats
    lat: Floats
    known: Bools
    remarks: tuple[Diagnostic, ...]


def located(x: Floats, y: Floats, datum: Datum, *, file: str, names: tuple[str, str]) -> RowPositions:
    """Return the places of `x` (lon or easting) and `y` (lat or northing) in `datum`.

    DatumError where the numbers cannot be in that system: degrees in a projected one, metres in a
    geographic one, longitude and latitude exchanged.
    """
    _check_kind(x, y, datum, file, names)
    lon, lat = to_cgcs2000(x, y, datum)
    known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= _POLE) & (np.abs(lon) <= _DATE_LINE)
    if not known.any():
        raise DatumError(
            f"{file} › {names[0]}、{names[1]}：没有一行坐标可用；请核对列名和 {option('crs')}",
            f"{file} › {names[0]}, {names[1]}: no row has usable coordinates; check the columns and {option('crs', 'en')}",
        )
    lon, lat = np.where(known, lon, np.nan), np.where(known, lat, np.nan)
    east, north = _metres(lon, lat)
    known = known & np.isfinite(east) & np.isfinite(north)
    return RowPositions(east, north, lon, lat, known, tuple(_doubts(lon, lat, datum, names)))


def _check_kind(x: Floats, y: Floats, datum: Datum, file: str, names: tuple[str, str]) -> None:
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return
    wide, high = np.abs(x[both]), np.abs(y[both])
    place = f"{file} › {names[0]}、{names[1]}"
    if datum.kind == "projected":
        if (wide <= _DATE_LINE).all() and (high <= _POLE).all():
            raise DatumError(
                f"{place}：数值像经纬度，而 {datum.id} 是平面坐标系；请改 {option('crs')}（如 wgs84、cgcs2000）",
                f"{place}: the numbers look like degrees but {datum.id} is projected; change "
                f"{option('crs', 'en')} (wgs84, cgcs2000 …)",
            )
        return
    if np.median(high) > _POLE and np.median(wide) <= _POLE:
        raise DatumError(
            f"{place}：纬度超过 90°，经度和纬度像是写反了；请交换 {option('x')} 与 {option('y')}",
            f"{place}: latitudes beyond 90°, longitude and latitude seem exchanged; swap {option('x', 'en')} "
            f"and {option('y', 'en')}",
        )
    if np.median(wide) > _DATE_LINE or np.median(high) > _POLE:
        raise DatumError(
            f"{place}：数值不是经纬度，而 {datum.id} 是经纬度坐标系；请改 {option('crs')}（如 EPSG:4547）",
            f"{place}: the numbers are no degrees but {datum.id} is geographic; change {option('crs', 'en')} (EPSG:4547 …)",
        )


def _metres(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Project to metres: CGCS2000 zones in China, UTM elsewhere."""
    centre, middle = float(np.nanmean(lon)), float(np.nanmean(lat))
    west, south, east, north = CHINA
    if west <= centre <= east and south <= middle <= north:
        return metres(lon, lat, around=centre)
    zone = int(np.clip(np.floor((centre + 180.0) / 6.0) + 1, 1, 60))
    return from_cgcs2000(lon, lat, Datum(f"EPSG:{(32600 if middle >= 0 else 32700) + zone}", "projected"))


def _doubts(lon: Floats, lat: Floats, datum: Datum, names: tuple[str, str]) -> list[Diagnostic]:
    area = pyproj.CRS.from_user_input(datum.proj).area_of_use
    if area is None or area.west > area.east:
        return []
    seen = np.isfinite(lon)
    outside = (
        (lon[seen] < area.west - _MARGIN)
        | (lon[seen] > area.east + _MARGIN)
        | (lat[seen] < area.south - _MARGIN)
        | (lat[seen] > area.north + _MARGIN)
    )
    if outside.mean() <= _HALF:
        return []
    return [
        remark(
            "crs_doubtful",
            f"多数点落在 {datum.id} 的适用范围之外；请核对 {option('crs')} 以及 {option('x')}、{option('y')} 是否写反",
            f"most points lie outside the area that {datum.id} is made for; check {option('crs', 'en')} and "
            f"whether {option('x', 'en')} and {option('y', 'en')} are exchanged",
            *names,
        )
    ]


_NUMERIC: Final = 0.9  # share of filled cells that must be numbers


_MOST_CLASSES: Final = 100  # words that a column of classes may hold


_ID_NAMES: Final = frozenset(
    {"id", "fid", "oid", "objectid", "index", "no", "序号", "编号", "unnamed: 0", "rowid"}
)


_FEWEST_IDS: Final = 20


_COPY: Final = 0.99999  # correlation with a coordinate


@dataclass(slots=True)
class PredictorColumns:
    """A table as read: columns of text by name, and what was noticed on the way. `comma`: numbers are written 3,14."""

    names: list[str]
    columns: list[Cells]
    comma: bool
    remarks: list[Diagnostic] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    words: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # classes stated in words; their codes are 1, 2, …

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
    end, shown = meant(closest(name, header)), "、".join(header[:30]) or "—"
    return LearnedError(
        f"{file}：没有列“{name}”；表中有：{shown}{end.zh}",
        f'{file}: there is no column "{name}"; it has: {shown}{end.en}',
    )


def coordinate(table: PredictorColumns, name: str) -> Floats:
    """Return a coordinate column as numbers; degrees, minutes and seconds count too."""
    cells = table.cells(name)
    values = numbers(cells, comma=table.comma).values
    for i in np.flatnonzero(np.isnan(values)).tolist():
        angle = parse_angle(cells[i] or "")
        if angle is not None:
            values[i] = angle
    return values


def choose_predictors(
    table: PredictorColumns,
    wanted: Sequence[str],
    *,
    taken: set[str],
    used: Bools,
    places: RowPositions,
    file: str,
    classes: Collection[str] = (),
) -> tuple[list[str], Floats]:
    """Return the predictors and their values in the rows that are used; remarks and reasons go to `table`.

    `wanted`: those that the person named, all numeric columns when empty. `taken`: target and coordinates. `classes`:
    columns said to be codes, where words are taken too and numbered in their order.
    """
    asked = [named(table.names, name, file) for name in wanted]
    for name in asked:
        if name in taken:
            raise LearnedError(
                f"{file}：“{name}”是目标或坐标，不能作为因子；请从 {option('predictors')} 中去掉",
                f'{file}: "{name}" is the target or a coordinate and cannot be a predictor; take it out of --predictors',
            )
    names: list[str] = []
    columns: list[Floats] = []
    for name in asked or [n for n in table.names if n not in taken]:
        column = (
            _classes(table, name, file=file)
            if name in classes and _in_words(table.cells(name), comma=table.comma)
            else _column(table, name, asked=bool(asked), file=file)
        )
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
            f"{file}：没有可用的因子（数值列）；请检查列，或用 {option('predictors')} 指明",
            f"{file}: no usable predictor (numeric column); check the columns, or name them with {option('predictors', 'en')}",
        )
    if table.left_out and not asked:
        _name_texts(table)
    return names, np.column_stack(columns)


def _in_words(cells: Cells, *, comma: bool) -> bool:
    """Tell whether a column holds words: single ones among numbers are faults of their cells."""
    found = numbers(cells, comma=comma)
    return bool(found.filled) and found.words / found.filled > 1 - _NUMERIC


def _classes(table: PredictorColumns, name: str, *, file: str) -> Floats:
    """Return a column of words as codes 1, 2, … in the order of the words, NaN where blank; LearnedError for free text."""
    said = [plain(cell) for cell in table.cells(name)]
    blank = {word for word in said if word.lower() in _BLANK}
    words = sorted(set(said) - blank)
    if len(words) > _MOST_CLASSES:
        raise LearnedError(
            f"{file} › {name}：有 {len(words)} 种不同的文字，多于 {_MOST_CLASSES} 种，不像类别；请归并类别，或从选项中去掉这一列",
            f"{file} › {name}: {len(words)} different texts, more than {_MOST_CLASSES}, are no classes; merge them or take "
            "the column out of the options",
        )
    table.words[name] = tuple(words)
    codes = {word: float(i) for i, word in enumerate(words, start=1)}
    shown = "、".join(f"{word}={i}" for i, word in enumerate(words, start=1))
    table.remarks.append(
        remark(
            "classes_numbered",
            f"因子“{name}”的类别是文字，已编号：{shown}；评估模型中引用训练成果时请用这些编号",
            f'predictor "{name}" states its classes in words, which were numbered: {shown}; a scoring model that uses the '
            "artefact has to give these numbers",
            name,
        )
    )
    return np.array([codes.get(word, np.nan) for word in said])


def _column(table: PredictorColumns, name: str, *, asked: bool, file: str) -> Floats | None:
    cells = table.cells(name)
    found = numbers(cells, comma=table.comma)
    if _in_words(cells, comma=table.comma):
        yes_no = switch(cells) if asked else None
        if yes_no is None and asked:
            raise LearnedError(
                f"{file} › {name}：不是数值列（如“{found.example}”）；请换成数值，或从 {option('predictors')} 中去掉",
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
    places: RowPositions,
    used: Bools,
    *,
    asked: bool,
) -> Diagnostic | None:
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
            f"列“{name}”像是序号（整数、各行不同），未作为因子；确需使用请写入 {option('predictors')}",
            f'column "{name}" numbers the rows (whole, all different) and is left out; name it in --predictors to use it',
            name,
        )
    filled = ~np.isnan(column)
    for axis in (places.x, places.y, places.lon, places.lat):
        place = axis[used][filled]
        if np.ptp(place) > 0 and abs(np.corrcoef(column[filled], place)[0, 1]) > _COPY:
            return remark(
                "coordinate_copy",
                f"列“{name}”与坐标相同，未作为因子（模型会记住位置而不是条件）；确需使用请写入 {option('predictors')}",
                f'column "{name}" repeats a coordinate and is left out (a model would learn places, not conditions); name it in '
                f"{option('predictors', 'en')} to use it",
                name,
            )
    return None


def _name_texts(table: PredictorColumns) -> None:
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
