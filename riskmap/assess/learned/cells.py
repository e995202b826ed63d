"""Cells of a training table → numbers and outcomes. What is not a number is missing, never zero."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from riskmap.assess.learned.artefact import LearnedError
from riskmap.assess.learned.inventory import Bools, Floats

Cells = Sequence[str | None]

_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_BLANK: Final = frozenset(
    {
        "",
        "na",
        "n/a",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "-",
        "--",
        "—",
        "——",
        "/",
        "?",
        ".",
        "inf",
        "-inf",
    }
    | {"nodata", "no data", "无数据", "缺", "缺失", "未知", "不详", "空"}
)
_BLANK_TARGET: Final = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "-", "--", "—", "——", "/", "?"}
    | {"unknown", "nodata", "no data", "无数据", "缺", "缺失", "未知", "不详"}
)
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
    counts = Counter(t for t in texts if t.lower() not in _BLANK_TARGET)
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
                f"目标列“{field}”的取值是 {first} 和 {second}，没有 --positive 指定的“{asked}”；请改为其中之一",
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
