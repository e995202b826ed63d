"""Arrow columns as numpy arrays, whatever slices, chunks and nulls they are made of."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.rules.arrays import array_of, bools_of, codes_of, floats_of, numbers_of

KINDS = {
    pa.float64(): st.floats(width=64),
    pa.float32(): st.floats(width=32),
    pa.int64(): st.integers(-(2**52), 2**52),
    pa.uint8(): st.integers(0, 255),
    pa.bool_(): st.booleans(),
}


@st.composite
def pieces(draw, kind, values):
    """Return a chunked column, its chunks cut out of longer ones, and its values."""
    chunks, cells = [], []
    for _ in range(draw(st.integers(0, 3))):
        whole = draw(st.lists(values, max_size=20))
        start = draw(st.integers(0, len(whole)))
        some = whole[start : draw(st.integers(start, len(whole)))]
        chunks.append(pa.array(whole, kind).slice(start, len(some)))
        cells += some
    return pa.chunked_array(chunks, kind), cells


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(st.data())
def test_numbers_and_booleans_become_floats_with_nan_for_what_is_no_measurement(kind, data):
    column, cells = data.draw(pieces(kind, st.none() | KINDS[kind]))
    known = [math.nan if cell is None or not math.isfinite(cell) else float(cell) for cell in cells]
    found = floats_of(column)
    assert found.dtype == np.float64
    assert np.array_equal(found, np.array(known), equal_nan=True)


@given(pieces(pa.uint16(), st.integers(0, 65535)))
def test_numbers_without_nulls_stay_what_they_are_both_ways(made):
    column, cells = made
    found = numbers_of(column)
    assert found.dtype == np.uint16
    assert found.tolist() == cells
    assert array_of(found).equals(pa.array(cells, pa.uint16()))


@given(pieces(pa.bool_(), st.none() | st.booleans()))
def test_an_unknown_boolean_is_false(made):
    column, cells = made
    assert bools_of(column).tolist() == [bool(cell) for cell in cells]


@given(pieces(pa.string(), st.none() | st.sampled_from(["甲", "乙", ""])), st.booleans())
def test_words_are_places_in_one_list_whatever_the_chunks_call_them(made, kept):
    column, cells = made
    encoded = [c.dictionary_encode(null_encoding="encode" if kept else "mask") for c in column.chunks]
    codes, words = codes_of(pa.chunked_array(encoded, pa.dictionary(pa.int32(), pa.string())))
    assert codes.dtype == np.int32
    assert [None if code < 0 else words[code] for code in codes] == cells


def test_one_chunk_is_not_copied():
    values = np.arange(9.0)
    column = pa.chunked_array([pa.array(values)])
    assert np.shares_memory(numbers_of(column), values)
    assert np.shares_memory(floats_of(column), values)
    assert floats_of(pa.nulls(3)).tolist() != [0, 0, 0]
    assert array_of(values).to_numpy().base is not None
