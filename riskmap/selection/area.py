"""An area as a short text: the polygon that somebody drew, as an address and `--within area=…` say it.

The corners as whole micro-degrees (some 0.1 m), each as its difference to the one before, longitude first; a
difference is zigzag-coded and written five bits a letter, the lowest first. Four corners take some 30 letters. The
last three check the rest: an address that lost its end must not be a smaller area.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import shapely

from riskmap.errors import SelectionError

Ring = tuple[tuple[float, float], ...]
"""Corners of an area: longitude and latitude, degrees in EPSG:4490, the first one not repeated."""


MOST_CORNERS: Final = 500


_LETTERS: Final = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # need no escape in an address
)


_VALUES: Final = {letter: value for value, letter in enumerate(_LETTERS)}


_UNIT: Final = 1_000_000  # per degree


_BITS, _MORE, _LOW = 5, 32, 31


_CHECK: Final = 3  # letters


_LONGEST: Final = 6  # letters of the greatest difference: 360° take 30 bits with their sign


def ring_of(corners: Iterable[Sequence[float]]) -> Ring:
    """Return corners as an area keeps them, to the micro-degree. SelectionError where they enclose nothing."""
    try:
        found = tuple((_whole(lon) / _UNIT, _whole(lat) / _UNIT) for lon, lat in corners)
    except (TypeError, ValueError, OverflowError) as problem:
        raise _no_area() from problem
    if len(found) > MOST_CORNERS:
        raise SelectionError(
            f"圈选范围有 {len(found)} 个角点；最多 {MOST_CORNERS} 个，请画得简单些",
            f"the area has {len(found)} corners; {MOST_CORNERS} at most, draw it more simply",
        )
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in found):
        raise _no_area()
    polygon_of(found)
    return found


def polygon_of(ring: Ring) -> shapely.Geometry:
    """Return what the corners enclose. SelectionError where that is nothing.

    Where lines cross it is what they go round once or more; what has no width falls away.
    """
    if len(set(ring)) < 3:
        raise _no_area()
    parts = shapely.make_valid(shapely.Polygon(ring), method="structure", keep_collapsed=False)
    shape = shapely.union_all(shapely.get_parts(parts))  # two that meet along a line are one
    if shape.is_empty or shape.geom_type not in {"Polygon", "MultiPolygon"}:
        raise _no_area()
    return shape


def area_text(ring: Ring) -> str:
    """Return the text that `area_of` reads."""
    body = "".join(_letters(ring))
    return body + _check(body)


def area_of(text: str) -> Ring:
    """Return the area that `area_text` wrote. SelectionError for any other text."""
    try:
        numbers = list(_numbers(text[:-_CHECK]))
    except (KeyError, ValueError) as problem:
        raise _unread(text) from problem
    if len(numbers) % 2 or _check(text[:-_CHECK]) != text[-_CHECK:]:
        raise _unread(text)
    corners, lon, lat = [], 0, 0
    for east, north in zip(numbers[::2], numbers[1::2], strict=True):
        lon, lat = lon + east, lat + north
        corners.append((lon / _UNIT, lat / _UNIT))
    ring = ring_of(corners)
    if area_text(ring) != text:  # one area has one text
        raise _unread(text)
    return ring


def _whole(degrees: float) -> int:
    return round(float(degrees) * _UNIT)


def _letters(ring: Ring) -> Iterator[str]:
    before = (0, 0)
    for corner in ring:
        now = (_whole(corner[0]), _whole(corner[1]))
        for value, last in zip(now, before, strict=True):
            step = value - last
            left = step << 1 if step >= 0 else ~(step << 1)
            while left >= _MORE:
                yield _LETTERS[left & _LOW | _MORE]
                left >>= _BITS
            yield _LETTERS[left]
        before = now


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    return "".join(_LETTERS[number >> 6 * i & 63] for i in range(_CHECK))


def _numbers(text: str) -> Iterator[int]:
    value = size = 0
    for letter in text:
        bits = _VALUES[letter]
        value |= (bits & _LOW) << (_BITS * size)
        size += 1
        if not bits & _MORE:
            yield value >> 1 if not value & 1 else ~(value >> 1)
            value = size = 0
        elif size == _LONGEST:
            raise ValueError(letter)
    if size:
        raise ValueError(text)


def _no_area() -> SelectionError:
    return SelectionError(
        "圈选范围不成面；请在一张图上重新圈选，至少三个角点",
        "the area encloses nothing; draw it anew on the map, with three corners or more",
    )


def _unread(text: str) -> SelectionError:
    shown = f"{text[:20]}…" if len(text) > 20 else text or "—"
    return SelectionError(
        f"圈选范围 area={shown} 不完整或已损坏；请在一张图上重新圈选",
        f"the area area={shown} is incomplete or damaged; draw it anew on the map",
    )
