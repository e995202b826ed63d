"""Finding a word in all texts at once is asking each text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.selection import Selection, build_snapshot, select
from riskmap.selection import where as texts
from riskmap.selection.where import contains
from tests.rooms.test_selection_snapshot import TODAY
from tests.selection_made import CATALOG, HOUSES, condition, houses

words = st.text(alphabet="ab路口号\n", max_size=4)


@given(
    st.lists(st.none() | words),
    words,
    st.integers(0, 3),
    st.tuples(st.sampled_from([1, 2, 7]), st.sampled_from([1, 8, 10**9])),
    st.sampled_from([pa.string(), pa.large_string()]),
)
def test_a_word_is_found_in_the_texts_that_hold_it_and_in_no_other(rows, word, cut, sizes, kind):
    array = pa.array(rows, kind)
    expected = [text is not None and word in text for text in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_PIECE", sizes[0])
        patch.setattr(texts, "_MANY", sizes[1])
        assert contains(array.slice(cut), word).tolist() == expected[cut:]
        pieces = pa.chunked_array([array[:cut], array[cut:]], kind)
        assert contains(pieces, word).tolist() == expected


@pytest.mark.parametrize(
    "where",
    [
        condition("f:address", "~", ("路１",)),
        condition("name", "~", ("厂房A",)),
        condition("f:kind", "~", ("ga",)),
        condition("tier", ">=", ("general",)),
        condition("state", "==", ("unrated",)),
        condition("flags", "missing", ()),
        condition("f:area", ">", (1.0,)),
    ],
)
def test_a_condition_on_few_rows_lets_through_what_it_does_on_all(where):
    snapshot = build_snapshot({HOUSES.id: houses(400)}, CATALOG, None, state=1, today=TODAY)
    some = snapshot.table(HOUSES.id)["code"].to_pylist()[::17]

    def found(**more):
        selected = select(snapshot, Selection(where=(where,), **more))
        return set(selected.table(snapshot, HOUSES.id)["code"].to_pylist())

    assert found(codes=tuple(some)) == found() & set(some)
