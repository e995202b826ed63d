"""The names of our shapefiles, which have ten bytes for one: written so, and known again without their table of names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

NAME_BYTES: Final = 10


NUMBERED: Final = "field_"  # in front of its place: what a name without ASCII letters is called


TIER: Final = "risk_tier"  # "tier" alone could pass for the end of "declared_tier" where names are guessed at


def short_names(names: Sequence[str]) -> list[str]:
    """Return ASCII names of at most ten characters, no two alike, as close to the given ones as can be."""
    seen: set[str] = set()
    found = []
    for number, name in enumerate(names, start=1):
        plain = re.sub(r"[^A-Za-z0-9_]", "", name) or f"{NUMBERED}{number}"
        plain = plain if plain[0].isalpha() else f"f{plain}"
        short, i = plain[:NAME_BYTES], 1
        while short.casefold() in seen:
            i += 1
            short = f"{plain[: NAME_BYTES - len(str(i))]}{i}"
        seen.add(short.casefold())
        found.append(short)
    return found
