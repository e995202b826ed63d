"""The one spelling under which headers and choice words are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from riskmap.letters import simplified


@lru_cache(maxsize=16_384)
def normalise_header(text: str) -> str:
    """Return `text` as it is compared: NFKC (full-width to half-width), no blanks, lower-case, simplified letters.

    Brackets stay: "X坐标(北)" and "X坐标(东)" are two headers. Units in brackets are the reader's
    business, who knows which bracket holds one.
    """
    return simplified("".join(unicodedata.normalize("NFKC", text).split()).casefold())


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words in order without those that compare equal to an earlier one, or are blank."""
    kept: dict[str, str] = {}
    for word in words:
        key = normalise_header(word)
        if key:
            kept.setdefault(key, word)
    return tuple(kept.values())
