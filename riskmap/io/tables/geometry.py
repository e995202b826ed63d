"""The cells of a table that state positions, whichever columns hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from riskmap.coordinates import Datum, Extent
from riskmap.io.tables.headers import POSITION_TARGETS, Match
from riskmap.io.tables.position_headers import header_datum, position_axis
from riskmap.io.tables.row_parts import Source
from riskmap.rules import position
from riskmap.rules.column import distinct
from riskmap.rules.shape import SHAPE

_SRID = re.compile(r"^\s*SRID=(\d+);|^(?:\\x|0x)?01(?:01|E9)0000[2A]0([0-9a-f]{8})", re.IGNORECASE)


_ANGLES = ("longitude", "latitude")


# 经度度, 经度-分, lon_sec: an axis and one part of its angle.
_ANGLE_PART = re.compile(r"^(.+?)[\s\-_(（]*(度|分|秒|°|′|″|deg|min|sec)[)）]*$", re.IGNORECASE)


_SIGNS = {
    **dict.fromkeys(("度", "°", "deg"), "°"),
    **dict.fromkeys(("分", "′", "min"), "′"),
    **dict.fromkeys(("秒", "″", "sec"), "″"),
}


_LOOKED_AT = 1_000  # cells of a column, to say what it looks like


_ALIKE = 0.9  # share of a column's cells that have to look alike


_DISTRICT = 3.0  # degrees that the positions of one file keep within


_DISTRICT_METRES = 300_000.0


_LATITUDE_FIRST = re.compile(r"纬度?[^经]*经|lat.*l(?:on|ng)", re.IGNORECASE)


def stated_positions(
    source: Source, targets: dict[str, Match], datum: Datum | None
) -> position.Stated | None:
    """Return the positions that a table's cells state; the pair that suits the datum comes first."""
    pairs = [("longitude", "latitude"), ("easting", "northing")]
    if datum is not None and datum.kind == "projected":
        pairs.reverse()
    found: list[position.Stated] = []
    for first, second in pairs:
        if first in targets or second in targets:
            found.append(_pair(source, targets.get(first), targets.get(second)))
    if match := targets.get("position"):
        found.append(_in_one_cell(source, match))
    if not found:
        return None
    best = found[0]
    for other in found[1:]:
        best = fuller(best, other)
    return best


def stated_ends(source: Source, targets: dict[str, Match], name: str) -> position.Stated | None:
    """Return one of the positions that a row of a table names several of, None where no column states it."""
    first, second = targets.get(f"{name}:longitude"), targets.get(f"{name}:latitude")
    both = targets.get(f"{name}:position")
    if first or second:
        return _pair(source, first, second)
    return None if both is None else _in_one_cell(source, both)


def fuller(best: position.Stated, other: position.Stated) -> position.Stated:
    """Return the positions of `best`, and those of `other` in the rows where it states more."""
    better = ((other.has_x & other.has_y) & ~(best.has_x & best.has_y)) | (
        (other.has_x | other.has_y) & ~(best.has_x | best.has_y)
    )
    if not better.any():
        return best
    return position.Stated(
        np.where(better, other.x, best.x),
        np.where(better, other.y, best.y),
        np.where(better, other.has_x, best.has_x),
        np.where(better, other.has_y, best.has_y),
        lambda i: other.text(i) if better[i] else best.text(i),
        np.where(better, other.labelled, best.labelled),
    )


def _pair(source: Source, first: Match | None, second: Match | None) -> position.Stated:
    cells = [None if m is None else distinct(source.column(m.heading.column)) for m in (first, second)]
    return position.in_two_cells(cells[0], cells[1], len(source.rows))


def _in_one_cell(source: Source, match: Match) -> position.Stated:
    column = match.heading.column
    beside = next((m for m in source.header.matches if m.heading.column == column + 1), None)
    cells = distinct(source.column(column))
    if beside is not None and beside.target is None and beside.heading.text in {"", match.heading.text}:
        # 坐标 merged over two columns: the second number stands in the next one.
        alone = position.in_one_cell(cells)
        return alone if (alone.has_x & alone.has_y).any() else _pair(source, match, beside)
    stated = position.in_one_cell(cells)
    return (
        _latitude_first(stated)
        if _LATITUDE_FIRST.search(match.heading.text.replace("经纬度", ""))
        else stated
    )


def _latitude_first(stated: position.Stated) -> position.Stated:
    """坐标（纬度,经度）: the header says in which order the numbers stand."""
    turn = ~stated.labelled
    return position.Stated(
        np.where(turn, stated.y, stated.x),
        np.where(turn, stated.x, stated.y),
        np.where(turn, stated.has_y, stated.has_x),
        np.where(turn, stated.has_x, stated.has_y),
        stated.text,
        stated.labelled,
    )


def stated_srid(source: Source, targets: dict[str, Match]) -> str | None:
    """Return the code that the cells of a position state themselves, as PostGIS writes them; None where none does."""
    match = targets.get("position") or targets.get(SHAPE)
    if match is None:
        return None
    for text in distinct(source.column(match.heading.column)).texts.to_pylist():
        if text and (found := _SRID.match(text)):
            code = int(found[1]) if found[1] else int.from_bytes(bytes.fromhex(found[2]), "little")
            return f"EPSG:{code}" if code else None
    return None


