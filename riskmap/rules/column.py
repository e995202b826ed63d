"""Whole columns at once: every distinct text is judged once, clean numbers and texts not even that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Field
from riskmap.moments import Zone, ahead_of_utc
from riskmap.rules import vocabulary
from riskmap.rules.arrays import pc
from riskmap.rules.cell import (
    HIDDEN_CHARACTERS,
    LARGEST,
    NINE_DECIMALS,
    Finding,
    Judge,
    as_text,
    check_number,
)
from riskmap.units import convertible
from riskmap.values.records import Cell

_PLAIN_NUMBER = r"^-?\d{1,14}(?:\.\d{1,15})?$"


_PLAIN_CODE = r"^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*$"


_CODE_LIKE_NUMBER = r"^\d[eE]\d{1,2}$"


# Years that a shift of hours does not lead out of.
_PLAIN_MOMENT = r"^(?:19|20)\d\d-\d\d-\d\d \d\d:\d\d$"


_PLAIN_PHONE = r"^(?:1[3-9]\d{9}|0\d{9,11}|[1-9]\d{7})$"


# The same characters as in `cells`, and blanks that are rewritten, in the spelling of Arrow's engine.
_HIDDEN = f"[{HIDDEN_CHARACTERS}\t\r]|{NINE_DECIMALS}"


@cache
def _special() -> pa.Array:
    """Return the words that are no plain text; made when asked for, because `pa.array` imports pandas."""
    return pa.array(
        sorted(
            vocabulary.BLANKS | {vocabulary.CLEAR_WORD} | {e.casefold() for e in vocabulary.FORMULA_ERRORS}
        )
    )


@dataclass(frozen=True, slots=True)
class Distinct:
    """A column as its distinct texts and, for every row, which of them it holds (-1: empty)."""

    texts: pa.Array
    index: NDArray[np.int32]

    def rows_of(self, at: int) -> NDArray[np.int64]:
        """Return the rows that hold one of the distinct texts."""
        return np.flatnonzero(self.index == at)

    def spread(self, values: Sequence[object]) -> list[object]:
        """Return the value of every row from the value of every distinct text."""
        pool = np.empty(len(values) + 1, dtype=object)
        pool[: len(values)] = values
        pool[len(values)] = None
        return pool[self.index].tolist()


def distinct(column: pa.ChunkedArray | pa.Array) -> Distinct:
    """Return a text column by its distinct texts."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = pc.dictionary_encode(whole)
    index = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Distinct(encoded.dictionary, index)


@dataclass(frozen=True, slots=True)
class JudgedColumn:
    """A judged column: the value of every row, and what was said, by distinct text."""

    values: list[object]
    source: Distinct
    said: dict[int, Finding]

    def findings(self) -> Iterator[tuple[int, str, Finding]]:
        """Yield (row, text, finding) for every row of which something is to be said."""
        for at, finding in self.said.items():
            text = self.source.texts[at].as_py()
            for row in self.source.rows_of(at):
                yield int(row), text, finding


Known = tuple[list[Cell], NDArray[np.bool_]]  # values that need no judge, and which they are


def judged(source: Distinct, judge: Judge, known: Known | None = None) -> JudgedColumn:
    """Judge every distinct text that is not already known."""
    values: list[Cell] = list(known[0]) if known else [None] * len(source.texts)
    rest = np.flatnonzero(~known[1]) if known else np.arange(len(source.texts))
    said: dict[int, Finding] = {}
    for at, text in zip(rest.tolist(), source.texts.take(pa.array(rest)).to_pylist(), strict=True):
        values[at], finding = judge(text)
        if finding is not None:
            said[at] = finding
    return JudgedColumn(source.spread(values), source, said)


def plain_numbers(source: Distinct, field: Field, header_unit: str) -> Known | None:
    """Return the texts that are bare numbers inside the limits, as numbers in the field's unit."""
    if header_unit and convertible(header_unit, field.unit) != 1:
        return None
    if field.unit_required and not header_unit:
        return None
    matches = _mask(pc.match_substring_regex(source.texts, _PLAIN_NUMBER))
    numbers = pc.cast(pc.if_else(pa.array(matches), source.texts, None), pa.float64())
    return _allowed(np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64), field)


def typed_numbers(stated: pa.Array, field: Field, unit: str) -> Known | None:
    """Return the numbers of a typed column that lie inside the limits; None where they need their texts."""
    exact = pa.types.is_float64(stated.type) or pa.types.is_integer(stated.type)
    if not exact or (unit and convertible(unit, field.unit) != 1):
        return None
    return _allowed(np.array([np.nan if v is None else v for v in stated.to_pylist()], np.float64), field)


def _allowed(floats: NDArray[np.float64], field: Field) -> Known:
    good = np.abs(floats) <= LARGEST  # NaN is not
    if field.minimum is not None:
        good &= ~(floats < field.minimum)
    if field.maximum is not None:
        good &= ~(floats > field.maximum)
    if field.type == "integer":
        good &= floats == np.round(floats)
    if field.sentinels or field.missing:
        good &= ~np.isin(floats, [*field.sentinels, *field.missing])
    if field.standard_values:
        good &= np.array([check_number(field, v, "") is None for v in floats.tolist()], dtype=bool)
    values: list[Cell] = [
        None if not g else int(v) if field.type == "integer" else v
        for v, g in zip(floats.tolist(), good, strict=True)
    ]
    return values, good


