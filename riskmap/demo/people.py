"""Made-up responsible persons. Nobody can be called: names use no surname, phones one reserved-looking block."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from riskmap.demo.words import GIVEN_FIRST, GIVEN_SECOND, SURNAMES
from riskmap.records import Contact

PHONES = 10_000  # 13900000000 to 13900009999


class People:
    """A supply of contacts that never gives two persons the same phone number (while numbers last)."""

    def __init__(self, rng: np.random.Generator, today: date) -> None:
        names = [s + a + b for s in SURNAMES for a in GIVEN_FIRST for b in GIVEN_SECOND]
        self._names: list[str] = rng.permutation(names).tolist()
        self._numbers: list[int] = rng.permutation(PHONES).tolist()
        self._verified: list[str] = [
            (today - timedelta(days=int(d))).isoformat() for d in rng.integers(5, 170, 997)
        ]
        self._next = 0

    def contact(self, role: str, post: str | None = None) -> Contact:
        """Return a new person in this role, last verified within half a year."""
        i = self._next
        self._next += 1
        return Contact(
            role=role,
            name=self._names[i % len(self._names)],
            phone=f"1390000{self._numbers[i % PHONES]:04d}",
            post=post,
            verified_on=self._verified[i % len(self._verified)],
        )

    def contacts(self, role: str, count: int, posts: Sequence[str | None] = (None,)) -> list[Contact]:
        """Return `count` new persons, their posts taken in turn."""
        return [self.contact(role, posts[i % len(posts)]) for i in range(count)]


def as_objects(values: Sequence[object]) -> NDArray[np.object_]:
    """Return a one-dimensional object array (numpy would make a tuple's items a second dimension)."""
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array
