"""A column of short tuples of which there are few different ones: missing fields, fired rules.

A million rows hold a million small integers and a handful of tuples instead of a million tuples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Text
from riskmap.values.records import Value
from riskmap.vocabulary import State


class Patterns(Sequence[tuple[str, ...]]):
    """`codes[i]` is the position in `patterns` of row i's tuple; `patterns[0]` is the empty one."""

    __slots__ = ("codes", "patterns")

    def __init__(self, codes: NDArray[np.uint16], patterns: Sequence[tuple[str, ...]]) -> None:
        self.codes = codes
        self.patterns = tuple(patterns)

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> tuple[str, ...]: ...

    @overload
    def __getitem__(self, index: slice) -> Patterns: ...

    def __getitem__(self, index: int | slice) -> tuple[str, ...] | Patterns:
        if isinstance(index, slice):
            return Patterns(self.codes[index], self.patterns)
        return self.patterns[self.codes[index]]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return map(self.patterns.__getitem__, self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == tuple(b) for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Patterns({len(self)} rows, {len(self.patterns) - 1} different)"


def joined_patterns(parts: Sequence[Sequence[tuple[str, ...]]]) -> Patterns:
    """Return the rows of some columns one after the other, each different tuple held once."""
    place: dict[tuple[str, ...], int] = {(): 0}
    codes: list[NDArray[np.uint16]] = []
    for part in parts:
        one = part if isinstance(part, Patterns) else _patterns(part)
        present = np.unique(one.codes).tolist()
        moved = np.zeros(len(one.patterns), dtype=np.uint16)
        for code in present:
            moved[code] = place.setdefault(one.patterns[code], len(place))
        codes.append(moved[one.codes])
    return Patterns(np.concatenate(codes) if codes else np.zeros(0, np.uint16), tuple(place))


def _patterns(rows: Sequence[tuple[str, ...]]) -> Patterns:
    place: dict[tuple[str, ...], int] = {(): 0}
    codes = np.fromiter((place.setdefault(row, len(place)) for row in rows), np.uint16, len(rows))
    return Patterns(codes, tuple(place))


_WORD = 64  # bits


class PatternWriter:
    """Turns bit masks (`mask_of`) into `Patterns`: bit i of a row's mask stands for `names[i]`."""

    def __init__(self, rows: int, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._codes = np.zeros(rows, dtype=np.uint16)
        self._code_of: dict[int, int] = {0: 0}

    def write(self, start: int, mask: NDArray[np.uint64]) -> None:
        """Store the masks of the rows from `start` on."""
        touched = np.flatnonzero(mask.any(axis=1))
        if not touched.size:
            return
        some = mask[touched]
        # Numbers sort faster than rows of numbers, and most models need one word.
        different, inverse = (
            np.unique(some[:, 0], return_inverse=True)
            if mask.shape[1] == 1
            else np.unique(some, axis=0, return_inverse=True)
        )
        patterns = [_number(row) for row in np.atleast_2d(different.T).T.tolist()]
        for bits in patterns:
            self._code_of.setdefault(bits, len(self._code_of))
        codes = np.array([self._code_of[bits] for bits in patterns], dtype=np.uint16)
        self._codes[start + touched] = codes[inverse.reshape(-1)]

    def done(self) -> Patterns:
        """Return the finished column."""
        return Patterns(self._codes, [self._tuple(bits) for bits in self._code_of])

    def _tuple(self, bits: int) -> tuple[str, ...]:
        # Two leaves of one field have two bits and one name.
        return tuple(dict.fromkeys(name for i, name in enumerate(self._names) if bits >> i & 1))


def mask_of(rows: int, flags: Sequence[NDArray[Any] | None]) -> NDArray[np.uint64]:
    """Return one bit per flag array, uint64[rows, words] of 64 bits each; None stands for "nowhere"."""
    mask = np.zeros((rows, -(-max(len(flags), 1) // _WORD)), dtype=np.uint64)
    for i, flag in enumerate(flags):
        if flag is not None:
            word = mask[:, i // _WORD]
            np.bitwise_or(word, np.uint64(1 << i % _WORD), out=word, where=flag)
    return mask


def _number(words: Sequence[int]) -> int:
    return sum(word << _WORD * i for i, word in enumerate(words))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to know: the rule that spoke, the columns it is about, the sentence."""

    rule: str
    say: Text
    fields: tuple[str, ...] = ()


def remark(rule: str, zh: str, en: str, *fields: str) -> Diagnostic:
    """Return a remark in both languages."""
    return Diagnostic(rule, Text(zh, en), fields)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The result of scoring one layer: arrays parallel to the rows that were scored.

    `score` float64, NaN where unrated; `rank` uint8 (RANKS). `missing`: required fields that a row
    lacks, () where none; `rules`: ids of the direct rules that fired and of the gates that held.
    """

    layer: str
    model: str
    digest: str
    score: NDArray[np.float64]
    rank: NDArray[np.uint8]
    missing: Sequence[tuple[str, ...]]
    rules: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """The model that gave the tiers: what makes last year's figures reproducible.

    `rules` maps the ids of direct rules to their titles.
    """

    id: str
    title: Text
    version: str
    digest: str
    status: str = "draft"
    rules: Mapping[str, Text] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """What names it in a document."""
        return {"id": self.id, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Makers:
    """The digests of the models that made the tiers of a layer.

    `whole`: of the model that assessed all of it last, None where none has; `alone`: feature id → the
    model of a record that was scored by itself after that.
    """

    whole: str | None
    alone: Mapping[int, str]

    def of(self, feature_id: int) -> str | None:
        """Return the digest of the model that made the tier of a record, None where none has."""
        return self.alone.get(feature_id, self.whole)

    @property
    def digests(self) -> frozenset[str]:
        """The digests of all of them."""
        return frozenset({self.whole or "", *self.alone.values()} - {""})


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one field adds to the score against the model's reference."""

    field: str
    value: Value
    score: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class PartValue:
    """A part of the model, a value of its own; `value` None where it is not known."""

    id: str
    title: Text
    value: float | None


@dataclass(frozen=True, slots=True)
class NearestChange:
    """The smallest change of one field that moves the tier. Worse and better are both given."""

    field: str
    value: Value
    to: Value
    tier: str
    direction: Literal["worse", "better"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one point has its tier. Contributions and the reference's score sum to the score.

    What is no risk has `grade` and neither tier nor state; its `nearest` and `possible` speak of grades.
    `model`, `digest`: what explains it here; `made_by` made the tier that the ledger holds (None: it
    has none yet), `adopted` would make it now.
    """

    layer: str
    code: str
    score: float | None
    tier: str | None
    state: State | None
    model: str
    digest: str
    method: str
    reference: Mapping[str, Any]
    contributions: tuple[Contribution, ...]
    rules: tuple[str, ...]
    missing: tuple[str, ...]
    nearest: tuple[NearestChange, ...]
    assumed: tuple[str, ...] = ()  # missing fields that counted as their worst value
    gates: tuple[str, ...] = ()  # gates that held: they capped the tier of the score
    parts: tuple[PartValue, ...] = ()  # dimensions and themes that the model marks as parts
    possible: tuple[str, ...] = ()  # an unrated point: the tiers it may turn out to have, best first
    made_by: ModelStamp | None = None
    adopted: ModelStamp | None = None
    grade: str | None = None

    @property
    def judged(self) -> bool:
        """Whether there is a tier or a grade to explain."""
        return (self.tier or self.grade) is not None

    @property
    def outdated(self) -> bool:
        """Whether the adopted model is another one than made the tier."""
        return None not in (self.made_by, self.adopted) and self.made_by != self.adopted