def unread_positions(source: Source, around: Extent) -> tuple[str, ...]:
    """Return the headers of unread columns whose cells look like positions: two columns, or both in one.

    Like degrees: numbers with decimals in the range of longitudes or latitudes of `around`; like metres: six to
    eight digits with decimals; within one district in either case.
    """
    kinds: dict[str, list[str]] = {}
    for match in source.header.matches:
        if match.target is None and match.heading.text and match.heading.column < len(source.columns):
            kind = _kind_of(source.column(match.heading.column).slice(0, _LOOKED_AT).to_pylist(), around)
            kinds.setdefault(kind, []).append(match.heading.text)
    if pairs := kinds.get("pair"):
        return tuple(pairs)
    if kinds.get("longitude") and kinds.get("latitude"):
        return (*kinds["longitude"], *kinds["latitude"])
    return tuple(metres) if len(metres := kinds.get("metres", [])) > 1 else ()


def with_found_position(source: Source, around: Extent) -> Source:
    """Return a table that names no position with the one column as it whose every cell is one: 定位, shape, 位置.

    Both numbers in one cell, within `around` or in metres; a column that is read as something else is a text then.
    """
    matches = source.header.matches
    if any(match.target in {*POSITION_TARGETS, SHAPE} for match in matches):
        return source
    found = [
        match
        for match in matches
        if match.target in {None, "address"}
        and match.heading.column < len(source.columns)
        and _all_pairs(source.column(match.heading.column).slice(0, _LOOKED_AT).to_pylist(), around)
    ]
    if len(found) != 1:
        return source
    known = replace(found[0], target="position", how="guessed", hint=header_datum(found[0].heading.text))
    read = tuple(known if match is found[0] else match for match in matches)
    return replace(source, header=replace(source.header, matches=read))


def with_joined_angles(source: Source) -> Source:
    """Return a table that states degrees, minutes and seconds in columns of their own with each axis in one column.

    经度度 | 经度分 | 经度秒: the degrees alone would be a place up to 100 km away.
    """
    parts: dict[str, dict[str, Match]] = {}
    for match in source.header.matches:
        named = _ANGLE_PART.match(match.heading.text)
        axis = position_axis(named[1]) if named else None
        if named and axis in _ANGLES:
            parts.setdefault(axis, {}).setdefault(_SIGNS[named[2].casefold()], match)
    read = {m.heading.column: m for m in source.header.matches}
    columns = list(source.columns)
    for axis, found in parts.items():
        if not {"°", "′"} <= found.keys():
            continue
        at = found["°"].heading.column
        texts = {sign: columns[match.heading.column].to_pylist() for sign, match in found.items()}
        joined = [_angle(dict(zip(texts, row, strict=True))) for row in zip(*texts.values(), strict=True)]
        columns[at] = pa.chunked_array([pa.array(joined, pa.string())])
        for column, match in read.items():
            if match.target == axis:
                read[column] = replace(match, target=None, how="left")
        read[at] = replace(
            found["°"], target=axis, how="normalised", hint=header_datum(found["°"].heading.text)
        )
    header = replace(source.header, matches=tuple(read[m.heading.column] for m in source.header.matches))
    return replace(source, header=header, columns=columns)


def is_finer_part(text: str) -> bool:
    """Tell whether a header is that of minutes or seconds beside degrees: 经度分."""
    named = _ANGLE_PART.match(text)
    return bool(named) and _SIGNS[named[2].casefold()] != "°" and position_axis(named[1]) in _ANGLES


def _angle(parts: dict[str, str | None]) -> str | None:
    """Return degrees, minutes and seconds of one row as an angle, None where none is stated."""
    stated = ((sign, text) for sign in ("°", "′", "″") if (text := parts.get(sign)))
    return "".join(f"{re.sub(r'[.]0+$', '', text)}{sign}" for sign, text in stated) or None


def _all_pairs(cells: Sequence[str | None], around: Extent) -> bool:
    """Tell whether every cell that is filled holds a position, in degrees within `around` or in metres."""
    pairs = [position.parse_pair(text) for text in cells if text]
    west, south, east, north = around

    def placed(a: float, b: float) -> bool:
        return (west <= a <= east and south <= b <= north) or min(a, b) >= 1e5  # noqa: PLR2004 - metres

    return bool(pairs) and all(one and (placed(*one[:2]) or placed(one[1], one[0])) for one in pairs)


def _kind_of(cells: Sequence[str | None], around: Extent) -> str:
    """Return what a column's cells look like: longitude, latitude, metres, pair, or "" for none of these."""
    texts = [text for text in cells if text]
    exact = [text for text in texts if re.search(r"\.\d{2}|[°度′]", text)]
    if not texts or len(exact) < len(texts) / 2:
        return ""
    values = np.array([position.parse_number(text) for text in texts])
    numbers = values[np.isfinite(values)]
    if len(numbers) < _ALIKE * len(texts):
        pairs = sum(position.parse_pair(text) is not None for text in texts)
        return "pair" if pairs >= _ALIKE * len(texts) else ""
    low, high = float(numbers.min()), float(numbers.max())
    west, south, east, north = around
    if high - low <= _DISTRICT and west <= low <= high <= east:
        return "longitude"
    if high - low <= _DISTRICT and south <= low <= high <= north:
        return "latitude"
    far = high - low <= _DISTRICT_METRES and 1e5 <= low <= high < 5e7  # noqa: PLR2004 - with a zone's number in front
    return "metres" if far else ""
