"""Which texts of a column hold a word, read as one run of bytes.

Arrow looks into each text by itself, which takes a fifth of a second for the names and addresses
of a million records. Here the bytes of all texts are compared at once, piece by piece so that they
stay in the processor's cache, and the finds are put back to their texts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.columns import bools_of

_PIECE: Final = 1 << 19
_MANY: Final = 8  # one find in so many texts, and it is cheaper to ask each text for its finds


def contains(texts: pa.Array | pa.ChunkedArray, word: str) -> NDArray[np.bool_]:
    """Return which texts hold a word; bool[n]. Every text holds the empty word, a missing one none."""
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return np.concatenate([np.zeros(0, bool), *(_in_chunk(chunk, word.encode()) for chunk in chunks)])


def _in_chunk(texts: pa.Array, word: bytes) -> NDArray[np.bool_]:
    found = np.full(len(texts), not word)
    _, offsets, data = texts.buffers()
    if word and len(texts) and data is not None:
        kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
        ends = np.frombuffer(offsets, kind)[texts.offset : texts.offset + len(texts) + 1]
        run = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
        found = _texts_of(_finds(run, word) + ends[0], ends, len(word))
    return found & bools_of(texts.is_valid()) if texts.null_count else found


def _finds(run: NDArray[np.uint8], word: bytes) -> NDArray[np.int64]:
    """Return where in the bytes a word begins, ascending."""
    size, last = len(word), len(word) - 1
    found: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for start in range(0, len(run) - last, _PIECE):
        piece = run[start : start + _PIECE + last]
        many = len(piece) - last
        # The last bytes of a character tell it from its neighbours, the first hardly do.
        here = piece[last : last + many] == word[last]
        if last:
            here &= piece[last - 1 : last - 1 + many] == word[last - 1]
        at = np.flatnonzero(here)
        for i in range(size - 2):
            at = at[piece[at + i] == word[i]]
        found.append(at + start)
    return np.concatenate(found)


def _texts_of(at: NDArray[np.int64], ends: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Return which texts, between `ends`, hold one of the finds whole."""
    if len(at) * _MANY > len(ends):
        return np.searchsorted(at, ends[1:] - size, side="right") > np.searchsorted(at, ends[:-1])
    found = np.zeros(len(ends) - 1, bool)
    text = np.searchsorted(ends, at, side="right") - 1
    found[text[at + size <= ends[text + 1]]] = True
    return found
