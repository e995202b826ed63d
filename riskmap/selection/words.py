"""Tiers, states and flags as people write them, in either language."""

from __future__ import annotations

import unicodedata
from typing import Final

from riskmap.records import FLAGS, TIER_TITLES

STATES: Final = ("rated", "unrated")


def plain(text: str) -> str:
    """Return a text for comparison: width, case and blanks do not count."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


_TIERS: Final = {
    plain(word): tier
    for tier, title in TIER_TITLES.items()
    for word in (tier, title.zh, title.en, f"{title.zh}风险")
}
_STATES: Final = {
    "rated": "rated",
    "已评": "rated",
    "已评定": "rated",
    "unrated": "unrated",
    "未评": "unrated",
    "未评定": "unrated",
}
_FLAGS: Final = {plain(word): flag for flag, title in FLAGS.items() for word in (flag, title.zh, title.en)}


def tier_of_word(word: str) -> str | None:
    """Return the tier id (or "unrated") that a word names, None where none."""
    return _TIERS.get(plain(word))


def state_of_word(word: str) -> str | None:
    """Return "rated" or "unrated", None where the word is neither."""
    return _STATES.get(plain(word))


def flag_of_word(word: str) -> str | None:
    """Return the flag id that a word names, None where none."""
    return _FLAGS.get(plain(word))
