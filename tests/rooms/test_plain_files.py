"""Small text files within bounds: every kind is read alike and refused in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import RiskmapError, UnreadableFileError
from riskmap.io.files.text_files import decoded, limited_bytes, text_of
from riskmap.io.readers.tracks import read_tracks

READERS = {
    "track": read_tracks,
}


def refusal(read, path: Path) -> str:
    with pytest.raises(RiskmapError) as caught:
        read(path)
    return caught.value.text("en")


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_of_file_is_refused_in_the_same_words(tmp_path: Path, kind: str):
    binary, empty = tmp_path / "b.csv", tmp_path / "e.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    empty.write_text(" \n\n", encoding="utf-8")
    words = [refusal(READERS[kind], path) for path in (binary, empty, tmp_path / "none.csv")]
    assert words[0].startswith("b.csv: neither UTF-8 nor GB18030 text; save it")
    assert words[1] == "e.csv: is empty; export it again"
    assert "cannot be opened" in words[2]
    assert "none.csv" in words[2]


def test_a_file_at_the_limit_is_read_and_one_above_it_is_refused(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (1 << 20))
    assert len(limited_bytes(path, 1 << 20)) == 1 << 20
    path.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(UnreadableFileError) as caught:
        text_of(path, 1 << 20)
    assert caught.value.text("en").startswith("a.csv: 2 MB, more than the limit of 1 MB; split it")
    assert "超过上限 1 MB" in caught.value.text("zh")


def test_a_file_that_hides_its_size_is_read_no_farther_than_the_limit():
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("platform: no /dev/zero")
    with pytest.raises(UnreadableFileError, match="more than the limit"):
        limited_bytes(endless, 1 << 20)


@given(st.text(st.characters(exclude_characters="\x00\ufeff", codec="utf-8"), max_size=50))
def test_utf_8_comes_back_with_and_without_its_mark(text: str):
    assert decoded(text.encode()) == text
    assert decoded(b"\xef\xbb\xbf" + text.encode()) == text


@pytest.mark.parametrize("text", ["街道,雨量", "黄贝街道,12米", "龘镕,彧"])
def test_gb18030_comes_back(text: str):
    assert decoded(text.encode("gb18030")) == text
