"""The columns of the map in one file: bytes worked by hand, and nothing lost on the way."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.reports.map_page import pack


def unpack(content: bytes, texts: int):
    """Read the columns as the layout says, apart from the code that writes them."""
    n, west, south = struct.unpack_from("<Iii", content)
    at, blocks = 12, []
    while at < len(content):
        (size,) = struct.unpack_from("<I", content, at)
        blocks.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    assert len(blocks) == 4 + texts
    numbers = [
        np.frombuffer(block, f"<u{len(block) // n}") if n else np.empty(0, int) for block in blocks[:4]
    ]
    words = [block.decode().split("\n") if n else [] for block in blocks[4:]]
    return n, west, south, numbers, words


def packed(lon, lat, kind, street, *texts):
    return pack(*(np.array(one, float) for one in (lon, lat)), np.array(kind), np.array(street), texts)


def test_two_records_are_these_bytes():
    found = packed([114.1, 114.2], [22.5, 22.6], [4, 0], [0, 1], ["甲", "乙"], ["A", "B"])
    assert struct.unpack_from("<Iii", found) == (2, 11410000, 2250000)
    blocks = (
        "04000000 0000 1027 04000000 0000 1027 02000000 0400 02000000 0001 "
        "07000000 e794b20ae4b999 03000000 410a42"
    )
    assert found[12:] == bytes.fromhex(blocks.replace(" ", ""))


@pytest.mark.parametrize(("east", "width"), [(114.65533, 2), (114.65535, 4), (120.0, 4)])
def test_what_lies_wider_than_65535_steps_has_wider_columns(east, width):
    # From 114.0: 65,533 steps fit sixteen bits; 65,535 is what says that there is no position.
    n, west, _, (dx, *_), _ = unpack(
        packed([114.0, east], [22.5, 22.5], [0, 0], [0, 0], ["", ""], ["A", "B"]), 2
    )
    assert (n, west, dx.itemsize) == (2, 11400000, width)
    assert dx.tolist() == [0, round((east - 114.0) * 1e5)]


def test_a_record_without_a_position_has_the_largest_number_and_moves_no_edge():
    found = unpack(packed([np.nan, 114.1], [np.nan, 22.5], [1, 1], [0, 0], ["无", "有"], ["A", "B"]), 2)
    _, west, south, (dx, dy, *_), _ = found
    assert (west, south) == (11410000, 2250000)
    assert (dx.tolist(), dy.tolist()) == ([65535, 0], [65535, 0])


def test_nothing_is_a_file_too():
    assert unpack(packed([], [], [], [], [], []), 2)[0] == 0


def test_a_name_of_two_lines_is_one_line_and_no_other_name_moves():
    *_, words = unpack(packed([114.0, 114.0], [22.5, 22.5], [0, 0], [0, 0], ["上\n下", "乙"], ["A", "B"]), 2)
    assert words == [["上 下", "乙"], ["A", "B"]]


POSITIONS = st.one_of(
    st.just((float("nan"), float("nan"))),
    st.tuples(st.floats(113.0, 115.0), st.floats(22.0, 23.0)),
)
RECORD = st.tuples(
    POSITIONS, st.integers(0, 400), st.integers(0, 400), st.text(st.characters(exclude_categories=["Cs"]))
)


@given(st.lists(RECORD, max_size=30))
def test_what_is_packed_comes_back_to_a_metre(records):
    lon, lat = [r[0][0] for r in records], [r[0][1] for r in records]
    kind, street, names = ([r[i] for r in records] for i in (1, 2, 3))
    n, west, south, numbers, (back, codes) = unpack(
        packed(lon, lat, np.array(kind, int), np.array(street, int), names, ["A"] * len(names)), 2
    )
    assert n == len(records)
    assert back == [name.replace("\n", " ") for name in names]
    assert codes == ["A"] * n
    if n:
        assert (numbers[2].tolist(), numbers[3].tolist()) == (kind, street)
    for axis, edge, steps in ((lon, west, numbers[0]), (lat, south, numbers[1])):
        for value, step in zip(axis, steps.tolist(), strict=True):
            if np.isnan(value):
                assert step == np.iinfo(steps.dtype).max
            else:
                assert abs((edge + step) / 1e5 - value) <= 0.5001e-5