def plain_texts(source: Distinct, limit: int) -> Known:
    """Return the texts that nothing is to be said about."""
    texts = source.texts
    folded = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC"))
    odd = _mask(pc.is_in(pc.utf8_trim_whitespace(folded), value_set=_special()))
    odd |= _mask(pc.match_substring_regex(texts, _HIDDEN))
    odd |= _mask(pc.greater(pc.utf8_length(texts), limit))
    odd |= _mask(pc.ends_with(texts, " 00:00:00"))
    odd |= _mask(pc.not_equal(pc.utf8_trim_whitespace(texts), texts))
    return texts.to_pylist(), ~odd


def plain_persons(source: Distinct, limit: int) -> Known:
    """Return the texts that name somebody, or a post, and nothing else."""
    texts, good = plain_texts(source, limit)
    nobody = pa.array(sorted(vocabulary.NOBODY))
    return texts, good & ~_mask(pc.is_in(source.texts, value_set=nobody))


def plain_moments(source: Distinct, zone: Zone) -> Known:
    """Return the texts that are a day and a minute of the zone, 2023-05-16 10:20, as a ledger keeps moments."""
    texts = pc.if_else(pc.match_substring_regex(source.texts, _PLAIN_MOMENT), source.texts, None)
    found = pc.strptime(texts, format="%Y-%m-%d %H:%M", unit="s", error_is_null=True)
    good = _mask(pc.equal(pc.strftime(found, format="%Y-%m-%d %H:%M"), texts))  # 30 February is none
    utc = pc.subtract(found, pa.scalar(ahead_of_utc(zone), pa.duration("s")))
    return pc.strftime(utc, format="%Y-%m-%dT%H:%MZ").to_pylist(), good


def plain_codes(source: Distinct) -> Known:
    """Return the texts that are ordinary codes: letters, digits, hyphens."""
    good = _mask(pc.match_substring_regex(source.texts, _PLAIN_CODE))
    good &= ~_mask(pc.match_substring_regex(source.texts, _CODE_LIKE_NUMBER))
    good &= ~_mask(pc.is_in(pc.utf8_lower(source.texts), value_set=_special()))
    good &= _mask(pc.less(pc.utf8_length(source.texts), 60))
    return source.texts.to_pylist(), good


def plain_phones(source: Distinct) -> Known:
    """Return the texts that are bare phone numbers."""
    return source.texts.to_pylist(), _mask(pc.match_substring_regex(source.texts, _PLAIN_PHONE))


def texts_of(stated: pa.Array) -> pa.Array:
    """Return a typed column as a file would hold it, null where it states nothing."""
    if pa.types.is_string(stated.type):
        return stated
    if pa.types.is_dictionary(stated.type):
        return texts_of(stated.cast(stated.type.value_type))
    if pa.types.is_timestamp(stated.type):
        stated = stated.cast(pa.timestamp("us", stated.type.tz), safe=False)
    values: list[Any] = stated.to_pylist()
    if pa.types.is_float32(stated.type) or pa.types.is_float16(stated.type):
        kind = stated.type.to_pandas_dtype()  # .1 stays .1
        values = [None if v is None else kind(v) for v in values]
    return pa.array([as_text(v) for v in values], pa.string())


def judged_numbers(stated: pa.Array, known: Known, judge: Judge) -> JudgedColumn:
    """Judge what is left of a column of typed numbers."""
    values, good = known
    odd = [None if g else as_text(v) for g, v in zip(good.tolist(), stated.to_pylist(), strict=True)]
    rest = judged(distinct(pa.array(odd, pa.string())), judge)
    kept = [v if g else r for v, g, r in zip(values, good.tolist(), rest.values, strict=True)]
    return JudgedColumn(kept, rest.source, rest.said)


def numbers(
    source: Distinct, parse: Callable[[str], float], blank: Callable[[str], bool]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column of coordinates as floats (NaN where unreadable) and which rows state one."""
    matches = _mask(pc.match_substring_regex(source.texts, _PLAIN_NUMBER))
    plain = pc.cast(pc.if_else(pa.array(matches), source.texts, None), pa.float64())
    values = np.array(plain.to_numpy(zero_copy_only=False), dtype=np.float64)
    stated = np.ones(len(values) + 1, dtype=bool)
    stated[-1] = False
    for at in np.flatnonzero(~matches):
        text = source.texts[int(at)].as_py()
        if blank(text):
            stated[at] = False
        else:
            values[at] = parse(text)
    pool = np.append(values, np.nan)
    return pool[source.index], stated[source.index]


def holding(texts: pa.Array, word: str) -> list[int]:
    """Return where the texts stand that hold a word."""
    return np.flatnonzero(_mask(pc.match_substring(texts, word))).tolist()


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False), dtype=bool)
